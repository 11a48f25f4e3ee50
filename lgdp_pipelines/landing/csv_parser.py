"""CSV text as cells: fast where the text is plain, carefully where it is not, with the same result.

A cell is the text between delimiters, as sent, spaces included. Empty text between delimiters or between quotes is an
empty cell, because spreadsheets and export programs write both for the same value. A row is a record, counted as
a spreadsheet counts it: preamble and header are counted, a line break inside quotes does not make a new row, an empty
line does. Lines end with LF or CRLF; a lone CR belongs to its cell, but in a file without any LF it ends lines. A
record without a filled cell is counted, but is not a row of the table.

The fast parser is polars. It fills up short records and guesses where quotes are in the middle of a cell, both without
a word, so its result is used only if the numbers of delimiters, line ends and quotes add up. Otherwise the careful
parser, the ``csv`` module in strict mode, reads the text again. Belongs here: dialects, the header, cells and rows.
Belongs elsewhere: dividing a file into pieces (``csv_reader``), and matching headers to items (``header_matching``).
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.landing.cell_block import (
    MAX_COLUMNS,
    CellBlock,
    build_frame,
    build_misshapen,
    fill_right,
    join_headers,
)
from lgdp_pipelines.register.model.extract_format import ExtractFormat
from lgdp_pipelines.vocabulary.table_columns import ROW

LONE_CR = re.compile(r"\r(?!\n)")
_PRIVATE_USE = range(0xE000, 0xF8FF)


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """The layout of CSV text: its dialect, its header and its data.

    Attributes:
        extract_format: as declared: delimiter, quote, preamble and header rows.
        header: name of each column.
        header_end: byte at which the data begins.
        header_row: number of the last header record.
        line_end: LF if the text contains it (CRLF ends in it), else CR.
    """

    extract_format: ExtractFormat
    header: tuple[str, ...]
    header_end: int
    header_row: int
    line_end: str


def find_line_end(content: bytes) -> str:
    """Return LF, or CR for a text with CR alone."""
    return "\n" if b"\n" in content or b"\r" not in content else "\r"


def is_blank(content: bytes) -> bool:
    """Return whether a text consists of line ends only."""
    # The first bytes of most texts show it: stripping copies the text.
    return not content[:64].strip(b"\r\n") and not content.strip(b"\r\n")


def find_unused_character(text: str) -> str:
    """Return a private-use character that the text does not contain."""
    return next(chr(code) for code in _PRIVATE_USE if chr(code) not in text)


def iter_records(lines: Iterable[str], extract_format: ExtractFormat, *, strict: bool = True) -> Iterator[list[str]]:
    """Return the records of lines as the ``csv`` module reads them.

    Args:
        lines: with their line ends.
        extract_format: as declared.
        strict: raise ``csv.Error`` for quotes that do not match.
    """
    return csv.reader(
        lines,
        delimiter=extract_format.delimiter,
        quotechar=extract_format.quote or None,
        quoting=csv.QUOTE_MINIMAL if extract_format.quote else csv.QUOTE_NONE,
        strict=strict,
    )


def read_layout(content: bytes, extract_format: ExtractFormat) -> CsvLayout:
    """Return the layout of CSV text in UTF-8.

    Args:
        content: the text, or as much of its beginning as holds the header.
        extract_format: as declared.

    Raises:
        Fault: the header cannot be read.
    """
    line_end = find_line_end(content)
    lines = _LineIterator(content, line_end)
    header_row = extract_format.header_row
    records: list[list[str]] = []
    try:
        for record in iter_records(lines, extract_format):
            records.append([lines.restore_line_ends(cell) for cell in record])
            if len(records) == header_row:
                break
    except csv.Error:
        row = len(records) + 1
        raise Fault(f"From row {row} on the quotes do not match, so that the header cannot be read.", row) from None
    if len(records) < header_row:
        raise Fault(
            f"The header should be in row {header_row}, and the file has fewer rows. "
            "Send it with its header and its rows."
        )
    lower = records[-1]
    header = tuple(lower) if extract_format.header_rows == 1 else join_headers(fill_right(records[-2]), lower)
    if not header:
        raise Fault(
            f"The header should be in row {header_row}, and that row is empty. Send the column names in it.", header_row
        )
    if len(header) > MAX_COLUMNS:
        raise Fault(
            f"The header has {len(header):,} columns; a table has at most {MAX_COLUMNS:,}. Export it again.", header_row
        )
    return CsvLayout(extract_format, header, lines.end, header_row, line_end)


@dataclass
class _LineIterator:
    """Iterator over the lines of a text; it records their ends.

    ``csv`` takes a lone CR for a line end, so another character replaces it.
    """

    content: bytes
    line_end: str
    end: int = 0
    cr_substitute: str = ""

    def __iter__(self) -> Iterator[str]:
        mark = self.line_end.encode()
        while self.end < len(self.content):
            position = self.content.find(mark, self.end)
            start, self.end = self.end, position + 1 if position >= 0 else len(self.content)
            line = self.content[start : self.end].decode()
            if self.line_end == "\r":
                line = line.replace("\r", "\n")
            elif LONE_CR.search(line):
                self.cr_substitute = self.cr_substitute or find_unused_character(self.content.decode())
                line = LONE_CR.sub(self.cr_substitute, line)
            yield line

    def restore_line_ends(self, cell: str) -> str:
        """Return a cell with the text's own line ends."""
        if self.line_end == "\r":
            return cell.replace("\n", "\r")
        return cell.replace(self.cr_substitute, "\r") if self.cr_substitute else cell


