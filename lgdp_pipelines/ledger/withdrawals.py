"""Withdrawals: a council takes a submission back.

The ledger says so first, in one transaction; then the rows go from the validated slice, and only then is the
withdrawal finished. Whoever dies in between leaves an unfinished one behind, which calls for a run. Nothing stands
afterwards until the council submits anew: what was superseded does not come back. Bytes and judgements stay.

What belongs here: that step and the questions about it. What does not: moving rows (``journey``).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger.judgements import set_state
from lgdp_pipelines.ledger.query_lifecycle import expire_withdrawn
from lgdp_pipelines.ledger.schema import SUBMISSION, WITHDRAWAL
from lgdp_pipelines.ledger.submission_lookup import submission
from lgdp_pipelines.ledger.submission_records import SubmissionState, Withdrawal


def withdraw(connection: sa.Connection, submission_id: str, *, by: str, reason: str, now: datetime) -> Withdrawal:
    """Take a submission back: one that is current, rejected or not yet judged. Telling the same again does nothing.

    Raises:
        LedgerError: there is none of that id, or a later one has superseded it.
    """
    found = submission(connection, submission_id)
    if found.state is SubmissionState.WITHDRAWN:
        return withdrawal_of(connection, submission_id)
    if found.state is SubmissionState.SUPERSEDED:
        raise LedgerError(
            "A later submission has replaced it, so there is nothing to withdraw.",
            where=submission_id,
            remedy="Withdraw the submission that `lgdp status` shows as current.",
        )
    if not reason.strip() or not by.strip():
        raise LedgerError("A withdrawal needs a reason and a name.", where=submission_id, remedy="Say both.")
    connection.execute(
        sa.insert(WITHDRAWAL).values(
            submission_id=submission_id, withdrawn_at=now, withdrawn_by=by.strip()[:200], reason=reason.strip()
        )
    )
    set_state(connection, submission_id, SubmissionState.WITHDRAWN)
    expire_withdrawn(connection, submission_id, now)
    return withdrawal_of(connection, submission_id)


def withdrawal_of(connection: sa.Connection, submission_id: str) -> Withdrawal:
    """The withdrawal of a submission.

    Raises:
        LedgerError: it was never withdrawn.
    """
    row = connection.execute(sa.select(WITHDRAWAL).where(WITHDRAWAL.c.submission_id == submission_id)).one_or_none()
    if row is None:
        raise LedgerError("The submission was never withdrawn.", where=submission_id)
    return _withdrawal(row)


def _withdrawal(row: Sequence[Any]) -> Withdrawal:
    """A row of the table as a record."""
    return Withdrawal(*row)


def unfinished(connection: sa.Connection, return_code: str, period: str) -> tuple[Withdrawal, ...]:
    """Withdrawals whose rows may still be in a slice, in order of submission."""
    rows = connection.execute(
        sa.select(WITHDRAWAL)
        .join(SUBMISSION, SUBMISSION.c.id == WITHDRAWAL.c.submission_id)
        .where(
            SUBMISSION.c.return_code == return_code, SUBMISSION.c.period == period, WITHDRAWAL.c.finished_at.is_(None)
        )
        .order_by(WITHDRAWAL.c.submission_id)
    )
    return tuple(_withdrawal(row) for row in rows)


def finish(connection: sa.Connection, submission_ids: Sequence[str], now: datetime) -> None:
    """Write down that no slice holds rows of these withdrawn submissions any more."""
    connection.execute(
        sa.update(WITHDRAWAL)
        .where(WITHDRAWAL.c.submission_id.in_(submission_ids), WITHDRAWAL.c.finished_at.is_(None))
        .values(finished_at=now)
    )
