"""The analysts' catalogue: one DuckDB file of views over the lake, and running SQL on it.

The file holds no rows, only views with comments. It is written as a draft and put in place in one rename, so a reader
is never locked out and never sees a part of it. A statement can read the open layers of the lake, and nothing else on
the machine. What belongs here: the file and its use. What does not: the list of views.
"""

import contextlib
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import pyarrow as pa

from lgdp_pipelines.errors import StatementRefused, StorageError
from lgdp_pipelines.storage import duckdb_connections
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

OPEN_LAYERS = ("conformed", "published", "judged", "ledger", "lineage", "register")
"""Layers that an analyst may read; earlier layers hold raw values, and are not in the catalogue."""

TIME_LIMIT_S = 300.0

_FUNCTIONS = frozenset(
    {
        "duckdb_columns", "duckdb_databases", "duckdb_functions", "duckdb_keywords", "duckdb_schemas", "duckdb_tables",
        "duckdb_types", "duckdb_views", "generate_series", "json_each", "json_tree", "pragma_table_info", "range",
        "repeat", "repeat_row", "unnest",
    }
)  # fmt: skip
"""Table functions that read no file. Any other is refused by name, besides DuckDB's own restrictions."""

_READ_ONLY = "Ask with one SELECT (or WITH, FROM, DESCRIBE, SHOW ALL TABLES); nothing else is run here."


@dataclass(frozen=True)
class CatalogueView:
    """A view in the catalogue.

    Attributes:
        schema: of the view, such as ``published``.
        name: of the view.
        source: a table to show whole, a ``SELECT`` over :meth:`Lake.scan_sql`, or a function from a lake to one.
        needs: for a ``SELECT``: the tables that it reads; the view is left out until all exist.
        description: comment on the view; empty: the table's own.
        comments: comments on its columns; empty: the table's own.
    """

    schema: str
    name: str
    source: LakeTable | str | Callable[[Lake], str]
    needs: tuple[LakeTable, ...] = ()
    description: str = ""
    comments: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def write_catalogue(path: Path, lake: Lake, views: Sequence[CatalogueView]) -> None:
    """Write the catalogue and put it in place in one rename.

    An unchanged catalogue is kept. Readers of the old file can continue. Of two writers at once, the later one's file
    stays.

    Args:
        path: of the DuckDB file.
        lake: that the views read.
        views: those over tables that were never written are left out.

    Raises:
        StorageError: a view reads a layer that is not open, or cannot be created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    present = [view for view in views if _is_complete(lake, view)]
    fingerprint = _compute_fingerprint(lake, present)
    if _read_fingerprint(path) == fingerprint:
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with contextlib.closing(duckdb_connections.connect(draft)) as connection:
            connection.begin()  # hundreds of statements, and one wait for the disk
            _write_folders(connection, lake, fingerprint)
            for view in present:
                _write_view(connection, lake, view)
            connection.commit()
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
        draft.with_name(f"{draft.name}.wal").unlink(missing_ok=True)


def _is_complete(lake: Lake, view: CatalogueView) -> bool:
    """Return whether every table that a view reads was ever written."""
    tables = (view.source,) if isinstance(view.source, LakeTable) else view.needs
    closed = [str(table) for table in tables if table.layer not in OPEN_LAYERS]
    if closed:
        raise StorageError(
            f"{', '.join(closed)} lies in a layer that analysts do not read.", where=f"{view.schema}.{view.name}"
        )
    return all(lake.exists(table) for table in tables)


def _compute_fingerprint(lake: Lake, views: Sequence[CatalogueView]) -> str:
    """Return the hash of a catalogue of these views."""
    content = [
        (
            view.schema,
            view.name,
            _build_select(lake, view.source),
            _comments(view)[0],
            sorted(_comments(view)[1].items()),
        )
        for view in views
    ]
    return hashlib.sha256(repr((duckdb.__version__, lake.root, content)).encode()).hexdigest()


def _read_fingerprint(path: Path) -> str:
    """Return the hash of the present catalogue; empty where no catalogue can be read."""
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            row = connection.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'open_folder'").fetchone()
    except duckdb.Error:
        return ""
    return str(row[0]).removeprefix(_FOLDERS) if row else ""


_FOLDERS = "Folders of the lake that this catalogue reads. Content: "


def _write_folders(connection: duckdb.DuckDBPyConnection, lake: Lake, fingerprint: str) -> None:
    folders = [f"{lake.root / layer}/" for layer in OPEN_LAYERS]
    connection.execute("CREATE SCHEMA platform")
    connection.execute("CREATE TABLE platform.open_folder (path VARCHAR)")
    connection.executemany("INSERT INTO platform.open_folder VALUES (?)", [[folder] for folder in folders])
    connection.execute(
        f"COMMENT ON TABLE platform.open_folder IS {duckdb_connections.quote_literal(_FOLDERS + fingerprint)}"
    )


def _write_view(connection: duckdb.DuckDBPyConnection, lake: Lake, view: CatalogueView) -> None:
    name = f"{duckdb_connections.quote_identifier(view.schema)}.{duckdb_connections.quote_identifier(view.name)}"
    try:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {duckdb_connections.quote_identifier(view.schema)}")
        connection.execute(f"CREATE VIEW {name} AS {_build_select(lake, view.source)}")
    except duckdb.Error as error:
        raise StorageError(f"A view of the catalogue cannot be created: {_first_line(error)}", where=name) from error
    for statement in _comment_statements(connection, view, name):
        connection.execute(statement)


def _build_select(lake: Lake, source: LakeTable | str | Callable[[Lake], str]) -> str:
    if isinstance(source, str):
        return source
    if not isinstance(source, LakeTable):
        return source(lake)
    # Columns by name: a view over * breaks as soon as a minor version adds a column.
    columns = ", ".join(duckdb_connections.quote_identifier(column) for column in lake.schema(source).names)
    return f"SELECT {columns} FROM {lake.scan_sql(source)}"  # noqa: S608 - names and path are quoted


def _comment_statements(connection: duckdb.DuckDBPyConnection, view: CatalogueView, name: str) -> Iterator[str]:
    description, comments = _comments(view)
    if description:
        yield f"COMMENT ON VIEW {name} IS {duckdb_connections.quote_literal(description)}"
    described = connection.execute(f"DESCRIBE {name}").fetchall()
    for column in (row[0] for row in described):
        if comments.get(column):
            column_name = f"{name}.{duckdb_connections.quote_identifier(column)}"
            yield f"COMMENT ON COLUMN {column_name} IS {duckdb_connections.quote_literal(comments[column])}"


def _comments(view: CatalogueView) -> tuple[str, Mapping[str, str]]:
    """Return a view's description, and comments on its columns."""
    table = view.source if isinstance(view.source, LakeTable) else None
    return view.description or (table.description if table else ""), view.comments or (table.comments if table else {})


