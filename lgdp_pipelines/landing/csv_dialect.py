"""The dialect of CSV text, and where its header ends.

What belongs here: dialects, and the records before the first row of data. What does not: the data (``csv_cells``).
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.landing.cell_blocks import MOST_COLUMNS, filled_to_the_right, joined_header
from lgdp_pipelines.register.model.extract_format import Extract

LONE_CR = re.compile(r"\r(?!\n)")
_PRIVATE_USE = range(0xE000, 0xF8FF)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How CSV text is written.

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
    def of(cls, extract: Extract) -> "Dialect":
        """The declared one."""
        return cls(extract.delimiter, extract.quote, extract.preamble, extract.header_rows)

    @property
    def reader_arguments(self) -> dict[str, Any]:
        """For ``csv.reader``."""
        if self.quote:
            return {"delimiter": self.delimiter, "quotechar": self.quote}
        return {"delimiter": self.delimiter, "quotechar": None, "quoting": csv.QUOTE_NONE}


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the first row of data.

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


def line_end_of(content: bytes) -> str:
    """What ends the lines of a text: LF, unless it has none and has CR."""
    return "\n" if b"\n" in content or b"\r" not in content else "\r"


def is_blank(content: bytes) -> bool:
    """Whether a text has nothing but line ends."""
    # Most texts show it at once: stripping copies the whole of them.
    return not content[:64].strip(b"\r\n") and not content.strip(b"\r\n")


def unused_character(text: str) -> str:
    """A character that a text does not have, to stand in for one that a reader would misunderstand."""
    return next(chr(code) for code in _PRIVATE_USE if chr(code) not in text)


def read_head(content: bytes, dialect: Dialect) -> Head | Fault:
    """The header of CSV text in UTF-8, and where it ends.

    Args:
        content: the text, or as much of its beginning as holds the header.
        dialect: how it is written.
    """
    line_end = line_end_of(content)
    lines = _Lines(content, line_end)
    reader = csv.reader(lines, strict=True, **dialect.reader_arguments)
    wanted = dialect.preamble + dialect.header_rows
    records: list[list[str]] = []
    try:
        for record in reader:
            records.append([lines.as_sent(cell) for cell in record])
            if len(records) == wanted:
                break
    except csv.Error:
        row = len(records) + 1
        return Fault(f"From row {row} on the quotes do not match, so that the header cannot be read.", row)
    if len(records) < wanted:
        return Fault(
            f"The header should be in row {wanted}, and the file has fewer rows. Send it with its header and its rows."
        )
    lower = records[-1]
    header = tuple(lower) if dialect.header_rows == 1 else joined_header(filled_to_the_right(records[-2]), lower)
    if not header:
        return Fault(
            f"The header should be in row {wanted}, and that row is empty. Send the column names in it.", wanted
        )
    if len(header) > MOST_COLUMNS:
        return Fault(
            f"The header has {len(header):,} columns, and no table has more than {MOST_COLUMNS:,}. Export it again.",
            wanted,
        )
    return Head(header, lines.end, wanted, line_end)


@dataclass
class _Lines:
    """Lines one by one, so that it is known where the last one read has ended.

    ``csv`` takes a lone CR for a line end; another character stands in for it.
    """

    content: bytes
    line_end: str
    end: int = 0
    stand_in: str = field(default="", init=False)

    def __iter__(self) -> Iterator[str]:
        mark = self.line_end.encode()
        while self.end < len(self.content):
            found = self.content.find(mark, self.end)
            start, self.end = self.end, found + 1 if found >= 0 else len(self.content)
            line = self.content[start : self.end].decode()
            if self.line_end == "\r":
                line = line.replace("\r", "\n")
            elif LONE_CR.search(line):
                self.stand_in = self.stand_in or unused_character(self.content.decode())
                line = LONE_CR.sub(self.stand_in, line)
            yield line

    def as_sent(self, cell: str) -> str:
        """A cell with the line ends that the text has."""
        if self.line_end == "\r":
            return cell.replace("\n", "\r")
        return cell.replace(self.stand_in, "\r") if self.stand_in else cell


def row_after(text: str, dialect: Dialect) -> int:
    """The row in which a text breaks off."""
    lines = io.StringIO(LONE_CR.sub(" ", text) + ".", newline="\n")
    return sum(1 for _ in csv.reader(lines, **dialect.reader_arguments))
