"""Reminders: which reminder was prepared for a council, and whether it was sent; once a stage.

When a reminder is due is decided in ``reporting``.
"""

from datetime import datetime

import sqlalchemy as sa

from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.schema import REMINDER
from lgdp_pipelines.ledger.submission_records import ReminderRecord

_KEY = ("council_code", "return_code", "period", "stage", "submission_id")


class ReminderRepository(Repository):
    """The reminders of the ledger."""

    def find(self, return_code: str | None = None) -> dict[ReminderRecord, bool]:
        """Return the recorded reminders, and whether each was sent to its council."""
        statement = sa.select(*(REMINDER.c[name] for name in _KEY), REMINDER.c.sent_at)
        if return_code is not None:
            statement = statement.where(REMINDER.c.return_code == return_code)
        return {ReminderRecord(*row[:-1]): row.sent_at is not None for row in self._fetch(statement)}

    def record(self, reminder: ReminderRecord, *, sent: bool) -> None:
        """Record a reminder, or that it has been sent since.

        A sent reminder stays sent.
        """
        self._database.write(lambda connection: _record(connection, reminder, is_sent=sent, now=self._clock()))


def _record(connection: sa.Connection, reminder: ReminderRecord, *, is_sent: bool, now: datetime) -> None:
    conditions = [REMINDER.c[name] == getattr(reminder, name) for name in _KEY]
    if connection.execute(sa.select(REMINDER.c.stage).where(*conditions)).one_or_none() is None:
        values = {name: getattr(reminder, name) for name in _KEY}
        connection.execute(sa.insert(REMINDER).values(**values, made_at=now, sent_at=now if is_sent else None))
    elif is_sent:
        connection.execute(sa.update(REMINDER).where(*conditions, REMINDER.c.sent_at.is_(None)).values(sent_at=now))
