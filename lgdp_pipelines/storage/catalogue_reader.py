"""Reading the analysts' catalogue: one ``SELECT`` at a time, which reads the lake's open layers and no other file.

It needs DuckDB alone: polars and Delta Lake, which writing the catalogue needs, would double the time of `lgdp sql`.
Belongs here: checking and running a statement. Belongs elsewhere: the catalogue's content (``storage.sql_catalogue``).
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from lgdp_pipelines.errors import StatementRefused
from lgdp_pipelines.storage import duckdb_connections

TIME_LIMIT_SECONDS = 300.0

_FUNCTIONS = frozenset(
    {
        "duckdb_columns", "duckdb_databases", "duckdb_functions", "duckdb_keywords", "duckdb_schemas", "duckdb_tables",
        "duckdb_types", "duckdb_views", "generate_series", "json_each", "json_tree", "pragma_table_info", "range",
        "repeat", "repeat_row", "unnest",
    }
)  # fmt: skip
"""Table functions that read no file. Any other is refused by name, in addition to DuckDB's own restrictions."""

_READ_ONLY = "Use one SELECT (or WITH, FROM, DESCRIBE, SHOW ALL TABLES); no other statement is run here."


def run_select(path: Path, sql: str, *, seconds: float = TIME_LIMIT_SECONDS) -> pa.Table:
    """Run one ``SELECT`` on the catalogue, and return its rows.

    Args:
        path: of the catalogue.
        sql: the statement.
        seconds: time limit.

    Raises:
        StatementRefused: it is not one ``SELECT``, has unknown names, reads outside open layers, or takes too long.
    """
    _check_is_select(sql)
    with contextlib.closing(_open(path)) as connection:
        try:
            with duckdb_connections.limit_time(connection, seconds):
                return connection.execute(sql).to_arrow_table()
        except duckdb.PermissionException:
            raise StatementRefused("The statement reads data outside the lakehouse.", remedy=_READ_ONLY) from None
        except duckdb.Error as error:
            raise StatementRefused(
                duckdb_connections.describe_error(error), remedy="`SHOW ALL TABLES` lists tables and their columns."
            ) from None


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    """Open the catalogue read-only, confined to the lake's open folders."""
    if not path.is_file():
        raise StatementRefused(
            "The lakehouse does not exist yet.", where=str(path), remedy="Collect or submit an extract first."
        )
    connection = duckdb_connections.connect()
    try:
        connection.execute(f"ATTACH {duckdb_connections.quote_literal(str(path))} AS lakehouse (READ_ONLY)")
        connection.execute("USE lakehouse")
        rows = connection.execute("SELECT path FROM platform.open_folder").fetchall()
        folders = ", ".join(duckdb_connections.quote_literal(str(row[0])) for row in rows)
        connection.execute(f"SET allowed_directories = [{folders}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_is_select(sql: str) -> None:
    """Check that a statement is one ``SELECT`` that reads no file."""
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise StatementRefused(duckdb_connections.describe_error(error), remedy=_READ_ONLY) from None
    if not statements:
        raise StatementRefused("The statement is empty.", remedy=_READ_ONLY)
    with contextlib.closing(duckdb_connections.open_sandbox()) as connection:
        parsed = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    tree = json.loads(parsed[0]) if parsed else {"error": True}
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT or tree["error"]:
        raise StatementRefused("The lakehouse is read-only, and takes one statement at a time.", remedy=_READ_ONLY)
    for node in _nodes(tree):
        if node.get("type") == "TABLE_FUNCTION" and node["function"]["function_name"].lower() not in _FUNCTIONS:
            raise StatementRefused(
                f"{node['function']['function_name']} cannot be used: the lakehouse reads its own tables, not files.",
                remedy=_READ_ONLY,
            )
        if node.get("type") == "BASE_TABLE" and set("/\\*:") & set(str(node["table_name"])):
            raise StatementRefused("The lakehouse reads its own tables, not files.", remedy=_READ_ONLY)


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Yield every object in a parsed statement."""
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)
