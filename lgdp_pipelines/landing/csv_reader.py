"""A CSV file in pieces, cut at ends of records, so that its size does not matter.

A file read piece by piece gives the same cells, rows and faults as one read whole. An ordinary file is one piece.
Belongs here: dividing a file into pieces. Belongs elsewhere: the cells of a piece (``csv_parser``).
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.handover.prefetch import Prefetch
from lgdp_pipelines.landing.cell_block import CellBlock
from lgdp_pipelines.landing.csv_parser import (
    ByteColumn,
    CsvLayout,
    find_last_row,
    is_blank,
    parse_plain_records,
    parse_records,
    read_layout,
)
from lgdp_pipelines.landing.text_decoding import DecodingFault, iter_utf8_blocks
from lgdp_pipelines.register.model.extract_format import ExtractFormat

MAX_RECORD_BYTES = 64 * 1024**2
"""Bytes: if no record has ended by then, a quote was left open, or the file is not CSV."""


def read_csv(file: BinaryIO, extract_format: ExtractFormat) -> Iterator[CellBlock]:
    """Yield the cells of a CSV file in blocks, at least one.

    Args:
        file: open for reading, at its beginning.
        extract_format: as declared.

    Raises:
        Fault: the file, or the rest of it, cannot be read.
    """
    text = _TextBuffer(iter_utf8_blocks(file, extract_format.encoding))
    while not _has_header(text.content, extract_format) and len(text.content) <= MAX_RECORD_BYTES and text.grow():
        pass
    text.check_decoding(0, extract_format)
    if text.is_complete and is_blank(text.content):
        raise Fault("The file is empty. Send it with its header row and its rows.")
    layout = read_layout(text.content, extract_format)
    text.content = text.content[layout.header_end :]
    yield from _read_rows(text, layout)


def _read_rows(text: "_TextBuffer", layout: CsvLayout) -> Iterator[CellBlock]:
    """Yield the blocks below a header.

    While they are plain, the next is cut meanwhile. A complete text needs no thread for that.
    """
    row = layout.header_row
    if not text.is_complete:
        with Prefetch(_iter_even_chunks(text, layout)) as pieces:
            for content, quote_count in pieces:
                block = parse_plain_records(content, layout, row, quote_count)
                if block is None:
                    text.content = b"".join(
                        [content, *(content for content, _ in pieces.peek_prepared()), text.content]
                    )
                    break
                yield block
                row = block.last_row
    while text.decoding_fault is None and not text.is_complete:
        block, end = _parse_first(text.content, layout, row)
        if block is not None:
            yield block
            text.content, row = text.content[end:], block.last_row
        elif len(text.content) > MAX_RECORD_BYTES:
            raise Fault(
                f"Row {row + 1} does not end, so that cells cannot be told apart. A quote that opens a cell must be "
                "closed.",
                row + 1,
            )
        text.grow()
    text.check_decoding(row, layout.extract_format)
    yield parse_records(text.content, layout, row)


class _TextBuffer:
    """The part of a text that was read and not parsed yet.

    Args:
        blocks: of the text.

    Attributes:
        content: text to be parsed.
        decoding_fault: the reason why the rest cannot be read; None while it can.
    """

    def __init__(self, blocks: Iterator[bytes | DecodingFault]) -> None:
        self._blocks = blocks
        self._next_block = next(blocks, None)
        self.content = b""
        self.decoding_fault: DecodingFault | None = None
        self.grow()

    @property
    def is_complete(self) -> bool:
        """Whether no block follows."""
        return self._next_block is None

    def grow(self) -> bool:
        """Add the next block, and return whether it was text."""
        block = self._next_block
        if isinstance(block, DecodingFault):
            self.decoding_fault = block
        elif block is not None:
            self.content = self.content + block if self.content else block
        self._next_block = next(self._blocks, None)
        return isinstance(block, bytes)

    def check_decoding(self, row: int, extract_format: ExtractFormat) -> None:
        """Raise the decoding fault, if any, with its row.

        Args:
            row: number of the record before the content.
            extract_format: as declared.

        Raises:
            Fault: the text breaks off.
        """
        if self.decoding_fault is not None:
            text = self.content.decode() + self.decoding_fault.before
            raise Fault(self.decoding_fault.message, row + find_last_row(text, extract_format))


def _has_header(content: bytes, extract_format: ExtractFormat) -> bool:
    """Return whether a beginning holds the header, and shows the line end."""
    is_readable = b"\n" in content and not is_blank(content)
    return is_readable and _record_pattern(extract_format, "\n", extract_format.header_row).match(content) is not None


def _parse_first(content: bytes, layout: CsvLayout, row: int) -> tuple[CellBlock | None, int]:
    """Return cells and end of a text's whole records; None without any."""
    quote, line_end = layout.extract_format.quote.encode(), layout.line_end.encode()
    end, quote_count = _find_even_end(content, quote, line_end)
    block = parse_plain_records(content[:end], layout, row, quote_count) if end else None
    if block is not None:
        return block, end
    end = _find_record_end(_record_pattern(layout.extract_format, layout.line_end), content, quote, line_end)
    return (parse_records(content[:end], layout, row) if end else None), end


