"""The life of a submission beyond its judging: when it came, what it is held against, and being taken back.

What belongs here: questions that a run asks of ledger and calendar together. What does not: the order of effects
(``process``).
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from lgdp_pipelines.ledger.ledger import Submission
from lgdp_pipelines.ledger.ledger_values import HeldAgainst
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.rules.cross_return import external_tables, matching_periods
from lgdp_pipelines.register.rules.kinds.prior_period_rules import EarlierPeriodTerms
from lgdp_pipelines.register.submission_calendar import Timing, timing
from lgdp_pipelines.validation.prior_periods import comparison_period
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.workflows.platform import Platform


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
    asked = [rule.terms for rule in list_rules(contract) if isinstance(rule.terms, EarlierPeriodTerms)]
    return tuple(dict.fromkeys(before for one in asked if (before := comparison_period(period, one)) is not None))


def other_periods(register: Register, contract: Contract, period: Period) -> tuple[tuple[str, Period], ...]:
    """The other returns, by code, and the periods of them that a submission is held against."""
    read = {table.of for rule in list_rules(contract) for table in external_tables(rule) if not table.is_reference}
    found = [data_return for data_return in register.returns.values() if data_return.slug in read]
    return tuple((data_return.code, other) for data_return in found for other in matching_periods(data_return, period))


def held_against(platform: Platform, contract: Contract, period: Period) -> Callable[[str], tuple[HeldAgainst, ...]]:
    """What each council's submission is held against now: what is current for earlier periods, and of other returns.

    It must be asked before any of those rows is read. What becomes current in between then differs from what was
    written down, and calls for judging again; asked afterwards, a change would go by unseen.
    """
    asked = [(contract.return_code, before) for before in earlier_periods(contract, period)]
    asked += other_periods(platform.register, contract, period)
    current = {(code, other.id): platform.ledger.current(code, other.id) for code, other in asked}
    return lambda council: tuple(
        HeldAgainst(code, other, standing.get(council)) for (code, other), standing in current.items()
    )
