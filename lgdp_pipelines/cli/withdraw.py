"""Commands for what becomes of submissions: ``withdraw``, ``calendar``, ``remind``, ``ledger``.

What belongs here: words, arguments and how results look. What does not: what a withdrawal or a reminder does
(``journey``), and what is owed (``ledger``).
"""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import Row, TableFormat, print_out, print_table, rows_out, say, working
from lgdp_pipelines.cli.submit import onwards
from lgdp_pipelines.errors import LedgerError, StorageError
from lgdp_pipelines.ledger.obligations import LatestOutcome, Obligation, ObligationState
from lgdp_pipelines.ledger.submission_records import ReceiptTotals
from lgdp_pipelines.orchestration.in_process_runner import open_runner
from lgdp_pipelines.workflows.balance_check import find_imbalances, verify_bytes
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.reminder_delivery import (
    ReminderReport,
    list_new_reminders,
    list_obligations,
    send_reminders,
)

CALENDAR_COLUMNS = (
    "return", "council", "council_name", "period", "due", "duty", "answer", "days_late", "is_early", "submission",
    "open_queries",
)  # fmt: skip
ACCOUNT_COLUMNS = ("return", "receipts_are", "submissions_are", "receipts", "bytes")
REMINDER_COLUMNS = ("council", "return", "period", "due", "stage", "submission", "message")

_DUTY_STYLE = {
    ObligationState.DONE: "green",
    ObligationState.OPEN: "",
    ObligationState.DUE_TODAY: "yellow",
    ObligationState.LATE: "red",
}


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("withdraw")(withdraw)
    app.command("calendar")(calendar)
    app.command("remind")(remind_councils)
    app.command("ledger")(account)


def withdraw(
    submission: Annotated[str, typer.Argument(metavar="SUBMISSION", help="Its id, as `lgdp status` shows it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why the council takes it back, in its own words.")],
    by: Annotated[str, typer.Option("--by", help="Who does it for the council.")],
) -> None:
    """Take a submission back for its council: nothing of it is published until the council submits anew.

    What was received stays on record, and so does the withdrawal.

    Example: `lgdp withdraw HL1.FIF.FY2024-25-Q1.001 --reason "Wrong quarter" --by "A. Officer"`
    """
    platform = typed.open_platform()
    withdrawn = platform.ledger.withdraw(submission, by=by, reason=reason)
    say(f"{withdrawn.submission_id} is withdrawn. Bytes and judgements stay; the rows go now.")
    with working("Journey") as progress, open_runner(platform, progress) as runner:
        onwards(runner)
    print_out(f"{withdrawn.submission_id}: withdrawn; nothing of it is published any more")


def calendar(
    return_code: typed.SomeReturn = None,
    council: typed.SomeCouncil = None,
    period: typed.SomePeriod = None,
    form: typed.FormatOption = TableFormat.TABLE,
) -> None:
    """What is due, late and open for each council, over the year behind and what has begun.

    Example: `lgdp calendar --council Fife`
    """
    platform = typed.open_platform()
    codes = {data_return.code for data_return in typed.returns_named(platform.register, return_code)}
    code = platform.register.councils.named(council).code if council else ""
    owed = [
        one
        for one in list_obligations(platform)
        if one.return_code in codes and code in ("", one.council_code) and period in (None, one.period.id)
    ]
    if form is not TableFormat.TABLE:
        rows_out([_calendar_row(platform, one) for one in owed], CALENDAR_COLUMNS, form)
    elif code:
        _print_council(platform, [one for one in owed if not one.is_done or one.open_queries], len(owed), code)
    else:
        _print_calendar(owed)


def _calendar_row(platform: Platform, one: Obligation) -> Row:
    return {
        "return": one.return_code,
        "council": one.council_code,
        "council_name": platform.register.councils.by_code[one.council_code].name,
        "period": one.period.id,
        "due": one.due.isoformat(),
        "duty": one.state,
        "answer": one.latest_outcome,
        "days_late": one.days_late,
        "is_early": one.is_early,
        "submission": one.submission_id,
        "open_queries": one.open_queries,
    }


def _print_council(platform: Platform, unanswered: Sequence[Obligation], asked: int, code: str) -> None:
    name = escape(platform.register.councils.by_code[code].name)
    if not unanswered:
        print_out(f"[green]✓[/green] {name} owes nothing: {asked} asked, {asked} done.")
        return
    table = _table(f"{name}: {len(unanswered)} of {asked} to do", ("due", "return", "period", "", "latest word"))
    for one in unanswered:
        said = f"{one.open_queries} open queries" if one.is_done else _word(one)
        table.add_row(one.due.isoformat(), one.return_code, one.period.id, _duty(one), said)
    print_table(table)


def _duty(one: Obligation) -> str:
    style = _DUTY_STYLE[one.state]
    said = f"{one.days_late} days late" if one.state is ObligationState.LATE else str(one.state)
    return f"[{style}]{said}[/{style}]" if style else said


