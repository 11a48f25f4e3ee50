"""The analysts' catalogue: one DuckDB file of views over the lake, and asking it in SQL.

The file holds no rows, only views with comments. It is written beside and put in place in one rename, so a reader
is never locked out and never sees half of it. Whoever asks can read the open layers of the lake, and nothing else on
the machine. What belongs here: the file and the asking. What does not: which views there are.
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
"""Layers that an analyst may read. The ones before them hold raw values, and are not in the catalogue."""

TIME_LIMIT_S = 300.0

_FUNCTIONS = frozenset(
    {
        "duckdb_columns", "duckdb_databases", "duckdb_functions", "duckdb_keywords", "duckdb_schemas", "duckdb_tables",
        "duckdb_types", "duckdb_views", "generate_series", "json_each", "json_tree", "pragma_table_info", "range",
        "repeat", "repeat_row", "unnest",
    }
)  # fmt: skip
"""Table functions that read no file. Any other is refused by name, beside what DuckDB itself refuses."""

_READ_ONLY = "Ask with one SELECT (or WITH, FROM, DESCRIBE, SHOW ALL TABLES); nothing else is run here."


@dataclass(frozen=True)
class CatalogueView:
    """A view in the catalogue.

    Attributes:
        schema: of the view, such as ``published``.
        name: of the view.
        source: the table that it shows whole, a ``SELECT`` over :meth:`Lake.scan_sql`, or what gives one for a lake.
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
    """Write the catalogue anew and put it in place in one rename; where it says the same already, it stays.

    Readers that have the old file open go on with it. Of two writers at once, the later one's file stays.

    Args:
        path: of the DuckDB file.
        lake: that the views read.
        views: those over tables that were never written are left out.

    Raises:
        StorageError: a view reads a layer that is not open, or cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    there = [view for view in views if _is_there(lake, view)]
    content = _content(lake, there)
    if _standing(path) == content:
        return
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with contextlib.closing(duckdb_connections.connect(beside)) as connection:
            connection.begin()  # hundreds of statements, and the disk is waited for once
            _write_folders(connection, lake, content)
            for view in there:
                _write_view(connection, lake, view)
            connection.commit()
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
        beside.with_name(f"{beside.name}.wal").unlink(missing_ok=True)


def _is_there(lake: Lake, view: CatalogueView) -> bool:
    """Whether every table that a view reads was ever written."""
    tables = (view.source,) if isinstance(view.source, LakeTable) else view.needs
    closed = [str(table) for table in tables if table.layer not in OPEN_LAYERS]
    if closed:
        raise StorageError(
            f"{', '.join(closed)} lies in a layer that analysts do not read.", where=f"{view.schema}.{view.name}"
        )
    return all(lake.exists(table) for table in tables)


def _content(lake: Lake, views: Sequence[CatalogueView]) -> str:
    """What a catalogue of these views says, as one hash."""
    said = [
        (view.schema, view.name, _select(lake, view.source), _words(view)[0], sorted(_words(view)[1].items()))
        for view in views
    ]
    return hashlib.sha256(repr((duckdb.__version__, lake.root, said)).encode()).hexdigest()


def _standing(path: Path) -> str:
    """The hash of what the present catalogue says; empty where there is none, or none that can be read."""
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            row = connection.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'open_folder'").fetchone()
    except duckdb.Error:
        return ""
    return str(row[0]).removeprefix(_FOLDERS) if row else ""


_FOLDERS = "Folders of the lake that this catalogue reads. Content: "


def _write_folders(connection: duckdb.DuckDBPyConnection, lake: Lake, content: str) -> None:
    folders = [f"{lake.root / layer}/" for layer in OPEN_LAYERS]
    connection.execute("CREATE SCHEMA platform")
    connection.execute("CREATE TABLE platform.open_folder (path VARCHAR)")
    connection.executemany("INSERT INTO platform.open_folder VALUES (?)", [[folder] for folder in folders])
    connection.execute(
        f"COMMENT ON TABLE platform.open_folder IS {duckdb_connections.quote_literal(_FOLDERS + content)}"
    )


def _write_view(connection: duckdb.DuckDBPyConnection, lake: Lake, view: CatalogueView) -> None:
    name = f"{duckdb_connections.quote_identifier(view.schema)}.{duckdb_connections.quote_identifier(view.name)}"
    try:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {duckdb_connections.quote_identifier(view.schema)}")
        connection.execute(f"CREATE VIEW {name} AS {_select(lake, view.source)}")
    except duckdb.Error as error:
        raise StorageError(f"A view of the catalogue cannot be made: {_first_line(error)}", where=name) from error
    for statement in _comments(connection, view, name):
        connection.execute(statement)


def _select(lake: Lake, source: LakeTable | str | Callable[[Lake], str]) -> str:
    if isinstance(source, str):
        return source
    if not isinstance(source, LakeTable):
        return source(lake)
    # Columns by name: a view over * breaks as soon as a minor version adds a column.
    columns = ", ".join(duckdb_connections.quote_identifier(column) for column in lake.schema(source).names)
    return f"SELECT {columns} FROM {lake.scan_sql(source)}"  # noqa: S608 - names and path are quoted


def _comments(connection: duckdb.DuckDBPyConnection, view: CatalogueView, name: str) -> Iterator[str]:
    description, comments = _words(view)
    if description:
        yield f"COMMENT ON VIEW {name} IS {duckdb_connections.quote_literal(description)}"
    described = connection.execute(f"DESCRIBE {name}").fetchall()
    for column in (row[0] for row in described):
        if comments.get(column):
            column_name = f"{name}.{duckdb_connections.quote_identifier(column)}"
            yield f"COMMENT ON COLUMN {column_name} IS {duckdb_connections.quote_literal(comments[column])}"


def _words(view: CatalogueView) -> tuple[str, Mapping[str, str]]:
    """A view's description, and comments on its columns."""
    own = view.source if isinstance(view.source, LakeTable) else None
    return view.description or (own.description if own else ""), view.comments or (own.comments if own else {})


def run_select(path: Path, sql: str, *, seconds: float = TIME_LIMIT_S) -> pa.Table:
    """Ask the catalogue.

    Args:
        path: of the catalogue.
        sql: one ``SELECT``.
        seconds: after which the query is stopped.

    Returns:
        The answer.

    Raises:
        StatementRefused: it is not one ``SELECT``, names what is not there, reaches for what is not open, or takes too
            long.
    """
    _refuse_all_but_select(sql)
    with contextlib.closing(_opened(path)) as connection:
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


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    """The catalogue, attached to a database in memory: settings of several askers in one process stay apart."""
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


def _refuse_all_but_select(sql: str) -> None:
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
            _refuse_function(str(node["function"]["function_name"]))
        if node.get("type") == "BASE_TABLE" and set("/\\*:") & set(str(node["table_name"])):
            raise StatementRefused("The lakehouse reads its own tables, not files.", remedy=_READ_ONLY)


def _refuse_function(name: str) -> None:
    if name.lower() not in _FUNCTIONS:
        raise StatementRefused(
            f"{name} is not for use here: the lakehouse reads its own tables, not files.", remedy=_READ_ONLY
        )


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Every object in a parsed statement."""
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)


def _first_line(error: duckdb.Error) -> str:
    """What DuckDB says, without the picture of where."""
    return str(error).split("\n\n", 1)[0].replace("\n", " ")
