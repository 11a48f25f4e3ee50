"""Judgements: recorded with rule results and evidence, and their effect on submissions, in one transaction.

Belongs here: the steps from state to state, and reading judgements back. Belongs elsewhere: reaching a verdict
(``validation``), gathering evidence (``workflows``) and moving rows (``storage``), which all happen before.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.handover.judgement_values import QueryScope, Repair, RowDigest, RuleOutcome
from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.judgement_records import (
    ComparedRows,
    Evidence,
    InputFile,
    JudgementRecord,
    NewJudgement,
    PinnedVersion,
    list_stored_fields,
)
from lgdp_pipelines.ledger.queries import update_queries
from lgdp_pipelines.ledger.schema import (
    EVIDENCE,
    JUDGED_AGAINST,
    JUDGEMENT,
    REPAIR,
    RULE_RESULT,
    SUBMISSION,
    filter_return,
)
from lgdp_pipelines.ledger.submission_records import Submission, SubmissionState
from lgdp_pipelines.ledger.submissions import load_submission, select_submissions, set_state, was_accepted
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Severity, Verdict

_WAS_ACCEPTING = JUDGEMENT.c.verdict != Verdict.REJECTED
_ATTRIBUTES = {
    "rows": "row_count",
    "errors": "error_finding_count",
    "queries": "query_finding_count",
    "known_issues": "known_issue_finding_count",
}
"""Attribute of a record for each column of another name."""


class JudgementRepository(Repository):
    """The judgements of the ledger, with their evidence."""

    def record(self, run_id: str, judgements: Sequence[NewJudgement]) -> None:
        """Record new judgements, and update their submissions' states and queries.

        Accepted or queried: the submission becomes current, and the one before it superseded; it is superseded at once
        where a later one is current. Rejected: it becomes rejected, but a current one stays current. A submission that
        was withdrawn while it was judged stays withdrawn, and its judgement is not recorded. Repeating the call does
        nothing.

        Raises:
            WrongUse: a submission is unknown. Nothing was recorded.
            LedgerError: a judgement contradicts its results. Nothing was recorded.
        """
        self._database.write(lambda connection: _record(connection, run_id, judgements, self._clock()))

    def find(self, submission_id: str, number: int | None = None) -> JudgementRecord | None:
        """Return a submission's judgement by number, or the latest; None without one."""
        return self._read(_find_last, submission_id, *([] if number is None else [JUDGEMENT.c.number == number]))

    def find_accepting(self, submission_id: str) -> JudgementRecord | None:
        """Return the last judgement that accepted a submission, or None.

        The submission's rows come from it.
        """
        return self._read(_find_last, submission_id, _WAS_ACCEPTING)

    def count_accepted_rows(self, submission_id: str) -> int:
        """Return the number of rows by the last accepting judgement; else 0."""
        return next((row.rows for row in self._fetch_accepting(submission_id)), 0)

    def find_accepting_version(self, submission_id: str) -> str:
        """Return the contract version of the last accepting judgement, or ""."""
        return next((row.contract_version for row in self._fetch_accepting(submission_id)), "")

    def list_judged_submissions(
        self, return_code: str | None = None, *, period: str | None = None, council: str | None = None
    ) -> tuple[str, ...]:
        """Return the ids of judged submissions that match the filters.

        They are in order of return, period, council and number.
        """
        statement = (
            sa.select(SUBMISSION.c.id)
            .where(
                sa.exists().where(JUDGEMENT.c.submission_id == SUBMISSION.c.id),
                *filter_return(SUBMISSION, return_code, period, council_code=council),
            )
            .order_by(SUBMISSION.c.return_code, SUBMISSION.c.period, SUBMISSION.c.council_code, SUBMISSION.c.number)
        )
        return tuple(row.id for row in self._fetch(statement))

    def _fetch_accepting(self, submission_id: str) -> Sequence[Any]:
        """Return at most one row: the submission's last accepting judgement."""
        return self._fetch(
            sa.select(JUDGEMENT)
            .where(JUDGEMENT.c.submission_id == submission_id, _WAS_ACCEPTING)
            .order_by(JUDGEMENT.c.number.desc())
            .limit(1)
        )


def _record(connection: sa.Connection, run_id: str, judgements: Sequence[NewJudgement], now: datetime) -> None:
    """Record judgements and effects; skip withdrawn submissions and repeated judgements.

    A repeated judgement still replaces the record of the submissions compared with.
    """
    pairs = [(load_submission(connection, judgement.submission_id), judgement) for judgement in judgements]
    for submission, judgement in sorted(pairs, key=lambda pair: (pair[0].council_code, pair[0].number)):
        _refuse_contradiction(judgement)
        if submission.state is SubmissionState.WITHDRAWN:
            continue
        _replace_comparisons(connection, judgement)
        latest = _find_last(connection, submission.id)
        if latest is None or not _is_same(latest, run_id, judgement):
            _insert(connection, run_id, judgement, 1 if latest is None else latest.number + 1, now)
            _update_states_and_queries(connection, submission, judgement, now)


