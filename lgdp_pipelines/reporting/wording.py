"""How things read to a council officer: severities, verdicts, rows, sizes, dates, and names from outside.

Belongs here: words for one thing at a time. Belongs elsewhere: sentences (``report_texts``) and files
(``report_formats``).
"""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from lgdp_pipelines.vocabulary.verdicts import Severity, Verdict

_LONGEST_NAME = 200
_SCOTLAND = ZoneInfo("Europe/London")

SEVERITY_WORDS = {
    Severity.ERROR: "must be corrected",
    Severity.QUERY: "please confirm or explain",
    Severity.KNOWN_ISSUE: "noted, and published with the figures",
}
"""What a broken rule asks of the council."""

VERDICT_WORDS = {
    Verdict.ACCEPTED: "Accepted",
    Verdict.QUERIED: "Accepted, with questions",
    Verdict.REJECTED: "Rejected",
}


def sanitise_name(text: str) -> str:
    """Return a name from outside on one line of printable characters, at most 200.

    White space becomes a blank. Any other character that is invisible, or that reverses the text, becomes U+FFFD.
    """
    safe = "".join(
        character
        if character.isprintable()
        else " "
        if character.isspace() or unicodedata.category(character) == "Zs"
        else "\ufffd"
        for character in text
    )
    return safe if len(safe) <= _LONGEST_NAME else f"{safe[: _LONGEST_NAME - 1]}…"


def find_row_ranges(rows: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return first and last row of each unbroken run, in order."""
    ranges: list[tuple[int, int]] = []
    for row in sorted(set(rows)):
        if ranges and ranges[-1][1] == row - 1:
            ranges[-1] = (ranges[-1][0], row)
        else:
            ranges.append((row, row))
    return tuple(ranges)


def format_rows(rows: Iterable[int]) -> str:
    """Return ``row 4``, or ``rows 4, 7–9 and 12``; empty text for no rows."""
    ranges = find_row_ranges(rows)
    if not ranges:
        return ""
    parts = [f"{first}" if first == last else f"{first}–{last}" for first, last in ranges]
    is_single = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
    return f"row {parts[0]}" if is_single else f"rows {join_words(parts)}"


def join_words(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def format_count(number: int, singular: str, plural: str = "") -> str:
    """Return ``1 row`` or ``2,500 rows``."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


def format_day(format_day: date) -> str:
    """Return ``5 January 2026``."""
    return f"{format_day.day} {format_day:%B %Y}"


def format_moment(format_moment: datetime) -> str:
    """Return ``5 January 2026 at 09:30 GMT``, as clocks in Scotland show it."""
    local = format_moment.astimezone(_SCOTLAND)
    return f"{format_day(local.date())} at {local:%H:%M %Z}"
