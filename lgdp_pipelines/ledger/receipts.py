"""Receipts: the record of each extract received, and whether it is new.

Belongs here: statements about receipts. Belongs elsewhere: opening submissions from them (``submissions``).
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.schema import RECEIPT, SUBMISSION, filter_return
from lgdp_pipelines.ledger.submission_records import Arrival, Receipt, ReceiptState, SubmissionState


class ReceiptRepository(Repository):
    """The receipts of the ledger."""

    def record(self, arrival: Arrival) -> Receipt:
        """Record an extract as new, duplicate or unrecognised; return its receipt.

        ``duplicate``: the same bytes as the last receipt of that return, council, period and table (or, if its return
        is not recognised, of that file). ``unrecognised``: its return or period is unknown. ``waiting``: new.
        """
        return self._database.write(lambda connection: _record(connection, arrival, self._clock()))

    def get(self, receipt_id: int) -> Receipt:
        """Return the receipt of a number.

        Raises:
            WrongUse: there is no such receipt.
        """
        receipts = self._read(select_receipts, RECEIPT.c.id == receipt_id)
        if not receipts:
            raise WrongUse("There is no such receipt.", where=str(receipt_id))
        return receipts[0]

    def list_unrecognised(self) -> tuple[Receipt, ...]:
        """Return the receipts of unknown return or period, in order of arrival."""
        return self._read(select_receipts, RECEIPT.c.state == ReceiptState.UNRECOGNISED)

    def list_known_entries(self, source: str, account: str) -> frozenset[tuple[str, int, int]]:
        """Return path, size and modification time of listing entries fetched before.

        Times are in seconds since 1970.
        """
        # Called every few seconds over ten thousand receipts: times come as they are stored, without a zone, and each
        # distinct time is converted once, because many files have the time of one export.
        stored_time = sa.type_coerce(RECEIPT.c.modified, sa.DateTime)
        statement = sa.select(RECEIPT.c.path, RECEIPT.c.size, stored_time).where(
            RECEIPT.c.source == source, RECEIPT.c.account == account, RECEIPT.c.modified.is_not(None)
        )
        rows = self._fetch(statement)
        seconds = {modified: int(modified.replace(tzinfo=UTC).timestamp()) for modified in {row[2] for row in rows}}
        return frozenset((path, size, seconds[modified]) for path, size, modified in rows)

    def find_cache_validators(self, source: str, account: str, path: str) -> tuple[str | None, datetime | None]:
        """Return the latest receipt's ETag and modification time; both None without one."""
        statement = (
            sa.select(RECEIPT.c.etag, RECEIPT.c.modified)
            .where(RECEIPT.c.source == source, RECEIPT.c.account == account, RECEIPT.c.path == path)
            .order_by(RECEIPT.c.id.desc())
            .limit(1)
        )
        return next(((row.etag, row.modified) for row in self._fetch(statement)), (None, None))

    def find_last_arrivals(self) -> dict[tuple[str, str], datetime]:
        """Return the time of the last arrival, by source and council."""
        key = (RECEIPT.c.source, RECEIPT.c.council_code)
        rows = self._fetch(sa.select(*key, sa.func.max(RECEIPT.c.received_at)).group_by(*key))
        return {(source, council): last for source, council, last in rows}

    def list_digests(self, return_code: str | None = None, period: str | None = None) -> frozenset[tuple[str, int]]:
        """Return the sha256 and size of each content received."""
        conditions = filter_return(RECEIPT, return_code, period)
        rows = self._fetch(sa.select(RECEIPT.c.sha256, RECEIPT.c.size).where(*conditions).distinct())
        return frozenset((row.sha256, row.size) for row in rows)


def select_receipts(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[Receipt, ...]:
    """Return the receipts that meet the conditions, in order of arrival."""
    rows = connection.execute(sa.select(RECEIPT).where(*conditions).order_by(RECEIPT.c.id))
    return tuple(build_receipt(row) for row in rows.mappings())


def build_receipt(row: Mapping[Any, Any]) -> Receipt:
    """Return a row of the table as a receipt."""
    values = dict(row)
    values["table"] = values.pop("table_name")
    return Receipt(**values)


def _record(connection: sa.Connection, arrival: Arrival, now: datetime) -> Receipt:
    """Insert a receipt, with the state that earlier receipts give it."""
    is_routed = arrival.return_code is not None and arrival.period is not None
    previous = _find_latest(connection, _match_same_key(arrival) if is_routed else _match_same_file(arrival))
    is_duplicate = previous is not None and _is_repeated(connection, previous, arrival)
    new_state = ReceiptState.WAITING if is_routed else ReceiptState.UNRECOGNISED
    values = asdict(arrival)
    values["table_name"] = values.pop("table")
    values |= {
        "received_at": now,
        "state": ReceiptState.DUPLICATE if is_duplicate else new_state,
        "duplicate_of": previous.id if previous is not None and is_duplicate else None,
    }
    return build_receipt(connection.execute(sa.insert(RECEIPT).values(values).returning(*RECEIPT.c)).mappings().one())


def _match_same_key(arrival: Arrival) -> sa.ColumnElement[bool]:
    """Match receipts of the same return, council, period and table.

    A nil return answers all tables.
    """
    return sa.and_(
        RECEIPT.c.return_code == arrival.return_code,
        RECEIPT.c.council_code == arrival.council_code,
        RECEIPT.c.period == arrival.period,
        sa.or_(RECEIPT.c.table_name.is_not_distinct_from(arrival.table), RECEIPT.c.nil, sa.literal(arrival.nil)),
    )


def _match_same_file(arrival: Arrival) -> sa.ColumnElement[bool]:
    """Match unrecognised receipts of the same file in the same account."""
    return sa.and_(
        RECEIPT.c.state == ReceiptState.UNRECOGNISED,
        RECEIPT.c.council_code == arrival.council_code,
        RECEIPT.c.source == arrival.source,
        RECEIPT.c.account == arrival.account,
        RECEIPT.c.path == arrival.path,
    )


def _find_latest(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> sa.Row[tuple[Any, ...]] | None:
    """Return the latest matching receipt that is not a duplicate, or None."""
    return connection.execute(
        sa.select(RECEIPT.c.id, RECEIPT.c.sha256, RECEIPT.c.system, RECEIPT.c.nil, RECEIPT.c.submission_id)
        .where(condition, RECEIPT.c.state != ReceiptState.DUPLICATE)
        .order_by(RECEIPT.c.id.desc())
        .limit(1)
    ).one_or_none()


def _is_repeated(connection: sa.Connection, previous: sa.Row[tuple[object, ...]], arrival: Arrival) -> bool:
    """Return whether an extract repeats a receipt that still counts.

    A receipt no longer counts once its council has withdrawn the submission.
    """
    is_same = (previous.sha256, previous.system, previous.nil) == (arrival.sha256, arrival.system, arrival.nil)
    return is_same and not (previous.submission_id and _is_withdrawn(connection, arrival))


def _is_withdrawn(connection: sa.Connection, arrival: Arrival) -> bool:
    """Return whether the council withdrew its last submission of the period."""
    state = connection.scalar(
        sa.select(SUBMISSION.c.state)
        .where(*filter_return(SUBMISSION, arrival.return_code, arrival.period, council_code=arrival.council_code))
        .order_by(SUBMISSION.c.number.desc())
        .limit(1)
    )
    return bool(state == SubmissionState.WITHDRAWN)
