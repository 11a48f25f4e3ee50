"""Runs in warm workers: one after another in one process, and failed when their worker dies."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin

from lgdp_pipelines.orchestration import warm_launcher
from lgdp_pipelines.orchestration.dagster_internals import LaunchRunContext, WorkerStatus
from lgdp_pipelines.orchestration.definitions_builder import build_definitions
from lgdp_pipelines.orchestration.in_process_runner import prepare_dagster_home
from lgdp_pipelines.orchestration.warm_launcher import WarmRunLauncher, fingerprint_code
from lgdp_pipelines.settings import Settings
from tests.support.contracts import allotment_v1, write_register

SECONDS = 240
"""Time limit, for a busy machine."""


def launch_run(instance: dg.DagsterInstance, settings: Settings) -> tuple[WarmRunLauncher, dg.DagsterRun]:
    """Launch a run in a worker."""
    repository = RepositoryPythonOrigin(
        sys.executable, ModuleCodePointer("lgdp_pipelines.definitions", "defs", str(settings.home))
    )
    run = instance.create_run_for_job(
        build_definitions(settings).resolve_job_def("process_allotment"),
        tags={"dagster/partition": "FIF|CY2023"},
        status=dg.DagsterRunStatus.STARTING,
        job_code_origin=JobPythonOrigin("process_allotment", repository),
    )
    launcher = instance.run_launcher
    assert isinstance(launcher, WarmRunLauncher)
    launcher.launch_run(LaunchRunContext(run, None))
    return launcher, run


def wait_for_end(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        current_run = instance.get_run_by_id(run.run_id)
        assert current_run is not None
        if current_run.is_finished:
            return current_run.status
        time.sleep(0.1)
    pytest.fail("the run did not end")


def find_process_id(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int:
    [pid] = {
        match[1]
        for event in instance.all_logs(run.run_id)
        if (match := re.search(r"run \(pid: (\d+)\)", event.message))
    }
    return int(pid)


def test_worker_runs_one_job_after_another_and_a_run_fails_when_its_worker_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.from_folder(tmp_path / "home", write_register(tmp_path / "schemas", allotment_v1()))
    prepare_dagster_home(settings)
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    monkeypatch.setenv("LGDP_HOME", str(settings.home))
    monkeypatch.setenv("LGDP_SCHEMAS", str(settings.schemas))
    monkeypatch.setattr(warm_launcher, "fingerprint_code", lambda _: "unchanged")
    with dg.DagsterInstance.get() as instance:
        launcher, killed = launch_run(instance, settings)
        [worker] = launcher._workers
        assert launcher.check_run_worker_health(killed).status is WorkerStatus.RUNNING
        os.kill(worker.process.pid, signal.SIGKILL)
        assert wait_for_end(instance, killed) is dg.DagsterRunStatus.FAILURE
        assert launcher.check_run_worker_health(killed).status is WorkerStatus.FAILED

        _, first = launch_run(instance, settings)
        assert wait_for_end(instance, first) is dg.DagsterRunStatus.SUCCESS
        _wait_for_idle(launcher)
        _, second = launch_run(instance, settings)
        assert wait_for_end(instance, second) is dg.DagsterRunStatus.SUCCESS
        assert find_process_id(instance, first) == find_process_id(instance, second) != worker.process.pid
        [warm] = launcher._workers
    assert warm.process.wait(SECONDS) == 0
    assert list((settings.dagster_home / "workers").iterdir()) == []


def _wait_for_idle(launcher: WarmRunLauncher) -> None:
    deadline = time.monotonic() + SECONDS
    while any(worker.run_id for worker in launcher._workers) and time.monotonic() < deadline:
        time.sleep(0.05)


def test_worker_serves_one_state_of_the_register(tmp_path: Path) -> None:
    settings = Settings.from_folder(tmp_path / "home", write_register(tmp_path / "schemas", allotment_v1()))
    before = fingerprint_code(settings)
    assert fingerprint_code(settings) == before
    file = next(settings.schemas.rglob("*.odcs.yaml"))
    os.utime(file, ns=(time.time_ns(), time.time_ns()))
    assert fingerprint_code(settings) != before