def _iter_even_chunks(text: _TextBuffer, layout: CsvLayout) -> Iterator[tuple[bytes, int]]:
    """Take chunks with even quote counts from the text, and yield both.

    The last chunk is not among them: it stays in the text.
    """
    quote, line_end = layout.extract_format.quote.encode(), layout.line_end.encode()
    while not text.is_complete and text.decoding_fault is None:
        end, quote_count = _find_even_end(text.content, quote, line_end)
        if not end:
            return
        piece, text.content = text.content[:end], text.content[end:]
        text.grow()
        yield piece, quote_count


def _find_even_end(content: bytes, quote: bytes, line_end: bytes) -> tuple[int, int]:
    """Return the last line end after an even quote count, and count.

    If every quote is at one end of a cell, that is the end of a record. Both are 0 if no line end near the end is.
    """
    end = content.rfind(line_end) + 1
    if not quote:
        return end, 0
    quote_count = ByteColumn(content).count(quote, 0, end) if quote.isascii() else content.count(quote, 0, end)
    for _ in range(_MAX_LINES_IN_A_CELL):
        if quote_count % 2 == 0:
            return end, quote_count
        earlier = content.rfind(line_end, 0, end - 1) + 1 if end else 0
        quote_count, end = quote_count - content.count(quote, earlier, end), earlier
    return 0, 0


_MAX_LINES_IN_A_CELL = 100
"""Number of lines searched backwards for a line that ends outside of quotes."""


def _find_record_end(records: re.Pattern[bytes], content: bytes, quote: bytes, line_end: bytes) -> int:
    """Return the end of the last whole record, or 0."""
    if not quote or quote not in content:
        return content.rfind(line_end) + 1
    match = records.match(content)
    return match.end() if match is not None else 0


@lru_cache(maxsize=64)
def _record_pattern(extract_format: ExtractFormat, line_end: str, count: int = 0) -> re.Pattern[bytes]:
    """Return a pattern of whole records, in a given or any number.

    A quote opens a cell only where the cell begins; anywhere else it is a character like any other, as it is to
    ``csv``. No part of the expression is ever tried twice, so matching takes time in proportion to the text's length.
    """
    mark, delimiter = re.escape(line_end.encode()), re.escape(extract_format.delimiter.encode())
    times = b"{%d}+" % count if count else b"*+"
    if not extract_format.quote:
        return re.compile(b"(?:[^%b]*+%b)%b" % (mark, mark, times))
    quote = re.escape(extract_format.quote.encode())
    cell_start = b"(?:\\A|(?<=%b)|(?<=%b))" % (delimiter, mark)
    inner_quote = b"(?!\\A)(?<!%b)(?<!%b)%b" % (delimiter, mark, quote)
    is_multibyte = len(extract_format.quote.encode()) > 1
    plain = b"(?:(?!%b|%b).)++" % (quote, mark) if is_multibyte else b"[^%b%b]++" % (quote, mark)
    quoted_text = b"(?:(?!%b).)++" % quote if is_multibyte else b"[^%b]++" % quote
    quoted = b"%b%b(?:%b|%b%b)*+%b" % (cell_start, quote, quoted_text, quote, quote, quote)
    return re.compile(b"(?:(?:%b|%b|%b)*+%b)%b" % (plain, quoted, inner_quote, mark, times), re.DOTALL)