def find_last_row(text: str, extract_format: ExtractFormat) -> int:
    """Return the number of the row in which a text breaks off."""
    lines = io.StringIO(LONE_CR.sub(" ", text) + ".", newline="\n")
    return sum(1 for _ in iter_records(lines, extract_format, strict=False))


class ByteColumn:
    """The bytes of a text as a column, for fast counts."""

    def __init__(self, content: bytes) -> None:
        buffers = [None, pa.py_buffer(content)]
        self._column = pl.Series(pa.Array.from_buffers(pa.uint8(), len(content), buffers), dtype=pl.UInt8)

    def count(self, mark: bytes, start: int = 0, end: int | None = None) -> int:
        """Return how often a character of one byte occurs between two positions."""
        return int((self._column[start:end] == ord(mark)).sum())

    def bytes_before(self, mark: bytes) -> pl.Series:
        """Return the byte before each such character, except at the very beginning."""
        return self._column[:-1].filter(self._column[1:] == ord(mark))

    def bytes_after(self, mark: bytes) -> pl.Series:
        """Return the byte after each such character, except at the very end."""
        return self._column[1:].filter(self._column[:-1] == ord(mark))


_BLOCK = 50_000


def parse_records(content: bytes, layout: CsvLayout, row: int) -> CellBlock:
    """Return the cells of records.

    Pure: pieces may be parsed in any order.

    Args:
        content: whole records in UTF-8.
        layout: of the file.
        row: number of the record before the first of them: ``last_row`` of the piece before.

    Raises:
        Fault: the quotes do not match, or a record is too wide.
    """
    body = _Body.from_content(content, layout, row)
    quote = layout.extract_format.quote.encode()
    return _parse_fast(body, content.count(quote) if quote else 0) or _parse_carefully(body)


def parse_plain_records(content: bytes, layout: CsvLayout, row: int, quote_count: int) -> CellBlock | None:
    """Return the cells of plain records, or None for others.

    In plain records every quote is at one end of a cell, so content with an even number of quotes ends outside of any.

    Args:
        content: in UTF-8.
        layout: of the file.
        row: number of the record before the first.
        quote_count: number of quotes in the content.
    """
    return _parse_fast(_Body.from_content(content, layout, row), quote_count)


@dataclass(frozen=True, slots=True)
class _Body:
    """Records to be parsed.

    Attributes:
        content: without the empty lines at its end.
        blank_line_count: number of those lines.
        layout: of the file.
        row: number of the record before the content.
    """

    content: bytes
    blank_line_count: int
    layout: CsvLayout
    row: int

    @classmethod
    def from_content(cls, content: bytes, layout: CsvLayout, row: int) -> "_Body":
        """Return a body without the empty lines at its end.

        Otherwise each of them would have to be distinguished from a short record.
        """
        mark, end, line_ends = layout.line_end.encode(), len(content), 0
        while end and content[end - 1 : end] == mark:
            end -= 2 if mark == b"\n" and content[end - 2 : end - 1] == b"\r" else 1
            line_ends += 1
        blank_line_count = line_ends - 1 if end and line_ends else line_ends
        text = content[:end] if blank_line_count else content
        # Polars drops an extra empty cell at the very end of a text, so a record too long by one would look right.
        text += mark if text.endswith(layout.extract_format.delimiter.encode()) else b""
        return cls(text, blank_line_count, layout, row)

    @property
    def width(self) -> int:
        """Number of columns of the header."""
        return len(self.layout.header)

    @property
    def is_open(self) -> bool:
        """Whether the last record has no line end."""
        return bool(self.content) and not self.content.endswith(self.layout.line_end.encode())

    def build_block(self, frame: pl.DataFrame, misshapen: pl.DataFrame, record_count: int) -> CellBlock:
        """Return the parsed cells as a block."""
        last_row = self.row + record_count + self.blank_line_count
        return CellBlock(self.layout.header, frame, misshapen, last_row, self.layout.header_row)


