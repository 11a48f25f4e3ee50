"""Who has submitted what, and the verdict: the ledger's standings as rows and as a grid.

What belongs here: how standings look. What does not: what they are (``ledger``).
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.markup import escape
from rich.table import Table

from lgdp_pipelines.cli.output import Row, print_out, print_table
from lgdp_pipelines.ledger.obligations import LatestOutcome, latest_outcome_of
from lgdp_pipelines.ledger.submission_records import SubmissionState, SubmissionStatus
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.submission_calendar import Timing, due_date, timing
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Verdict
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.reminder_delivery import today

COLUMNS = (
    "return", "council", "council_name", "period", "submission", "state", "verdict", "current", "rows", "errors",
    "queries", "known_issues", "open_queries", "received_at", "due", "on_time", "answer",
    "noted",
)  # fmt: skip
"""Columns of :func:`standing_rows`."""

PERIODS_SHOWN = 9


def standing_rows(platform: Platform, returns: Sequence[Return], period: str | None = None) -> list[Row]:
    """One row for each council and period that anything has come for, in order of return, period and council."""
    return [
        _row(platform, data_return, one, noted[one.council_code, one.period])
        for data_return in returns
        for noted in [_noted(platform, data_return)]
        for one in _standings(platform, data_return, period)
    ]


def _noted(platform: Platform, data_return: Return) -> Counter[tuple[str, str]]:
    """How many known issues people have put on a return's figures that still show, by council and period."""
    found = platform.ledger.known_issues.listed(data_return.code)
    return Counter((one.issue.council_code, one.issue.period) for one in found if one.lifted_at is None)


def _standings(platform: Platform, data_return: Return, period: str | None) -> list[SubmissionStatus]:
    found = platform.ledger.status(data_return.code, period)
    return sorted(found, key=lambda one: (parse_period(one.period).start, one.council_code))


def _row(platform: Platform, data_return: Return, one: SubmissionStatus, noted: int) -> Row:
    span = parse_period(one.period)
    contract = data_return.contract_for(span)
    due, first = due_date(contract, span), one.reported_at or one.received_at
    return {
        "return": data_return.code,
        "council": one.council_code,
        "council_name": platform.register.councils.by_code[one.council_code].name,
        "period": one.period,
        "submission": one.submission_id,
        "state": one.state,
        "verdict": one.verdict,
        "current": one.current,
        "rows": one.rows,
        "errors": one.errors,
        "queries": one.queries,
        "known_issues": one.known_issues,
        "open_queries": one.open_queries,
        "received_at": one.received_at.isoformat(timespec="seconds") if one.received_at else None,
        "due": due.isoformat(),
        "on_time": None if first is None else timing(contract, span, first) is not Timing.LATE,
        "answer": latest_outcome_of(one),
        "noted": noted,
    }


def print_grid(platform: Platform, data_return: Return, period: str | None = None) -> None:
    """Councils down, periods across: the picture of who has submitted and whose data stand."""
    standings = _standings(platform, data_return, period)
    periods = list(dict.fromkeys(one.period for one in standings))
    shown, left_out = periods[-PERIODS_SHOWN:], len(periods) - PERIODS_SHOWN
    cells = {(one.council_code, one.period): one for one in standings}
    overdue, noted = {text for text in shown if _is_overdue(platform, data_return, text)}, _noted(platform, data_return)
    table = Table(
        title=f"{data_return.code}: {data_return.latest.title}",
        title_justify="left",
        header_style="bold",
        box=None,
        pad_edge=False,
    )
    for heading in ("council", *(text.removeprefix("FY").removeprefix("CY") for text in shown)):
        table.add_column(heading, no_wrap=True)
    for council in platform.register.councils:
        symbols = (
            _symbol(cells.get((council.code, text)), is_overdue=text in overdue) + _flag(noted[council.code, text])
            for text in shown
        )
        table.add_row(f"{council.code} {escape(council.name)}", *symbols)
    if not periods:
        print_out(f"[bold]{data_return.code}: {escape(data_return.latest.title)}[/bold]\n  nothing has come yet\n")
        return
    print_table(table)
    note = f"; for the {left_out} earlier periods: --period, or --format csv" if left_out > 0 else ""
    print_out(
        "[dim]✓ accepted, ○ nil return, ? queried, ✗ rejected, ↩ withdrawn, ✗ ✓ and an earlier one stands, … waiting, "
        f"! late, n noted{note}[/dim]\n"
    )


