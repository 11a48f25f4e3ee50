"""CSV files that a spreadsheet opens without running a formula.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break for a formula or for the
start of a new cell, full-width forms included. As OWASP advises, such a text gets an apostrophe in front, which a
spreadsheet shows as plain text. So does text after a separator, a line break or a quote inside a cell, because a
spreadsheet may split lines by another separator than the file was written with. :func:`unescape_formulas` removes the
apostrophes again and restores the very text. Numbers stay numbers.

Belongs here: cells of a CSV file. Belongs elsewhere: their content (``report_formats``, ``reminder_schedule``).
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

_CELL_START = r"(?:(?<![\s\S])|(?<=[,;|\t\r\n\"]))"
_FORMULA = r"(?='*[^\S\t\r\n]*[=+\-@\t\r\n＝＋－＠])"
_UNESCAPED = re.compile(_CELL_START + _FORMULA)
_ESCAPED = re.compile(_CELL_START + "'" + _FORMULA)

CsvCell = str | int | None


@lru_cache(maxsize=4096)
def escape_formulas(text: str) -> str:
    """Return a text with apostrophes before anything a spreadsheet takes for formulas.

    That holds wherever the spreadsheet splits the line.
    """
    return _UNESCAPED.sub("'", text)


def unescape_formulas(text: str) -> str:
    """Return the original of a text from :func:`escape_formulas`."""
    return _ESCAPED.sub("", text)


def format_csv(header: Sequence[str], rows: Iterable[Sequence[CsvCell]]) -> str:
    """Return a CSV file that spreadsheets open safely.

    It has a byte-order mark, quotes round every text, and lines that end as in RFC 4180.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(header)
    writer.writerows([escape_formulas(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return "\ufeff" + stream.getvalue()
