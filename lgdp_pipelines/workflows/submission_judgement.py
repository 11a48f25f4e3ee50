"""Judgement of one submission: its files, its mapping, the rules, and the rows that it is compared with.

Nothing is written. Belongs here: the way from receipts to a reading and a judgement, nil returns included, and reading
the rows of the council's prior periods and other returns from the lake. Belongs elsewhere: reading files (``landing``),
the rules (``validation``) and the order of a run's effects (``processing``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame, ChunkSpool, store_in_memory
from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.handover.findings import build_finding_rows, empty_findings
from lgdp_pipelines.handover.judgement_values import RuleOutcome
from lgdp_pipelines.landing.extract_reader import READING_RULE_KINDS, read_extract
from lgdp_pipelines.ledger.judgement_records import ComparedSubmission
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import Receipt, Submission
from lgdp_pipelines.ledger.submissions import RequiredFiles
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.table_model import Rule, Table
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.submission_calendar import day_in_scotland
from lgdp_pipelines.storage.byte_store import ByteStore
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import define_validated_table
from lgdp_pipelines.validation.derived_items import build_validated_schema
from lgdp_pipelines.validation.judge import ValidationResult, judge
from lgdp_pipelines.validation.judging_context import (
    JudgingContext,
    OtherReturnRows,
    PriorPeriodRows,
    find_no_rows,
)
from lgdp_pipelines.validation.table_rules import list_other_periods, list_prior_periods
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Verdict

SHARED_ROWS = 1_000_000
"""Largest number of rows of a table and period that is read once for all councils, rather than council by council."""

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
    """The received files of a return, council and period.

    They may be opened as a submission or wait.

    Attributes:
        contract: that they answer.
        period: that they are for.
        receipts: of the files, in the order in which they are read; at least one.
    """

    contract: Contract
    period: Period
    receipts: Sequence[Receipt]


@dataclass(frozen=True, slots=True)
class ComparisonRows:
    """Functions that fetch the rows that one council's submission is compared with.

    Attributes:
        prior_rows: of prior periods of the same return.
        other_rows: of other returns.
    """

    prior_rows: PriorPeriodRows = find_no_rows
    other_rows: OtherReturnRows = find_no_rows


_NO_COMPARISON = ComparisonRows()


def judge_files(
    register: Register,
    received_bytes: ByteStore,
    submitted_files: SubmittedFiles,
    spool: ChunkSpool,
    comparison: ComparisonRows = _NO_COMPARISON,
) -> tuple[Reading, ValidationResult]:
    """Read and judge a submission's files, or judge a nil return unread.

    Nothing is written but to ``spool``. An export of a system without a mapping is rejected unread.
    """
    contract, receipts = submitted_files.contract, submitted_files.receipts
    if any(receipt.nil for receipt in receipts):
        return _judge_nil_return(contract)
    system, council_code = receipts[0].system, receipts[0].council_code
    mapping = register.mapping_for(system, council_code, contract)
    with received_bytes.verify_while_reading([receipt.sha256 for receipt in receipts]) as paths:
        files = [
            ExtractFile(receipt.file_name, path, receipt.table) for receipt, path in zip(receipts, paths, strict=True)
        ]
        # Without a mapping of the named system its exports cannot be read. The files are kept, the submission rejected.
        is_unmapped = system and mapping is None
        reading = (
            _reject_unmapped(contract, system)
            if is_unmapped
            else read_extract(contract, files, mapping, store=spool.store)
        )
    context = JudgingContext(
        contract,
        register,
        register.councils.by_code[council_code],
        submitted_files.period,
        day_in_scotland(max(receipt.received_at for receipt in receipts)),
        spool,
        comparison.prior_rows,
        comparison.other_rows,
        mapping=mapping,
    )
    return reading, judge(reading, context)


def _reject_unmapped(contract: Contract, system: str) -> Reading:
    """Return the reading that rejects a system's export without a mapping."""
    message = (
        f"The register has no mapping of the system {system} to {contract.return_code} {contract.version}. Nothing is "
        "wrong with the file itself: ask the platform's engineers to add the mapping, then have it judged again."
    )
    rules = [rule for rule in list_rules(contract) if rule.kind in READING_RULE_KINDS]
    return _build_unread_reading(rules, "The extract cannot be read.", message)


def _judge_nil_return(contract: Contract) -> tuple[Reading, ValidationResult]:
    """Accept a nil return if the contract allows one; else reject it.

    Its bytes are the declaration as sent, and are not read. The rule that files are readable fails where the contract
    allows none; no other rule is run.
    """
    message = (
        f"{contract.return_code} takes no nil return. Send the extract, or ask {contract.owner or 'its owner'} whether "
        "you need to report for this period."
    )
    reading = _build_unread_reading(list_rules(contract), _NO_ROWS, "" if contract.nil_return else message)
    verdict = Verdict.ACCEPTED if contract.nil_return else Verdict.REJECTED
    return reading, ValidationResult(verdict, reading.findings, reading.outcomes, {})


def _build_unread_reading(rules: Sequence[Rule], reason: str, message: str) -> Reading:
    """Return a reading without tables, where only readability was tested.

    Args:
        rules: that have an outcome.
        reason: why the other rules were not run.
        message: of the finding that breaks the rule of readability; empty where the rule holds.
    """
    readable_rule = next(rule for rule in rules if rule.kind is RuleKind.READABLE)
    findings = build_finding_rows(readable_rule, message) if message else empty_findings()
    outcomes = tuple(
        RuleOutcome.from_count(rule, findings.height) if rule is readable_rule else RuleOutcome.not_run(rule, reason)
        for rule in rules
    )
    return Reading({}, findings, outcomes, unreadable_reason=message or None)


