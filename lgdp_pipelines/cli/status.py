"""The command ``status``: who has submitted, and each verdict, as a grid, a summary or rows.

Belongs here: arguments, and the look of standings. Belongs elsewhere: their content (``ledger``).
"""

from collections import Counter

from rich.markup import escape

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import Row, new_table, print_markup, print_rows, print_table
from lgdp_pipelines.ledger.obligations import LatestOutcome, find_latest_outcome
from lgdp_pipelines.ledger.submission_records import SubmissionState, SubmissionStatus
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.submission_calendar import Timing, due_date, timing
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Verdict
from lgdp_pipelines.workflows.platform import Platform

COLUMNS = (
    "return", "council", "council_name", "period", "submission", "state", "verdict", "current", "rows", "errors",
    "queries", "known_issues", "open_queries", "received_at", "due", "on_time", "answer",
    "noted",
)  # fmt: skip

PERIODS_SHOWN = 9


def status(
    return_code: arguments.ReturnFilter = None,
    period: arguments.PeriodFilter = None,
    table_format: arguments.FormatOption = "table",
) -> None:
    """Show who has submitted, and each verdict.

    Example: `lgdp status --return HL1`
    """
    platform, selection = arguments.open_selection(return_code, period=period)
    if table_format != "table":
        rows = [
            row for data_return in selection.returns for row in _make_rows(platform, data_return, selection.period_id)
        ]
        print_rows(rows, COLUMNS, table_format)
        return
    for data_return in selection.returns:
        _print_grid(platform, data_return, selection.period_id)
    for receipt in platform.ledger.receipts.list_unrecognised():
        print_markup(
            f"[yellow]?[/yellow] unrecognised, kept as receipt {receipt.id}: {receipt.council_code} "
            f"{escape(receipt.file_name)}: {escape(receipt.reason)}"
        )


def _make_rows(platform: Platform, data_return: Return, period: str | None) -> list[Row]:
    """Return a row for each council and period with an extract."""
    notes = _count_notes(platform, data_return)
    return [
        _make_row(platform, data_return, standing, notes[standing.council_code, standing.period])
        for standing in _list_standings(platform, data_return, period)
    ]


def _count_notes(platform: Platform, data_return: Return) -> Counter[tuple[str, str]]:
    """Count a return's known issues in force, by council and period."""
    issues = platform.ledger.known_issues.find(data_return.code)
    return Counter((note.issue.council_code, note.issue.period) for note in issues if note.lifted_at is None)


def _list_standings(platform: Platform, data_return: Return, period: str | None) -> list[SubmissionStatus]:
    """Return a return's statuses in order of period and council."""
    standings = platform.ledger.submissions.list_statuses(data_return.code, period)
    return sorted(standings, key=lambda standing: (parse_period(standing.period).start, standing.council_code))


def _make_row(platform: Platform, data_return: Return, standing: SubmissionStatus, note_count: int) -> Row:
    """Return a submission's status, due day and punctuality as a row."""
    span = parse_period(standing.period)
    contract = data_return.contract_for(span)
    first = standing.reported_at or standing.received_at
    return {
        "return": data_return.code,
        "council": standing.council_code,
        "council_name": platform.register.councils.by_code[standing.council_code].name,
        "period": standing.period,
        "submission": standing.submission_id,
        "state": standing.state,
        "verdict": standing.verdict,
        "current": standing.current_id,
        "rows": standing.row_count,
        "errors": standing.error_finding_count,
        "queries": standing.query_finding_count,
        "known_issues": standing.known_issue_finding_count,
        "open_queries": standing.open_query_count,
        "received_at": standing.received_at.isoformat(timespec="seconds") if standing.received_at else None,
        "due": due_date(contract, span).isoformat(),
        "on_time": None if first is None else timing(contract, span, first) is not Timing.LATE,
        "answer": find_latest_outcome(standing),
        "noted": note_count,
    }


