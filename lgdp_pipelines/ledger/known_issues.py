"""Known issues: notes that named people put on figures of a council and period, and lift again.

A known issue shows wherever the figure shows, from the moment it is added until it is lifted; both stay on record. The
same words about the same figures are one known issue, even where they are added several times. Belongs elsewhere:
checking that council, item and role exist (``workflows``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError, WrongUse
from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.person_texts import LONGEST_NAME, LONGEST_WORDS, clean_text
from lgdp_pipelines.ledger.query_records import KnownIssue, RecordedIssue
from lgdp_pipelines.ledger.schema import KNOWN_ISSUE, filter_return

LONGEST_SOURCE = 500


class KnownIssueRepository(Repository):
    """The known issues of the ledger."""

    def add(self, issues: Sequence[KnownIssue]) -> tuple[RecordedIssue, ...]:
        """Add known issues, all or none; an equal active one is reused.

        Raises:
            LedgerError: words, name or source of one cannot be kept.
        """
        clean_issues = [clean_issue(issue) for issue in issues]
        return self._database.write(
            lambda connection: tuple(_add(connection, issue, self._clock()) for issue in clean_issues)
        )

    def lift(self, number: int, *, by: str, reason: str) -> RecordedIssue:
        """Lift a known issue, which stays on record but no longer shows.

        Raises:
            WrongUse: there is no such known issue.
            LedgerError: it was lifted before, or name or reason cannot be kept.
        """
        values = {
            "lifted_by": clean_text(by, "The name", LONGEST_NAME),
            "lift_reason": clean_text(reason, "The reason", LONGEST_WORDS),
        }
        return self._database.write(
            lambda connection: _lift(connection, number, {**values, "lifted_at": self._clock()})
        )

    def find(
        self,
        return_code: str | None = None,
        *,
        council_code: str | None = None,
        period: str | None = None,
    ) -> tuple[RecordedIssue, ...]:
        """Return recorded known issues that match the filters, lifted ones included.

        They are in order of number. A filter of None matches all.
        """
        return self._read(_select_issues, *filter_return(KNOWN_ISSUE, return_code, period, council_code=council_code))

    def find_active(self, return_code: str, *, council_code: str, period: str) -> tuple[RecordedIssue, ...]:
        """Return the known issues that are not lifted, in order of number."""
        issues = self.find(return_code, council_code=council_code, period=period)
        return tuple(issue for issue in issues if issue.lifted_at is None)


def clean_issue(issue: KnownIssue) -> KnownIssue:
    """Return an issue with texts in one line; refuse unusable ones.

    Raises:
        LedgerError: words, name, role or source cannot be kept.
    """
    return replace(
        issue,
        words=clean_text(issue.words, "The words", LONGEST_WORDS),
        by=clean_text(issue.by, "The name", LONGEST_NAME),
        role=clean_text(issue.role, "The role", LONGEST_NAME),
        source=clean_text(issue.source, "The source", LONGEST_SOURCE) if issue.source.strip() else "",
    )


def _add(connection: sa.Connection, issue: KnownIssue, now: datetime) -> RecordedIssue:
    """Insert a known issue, or return an equal one not lifted."""
    equal_issues = _select_issues(
        connection,
        *filter_return(KNOWN_ISSUE, issue.return_code, issue.period, council_code=issue.council_code),
        KNOWN_ISSUE.c.item_urn == issue.item_urn,
        KNOWN_ISSUE.c.words == issue.words,
        KNOWN_ISSUE.c.lifted_at.is_(None),
    )
    if equal_issues:
        return equal_issues[0]
    values = asdict(issue) | {"put_at": now, "lifted_by": "", "lift_reason": ""}
    number: int = connection.execute(sa.insert(KNOWN_ISSUE).values(values).returning(KNOWN_ISSUE.c.number)).scalar_one()
    return RecordedIssue(number, issue, now, None, "", "")


def _lift(connection: sa.Connection, number: int, values: Mapping[str, object]) -> RecordedIssue:
    """Lift a known issue; refuse one unknown or already lifted."""
    issues = _select_issues(connection, KNOWN_ISSUE.c.number == number)
    if not issues:
        raise WrongUse(
            "There is no such known issue.", where=str(number), remedy="List them with `lgdp known-issue list`."
        )
    if issues[0].lifted_at is not None:
        raise LedgerError("The known issue was lifted before.", where=str(number), remedy="It no longer shows.")
    connection.execute(sa.update(KNOWN_ISSUE).where(KNOWN_ISSUE.c.number == number).values(values))
    return _select_issues(connection, KNOWN_ISSUE.c.number == number)[0]


def _select_issues(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[RecordedIssue, ...]:
    """Return matching known issues, in order of number."""
    rows = connection.execute(sa.select(KNOWN_ISSUE).where(*conditions).order_by(KNOWN_ISSUE.c.number))
    return tuple(_build_issue(row) for row in rows)


def _build_issue(row: sa.Row[Any]) -> RecordedIssue:
    """Return a row of the table as a recorded known issue."""
    issue = KnownIssue(
        row.return_code, row.council_code, row.period, row.item_urn, row.words, row.by, row.role, row.source
    )
    return RecordedIssue(row.number, issue, row.put_at, row.lifted_at, row.lifted_by, row.lift_reason)