def _is_overdue(platform: Platform, data_return: Return, period: str) -> bool:
    span = parse_period(period)
    return today(platform) > due_date(data_return.contract_for(span), span)


def _flag(noted: int) -> str:
    return " [cyan]n[/cyan]" if noted else ""


def _symbol(one: SubmissionStatus | None, *, is_overdue: bool) -> str:
    late = " [red]![/red]" if is_overdue and (one is None or one.current is None) else ""
    stands = " [green]✓[/green]" if one is not None and one.current else ""
    shown = {
        LatestOutcome.NOTHING: f"[dim]·[/dim]{late}",
        LatestOutcome.ACCEPTED: "[green]✓[/green]",
        LatestOutcome.NIL: "[green]○[/green]",
        LatestOutcome.QUERIED: f"[yellow]? {one.queries if one else 0}[/yellow]",
        LatestOutcome.REJECTED: f"[red]✗ {one.errors if one else 0}[/red]{stands}{late}",
        LatestOutcome.WITHDRAWN: f"[dim]↩[/dim]{stands}{late}",
        LatestOutcome.WAITING: "…",
    }
    return shown[latest_outcome_of(one)]


def print_unplaced(platform: Platform) -> None:
    """What came and could not be placed: kept, and somebody has to look."""
    for receipt in platform.ledger.unrecognised():
        print_out(
            f"[yellow]?[/yellow] unrecognised, kept as receipt {receipt.id}: {receipt.council_code} "
            f"{escape(receipt.file_name)}: {escape(receipt.reason)}"
        )


def print_summary(platform: Platform) -> None:
    """One line a return and period: how many councils, and with which verdict; then each rejection by name."""
    everything = [
        one for data_return in platform.register.returns.values() for one in _standings(platform, data_return, None)
    ]
    expected = len(platform.register.councils.codes)
    table = Table(title="Who has submitted what", title_justify="left", header_style="bold", box=None, pad_edge=False)
    for heading in (
        "return",
        "period",
        "accepted",
        "queried",
        "rejected",
        "withdrawn",
        "nothing came",
        "rows standing",
    ):
        table.add_column(heading, justify="left" if heading in ("return", "period") else "right", no_wrap=True)
    for (code, period), group in _grouped(everything):
        withdrawn = sum(one.state is SubmissionState.WITHDRAWN for one in group)
        verdicts = Counter(one.verdict for one in group if one.state is not SubmissionState.WITHDRAWN)
        standing = sum(one.rows or 0 for one in group if one.current)
        table.add_row(
            code, period, *(str(verdicts[verdict] or "") for verdict in Verdict), str(withdrawn or ""),
            str(expected - len(group) or ""), f"{standing:,}",
        )  # fmt: skip
    print_table(table)
    for one in everything:
        if latest_outcome_of(one) is LatestOutcome.REJECTED and one.submission_id:
            stays = f"; {one.current} stays" if one.current else ""
            print_out(f"  [red]✗[/red] {one.submission_id}: {_failed_rules(platform, one.submission_id)}{stays}")


def _failed_rules(platform: Platform, submission_id: str) -> str:
    judgement = platform.ledger.judgement_of(submission_id)
    failed = [one for one in judgement.results if one.result is RuleResult.FAILED] if judgement else []
    return ", ".join(f"{one.rule}" + (f" ({one.failed} times)" if one.failed > 1 else "") for one in failed)


def _grouped(standings: Sequence[SubmissionStatus]) -> Iterator[tuple[tuple[str, str], list[SubmissionStatus]]]:
    groups: dict[tuple[str, str], list[SubmissionStatus]] = {}
    for one in standings:
        groups.setdefault((one.return_code, one.period), []).append(one)
    yield from groups.items()
