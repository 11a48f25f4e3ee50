"""Submissions: opened from waiting receipts, each with the next number of its return, council and period.

What belongs here: which receipts make a submission. What does not: what becomes of it (``settling``).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from types import MappingProxyType

import sqlalchemy as sa

from lgdp_pipelines.ledger.receipts import receipt_of
from lgdp_pipelines.ledger.schema import RECEIPT, SUBMISSION, SUBMISSION_FILE
from lgdp_pipelines.ledger.submission_lookup import submissions_where
from lgdp_pipelines.ledger.submission_records import Receipt, ReceiptState, Submission, SubmissionState

_NONE: Mapping[tuple[str, str], Sequence[str]] = MappingProxyType({})


def open_submissions(
    connection: sa.Connection,
    return_code: str,
    period: str,
    councils: Sequence[str] | None,
    *,
    tables: Sequence[str],
    joined: Mapping[tuple[str, str], Sequence[str]] = _NONE,
    now: datetime,
) -> tuple[Submission, ...]:
    """Make submissions of what is waiting, and give back all that nobody has judged, in sequence order.

    Where a file answers the whole return (``tables`` is empty), each waiting receipt becomes a submission; so does each
    nil return anywhere. Where there is a file for each table, what a council has waiting becomes one submission, of the
    latest file of each table; a table that it did not send again is taken from its submission before, so that a
    corrected file is enough, but for one that it withdrew. Until each required table has a file, its receipts go on
    waiting. What comes from a system is made of the files that ``joined`` names, by council and system.
    """
    for council, receipts in _waiting(connection, return_code, period, councils).items():
        for taken_up in _groups(receipts, tables, joined):
            before = _latest_submission(connection, return_code, council, period)
            for files in _answers(connection, taken_up, _needed(taken_up[0], tables, joined), before):
                number = _next_number(connection, return_code, council, period)
                _open(connection, (return_code, council, period, number), files, taken_up, now)
    return submissions_where(
        connection,
        SUBMISSION.c.return_code == return_code,
        SUBMISSION.c.period == period,
        SUBMISSION.c.state == SubmissionState.JUDGING.value,
        *([SUBMISSION.c.council_code.in_(councils)] if councils is not None else []),
    )


def _waiting(
    connection: sa.Connection, return_code: str, period: str, councils: Sequence[str] | None
) -> dict[str, list[Receipt]]:
    chosen = sa.select(RECEIPT).where(
        RECEIPT.c.return_code == return_code,
        RECEIPT.c.period == period,
        RECEIPT.c.state == ReceiptState.WAITING.value,
    )
    if councils is not None:
        chosen = chosen.where(RECEIPT.c.council_code.in_(councils))
    found: dict[str, list[Receipt]] = {}
    for row in connection.execute(chosen.order_by(RECEIPT.c.council_code, RECEIPT.c.id)):
        receipt = receipt_of(row)
        found.setdefault(receipt.council_code, []).append(receipt)
    return found


def _needed(receipt: Receipt, tables: Sequence[str], joined: Mapping[tuple[str, str], Sequence[str]]) -> Sequence[str]:
    """The files that a submission with this receipt must have; none where each receipt is one."""
    return joined.get((receipt.council_code, receipt.system), () if receipt.system else tables)


def _groups(
    receipts: Sequence[Receipt], tables: Sequence[str], joined: Mapping[tuple[str, str], Sequence[str]]
) -> list[list[Receipt]]:
    """A council's waiting receipts as they may make a submission each, in order of arrival."""

    def own(one: Receipt) -> tuple[str, int]:
        return one.system, one.id if one.nil or not _needed(one, tables, joined) else 0

    return [list(group) for _, group in groupby(receipts, key=own)]


