"""All files of a platform as text; compressed content is unpacked, so that a search finds it."""

import gzip
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow.parquet as pq


def read_stored_text(folder: Path, *, excluded: Path) -> Iterator[tuple[str, str]]:
    """Yield location and text of each file's name, bytes and decoded content.

    Args:
        folder: home folder of the platform.
        excluded: folder of secrets, whose files are not read.
    """
    for file in sorted(folder.rglob("*")):
        location = str(file.relative_to(folder))
        yield f"name of {location}", location
        if not file.is_file() or file.is_relative_to(excluded):
            continue
        content = file.read_bytes()
        yield location, content.decode("utf-8", "replace")
        if content.startswith(b"PAR1"):
            yield location, _read_parquet(file)
        elif content.startswith(b"SQLite format 3"):
            yield from ((f"{location}, table {table}", text) for table, text in _read_sqlite(file))
        elif content.startswith(b"\x1f\x8b"):
            yield location, gzip.decompress(content).decode("utf-8", "replace")
        elif file.suffix == ".duckdb":
            yield location, _read_duckdb(file)


def _read_parquet(file: Path) -> str:
    table = pq.read_table(file)
    return f"{table.schema.to_string()}\n{table.to_pylist()}"


def _read_sqlite(file: Path) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            rows = connection.execute(f'SELECT * FROM "{name}"')
            yield name, "\n".join(_decode_cell(cell) for row in rows for cell in row)


def _decode_cell(cell: object) -> str:
    """Return a cell as text; Dagster compresses some of its records."""
    if not isinstance(cell, bytes):
        return str(cell)
    try:
        return zlib.decompress(cell).decode("utf-8", "replace")
    except zlib.error:
        return cell.decode("utf-8", "replace")


def _read_duckdb(file: Path) -> str:
    with closing(duckdb.connect(str(file), read_only=True)) as connection:
        statements = ("SELECT * FROM duckdb_views()", "SELECT * FROM duckdb_tables()", "SELECT * FROM duckdb_columns()")
        return "\n".join(str(connection.execute(statement).fetchall()) for statement in statements)
