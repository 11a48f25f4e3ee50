"""Commands that move data: ``submit``, ``collect``, ``revalidate``.

What belongs here: starting the journey's jobs and showing what became of it. What does not: the journey.
"""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import print_out, say, working
from lgdp_pipelines.collection.collection_run import CollectionReport
from lgdp_pipelines.collection.transports.hand_in import hand_in, hand_in_nil
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.submission_records import Receipt
from lgdp_pipelines.orchestration.in_process_runner import Runner, open_runner
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.sources import FETCHED, Source
from lgdp_pipelines.vocabulary.verdicts import Verdict
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import deliver_reports


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("submit")(submit)
    app.command("collect")(collect)
    app.command("revalidate")(revalidate)


def submit(
    return_code: typed.ReturnArgument,
    council: typed.CouncilOption,
    period: typed.PeriodOption,
    files: typed.MaybeFiles = None,
    system: typed.SystemOption = "",
    *,
    is_nil: Annotated[
        bool, typer.Option("--nil", help="There is nothing to report; a file, if given, is the declaration.")
    ] = False,
) -> None:
    """Hand in a file, or that there is nothing to report: the same journey as a collected one, to SQL.

    Exit code 0: accepted (perhaps with queries), 1: rejected.

    Example: `lgdp submit HL1 HL1_2024-25_Q1.csv --council Fife --period FY2024-25-Q1`
    """
    platform = typed.open_platform()
    data_return = platform.register.named(return_code)
    span = typed.period_named(data_return, period)
    authority = platform.register.councils.named(council)
    given = typed.readable_files(files or [])
    if not given and not is_nil:
        raise WrongUse("No file is given.", remedy="Give the extract; or --nil, where there is nothing to report.")
    stood = platform.ledger.current(data_return.code, span.id).get(authority.code)
    if is_nil:
        receipts = hand_in_nil(data_return, authority, span, given, ledger=platform.ledger, raw=platform.received_bytes)
    else:
        mapping = typed.mapping_named(platform.register, system, data_return.contract_for(span), authority)
        receipts = hand_in(
            data_return, authority, span, given, ledger=platform.ledger, raw=platform.received_bytes, mapping=mapping
        )
    for receipt in receipts:
        say(f"Receipt {receipt.id}: {escape(receipt.file_name)}, {receipt.size:,} bytes, {receipt.state}")
    with working("Journey") as progress, open_runner(platform, progress) as runner:
        onwards(runner)
    answers = {one.submission_id or one.id: one for one in (_answered(platform, receipt.id) for receipt in receipts)}
    rejected = [one for one in answers.values() if _tell_verdict(platform, one)]
    stands = platform.ledger.current(data_return.code, span.id).get(authority.code)
    if stood is not None and stands != stood:
        say(f"It takes the place of {stood}, which had {platform.ledger.rows_of(stood):,} rows.")
    if rejected:
        raise typer.Exit(1)


def _answered(platform: Platform, receipt_id: int) -> Receipt:
    """A receipt, or the one that it repeats."""
    receipt = platform.ledger.receipt(receipt_id)
    return receipt if receipt.duplicate_of is None else _answered(platform, receipt.duplicate_of)


def _tell_verdict(platform: Platform, receipt: Receipt) -> bool:
    """Say what became of a receipt; whether its submission was rejected."""
    judgement = platform.ledger.judgement_of(receipt.submission_id) if receipt.submission_id else None
    if judgement is None:
        say(f"Receipt {receipt.id}: {receipt.state}")
        return False
    counted = f"{judgement.rows:,} rows, {judgement.errors:,} errors, {judgement.queries:,} queries"
    print_out(f"{judgement.submission_id}: {judgement.verdict} ({counted})")
    if judgement.errors or judgement.queries:
        say(f"What to do, row by row: lgdp report {judgement.submission_id}")
    return judgement.verdict is Verdict.REJECTED


