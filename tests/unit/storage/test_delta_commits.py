"""Slices written as files of their own, their entries in the log, and slices that Delta Lake rewrites."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import given, settings
from hypothesis import strategies as st

from lgdp_pipelines.errors import SchemaMismatch, StaleSubmission, StorageError
from lgdp_pipelines.storage import delta_commits, duckdb_connections
from lgdp_pipelines.storage import lake as lake_module
from lgdp_pipelines.storage.delta_schema import read_open_columns
from lgdp_pipelines.storage.frame_source import FrameSource
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

PERIOD = "FY2024-25"
Rows = Callable[..., pl.DataFrame]
PutFunction = Callable[..., int]


def read_log(lake: Lake, table: LakeTable, version: int) -> list[dict[str, Any]]:
    file = lake.path(table) / "_delta_log" / f"{version:020d}.json"
    return [json.loads(line) for line in file.read_text().splitlines()]


def list_changed_files(lake: Lake, table: LakeTable, version: int) -> tuple[list[str], list[str]]:
    """Return the files that a commit added and removed."""
    log = read_log(lake, table, version)
    return [action["add"]["path"] for action in log if "add" in action], [
        action["remove"]["path"] for action in log if "remove" in action
    ]


def replace_together(lake: Lake, people: LakeTable, rows: Rows, *councils: str, number: int = 1) -> int:
    """Write several councils in one commit, and so in one file."""
    return lake.replace_councils(
        people,
        pl.concat([rows(council, number) for council in councils]),
        period=PERIOD,
        submissions={council: f"HL1.{council}.{PERIOD}.{number:03d}" for council in councils},
        commit={},
    )


def test_a_slice_that_has_files_to_itself_leaves_all_others_untouched(
    lake: Lake, people: LakeTable, put: PutFunction
) -> None:
    (fife,), _ = list_changed_files(lake, people, put("FIF", 1))
    put("GLG", 1)
    added, removed = list_changed_files(lake, people, put("FIF", 2))
    assert removed == [fife]
    assert len(added) == 1
    assert added[0].startswith("period=FY2024-25/part-")


def test_a_slice_that_becomes_empty_adds_no_file(lake: Lake, people: LakeTable, put: PutFunction) -> None:
    (fife,), _ = list_changed_files(lake, people, put("FIF", 1))
    assert list_changed_files(lake, people, put("FIF", 2, ())) == ([], [fife])
    version = lake.remove_slice(people, {"period": PERIOD, "council_code": "FIF"})
    assert version is not None
    assert list_changed_files(lake, people, version) == ([], [])


def test_a_file_shared_by_councils_is_rewritten_without_loss_of_rows(
    lake: Lake, people: LakeTable, rows: Rows, put: PutFunction
) -> None:
    (shared,), _ = list_changed_files(lake, people, replace_together(lake, people, rows, "FIF", "GLG", "EDH"))
    added, removed = list_changed_files(lake, people, put("GLG", 2, ("Clyde",)))
    assert removed == [shared]
    assert added != []
    remaining_rows = lake.read(people).sort("council_code", "_row")
    assert remaining_rows["council_code"].to_list() == ["EDH", "EDH", "FIF", "FIF", "GLG"]
    assert remaining_rows["name"].to_list() == ["Buchanan", "Null", "Buchanan", "Null", "Clyde"]


def test_a_council_between_the_bounds_of_a_file_may_be_in_it(
    lake: Lake, people: LakeTable, rows: Rows, put: PutFunction
) -> None:
    """The log has only bounds, and FIF is between EDH and GLG without being in the file. No row may be lost by that."""
    replace_together(lake, people, rows, "EDH", "GLG")
    put("FIF", 1)
    assert lake.read_slice_submissions(people, PERIOD).keys() == {"EDH", "FIF", "GLG"}
    assert lake.read(people).height == 6


def test_a_file_of_another_period_is_never_in_the_way(lake: Lake, people: LakeTable, rows: Rows) -> None:
    where = {"period": "FY2023-24", "council_code": ["FIF", "GLG"]}
    earlier_rows = pl.concat([rows("FIF", 1, period="FY2023-24"), rows("GLG", 1, period="FY2023-24")])
    lake.replace_slice(people, earlier_rows, where=where, commit={})
    version = lake.replace_slice(people, rows("FIF", 1), where={"period": PERIOD, "council_code": "FIF"}, commit={})
    assert list_changed_files(lake, people, version)[1] == []
    assert lake.read(people).height == 6


def test_a_slice_of_whole_partitions_needs_no_bounds(lake: Lake, rows: Rows) -> None:
    """Conformed and published tables have no open column, and a period is replaced whole."""
    table = LakeTable("conformed", "observation", None, ("period",))
    for number in (1, 2):
        version = lake.replace_slice(table, rows("FIF", number), where={"period": PERIOD}, commit={})
    added, removed = list_changed_files(lake, table, version)
    assert (len(added), len(removed)) == (1, 1)
    assert lake.read(table)["amount"].to_list() == [200, 201]


def test_a_slice_over_several_partitions_is_left_to_delta_lake(lake: Lake, people: LakeTable, rows: Rows) -> None:
    both = pl.concat([rows("FIF", 1), rows("FIF", 1, period="FY2023-24")])
    where = {"period": [PERIOD, "FY2023-24"], "council_code": "FIF"}
    for _ in range(2):
        lake.replace_slice(people, both, where=where, commit={})
    assert sorted(lake.read(people)["period"].to_list()) == ["FY2023-24"] * 2 + [PERIOD] * 2


def test_the_log_has_statistics_of_open_columns_only(lake: Lake) -> None:
    schema = pa.schema(
        [
            ("period", pa.string()),
            ("council_code", pa.string()),
            ("name", pa.string()),
            ("day", pa.date32()),
            ("visits", pa.int64()),
            ("cost", pa.decimal128(10, 2)),
            ("share", pa.float64()),
            ("note", pa.string()),
        ]
    )
    opened = ("period", "council_code", "day", "visits", "cost", "share", "note")
    table = LakeTable("validated", "visits", schema, ("period",), opened)
    rows = [
        ("CY2024", "FIF", "Zaphod", date(2024, 2, 29), 7, Decimal("1.50"), 0.5, None),
        ("CY2024", "FIF", "Arthur", date(1999, 12, 31), None, None, None, None),
    ]
    frame = pl.DataFrame(rows, schema=pl.from_arrow(schema.empty_table()).schema, orient="row")  # type: ignore[union-attr]
    version = lake.replace_slice(table, frame, where={"period": "CY2024", "council_code": "FIF"}, commit={})
    (add,) = [action["add"] for action in read_log(lake, table, version) if "add" in action]
    assert add["partitionValues"] == {"period": "CY2024"}
    assert add["size"] == (lake.path(table) / add["path"]).stat().st_size
    assert json.loads(add["stats"]) == {
        "numRecords": 2,
        "minValues": {"council_code": "FIF", "day": "1999-12-31", "visits": 7},
        "maxValues": {"council_code": "FIF", "day": "2024-02-29", "visits": 7},
        "nullCount": {"council_code": 0, "day": 0, "visits": 1, "cost": 1, "share": 1, "note": 2},
    }
    assert "Zaphod" not in (lake.path(table) / "_delta_log" / f"{version:020d}.json").read_text()
    footer = pq.ParquetFile(lake.path(table) / add["path"]).metadata
    statistics = [footer.row_group(0).column(index).statistics for index in range(footer.num_columns)]
    assert statistics == [None] * 7, "a file itself has no statistics"


def test_every_reader_of_the_lake_finds_the_written_rows(lake: Lake, people: LakeTable, put: PutFunction) -> None:
    put("FIF", 1, ("Buchanan", "nan"))
    put("GLG", 1, ("Clyde",))
    path = str(lake.path(people))
    statement = f"SELECT name FROM {lake.scan_sql(people)} WHERE council_code = 'FIF' AND amount = 101"
    assert duckdb_connections.connect().execute(statement).fetchall() == [("nan",)]
    assert pl.scan_delta(path).filter(pl.col("council_code") == "GLG").collect()["name"].to_list() == ["Clyde"]
    arrow = DeltaTable(path).to_pyarrow_dataset().to_table(filter=pa.compute.field("name") == "Buchanan")
    assert arrow["amount"].to_pylist() == [100]
    file = next(lake.path(people).rglob("part-*.parquet"))
    assert duckdb.sql(f"SELECT typeof(name) FROM read_parquet('{file}') LIMIT 1").fetchall() == [("VARCHAR",)]


@given(
    council=st.sampled_from(["FIF", "GLG", "EDH"]),
    writes=st.lists(
        st.lists(st.sampled_from(["ABE", "EDH", "FIF", "GLG", "ZET"]), min_size=1, max_size=3, unique=True), max_size=5
    ),
)
@settings(max_examples=15, deadline=None)
def test_each_slice_holds_its_last_submission_in_any_sharing_of_files(
    tmp_path_factory: pytest.TempPathFactory, council: str, writes: list[list[str]]
) -> None:
    schema = pa.schema([("period", pa.string()), ("council_code", pa.string()), ("n", pa.int64())])
    table = LakeTable("judged", "finding", schema, ("period",), ("council_code", "n"))
    lake = Lake(tmp_path_factory.mktemp("lake"))
    expected_numbers: dict[str, int] = {}
    for number, councils in enumerate([*writes, [council]]):
        frame = pl.DataFrame({"period": "CY2024", "council_code": councils, "n": [number] * len(councils)})
        lake.replace_slice(table, frame, where={"period": "CY2024", "council_code": councils}, commit={})
        expected_numbers |= dict.fromkeys(councils, number)
    assert dict(lake.read(table, None, ["council_code", "n"]).iter_rows()) == expected_numbers


def test_a_large_slice_becomes_several_files_and_is_replaced_whole(
    lake: Lake, people: LakeTable, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delta_commits, "FILE_BYTES", 1)
    frames = [rows("FIF", 1, ("Ann",)), rows("FIF", 1, ()), rows("FIF", 1, ("Bob", "Cy"))]
    where = {"period": PERIOD, "council_code": "FIF"}
    for _ in range(2):
        version = lake.replace_slice(
            people, FrameSource(frames[0].schema, lambda: iter(frames)), where=where, commit={}
        )
    added, removed = list_changed_files(lake, people, version)
    assert (len(added), len(removed)) == (2, 2)
    assert sorted(lake.read(people)["name"].to_list()) == ["Ann", "Bob", "Cy"]


def test_files_of_rows_that_broke_off_are_taken_away(
    lake: Lake, people: LakeTable, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delta_commits, "FILE_BYTES", 1)

    def breaking() -> Iterator[pl.DataFrame]:
        yield rows("FIF", 1)
        raise StorageError("The scratch disk is full.")

    with pytest.raises(StorageError, match="scratch disk"):
        lake.replace_slice(people, FrameSource(rows("FIF", 1).schema, breaking), where={"period": PERIOD}, commit={})
    assert list(lake.path(people).rglob("*.parquet")) == []


def test_a_full_disk_is_reported_without_rows(lake: Lake, people: LakeTable, rows: Rows) -> None:
    lake.replace_slice(people, rows("FIF", 1), where={"period": "FY2024-25"}, commit={})
    (lake.path(people) / "period=FY2023-24").write_text("no folder")
    with pytest.raises(StorageError, match="disk did not take") as refused:
        lake.replace_slice(people, rows("FIF", 1, ("Zaphod",), "FY2023-24"), where={"period": "FY2023-24"}, commit={})
    assert "Zaphod" not in f"{refused.value!r} {refused.value.__cause__!r}"
    assert lake.version(people) == 1


def test_the_returned_version_is_that_of_the_commit_despite_later_ones(
    lake: Lake, people: LakeTable, put: PutFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release names the versions it was made of: another's number would show other rows later."""
    put("FIF", 1)
    committed = DeltaTable.create_write_transaction
    followed: list[int] = []

    def commit_and_be_followed(self: DeltaTable, *args: object, **words: object) -> None:
        committed(self, *args, **words)  # type: ignore[arg-type]
        if not followed:
            followed.append(0)
            followed.append(put("GLG", 1))

    monkeypatch.setattr(DeltaTable, "create_write_transaction", commit_and_be_followed)
    version = put("FIF", 2)
    assert (version, followed[1]) == (2, 3)


