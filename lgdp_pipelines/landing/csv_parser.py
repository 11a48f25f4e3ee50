"""CSV text as cells: fast where the text is plain, carefully where it is not, with the same result.

A cell is the text between delimiters, as sent, spaces included. Nothing between delimiters, and nothing between quotes,
is an empty cell, because spreadsheets and export programs write both for the same thing. A row is a record, counted as
a spreadsheet counts it: preamble and header are counted, a line break inside quotes does not make a new row, an empty
line does. Lines end with LF or CRLF; a lone CR belongs to its cell, but in a file without any LF it ends lines. A
record without a single filled cell is no row of the table, but is counted.

The fast parser is polars. It fills up short records and guesses where quotes are in the middle of a cell, both without
a word, so its result is used only if the numbers of delimiters, line ends and quotes add up. Otherwise the careful
parser, the ``csv`` module in strict mode, reads the text again. Belongs here: dialects, the header, cells and rows.
Belongs elsewhere: where a file is cut (``csv_reader``), and which item a header names (``header_matching``).
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa

from lgdp_pipelines.handover.extract_reading import ROW, Fault
from lgdp_pipelines.landing.cell_block import (
    MAX_COLUMNS,
    CellBlock,
    build_frame,
    build_misshapen,
    fill_right,
    join_headers,
)
from lgdp_pipelines.register.model.extract_format import Extract

LONE_CR = re.compile(r"\r(?!\n)")
_PRIVATE_USE = range(0xE000, 0xF8FF)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The dialect of CSV text.

    Attributes:
        delimiter: one character between cells.
        quote: character around cells; empty: none.
        preamble: records before the header.
        header_rows: 1 or 2.
    """

    delimiter: str = ","
    quote: str = '"'
    preamble: int = 0
    header_rows: int = 1

    @classmethod
    def from_extract(cls, extract: Extract) -> "Dialect":
        """Return the declared dialect."""
        return cls(extract.delimiter, extract.quote, extract.preamble, extract.header_rows)

    @property
    def reader_arguments(self) -> dict[str, Any]:
        """Arguments for ``csv.reader``."""
        if self.quote:
            return {"delimiter": self.delimiter, "quotechar": self.quote}
        return {"delimiter": self.delimiter, "quotechar": None, "quoting": csv.QUOTE_NONE}


@dataclass(frozen=True, slots=True)
class CsvHeader:
    """The header of CSV text, and where the data begins.

    Attributes:
        header: what each column is called.
        end: byte at which the data begins.
        row: number of the last header record.
        line_end: LF where the text has any (CRLF ends in it), else CR.
    """

    header: tuple[str, ...]
    end: int
    row: int
    line_end: str


def find_line_end(content: bytes) -> str:
    """Return the line end of a text: LF, or CR where it has CR alone."""
    return "\n" if b"\n" in content or b"\r" not in content else "\r"


def is_blank(content: bytes) -> bool:
    """Return whether a text has nothing but line ends."""
    # Most texts show it at once: stripping copies the whole of them.
    return not content[:64].strip(b"\r\n") and not content.strip(b"\r\n")


def find_unused_character(text: str) -> str:
    """Return a character that a text lacks, to replace a misleading one."""
    return next(chr(code) for code in _PRIVATE_USE if chr(code) not in text)


def read_header(content: bytes, dialect: Dialect) -> CsvHeader | Fault:
    """Return the header of CSV text in UTF-8, or its fault.

    Args:
        content: the text, or as much of its beginning as holds the header.
        dialect: how it is written.
    """
    line_end = find_line_end(content)
    lines = _LineIterator(content, line_end)
    reader = csv.reader(lines, strict=True, **dialect.reader_arguments)
    last_row = dialect.preamble + dialect.header_rows
    records: list[list[str]] = []
    try:
        for record in reader:
            records.append([lines.restore_line_ends(cell) for cell in record])
            if len(records) == last_row:
                break
    except csv.Error:
        row = len(records) + 1
        return Fault(f"From row {row} on the quotes do not match, so that the header cannot be read.", row)
    if len(records) < last_row:
        return Fault(
            f"The header should be in row {last_row}, and the file has fewer rows. "
            "Send it with its header and its rows."
        )
    lower = records[-1]
    header = tuple(lower) if dialect.header_rows == 1 else join_headers(fill_right(records[-2]), lower)
    if not header:
        return Fault(
            f"The header should be in row {last_row}, and that row is empty. Send the column names in it.", last_row
        )
    if len(header) > MAX_COLUMNS:
        return Fault(
            f"The header has {len(header):,} columns, and no table has more than {MAX_COLUMNS:,}. Export it again.",
            last_row,
        )
    return CsvHeader(header, lines.end, last_row, line_end)


