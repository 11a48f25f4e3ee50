"""Preview of a receipt: its report, or a preliminary one before the platform processes it.

Belongs here: judging waiting files by the same rules and the same comparison rows, and keeping nothing. Belongs
elsewhere: processing (``processing``), and answering over HTTP (``portal``).
"""

from dataclasses import dataclass

from lgdp_pipelines.handover.chunked_frame import ChunkSpool
from lgdp_pipelines.ledger.submission_records import Receipt
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.submission_calendar import is_late
from lgdp_pipelines.reporting.report_content import Report, ReportedJudgement, ReportedStatus
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import gather_report
from lgdp_pipelines.workflows.submission_judgement import (
    ComparisonReader,
    SubmittedFiles,
    judge_files,
    list_required_files,
)


@dataclass(frozen=True)
class ReceiptStatus:
    """The present status of a receipt, for its sender.

    Attributes:
        receipt: the receipt.
        report: final or preliminary; None where nothing can be judged yet, or not while a caller waits.
        missing_files: names of the tables or export files that have not come.
        is_large: whether it is too large to be judged while a caller waits.
    """

    receipt: Receipt
    report: Report | None = None
    missing_files: tuple[str, ...] = ()
    is_large: bool = False


def describe_receipt(platform: Platform, receipt: Receipt, *, inline_judging_bytes: int) -> ReceiptStatus:
    """Return a receipt's status; judge its waiting files if small enough.

    A duplicate has its original's status.

    Args:
        platform: the opened platform.
        receipt: as the ledger has it.
        inline_judging_bytes: bytes of a submission that is judged while a caller waits.

    Raises:
        LgdpError: the platform is broken.
    """
    ledger = platform.ledger
    original = receipt if receipt.duplicate_of is None else ledger.receipts.get(receipt.duplicate_of)
    report = gather_report(platform, original.submission_id) if original.submission_id is not None else None
    if report is not None or original.return_code is None or original.period is None:
        return ReceiptStatus(receipt, report)
    data_return = platform.register.returns[original.return_code]
    period = parse_period(original.period)
    contract = data_return.contract_for(period)
    required_files = list_required_files(platform.register, contract, [original.council_code])
    files = (
        ledger.submissions.list_receipts(original.submission_id)
        if original.submission_id is not None
        else ledger.submissions.preview_files(original, required_files)
    )
    if not files:
        received_tables = {waiting.table for waiting in ledger.submissions.list_waiting_receipts(original)}
        missing = tuple(name for name in required_files.list_for(original) if name not in received_tables)
        return ReceiptStatus(receipt, missing_files=missing)
    if sum(file.size for file in files) > inline_judging_bytes:
        return ReceiptStatus(receipt, is_large=True)
    submitted_files = SubmittedFiles(contract, period, files)
    return ReceiptStatus(receipt, _build_preliminary_report(platform, data_return, original, submitted_files))


def _build_preliminary_report(
    platform: Platform, data_return: Return, receipt: Receipt, submitted_files: SubmittedFiles
) -> Report:
    """Judge waiting files and return the report, keeping nothing."""
    register, ledger = platform.register, platform.ledger
    contract, period = submitted_files.contract, submitted_files.period
    council = register.councils.by_code[receipt.council_code]
    reader = ComparisonReader(ledger, platform.lake, data_return, is_shared=False)
    with ChunkSpool(platform.settings.scratch) as spool:
        comparison = reader.make_comparison(council.code)
        reading, judgement = judge_files(register, platform.received_bytes, submitted_files, spool, comparison)
        rows = {name: frame.height for name, frame in reading.tables.items()}
    received_at = max(file.received_at for file in submitted_files.receipts)
    accepted_at = ledger.submissions.find_first_accepted_times(data_return.code, period.id).get(council.code)
    return Report(
        contract,
        council,
        period,
        submitted_files.receipts,
        judgement=ReportedJudgement(
            judgement.verdict, judgement.outcomes, judgement.findings, rows, platform.clock(), judgement.repairs
        ),
        status=ReportedStatus(
            reference=f"receipt-{receipt.id}",
            state=str(receipt.state),
            is_preliminary=True,
            is_late=is_late(contract, period, received_at, accepted_at),
            current_id=ledger.submissions.find_current_ids(data_return.code, period.id).get(council.code),
        ),
    )
