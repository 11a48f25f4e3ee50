"""Judgements: recorded with the result of each rule, and what they do to submissions, in one transaction.

The steps from state to state belong here. Reaching a verdict (``validation``) and moving rows (``storage``) happen
before.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.handover.judgement_values import QueryScope, Repair, RepairKind, RuleOutcome
from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.evidence_store import has_evidence, insert_evidence, select_rule_outcomes
from lgdp_pipelines.ledger.judgement_records import JudgementRecord, NewJudgement
from lgdp_pipelines.ledger.query_lifecycle import update_queries
from lgdp_pipelines.ledger.schema import JUDGED_AGAINST, JUDGEMENT, REPAIR, RULE_RESULT, SUBMISSION
from lgdp_pipelines.ledger.submission_records import Submission, SubmissionState
from lgdp_pipelines.ledger.submissions import load_submission, select_submissions, set_state, was_accepted
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Severity, Verdict


class JudgementRepository(Repository):
    """The judgements of the ledger."""

    def record(self, run_id: str, judgements: Sequence[NewJudgement]) -> None:
        """Record judgements and change their submissions' states. Repeating it does nothing.

        Accepted or queried: the submission becomes current, and the one before it superseded; it is superseded at once
        where a later one is current. Rejected: it becomes rejected, but a current one stays current. A submission that
        was withdrawn while it was judged stays withdrawn, and its judgement is not recorded.

        Raises:
            WrongUse: a submission is unknown. Nothing was recorded.
            LedgerError: a judgement contradicts its results. Nothing was recorded.
        """
        self._database.write(lambda connection: _record(connection, run_id, judgements, self._clock()))

    def find_latest(self, submission_id: str) -> JudgementRecord | None:
        """Return the latest judgement of a submission, or None."""
        with self._database.read() as connection:
            return _find_latest(connection, submission_id)

    def count_accepted_rows(self, submission_id: str) -> int:
        """Return the rows of a submission by its last accepting judgement, over all tables.

        0 without one.
        """
        return next((row.rows for row in self._fetch_accepting(submission_id)), 0)

    def find_accepting_version(self, submission_id: str) -> str:
        """Return the version of the contract that accepted a submission last, or an empty text."""
        return next((row.contract_version for row in self._fetch_accepting(submission_id)), "")

    def _fetch_accepting(self, submission_id: str) -> Sequence[Any]:
        """Return the last judgement that did not reject a submission."""
        return self._fetch(
            sa.select(JUDGEMENT)
            .where(JUDGEMENT.c.submission_id == submission_id, JUDGEMENT.c.verdict != Verdict.REJECTED.value)
            .order_by(JUDGEMENT.c.number.desc())
            .limit(1)
        )


def _record(connection: sa.Connection, run_id: str, judgements: Sequence[NewJudgement], now: datetime) -> None:
    pairs = [(load_submission(connection, judgement.submission_id), judgement) for judgement in judgements]
    for submission, judgement in sorted(pairs, key=lambda pair: (pair[0].council_code, pair[0].number)):
        _refuse_contradiction(judgement)
        if submission.state is SubmissionState.WITHDRAWN:
            continue
        _replace_comparisons(connection, judgement)
        if not _is_recorded(connection, _find_latest(connection, submission.id), run_id, judgement):
            _insert(connection, run_id, judgement, now)
            _change_state(connection, submission, judgement, now)


def _refuse_contradiction(judgement: NewJudgement) -> None:
    counts = Counter(outcome.rule for outcome in judgement.results)
    expected = {rule.id for rule in judgement.rules}
    differing = sorted({rule for rule, count in counts.items() if count != 1} | (expected ^ set(counts)))
    if differing:
        raise LedgerError(
            f"Each rule must have exactly one result, but these do not: {', '.join(differing[:5])}.",
            where=judgement.submission_id,
            remedy="Nothing was recorded. Judge the submission again by all rules of the contract.",
        )
    has_errors = bool(_count_failures(judgement, Severity.ERROR))
    if (judgement.verdict is Verdict.REJECTED) != has_errors and not _has_unrun_error(judgement):
        raise LedgerError(
            f"The verdict is {judgement.verdict}, but the results of the rules contradict it.",
            where=judgement.submission_id,
            remedy="Nothing was recorded. A broken error rule rejects a submission; other rules do not.",
        )


def _has_unrun_error(judgement: NewJudgement) -> bool:
    """Return whether a rejection may rest on an error rule that could not be run."""
    severities = _map_severities(judgement)
    return judgement.verdict is Verdict.REJECTED and any(
        outcome.result is RuleResult.NOT_RUN and severities[outcome.rule] is Severity.ERROR
        for outcome in judgement.results
    )


def _map_severities(judgement: NewJudgement) -> Mapping[str, Severity]:
    return {rule.id: rule.severity for rule in judgement.rules}


def _count_failures(judgement: NewJudgement, severity: Severity) -> dict[str, int]:
    """Return the failed rules of a severity, and at how many places each failed."""
    severities = _map_severities(judgement)
    return {
        outcome.rule: outcome.failed
        for outcome in judgement.results
        if outcome.result is RuleResult.FAILED and severities[outcome.rule] is severity
    }


def _is_recorded(
    connection: sa.Connection, latest: JudgementRecord | None, run_id: str, judgement: NewJudgement
) -> bool:
    """Return whether the latest judgement is this one, recorded before by the same run."""
    return (
        latest is not None
        and (latest.run_id, latest.verdict, latest.contract_sha256, latest.code_version, latest.rows)
        == (run_id, judgement.verdict, judgement.contract_sha256, judgement.code_version, judgement.rows)
        and set(latest.results) == set(judgement.results)
        and has_evidence(connection, judgement.submission_id, latest.number, judgement.evidence)
    )


def _insert(connection: sa.Connection, run_id: str, judgement: NewJudgement, now: datetime) -> None:
    last = connection.scalar(
        sa.select(sa.func.max(JUDGEMENT.c.number)).where(JUDGEMENT.c.submission_id == judgement.submission_id)
    )
    number = (last or 0) + 1
    judgement_id: int = connection.execute(
        sa.insert(JUDGEMENT)
        .values(
            submission_id=judgement.submission_id,
            number=number,
            verdict=judgement.verdict.value,
            contract_version=judgement.contract_version,
            contract_sha256=judgement.contract_sha256,
            code_version=judgement.code_version,
            rows=judgement.rows,
            errors=sum(_count_failures(judgement, Severity.ERROR).values()),
            queries=sum(_count_failures(judgement, Severity.QUERY).values()),
            known_issues=sum(_count_failures(judgement, Severity.KNOWN_ISSUE).values()),
            run_id=run_id,
            judged_at=now,
        )
        .returning(JUDGEMENT.c.id)
    ).scalar_one()
    if judgement.evidence is not None:
        insert_evidence(connection, judgement_id, judgement.evidence)
    if judgement.repairs:
        connection.execute(
            sa.insert(REPAIR), [_repair_row(judgement.submission_id, number, repair) for repair in judgement.repairs]
        )
    if judgement.results:
        severities = _map_severities(judgement)
        connection.execute(
            sa.insert(RULE_RESULT),
            [_result_row(judgement_id, severities[outcome.rule], outcome) for outcome in judgement.results],
        )


def _repair_row(submission_id: str, judgement_number: int, repair: Repair) -> dict[str, object]:
    return {
        "submission_id": submission_id,
        "judgement": judgement_number,
        "table_name": repair.table,
        "item": repair.item,
        "kind": repair.kind.value,
        "cells": repair.cells,
    }


def _result_row(judgement_id: int, severity: Severity, outcome: RuleOutcome) -> dict[str, object]:
    return {
        "judgement_id": judgement_id,
        "rule": outcome.rule,
        "severity": severity.value,
        "result": outcome.result.value,
        "failed": outcome.failed,
        "reason": outcome.reason,
    }


def _change_state(connection: sa.Connection, submission: Submission, judgement: NewJudgement, now: datetime) -> None:
    """Change a submission's state.

    A rejection removes nothing: a current one stays, and so do its queries.
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
    """Return the scopes of each broken query rule.

    One empty scope for a rule without.
    """
    queries = _count_failures(judgement, Severity.QUERY)
    return {
        outcome.rule: outcome.query_scopes or (QueryScope("", outcome.failed),)
        for outcome in judgement.results
        if outcome.rule in queries
    }


