"""Records of judgements and their evidence: frozen values that the ledger takes and returns.

A judgement follows from bytes, the register, other submissions, a day, and code. Evidence names each of them by
content, with the digests of the findings and rows: anybody with the bytes can judge again and must get the same result.
Evidence is stored once, with its judgement, and never changed. It holds no cell, no file name and no secret.

Belongs here: the records, which load without SQLAlchemy. Belongs elsewhere: storing them (``judgements``), gathering
evidence and judging again (``workflows``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from lgdp_pipelines.handover.judgement_values import Repair, RowDigest, RuleOutcome
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.vocabulary.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class InputFile:
    """A received file that a judgement read.

    Attributes:
        receipt: number of its receipt.
        sha256: of its bytes.
        table: name of the table that the file answers; empty where it answers the whole return.
        system: the back-office system that exported it; empty where the file is as the contract has it.
        mapping_sha256: of the mapping that it was read with; empty without one.
        nil: whether the council reports that it has nothing to report.
    """

    receipt: int
    sha256: str
    table: str
    system: str
    mapping_sha256: str
    nil: bool


@dataclass(frozen=True, slots=True)
class PinnedVersion:
    """The code list or reference table version that a judgement used.

    Attributes:
        id: in the register.
        version: in the register.
        sha256: of its content.
    """

    id: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True, order=True)
class ComparedSubmission:
    """A council's other submission that a judgement compared with.

    Attributes:
        return_code: the same return, or another.
        period: id; an earlier one where the return is the same.
        submission_id: the current submission of that return and period; None without one.
    """

    return_code: str
    period: str
    submission_id: str | None


@dataclass(frozen=True, slots=True)
class ComparedRows(ComparedSubmission):
    """The rows of a council's other submission that a judgement compared with.

    Attributes:
        judgement_number: of the judgement that accepted its rows; None where the ledger holds no evidence of it.
        tables: digests of those rows, by table name.
    """

    judgement_number: int | None
    tables: Mapping[str, RowDigest]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The inputs of a judgement, with digests of findings and rows.

    Attributes:
        inputs: the files, in reading order.
        received_on: the day, in Scotland, on which the last file arrived.
        register_sha256: of the list of the register's files, each with its sha256; the list and the files are kept.
        code_lists: of the contract's items.
        reference_tables: of the register, each version.
        compared_submissions: rows of the council's other submissions that the judgement compared with.
        code_sha256: of the files of this package.
        packages: version of each package that can influence a result, and of Python.
        findings: digest of the findings.
        tables: digest of each validated table, by name; empty where no file could be read.
    """

    inputs: tuple[InputFile, ...]
    received_on: date
    register_sha256: str
    code_lists: tuple[PinnedVersion, ...]
    reference_tables: tuple[PinnedVersion, ...]
    compared_submissions: tuple[ComparedRows, ...]
    code_sha256: str
    packages: Mapping[str, str]
    findings: RowDigest
    tables: Mapping[str, RowDigest]


@dataclass(frozen=True, slots=True)
class _Judgement:
    """The fields that new and recorded judgements share.

    Attributes:
        submission_id: of the submission.
        verdict: accepted, queried or rejected.
        contract_version: of the contract that it was judged by.
        contract_sha256: of the contract's file.
        code_version: of the code that judged.
        row_count: rows of the submission, over all tables.
        outcomes: of each rule, once.
        repairs: counts of cells that were made canonical.
        evidence: from which it can be judged again; None where that is impossible.
    """

    submission_id: str
    verdict: Verdict
    contract_version: str
    contract_sha256: str
    code_version: str
    row_count: int
    outcomes: tuple[RuleOutcome, ...]
    repairs: tuple[Repair, ...] = field(default=(), kw_only=True)
    evidence: Evidence | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class NewJudgement(_Judgement):
    """A judgement of a submission, to record in the ledger.

    Attributes:
        rules: all rules of the contract.
        compared_submissions: the council's other submissions that it was compared with, each return and period once.
    """

    rules: Sequence[Rule]
    compared_submissions: Sequence[ComparedSubmission] = ()


@dataclass(frozen=True, slots=True)
class JudgementRecord(_Judgement):
    """A judgement of a submission, as recorded in the ledger.

    Attributes:
        number: in the sequence of the submission's judgements, from 1.
        error_finding_count: findings of severity error.
        query_finding_count: findings of severity query.
        known_issue_finding_count: findings of severity known issue.
        run_id: the run that judged.
        judged_at: in UTC.
    """

    number: int
    error_finding_count: int
    query_finding_count: int
    known_issue_finding_count: int
    run_id: str
    judged_at: datetime


_STORED_KEYS = {"compared_submissions": "against", "judgement_number": "judgement"}
"""Keys of evidence in the ledger and in JSON, where they differ from the attribute."""


def list_stored_fields(evidence: Evidence) -> dict[str, Any]:
    """Return the fields of evidence by the keys of the ledger."""
    return asdict(evidence, dict_factory=lambda fields: {_STORED_KEYS.get(name, name): value for name, value in fields})


def serialise_evidence(evidence: Evidence) -> dict[str, Any]:
    """Return evidence as values that JSON can hold."""
    return {**list_stored_fields(evidence), "received_on": evidence.received_on.isoformat()}