@dataclass
class _LineIterator:
    """Iterates over lines, and knows where the last line read has ended.

    ``csv`` takes a lone CR for a line end; another character stands in for it.
    """

    content: bytes
    line_end: str
    end: int = 0
    stand_in: str = field(default="", init=False)

    def __iter__(self) -> Iterator[str]:
        mark = self.line_end.encode()
        while self.end < len(self.content):
            position = self.content.find(mark, self.end)
            start, self.end = self.end, position + 1 if position >= 0 else len(self.content)
            line = self.content[start : self.end].decode()
            if self.line_end == "\r":
                line = line.replace("\r", "\n")
            elif LONE_CR.search(line):
                self.stand_in = self.stand_in or find_unused_character(self.content.decode())
                line = LONE_CR.sub(self.stand_in, line)
            yield line

    def restore_line_ends(self, cell: str) -> str:
        """Return a cell with the text's own line ends."""
        if self.line_end == "\r":
            return cell.replace("\n", "\r")
        return cell.replace(self.stand_in, "\r") if self.stand_in else cell


def find_last_row(text: str, dialect: Dialect) -> int:
    """Return the row in which a text breaks off."""
    lines = io.StringIO(LONE_CR.sub(" ", text) + ".", newline="\n")
    return sum(1 for _ in csv.reader(lines, **dialect.reader_arguments))


@dataclass(frozen=True, slots=True)
class ByteColumn:
    """The bytes of a text as a column of numbers, for fast counts without a copy.

    Attributes:
        column: a UInt8 for each.
    """

    column: pl.Series

    @classmethod
    def from_bytes(cls, content: bytes) -> "ByteColumn":
        """Return all bytes of a text."""
        buffer = pa.py_buffer(content)
        return cls(pl.Series(pa.Array.from_buffers(pa.uint8(), len(content), [None, buffer]), dtype=pl.UInt8))

    def count(self, mark: bytes, start: int = 0, end: int | None = None) -> int:
        """Return the number of times a character of one byte occurs between two places."""
        return int((self.column[start:end] == ord(mark)).sum())

    def bytes_before(self, mark: bytes) -> pl.Series:
        """Return the byte before each such character, except at the very beginning."""
        return self.column[:-1].filter(self.column[1:] == ord(mark))

    def bytes_after(self, mark: bytes) -> pl.Series:
        """Return the byte after each such character, except at the very end."""
        return self.column[1:].filter(self.column[:-1] == ord(mark))


_BLOCK = 50_000


def parse_records(content: bytes, dialect: Dialect, head: CsvHeader, row: int) -> CellBlock | Fault:
    """Return the cells of records, or their fault.

    Pure: pieces may be parsed in any order.

    Args:
        content: whole records in UTF-8.
        dialect: how they are written.
        head: of the file.
        row: number of the record before the first of them, which is ``last_row`` of the piece before.
    """
    body = _Body.from_content(content, dialect, head, row)
    return _parse_fast(body, content.count(dialect.quote.encode()) if dialect.quote else 0) or _parse_carefully(body)


def parse_plain_records(content: bytes, dialect: Dialect, head: CsvHeader, row: int, quotes: int) -> CellBlock | None:
    """Return the cells of plain content; None where only careful parsing is safe.

    Quotes are then all around cells, so that a content with an even number of them ends outside of any.

    Args:
        content: in UTF-8.
        dialect: how it is written.
        head: of the file.
        row: number of the record before the first.
        quotes: how many quotes the content has.
    """
    return _parse_fast(_Body.from_content(content, dialect, head, row), quotes)


