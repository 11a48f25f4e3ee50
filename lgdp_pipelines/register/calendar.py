"""When returns are asked and due. What belongs here: dates. What does not: who has submitted (``ledger``)."""

from datetime import date, timedelta

from lgdp_pipelines.register.model import Contract, Return
from lgdp_pipelines.standards.periods import Period, periods_between


def periods_of(ret: Return, today: date) -> tuple[Period, ...]:
    """The periods of a return that have begun, oldest first; none before its first."""
    return tuple(periods_between(ret.first_period, today))


def due_date(contract: Contract, period: Period) -> date:
    """The last day on which a submission for a period is in time; the last day there is, where that lies beyond it."""
    try:
        return period.end + timedelta(days=contract.due_days)
    except OverflowError:
        return date.max
