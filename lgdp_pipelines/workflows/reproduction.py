"""Reproduction: the replay of a judgement from kept bytes, and the differences found.

A replay reads received bytes and the register of that day, never the lake's tables: these change, and their old
versions are removed. Belongs here: judging again from evidence, and describing differences without repeating a cell.
Belongs elsewhere: gathering evidence (``judgement_evidence``), and storing it (``ledger.judgements``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from lgdp_pipelines.errors import LgdpError, RegisterError, StorageError, WrongUse
from lgdp_pipelines.handover.chunked_frame import ChunkedFrame, ChunkSpool, store_in_memory
from lgdp_pipelines.handover.findings import FINDING_SCHEMA
from lgdp_pipelines.handover.judgement_values import RuleOutcome
from lgdp_pipelines.handover.row_digest import digest_rows
from lgdp_pipelines.handover.scratch_folders import open_scratch_folder
from lgdp_pipelines.ledger.judgement_records import (
    ComparedRows,
    Evidence,
    JudgementRecord,
)
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import Receipt, Submission
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Contract, Register, Return, slug
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import FINDING, LakeTable, parse_submission_id
from lgdp_pipelines.validation.derived_items import build_validated_schema
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.vocabulary.periods import Period, parse_period
from lgdp_pipelines.vocabulary.table_columns import ROW
from lgdp_pipelines.workflows.judgement_evidence import digest_judgement, hash_code, read_package_versions
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.submission_judgement import ComparisonRows, SubmittedFiles, judge_files

CACHED_ROWS = 20_000
"""Largest number of rows of a submission that is kept in memory for comparisons."""

CACHED_SUBMISSIONS = 256
"""Submissions whose rows are kept in memory."""

SHOWN_DIFFERENCES = 5
"""Differences of one kind that are described; the rest are counted."""


class ReplayError(Exception):
    """A part of a judgement is missing now; the text names it."""


class JudgementReplayer:
    """Makes judgements again.

    Each past register is loaded once, and the rows of small submissions are kept in memory.

    Args:
        platform: whose ledger and bytes are read.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._registers: dict[str, Register | str] = {}
        self._small_tables: dict[tuple[str, int], Mapping[str, ChunkedFrame]] = {}

    def replay(self, original: JudgementRecord, spool: ChunkSpool) -> tuple[ValidationResult, tuple[str, ...]]:
        """Remake a judgement from kept evidence; also return notes on later changes.

        Args:
            original: the judgement, as the ledger has it.
            spool: keeps its tables.

        Raises:
            ReplayError: a part of it is missing.
            LgdpError: the platform is broken.
        """
        evidence = _require_evidence(original)
        notes = _compare_code(evidence)
        comparison = self._build_past_comparison(original, evidence, notes.append, spool)
        judgement = self._judge(original, evidence, comparison, spool)
        self._cache_tables(original, judgement.tables)
        return judgement, tuple(dict.fromkeys(notes))

    def _judge(
        self, original: JudgementRecord, evidence: Evidence, comparison: ComparisonRows, spool: ChunkSpool
    ) -> ValidationResult:
        """Judge a submission's bytes again, by the register of its evidence."""
        register = self._load_register(evidence.register_sha256)
        submission = self._platform.ledger.submissions.get(original.submission_id)
        contract = _find_contract(register, submission, original)
        receipts = self._list_receipts(submission, evidence)
        submitted_files = SubmittedFiles(contract, parse_period(submission.period), receipts)
        try:
            return judge_files(register, self._platform.received_bytes, submitted_files, spool, comparison)[1]
        except (ReplayError, StorageError):
            raise
        except LgdpError as error:
            raise ReplayError(f"The present code cannot judge it as it was: {error.what}") from error

    def _list_receipts(self, submission: Submission, evidence: Evidence) -> Sequence[Receipt]:
        """Return the receipts that a judgement read; refuse changed receipts or bytes."""
        receipts = {receipt.id: receipt for receipt in self._platform.ledger.submissions.list_receipts(submission.id)}
        for file in evidence.inputs:
            if file.receipt not in receipts or receipts[file.receipt].sha256 != file.sha256:
                raise ReplayError(f"The ledger no longer has receipt {file.receipt} as it was read.")
            if not self._platform.received_bytes.path(file.sha256).exists():
                raise ReplayError(f"The bytes of receipt {file.receipt} of {submission.id} are no longer kept.")
            try:
                self._platform.received_bytes.verify(file.sha256)
            except StorageError as error:
                raise ReplayError(f"Receipt {file.receipt} of {submission.id}: {error.what} {error.remedy}") from error
        return [receipts[file.receipt] for file in evidence.inputs]

    def _build_past_comparison(
        self, original: JudgementRecord, evidence: Evidence, note: Callable[[str], None], spool: ChunkSpool
    ) -> ComparisonRows:
        """Return functions that make a past judgement's comparison rows again."""
        tables_by_judgement: dict[tuple[str, int], Mapping[str, ChunkedFrame]] = {}
        compared_by_period = {
            (compared.return_code, compared.period): compared for compared in evidence.compared_submissions
        }
        register = self._load_register(evidence.register_sha256)
        return_code = parse_submission_id(original.submission_id).return_code

        def fetch_rows(data_return: Return, period: Period, table: Table) -> ChunkedFrame | None:
            """Return rows made again, with a note where they differ from then."""
            compared = compared_by_period.get((data_return.code, period.id))
            if compared is None or compared.submission_id is None:
                return None
            judgement = self._find_compared_judgement(compared)
            if not judgement.contract_version.startswith(f"{data_return.contract_for(period).version.major}."):
                return None
            key = (judgement.submission_id, judgement.number)
            if key not in tables_by_judgement:
                tables_by_judgement[key] = self._small_tables.get(key) or self._make_tables(judgement, spool)
            frame = tables_by_judgement[key].get(table.name)
            if frame is None:
                return store_in_memory([], build_validated_schema(table))
            if digest_rows(frame) != compared.tables.get(table.name):
                note(f"The rows of {compared.submission_id} that it was compared with are not the same as then.")
            return frame

        def fetch_prior_rows(period: Period, table: Table) -> ChunkedFrame | None:
            """Return a prior period's rows made again; None without any."""
            rows = fetch_rows(register.returns[return_code], period, table)
            return rows if rows is not None and rows.height else None

        return ComparisonRows(fetch_prior_rows, fetch_rows)

    def _find_compared_judgement(self, compared: ComparedRows) -> JudgementRecord:
        """Return the judgement that accepted a compared submission; refuse without evidence."""
        if compared.submission_id is not None and compared.judgement_number is not None:
            judgement = self._platform.ledger.judgements.find(compared.submission_id, compared.judgement_number)
            if judgement is not None and judgement.evidence is not None:
                return judgement
        raise ReplayError(f"It was compared with {compared.submission_id}, which was judged before evidence was kept.")

    def _make_tables(self, judgement: JudgementRecord, spool: ChunkSpool) -> Mapping[str, ChunkedFrame]:
        """Return another submission's validated tables, made again.

        The rows that it was itself compared with do not change them.
        """
        tables = self._judge(judgement, _require_evidence(judgement), ComparisonRows(), spool).tables
        self._cache_tables(judgement, tables)
        return tables

    def _cache_tables(self, judgement: JudgementRecord, tables: Mapping[str, ChunkedFrame]) -> None:
        """Cache a small submission's tables; drop the oldest beyond a limit."""
        if sum(frame.height for frame in tables.values()) > CACHED_ROWS:
            return
        key = (judgement.submission_id, judgement.number)
        self._small_tables[key] = {name: ChunkedFrame.from_frames(frame.collect()) for name, frame in tables.items()}
        while len(self._small_tables) > CACHED_SUBMISSIONS:
            del self._small_tables[next(iter(self._small_tables))]

    def _load_register(self, register_sha256: str) -> Register:
        """Return a past register, or raise the reason for its loss."""
        if register_sha256 not in self._registers:
            try:
                with open_scratch_folder(self._platform.settings.scratch, "register") as folder:
                    self._platform.register_files.restore_files(register_sha256, folder)
                    self._registers[register_sha256] = load_register(folder)
            except RegisterError as error:
                first = error.contradictions[0]
                self._registers[register_sha256] = (
                    f"The present code cannot read the register as it was: {first.file}:{first.line}: {first.what}"
                )
            except StorageError as error:
                self._registers[register_sha256] = f"The register as it was cannot be restored: {error}"
        register = self._registers[register_sha256]
        if isinstance(register, str):
            raise ReplayError(register)
        return register


