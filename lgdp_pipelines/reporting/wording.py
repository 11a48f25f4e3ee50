"""How things read to a council officer: severities, verdicts, rows, sizes, dates, and names from outside.

Belongs here: words for one thing at a time. Belongs elsewhere: sentences (``report_texts``) and files
(``report_formats``).
"""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from lgdp_pipelines.vocabulary.timezones import SCOTTISH_TIMEZONE
from lgdp_pipelines.vocabulary.verdicts import Severity, Verdict

_LONGEST_NAME = 200
_SCOTLAND = ZoneInfo(SCOTTISH_TIMEZONE)

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
    """Return a name as one printable line of at most 200 characters.

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
    # Within an unbroken run, a row less its position is always the same number.
    groups = groupby(enumerate(sorted(set(rows))), key=lambda numbered: numbered[1] - numbered[0])
    runs = [[row for _, row in group] for _, group in groups]
    return tuple((run[0], run[-1]) for run in runs)


def format_rows(rows: Iterable[int]) -> str:
    """Return row numbers in words: ``rows 4, 7–9 and 12``.

    Empty for no rows.
    """
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
    """Return a number and its noun: ``1 row`` or ``2,500 rows``."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


def format_day(day: date) -> str:
    """Return a date in words: ``5 January 2026``."""
    return f"{day.day} {day:%B %Y}"


def format_moment(moment: datetime) -> str:
    """Return Scottish clock time in words: ``5 January 2026 at 09:30 GMT``."""
    local_time = moment.astimezone(_SCOTLAND)
    return f"{format_day(local_time.date())} at {local_time:%H:%M %Z}"
