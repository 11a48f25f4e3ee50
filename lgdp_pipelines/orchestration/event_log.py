"""Dagster's SQLite event log, with connections that stay open and many events in one transaction.

Dagster opens, sets up and closes two databases for each event, and waits for the disk at each: 5 ms, with some 3,000
events on a day on which every council sends something. On a fifth of that day (10 returns, 320 files) this event log
took 84 s of CPU and 176 s by the clock, Dagster's own 125 s and 540 s. Files and tables are Dagster's own, and a folder
written by either is read by the other. Where Dagster's storage is PostgreSQL, this is not in use.

Belongs here: how events are written. Belongs elsewhere: the events themselves (``asset_events``).
"""

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, Self

import dagster as dg
import sqlalchemy as sa

from lgdp_pipelines.orchestration.dagster_internals import (
    SQLITE_BUSY_TIMEOUT_SECONDS,
    ConfigurableClassData,
    SqliteEventLogStorage,
)

_OPEN_FILES = 8
"""Databases whose connections stay open: the index, and the runs used last."""


class EventLog(SqliteEventLogStorage):
    """An event log of one SQLite database per run, and one index.

    Args:
        base_dir: the folder with the databases.
        inst_data: the class and settings in ``dagster.yaml``.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._lock = threading.RLock()
        self._engines: OrderedDict[tuple[int, str], sa.Engine] = OrderedDict()
        self._batch: ExitStack | None = None
        self._batch_connections: dict[str, sa.Connection] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Return the event log of Dagster's settings."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def open_batch(self) -> Iterator[None]:
        """Store a block's events together: one transaction per database, none on error.

        A batch inside another joins it.
        """
        with self._lock:
            if self._batch is not None:
                yield
                return
            with ExitStack() as stack:
                self._batch = stack
                try:
                    yield
                finally:
                    self._batch, self._batch_connections = None, {}

    def dispose(self) -> None:
        """Close every connection."""
        with self._lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
        super().dispose()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        """Yield a transaction's connection to a database; a batch shares its own."""
        with self._lock:
            if self._batch is None:
                with self._engine(shard).begin() as connection:
                    yield connection
                return
            if shard not in self._batch_connections:
                self._batch_connections[shard] = self._batch.enter_context(self._engine(shard).begin())
            yield self._batch_connections[shard]

    def _engine(self, shard: str) -> sa.Engine:
        """Return a database's engine, made if needed; keep the latest few open."""
        key = (os.getpid(), shard)  # a connection does not survive a fork
        if key not in self._engines:
            if shard not in self._initialized_dbs:
                with super()._connect(shard):  # Dagster makes a database's tables when it first connects
                    pass
            engine = sa.create_engine(
                self.conn_string_for_shard(shard),
                poolclass=sa.pool.QueuePool,
                pool_size=1,
                max_overflow=0,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            sa.event.listen(engine, "connect", _on_connect)
            self._engines[key] = engine
            while len(self._engines) > _OPEN_FILES:
                self._engines.popitem(last=False)[1].dispose()
        self._engines.move_to_end(key)
        return self._engines[key]


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    """Let SQLite store events without waiting for the disk each time."""
    # With its write-ahead log, SQLite survives a killed process this way too. Where the machine itself goes down, the
    # last events may be missing, but no rows of the ledger.
    connection.execute("PRAGMA synchronous = NORMAL")


@contextmanager
def batch_events(instance: dg.DagsterInstance) -> Iterator[None]:
    """Store a block's events in one transaction, if an :class:`EventLog` keeps them."""
    storage = instance.event_log_storage
    with storage.open_batch() if isinstance(storage, EventLog) else nullcontext():
        yield
