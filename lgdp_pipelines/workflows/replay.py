"""A judgement made again from what it was made of: its bytes, the register as it was, the other submissions it read.

Everything is read from the kept bytes, nothing from the tables of the lake: those change, and their old versions go.
What belongs here: putting back what was there, and judging. What does not: saying what differs (``reproduce``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from lgdp_pipelines.errors import LgdpError, RegisterError, StorageError
from lgdp_pipelines.handover.chunked_frame import Pieces, Spill
from lgdp_pipelines.handover.row_digest import Digest, digest_of
from lgdp_pipelines.handover.scratch_folders import scratch_folder
from lgdp_pipelines.ledger.judgement_evidence import Evidence, OtherRead, Proved
from lgdp_pipelines.ledger.ledger_values import Receipt, Submission
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.validation.type_parsing import typed_schema
from lgdp_pipelines.vocabulary.periods import Period, parse_period
from lgdp_pipelines.workflows.evidence_gathering import code_sha256, digests_of, package_versions
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import judge_receipts

Stood = Callable[[str, Period, Table], Pieces | None]
"""Gives the council's rows of a return's table in a period, as they stood; None where nothing stood there."""


class CannotRemake(Exception):
    """Something that a judgement was made of is not there any more; its text says what."""


@dataclass(frozen=True)
class Remade:
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


SMALL_ROWS = 20_000
"""Rows of a submission that are remembered for what was held against them."""

REMEMBERED = 256
"""Submissions whose rows are remembered."""


class Past:
    """The registers of the past, each put back once; and the rows of the last small submissions.

    Args:
        platform: whose ledger and bytes are asked.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._registers: dict[str, Platform | str] = {}
        self._small: dict[tuple[str, int], Mapping[str, Pieces]] = {}

    def remade(self, proved: Proved, spill: Spill) -> Remade:
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
        findings, tables = digests_of(judgement)
        return Remade(judgement, findings, tables, tuple(dict.fromkeys(notes)))

    def _judged(self, proved: Proved, evidence: Evidence, stood: Stood, spill: Spill) -> ValidationResult:
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
        except (CannotRemake, StorageError):
            raise
        except LgdpError as error:
            raise CannotRemake(f"The present code cannot judge it as it was: {error.what}") from error

    def _receipts(self, submission: Submission, evidence: Evidence) -> Sequence[Receipt]:
        """The receipts in the order in which they were read, all of whose bytes are there as received."""
        known = {one.id: one for one in self._platform.ledger.receipts_of(submission.id)}
        for one in evidence.inputs:
            if one.receipt not in known or known[one.receipt].sha256 != one.sha256:
                raise CannotRemake(f"The ledger no longer has receipt {one.receipt} as it was read.")
            if not self._platform.raw.path(one.sha256).exists():
                raise CannotRemake(f"The bytes of receipt {one.receipt} of {submission.id} are not held any more.")
            try:
                self._platform.raw.proved(one.sha256)
            except StorageError as error:
                raise CannotRemake(f"Receipt {one.receipt} of {submission.id}: {error.what} {error.remedy}") from error
        return [known[one.receipt] for one in evidence.inputs]

    def _standing(self, evidence: Evidence, note: Callable[[str], None], spill: Spill) -> Stood:
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

    def _judgement_of(self, other: OtherRead) -> Proved:
        """The judgement by which another submission's rows stood when they were read."""
        if other.submission_id is not None and other.judgement is not None:
            found = self._platform.ledger.evidence.of(other.submission_id, other.judgement)
            if found is not None and found.evidence is not None:
                return found
        raise CannotRemake(f"It was held against {other.submission_id}, which was judged before evidence was kept.")

    def _tables_of(self, then: Proved, spill: Spill) -> Mapping[str, Pieces]:
        """Another submission's validated tables. What it was itself held against makes no difference to its rows."""
        tables = self._judged(then, _evidence(then), _nothing, spill).tables
        self._remember(then, tables)
        return tables

    def _remember(self, proved: Proved, tables: Mapping[str, Pieces]) -> None:
        if sum(pieces.height for pieces in tables.values()) > SMALL_ROWS:
            return
        key = (proved.submission_id, proved.judgement)
        self._small[key] = {name: Pieces.of(pieces.whole()) for name, pieces in tables.items()}
        while len(self._small) > REMEMBERED:
            del self._small[next(iter(self._small))]

    def _as_of(self, register_sha256: str) -> Platform:
        """The platform by the register as it was."""
        if register_sha256 not in self._registers:
            self._registers[register_sha256] = self._put_back(register_sha256)
        found = self._registers[register_sha256]
        if isinstance(found, str):
            raise CannotRemake(found)
        return found

    def _put_back(self, register_sha256: str) -> Platform | str:
        try:
            with scratch_folder(self._platform.settings.scratch, "register") as folder:
                self._platform.asked.lay_out(register_sha256, folder)
                return self._platform.by(load_register(folder))
        except RegisterError:
            return "The present code cannot read the register as it was."
        except StorageError as error:
            return f"The register as it was cannot be put back: {error}"


def _nothing(_return_code: str, _period: Period, _table: Table) -> None:
    """Nothing is held against other submissions."""


def _evidence(proved: Proved) -> Evidence:
    if proved.evidence is None:
        raise CannotRemake("It was judged before evidence was kept.")
    return proved.evidence


def _contract(register: Register, submission: Submission, proved: Proved) -> Contract:
    data_return = register.returns.get(submission.return_code)
    for contract in data_return.contracts if data_return else ():
        if (str(contract.version), contract.sha256) == (proved.contract_version, proved.contract_sha256):
            return contract
    raise CannotRemake(f"The register as it was does not hold version {proved.contract_version} of the contract.")


def _code_notes(evidence: Evidence) -> Sequence[str]:
    """Where what judges now is not what judged then."""
    notes = []
    if evidence.code_sha256 != code_sha256():
        notes.append("The platform's code is not the one that judged then: a difference may come from there.")
    now = package_versions()
    changed = sorted(
        f"{name} {evidence.packages.get(name, 'none')} then, {now.get(name, 'none')} now"
        for name in evidence.packages.keys() | now.keys()
        if evidence.packages.get(name) != now.get(name)
    )
    if changed:
        notes.append(f"Other packages judge now, and a difference may come from there: {'; '.join(changed)}.")
    return notes
