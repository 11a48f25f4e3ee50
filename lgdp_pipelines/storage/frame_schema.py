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


@dataclass(frozen=True)
class Frames:
    """Rows that come frame by frame, from the beginning each time that they are asked for.

    A write that meets another writer is made again, so that a reader that can be read once is not enough.

    Attributes:
        schema: columns of every frame.
        again: gives the frames.
    """

    schema: pl.Schema
    again: Callable[[], Iterator[pl.DataFrame]]

    def each(self, change: Callable[[pl.DataFrame], pl.DataFrame], schema: pl.Schema | None = None) -> "Frames":
        """The same with each frame changed, or looked at, on its way.

        Args:
            change: gives what takes the place of a frame.
            schema: of what it gives; None: as before.
        """
        return Frames(schema or self.schema, lambda: map(change, self.again()))


Rows: TypeAlias = pl.DataFrame | pa.Table | Frames
"""Rows to be written."""


def frames(rows: Rows) -> Frames:
    """Rows frame by frame."""
    if isinstance(rows, Frames):
        return rows
    frame = frame_of(rows) if isinstance(rows, pa.Table) else rows
    return Frames(frame.schema, lambda: iter([frame]))


def frame_of(rows: pa.Table) -> pl.DataFrame:
    """An Arrow table as a frame."""
    frame = pl.from_arrow(rows)
    if not isinstance(frame, pl.DataFrame):  # pragma: no cover - a table always gives a frame
        raise TypeError(type(frame).__name__)
    return frame


def frame_schema_of(schema: pa.Schema) -> pl.Schema:
    """Arrow's columns in a frame's types."""
    return frame_of(schema.empty_table()).schema


def arrow_schema_of(schema: pl.Schema) -> pa.Schema:
    """A frame's columns in Arrow's types, text as ``string``."""
    found = pl.DataFrame(schema=schema).to_arrow(compat_level=_OLDEST).schema
    return pa.schema([pa.field(field.name, plain(field.type)) for field in found])


MOST_TEXT = 2**31 - 1
"""So many bytes a batch may have in a column of ``string``."""


def as_arrow(frame: pl.DataFrame, schema: pa.Schema, most: int = MOST_TEXT) -> pa.Table:
    """A frame's columns of a schema, in its order and types.

    Args:
        frame: with the columns of the schema.
        schema: wanted; text as ``string``.
        most: bytes of a frame that become one batch; Arrow does not notice by itself where text no longer fits.

    Raises:
        pyarrow.ArrowInvalid: a value is none of its column's type.
    """
    if frame.height > 1 and frame.estimated_size() > most:
        half = frame.height // 2
        return pa.concat_tables(as_arrow(part, schema, most) for part in (frame[:half], frame[half:]))
    return frame.select(schema.names).to_arrow(compat_level=_OLDEST).cast(schema)


_OLDEST = pl.CompatLevel.oldest()


def plain(kind: pa.DataType) -> pa.DataType:
    """A type whatever its layout, and that of what it holds."""
    if pa.types.is_map(kind):
        return pa.map_(plain(kind.key_type), plain(kind.item_type))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(plain(field.type)) for field in kind])
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    return kind


def refuse_differences(found: pa.Schema, wanted: pa.Schema, *, where: str) -> None:
    """Compare names, types and order. Nullability and metadata do not matter.

    Raises:
        SchemaMismatch: with everything that differs.
    """
    types = {field.name: field.type for field in wanted}
    missing = [name for name in types if name not in found.names]
    unknown = [name for name in found.names if name not in types]
    differing = [
        f"{field.name} is {plain(field.type)}, not {types[field.name]}"
        for field in found
        if field.name in types and plain(field.type) != plain(types[field.name])
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


def alike(rows: Frames, *, where: str) -> Frames:
    """The same rows; a frame that has other columns than are said of all is refused when its turn comes."""

    def proved(frame: pl.DataFrame) -> pl.DataFrame:
        if frame.schema != rows.schema:
            refuse_differences(arrow_schema_of(frame.schema), arrow_schema_of(rows.schema), where=where)
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