def _parse_fast(body: _Body, quote_count: int) -> CellBlock | None:
    """Return the cells by polars, or None if they may be wrong."""
    byte_column = ByteColumn(body.content)
    empty_quotes = _count_empty_quotes(body, byte_column, quote_count)
    returns = _count_returns(body, byte_column)
    if empty_quotes is None or returns is None:
        return None
    frame = _parse_with_polars(body)
    if frame is None:
        return None
    rows = frame.with_columns(pl.int_range(body.row + 1, body.row + 1 + pl.len(), dtype=pl.Int64).alias(ROW))
    is_empty = pl.all_horizontal(pl.col(frame.columns).is_null())
    has_gaps = all(column.null_count() for column in frame.iter_columns())
    gaps = frame.select(is_empty.sum()).item() if has_gaps else 0
    if gaps:
        rows = rows.filter(~is_empty)
    is_exact = not gaps and _accounts_for_every_byte(body, frame, byte_column, quote_count + returns)
    if not is_exact and not _counts_match(body, frame, rows, byte_column, gaps):
        return None
    return _null_empty_quotes(body, rows, empty_quotes, gaps)


def _count_empty_quotes(body: _Body, byte_column: ByteColumn, quote_count: int) -> int | None:
    """Return the number of cells ``""``, or None if quotes are irregular.

    They are regular if they open and close cells in turn: polars may lose any other quote. A CR after the second
    belongs to a line end only if ``_count_returns`` confirms it.
    """
    if not quote_count:
        return 0
    extract_format = body.layout.extract_format
    if (
        quote_count % 2
        or body.layout.line_end == "\r"
        or not (extract_format.quote + extract_format.delimiter).isascii()
    ):
        return None
    quote = extract_format.quote.encode()
    neighbours = [ord(extract_format.delimiter), ord("\n")]
    # A quote at the very beginning has no byte before it, and one at the very end has no byte after it.
    is_first = body.content.startswith(quote)
    bytes_before, bytes_after = byte_column.bytes_before(quote), byte_column.bytes_after(quote)
    opening, closing = bytes_before.gather_every(2, int(is_first)), bytes_after.gather_every(2, 1)
    if not (opening.is_in(neighbours).all() and closing.is_in([*neighbours, ord("\r")]).all()):
        return None
    return int((bytes_before.gather_every(2, 1 - is_first) == ord(quote)).sum())


def _count_returns(body: _Body, byte_column: ByteColumn) -> int | None:
    """Return the number of CRs before LF; None if one is elsewhere.

    Polars may lose a CR elsewhere. In a text whose lines end with CR, none is counted.
    """
    if body.layout.line_end == "\r" or b"\r" not in body.content:
        return 0
    bytes_after = byte_column.bytes_after(b"\r")
    return bytes_after.len() if (bytes_after == ord("\n")).all() and not body.content.endswith(b"\r") else None


def _accounts_for_every_byte(body: _Body, frame: pl.DataFrame, byte_column: ByteColumn, extra_bytes: int) -> bool:
    """Return whether cells, quotes, delimiters and line ends make up the text.

    Then the frame is exact: Polars rejects a record that is too long. A record that is too short and a quote within a
    cell each make the sum larger than the text is, and nothing makes it smaller.

    Args:
        body: that was parsed.
        frame: as parsed.
        byte_column: of the body.
        extra_bytes: number of quotes, and of CRs in line ends.
    """
    line_ends = byte_column.count(body.layout.line_end.encode())
    if line_ends + body.is_open != frame.height or len(body.content) >= _MAX_SUM_BYTES:
        return False
    cell_bytes = sum(frame.select(pl.all().str.len_bytes().sum()).row(0)) if frame.height else 0
    return cell_bytes + frame.height * (frame.width - 1) + extra_bytes + line_ends == len(body.content)


_MAX_SUM_BYTES = 2**32
"""Bytes: Polars adds up the lengths of cells in 32 bits."""


