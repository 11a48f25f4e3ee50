"""Extract readings: the files that landing receives, and the tables of text that it returns.

Belongs here: records that readers and their callers share. Belongs elsewhere: reading (``landing``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.handover.judgement_values import RuleOutcome


@dataclass(frozen=True, slots=True)
class ExtractFile:
    """One file or response of a submission.

    Attributes:
        name: given by the sender.
        content: its bytes, or their path.
        table: name of its table, if the source gives one; None: by file name, or the contract's only table.
    """

    name: str
    content: bytes | Path
    table: str | None = None

    def open(self) -> BinaryIO:
        """Open the content for reading; the caller closes it."""
        return BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb")

    def read_bytes(self) -> bytes:
        """Return the content."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


@dataclass(eq=False)
class Fault(Exception):
    """An extract, or the rest of it, cannot be read.

    Attributes:
        message: the fault and its remedy, without any text of the extract.
        row: of the fault; None if it has no row.
        sheet: of the workbook; None for other formats and for the workbook itself.
    """

    message: str
    row: int | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class Reading:
    """An extract as tables of text.

    Attributes:
        tables: by table name: a string column for each item of the contract, by the item's name, null if the cell
            is empty or missing; ``_unmapped`` (string); ``_row`` (int64). Empty if the extract cannot be read;
            without the optional tables that were not sent.
        findings: frame of ``FINDING_SCHEMA``.
        outcomes: an outcome for each rule that landing tests.
        unreadable_reason: the reason, for people, why the extract cannot be judged; None if it can.
        headers: by table name and item name, the header (or key, or path) in the file; without items that are
            missing there.
        sheets: by table name, the sheet of the workbook; empty for other formats.
        unlisted_rows: by table name, ``_row`` of the misshapen rows beyond those that findings list.
    """

    tables: Mapping[str, ChunkedFrame]
    findings: pl.DataFrame
    outcomes: tuple[RuleOutcome, ...]
    unreadable_reason: str | None = None
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    sheets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    unlisted_rows: Mapping[str, pl.Series] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def rows(self) -> int:
        """Number of rows over all tables."""
        return sum(table.height for table in self.tables.values())
