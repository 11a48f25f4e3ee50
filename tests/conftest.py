"""Settings of all tests: repeatable examples, less waiting, shared parses of dbt, a line for each skip.

``HYPOTHESIS_PROFILE=exploring`` looks for new examples instead.
"""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine, event

from tests.support.dbt_projects import remove_unused_projects, share_dbt_projects
from tests.support.machine import count_skip_reasons
from tests.support.real_data import MISSING_REASON, REAL_DATA
from tests.support.trusted_extension import trust_extensions

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.register_profile("exploring", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@event.listens_for(Engine, "connect")
def skip_disk_synchronisation(connection: object, _record: object) -> None:
    """Let SQLite commit without waiting for the disk.

    Tests kill processes and never the machine, and the wait was 20 of the 30 s of ``ledger/test_any_sequence.py``.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(scope="session", autouse=True)
def trusted_extensions() -> Iterator[None]:
    """Spare the tests DuckDB's check of the ``delta`` extension's signature at each connection."""
    with trust_extensions():
        yield


@pytest.fixture(scope="session", autouse=True)
def shared_dbt_projects(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let all workers and all runs of the tests share parsed dbt projects."""
    cache = getattr(pytestconfig, "cache", None)  # absent with `-p no:cacheprovider`
    store = cache.mkdir("dbt_projects") if cache else tmp_path_factory.mktemp("dbt_projects")
    remove_unused_projects(store)
    with share_dbt_projects(store):
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the publishers' own files."""
    if not REAL_DATA.is_dir():
        pytest.skip(MISSING_REASON)
    return REAL_DATA


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write a line for each reason why tests were skipped."""
    for reason, count in sorted(count_skip_reasons(terminalreporter.getreports("skipped")).items()):
        terminalreporter.write_line(f"Not tested ({count} skipped): {reason}", yellow=True)
