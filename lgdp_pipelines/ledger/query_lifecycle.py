"""The life of queries: asked by the platform, answered by a council, accepted or sent back by a recipient.

::

    open ──answer──▶ answered ──accept──▶ accepted
     ▲ ▲                │                     │
     │ └───send back────┘      figures change: answered again
     └─comes back── expired ◀── what stands no longer shows it (from any state)

A query is one question: one rule at one scope, to one council for one period. It lives on over resubmissions for as
long as what stands shows it; where it comes back after it had expired, it is the same query. Every step is an event,
which is added and never changed. Where the figures behind an answer have become others, the answer is kept, and one
that was accepted goes back to be looked at.

What belongs here: the steps, each in the transaction that it is given. What does not: questions about queries
(``asking``), and which rules ask (``validation``).
"""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.handover.findings import QueryScope
from lgdp_pipelines.ledger.query_records import ExpiryReason, QueryState, QueryStep, state_after
from lgdp_pipelines.ledger.query_schema import QUERY, QUERY_EVENT
from lgdp_pipelines.ledger.submission_records import Submission

LONGEST_WORDS = 2_000
"""Characters of what somebody says in one step."""
LONGEST_NAME = 200

_TURNS_TEXT = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
"""Characters that turn the direction of text, and so can make it read as something else."""


def said(text: str, what: str, longest: int) -> str:
    """What somebody typed, on one line.

    Args:
        text: as typed.
        what: for the refusal, such as ``The answer's words``.
        longest: characters that it may have.

    Raises:
        LedgerError: it is empty, too long, or holds characters that steer a terminal or turn text.
    """
    plain = " ".join(text.split())
    if not plain:
        raise LedgerError(f"{what} may not be empty.", remedy="Say it in a sentence.")
    if len(plain) > longest:
        raise LedgerError(f"{what} may have {longest:,} characters, and these are {len(plain):,}.", remedy="Say less.")
    if any(unicodedata.category(one) in {"Cc", "Cs", "Cn", "Co"} or one in _TURNS_TEXT for one in plain):
        raise LedgerError(f"{what} hold characters that are not text.", remedy="Type it again as plain text.")
    return plain


def ask(connection: sa.Connection, found: Submission, asked: Mapping[str, Sequence[QueryScope]], now: datetime) -> None:
    """Bring the queries of a council and period in line with what now stands.

    Args:
        connection: of the transaction in which it becomes, or stays, current.
        found: the submission that stands.
        asked: what each of its broken rules asks, by rule id.
        now: in UTC.
    """
    known = {(row.rule, row.scope): row for row in connection.execute(_of_place(found))}
    wanted = {(rule, one.scope): one for rule, ones in asked.items() for one in ones}
    for key, row in known.items():
        if key not in wanted and row.state != QueryState.EXPIRED:
            same = row.submission_id == found.id
            _expire(connection, row, ExpiryReason.JUDGED_AGAIN if same else ExpiryReason.CORRECTED, found.id, now)
    number = max((row.number for row in known.values()), default=0)
    for key, one in wanted.items():
        if key in known:
            _ask_again(connection, known[key], found, one, now)
        else:
            number += 1
            _open(connection, found, key[0], one, number, now)


def _of_place(found: Submission) -> sa.Select[tuple[object, ...]]:
    return sa.select(QUERY).where(
        QUERY.c.return_code == found.return_code,
        QUERY.c.council_code == found.council_code,
        QUERY.c.period == found.period,
    )


def _open(connection: sa.Connection, found: Submission, rule: str, one: QueryScope, number: int, now: datetime) -> None:
    key = f"{found.return_code}.{found.council_code}.{found.period}.Q{number:03d}"
    connection.execute(
        sa.insert(QUERY).values(
            id=key,
            return_code=found.return_code,
            council_code=found.council_code,
            period=found.period,
            number=number,
            rule=rule,
            scope=one.scope,
            state=QueryState.OPEN.value,
            failed=one.failed,
            fingerprint=one.fingerprint,
            submission_id=found.id,
            opened_at=now,
        )
    )
    _add(connection, key, QueryStep.OPENED, now, submission_id=found.id, failed=one.failed)


def _ask_again(
    connection: sa.Connection, row: sa.Row[tuple[object, ...]], found: Submission, one: QueryScope, now: datetime
) -> None:
    """A question that was asked before: again, about the same figures or about others."""
    shown = {"failed": one.failed, "fingerprint": one.fingerprint, "submission_id": found.id}
    step = None
    if row.state == QueryState.EXPIRED:
        step = QueryStep.REOPENED
    elif _has_changed(row, found, one):
        step = QueryStep.CHANGED
    state = QueryState(row.state) if step is None else state_after(QueryState(row.state), step)
    connection.execute(sa.update(QUERY).where(QUERY.c.id == row.id).values(**shown, state=state.value, expired_at=None))
    if step is not None:
        _add(connection, row.id, step, now, submission_id=found.id, failed=one.failed)


