"""Periods and due days of returns.

A day is a day in Scotland: an extract that comes at 23:30 UTC in June came on the next day. Belongs here: dates.
Belongs elsewhere: who has submitted (``ledger``).
"""

from calendar import isleap
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.vocabulary.periods import Period, PeriodKind, day, list_periods, parse_period
from lgdp_pipelines.vocabulary.timezones import SCOTTISH_TIMEZONE

_SCOTLAND = ZoneInfo(SCOTTISH_TIMEZONE)


class Timing(StrEnum):
    """A submission's arrival compared with its period and due day."""

    EARLY = "early"
    """Before the period had ended: its figures may yet change."""
    IN_TIME = "in time"
    """After the period, on the due day at the latest."""
    LATE = "late"
    """After the due day."""


def day_in_scotland(moment: datetime) -> date:
    """Return the day in Scotland at a moment."""
    return moment.astimezone(_SCOTLAND).date()


def list_begun_periods(data_return: Return, today: date) -> tuple[Period, ...]:
    """Return the periods of a return that have begun, oldest first.

    A return by day has one period a year: its census day, from which its version is valid.
    """
    if data_return.latest.period_kind is PeriodKind.DAY:
        return tuple(_census_days(data_return, today))
    return tuple(list_periods(data_return.first_period, today))


def _census_days(data_return: Return, today: date) -> Iterator[Period]:
    """Yield each version's yearly census days up to today."""
    firsts = [parse_period(contract.valid_from).start for contract in data_return.contracts]
    for first, following in zip(firsts, [*firsts[1:], date.max], strict=True):
        for year in range(first.year, min(today, following).year + 1):
            # 29 February comes in leap years alone.
            exists = (first.month, first.day) != (2, 29) or isleap(year)
            if exists and (when := first.replace(year=year)) <= today and when < following:
                yield day(when)


def due_date(contract: Contract, period: Period) -> date:
    """Return the last day on which a period's submission is in time.

    It is the day that the contract gives for the period, or the contract's number of days after the period's end.
    """
    if period.id in contract.due_dates:
        return contract.due_dates[period.id]
    try:
        return period.end + timedelta(days=contract.due_days)
    except OverflowError:
        return date.max


def timing(contract: Contract, period: Period, received_at: datetime) -> Timing:
    """Return whether a submission came early, in time or late."""
    received_on = day_in_scotland(received_at)
    if received_on > due_date(contract, period):
        return Timing.LATE
    return Timing.EARLY if received_on <= period.end else Timing.IN_TIME


def is_late(contract: Contract, period: Period, received_at: datetime, accepted_at: datetime | None) -> bool:
    """Return whether an answer is late; corrections of timely answers are not.

    Args:
        contract: valid for the period.
        period: that is answered.
        received_at: when the submission came.
        accepted_at: when the council's first accepted submission came, if there is one.
    """
    return timing(contract, period, min(received_at, accepted_at or received_at)) is Timing.LATE