def _require_evidence(judgement: JudgementRecord) -> Evidence:
    """Return a judgement's evidence; raise if it has no evidence."""
    if judgement.evidence is None:
        raise ReplayError("It was judged before evidence was kept.")
    return judgement.evidence


def _find_contract(register: Register, submission: Submission, original: JudgementRecord) -> Contract:
    """Return the contract version of a judgement; raise if it is missing."""
    data_return = register.returns.get(submission.return_code)
    for contract in data_return.contracts if data_return else ():
        if (str(contract.version), contract.sha256) == (original.contract_version, original.contract_sha256):
            return contract
    raise ReplayError(f"The register as it was does not hold version {original.contract_version} of the contract.")


def _compare_code(evidence: Evidence) -> list[str]:
    """Return sentences on changes of code and packages since a judgement."""
    notes = []
    if evidence.code_sha256 != hash_code():
        notes.append("The platform's code has changed since then: a difference may come from there.")
    present_versions = read_package_versions()
    changed_packages = sorted(
        f"{name} {evidence.packages.get(name, 'none')} then, {present_versions.get(name, 'none')} now"
        for name in evidence.packages.keys() | present_versions.keys()
        if evidence.packages.get(name) != present_versions.get(name)
    )
    if changed_packages:
        notes.append(
            "The versions of packages have changed since then: a difference may come from there: "
            f"{'; '.join(changed_packages)}."
        )
    return notes


