"""Periods: the spans of time of returns, and their spellings.

A period's id carries its kind (``FY2024-25`` is not ``AY2024-25``), so ids sort within a kind and are never mixed up.
Belongs here: reading, ordering and stepping periods. Belongs elsewhere: when a return is due
(``register.submission_calendar``).
"""

import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
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
        kind: of the span.
        start: first day.
        end: last day.
    """

    id: str
    kind: PeriodKind
    start: date
    end: date

    def shift(self, steps: int) -> "Period":
        """Return the period a number of steps later, or earlier if negative.

        Raises:
            WrongUse: it would be outside the years 1 to 9999.
        """
        if self.kind is PeriodKind.DAY:
            try:
                return day(self.start + timedelta(days=steps))
            except OverflowError:
                raise _period_error() from None
        return find_period(self.kind, _month_start(self.start, steps * _MONTHS[self.kind]))


_MONTHS = {
    PeriodKind.FINANCIAL_YEAR: 12,
    PeriodKind.ACADEMIC_YEAR: 12,
    PeriodKind.CALENDAR_YEAR: 12,
    PeriodKind.FINANCIAL_QUARTER: 3,
    PeriodKind.CALENDAR_QUARTER: 3,
    PeriodKind.MONTH: 1,
}


def financial_year(first: int) -> Period:
    """Return the financial year that begins on 1 April of ``first``."""
    return _period(PeriodKind.FINANCIAL_YEAR, _write_two_years_id("FY", first), _date(first, 4))


def financial_quarter(first: int, quarter: int) -> Period:
    """Return quarter 1 to 4 of the year from April of ``first``.

    Quarter 1 is April to June.
    """
    if quarter not in (1, 2, 3, 4):
        raise _period_error()
    start = _date(first, 3 * quarter + 1) if quarter < 4 else _date(first + 1, 1)
    return _period(PeriodKind.FINANCIAL_QUARTER, f"{_write_two_years_id('FY', first)}-Q{quarter}", start)


def academic_year(first: int) -> Period:
    """Return the academic year that begins on 1 August of ``first``."""
    return _period(PeriodKind.ACADEMIC_YEAR, _write_two_years_id("AY", first), _date(first, 8))


def calendar_year(year: int) -> Period:
    """Return the calendar year as a period from 1 January."""
    return _period(PeriodKind.CALENDAR_YEAR, f"CY{year:04d}", _date(year, 1))


def calendar_quarter(year: int, quarter: int) -> Period:
    """Return quarter 1 (January to March) to 4 (October to December)."""
    return _period(PeriodKind.CALENDAR_QUARTER, f"CY{year:04d}-Q{quarter}", _date(year, 3 * quarter - 2))


def month(year: int, number: int) -> Period:
    """Return a calendar month as a period."""
    return _period(PeriodKind.MONTH, f"{year:04d}-{number:02d}", _date(year, number))


def day(when: date) -> Period:
    """Return a period of a single day."""
    return Period(when.isoformat(), PeriodKind.DAY, when, when)


def _period(kind: PeriodKind, period_id: str, start: date) -> Period:
    """Return a period of its kind's whole months from a first day."""
    last = _month_start(start, _MONTHS[kind] - 1)
    return Period(period_id, kind, start, last.replace(day=monthrange(last.year, last.month)[1]))


