"""What is to be told on a receipt now: the report there is, or what the checks say before the journey takes it on.

What belongs here: judging what waits, by the very rules and against the very earlier periods, without keeping anything
of it. What does not: the journey itself (``process``), and answering over HTTP (``portal``).
"""

from dataclasses import dataclass

from lgdp_pipelines.handover.chunked_frame import Spill
from lgdp_pipelines.ledger.submission_records import Receipt
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.submission_calendar import Timing, timing
from lgdp_pipelines.reporting.report_content import Report, ReportedJudgement, ReportedStatus, build_report
from lgdp_pipelines.vocabulary.periods import Period, parse_period
from lgdp_pipelines.workflows.comparison_rows import other_rows_by_council, prior_rows_of_council
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import gather_report
from lgdp_pipelines.workflows.submission_judgement import judge_receipts, list_export_files, list_required_files


@dataclass(frozen=True)
class ReceiptStatus:
    """What is to be told on a receipt.

    Attributes:
        receipt: that was asked about.
        report: final or preliminary; None where nothing can be judged yet, or not while somebody waits.
        missing: names of the tables whose files have not come.
        is_large: whether it is too large to be judged while somebody waits.
    """

    receipt: Receipt
    report: Report | None = None
    missing: tuple[str, ...] = ()
    is_large: bool = False


def describe_receipt(platform: Platform, receipt: Receipt, *, judged_inline: int) -> ReceiptStatus:
    """What is to be told on a receipt now; on one that repeats another, what there is to tell on that.

    Args:
        platform: where everything is.
        receipt: as the ledger has it.
        judged_inline: bytes of a submission that is judged while somebody waits.

    Raises:
        LgdpError: the platform is broken.
    """
    told = receipt if receipt.duplicate_of is None else platform.ledger.receipt(receipt.duplicate_of)
    if told.submission_id is not None:
        report = gather_report(platform, told.submission_id)
        if report is not None:
            return ReceiptStatus(receipt, report)
    if told.return_code is None or told.period is None:
        return ReceiptStatus(receipt)
    data_return = platform.register.returns[told.return_code]
    period = parse_period(told.period)
    contract = data_return.contract_for(period)
    files = _files(platform, contract, told)
    if not files:
        return ReceiptStatus(receipt, missing=_missing(platform, contract, told))
    if sum(file.size for file in files) > judged_inline:
        return ReceiptStatus(receipt, is_large=True)
    return ReceiptStatus(receipt, _preliminary(platform, data_return, contract, period, told, files))


def _files(platform: Platform, contract: Contract, receipt: Receipt) -> tuple[Receipt, ...]:
    if receipt.submission_id is not None:
        return platform.ledger.receipts_of(receipt.submission_id)
    joined = list_export_files(platform.register, contract, [receipt.council_code])
    return platform.ledger.next_files(receipt, list_required_files(contract), joined)


def _missing(platform: Platform, contract: Contract, receipt: Receipt) -> tuple[str, ...]:
    """Tables, or files of an export, without which a submission that waits cannot be opened."""
    joined = list_export_files(platform.register, contract, [receipt.council_code])
    needed = joined.get((receipt.council_code, receipt.system), ()) if receipt.system else list_required_files(contract)
    come = {one.table for one in platform.ledger.waiting_beside(receipt)}
    return tuple(name for name in needed if name not in come)


def _preliminary(
    platform: Platform,
    data_return: Return,
    contract: Contract,
    period: Period,
    receipt: Receipt,
    files: tuple[Receipt, ...],
) -> Report:
    council = platform.register.councils.by_code[receipt.council_code]
    with Spill(platform.settings.scratch) as spill:
        reading, judgement = judge_receipts(
            platform,
            contract,
            period,
            council,
            files,
            prior_rows_of_council(platform, data_return, council.code),
            other_rows_by_council(platform)(council.code),
            spill,
        )
        rows = {name: pieces.height for name, pieces in reading.tables.items()}
    came = max(file.received_at for file in files)
    first = platform.ledger.reported_at(data_return.code, period.id)
    return build_report(
        contract,
        council,
        period,
        files,
        judgement=ReportedJudgement(
            judgement.verdict, judgement.results, judgement.findings, rows, platform.clock(), judgement.repairs
        ),
        status=ReportedStatus(
            reference=f"receipt-{receipt.id}",
            state=str(receipt.state),
            is_preliminary=True,
            is_late=timing(contract, period, min(came, first.get(council.code, came))) is Timing.LATE,
            current=platform.ledger.current(data_return.code, period.id).get(council.code),
        ),
    )
