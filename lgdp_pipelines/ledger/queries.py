"""Queries: questions to councils, their answers, and the steps in the life of each query.

::

    open ──answer──▶ answered ──accept──▶ accepted
     ▲ ▲                │                     │
     │ └───send back────┘      figures change: answered again
     └─reopen── expired ◀── the current submission no longer shows it (from any state)

A query is one question: one rule at one scope, to one council for one period. It stays the same query over
resubmissions for as long as the current submission shows it, and also where it returns after it had expired. Every step
is an event, which is added and never changed. Where the figures behind an answer change, the answer is kept, and an
accepted one must be looked at again.

Belongs here: the steps, and reading queries. Belongs elsewhere: counts over all queries (``rule_effectiveness``), and
running query rules (``validation``).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError, WrongUse
from lgdp_pipelines.handover.judgement_values import QueryScope
from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.person_texts import LONGEST_NAME, LONGEST_WORDS, clean_text
from lgdp_pipelines.ledger.query_records import ExpiryReason, Query, QueryEvent, QueryState, QueryStep, find_next_state
from lgdp_pipelines.ledger.rule_effectiveness import RuleEffectiveness, measure_effectiveness
from lgdp_pipelines.ledger.schema import QUERY, QUERY_EVENT, filter_return
from lgdp_pipelines.ledger.submission_records import Submission
from lgdp_pipelines.vocabulary.periods import parse_period


@dataclass(frozen=True, slots=True)
class QueryReply:
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


class QueryRepository(Repository):
    """The queries of the ledger."""

    def find(
        self,
        return_code: str | None = None,
        *,
        council_code: str | None = None,
        period: str | None = None,
        states: Sequence[QueryState] = (),
    ) -> tuple[Query, ...]:
        """Return matching queries, each with its current answer.

        They are in order of return, period, council and number.

        Args:
            return_code: of the return; None: all.
            council_code: of the council; None: all.
            period: id; None: all.
            states: to include; empty: all.
        """
        conditions = filter_return(QUERY, return_code, period, council_code=council_code)
        if states:
            conditions.append(QUERY.c.state.in_(list(states)))
        return self._read(_select_queries, *conditions)

    def get(self, query_id: str) -> Query:
        """Return the query of an id, in upper or lower case.

        Raises:
            WrongUse: there is no such query.
        """
        return self._read(_load_query, query_id.strip().upper())

    def list_events(self, query_id: str) -> tuple[QueryEvent, ...]:
        """Return a query's events in order; empty for an unknown query."""
        return self._read(_select_events, QUERY_EVENT.c.query_id == query_id)

    def find_send_backs(self, queries: Sequence[Query]) -> dict[str, QueryEvent]:
        """Return send-backs that currently keep queries open, by query id."""
        ids = [query.id for query in queries if query.state is QueryState.OPEN and query.answer is None]
        events = self._read(_select_events, QUERY_EVENT.c.query_id.in_(ids), QUERY_EVENT.c.step != QueryStep.CHANGED)
        return _last_events(events, QueryStep.SENT_BACK)

    def find_earlier_answers(self, queries: Sequence[Query]) -> dict[str, QueryEvent]:
        """Return last year's or latest earlier answers to the same questions.

        Answers are by query id. The answer is from the same period a year before, or else from the most recent earlier
        period that has one. The same question is the same rule at the same scope, to the same council. Queries without
        an earlier answer are left out.
        """
        if not queries:
            return {}
        candidates = self._read(
            _select_queries,
            QUERY.c.return_code.in_(sorted({query.return_code for query in queries})),
            QUERY.c.council_code.in_(sorted({query.council_code for query in queries})),
            QUERY.c.rule.in_(sorted({query.rule for query in queries})),
        )
        answered_queries: Mapping[tuple[str, ...], list[Query]] = defaultdict(list)
        for candidate in candidates:
            if candidate.answer is not None:
                answered_queries[_build_question_key(candidate)].append(candidate)
        answers = {
            query.id: _find_earlier_answer(query, answered_queries[_build_question_key(query)]) for query in queries
        }
        return {query_id: answer for query_id, answer in answers.items() if answer is not None}

    def answer(self, query_id: str, *, code: str, words: str, by: str, origin: str | None = None) -> Query:
        """Answer an open query for its council.

        Args:
            query_id: of the query.
            code: from the list of answers.
            words: why, in a sentence.
            by: the person who answers for the council.
            origin: the query whose answer is taken over; None where the answer is new.

        Raises:
            WrongUse: there is no such query.
            LedgerError: it is not open, or words or name cannot be kept.
        """
        return self._record(query_id, QueryReply(QueryStep.ANSWERED, by, words, code, origin))

    def accept(self, query_id: str, *, by: str, words: str = "") -> Query:
        """Accept the answer to a query, as a recipient.

        Raises:
            WrongUse: there is no such query.
            LedgerError: it has no answer, or words or name cannot be kept.
        """
        return self._record(query_id, QueryReply(QueryStep.ACCEPTED, by, words))

    def send_back(self, query_id: str, *, by: str, words: str) -> Query:
        """Send an answer back to its council, and open the query again.

        The answer stays in its history.

        Raises:
            WrongUse: there is no such query.
            LedgerError: it has no answer, or words or name cannot be kept.
        """
        return self._record(query_id, QueryReply(QueryStep.SENT_BACK, by, words))

    def _record(self, query_id: str, reply: QueryReply) -> Query:
        """Record a reply in one transaction, and return the updated query."""

        def record(connection: sa.Connection) -> Query:
            record_reply(connection, query_id, reply, self._clock())
            return _load_query(connection, query_id)

        return self._database.write(record)

    def measure_rules(self, return_code: str | None = None) -> tuple[RuleEffectiveness, ...]:
        """Return each query rule's effectiveness, largest share of noise first."""
        return self._read(measure_effectiveness, return_code)


