"""The ledger's database: connections, transactions and migrations.

Belongs here: all differences between SQLite and PostgreSQL. Belongs elsewhere: statements about receipts, submissions
and other subjects, which their repositories hold.
"""

import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger.migrations import HEAD

_MIGRATIONS = Path(__file__).parent / "migrations"
_WAIT_MS = 60_000
_ATTEMPTS = 8
_WRITES = "lgdp_writes"
"""Execution option of a writing transaction."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


class Database:
    """A ledger's database, migrated to the newest version of its schema.

    Attributes:
        engine: the SQLAlchemy engine.

    Raises:
        LedgerError: the database cannot be reached or written to, or another version of the platform wrote it.
    """

    def __init__(self, url: str) -> None:
        address = _parse_url(url)
        try:
            self.engine = _create_engine(address)
            self._writing = self.engine.execution_options(**{_WRITES: True})
            self._migrate()
        except (SQLAlchemyError, OSError, ImportError) as error:
            raise LedgerError(
                f"The ledger's database cannot be opened ({type(error).__name__}).",
                where=address.render_as_string(hide_password=True),
                remedy="Check LGDP_DATABASE_URL, and that its folder or server can be reached and written to.",
            ) from error

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a transaction that reads one consistent state of the ledger.

        Raises:
            LedgerError: the database does not answer.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise LedgerError(
                f"The ledger's database does not answer ({type(error).__name__}).",
                where=self.engine.url.render_as_string(hide_password=True),
                remedy="Check LGDP_DATABASE_URL, and that its folder or server can be reached.",
            ) from None  # the driver's text may hold values of the statement

    def write(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Run a function in a writing transaction, and retry after conflicts.

        Raises:
            LedgerError: conflicts did not end, or the database refused. Nothing was written.
        """
        for attempt in range(_ATTEMPTS):
            try:
                with self._writing.begin() as connection:
                    return work(connection)
            except DBAPIError as error:
                if attempt == _ATTEMPTS - 1 or not _is_conflict(error):
                    # The driver's text holds the values of the statement: neither it nor the error may be shown.
                    raise LedgerError(
                        f"The ledger's database refused the change ({type(error).__name__}).",
                        where=self.engine.url.render_as_string(hide_password=True),
                        remedy="Nothing was written. Check free space and permissions, then try again.",
                    ) from None
                time.sleep(0.05 * 2**attempt)
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _migrate(self) -> None:
        """Migrate the database unless its schema is already the newest."""
        with self.engine.begin() as connection:
            version = _read_version(connection)
        if version != HEAD:
            self.write(_migrate_to_head)


class Repository:
    """The statements about one subject of the ledger.

    Each method is one transaction, safe in several threads and processes.

    Args:
        database: the ledger's.
        clock: returns the time in UTC.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def _read(
        self,
        work: Callable[Concatenate[sa.Connection, Parameters], Result],
        *arguments: Parameters.args,
        **options: Parameters.kwargs,
    ) -> Result:
        """Return the result of a function, called in a reading transaction."""
        with self._database.read() as connection:
            return work(connection, *arguments, **options)

    def _fetch(self, statement: sa.Executable) -> Sequence[Any]:
        """Return the rows of a statement, read in its own transaction."""
        return self._read(lambda connection: connection.execute(statement).all())


def _is_conflict(error: DBAPIError) -> bool:
    """Return whether an error reports a conflict of two transactions.

    SQLite reports a lock; PostgreSQL reports a failed serialisation, a deadlock, or a number or table created twice.
    """
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    is_locked = isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig)
    return is_locked or state in {"40001", "40P01", "23505", "42P07"}


def _migrate_to_head(connection: sa.Connection) -> None:
    """Run missing migrations, unless another process has run them.

    Raises:
        LedgerError: another version of the platform wrote the ledger.
    """
    # Another process may have run the migrations while this one waited for the lock.
    if _read_version(connection) == HEAD:
        return
    from alembic import command  # noqa: PLC0415 - costs more than opening a ledger that is up to date
    from alembic.config import Config  # noqa: PLC0415 - the same
    from alembic.util import CommandError  # noqa: PLC0415 - the same

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise LedgerError(
            f"The ledger was written by another version of the platform: its revision {_read_version(connection)} "
            "is unknown here.",
            where=connection.engine.url.render_as_string(hide_password=True),
            remedy="Set LGDP_HOME to a new folder, or use the version that wrote this ledger.",
        ) from error


def _read_version(connection: sa.Connection) -> str | None:
    """Return the migration version of a database; None before the first."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(sa.select(sa.column("version_num")).select_from(sa.table("alembic_version")))


def _parse_url(url: str) -> sa.URL:
    """Parse a database URL; refuse a wrong one without repeating its text."""
    try:
        return sa.make_url(url)
    except SQLAlchemyError:
        raise LedgerError(
            "LGDP_DATABASE_URL is not a database URL.",
            remedy="Write sqlite:///<path> or postgresql+psycopg2://<host>/<database>.",
        ) from None  # the URL may hold a password


def _create_engine(address: sa.URL) -> sa.Engine:
    """Create an engine of serialisable transactions, and SQLite's folder where missing."""
    if address.get_backend_name() != "sqlite":
        return sa.create_engine(address, isolation_level="SERIALIZABLE")
    if address.database and address.database != ":memory:":
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(address, connect_args={"timeout": _WAIT_MS / 1000})
    weakref.finalize(engine, engine.pool.dispose)  # Python 3.13 warns of a connection that is dropped while open
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401 - of any driver
    """Set up a new SQLite connection: waits, foreign keys, write-ahead log."""
    connection.isolation_level = None  # _on_begin begins each transaction, not the driver
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")
    cursor.execute("PRAGMA foreign_keys = ON")
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        _enable_write_ahead_log(cursor)
    cursor.close()


def _enable_write_ahead_log(cursor: sqlite3.Cursor) -> None:
    """Switch to write-ahead logging, and retry while the database is locked."""
    # SQLite ignores its busy timeout for this statement, so the wait is here.
    for attempt in range(_ATTEMPTS):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.02 * 2**attempt)
        else:
            return


def _on_begin(connection: sa.Connection) -> None:
    """Begin an SQLite transaction; a writing one takes its lock at once."""
    # A writing transaction takes its lock at once, so that the rows it reads are unchanged when it writes.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
