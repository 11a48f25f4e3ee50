"""Questions about queries: what is open, what was said, and what was answered before.

What belongs here: questions. What does not: anything that changes a query (``queries``), and counts over all of them
(``rule_noise``).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger.query_records import Query, QueryEvent, QueryState, QueryStep
from lgdp_pipelines.ledger.query_schema import QUERY, QUERY_EVENT
from lgdp_pipelines.vocabulary.periods import parse_period


def queries_where(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[Query, ...]:
    """Queries with the answers that stand, in order of return, period, council and number."""
    rows = connection.execute(
        sa.select(QUERY)
        .where(*conditions)
        .order_by(QUERY.c.return_code, QUERY.c.period, QUERY.c.council_code, QUERY.c.number)
    ).all()
    answers = _standing_answers(connection, conditions)
    return tuple(_query(row, answers.get(row.id)) for row in rows)


def _standing_answers(connection: sa.Connection, conditions: Iterable[sa.ColumnElement[bool]]) -> dict[str, QueryEvent]:
    """The last answer to each query, unless it was sent back."""
    spoken = [QueryStep.ANSWERED.value, QueryStep.SENT_BACK.value]
    rows = connection.execute(
        sa.select(QUERY_EVENT)
        .join(QUERY, QUERY.c.id == QUERY_EVENT.c.query_id)
        .where(QUERY_EVENT.c.step.in_(spoken), *conditions)
        .order_by(QUERY_EVENT.c.id)
    )
    last = {row.query_id: _event(row) for row in rows}
    return {key: event for key, event in last.items() if event.step is QueryStep.ANSWERED}


def _query(row: sa.Row[Any], answer: QueryEvent | None) -> Query:
    values = {name: value for name, value in row._mapping.items() if name != "fingerprint"}  # noqa: SLF001 - its public name
    values["state"] = QueryState(values["state"])
    return Query(**values, answer=answer)


def _event(row: sa.Row[Any]) -> QueryEvent:
    values = {name: value for name, value in row._mapping.items() if name != "id"}  # noqa: SLF001 - its public name
    values["step"] = QueryStep(values["step"])
    return QueryEvent(**values)


def query(connection: sa.Connection, query_id: str) -> Query:
    """One query.

    Raises:
        LedgerError: there is none of that id.
    """
    found = queries_where(connection, QUERY.c.id == query_id)
    if not found:
        raise LedgerError("There is no such query.", where=query_id, remedy="`lgdp query list` lists those there are.")
    return found[0]


def history(connection: sa.Connection, query_id: str) -> tuple[QueryEvent, ...]:
    """Everything that happened to a query, in order."""
    rows = connection.execute(
        sa.select(QUERY_EVENT).where(QUERY_EVENT.c.query_id == query_id).order_by(QUERY_EVENT.c.id)
    )
    return tuple(_event(row) for row in rows)


def sent_back(connection: sa.Connection, queries: Sequence[Query]) -> dict[str, QueryEvent]:
    """What a recipient said when an open query was last sent back, by query."""
    ids = [one.id for one in queries if one.state is QueryState.OPEN and one.answer is None]
    rows = connection.execute(
        sa.select(QUERY_EVENT)
        .where(QUERY_EVENT.c.query_id.in_(ids), QUERY_EVENT.c.step != QueryStep.CHANGED.value)
        .order_by(QUERY_EVENT.c.id)
    )
    last = {row.query_id: _event(row) for row in rows}
    return {key: event for key, event in last.items() if event.step is QueryStep.SENT_BACK}


def answers_before(connection: sa.Connection, queries: Sequence[Query]) -> dict[str, QueryEvent]:
    """For each query, the answer that the council gave to the same question for an earlier period.

    That of the same period a year before, or else of the most recent earlier period with one; the same question is the
    same rule at the same scope. A query without any is not among them.
    """
    if not queries:
        return {}
    place = [(one.return_code, one.council_code) for one in queries]
    rules = sorted({one.rule for one in queries})
    known: Mapping[tuple[str, ...], list[Query]] = defaultdict(list)
    for one in queries_where(
        connection,
        QUERY.c.return_code.in_(sorted({code for code, _ in place})),
        QUERY.c.council_code.in_(sorted({council for _, council in place})),
        QUERY.c.rule.in_(rules),
    ):
        if one.answer is not None:
            known[_question(one)].append(one)
    found = {one.id: _before(one, known[_question(one)]) for one in queries}
    return {key: answer for key, answer in found.items() if answer is not None}


def _question(one: Query) -> tuple[str, ...]:
    return one.return_code, one.council_code, one.rule, one.scope


def _before(asked: Query, answered: Sequence[Query]) -> QueryEvent | None:
    now = parse_period(asked.period)
    earlier = {parse_period(one.period).start: one for one in answered if parse_period(one.period).start < now.start}
    if not earlier:
        return None
    last_year = next((start for start in earlier if _is_a_year_before(start, now.start)), None)
    return earlier[last_year if last_year is not None else max(earlier)].answer


def _is_a_year_before(start: date, now: date) -> bool:
    return (start.year + 1, start.month) == (now.year, now.month)
