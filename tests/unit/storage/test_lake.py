import json
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from lgdp_pipelines.errors import SchemaMismatch, StaleSubmission, StorageError
from lgdp_pipelines.storage import duckdb_connections
from lgdp_pipelines.storage.frame_source import FrameSource
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

PERIOD = "FY2024-25"
PutFunction = Callable[..., int]
Rows = Callable[..., pl.DataFrame]


def commits(lake: Lake, table: LakeTable) -> list[dict[str, object]]:
    log = sorted((lake.path(table) / "_delta_log").glob("*.json"))
    return [json.loads(line) for file in log for line in file.read_text().splitlines()]


def test_a_table_that_was_never_written_is_empty_and_has_no_version(lake: Lake, people: LakeTable) -> None:
    assert not lake.exists(people)
    assert lake.version(people) is None
    assert lake.read_slice_submissions(people, PERIOD) == {}
    assert lake.read(people).columns == people.arrow_schema.names
    assert lake.remove_slice(people, {"period": PERIOD}) is None
    assert not lake.exists(people)


def test_rows_come_back_typed_as_declared(lake: Lake, people: LakeTable, put: PutFunction, rows: Rows) -> None:
    put("FIF", 1)
    assert lake.read(people).equals(rows("FIF", 1))
    assert lake.read(people, {"council_code": "GLG"}).is_empty()
    assert lake.read(people, {"council_code": ["FIF", "GLG"]}, ["_row"]).to_dict(as_series=False) == {"_row": [2, 3]}


def test_a_slice_is_replaced_and_others_stay(lake: Lake, people: LakeTable, put: PutFunction) -> None:
    put("FIF", 1, ("A", "B", "C"))
    put("GLG", 1, ("D",))
    put("FIF", 2, ("E",))
    assert sorted(lake.read(people, columns=["council_code", "name"]).rows()) == [("FIF", "E"), ("GLG", "D")]
    assert lake.read_slice_submissions(people, PERIOD) == {
        "FIF": f"HL1.FIF.{PERIOD}.002",
        "GLG": f"HL1.GLG.{PERIOD}.001",
    }
    assert lake.read_slice_submissions(people, "FY2023-24") == {}


def test_all_councils_of_a_period_are_one_commit(lake: Lake, people: LakeTable, rows: Rows) -> None:
    councils = ["FIF", "GLG", "ABE"]
    version = lake.replace_councils(
        people,
        pl.concat([rows(council, 1) for council in councils]),
        period=PERIOD,
        submissions={council: f"HL1.{council}.{PERIOD}.001" for council in councils},
        commit={"run": "r-1", "submissions": "three of them"},
    )
    commit_infos = [entry["commitInfo"] for entry in commits(lake, people) if "commitInfo" in entry]
    assert version == 1
    assert [
        (info["operation"], info.get("run"), info.get("submissions")) for info in commit_infos if isinstance(info, dict)
    ] == [
        ("CREATE TABLE", None, None),
        ("WRITE", "r-1", "three of them"),
    ]


def test_a_lower_number_is_refused_and_nothing_changes(
    lake: Lake, people: LakeTable, put: PutFunction, rows: Rows
) -> None:
    put("FIF", 2)
    before = lake.version(people)
    with pytest.raises(StaleSubmission, match="002 of FIF"):
        lake.replace_councils(
            people,
            pl.concat([rows("ABE", 1), rows("FIF", 1)]),
            period=PERIOD,
            submissions={"ABE": f"HL1.ABE.{PERIOD}.001", "FIF": f"HL1.FIF.{PERIOD}.001"},
            commit={},
        )
    assert lake.version(people) == before
    assert lake.read_slice_submissions(people, PERIOD) == {"FIF": f"HL1.FIF.{PERIOD}.002"}


def test_numbers_are_compared_as_numbers(lake: Lake, people: LakeTable, put: PutFunction) -> None:
    put("FIF", 999)
    put("FIF", 1000)
    with pytest.raises(StaleSubmission):
        put("FIF", 999)


def test_the_same_number_is_written_again(lake: Lake, people: LakeTable, put: PutFunction) -> None:
    put("FIF", 2, ("A", "B"))
    put("FIF", 2, ("C",))
    assert lake.read(people)["name"].to_list() == ["C"]


def test_an_accepted_submission_without_rows_empties_the_slice_and_is_current(
    lake: Lake, people: LakeTable, put: PutFunction
) -> None:
    put("FIF", 1)
    put("GLG", 1)
    put("FIF", 2, ())
    assert lake.read_slice_submissions(people, PERIOD) == {"GLG": f"HL1.GLG.{PERIOD}.001"}
    with pytest.raises(StaleSubmission):
        put("FIF", 1)


