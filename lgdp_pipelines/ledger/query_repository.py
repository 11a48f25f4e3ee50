"""Queries: what councils are asked, what they answered, and what they answered before.

Questions about queries belong here, and the transactions that change them; the steps themselves are in
``query_lifecycle``, counts over all queries in ``rule_effectiveness``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.query_lifecycle import Statement, record_statement, unknown_query
from lgdp_pipelines.ledger.query_records import Query, QueryEvent, QueryState, QueryStep
from lgdp_pipelines.ledger.rule_effectiveness import RuleEffectiveness, measure_effectiveness
from lgdp_pipelines.ledger.schema import QUERY, QUERY_EVENT, filter_return

if TYPE_CHECKING:
    from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.vocabulary.periods import parse_period


class QueryRepository(Repository):
    """The queries of the ledger."""

    def find(
        self,
        return_code: str | None = None,
        council_code: str | None = None,
        period: str | None = None,
        states: Sequence[QueryState] = (),
    ) -> tuple[Query, ...]:
        """Return queries with their answers, in order of return, period, council and number.

        Args:
            return_code: of the return; None: all.
            council_code: of the council; None: all.
            period: id; None: all.
            states: that they may be in; none: any.
        """
        conditions = filter_return(QUERY, return_code, period, council_code)
        if states:
            conditions.append(QUERY.c.state.in_([state.value for state in states]))
        with self._database.read() as connection:
            return _select_queries(connection, *conditions)

    def get(self, query_id: str) -> Query:
        """Return the query of an id, in upper or lower case.

        Raises:
            WrongUse: there is no such query.
        """
        with self._database.read() as connection:
            return _load_query(connection, query_id.strip().upper())

    def list_events(self, query_id: str) -> tuple[QueryEvent, ...]:
        """Return the history of a query, in order."""
        with self._database.read() as connection:
            return _select_events(connection, QUERY_EVENT.c.query_id == query_id)

    def find_send_backs(self, queries: Sequence[Query]) -> dict[str, QueryEvent]:
        """Return the event in which each open query was last sent back, by query id."""
        ids = [query.id for query in queries if query.state is QueryState.OPEN and query.answer is None]
        with self._database.read() as connection:
            events = _select_events(
                connection, QUERY_EVENT.c.query_id.in_(ids), QUERY_EVENT.c.step != QueryStep.CHANGED.value
            )
        return _last_events(events, QueryStep.SENT_BACK)

    def find_earlier_answers(self, queries: Sequence[Query]) -> dict[str, QueryEvent]:
        """Return the council's answer to the same question for an earlier period, by query id.

        The answer of the same period a year before, or else of the most recent earlier period with one; the same
        question is the same rule at the same scope. Queries without an earlier answer are left out.
        """
        if not queries:
            return {}
        with self._database.read() as connection:
            candidates = _select_queries(
                connection,
                QUERY.c.return_code.in_(sorted({query.return_code for query in queries})),
                QUERY.c.council_code.in_(sorted({query.council_code for query in queries})),
                QUERY.c.rule.in_(sorted({query.rule for query in queries})),
            )
        answered_queries: Mapping[tuple[str, ...], list[Query]] = defaultdict(list)
        for candidate in candidates:
            if candidate.answer is not None:
                answered_queries[_question_key(candidate)].append(candidate)
        answers = {query.id: _find_earlier_answer(query, answered_queries[_question_key(query)]) for query in queries}
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
        return self._record(query_id, Statement(QueryStep.ANSWERED, by, words, code, origin))

    def accept(self, query_id: str, *, by: str, words: str = "") -> Query:
        """Accept the answer to a query, as a recipient.

        Raises:
            WrongUse: there is no such query.
            LedgerError: it has no answer, or words or name cannot be kept.
        """
        return self._record(query_id, Statement(QueryStep.ACCEPTED, by, words))

    def send_back(self, query_id: str, *, by: str, words: str) -> Query:
        """Send an answered query back to its council, as a recipient.

        The answer stays in its history.

        Raises:
            WrongUse: there is no such query.
            LedgerError: it has no answer, or words or name cannot be kept.
        """
        return self._record(query_id, Statement(QueryStep.SENT_BACK, by, words))

    def _record(self, query_id: str, statement: Statement) -> Query:
        def record(connection: sa.Connection) -> Query:
            record_statement(connection, query_id, statement, self._clock())
            return _load_query(connection, query_id)

        return self._database.write(record)

    def mirror(self, lake: "Lake", return_code: str) -> None:
        """Copy a return's queries, and no other table, into the lake.

        Raises:
            StorageError: the lake did not accept them.
        """
        # Arrow and Delta Lake take 0.2 s to import, and only writers of the lake need them.
        from lgdp_pipelines.ledger.lake_mirror import (  # noqa: PLC0415
            QUERY_COPY,
            QUERY_EVENT_COPY,
            MirrorMemory,
            copy_to_lake,
        )

        copy_to_lake(self._database, lake, return_code, MirrorMemory(), (QUERY_COPY, QUERY_EVENT_COPY))

    def measure_rules(self, return_code: str | None = None) -> tuple[RuleEffectiveness, ...]:
        """Return what the queries of each rule led to, rules with most noise first."""
        with self._database.read() as connection:
            return measure_effectiveness(connection, return_code)


def _select_queries(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[Query, ...]:
    rows = connection.execute(
        sa.select(QUERY)
        .where(*conditions)
        .order_by(QUERY.c.return_code, QUERY.c.period, QUERY.c.council_code, QUERY.c.number)
    ).all()
    answers = _find_answers(connection, conditions)
    return tuple(_query_from_row(row, answers.get(row.id)) for row in rows)


def _find_answers(connection: sa.Connection, conditions: Iterable[sa.ColumnElement[bool]]) -> dict[str, QueryEvent]:
    """Return the last answer to each query, unless it was sent back."""
    steps = [QueryStep.ANSWERED.value, QueryStep.SENT_BACK.value]
    rows = connection.execute(
        sa.select(QUERY_EVENT)
        .join(QUERY, QUERY.c.id == QUERY_EVENT.c.query_id)
        .where(QUERY_EVENT.c.step.in_(steps), *conditions)
        .order_by(QUERY_EVENT.c.id)
    )
    return _last_events([_event_from_row(row) for row in rows], QueryStep.ANSWERED)


def _last_events(events: Iterable[QueryEvent], step: QueryStep) -> dict[str, QueryEvent]:
    """Return each query's last event, where it is a certain step."""
    last = {event.query_id: event for event in events}
    return {query_id: event for query_id, event in last.items() if event.step is step}


