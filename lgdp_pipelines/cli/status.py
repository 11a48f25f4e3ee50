"""The command ``status``: who has submitted, and each verdict, as a grid, a summary or rows.

Belongs here: arguments, and the look of statuses. Belongs elsewhere: their content (``ledger``).
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
        _make_row(platform, data_return, status, notes[status.council_code, status.period])
        for status in _list_statuses(platform, data_return, period)
    ]


def _count_notes(platform: Platform, data_return: Return) -> Counter[tuple[str, str]]:
    """Count a return's known issues in force, by council and period."""
    issues = platform.ledger.known_issues.find(data_return.code)
    return Counter((note.issue.council_code, note.issue.period) for note in issues if note.lifted_at is None)


def _list_statuses(platform: Platform, data_return: Return, period: str | None) -> list[SubmissionStatus]:
    """Return a return's statuses in order of period and council."""
    statuses = platform.ledger.submissions.list_statuses(data_return.code, period)
    return sorted(
        statuses,
        key=lambda status: (parse_period(status.period).start, status.council_code),
    )


def _make_row(platform: Platform, data_return: Return, status: SubmissionStatus, note_count: int) -> Row:
    """Return a submission's status, due day and punctuality as a row."""
    period = parse_period(status.period)
    contract = data_return.contract_for(period)
    first = status.reported_at or status.received_at
    return {
        "return": data_return.code,
        "council": status.council_code,
        "council_name": platform.register.councils.by_code[status.council_code].name,
        "period": status.period,
        "submission": status.submission_id,
        "state": status.state,
        "verdict": status.verdict,
        "current": status.current_id,
        "rows": status.row_count,
        "errors": status.error_finding_count,
        "queries": status.query_finding_count,
        "known_issues": status.known_issue_finding_count,
        "open_queries": status.open_query_count,
        "received_at": status.received_at.isoformat(timespec="seconds") if status.received_at else None,
        "due": due_date(contract, period).isoformat(),
        "on_time": None if first is None else timing(contract, period, first) is not Timing.LATE,
        "answer": find_latest_outcome(status),
        "noted": note_count,
    }


def _print_grid(platform: Platform, data_return: Return, period: str | None) -> None:
    """Print a grid of councils' answers, for the latest periods only."""
    statuses = _list_statuses(platform, data_return, period)
    periods = list(dict.fromkeys(status.period for status in statuses))
    if not periods:
        print_markup(f"[bold]{data_return.code}: {escape(data_return.latest.title)}[/bold]\n  nothing has come yet\n")
        return
    latest_periods = periods[-PERIODS_SHOWN:]
    by_cell = {(status.council_code, status.period): status for status in statuses}
    overdue = {
        latest_period.id
        for latest_period in map(parse_period, latest_periods)
        if platform.day_in_scotland > due_date(data_return.contract_for(latest_period), latest_period)
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


def _format_symbol(status: SubmissionStatus | None, *, is_overdue: bool) -> str:
    """Return a grid cell's symbol, with its count and late mark."""
    late = " [red]![/red]" if is_overdue and (status is None or status.current_id is None) else ""
    current = " [green]✓[/green]" if status is not None and status.current_id else ""
    symbols = {
        LatestOutcome.NOTHING: f"[dim]·[/dim]{late}",
        LatestOutcome.ACCEPTED: "[green]✓[/green]",
        LatestOutcome.NIL: "[green]○[/green]",
        LatestOutcome.QUERIED: f"[yellow]? {status.query_finding_count if status else 0}[/yellow]",
        LatestOutcome.REJECTED: f"[red]✗ {status.error_finding_count if status else 0}[/red]{current}{late}",
        LatestOutcome.WITHDRAWN: f"[dim]↩[/dim]{current}{late}",
        LatestOutcome.WAITING: "…",
    }
    return symbols[find_latest_outcome(status)]


def print_summary(platform: Platform) -> None:
    """Print counts of verdicts by return and period, then each rejection's rules."""
    statuses = [
        status
        for data_return in platform.register.returns.values()
        for status in _list_statuses(platform, data_return, None)
    ]
    groups: dict[tuple[str, str], list[SubmissionStatus]] = {}
    for status in statuses:
        groups.setdefault((status.return_code, status.period), []).append(status)
    table = new_table(
        "Submissions",
        ("return", "period"),
        ("accepted", "queried", "rejected", "withdrawn", "nothing came", "current rows"),
    )
    for (return_code, period), group in groups.items():
        withdrawn = sum(status.state is SubmissionState.WITHDRAWN for status in group)
        verdicts = Counter(status.verdict for status in group if status.state is not SubmissionState.WITHDRAWN)
        missing = len(platform.register.councils.codes) - len(group)
        rows = sum(status.row_count or 0 for status in group if status.current_id)
        counts = (*(verdicts[verdict] for verdict in Verdict), withdrawn, missing)
        table.add_row(return_code, period, *(str(count or "") for count in counts), f"{rows:,}")
    print_table(table)
    for status in statuses:
        if find_latest_outcome(status) is LatestOutcome.REJECTED and status.submission_id:
            remark = f"; {status.current_id} stays" if status.current_id else ""
            rules = _format_failed_rules(platform, status.submission_id)
            print_markup(f"  [red]✗[/red] {status.submission_id}: {rules}{remark}")


def _format_failed_rules(platform: Platform, submission_id: str) -> str:
    """Return the failed rules of a submission's last judgement, as text."""
    judgement = platform.ledger.judgements.find(submission_id)
    failed = [outcome for outcome in judgement.outcomes if outcome.result is RuleResult.FAILED] if judgement else []
    return ", ".join(
        f"{outcome.rule} ({outcome.failed} times)" if outcome.failed > 1 else outcome.rule for outcome in failed
    )
