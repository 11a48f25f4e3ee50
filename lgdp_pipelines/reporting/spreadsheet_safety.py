"""CSV that a spreadsheet opens and runs nothing of.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break for a formula or for the
start of a new cell, full-width forms included. As OWASP advises, such a text is given an apostrophe in front, which a
spreadsheet shows as plain text; so is what follows a separator, a line break or a quote inside a text, because whoever
opens the file may cut its lines by another separator than it was written with. :func:`original` takes the apostrophes
out again, and gives back the very text that was guarded. Numbers stay numbers.

What belongs here: cells. What does not: what is in them (``report``).
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

_BEGINS_A_CELL = r"(?:(?<![\s\S])|(?<=[,;|\t\r\n\"]))"
_RUNS = r"(?='*[^\S\t\r\n]*[=+\-@\t\r\n＝＋－＠])"
_UNGUARDED = re.compile(_BEGINS_A_CELL + _RUNS)
_GUARDED = re.compile(_BEGINS_A_CELL + "'" + _RUNS)

Cell = str | int | None


@lru_cache(maxsize=4096)
def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula, wherever it cuts the line."""
    return _UNGUARDED.sub("'", text)


def original(text: str) -> str:
    """The text that :func:`guarded` was given."""
    return _GUARDED.sub("", text)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A CSV file: commas, every text in quotes, lines ended as RFC 4180 has it; it begins with the mark of UTF-8."""
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(header)
    writer.writerows([guarded(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return "\ufeff" + written.getvalue()