def _month_start(start: date, months: int) -> date:
    """Return the first day of the month a number of months later."""
    count = start.year * 12 + start.month - 1 + months
    return _date(count // 12, count % 12 + 1)


def _date(year: int, number: int, day_of_month: int = 1) -> date:
    """Return a date, by default a month's first; raise WrongUse if impossible."""
    try:
        return date(year, number, day_of_month)
    except (ValueError, OverflowError):
        raise _period_error() from None


def _period_error() -> WrongUse:
    """Return the error for a period that does not exist."""
    return WrongUse("The period does not exist.", remedy="Name a period in the years 1 to 9999.")


def _write_two_years_id(prefix: str, first: int) -> str:
    """Return the id of a year over two calendar years: ``FY2024-25``."""
    return f"{prefix}{first:04d}-{(first + 1) % 100:02d}"


def find_period(kind: PeriodKind, when: date) -> Period:
    """Return the period of a kind that contains a day.

    Raises:
        WrongUse: it would begin or end outside the years 1 to 9999.
    """
    return _AROUND[kind](when)


def _financial_year_around(when: date) -> int:
    """Return the calendar year in which a day's financial year begins."""
    return when.year if when.month >= 4 else when.year - 1


_AROUND: Mapping[PeriodKind, Callable[[date], Period]] = {
    PeriodKind.FINANCIAL_YEAR: lambda when: financial_year(_financial_year_around(when)),
    PeriodKind.FINANCIAL_QUARTER: lambda when: financial_quarter(
        _financial_year_around(when), (when.month - 4) % 12 // 3 + 1
    ),
    PeriodKind.ACADEMIC_YEAR: lambda when: academic_year(when.year if when.month >= 8 else when.year - 1),
    PeriodKind.CALENDAR_YEAR: lambda when: calendar_year(when.year),
    PeriodKind.CALENDAR_QUARTER: lambda when: calendar_quarter(when.year, (when.month - 1) // 3 + 1),
    PeriodKind.MONTH: lambda when: month(when.year, when.month),
    PeriodKind.DAY: day,
}


def list_periods(first: Period, until: date) -> Iterator[Period]:
    """Yield the periods from ``first`` that have begun by ``until``."""
    period = first
    while period.start <= until:
        yield period
        try:
            period = period.shift(1)
        except WrongUse:
            return


LONGER_KINDS: Mapping[PeriodKind, frozenset[PeriodKind]] = {
    PeriodKind.DAY: frozenset(PeriodKind) - {PeriodKind.DAY},
    PeriodKind.MONTH: frozenset(PeriodKind) - {PeriodKind.DAY, PeriodKind.MONTH},
    PeriodKind.FINANCIAL_QUARTER: frozenset({PeriodKind.FINANCIAL_YEAR, PeriodKind.CALENDAR_YEAR}),
    PeriodKind.CALENDAR_QUARTER: frozenset({PeriodKind.FINANCIAL_YEAR, PeriodKind.CALENDAR_YEAR}),
}
"""Kinds of period that contain a whole period of the kind."""


def find_corresponding_periods(kind: PeriodKind, period: Period) -> tuple[Period, ...]:
    """Return the equal, enclosing or enclosed periods of a kind, if any.

    They are the period itself, the longer one around it, or all the shorter ones in it. Empty where neither contains
    the other whole, and for days in a longer period: census days are few, and a calendar does not name them.
    """
    if kind is period.kind:
        return (period,)
    if kind in LONGER_KINDS.get(period.kind, frozenset()):
        return (find_period(kind, period.start),)
    if period.kind not in LONGER_KINDS.get(kind, frozenset()) or kind is PeriodKind.DAY:
        return ()
    return tuple(list_periods(find_period(kind, period.start), period.end))


_PAIR = r"(?P<year>\d{4})-(?P<second>\d{2})"

_IDS: Mapping[PeriodKind, re.Pattern[str]] = {
    PeriodKind.FINANCIAL_YEAR: re.compile(rf"FY{_PAIR}", re.ASCII),
    PeriodKind.FINANCIAL_QUARTER: re.compile(rf"FY{_PAIR}-Q(?P<part>[1-4])", re.ASCII),
    PeriodKind.ACADEMIC_YEAR: re.compile(rf"AY{_PAIR}", re.ASCII),
    PeriodKind.CALENDAR_YEAR: re.compile(r"CY(?P<year>\d{4})", re.ASCII),
    PeriodKind.CALENDAR_QUARTER: re.compile(r"CY(?P<year>\d{4})-Q(?P<part>[1-4])", re.ASCII),
    PeriodKind.MONTH: re.compile(r"(?P<year>\d{4})-(?P<part>\d{2})", re.ASCII),
    PeriodKind.DAY: re.compile(r"(?P<year>\d{4})-(?P<part>\d{2})-(?P<day>\d{2})", re.ASCII),
}
"""The platform's own spelling of each kind."""

_REAL_PAIR = r"(?P<year>\d{4})\s*[-/–]\s*(?P<second>\d{4}|\d{2})"

_REAL: Mapping[PeriodKind, re.Pattern[str]] = {
    PeriodKind.FINANCIAL_YEAR: re.compile(_REAL_PAIR, re.ASCII),
    PeriodKind.FINANCIAL_QUARTER: re.compile(rf"{_REAL_PAIR}[\s_-]*[Qq](?P<part>[1-4])", re.ASCII),
    PeriodKind.ACADEMIC_YEAR: re.compile(_REAL_PAIR, re.ASCII),
    PeriodKind.CALENDAR_YEAR: re.compile(r"(?P<year>\d{4})", re.ASCII),
    PeriodKind.CALENDAR_QUARTER: re.compile(r"(?P<year>\d{4})[\s_-]*[Qq](?P<part>[1-4])", re.ASCII),
    PeriodKind.MONTH: re.compile(r"(?P<year>\d{4})[-/]?(?P<part>\d{2})", re.ASCII),
    PeriodKind.DAY: re.compile(r"(?P<year>\d{4})-?(?P<part>\d{2})-?(?P<day>\d{2})", re.ASCII),
}
"""Spellings of each kind in real files. Without the kind most are ambiguous: ``2010-11`` is a year and a month."""

_MAKERS: Mapping[PeriodKind, Callable[[int, int, int], Period]] = {
    PeriodKind.FINANCIAL_YEAR: lambda year, _part, _day: financial_year(year),
    PeriodKind.FINANCIAL_QUARTER: lambda year, part, _day: financial_quarter(year, part),
    PeriodKind.ACADEMIC_YEAR: lambda year, _part, _day: academic_year(year),
    PeriodKind.CALENDAR_YEAR: lambda year, _part, _day: calendar_year(year),
    PeriodKind.CALENDAR_QUARTER: lambda year, part, _day: calendar_quarter(year, part),
    PeriodKind.MONTH: lambda year, part, _day: month(year, part),
    PeriodKind.DAY: lambda year, part, day_of_month: day(_date(year, part, day_of_month)),
}

_URI_KINDS = {
    "government-year": PeriodKind.FINANCIAL_YEAR,
    "government-quarter": PeriodKind.FINANCIAL_QUARTER,
    "calendar-year": PeriodKind.CALENDAR_YEAR,
    "year": PeriodKind.CALENDAR_YEAR,
    "calendar-quarter": PeriodKind.CALENDAR_QUARTER,
    "quarter": PeriodKind.CALENDAR_QUARTER,
    "calendar-month": PeriodKind.MONTH,
    "month": PeriodKind.MONTH,
    "calendar-day": PeriodKind.DAY,
    "day": PeriodKind.DAY,
}
"""Kind of period by the segment before the last in URIs of time intervals."""


def parse_period(text: str) -> Period:
    """Return the period of an id; another text raises WrongUse.

    Raises:
        WrongUse: the text is not a period id.
    """
    for kind, pattern in _IDS.items():
        match = pattern.fullmatch(text)
        period = _build_period(kind, match) if match else None
        if period is not None:
            return period
    raise WrongUse(
        f"“{text}” is not a period.",
        remedy="Write FY2024-25, FY2024-25-Q1, AY2024-25, CY2024, CY2024-Q1, 2024-04 or 2024-09-11.",
    )


def read_period(text: str, kind: PeriodKind) -> Period | None:
    """Return the period that a text spells; None unless of the kind.

    The text may be the id, ``2017/18``, ``2010-11``, ``2009-2010``, ``2024``, ``2018Q3``, ``2024-25_Q1``,
    ``202404``, and the last segment of a URI, unless the URI says that it is of another kind. A year pair must be two
    consecutive years.
    """
    segments = text.strip().rstrip("/").split("/")
    spelled = text.strip()
    if "://" in text or segments[0] in _URI_KINDS or "id" in segments:
        spelled = segments[-1]
        if len(segments) > 1 and _URI_KINDS.get(segments[-2], kind) is not kind:
            return None
    match = _IDS[kind].fullmatch(spelled) or _REAL[kind].fullmatch(spelled)
    return _build_period(kind, match) if match else None


def _build_period(kind: PeriodKind, match: re.Match[str]) -> Period | None:
    """Return the period of matched parts; None where it cannot exist."""
    parts = match.groupdict()
    year, second = int(parts["year"]), parts.get("second")
    if second is not None and not _follows(year, second):
        return None
    try:
        return _MAKERS[kind](year, int(parts.get("part") or 0), int(parts.get("day") or 0))
    except WrongUse:
        return None


def _follows(first: int, second: str) -> bool:
    """Return whether two or four digits name the year after ``first``."""
    return int(second) == (first + 1 if len(second) == 4 else (first + 1) % 100)


def list_period_spellings(period: Period) -> tuple[str, ...]:
    """Return the spellings that read as a period, its id last."""
    first, last = period.start.year, period.end.year
    quarter = period.id[-2:]
    years = (f"{first}/{last % 100:02d}", f"{first}-{last % 100:02d}", f"{first}-{last}")
    by_kind: Mapping[PeriodKind, tuple[str, ...]] = {
        PeriodKind.FINANCIAL_YEAR: years,
        PeriodKind.ACADEMIC_YEAR: years,
        PeriodKind.FINANCIAL_QUARTER: tuple(f"{period.id[2:9]}{between}{quarter}" for between in ("_", "-", " ", "")),
        PeriodKind.CALENDAR_YEAR: (str(first),),
        PeriodKind.CALENDAR_QUARTER: tuple(f"{first}{between}{quarter}" for between in ("", "_", "-", " ")),
        PeriodKind.MONTH: (f"{first}-{period.start.month:02d}", f"{first}{period.start.month:02d}"),
        PeriodKind.DAY: (),
    }
    return tuple(text for text in (*by_kind[period.kind], period.id) if read_period(text, period.kind) == period)