def update_queries(
    connection: sa.Connection, submission: Submission, scopes: Mapping[str, Sequence[QueryScope]], now: datetime
) -> None:
    """Open, reopen, change and expire queries to match the current submission.

    Args:
        connection: of the transaction in which the submission becomes, or stays, current.
        submission: the current submission.
        scopes: of each broken rule, by rule id.
        now: in UTC.
    """
    rows = connection.execute(
        sa.select(QUERY).where(
            *filter_return(QUERY, submission.return_code, submission.period, council_code=submission.council_code)
        )
    )
    known_queries = {(row.rule, row.scope): row for row in rows}
    shown_scopes = {(rule, scope.scope): scope for rule, rule_scopes in scopes.items() for scope in rule_scopes}
    for key, row in known_queries.items():
        if key not in shown_scopes and row.state != QueryState.EXPIRED:
            is_same = row.submission_id == submission.id
            reason = ExpiryReason.JUDGED_AGAIN if is_same else ExpiryReason.CORRECTED
            _expire(connection, row, reason, submission.id, now)
    number = max((row.number for row in known_queries.values()), default=0)
    for key, scope in shown_scopes.items():
        if key in known_queries:
            _update_repeated(connection, known_queries[key], submission, scope, now)
        else:
            number += 1
            _open_query(connection, submission, key[0], number, scope, now)


def _open_query(
    connection: sa.Connection,
    submission: Submission,
    rule: str,
    number: int,
    scope: QueryScope,
    now: datetime,
) -> None:
    """Insert an open query and its first event."""
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
            state=QueryState.OPEN,
            failed=scope.failed,
            fingerprint=scope.fingerprint,
            submission_id=submission.id,
            opened_at=now,
        )
    )
    _insert_event(connection, QueryEvent(query_id, now, QueryStep.OPENED, submission.id, scope.failed))


def _update_repeated(
    connection: sa.Connection,
    row: sa.Row[tuple[object, ...]],
    submission: Submission,
    scope: QueryScope,
    now: datetime,
) -> None:
    """Update a known query's figures, and reopen it or record changes."""
    step = None
    if row.state == QueryState.EXPIRED:
        step = QueryStep.REOPENED
    elif _has_changed(row, submission, scope):
        step = QueryStep.CHANGED
    state = row.state if step is None else find_next_state(row.state, step)
    values = {"failed": scope.failed, "fingerprint": scope.fingerprint, "submission_id": submission.id}
    connection.execute(
        sa.update(QUERY).where(QUERY.c.id == row.id).values(values | {"state": state, "expired_at": None})
    )
    if step is not None:
        _insert_event(connection, QueryEvent(row.id, now, step, submission.id, scope.failed))


def _has_changed(row: sa.Row[tuple[object, ...]], submission: Submission, scope: QueryScope) -> bool:
    """Return whether figures changed; a new submission counts without fingerprints."""
    if row.fingerprint and scope.fingerprint:
        return (row.fingerprint, row.failed) != (scope.fingerprint, scope.failed)
    return (row.submission_id, row.failed) != (submission.id, scope.failed)


def expire_withdrawn_queries(connection: sa.Connection, submission_id: str, now: datetime) -> None:
    """Expire all queries of a withdrawn submission, even answered or accepted ones."""
    rows = connection.execute(
        sa.select(QUERY).where(QUERY.c.submission_id == submission_id, QUERY.c.state != QueryState.EXPIRED)
    )
    for row in rows.all():
        _expire(connection, row, ExpiryReason.WITHDRAWN, submission_id, now)


def _expire(
    connection: sa.Connection, row: sa.Row[tuple[object, ...]], reason: ExpiryReason, submission_id: str, now: datetime
) -> None:
    """Mark a query as expired, and add the event with its reason."""
    connection.execute(sa.update(QUERY).where(QUERY.c.id == row.id).values(state=QueryState.EXPIRED, expired_at=now))
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


