"""Giving a derived table's columns wider types, when a new major version of a contract has made them so.

Validated tables never change type: a major version has tables of its own. What is conformed and published stands over
all majors, so there a column of whole numbers may become text. Every row is kept, in one commit. What belongs here:
that change. What does not: adding columns (``creation``), and any narrowing, which would lose values.
"""

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from lgdp_pipelines.errors import SchemaMismatch, WriteConflict
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

_ATTEMPTS = 20


def widen_types(lake: Lake, table: LakeTable, wanted: pa.Schema, commit: Mapping[str, str]) -> int | None:
    """Make columns that a table has in a narrower type as wide as they are wanted.

    Args:
        lake: where the table is.
        table: conformed or published; one that was never written is left alone.
        wanted: columns of the rows that are to be written next; those that the table has not are left alone.
        commit: kept with the commit.

    Returns:
        The table's new version; None where every type is as wanted already.

    Raises:
        SchemaMismatch: a wanted type does not hold every value of the present one.
        WriteConflict: other writers kept winning.
    """
    for _ in range(_ATTEMPTS):
        if not lake.exists(table) or not _differing(lake.schema(table), wanted):
            return None
        delta = DeltaTable(lake.path(table))
        rows = _widened_rows(delta.to_pyarrow_dataset(), wanted, where=str(table))
        properties = CommitProperties(custom_metadata=dict(commit))
        try:
            write_deltalake(delta, rows, mode="overwrite", schema_mode="overwrite", commit_properties=properties)
        except CommitFailedError:
            continue
        return lake.version(table)
    raise WriteConflict(
        f"Other writers won {_ATTEMPTS} times.", where=str(table), remedy="Run it again when they have finished."
    )


def _differing(present: pa.Schema, wanted: pa.Schema) -> list[str]:
    return [
        field.name for field in wanted if field.name in present.names and present.field(field.name).type != field.type
    ]


def _widened_rows(dataset: ds.Dataset, wanted: pa.Schema, *, where: str) -> pa.RecordBatchReader:
    """All rows, never all of them at once."""
    schema = _widened(dataset.schema.empty_table(), wanted, where=where).schema
    batches = dataset.to_batches(batch_readahead=2, fragment_readahead=1)
    widened = (
        one
        for batch in batches
        for one in _widened(pa.Table.from_batches([batch]), wanted, where=where).cast(schema).to_batches()
    )
    return pa.RecordBatchReader.from_batches(schema, widened)


def _widened(rows: pa.Table, wanted: pa.Schema, *, where: str) -> pa.Table:
    fields, columns = [], []
    for field in rows.schema:
        kind = wanted.field(field.name).type if field.name in wanted.names else field.type
        if kind != field.type and not _holds(kind, field.type):
            raise SchemaMismatch(
                f"{field.name} is {field.type} in the table and {kind} in the rows, which does not hold it.",
                where=where,
                remedy="Nothing was written. Give the item another URN where it has become another thing.",
            )
        fields.append(field.with_type(kind))
        columns.append(rows[field.name] if kind == field.type else pc.cast(rows[field.name], kind))
    return pa.table(columns, schema=pa.schema(fields))


_WIDER: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType], bool]], ...] = (
    (pa.types.is_string, pa.types.is_primitive),
    (pa.types.is_string, pa.types.is_decimal),
    (pa.types.is_float64, pa.types.is_integer),
    (pa.types.is_float64, pa.types.is_decimal),
    (pa.types.is_decimal, pa.types.is_integer),
)


def _holds(wide: pa.DataType, narrow: pa.DataType) -> bool:
    if pa.types.is_decimal(wide) and pa.types.is_decimal(narrow):
        wider_whole = wide.precision - wide.scale >= narrow.precision - narrow.scale
        return bool(wider_whole and wide.scale >= narrow.scale)
    return any(is_wide(wide) and is_narrow(narrow) for is_wide, is_narrow in _WIDER)
