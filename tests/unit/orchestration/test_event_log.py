"""The platform's event log: the same events as Dagster's own, in whole batches."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from lgdp_pipelines.orchestration.dagster_internals import SqliteEventLogStorage
from lgdp_pipelines.orchestration.event_log import EventLog, batch_events
from lgdp_pipelines.orchestration.in_process_runner import prepare_dagster_home
from lgdp_pipelines.settings import Settings

KEY = dg.AssetKey(["landed", "thing"])
CHECK = dg.AssetCheckKey(KEY, "it_holds")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    settings = Settings.from_folder(tmp_path / 'a "home"')
    prepare_dagster_home(settings)
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        yield instance


def run_job(instance: dg.DagsterInstance, *, fails: bool = False) -> dg.ExecuteInProcessResult:
    @dg.op
    def log_events(context: dg.OpExecutionContext) -> None:
        with batch_events(context.instance):
            for number in range(3):
                context.log_event(dg.AssetMaterialization(KEY, partition=f"p{number}"))
                context.log_event(
                    dg.AssetCheckEvaluation(
                        asset_key=KEY, check_name="it_holds", passed=number > 0, partition=f"p{number}"
                    )
                )
            if fails:
                raise ValueError

    @dg.job
    def logging_job() -> None:
        log_events()

    return logging_job.execute_in_process(instance=instance, raise_on_error=False)


def list_events(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> list[dg.DagsterEvent]:
    return [entry.get_dagster_event() for entry in instance.all_logs(result.run_id) if entry.is_dagster_event]


def test_batched_events_are_all_stored_for_their_run_and_across_runs(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.event_log_storage, EventLog)
    result = run_job(instance)
    assert result.success
    assert set(instance.get_materialized_partitions(KEY)) == {"p0", "p1", "p2"}
    materialisations = [event for event in list_events(instance, result) if event.is_step_materialization]
    assert [event.asset_key for event in materialisations] == [KEY] * 3
    history = instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=10)
    evaluations = [record.event.asset_check_evaluation for record in history if record.event]
    assert {(evaluation.partition, evaluation.passed) for evaluation in evaluations if evaluation} == {
        ("p0", False),
        ("p1", True),
        ("p2", True),
    }


def test_dagsters_own_event_log_reads_the_same_events(instance: dg.DagsterInstance) -> None:
    result = run_job(instance)
    own_storage = instance.event_log_storage
    assert isinstance(own_storage, EventLog)
    dagster_storage = SqliteEventLogStorage(own_storage._base_dir)
    assert len(dagster_storage.get_logs_for_run(result.run_id)) == len(own_storage.get_logs_for_run(result.run_id)) > 10
    assert dagster_storage.get_materialized_partitions(KEY) == {"p0", "p1", "p2"}
    dagster_storage.dispose()


def test_no_event_of_a_failed_batch_is_stored(instance: dg.DagsterInstance) -> None:
    result = run_job(instance, fails=True)
    assert not result.success
    assert instance.get_materialized_partitions(KEY) == set()
    assert list_events(instance, result)[-1].event_type is dg.DagsterEventType.RUN_FAILURE


def test_runs_beyond_the_open_connections_are_written_and_read(instance: dg.DagsterInstance) -> None:
    runs = [run_job(instance).run_id for _ in range(10)]
    assert all(len(instance.all_logs(run)) > 10 for run in runs)