def test_a_removed_slice_may_be_written_again(lake: Lake, people: LakeTable, put: PutFunction) -> None:
    put("FIF", 1)
    put("GLG", 1)
    put("FIF", 2)
    lake.remove_slice(people, {"period": PERIOD, "council_code": ["FIF", "ABE"]})
    assert lake.read_slice_submissions(people, PERIOD) == {"GLG": f"HL1.GLG.{PERIOD}.001"}
    put("FIF", 1)
    assert lake.read_slice_submissions(people, PERIOD)["FIF"] == f"HL1.FIF.{PERIOD}.001"


@pytest.mark.parametrize(
    ("change", "expected_text"),
    [
        (lambda frame: frame.with_columns(pl.col("amount").cast(pl.String)), "amount is string, not int64"),
        (lambda frame: frame.with_columns(pl.col("amount").cast(pl.Float64)), "amount is double, not int64"),
        (lambda frame: frame.with_columns(pl.col("_row").cast(pl.Int32)), "_row is int32, not int64"),
        (lambda frame: frame.drop("name"), "name missing"),
        (lambda frame: frame.with_columns(extra=pl.lit(1)), "extra unknown"),
        (lambda frame: frame.select(reversed(frame.columns)), "another order"),
        (lambda frame: frame.with_columns(pl.col("name").cast(pl.Categorical)), "name is dictionary"),
    ],
)
def test_rows_of_another_shape_are_refused_not_cast(
    lake: Lake, people: LakeTable, rows: Rows, change: Callable[[pl.DataFrame], pl.DataFrame], expected_text: str
) -> None:
    lake.replace_slice(people, rows("FIF", 1), where={"period": PERIOD}, commit={})
    where = {"period": PERIOD, "council_code": "FIF"}
    with pytest.raises(SchemaMismatch, match=expected_text):
        lake.replace_slice(people, change(rows("FIF", 2)), where=where, commit={})
    assert lake.version(people) == 1
    first = LakeTable(people.layer, "fresh__t__v1", people.schema, people.partition_by)
    with pytest.raises(SchemaMismatch):
        lake.replace_slice(first, change(rows("FIF", 2)), where=where, commit={})
    assert first.schema is not None
    assert lake.read(first).is_empty()


def test_nullability_metadata_and_text_layout_do_not_matter(lake: Lake, people: LakeTable, rows: Rows) -> None:
    table = rows("FIF", 1).to_arrow()
    assert pa.types.is_large_string(table.schema.field("name").type)
    strict = pa.schema(
        [pa.field(field.name, field.type, nullable=False, metadata={"note": "x"}) for field in people.arrow_schema]
    )
    where = {"period": PERIOD, "council_code": "FIF"}
    lake.replace_slice(people, table.cast(strict), where=where, commit={})
    lake.replace_slice(people, rows("FIF", 1), where=where, commit={})
    assert lake.read(people).equals(rows("FIF", 1))


def test_a_table_without_declared_columns_takes_those_of_its_first_write(lake: Lake, rows: Rows) -> None:
    table = LakeTable("conformed", "observation", None, ("period",))
    where = {"period": PERIOD}
    with pytest.raises(StorageError, match="never written"):
        lake.read(table)
    lake.replace_slice(table, rows("FIF", 1), where=where, commit={})
    assert lake.schema(table).names == rows("FIF", 1).columns
    with pytest.raises(SchemaMismatch, match="extra unknown"):
        lake.replace_slice(table, rows("FIF", 1).with_columns(extra=pl.lit(1)), where=where, commit={})


def test_a_row_outside_the_slice_is_refused_without_repeating_it(lake: Lake, people: LakeTable, rows: Rows) -> None:
    with pytest.raises(StorageError, match="another council_code") as refused:
        lake.replace_slice(people, rows("GLG", 1), where={"period": PERIOD, "council_code": "FIF"}, commit={})
    assert "Buchanan" not in str(refused.value)
    assert lake.read(people).is_empty()


