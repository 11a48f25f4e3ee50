"""The evidence of judgements: stored with each judgement, never changed.

The table of evidence and the questions about it belong here. The records are in ``judgement_records``.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.handover.judgement_values import RowDigest, RuleOutcome
from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.judgement_records import (
    ComparedRows,
    Evidence,
    EvidencedJudgement,
    InputFile,
    PinnedVersion,
)
from lgdp_pipelines.ledger.schema import EVIDENCE, JUDGEMENT, RULE_RESULT, SUBMISSION, filter_return
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Verdict


class EvidenceStore(Repository):
    """The evidence in the ledger."""

    def find(self, submission_id: str, judgement: int | None = None) -> EvidencedJudgement | None:
        """Return a judgement of a submission by its number, the last one by default.

        None where there is none.
        """
        return self._find_last(submission_id, *([] if judgement is None else [JUDGEMENT.c.number == judgement]))

    def find_accepted(self, submission_id: str) -> EvidencedJudgement | None:
        """Return the last judgement that did not reject a submission, or None.

        The submission's rows come from it.
        """
        return self._find_last(submission_id, JUDGEMENT.c.verdict != Verdict.REJECTED.value)

    def list_judged(
        self, return_code: str | None = None, period: str | None = None, council: str | None = None
    ) -> tuple[str, ...]:
        """Return the ids of all submissions judged, in order of return, period, council and number."""
        statement = (
            sa.select(SUBMISSION.c.id)
            .where(
                sa.exists().where(JUDGEMENT.c.submission_id == SUBMISSION.c.id),
                *filter_return(SUBMISSION, return_code, period, council),
            )
            .order_by(SUBMISSION.c.return_code, SUBMISSION.c.period, SUBMISSION.c.council_code, SUBMISSION.c.number)
        )
        return tuple(row.id for row in self._fetch(statement))

    def _find_last(self, submission_id: str, *conditions: sa.ColumnElement[bool]) -> EvidencedJudgement | None:
        with self._database.read() as connection:
            return _find_last(connection, JUDGEMENT.c.submission_id == submission_id, *conditions)


def insert_evidence(connection: sa.Connection, judgement_id: int, evidence: Evidence) -> None:
    """Store a judgement's evidence, in the transaction that records the judgement."""
    values = asdict(evidence)
    findings = values.pop("findings")
    values |= {"findings_sha256": findings["sha256"], "findings": findings["rows"]}
    connection.execute(sa.insert(EVIDENCE).values(judgement_id=judgement_id, **values))


def has_evidence(connection: sa.Connection, submission_id: str, number: int, evidence: Evidence | None) -> bool:
    """Return whether a judgement has exactly this evidence, or has none where None is given."""
    judgement = _find_last(connection, JUDGEMENT.c.submission_id == submission_id, JUDGEMENT.c.number == number)
    return judgement is not None and judgement.evidence == evidence


def select_rule_outcomes(connection: sa.Connection, judgement_id: int) -> tuple[RuleOutcome, ...]:
    """Return the result of each rule in a judgement, in order of rule."""
    rows = connection.execute(
        sa.select(RULE_RESULT).where(RULE_RESULT.c.judgement_id == judgement_id).order_by(RULE_RESULT.c.rule)
    )
    return tuple(RuleOutcome(row.rule, RuleResult(row.result), row.failed, row.reason) for row in rows)


def _find_last(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> EvidencedJudgement | None:
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
    return EvidencedJudgement(
        submission_id=row["submission_id"],
        judgement=row["number"],
        verdict=Verdict(row["verdict"]),
        contract_version=row["contract_version"],
        contract_sha256=row["contract_sha256"],
        code_version=row["code_version"],
        results=select_rule_outcomes(connection, row["id"]),
        evidence=None if row["register_sha256"] is None else _evidence_from_row(row),
    )


def _evidence_from_row(row: Mapping[Any, Any]) -> Evidence:
    return Evidence(
        inputs=tuple(InputFile(**file) for file in row["inputs"]),
        received_on=row["received_on"],
        register_sha256=row["register_sha256"],
        code_lists=tuple(PinnedVersion(**version) for version in row["code_lists"]),
        reference_tables=tuple(PinnedVersion(**version) for version in row["reference_tables"]),
        against=tuple(
            ComparedRows(**{**compared, "tables": _parse_digests(compared["tables"])}) for compared in row["against"]
        ),
        code_sha256=row["code_sha256"],
        packages=row["packages"],
        findings=RowDigest(row["findings_sha256"], row["findings"]),
        tables=_parse_digests(row["tables"]),
    )


def _parse_digests(values: Mapping[str, Mapping[str, Any]]) -> dict[str, RowDigest]:
    return {name: RowDigest(**digest) for name, digest in values.items()}
