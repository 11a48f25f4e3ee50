"""Reproduction: evidence of a judgement, its replay from kept bytes, and the differences found.

A replay reads received bytes and the register of that day, never the lake's tables: these change, and their old
versions are removed. What belongs here: gathering evidence when a judgement is made, judging again from it, and
describing differences without repeating a cell. What does not: storing evidence (``ledger.evidence_store``).
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import polars as pl

import lgdp_pipelines
from lgdp_pipelines.errors import LgdpError, RegisterError, StorageError, WrongUse
from lgdp_pipelines.handover.chunked_frame import Pieces, Spill
from lgdp_pipelines.handover.findings import FINDING_SCHEMA, RuleOutcome
from lgdp_pipelines.handover.row_digest import Digest, digest_of
from lgdp_pipelines.handover.scratch_folders import scratch_folder
from lgdp_pipelines.ledger.judgement_records import (
    ComparedRows,
    ComparedSubmission,
    Evidence,
    EvidencedJudgement,
    InputFile,
    PinnedVersion,
)
from lgdp_pipelines.ledger.submission_records import Receipt, Submission
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Contract, Register, slug
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.register.submission_calendar import day_in_scotland
from lgdp_pipelines.storage.lake_tables import FINDING, LakeTable, submission_key
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.validation.type_parsing import typed_schema
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.periods import Period, parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.submission_judgement import judge_receipts

PACKAGES = (
    "duckdb", "lxml", "pandera", "polars", "pyarrow", "python-calamine", "pyyaml", "sqlglot", "xlrd",
)  # fmt: skip
"""What reads extracts and the register, and what judges; another version of one may come to another result."""


@cache
def read_package_versions() -> Mapping[str, str]:
    """The versions of :data:`PACKAGES`, and of Python."""
    return {**{name: version(name) for name in PACKAGES}, "python": python_version()}


@cache
def hash_code() -> str:
    """Of the package's own files as they are installed: path and content of each, in order of path."""
    folder = Path(lgdp_pipelines.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{content}  {file.relative_to(folder).as_posix()}\n".encode())
    return digest.hexdigest()


def digest_judgement(judgement: ValidationResult) -> tuple[Digest, dict[str, Digest]]:
    """The digest of a judgement's findings, and of each of its validated tables by name."""
    findings = digest_of(Pieces.of(judgement.findings), order_by=None)
    return findings, {name: digest_of(pieces) for name, pieces in sorted(judgement.tables.items())}


def gather_evidence(
    platform: Platform,
    contract: Contract,
    judged: Sequence[tuple[Submission, ValidationResult, Sequence[ComparedSubmission]]],
) -> Mapping[str, Evidence]:
    """The evidence of judgements by one contract, by submission; the register is kept as it is on the way.

    Args:
        platform: where everything is.
        contract: that they were judged by.
        judged: each submission with its judgement and what it was held against.

    Raises:
        StorageError: the disk does not take the register's files.
    """
    register_sha256, lists, tables = (
        platform.register_sha256,
        _code_lists(platform.register, contract),
        _tables(platform),
    )
    found = {}
    for submission, judgement, against in judged:
        receipts = platform.ledger.receipts_of(submission.id)
        findings, digests = digest_judgement(judgement)
        found[submission.id] = Evidence(
            inputs=tuple(_input(platform.register, contract, receipt) for receipt in receipts),
            received_on=day_in_scotland(max(receipt.received_at for receipt in receipts)),
            register_sha256=register_sha256,
            code_lists=lists,
            reference_tables=tables,
            against=tuple(_other(platform, one) for one in against),
            code_sha256=hash_code(),
            packages=read_package_versions(),
            findings=findings,
            tables=digests,
        )
    return found


def _input(register: Register, contract: Contract, receipt: Receipt) -> InputFile:
    mapping = register.mapping_for(receipt.system, contract.return_code, receipt.council_code, contract)
    return InputFile(
        receipt=receipt.id,
        sha256=receipt.sha256,
        table=receipt.table or "",
        system=receipt.system,
        mapping_sha256=mapping.sha256 if receipt.system and mapping else "",
        nil=receipt.nil,
    )


def _other(platform: Platform, held: ComparedSubmission) -> ComparedRows:
    standing = platform.ledger.evidence.standing(held.submission_id) if held.submission_id else None
    proved = standing if standing is not None and standing.evidence is not None else None
    return ComparedRows(
        return_code=held.return_code,
        period=held.period,
        submission_id=held.submission_id,
        judgement=proved.judgement if proved else None,
        tables=proved.evidence.tables if proved and proved.evidence else {},
    )


def _code_lists(register: Register, contract: Contract) -> tuple[PinnedVersion, ...]:
    named = {item.code_list for table in contract.tables for item in table.items if item.code_list is not None}
    lists = [register.code_lists[one] for one in sorted(named)]
    return tuple(PinnedVersion(one.id, one.version, _content(one)) for one in lists)


def _content(listed: CodeList) -> str:
    """A code list may have no file of its own, so that what it says is hashed."""
    return hashlib.sha256(json.dumps(asdict(listed), sort_keys=True, default=str).encode()).hexdigest()


def _tables(platform: Platform) -> tuple[PinnedVersion, ...]:
    return tuple(
        PinnedVersion(id_, one.version, one.sha256)
        for id_, table in sorted(platform.register.reference.items())
        for one in table.versions
    )


StandingRows = Callable[[str, Period, Table], Pieces | None]
"""Gives the council's rows of a return's table in a period, as they stood; None where nothing stood there."""


class ReplayError(Exception):
    """Something that a judgement was made of is not there any more; its text says what."""


@dataclass(frozen=True)
class ReplayedJudgement:
    """A judgement made again.

    Attributes:
        judgement: what judging came to this time.
        findings: digest of its findings.
        tables: digest of each validated table, by name.
        notes: what else differs from then, in sentences.
    """

    judgement: ValidationResult
    findings: Digest
    tables: Mapping[str, Digest]
    notes: tuple[str, ...]


CACHED_ROWS = 20_000
"""Rows of a submission that are remembered for what was held against them."""


CACHED_SUBMISSIONS = 256
"""Submissions whose rows are remembered."""


class JudgementReplayer:
    """The registers of the past, each put back once; and the rows of the last small submissions.

    Args:
        platform: whose ledger and bytes are asked.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._registers: dict[str, Platform | str] = {}
        self._small: dict[tuple[str, int], Mapping[str, Pieces]] = {}

    def remade(self, proved: EvidencedJudgement, spill: Spill) -> ReplayedJudgement:
        """A judgement made again.

        Args:
            proved: the judgement, as the ledger has it.
            spill: keeps its tables.

        Raises:
            CannotRemake: something that it was made of is not there any more.
            LgdpError: the platform is broken.
        """
        evidence = _evidence(proved)
        notes = [*_code_notes(evidence)]
        stood = self._standing(evidence, notes.append, spill)
        judgement = self._judged(proved, evidence, stood, spill)
        self._remember(proved, judgement.tables)
        findings, tables = digest_judgement(judgement)
        return ReplayedJudgement(judgement, findings, tables, tuple(dict.fromkeys(notes)))

    def _judged(
        self, proved: EvidencedJudgement, evidence: Evidence, stood: StandingRows, spill: Spill
    ) -> ValidationResult:
        platform = self._as_of(evidence.register_sha256)
        submission = self._platform.ledger.submission(proved.submission_id)
        period = parse_period(submission.period)
        contract = _contract(platform.register, submission, proved)

        def earlier(before: Period, table: Table) -> Pieces | None:
            rows = stood(submission.return_code, before, table)
            return rows if rows is not None and rows.height else None

        try:
            return judge_receipts(
                platform,
                contract,
                period,
                platform.register.councils.by_code[submission.council_code],
                self._receipts(submission, evidence),
                earlier,
                lambda data_return, other, table: stood(data_return.code, other, table),
                spill,
            )[1]
        except (ReplayError, StorageError):
            raise
        except LgdpError as error:
            raise ReplayError(f"The present code cannot judge it as it was: {error.what}") from error

    def _receipts(self, submission: Submission, evidence: Evidence) -> Sequence[Receipt]:
        """The receipts in the order in which they were read, all of whose bytes are there as received."""
        known = {one.id: one for one in self._platform.ledger.receipts_of(submission.id)}
        for one in evidence.inputs:
            if one.receipt not in known or known[one.receipt].sha256 != one.sha256:
                raise ReplayError(f"The ledger no longer has receipt {one.receipt} as it was read.")
            if not self._platform.received_bytes.path(one.sha256).exists():
                raise ReplayError(f"The bytes of receipt {one.receipt} of {submission.id} are not held any more.")
            try:
                self._platform.received_bytes.proved(one.sha256)
            except StorageError as error:
                raise ReplayError(f"Receipt {one.receipt} of {submission.id}: {error.what} {error.remedy}") from error
        return [known[one.receipt] for one in evidence.inputs]

    def _standing(self, evidence: Evidence, note: Callable[[str], None], spill: Spill) -> StandingRows:
        made: dict[tuple[str, int], Mapping[str, Pieces]] = {}
        read = {(one.return_code, one.period): one for one in evidence.against}
        register = self._as_of(evidence.register_sha256).register

        def rows(return_code: str, period: Period, table: Table) -> Pieces | None:
            other = read.get((return_code, period.id))
            if other is None or other.submission_id is None:
                return None
            then = self._judgement_of(other)
            data_return = register.returns[return_code]
            if not then.contract_version.startswith(f"{data_return.contract_for(period).version.major}."):
                return None
            key = (then.submission_id, then.judgement)
            if key not in made:
                made[key] = self._small.get(key) or self._tables_of(then, spill)
            pieces = made[key].get(table.name)
            if pieces is None:
                return Pieces.of(pl.DataFrame(schema=typed_schema(table)))
            if digest_of(pieces) != other.tables.get(table.name):
                note(f"The rows of {other.submission_id} that it was held against came out otherwise than they stood.")
            return pieces

        return rows

    def _judgement_of(self, other: ComparedRows) -> EvidencedJudgement:
        """The judgement by which another submission's rows stood when they were read."""
        if other.submission_id is not None and other.judgement is not None:
            found = self._platform.ledger.evidence.of(other.submission_id, other.judgement)
            if found is not None and found.evidence is not None:
                return found
        raise ReplayError(f"It was held against {other.submission_id}, which was judged before evidence was kept.")

    def _tables_of(self, then: EvidencedJudgement, spill: Spill) -> Mapping[str, Pieces]:
        """Another submission's validated tables. What it was itself held against makes no difference to its rows."""
        tables = self._judged(then, _evidence(then), _nothing, spill).tables
        self._remember(then, tables)
        return tables

    def _remember(self, proved: EvidencedJudgement, tables: Mapping[str, Pieces]) -> None:
        if sum(pieces.height for pieces in tables.values()) > CACHED_ROWS:
            return
        key = (proved.submission_id, proved.judgement)
        self._small[key] = {name: Pieces.of(pieces.whole()) for name, pieces in tables.items()}
        while len(self._small) > CACHED_SUBMISSIONS:
            del self._small[next(iter(self._small))]

    def _as_of(self, register_sha256: str) -> Platform:
        """The platform by the register as it was."""
        if register_sha256 not in self._registers:
            self._registers[register_sha256] = self._put_back(register_sha256)
        found = self._registers[register_sha256]
        if isinstance(found, str):
            raise ReplayError(found)
        return found

    def _put_back(self, register_sha256: str) -> Platform | str:
        try:
            with scratch_folder(self._platform.settings.scratch, "register") as folder:
                self._platform.register_files.lay_out(register_sha256, folder)
                return self._platform.with_register(load_register(folder))
        except RegisterError:
            return "The present code cannot read the register as it was."
        except StorageError as error:
            return f"The register as it was cannot be put back: {error}"


def _nothing(_return_code: str, _period: Period, _table: Table) -> None:
    """Nothing is held against other submissions."""


def _evidence(proved: EvidencedJudgement) -> Evidence:
    if proved.evidence is None:
        raise ReplayError("It was judged before evidence was kept.")
    return proved.evidence


def _contract(register: Register, submission: Submission, proved: EvidencedJudgement) -> Contract:
    data_return = register.returns.get(submission.return_code)
    for contract in data_return.contracts if data_return else ():
        if (str(contract.version), contract.sha256) == (proved.contract_version, proved.contract_sha256):
            return contract
    raise ReplayError(f"The register as it was does not hold version {proved.contract_version} of the contract.")


def _code_notes(evidence: Evidence) -> Sequence[str]:
    """Where what judges now is not what judged then."""
    notes = []
    if evidence.code_sha256 != hash_code():
        notes.append("The platform's code is not the one that judged then: a difference may come from there.")
    now = read_package_versions()
    changed = sorted(
        f"{name} {evidence.packages.get(name, 'none')} then, {now.get(name, 'none')} now"
        for name in evidence.packages.keys() | now.keys()
        if evidence.packages.get(name) != now.get(name)
    )
    if changed:
        notes.append(f"Other packages judge now, and a difference may come from there: {'; '.join(changed)}.")
    return notes


SHOWN_DIFFERENCES = 5
"""Differences of one kind that are told; how many there are is always told in full."""


class ReproductionResult(StrEnum):
    """What making a judgement again comes to."""

    IDENTICAL = "identical"
    """The same verdict, results, findings and rows, bit for bit."""
    DIFFERENT = "different"
    """Something differs."""
    CANNOT = "cannot_be_remade"
    """Something that it was made of is not there any more."""


@dataclass(frozen=True)
class Reproduction:
    """What making a judgement again came to.

    Attributes:
        proved: the judgement, as the ledger has it.
        likeness: what it came to.
        reason: why it cannot be made again; empty where it can.
        differences: what differs, in sentences without cells.
        notes: what else is different from then, such as another version of a package.
    """

    proved: EvidencedJudgement
    likeness: ReproductionResult
    reason: str = ""
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_judgement(platform: Platform, submission_id: str, number: int | None = None) -> EvidencedJudgement:
    """The judgement that somebody names: the last one of the submission where no number is given.

    Raises:
        LedgerError: there is no such submission.
        WrongUse: it was never judged, or not so often.
    """
    platform.ledger.submission(submission_id)
    found = platform.ledger.evidence.of(submission_id, number)
    if found is None:
        which = "no judgement" if number is None else f"no judgement {number}"
        raise WrongUse(
            f"{submission_id} has {which}.", remedy="Leave --judgement out for its last one; `lgdp status` lists them."
        )
    return found


def reproduce_judgement(platform: Platform, past: JudgementReplayer, proved: EvidencedJudgement) -> Reproduction:
    """Make a judgement again and hold it against what the ledger says it came to.

    Args:
        platform: whose ledger and bytes are asked.
        past: puts back what was there; the same one serves many.
        proved: the judgement.

    Raises:
        LgdpError: the platform is broken.
    """
    with Spill(platform.settings.scratch) as spill:
        try:
            remade = past.remade(proved, spill)
        except ReplayError as missing:
            return Reproduction(proved, ReproductionResult.CANNOT, reason=str(missing))
        if proved.evidence is None:  # pragma: no cover - it could not have been made again
            raise AssertionError
        differences = tuple(_differences(platform, proved, proved.evidence, remade))
    return Reproduction(
        proved,
        ReproductionResult.DIFFERENT if differences else ReproductionResult.IDENTICAL,
        differences=differences,
        notes=remade.notes,
    )


def _differences(
    platform: Platform, proved: EvidencedJudgement, evidence: Evidence, remade: ReplayedJudgement
) -> Iterator[str]:
    judgement = remade.judgement
    if judgement.verdict is not proved.verdict:
        yield f"The verdict was {proved.verdict}, and is {judgement.verdict} now."
    yield from _few(_differing_results(proved.results, judgement.results))
    if remade.findings != evidence.findings:
        yield f"There were {evidence.findings.rows} findings, and {remade.findings.rows} are made now: not the same."
        yield from _few(_differing_findings(platform, proved, evidence, judgement.findings))
    for name in sorted(evidence.tables.keys() | remade.tables.keys()):
        then, now = evidence.tables.get(name), remade.tables.get(name)
        if then is None or now is None:
            yield f"The table {name} was {'not' if then is None else ''} validated then; now it is the other way round."
        elif then != now:
            yield f"The table {name} had {then.rows} validated rows, and {now.rows} are made now: not the same."
            yield from _few(_differing_rows(platform, proved, name, judgement.tables[name]))


def _few(sentences: Iterator[str]) -> Iterator[str]:
    told = list(sentences)
    yield from told[:SHOWN_DIFFERENCES]
    if len(told) > SHOWN_DIFFERENCES:
        yield f"And {len(told) - SHOWN_DIFFERENCES} more of that kind."


def _differing_results(then: tuple[RuleOutcome, ...], now: tuple[RuleOutcome, ...]) -> Iterator[str]:
    before, after = ({one.rule: one for one in outcomes} for outcomes in (then, now))
    for rule in sorted(before.keys() | after.keys()):
        if before.get(rule) != after.get(rule):
            yield f"Rule {rule}: {_told(before.get(rule))} then, {_told(after.get(rule))} now."


def _told(outcome: RuleOutcome | None) -> str:
    if outcome is None:
        return "no such rule"
    return f"{outcome.result} at {outcome.failed} places" if outcome.failed else str(outcome.result)


def _differing_findings(
    platform: Platform, proved: EvidencedJudgement, evidence: Evidence, now: pl.DataFrame
) -> Iterator[str]:
    """Where findings differ, if those of then are still in the lake: it holds those of the last judgement."""
    if not platform.lake.exists(FINDING):
        return
    key = submission_key(proved.submission_id)
    where = {"return_code": key.return_code, "period": key.period, "_submission_id": proved.submission_id}
    then = platform.lake.read(FINDING, where, list(FINDING_SCHEMA)).cast(FINDING_SCHEMA)
    columns = ["rule", "table", "row", "column", "message"]
    if then.height != evidence.findings.rows:
        return
    for words, left, right in (("now and not then", now, then), ("then and not now", then, now)):
        only = left.join(right, on=columns, how="anti", nulls_equal=True, maintain_order="left")
        for rule, row in only.select("rule", "row").iter_rows():
            yield f"A finding of {rule}{'' if row is None else f' in row {row}'} is there {words}."


def _differing_rows(platform: Platform, proved: EvidencedJudgement, name: str, now: Pieces) -> Iterator[str]:
    """Where rows differ, if those of then still stand in the lake."""
    table = _slice(platform, proved, name)
    key = submission_key(proved.submission_id)
    standing = platform.ledger.evidence.standing(proved.submission_id)
    if table is None or standing is None or standing.judgement != proved.judgement:
        return
    where = {"period": key.period, "_submission_id": proved.submission_id}
    stood = platform.lake.pieces(table, where)
    if proved.evidence is None or not set(now.columns) <= set(stood.columns):
        return
    then = Pieces.of(stood.whole().select(now.columns).sort("_row"))
    if digest_of(then) != proved.evidence.tables[name]:
        return
    yield from _differing_cells(then.whole(), now.whole())


def _differing_cells(then: pl.DataFrame, now: pl.DataFrame) -> Iterator[str]:
    for words, left, right in (("now and not then", now, then), ("then and not now", then, now)):
        for row in left.join(right, on="_row", how="anti", maintain_order="left").get_column("_row"):
            yield f"Row {row} is there {words}."
    both = then.join(now, on="_row", how="inner", suffix=" now", maintain_order="left")
    for column in (one for one in then.columns if one != "_row"):
        differs = pl.col(column).ne_missing(pl.col(f"{column} now"))
        for row in both.filter(differs).get_column("_row"):
            yield f"Row {row} differs in {column}."


def _slice(platform: Platform, proved: EvidencedJudgement, name: str) -> LakeTable | None:
    """The table of the lake in which a judgement's rows stand, if it was ever written."""
    code = submission_key(proved.submission_id).return_code
    major = proved.contract_version.partition(".")[0]
    table = LakeTable("validated", f"{slug(code)}__{name}__v{major}")
    return table if platform.lake.exists(table) else None


def to_json_fields(done: Reproduction) -> Mapping[str, object]:
    """What making a judgement again came to, as JSON has it, without the evidence."""
    return {
        "submission": done.proved.submission_id,
        "judgement": done.proved.judgement,
        "outcome": str(done.likeness),
        "reason": done.reason,
        "differences": list(done.differences),
        "notes": list(done.notes),
    }
