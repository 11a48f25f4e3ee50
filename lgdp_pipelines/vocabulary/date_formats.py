"""Forms of dates, as systems export them: ``dd/MM/yyyy``, ``d-MMM-yyyy HH:mm``.

Letters are those of the contract standard's date formats. A form has day, month and year once each, and may have a time
of day, which is not asked for and goes no further. A year has four digits: with two, nobody knows which century is
meant. What belongs here: what a form is and which texts have it. What does not: whether there is such a day
(``validation``).
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
_LETTERS = MappingProxyType({"yyyy": "year", "MMMM": "month", "MMM": "month", "MM": "month", "M": "month"})

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
"""Two digits of a month by its English name, whole or of three letters, in small letters."""


def find_date_format_problem(written: str) -> str | None:
    """Why a form of dates cannot be used, as the end of a sentence; None where it can."""
    tokens = _TOKEN.findall(written)
    if "".join(tokens) != written:
        return "has signs other than those of day, month, year of four digits and time"
    parts = [_LETTERS.get(token, "day") for token in tokens if token in _LETTERS or token in {"dd", "d"}]
    if sorted(parts) != ["day", "month", "year"]:
        return "has not day, month and year of four digits once each"
    times = [token for token in tokens if token in {"HH", "mm", "ss", "SSS"}]
    if times != ["HH", "mm", "ss", "SSS"][: len(times)]:
        return "has a time that is not hours, minutes and seconds in order"
    if any({one, other} <= _PARTS.keys() and {"d", "M"} & {one, other} for one, other in pairwise(tokens)):
        return "has parts of unknown length with nothing between them"
    return None


def date_pattern(written: str) -> str:
    """A regular expression for a whole text of a form, with the groups ``day``, ``month`` or ``name``, and ``year``."""
    return "".join(_PARTS.get(token) or re.escape(token) for token in _TOKEN.findall(written))


@dataclass(frozen=True, slots=True)
class DayParts:
    """Day, month and year as a text has them, with leading zeros; there need be no such day."""

    year: str
    month: str
    day: str

    def spelt(self, wanted: str) -> str:
        """In a form of ``strptime`` letters."""
        return wanted.replace("%Y", self.year).replace("%m", self.month).replace("%d", self.day)

    @property
    def exists(self) -> bool:
        """Whether there is such a day."""
        try:
            date(int(self.year), int(self.month), int(self.day))
        except ValueError:
            return False
        return True


def build_date_parser(written: str) -> Callable[[str], DayParts | None]:
    """Reads texts of a form of dates; None for a text that has not the form."""
    shape = re.compile(date_pattern(written))

    def read(text: str) -> DayParts | None:
        found = shape.fullmatch(text)
        parts = found.groupdict() if found else {}
        month = MONTH_NUMBERS.get(parts["name"].lower()) if "name" in parts else parts.get("month")
        return DayParts(parts["year"], month.zfill(2), parts["day"].zfill(2)) if parts and month is not None else None

    return read


@cache
def find_ambiguous_text(one: str, other: str) -> str | None:
    """A text that two forms of dates read as two days; None where there is none.

    Every part of a form takes the digits 10, 11 and 12, and so do both halves of a year: where two forms meet in a text
    and differ in what is day, month and year, they do so in one of these.
    """
    first, second = build_date_parser(one), build_date_parser(other)
    for text in _samples(one):
        there, here = first(text), second(text)
        if there is not None and here is not None and there != here and there.exists and here.exists:
            return text
    return None


def _samples(written: str) -> Iterator[str]:
    tens = ("10", "11", "12")
    names = ("October", "November", "December")
    values = {
        "yyyy": tuple(f"{first}{second}" for first in tens for second in tens),
        "MMMM": (*names, *(name[:3] for name in names)),
        "MMM": tuple(name[:3] for name in names),
        **dict.fromkeys(("MM", "M", "dd", "d", "HH", "mm", "ss"), tens),
        "SSS": ("101",),
    }
    for texts in product(*(values.get(token, (token,)) for token in _TOKEN.findall(written))):
        yield "".join(texts)


def format_day(day: date, written: str) -> str:
    """A day in a form of dates; a time that the form has is midnight.

    Args:
        day: to be spelt.
        written: a form without problems, such as ``d/M/yyyy``.
    """
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
    return "".join(parts.get(token, token) for token in _TOKEN.findall(written))
