"""The command ``submit``: a file, or a nil return, handed in.

Belongs here: arguments, and the verdict as people read it. Belongs elsewhere: the journey of the file.
"""

from typing import Annotated

import typer
from rich.markup import escape

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.journey import finish_journey, run_with_progress
from lgdp_pipelines.cli.output import print_markup, say
from lgdp_pipelines.collection.transports.hand_in import hand_in, hand_in_nil
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.submission_records import Receipt
from lgdp_pipelines.vocabulary.verdicts import Verdict
from lgdp_pipelines.workflows.platform import Platform


def submit(
    return_code: arguments.ReturnArgument,
    council_name: arguments.CouncilOption,
    period_text: arguments.PeriodOption,
    files: arguments.OptionalFilesArgument = None,
    system: arguments.SystemOption = "",
    *,
    is_nil: Annotated[
        bool, typer.Option("--nil", help="The council has nothing to report; a file, if any, is its declaration.")
    ] = False,
) -> None:
    """Hand in a file or nil return, and take it to SQL.

    Exit code 0: accepted, with or without queries; 1: rejected.

    Example: `lgdp submit HL1 HL1_2024-25_Q1.csv --council Fife --period FY2024-25-Q1`
    """
    platform = arguments.open_platform()
    data_return = platform.register.require_return(return_code)
    period = arguments.parse_return_period(data_return, period_text)
    council = platform.register.councils.require(council_name)
    paths = arguments.require_files(files or [])
    if not paths and not is_nil:
        raise WrongUse("No file is given.", remedy="Name the extract, or add --nil if there is nothing to report.")
    previous_id = platform.ledger.submissions.find_current_ids(data_return.code, period.id).get(council.code)
    inbox = Inbox(platform.ledger, platform.received_bytes)
    if is_nil:
        receipts = hand_in_nil(data_return, council, period, paths, inbox)
    else:
        mapping = arguments.select_mapping(platform.register, system, data_return.contract_for(period), council)
        receipts = hand_in(data_return, council, period, paths, inbox, mapping)
    for receipt in receipts:
        say(f"Receipt {receipt.id}: {escape(receipt.file_name)}, {receipt.size:,} bytes, {receipt.state}")
    with run_with_progress(platform, "Journey") as runner:
        finish_journey(runner)
    results = [_find_original(platform, receipt.id) for receipt in receipts]
    submissions = {receipt.submission_id or receipt.id: receipt for receipt in results}
    verdicts = [_print_verdict(platform, receipt) for receipt in submissions.values()]
    current_id = platform.ledger.submissions.find_current_ids(data_return.code, period.id).get(council.code)
    if previous_id is not None and current_id != previous_id:
        row_count = platform.ledger.judgements.count_accepted_rows(previous_id)
        say(f"It replaces {previous_id}, which had {row_count:,} rows.")
    if Verdict.REJECTED in verdicts:
        raise typer.Exit(1)


def _find_original(platform: Platform, receipt_id: int) -> Receipt:
    """Return a receipt, or the original that it duplicates."""
    receipt = platform.ledger.receipts.get(receipt_id)
    return receipt if receipt.duplicate_of is None else _find_original(platform, receipt.duplicate_of)


def _print_verdict(platform: Platform, receipt: Receipt) -> Verdict | None:
    """Print and return a submission's verdict; None where not yet judged."""
    judgement = platform.ledger.judgements.find(receipt.submission_id) if receipt.submission_id else None
    if judgement is None:
        say(f"Receipt {receipt.id}: {receipt.state}")
        return None
    error_count, query_count = judgement.error_finding_count, judgement.query_finding_count
    counts = f"{judgement.row_count:,} rows, {error_count:,} errors, {query_count:,} queries"
    print_markup(f"{judgement.submission_id}: {judgement.verdict} ({counts})")
    if error_count or query_count:
        say(f"The report lists every row to correct: lgdp report {judgement.submission_id}")
    return judgement.verdict
