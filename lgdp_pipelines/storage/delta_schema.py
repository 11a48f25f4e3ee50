"""Schemas of Delta tables: creation, new columns of minor versions, and wider types of new major versions.

Validated tables never change a type: a major version has tables of its own. Conformed and published tables hold all
majors, so there a column of whole numbers may become text, with every row kept, in one commit. Belongs here: a table's
properties, columns and types. Belongs elsewhere: its rows, and any narrowing, which would lose values.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake

from lgdp_pipelines.errors import SchemaMismatch
from lgdp_pipelines.handover.column_types import arrow_to_polars_schema, plain_type, polars_to_arrow_schema
from lgdp_pipelines.storage.frame_source import FrameSource, check_schema
from lgdp_pipelines.storage.lake_tables import LakeTable

_STATISTICS_COLUMNS = "delta.dataSkippingStatsColumns"


def create_table(path: Path, table: LakeTable, schema: pa.Schema) -> DeltaTable:
    """Create and return a table, or return one created meanwhile.

    Old versions stay readable (``delta.enableExpiredLogCleanup``), so that a release can be reproduced.
    """
    return DeltaTable.create(
        str(path),
        schema=_add_comments(
            table.schema or pa.schema([pa.field(field.name, plain_type(field.type)) for field in schema]), table
        ),
        mode="ignore",
        partition_by=list(table.partition_by),
        name=str(table),
        description=table.description or None,
        configuration={
            "delta.checkpointInterval": "100",
            "delta.enableExpiredLogCleanup": "false",
            **_statistics_properties(_list_open_columns(table, schema)),
        },
    )


def read_schema(delta: DeltaTable) -> pa.Schema:
    """Return the columns of a table on disk."""
    return pa.schema(delta.schema().to_arrow())


def align_columns(delta: DeltaTable, table: LakeTable, rows: FrameSource) -> FrameSource:
    """Add missing declared columns, update statistics, and return rows with all columns.

    Rows must have exactly the declared columns, or, if none are declared, those on disk. Columns on disk that an older
    minor version does not declare are null in its rows.

    Raises:
        SchemaMismatch: the rows, the declaration or the table differ otherwise.
    """
    present, columns = read_schema(delta), polars_to_arrow_schema(rows.schema)
    check_schema(columns, present if table.schema is None else table.schema, table_name=str(table))
    if table.schema is None:
        return rows
    for field in columns:
        if field.name in present.names and present.field(field.name).type != field.type:
            raise SchemaMismatch(
                f"{field.name} is {field.type} in the rows and {present.field(field.name).type} in the table.",
                where=str(table),
                remedy="Nothing was written. A change of type is a major version of the contract.",
            )
    new_columns = pa.schema([field for field in columns if field.name not in present.names])
    if new_columns.names:
        delta.alter.add_columns(list(Schema.from_arrow(_add_comments(new_columns, table)).fields))
    _update_statistics_columns(delta, table, columns, new_columns)
    joined_schema = pa.schema([*(pa.field(field.name, field.type) for field in present), *new_columns])
    if joined_schema.names == columns.names:
        return rows
    schema = arrow_to_polars_schema(joined_schema)

    def align(frame: pl.DataFrame) -> pl.DataFrame:
        """Return a frame with all columns of the table, null if absent."""
        return frame.select(
            pl.col(name) if name in frame.columns else pl.lit(None, dtype=data_type).alias(name)
            for name, data_type in schema.items()
        )

    return rows.map(align, schema)


def read_open_columns(delta: DeltaTable) -> tuple[str, ...]:
    """Return the columns whose bounds may be in a table's log.

    An older contract does not reopen a column closed by a newer one.
    """
    return tuple(name for name in delta.metadata().configuration.get(_STATISTICS_COLUMNS, "").split(",") if name)


def _update_statistics_columns(
    delta: DeltaTable, table: LakeTable, declared: pa.Schema, new_columns: pa.Schema
) -> None:
    """Add new open columns to the statistics, and remove closed ones."""
    present = read_open_columns(delta)
    present_columns = [name for name in present if name not in declared.names or name in table.open_columns]
    columns = [*present_columns, *_list_open_columns(table, new_columns)]
    if columns != list(present):
        delta.alter.set_table_properties(_statistics_properties(columns))


def _list_open_columns(table: LakeTable, schema: pa.Schema) -> list[str]:
    """Return the open columns of a schema that are not partitions."""
    return [name for name in schema.names if name in table.open_columns and name not in table.partition_by]


def _statistics_properties(columns: list[str]) -> dict[str, str]:
    """Return the table properties that limit statistics to some columns."""
    # With no column named, Delta Lake would take the first thirty-two.
    defaults = {} if columns else {"delta.dataSkippingNumIndexedCols": "0"}
    return {_STATISTICS_COLUMNS: ",".join(columns), **defaults}


def _add_comments(schema: pa.Schema, table: LakeTable) -> pa.Schema:
    """Return a schema with the table's comments on its columns."""
    comments = {name: {"comment": comment} for name, comment in table.comments.items() if comment}
    return pa.schema([pa.field(field.name, field.type, metadata=comments.get(field.name)) for field in schema])


