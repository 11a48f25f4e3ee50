"""CSV text as cells: fast where a file is plain, carefully where it is not, with the same answer.

What a cell is: the text between delimiters, as sent, spaces included. Nothing between delimiters, and nothing between
quotes, is an empty cell, because spreadsheets and export programs write both for the same thing. What a row is: a
record, counted as a spreadsheet counts it: preamble and header are counted, a line break inside quotes does not make a
new row, an empty line does. Lines end with LF or CRLF; a lone CR belongs to its cell, but in a file without any LF it
ends lines. A record without a single filled cell is no row of the table, but is counted.

The fast way is Polars. It fills short records up and guesses where quotes stand in the middle of a cell, both without a
word, so its answer is believed only if the numbers of delimiters, line ends and quotes add up. Otherwise the careful
way, the ``csv`` module in strict mode, reads the file again.
What belongs here: cells and rows. What does not: the header (``csv_head``), and what a header means (``headers``).
"""

import csv
import io
from dataclasses import dataclass

import polars as pl

from lgdp_pipelines.handover.extract_reading import ROW, Fault
from lgdp_pipelines.landing.byte_columns import Octets
from lgdp_pipelines.landing.cell_blocks import MOST_COLUMNS, Cells, block, misshapen_rows, no_misshapen
from lgdp_pipelines.landing.csv_dialect import LONE_CR, Dialect, Head, unused_character

_BLOCK = 50_000


def read_body(content: bytes, dialect: Dialect, head: Head, row: int) -> Cells | Fault:
    """Read rows of data, or a piece of them that was cut at the end of a record. Pure: pieces may be read in any order.

    Args:
        content: whole records in UTF-8.
        dialect: how they are written.
        head: of the file.
        row: number of the record before the first of them, which is ``last_row`` of the piece before.
    """
    body = _Body.of(content, dialect, head, row)
    return _fast(body, content.count(dialect.quote.encode()) if dialect.quote else 0) or _careful(body)


def read_plain(content: bytes, dialect: Dialect, head: Head, row: int, quotes: int) -> Cells | None:
    """The same where the content is plain, whatever its end was found by; None where only care could tell.

    Quotes are then all around cells, so that a content with an even number of them ends outside of any.

    Args:
        content: in UTF-8.
        dialect: how it is written.
        head: of the file.
        row: number of the record before the first.
        quotes: how many quotes the content has.
    """
    return _fast(_Body.of(content, dialect, head, row), quotes)


@dataclass(frozen=True, slots=True)
class _Body:
    """Records to be read.

    Attributes:
        content: without the empty lines at its end.
        blank: how many those are.
        dialect: how it is written.
        head: of the file.
        row: number of the record before it.
    """

    content: bytes
    blank: int
    dialect: Dialect
    head: Head
    row: int

    @classmethod
    def of(cls, content: bytes, dialect: Dialect, head: Head, row: int) -> "_Body":
        """Set empty lines at the end apart: they would have to be told from short records one by one."""
        mark, end, ends = head.line_end.encode(), len(content), 0
        while end and content[end - 1 : end] == mark:
            end -= 2 if mark == b"\n" and content[end - 2 : end - 1] == b"\r" else 1
            ends += 1
        blank = ends - 1 if end and ends else ends
        text = content[:end] if blank else content
        # A record too long by an empty cell would else end the text without a word from Polars.
        text += mark if text.endswith(dialect.delimiter.encode()) else b""
        return cls(text, blank, dialect, head, row)

    @property
    def width(self) -> int:
        """Columns of the header."""
        return len(self.head.header)

    @property
    def is_open(self) -> bool:
        """Whether its last record has no line end."""
        return bool(self.content) and not self.content.endswith(self.head.line_end.encode())

    def cells(self, frame: pl.DataFrame, misshapen: pl.DataFrame, records: int) -> Cells:
        """What was read."""
        return Cells(self.head.header, frame, misshapen, self.row + records + self.blank, self.head.row)


