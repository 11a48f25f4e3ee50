"""Interfaces of Dagster that are not public, imported here and nowhere else.

Each is here because Dagster has no public equivalent. ``pyproject.toml`` bounds Dagster's version, and
``tests/unit/orchestration/test_dagster_internals.py`` fails when one of them moves or changes its shape.
"""

from dagster._cli.api import _execute_run_command_body as execute_run
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.tags import WILL_RETRY_TAG
from dagster._serdes import ConfigurableClass, ConfigurableClassData

__all__ = [
    "SQLITE_BUSY_TIMEOUT_SECONDS",
    "WILL_RETRY_TAG",
    "CheckRunHealthResult",
    "ConfigurableClass",
    "ConfigurableClassData",
    "LaunchRunContext",
    "RunLauncher",
    "SqliteEventLogStorage",
    "WorkerStatus",
    "execute_run",
]
