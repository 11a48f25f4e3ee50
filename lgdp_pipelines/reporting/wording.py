"""How things read to a council officer: severities, verdicts, rows, sizes, dates, and names from outside.

What belongs here: words for one thing at a time. What does not: a page or a file (``report``).
"""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from lgdp_pipelines.vocabulary.verdicts import Severity, Verdict

_LONGEST_NAME = 200
_SCOTLAND = ZoneInfo("Europe/London")

SEVERITY = {
    Severity.ERROR: "must be corrected",
    Severity.QUERY: "please confirm or explain",
    Severity.KNOWN_ISSUE: "noted, and published with the figures",
}
"""What a broken rule asks of the council."""

VERDICT = {
    Verdict.ACCEPTED: "Accepted",
    Verdict.QUERIED: "Accepted, with questions",
    Verdict.REJECTED: "Rejected",
}


def readable(text: str) -> str:
    """A name from outside on one line: what cannot be seen, or turns text around, is shown as a box; not endless."""
    safe = "".join(
        one if one.isprintable() else " " if one.isspace() or unicodedata.category(one) == "Zs" else "\ufffd"
        for one in text
    )
    return safe if len(safe) <= _LONGEST_NAME else f"{safe[: _LONGEST_NAME - 1]}…"


def ranges(rows: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Rows as unbroken runs, first and last of each, in order."""
    found: list[tuple[int, int]] = []
    for row in sorted(set(rows)):
        if found and found[-1][1] == row - 1:
            found[-1] = (found[-1][0], row)
        else:
            found.append((row, row))
    return tuple(found)


def rows_in_words(rows: Iterable[int]) -> str:
    """``row 4``, or ``rows 4, 7–9 and 12``; nothing where there are none."""
    spans = ranges(rows)
    if not spans:
        return ""
    told = [f"{first}" if first == last else f"{first}–{last}" for first, last in spans]
    is_one = len(spans) == 1 and spans[0][0] == spans[0][1]
    return f"row {told[0]}" if is_one else f"rows {joined(told)}"


def joined(words: Sequence[str]) -> str:
    """Words as a list in a sentence: ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def counted(number: int, one: str, many: str = "") -> str:
    """``1 row``, ``2,500 rows``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def day(when: date) -> str:
    """``5 January 2026``."""
    return f"{when.day} {when:%B %Y}"


def moment(when: datetime) -> str:
    """``5 January 2026 at 09:30 GMT``, as clocks in Scotland show it."""
    here = when.astimezone(_SCOTLAND)
    return f"{day(here.date())} at {here:%H:%M %Z}"
