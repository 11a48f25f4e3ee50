"""The ledger's balance: what must be true of it at all times, and where all received bytes went.

Each check can look at everything, or at one return or period: after each run it looks at what the run touched, so that
it costs the same however long the ledger is. Repairing the ledger, and checking the bytes themselves, belong in
``workflows``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.query_records import QueryState, QueryStep, state_after
from lgdp_pipelines.ledger.schema import (
    JUDGEMENT,
    QUERY,
    QUERY_EVENT,
    RECEIPT,
    RULE_RESULT,
    SUBMISSION,
    SUBMISSION_FILE,
    WITHDRAWAL,
    filter_return,
)
from lgdp_pipelines.ledger.submission_records import ReceiptState, ReceiptTotals, SubmissionState
from lgdp_pipelines.ledger.submissions import was_accepted
from lgdp_pipelines.vocabulary.verdicts import RuleResult


class LedgerBalance(Repository):
    """Checks whether the ledger contradicts itself."""

    def find_problems(self, return_code: str | None = None, period: str | None = None) -> list[str]:
        """Return each contradiction in the ledger, as a sentence.

        Args:
            return_code: of the return to check; None: everything, including unrecognised receipts.
            period: of the period to check; None: all.
        """
        scope = _Scope(return_code, period)
        checks = (
            _check_receipts, _check_bytes, _check_duplicates, _check_files, _check_numbers, _check_current,
            _check_withdrawals, _check_judgements, _check_queries,
        )  # fmt: skip
        with self._database.read() as connection:
            return [problem for check in checks for problem in check(connection, scope)]

    def total_receipts(self, return_code: str | None = None, period: str | None = None) -> tuple[ReceiptTotals, ...]:
        """Return the number and bytes of receipts by return and state, in that order."""
        groups = (RECEIPT.c.return_code, RECEIPT.c.state, SUBMISSION.c.state)
        statement = (
            sa.select(*groups, sa.func.count(), sa.func.sum(RECEIPT.c.size))
            .join_from(RECEIPT, SUBMISSION, SUBMISSION.c.id == RECEIPT.c.submission_id, isouter=True)
            .where(_Scope(return_code, period).filter(RECEIPT))
            .group_by(*groups)
        )
        totals = [
            ReceiptTotals(code, ReceiptState(state), SubmissionState(part_of) if part_of else None, count, int(size))
            for code, state, part_of, count, size in self._fetch(statement)
        ]
        receipt_states, submission_states = list(ReceiptState), [None, *SubmissionState]
        return tuple(
            sorted(
                totals,
                key=lambda total: (
                    total.return_code or "",
                    receipt_states.index(total.receipt_state),
                    submission_states.index(total.submission_state),
                ),
            )
        )


@dataclass(frozen=True, slots=True)
class _Scope:
    """The part of the ledger that is checked: everything, or one return or period."""

    return_code: str | None
    period: str | None

    def filter(self, table: sa.Table | sa.Alias) -> sa.ColumnElement[bool]:
        """Return the condition that a row of a table is checked."""
        return sa.and_(sa.true(), *filter_return(table, self.return_code, self.period))


def _check_receipts(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    is_part = RECEIPT.c.state == ReceiptState.PART.value
    wrong = sa.select(RECEIPT.c.id).where(
        scope.filter(RECEIPT),
        sa.or_(
            RECEIPT.c.state.not_in([state.value for state in ReceiptState]),
            sa.and_(is_part, RECEIPT.c.submission_id.is_(None)),
            sa.and_(sa.not_(is_part), RECEIPT.c.submission_id.is_not(None)),
        ),
    )
    for receipt_id in _list_ids(connection, wrong):
        yield f"Receipt {receipt_id} is not in exactly one state."


def _check_bytes(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    """Check that each receipt is in a submission, or in a state without one."""
    count, size = sa.func.count(), sa.func.coalesce(sa.func.sum(RECEIPT.c.size), 0)
    is_checked = scope.filter(RECEIPT)
    received = connection.execute(sa.select(count, size).select_from(RECEIPT).where(is_checked)).one()
    submitted = connection.execute(
        sa.select(count, size)
        .select_from(RECEIPT.join(SUBMISSION, RECEIPT.c.submission_id == SUBMISSION.c.id))
        .where(is_checked)
    ).one()
    other_states = [ReceiptState.WAITING.value, ReceiptState.UNRECOGNISED.value, ReceiptState.DUPLICATE.value]
    other = connection.execute(
        sa.select(count, size).select_from(RECEIPT).where(RECEIPT.c.state.in_(other_states), is_checked)
    ).one()
    for index, unit in enumerate(("receipts", "bytes")):
        known = submitted[index] + other[index]
        if received[index] != known:
            yield f"{received[index]} {unit} came, but {known} are accounted for."


def _check_duplicates(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    first = RECEIPT.alias("first")
    wrong = (
        sa.select(RECEIPT.c.id)
        .outerjoin(first, first.c.id == RECEIPT.c.duplicate_of)
        .where(
            scope.filter(RECEIPT),
            RECEIPT.c.state == ReceiptState.DUPLICATE.value,
            sa.or_(
                first.c.id.is_(None),
                first.c.sha256 != RECEIPT.c.sha256,
                first.c.size != RECEIPT.c.size,
                first.c.state == ReceiptState.DUPLICATE.value,
            ),
        )
    )
    for receipt_id in _list_ids(connection, wrong):
        yield f"Receipt {receipt_id} is marked as a duplicate of a receipt with other bytes."


def _check_files(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    empty = (
        sa.select(SUBMISSION.c.id)
        .outerjoin(SUBMISSION_FILE, SUBMISSION_FILE.c.submission_id == SUBMISSION.c.id)
        .where(scope.filter(SUBMISSION), SUBMISSION_FILE.c.receipt_id.is_(None))
    )
    for submission_id in _list_ids(connection, empty):
        yield f"Submission {submission_id} has no file."
    foreign = (
        sa.select(SUBMISSION.c.id, RECEIPT.c.id.label("receipt"))
        .join(SUBMISSION_FILE, SUBMISSION_FILE.c.submission_id == SUBMISSION.c.id)
        .join(RECEIPT, RECEIPT.c.id == SUBMISSION_FILE.c.receipt_id)
        .where(
            scope.filter(SUBMISSION),
            sa.or_(
                RECEIPT.c.state != ReceiptState.PART.value,
                RECEIPT.c.return_code != SUBMISSION.c.return_code,
                RECEIPT.c.council_code != SUBMISSION.c.council_code,
                RECEIPT.c.period != SUBMISSION.c.period,
            ),
        )
    )
    for row in connection.execute(foreign):
        yield f"Submission {row.id} is read from receipt {row.receipt}, which does not belong to it."


def _check_numbers(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    key = (SUBMISSION.c.return_code, SUBMISSION.c.council_code, SUBMISSION.c.period)
    last, count = sa.func.max(SUBMISSION.c.number), sa.func.count()
    gaps = sa.select(*key).where(scope.filter(SUBMISSION)).group_by(*key).having(last != count)
    for row in connection.execute(gaps):
        yield f"The submissions of {row.council_code} for {row.return_code} {row.period} have a gap in their numbers."


def _check_current(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    """Check that the current submission is the last accepted one.

    None is current where that was withdrawn.
    """
    states = [state.value for state in SubmissionState]
    stateless = sa.select(SUBMISSION.c.id).where(scope.filter(SUBMISSION), SUBMISSION.c.state.not_in(states))
    for submission_id in _list_ids(connection, stateless):
        yield f"Submission {submission_id} is not in exactly one state."
    columns = (SUBMISSION.c.id, SUBMISSION.c.return_code, SUBMISSION.c.council_code, SUBMISSION.c.period)
    rows = connection.execute(
        sa.select(*columns, SUBMISSION.c.state, was_accepted().label("was_accepted"))
        .where(scope.filter(SUBMISSION), SUBMISSION.c.state.in_(states))
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
        accepted_states = {SubmissionState.CURRENT, SubmissionState.SUPERSEDED}
        if row.was_accepted != (state in accepted_states) and state is not SubmissionState.WITHDRAWN:
            yield f"Submission {row.id} is {state}, but its judgements contradict this."
    for key in last.keys() | current.keys():
        if current.get(key, []) != last.get(key, []):
            yield f"The current submission of {key[1]} for {key[0]} {key[2]} is not the last accepted one."


def _check_withdrawals(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    wrong = (
        sa.select(SUBMISSION.c.id)
        .outerjoin(WITHDRAWAL, WITHDRAWAL.c.submission_id == SUBMISSION.c.id)
        .where(
            scope.filter(SUBMISSION),
            (SUBMISSION.c.state == SubmissionState.WITHDRAWN.value) != WITHDRAWAL.c.submission_id.is_not(None),
        )
    )
    for submission_id in _list_ids(connection, wrong):
        yield f"Submission {submission_id} and the record of its withdrawal contradict each other."


def _check_judgements(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    has_judgement = sa.exists().where(JUDGEMENT.c.submission_id == SUBMISSION.c.id).correlate(SUBMISSION)
    unexplained = sa.select(SUBMISSION.c.id).where(
        scope.filter(SUBMISSION),
        has_judgement == (SUBMISSION.c.state == SubmissionState.JUDGING.value),
        SUBMISSION.c.state != SubmissionState.WITHDRAWN.value,
    )
    for submission_id in _list_ids(connection, unexplained):
        yield f"Submission {submission_id} has a state that its judgements do not explain."
    failed = sa.func.coalesce(
        sa.func.sum(sa.case((RULE_RESULT.c.result == RuleResult.FAILED.value, RULE_RESULT.c.failed), else_=0)), 0
    )
    sums = (
        sa.select(JUDGEMENT.c.submission_id, JUDGEMENT.c.number)
        .join(SUBMISSION, SUBMISSION.c.id == JUDGEMENT.c.submission_id)
        .outerjoin(RULE_RESULT, RULE_RESULT.c.judgement_id == JUDGEMENT.c.id)
        .where(scope.filter(SUBMISSION))
        .group_by(JUDGEMENT.c.id)
        .having(failed != JUDGEMENT.c.errors + JUDGEMENT.c.queries + JUDGEMENT.c.known_issues)
    )
    for row in connection.execute(sums):
        yield f"Judgement {row.number} of {row.submission_id} counts other findings than the results of its rules."


def _check_queries(connection: sa.Connection, scope: _Scope) -> Iterator[str]:
    """Check that open queries belong to current submissions, and that states follow from events."""
    stray = (
        sa.select(QUERY.c.id, QUERY.c.submission_id)
        .join(SUBMISSION, SUBMISSION.c.id == QUERY.c.submission_id)
        .where(
            scope.filter(QUERY),
            QUERY.c.state != QueryState.EXPIRED.value,
            SUBMISSION.c.state != SubmissionState.CURRENT.value,
        )
    )
    for row in connection.execute(stray):
        yield f"Query {row.id} has not expired, but {row.submission_id}, which shows it, is not current."
    events = connection.execute(
        sa.select(QUERY_EVENT.c.query_id, QUERY_EVENT.c.step)
        .join(QUERY, QUERY.c.id == QUERY_EVENT.c.query_id)
        .where(scope.filter(QUERY))
        .order_by(QUERY_EVENT.c.id)
    )
    states: dict[str, QueryState] = {}
    for row in events:
        states[row.query_id] = state_after(states.get(row.query_id, QueryState.EXPIRED), QueryStep(row.step))
    for row in connection.execute(sa.select(QUERY.c.id, QUERY.c.state).where(scope.filter(QUERY))):
        if states.get(row.id) != row.state:
            yield f"Query {row.id} is {row.state}, but its events contradict this."


def _list_ids(connection: sa.Connection, statement: sa.Select[Any]) -> list[object]:
    """Return the first column of a statement's rows."""
    return [row[0] for row in connection.execute(statement)]
