"""Runs as Dagster starts them: the record of each partition, and the runs that follow automatically."""

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from lgdp_pipelines.collection.transports.hand_in import hand_in
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.orchestration.definitions_builder import build_definitions
from lgdp_pipelines.orchestration.sensors import list_process_requests
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from tests.support.command_line import write_csv
from tests.support.contracts import allotment_v1, write_register

LANDED, VALIDATED = dg.AssetKey(["landed", "allotment"]), dg.AssetKey(["validated", "allotment"])
PUBLISHED = dg.AssetKey(["published", "allotment"])
HEADER = "Council,Site,Grade,Plots"


class Clock:
    """Clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2024, 1, 15, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class World:
    """Platform with one small return, and Dagster's storage."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.clock = Clock()
        schemas = write_register(folder / "schemas", allotment_v1())
        self.platform = Platform(Settings.from_folder(folder / "home", schemas), clock=self.clock)
        self.definitions = build_definitions(self.platform.settings, overrides={"platform": self.platform})
        self.instance = instance
        self.folder = folder

    def hand_in(self, council: str, *rows: str, period: str = "CY2023") -> None:
        register = self.platform.register
        file = write_csv(self.folder / council, f"{self.clock.now:%H%M%S}.csv", HEADER, *rows)
        hand_in(
            register.returns["ALLOTMENT"],
            register.councils.by_code[council],
            parse_period(period),
            [file],
            inbox=Inbox(self.platform.ledger, self.platform.received_bytes),
        )
        self.clock.now += timedelta(seconds=1)

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        assert request.job_name is not None
        job = self.definitions.resolve_job_def(request.job_name)
        return job.execute_in_process(instance=self.instance, run_config=request.run_config, tags=dict(request.tags))

    def run_waiting(self) -> list[dg.ExecuteInProcessResult]:
        return [self.run(request) for request in list(list_process_requests(self.platform))]

    def materialised(self, key: dg.AssetKey) -> set[str]:
        return set(self.instance.get_materialized_partitions(key))

    def check(self, name: str, partition: str) -> bool | None:
        """Return the latest result of a check on one partition."""
        records = self.instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(VALIDATED, name), limit=200
        )
        for record in records:
            evaluation = record.event.asset_check_evaluation if record.event else None
            if evaluation is not None and evaluation.partition == partition:
                return bool(evaluation.passed)
        return None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield World(tmp_path, instance)


def test_one_run_records_each_council_on_its_own_partition(world: World) -> None:
    world.hand_in("FIF", "Fife,Town,1,12")
    world.hand_in("GLG", "Glasgow City,Green,9,7")  # a grade that is in no list

    [result] = world.run_waiting()

    assert result.success
    assert world.materialised(LANDED) == {"FIF|CY2023", "GLG|CY2023"}
    assert world.materialised(VALIDATED) == {"FIF|CY2023"}
    assert world.check("codes_are_recognised", "FIF|CY2023") is True
    assert world.check("codes_are_recognised", "GLG|CY2023") is False
    assert world.check("schema_conforms", "GLG|CY2023") is True
    assert world.check("codes_are_recognised", "ABD|CY2023") is None


def test_run_is_requested_once_an_hour_while_the_same_receipts_are_pending(world: World) -> None:
    world.hand_in("FIF", "Fife,Town,1,12")
    [first] = list_process_requests(world.platform)
    [same] = list_process_requests(world.platform)
    world.clock.now += timedelta(hours=1)
    [later] = list_process_requests(world.platform)
    world.hand_in("GLG", "Glasgow City,Green,1,7")
    [more] = list_process_requests(world.platform)
    world.run(more)

    assert first.run_key == same.run_key
    assert len({first.run_key, later.run_key, more.run_key}) == 3
    assert first.tags["lgdp/slice"] == "allotment/CY2023"
    assert list(list_process_requests(world.platform)) == []


def test_materialising_one_partition_judges_only_that_council_again(world: World) -> None:
    world.hand_in("FIF", "Fife,Town,1,12")
    world.hand_in("GLG", "Glasgow City,Green,1,7")
    world.run_waiting()

    job = world.definitions.resolve_job_def("revalidate_allotment")
    result = job.execute_in_process(instance=world.instance, partition_key="FIF|CY2023")

    partitions = [event.partition for event in result.get_asset_materialization_events()]
    assert partitions == ["FIF|CY2023", "FIF|CY2023"]
    for council, judgements in (("FIF", 2), ("GLG", 1)):
        judgement = world.platform.ledger.judgements.find(f"ALLOTMENT.{council}.CY2023.001")
        assert judgement is not None
        assert judgement.number == judgements


def test_period_is_released_when_a_slice_has_changed_although_others_are_late(world: World) -> None:
    requested = evaluate_automation(world, None)
    assert requested.total_requested == 0
    world.hand_in("FIF", "Fife,Town,1,12")
    world.run_waiting()

    requested = evaluate_automation(world, requested)

    assert {
        (r.key.to_user_string(), *r.true_subset.expensively_compute_partition_keys()) for r in requested.results
    } >= {
        ("published/allotment", "CY2023"),
        ("conformed/observation/allotment", "CY2023"),
    }
    job = world.definitions.resolve_job_def("publish_allotment")
    assert job.execute_in_process(instance=world.instance, partition_key="CY2023").success
    assert world.materialised(PUBLISHED) == {"CY2023"}
    assert evaluate_automation(world, requested).total_requested == 0


def test_rejected_submission_starts_no_release(world: World) -> None:
    world.hand_in("FIF", "Fife,Town,1,12")
    world.run_waiting()
    before = evaluate_automation(world, None)
    world.hand_in("FIF", "Fife,Town,9,12")
    world.run_waiting()

    assert evaluate_automation(world, before).total_requested == 0
    assert world.platform.ledger.submissions.find_current_ids("ALLOTMENT", "CY2023") == {
        "FIF": "ALLOTMENT.FIF.CY2023.001"
    }


def evaluate_automation(
    world: World, before: dg.EvaluateAutomationConditionsResult | None
) -> dg.EvaluateAutomationConditionsResult:
    """Return the runs that Dagster would start automatically now."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.evaluate_automation_conditions(
            world.definitions, world.instance, cursor=before.cursor if before else None
        )
