"""What goes back to councils: what has not been told yet, and writing down that it was.

What belongs here: questions and statements about deliveries. What does not: what a report says (``feedback``), and
taking it anywhere (``journey``).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from lgdp_pipelines.ledger.schema import DELIVERY, JUDGEMENT, RECEIPT, SUBMISSION
from lgdp_pipelines.ledger.submission_records import ReceiptState


@dataclass(frozen=True, slots=True)
class UndeliveredJudgement:
    """The latest judgement of a submission, which a destination has not been told of.

    Attributes:
        submission_id: that was judged.
        judgement: number of its latest judgement.
        return_code: of the submission.
        council_code: of the submission.
        period: of the submission.
        delivered_sha256: of the report on an earlier judgement that the destination has; empty where it has none.
    """

    submission_id: str
    judgement: int
    return_code: str
    council_code: str
    period: str
    delivered_sha256: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A report that a destination has been given: on a judgement, or on an unrecognised receipt.

    Attributes:
        sha256: of what the report says.
        submission_id: that was judged; None where a receipt is meant.
        judgement: its number; None likewise.
        receipt_id: of the receipt; None where a judgement is meant.
    """

    sha256: str
    submission_id: str | None = None
    judgement: int | None = None
    receipt_id: int | None = None


def untold(
    connection: sa.Connection, destination: str, councils: Sequence[str] | None
) -> tuple[UndeliveredJudgement, ...]:
    """Latest judgements that a destination has not been told of, in order of return, period, council and number."""
    latest = (
        sa.select(JUDGEMENT.c.submission_id, sa.func.max(JUDGEMENT.c.number).label("number"))
        .group_by(JUDGEMENT.c.submission_id)
        .subquery()
    )
    told = (
        sa.select(DELIVERY.c.submission_id, sa.func.max(DELIVERY.c.judgement).label("judgement"))
        .where(DELIVERY.c.destination == destination, DELIVERY.c.submission_id.is_not(None))
        .group_by(DELIVERY.c.submission_id)
        .subquery()
    )
    rows = connection.execute(
        sa.select(SUBMISSION, latest.c.number.label("judgement"), DELIVERY.c.sha256)
        .join(latest, latest.c.submission_id == SUBMISSION.c.id)
        .outerjoin(told, told.c.submission_id == SUBMISSION.c.id)
        .outerjoin(
            DELIVERY,
            sa.and_(
                DELIVERY.c.submission_id == told.c.submission_id,
                DELIVERY.c.judgement == told.c.judgement,
                DELIVERY.c.destination == destination,
            ),
        )
        .where(
            sa.func.coalesce(told.c.judgement, 0) < latest.c.number,
            *([SUBMISSION.c.council_code.in_(councils)] if councils is not None else []),
        )
        .order_by(SUBMISSION.c.return_code, SUBMISSION.c.period, SUBMISSION.c.council_code, SUBMISSION.c.number)
    )
    return tuple(
        UndeliveredJudgement(row.id, row.judgement, row.return_code, row.council_code, row.period, row.sha256 or "")
        for row in rows
    )


def unplaced(connection: sa.Connection, destination: str, source: str | None) -> tuple[int, ...]:
    """Unrecognised receipts, of one source or of all, that a destination has not been told of."""
    told = sa.select(DELIVERY.c.receipt_id).where(
        DELIVERY.c.destination == destination, DELIVERY.c.receipt_id.is_not(None)
    )
    return tuple(
        connection.scalars(
            sa.select(RECEIPT.c.id)
            .where(
                RECEIPT.c.state == ReceiptState.UNRECOGNISED.value,
                RECEIPT.c.id.not_in(told),
                *([RECEIPT.c.source == source] if source is not None else []),
            )
            .order_by(RECEIPT.c.id)
        )
    )


def record(connection: sa.Connection, destination: str, delivered: Sequence[Delivery], now: datetime) -> None:
    """Write down what a destination has been given. Writing the same down again does nothing."""
    for one in delivered:
        known = sa.exists().where(
            DELIVERY.c.destination == destination,
            DELIVERY.c.submission_id.is_not_distinct_from(one.submission_id),
            DELIVERY.c.judgement.is_not_distinct_from(one.judgement),
            DELIVERY.c.receipt_id.is_not_distinct_from(one.receipt_id),
        )
        if not connection.scalar(sa.select(known)):
            connection.execute(sa.insert(DELIVERY).values(destination=destination, delivered_at=now, **asdict(one)))


def told(connection: sa.Connection, destination: str, submission_id: str, judgement: int) -> str | None:
    """The sha256 of the report on a judgement that a destination has; None where it has none."""
    return connection.scalar(
        sa.select(DELIVERY.c.sha256).where(
            DELIVERY.c.destination == destination,
            DELIVERY.c.submission_id == submission_id,
            DELIVERY.c.judgement == judgement,
        )
    )
