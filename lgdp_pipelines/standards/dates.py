"""Forms of dates, as systems export them: ``dd/MM/yyyy``, ``d-MMM-yyyy HH:mm``.

Letters are those of the contract standard's date formats. A form has day, month and year once each, and may have a time
of day, which is not asked for and goes no further. A year has four digits: with two, nobody knows which century is
meant. What belongs here: what a form is and which texts have it. What does not: whether there is such a day
(``validation``).
"""

import re
from collections.abc import Mapping
from datetime import date
from itertools import pairwise
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

MONTHS: Mapping[str, str] = MappingProxyType(
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


def problem_of_format(written: str) -> str | None:
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


def shape_of(written: str) -> str:
    """A regular expression for a whole text of a form, with the groups ``day``, ``month`` or ``name``, and ``year``."""
    return "".join(_PARTS.get(token) or re.escape(token) for token in _TOKEN.findall(written))


def written_day(day: date, written: str) -> str:
    """A day in a form of dates; a time that the form has is midnight.

    Args:
        day: to be spelt.
        written: a form without problems, such as ``d/M/yyyy``.
    """
    month = next(name for name, number in MONTHS.items() if number == f"{day.month:02d}").title()
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
