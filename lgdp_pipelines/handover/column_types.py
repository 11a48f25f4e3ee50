"""Column types: the one map between contract items, polars, Arrow and DuckDB SQL, and conversions of frames by it.

Belongs here: types and conversions between them. Belongs elsewhere: which columns a table has
(``storage.lake_tables``), and text read as a type (``validation.type_parsing``).
"""

from dataclasses import dataclass
from functools import cache

import polars as pl
import pyarrow as pa

from lgdp_pipelines.register.model.table_model import Item, ItemType

MAX_TEXT_BYTES = 2**31 - 1
"""Bytes that one Arrow batch may hold in a column of ``string``."""

ARROW_COMPAT_LEVEL = pl.CompatLevel.oldest()
"""Level at which polars gives text to Arrow as ``large_string``.

The cheaper ``string_view`` is avoided: a Parquet file keeps the type's name, and pyarrow then cannot filter its rows.
"""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """One type in polars, Arrow and DuckDB SQL.

    Attributes:
        polars: type of a frame's column.
        arrow: type of a Delta table's column.
        sql: name of the type in DuckDB.
    """

    polars: pl.DataType
    arrow: pa.DataType
    sql: str


_TYPES = {
    ItemType.TEXT: ColumnType(pl.String(), pa.string(), "varchar"),
    ItemType.INTEGER: ColumnType(pl.Int64(), pa.int64(), "bigint"),
    ItemType.NUMBER: ColumnType(pl.Float64(), pa.float64(), "double"),
    ItemType.DATE: ColumnType(pl.Date(), pa.date32(), "date"),
    ItemType.BOOLEAN: ColumnType(pl.Boolean(), pa.bool_(), "boolean"),
}


@cache
def column_type(item_type: ItemType, precision: int = 0, scale: int = 0) -> ColumnType:
    """Return the column type of an item type.

    Precision and scale apply to decimals only.
    """
    if item_type is ItemType.DECIMAL:
        return ColumnType(
            pl.Decimal(precision, scale), pa.decimal128(precision, scale), f"decimal({precision}, {scale})"
        )
    return _TYPES[item_type]


def item_column_type(item: Item) -> ColumnType:
    """Return the type of an item's validated column."""
    return column_type(item.type, item.precision, item.scale)


def arrow_to_frame(rows: pa.Table) -> pl.DataFrame:
    """Return an Arrow table as a frame."""
    return pl.DataFrame(rows)


def arrow_to_polars_schema(schema: pa.Schema) -> pl.Schema:
    """Return the polars schema for the columns of an Arrow schema."""
    return arrow_to_frame(schema.empty_table()).schema


def polars_to_arrow_schema(schema: pl.Schema) -> pa.Schema:
    """Return the Arrow schema of a frame's columns, with text as ``string``."""
    # Not by way of an empty frame: that starts polars' threads, and a process that is forked later would wait for them.
    return pa.schema([pa.field(field.name, plain_type(field.type)) for field in pa.schema(schema)])


def frame_to_arrow(frame: pl.DataFrame, schema: pa.Schema, max_batch_bytes: int = MAX_TEXT_BYTES) -> pa.Table:
    """Return a frame's columns in the order and types of a schema.

    Args:
        frame: with at least the columns of the schema.
        schema: of the result, with text as ``string``.
        max_batch_bytes: size above which a batch is halved: Arrow does not notice text that no longer fits.

    Raises:
        pyarrow.ArrowInvalid: a value does not fit the type of its column.
    """
    if frame.height > 1 and frame.estimated_size() > max_batch_bytes:
        half = frame.height // 2
        return pa.concat_tables(frame_to_arrow(part, schema, max_batch_bytes) for part in (frame[:half], frame[half:]))
    return frame.select(schema.names).to_arrow(compat_level=ARROW_COMPAT_LEVEL).cast(schema)


def plain_type(data_type: pa.DataType) -> pa.DataType:
    """Return an Arrow type without its layout: ``large_string`` becomes ``string``."""
    if pa.types.is_map(data_type):
        return pa.map_(plain_type(data_type.key_type), plain_type(data_type.item_type))
    if pa.types.is_list(data_type) or pa.types.is_large_list(data_type):
        return pa.list_(plain_type(data_type.value_type))
    if pa.types.is_struct(data_type):
        return pa.struct([field.with_type(plain_type(field.type)) for field in data_type])
    if pa.types.is_large_string(data_type) or pa.types.is_string_view(data_type):
        return pa.string()
    if pa.types.is_large_binary(data_type) or pa.types.is_binary_view(data_type):
        return pa.binary()
    return data_type