def record_reply(connection: sa.Connection, query_id: str, reply: QueryReply, now: datetime) -> None:
    """Record an answer or a recipient's decision; refuse a wrong state.

    Raises:
        WrongUse: there is no such query.
        LedgerError: the query's state does not allow the step, or words or name cannot be kept.
    """
    row = connection.execute(sa.select(QUERY).where(QUERY.c.id == query_id)).one_or_none()
    if row is None:
        raise build_unknown_query_error(query_id)
    if row.state is not _REQUIRED_STATES[reply.step]:
        problem, remedy = _STATE_MESSAGES[row.state]
        raise LedgerError(f"The query {problem}.", where=query_id, remedy=remedy)
    may_be_empty = reply.step is QueryStep.ACCEPTED and not reply.words.strip()
    next_state = find_next_state(row.state, reply.step)
    connection.execute(sa.update(QUERY).where(QUERY.c.id == query_id).values(state=next_state))
    event = QueryEvent(
        query_id,
        now,
        reply.step,
        row.submission_id,
        row.failed,
        by=clean_text(reply.by, "The name", LONGEST_NAME),
        code=reply.code,
        words="" if may_be_empty else clean_text(reply.words, "The words", LONGEST_WORDS),
        origin=reply.origin,
    )
    _insert_event(connection, event)


def build_unknown_query_error(query_id: str) -> WrongUse:
    """Return the error for an unknown query id."""
    return WrongUse("There is no such query.", where=query_id, remedy="List queries with `lgdp query list`.")


def _insert_event(connection: sa.Connection, event: QueryEvent) -> None:
    """Add an event to the history of its query."""
    connection.execute(sa.insert(QUERY_EVENT).values(asdict(event)))


def _select_queries(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[Query, ...]:
    """Return matching queries in order, each with its current answer."""
    rows = connection.execute(
        sa.select(QUERY)
        .where(*conditions)
        .order_by(QUERY.c.return_code, QUERY.c.period, QUERY.c.council_code, QUERY.c.number)
    )
    answers = _find_answers(connection, conditions)
    return tuple(_build_query(row, answers.get(row["id"])) for row in rows.mappings())


def _find_answers(connection: sa.Connection, conditions: Iterable[sa.ColumnElement[bool]]) -> dict[str, QueryEvent]:
    """Return the last answer to each query, without answers sent back."""
    steps = [QueryStep.ANSWERED, QueryStep.SENT_BACK]
    rows = connection.execute(
        sa.select(QUERY_EVENT)
        .join(QUERY, QUERY.c.id == QUERY_EVENT.c.query_id)
        .where(QUERY_EVENT.c.step.in_(steps), *conditions)
        .order_by(QUERY_EVENT.c.id)
    )
    return _last_events([_build_event(row) for row in rows.mappings()], QueryStep.ANSWERED)


def _last_events(events: Iterable[QueryEvent], step: QueryStep) -> dict[str, QueryEvent]:
    """Return each query's last event where it is this step."""
    last = {event.query_id: event for event in events}
    return {query_id: event for query_id, event in last.items() if event.step is step}


def _select_events(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[QueryEvent, ...]:
    """Return matching events of queries, in order."""
    rows = connection.execute(sa.select(QUERY_EVENT).where(*conditions).order_by(QUERY_EVENT.c.id))
    return tuple(_build_event(row) for row in rows.mappings())


def _build_query(row: Mapping[Any, Any], answer: QueryEvent | None) -> Query:
    """Return a row of the table, with an answer, as a query."""
    values = {name: value for name, value in row.items() if name != "fingerprint"}
    return Query(**values, answer=answer)


def _build_event(row: Mapping[Any, Any]) -> QueryEvent:
    """Return a row of the table as an event."""
    values = {name: value for name, value in row.items() if name != "id"}
    return QueryEvent(**values)


def _load_query(connection: sa.Connection, query_id: str) -> Query:
    """Return the query of an id; refuse an unknown one."""
    queries = _select_queries(connection, QUERY.c.id == query_id)
    if not queries:
        raise build_unknown_query_error(query_id)
    return queries[0]


def _build_question_key(query: Query) -> tuple[str, ...]:
    """Return the fields that make queries of different periods one question."""
    return query.return_code, query.council_code, query.rule, query.scope


def _find_earlier_answer(query: Query, answered_queries: Sequence[Query]) -> QueryEvent | None:
    """Return last year's answer, or else the latest earlier one, if any."""
    start = parse_period(query.period).start
    starts = {parse_period(candidate.period).start: candidate for candidate in answered_queries}
    earlier_queries = {earlier_start: candidate for earlier_start, candidate in starts.items() if earlier_start < start}
    if not earlier_queries:
        return None
    last_year = next(
        (earlier_start for earlier_start in earlier_queries if _is_a_year_before(earlier_start, start)), None
    )
    return earlier_queries[last_year if last_year is not None else max(earlier_queries)].answer


def _is_a_year_before(start: date, later_start: date) -> bool:
    """Return whether a period starts exactly a year before, by month."""
    return (start.year + 1, start.month) == (later_start.year, later_start.month)
