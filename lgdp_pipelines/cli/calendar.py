"""The command ``calendar``: returns that are due, late and open.

Belongs here: arguments, and how obligations look. Belongs elsewhere: finding them (``ledger.obligations``).
"""

from collections.abc import Sequence

from rich.markup import escape

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import Row, new_table, print_markup, print_rows, print_table
from lgdp_pipelines.ledger.obligations import LatestOutcome, Obligation, ObligationState
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.workflows.notification_delivery import list_obligations
from lgdp_pipelines.workflows.platform import Platform

COLUMNS = (
    "return", "council", "council_name", "period", "due", "duty", "answer", "days_late", "is_early", "submission",
    "open_queries",
)  # fmt: skip

_DUTY_STYLE = {
    ObligationState.DONE: "green",
    ObligationState.OPEN: "",
    ObligationState.DUE_TODAY: "yellow",
    ObligationState.LATE: "red",
}


def calendar(
    return_code: arguments.ReturnFilter = None,
    council: arguments.CouncilFilter = None,
    period: arguments.PeriodFilter = None,
    table_format: arguments.FormatOption = "table",
) -> None:
    """Show each council's due, late and open returns over the past year.

    Example: `lgdp calendar --council Fife`
    """
    platform, selection = arguments.open_selection(return_code, council, period)
    obligations = [
        obligation
        for obligation in list_obligations(platform.register, platform.ledger, platform.day_in_scotland)
        if selection.return_code in {None, obligation.return_code}
        and selection.council_code in {None, obligation.council_code}
        and selection.period_id in {None, obligation.period.id}
    ]
    if table_format != "table":
        print_rows([_make_row(platform, obligation) for obligation in obligations], COLUMNS, table_format)
    elif selection.council_code:
        _print_council(platform.register.councils.by_code[selection.council_code], obligations)
    else:
        _print_overview(obligations)


def _make_row(platform: Platform, obligation: Obligation) -> Row:
    """Return an obligation as a row."""
    return {
        "return": obligation.return_code,
        "council": obligation.council_code,
        "council_name": platform.register.councils.by_code[obligation.council_code].name,
        "period": obligation.period.id,
        "due": obligation.due.isoformat(),
        "duty": obligation.state,
        "answer": obligation.latest_outcome,
        "days_late": obligation.days_late,
        "is_early": obligation.is_early,
        "submission": obligation.submission_id,
        "open_queries": obligation.open_query_count,
    }


def _print_council(council: Council, obligations: Sequence[Obligation]) -> None:
    """Print one council's overdue and open returns, and its open queries."""
    name, total = escape(council.name), len(obligations)
    tasks = [obligation for obligation in obligations if not obligation.is_done or obligation.open_query_count]
    if not tasks:
        print_markup(f"[green]✓[/green] {name} has nothing to do: all {total} returns are done.")
        return
    table = new_table(f"{name}: {len(tasks)} of {total} to do", ("due", "return", "period", "", "latest answer"))
    for task in tasks:
        latest_outcome = "" if task.latest_outcome is LatestOutcome.NOTHING else str(task.latest_outcome)
        remark = f"{task.open_query_count} open queries" if task.is_done else latest_outcome
        table.add_row(task.due.isoformat(), task.return_code, task.period.id, _format_duty(task), remark)
    print_table(table)


def _format_duty(obligation: Obligation) -> str:
    """Return the state of an obligation, coloured, with the days late."""
    text = f"{obligation.days_late} days late" if obligation.state is ObligationState.LATE else str(obligation.state)
    style = _DUTY_STYLE[obligation.state]
    return f"[{style}]{text}[/{style}]" if style else text


def _print_overview(obligations: Sequence[Obligation]) -> None:
    """Print each return and period, with the councils that are not done."""
    table = new_table("Returns that are due", ("due", "return", "period"), ("done", "late", "open"))
    table.add_column("not done")
    groups: dict[tuple[str, str], list[Obligation]] = {}
    for obligation in obligations:
        groups.setdefault((obligation.return_code, obligation.period.id), []).append(obligation)
    for (return_code, period), group in groups.items():
        open_codes = [obligation.council_code for obligation in group if not obligation.is_done]
        late = sum(obligation.state is ObligationState.LATE for obligation in group)
        names = ", ".join(open_codes) if len(open_codes) < len(group) else "all"
        style = "red" if late else "" if open_codes else "dim"
        cells = (
            group[0].due.isoformat(), return_code, period, str(len(group) - len(open_codes)), str(late or ""),
            str(len(open_codes) - late or ""), names if open_codes else "",
        )  # fmt: skip
        table.add_row(*cells, style=style)
    print_table(table)