def onwards(runner: Runner) -> None:
    """From waiting receipts to releases, and what goes back."""
    runner.process_waiting()
    runner.publish_changed()
    tell_councils(runner.platform)


def tell_councils(platform: Platform) -> None:
    """Put reports into councils' outboxes; where a council's own place takes none, that is said and tried again."""
    for failure in deliver_reports(platform).failures:
        say(f"  [red]✗[/red] {escape(failure.what)} ({escape(failure.where)})")
        say(f"    → {escape(failure.remedy)}")


def collect(return_code: typed.SomeReturn = None, council: typed.SomeCouncil = None) -> None:
    """Fetch what is new from the sources in the register, and take it all the way to SQL.

    Example: `lgdp collect --return HL1 --council Fife`
    """
    platform = typed.open_platform()
    returns = typed.returns_named(platform.register, return_code)
    councils = [platform.register.councils.named(council).code] if council else []
    failed = False
    with working("Collection and journey") as progress, open_runner(platform, progress) as runner:
        for source in sources_of(platform, returns):
            progress(f"collecting from {source.title}")
            report = runner.collect(source, councils)
            show_collection(source, report)
            failed = failed or bool(report.failures)
        onwards(runner)
    if failed:
        raise typer.Exit(1)


def sources_of(platform: Platform, returns: Sequence[Return]) -> list[Source]:
    """The sources that any of the returns are fetched from."""
    codes = {data_return.code for data_return in returns}
    fetched = [one for one in platform.register.sources.values() if one.transport in FETCHED]
    return [source for source in fetched if any(one.return_code in codes for one in source.returns)]


def show_collection(source: Source, report: CollectionReport) -> None:
    """One line a source, and one for each thing in it that somebody should know of."""
    total = {
        "new": sum(len(one.fetched) for one in report.accounts),
        "without news": sum(one.known + one.unchanged for one in report.accounts),
        "duplicate": sum(len(one.duplicates) for one in report.accounts),
        "unrecognised": sum(len(one.unrecognised) for one in report.accounts),
        "left": sum(len(one.left) for one in report.accounts),
        "failed": len(report.failures),
    }
    counted = ", ".join(f"{number:,} {word}" for word, number in total.items() if number or word == "new")
    say(f"{source.title}, {len(report.accounts)} accounts: {counted}")
    for account in report.accounts:
        for receipt in account.unrecognised:
            say(f"  [yellow]?[/yellow] {account.council_code}: {escape(receipt.file_name)}: {escape(receipt.reason)}")
        for left in account.left:
            say(f"  [yellow]·[/yellow] {account.council_code}: {escape(left.name)}: {escape(left.reason)}")
        for failure in account.failures:
            say(f"  [red]✗[/red] {account.council_code}: {escape(failure.what)} ({escape(failure.where)})")
            say(f"    → {escape(failure.remedy)}")


def revalidate(
    return_code: typed.SomeReturn = None, period: typed.SomePeriod = None, council: typed.SomeCouncil = None
) -> None:
    """Judge again what stands, by the rules of today; then conform and release what changed.

    A submission that the rules of today would reject stays in place, and is shown as rejected.

    Example: `lgdp revalidate --return HL1 --period FY2024-25-Q1`
    """
    platform = typed.open_platform()
    returns = typed.returns_named(platform.register, return_code)
    if period and not return_code:
        raise WrongUse("--period needs --return: periods are a return's own.", remedy="Add --return, such as HL1.")
    councils = [platform.register.councils.named(council).code] if council else []
    judged = 0
    with working("Judging again") as progress, open_runner(platform, progress) as runner:
        for data_return in returns:
            chosen = (
                [typed.period_named(data_return, period).id]
                if period
                else platform.ledger.periods_with_submissions(data_return.code)
            )
            runner.revalidate(data_return, chosen, councils)
            judged += len(chosen)
        released = runner.publish_changed()
        tell_councils(platform)
    say(f"{judged} periods judged again; {len(released)} released anew. `lgdp status` shows the verdicts.")