def _refuse_contradiction(judgement: NewJudgement) -> None:
    """Refuse a judgement whose results contradict its rules or verdict."""
    counts = Counter(outcome.rule for outcome in judgement.outcomes)
    rule_ids = {rule.id for rule in judgement.rules}
    differing_ids = sorted({rule for rule, count in counts.items() if count != 1} | (rule_ids ^ set(counts)))
    if differing_ids:
        raise LedgerError(
            f"Each rule must have exactly one result, but these do not: {', '.join(differing_ids[:5])}.",
            where=judgement.submission_id,
            remedy="Nothing was recorded. Judge the submission again by all rules of the contract.",
        )
    is_rejected = judgement.verdict is Verdict.REJECTED
    has_failures = bool(_list_outcomes(judgement, Severity.ERROR))
    # An error rule that could not be run may reject a submission, too.
    may_reject = is_rejected and bool(_list_outcomes(judgement, Severity.ERROR, RuleResult.NOT_RUN))
    if is_rejected != has_failures and not may_reject:
        raise LedgerError(
            f"The verdict is {judgement.verdict}, but the results of the rules contradict it.",
            where=judgement.submission_id,
            remedy="Nothing was recorded. A broken error rule rejects a submission; other rules do not.",
        )


def _list_outcomes(
    judgement: NewJudgement, severity: Severity, result: RuleResult = RuleResult.FAILED
) -> list[RuleOutcome]:
    """Return outcomes of one severity and result, by default failed ones."""
    rules = {rule.id for rule in judgement.rules if rule.severity is severity}
    return [outcome for outcome in judgement.outcomes if outcome.result is result and outcome.rule in rules]


def _is_same(latest: JudgementRecord, run_id: str, judgement: NewJudgement) -> bool:
    """Return whether the latest judgement is this one, from the same run."""
    return (
        (latest.run_id, latest.verdict, latest.contract_sha256, latest.code_version, latest.row_count)
        == (run_id, judgement.verdict, judgement.contract_sha256, judgement.code_version, judgement.row_count)
        and set(latest.outcomes) == set(judgement.outcomes)
        and latest.evidence == judgement.evidence
    )


def _insert(connection: sa.Connection, run_id: str, judgement: NewJudgement, number: int, now: datetime) -> None:
    """Insert a judgement with its evidence, repairs and rule results."""
    judgement_id: int = connection.execute(
        sa.insert(JUDGEMENT)
        .values(
            submission_id=judgement.submission_id,
            number=number,
            verdict=judgement.verdict,
            contract_version=judgement.contract_version,
            contract_sha256=judgement.contract_sha256,
            code_version=judgement.code_version,
            rows=judgement.row_count,
            errors=sum(outcome.failed for outcome in _list_outcomes(judgement, Severity.ERROR)),
            queries=sum(outcome.failed for outcome in _list_outcomes(judgement, Severity.QUERY)),
            known_issues=sum(outcome.failed for outcome in _list_outcomes(judgement, Severity.KNOWN_ISSUE)),
            run_id=run_id,
            judged_at=now,
        )
        .returning(JUDGEMENT.c.id)
    ).scalar_one()
    if judgement.evidence is not None:
        connection.execute(sa.insert(EVIDENCE).values(_build_evidence_row(judgement_id, judgement.evidence)))
    if judgement.repairs:
        connection.execute(
            sa.insert(REPAIR),
            [_build_repair_row(judgement.submission_id, number, repair) for repair in judgement.repairs],
        )
    if judgement.outcomes:
        severities = {rule.id: rule.severity for rule in judgement.rules}
        connection.execute(
            sa.insert(RULE_RESULT),
            [_build_result_row(judgement_id, severities[outcome.rule], outcome) for outcome in judgement.outcomes],
        )


def _build_evidence_row(judgement_id: int, evidence: Evidence) -> dict[str, object]:
    """Return evidence of a judgement as a row to insert."""
    findings = {"findings": evidence.findings.rows, "findings_sha256": evidence.findings.sha256}
    return {"judgement_id": judgement_id, **list_stored_fields(evidence), **findings}


def _build_repair_row(submission_id: str, judgement_number: int, repair: Repair) -> dict[str, object]:
    """Return a repair of a judgement as a row to insert."""
    return {
        "submission_id": submission_id,
        "judgement": judgement_number,
        "table_name": repair.table,
        "item": repair.item,
        "kind": repair.kind,
        "cells": repair.cells,
    }


def _build_result_row(judgement_id: int, severity: Severity, outcome: RuleOutcome) -> dict[str, object]:
    """Return a rule's outcome, with its severity, as a row to insert."""
    return {
        "judgement_id": judgement_id,
        "rule": outcome.rule,
        "severity": severity,
        "result": outcome.result,
        "failed": outcome.failed,
        "reason": outcome.reason,
    }


