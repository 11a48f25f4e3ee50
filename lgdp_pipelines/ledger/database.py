"""Opening the ledger's database: connections, transactions and migrations.

What belongs here: what differs between databases. What does not: any statement about receipts or submissions.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.ledger.migrations import HEAD

_WAIT_MS = 60_000
_ATTEMPTS = 8
_WRITES = "lgdp_writes"

Answer = TypeVar("Answer")


class Database:
    """A ledger's database, at the newest version of its schema.

    Attributes:
        engine: SQLAlchemy's.
    """

    def __init__(self, url: str) -> None:
        address = _address(url)
        try:
            self.engine = _engine(address)
            self._writing = self.engine.execution_options(**{_WRITES: True})
            self._migrate()
        except (SQLAlchemyError, OSError, ImportError) as error:
            raise LedgerError(
                f"The ledger's database cannot be opened ({type(error).__name__}).",
                where=address.render_as_string(hide_password=True),
                remedy="Look at LGDP_DATABASE_URL, and that its folder or server can be reached and written to.",
            ) from error

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the ledger and changes nothing.

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
                remedy="Look at LGDP_DATABASE_URL, and that its folder or server can be reached.",
            ) from None  # its text may hold what was asked for

    def written(self, work: Callable[[sa.Connection], Answer]) -> Answer:
        """Do something in one writing transaction; again, where the database says that another one came between.

        Raises:
            LedgerError: others kept coming between, or the database refused. Nothing was written.
        """
        for attempt in range(_ATTEMPTS):
            try:
                with self._writing.begin() as connection:
                    return work(connection)
            except DBAPIError as error:
                if attempt == _ATTEMPTS - 1 or not _may_succeed_later(error):
                    # Its text holds what was to be written, so neither the text nor the error itself goes any further.
                    raise LedgerError(
                        f"The ledger's database did not take it ({type(error).__name__}).",
                        where=self.engine.url.render_as_string(hide_password=True),
                        remedy="Nothing was written. Look at free space and rights, then do it again.",
                    ) from None
                time.sleep(0.05 * 2**attempt)
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    def _migrate(self) -> None:
        if _version(self.engine) == HEAD:
            return
        self.written(_to_head)


def _may_succeed_later(error: DBAPIError) -> bool:
    """Whether two transactions met: locked in SQLite, not serialisable or the same number taken in PostgreSQL."""
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    locked = isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig)
    return locked or state in {"40001", "40P01", "23505", "42P07"}


def _to_head(connection: sa.Connection) -> None:
    """Run the migrations that are missing. Whoever waited for another process to do it finds nothing left to do."""
    if _version_in(connection) == HEAD:
        return
    from alembic import command  # noqa: PLC0415 - costs more than opening a ledger that is up to date
    from alembic.config import Config  # noqa: PLC0415 - likewise

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def _version(engine: sa.Engine) -> str | None:
    with engine.begin() as connection:
        return _version_in(connection)


def _version_in(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(sa.select(sa.column("version_num")).select_from(sa.table("alembic_version")))


def _address(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except SQLAlchemyError:
        raise LedgerError(
            "LGDP_DATABASE_URL is not the address of a database.",
            remedy="Write sqlite:///<path> or postgresql+psycopg2://<host>/<database>.",
        ) from None  # the address may hold a password


def _engine(address: sa.URL) -> sa.Engine:
    if address.get_backend_name() != "sqlite":
        return sa.create_engine(address, isolation_level="SERIALIZABLE")
    if address.database and address.database != ":memory:":
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(address, connect_args={"timeout": _WAIT_MS / 1000})
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401 - of any driver
    connection.isolation_level = None  # transactions begin where _on_begin says so, not where the driver thinks
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")
    cursor.execute("PRAGMA foreign_keys = ON")
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        _write_ahead(cursor)
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Turn the journal over. SQLite does not wait for others here, so this does."""
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
    # A transaction that will write takes its lock at once: what it read is then still true when it writes.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
