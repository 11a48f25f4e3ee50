"""Periods: the spans of time that returns are about, and how people spell them.

A period's id carries its kind (``FY2024-25`` is not ``AY2024-25``), so ids sort within a kind and are never mixed up.
What belongs here: reading, ordering and stepping periods. What does not: when a return is due (``register.calendar``).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from lgdp_pipelines.errors import WrongUse


class PeriodKind(StrEnum):
    """The kinds of period a return can have."""

    FINANCIAL_YEAR = "financial-year"
    FINANCIAL_QUARTER = "financial-quarter"
    ACADEMIC_YEAR = "academic-year"
    CALENDAR_YEAR = "calendar-year"
    CALENDAR_QUARTER = "calendar-quarter"
    MONTH = "month"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Period:
    """A span of whole days.

    Attributes:
        id: the platform's one spelling: ``FY2024-25``, ``FY2024-25-Q1``, ``AY2024-25``, ``CY2024``, ``CY2024-Q1``,
            ``2024-04`` or ``2024-09-11``.
        kind: what sort of span it is.
        start: first day.
        end: last day.
    """

    id: str
    kind: PeriodKind
    start: date
    end: date

    def shifted(self, steps: int) -> "Period":
        """The period of the same kind so many steps later (earlier, where negative)."""
        if self.kind is PeriodKind.DAY:
            return day(self.start + timedelta(days=steps))
        months = _MONTHS[self.kind]
        count = self.start.year * 12 + self.start.month - 1 + steps * months
        return period_of(self.kind, date(count // 12, count % 12 + 1, 1))


_MONTHS = {
    PeriodKind.FINANCIAL_YEAR: 12,
    PeriodKind.ACADEMIC_YEAR: 12,
    PeriodKind.CALENDAR_YEAR: 12,
    PeriodKind.FINANCIAL_QUARTER: 3,
    PeriodKind.CALENDAR_QUARTER: 3,
    PeriodKind.MONTH: 1,
}

_ID = re.compile(
    r"(?P<fy>FY(?P<fy1>\d{4})-(?P<fy2>\d{2})(-Q(?P<fq>[1-4]))?)"
    r"|(?P<ay>AY(?P<ay1>\d{4})-(?P<ay2>\d{2}))"
    r"|(?P<cy>CY(?P<cy1>\d{4})(-Q(?P<cq>[1-4]))?)"
    r"|(?P<m>(?P<m1>\d{4})-(?P<m2>0[1-9]|1[0-2]))"
    r"|(?P<d>\d{4}-\d{2}-\d{2})"
)


def parse_period(text: str) -> Period:
    """The period that an id names.

    Raises:
        WrongUse: the text is not a period id.
    """
    found = _ID.fullmatch(text)
    period = _from_id(found) if found else None
    if period is None:
        raise WrongUse(
            f"“{text}” is not a period.",
            remedy="Write FY2024-25, FY2024-25-Q1, AY2024-25, CY2024, CY2024-Q1, 2024-04 or 2024-09-11.",
        )
    return period


def _from_id(found: re.Match[str]) -> Period | None:
    if found["fy"]:
        if not _follows(found["fy1"], found["fy2"]):
            return None
        first = int(found["fy1"])
        return financial_quarter(first, int(found["fq"])) if found["fq"] else financial_year(first)
    if found["ay"]:
        return academic_year(int(found["ay1"])) if _follows(found["ay1"], found["ay2"]) else None
    if found["cy"]:
        year = int(found["cy1"])
        return calendar_quarter(year, int(found["cq"])) if found["cq"] else calendar_year(year)
    if found["m"]:
        return month(int(found["m1"]), int(found["m2"])) if int(found["m1"]) else None
    try:
        return day(date.fromisoformat(found["d"]))
    except ValueError:
        return None


def _follows(first: str, second: str) -> bool:
    return int(first) > 0 and (int(first) + 1) % 100 == int(second[-2:])


def financial_year(first: int) -> Period:
    """The year from 1 April of ``first``."""
    return Period(_two_years("FY", first), PeriodKind.FINANCIAL_YEAR, date(first, 4, 1), date(first + 1, 3, 31))


def financial_quarter(first: int, quarter: int) -> Period:
    """Quarter 1 (April to June) to 4 (January to March) of the financial year from April of ``first``."""
    start = date(first, 4 + 3 * (quarter - 1), 1) if quarter < 4 else date(first + 1, 1, 1)
    return Period(f"{_two_years('FY', first)}-Q{quarter}", PeriodKind.FINANCIAL_QUARTER, start, _last_day(start, 3))


def academic_year(first: int) -> Period:
    """The year from 1 August of ``first``."""
    return Period(_two_years("AY", first), PeriodKind.ACADEMIC_YEAR, date(first, 8, 1), date(first + 1, 7, 31))


def calendar_year(year: int) -> Period:
    """The year from 1 January."""
    return Period(f"CY{year:04d}", PeriodKind.CALENDAR_YEAR, date(year, 1, 1), date(year, 12, 31))


def calendar_quarter(year: int, quarter: int) -> Period:
    """Quarter 1 (January to March) to 4 (October to December)."""
    start = date(year, 3 * quarter - 2, 1)
    return Period(f"CY{year:04d}-Q{quarter}", PeriodKind.CALENDAR_QUARTER, start, _last_day(start, 3))


def month(year: int, number: int) -> Period:
    """A calendar month."""
    start = date(year, number, 1)
    return Period(f"{year:04d}-{number:02d}", PeriodKind.MONTH, start, _last_day(start, 1))


def day(when: date) -> Period:
    """A census day."""
    return Period(when.isoformat(), PeriodKind.DAY, when, when)


def period_of(kind: PeriodKind, when: date) -> Period:
    """The period of a kind that a day lies in."""
    match kind:
        case PeriodKind.FINANCIAL_YEAR:
            return financial_year(when.year if when.month >= 4 else when.year - 1)
        case PeriodKind.FINANCIAL_QUARTER:
            first = when.year if when.month >= 4 else when.year - 1
            return financial_quarter(first, (when.month - 4) % 12 // 3 + 1)
        case PeriodKind.ACADEMIC_YEAR:
            return academic_year(when.year if when.month >= 8 else when.year - 1)
        case PeriodKind.CALENDAR_YEAR:
            return calendar_year(when.year)
        case PeriodKind.CALENDAR_QUARTER:
            return calendar_quarter(when.year, (when.month - 1) // 3 + 1)
        case PeriodKind.MONTH:
            return month(when.year, when.month)
        case PeriodKind.DAY:
            return day(when)


def periods_between(first: Period, until: date) -> Iterator[Period]:
    """From ``first`` on, each period of its kind that has begun by ``until``, in order."""
    period = first
    while period.start <= until:
        yield period
        period = period.shifted(1)


_YEARS = re.compile(r"(\d{4})\s*[-/–]\s*(\d{4}|\d{2})")
_YEAR = re.compile(r"\d{4}")
_YEAR_QUARTER = re.compile(r"(\d{4})(?:\s*[-/–]\s*(\d{4}|\d{2}))?[\s_-]*Q([1-4])", re.IGNORECASE)
_YEAR_MONTH = re.compile(r"(\d{4})[-/]?(0[1-9]|1[0-2])")


def read_period(text: str, kind: PeriodKind) -> Period | None:
    """The period that a real file spells, read by the kind that its contract declares; None where it spells none.

    Read besides the id itself: ``2017/18``, ``2010-11``, ``2009-2010``, ``2024``, ``2018Q3``, ``2024-25_Q1``,
    ``202404``, and the last segment of a URI. A year pair must be two consecutive years.
    """
    text = text.strip().rsplit("/id/", 1)[-1]
    if "://" in text or text.startswith(("government-year/", "calendar-year/", "month/", "day/")):
        text = text.rstrip("/").rsplit("/", 1)[-1]
    try:
        period = parse_period(text)
    except WrongUse:
        period = None
    if period is not None:
        return period if period.kind is kind else _bare(text, kind)
    return _bare(text, kind)


def _bare(text: str, kind: PeriodKind) -> Period | None:  # noqa: PLR0911 - one line a kind
    match kind:
        case PeriodKind.FINANCIAL_YEAR | PeriodKind.ACADEMIC_YEAR:
            found = _YEARS.fullmatch(text)
            if found is None or not _pair(found[1], found[2]):
                return None
            make = financial_year if kind is PeriodKind.FINANCIAL_YEAR else academic_year
            return make(int(found[1]))
        case PeriodKind.FINANCIAL_QUARTER | PeriodKind.CALENDAR_QUARTER:
            found = _YEAR_QUARTER.fullmatch(text)
            paired = found is not None and found[2] is not None
            if found is None or paired != (kind is PeriodKind.FINANCIAL_QUARTER):
                return None
            if not paired:
                return calendar_quarter(int(found[1]), int(found[3])) if int(found[1]) else None
            return financial_quarter(int(found[1]), int(found[3])) if _pair(found[1], found[2]) else None
        case PeriodKind.CALENDAR_YEAR:
            return calendar_year(int(text)) if _YEAR.fullmatch(text) and int(text) else None
        case PeriodKind.MONTH:
            found = _YEAR_MONTH.fullmatch(text)
            return month(int(found[1]), int(found[2])) if found and int(found[1]) else None
        case PeriodKind.DAY:
            try:
                return day(date.fromisoformat(text))
            except ValueError:
                return None


def _pair(first: str, second: str) -> bool:
    return int(second) == int(first) + 1 if len(second) == 4 else _follows(first, second)


def _two_years(prefix: str, first: int) -> str:
    return f"{prefix}{first:04d}-{(first + 1) % 100:02d}"


def _last_day(start: date, months: int) -> date:
    count = start.year * 12 + start.month - 1 + months
    return date(count // 12, count % 12 + 1, 1) - timedelta(days=1)