def test_rows_must_belong_to_the_new_submission(lake: Lake, people: LakeTable, rows: Rows) -> None:
    with pytest.raises(StorageError, match="another submission"):
        lake.replace_councils(
            people, rows("FIF", 1), period=PERIOD, submissions={"FIF": f"HL1.FIF.{PERIOD}.002"}, commit={}
        )
    with pytest.raises(StorageError, match="does not answer"):
        lake.replace_councils(
            people, rows("FIF", 1), period=PERIOD, submissions={"FIF": f"HL1.GLG.{PERIOD}.001"}, commit={}
        )


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"council_code": "FIF' OR '1'='1"},
        {"council_code": "fif"},
        {"council_code": "FIF\n"},
        {"council_code": []},
        {"period": "FY2024-25' --"},
        {"period": ""},
        {"_submission_id": "HL1.FIF.FY2024-25.1"},
        {"_submission_id": ["HL1.FIF.FY2024-25.001", "x'; DROP"]},
        {"period = '1' OR period": "FY2024-25"},
        {"model": "it's"},
        {"return_code": "../x"},
        {"period": "FY２０２４-25"},
    ],
)
def test_only_well_formed_values_name_a_slice(
    lake: Lake, people: LakeTable, put: PutFunction, where: dict[str, str]
) -> None:
    put("FIF", 1)
    with pytest.raises(StorageError):
        lake.remove_slice(people, where)
    assert lake.version(people) == 1


def test_a_minor_version_adds_a_column_and_older_ones_go_on(
    lake: Lake, people: LakeTable, put: PutFunction, rows: Rows
) -> None:
    put("FIF", 1)
    fields = list(people.arrow_schema)
    newer = LakeTable(
        people.layer,
        people.name,
        pa.schema([*fields[:3], pa.field("reason", pa.string()), *fields[3:]]),
        people.partition_by,
        people.open_columns,
        comments={"reason": "Why."},
    )
    frame = rows("GLG", 1).insert_column(3, pl.Series("reason", ["because", None], dtype=pl.String))
    lake.replace_slice(newer, frame, where={"period": PERIOD, "council_code": "GLG"}, commit={})
    put("ABE", 1)
    stored_rows = lake.read(newer).sort("council_code", "_row")
    assert stored_rows["reason"].to_list() == [None, None, None, None, "because", None]
    assert stored_rows["name"].to_list() == ["Buchanan", "Null"] * 3


def test_a_column_that_changes_type_needs_a_table_of_its_own(lake: Lake, people: LakeTable, put: PutFunction) -> None:
    put("FIF", 1)
    other_table = LakeTable(people.layer, people.name, pa.schema([("period", pa.string()), ("amount", pa.string())]))
    frame = pl.DataFrame({"period": [PERIOD], "amount": ["00123"]})
    with pytest.raises(SchemaMismatch, match="major version"):
        lake.replace_slice(other_table, frame, where={"period": PERIOD}, commit={})


def test_no_personal_text_is_in_the_log_not_even_in_its_checkpoints(
    lake: Lake, people: LakeTable, put: PutFunction
) -> None:
    for number in range(1, 101):
        put("FIF", number, ("Zaphod Beeblebrox",))
    folder = lake.path(people) / "_delta_log"
    checkpoints = list(folder.glob("*.checkpoint.parquet"))
    assert checkpoints, "the log has a checkpoint after 100 commits"
    text = "".join(file.read_text() for file in folder.glob("*.json"))
    text += "".join(str(pl.read_parquet(file).to_dicts()) for file in checkpoints)
    assert "Zaphod" not in text
    assert '\\"council_code\\":\\"FIF\\"' in text, "open columns have statistics"
    data = [pl.read_parquet(file)["name"].to_list() for file in lake.path(people).rglob("part-*.parquet")]
    assert ["Zaphod Beeblebrox"] in data, "decoded, the name is where it belongs"


def test_a_table_with_no_open_column_has_no_statistics_at_all(lake: Lake, people: LakeTable, rows: Rows) -> None:
    closed = LakeTable("landed", "hl1__assess__v1", people.schema, ("period",))
    lake.replace_slice(closed, rows("FIF", 1), where={"period": PERIOD}, commit={})
    adds = [entry["add"] for entry in commits(lake, closed) if "add" in entry]
    stats = [json.loads(str(add["stats"])) for add in adds if isinstance(add, dict)]
    assert [(statistics["numRecords"], statistics["minValues"], statistics["maxValues"]) for statistics in stats] == [
        (2, {}, {})
    ]


def test_a_column_that_is_no_longer_open_loses_its_statistics(
    lake: Lake, people: LakeTable, put: PutFunction, rows: Rows
) -> None:
    put("FIF", 1)
    closer = LakeTable(people.layer, people.name, people.schema, people.partition_by, ("council_code",))
    lake.replace_slice(closer, rows("GLG", 7), where={"period": PERIOD, "council_code": "GLG"}, commit={})
    adds = [entry["add"] for entry in commits(lake, people) if "add" in entry]
    last = adds[-1]
    assert isinstance(last, dict)
    assert set(json.loads(str(last["stats"]))["minValues"]) == {"council_code"}