def _select_events(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[QueryEvent, ...]:
    rows = connection.execute(sa.select(QUERY_EVENT).where(*conditions).order_by(QUERY_EVENT.c.id))
    return tuple(_event_from_row(row) for row in rows)


def _query_from_row(row: sa.Row[Any], answer: QueryEvent | None) -> Query:
    values = {name: value for name, value in row._mapping.items() if name != "fingerprint"}  # noqa: SLF001 - its public name
    values["state"] = QueryState(values["state"])
    return Query(**values, answer=answer)


def _event_from_row(row: sa.Row[Any]) -> QueryEvent:
    values = {name: value for name, value in row._mapping.items() if name != "id"}  # noqa: SLF001 - its public name
    values["step"] = QueryStep(values["step"])
    return QueryEvent(**values)


def _load_query(connection: sa.Connection, query_id: str) -> Query:
    queries = _select_queries(connection, QUERY.c.id == query_id)
    if not queries:
        raise unknown_query(query_id)
    return queries[0]


def _question_key(query: Query) -> tuple[str, ...]:
    return query.return_code, query.council_code, query.rule, query.scope


def _find_earlier_answer(query: Query, answered: Sequence[Query]) -> QueryEvent | None:
    start = parse_period(query.period).start
    starts = {parse_period(candidate.period).start: candidate for candidate in answered}
    earlier = {earlier_start: candidate for earlier_start, candidate in starts.items() if earlier_start < start}
    if not earlier:
        return None
    last_year = next((earlier_start for earlier_start in earlier if _is_a_year_before(earlier_start, start)), None)
    return earlier[last_year if last_year is not None else max(earlier)].answer


def _is_a_year_before(start: date, later_start: date) -> bool:
    return (start.year + 1, start.month) == (later_start.year, later_start.month)
