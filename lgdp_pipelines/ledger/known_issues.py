"""Known issues: what named people note on figures of a council and period, and lift again.

A known issue shows wherever the figure shows, from the moment it is put until it is lifted; both stay on record. The
same words at the same place are one known issue, however often they are put. What belongs here: putting, lifting and
asking, each one transaction. What does not: whether council, item and role exist (``journey.known_issues``).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger import lake_mirror
from lgdp_pipelines.ledger.database import Database
from lgdp_pipelines.ledger.mirror_tables import KNOWN_ISSUE_COPY
from lgdp_pipelines.ledger.query_lifecycle import LONGEST_NAME, LONGEST_WORDS, said
from lgdp_pipelines.ledger.query_records import KnownIssue, RecordedIssue
from lgdp_pipelines.ledger.query_schema import KNOWN_ISSUE
from lgdp_pipelines.storage.lake import Lake

LONGEST_SOURCE = 500


class KnownIssueRepository:
    """The ledger's known issues. Safe to use from several threads and processes at once.

    Args:
        database: the ledger's.
        clock: the time, in UTC.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def put(self, issues: Sequence[KnownIssue]) -> tuple[RecordedIssue, ...]:
        """Put known issues, all of them or none, and give them back as they are kept, in order.

        Raises:
            LedgerError: words, name or source of one cannot be kept.
        """
        plain = [checked(one) for one in issues]
        return self._database.written(lambda connection: tuple(_put(connection, one, self._clock()) for one in plain))

    def lift(self, number: int, *, by: str, reason: str) -> RecordedIssue:
        """Lift a known issue: it no longer shows, and stays on record.

        Raises:
            LedgerError: there is none of that number, it was lifted before, or name or reason cannot be kept.
        """
        who, why = said(by, "The name", LONGEST_NAME), said(reason, "The reason", LONGEST_WORDS)
        return self._database.written(lambda connection: _lift(connection, number, who, why, self._clock()))

    def listed(
        self,
        return_code: str | None = None,
        council_code: str | None = None,
        period: str | None = None,
    ) -> tuple[RecordedIssue, ...]:
        """Known issues, lifted ones too, in the order in which they were put."""
        asked = {"return_code": return_code, "council_code": council_code, "period": period}
        conditions = [KNOWN_ISSUE.c[name] == value for name, value in asked.items() if value is not None]
        with self._database.reading() as connection:
            return _listed(connection, *conditions)

    def showing(self, return_code: str, council_code: str, period: str) -> tuple[RecordedIssue, ...]:
        """The known issues that show with the figures of a return, council and period, in order."""
        return tuple(one for one in self.listed(return_code, council_code, period) if one.lifted_at is None)

    def mirror(self, lake: Lake, return_code: str) -> None:
        """Copy the known issues of a return into the lake for SQL, and nothing else.

        Raises:
            StorageError: the lake did not take it.
        """
        lake_mirror.write(self._database, lake, return_code, lake_mirror.Copied(), (KNOWN_ISSUE_COPY,))


def checked(issue: KnownIssue) -> KnownIssue:
    """A known issue with its texts as they are kept.

    Raises:
        LedgerError: words, name, role or source cannot be kept.
    """
    return KnownIssue(
        return_code=issue.return_code,
        council_code=issue.council_code,
        period=issue.period,
        item_urn=issue.item_urn,
        words=said(issue.words, "The words", LONGEST_WORDS),
        by=said(issue.by, "The name", LONGEST_NAME),
        role=said(issue.role, "The role", LONGEST_NAME),
        source=said(issue.source, "The source", LONGEST_SOURCE) if issue.source.strip() else "",
    )


def _put(connection: sa.Connection, issue: KnownIssue, now: datetime) -> RecordedIssue:
    same = _listed(
        connection,
        KNOWN_ISSUE.c.return_code == issue.return_code,
        KNOWN_ISSUE.c.council_code == issue.council_code,
        KNOWN_ISSUE.c.period == issue.period,
        KNOWN_ISSUE.c.item_urn == issue.item_urn,
        KNOWN_ISSUE.c.words == issue.words,
        KNOWN_ISSUE.c.lifted_at.is_(None),
    )
    if same:
        return same[0]
    number: int = connection.execute(
        sa.insert(KNOWN_ISSUE)
        .values(
            return_code=issue.return_code,
            council_code=issue.council_code,
            period=issue.period,
            item_urn=issue.item_urn,
            words=issue.words,
            by=issue.by,
            role=issue.role,
            source=issue.source,
            put_at=now,
            lifted_by="",
            lift_reason="",
        )
        .returning(KNOWN_ISSUE.c.number)
    ).scalar_one()
    return RecordedIssue(number, issue, now, None, "", "")


def _lift(connection: sa.Connection, number: int, by: str, reason: str, now: datetime) -> RecordedIssue:
    found = _listed(connection, KNOWN_ISSUE.c.number == number)
    if not found:
        raise LedgerError(
            "There is no such known issue.", where=str(number), remedy="`lgdp known-issue list` lists those there are."
        )
    if found[0].lifted_at is not None:
        raise LedgerError("The known issue was lifted before.", where=str(number), remedy="It shows no longer.")
    connection.execute(
        sa.update(KNOWN_ISSUE)
        .where(KNOWN_ISSUE.c.number == number)
        .values(lifted_at=now, lifted_by=by, lift_reason=reason)
    )
    return _listed(connection, KNOWN_ISSUE.c.number == number)[0]


def _listed(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[RecordedIssue, ...]:
    rows = connection.execute(sa.select(KNOWN_ISSUE).where(*conditions).order_by(KNOWN_ISSUE.c.number))
    return tuple(_kept(row) for row in rows)


def _kept(row: sa.Row[Any]) -> RecordedIssue:
    said_where = KnownIssue(
        row.return_code, row.council_code, row.period, row.item_urn, row.words, row.by, row.role, row.source
    )
    return RecordedIssue(row.number, said_where, row.put_at, row.lifted_at, row.lifted_by, row.lift_reason)
