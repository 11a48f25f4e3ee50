"""Reminders: what councils were reminded of, once a stage.

What belongs here: writing it down and looking it up. What does not: what calls for a reminder (``feedback``).
"""

from datetime import datetime

import sqlalchemy as sa

from lgdp_pipelines.ledger.schema import REMINDER
from lgdp_pipelines.ledger.submission_records import ReminderRecord

_KEY = ("council_code", "return_code", "period", "stage", "submission_id")


def reminded(connection: sa.Connection, return_code: str | None) -> dict[ReminderRecord, bool]:
    """What councils were reminded of, and whether it was sent on to them."""
    chosen = sa.select(*(REMINDER.c[name] for name in _KEY), REMINDER.c.sent_at)
    if return_code is not None:
        chosen = chosen.where(REMINDER.c.return_code == return_code)
    return {ReminderRecord(*row[:-1]): row.sent_at is not None for row in connection.execute(chosen)}


def record(connection: sa.Connection, one: ReminderRecord, *, sent: bool, now: datetime) -> None:
    """Write a reminder down, or that it was sent on since."""
    same = [REMINDER.c[name] == getattr(one, name) for name in _KEY]
    if connection.execute(sa.select(REMINDER.c.stage).where(*same)).one_or_none() is None:
        values = {name: getattr(one, name) for name in _KEY}
        connection.execute(sa.insert(REMINDER).values(**values, made_at=now, sent_at=now if sent else None))
    elif sent:
        connection.execute(sa.update(REMINDER).where(*same, REMINDER.c.sent_at.is_(None)).values(sent_at=now))
