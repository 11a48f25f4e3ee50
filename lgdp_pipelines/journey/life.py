"""The life of a submission beyond its judging: when it came, what it is held against, and being taken back.

What belongs here: questions that a run asks of ledger and calendar together. What does not: the order of effects
(``process``).
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from lgdp_pipelines.journey.platform import Platform
from lgdp_pipelines.ledger.ledger import Submission
from lgdp_pipelines.ledger.records import HeldAgainst
from lgdp_pipelines.register.calendar import Timing, timing
from lgdp_pipelines.register.kinds.earlier import EarlierPeriod
from lgdp_pipelines.register.model import Contract
from lgdp_pipelines.register.rules import rules_of
from lgdp_pipelines.standards.periods import Period
from lgdp_pipelines.validation.earlier import earlier_period


def is_late(contract: Contract, period: Period, submission: Submission, reported_at: Mapping[str, datetime]) -> bool:
    """Whether a council's answer is late: neither this submission nor an accepted one before it came by the due day.

    A correction that comes after the due day of something accepted in time is not late.

    Args:
        contract: valid for the period.
        period: that is answered.
        submission: that came.
        reported_at: when each council's first accepted submission came, by register code.
    """
    first = min(submission.received_at, reported_at.get(submission.council_code, submission.received_at))
    return timing(contract, period, first) is Timing.LATE


def earlier_periods(contract: Contract, period: Period) -> tuple[Period, ...]:
    """The periods that figures of a period are held against, in no order that matters."""
    asked = [rule.terms for rule in rules_of(contract) if isinstance(rule.terms, EarlierPeriod)]
    return tuple(dict.fromkeys(before for one in asked if (before := earlier_period(period, one)) is not None))


def held_against(platform: Platform, contract: Contract, period: Period) -> Callable[[str], tuple[HeldAgainst, ...]]:
    """What each council's figures are held against now: its current submission in each earlier period.

    It must be asked before any earlier row is read. What becomes current in between then differs from what was written
    down, and calls for judging again; asked afterwards, a change would go by unseen.
    """
    current = {
        before.id: platform.ledger.current(contract.return_code, before.id)
        for before in earlier_periods(contract, period)
    }
    return lambda council: tuple(
        HeldAgainst(contract.return_code, before, standing.get(council)) for before, standing in current.items()
    )
