import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from lgdp_pipelines.errors import StatementRefused, StorageError
from lgdp_pipelines.storage import duckdb_connections
from lgdp_pipelines.storage.catalogue_reader import _open, run_select
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable
from lgdp_pipelines.storage.sql_catalogue import CatalogueView, write_catalogue

COUNTS = LakeTable(
    "published",
    "hl1",
    pa.schema([("period", pa.string()), ("council_code", pa.string()), ("value", pa.int64())]),
    ("period",),
    (),
    "Applications, it's said.",
    {"value": "Applications.", "gone": "A column that is not there."},
)
NEVER = LakeTable("published", "waste", COUNTS.schema, ("period",))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "lakehouse.duckdb"


@pytest.fixture
def filled(lake: Lake, put: Callable[..., int]) -> Lake:
    put("FIF", 1)
    frame = pl.DataFrame({"period": ["CY2024", "CY2024"], "council_code": ["FIF", "GLG"], "value": [3, 4]})
    lake.replace_slice(COUNTS, frame, where={"period": "CY2024"}, commit={})
    return lake


@pytest.fixture
def catalogue(filled: Lake, path: Path) -> Path:
    write_catalogue(
        path, filled, [CatalogueView("published", "hl1", COUNTS), CatalogueView("published", "waste", NEVER)]
    )
    return path


