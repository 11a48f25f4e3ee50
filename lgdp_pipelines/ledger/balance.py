"""Whether the ledger balances: what must be true of it, whatever happened; and the account of where all bytes went.

Each question can be asked of everything, or of one return or period: after each run it is asked of what the run was
about, so that it costs the same however long the ledger is. What belongs here: one question for each such truth,
answered with sentences. What does not: putting anything right, and looking at the bytes themselves (``journey``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.ledger.query_records import QueryState, QueryStep, state_after
from lgdp_pipelines.ledger.query_schema import QUERY, QUERY_EVENT
from lgdp_pipelines.ledger.schema import (
    JUDGEMENT,
    RECEIPT,
    RULE_RESULT,
    SUBMISSION,
    SUBMISSION_FILE,
    WITHDRAWAL,
)
from lgdp_pipelines.ledger.submission_lookup import was_accepted
from lgdp_pipelines.ledger.submission_records import ReceiptState, ReceiptTotals, SubmissionState
from lgdp_pipelines.vocabulary.verdicts import RuleResult


@dataclass(frozen=True, slots=True)
class _Scope:
    """What is looked at: everything, or one return or period of it."""

    return_code: str | None
    period: str | None

    def of(self, table: sa.Table | sa.Alias) -> sa.ColumnElement[bool]:
        """The rows of a table that are looked at."""
        asked = {"return_code": self.return_code, "period": self.period}
        return sa.and_(sa.true(), *(table.c[name] == value for name, value in asked.items() if value is not None))


def problems(connection: sa.Connection, return_code: str | None = None, period: str | None = None) -> list[str]:
    """Everything that does not add up, in plain sentences; none where all is well."""
    scope = _Scope(return_code, period)
    asked = (_receipts, _bytes, _duplicates, _files, _numbers, _standing, _withdrawals, _judgements, _queries)
    return [problem for question in asked for problem in question(connection, scope)]


def account(connection: sa.Connection, return_code: str | None, period: str | None) -> tuple[ReceiptTotals, ...]:
    """Where the bytes went, in order of return and state."""
    groups = (RECEIPT.c.return_code, RECEIPT.c.state, SUBMISSION.c.state)
    rows = connection.execute(
        sa.select(*groups, sa.func.count(), sa.func.sum(RECEIPT.c.size))
        .join_from(RECEIPT, SUBMISSION, SUBMISSION.c.id == RECEIPT.c.submission_id, isouter=True)
        .where(_Scope(return_code, period).of(RECEIPT))
        .group_by(*groups)
    )
    found = [_line(row) for row in rows]
    receipts, submissions = list(ReceiptState), [None, *SubmissionState]
    return tuple(
        sorted(
            found,
            key=lambda one: (
                one.return_code or "",
                receipts.index(one.receipt_state),
                submissions.index(one.submission_state),
            ),
        )
    )


def _line(row: Sequence[Any]) -> ReceiptTotals:
    code, state, submitted, count, size = row
    return ReceiptTotals(code, ReceiptState(state), SubmissionState(submitted) if submitted else None, count, int(size))


def received(connection: sa.Connection, return_code: str | None, period: str | None) -> frozenset[tuple[str, int]]:
    """What must be among the received bytes: sha256 and size."""
    scope = _Scope(return_code, period)
    rows = connection.execute(sa.select(RECEIPT.c.sha256, RECEIPT.c.size).where(scope.of(RECEIPT)).distinct())
    return frozenset((row.sha256, row.size) for row in rows)


def _receipts(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    part = RECEIPT.c.state == ReceiptState.PART.value
    wrong = sa.select(RECEIPT.c.id).where(
        scope.of(RECEIPT),
        sa.or_(
            RECEIPT.c.state.not_in([state.value for state in ReceiptState]),
            sa.and_(part, RECEIPT.c.submission_id.is_(None)),
            sa.and_(sa.not_(part), RECEIPT.c.submission_id.is_not(None)),
        ),
    )
    for found in _ids(connection, wrong):
        yield f"Receipt {found} is not in exactly one state."


def _bytes(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    """What came in must be what is accounted for: by submission, or by the state that keeps it out of one."""
    count, size = sa.func.count(), sa.func.coalesce(sa.func.sum(RECEIPT.c.size), 0)
    asked = scope.of(RECEIPT)
    came = connection.execute(sa.select(count, size).select_from(RECEIPT).where(asked)).one()
    taken = connection.execute(
        sa.select(count, size)
        .select_from(RECEIPT.join(SUBMISSION, RECEIPT.c.submission_id == SUBMISSION.c.id))
        .where(asked)
    ).one()
    others = [ReceiptState.WAITING.value, ReceiptState.UNRECOGNISED.value, ReceiptState.DUPLICATE.value]
    kept = connection.execute(
        sa.select(count, size).select_from(RECEIPT).where(RECEIPT.c.state.in_(others), asked)
    ).one()
    if came[0] != taken[0] + kept[0]:
        yield f"{came[0]} receipts came, and {taken[0] + kept[0]} are accounted for."
    if came[1] != taken[1] + kept[1]:
        yield f"{came[1]} bytes came, and {taken[1] + kept[1]} are accounted for."


def _duplicates(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    first = RECEIPT.alias("first")
    wrong = (
        sa.select(RECEIPT.c.id)
        .outerjoin(first, first.c.id == RECEIPT.c.duplicate_of)
        .where(
            scope.of(RECEIPT),
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


def _files(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    empty = (
        sa.select(SUBMISSION.c.id)
        .outerjoin(SUBMISSION_FILE, SUBMISSION_FILE.c.submission_id == SUBMISSION.c.id)
        .where(scope.of(SUBMISSION), SUBMISSION_FILE.c.receipt_id.is_(None))
    )
    for found in _ids(connection, empty):
        yield f"Submission {found} has no file."
    strange = (
        sa.select(SUBMISSION.c.id, RECEIPT.c.id.label("receipt"))
        .join(SUBMISSION_FILE, SUBMISSION_FILE.c.submission_id == SUBMISSION.c.id)
        .join(RECEIPT, RECEIPT.c.id == SUBMISSION_FILE.c.receipt_id)
        .where(
            scope.of(SUBMISSION),
            sa.or_(
                RECEIPT.c.state != ReceiptState.PART.value,
                RECEIPT.c.return_code != SUBMISSION.c.return_code,
                RECEIPT.c.council_code != SUBMISSION.c.council_code,
                RECEIPT.c.period != SUBMISSION.c.period,
            ),
        )
    )
    for row in connection.execute(strange):
        yield f"Submission {row.id} is read from receipt {row.receipt}, which is of something else."


def _numbers(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    key = (SUBMISSION.c.return_code, SUBMISSION.c.council_code, SUBMISSION.c.period)
    last, count = sa.func.max(SUBMISSION.c.number), sa.func.count()
    gaps = sa.select(*key).where(scope.of(SUBMISSION)).group_by(*key).having(last != count)
    for row in connection.execute(gaps):
        yield f"The submissions of {row.council_code} for {row.return_code} {row.period} have a gap in their numbers."


def _standing(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    """The one current submission is the last that was ever accepted; there is none where that was withdrawn."""
    states = [state.value for state in SubmissionState]
    lost = sa.select(SUBMISSION.c.id).where(scope.of(SUBMISSION), SUBMISSION.c.state.not_in(states))
    for found in _ids(connection, lost):
        yield f"Submission {found} is not in exactly one state."
    columns = (SUBMISSION.c.id, SUBMISSION.c.return_code, SUBMISSION.c.council_code, SUBMISSION.c.period)
    rows = connection.execute(
        sa.select(*columns, SUBMISSION.c.state, was_accepted().label("was_accepted"))
        .where(scope.of(SUBMISSION), SUBMISSION.c.state.in_(states))
        .order_by(SUBMISSION.c.number)
    )
    last: dict[tuple[str, str, str], list[str]] = {}
    current: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        key = (row.return_code, row.council_code, row.period)
        state = SubmissionState(row.state)
        if row.was_accepted:
            last[key] = [] if state is SubmissionState.WITHDRAWN else [row.id]
        if state is SubmissionState.CURRENT:
            current.setdefault(key, []).append(row.id)
        may_be = {SubmissionState.CURRENT, SubmissionState.SUPERSEDED}
        if row.was_accepted != (state in may_be) and state is not SubmissionState.WITHDRAWN:
            yield f"Submission {row.id} is {state}, and its judgements say otherwise."
    for key in last.keys() | current.keys():
        if current.get(key, []) != last.get(key, []):
            yield f"The current submission of {key[1]} for {key[0]} {key[2]} is not the last accepted one."


def _withdrawals(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    wrong = (
        sa.select(SUBMISSION.c.id)
        .outerjoin(WITHDRAWAL, WITHDRAWAL.c.submission_id == SUBMISSION.c.id)
        .where(
            scope.of(SUBMISSION),
            (SUBMISSION.c.state == SubmissionState.WITHDRAWN.value) != WITHDRAWAL.c.submission_id.is_not(None),
        )
    )
    for found in _ids(connection, wrong):
        yield f"Submission {found} is withdrawn and nobody withdrew it, or the other way round."


def _judgements(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    judged = sa.exists().where(JUDGEMENT.c.submission_id == SUBMISSION.c.id).correlate(SUBMISSION)
    unjudged = sa.select(SUBMISSION.c.id).where(
        scope.of(SUBMISSION),
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
        .join(SUBMISSION, SUBMISSION.c.id == JUDGEMENT.c.submission_id)
        .outerjoin(RULE_RESULT, RULE_RESULT.c.judgement_id == JUDGEMENT.c.id)
        .where(scope.of(SUBMISSION))
        .group_by(JUDGEMENT.c.id)
        .having(failed != JUDGEMENT.c.errors + JUDGEMENT.c.queries + JUDGEMENT.c.known_issues)
    )
    for row in connection.execute(sums):
        yield f"Judgement {row.number} of {row.submission_id} counts other findings than the results of its rules."


def _queries(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    """A query that has not expired is shown by what stands, and each query is as its events say."""
    stray = (
        sa.select(QUERY.c.id, QUERY.c.submission_id)
        .join(SUBMISSION, SUBMISSION.c.id == QUERY.c.submission_id)
        .where(
            scope.of(QUERY),
            QUERY.c.state != QueryState.EXPIRED.value,
            SUBMISSION.c.state != SubmissionState.CURRENT.value,
        )
    )
    for row in connection.execute(stray):
        yield f"Query {row.id} is not expired, and {row.submission_id}, which shows it, does not stand."
    events = connection.execute(
        sa.select(QUERY_EVENT.c.query_id, QUERY_EVENT.c.step)
        .join(QUERY, QUERY.c.id == QUERY_EVENT.c.query_id)
        .where(scope.of(QUERY))
        .order_by(QUERY_EVENT.c.id)
    )
    followed: dict[str, QueryState] = {}
    for row in events:
        followed[row.query_id] = state_after(followed.get(row.query_id, QueryState.EXPIRED), QueryStep(row.step))
    for row in connection.execute(sa.select(QUERY.c.id, QUERY.c.state).where(scope.of(QUERY))):
        if followed.get(row.id) != row.state:
            yield f"Query {row.id} is {row.state}, and its events say otherwise."


def _ids(connection: sa.Connection, question: sa.Select[Any]) -> list[object]:
    """The first column of what is found, such as ids of receipts or submissions."""
    return [row[0] for row in connection.execute(question)]