def _update_states_and_queries(
    connection: sa.Connection, submission: Submission, judgement: NewJudgement, now: datetime
) -> None:
    """Update submission states, and queries unless rejected or superseded.

    An accepted submission supersedes the current one. A rejection removes nothing: a current submission and its queries
    stay.
    """
    if judgement.verdict is Verdict.REJECTED:
        if submission.state is SubmissionState.JUDGING:
            set_state(connection, submission.id, SubmissionState.REJECTED)
        return
    if submission.state in {SubmissionState.JUDGING, SubmissionState.REJECTED}:
        last = _find_last_accepted(connection, submission)
        if last is not None and last.number > submission.number:
            set_state(connection, submission.id, SubmissionState.SUPERSEDED)
            return
        if last is not None and last.state is SubmissionState.CURRENT:
            set_state(connection, last.id, SubmissionState.SUPERSEDED)
        set_state(connection, submission.id, SubmissionState.CURRENT)
    if submission.state is not SubmissionState.SUPERSEDED:
        update_queries(connection, submission, _list_query_scopes(judgement), now)


def _list_query_scopes(judgement: NewJudgement) -> dict[str, tuple[QueryScope, ...]]:
    """Return each broken query rule's scopes; one empty scope by default."""
    return {
        outcome.rule: outcome.query_scopes or (QueryScope("", outcome.failed),)
        for outcome in _list_outcomes(judgement, Severity.QUERY)
    }


def _find_last_accepted(connection: sa.Connection, submission: Submission) -> Submission | None:
    """Return the council's last other accepted submission, current or withdrawn."""
    accepted = select_submissions(
        connection,
        *filter_return(SUBMISSION, submission.return_code, submission.period, council_code=submission.council_code),
        SUBMISSION.c.id != submission.id,
        SUBMISSION.c.state.in_([SubmissionState.CURRENT, SubmissionState.WITHDRAWN]),
        was_accepted(),
    )
    return accepted[-1] if accepted else None


def _replace_comparisons(connection: sa.Connection, judgement: NewJudgement) -> None:
    """Replace the record of submissions that a submission was compared with."""
    connection.execute(sa.delete(JUDGED_AGAINST).where(JUDGED_AGAINST.c.submission_id == judgement.submission_id))
    if judgement.compared_submissions:
        connection.execute(
            sa.insert(JUDGED_AGAINST),
            [
                {
                    "submission_id": judgement.submission_id,
                    "return_code": comparison.return_code,
                    "period": comparison.period,
                    "against_id": comparison.submission_id,
                }
                for comparison in judgement.compared_submissions
            ],
        )


def _find_last(
    connection: sa.Connection, submission_id: str, *conditions: sa.ColumnElement[bool]
) -> JudgementRecord | None:
    """Return a submission's last judgement that meets the conditions, or None."""
    row = (
        connection.execute(
            sa.select(JUDGEMENT, *(column for column in EVIDENCE.c if column.name != "judgement_id"))
            .join_from(JUDGEMENT, EVIDENCE, EVIDENCE.c.judgement_id == JUDGEMENT.c.id, isouter=True)
            .where(JUDGEMENT.c.submission_id == submission_id, *conditions)
            .order_by(JUDGEMENT.c.number.desc())
            .limit(1)
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    outcome_rows = connection.execute(
        sa.select(RULE_RESULT).where(RULE_RESULT.c.judgement_id == row["id"]).order_by(RULE_RESULT.c.rule)
    )
    repairs: Sequence[Any] = connection.execute(
        sa.select(REPAIR.c.table_name, REPAIR.c.item, REPAIR.c.kind, REPAIR.c.cells)
        .where(REPAIR.c.submission_id == submission_id, REPAIR.c.judgement == row["number"])
        .order_by(REPAIR.c.table_name, REPAIR.c.item, REPAIR.c.kind)
    ).all()
    values = {_ATTRIBUTES.get(column.name, column.name): row[column] for column in JUDGEMENT.c if column.name != "id"}
    return JudgementRecord(
        **values,
        outcomes=tuple(RuleOutcome(row.rule, row.result, row.failed, row.reason) for row in outcome_rows),
        repairs=tuple(Repair(*repair) for repair in repairs),
        evidence=None if row["register_sha256"] is None else _build_evidence(row),
    )


def _build_evidence(row: Mapping[Any, Any]) -> Evidence:
    """Return the evidence in a joined row of judgement and evidence."""
    return Evidence(
        inputs=tuple(InputFile(**file) for file in row["inputs"]),
        received_on=row["received_on"],
        register_sha256=row["register_sha256"],
        code_lists=tuple(PinnedVersion(**version) for version in row["code_lists"]),
        reference_tables=tuple(PinnedVersion(**version) for version in row["reference_tables"]),
        compared_submissions=tuple(
            ComparedRows(
                compared["return_code"],
                compared["period"],
                compared["submission_id"],
                compared["judgement"],
                _parse_digests(compared["tables"]),
            )
            for compared in row["against"]
        ),
        code_sha256=row["code_sha256"],
        packages=row["packages"],
        findings=RowDigest(row["findings_sha256"], row["findings"]),
        tables=_parse_digests(row["tables"]),
    )


def _parse_digests(values: Mapping[str, Mapping[str, Any]]) -> dict[str, RowDigest]:
    """Return digests of rows by table name, from JSON values."""
    return {name: RowDigest(**digest) for name, digest in values.items()}