def _fast(body: _Body, quotes: int) -> Cells | None:
    octets = Octets.of(body.content)
    hollow = _hollow(body, octets, quotes)
    returns = _returns(body, octets)
    if hollow is None or returns is None:
        return None
    read = _by_polars(body)
    if read is None:
        return None
    rows = read.with_columns(pl.int_range(body.row + 1, body.row + 1 + pl.len(), dtype=pl.Int64).alias(ROW))
    gaps = 0
    if all(column.null_count() for column in read.iter_columns()):
        gaps = read.select(pl.all_horizontal(pl.all().is_null()).sum()).item()
    if not gaps and _adds_up(body, read, octets, quotes + returns):
        return _filled(body, rows, hollow)
    if gaps:
        rows = rows.filter(~pl.all_horizontal(pl.col(read.columns).is_null()))
    return _filled(body, rows, hollow, gaps) if _has_all(body, read, rows, octets, gaps) else None


def _hollow(body: _Body, octets: Octets, quotes: int) -> int | None:
    """How many cells are quotes alone; None where not each first quote opens a cell and each second one closes it.

    Of any other quote, Polars may lose some. A CR after the second is one of a line's end where ``_returns`` says so.
    """
    if not quotes:
        return 0
    if quotes % 2 or body.head.line_end == "\r" or not (body.dialect.quote + body.dialect.delimiter).isascii():
        return None
    quote = body.dialect.quote.encode()
    around = [ord(body.dialect.delimiter), ord("\n")]
    # One that stands first of all has no byte before it, and one that stands last has none after it.
    is_first = body.content.startswith(quote)
    before, after = octets.before(quote), octets.after(quote)
    opening, closing = before.gather_every(2, int(is_first)), after.gather_every(2, 1)
    if not (opening.is_in(around).all() and closing.is_in([*around, ord("\r")]).all()):
        return None
    return int((before.gather_every(2, 1 - is_first) == ord(quote)).sum())


def _returns(body: _Body, octets: Octets) -> int | None:
    """How many CR stand before the LF of a line's end; None where one stands elsewhere: Polars may lose it."""
    if body.head.line_end == "\r" or b"\r" not in body.content:
        return 0
    after = octets.after(b"\r")
    return after.len() if (after == ord("\n")).all() and not body.content.endswith(b"\r") else None


def _adds_up(body: _Body, read: pl.DataFrame, octets: Octets, around: int) -> bool:
    """Whether each byte is in a cell, or else is a quote, a delimiter of a whole record, or of a line's end.

    That proves all at once. Polars takes no record that is too long. One that is too short and a quote within a cell
    each make the sum larger than the text is, and nothing makes it smaller.

    Args:
        body: that was read.
        read: what was read.
        octets: of the body.
        around: quotes, and CR of lines' ends.
    """
    ends = octets.count(body.head.line_end.encode())
    if ends + body.is_open != read.height or len(body.content) >= _FIT_A_SUM:
        return False
    inside = sum(read.select(pl.all().str.len_bytes().sum()).row(0)) if read.height else 0
    return inside + read.height * (read.width - 1) + around + ends == len(body.content)


_FIT_A_SUM = 2**32
"""Bytes: Polars adds up the lengths of cells in 32 bits."""


def _has_all(body: _Body, read: pl.DataFrame, rows: pl.DataFrame, octets: Octets, gaps: int) -> bool:
    """Whether the numbers of quotes, line ends and delimiters add up, those inside cells set apart.

    Args:
        body: that was read.
        read: what was read.
        rows: without lines that have nothing in them.
        octets: of the body.
        gaps: how many lines those are.
    """
    content, dialect, line_end = body.content, body.dialect, body.head.line_end
    cells = pl.col(read.columns)
    quotes = bool(dialect.quote) and dialect.quote.encode() in content
    if quotes and read.select(pl.any_horizontal(cells.str.contains(dialect.quote, literal=True).any())).item():
        return False
    marks = [dialect.delimiter, line_end]
    inside = _inside_quotes(read, marks) if quotes else dict.fromkeys(marks, 0)
    lines = octets.count(line_end.encode()) + body.is_open - inside[line_end]
    if lines != read.height:
        return False
    # Lines without anything in them have no delimiters, or some: then only a last column without gaps is proof.
    if gaps:
        return rows.get_column(read.columns[-1]).null_count() == 0
    delimiters = octets.count(dialect.delimiter.encode()) - inside[dialect.delimiter]
    return delimiters == read.height * (read.width - 1)


