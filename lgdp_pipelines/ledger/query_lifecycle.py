"""The life of queries: asked by the platform, answered by a council, accepted or sent back by a recipient.

::

    open ──answer──▶ answered ──accept──▶ accepted
     ▲ ▲                │                     │
     │ └───send back────┘      figures change: answered again
     └─reopen── expired ◀── the current submission no longer shows it (from any state)

A query is one question: one rule at one scope, to one council for one period. It stays the same query over
resubmissions for as long as the current submission shows it, and also where it returns after it had expired. Every step
is an event, which is added and never changed. Where the figures behind an answer change, the answer is kept, and an
accepted one must be looked at again.

The steps belong here, each within the transaction of its caller. Questions about queries belong in
``query_repository``; which rules ask belongs in ``validation``.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError, WrongUse
from lgdp_pipelines.handover.judgement_values import QueryScope
from lgdp_pipelines.ledger.query_records import ExpiryReason, QueryEvent, QueryState, QueryStep, state_after
from lgdp_pipelines.ledger.schema import QUERY, QUERY_EVENT
from lgdp_pipelines.ledger.submission_records import Submission

LONGEST_WORDS = 2_000
"""Characters that a person may write in one step."""
LONGEST_NAME = 200

_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
"""Characters that turn the direction of text, and so can make it read as something else."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A person's answer to a query, or a recipient's decision on it.

    Attributes:
        step: answered, accepted or sent back.
        by: the person's name.
        words: why; may be empty where an answer is accepted.
        code: of an answer, from the list of answers; empty otherwise.
        origin: the query whose answer is taken over; None where the answer is new.
    """

    step: QueryStep
    by: str
    words: str
    code: str = ""
    origin: str | None = None


def clean_text(text: str, subject: str, longest: int) -> str:
    """Return typed text on one line.

    Args:
        text: as typed.
        subject: for the message, such as ``The words``.
        longest: characters allowed.

    Raises:
        LedgerError: it is empty, too long, or holds characters that control a terminal or turn text.
    """
    plain = " ".join(text.split())
    if not plain:
        raise LedgerError(f"{subject} may not be empty.", remedy="Write a sentence.")
    if len(plain) > longest:
        raise LedgerError(
            f"{subject} may have {longest:,} characters, but these are {len(plain):,}.", remedy="Shorten the text."
        )
    if any(unicodedata.category(char) in {"Cc", "Cs", "Cn", "Co"} or char in _DIRECTION_MARKS for char in plain):
        raise LedgerError(f"{subject} hold characters that are not text.", remedy="Type it again as plain text.")
    return plain


def update_queries(
    connection: sa.Connection, submission: Submission, scopes: Mapping[str, Sequence[QueryScope]], now: datetime
) -> None:
    """Open, reopen, change and expire queries so that they match the current submission.

    Args:
        connection: of the transaction in which it becomes, or stays, current.
        submission: the current one.
        scopes: of each of its broken rules, by rule id.
        now: in UTC.
    """
    rows = connection.execute(
        sa.select(QUERY).where(
            QUERY.c.return_code == submission.return_code,
            QUERY.c.council_code == submission.council_code,
            QUERY.c.period == submission.period,
        )
    )
    known = {(row.rule, row.scope): row for row in rows}
    shown = {(rule, scope.scope): scope for rule, rule_scopes in scopes.items() for scope in rule_scopes}
    for key, row in known.items():
        if key not in shown and row.state != QueryState.EXPIRED:
            is_same = row.submission_id == submission.id
            reason = ExpiryReason.JUDGED_AGAIN if is_same else ExpiryReason.CORRECTED
            _expire(connection, row, reason, submission.id, now)
    number = max((row.number for row in known.values()), default=0)
    for key, scope in shown.items():
        if key in known:
            _show_again(connection, known[key], submission, scope, now)
        else:
            number += 1
            _open(connection, submission, (key[0], number), scope, now)


def _open(
    connection: sa.Connection,
    submission: Submission,
    rule_and_number: tuple[str, int],
    scope: QueryScope,
    now: datetime,
) -> None:
    rule, number = rule_and_number
    query_id = f"{submission.return_code}.{submission.council_code}.{submission.period}.Q{number:03d}"
    connection.execute(
        sa.insert(QUERY).values(
            id=query_id,
            return_code=submission.return_code,
            council_code=submission.council_code,
            period=submission.period,
            number=number,
            rule=rule,
            scope=scope.scope,
            state=QueryState.OPEN.value,
            failed=scope.failed,
            fingerprint=scope.fingerprint,
            submission_id=submission.id,
            opened_at=now,
        )
    )
    _insert_event(connection, QueryEvent(query_id, now, QueryStep.OPENED, submission.id, scope.failed))


def _show_again(
    connection: sa.Connection,
    row: sa.Row[tuple[object, ...]],
    submission: Submission,
    scope: QueryScope,
    now: datetime,
) -> None:
    """Update a known query that the current submission repeats, with its figures."""
    step = None
    if row.state == QueryState.EXPIRED:
        step = QueryStep.REOPENED
    elif _has_changed(row, submission, scope):
        step = QueryStep.CHANGED
    state = QueryState(row.state) if step is None else state_after(QueryState(row.state), step)
    values = {"failed": scope.failed, "fingerprint": scope.fingerprint, "submission_id": submission.id}
    connection.execute(
        sa.update(QUERY).where(QUERY.c.id == row.id).values(values | {"state": state.value, "expired_at": None})
    )
    if step is not None:
        _insert_event(connection, QueryEvent(row.id, now, step, submission.id, scope.failed))


def _has_changed(row: sa.Row[tuple[object, ...]], submission: Submission, scope: QueryScope) -> bool:
    """Return whether the figures changed; without fingerprints, a new submission counts as a change."""
    if row.fingerprint and scope.fingerprint:
        return (row.fingerprint, row.failed) != (scope.fingerprint, scope.failed)
    return (row.submission_id, row.failed) != (submission.id, scope.failed)


def expire_withdrawn_queries(connection: sa.Connection, submission_id: str, now: datetime) -> None:
    """Expire every query that a withdrawn submission shows."""
    rows = connection.execute(
        sa.select(QUERY).where(QUERY.c.submission_id == submission_id, QUERY.c.state != QueryState.EXPIRED.value)
    )
    for row in rows.all():
        _expire(connection, row, ExpiryReason.WITHDRAWN, submission_id, now)


def _expire(
    connection: sa.Connection, row: sa.Row[tuple[object, ...]], reason: ExpiryReason, submission_id: str, now: datetime
) -> None:
    connection.execute(
        sa.update(QUERY).where(QUERY.c.id == row.id).values(state=QueryState.EXPIRED.value, expired_at=now)
    )
    event = QueryEvent(row.id, now, QueryStep.EXPIRED, submission_id, row.failed, code=reason.value)
    _insert_event(connection, event)


_REQUIRED_STATES = {
    QueryStep.ANSWERED: QueryState.OPEN,
    QueryStep.ACCEPTED: QueryState.ANSWERED,
    QueryStep.SENT_BACK: QueryState.ANSWERED,
}
_STATE_MESSAGES = {
    QueryState.OPEN: ("has no answer yet", "Wait for the council's answer: `lgdp query show` shows it."),
    QueryState.ANSWERED: ("has been answered already", "A recipient may send it back: `lgdp query send-back`."),
    QueryState.ACCEPTED: ("has been answered, and the answer accepted", "Nothing more is needed."),
    QueryState.EXPIRED: ("has expired: the current submission no longer shows it", "Nothing more is needed."),
}


def record_statement(connection: sa.Connection, query_id: str, statement: Statement, now: datetime) -> None:
    """Record an answer to an open query, or a recipient's decision on an answer.

    Raises:
        WrongUse: there is no such query.
        LedgerError: its state does not allow the step, or words or name cannot be kept.
    """
    row = connection.execute(sa.select(QUERY).where(QUERY.c.id == query_id)).one_or_none()
    if row is None:
        raise unknown_query(query_id)
    state = QueryState(row.state)
    if state is not _REQUIRED_STATES[statement.step]:
        problem, remedy = _STATE_MESSAGES[state]
        raise LedgerError(f"The query {problem}.", where=query_id, remedy=remedy)
    may_be_empty = statement.step is QueryStep.ACCEPTED and not statement.words.strip()
    next_state = state_after(state, statement.step)
    connection.execute(sa.update(QUERY).where(QUERY.c.id == query_id).values(state=next_state.value))
    event = QueryEvent(
        query_id,
        now,
        statement.step,
        row.submission_id,
        row.failed,
        by=clean_text(statement.by, "The name", LONGEST_NAME),
        code=statement.code,
        words="" if may_be_empty else clean_text(statement.words, "The words", LONGEST_WORDS),
        origin=statement.origin,
    )
    _insert_event(connection, event)


def unknown_query(query_id: str) -> WrongUse:
    """Return the error for an id that no query has."""
    return WrongUse("There is no such query.", where=query_id, remedy="List queries with `lgdp query list`.")


def _insert_event(connection: sa.Connection, event: QueryEvent) -> None:
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    connection.execute(sa.insert(QUERY_EVENT).values(values | {"step": event.step.value}))
