"""Judgement of one submission: select the mapping, read the files, apply the rules.

Belongs here: the way from receipts to a reading and a judgement, nil returns included. Nothing is written. Belongs
elsewhere: reading (``landing``), the rules (``validation``) and the order of a run's effects (``processing``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lgdp_pipelines.handover.chunked_frame import ChunkSpool
from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.handover.findings import build_finding_rows, empty_findings
from lgdp_pipelines.handover.judgement_values import RuleOutcome
from lgdp_pipelines.landing.extract_reader import READING_RULE_KINDS, read_extract
from lgdp_pipelines.ledger.submission_records import Receipt, Submission
from lgdp_pipelines.ledger.submissions import RequiredFiles
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.submission_calendar import day_in_scotland
from lgdp_pipelines.storage.byte_store import ByteStore
from lgdp_pipelines.validation.judge import ValidationResult, judge
from lgdp_pipelines.validation.judging_context import JudgingContext
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Verdict
from lgdp_pipelines.workflows.comparison_rows import NO_COMPARISON, ComparisonRows

_NO_ROWS = "A nil return has no rows."


@dataclass(frozen=True)
class JudgedSubmission:
    """A submission as it was read and judged.

    Attributes:
        submission: as it was opened.
        reading: of its files.
        judgement: verdict, findings, a result for each rule, and the validated tables.
    """

    submission: Submission
    reading: Reading
    judgement: ValidationResult


@dataclass(frozen=True)
class SubmittedFiles:
    """The received files of a return, council and period, opened as a submission or not.

    Attributes:
        contract: that they answer.
        period: that they are for.
        receipts: of the files, in the order in which they are read; at least one.
    """

    contract: Contract
    period: Period
    receipts: Sequence[Receipt]


def judge_files(
    register: Register,
    received_bytes: ByteStore,
    submitted: SubmittedFiles,
    spill: ChunkSpool,
    comparison: ComparisonRows = NO_COMPARISON,
) -> tuple[Reading, ValidationResult]:
    """Read the files of a submission and judge them; only ``spill`` is written to."""
    contract, receipts = submitted.contract, submitted.receipts
    if any(receipt.nil for receipt in receipts):
        return judge_nil_return(contract)
    system, council_code = receipts[0].system, receipts[0].council_code
    mapping = register.mapping_for(system, contract.return_code, council_code, contract)
    with received_bytes.verify_while_reading([receipt.sha256 for receipt in receipts]) as paths:
        files = [
            ExtractFile(receipt.file_name, path, receipt.table) for receipt, path in zip(receipts, paths, strict=True)
        ]
        # Without a mapping of the named system its exports cannot be read. The files are kept, the submission rejected.
        is_unmapped = system and mapping is None
        reading = (
            _reject_unmapped(contract, system)
            if is_unmapped
            else read_extract(contract, files, mapping, store=spill.store)
        )
    context = JudgingContext(
        contract,
        register,
        register.councils.by_code[council_code],
        submitted.period,
        day_in_scotland(max(receipt.received_at for receipt in receipts)),
        spill,
        comparison.prior_rows,
        comparison.other_rows,
        mapping=mapping,
    )
    return reading, judge(reading, context)


def _reject_unmapped(contract: Contract, system: str) -> Reading:
    rules = [rule for rule in list_rules(contract) if rule.kind in READING_RULE_KINDS]
    message = (
        f"The register has no mapping of the system {system} to {contract.return_code} {contract.version}. Nothing is "
        "wrong with the file itself: ask the platform's engineers to add the mapping, then have it judged again."
    )
    readable = _find_readable_rule(rules)
    results = tuple(
        RuleOutcome.from_count(rule, 1)
        if rule is readable
        else RuleOutcome.not_run(rule, "The extract cannot be read.")
        for rule in rules
    )
    return Reading({}, build_finding_rows(readable, message), results, unreadable_reason=message)


def judge_nil_return(contract: Contract) -> tuple[Reading, ValidationResult]:
    """Judge a nil return: accepted where the contract allows one, else rejected as not readable.

    Its bytes are the declaration as sent, and are not read. No other rule is run.
    """
    rules = list_rules(contract)
    readable = _find_readable_rule(rules)
    message = (
        f"{contract.return_code} takes no nil return. Send the extract, or ask {contract.owner or 'its owner'} whether "
        "you need to report for this period."
    )
    findings = empty_findings() if contract.nil_return else build_finding_rows(readable, message)
    results = tuple(
        RuleOutcome.from_count(rule, findings.height) if rule is readable else RuleOutcome.not_run(rule, _NO_ROWS)
        for rule in rules
    )
    verdict = Verdict.ACCEPTED if contract.nil_return else Verdict.REJECTED
    return Reading({}, findings, results), ValidationResult(verdict, findings, results, {})


def is_nil_return(judgement: ValidationResult) -> bool:
    """Return whether it is the judgement of a nil return, accepted or not."""
    return any(outcome.reason == _NO_ROWS for outcome in judgement.results)


def _find_readable_rule(rules: Iterable[Rule]) -> Rule:
    return next(rule for rule in rules if rule.kind is RuleKind.READABLE)


def list_required_files(register: Register, contract: Contract, councils: Iterable[str]) -> RequiredFiles:
    """Return the files that must all come before a submission is opened."""
    tables = tuple(table.name for table in contract.tables if table.file_pattern and not table.optional)
    return RequiredFiles(tables, _list_export_files(register, contract, councils))


def _list_export_files(
    register: Register, contract: Contract, councils: Iterable[str]
) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Return the export's required files by council and system."""
    files_by_system: dict[tuple[str, str], tuple[str, ...]] = {}
    for council in councils:
        for system in register.systems:
            mapping = register.mapping_for(system, contract.return_code, council, contract)
            if mapping is not None and mapping.files:
                files_by_system[council, system] = tuple(
                    file.name
                    for name, table in mapping.tables.items()
                    for file in table.files
                    if name in contract.by_name and not contract.by_name[name].optional
                )
    return files_by_system