class ReproductionResult(StrEnum):
    """Whether a replay comes to the same judgement."""

    IDENTICAL = "identical"
    """The same verdict, results, findings and rows, bit for bit."""
    DIFFERENT = "different"
    """Something differs."""
    NOT_REPRODUCIBLE = "cannot_be_remade"
    """A part of the judgement is missing."""


@dataclass(frozen=True)
class Reproduction:
    """A judgement, compared with its replay.

    Attributes:
        original: the judgement, as the ledger has it.
        comparison: whether the replay is the same.
        reason: why there is no replay; empty after a replay.
        differences: sentences on each difference, which repeat no cell.
        notes: sentences on other changes since, such as another version of a package.
    """

    original: JudgementRecord
    comparison: ReproductionResult
    reason: str = ""
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_judgement(ledger: Ledger, submission_id: str, number: int | None = None) -> JudgementRecord:
    """Return a submission's judgement of a number, or its last one.

    Raises:
        WrongUse: there is no such submission.
        WrongUse: it was never judged, or not so often.
    """
    ledger.submissions.get(submission_id)
    judgement = ledger.judgements.find(submission_id, number)
    if judgement is None:
        raise WrongUse(
            f"{submission_id} has no judgement{'' if number is None else f' {number}'}.",
            remedy="Leave --judgement out for its last one; `lgdp status` lists them.",
        )
    return judgement


def reproduce_judgement(platform: Platform, replayer: JudgementReplayer, original: JudgementRecord) -> Reproduction:
    """Replay a judgement, and return its differences or why replay failed.

    Args:
        platform: whose ledger and lake hold the original.
        replayer: the same one serves many judgements.
        original: the judgement.

    Raises:
        LgdpError: the platform is broken.
    """
    with ChunkSpool(platform.settings.scratch) as spool:
        try:
            judgement, notes = replayer.replay(original, spool)
        except ReplayError as error:
            return Reproduction(original, ReproductionResult.NOT_REPRODUCIBLE, reason=str(error))
        differences = tuple(_describe_differences(platform, original, _require_evidence(original), judgement))
    comparison = ReproductionResult.DIFFERENT if differences else ReproductionResult.IDENTICAL
    return Reproduction(original, comparison, differences=differences, notes=notes)


def _describe_differences(
    platform: Platform, original: JudgementRecord, evidence: Evidence, judgement: ValidationResult
) -> Iterator[str]:
    """Yield a sentence for each difference between a judgement and its replay."""
    findings, tables = digest_judgement(judgement)
    if judgement.verdict is not original.verdict:
        yield f"The verdict was {original.verdict}, and is {judgement.verdict} now."
    yield from _shorten(_compare_outcomes(original.outcomes, judgement.outcomes))
    if findings != evidence.findings:
        yield f"There were {evidence.findings.rows} findings, and {findings.rows} are made now: not the same."
        yield from _shorten(_compare_findings(platform.lake, original, evidence, judgement.findings))
    for name in sorted(evidence.tables.keys() | tables.keys()):
        old, new = evidence.tables.get(name), tables.get(name)
        if old is None or new is None:
            was, is_ = ("not ", "") if old is None else ("", "not ")
            yield f"The table {name} was {was}validated then, and is {is_}validated now."
        elif old != new:
            yield f"The table {name} had {old.rows} validated rows, and {new.rows} are made now: not the same."
            yield from _shorten(_compare_rows(platform, original, name, judgement.tables[name]))


def _shorten(sentences: Iterator[str]) -> Iterator[str]:
    """Yield the first sentences, then a sentence that counts the others."""
    all_sentences = list(sentences)
    yield from all_sentences[:SHOWN_DIFFERENCES]
    if len(all_sentences) > SHOWN_DIFFERENCES:
        yield f"And {len(all_sentences) - SHOWN_DIFFERENCES} more of that kind."