def needs_wider_types(delta: DeltaTable, required: pa.Schema) -> bool:
    """Return whether a column of the table lacks its required type.

    Columns in only one of both schemas do not count.
    """
    types = {field.name: field.type for field in read_schema(delta)}
    return any(types.get(field.name, field.type) != field.type for field in required)


def widen_types(delta: DeltaTable, required: pa.Schema, metadata: Mapping[str, str], *, table_name: str) -> None:
    """Rewrite a table with its columns in wider types, in one commit.

    Args:
        delta: version that the commit is based on.
        required: columns of the rows that are to be written next.
        metadata: kept with the commit.
        table_name: layer and name of the table.

    Raises:
        CommitFailedError: another writer came between.
        SchemaMismatch: a required type does not hold every value of the present one.
    """
    rows = _read_widened(delta.to_pyarrow_dataset(), required, table_name=table_name)
    properties = CommitProperties(custom_metadata=dict(metadata))
    write_deltalake(delta, rows, mode="overwrite", schema_mode="overwrite", commit_properties=properties)


def _read_widened(dataset: ds.Dataset, required: pa.Schema, *, table_name: str) -> pa.RecordBatchReader:
    """Return all rows in wider types, batch by batch."""
    schema = _widen(dataset.schema.empty_table(), required, table_name=table_name).schema
    batches = (
        widened
        for batch in dataset.to_batches(batch_readahead=2, fragment_readahead=1)
        for widened in _widen(pa.Table.from_batches([batch]), required, table_name=table_name).cast(schema).to_batches()
    )
    return pa.RecordBatchReader.from_batches(schema, batches)


def _widen(rows: pa.Table, required: pa.Schema, *, table_name: str) -> pa.Table:
    """Return rows in the required types; raise where they are not wider."""
    fields, columns = [], []
    for field in rows.schema:
        data_type = required.field(field.name).type if field.name in required.names else field.type
        if data_type != field.type and not _is_wider(data_type, field.type):
            raise SchemaMismatch(
                f"{field.name} is {field.type} in the table and {data_type} in the rows, which does not hold it.",
                where=table_name,
                remedy="Nothing was written. Give the item another URN if its meaning has changed.",
            )
        fields.append(field.with_type(data_type))
        columns.append(rows[field.name] if data_type == field.type else pc.cast(rows[field.name], data_type))
    return pa.table(columns, schema=pa.schema(fields))


_WIDER: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType], bool]], ...] = (
    (pa.types.is_string, pa.types.is_primitive),
    (pa.types.is_string, pa.types.is_decimal),
    (pa.types.is_float64, pa.types.is_integer),
    (pa.types.is_float64, pa.types.is_decimal),
    (pa.types.is_decimal, pa.types.is_integer),
)


def _is_wider(wider: pa.DataType, narrower: pa.DataType) -> bool:
    """Return whether a column may change from a narrower type to this."""
    if pa.types.is_decimal(wider) and pa.types.is_decimal(narrower):
        holds_whole_part = wider.precision - wider.scale >= narrower.precision - narrower.scale
        return bool(holds_whole_part and wider.scale >= narrower.scale)
    return any(is_wider(wider) and is_narrower(narrower) for is_wider, is_narrower in _WIDER)
