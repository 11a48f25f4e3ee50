"""All that a platform has written, as text. What is packed is unpacked first: a search of its bytes would miss it."""

import gzip
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow.parquet as pq


def read_stored_text(folder: Path, *, excluded: Path) -> Iterator[tuple[str, str]]:
    """Where and what: each file's name, its bytes, and what they hold once decoded.

    Args:
        folder: of the platform.
        excluded: the folder that secrets are kept in.
    """
    for file in sorted(folder.rglob("*")):
        where = str(file.relative_to(folder))
        yield f"name of {where}", where
        if not file.is_file() or file.is_relative_to(excluded):
            continue
        content = file.read_bytes()
        yield where, content.decode("utf-8", "replace")
        if content.startswith(b"PAR1"):
            yield where, _parquet(file)
        elif content.startswith(b"SQLite format 3"):
            yield from ((f"{where}, table {table}", text) for table, text in _sqlite(file))
        elif content.startswith(b"\x1f\x8b"):
            yield where, gzip.decompress(content).decode("utf-8", "replace")
        elif file.suffix == ".duckdb":
            yield where, _duckdb(file)


def _parquet(file: Path) -> str:
    table = pq.read_table(file)
    return f"{table.schema.to_string()}\n{table.to_pylist()}"


def _sqlite(file: Path) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            rows = connection.execute(f'SELECT * FROM "{name}"')
            yield name, "\n".join(_shown(cell) for row in rows for cell in row)


def _shown(cell: object) -> str:
    """A cell as text; Dagster keeps some of its records compressed."""
    if not isinstance(cell, bytes):
        return str(cell)
    try:
        return zlib.decompress(cell).decode("utf-8", "replace")
    except zlib.error:
        return cell.decode("utf-8", "replace")


def _duckdb(file: Path) -> str:
    with closing(duckdb.connect(str(file), read_only=True)) as connection:
        statements = ("SELECT * FROM duckdb_views()", "SELECT * FROM duckdb_tables()", "SELECT * FROM duckdb_columns()")
        return "\n".join(str(connection.execute(statement).fetchall()) for statement in statements)
