"""Whether the ledger balances: what must be true of it, whatever happened.

What belongs here: one question for each such truth, answered with sentences. What does not: putting anything right.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.ledger.records import QueryState, ReceiptState, SubmissionState
from lgdp_pipelines.ledger.schema import JUDGEMENT, QUERY, RECEIPT, RULE_RESULT, SUBMISSION, SUBMISSION_FILE
from lgdp_pipelines.standards.rules import RuleResult, Verdict


def problems(connection: sa.Connection) -> list[str]:
    """Everything that does not add up, in plain sentences; none where all is well."""
    return [
        *_receipts(connection),
        *_bytes(connection),
        *_duplicates(connection),
        *_files(connection),
        *_numbers(connection),
        *_standing(connection),
        *_judgements(connection),
        *_queries(connection),
    ]


def _receipts(connection: sa.Connection) -> Iterator[str]:
    part = RECEIPT.c.state == ReceiptState.PART.value
    wrong = sa.select(RECEIPT.c.id).where(
        sa.or_(
            RECEIPT.c.state.not_in([state.value for state in ReceiptState]),
            sa.and_(part, RECEIPT.c.submission_id.is_(None)),
            sa.and_(sa.not_(part), RECEIPT.c.submission_id.is_not(None)),
        )
    )
    for found in _ids(connection, wrong):
        yield f"Receipt {found} is not in exactly one state."


def _bytes(connection: sa.Connection) -> Iterator[str]:
    """What came in must be what is accounted for: by submission, or by the state that keeps it out of one."""
    count, size = sa.func.count(), sa.func.coalesce(sa.func.sum(RECEIPT.c.size), 0)
    came = connection.execute(sa.select(count, size).select_from(RECEIPT)).one()
    taken = connection.execute(
        sa.select(count, size).select_from(RECEIPT.join(SUBMISSION, RECEIPT.c.submission_id == SUBMISSION.c.id))
    ).one()
    others = [ReceiptState.WAITING.value, ReceiptState.UNRECOGNISED.value, ReceiptState.DUPLICATE.value]
    kept = connection.execute(sa.select(count, size).select_from(RECEIPT).where(RECEIPT.c.state.in_(others))).one()
    if came[0] != taken[0] + kept[0]:
        yield f"{came[0]} receipts came, and {taken[0] + kept[0]} are accounted for."
    if came[1] != taken[1] + kept[1]:
        yield f"{came[1]} bytes came, and {taken[1] + kept[1]} are accounted for."


def _duplicates(connection: sa.Connection) -> Iterator[str]:
    first = RECEIPT.alias("first")
    wrong = (
        sa.select(RECEIPT.c.id)
        .outerjoin(first, first.c.id == RECEIPT.c.duplicate_of)
        .where(
            RECEIPT.c.state == ReceiptState.DUPLICATE.value,
            sa.or_(
                first.c.id.is_(None),
                first.c.sha256 != RECEIPT.c.sha256,
                first.c.size != RECEIPT.c.size,
                first.c.state == ReceiptState.DUPLICATE.value,
            ),
        )
    )
    for found in _ids(connection, wrong):
        yield f"Receipt {found} is called a duplicate of one that it does not repeat."


def _files(connection: sa.Connection) -> Iterator[str]:
    empty = (
        sa.select(SUBMISSION.c.id)
        .outerjoin(SUBMISSION_FILE, SUBMISSION_FILE.c.submission_id == SUBMISSION.c.id)
        .where(SUBMISSION_FILE.c.receipt_id.is_(None))
    )
    for found in _ids(connection, empty):
        yield f"Submission {found} has no file."
    strange = (
        sa.select(SUBMISSION.c.id, RECEIPT.c.id.label("receipt"))
        .join(SUBMISSION_FILE, SUBMISSION_FILE.c.submission_id == SUBMISSION.c.id)
        .join(RECEIPT, RECEIPT.c.id == SUBMISSION_FILE.c.receipt_id)
        .where(
            sa.or_(
                RECEIPT.c.state != ReceiptState.PART.value,
                RECEIPT.c.return_code != SUBMISSION.c.return_code,
                RECEIPT.c.council_code != SUBMISSION.c.council_code,
                RECEIPT.c.period != SUBMISSION.c.period,
            )
        )
    )
    for row in connection.execute(strange):
        yield f"Submission {row.id} is read from receipt {row.receipt}, which is of something else."


def _numbers(connection: sa.Connection) -> Iterator[str]:
    key = (SUBMISSION.c.return_code, SUBMISSION.c.council_code, SUBMISSION.c.period)
    last, count = sa.func.max(SUBMISSION.c.number), sa.func.count()
    for row in connection.execute(sa.select(*key).group_by(*key).having(last != count)):
        yield f"The submissions of {row.council_code} for {row.return_code} {row.period} have a gap in their numbers."


def _standing(connection: sa.Connection) -> Iterator[str]:
    """The current submission is the highest that was ever accepted, and there is just one."""
    states = [state.value for state in SubmissionState]
    for found in _ids(connection, sa.select(SUBMISSION.c.id).where(SUBMISSION.c.state.not_in(states))):
        yield f"Submission {found} is not in exactly one state."
    accepted = (
        sa.exists()
        .where(JUDGEMENT.c.submission_id == SUBMISSION.c.id, JUDGEMENT.c.verdict != Verdict.REJECTED.value)
        .correlate(SUBMISSION)
    )
    rows = connection.execute(
        sa.select(SUBMISSION, accepted.label("was_accepted"))
        .where(SUBMISSION.c.state.in_(states))
        .order_by(SUBMISSION.c.number)
    )
    highest: dict[tuple[str, str, str], tuple[str, SubmissionState]] = {}
    current: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        key = (row.return_code, row.council_code, row.period)
        state = SubmissionState(row.state)
        if row.was_accepted and state is not SubmissionState.WITHDRAWN:
            highest[key] = (row.id, state)
        if state is SubmissionState.CURRENT:
            current.setdefault(key, []).append(row.id)
        may_be = {SubmissionState.CURRENT, SubmissionState.SUPERSEDED, SubmissionState.WITHDRAWN}
        if row.was_accepted != (state in may_be) and state is not SubmissionState.WITHDRAWN:
            yield f"Submission {row.id} is {state}, and its judgements say otherwise."
    for key in highest.keys() | current.keys():
        if current.get(key, []) != [highest[key][0]] if key in highest else True:
            yield f"The current submission of {key[1]} for {key[0]} {key[2]} is not the last accepted one."


def _judgements(connection: sa.Connection) -> Iterator[str]:
    judged = sa.exists().where(JUDGEMENT.c.submission_id == SUBMISSION.c.id).correlate(SUBMISSION)
    unjudged = sa.select(SUBMISSION.c.id).where(
        judged == (SUBMISSION.c.state == SubmissionState.JUDGING.value),
        SUBMISSION.c.state != SubmissionState.WITHDRAWN.value,
    )
    for found in _ids(connection, unjudged):
        yield f"Submission {found} has a state that its judgements do not explain."
    failed = sa.func.coalesce(
        sa.func.sum(sa.case((RULE_RESULT.c.result == RuleResult.FAILED.value, RULE_RESULT.c.failed), else_=0)), 0
    )
    sums = (
        sa.select(JUDGEMENT.c.submission_id, JUDGEMENT.c.number)
        .outerjoin(RULE_RESULT, RULE_RESULT.c.judgement_id == JUDGEMENT.c.id)
        .group_by(JUDGEMENT.c.id)
        .having(failed != JUDGEMENT.c.errors + JUDGEMENT.c.queries + JUDGEMENT.c.known_issues)
    )
    for row in connection.execute(sums):
        yield f"Judgement {row.number} of {row.submission_id} counts other findings than the results of its rules."


def _queries(connection: sa.Connection) -> Iterator[str]:
    stray = (
        sa.select(QUERY.c.submission_id, QUERY.c.rule)
        .join(SUBMISSION, SUBMISSION.c.id == QUERY.c.submission_id)
        .where(QUERY.c.state == QueryState.OPEN.value, SUBMISSION.c.state != SubmissionState.CURRENT.value)
    )
    for row in connection.execute(stray):
        yield f"Query {row.rule} is open on {row.submission_id}, which does not stand."


def _ids(connection: sa.Connection, question: sa.Select[Any]) -> list[object]:
    """The first column of what is found, such as ids of receipts or submissions."""
    return [row[0] for row in connection.execute(question)]
