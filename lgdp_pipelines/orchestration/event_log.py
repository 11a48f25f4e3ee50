"""Dagster's SQLite event log, with connections that stay open and many events in one transaction.

Dagster opens, sets up and closes two databases for each event, and waits for the disk at each: 5 ms, with some 3,000
events on a day on which every council sends something. Nothing else is different: files and tables are Dagster's own,
and a folder written by either is read by the other. Where Dagster's storage is PostgreSQL, this is not in use.

What belongs here: how events are written. What does not: which events there are (``events``).
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
"""Databases whose connections stay open: the index, and the runs that were written or read last."""


class EventLog(SqliteEventLogStorage):
    """One SQLite database a run and one index, as Dagster has them.

    Args:
        base_dir: the folder with the databases.
        inst_data: how Dagster was told of this class.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._lock = threading.RLock()
        self._engines: OrderedDict[tuple[int, str], sa.Engine] = OrderedDict()
        self._together: ExitStack | None = None
        self._begun: dict[str, sa.Connection] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """As Dagster makes one from its settings."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What this thread stores within the block is stored whole at its end, or not at all where it raises."""
        with self._lock:
            if self._together is not None:
                yield
                return
            with ExitStack() as stack:
                self._together = stack
                try:
                    yield
                finally:
                    self._together, self._begun = None, {}

    def dispose(self) -> None:
        """Close everything."""
        with self._lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
        super().dispose()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        """Dagster's way to each database."""
        with self._lock:
            if self._together is None:
                with self._engine(shard).begin() as connection:
                    yield connection
                return
            if shard not in self._begun:
                self._begun[shard] = self._together.enter_context(self._engine(shard).begin())
            yield self._begun[shard]

    def _engine(self, shard: str) -> sa.Engine:
        key = (os.getpid(), shard)  # a connection does not survive a fork
        if key not in self._engines:
            self._set_up(shard)
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

    def _set_up(self, shard: str) -> None:
        if shard in self._initialized_dbs:
            return
        engine = sa.create_engine(
            self.conn_string_for_shard(shard),
            poolclass=sa.pool.NullPool,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
        )
        self._initdb(engine)
        engine.dispose()
        self._initialized_dbs.add(shard)


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    # With its write-ahead log, SQLite keeps whole through a killed process this way too; where the machine itself goes
    # down, events of its last moments may be missing, and the ledger's rows are not.
    connection.execute("PRAGMA synchronous = NORMAL")


@contextmanager
def batch_events(instance: dg.DagsterInstance) -> Iterator[None]:
    """Events that are stored within the block go into one transaction, where the storage is the one above."""
    storage = instance.event_log_storage
    with storage.together() if isinstance(storage, EventLog) else nullcontext():
        yield
