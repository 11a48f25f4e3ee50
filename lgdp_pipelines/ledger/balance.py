"""The ledger's balance: contradictions in the ledger, and totals of all received bytes.

Each check looks at everything, or at one return or period: after each run it looks at the run's own, so that it costs
the same however long the ledger is. Belongs here: the checks. Belongs elsewhere: repairing the ledger, and checking the
bytes themselves (``workflows``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.query_records import QueryState, find_next_state
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
        with self._database.read() as connection:
            return [
                *(
                    check.message.format(**row)
                    for check in _CHECKS
                    for row in connection.execute(
                        check.contradictions.where(*filter_return(check.table, return_code, period))
                    ).mappings()
                ),
                *_check_bytes(connection, filter_return(RECEIPT, return_code, period)),
                *_check_query_states(connection, filter_return(QUERY, return_code, period)),
            ]

    def total_receipts(self, return_code: str | None = None, period: str | None = None) -> tuple[ReceiptTotals, ...]:
        """Return receipt counts and bytes by return, receipt state and submission state."""
        groups = (RECEIPT.c.return_code, RECEIPT.c.state, SUBMISSION.c.state)
        statement = (
            sa.select(*groups, sa.func.count(), sa.func.sum(RECEIPT.c.size))
            .join_from(RECEIPT, SUBMISSION, SUBMISSION.c.id == RECEIPT.c.submission_id, isouter=True)
            .where(*filter_return(RECEIPT, return_code, period))
            .group_by(*groups)
        )
        totals = [
            ReceiptTotals(
                code,
                receipt_state,
                submission_state,
                count,
                int(size),
            )
            for code, receipt_state, submission_state, count, size in self._fetch(statement)
        ]
        receipt_states = list(ReceiptState)
        submission_states = [None, *SubmissionState]
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
class _Check:
    """A check whose single statement selects contradictory rows.

    Attributes:
        table: the table whose return and period limit the check.
        contradictions: selects the rows that contradict the rest of the ledger.
        message: describes one selected row, with names of its columns in braces.
    """

    table: sa.Table
    contradictions: sa.Select[Any]
    message: str


_KEY = (SUBMISSION.c.return_code, SUBMISSION.c.council_code, SUBMISSION.c.period)
_STATES = list(SubmissionState)
_FIRST = RECEIPT.alias("first")
_OTHER = SUBMISSION.alias("other")
_LAST_ACCEPTED_NUMBER = (
    sa.select(sa.func.coalesce(sa.func.max(_OTHER.c.number), 0))
    .where(
        *(_OTHER.c[column.name] == column for column in _KEY),
        _OTHER.c.state.in_(_STATES),
        was_accepted(_OTHER),
    )
    .scalar_subquery()
)
_IS_CURRENT = SUBMISSION.c.state == SubmissionState.CURRENT
_IS_WITHDRAWN = SUBMISSION.c.state == SubmissionState.WITHDRAWN
_IS_PART = RECEIPT.c.state == ReceiptState.PART
_HAS_JUDGEMENT = sa.exists().where(JUDGEMENT.c.submission_id == SUBMISSION.c.id).correlate(SUBMISSION)
_FAILURES = sa.func.coalesce(
    sa.func.sum(sa.case((RULE_RESULT.c.result == RuleResult.FAILED, RULE_RESULT.c.failed), else_=0)), 0
)

_CHECKS = (
    _Check(
        RECEIPT,
        sa.select(RECEIPT.c.id).where(
            sa.or_(
                RECEIPT.c.state.not_in(list(ReceiptState)),
                RECEIPT.c.submission_id.is_not(None) != _IS_PART,
            )
        ),
        "Receipt {id} is not in exactly one state.",
    ),
    _Check(
        RECEIPT,
        sa.select(RECEIPT.c.id)
        .outerjoin(_FIRST, _FIRST.c.id == RECEIPT.c.duplicate_of)
        .where(
            RECEIPT.c.state == ReceiptState.DUPLICATE,
            sa.or_(
                _FIRST.c.id.is_(None),
                _FIRST.c.sha256 != RECEIPT.c.sha256,
                _FIRST.c.size != RECEIPT.c.size,
                _FIRST.c.state == ReceiptState.DUPLICATE,
            ),
        ),
        "Receipt {id} is marked as a duplicate of a receipt with other bytes.",
    ),
    _Check(
        SUBMISSION,
        sa.select(SUBMISSION.c.id)
        .outerjoin(SUBMISSION_FILE, SUBMISSION_FILE.c.submission_id == SUBMISSION.c.id)
        .where(SUBMISSION_FILE.c.receipt_id.is_(None)),
        "Submission {id} has no file.",
    ),
    _Check(
        SUBMISSION,
        sa.select(SUBMISSION.c.id, RECEIPT.c.id.label("receipt"))
        .join(SUBMISSION_FILE, SUBMISSION_FILE.c.submission_id == SUBMISSION.c.id)
        .join(RECEIPT, RECEIPT.c.id == SUBMISSION_FILE.c.receipt_id)
        .where(sa.or_(sa.not_(_IS_PART), *(RECEIPT.c[column.name] != column for column in _KEY))),
        "Submission {id} is read from receipt {receipt}, which does not belong to it.",
    ),
    _Check(
        SUBMISSION,
        sa.select(*_KEY).group_by(*_KEY).having(sa.func.max(SUBMISSION.c.number) != sa.func.count()),
        "The submissions of {council_code} for {return_code} {period} have a gap in their numbers.",
    ),
    _Check(
        SUBMISSION,
        sa.select(SUBMISSION.c.id).where(SUBMISSION.c.state.not_in(_STATES)),
        "Submission {id} is not in exactly one state.",
    ),
    _Check(
        SUBMISSION,
        sa.select(SUBMISSION.c.id, SUBMISSION.c.state).where(
            SUBMISSION.c.state.in_(_STATES),
            was_accepted() != sa.or_(_IS_CURRENT, SUBMISSION.c.state == SubmissionState.SUPERSEDED),
            sa.not_(_IS_WITHDRAWN),
        ),
        "Submission {id} is {state}, but its judgements contradict this.",
    ),
    # Where the last accepted submission was withdrawn, its council has no current one: an earlier one stays superseded.
    _Check(
        SUBMISSION,
        sa.select(*_KEY)
        .where(
            SUBMISSION.c.state.in_(_STATES),
            sa.and_(SUBMISSION.c.number == _LAST_ACCEPTED_NUMBER, sa.not_(_IS_WITHDRAWN)) != _IS_CURRENT,
        )
        .distinct(),
        "The current submission of {council_code} for {return_code} {period} is not the last accepted one.",
    ),
    _Check(
        SUBMISSION,
        sa.select(SUBMISSION.c.id)
        .outerjoin(WITHDRAWAL, WITHDRAWAL.c.submission_id == SUBMISSION.c.id)
        .where(WITHDRAWAL.c.submission_id.is_not(None) != _IS_WITHDRAWN),
        "Submission {id} and the record of its withdrawal contradict each other.",
    ),
    _Check(
        SUBMISSION,
        sa.select(SUBMISSION.c.id).where(
            (SUBMISSION.c.state == SubmissionState.JUDGING) == _HAS_JUDGEMENT, sa.not_(_IS_WITHDRAWN)
        ),
        "Submission {id} has a state that its judgements do not explain.",
    ),
    _Check(
        SUBMISSION,
        sa.select(JUDGEMENT.c.submission_id, JUDGEMENT.c.number)
        .join(SUBMISSION, SUBMISSION.c.id == JUDGEMENT.c.submission_id)
        .outerjoin(RULE_RESULT, RULE_RESULT.c.judgement_id == JUDGEMENT.c.id)
        .group_by(JUDGEMENT.c.id)
        .having(JUDGEMENT.c.errors + JUDGEMENT.c.queries + JUDGEMENT.c.known_issues != _FAILURES),
        "Judgement {number} of {submission_id} counts other findings than the results of its rules.",
    ),
    _Check(
        QUERY,
        sa.select(QUERY.c.id, QUERY.c.submission_id)
        .join(SUBMISSION, SUBMISSION.c.id == QUERY.c.submission_id)
        .where(QUERY.c.state != QueryState.EXPIRED, sa.not_(_IS_CURRENT)),
        "Query {id} has not expired, but {submission_id}, which shows it, is not current.",
    ),
)


def _check_bytes(connection: sa.Connection, conditions: Sequence[sa.ColumnElement[bool]]) -> Iterator[str]:
    """Yield a sentence where received counts or bytes are not accounted for."""
    states = [ReceiptState.WAITING, ReceiptState.UNRECOGNISED, ReceiptState.DUPLICATE]
    occurrences = sa.cast(SUBMISSION.c.id.is_not(None), sa.Integer) + sa.cast(RECEIPT.c.state.in_(states), sa.Integer)
    for unit, amount in (("receipts", sa.literal(1)), ("bytes", RECEIPT.c.size)):
        received_amount, known_amount = connection.execute(
            sa.select(sa.func.coalesce(sa.func.sum(amount), 0), sa.func.coalesce(sa.func.sum(amount * occurrences), 0))
            .join_from(RECEIPT, SUBMISSION, SUBMISSION.c.id == RECEIPT.c.submission_id, isouter=True)
            .where(*conditions)
        ).one()
        if received_amount != known_amount:
            yield f"{received_amount} {unit} came, but {known_amount} are accounted for."


def _check_query_states(connection: sa.Connection, conditions: Sequence[sa.ColumnElement[bool]]) -> Iterator[str]:
    """Yield a sentence for each query whose events contradict its state."""
    events = connection.execute(
        sa.select(QUERY_EVENT.c.query_id, QUERY_EVENT.c.step)
        .join(QUERY, QUERY.c.id == QUERY_EVENT.c.query_id)
        .where(*conditions)
        .order_by(QUERY_EVENT.c.id)
    )
    states: dict[str, QueryState] = {}
    for event in events:
        states[event.query_id] = find_next_state(states.get(event.query_id, QueryState.EXPIRED), event.step)
    for query in connection.execute(sa.select(QUERY.c.id, QUERY.c.state).where(*conditions)):
        if states.get(query.id) != query.state:
            yield f"Query {query.id} is {query.state}, but its events contradict this."
