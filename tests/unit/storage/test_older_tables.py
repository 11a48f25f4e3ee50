"""A table written before the column of repairs existed takes rows that have it."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import define_validated_table
from tests.unit.storage.test_lake_tables import CONTRACT, TABLE

YEAR = "FY2023-24"


def rows(schema: pa.Schema, council: str, **cells: str) -> pa.Table:
    key_cells = {"council_code": council, "period": YEAR, "_submission_id": f"PEOPLE-X.{council}.{YEAR}.001", "_row": 2}
    return pa.Table.from_pylist([{**key_cells, **cells}], schema=schema)


def test_old_rows_are_kept_without_repairs(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    newer_table = define_validated_table(CONTRACT, TABLE)
    older_table = replace(
        newer_table, schema=pa.schema([field for field in newer_table.arrow_schema if field.name != "_repairs"])
    )
    before = {"FIF": f"PEOPLE-X.FIF.{YEAR}.001"}
    lake.replace_councils(
        older_table, rows(older_table.arrow_schema, "FIF"), period=YEAR, submissions=before, commit={}
    )
    after = {"GLG": f"PEOPLE-X.GLG.{YEAR}.001"}
    new_rows = rows(newer_table.arrow_schema, "GLG", _repairs="kind:alias")
    lake.replace_councils(newer_table, new_rows, period=YEAR, submissions=after, commit={})
    stored_rows = lake.read(newer_table, {"period": YEAR}).sort("council_code")
    assert stored_rows.select("council_code", "_repairs").rows() == [("FIF", None), ("GLG", "kind:alias")]
