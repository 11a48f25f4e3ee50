"""Receipts: what has come, and whether it is news.

What belongs here: writing receipts down and looking them up. What does not: opening submissions from them
(``opening``).
"""

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger.records import Arrival, Receipt, ReceiptState, SubmissionState, Waiting
from lgdp_pipelines.ledger.schema import RECEIPT, SUBMISSION


def record(connection: sa.Connection, arrival: Arrival, now: datetime) -> Receipt:
    """Write a receipt down, and say whether it is news."""
    is_routed = arrival.return_code is not None and arrival.period is not None
    before = _latest(connection, _same_place(arrival) if is_routed else _same_entry(arrival))
    repeats = before is not None and before.sha256 == arrival.sha256
    news = ReceiptState.WAITING if is_routed else ReceiptState.UNRECOGNISED
    values = asdict(arrival)
    values["table_name"] = values.pop("table")
    values["transport"] = arrival.transport.value
    values |= {
        "received_at": now,
        "state": (ReceiptState.DUPLICATE if repeats else news).value,
        "duplicate_of": before.id if before is not None and repeats else None,
    }
    return receipt_of(connection.execute(sa.insert(RECEIPT).values(values).returning(*RECEIPT.c)).one())


def _same_place(arrival: Arrival) -> sa.ColumnElement[bool]:
    """Receipts that answer the same: return, council, period and table."""
    return sa.and_(
        RECEIPT.c.return_code == arrival.return_code,
        RECEIPT.c.council_code == arrival.council_code,
        RECEIPT.c.period == arrival.period,
        RECEIPT.c.table_name.is_not_distinct_from(arrival.table),
    )


def _same_entry(arrival: Arrival) -> sa.ColumnElement[bool]:
    """Receipts, not recognised either, of the same file in the same account."""
    return sa.and_(
        RECEIPT.c.state == ReceiptState.UNRECOGNISED.value,
        RECEIPT.c.council_code == arrival.council_code,
        RECEIPT.c.source == arrival.source,
        RECEIPT.c.account == arrival.account,
        RECEIPT.c.path == arrival.path,
    )


def _latest(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> sa.Row[tuple[int, str]] | None:
    return connection.execute(
        sa.select(RECEIPT.c.id, RECEIPT.c.sha256)
        .where(condition, RECEIPT.c.state != ReceiptState.DUPLICATE.value)
        .order_by(RECEIPT.c.id.desc())
        .limit(1)
    ).one_or_none()


def receipt_of(row: sa.Row[tuple[object, ...]]) -> Receipt:
    """A row of the table as a record."""
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    values["table"] = values.pop("table_name")
    values["state"] = ReceiptState(values["state"])
    return Receipt(**values)


def known_entries(connection: sa.Connection, source: str, account: str) -> frozenset[tuple[str, int, int]]:
    """Listing entries that some receipt knows: path, size, and time of change in whole seconds since 1970."""
    rows = connection.execute(
        sa.select(RECEIPT.c.path, RECEIPT.c.size, RECEIPT.c.modified)
        .where(RECEIPT.c.source == source, RECEIPT.c.account == account, RECEIPT.c.modified.is_not(None))
        .distinct()
    )
    return frozenset((one.path, one.size, int(one.modified.timestamp())) for one in rows)


def latest_etag(connection: sa.Connection, source: str, account: str, path: str) -> str | None:
    """The mark that the source gave with the latest receipt of a request."""
    return connection.scalar(
        sa.select(RECEIPT.c.etag)
        .where(RECEIPT.c.source == source, RECEIPT.c.account == account, RECEIPT.c.path == path)
        .order_by(RECEIPT.c.id.desc())
        .limit(1)
    )


def waiting(connection: sa.Connection) -> tuple[Waiting, ...]:
    """Returns and periods with something to do, in order: receipts waiting, or submissions left in judging."""
    receipts = sa.select(RECEIPT.c.return_code, RECEIPT.c.period, RECEIPT.c.council_code, RECEIPT.c.id).where(
        RECEIPT.c.state == ReceiptState.WAITING.value
    )
    judging = sa.select(SUBMISSION.c.return_code, SUBMISSION.c.period, SUBMISSION.c.council_code, sa.null()).where(
        SUBMISSION.c.state == SubmissionState.JUDGING.value
    )
    found: dict[tuple[str, str], list[tuple[str, int | None]]] = {}
    for row in connection.execute(sa.union_all(receipts, judging)):
        found.setdefault((row.return_code, row.period), []).append((row.council_code, row.id))
    return tuple(
        Waiting(
            *key,
            councils=tuple(sorted({council for council, _ in parts})),
            receipts=tuple(sorted(receipt for _, receipt in parts if receipt is not None)),
        )
        for key, parts in sorted(found.items())
    )


def receipt(connection: sa.Connection, receipt_id: int) -> Receipt:
    """One receipt.

    Raises:
        LedgerError: there is none of that number.
    """
    row = connection.execute(sa.select(RECEIPT).where(RECEIPT.c.id == receipt_id)).one_or_none()
    if row is None:
        raise LedgerError("There is no such receipt.", where=str(receipt_id))
    return receipt_of(row)


def unrecognised(connection: sa.Connection) -> tuple[Receipt, ...]:
    """Receipts that answer nothing that anybody could tell, in order of arrival."""
    chosen = sa.select(RECEIPT).where(RECEIPT.c.state == ReceiptState.UNRECOGNISED.value).order_by(RECEIPT.c.id)
    return tuple(receipt_of(row) for row in connection.execute(chosen))
