"""Dagster's view of withdrawals, missing and late councils, and failed runs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from lgdp_pipelines.orchestration.sensors import list_process_requests
from tests.flow.test_dagster_runs import PUBLISHED, VALIDATED, World, evaluate_automation

REPORTED = dg.AssetCheckKey(PUBLISHED, "all_councils_reported")
ON_TIME = dg.AssetCheckKey(VALIDATED, "submission_on_time")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield World(tmp_path, instance)


def find_latest_check(world: World, key: dg.AssetCheckKey, partition: str) -> tuple[bool, dict[str, object]] | None:
    """Return the latest result of a check on one partition, and its metadata."""
    for record in world.instance.event_log_storage.get_asset_check_execution_history(key, limit=200):
        evaluation = record.event.asset_check_evaluation if record.event else None
        if evaluation is not None and evaluation.partition == partition:
            return evaluation.passed, {name: value.value for name, value in evaluation.metadata.items()}
    return None


def run_job(world: World, name: str) -> dg.ExecuteInProcessResult:
    return world.definitions.resolve_job_def(name).execute_in_process(instance=world.instance)


def test_withdrawal_publishes_the_period_again_automatically(world: World) -> None:
    at_start = evaluate_automation(world, None)
    world.hand_in("FIF", "Fife,Town,1,12")
    world.run_waiting()
    first = evaluate_automation(world, at_start)
    settled = evaluate_automation(world, first)
    world.platform.ledger.withdrawals.record("ALLOTMENT.FIF.CY2023.001", by="A", reason="Wrong")
    [request] = list_process_requests(world.platform)
    world.run(request)
    after = evaluate_automation(world, settled)

    assert first.get_requested_partitions(PUBLISHED) == {"CY2023"}
    assert settled.total_requested == 0
    assert after.get_requested_partitions(PUBLISHED) == {"CY2023"}
    assert list(list_process_requests(world.platform)) == [], "it is finished"


def test_second_withdrawal_within_the_hour_has_its_own_run(world: World) -> None:
    keys = []
    for plots in ("12", "13"):
        world.hand_in("FIF", f"Fife,Town,1,{plots}")
        world.run_waiting()
        [current] = world.platform.ledger.submissions.find_current_ids("ALLOTMENT", "CY2023").values()
        world.platform.ledger.withdrawals.record(current, by="A", reason="Wrong")
        [request] = list_process_requests(world.platform)
        world.run(request)
        keys.append(request.run_key)
    assert len(set(keys)) == 2


def test_calendar_check_names_missing_and_late_councils(world: World) -> None:
    world.hand_in("FIF", "Fife,Town,1,12")
    world.run_waiting()
    world.clock.now = datetime(2024, 1, 30, 12, tzinfo=UTC)  # the last day for CY2023
    run_job(world, "check_calendar")
    due = find_latest_check(world, REPORTED, "CY2023")
    assert due is not None
    assert (due[0], due[1]["reported"], due[1]["due"]) == (False, 1, "2024-01-30")
    assert "GLG" in str(due[1]["missing"]).split(", ")
    assert find_latest_check(world, ON_TIME, "GLG|CY2023") is None, "no council is late on the last day"

    world.clock.now = datetime(2024, 2, 1, 12, tzinfo=UTC)
    run_job(world, "check_calendar")
    late = find_latest_check(world, ON_TIME, "GLG|CY2023")
    assert late is not None
    assert (late[0], late[1]["late"], late[1]["latest word"]) == (False, "2 days", "nothing")
    assert world.check("submission_on_time", "FIF|CY2023") is True
    missing = find_latest_check(world, REPORTED, "CY2023")
    assert missing is not None
    assert "GLG (2 days late)" in str(missing[1]["missing"])


def test_publication_records_which_councils_reported(world: World) -> None:
    world.hand_in("FIF", "Fife,Town,1,12")
    world.run_waiting()
    job = world.definitions.resolve_job_def("publish_allotment")
    assert job.execute_in_process(instance=world.instance, partition_key="CY2023").success
    reported = find_latest_check(world, REPORTED, "CY2023")
    assert reported is not None
    assert (reported[0], reported[1]["reported"]) == (False, 1)


def test_daily_jobs_remind_councils_and_verify_received_bytes(world: World) -> None:
    world.hand_in("FIF", "Fife,Town,1,12")
    world.clock.now = datetime(2024, 1, 30, 12, tzinfo=UTC)
    assert run_job(world, "remind_councils").success
    assert run_job(world, "verify_received").success
    letters = list((world.platform.settings.home / "outbox" / "GLG" / "reminders").glob("*.txt"))
    assert len(letters) == 1
    assert "is due today" in letters[0].read_text()


def test_failed_run_raises_an_alert_without_the_message_of_the_error(world: World) -> None:
    world.hand_in("FIF", "Fife,Town,1,12")
    stored_file = world.platform.received_bytes.path(world.platform.ledger.receipts.get(1).sha256)
    stored_file.unlink()
    [request] = list_process_requests(world.platform)
    job = world.definitions.resolve_job_def(request.job_name or "")
    failed = job.execute_in_process(
        instance=world.instance, run_config=request.run_config, tags=dict(request.tags), raise_on_error=False
    )
    assert not failed.success
    sensor = next(candidate for candidate in world.definitions.sensors or [] if candidate.name == "alert_engineers")  # type: ignore[union-attr]
    context = dg.build_run_status_sensor_context(
        sensor_name="alert_engineers",
        dagster_instance=world.instance,
        dagster_run=failed.dagster_run,
        dagster_event=failed.get_run_failure_event(),
        resources={"platform": world.platform},
    ).for_run_failure()
    sensor(context)

    [text] = [file.read_text() for file in (world.platform.settings.home / "alerts").glob("*.txt")]
    assert f"Run:     {failed.run_id}" in text
    assert "About:   allotment CY2023" in text
    assert "Error:   StorageError" in text
    assert "What:    A table did not take a write." in text
    assert stored_file.name not in text
