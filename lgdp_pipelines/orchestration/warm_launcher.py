"""A run launcher with warm workers: processes that have everything imported and do one run after another.

Dagster's usual launcher starts a process for each run, which costs 4 to 5 s of CPU before the first step, and a
council's file goes through three runs. A worker that dies takes one run with it, whose only effects are idempotent
slices: the run is marked failed, and retried. An idle worker whose register, code or day is no longer the present one
ends, and another takes its place.

A worker is this module as a program: ``python -m lgdp_pipelines.orchestration.warm_launcher FOLDER``. Run ids come by
standard input, a line each; a line goes out by standard output when one is done. The process ends with its input.
During a run it keeps a file of that name locked in the folder, by which others see that it is alive.

Belongs here: keeping workers, giving them runs, doing these, and reporting whether a run is alive. Belongs elsewhere:
the effects of a run (``workflows``).
"""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
    execute_run,
)
from lgdp_pipelines.settings import PROJECT, Settings

_MAX_IDLE_WORKERS = 2
"""Workers that wait for a run; more than these end after theirs."""


@dataclass
class _Worker:
    """A process that does runs.

    Attributes:
        process: the operating system's.
        requests: its standard input, which takes run ids.
        replies: its standard output, with a line for each run that is done.
        fingerprint: of the register, code and day that it began with.
        run_id: the run that it is doing; empty where it waits.
    """

    process: subprocess.Popen[str]
    requests: IO[str]
    replies: IO[str]
    fingerprint: str
    run_id: str = field(default="")

    def take(self, run_id: str) -> bool:
        """Give the worker a run, and return whether it took it."""
        try:
            self.requests.write(f"{run_id}\n")
            self.requests.flush()
        except OSError:
            return False
        self.run_id = run_id
        return True


class WarmRunLauncher(RunLauncher[dg.DagsterInstance], ConfigurableClass):
    """Gives runs to workers that have everything imported.

    Args:
        folder: where a worker keeps a file locked for the run that it is doing.
        inst_data: the class and settings in ``dagster.yaml``.
    """

    def __init__(self, folder: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._folder = Path(folder)
        self._inst_data = inst_data
        self._lock = threading.Lock()
        self._workers: list[_Worker] = []
        super().__init__()  # type: ignore[no-untyped-call] # Dagster's own

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """The class and settings in ``dagster.yaml``."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the settings that ``dagster.yaml`` takes."""
        return {"folder": dg.StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Return the launcher of Dagster's settings."""
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Give a run to an idle or new worker; dismiss outdated ones."""
        run_id = context.dagster_run.run_id
        fingerprint = fingerprint_code(Settings.from_environment())
        with self._lock:
            for worker in [worker for worker in self._workers if not worker.run_id]:
                if worker.fingerprint != fingerprint:
                    self._dismiss(worker)
                elif worker.take(run_id):
                    return
            self._start(fingerprint).take(run_id)

    def terminate(self, run_id: str) -> bool:
        """Ask for a run's cancellation; return whether it was still unfinished.

        Its worker looks for that every few seconds.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Return whether dead workers are noticed."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether a worker of any launcher is doing a run."""
        with self._lock:
            is_ours = any(worker.run_id == run.run_id and worker.process.poll() is None for worker in self._workers)
        lock_file = self._folder / run.run_id
        if is_ours or (lock_file.exists() and not is_abandoned(lock_file)):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "The worker that had this run is gone.")

    def dispose(self) -> None:
        """Let workers end, each after its run."""
        with self._lock:
            for worker in list(self._workers):
                self._dismiss(worker)

    def _start(self, fingerprint: str) -> _Worker:
        """Start a worker process, and a thread that listens to it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        # A session of its own: Ctrl-C at the terminal lets it finish its run, as the end of its input does.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, with fixed words
            [sys.executable, "-m", "lgdp_pipelines.orchestration.warm_launcher", str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if process.stdin is None or process.stdout is None:  # pragma: no cover - both are pipes
            raise TypeError
        worker = _Worker(process, process.stdin, process.stdout, fingerprint)
        self._workers.append(worker)
        threading.Thread(target=self._listen, args=(worker,), name="lgdp-worker", daemon=True).start()
        return worker

    def _listen(self, worker: _Worker) -> None:
        """Note a worker's finished runs; fail the run it dies with.

        A run that it still has when its output ends has failed. An idle worker too many is let go.
        """
        with worker.replies as replies:
            for _ in replies:
                with self._lock:
                    worker.run_id = ""
                    if sum(not idle.run_id for idle in self._workers) > _MAX_IDLE_WORKERS:
                        self._dismiss(worker)
        worker.process.wait()
        with suppress(OSError):  # a request that no process read
            worker.requests.close()
        with self._lock:
            if worker in self._workers:
                self._workers.remove(worker)
        if worker.run_id:
            run = self._instance.get_run_by_id(worker.run_id)
            if run is not None and not run.is_finished:
                self._instance.report_run_failed(run, "The worker that had this run died.")

    def _dismiss(self, worker: _Worker) -> None:
        """Let a worker end after its run; its listener stays until then."""
        worker.requests.close()
        self._workers.remove(worker)


def fingerprint_code(settings: Settings) -> str:
    """Return a text that changes with register, dbt project, code and day."""
    files = [
        file.stat()
        for folder in (settings.schemas, settings.dbt_project, PROJECT / "lgdp_pipelines")
        for file in folder.rglob("*")
        if file.suffix in {".yaml", ".csv", ".sql", ".py", ".md"}
    ]
    latest_change = max((file.st_mtime_ns for file in files), default=0)
    return f"{datetime.now(UTC):%Y-%m-%d}/{len(files)}/{latest_change}"


@contextmanager
def hold_run_lock(run: Path) -> Iterator[None]:
    """Keep a run's file locked during a block, then delete it.

    The system releases the lock when this process dies, however it dies.
    """
    descriptor = os.open(run, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        run.unlink(missing_ok=True)
        os.close(descriptor)


def main(folder: Path) -> None:
    """Do the runs whose ids arrive by standard input, until it ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # a run's output goes to the log
    with dg.DagsterInstance.get() as instance:
        for line in sys.stdin:
            run_id = line.strip()
            with hold_run_lock(folder / run_id):
                # Ends a run that is to be cancelled, by an interrupt; without a run an interrupt means nothing.
                signal.signal(signal.SIGINT, signal.default_int_handler)
                execute_run(run_id, instance, lambda _event: None, set_exit_code_on_failure=False)
                signal.signal(signal.SIGINT, signal.SIG_IGN)
            replies.write("done\n")
            replies.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