def is_nil_return(judgement: ValidationResult) -> bool:
    """Return whether a judgement is of a nil return, accepted or not."""
    return any(outcome.reason == _NO_ROWS for outcome in judgement.outcomes)


def list_required_files(register: Register, contract: Contract, councils: Iterable[str]) -> RequiredFiles:
    """Return the files that must all come before a submission is opened."""
    exports: dict[tuple[str, str], tuple[str, ...]] = {}
    for council, system in product(councils, register.systems):
        mapping = register.mapping_for(system, council, contract)
        if mapping is not None and mapping.files:
            exports[council, system] = tuple(
                file.name
                for name, table in mapping.tables.items()
                for file in table.files
                if name in contract.by_name and not contract.by_name[name].optional
            )
    tables = tuple(table.name for table in contract.tables if table.file_pattern and not table.optional)
    return RequiredFiles(tables, exports)


class ComparisonReader:
    """Reads a council's own validated rows, and no other council's.

    Args:
        ledger: knows which submissions are current.
        lake: holds the validated rows.
        data_return: whose submissions are judged.
        is_shared: whether many councils are judged, so that a small table is read once for all of them.
    """

    def __init__(self, ledger: Ledger, lake: Lake, data_return: Return, *, is_shared: bool = True) -> None:
        self._ledger = ledger
        self._lake = lake
        self._return = data_return
        self._is_shared = is_shared
        self._find_current_ids = cache(ledger.submissions.find_current_ids)
        self._shared: dict[tuple[str, str], Mapping[str, ChunkedFrame] | None] = {}

    def make_comparison(self, council: str) -> ComparisonRows:
        """Return the functions that fetch a council's rows to compare with."""
        return ComparisonRows(partial(self._read_prior_rows, council), partial(self._read_other_rows, council))

    def _read_prior_rows(self, council: str, period: Period, table: Table) -> ChunkedFrame | None:
        """Return a council's rows of a prior period; None without any."""
        if period.start < self._return.first_period.start:
            return None
        contract = self._return.contract_for(period)
        return self._read(contract, table, period, council) if table.name in contract.by_name else None

    def _read_other_rows(self, council: str, data_return: Return, period: Period, table: Table) -> ChunkedFrame | None:
        """Return current rows, empty without any; None without a comparable submission.

        A submission that a version of another major accepted has other columns than the rule was written for: it is
        treated as missing.
        """
        submission_id = self._find_current_ids(data_return.code, period.id).get(council)
        contract = data_return.contract_for(period)
        if submission_id is None:
            return None
        accepting_contract = find_accepting_contract(self._ledger, data_return, submission_id, contract)
        if accepting_contract.version.major != contract.version.major:
            return None
        rows = self._read(contract, table, period, council)
        return store_in_memory([], build_validated_schema(table)) if rows is None else rows

    def _read(self, contract: Contract, table: Table, period: Period, council: str) -> ChunkedFrame | None:
        """Return a council's validated rows for a period; None without any."""
        lake_table = define_validated_table(contract, contract.by_name[table.name])
        key = (str(lake_table), period.id)
        if self._is_shared and key not in self._shared:
            rows = self._lake.read_chunks(lake_table, {"period": period.id})
            self._shared[key] = None if rows.height > SHARED_ROWS else _group_by_council(rows)
        shared_rows = self._shared.get(key)
        if shared_rows is not None:
            return shared_rows.get(council)
        rows = self._lake.read_chunks(lake_table, {"period": period.id, "council_code": council})
        return rows if rows.height else None


def _group_by_council(rows: ChunkedFrame) -> Mapping[str, ChunkedFrame]:
    return {
        str(council): ChunkedFrame.from_frames(frame)
        for (council, *_), frame in rows.collect().partition_by("council_code", as_dict=True).items()
    }


def find_accepting_contract(ledger: Ledger, data_return: Return, submission_id: str, default: Contract) -> Contract:
    """Return the newest contract of a submission's accepting major, or a default.

    Args:
        ledger: knows which version accepted it.
        data_return: whose contracts are searched.
        submission_id: the submission whose rows are in the tables of that contract.
        default: returned where no version accepted it.
    """
    major, _, _ = ledger.judgements.find_accepting_version(submission_id).partition(".")
    contracts = reversed(data_return.contracts)
    return next((contract for contract in contracts if str(contract.version.major) == major), default)


def find_comparisons(
    register: Register, ledger: Ledger, contract: Contract, period: Period
) -> Callable[[str], tuple[ComparedSubmission, ...]]:
    """Snapshot current submissions; return a lookup of those compared with a council's.

    Call it before any of those rows is read. A submission that becomes current in between then differs from the
    recorded one, and the rows are judged again; called afterwards, a change would go unnoticed.
    """
    periods = [(contract.return_code, prior_period) for prior_period in list_prior_periods(contract, period)]
    periods += list_other_periods(register, contract, period)
    current_by_return = {
        (code, other_period.id): ledger.submissions.find_current_ids(code, other_period.id)
        for code, other_period in periods
    }
    return lambda council: tuple(
        ComparedSubmission(code, other_period, submissions.get(council))
        for (code, other_period), submissions in current_by_return.items()
    )