def _word(one: Obligation) -> str:
    return "" if one.latest_outcome is LatestOutcome.NOTHING else str(one.latest_outcome)


def _print_calendar(owed: Sequence[Obligation]) -> None:
    """One line a return and period: how many councils are done, and who is not."""
    groups: dict[tuple[str, str], list[Obligation]] = {}
    for one in owed:
        groups.setdefault((one.return_code, one.period.id), []).append(one)
    table = _table("What is due", ("due", "return", "period", "done", "late", "open", "not done"))
    for (code, period), some in groups.items():
        late = [one for one in some if one.state is ObligationState.LATE]
        left = [one for one in some if not one.is_done]
        names = ", ".join(one.council_code for one in left) if len(left) < len(some) else "all"
        style = "red" if late else "dim" if not left else ""
        words = (
            some[0].due.isoformat(), code, period, str(len(some) - len(left)), str(len(late) or ""),
            str(len(left) - len(late) or ""), names if left else "",
        )  # fmt: skip
        table.add_row(*(f"[{style}]{word}[/{style}]" if style and word else word for word in words))
    print_table(table)


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for heading in headings:
        right = heading in ("done", "late", "open", "receipts", "bytes")
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading != "not done")
    return table


def remind_councils(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be told, and tell nobody.")] = False,
    form: typed.FormatOption = TableFormat.TABLE,
) -> None:
    """Remind councils of what is due, late, rejected or asked: each once a stage, into their outboxes.

    Example: `lgdp remind --dry-run`
    """
    platform = typed.open_platform()
    if dry_run:
        done = ReminderReport(list_new_reminders(platform), 0, ())
    else:
        with working("Reminders") as progress:
            done = send_reminders(platform, progress)
    rows_out(
        [
            {
                "council": one.reminded.council_code,
                "return": one.reminded.return_code,
                "period": one.reminded.period,
                "due": one.due.isoformat(),
                "stage": one.reminded.stage,
                "submission": one.reminded.submission_id or None,
                "message": one.text,
            }
            for one in done.new
        ],
        REMINDER_COLUMNS,
        form,
    )
    for one in done.unsent:
        say(f"[yellow]![/yellow] {one.to}: {escape(one.what)}\n  → {escape(one.remedy)}")
    say(f"{len(done.new)} reminders{' would be told' if dry_run else ''}")


def account(
    return_code: typed.SomeReturn = None,
    *,
    is_verified: Annotated[bool, typer.Option("--verify", help="Read all received bytes again.")] = False,
    form: typed.FormatOption = TableFormat.TABLE,
) -> None:
    """Where each byte that arrived went, and whether everything adds up.

    Exit code 1 where something does not.

    Example: `lgdp ledger --return HL1`
    """
    platform = typed.open_platform()
    code = platform.register.named(return_code).code if return_code else None
    lines = platform.ledger.account(code)
    if form is TableFormat.TABLE:
        _print_account(lines)
    else:
        rows_out([_account_row(line) for line in lines], ACCOUNT_COLUMNS, form)
    found = find_imbalances(platform, code)
    for problem in found:
        say(f"[red]✗[/red] {escape(problem)}")
    if found:
        raise LedgerError(f"{len(found)} things do not add up.", remedy="Restore the ledger or the received bytes.")
    say("[green]✓[/green] The ledger balances, and each receipt's bytes are there in their size.")
    if is_verified:
        _verify(platform, code)


def _verify(platform: Platform, code: str | None) -> None:
    with working("Reading received bytes") as progress:
        verified = verify_bytes(platform, (sha256 for sha256, _ in platform.ledger.received(code)), progress)
    for sha256 in verified.damaged:
        say(f"[red]✗[/red] {sha256} is missing or no longer what was received")
    if verified.damaged:
        raise StorageError(f"{len(verified.damaged)} received files are damaged.", remedy="Restore them from a backup.")
    say(f"[green]✓[/green] {verified.files:,} files of {verified.size:,} bytes are what was received.")


def _account_row(line: ReceiptTotals) -> Row:
    return {
        "return": line.return_code,
        "receipts_are": line.receipt_state,
        "submissions_are": line.submission_state,
        "receipts": line.receipts,
        "bytes": line.size,
    }


def _print_account(lines: Sequence[ReceiptTotals]) -> None:
    table = _table("Where each byte went", ("return", "receipts are", "submissions are", "receipts", "bytes"))
    for line in lines:
        table.add_row(
            line.return_code or "(none)", str(line.receipt_state), str(line.submission_state or ""),
            f"{line.receipts:,}", f"{line.size:,}",
        )  # fmt: skip
    table.add_section()
    total = sum(line.receipts for line in lines), sum(line.size for line in lines)
    table.add_row("all", "", "", f"{total[0]:,}", f"{total[1]:,}")
    print_table(table)
