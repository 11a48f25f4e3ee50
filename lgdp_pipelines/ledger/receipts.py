"""Receipts: what has come, and whether it is news.

What belongs here: writing receipts down and looking them up. What does not: opening submissions from them
(``opening``).
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger.schema import RECEIPT, SUBMISSION, WITHDRAWAL
from lgdp_pipelines.ledger.submission_lookup import outdated
from lgdp_pipelines.ledger.submission_records import Arrival, PendingWork, Receipt, ReceiptState, SubmissionState


def record(connection: sa.Connection, arrival: Arrival, now: datetime) -> Receipt:
    """Write a receipt down, and say whether it is news."""
    is_routed = arrival.return_code is not None and arrival.period is not None
    before = _latest(connection, _same_place(arrival) if is_routed else _same_entry(arrival))
    repeats = before is not None and _says_the_same(connection, before, arrival)
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
    """Receipts that answer the same: return, council, period and table. A nil return answers every table."""
    return sa.and_(
        RECEIPT.c.return_code == arrival.return_code,
        RECEIPT.c.council_code == arrival.council_code,
        RECEIPT.c.period == arrival.period,
        sa.or_(RECEIPT.c.table_name.is_not_distinct_from(arrival.table), RECEIPT.c.nil, sa.literal(arrival.nil)),
    )


def _says_the_same(connection: sa.Connection, before: sa.Row[tuple[object, ...]], arrival: Arrival) -> bool:
    """Whether an arrival is no news: the same bytes, meant the same way, and not taken back since."""
    alike = (before.sha256, before.system, before.nil) == (arrival.sha256, arrival.system, arrival.nil)
    return alike and not (before.submission_id and _is_withdrawn(connection, arrival))


def _is_withdrawn(connection: sa.Connection, arrival: Arrival) -> bool:
    """Whether the council has taken back the last submission of what the arrival answers."""
    state = connection.scalar(
        sa.select(SUBMISSION.c.state)
        .where(
            SUBMISSION.c.return_code == arrival.return_code,
            SUBMISSION.c.council_code == arrival.council_code,
            SUBMISSION.c.period == arrival.period,
        )
        .order_by(SUBMISSION.c.number.desc())
        .limit(1)
    )
    return bool(state == SubmissionState.WITHDRAWN.value)


def _same_entry(arrival: Arrival) -> sa.ColumnElement[bool]:
    """Receipts, not recognised either, of the same file in the same account."""
    return sa.and_(
        RECEIPT.c.state == ReceiptState.UNRECOGNISED.value,
        RECEIPT.c.council_code == arrival.council_code,
        RECEIPT.c.source == arrival.source,
        RECEIPT.c.account == arrival.account,
        RECEIPT.c.path == arrival.path,
    )


def _latest(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> sa.Row[tuple[Any, ...]] | None:
    return connection.execute(
        sa.select(RECEIPT.c.id, RECEIPT.c.sha256, RECEIPT.c.system, RECEIPT.c.nil, RECEIPT.c.submission_id)
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
    # Asked for by the ten thousand, every few seconds: times come as they are kept, without a zone, and each of them is
    # reckoned once, because many files have the time of one export.
    moment = sa.type_coerce(RECEIPT.c.modified, sa.DateTime)
    asked = sa.select(RECEIPT.c.path, RECEIPT.c.size, moment).where(
        RECEIPT.c.source == source, RECEIPT.c.account == account, RECEIPT.c.modified.is_not(None)
    )
    rows: Sequence[Any] = connection.execute(asked).all()
    seconds = {modified: int(modified.replace(tzinfo=UTC).timestamp()) for modified in {row[2] for row in rows}}
    return frozenset((path, size, seconds[modified]) for path, size, modified in rows)


def latest_marks(connection: sa.Connection, source: str, account: str, path: str) -> tuple[str | None, datetime | None]:
    """What the source said of the latest receipt of a request: its ETag, and when it was last changed."""
    row = connection.execute(
        sa.select(RECEIPT.c.etag, RECEIPT.c.modified)
        .where(RECEIPT.c.source == source, RECEIPT.c.account == account, RECEIPT.c.path == path)
        .order_by(RECEIPT.c.id.desc())
        .limit(1)
    ).one_or_none()
    return (None, None) if row is None else (row.etag, row.modified)


def last_arrivals(connection: sa.Connection) -> dict[tuple[str, str], datetime]:
    """When anything last came by an account, by source and council."""
    rows = connection.execute(
        sa.select(RECEIPT.c.source, RECEIPT.c.council_code, sa.func.max(RECEIPT.c.received_at).label("last")).group_by(
            RECEIPT.c.source, RECEIPT.c.council_code
        )
    )
    return {(one.source, one.council_code): one.last for one in rows}


def waiting(connection: sa.Connection) -> tuple[PendingWork, ...]:
    """Returns and periods with something to do, in order.

    Receipts wait, or submissions were left in judging, were withdrawn and may still stand in a slice, or were judged
    against a submission, of an earlier period or another return, in whose place another has become current since.
    """
    key = (SUBMISSION.c.return_code, SUBMISSION.c.period, SUBMISSION.c.council_code)
    receipts = sa.select(
        RECEIPT.c.return_code, RECEIPT.c.period, RECEIPT.c.council_code, RECEIPT.c.id, sa.literal("").label("task")
    ).where(RECEIPT.c.state == ReceiptState.WAITING.value)
    judging = sa.select(*key, sa.null(), sa.literal("judge ") + SUBMISSION.c.id).where(
        SUBMISSION.c.state == SubmissionState.JUDGING.value
    )
    withdrawn = (
        sa.select(*key, sa.null(), sa.literal("withdraw ") + SUBMISSION.c.id)
        .join_from(WITHDRAWAL, SUBMISSION, SUBMISSION.c.id == WITHDRAWAL.c.submission_id)
        .where(WITHDRAWAL.c.finished_at.is_(None))
    )
    found: dict[tuple[str, str], list[tuple[str, int | None, str]]] = {}
    for row in connection.execute(sa.union_all(receipts, judging, withdrawn)):
        found.setdefault((row.return_code, row.period), []).append((row.council_code, row.id, row.task))
    for one, against in outdated(connection):
        task = f"judge {one.id} against {against or 'nothing'}"
        found.setdefault((one.return_code, one.period), []).append((one.council_code, None, task))
    return tuple(
        PendingWork(
            *key,
            councils=tuple(sorted({council for council, _, _ in parts})),
            receipts=tuple(sorted(receipt for _, receipt, _ in parts if receipt is not None)),
            submissions=tuple(sorted(task for _, _, task in parts if task)),
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
