"""A table that was written before rows said what was repaired in them takes rows that do."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import define_validated_table
from tests.unit.storage.test_lake_tables import CONTRACT, TABLE

YEAR = "FY2023-24"


def rows(schema: pa.Schema, council: str, **cells: str) -> pa.Table:
    given = {"council_code": council, "period": YEAR, "_submission_id": f"PEOPLE-X.{council}.{YEAR}.001", "_row": 2}
    return pa.Table.from_pylist([{**given, **cells}], schema=schema)


def test_old_rows_stay_and_say_nothing_of_repairs(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    now = define_validated_table(CONTRACT, TABLE)
    old = replace(now, schema=pa.schema([field for field in now.arrow_schema if field.name != "_repairs"]))
    before = {"FIF": f"PEOPLE-X.FIF.{YEAR}.001"}
    lake.replace_councils(old, rows(old.arrow_schema, "FIF"), period=YEAR, submissions=before, commit={})
    after = {"GLG": f"PEOPLE-X.GLG.{YEAR}.001"}
    written = rows(now.arrow_schema, "GLG", _repairs="kind:alias")
    lake.replace_councils(now, written, period=YEAR, submissions=after, commit={})
    kept = lake.read(now, {"period": YEAR}).sort("council_code")
    assert kept.select("council_code", "_repairs").rows() == [("FIF", None), ("GLG", "kind:alias")]
