"""Keeping the evidence of judgements, and asking for it.

What belongs here: that table. What does not: what evidence is (``evidence``).
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.handover.findings import RuleOutcome
from lgdp_pipelines.handover.row_digest import Digest
from lgdp_pipelines.ledger.database import Database
from lgdp_pipelines.ledger.judgement_records import (
    ComparedRows,
    Evidence,
    EvidencedJudgement,
    InputFile,
    PinnedVersion,
)
from lgdp_pipelines.ledger.schema import EVIDENCE, JUDGEMENT, RULE_RESULT, SUBMISSION
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Verdict


class EvidenceStore:
    """Asking for evidence.

    Args:
        database: the ledger's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, submission_id: str, judgement: int | None = None) -> EvidencedJudgement | None:
        """A judgement of a submission, the last one where no number is given; None where there is none."""
        asked = [] if judgement is None else [JUDGEMENT.c.number == judgement]
        return self._last(JUDGEMENT.c.submission_id == submission_id, *asked)

    def standing(self, submission_id: str) -> EvidencedJudgement | None:
        """The judgement by which a submission's rows stand: the last that did not reject it; None where none has."""
        return self._last(JUDGEMENT.c.submission_id == submission_id, JUDGEMENT.c.verdict != Verdict.REJECTED.value)

    def judged(
        self, return_code: str | None = None, period: str | None = None, council: str | None = None
    ) -> tuple[str, ...]:
        """Ids of the submissions that were ever judged, in order of return, period, council and number."""
        asked = {SUBMISSION.c.return_code: return_code, SUBMISSION.c.period: period, SUBMISSION.c.council_code: council}
        chosen = (
            sa.select(SUBMISSION.c.id)
            .where(
                sa.exists().where(JUDGEMENT.c.submission_id == SUBMISSION.c.id),
                *(column == value for column, value in asked.items() if value is not None),
            )
            .order_by(SUBMISSION.c.return_code, SUBMISSION.c.period, SUBMISSION.c.council_code, SUBMISSION.c.number)
        )
        with self._database.reading() as connection:
            return tuple(connection.scalars(chosen))

    def _last(self, *conditions: sa.ColumnElement[bool]) -> EvidencedJudgement | None:
        with self._database.reading() as connection:
            return _last(connection, *conditions)


def write(connection: sa.Connection, judgement_id: int, evidence: Evidence) -> None:
    """Keep a judgement's evidence, in the transaction that writes the judgement down."""
    connection.execute(sa.insert(EVIDENCE).values(judgement_id=judgement_id, **_row(evidence)))


def has(connection: sa.Connection, submission_id: str, number: int, evidence: Evidence | None) -> bool:
    """Whether a judgement has this very evidence, or none where that is none."""
    found = _last(connection, JUDGEMENT.c.submission_id == submission_id, JUDGEMENT.c.number == number)
    return found is not None and found.evidence == evidence


def _last(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> EvidencedJudgement | None:
    row = (
        connection.execute(
            sa.select(JUDGEMENT, *(column for column in EVIDENCE.c if column.name != "judgement_id"))
            .join_from(JUDGEMENT, EVIDENCE, EVIDENCE.c.judgement_id == JUDGEMENT.c.id, isouter=True)
            .where(*conditions)
            .order_by(JUDGEMENT.c.number.desc())
            .limit(1)
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    results = connection.execute(
        sa.select(RULE_RESULT).where(RULE_RESULT.c.judgement_id == row["id"]).order_by(RULE_RESULT.c.rule)
    )
    outcomes = (RuleOutcome(one.rule, RuleResult(one.result), one.failed, one.reason) for one in results)
    return _proved(dict(row), tuple(outcomes))


def _row(evidence: Evidence) -> dict[str, Any]:
    plain = asdict(evidence)
    findings = plain.pop("findings")
    return {**plain, "findings_sha256": findings["sha256"], "findings": findings["rows"]}


def _evidence(row: Mapping[str, Any]) -> Evidence:
    return Evidence(
        inputs=tuple(InputFile(**one) for one in row["inputs"]),
        received_on=row["received_on"],
        register_sha256=row["register_sha256"],
        code_lists=tuple(PinnedVersion(**one) for one in row["code_lists"]),
        reference_tables=tuple(PinnedVersion(**one) for one in row["reference_tables"]),
        against=tuple(ComparedRows(**{**one, "tables": _digests(one["tables"])}) for one in row["against"]),
        code_sha256=row["code_sha256"],
        packages=row["packages"],
        findings=Digest(row["findings_sha256"], row["findings"]),
        tables=_digests(row["tables"]),
    )


def _digests(plain: Mapping[str, Mapping[str, Any]]) -> dict[str, Digest]:
    return {name: Digest(**digest) for name, digest in plain.items()}


def _proved(row: Mapping[str, Any], results: tuple[RuleOutcome, ...]) -> EvidencedJudgement:
    return EvidencedJudgement(
        submission_id=row["submission_id"],
        judgement=row["number"],
        verdict=Verdict(row["verdict"]),
        contract_version=row["contract_version"],
        contract_sha256=row["contract_sha256"],
        code_version=row["code_version"],
        results=results,
        evidence=None if row["register_sha256"] is None else _evidence(row),
    )
