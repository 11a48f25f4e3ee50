"""Whether rows are shaped exactly as a table is. Delta Lake would cast them without a word.

Rows are Polars' frames on their way; where Arrow is wanted, text is laid out as ``string``, as Delta Lake's own types
are. Never as ``string_view``, although Polars would give that for nothing: its name is kept in a Parquet file, and
pyarrow then cannot filter what it reads. What belongs here: comparing columns. What does not: changing a value.
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
    """Rows that come frame by frame, from the beginning each time that they are asked for.

    A write that meets another writer is made again, so that a reader that can be read once is not enough.

    Attributes:
        schema: columns of every frame.
        again: gives the frames.
    """

    schema: pl.Schema
    again: Callable[[], Iterator[pl.DataFrame]]

    def each(self, change: Callable[[pl.DataFrame], pl.DataFrame], schema: pl.Schema | None = None) -> "FrameSource":
        """The same with each frame changed, or looked at, on its way.

        Args:
            change: gives what takes the place of a frame.
            schema: of what it gives; None: as before.
        """
        return FrameSource(schema or self.schema, lambda: map(change, self.again()))


Rows: TypeAlias = pl.DataFrame | pa.Table | FrameSource
"""Rows to be written."""


def frames(rows: Rows) -> FrameSource:
    """Rows frame by frame."""
    if isinstance(rows, FrameSource):
        return rows
    frame = arrow_to_frame(rows) if isinstance(rows, pa.Table) else rows
    return FrameSource(frame.schema, lambda: iter([frame]))


def refuse_differences(found: pa.Schema, wanted: pa.Schema, *, where: str) -> None:
    """Compare names, types and order. Nullability and metadata do not matter.

    Raises:
        SchemaMismatch: with everything that differs.
    """
    types = {field.name: field.type for field in wanted}
    missing = [name for name in types if name not in found.names]
    unknown = [name for name in found.names if name not in types]
    differing = [
        f"{field.name} is {plain_type(field.type)}, not {types[field.name]}"
        for field in found
        if field.name in types and plain_type(field.type) != plain_type(types[field.name])
    ]
    said = [f"{', '.join(missing)} missing"] if missing else []
    said += [f"{', '.join(unknown)} unknown"] if unknown else []
    said += differing
    if not said and found.names != wanted.names:
        said = ["the columns are in another order"]
    if said:
        raise SchemaMismatch(
            f"The rows are not shaped as the table is: {'; '.join(said)}.",
            where=where,
            remedy="Nothing was written. A change of type, grain or key is a major version of the contract, "
            "and a table of its own.",
        )


def alike(rows: FrameSource, *, where: str) -> FrameSource:
    """The same rows; a frame that has other columns than are said of all is refused when its turn comes."""

    def proved(frame: pl.DataFrame) -> pl.DataFrame:
        if frame.schema != rows.schema:
            refuse_differences(polars_to_arrow_schema(frame.schema), polars_to_arrow_schema(rows.schema), where=where)
        return frame

    return rows.each(proved)


def refuse_strangers(rows: pl.DataFrame, allowed: Mapping[str, str | Sequence[str] | None], *, where: str) -> None:
    """Make sure that no row lies outside the slice that it is to replace.

    Raises:
        StorageError: some do. Their values are not repeated.
    """
    for column, values in allowed.items():
        if column not in rows.columns:
            raise SchemaMismatch(f"The slice is named by {column}, which the rows do not have.", where=where)
        text = pl.col(column).cast(pl.String)
        is_inside = text.is_null() if values is None else text.is_in([values] if isinstance(values, str) else values)
        if not rows.select(is_inside.fill_null(value=False).all()).item():
            raise StorageError(
                f"Some rows have another {column} than the slice they are to replace.",
                where=where,
                remedy="Nothing was written. Write each slice's own rows.",
            )