def _has_changed(row: sa.Row[tuple[object, ...]], found: Submission, one: QueryScope) -> bool:
    """Whether the figures are others; where they have no fingerprint, another submission is taken for that."""
    if row.fingerprint and one.fingerprint:
        return (row.fingerprint, row.failed) != (one.fingerprint, one.failed)
    return (row.submission_id, row.failed) != (found.id, one.failed)


def expire_withdrawn(connection: sa.Connection, submission_id: str, now: datetime) -> None:
    """Close every query that a submission shows, because its council took it back."""
    rows = connection.execute(
        sa.select(QUERY).where(QUERY.c.submission_id == submission_id, QUERY.c.state != QueryState.EXPIRED.value)
    )
    for row in rows.all():
        _expire(connection, row, ExpiryReason.WITHDRAWN, submission_id, now)


def _expire(
    connection: sa.Connection, row: sa.Row[tuple[object, ...]], why: ExpiryReason, submission_id: str, now: datetime
) -> None:
    connection.execute(
        sa.update(QUERY).where(QUERY.c.id == row.id).values(state=QueryState.EXPIRED.value, expired_at=now)
    )
    _add(connection, row.id, QueryStep.EXPIRED, now, submission_id=submission_id, failed=row.failed, code=why.value)


def answer(
    connection: sa.Connection, query_id: str, *, code: str, words: str, by: str, origin: str | None, now: datetime
) -> None:
    """Answer an open query for its council.

    Raises:
        LedgerError: there is none of that id, it is not open, or words or name cannot be kept.
    """
    _step(connection, query_id, QueryStep.ANSWERED, now, words=words, by=by, code=code, origin=origin)


def accept(connection: sa.Connection, query_id: str, *, by: str, words: str, now: datetime) -> None:
    """Accept the answer to a query, as a recipient; words may be empty.

    Raises:
        LedgerError: there is none of that id, it has no answer to look at, or words or name cannot be kept.
    """
    _step(connection, query_id, QueryStep.ACCEPTED, now, words=words, by=by)


def send_back(connection: sa.Connection, query_id: str, *, by: str, words: str, now: datetime) -> None:
    """Ask again, as a recipient: the answer is kept, and the query is open.

    Raises:
        LedgerError: there is none of that id, it has no answer to look at, or words or name cannot be kept.
    """
    _step(connection, query_id, QueryStep.SENT_BACK, now, words=words, by=by)


_MUST_BE = {
    QueryStep.ANSWERED: QueryState.OPEN,
    QueryStep.ACCEPTED: QueryState.ANSWERED,
    QueryStep.SENT_BACK: QueryState.ANSWERED,
}
_WHY_NOT = {
    QueryState.OPEN: ("has no answer to look at", "Wait for the council's answer: `lgdp query show` tells when."),
    QueryState.ANSWERED: ("has been answered already", "A recipient may send it back: `lgdp query send-back`."),
    QueryState.ACCEPTED: ("has been answered, and the answer accepted", "Nothing more is asked."),
    QueryState.EXPIRED: ("has expired: what stands no longer shows it", "Nothing more is asked."),
}


def _step(
    connection: sa.Connection,
    query_id: str,
    step: QueryStep,
    now: datetime,
    *,
    words: str,
    by: str,
    code: str = "",
    origin: str | None = None,
) -> None:
    row = connection.execute(sa.select(QUERY).where(QUERY.c.id == query_id)).one_or_none()
    if row is None:
        raise LedgerError("There is no such query.", where=query_id, remedy="`lgdp query list` lists those there are.")
    state = QueryState(row.state)
    if state is not _MUST_BE[step]:
        what, remedy = _WHY_NOT[state]
        raise LedgerError(f"The query {what}.", where=query_id, remedy=remedy)
    may_be_silent = step is QueryStep.ACCEPTED and not words.strip()
    connection.execute(sa.update(QUERY).where(QUERY.c.id == query_id).values(state=state_after(state, step).value))
    _add(
        connection,
        query_id,
        step,
        now,
        submission_id=row.submission_id,
        failed=row.failed,
        by=said(by, "The name", LONGEST_NAME),
        code=code,
        words="" if may_be_silent else said(words, "The words", LONGEST_WORDS),
        origin=origin,
    )


def _add(
    connection: sa.Connection,
    query_id: str,
    step: QueryStep,
    now: datetime,
    *,
    submission_id: str,
    failed: int,
    by: str = "",
    code: str = "",
    words: str = "",
    origin: str | None = None,
) -> None:
    connection.execute(
        sa.insert(QUERY_EVENT).values(
            query_id=query_id,
            at=now,
            step=step.value,
            submission_id=submission_id,
            failed=failed,
            by=by,
            code=code,
            words=words,
            origin=origin,
        )
    )
