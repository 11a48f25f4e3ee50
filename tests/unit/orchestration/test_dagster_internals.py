"""Private interfaces of Dagster: where they are imported, and the shape that the platform relies on."""

import inspect
import re

import dagster as dg

from lgdp_pipelines.orchestration import dagster_internals
from lgdp_pipelines.settings import PROJECT

PRIVATE_IMPORT = re.compile(r"^\s*(?:from|import) dagster\._", re.MULTILINE)


def test_private_interfaces_are_imported_in_one_module_only() -> None:
    package = PROJECT / "lgdp_pipelines"
    importers = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if PRIVATE_IMPORT.search(path.read_text(encoding="utf-8"))
    ]
    assert importers == ["orchestration/dagster_internals.py"]


def test_the_function_that_executes_a_run_keeps_its_parameters() -> None:
    parameters = list(inspect.signature(dagster_internals.execute_run).parameters)
    assert parameters == ["run_id", "instance", "write_stream_fn", "set_exit_code_on_failure"]


def test_a_run_launcher_has_two_methods_to_implement_and_a_health_check() -> None:
    assert dagster_internals.RunLauncher.__abstractmethods__ == {"launch_run", "terminate"}
    assert hasattr(dagster_internals.RunLauncher, "check_run_worker_health")
    assert hasattr(dagster_internals.RunLauncher, "supports_check_run_worker_health")
    assert dagster_internals.LaunchRunContext._fields == ("dagster_run", "workspace")
    assert list(inspect.signature(dagster_internals.CheckRunHealthResult).parameters)[:2] == ["status", "msg"]
    assert {"RUNNING", "FAILED"} <= {status.name for status in dagster_internals.WorkerStatus}


def test_a_configurable_class_is_made_from_its_settings() -> None:
    assert {"inst_data", "config_type", "from_config_value"} <= dagster_internals.ConfigurableClass.__abstractmethods__


def test_a_run_that_will_be_retried_has_its_tag() -> None:
    assert dagster_internals.WILL_RETRY_TAG == "dagster/will_retry"
    assert dg.__version__.startswith("1.13.")


def test_the_event_log_opens_its_databases_by_the_methods_that_are_replaced() -> None:
    storage = dagster_internals.SqliteEventLogStorage
    assert list(inspect.signature(storage._connect).parameters) == ["self", "shard"]
    assert list(inspect.signature(storage.conn_string_for_shard).parameters) == ["self", "shard_name"]
    assert dagster_internals.SQLITE_BUSY_TIMEOUT_SECONDS > 0
