"""Whether rows are shaped exactly as a table is. Delta Lake would cast them without a word.

Text may come as ``string`` or ``large_string``: they hold the same, and Delta Lake takes either as it is. Here it is
laid out as ``string``, which costs the least to write and holds two gibibytes a batch. Never as ``string_view``,
although Polars would give that for nothing: its name is kept in the Parquet file, and pyarrow then cannot filter what
it reads. What belongs here: comparing columns. What does not: changing a value.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from lgdp_pipelines.errors import SchemaMismatch, StorageError


@dataclass(frozen=True)
class Batches:
    """Rows that come batch by batch, from the beginning each time that they are asked for.

    A write that meets another writer is made again, so that a reader that can be read once is not enough.

    Attributes:
        schema: columns of every batch, to the layout of text.
        again: gives the batches.
    """

    schema: pa.Schema
    again: Callable[[], Iterator[pa.RecordBatch]]

    def each(self, change: Callable[[pa.RecordBatch], pa.RecordBatch], schema: pa.Schema | None = None) -> "Batches":
        """The same with each batch changed, or looked at, on its way.

        Args:
            change: gives what takes the place of a batch.
            schema: of what it gives; None: as before.
        """
        return Batches(schema or self.schema, lambda: map(change, self.again()))


Rows: TypeAlias = pl.DataFrame | pa.Table | Batches
"""Rows to be written."""


MOST_TEXT = 2**31 - 1
"""So many bytes a batch may have in a column of ``string``."""


def as_arrow(
    frame: pl.DataFrame, schema: pa.Schema, same: Mapping[str, str] = MappingProxyType({}), most: int = MOST_TEXT
) -> pa.Table:
    """A frame's columns of a schema, in its order and types.

    Args:
        frame: with the columns of the schema.
        schema: wanted; text as ``string``.
        same: text that is the same in all rows, by name of a column that the frame need not have.
        most: bytes of a frame that become one batch; Arrow does not notice by itself where text no longer fits.

    Raises:
        pyarrow.ArrowInvalid: a value is none of its column's type.
    """
    if frame.height > 1 and frame.estimated_size() > most:
        half = frame.height // 2
        return pa.concat_tables(as_arrow(part, schema, same, most) for part in (frame[:half], frame[half:]))
    own = {name: frame.get_column(name) for name in schema.names if name not in same}

    def column(field: pa.Field) -> pa.Array:
        if field.name in same:
            return pa.repeat(pa.scalar(same[field.name], field.type), frame.height)
        given = own[field.name]
        if given.null_count() == frame.height:
            return pa.nulls(frame.height, field.type)
        found = given.to_arrow(compat_level=_NEWEST if given.dtype == pl.String else _OLDEST)
        return found if found.type == field.type else found.cast(field.type)

    return pa.table([column(field) for field in schema], names=schema.names)


_OLDEST, _NEWEST = pl.CompatLevel.oldest(), pl.CompatLevel.newest()


def batches(rows: Rows) -> Batches:
    """Rows batch by batch, text in any layout but ``string_view``."""
    if isinstance(rows, Batches):
        return rows
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest()) if isinstance(rows, pl.DataFrame) else rows
    return Batches(table.schema, lambda: iter(table.to_batches()))


def plain(kind: pa.DataType) -> pa.DataType:
    """A type whatever its layout."""
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


_TEXT = (pa.string(), pa.large_string())


def refuse_strangers(rows: pa.RecordBatch, allowed: Mapping[str, str | Sequence[str] | None], *, where: str) -> None:
    """Make sure that no row lies outside the slice that it is to replace.

    Raises:
        StorageError: some do. Their values are not repeated.
    """
    for column, values in allowed.items():
        wanted: list[str | None] = [values] if values is None or isinstance(values, str) else list(values)
        if column not in rows.column_names:
            raise SchemaMismatch(f"The slice is named by {column}, which the rows do not have.", where=where)
        found = rows[column]
        found = found if found.type in _TEXT else found.cast(pa.string())
        if not pc.all(pc.is_in(found, value_set=pa.array(wanted, found.type)), min_count=0).as_py():
            raise StorageError(
                f"Some rows have another {column} than the slice they are to replace.",
                where=where,
                remedy="Nothing was written. Write each slice's own rows.",
            )
