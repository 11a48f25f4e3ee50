"""Withdrawals: submissions that councils took back.

The ledger records the withdrawal first, in one transaction; then the rows leave the validated slice, and only then is
the withdrawal finished. A run that dies in between leaves an unfinished withdrawal, which starts another run. No
submission is current afterwards until the council submits again: a superseded one does not come back. Bytes and
judgements stay.

Belongs elsewhere: removing the rows (``workflows``).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.person_texts import LONGEST_NAME, LONGEST_WORDS, clean_text
from lgdp_pipelines.ledger.queries import expire_withdrawn_queries
from lgdp_pipelines.ledger.schema import SUBMISSION, WITHDRAWAL, filter_return
from lgdp_pipelines.ledger.submission_records import SubmissionState, Withdrawal
from lgdp_pipelines.ledger.submissions import load_submission, set_state


class WithdrawalRepository(Repository):
    """The withdrawals of the ledger."""

    def record(self, submission_id: str, *, by: str, reason: str) -> Withdrawal:
        """Withdraw a submission and expire its queries; refuse a superseded one.

        Repeating it does nothing.

        Args:
            submission_id: of the submission.
            by: the person who withdraws it for the council.
            reason: why.

        Raises:
            WrongUse: there is no such submission.
            LedgerError: a later submission superseded it, or reason or name cannot be kept.
        """
        return self._database.write(
            lambda connection: _withdraw(connection, submission_id, by=by, reason=reason, now=self._clock())
        )

    def get(self, submission_id: str) -> Withdrawal:
        """Return the withdrawal of a submission.

        Raises:
            LedgerError: it was never withdrawn.
        """
        return self._read(_load_withdrawal, submission_id)

    def list_unfinished(self, return_code: str, period: str) -> tuple[Withdrawal, ...]:
        """Return unfinished withdrawals, in order of submission."""
        statement = (
            sa.select(WITHDRAWAL)
            .join(SUBMISSION, SUBMISSION.c.id == WITHDRAWAL.c.submission_id)
            .where(*filter_return(SUBMISSION, return_code, period), WITHDRAWAL.c.finished_at.is_(None))
            .order_by(WITHDRAWAL.c.submission_id)
        )
        return tuple(_build_withdrawal(row) for row in self._fetch(statement))

    def finish(self, submission_ids: Sequence[str]) -> None:
        """Mark withdrawals as finished, after the caller has removed their rows."""
        statement = sa.update(WITHDRAWAL).where(
            WITHDRAWAL.c.submission_id.in_(submission_ids), WITHDRAWAL.c.finished_at.is_(None)
        )
        self._database.write(lambda connection: connection.execute(statement.values(finished_at=self._clock())))


def _withdraw(connection: sa.Connection, submission_id: str, *, by: str, reason: str, now: datetime) -> Withdrawal:
    """Record a withdrawal once, set the state, and expire the queries.

    A superseded submission is refused.
    """
    submission = load_submission(connection, submission_id)
    if submission.state is SubmissionState.WITHDRAWN:
        return _load_withdrawal(connection, submission_id)
    if submission.state is SubmissionState.SUPERSEDED:
        raise LedgerError(
            "A later submission has replaced it, so there is nothing to withdraw.",
            where=submission_id,
            remedy="Withdraw the submission that `lgdp status` shows as current.",
        )
    connection.execute(
        sa.insert(WITHDRAWAL).values(
            submission_id=submission_id,
            withdrawn_at=now,
            withdrawn_by=clean_text(by, "The name", LONGEST_NAME),
            reason=clean_text(reason, "The reason", LONGEST_WORDS),
        )
    )
    set_state(connection, submission_id, SubmissionState.WITHDRAWN)
    expire_withdrawn_queries(connection, submission_id, now)
    return _load_withdrawal(connection, submission_id)


def _load_withdrawal(connection: sa.Connection, submission_id: str) -> Withdrawal:
    """Return a submission's withdrawal; refuse one never withdrawn."""
    row = connection.execute(sa.select(WITHDRAWAL).where(WITHDRAWAL.c.submission_id == submission_id)).one_or_none()
    if row is None:
        raise LedgerError("The submission was never withdrawn.", where=submission_id)
    return _build_withdrawal(row)


def _build_withdrawal(row: Sequence[Any]) -> Withdrawal:
    """Return a row of the table as a withdrawal."""
    return Withdrawal(*row)