@pytest.fixture(scope="module")
def shared_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a catalogue that no test changes, and its lake."""
    folder = tmp_path_factory.mktemp("standing")
    lake = Lake(folder / "lake")
    frame = pl.DataFrame({"period": ["CY2024"], "council_code": ["FIF"], "value": [3]})
    people = LakeTable("validated", "hl1__assess__v1", None, ("period",))
    for table in (COUNTS, people):
        lake.replace_slice(table, frame, where={"period": "CY2024"}, commit={})
    write_catalogue(folder / "lakehouse.duckdb", lake, [CatalogueView("published", "hl1", COUNTS)])
    return folder / "lakehouse.duckdb"


def test_views_and_their_comments_can_be_selected(catalogue: Path) -> None:
    assert run_select(catalogue, "SELECT sum(value)::BIGINT AS total FROM published.hl1").to_pylist() == [{"total": 7}]
    statement = "SELECT comment FROM duckdb_views() WHERE view_name = 'hl1'"
    assert run_select(catalogue, statement).to_pylist() == [{"comment": "Applications, it's said."}]
    statement = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'hl1' AND comment IS NOT NULL"
    assert run_select(catalogue, statement).to_pylist() == [{"column_name": "value", "comment": "Applications."}]


def test_a_view_over_a_table_that_was_never_written_is_left_out_until_it_is(catalogue: Path, filled: Lake) -> None:
    with pytest.raises(StatementRefused, match="waste"):
        run_select(catalogue, "FROM published.waste")
    joined = CatalogueView(
        "published",
        "both",
        f"SELECT a.value FROM {filled.scan_sql(COUNTS)} AS a JOIN {filled.scan_sql(NEVER)} AS b USING (council_code)",
        needs=(COUNTS, NEVER),
        comments={"value": "Both."},
    )
    write_catalogue(catalogue, filled, [joined])
    with pytest.raises(StatementRefused):
        run_select(catalogue, "FROM published.both")
    frame = pl.DataFrame({"period": ["CY2024"], "council_code": ["FIF"], "value": [1]})
    filled.replace_slice(NEVER, frame, where={"period": "CY2024"}, commit={})
    write_catalogue(catalogue, filled, [joined])
    assert run_select(catalogue, "FROM published.both").to_pylist() == [{"value": 3}]


def test_news_in_a_table_are_seen_without_writing_the_catalogue_again(catalogue: Path, filled: Lake) -> None:
    frame = pl.DataFrame({"period": ["CY2025"], "council_code": ["FIF"], "value": [90]})
    filled.replace_slice(COUNTS, frame, where={"period": "CY2025"}, commit={})
    assert run_select(catalogue, "SELECT max(value) AS m FROM published.hl1").to_pylist() == [{"m": 90}]


def test_a_column_added_by_a_minor_version_does_not_break_existing_views(catalogue: Path, filled: Lake) -> None:
    wider = LakeTable("published", "hl1", COUNTS.arrow_schema.append(pa.field("late", pa.bool_())), ("period",))
    frame = pl.DataFrame({"period": ["CY2025"], "council_code": ["FIF"], "value": [90], "late": [True]})
    filled.replace_slice(wider, frame, where={"period": "CY2025"}, commit={})
    assert run_select(catalogue, "SELECT count(*) AS n FROM published.hl1").to_pylist() == [{"n": 3}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM published.hl1 WHERE council_code IN (SELECT content FROM read_text('/etc/passwd'))",
        "WITH a AS (FROM glob('/etc/*')) FROM a",
        "FROM '/etc/passwd'",
        "FROM 'lake/validated/hl1__assess__v1/x.parquet'",
        "FROM delta_scan('{lake}/validated/hl1__assess__v1')",
        "DESCRIBE FROM delta_scan('{lake}/validated/hl1__assess__v1')",
        "FROM parquet_metadata('{lake}/**/*.parquet')",
        "FROM query('SELECT 1')",
        "FROM json_execute_serialized_sql('{{}}')",
        "COPY published.hl1 TO '{tmp}/out.csv'",
        "COPY (SELECT 1) TO '{lake}/published/out.csv'",
        "EXPORT DATABASE '{lake}/published/export'",
        "ATTACH '{tmp}/other.db'",
        "ATTACH ':memory:' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
        "SET VARIABLE a = 1",
        "PRAGMA database_list",
        "CREATE TEMP TABLE t AS SELECT 1",
        "CREATE TABLE memory.main.t AS SELECT 1",
        "DROP VIEW published.hl1",
        "DELETE FROM published.hl1",
        "SELECT 1; DROP VIEW published.hl1",
        "CALL pragma_version()",
        "SELECT nothing FROM nowhere",
        "SELEC 1",
        "",
        "-- nothing",
    ],
)
def test_other_statements_than_a_select_on_open_layers_are_refused(shared_catalogue: Path, sql: str) -> None:
    folder = shared_catalogue.parent
    before = {file for file in folder.rglob("*") if file.is_file()}
    with pytest.raises(StatementRefused) as refused:
        run_select(shared_catalogue, sql.format(tmp=folder, lake=folder / "lake"))
    assert refused.value.what
    assert "\n" not in refused.value.what
    assert {file for file in folder.rglob("*") if file.is_file()} == before


def test_duckdb_refuses_files_by_itself_too(catalogue: Path, filled: Lake, tmp_path: Path) -> None:
    connection = _open(catalogue)
    for sql in (
        "FROM read_text('/etc/passwd')",
        "FROM '/etc/passwd'",
        f"FROM delta_scan('{filled.root}/validated/hl1__assess__v1')",
        f"FROM delta_scan('{filled.root}/published/../validated/hl1__assess__v1')",
        f"FROM read_parquet('{filled.root}/published/../validated/**/*.parquet')",
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/other.db'",
        "SET enable_external_access = true",
        "DROP VIEW published.hl1",
        "LOAD httpfs",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(sql).fetchall()


def test_a_catalogue_changed_to_read_raw_values_cannot_show_them(catalogue: Path, filled: Lake) -> None:
    connection = duckdb_connections.connect(catalogue)
    connection.execute(f"CREATE VIEW published.raw AS FROM delta_scan('{filled.root}/validated/hl1__assess__v1')")
    connection.close()
    with pytest.raises(StatementRefused, match="outside the lakehouse"):
        run_select(catalogue, "SELECT name FROM published.raw")


def test_a_view_over_a_restricted_layer_is_not_made(path: Path, filled: Lake, people: LakeTable) -> None:
    with pytest.raises(StorageError, match="layer that analysts may not read"):
        write_catalogue(path, filled, [CatalogueView("published", "people", people)])
    assert not path.exists()
    assert list(path.parent.iterdir()) == []


def test_a_view_that_cannot_be_made_leaves_the_old_catalogue(catalogue: Path, filled: Lake) -> None:
    with pytest.raises(StorageError, match="cannot be created"):
        write_catalogue(catalogue, filled, [CatalogueView("published", "x", "SELECT nothing FROM nowhere")])
    assert run_select(catalogue, "SELECT count(*) AS n FROM published.hl1").to_pylist() == [{"n": 2}]
    assert [file.name for file in catalogue.parent.iterdir()] == [catalogue.name]


def test_a_reader_goes_on_with_the_file_it_opened(catalogue: Path, filled: Lake) -> None:
    reader = duckdb_connections.connect(catalogue, read_only=True)
    write_catalogue(catalogue, filled, [])
    assert reader.execute("SELECT count(*) FROM published.hl1").fetchall() == [(2,)]
    with pytest.raises(StatementRefused):
        run_select(catalogue, "FROM published.hl1")


def test_concurrent_writers_and_readers_do_not_disturb_each_other(catalogue: Path, filled: Lake) -> None:
    def write(_: int) -> int:
        write_catalogue(catalogue, filled, [CatalogueView("published", "hl1", COUNTS)])
        return 7

    def question(_: int) -> int:
        return int(run_select(catalogue, "SELECT sum(value)::BIGINT AS total FROM published.hl1")["total"][0].as_py())

    with ThreadPoolExecutor(3) as pool:
        answers = [*pool.map(write, range(2)), *pool.map(question, range(3)), *pool.map(write, range(1))]
    assert answers == [7] * 6
    assert [file.name for file in catalogue.parent.iterdir()] == [catalogue.name]


def test_a_question_that_takes_too_long_is_stopped(catalogue: Path) -> None:
    started = time.monotonic()
    with pytest.raises(StatementRefused, match="longer than"):
        run_select(catalogue, "SELECT count(*) FROM range(10000000) a, range(10000000) b", seconds=0.3)
    assert time.monotonic() - started < 20


def test_without_a_catalogue_there_is_one_clear_sentence(path: Path) -> None:
    with pytest.raises(StatementRefused, match="does not exist yet"):
        run_select(path, "SELECT 1")


def test_an_unchanged_catalogue_is_kept_and_a_changed_one_is_written_anew(path: Path, filled: Lake) -> None:
    view = CatalogueView("published", "counted", COUNTS)
    write_catalogue(path, filled, [view])
    first = path.stat().st_ino
    write_catalogue(path, filled, [view])
    assert path.stat().st_ino == first
    write_catalogue(path, filled, [replace(view, description="In other words.")])
    assert path.stat().st_ino != first
    [comment] = run_select(path, "SELECT comment FROM duckdb_views() WHERE view_name = 'counted'").to_pylist()
    assert comment == {"comment": "In other words."}


def test_the_file_holds_no_rows(catalogue: Path) -> None:
    connection = duckdb.connect(str(catalogue), read_only=True)
    tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
    assert tables == [("platform", "open_folder")]