def _counts_match(body: _Body, frame: pl.DataFrame, rows: pl.DataFrame, byte_column: ByteColumn, gaps: int) -> bool:
    """Return whether quotes, line ends and delimiters outside cells add up.

    Args:
        body: that was parsed.
        frame: as parsed.
        rows: without empty lines.
        byte_column: of the body.
        gaps: number of empty lines.
    """
    extract_format, line_end = body.layout.extract_format, body.layout.line_end
    quote, delimiter = extract_format.quote, extract_format.delimiter
    cells = pl.col(frame.columns)
    has_quotes = bool(quote) and quote.encode() in body.content
    if has_quotes and frame.select(pl.any_horizontal(cells.str.contains(quote, literal=True).any())).item():
        return False
    marks = [delimiter, line_end]
    counts_in_cells = _count_inside_cells(frame, marks) if has_quotes else dict.fromkeys(marks, 0)
    if byte_column.count(line_end.encode()) + body.is_open - counts_in_cells[line_end] != frame.height:
        return False
    # Empty lines have no delimiters, or some: then only a last column without nulls is proof.
    if gaps:
        return rows.get_column(frame.columns[-1]).null_count() == 0
    delimiters = byte_column.count(delimiter.encode()) - counts_in_cells[delimiter]
    return delimiters == frame.height * (frame.width - 1)


def _null_empty_quotes(body: _Body, rows: pl.DataFrame, empty_quotes: int, gaps: int) -> CellBlock:
    """Return a block with cells ``""`` as null and emptied rows dropped.

    Args:
        body: that was parsed.
        rows: without empty lines.
        empty_quotes: number of cells ``""``.
        gaps: number of empty lines.
    """
    record_count = rows.height + gaps
    if empty_quotes:
        cells = pl.col(rows.columns[:-1])
        rows = rows.with_columns(pl.when(cells != "").then(cells))
        if body.width > 1:
            rows = rows.filter(~pl.all_horizontal(cells.is_null()))
    return body.build_block(rows, build_misshapen(), record_count)


def _parse_with_polars(body: _Body) -> pl.DataFrame | None:
    """Return the rows by polars, perhaps wrong, or None if it refuses."""
    schema = dict.fromkeys(map(str, range(body.width)), pl.String)
    extract_format = body.layout.extract_format
    if not body.content:
        return pl.DataFrame(schema=schema)
    if not (extract_format.delimiter + extract_format.quote).isascii():
        return None
    try:
        return pl.read_csv(
            body.content,
            separator=extract_format.delimiter,
            quote_char=extract_format.quote or None,
            eol_char=body.layout.line_end,
            has_header=False,
            schema=schema,
        )
    except pl.exceptions.PolarsError:
        return None


def _count_inside_cells(frame: pl.DataFrame, marks: list[str]) -> dict[str, int]:
    """Return how often each mark occurs inside cells, where it separates nothing."""
    return frame.select(
        pl.sum_horizontal(pl.all().str.count_matches(mark, literal=True).sum()).alias(mark) for mark in marks
    ).row(0, named=True)


def _parse_carefully(body: _Body) -> CellBlock:
    """Parse with the ``csv`` module, and return the cells."""
    content = body.content.decode()
    cr_substitute = find_unused_character(content)
    is_cr = body.layout.line_end == "\r"
    text = content.replace("\r", "\n") if is_cr else LONE_CR.sub(cr_substitute, content)
    row, width = body.row, body.width
    blocks: list[pl.DataFrame] = []
    misshapen: list[tuple[int, int]] = []
    records: list[list[str]] = []
    rows: list[int] = []
    try:
        parsed_records = iter_records(io.StringIO(text, newline="\n"), body.layout.extract_format)
        for row, record in enumerate(parsed_records, body.row + 1):
            if len(record) > MAX_COLUMNS:
                raise Fault(f"Row {row} has more than {MAX_COLUMNS:,} cells. Export the file again.", row)
            if _has_cell(record, width):
                records.append(record)
                rows.append(row)
                if len(record) != width:
                    misshapen.append((row, len(record)))
            if len(records) == _BLOCK:
                blocks.append(build_frame(records, rows, width))
                records, rows = [], []
    except csv.Error:
        raise Fault(
            f"From row {row + 1} on the quotes do not match, so that cells cannot be told apart. A quote inside a "
            "quoted cell is written twice; a quote that opens a cell must be closed.",
            row + 1,
        ) from None
    frame = pl.concat([*blocks, build_frame(records, rows, width)], how="diagonal")
    columns = [str(position) for position in range(frame.width - 1)]
    cell = pl.col(columns).str.replace_all("\n" if is_cr else cr_substitute, "\r", literal=True)
    cells = frame.select(pl.when(cell != "").then(cell), ROW)
    return body.build_block(cells, build_misshapen(misshapen), row - body.row)


def _has_cell(record: list[str], width: int) -> bool:
    """Return whether a record counts as a row of the table."""
    if width == 1:
        return bool(record)
    return any(record) and not (len(record) == 1 and record[0].isspace())
