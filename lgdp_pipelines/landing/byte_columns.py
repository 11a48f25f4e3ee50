"""The bytes of a text as a column of numbers, so that they are counted and compared many at a time.

What belongs here: what stands where. What does not: what it means for a file (``csv_cells``, ``csv_pieces``).
"""

from dataclasses import dataclass

import polars as pl
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Octets:
    """The bytes of a text, which are not copied.

    Attributes:
        column: a UInt8 for each.
    """

    column: pl.Series

    @classmethod
    def of(cls, content: bytes) -> "Octets":
        """All of a text."""
        buffer = pa.py_buffer(content)
        return cls(pl.Series(pa.Array.from_buffers(pa.uint8(), len(content), [None, buffer]), dtype=pl.UInt8))

    def count(self, mark: bytes, start: int = 0, end: int | None = None) -> int:
        """How often a character of one byte stands between two places."""
        return int((self.column[start:end] == ord(mark)).sum())

    def before(self, mark: bytes) -> pl.Series:
        """The byte before each such character, except one that stands first of all."""
        return self.column[:-1].filter(self.column[1:] == ord(mark))

    def after(self, mark: bytes) -> pl.Series:
        """The byte after each such character, except one that stands last of all."""
        return self.column[1:].filter(self.column[:-1] == ord(mark))
