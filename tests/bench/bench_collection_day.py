"""Measure a collection day: 320 files of 32 councils for 10 returns, from delivered files to published tables.

Run ``python tests/bench/bench_collection_day.py [FOLDER]``. Each measurement has its own process and its own home:

* *plain*: the stages one after another, without Dagster.
* *command*: the same stages as Dagster jobs in one process, as in ``lgdp collect``.
* *daemon*: the same stages by Dagster's daemon with its sensors on; then one council's resubmission, from the sensor's
  tick to the answer in SQL.
* *tick*: one check of 32 accounts with 10,000 old files each.

It prints seconds and CPU seconds, and exits with 1 if a target is missed.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import collection_day as world
import dagster as dg
import sqlalchemy as sa

from lgdp_pipelines.collection.account_checks import find_news
from lgdp_pipelines.collection.collection_run import collect_source
from lgdp_pipelines.collection.transports import create_transport
from lgdp_pipelines.collection.transports.transport import IMPATIENT, Inbox
from lgdp_pipelines.errors import LgdpError
from lgdp_pipelines.ledger.schema import RECEIPT
from lgdp_pipelines.orchestration.in_process_runner import open_runner, prepare_dagster_home
from lgdp_pipelines.settings import PROJECT, Settings
from lgdp_pipelines.storage.catalogue_reader import run_select
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, process
from lgdp_pipelines.workflows.publishing import list_changed_periods, publish, refresh_lake_copies

WHOLE_TARGET, RATIO_TARGET, RESUBMISSION_TARGET, TICK_TARGET = 120.0, 2.0, 20.0, 10.0
OLD_FILES = 10_000
"""Old files in each account, for *tick*."""

WATCH = "watch_councils_sftp"
PATIENCE = 1800.0


def open_platform(folder: Path, home: Path) -> Platform:
    """Return the platform over a home."""
    return Platform(Settings.from_folder(home, folder / "schemas"), environment=dict(os.environ))


def run_plain(folder: Path, home: Path) -> dict[str, float]:
    """Run the stages one after another, and return their seconds."""
    platform, stages = open_platform(folder, home), Stages()
    for source in platform.register.sources.values():
        transport = create_transport(source, platform.register, platform.environment, platform.today)
        collect_source(transport, Inbox(platform.ledger, platform.received_bytes))
    stages.end("collect")
    for work in sorted(platform.ledger.submissions.list_pending_work(), key=lambda work: work.return_code):
        data_return, period = platform.register.returns[work.return_code], parse_period(work.period)
        process(platform, ProcessRequest(data_return, period, work.councils), "bench")
    stages.end("process")
    for data_return in platform.register.returns.values():
        publish(platform, data_return, list_changed_periods(platform, data_return), run_id="bench")
    refresh_lake_copies(platform)
    stages.end("publish")
    return stages.seconds


def run_command(folder: Path, home: Path) -> dict[str, float]:
    """Run the stages as Dagster jobs in this process, and return their seconds."""
    platform, stages = open_platform(folder, home), Stages()
    with open_runner(platform, lambda _: None) as runner:
        for source in platform.register.sources.values():
            runner.collect(source)
        stages.end("collect")
        runner.process_waiting()
        stages.end("process")
        runner.publish_changed()
        stages.end("publish")
    return stages.seconds


class Stages:
    """Records the seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.perf_counter()

    def end(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name], self._began = now - self._began, now


def query_figure(settings: Settings, query: str) -> Any:
    """Return the value of ``found`` in a query's first row, or None without a catalogue."""
    try:
        return run_select(settings.catalogue, query).to_pylist()[0]["found"]
    except LgdpError:
        return None


def wait_until(event: str, condition: Callable[[], bool]) -> float:
    """Wait until a condition holds, and return the time."""
    began = time.time()
    while not condition():
        if time.time() - began > PATIENCE:
            sys.exit(f"No {event} within {PATIENCE:.0f} s")
        time.sleep(0.25)
    return time.time()


@contextmanager
def daemon(settings: Settings) -> Iterator[None]:
    """Run Dagster's daemon with all sensors on, and its code server."""
    prepare_dagster_home(settings)
    environment_variables = {
        "DAGSTER_HOME": str(settings.dagster_home),
        "LGDP_HOME": str(settings.home),
        "LGDP_SCHEMAS": str(settings.schemas),
    }
    with (settings.home / "daemon.log").open("wb") as log:
        daemon_process = subprocess.Popen(
            [sys.executable, "-m", "dagster._daemon", "run", "-w", str(PROJECT / "workspace.yaml")],
            env=os.environ | environment_variables, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield
        finally:
            daemon_process.terminate()
            daemon_process.wait(60)


def run_by_daemon(folder: Path, home: Path) -> dict[str, float]:
    """Run the day by Dagster's daemon, then one council's resubmission; return seconds."""
    settings = Settings.from_folder(home, folder / "schemas")
    platform = open_platform(folder, home)
    returns = list(platform.register.returns.values())
    councils, began = len(platform.register.councils.codes), time.time()

    def is_whole() -> bool:
        releases = [platform.ledger.releases.find_latest(data_return.code, world.PERIOD) for data_return in returns]
        return all(release is not None and len(release.submissions) == councils for release in releases)

    with daemon(settings):
        seconds = wait_until("end of the day", is_whole) - began
        query = (
            "SELECT max(value) AS found FROM published.parks "
            "WHERE council_code = 'FIF' AND item = 'urn:lgdp:item:parks:visitors'"
        )
        before = query_figure(settings, query)
        time.sleep(30)  # the daemon has evaluated everything that follows from the day
        file = folder / "simulator" / "councils" / "FIF" / "outgoing" / "PARKS_2025.csv"
        first, content = (
            file.read_bytes(),
            world.build_figure_rows(platform.register.councils.by_code["FIF"].sg_code, 5_000),
        )
        partial_file = file.with_name(".PARKS_2025.csv.tmp")
        partial_file.write_bytes(content)
        partial_file.replace(file)
        placed_at = time.time()
        seen_at = wait_until("resubmission in SQL", lambda: query_figure(settings, query) not in {before, None})
        tick_start = find_tick_start(settings, placed_at)
        file.write_bytes(first)
        os.utime(file, (world.PLACED.timestamp(), world.PLACED.timestamp()))
    return {
        "whole": seconds,
        "resubmission from tick": seen_at - tick_start,
        "resubmission from arrival": seen_at - placed_at,
    }


def find_tick_start(settings: Settings, moment: float) -> float:
    """Return the start of the tick that saw a file placed at a moment."""
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        for state in instance.all_instigator_state():
            if state.name == WATCH:
                ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, after=moment - 5)
                return min(tick.timestamp for tick in ticks if tick.run_ids and tick.timestamp > moment - 5)
    sys.exit("No tick saw the resubmission.")


