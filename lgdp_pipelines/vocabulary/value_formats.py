"""Formats of dates and numbers as systems export them.

``dd/MM/yyyy`` and ``d-MMM-yyyy HH:mm`` are formats of dates, in the letters of the contract standard. A format has day,
month and year once each, and may have a time of day, which is read and dropped. A year has four digits, since two leave
the century open. Belongs here: the formats, and the texts that have them. Belongs elsewhere: choosing a format
(``register``), and units (``units``).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import pairwise, product
from types import MappingProxyType

_PARTS: Mapping[str, str] = MappingProxyType(
    {
        "yyyy": r"(?P<year>[1-9][0-9]{3})",
        "MMMM": r"(?P<name>[A-Za-z]{3,9})",
        "MMM": r"(?P<name>[A-Za-z]{3})",
        "MM": r"(?P<month>[0-9]{2})",
        "M": r"(?P<month>[0-9]{1,2})",
        "dd": r"(?P<day>[0-9]{2})",
        "d": r"(?P<day>[0-9]{1,2})",
        "HH": r"[0-2][0-9]",
        "mm": r"[0-5][0-9]",
        "ss": r"[0-6][0-9]",
        "SSS": r"[0-9]{3}",
    }
)
_TOKEN = re.compile("|".join(_PARTS) + r"|[-/., :]|T|Z")
_DATE_PARTS = MappingProxyType({"yyyy": "year", "MMMM": "month", "MMM": "month", "MM": "month", "M": "month"})

MONTH_NUMBERS: Mapping[str, str] = MappingProxyType(
    {
        spelling: f"{number:02d}"
        for number, name in enumerate(
            (
                "january",
                "february",
                "march",
                "april",
                "may",
                "june",
                "july",
                "august",
                "september",
                "october",
                "november",
                "december",
            ),
            start=1,
        )
        for spelling in (name, name[:3])
    }
)
"""Two digits of a month by its English name in lower case, whole or of three letters."""


def find_date_format_problem(date_format: str) -> str | None:
    """Return a format's problem as a sentence's end; None if valid."""
    tokens = _TOKEN.findall(date_format)
    if "".join(tokens) != date_format:
        return "has signs other than those of day, month, year of four digits and time"
    parts = [_DATE_PARTS.get(token, "day") for token in tokens if token in _DATE_PARTS or token in {"dd", "d"}]
    if sorted(parts) != ["day", "month", "year"]:
        return "has not day, month and year of four digits once each"
    times = [token for token in tokens if token in {"HH", "mm", "ss", "SSS"}]
    if times != ["HH", "mm", "ss", "SSS"][: len(times)]:
        return "has a time that is not hours, minutes and seconds in order"
    if any(set(pair) <= _PARTS.keys() and {"d", "M"} & set(pair) for pair in pairwise(tokens)):
        return "has parts of unknown length with nothing between them"
    return None


def to_strptime_format(date_format: str) -> str:
    """Return a format of ``yyyy``, ``MM`` and ``dd`` in ``strptime`` letters."""
    return date_format.replace("yyyy", "%Y").replace("MM", "%m").replace("dd", "%d")


def build_date_pattern(date_format: str) -> str:
    """Return a regular expression for a format, with groups for parts.

    The groups are ``day``, ``month`` or ``name``, and ``year``.
    """
    return "".join(_PARTS.get(token) or re.escape(token) for token in _TOKEN.findall(date_format))


@dataclass(frozen=True, slots=True)
class DayParts:
    """Zero-padded day, month and year, which may not exist."""

    year: str
    month: str
    day: str

    def format(self, date_format: str) -> str:
        """Return the date in a format of ``yyyy``, ``MM`` and ``dd``."""
        return date_format.replace("yyyy", self.year).replace("MM", self.month).replace("dd", self.day)

    @property
    def exists(self) -> bool:
        """Return whether the day exists in the calendar."""
        try:
            date(int(self.year), int(self.month), int(self.day))
        except ValueError:
            return False
        return True


def build_date_parser(date_format: str) -> Callable[[str], DayParts | None]:
    """Return a parser that gives unchecked day parts, None for other texts.

    A day that it gives may not exist in the calendar.
    """
    shape = re.compile(build_date_pattern(date_format))

    def read(text: str) -> DayParts | None:
        match = shape.fullmatch(text)
        parts = match.groupdict() if match else {}
        month = MONTH_NUMBERS.get(parts["name"].lower()) if "name" in parts else parts.get("month")
        return DayParts(parts["year"], month.zfill(2), parts["day"].zfill(2)) if parts and month is not None else None

    return read


@cache
def find_ambiguous_text(first: str, second: str) -> str | None:
    """Return a text that two formats read as different days, or None.

    Every part of a format can have the digits 10, 11 and 12, and so can both halves of a year: where two formats accept
    one text and read its day, month and year differently, they do so in one of these.
    """
    parsers = build_date_parser(first), build_date_parser(second)
    for text in _samples(first):
        days = {day for parse in parsers if (day := parse(text)) is not None and day.exists}
        if len(days) > 1:
            return text
    return None


def _samples(date_format: str) -> Iterator[str]:
    """Yield a format's sample texts, with parts of 10, 11 and 12."""
    tens = ("10", "11", "12")
    names = ("October", "November", "December")
    values = {
        "yyyy": tuple(f"{first}{second}" for first in tens for second in tens),
        "MMMM": (*names, *(name[:3] for name in names)),
        "MMM": tuple(name[:3] for name in names),
        **dict.fromkeys(("MM", "M", "dd", "d", "HH", "mm", "ss"), tens),
        "SSS": ("101",),
    }
    for texts in product(*(values.get(token, (token,)) for token in _TOKEN.findall(date_format))):
        yield "".join(texts)


def format_day(day: date, date_format: str) -> str:
    """Return a day in a format such as ``d/M/yyyy``; times are midnight."""
    month = next(name for name, number in MONTH_NUMBERS.items() if number == f"{day.month:02d}").title()
    parts = {
        "yyyy": f"{day.year:04d}",
        "MMMM": month,
        "MMM": month[:3],
        "MM": f"{day.month:02d}",
        "M": str(day.month),
        "dd": f"{day.day:02d}",
        "d": str(day.day),
        "HH": "00",
        "mm": "00",
        "ss": "00",
        "SSS": "000",
    }
    return "".join(parts.get(token, token) for token in _TOKEN.findall(date_format))


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """A way of writing numbers.

    Attributes:
        decimal: the mark before decimals.
        thousands: the mark between groups of three digits; may be empty.
    """

    decimal: str = "."
    thousands: str = ""

    @property
    def whole_shape(self) -> str:
        """A regular expression for a whole number in this style."""
        mark = re.escape(self.thousands)
        return rf"-?(?:[0-9]+|[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+)" if mark else "-?[0-9]+"

    @property
    def shape(self) -> str:
        """A regular expression for any number in this style."""
        return rf"{self.whole_shape}(?:{re.escape(self.decimal)}[0-9]+)?"


PLAIN = NumberStyle()
"""The spelling of numbers in contracts by default."""
