"""DuckDB connections: they download nothing, and stop at a time limit.

The ``delta`` extension is loaded straight from the file that its package carries: nothing is installed into a home
folder, so a fresh machine without a network, and many processes at once, behave alike. Belongs here: connections and
quoting. Belongs elsewhere: any particular statement.
"""

import importlib.resources
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from lgdp_pipelines.errors import StatementRefused, StorageError

_OFFLINE: Mapping[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}

_NO_PROGRESS_BAR = "SET enable_progress_bar = false"
"""DuckDB draws the bar on standard output, within output for machines."""


def find_delta_extension() -> Path:
    """Return the packaged file of DuckDB's ``delta`` extension.

    Raises:
        StorageError: the package is missing, or is for another version.
    """
    try:
        package = importlib.resources.files("duckdb_extension_delta")
    except ModuleNotFoundError:
        package = None
    file = Path(str(package)) / "extensions" / f"v{duckdb.__version__}" / "delta.duckdb_extension"
    if package is None or not file.is_file():
        raise StorageError(
            f"The package duckdb-extension-delta does not fit DuckDB {duckdb.__version__}.",
            remedy=f"Install duckdb-extension-delta=={duckdb.__version__}.",
        )
    return file


def quote_literal(text: str) -> str:
    """Return a text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quote_identifier(name: str) -> str:
    """Return a name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def describe_error(error: duckdb.Error) -> str:
    """Return DuckDB's message on one line, cut at its first blank line.

    The excerpt of the statement comes after that; the message itself may still hold a value.
    """
    return str(error).split("\n\n", 1)[0].replace("\n", " ")


def connect(
    database: Path | None = None, *, read_only: bool = False, scratch: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """Open a connection that reads Delta tables by ``delta_scan`` and installs nothing.

    Args:
        database: a DuckDB file; None: in memory.
        read_only: open the file without a lock against other processes.
        scratch: folder for data that does not fit into memory; None: no data is written to disk.

    Raises:
        StorageError: the extension is missing.
    """
    config = {**_OFFLINE, "temp_directory": str(scratch) if scratch else ""}
    connection = duckdb.connect(str(database) if database else ":memory:", read_only=read_only, config=config)
    try:
        connection.execute(_NO_PROGRESS_BAR)
        connection.execute(f"LOAD {quote_literal(str(find_delta_extension()))}")
    except BaseException:
        connection.close()
        raise
    return connection


def open_sandbox(scratch: Path | None = None, *, memory_mb: int = 1024, threads: int = 2) -> duckdb.DuckDBPyConnection:
    """Open a connection in memory for untrusted SQL.

    It reaches no file, no network and no Python variable, its settings cannot be changed, and its memory is bounded.
    Register frames by ``register``; ``SET VARIABLE`` works. Bound each statement by :func:`limit_time`.

    Args:
        scratch: a folder for data that does not fit into its memory, and for no other data: the one folder whose files
            its SQL could name. None: no data is written to disk.
        memory_mb: limit of its memory.
        threads: number of its threads.
    """
    config = {
        **_OFFLINE,
        "temp_directory": str(scratch) if scratch else "",
        "enable_external_access": False,
        "memory_limit": f"{memory_mb}MB",
        "preserve_insertion_order": False,
        "threads": threads,
    }
    connection = duckdb.connect(":memory:", config=config)
    connection.execute(_NO_PROGRESS_BAR)
    connection.execute("SET lock_configuration = true")
    return connection


class _ThreadState(threading.local):
    """The sandbox of each thread."""

    sandbox: duckdb.DuckDBPyConnection | None = None


_THREAD_STATE = _ThreadState()


@contextmanager
def reuse_sandbox() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a block the thread's kept sandbox, opening one if needed.

    For small data, opening a sandbox costs most of the time; this one writes nothing to disk. The block unregisters the
    frames that it registers. After an error the connection is not used again.
    """
    connection = _THREAD_STATE.sandbox or open_sandbox()
    _THREAD_STATE.sandbox = None
    try:
        yield connection
    except BaseException:
        connection.close()
        raise
    _THREAD_STATE.sandbox = connection


@contextmanager
def limit_time(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt a block's statement after some seconds, and raise a refusal.

    The connection can be used again afterwards.

    Raises:
        StatementRefused: the time limit was reached.
    """
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except duckdb.InterruptException:
        raise StatementRefused(
            f"The statement took longer than {seconds:g} seconds and was stopped.",
            remedy="Ask for fewer periods or councils, or aggregate before joining.",
        ) from None
    finally:
        timer.cancel()
        timer.join()
