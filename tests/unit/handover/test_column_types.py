"""Text keeps a layout that every reader of the lake can filter."""

from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lgdp_pipelines.handover.column_types import frame_to_arrow, plain_type
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

SCHEMA = pa.schema([("period", pa.string()), ("_submission_id", pa.string()), ("name", pa.string()), ("n", pa.int64())])
TABLE = LakeTable("landed", "people", SCHEMA, ("period",), ("_submission_id",))
ID = "HL1.FIF.FY2024-25-Q1.001"


def test_text_from_polars_can_be_filtered_by_every_reader(tmp_path: Path) -> None:
    frame = pl.DataFrame({"period": ["CY2024"] * 2, "_submission_id": [ID] * 2, "name": ["Ann", None], "n": [1, 2]})
    lake = Lake(tmp_path)
    for rows in (frame, frame_to_arrow(frame, SCHEMA)):
        lake.replace_slice(TABLE, rows, where={"period": "CY2024", "_submission_id": ID}, commit={})

        read = lake.read(TABLE, {"period": "CY2024", "_submission_id": ID}, ["name", "n"])

        assert sorted(read.rows(), key=str) == sorted([("Ann", 1), (None, 2)], key=str)
    files = list(lake.path(TABLE).rglob("*.parquet"))
    assert files
    assert all("view" not in str(pq.read_schema(file)) for file in files)


def test_text_too_large_for_a_batch_is_divided() -> None:
    frame = pl.DataFrame({"name": ["x" * 100] * 5, "n": range(5)})
    schema = pa.schema([("name", pa.string()), ("n", pa.int64())])

    rows = frame_to_arrow(frame, schema, max_batch_bytes=250)

    assert [batch.num_rows for batch in rows.to_batches()] == [2, 1, 2]
    assert rows.column("n").to_pylist() == [0, 1, 2, 3, 4]
    assert rows.schema == schema


def test_columns_are_put_into_the_order_of_the_table() -> None:
    schema = pa.schema([("n", pa.int64()), ("name", pa.string())])

    rows = frame_to_arrow(pl.DataFrame({"name": ["Ann", None], "n": [1, None]}), schema)

    assert rows.schema == schema
    assert rows.to_pylist() == [{"n": 1, "name": "Ann"}, {"n": None, "name": None}]


@pytest.mark.parametrize(
    ("kind", "same"),
    [
        (pa.large_string(), pa.string()),
        (pa.string_view(), pa.string()),
        (pa.map_(pa.large_string(), pa.large_string()), pa.map_(pa.string(), pa.string())),
        (pa.large_list(pa.string_view()), pa.list_(pa.string())),
        (pa.struct([("a", pa.large_string()), ("n", pa.int64())]), pa.struct([("a", pa.string()), ("n", pa.int64())])),
        (pa.decimal128(10, 2), pa.decimal128(10, 2)),
    ],
)
def test_a_nested_layout_does_not_change_the_type(kind: pa.DataType, same: pa.DataType) -> None:
    assert plain_type(kind) == same


def test_a_breakdown_stays_a_map(tmp_path: Path) -> None:
    """A breakdown of conformed observations, which analysts ask by key."""
    kind = pa.map_(pa.string(), pa.string())
    schema = pa.schema([("period", pa.string()), ("breakdown", kind)])
    table, lake = LakeTable("conformed", "observation", schema, ("period",)), Lake(tmp_path)
    rows = pa.table([["CY2024"] * 2, [[("tenure", "A")], None]], schema=schema)

    lake.replace_slice(table, rows, where={"period": "CY2024"}, commit={})

    assert lake.schema(table).field("breakdown").type == kind
    [file] = lake.path(table).rglob("*.parquet")
    tenures = duckdb.sql(f"SELECT breakdown['tenure'] FROM read_parquet('{file}')").fetchall()
    assert sorted(tenures, key=str) == [("A",), (None,)]