def _filled(body: _Body, rows: pl.DataFrame, hollow: int, gaps: int = 0) -> Cells:
    """Rows whose quoted cells without anything in them are empty like all others.

    Args:
        body: that was read.
        rows: without lines that have nothing in them.
        hollow: how many quoted cells have nothing in them.
        gaps: how many lines have nothing in them.
    """
    records = rows.height + gaps
    if hollow:
        cells = pl.col(rows.columns[:-1])
        rows = rows.with_columns(pl.when(cells != "").then(cells))
        if body.width > 1:
            rows = rows.filter(~pl.all_horizontal(cells.is_null()))
    return body.cells(rows, no_misshapen(), records)


def _by_polars(body: _Body) -> pl.DataFrame | None:
    """What Polars makes of it, which may be wrong; None where it makes nothing of it."""
    columns = [str(place) for place in range(body.width)]
    if not body.content:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    if not (body.dialect.delimiter + body.dialect.quote).isascii():
        return None
    try:
        return pl.read_csv(
            body.content,
            separator=body.dialect.delimiter,
            quote_char=body.dialect.quote or None,
            eol_char=body.head.line_end,
            has_header=False,
            schema=dict.fromkeys(columns, pl.String),
        )
    except pl.exceptions.PolarsError:
        return None


def _inside_quotes(read: pl.DataFrame, marks: list[str]) -> dict[str, int]:
    """How often each mark stands in cells: there it separates nothing."""
    cells = pl.all()
    return read.select(
        pl.sum_horizontal(cells.str.count_matches(mark, literal=True).sum()).alias(mark) for mark in marks
    ).row(0, named=True)


def _careful(body: _Body) -> Cells | Fault:
    """Read with the ``csv`` module, which knows a lone CR only as a line end: another character stands in for it."""
    sent = body.content.decode()
    stand_in = unused_character(sent)
    is_cr = body.head.line_end == "\r"
    text = sent.replace("\r", "\n") if is_cr else LONE_CR.sub(stand_in, sent)
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True, **body.dialect.reader_arguments)
    row = body.row
    width = body.width
    blocks: list[pl.DataFrame] = []
    misshapen: list[tuple[int, int]] = []
    kept: list[list[str]] = []
    rows: list[int] = []
    try:
        for row, record in enumerate(reader, start=body.row + 1):
            if len(record) > MOST_COLUMNS:
                return Fault(f"Row {row} has more than {MOST_COLUMNS:,} cells. Export the file again.", row)
            if _is_filled(record, width):
                kept.append(record)
                rows.append(row)
                if len(record) != width:
                    misshapen.append((row, len(record)))
            if len(kept) == _BLOCK:
                blocks.append(block(kept, rows, width))
                kept, rows = [], []
    except csv.Error:
        return Fault(
            f"From row {row + 1} on the quotes do not match, so that cells cannot be told apart. A quote inside a "
            "quoted cell is written twice; a quote that opens a cell must be closed.",
            row + 1,
        )
    blocks.append(block(kept, rows, width))
    frame = pl.concat(blocks, how="diagonal")
    columns = [str(place) for place in range(frame.width - 1)]
    cell = pl.col(columns).str.replace_all("\n" if is_cr else stand_in, "\r", literal=True)
    return body.cells(frame.select(pl.when(cell != "").then(cell), ROW), misshapen_rows(misshapen), row - body.row)


def _is_filled(record: list[str], width: int) -> bool:
    if width == 1:
        return bool(record)
    return any(record) and not (len(record) == 1 and record[0].isspace())
