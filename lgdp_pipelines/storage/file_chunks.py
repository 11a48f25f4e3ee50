"""A Delta table's files as pieces of a slice, so that a large one is read file by file.

What belongs here: one file. What does not: which files a slice has (``lake``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from lgdp_pipelines.handover.column_types import arrow_to_frame


@dataclass(frozen=True)
class FilePart:
    """A file's rows of a slice.

    Attributes:
        fragment: the file.
        schema: of the table, columns that it is cut by among them.
        chosen: which rows are of the slice.
    """

    fragment: ds.Fragment
    schema: pa.Schema
    chosen: pc.Expression

    @property
    def height(self) -> int:
        """How many there are."""
        return int(self.fragment.scanner(schema=self.schema, filter=self.chosen).count_rows())

    def read(self, columns: Sequence[str] | None) -> pl.DataFrame:
        """Them, with these columns; None: with all."""
        chosen = None if columns is None else list(columns)
        return arrow_to_frame(self.fragment.to_table(schema=self.schema, columns=chosen, filter=self.chosen))

    def dataset(self, columns: Sequence[str]) -> ds.Dataset:
        """Them, with these columns, for DuckDB to read as often as it wants."""
        return ds.dataset(self.fragment.to_table(schema=self.schema, columns=list(columns), filter=self.chosen))
