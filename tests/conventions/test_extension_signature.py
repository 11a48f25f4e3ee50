"""The platform loads only extensions whose signature DuckDB has checked; other tests are spared the check."""

import shutil
from pathlib import Path

import duckdb
import pytest

from lgdp_pipelines.settings import PROJECT
from lgdp_pipelines.storage import duckdb_connections
from tests.support.trusted_extension import connect_checked


@pytest.fixture(autouse=True)
def checked_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the platform connect as it does outside of tests."""
    monkeypatch.setattr(duckdb, "connect", connect_checked)


def test_packaged_extension_is_signed() -> None:
    with duckdb_connections.connect() as connection:
        loaded = connection.execute("SELECT loaded FROM duckdb_extensions() WHERE extension_name = 'delta'").fetchone()

    assert loaded == (True,)


def test_changed_extension_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    changed = tmp_path / "delta.duckdb_extension"
    shutil.copyfile(duckdb_connections.find_delta_extension(), changed)
    with changed.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"changed")
    monkeypatch.setattr(duckdb_connections, "find_delta_extension", lambda: changed)

    with pytest.raises(duckdb.IOException, match="signature"):
        duckdb_connections.connect()


def test_platform_never_asks_duckdb_to_skip_the_check() -> None:
    folders = (PROJECT / "lgdp_pipelines", PROJECT / "dbt_project")
    skipping = [
        str(path.relative_to(PROJECT))
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".py", ".sql", ".yml", ".yaml"} and "allow_unsigned" in path.read_text(encoding="utf-8")
    ]

    assert skipping == []
