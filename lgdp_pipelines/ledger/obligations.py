"""Obligations: the returns that each council owes, from the calendar and the status of its submissions.

Belongs here: deciding whether an obligation is due, late, open or done, from values that the ledger returned. Belongs
elsewhere: the due days of returns (``register.submission_calendar``), and reminders (``reporting``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from lgdp_pipelines.ledger.submission_records import SubmissionState, SubmissionStatus
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.submission_calendar import Timing, day_in_scotland, due_date, list_begun_periods, timing
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import Verdict

LOOKBACK_DAYS = 365
"""Number of days after the due day during which an obligation is listed."""


class ObligationState(StrEnum):
    """The state of an obligation."""

    DONE = "done"
    """A submission is current; it may be a nil return."""
    OPEN = "open"
    """No submission is current, and it is not due yet."""
    DUE_TODAY = "due today"
    """No submission is current, and this is the last day."""
    LATE = "late"
    """No submission is current, and the due day has passed."""


class LatestOutcome(StrEnum):
    """The outcome of a council's latest submission."""

    NOTHING = "nothing"
    WAITING = "waiting"
    ACCEPTED = "accepted"
    QUERIED = "queried"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    NIL = "nil"


@dataclass(frozen=True, slots=True)
class Obligation:
    """A return that a council owes for a period.

    Attributes:
        return_code: of the return.
        council_code: of the council.
        period: that it is owed for.
        due: the last day on which it is in time.
        state: done, open, due today or late.
        latest_outcome: of the council's latest submission.
        days_late: days since the due day, or until the first accepted submission arrived; 0 if it is in time.
        is_early: whether the first accepted submission arrived before the period had ended.
        submission_id: the latest submission; None without one.
        current_id: the current submission; None without one.
        received_on: day on which the latest submission's last file arrived; None without one.
        open_query_count: open queries on the current submission.
    """

    return_code: str
    council_code: str
    period: Period
    due: date
    state: ObligationState
    latest_outcome: LatestOutcome
    days_late: int
    is_early: bool
    submission_id: str | None
    current_id: str | None
    received_on: date | None
    open_query_count: int

    @property
    def is_done(self) -> bool:
        """Whether the council has a current submission, nil returns included."""
        return self.state is ObligationState.DONE


def calculate_obligations(
    returns: Iterable[Return], councils: Sequence[str], statuses: Iterable[SubmissionStatus], today: date
) -> tuple[Obligation, ...]:
    """Return councils' obligations today, except those due over a year ago.

    They are in order of due day, return and council, without those due more than :data:`LOOKBACK_DAYS` ago.

    Args:
        returns: the returns that councils owe.
        councils: register codes.
        statuses: of submissions, from the ledger.
        today: the day in Scotland.
    """
    indexed_statuses = index_statuses(statuses)
    obligations = [
        obligation
        for data_return in returns
        for period in list_begun_periods(data_return, today)
        if due_date(data_return.contract_for(period), period) >= today - timedelta(days=LOOKBACK_DAYS)
        for obligation in list_period_obligations(data_return, period, councils, indexed_statuses, today)
    ]
    return tuple(
        sorted(
            obligations,
            key=lambda obligation: (
                obligation.due,
                obligation.return_code,
                obligation.period.id,
                obligation.council_code,
            ),
        )
    )


def list_period_obligations(
    data_return: Return,
    period: Period,
    councils: Sequence[str],
    statuses: Mapping[tuple[str, str, str], SubmissionStatus],
    today: date,
) -> Iterator[Obligation]:
    """Return each council's obligation for one period of a return, in order."""
    contract = data_return.contract_for(period)
    due = due_date(contract, period)
    for council in councils:
        status = statuses.get((data_return.code, council, period.id))
        first = status.reported_at if status and status.current_id else None
        first_timing = timing(contract, period, first) if first else None
        yield Obligation(
            return_code=data_return.code,
            council_code=council,
            period=period,
            due=due,
            state=_find_state(status, due, today),
            latest_outcome=find_latest_outcome(status),
            days_late=_count_days_late(status, due, today),
            is_early=first_timing is Timing.EARLY,
            submission_id=status.submission_id if status else None,
            current_id=status.current_id if status else None,
            received_on=day_in_scotland(status.received_at) if status and status.received_at else None,
            open_query_count=status.open_query_count if status else 0,
        )


def index_statuses(statuses: Iterable[SubmissionStatus]) -> dict[tuple[str, str, str], SubmissionStatus]:
    """Return statuses by return, council and period."""
    return {(status.return_code, status.council_code, status.period): status for status in statuses}


def _find_state(status: SubmissionStatus | None, due: date, today: date) -> ObligationState:
    """Return whether an obligation is done, late, due today or open."""
    if status is not None and status.current_id is not None:
        return ObligationState.DONE
    if today > due:
        return ObligationState.LATE
    return ObligationState.DUE_TODAY if today == due else ObligationState.OPEN


def find_latest_outcome(status: SubmissionStatus | None) -> LatestOutcome:
    """Return the latest submission's outcome; waiting receipts take precedence."""
    if status is None:
        return LatestOutcome.NOTHING
    if status.waiting_receipt_count or status.state is SubmissionState.JUDGING or status.state is None:
        return LatestOutcome.WAITING
    if status.state is SubmissionState.WITHDRAWN:
        return LatestOutcome.WITHDRAWN
    if status.state is SubmissionState.REJECTED or status.verdict is Verdict.REJECTED:
        return LatestOutcome.REJECTED
    if status.is_nil:
        return LatestOutcome.NIL
    return LatestOutcome.QUERIED if status.open_query_count else LatestOutcome.ACCEPTED


def _count_days_late(status: SubmissionStatus | None, due: date, today: date) -> int:
    """Count days late until the accepted submission's arrival, or until today."""
    end_day = today
    if status is not None and status.current_id is not None and status.reported_at is not None:
        end_day = day_in_scotland(status.reported_at)
    return max(0, (end_day - due).days)
