"""ValidationResult of one submission: select the mapping, read the files, apply the rules.

What belongs here: the way from receipts to a reading and a judgement, nil returns included. Nothing is written. What
does not: reading (``landing``), the rules (``validation``) and the order of a run's effects (``processing``).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from lgdp_pipelines.handover.chunked_frame import Keep, Spill
from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.handover.findings import RuleOutcome, finding_rows, no_findings
from lgdp_pipelines.landing.extract_reader import TESTED_HERE, read_extract
from lgdp_pipelines.ledger.submission_records import Receipt, Submission
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.submission_calendar import Timing, day_in_scotland, timing
from lgdp_pipelines.validation.judge import ValidationResult, judge
from lgdp_pipelines.validation.judging_context import JudgingContext, OtherReturnRows, PriorPeriodRows
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Verdict
from lgdp_pipelines.workflows.platform import Platform


def judge_submission(
    platform: Platform,
    contract: Contract,
    period: Period,
    submission: Submission,
    earlier: PriorPeriodRows,
    others: OtherReturnRows,
    spill: Spill,
) -> tuple[Reading, ValidationResult]:
    """Read a submission's bytes and judge them. Nothing is written but what ``spill`` keeps until it is closed."""
    council = platform.register.councils.by_code[submission.council_code]
    return judge_receipts(
        platform, contract, period, council, platform.ledger.receipts_of(submission.id), earlier, others, spill
    )


def judge_receipts(
    platform: Platform,
    contract: Contract,
    period: Period,
    council: Council,
    receipts: Sequence[Receipt],
    earlier: PriorPeriodRows,
    others: OtherReturnRows,
    spill: Spill,
) -> tuple[Reading, ValidationResult]:
    """Read the files of a submission, opened or not, and judge them. Nothing is kept beyond ``spill``."""
    if any(receipt.nil for receipt in receipts):
        return judge_nil_return(contract)
    with platform.received_bytes.proving([receipt.sha256 for receipt in receipts]) as paths:
        kept = zip(receipts, paths, strict=True)
        files = [ExtractFile(receipt.file_name, path, receipt.table) for receipt, path in kept]
        reading, mapping = read_submission(platform.register, contract, receipts, files, spill.keep)
    received_on = day_in_scotland(max(receipt.received_at for receipt in receipts))
    context = JudgingContext(
        contract, platform.register, council, period, received_on, spill, earlier, others, mapping=mapping
    )
    return reading, judge(reading, context)


def read_submission(
    register: Register, contract: Contract, receipts: Sequence[Receipt], files: Sequence[ExtractFile], keep: Keep
) -> tuple[Reading, SystemMapping | None]:
    """The reading of a submission's files, and the mapping that they were read by; None: in the contract's own manner.

    Where a receipt names a system that the register has no mapping of, nobody can say how its exports are to be read:
    the files are kept, and their submission is rejected.
    """
    system, council = receipts[0].system, receipts[0].council_code
    mapping = register.mapping_for(system, contract.return_code, council, contract)
    if system and mapping is None:
        return _reject_unmapped(contract, system), None
    return read_extract(contract, files, mapping, keep=keep), mapping


def _reject_unmapped(contract: Contract, system: str) -> Reading:
    rules = [rule for rule in list_rules(contract) if rule.kind in TESTED_HERE]
    readable = next(rule for rule in rules if rule.kind is RuleKind.READABLE)
    message = (
        f"The register has no mapping of the system {system} to {contract.return_code} {contract.version}. Nothing is "
        "wrong with the file itself: ask the platform's engineers to add the mapping, then have it judged again."
    )
    results = tuple(
        RuleOutcome.of(rule, 1) if rule is readable else RuleOutcome.not_run(rule, "The extract cannot be read.")
        for rule in rules
    )
    return Reading({}, finding_rows(readable, message), results, unreadable=message)


def list_required_files(contract: Contract) -> tuple[str, ...]:
    """Tables without whose files a submission in the contract's own manner cannot be opened; none: any file is one."""
    return tuple(table.name for table in contract.tables if table.file_pattern and not table.optional)


def list_export_files(
    register: Register, contract: Contract, councils: Iterable[str]
) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """By council and system, the files without which a submission from that system cannot be opened."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for council in councils:
        for system in register.systems:
            mapping = register.mapping_for(system, contract.return_code, council, contract)
            if mapping is not None and mapping.files:
                found[council, system] = tuple(
                    file.name
                    for name, table in mapping.tables.items()
                    for file in table.files
                    if name in contract.by_name and not contract.by_name[name].optional
                )
    return found


_NO_ROWS = "A nil return has no rows."


def judge_nil_return(contract: Contract) -> tuple[Reading, ValidationResult]:
    """A nil return, read and judged: accepted where the contract takes one, else rejected as not readable.

    Its bytes are the declaration as sent, and are not looked into. No other rule is run.
    """
    rules = list_rules(contract)
    readable = next(rule for rule in rules if rule.kind is RuleKind.READABLE)
    message = (
        f"{contract.return_code} takes no nil return. Send the extract, or ask {contract.owner or 'its owner'} whether "
        "you need to report for this period."
    )
    findings = no_findings() if contract.nil_return else finding_rows(readable, message)
    results = tuple(
        RuleOutcome.of(rule, findings.height) if rule is readable else RuleOutcome.not_run(rule, _NO_ROWS)
        for rule in rules
    )
    verdict = Verdict.ACCEPTED if contract.nil_return else Verdict.REJECTED
    return Reading({}, findings, results), ValidationResult(verdict, findings, results, {})


def is_nil_return(judgement: ValidationResult) -> bool:
    """Whether it is the judgement of a nil return, accepted or not."""
    return any(outcome.reason == _NO_ROWS for outcome in judgement.results)


def is_late(contract: Contract, period: Period, submission: Submission, reported_at: Mapping[str, datetime]) -> bool:
    """Whether a council's answer is late: neither this submission nor an accepted one before it came by the due day.

    A correction that comes after the due day of something accepted in time is not late.

    Args:
        contract: valid for the period.
        period: that is answered.
        submission: that came.
        reported_at: when each council's first accepted submission came, by register code.
    """
    first = min(submission.received_at, reported_at.get(submission.council_code, submission.received_at))
    return timing(contract, period, first) is Timing.LATE
