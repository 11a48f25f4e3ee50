"""The analysts' catalogue: one DuckDB file of views over the lake.

The file holds no rows, only views with comments. It is written as a draft and put in place in one rename, so a reader
is never locked out and never sees a part of it. Belongs here: writing the file. Belongs elsewhere: the list of views,
and running SQL on them (``storage.catalogue_reader``).
"""

import contextlib
import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import duckdb

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.storage import duckdb_connections
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

OPEN_LAYERS = ("conformed", "published", "judged", "ledger", "lineage", "register")
"""Layers that an analyst may read; earlier layers hold raw values, and are not in the catalogue."""


@dataclass(frozen=True)
class CatalogueView:
    """A view in the catalogue.

    Attributes:
        schema: of the view, such as ``published``.
        name: of the view.
        source: a table, a ``SELECT`` over :meth:`Lake.scan_sql`, or a function from a lake to such a ``SELECT``.
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
    """Write the catalogue in one rename, unless it is unchanged.

    Readers of the old file can continue. Of two writers at once, the later one's file stays.

    Args:
        path: of the DuckDB file.
        lake: that the views read.
        views: of the catalogue; a view over a table that was never written is left out.

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
    """Return whether a view's tables exist; raise if a layer is closed."""
    tables = (view.source,) if isinstance(view.source, LakeTable) else view.needs
    closed = [str(table) for table in tables if table.layer not in OPEN_LAYERS]
    if closed:
        raise StorageError(
            f"{', '.join(closed)} is in a layer that analysts may not read.", where=f"{view.schema}.{view.name}"
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
    """Return the present catalogue's hash; empty if missing or unreadable."""
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            row = connection.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'open_folder'").fetchone()
    except duckdb.Error:
        return ""
    return str(row[0]).removeprefix(_FOLDERS) if row else ""


_FOLDERS = "Folders of the lake that this catalogue reads. Content: "


def _write_folders(connection: duckdb.DuckDBPyConnection, lake: Lake, fingerprint: str) -> None:
    """Create the table of open folders, with the fingerprint as comment."""
    folders = [f"{lake.root / layer}/" for layer in OPEN_LAYERS]
    connection.execute("CREATE SCHEMA platform")
    connection.execute("CREATE TABLE platform.open_folder (path VARCHAR)")
    connection.executemany("INSERT INTO platform.open_folder VALUES (?)", [[folder] for folder in folders])
    connection.execute(
        f"COMMENT ON TABLE platform.open_folder IS {duckdb_connections.quote_literal(_FOLDERS + fingerprint)}"
    )


def _write_view(connection: duckdb.DuckDBPyConnection, lake: Lake, view: CatalogueView) -> None:
    """Create a view with its schema and comments."""
    name = f"{duckdb_connections.quote_identifier(view.schema)}.{duckdb_connections.quote_identifier(view.name)}"
    try:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {duckdb_connections.quote_identifier(view.schema)}")
        connection.execute(f"CREATE VIEW {name} AS {_build_select(lake, view.source)}")
    except duckdb.Error as error:
        raise StorageError(
            f"A view of the catalogue cannot be created: {duckdb_connections.describe_error(error)}", where=name
        ) from error
    for statement in _comment_statements(connection, view, name):
        connection.execute(statement)


def _build_select(lake: Lake, source: LakeTable | str | Callable[[Lake], str]) -> str:
    """Return a view's ``SELECT``: given, built by function, or over its table."""
    if isinstance(source, str):
        return source
    if not isinstance(source, LakeTable):
        return source(lake)
    # Columns by name: a view over * breaks as soon as a minor version adds a column.
    columns = ", ".join(duckdb_connections.quote_identifier(column) for column in lake.schema(source).names)
    return f"SELECT {columns} FROM {lake.scan_sql(source)}"  # noqa: S608 - names and path are quoted


def _comment_statements(connection: duckdb.DuckDBPyConnection, view: CatalogueView, name: str) -> Iterator[str]:
    """Yield the statements that comment a view and its columns."""
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
