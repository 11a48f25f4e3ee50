"""The ledger's queries: one object, whose methods are each one transaction.

What belongs here: handing each method to the module that does the work (``queries``, ``query_reading``,
``rule_noise``). What does not: the statements themselves.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import sqlalchemy as sa

from lgdp_pipelines.ledger import lake_mirror, query_lifecycle, query_lookup, rule_effectiveness
from lgdp_pipelines.ledger.database import Database
from lgdp_pipelines.ledger.mirror_tables import QUERY_COPY, QUERY_EVENT_COPY
from lgdp_pipelines.ledger.query_records import Query, QueryEvent, QueryState
from lgdp_pipelines.ledger.query_schema import QUERY
from lgdp_pipelines.ledger.rule_effectiveness import RuleEffectiveness
from lgdp_pipelines.storage.lake import Lake


class QueryRepository:
    """What councils are asked, and what they say. Safe to use from several threads and processes at once.

    Args:
        database: the ledger's.
        clock: the time, in UTC.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def listed(
        self,
        return_code: str | None = None,
        council_code: str | None = None,
        period: str | None = None,
        states: Sequence[QueryState] = (),
    ) -> tuple[Query, ...]:
        """Queries, each with the answer that stands, in order of return, period, council and number.

        Args:
            return_code: of the return; None: all.
            council_code: of the council; None: all.
            period: id; None: all.
            states: that they may be in; none: any.
        """
        asked = {"return_code": return_code, "council_code": council_code, "period": period}
        conditions: list[sa.ColumnElement[bool]] = [
            QUERY.c[name] == value for name, value in asked.items() if value is not None
        ]
        if states:
            conditions.append(QUERY.c.state.in_([state.value for state in states]))
        with self._database.reading() as connection:
            return query_lookup.queries_where(connection, *conditions)

    def named(self, query_id: str) -> Query:
        """One query, by its id in whichever case.

        Raises:
            LedgerError: there is none of that id.
        """
        with self._database.reading() as connection:
            return query_lookup.query(connection, query_id.strip().upper())

    def history(self, query_id: str) -> tuple[QueryEvent, ...]:
        """Everything that happened to a query, in order."""
        with self._database.reading() as connection:
            return query_lookup.history(connection, query_id)

    def sent_back(self, asked: Sequence[Query]) -> dict[str, QueryEvent]:
        """What a recipient said when an open query was last sent back, by query id."""
        with self._database.reading() as connection:
            return query_lookup.sent_back(connection, asked)

    def answers_before(self, asked: Sequence[Query]) -> dict[str, QueryEvent]:
        """The council's answer to the same question for an earlier period, by query id, where there is one.

        That of the same period a year before, or else of the most recent earlier period.
        """
        with self._database.reading() as connection:
            return query_lookup.answers_before(connection, asked)

    def answer(self, query_id: str, *, code: str, words: str, by: str, origin: str | None = None) -> Query:
        """Answer an open query for its council.

        Args:
            query_id: of the query.
            code: of the list of answers.
            words: why, in a sentence.
            by: who answers for the council.
            origin: the query whose answer is taken over; None where it is given anew.

        Raises:
            LedgerError: there is none of that id, it is not open, or words or name cannot be kept.
        """

        def written(connection: sa.Connection) -> Query:
            query_lifecycle.answer(
                connection, query_id, code=code, words=words, by=by, origin=origin, now=self._clock()
            )
            return query_lookup.query(connection, query_id)

        return self._database.written(written)

    def accept(self, query_id: str, *, by: str, words: str = "") -> Query:
        """Accept the answer to a query, as a recipient.

        Raises:
            LedgerError: there is none of that id, it has no answer to look at, or words or name cannot be kept.
        """

        def written(connection: sa.Connection) -> Query:
            query_lifecycle.accept(connection, query_id, by=by, words=words, now=self._clock())
            return query_lookup.query(connection, query_id)

        return self._database.written(written)

    def send_back(self, query_id: str, *, by: str, words: str) -> Query:
        """Ask again, as a recipient: the answer is kept in the history, and the query is open.

        Raises:
            LedgerError: there is none of that id, it has no answer to look at, or words or name cannot be kept.
        """

        def written(connection: sa.Connection) -> Query:
            query_lifecycle.send_back(connection, query_id, by=by, words=words, now=self._clock())
            return query_lookup.query(connection, query_id)

        return self._database.written(written)

    def mirror(self, lake: Lake, return_code: str) -> None:
        """Copy what was asked and said of a return into the lake for SQL, and nothing else.

        Raises:
            StorageError: the lake did not take it.
        """
        lake_mirror.write(self._database, lake, return_code, lake_mirror.Copied(), (QUERY_COPY, QUERY_EVENT_COPY))

    def noise(self, return_code: str | None = None) -> tuple[RuleEffectiveness, ...]:
        """What each rule that asks has brought, the noisiest first."""
        with self._database.reading() as connection:
            return rule_effectiveness.noise(connection, return_code)