@dataclass(frozen=True, slots=True)
class _Body:
    """Records to be parsed.

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
    head: CsvHeader
    row: int

    @classmethod
    def from_content(cls, content: bytes, dialect: Dialect, head: CsvHeader, row: int) -> "_Body":
        """Return a body, with the empty lines at its end as a count.

        Otherwise each of them would have to be distinguished from a short record.
        """
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
        """Number of columns of the header."""
        return len(self.head.header)

    @property
    def is_open(self) -> bool:
        """Return whether the last record has no line end."""
        return bool(self.content) and not self.content.endswith(self.head.line_end.encode())

    def cells(self, frame: pl.DataFrame, misshapen: pl.DataFrame, records: int) -> CellBlock:
        """Return the cells that were parsed."""
        return CellBlock(self.head.header, frame, misshapen, self.row + records + self.blank, self.head.row)


def _parse_fast(body: _Body, quotes: int) -> CellBlock | None:
    byte_column = ByteColumn.from_bytes(body.content)
    hollow = _count_empty_quotes(body, byte_column, quotes)
    returns = _count_returns(body, byte_column)
    if hollow is None or returns is None:
        return None
    read = _parse_with_polars(body)
    if read is None:
        return None
    rows = read.with_columns(pl.int_range(body.row + 1, body.row + 1 + pl.len(), dtype=pl.Int64).alias(ROW))
    gaps = 0
    if all(column.null_count() for column in read.iter_columns()):
        gaps = read.select(pl.all_horizontal(pl.all().is_null()).sum()).item()
    if not gaps and _accounts_for_every_byte(body, read, byte_column, quotes + returns):
        return _null_empty_quotes(body, rows, hollow)
    if gaps:
        rows = rows.filter(~pl.all_horizontal(pl.col(read.columns).is_null()))
    return _null_empty_quotes(body, rows, hollow, gaps) if _counts_match(body, read, rows, byte_column, gaps) else None


def _count_empty_quotes(body: _Body, byte_column: ByteColumn, quotes: int) -> int | None:
    """Return the number of cells that are quotes alone.

    None unless quotes open and close cells in turn. polars may lose any other quote. A CR after the second belongs to a
    line end where ``_count_returns`` says so.
    """
    if not quotes:
        return 0
    if quotes % 2 or body.head.line_end == "\r" or not (body.dialect.quote + body.dialect.delimiter).isascii():
        return None
    quote = body.dialect.quote.encode()
    around = [ord(body.dialect.delimiter), ord("\n")]
    # One that stands first of all has no byte before it, and one that stands last has none after it.
    is_first = body.content.startswith(quote)
    bytes_before, bytes_after = byte_column.bytes_before(quote), byte_column.bytes_after(quote)
    opening, closing = bytes_before.gather_every(2, int(is_first)), bytes_after.gather_every(2, 1)
    if not (opening.is_in(around).all() and closing.is_in([*around, ord("\r")]).all()):
        return None
    return int((bytes_before.gather_every(2, 1 - is_first) == ord(quote)).sum())


def _count_returns(body: _Body, byte_column: ByteColumn) -> int | None:
    """Return the number of CR before LF.

    None where another CR exists, which polars may lose.
    """
    if body.head.line_end == "\r" or b"\r" not in body.content:
        return 0
    bytes_after = byte_column.bytes_after(b"\r")
    return bytes_after.len() if (bytes_after == ord("\n")).all() and not body.content.endswith(b"\r") else None


def _accounts_for_every_byte(body: _Body, read: pl.DataFrame, byte_column: ByteColumn, around: int) -> bool:
    """Return whether each byte is in a cell, quote, delimiter or line end.

    That proves all at once. Polars takes no record that is too long. One that is too short and a quote within a cell
    each make the sum larger than the text is, and nothing makes it smaller.

    Args:
        body: that was read.
        read: what was read.
        byte_column: of the body.
        around: quotes, and CR of lines' ends.
    """
    ends = byte_column.count(body.head.line_end.encode())
    if ends + body.is_open != read.height or len(body.content) >= _MAX_SUM_BYTES:
        return False
    inside = sum(read.select(pl.all().str.len_bytes().sum()).row(0)) if read.height else 0
    return inside + read.height * (read.width - 1) + around + ends == len(body.content)


_MAX_SUM_BYTES = 2**32
"""Bytes: Polars adds up the lengths of cells in 32 bits."""


def _counts_match(body: _Body, read: pl.DataFrame, rows: pl.DataFrame, byte_column: ByteColumn, gaps: int) -> bool:
    """Return whether quotes, line ends and delimiters outside cells add up.

    Args:
        body: that was read.
        read: what was read.
        rows: without lines that have nothing in them.
        byte_column: of the body.
        gaps: how many lines those are.
    """
    content, dialect, line_end = body.content, body.dialect, body.head.line_end
    cells = pl.col(read.columns)
    quotes = bool(dialect.quote) and dialect.quote.encode() in content
    if quotes and read.select(pl.any_horizontal(cells.str.contains(dialect.quote, literal=True).any())).item():
        return False
    marks = [dialect.delimiter, line_end]
    inside = _count_inside_cells(read, marks) if quotes else dict.fromkeys(marks, 0)
    lines = byte_column.count(line_end.encode()) + body.is_open - inside[line_end]
    if lines != read.height:
        return False
    # Lines without anything in them have no delimiters, or some: then only a last column without gaps is proof.
    if gaps:
        return rows.get_column(read.columns[-1]).null_count() == 0
    delimiters = byte_column.count(dialect.delimiter.encode()) - inside[dialect.delimiter]
    return delimiters == read.height * (read.width - 1)


def _null_empty_quotes(body: _Body, rows: pl.DataFrame, hollow: int, gaps: int = 0) -> CellBlock:
    """Return the rows with null in place of quoted cells without content.

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
    return body.cells(rows, build_misshapen(), records)