def _compare_outcomes(old_outcomes: tuple[RuleOutcome, ...], new_outcomes: tuple[RuleOutcome, ...]) -> Iterator[str]:
    """Yield a sentence for each rule whose outcome has changed."""
    old_by_rule, new_by_rule = (
        {outcome.rule: outcome for outcome in outcomes} for outcomes in (old_outcomes, new_outcomes)
    )
    for rule in sorted(old_by_rule.keys() | new_by_rule.keys()):
        if old_by_rule.get(rule) != new_by_rule.get(rule):
            old, new = _describe_outcome(old_by_rule.get(rule)), _describe_outcome(new_by_rule.get(rule))
            yield f"Rule {rule}: {old} then, {new} now."


def _describe_outcome(outcome: RuleOutcome | None) -> str:
    """Return a rule's outcome in words, with its number of failed places."""
    if outcome is None:
        return "no such rule"
    return f"{outcome.result} at {outcome.failed} places" if outcome.failed else str(outcome.result)


def _compare_findings(
    lake: Lake, original: JudgementRecord, evidence: Evidence, new_findings: pl.DataFrame
) -> Iterator[str]:
    """Describe findings gained or lost, if the lake still holds the originals.

    It holds the findings of a submission's last judgement.
    """
    if not lake.exists(FINDING):
        return
    key = parse_submission_id(original.submission_id)
    slice_key = {"return_code": key.return_code, "period": key.period, "_submission_id": original.submission_id}
    old_findings = lake.read(FINDING, slice_key, list(FINDING_SCHEMA)).cast(FINDING_SCHEMA)
    columns = ["rule", "table", "row", "column", "message"]
    if old_findings.height != evidence.findings.rows:
        return
    for phrase, findings, other_findings in (
        ("now and not then", new_findings, old_findings),
        ("then and not now", old_findings, new_findings),
    ):
        unmatched = findings.join(other_findings, on=columns, how="anti", nulls_equal=True, maintain_order="left")
        for rule, row in unmatched.select("rule", "row").iter_rows():
            yield f"A finding of {rule}{'' if row is None else f' in row {row}'} is there {phrase}."


def _compare_rows(platform: Platform, original: JudgementRecord, name: str, new_rows: ChunkedFrame) -> Iterator[str]:
    """Describe changed rows, if the lake still holds the originals."""
    key = parse_submission_id(original.submission_id)
    major = original.contract_version.partition(".")[0]
    table = LakeTable("validated", f"{slug(key.return_code)}__{name}__v{major}")
    if not platform.lake.exists(table):
        return
    accepting_judgement = platform.ledger.judgements.find_accepting(original.submission_id)
    if accepting_judgement is None or accepting_judgement.number != original.number or original.evidence is None:
        return
    rows = platform.lake.read_chunks(table, {"period": key.period, "_submission_id": original.submission_id})
    if not set(new_rows.columns) <= set(rows.columns):
        return
    old_rows = ChunkedFrame.from_frames(rows.collect().select(new_rows.columns).sort(ROW))
    if digest_rows(old_rows) == original.evidence.tables[name]:
        yield from _compare_cells(old_rows.collect(), new_rows.collect())


def _compare_cells(old_rows: pl.DataFrame, new_rows: pl.DataFrame) -> Iterator[str]:
    """Yield sentences on added rows, missing rows and changed cells, without values."""
    for phrase, rows, other_rows in (
        ("now and not then", new_rows, old_rows),
        ("then and not now", old_rows, new_rows),
    ):
        for row in rows.join(other_rows, on=ROW, how="anti", maintain_order="left").get_column(ROW):
            yield f"Row {row} is there {phrase}."
    shared_rows = old_rows.join(new_rows, on=ROW, how="inner", suffix=" now", maintain_order="left")
    for column in (name for name in old_rows.columns if name != ROW):
        is_different = pl.col(column).ne_missing(pl.col(f"{column} now"))
        for row in shared_rows.filter(is_different).get_column(ROW):
            yield f"Row {row} differs in {column}."


def to_json_fields(reproduction: Reproduction) -> Mapping[str, object]:
    """Return a reproduction as JSON has it, without the evidence."""
    return {
        "submission": reproduction.original.submission_id,
        "judgement": reproduction.original.number,
        "outcome": str(reproduction.comparison),
        "reason": reproduction.reason,
        "differences": list(reproduction.differences),
        "notes": list(reproduction.notes),
    }