def test_a_null_partition_is_one_of_its_own(lake: Lake) -> None:
    schema = pa.schema([("return_code", pa.string()), ("id", pa.int64())])
    table = LakeTable("ledger", "receipt", schema, ("return_code",))
    for code, number in (("HL1", 1), (None, 2), ("HL1", 3), (None, 4)):
        rows = pa.table([[code], [number]], schema=schema)
        version = lake.replace_slice(table, rows, where={"return_code": code}, commit={})
    added, removed = list_changed_files(lake, table, version)
    assert (len(added), len(removed)) == (1, 1)
    assert sorted(lake.read(table)["id"].to_list()) == [3, 4]
    assert not Path(added[0]).is_absolute()


def interrupt_first_call(monkeypatch: pytest.MonkeyPatch, name: str, by: Callable[[], object]) -> None:
    """Let another writer commit at a function's first call."""
    original, interruptions = getattr(lake_module, name), list[bool]()

    def first(*args: Any, **words: Any) -> Any:
        if not interruptions:
            interruptions.append(True)
            by()
        return original(*args, **words)

    monkeypatch.setattr(lake_module, name, first)


def test_a_slice_of_one_period_and_one_of_several_are_never_both_there(
    lake: Lake, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = LakeTable("published", "figure", None, ("period",))
    several = pl.concat([rows("FIF", 2), rows("FIF", 2, period="FY2023-24")])
    lake.replace_slice(table, rows("ABE", 1, period="FY2022-23"), where={"period": "FY2022-23"}, commit={})
    where = {"period": [PERIOD, "FY2023-24"]}
    interrupt_first_call(
        monkeypatch, "overwrite_files", lambda: lake.replace_slice(table, several, where=where, commit={})
    )
    lake.replace_slice(table, rows("FIF", 3), where={"period": PERIOD}, commit={})
    assert lake.read(table, {"period": PERIOD})["amount"].to_list() == [300, 301]
    assert lake.read(table).height == 6


def test_a_writer_that_is_overtaken_leaves_no_unread_file(
    lake: Lake, people: LakeTable, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = {"period": PERIOD, "council_code": "FIF"}
    lake.replace_slice(people, rows("FIF", 1), where=where, commit={})
    interrupt_first_call(
        monkeypatch, "overwrite_files", lambda: lake.replace_slice(people, rows("FIF", 2), where=where, commit={})
    )
    version = lake.replace_slice(people, rows("FIF", 3), where=where, commit={})
    named = {path for number in range(version + 1) for path in list_changed_files(lake, people, number)[0]}
    assert len(named) == 3
    assert {str(file.relative_to(lake.path(people))) for file in lake.path(people).rglob("*.parquet")} == named


def test_writers_of_different_councils_do_not_wait_for_each_other(
    lake: Lake, people: LakeTable, put: PutFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("EDH", 1)
    interrupt_first_call(monkeypatch, "overwrite_files", lambda: put("GLG", 1))
    file_names: list[str] = []
    stored = delta_commits._write_parquet
    monkeypatch.setattr(
        delta_commits, "_write_parquet", lambda frame, file: (file_names.append(file.name), stored(frame, file))[1]
    )
    put("FIF", 1)
    assert len(file_names) == 2, "one for each of the two"
    assert lake.read_slice_submissions(people, PERIOD).keys() == {"EDH", "FIF", "GLG"}


def test_a_column_closed_by_a_newer_contract_stays_closed(
    lake: Lake, people: LakeTable, put: PutFunction, rows: Rows
) -> None:
    put("FIF", 1)
    closer = replace(people, open_columns=("council_code",))
    lake.replace_slice(closer, rows("GLG", 7), where={"period": PERIOD, "council_code": "GLG"}, commit={})
    delta = DeltaTable(lake.path(people))
    assert read_open_columns(delta) == ("council_code",)
    version = put("EDH", 1)
    (add,) = [action["add"] for action in read_log(lake, people, version) if "add" in action]
    assert set(json.loads(add["stats"])["minValues"]) == {"council_code"}


@pytest.mark.parametrize(
    "change",
    [
        pl.col("amount").cast(pl.String),
        pl.col("amount").cast(pl.Float64),
        pl.lit(None).alias("amount"),
        pl.lit(1).alias("extra"),
    ],
)
def test_each_frame_is_checked_against_the_schema(lake: Lake, people: LakeTable, rows: Rows, change: pl.Expr) -> None:
    frames = [rows("FIF", 1), rows("FIF", 1).with_columns(change)]
    where = {"period": PERIOD, "council_code": "FIF"}
    with pytest.raises(SchemaMismatch, match="differ from those of the table"):
        lake.replace_slice(people, FrameSource(frames[0].schema, lambda: iter(frames)), where=where, commit={})
    assert lake.read(people).is_empty()
    assert list(lake.path(people).rglob("*.parquet")) == []


def test_a_file_whose_path_is_encoded_goes_too(lake: Lake) -> None:
    schema = pa.schema([("kind", pa.string()), ("n", pa.int64())])
    table = LakeTable("conformed", "kinds", schema, ("kind",))
    lake.replace_slice(table, pa.table([["a"], [1]], schema=schema), where={"kind": "a"}, commit={})
    write_deltalake(lake.path(table), pa.table([["a:b"], [2]], schema=schema), mode="append")
    lake.replace_slice(table, pa.table([["a:b"], [3]], schema=schema), where={"kind": "a:b"}, commit={})
    assert sorted(lake.read(table).rows()) == [("a", 1), ("a:b", 3)]


def test_a_day_beyond_four_digits_has_no_bound(lake: Lake) -> None:
    schema = pa.schema([("period", pa.string()), ("day", pa.date32())])
    table = LakeTable("conformed", "days", schema, ("period",), ("day",))
    rows = pa.table([pa.array(["CY2024"] * 2), pa.array([-1, 3_000_000], pa.date32())], schema=schema)
    version = lake.replace_slice(table, rows, where={"period": "CY2024"}, commit={})
    (add,) = [action["add"] for action in read_log(lake, table, version) if "add" in action]
    assert json.loads(add["stats"])["minValues"] == {"day": "1969-12-31"}
    assert json.loads(add["stats"])["maxValues"] == {}


def test_the_number_is_looked_at_again_where_the_table_was_widened_meanwhile(
    lake: Lake, people: LakeTable, put: PutFunction, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("GLG", 1)
    wider = replace(people, schema=people.arrow_schema.append(pa.field("more", pa.int64())))
    interrupt_first_call(monkeypatch, "align_columns", lambda: put("FIF", 3))
    frame = rows("FIF", 2).with_columns(more=pl.lit(1, dtype=pl.Int64))
    with pytest.raises(StaleSubmission):
        lake.replace_councils(wider, frame, period=PERIOD, submissions={"FIF": f"HL1.FIF.{PERIOD}.002"}, commit={})
    assert lake.read_current_numbers(people, PERIOD, ["FIF"]) == {"FIF": 3}


def test_a_slice_names_its_partition(lake: Lake, people: LakeTable, rows: Rows) -> None:
    with pytest.raises(StorageError, match="each partition column of the table"):
        lake.replace_slice(people, rows("FIF", 1), where={"council_code": "FIF"}, commit={})
