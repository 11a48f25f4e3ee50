"""Text keeps a layout that every reader of the lake can filter."""

from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.layout import as_arrow
from lgdp_pipelines.storage.tables import LakeTable

SCHEMA = pa.schema([("period", pa.string()), ("_submission_id", pa.string()), ("name", pa.string()), ("n", pa.int64())])
TABLE = LakeTable("landed", "people", SCHEMA, ("period",), ("_submission_id",))
ID = "HL1.FIF.FY2024-25-Q1.001"


def test_what_polars_gave_can_be_filtered_by_whoever_reads_it(tmp_path: Path) -> None:
    frame = pl.DataFrame({"period": ["CY2024"] * 2, "_submission_id": [ID] * 2, "name": ["Ann", None], "n": [1, 2]})
    lake = Lake(tmp_path)
    for rows in (frame, as_arrow(frame, SCHEMA)):
        lake.replace(TABLE, rows, where={"period": "CY2024", "_submission_id": ID}, commit={})

        read = lake.read(TABLE, {"period": "CY2024", "_submission_id": ID}, ["name", "n"])

        assert sorted(read.rows(), key=str) == sorted([("Ann", 1), (None, 2)], key=str)
    files = list(lake.path(TABLE).rglob("*.parquet"))
    assert files
    assert all("view" not in str(pq.read_schema(file)) for file in files)


def test_what_all_rows_say_need_not_be_in_the_frame_and_what_none_says_is_null() -> None:
    frame = pl.DataFrame({"name": [None, None], "n": [1, None]}, schema={"name": pl.String, "n": pl.Int64})

    rows = as_arrow(frame, SCHEMA, {"period": "CY2024", "_submission_id": ID})

    assert rows.to_pylist() == [
        {"period": "CY2024", "_submission_id": ID, "name": None, "n": 1},
        {"period": "CY2024", "_submission_id": ID, "name": None, "n": None},
    ]
    assert rows.schema.types == [pa.string()] * 3 + [pa.int64()]
    assert as_arrow(frame.head(0), SCHEMA, {"period": "CY2024", "_submission_id": ID}).schema == rows.schema


def test_text_that_no_batch_can_hold_comes_in_several() -> None:
    frame = pl.DataFrame({"name": ["x" * 100] * 5, "n": range(5)})

    rows = as_arrow(frame, SCHEMA, {"period": "CY2024", "_submission_id": ID}, most=250)

    assert [batch.num_rows for batch in rows.to_batches()] == [2, 1, 2]
    assert rows.column("n").to_pylist() == [0, 1, 2, 3, 4]
    assert rows.schema == SCHEMA


def test_only_what_repeats_has_a_dictionary_and_every_reader_reads_both(tmp_path: Path) -> None:
    table = LakeTable("landed", "people", SCHEMA, ("period",), varied_columns=("name", "n"))
    frame = pl.DataFrame({"period": ["CY2024"] * 3, "_submission_id": [ID] * 3, "name": ["Ann", None, ""]})
    lake = Lake(tmp_path)
    lake.replace(table, frame.with_columns(n=pl.Series([7, None, 9])), where={"period": "CY2024"}, commit={})

    [file] = lake.path(table).rglob("*.parquet")
    group = pq.ParquetFile(file).metadata.row_group(0)
    found = {group.column(place).path_in_schema: group.column(place).encodings for place in range(group.num_columns)}
    assert "RLE_DICTIONARY" in found["_submission_id"]
    assert "DELTA_LENGTH_BYTE_ARRAY" in found["name"]
    assert "RLE_DICTIONARY" not in found["name"]
    assert "DELTA_BINARY_PACKED" in found["n"]
    expected = [("Ann", 7), (None, None), ("", 9)]
    assert pl.read_parquet(file, columns=["name", "n"]).rows() == expected
    assert duckdb.sql(f"SELECT name, n FROM read_parquet('{file}')").fetchall() == expected
    assert lake.read(table, None, ["name", "n"]).rows() == expected
