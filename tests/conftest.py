"""Settings of all tests: repeatable property tests, databases that do not wait for the disk, a line for each skip.

``HYPOTHESIS_PROFILE=exploring`` looks for new examples instead.
"""

import os
import sqlite3

import pytest
from hypothesis import settings
from sqlalchemy import Engine, event

from tests.support.machine import count_skip_reasons

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write a line for each reason why tests were skipped."""
    for reason, count in sorted(count_skip_reasons(terminalreporter.getreports("skipped")).items()):
        terminalreporter.write_line(f"Not tested ({count} skipped): {reason}", yellow=True)
