import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import polars as pl
import pytest

from lgdp_pipelines.errors import StatementRefused
from lgdp_pipelines.storage import duckdb_connections


def test_delta_loads_offline_in_several_processes_with_an_empty_home(tmp_path: Path) -> None:
    code = (
        "from lgdp_pipelines.storage import duckdb_connections\n"
        "c = duckdb_connections.connect()\n"
        "print(c.sql(\"SELECT loaded FROM duckdb_extensions() WHERE extension_name = 'delta'\").fetchone()[0])"
    )
    home = tmp_path / "home"
    home.mkdir()
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={"HOME": str(home), "PATH": os.environ["PATH"], "http_proxy": "http://127.0.0.1:9"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    assert [process.communicate(timeout=60)[0].strip() for process in started] == ["True"] * 3
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '{tmp}/out.csv'",
        "ATTACH '{tmp}/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '90GB'",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "SELECT * FROM somebodys_frame",
    ],
)
def test_the_sandbox_has_no_external_access(tmp_path: Path, sql: str) -> None:
    somebodys_frame = pl.DataFrame({"a": [1]})
    connection = duckdb_connections.open_sandbox()
    with pytest.raises(duckdb.Error):
        connection.execute(sql.format(tmp=tmp_path)).fetchall()
    assert list(tmp_path.iterdir()) == []
    assert somebodys_frame.height == 1


def test_the_sandbox_reads_registered_frames_and_variables() -> None:
    connection = duckdb_connections.open_sandbox()
    connection.register("assess", pl.DataFrame({"amount": [1, 2, 3]}))
    connection.execute("SET VARIABLE period_end = DATE '2025-03-31'")
    sql = "SELECT count(*), getvariable('period_end')::VARCHAR FROM assess WHERE amount > 1"
    assert connection.execute(sql).fetchall() == [(2, "2025-03-31")]


def test_the_sandbox_is_bounded_in_memory() -> None:
    connection = duckdb_connections.open_sandbox(memory_mb=50, threads=1)
    with pytest.raises(duckdb.OutOfMemoryException):
        connection.execute("SELECT list(i) FROM range(100000000) t(i)").fetchall()


def test_a_query_is_stopped_when_its_time_is_up_and_the_connection_goes_on() -> None:
    connection = duckdb_connections.open_sandbox(threads=1)
    started = time.monotonic()
    with (
        pytest.raises(StatementRefused, match=r"longer than 0\.3 seconds"),
        duckdb_connections.limit_time(connection, 0.3),
    ):
        connection.execute("SELECT count(*) FROM range(100000000) a, range(100000000) b").fetchall()
    assert time.monotonic() - started < 20
    with duckdb_connections.limit_time(connection, 30):
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_a_kept_sandbox_is_given_again_and_never_after_an_error() -> None:
    with duckdb_connections.reuse_sandbox() as first:
        first.execute("SET VARIABLE period = 'CY2023'")
    with duckdb_connections.reuse_sandbox() as second:
        assert second is first
        with duckdb_connections.reuse_sandbox() as within:
            assert within is not second
    with pytest.raises(duckdb.Error), duckdb_connections.reuse_sandbox() as third:
        third.execute("SELECT * FROM nowhere")
    with duckdb_connections.reuse_sandbox() as fourth:
        assert fourth is not third
        with pytest.raises(duckdb.Error):
            fourth.execute("SELECT * FROM read_csv('/etc/passwd')")


def test_literals_and_names_are_quoted() -> None:
    connection = duckdb_connections.open_sandbox()
    hostile = 'it\'s a "name"; DROP TABLE x'
    sql = f"SELECT {duckdb_connections.quote_literal(hostile)} AS {duckdb_connections.quote_identifier(hostile)}"
    answer = connection.execute(sql)
    assert [column[0] for column in answer.description or []] == [hostile]
    assert answer.fetchall() == [(hostile,)]