def test_description_and_comments_are_in_the_table(lake: Lake, people: LakeTable, put: PutFunction) -> None:
    put("FIF", 1)
    meta = next(entry["metaData"] for entry in commits(lake, people) if "metaData" in entry)
    assert isinstance(meta, dict)
    assert meta["description"] == "One application a row."
    assert meta["partitionColumns"] == ["period"]
    fields = {column["name"]: column["metadata"] for column in json.loads(str(meta["schemaString"]))["fields"]}
    assert fields["name"] == {"comment": "The applicant's name."}


def test_duckdb_reads_the_written_rows(lake: Lake, people: LakeTable, put: PutFunction) -> None:
    put("FIF", 1, ("Buchanan", "nan"))
    stored_rows = (
        duckdb_connections.connect().execute(f"SELECT name FROM {lake.scan_sql(people)} ORDER BY name").fetchall()
    )
    assert stored_rows == [("Buchanan",), ("nan",)]


def test_null_names_a_slice_of_its_own(lake: Lake) -> None:
    table = LakeTable(
        "ledger", "receipt", pa.schema([("return_code", pa.string()), ("id", pa.int64())]), ("return_code",)
    )
    for number in (1, 2):
        lake.replace_slice(
            table,
            pa.table([["HL1"], [number]], schema=table.schema),
            where={"return_code": "HL1"},
            commit={},
        )
        lake.replace_slice(
            table,
            pa.table([[None], [number * 10]], schema=table.schema),
            where={"return_code": None},
            commit={},
        )
    assert sorted(lake.read(table)["id"].to_list()) == [2, 20]
    assert lake.read(table, {"return_code": None})["id"].to_list() == [20]


def test_the_error_of_a_refused_write_holds_no_values(
    lake: Lake, people: LakeTable, put: PutFunction, tmp_path: Path
) -> None:
    put("FIF", 1)
    log = lake.path(people) / "_delta_log" / f"{1:020d}.json"
    log.write_text("not a log")
    with pytest.raises(StorageError) as refused:
        put("FIF", 2, ("Zaphod",))
    error: BaseException | None = refused.value
    assert "Zaphod" not in str(error)
    assert error is not None
    assert error.__suppress_context__
    assert not isinstance(error, duckdb.Error)


def test_rows_come_frame_by_frame_and_a_slice_is_read_file_by_file(lake: Lake, people: LakeTable, rows: Rows) -> None:
    where = {"period": PERIOD, "council_code": ["FIF", "GLG"]}
    frames = [rows("FIF", 1), rows("GLG", 2)]
    source = FrameSource(frames[0].schema, lambda: iter(frames))
    lake.replace_slice(people, source, where=where, commit={})
    assert lake.read(people).sort("council_code").equals(pl.concat(frames))
    lake.replace_slice(people, rows("EDH", 3), where={"period": PERIOD, "council_code": "EDH"}, commit={})
    stored_rows = lake.read_chunks(people, {"period": PERIOD})
    assert len(stored_rows.chunks) == 2
    assert stored_rows.height == 3 * rows("FIF", 1).height
    assert stored_rows.collect().sort("council_code").equals(pl.concat([rows("EDH", 3), *frames]))
    assert [frame.columns for frame in stored_rows.iter_chunks(["name"])] == [["name"], ["name"]]
    assert lake.read_chunks(people, {"period": PERIOD, "council_code": "GLG"}).collect().equals(rows("GLG", 2))
    assert lake.read_chunks(people, {"period": "FY1999-00-Q1"}).height == 0
    assert lake.read_slice_submissions(people, PERIOD).keys() == {"EDH", "FIF", "GLG"}


def test_an_error_of_the_source_of_rows_writes_no_rows(lake: Lake, people: LakeTable, rows: Rows) -> None:
    where = {"period": PERIOD, "council_code": "FIF"}
    lake.replace_slice(people, rows("FIF", 1), where=where, commit={})
    frame = rows("FIF", 2)

    def breaking() -> Iterator[pl.DataFrame]:
        yield frame
        raise StorageError("The scratch disk is full.")

    with pytest.raises(StorageError, match="scratch disk"):
        lake.replace_slice(people, FrameSource(frame.schema, breaking), where=where, commit={})
    assert lake.version(people) == 1
    assert lake.read(people).equals(rows("FIF", 1))
