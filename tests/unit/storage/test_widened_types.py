"""A derived table's columns become wider with every row kept, and never narrower."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from lgdp_pipelines.errors import SchemaMismatch
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

TABLE = LakeTable("conformed", "trial", None, ("period",), ("council_code",))
KEYS = [("council_code", pa.string()), ("period", pa.string())]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def put(lake: Lake, kind: pa.DataType, *values: object, period: str = "CY2023") -> None:
    rows = [{"council_code": "FIF", "period": period, "x": value} for value in values]
    schema = pa.schema([*KEYS, ("x", kind)])
    lake.replace_slice(TABLE, pa.Table.from_pylist(rows, schema=schema), where={"period": period}, commit={})


def make_schema(kind: pa.DataType) -> pa.Schema:
    return pa.schema([*KEYS, ("x", kind), ("y", pa.string())])


@pytest.mark.parametrize(
    ("narrow_type", "value", "wide_type", "widened_value"),
    [
        (pa.int64(), 123, pa.string(), "123"),
        (pa.int64(), 2, pa.float64(), 2.0),
        (pa.int64(), 5, pa.decimal128(21, 2), Decimal("5.00")),
        (pa.decimal128(6, 2), Decimal("1.50"), pa.decimal128(8, 3), Decimal("1.500")),
    ],
)
def test_every_row_is_kept_in_the_wider_type(
    lake: Lake, narrow_type: pa.DataType, value: object, wide_type: pa.DataType, widened_value: object
) -> None:
    put(lake, narrow_type, value, None)
    version = lake.widen_types(TABLE, make_schema(wide_type), {"run": "r"})
    assert version == lake.version(TABLE)
    assert lake.read(TABLE)["x"].to_list() == [widened_value, None]
    put(lake, wide_type, widened_value, period="CY2024")  # refused before the type was widened
    assert lake.read(TABLE).height == 3


def test_a_table_that_is_wide_enough_is_left_alone(lake: Lake) -> None:
    assert lake.widen_types(TABLE, make_schema(pa.string()), {}) is None
    put(lake, pa.string(), "a")
    before = lake.version(TABLE)
    assert lake.widen_types(TABLE, make_schema(pa.string()), {}) is None
    assert lake.version(TABLE) == before


@pytest.mark.parametrize(
    ("narrow_type", "value", "wide_type"),
    [
        (pa.string(), "00123", pa.int64()),
        (pa.float64(), 2.9, pa.int64()),
        (pa.decimal128(8, 3), Decimal("1.234"), pa.decimal128(8, 2)),
    ],
)
def test_no_type_is_narrowed(lake: Lake, narrow_type: pa.DataType, value: object, wide_type: pa.DataType) -> None:
    put(lake, narrow_type, value)
    with pytest.raises(SchemaMismatch):
        lake.widen_types(TABLE, make_schema(wide_type), {})
    assert lake.read(TABLE)["x"].to_list() == [value]


def test_partitions_and_the_choice_of_open_columns_stay(lake: Lake) -> None:
    put(lake, pa.int64(), 1)
    lake.widen_types(TABLE, make_schema(pa.string()), {})
    folder = lake.path(TABLE)
    assert (folder / "period=CY2023").is_dir()
    newest = max((folder / "_delta_log").glob("*.json")).read_text()
    assert '\\"x\\"' not in newest.split('"stats"', 1)[1].split("nullCount")[0]
