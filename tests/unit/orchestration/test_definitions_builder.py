"""Dagster's definitions of the shipped register, as a reviewed list."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from lgdp_pipelines.orchestration.definitions_builder import build_definitions
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.vocabulary.verdicts import CheckFamily
from lgdp_pipelines.workflows.platform import Platform

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> dg.RepositoryDefinition:
    settings = Settings.from_folder(tmp_path_factory.mktemp("graph"))
    platform = Platform(settings, clock=lambda: NOON)
    return build_definitions(settings, overrides={"platform": platform}).get_repository_def()


def test_the_assets_are_the_declared_ones(repository: dg.RepositoryDefinition) -> None:
    keys = {key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()}

    assert keys == {
        *(
            f"{stage}/{data_return}"
            for stage in ("received", "landed", "validated", "published")
            for data_return in RETURNS
        ),
        *(f"conformed/observation/{data_return}" for data_return in RETURNS),
        *(f"conformed/{model}/{model.partition('_')[0]}" for model in CASES),
        *(f"source/{source}" for source in SOURCES),
    }


SOURCES = ("simulated_api", "simulated_sftp", "council_push")
RETURNS = ("dhp", "hl1", "hl3", "lfr", "people_supported", "school_list", "school_summary", "source", "waste")
CASES = (
    "hl1_application",
    "hl3_placement",
    "lfr_ledger",
    *(f"source_{section}" for section in ("care_home", "client", "demographics", "equipment", "home_care")),
    "source_self_directed_support",
)


def test_the_jobs_sensors_and_schedules_are_the_declared_ones(repository: dg.RepositoryDefinition) -> None:
    jobs = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}

    daily = {"check_calendar", "remind_councils", "verify_received"}
    assert jobs == {
        "collect",
        "check_sources",
        "deliver_feedback",
        *daily,
        *(f"{verb}_{data_return}" for verb in ("process", "revalidate", "publish") for data_return in RETURNS),
    }
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "watch_simulated_sftp",
        "receipts_waiting",
        "publish_what_changed",
        "alert_engineers",
        "feedback_untold",
    }
    assert {schedule.name for schedule in repository.schedule_defs} == {
        "poll_simulated_api",
        "check_sources_hourly",
        *(f"{job}_daily" for job in daily),
    }


def test_grid_is_council_by_period_up_to_validated_and_period_after(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    grids = {
        stage: graph.get(dg.AssetKey([stage, "hl1"])).partitions_def
        for stage in ("received", "landed", "validated", "published")
    }
    quarters = 11  # from FY2024-25-Q1 to the quarter that 21 November 2026 lies in

    for stage in ("received", "landed", "validated"):
        grid = grids[stage]
        assert isinstance(grid, dg.MultiPartitionsDefinition)
        assert len(grid.get_partition_keys()) == 32 * quarters
    assert grids["published"] is not None
    assert grids["published"].get_partition_keys()[-1] == "FY2026-27-Q3"
    assert len(grids["published"].get_partition_keys()) == quarters


def test_each_validated_asset_has_a_check_for_each_family_of_rules_and_one_for_time(
    repository: dg.RepositoryDefinition,
) -> None:
    for data_return in RETURNS:
        names = {
            key.name
            for key in repository.asset_graph.asset_check_keys
            if key.asset_key == dg.AssetKey(["validated", data_return])
        }
        assert names == {*(str(family) for family in CheckFamily), "submission_on_time"}


def test_each_source_leads_to_its_returns_and_has_a_check(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    assert {key.path[-1] for key in graph.get(dg.AssetKey(["source", "simulated_api"])).child_keys} == {"waste"}
    checks = {(key.asset_key.path[-1], key.name) for key in graph.asset_check_keys if key.asset_key.path[0] == "source"}
    assert checks == {(source, "accounts_answer") for source in SOURCES}


def test_a_changed_slice_triggers_its_period_without_waiting_for_all_councils(
    repository: dg.RepositoryDefinition,
) -> None:
    """``eager`` or a wait on blocking checks would never fire with one council late."""
    for key in repository.asset_graph.get_all_asset_keys():
        condition = repository.asset_graph.get(key).automation_condition
        if key.path[0] in ("conformed", "published"):
            assert condition is not None
            text = repr(condition)
            assert "any_deps_updated" in text or "AnyDeps" in text
            assert "missing" not in text.lower()
        else:
            assert condition is None


def test_every_asset_has_a_description_an_owner_and_a_contract(repository: dg.RepositoryDefinition) -> None:
    for key in repository.asset_graph.get_all_asset_keys():
        node = repository.asset_graph.get(key)
        assert node.description
        if key.path[0] == "source":
            continue
        assert node.owners, key
        assert node.tags["lgdp/return"] == key.path[-1]
        assert ".yaml (version " in str(node.metadata["contract"])


def test_the_graph_holds_no_secret_and_no_path_of_one(repository: dg.RepositoryDefinition, tmp_path: Path) -> None:
    text = " ".join(
        f"{repository.asset_graph.get(key).metadata} {repository.asset_graph.get(key).description}"
        for key in repository.asset_graph.get_all_asset_keys()
    )

    for word in ("simulator/keys", "simulator/tokens", "known_hosts", "secrets/"):
        assert word not in text


def test_the_job_that_checks_sources_reports_on_each_and_never_fails(repository: dg.RepositoryDefinition) -> None:
    """No key or token is there, so every account that is fetched from is refused: a warning, and no failed run."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = repository.get_job("check_sources").execute_in_process(instance=instance)
    evaluations_by_source = {
        evaluation.asset_key.path[-1]: evaluation for evaluation in result.get_asset_check_evaluations()
    }

    assert result.success
    assert {name: evaluation.passed for name, evaluation in evaluations_by_source.items()} == {
        "simulated_api": False,
        "simulated_sftp": False,
        "council_push": True,
    }
    assert evaluations_by_source["simulated_sftp"].description == "0 of 32 accounts answer."
    assert evaluations_by_source["simulated_sftp"].severity is dg.AssetCheckSeverity.WARN