def measure_tick(folder: Path, home: Path) -> dict[str, float]:
    """Check accounts full of old files that the ledger knows, and return seconds."""
    platform = open_platform(folder, home)
    source = platform.register.sources["councils-sftp"]
    fill_accounts(platform, folder)
    stages = Stages()
    transport = create_transport(source, platform.register, platform.environment, platform.today, IMPATIENT)
    news = find_news(transport, platform.ledger)
    stages.end("look")
    return {**stages.seconds, "news": float(len(news.entries)), "failures": float(len(news.failures))}


def fill_accounts(platform: Platform, folder: Path) -> None:
    """Create old files, and record receipts of all files."""
    moment = int(world.PLACED.timestamp())
    for council in platform.register.councils:
        outgoing = folder / "simulator" / "councils" / council.code / "outgoing"
        for number in range(OLD_FILES):
            file = outgoing / f"PARKS_2025_v{number}.csv"
            if not file.exists():
                file.touch()
                os.utime(file, (moment, moment))
        rows = [
            {
                "received_at": world.PLACED, "state": "unrecognised", "council_code": council.code,
                "file_name": file.name, "size": file.stat().st_size, "sha256": "0" * 64, "transport": "sftp",
                "source": "councils-sftp", "account": council.code.lower(), "path": f"outgoing/{file.name}",
                "modified": world.PLACED, "reason": "old",
            }
            for file in outgoing.iterdir()
        ]  # fmt: skip
        platform.ledger._database.write(lambda connection, rows=rows: connection.execute(sa.insert(RECEIPT), rows))  # type: ignore[misc]


MEASUREMENTS: Mapping[str, Callable[[Path, Path], dict[str, float]]] = {
    "plain": run_plain,
    "command": run_command,
    "daemon": run_by_daemon,
    "tick": measure_tick,
}


def measure_process(measurement: str, folder: Path, home: Path, port: int) -> dict[str, float]:
    """Run one measurement in its own process; return seconds, with CPU of all children."""
    home.mkdir(parents=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.run(
        [sys.executable, __file__, measurement, str(folder), str(home)],
        env=os.environ | world.build_environment(folder, port), check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    seconds_taken = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(process.stdout.splitlines()[-1]), "start to end": seconds_taken, "cpu": cpu}


def main(folder: Path) -> None:
    """Run all measurements, print them, and compare them with the targets."""
    world.build_world(folder)
    results: dict[str, dict[str, float]] = {}
    with world.serve_world(folder) as port:
        for measurement in MEASUREMENTS:
            results[measurement] = measure_process(
                measurement, folder, folder / "homes" / f"{measurement}-{time.time_ns()}", port
            )
            print(
                f"{measurement:<8} "
                + ", ".join(f"{name} {seconds:.1f}" for name, seconds in results[measurement].items()),
                flush=True,
            )
    ratio = results["command"]["start to end"] / results["plain"]["start to end"]
    target_results = {
        f"command {results['command']['start to end']:.0f} s": results["command"]["start to end"] <= WHOLE_TARGET,
        f"daemon {results['daemon']['whole']:.0f} s": results["daemon"]["whole"] <= WHOLE_TARGET,
        f"ratio {ratio:.2f}": ratio <= RATIO_TARGET,
        f"daemon's ratio {results['daemon']['whole'] / results['plain']['start to end']:.2f}": results["daemon"][
            "whole"
        ]
        <= RATIO_TARGET * results["plain"]["start to end"],
        f"resubmission {results['daemon']['resubmission from tick']:.1f} s": results["daemon"]["resubmission from tick"]
        <= RESUBMISSION_TARGET,
        f"tick {results['tick']['look']:.1f} s": results["tick"]["look"] <= TICK_TARGET and not results["tick"]["news"],
    }
    for target, is_met in target_results.items():
        print(f"{'✓' if is_met else '✗'} {target}")
    sys.exit(not all(target_results.values()))


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(MEASUREMENTS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))))
    elif len(sys.argv) == 2:
        main(Path(sys.argv[1]).resolve())
    else:
        with tempfile.TemporaryDirectory() as name:
            main(Path(name))