def _find_last_accepted(connection: sa.Connection, submission: Submission) -> Submission | None:
    """Return the last other accepted submission of a place, current or withdrawn."""
    accepted = select_submissions(
        connection,
        SUBMISSION.c.return_code == submission.return_code,
        SUBMISSION.c.council_code == submission.council_code,
        SUBMISSION.c.period == submission.period,
        SUBMISSION.c.id != submission.id,
        SUBMISSION.c.state.in_([SubmissionState.CURRENT.value, SubmissionState.WITHDRAWN.value]),
        was_accepted(),
    )
    return accepted[-1] if accepted else None


def _replace_comparisons(connection: sa.Connection, judgement: NewJudgement) -> None:
    """Record the submissions that this judgement compared with."""
    connection.execute(sa.delete(JUDGED_AGAINST).where(JUDGED_AGAINST.c.submission_id == judgement.submission_id))
    if judgement.against:
        connection.execute(
            sa.insert(JUDGED_AGAINST),
            [
                {
                    "submission_id": judgement.submission_id,
                    "return_code": compared.return_code,
                    "period": compared.period,
                    "against_id": compared.submission_id,
                }
                for compared in judgement.against
            ],
        )


def _find_latest(connection: sa.Connection, submission_id: str) -> JudgementRecord | None:
    row = connection.execute(
        sa.select(JUDGEMENT)
        .where(JUDGEMENT.c.submission_id == submission_id)
        .order_by(JUDGEMENT.c.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    values["verdict"] = Verdict(values["verdict"])
    results = select_rule_outcomes(connection, values.pop("id"))
    repairs: Sequence[Any] = connection.execute(
        sa.select(REPAIR.c.table_name, REPAIR.c.item, REPAIR.c.kind, REPAIR.c.cells)
        .where(REPAIR.c.submission_id == submission_id, REPAIR.c.judgement == values["number"])
        .order_by(REPAIR.c.table_name, REPAIR.c.item, REPAIR.c.kind)
    ).all()
    return JudgementRecord(
        **values,
        results=results,
        repairs=tuple(Repair(table, item, RepairKind(kind), cells) for table, item, kind, cells in repairs),
    )
