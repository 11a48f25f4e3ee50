"""Making a Delta table, and keeping one fit for a contract's minor versions, which only add columns.

What belongs here: a table's properties. What does not: its rows.
"""

from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, Schema

from lgdp_pipelines.errors import SchemaMismatch
from lgdp_pipelines.handover.column_types import arrow_to_polars_schema, plain_type, polars_to_arrow_schema
from lgdp_pipelines.storage.frame_schema import FrameSource, refuse_differences
from lgdp_pipelines.storage.lake_tables import LakeTable

_STATISTICS = "delta.dataSkippingStatsColumns"


def create(path: Path, table: LakeTable, schema: pa.Schema) -> DeltaTable:
    """Make a table. Where another writer makes it at the same time, theirs is the one.

    Old versions stay readable (``delta.enableExpiredLogCleanup``), so that a release can be made again.
    """
    return DeltaTable.create(
        str(path),
        schema=_commented(
            table.schema or pa.schema([pa.field(one.name, plain_type(one.type)) for one in schema]), table
        ),
        mode="ignore",
        partition_by=list(table.partition_by),
        name=str(table),
        description=table.description or None,
        configuration={
            "delta.checkpointInterval": "100",
            "delta.enableExpiredLogCleanup": "false",
            **_statistics(_open_columns(table, schema)),
        },
    )


def fit(delta: DeltaTable, table: LakeTable, rows: FrameSource) -> FrameSource:
    """Rows as the table on disk has them, and the table made ready for them.

    Rows must have exactly the columns that are declared, or, where nothing is declared, those on disk. Columns declared
    but not on disk are added to it; columns on disk that an older minor version does not declare are null in its rows.

    Raises:
        SchemaMismatch: anything else differs.
    """
    given = polars_to_arrow_schema(rows.schema)
    if table.schema is None:
        refuse_differences(given, pa.schema(delta.schema().to_arrow()), where=str(table))
        return rows
    refuse_differences(given, table.schema, where=str(table))
    return widened(delta, table, rows)


def widened(delta: DeltaTable, table: LakeTable, rows: FrameSource) -> FrameSource:
    """Add to a table the columns that only the rows have, and to the rows those that only the table has, as nulls.

    Raises:
        SchemaMismatch: a column that both have is of another type.
    """
    present, given = pa.schema(delta.schema().to_arrow()), polars_to_arrow_schema(rows.schema)
    for field in given:
        if field.name in present.names and present.field(field.name).type != field.type:
            raise SchemaMismatch(
                f"{field.name} is {field.type} in the rows and {present.field(field.name).type} in the table.",
                where=str(table),
                remedy="Nothing was written. A change of type is a major version of the contract.",
            )
    new = pa.schema([one for one in given if one.name not in present.names])
    if new.names:
        delta.alter.add_columns(list(Schema.from_arrow(_commented(new, table)).fields))
    _keep_statistics_open(delta, table, given, new)
    whole = pa.schema([*(pa.field(field.name, field.type) for field in present), *new])
    if whole.names == given.names:
        return rows
    laid = arrow_to_polars_schema(whole)

    def lay(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(
            pl.col(name) if name in frame.columns else pl.lit(None, dtype=kind).alias(name)
            for name, kind in laid.items()
        )

    return rows.each(lay, laid)


def open_columns_of(delta: DeltaTable) -> tuple[str, ...]:
    """The columns whose bounds may stand in a table's log: what a newer contract has closed, an older one leaves so."""
    return tuple(name for name in delta.metadata().configuration.get(_STATISTICS, "").split(",") if name)


def _keep_statistics_open(delta: DeltaTable, table: LakeTable, known: pa.Schema, new: pa.Schema) -> None:
    """Add new open columns, and take out any that a newer contract no longer calls open."""
    present = open_columns_of(delta)
    kept = [name for name in present if name not in known.names or name in table.open_columns]
    wanted = [*kept, *_open_columns(table, new)]
    if wanted != list(present):
        delta.alter.set_table_properties(_statistics(wanted))


def _open_columns(table: LakeTable, schema: pa.Schema) -> list[str]:
    return [name for name in schema.names if name in table.open_columns and name not in table.partition_by]


def _statistics(columns: list[str]) -> dict[str, str]:
    # With no column named, Delta Lake would take the first thirty-two.
    return {_STATISTICS: ",".join(columns)} if columns else {_STATISTICS: "", "delta.dataSkippingNumIndexedCols": "0"}


def _commented(schema: pa.Schema, table: LakeTable) -> pa.Schema:
    return pa.schema(
        [
            pa.field(field.name, field.type, metadata={"comment": table.comments[field.name]})
            if table.comments.get(field.name)
            else pa.field(field.name, field.type)
            for field in schema
        ]
    )