def _print_grid(platform: Platform, data_return: Return, period: str | None) -> None:
    """Print a grid of councils' answers, for the latest periods only."""
    standings = _list_standings(platform, data_return, period)
    periods = list(dict.fromkeys(standing.period for standing in standings))
    if not periods:
        print_markup(f"[bold]{data_return.code}: {escape(data_return.latest.title)}[/bold]\n  nothing has come yet\n")
        return
    latest_periods = periods[-PERIODS_SHOWN:]
    by_cell = {(standing.council_code, standing.period): standing for standing in standings}
    overdue = {
        span.id
        for span in map(parse_period, latest_periods)
        if platform.day_in_scotland > due_date(data_return.contract_for(span), span)
    }
    notes = _count_notes(platform, data_return)
    headings = (period_id.removeprefix("FY").removeprefix("CY") for period_id in latest_periods)
    table = new_table(f"{data_return.code}: {data_return.latest.title}", ("council", *headings))
    for council in platform.register.councils:
        symbols = (
            _format_symbol(by_cell.get((council.code, period_id)), is_overdue=period_id in overdue)
            + (" [cyan]n[/cyan]" if notes[council.code, period_id] else "")
            for period_id in latest_periods
        )
        table.add_row(f"{council.code} {escape(council.name)}", *symbols)
    print_table(table)
    hidden = len(periods) - len(latest_periods)
    advice = f"; for the {hidden} earlier periods: --period, or --format csv" if hidden else ""
    print_markup(
        "[dim]✓ accepted, ○ nil return, ? queried, ✗ rejected, ↩ withdrawn, ✗ ✓ rejected after an accepted one, "
        f"… waiting, ! late, n noted{advice}[/dim]\n"
    )


def _format_symbol(standing: SubmissionStatus | None, *, is_overdue: bool) -> str:
    """Return a grid cell's symbol, with its count and late mark."""
    late = " [red]![/red]" if is_overdue and (standing is None or standing.current_id is None) else ""
    current = " [green]✓[/green]" if standing is not None and standing.current_id else ""
    symbols = {
        LatestOutcome.NOTHING: f"[dim]·[/dim]{late}",
        LatestOutcome.ACCEPTED: "[green]✓[/green]",
        LatestOutcome.NIL: "[green]○[/green]",
        LatestOutcome.QUERIED: f"[yellow]? {standing.query_finding_count if standing else 0}[/yellow]",
        LatestOutcome.REJECTED: f"[red]✗ {standing.error_finding_count if standing else 0}[/red]{current}{late}",
        LatestOutcome.WITHDRAWN: f"[dim]↩[/dim]{current}{late}",
        LatestOutcome.WAITING: "…",
    }
    return symbols[find_latest_outcome(standing)]


def print_summary(platform: Platform) -> None:
    """Print counts of verdicts by return and period, then each rejection's rules."""
    standings = [
        standing
        for data_return in platform.register.returns.values()
        for standing in _list_standings(platform, data_return, None)
    ]
    groups: dict[tuple[str, str], list[SubmissionStatus]] = {}
    for standing in standings:
        groups.setdefault((standing.return_code, standing.period), []).append(standing)
    table = new_table(
        "Submissions",
        ("return", "period"),
        ("accepted", "queried", "rejected", "withdrawn", "nothing came", "current rows"),
    )
    for (return_code, period), group in groups.items():
        withdrawn = sum(standing.state is SubmissionState.WITHDRAWN for standing in group)
        verdicts = Counter(s.verdict for s in group if s.state is not SubmissionState.WITHDRAWN)
        missing = len(platform.register.councils.codes) - len(group)
        rows = sum(standing.row_count or 0 for standing in group if standing.current_id)
        counts = (*(verdicts[verdict] for verdict in Verdict), withdrawn, missing)
        table.add_row(return_code, period, *(str(count or "") for count in counts), f"{rows:,}")
    print_table(table)
    for standing in standings:
        if find_latest_outcome(standing) is LatestOutcome.REJECTED and standing.submission_id:
            remark = f"; {standing.current_id} stays" if standing.current_id else ""
            rules = _format_failed_rules(platform, standing.submission_id)
            print_markup(f"  [red]✗[/red] {standing.submission_id}: {rules}{remark}")


def _format_failed_rules(platform: Platform, submission_id: str) -> str:
    """Return the failed rules of a submission's last judgement, as text."""
    judgement = platform.ledger.judgements.find(submission_id)
    failed = [outcome for outcome in judgement.outcomes if outcome.result is RuleResult.FAILED] if judgement else []
    return ", ".join(
        f"{outcome.rule} ({outcome.failed} times)" if outcome.failed > 1 else outcome.rule for outcome in failed
    )
