"""What each judgement was made of, and what it came to, so that it can be made again and held against itself.

A judgement follows from bytes, the register, other submissions that were read, a day, and code. Evidence names each of
them by content. Whoever still holds the bytes can then judge again and must come to the same findings and the same
rows: their digests are here too. Evidence is written once, with its judgement, and never changed. It holds no cell, no
name of a file and no secret.
What belongs here: the records. What does not: how they are kept (``proving``), gathering them and judging again
(``journey``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from lgdp_pipelines.handover.findings import Repair, RuleOutcome
from lgdp_pipelines.handover.row_digest import RowDigest
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.vocabulary.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class InputFile:
    """One received file that was read.

    Attributes:
        receipt: number of its receipt.
        sha256: of its bytes.
        table: that it was sent for; empty where it was sent for none in particular.
        system: the back-office system whose export it is; empty: in the contract's manner.
        mapping_sha256: of the mapping that it was read by; empty where it was read by none.
        nil: whether it says that there is nothing to report.
    """

    receipt: int
    sha256: str
    table: str
    system: str
    mapping_sha256: str
    nil: bool


@dataclass(frozen=True, slots=True)
class PinnedVersion:
    """A code list or reference table as it was.

    Attributes:
        id: in the register.
        version: of it.
        sha256: of what it said.
    """

    id: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ComparedRows:
    """What the council had current elsewhere, which figures were held against.

    Attributes:
        return_code: its own return, or another.
        period: id.
        submission_id: what was current there; None where nothing was.
        judgement: number of the judgement by which its rows stood; None where there was none that left evidence.
        tables: digests of those rows, by table name.
    """

    return_code: str
    period: str
    submission_id: str | None
    judgement: int | None
    tables: Mapping[str, RowDigest]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one judgement was made of, and what it came to.

    Attributes:
        inputs: the files, in the order in which they were read.
        received_on: the day, in Scotland, on which the last byte came.
        register_sha256: of the list of the register's files, each with its sha256; the list and the files are kept.
        code_lists: those that the contract's items name.
        reference_tables: those of the register, each version.
        against: other submissions of the council, as they stood.
        code_sha256: of the package's own files.
        packages: version of each package that can influence a result, and of Python.
        findings: digest of the findings.
        tables: digest of each validated table, by name; none where nothing could be read.
    """

    inputs: tuple[InputFile, ...]
    received_on: date
    register_sha256: str
    code_lists: tuple[PinnedVersion, ...]
    reference_tables: tuple[PinnedVersion, ...]
    against: tuple[ComparedRows, ...]
    code_sha256: str
    packages: Mapping[str, str]
    findings: RowDigest
    tables: Mapping[str, RowDigest]


@dataclass(frozen=True, slots=True)
class EvidencedJudgement:
    """A judgement with its evidence.

    Attributes:
        submission_id: what was judged.
        judgement: number of the judgement.
        verdict: what it came to.
        contract_version: by which contract.
        contract_sha256: of the contract's file.
        code_version: by which code.
        results: what became of each rule.
        evidence: of it; None where it was judged before evidence was kept.
    """

    submission_id: str
    judgement: int
    verdict: Verdict
    contract_version: str
    contract_sha256: str
    code_version: str
    results: tuple[RuleOutcome, ...]
    evidence: Evidence | None


@dataclass(frozen=True, slots=True, order=True)
class ComparedSubmission:
    """What a submission was held against: what its council had current for a return and a period.

    Attributes:
        return_code: its own return, or another.
        period: id; of the own return an earlier one.
        submission_id: what was current there; None where nothing was.
    """

    return_code: str
    period: str
    submission_id: str | None


@dataclass(frozen=True, slots=True)
class NewJudgement:
    """One judging of a submission, for the ledger.

    Attributes:
        submission_id: what was judged.
        verdict: what it came to.
        contract_version: by which contract.
        contract_sha256: of the contract's file.
        code_version: by which code.
        rows: how many rows the submission has, over all tables.
        rules: every rule of the contract.
        results: what became of each of them, once each.
        against: the other submissions of its council that it was held against, each return and period once.
        evidence: what it was made of, so that it can be made again; None where nobody can make it again.
        repairs: how many cells were brought into the contract's own spelling.
    """

    submission_id: str
    verdict: Verdict
    contract_version: str
    contract_sha256: str
    code_version: str
    rows: int
    rules: Sequence[Rule]
    results: Sequence[RuleOutcome]
    against: Sequence[ComparedSubmission] = ()
    evidence: Evidence | None = None
    repairs: Sequence[Repair] = ()


@dataclass(frozen=True, slots=True)
class JudgementRecord:
    """One judging of a submission, as the ledger keeps it.

    Attributes:
        submission_id: what was judged.
        number: in the sequence of the submission's judgements, from 1.
        verdict: what it came to.
        contract_version: by which contract.
        contract_sha256: of the contract's file.
        code_version: by which code.
        rows: how many rows the submission has.
        errors: findings of severity error.
        queries: findings of severity query.
        known_issues: findings of severity known issue.
        run_id: the run that judged.
        judged_at: in UTC.
        results: what became of each rule.
        repairs: how many cells were brought into the contract's own spelling.
    """

    submission_id: str
    number: int
    verdict: Verdict
    contract_version: str
    contract_sha256: str
    code_version: str
    rows: int
    errors: int
    queries: int
    known_issues: int
    run_id: str
    judged_at: datetime
    results: tuple[RuleOutcome, ...]
    repairs: tuple[Repair, ...] = ()


def as_plain(evidence: Evidence) -> dict[str, Any]:
    """Evidence as JSON has it."""
    return {**asdict(evidence), "received_on": evidence.received_on.isoformat()}
