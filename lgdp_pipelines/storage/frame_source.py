"""Frame sources: rows to be written, frame by frame, and the checks that Delta Lake omits.

Delta Lake casts rows to the table's types without a word, so names, types and order are compared before each write.
Belongs here: rows to be written to a table, and those checks. Belongs elsewhere: changing a value, and the table's own
schema (``delta_schema``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl
import pyarrow as pa

from lgdp_pipelines.errors import SchemaMismatch, StorageError
from lgdp_pipelines.handover.column_types import arrow_to_frame, plain_type, polars_to_arrow_schema


@dataclass(frozen=True)
class FrameSource:
    """Rows that can be read repeatedly, frame by frame.

    A write that conflicts with another reads them again.

    Attributes:
        schema: columns of every frame.
        frames: returns the frames, from the first.
    """

    schema: pl.Schema
    frames: Callable[[], Iterator[pl.DataFrame]]

    def map(self, function: Callable[[pl.DataFrame], pl.DataFrame], schema: pl.Schema | None = None) -> "FrameSource":
        """Return a source with the result of a function for each frame.

        Args:
            function: called when the frame is requested.
            schema: of its results; None: the same.
        """
        return FrameSource(schema or self.schema, lambda: map(function, self.frames()))


Rows: TypeAlias = pl.DataFrame | pa.Table | FrameSource
"""Rows to be written."""


def to_frame_source(rows: Rows) -> FrameSource:
    """Return rows as a frame source."""
    if isinstance(rows, FrameSource):
        return rows
    frame = arrow_to_frame(rows) if isinstance(rows, pa.Table) else rows
    return FrameSource(frame.schema, lambda: iter([frame]))


def check_schema(rows: pa.Schema, table: pa.Schema, *, table_name: str) -> None:
    """Check that rows have the names, types and order of columns.

    Raises:
        SchemaMismatch: lists every difference.
    """
    types = {field.name: field.type for field in table}
    missing = [name for name in types if name not in rows.names]
    unknown = [name for name in rows.names if name not in types]
    differences = [f"{', '.join(missing)} missing"] if missing else []
    differences += [f"{', '.join(unknown)} unknown"] if unknown else []
    differences += [
        f"{field.name} is {plain_type(field.type)}, not {types[field.name]}"
        for field in rows
        if field.name in types and plain_type(field.type) != plain_type(types[field.name])
    ]
    if not differences and rows.names != table.names:
        differences = ["the columns are in another order"]
    if differences:
        raise SchemaMismatch(
            f"The columns of the rows differ from those of the table: {'; '.join(differences)}.",
            where=table_name,
            remedy="Nothing was written. A change of type, grain or key is a major version of the contract, "
            "and a table of its own.",
        )


def check_each_frame(rows: FrameSource, *, table_name: str) -> FrameSource:
    """Return the rows, with each frame's schema checked as it is read."""

    def check(frame: pl.DataFrame) -> pl.DataFrame:
        """Return a frame after checking its columns."""
        if frame.schema != rows.schema:
            check_schema(
                polars_to_arrow_schema(frame.schema), polars_to_arrow_schema(rows.schema), table_name=table_name
            )
        return frame

    return rows.map(check)


def check_slice(
    rows: pl.DataFrame, where: Mapping[str, str | Sequence[str] | None], *, table_name: str
) -> pl.DataFrame:
    """Return the rows if they all lie in a slice; else raise.

    Raises:
        StorageError: some do not; their values are not repeated.
    """
    for column, values in where.items():
        if column not in rows.columns:
            raise SchemaMismatch(f"The rows lack the column {column}, by which their slice is named.", where=table_name)
        text = pl.col(column).cast(pl.String)
        is_inside = text.is_null() if values is None else text.is_in([values] if isinstance(values, str) else values)
        if not rows.select(is_inside.fill_null(value=False).all()).item():
            raise StorageError(
                f"Some rows have another {column} than the slice they are to replace.",
                where=table_name,
                remedy="Nothing was written. Write each slice's own rows.",
            )
    return rows