def _parse_with_polars(body: _Body) -> pl.DataFrame | None:
    """Return polars' result, which may be wrong; None where it has none."""
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


def _count_inside_cells(read: pl.DataFrame, marks: list[str]) -> dict[str, int]:
    """Return how often each mark is inside cells, where it separates nothing."""
    cells = pl.all()
    return read.select(
        pl.sum_horizontal(cells.str.count_matches(mark, literal=True).sum()).alias(mark) for mark in marks
    ).row(0, named=True)


def _parse_carefully(body: _Body) -> CellBlock | Fault:
    """Parse with the ``csv`` module, replacing lone CRs that would end a line."""
    sent = body.content.decode()
    stand_in = find_unused_character(sent)
    is_cr = body.head.line_end == "\r"
    text = sent.replace("\r", "\n") if is_cr else LONE_CR.sub(stand_in, sent)
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True, **body.dialect.reader_arguments)
    row = body.row
    width = body.width
    blocks: list[pl.DataFrame] = []
    misshapen: list[tuple[int, int]] = []
    records: list[list[str]] = []
    rows: list[int] = []
    try:
        for row, record in enumerate(reader, start=body.row + 1):
            if len(record) > MAX_COLUMNS:
                return Fault(f"Row {row} has more than {MAX_COLUMNS:,} cells. Export the file again.", row)
            if _has_cell(record, width):
                records.append(record)
                rows.append(row)
                if len(record) != width:
                    misshapen.append((row, len(record)))
            if len(records) == _BLOCK:
                blocks.append(build_frame(records, rows, width))
                records, rows = [], []
    except csv.Error:
        return Fault(
            f"From row {row + 1} on the quotes do not match, so that cells cannot be told apart. A quote inside a "
            "quoted cell is written twice; a quote that opens a cell must be closed.",
            row + 1,
        )
    blocks.append(build_frame(records, rows, width))
    frame = pl.concat(blocks, how="diagonal")
    columns = [str(place) for place in range(frame.width - 1)]
    cell = pl.col(columns).str.replace_all("\n" if is_cr else stand_in, "\r", literal=True)
    return body.cells(frame.select(pl.when(cell != "").then(cell), ROW), build_misshapen(misshapen), row - body.row)


def _has_cell(record: list[str], width: int) -> bool:
    if width == 1:
        return bool(record)
    return any(record) and not (len(record) == 1 and record[0].isspace())
