"""Runs in processes that are there already: a run begins at once, and not after everything was imported again.

Dagster's usual launcher starts a process a run, which costs 4 to 5 s of CPU before the first step; a council's file
goes through three runs. Here a worker does one run after another, as many side by side as ``dagster.yaml`` allows.
A worker that dies takes one run with it, whose only effects are idempotent slices: it is marked failed, and retried.
A worker whose register, code or day is no longer today's ends when it is idle, and another takes its place.

What belongs here: keeping workers, giving them runs, saying how a run fares. What does not: doing a run (``worker``).
"""

import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Self

import dagster as dg

from lgdp_pipelines.handover.scratch_folders import is_abandoned
from lgdp_pipelines.orchestration.dagster_internals import (
    CheckRunHealthResult,
    ConfigurableClass,
    ConfigurableClassData,
    LaunchRunContext,
    RunLauncher,
    WorkerStatus,
)
from lgdp_pipelines.settings import PROJECT, Settings

_IDLE_AT_MOST = 2
"""Workers that wait for a run; more than these end when they have done theirs."""


@dataclass
class _Worker:
    """A process that does runs.

    Attributes:
        process: it.
        orders: run ids go in here.
        answers: a line comes out here when a run is done.
        state: of register, code and day that it began with.
        run_id: what it is doing; empty where it waits.
    """

    process: subprocess.Popen[str]
    orders: IO[str]
    answers: IO[str]
    state: str
    run_id: str = field(default="")

    def take(self, run_id: str) -> bool:
        """Whether it took the run."""
        try:
            self.orders.write(f"{run_id}\n")
            self.orders.flush()
        except OSError:
            return False
        self.run_id = run_id
        return True


class WarmRunLauncher(RunLauncher[dg.DagsterInstance], ConfigurableClass):
    """Gives runs to workers that have everything loaded.

    Args:
        folder: where workers lock a file for the run that they are at.
        inst_data: how Dagster was told of this class.
    """

    def __init__(self, folder: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._folder = Path(folder)
        self._inst_data = inst_data
        self._lock = threading.Lock()
        self._workers: list[_Worker] = []
        super().__init__()  # type: ignore[no-untyped-call] # Dagster's own

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """How Dagster was told of this class."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """What ``dagster.yaml`` says of it."""
        return {"folder": dg.StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """As Dagster makes one from its settings."""
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Give a run to a worker that waits, or to a new one."""
        run_id = context.dagster_run.run_id
        state = fingerprint_code(Settings.from_environment())
        with self._lock:
            for worker in [one for one in self._workers if not one.run_id]:
                if worker.state != state:
                    self._dismiss(worker)
                elif worker.take(run_id):
                    return
            self._start(state).take(run_id)

    def terminate(self, run_id: str) -> bool:
        """Ask for a run's end. Its worker looks for that every few seconds, whichever process asks."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Workers that died are noticed."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether a worker is at a run: one of this process's, or one that an earlier process started."""
        with self._lock:
            is_ours = any(one.run_id == run.run_id and one.process.poll() is None for one in self._workers)
        file = self._folder / run.run_id
        if is_ours or (file.exists() and not is_abandoned(file)):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "The worker that had this run is gone.")

    def dispose(self) -> None:
        """Let workers end, each after the run that it is at."""
        with self._lock:
            for worker in list(self._workers):
                self._dismiss(worker)

    def _start(self, state: str) -> _Worker:
        self._folder.mkdir(parents=True, exist_ok=True)
        # A session of its own: Ctrl-C at the terminal lets it finish its run, as the end of its orders does.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, with fixed words
            [sys.executable, "-m", "lgdp_pipelines.orchestration.warm_worker", str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if process.stdin is None or process.stdout is None:  # pragma: no cover - asked for above
            raise TypeError
        worker = _Worker(process, process.stdin, process.stdout, state)
        self._workers.append(worker)
        threading.Thread(target=self._listen, args=(worker,), name="lgdp-worker", daemon=True).start()
        return worker

    def _listen(self, worker: _Worker) -> None:
        """Hear of each run that a worker has done; where it is heard no more, its run has failed."""
        with worker.answers as answers:
            for _ in answers:
                with self._lock:
                    worker.run_id = ""
                    if sum(not one.run_id for one in self._workers) > _IDLE_AT_MOST:
                        self._dismiss(worker)
        worker.process.wait()
        with suppress(OSError):  # an order that nobody took
            worker.orders.close()
        with self._lock:
            if worker in self._workers:
                self._workers.remove(worker)
        if worker.run_id:
            run = self._instance.get_run_by_id(worker.run_id)
            if run is not None and not run.is_finished:
                self._instance.report_run_failed(run, "The worker that had this run died.")

    def _dismiss(self, worker: _Worker) -> None:
        """Let a worker end when it is idle. Its listener stays until it has."""
        worker.orders.close()
        self._workers.remove(worker)


def fingerprint_code(settings: Settings) -> str:
    """A word that changes when the register, the code or the day does."""
    files = [
        file.stat()
        for folder in (settings.schemas, settings.dbt_project, PROJECT / "lgdp_pipelines")
        for file in folder.rglob("*")
        if file.suffix in {".yaml", ".csv", ".sql", ".py", ".md"}
    ]
    latest = max((one.st_mtime_ns for one in files), default=0)
    return f"{datetime.now(UTC):%Y-%m-%d}/{len(files)}/{latest}"
