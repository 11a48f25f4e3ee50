"""A CSV file in pieces, cut at ends of records, so that its size does not matter.

Read piece by piece, a file gives the same cells, rows and faults as read whole. An ordinary file is one piece. Belongs
here: where a file may be cut. Belongs elsewhere: the cells of a piece (``csv_cells``).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.handover.prefetch import Prefetch
from lgdp_pipelines.landing.cell_block import CellBlock
from lgdp_pipelines.landing.csv_parser import (
    ByteColumn,
    CsvHeader,
    Dialect,
    find_last_row,
    find_line_end,
    is_blank,
    parse_plain_records,
    parse_records,
    read_header,
)
from lgdp_pipelines.landing.text_decoding import DecodingFault, iter_utf8_blocks

MAX_RECORD_BYTES = 64 * 1024**2
"""Bytes: where no record has ended by then, a quote was left open, or it is no CSV file."""

_EMPTY = Fault("The file is empty. Send it with its header row and its rows.")


def read_csv(file: BinaryIO, encoding: str, dialect: Dialect) -> Iterator[CellBlock | Fault]:
    """Yield the cells of a CSV file in blocks, at least one.

    A fault is the last.

    Args:
        file: open for reading, at its beginning.
        encoding: Python's name of the declared one.
        dialect: how the file is written.
    """
    text = _TextBuffer.from_blocks(iter_utf8_blocks(file, encoding))
    while not _has_header(text.content, dialect) and len(text.content) <= MAX_RECORD_BYTES and text.grow():
        pass
    fault = text.fault(0, dialect)
    if fault is not None:
        yield fault
        return
    if text.is_whole and is_blank(text.content):
        yield _EMPTY
        return
    head = read_header(text.content, dialect)
    if isinstance(head, Fault):
        yield head
        return
    text.content = text.content[head.end :]
    yield from _read_rows(text, dialect, head)


def _read_rows(text: "_TextBuffer", dialect: Dialect, head: CsvHeader) -> Iterator[CellBlock | Fault]:
    """Yield the blocks below a header.

    While they are plain, the next is cut meanwhile.
    """
    row = head.row
    if text.is_whole:
        yield from _read_remaining(text, dialect, head, row)
        return
    with Prefetch(_iter_even_chunks(text, dialect, head)) as pieces:
        for content, quotes in pieces:
            plain = parse_plain_records(content, dialect, head, row, quotes)
            if plain is None:
                cut = [content, *(content for content, _ in pieces.stop())]
                text.content = b"".join([*cut, text.content])
                break
            yield plain
            row = plain.last_row
    yield from _read_remaining(text, dialect, head, row)


def _read_remaining(text: "_TextBuffer", dialect: Dialect, head: CsvHeader, row: int) -> Iterator[CellBlock | Fault]:
    """Yield the blocks of the remaining text, at least one."""
    while text.decoding_fault is None and not text.is_whole:
        piece, end = _parse_first(text.content, dialect, head, row)
        if piece is not None:
            yield piece
            if isinstance(piece, Fault):
                return
            text.content, row = text.content[end:], piece.last_row
        elif len(text.content) > MAX_RECORD_BYTES:
            yield Fault(
                f"Row {row + 1} does not end, so that cells cannot be told apart. A quote that opens a cell must be "
                "closed.",
                row + 1,
            )
            return
        text.grow()
    yield text.fault(row, dialect) or parse_records(text.content, dialect, head, row)


@dataclass
class _TextBuffer:
    """The part of a text that was requested and not parsed yet.

    Attributes:
        blocks: what follows.
        content: what has been asked for.
        next_block: the block that comes next; None where none does.
        decoding_fault: why nothing more can be had.
    """

    blocks: Iterator[bytes | DecodingFault]
    content: bytes
    next_block: bytes | DecodingFault | None
    decoding_fault: DecodingFault | None = None

    @classmethod
    def from_blocks(cls, blocks: Iterator[bytes | DecodingFault]) -> "_TextBuffer":
        """Return a buffer that holds the first block."""
        text = cls(blocks, b"", next(blocks, None))
        text.grow()
        return text

    @property
    def is_whole(self) -> bool:
        """Return whether no block follows."""
        return self.next_block is None

    def grow(self) -> bool:
        """Add the next block, and return whether there was a block of text."""
        block = self.next_block
        if isinstance(block, DecodingFault):
            self.decoding_fault = block
        elif block is not None:
            self.content = self.content + block if self.content else block
        self.next_block = next(self.blocks, None)
        return isinstance(block, bytes)

    def fault(self, row: int, dialect: Dialect) -> Fault | None:
        """Return where the text breaks off, after a number of records.

        None where it does not.
        """
        if self.decoding_fault is None:
            return None
        return Fault(
            self.decoding_fault.message,
            row + find_last_row(self.content.decode() + self.decoding_fault.before, dialect),
        )


def _has_header(content: bytes, dialect: Dialect) -> bool:
    """Return whether a beginning holds the whole header, and shows how lines end."""
    if b"\n" not in content or is_blank(content):
        return False
    line_count = dialect.preamble + dialect.header_rows
    return _record_pattern(dialect, find_line_end(content), line_count).match(content) is not None


def _parse_first(content: bytes, dialect: Dialect, head: CsvHeader, row: int) -> tuple[CellBlock | Fault | None, int]:
    """Parse as many whole records as a text has, and return them and their end."""
    quote, line_end = dialect.quote.encode(), head.line_end.encode()
    end, quotes = _find_even_end(content, quote, line_end)
    plain = parse_plain_records(content[:end], dialect, head, row, quotes) if end else None
    if plain is not None:
        return plain, end
    end = _find_record_end(_record_pattern(dialect, head.line_end), content, quote, line_end)
    return (parse_records(content[:end], dialect, head, row) if end else None), end


def _iter_even_chunks(text: "_TextBuffer", dialect: Dialect, head: CsvHeader) -> Iterator[tuple[bytes, int]]:
    """Yield chunks that are whole records if plain, with their number of quotes.

    Never the last. What is left of it afterwards begins behind them.
    """
    quote, line_end = dialect.quote.encode(), head.line_end.encode()
    while not text.is_whole and text.decoding_fault is None:
        end, quotes = _find_even_end(text.content, quote, line_end)
        if not end:
            return
        piece, text.content = text.content[:end], text.content[end:]
        text.grow()
        yield piece, quotes


def _find_even_end(content: bytes, quote: bytes, line_end: bytes) -> tuple[int, int]:
    """Return the last line end after an even number of quotes, and that number.

    Where every quote stands around a cell, that is the end of a record.
    """
    end = content.rfind(line_end) + 1
    if not quote:
        return end, 0
    before = ByteColumn.from_bytes(content).count(quote, 0, end) if quote.isascii() else content.count(quote, 0, end)
    for _ in range(_MAX_LINES_IN_A_CELL):
        if before % 2 == 0:
            return end, before
        earlier = content.rfind(line_end, 0, end - 1) + 1 if end else 0
        before, end = before - content.count(quote, earlier, end), earlier
    return 0, 0


_MAX_LINES_IN_A_CELL = 100
"""So many lines are looked at for one that ends outside of quotes."""


def _find_record_end(records: re.Pattern[bytes], content: bytes, quote: bytes, line_end: bytes) -> int:
    """Return the end of the last whole record; 0 where there is none."""
    if not quote or quote not in content:
        return content.rfind(line_end) + 1
    match = records.match(content)
    return match.end() if match is not None else 0


@lru_cache(maxsize=64)
def _record_pattern(dialect: Dialect, line_end: str, count: int = 0) -> re.Pattern[bytes]:
    """Return a pattern of whole records, as many as there are, or a given number.

    A quote opens a cell only where the cell begins; anywhere else it is a character like any other, as it is to
    ``csv``. No part of the expression is ever tried twice, so it takes as long as the text is long, whatever it holds.
    """
    mark, delimiter = re.escape(line_end.encode()), re.escape(dialect.delimiter.encode())
    times = b"{%d}+" % count if count else b"*+"
    if not dialect.quote:
        return re.compile(b"(?:[^%b]*+%b)%b" % (mark, mark, times))
    quote = re.escape(dialect.quote.encode())
    before = b"(?:\\A|(?<=%b)|(?<=%b))" % (delimiter, mark)
    elsewhere = b"(?!\\A)(?<!%b)(?<!%b)%b" % (delimiter, mark, quote)
    others = b"(?:(?!%b|%b).)++" % (quote, mark) if len(dialect.quote.encode()) > 1 else b"[^%b%b]++" % (quote, mark)
    inside = b"(?:(?!%b).)++" % quote if len(dialect.quote.encode()) > 1 else b"[^%b]++" % quote
    quoted = b"%b%b(?:%b|%b%b)*+%b" % (before, quote, inside, quote, quote, quote)
    return re.compile(b"(?:(?:%b|%b|%b)*+%b)%b" % (others, quoted, elsewhere, mark, times), re.DOTALL)
