"""Deliveries: reports sent to destinations, and reminders prepared for councils and sent.

A report is sent once for each judgement or unrecognised receipt, and a reminder once for each stage. Belongs here: the
record of both. Belongs elsewhere: their texts and due days (``reporting``), and sending them (``workflows``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.schema import DELIVERY, JUDGEMENT, RECEIPT, REMINDER, SUBMISSION
from lgdp_pipelines.ledger.submission_records import CouncilReturn, ReceiptState, ReminderRecord

_REMINDER_KEY = ("return_code", "council_code", "period", "stage", "submission_id")


@dataclass(frozen=True, slots=True)
class UndeliveredJudgement(CouncilReturn):
    """A latest judgement whose report a destination has not received.

    Attributes:
        submission_id: of the submission.
        judgement_number: of its latest judgement.
        delivered_sha256: of the last report that the destination received on an earlier judgement; empty without one.
    """

    submission_id: str
    judgement_number: int
    delivered_sha256: str


@dataclass(frozen=True, slots=True)
class DeliveredReport:
    """A report, on a judgement or unrecognised receipt, that a destination received.

    Attributes:
        sha256: of the report's content.
        submission_id: of the judged submission; None for a receipt.
        judgement_number: of the judgement; None for a receipt.
        receipt_id: of the receipt; None for a judgement.
    """

    sha256: str
    submission_id: str | None = None
    judgement_number: int | None = None
    receipt_id: int | None = None


class DeliveryRepository(Repository):
    """The deliveries of the ledger."""

    def record(self, destination: str, deliveries: Sequence[DeliveredReport]) -> None:
        """Record reports that a destination received, each once."""
        self._database.write(lambda connection: _record_deliveries(connection, destination, deliveries, self._clock()))

    def list_undelivered_judgements(
        self, destination: str, councils: Sequence[str] | None = None
    ) -> tuple[UndeliveredJudgement, ...]:
        """Return submissions' latest judgements not yet reported to a destination.

        They are in order of return, period, council and number.

        Args:
            destination: of the reports.
            councils: register codes; None: all.
        """
        latest_judgements = (
            sa.select(JUDGEMENT.c.submission_id, sa.func.max(JUDGEMENT.c.number).label("number"))
            .group_by(JUDGEMENT.c.submission_id)
            .subquery()
        )
        last_deliveries = (
            sa.select(DELIVERY.c.submission_id, sa.func.max(DELIVERY.c.judgement).label("judgement"))
            .where(DELIVERY.c.destination == destination, DELIVERY.c.submission_id.is_not(None))
            .group_by(DELIVERY.c.submission_id)
            .subquery()
        )
        statement = (
            sa.select(SUBMISSION, latest_judgements.c.number.label("judgement"), DELIVERY.c.sha256)
            .join(latest_judgements, latest_judgements.c.submission_id == SUBMISSION.c.id)
            .outerjoin(last_deliveries, last_deliveries.c.submission_id == SUBMISSION.c.id)
            .outerjoin(
                DELIVERY,
                sa.and_(
                    DELIVERY.c.submission_id == last_deliveries.c.submission_id,
                    DELIVERY.c.judgement == last_deliveries.c.judgement,
                    DELIVERY.c.destination == destination,
                ),
            )
            .where(
                sa.func.coalesce(last_deliveries.c.judgement, 0) < latest_judgements.c.number,
                *([SUBMISSION.c.council_code.in_(councils)] if councils is not None else []),
            )
            .order_by(SUBMISSION.c.return_code, SUBMISSION.c.period, SUBMISSION.c.council_code, SUBMISSION.c.number)
        )
        return tuple(
            UndeliveredJudgement(row.return_code, row.council_code, row.period, row.id, row.judgement, row.sha256 or "")
            for row in self._fetch(statement)
        )

    def list_undelivered_receipts(self, destination: str, source: str | None = None) -> tuple[int, ...]:
        """Return ids of unrecognised receipts not yet reported to a destination.

        Args:
            destination: of the reports.
            source: of the receipts; None: all.
        """
        delivered_ids = sa.select(DELIVERY.c.receipt_id).where(
            DELIVERY.c.destination == destination, DELIVERY.c.receipt_id.is_not(None)
        )
        statement = (
            sa.select(RECEIPT.c.id)
            .where(
                RECEIPT.c.state == ReceiptState.UNRECOGNISED,
                RECEIPT.c.id.not_in(delivered_ids),
                *([RECEIPT.c.source == source] if source is not None else []),
            )
            .order_by(RECEIPT.c.id)
        )
        return tuple(row.id for row in self._fetch(statement))

    def find_delivered_sha256(self, destination: str, submission_id: str, judgement_number: int) -> str | None:
        """Return the sha256 of a judgement's report; None if undelivered."""
        statement = sa.select(DELIVERY.c.sha256).where(
            DELIVERY.c.destination == destination,
            DELIVERY.c.submission_id == submission_id,
            DELIVERY.c.judgement == judgement_number,
        )
        return next((row.sha256 for row in self._fetch(statement)), None)


class ReminderRepository(Repository):
    """The reminders of the ledger."""

    def find(self, return_code: str | None = None) -> dict[ReminderRecord, bool]:
        """Return recorded reminders, each with whether it was sent."""
        statement = sa.select(*(REMINDER.c[name] for name in _REMINDER_KEY), REMINDER.c.sent_at)
        if return_code is not None:
            statement = statement.where(REMINDER.c.return_code == return_code)
        return {ReminderRecord(*row[:-1]): row.sent_at is not None for row in self._fetch(statement)}

    def record(self, reminder: ReminderRecord, *, is_sent: bool) -> None:
        """Record a reminder once, or mark a recorded one as sent.

        A sent reminder stays sent.
        """
        self._database.write(
            lambda connection: _record_reminder(connection, reminder, is_sent=is_sent, now=self._clock())
        )


def _record_deliveries(
    connection: sa.Connection, destination: str, deliveries: Sequence[DeliveredReport], now: datetime
) -> None:
    """Insert the reports that are not recorded for the destination yet."""
    for delivery in deliveries:
        key = {
            "submission_id": delivery.submission_id,
            "judgement": delivery.judgement_number,
            "receipt_id": delivery.receipt_id,
            "destination": destination,
        }
        is_recorded = sa.exists().where(*(DELIVERY.c[name].is_not_distinct_from(value) for name, value in key.items()))
        if not connection.scalar(sa.select(is_recorded)):
            values = {**key, "sha256": delivery.sha256, "delivered_at": now}
            connection.execute(sa.insert(DELIVERY).values(values))


def _record_reminder(connection: sa.Connection, reminder: ReminderRecord, *, is_sent: bool, now: datetime) -> None:
    """Insert a reminder once, or mark a recorded one as sent now."""
    conditions = [REMINDER.c[name] == getattr(reminder, name) for name in _REMINDER_KEY]
    if connection.execute(sa.select(REMINDER.c.stage).where(*conditions)).one_or_none() is None:
        values = {name: getattr(reminder, name) for name in _REMINDER_KEY}
        connection.execute(sa.insert(REMINDER).values(**values, made_at=now, sent_at=now if is_sent else None))
    elif is_sent:
        connection.execute(sa.update(REMINDER).where(*conditions, REMINDER.c.sent_at.is_(None)).values(sent_at=now))
