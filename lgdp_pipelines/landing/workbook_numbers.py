"""Numbers in workbooks as text: a workbook has no text of a number, only the number and how it is to be shown.

* A number is written out in plain decimals, the shortest that reads back as the same number: ``12``, ``0.1``. A whole
  number has no ``.0``. How many decimals are shown, thousands marks and ``%`` are looks: 50% is ``0.5``.
* Where it is shown with leading zeros (``00000``) it has them, since it is an identifier.
* A serial number that is shown as a day is that day, at midnight or without a time; with a time it is day and time. A
  time of day is ``09:30:00``; a duration is hours, minutes and seconds, ``30:05:00``.

What belongs here: what a number stands for. What does not: reading workbooks (``xlsx``, ``xls``), and how a column
spells its days (``workbook``).
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, auto
from functools import cache

_NOT_SHOWN = re.compile(r'"[^"]*"|\\.|_.|\*.|AM/PM|A/P|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.IGNORECASE)
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_PADDED = re.compile(r"0{2,}")
_LAST_SERIAL = 2_958_465
"""31 December 9999."""
_NO_DAY = 60
"""29 February 1900, which only workbooks have."""
_DAY = 86_400


class Shown(Enum):
    """What a number stands for."""

    NUMBER = auto()
    DAY = auto()
    TIME = auto()
    DURATION = auto()


@dataclass(frozen=True, slots=True)
class Look:
    """What a number format makes of a number.

    Attributes:
        shown: what the number stands for.
        digits: to how many digits it is filled up with zeros; 0: not at all.
    """

    shown: Shown = Shown.NUMBER
    digits: int = 0


PLAIN = Look()


@cache
def look_of(code: str) -> Look:
    """What a number format such as ``dd/mm/yyyy`` or ``00000`` makes of a number."""
    first = _NOT_SHOWN.sub("", code.partition(";")[0])
    if _ELAPSED.search(first):
        return Look(Shown.DURATION)
    letters = set(first.lower()) & set("ymdhs") if first.lower() != "general" else set()
    if letters & {"y", "d"} or letters == {"m"}:
        return Look(Shown.DAY)
    if letters:
        return Look(Shown.TIME)
    return Look(digits=len(first)) if _PADDED.fullmatch(first.strip()) else PLAIN


def number_text(value: float) -> str:
    """A number in plain decimals."""
    text = repr(value)
    if "e" in text:
        return format(Decimal(text), "f")
    return text.removesuffix(".0")


def shown_value(value: float, look: Look, *, from_1904: bool) -> str | date:
    """What a number stands for, as text, or as a day (with its time, where it has one).

    Args:
        value: as stored.
        look: of its cell.
        from_1904: whether the workbook counts days from 1904.
    """
    if look is PLAIN:
        return number_text(value)
    if look.digits:
        whole = number_text(abs(value))
        return ("-" if value < 0 else "") + whole.zfill(look.digits) if "." not in whole else number_text(value)
    if look.shown is Shown.DURATION:
        seconds = round(abs(value) * _DAY)
        sign = "-" if value < 0 else ""
        return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if 0 <= value < 1 and look.shown is Shown.TIME:
        return _time_of(value).isoformat() if round(value * _DAY) < _DAY else number_text(value)
    return _day(value + 1462 if from_1904 else value)


def _time_of(part: float) -> time:
    return (datetime.min + timedelta(seconds=round(part * _DAY))).time()  # noqa: DTZ901 - a time of day has no zone


def _day(serial: float) -> str | date:
    """A day by its serial number; what no workbook shows as a day stays a number."""
    whole = int(serial)
    if not 1 <= serial <= _LAST_SERIAL + 1 or whole > _LAST_SERIAL:
        return number_text(serial)
    if whole == _NO_DAY:
        return "1900-02-29"
    base = date(1899, 12, 30) if whole > _NO_DAY else date(1899, 12, 31)
    day = base + timedelta(days=whole)
    seconds = round((serial - whole) * _DAY)
    if seconds == 0:
        return day
    moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a workbook knows no zone
    return moment + timedelta(seconds=min(seconds, _DAY - 1))
