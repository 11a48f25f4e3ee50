"""Settling: what judgements do to submissions, in one transaction.

What belongs here: the steps from state to state. What does not: reaching a verdict (``validation``) and moving rows
(``storage``), which happen before.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.handover.findings import QueryScope, RuleOutcome
from lgdp_pipelines.ledger import evidence_store, repair_counts
from lgdp_pipelines.ledger.judgement_records import JudgementRecord, NewJudgement
from lgdp_pipelines.ledger.query_lifecycle import ask
from lgdp_pipelines.ledger.schema import JUDGED_AGAINST, JUDGEMENT, RULE_RESULT, SUBMISSION
from lgdp_pipelines.ledger.submission_lookup import latest_judgement, submission, submissions_where, was_accepted
from lgdp_pipelines.ledger.submission_records import Submission, SubmissionState
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Severity, Verdict


def settle(connection: sa.Connection, run_id: str, judged: Sequence[NewJudgement], now: datetime) -> None:
    """Write judgements down and move their submissions on, each council's in sequence order.

    A submission that its council took back while it was judged stays withdrawn, and nothing is written of it.

    Raises:
        LedgerError: a submission is not known, or a judgement contradicts its results.
    """
    known = [(submission(connection, one.submission_id), one) for one in judged]
    for found, one in sorted(known, key=lambda pair: (pair[0].council_code, pair[0].number)):
        _refuse_contradiction(one)
        if found.state is SubmissionState.WITHDRAWN:
            continue
        _write_against(connection, one)
        if not _is_settled(connection, latest_judgement(connection, found.id), run_id, one):
            _write(connection, run_id, one, now)
            _move(connection, found, one, now)


def _refuse_contradiction(one: NewJudgement) -> None:
    ids = Counter(outcome.rule for outcome in one.results)
    expected = [rule.id for rule in one.rules]
    differing = sorted({rule for rule, count in ids.items() if count != 1} | (set(expected) ^ set(ids)))
    if differing:
        raise LedgerError(
            f"Each rule must have one result; this is not so for {', '.join(differing[:5])}.",
            where=one.submission_id,
            remedy="Nothing was settled. Judge the submission again with the contract's whole set of rules.",
        )
    if (one.verdict is Verdict.REJECTED) != bool(_failed(one, Severity.ERROR)) and not _has_unrun_error(one):
        raise LedgerError(
            f"The verdict is {one.verdict}, and the results of the rules say otherwise.",
            where=one.submission_id,
            remedy="Nothing was settled. A broken error rule rejects, and nothing else does.",
        )


def _has_unrun_error(one: NewJudgement) -> bool:
    """Whether a rule that rejects was not run: then a rejection may rest on why it could not be."""
    severities = _severities(one)
    return one.verdict is Verdict.REJECTED and any(
        outcome.result is RuleResult.NOT_RUN and severities[outcome.rule] is Severity.ERROR for outcome in one.results
    )


def _severities(one: NewJudgement) -> Mapping[str, Severity]:
    return {rule.id: rule.severity for rule in one.rules}


def _failed(one: NewJudgement, severity: Severity) -> dict[str, int]:
    """Failed rules of a severity, and at how many places."""
    severities = _severities(one)
    return {
        outcome.rule: outcome.failed
        for outcome in one.results
        if outcome.result is RuleResult.FAILED and severities[outcome.rule] is severity
    }


def _is_settled(connection: sa.Connection, latest: JudgementRecord | None, run_id: str, one: NewJudgement) -> bool:
    """Whether the latest judgement is this very one, told again by a run that was repeated."""
    return (
        latest is not None
        and (latest.run_id, latest.verdict, latest.contract_sha256, latest.code_version, latest.rows)
        == (run_id, one.verdict, one.contract_sha256, one.code_version, one.rows)
        and set(latest.results) == set(one.results)
        and evidence_store.has(connection, one.submission_id, latest.number, one.evidence)
    )


def _write(connection: sa.Connection, run_id: str, one: NewJudgement, now: datetime) -> None:
    last = connection.scalar(
        sa.select(sa.func.max(JUDGEMENT.c.number)).where(JUDGEMENT.c.submission_id == one.submission_id)
    )
    number = (last or 0) + 1
    key: int = connection.execute(
        sa.insert(JUDGEMENT)
        .values(
            submission_id=one.submission_id,
            number=number,
            verdict=one.verdict.value,
            contract_version=one.contract_version,
            contract_sha256=one.contract_sha256,
            code_version=one.code_version,
            rows=one.rows,
            errors=sum(_failed(one, Severity.ERROR).values()),
            queries=sum(_failed(one, Severity.QUERY).values()),
            known_issues=sum(_failed(one, Severity.KNOWN_ISSUE).values()),
            run_id=run_id,
            judged_at=now,
        )
        .returning(JUDGEMENT.c.id)
    ).scalar_one()
    if one.evidence is not None:
        evidence_store.write(connection, key, one.evidence)
    repair_counts.keep(connection, one.submission_id, number, one.repairs)
    severities = _severities(one)
    if one.results:
        connection.execute(
            sa.insert(RULE_RESULT),
            [_result_row(key, severities[outcome.rule], outcome) for outcome in one.results],
        )


def _result_row(judgement_id: int, severity: Severity, outcome: RuleOutcome) -> dict[str, object]:
    return {
        "judgement_id": judgement_id,
        "rule": outcome.rule,
        "severity": severity.value,
        "result": outcome.result.value,
        "failed": outcome.failed,
        "reason": outcome.reason,
    }


def _move(connection: sa.Connection, found: Submission, one: NewJudgement, now: datetime) -> None:
    """From its state to the next. A rejection removes nothing: what is current stays, and so do its queries."""
    if one.verdict is Verdict.REJECTED:
        if found.state is SubmissionState.JUDGING:
            set_state(connection, found.id, SubmissionState.REJECTED)
        return
    if found.state in {SubmissionState.JUDGING, SubmissionState.REJECTED}:
        last = _last_accepted(connection, found)
        if last is not None and last.number > found.number:
            set_state(connection, found.id, SubmissionState.SUPERSEDED)
            return
        if last is not None and last.state is SubmissionState.CURRENT:
            set_state(connection, last.id, SubmissionState.SUPERSEDED)
        set_state(connection, found.id, SubmissionState.CURRENT)
    if found.state is not SubmissionState.SUPERSEDED:
        ask(connection, found, _asked(one), now)


def _asked(one: NewJudgement) -> dict[str, tuple[QueryScope, ...]]:
    """What each broken rule asks; as a whole, where nobody told its scopes apart."""
    queries = _failed(one, Severity.QUERY)
    return {
        outcome.rule: outcome.query_scopes or (QueryScope("", outcome.failed),)
        for outcome in one.results
        if outcome.rule in queries
    }


def _last_accepted(connection: sa.Connection, found: Submission) -> Submission | None:
    """The last other submission of the same that was ever accepted: it is current, or was withdrawn."""
    others = submissions_where(
        connection,
        SUBMISSION.c.return_code == found.return_code,
        SUBMISSION.c.council_code == found.council_code,
        SUBMISSION.c.period == found.period,
        SUBMISSION.c.id != found.id,
        SUBMISSION.c.state.in_([SubmissionState.CURRENT.value, SubmissionState.WITHDRAWN.value]),
        was_accepted(),
    )
    return others[-1] if others else None


def _write_against(connection: sa.Connection, one: NewJudgement) -> None:
    """What it was held against this time."""
    connection.execute(sa.delete(JUDGED_AGAINST).where(JUDGED_AGAINST.c.submission_id == one.submission_id))
    if one.against:
        connection.execute(
            sa.insert(JUDGED_AGAINST),
            [
                {
                    "submission_id": one.submission_id,
                    "return_code": held.return_code,
                    "period": held.period,
                    "against_id": held.submission_id,
                }
                for held in one.against
            ],
        )


def set_state(connection: sa.Connection, submission_id: str, state: SubmissionState) -> None:
    """Move a submission on."""
    connection.execute(sa.update(SUBMISSION).where(SUBMISSION.c.id == submission_id).values(state=state.value))