def run_select(path: Path, sql: str, *, seconds: float = TIME_LIMIT_S) -> pa.Table:
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
            raise StatementRefused(
                "The query reaches for something outside the lakehouse.", remedy=_READ_ONLY
            ) from None
        except duckdb.Error as error:
            raise StatementRefused(
                _first_line(error), remedy="`SHOW ALL TABLES` lists tables and their columns."
            ) from None


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    """Open the catalogue in its own database, so that connections keep their settings."""
    if not path.is_file():
        raise StatementRefused(
            "There is no lakehouse yet.", where=str(path), remedy="Collect or submit something first."
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
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise StatementRefused(_first_line(error), remedy=_READ_ONLY) from None
    if not statements:
        raise StatementRefused("There is no question.", remedy=_READ_ONLY)
    with contextlib.closing(duckdb_connections.open_sandbox()) as connection:
        parsed = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    tree = json.loads(parsed[0]) if parsed else {"error": True}
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT or tree["error"]:
        raise StatementRefused("The lakehouse is read-only, and takes one question at a time.", remedy=_READ_ONLY)
    for node in _nodes(tree):
        if node.get("type") == "TABLE_FUNCTION":
            _check_function(str(node["function"]["function_name"]))
        if node.get("type") == "BASE_TABLE" and set("/\\*:") & set(str(node["table_name"])):
            raise StatementRefused("The lakehouse reads its own tables, not files.", remedy=_READ_ONLY)


def _check_function(name: str) -> None:
    if name.lower() not in _FUNCTIONS:
        raise StatementRefused(
            f"{name} is not for use here: the lakehouse reads its own tables, not files.", remedy=_READ_ONLY
        )


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Return every object in a parsed statement."""
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)


def _first_line(error: duckdb.Error) -> str:
    """Return DuckDB's message without its drawing of the place."""
    return str(error).split("\n\n", 1)[0].replace("\n", " ")