def _answers(
    connection: sa.Connection, receipts: Sequence[Receipt], tables: Sequence[str], before: str | None
) -> list[list[Receipt]]:
    """The files of the submission that these receipts make; none where a table is wanting."""
    if not tables or receipts[0].nil:
        return [list(receipts)]
    files: dict[str | None, Receipt] = {}
    for receipt in (*(files_of(connection, before) if before else ()), *receipts):
        if not receipt.nil and receipt.system == receipts[0].system:
            files[receipt.table] = receipt
    return [list(files.values())] if files.keys() >= set(tables) else []


def waiting_beside(connection: sa.Connection, receipt: Receipt) -> tuple[Receipt, ...]:
    """The receipts of the same return, council and period that wait, in order of arrival."""
    if receipt.return_code is None or receipt.period is None:
        return ()
    waiting = _waiting(connection, receipt.return_code, receipt.period, [receipt.council_code])
    return tuple(waiting.get(receipt.council_code, ()))


def next_files(
    connection: sa.Connection,
    receipt: Receipt,
    tables: Sequence[str],
    joined: Mapping[tuple[str, str], Sequence[str]] = _NONE,
) -> tuple[Receipt, ...]:
    """The files of the submission that a waiting receipt would become part of now; none where it is not complete."""
    for group in _groups(waiting_beside(connection, receipt), tables, joined):
        if receipt in group:
            before = _latest_submission(connection, str(receipt.return_code), receipt.council_code, str(receipt.period))
            return tuple(
                file
                for files in _answers(connection, group, _needed(receipt, tables, joined), before)
                for file in files
            )
    return ()


def files_of(connection: sa.Connection, submission_id: str) -> tuple[Receipt, ...]:
    """The receipts whose files a submission is read from, in order of arrival."""
    rows = connection.execute(
        sa.select(RECEIPT)
        .join(SUBMISSION_FILE, SUBMISSION_FILE.c.receipt_id == RECEIPT.c.id)
        .where(SUBMISSION_FILE.c.submission_id == submission_id)
        .order_by(RECEIPT.c.id)
    )
    return tuple(receipt_of(row) for row in rows)


def _latest_submission(connection: sa.Connection, return_code: str, council: str, period: str) -> str | None:
    """The submission whose files still count: the latest, unless the council took it back."""
    latest = connection.execute(
        sa.select(SUBMISSION.c.id, SUBMISSION.c.state)
        .where(*_same(return_code, council, period))
        .order_by(SUBMISSION.c.number.desc())
        .limit(1)
    ).one_or_none()
    return latest.id if latest and latest.state != SubmissionState.WITHDRAWN.value else None


def _next_number(connection: sa.Connection, return_code: str, council: str, period: str) -> int:
    last = connection.scalar(sa.select(sa.func.max(SUBMISSION.c.number)).where(*_same(return_code, council, period)))
    return (last or 0) + 1


def _same(return_code: str, council: str, period: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        SUBMISSION.c.return_code == return_code,
        SUBMISSION.c.council_code == council,
        SUBMISSION.c.period == period,
    )


def _open(
    connection: sa.Connection,
    key: tuple[str, str, str, int],
    files: Sequence[Receipt],
    taken_up: Iterable[Receipt],
    now: datetime,
) -> None:
    """Open one submission: read from ``files``; ``taken_up`` wait no longer, also where a later file replaced one."""
    return_code, council, period, number = key
    submission_id = f"{return_code}.{council}.{period}.{number:03d}"
    connection.execute(
        sa.insert(SUBMISSION).values(
            id=submission_id,
            return_code=return_code,
            council_code=council,
            period=period,
            number=number,
            state=SubmissionState.JUDGING.value,
            opened_at=now,
            received_at=max(receipt.received_at for receipt in files),
        )
    )
    connection.execute(
        sa.update(RECEIPT)
        .where(RECEIPT.c.id.in_([receipt.id for receipt in taken_up]))
        .values(state=ReceiptState.PART.value, submission_id=submission_id)
    )
    connection.execute(
        sa.insert(SUBMISSION_FILE),
        [{"submission_id": submission_id, "receipt_id": receipt.id} for receipt in files],
    )
