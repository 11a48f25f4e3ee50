"""What each council owes: the calendar held against how everyone stands.

What belongs here: pure questions about what is due, late, open and done. What does not: when anything is due
(``register.calendar``), and reminding anybody (``feedback``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from lgdp_pipelines.ledger.submission_records import SubmissionState, SubmissionStatus
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.submission_calendar import Timing, day_in_scotland, due_date, periods_of, timing
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import Verdict

LOOKS_BACK_DAYS = 365
"""How long after its due day something is still asked for; what is older is history."""


class ObligationState(StrEnum):
    """How a council stands with what it owes."""

    DONE = "done"
    """A submission of it was accepted and stands, a nil return too."""
    OPEN = "open"
    """Nothing stands, and it is not due yet."""
    DUE_TODAY = "due today"
    """Nothing stands, and this is the last day."""
    LATE = "late"
    """Nothing stands, and it was due."""


class LatestOutcome(StrEnum):
    """What the latest word of a council is."""

    NOTHING = "nothing"
    WAITING = "waiting"
    ACCEPTED = "accepted"
    QUERIED = "queried"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    NIL = "nil"


@dataclass(frozen=True, slots=True)
class Obligation:
    """One return that one council owes for one period.

    Attributes:
        return_code: of the return.
        council_code: of the council.
        period: that it is owed for.
        due: the last day on which it is in time.
        state: how the council stands with it.
        latest_outcome: its latest word.
        days_late: how long it has been late, or how late the first accepted submission came; 0 where it was in time.
        is_early: whether the first accepted submission came before the period had ended.
        submission_id: the latest submission; None where there is none.
        standing_id: the submission that stands; None where none does.
        answered_on: the day on which the latest submission's last file came; None where there is none.
        open_queries: on what stands.
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
    standing_id: str | None
    answered_on: date | None
    open_queries: int

    @property
    def is_done(self) -> bool:
        """Whether nothing more is asked for."""
        return self.state is ObligationState.DONE


def obligations(
    returns: Iterable[Return], councils: Sequence[str], standings: Iterable[SubmissionStatus], today: date
) -> tuple[Obligation, ...]:
    """Everything that councils owe today, in order of due day, return and council.

    What became due more than :data:`LOOKS_BACK_DAYS` ago is left out.

    Args:
        returns: that are asked.
        councils: register codes.
        standings: of the ledger.
        today: the day in Scotland.
    """
    known = by_place(standings)
    found = [
        owed
        for data_return in returns
        for period in periods_of(data_return, today)
        if due_date(data_return.contract_for(period), period) >= today - timedelta(days=LOOKS_BACK_DAYS)
        for owed in owed_for(data_return, period, councils, known, today)
    ]
    return tuple(sorted(found, key=lambda one: (one.due, one.return_code, one.period.id, one.council_code)))


def owed_for(
    data_return: Return,
    period: Period,
    councils: Sequence[str],
    standings: Mapping[tuple[str, str, str], SubmissionStatus],
    today: date,
) -> Iterator[Obligation]:
    """What each council owes for one period of a return, in the councils' order."""
    contract = data_return.contract_for(period)
    due = due_date(contract, period)
    for council in councils:
        standing = standings.get((data_return.code, council, period.id))
        first = standing.reported_at if standing and standing.current else None
        came = timing(contract, period, first) if first else None
        yield Obligation(
            return_code=data_return.code,
            council_code=council,
            period=period,
            due=due,
            state=_duty(standing, due, today),
            latest_outcome=latest_outcome_of(standing),
            days_late=_days_late(standing, due, today),
            is_early=came is Timing.EARLY,
            submission_id=standing.submission_id if standing else None,
            standing_id=standing.current if standing else None,
            answered_on=day_in_scotland(standing.received_at) if standing and standing.received_at else None,
            open_queries=standing.open_queries if standing else 0,
        )


def by_place(standings: Iterable[SubmissionStatus]) -> dict[tuple[str, str, str], SubmissionStatus]:
    """Standings by return, council and period."""
    return {(one.return_code, one.council_code, one.period): one for one in standings}


def _duty(standing: SubmissionStatus | None, due: date, today: date) -> ObligationState:
    if standing is not None and standing.current is not None:
        return ObligationState.DONE
    if today > due:
        return ObligationState.LATE
    return ObligationState.DUE_TODAY if today == due else ObligationState.OPEN


def latest_outcome_of(standing: SubmissionStatus | None) -> LatestOutcome:
    """What a council's latest word is."""
    if standing is None:
        return LatestOutcome.NOTHING
    if standing.waiting or standing.state is SubmissionState.JUDGING or standing.state is None:
        return LatestOutcome.WAITING
    if standing.state is SubmissionState.WITHDRAWN:
        return LatestOutcome.WITHDRAWN
    if standing.state is SubmissionState.REJECTED or standing.verdict is Verdict.REJECTED:
        return LatestOutcome.REJECTED
    if standing.nil:
        return LatestOutcome.NIL
    return LatestOutcome.QUERIED if standing.open_queries else LatestOutcome.ACCEPTED


def _days_late(standing: SubmissionStatus | None, due: date, today: date) -> int:
    from_day = today
    if standing is not None and standing.current is not None and standing.reported_at is not None:
        from_day = day_in_scotland(standing.reported_at)
    return max(0, (from_day - due).days)
