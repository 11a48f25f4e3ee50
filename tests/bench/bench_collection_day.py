"""What a collection day costs: 320 files of 32 councils for 10 returns, from files in place to published tables.

Run by ``python tests/bench/bench_collection_day.py [FOLDER]``. It measures, each in processes of their own and on homes
of their own: *plain*, the stages called one after another without Dagster; *command*, the same by Dagster's jobs in one
process, as ``lgdp collect`` does it; *daemon*, the same by Dagster's daemon with its sensors on, and then one council's
resubmission, from the sensor's tick that saw it until SQL shows it; *tick*, a look into 32 accounts with 10,000 old
files each. It prints seconds and CPU seconds, and ends with 1 where a target is missed.
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
"""In each account, for *tick*."""

WATCH = "watch_councils_sftp"
PATIENCE = 1800.0


def opened(folder: Path, home: Path) -> Platform:
    """The platform of a measurement."""
    return Platform(Settings.from_folder(home, folder / "schemas"), environment=dict(os.environ))


def plain(folder: Path, home: Path) -> dict[str, float]:
    """The stages, one after another."""
    platform, stages = opened(folder, home), Stages()
    for source in platform.register.sources.values():
        transport = create_transport(source, platform.register, platform.environment, platform.today)
        collect_source(transport, Inbox(platform.ledger, platform.received_bytes))
    stages.end("collect")
    for work in sorted(platform.ledger.submissions.list_pending_work(), key=lambda waits: waits.return_code):
        data_return, period = platform.register.returns[work.return_code], parse_period(work.period)
        process(platform, ProcessRequest(data_return, period, work.councils), "bench")
    stages.end("process")
    for data_return in platform.register.returns.values():
        publish(platform, data_return, list_changed_periods(platform, data_return), run_id="bench")
    refresh_lake_copies(platform)
    stages.end("publish")
    return stages.seconds


def command(folder: Path, home: Path) -> dict[str, float]:
    """The same by Dagster's jobs in this process, as ``lgdp collect`` does it."""
    platform, stages = opened(folder, home), Stages()
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
    """Seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.perf_counter()

    def end(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name], self._began = now - self._began, now


def shown(settings: Settings, query: str) -> Any:
    """What SQL says; None where it cannot be asked yet."""
    try:
        return run_select(settings.catalogue, query).to_pylist()[0]["found"]
    except LgdpError:
        return None


def until(what: str, found: Callable[[], bool]) -> float:
    """When something came true."""
    began = time.time()
    while not found():
        if time.time() - began > PATIENCE:
            sys.exit(f"{what}: not within {PATIENCE:.0f} s")
        time.sleep(0.25)
    return time.time()


@contextmanager
def daemon(settings: Settings) -> Iterator[None]:
    """Dagster's daemon with all sensors on, and its code server."""
    prepare_dagster_home(settings)
    places = {
        "DAGSTER_HOME": str(settings.dagster_home),
        "LGDP_HOME": str(settings.home),
        "LGDP_SCHEMAS": str(settings.schemas),
    }
    with (settings.home / "daemon.log").open("wb") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "dagster._daemon", "run", "-w", str(PROJECT / "workspace.yaml")],
            env=os.environ | places, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield
        finally:
            running.terminate()
            running.wait(60)


def by_daemon(folder: Path, home: Path) -> dict[str, float]:
    """The day by Dagster's daemon; then one council's resubmission."""
    settings = Settings.from_folder(home, folder / "schemas")
    platform = opened(folder, home)
    returns = list(platform.register.returns.values())
    councils, began = len(platform.register.councils.codes), time.time()

    def is_whole() -> bool:
        releases = [platform.ledger.releases.find_latest(data_return.code, world.PERIOD) for data_return in returns]
        return all(release is not None and len(release.submissions) == councils for release in releases)

    with daemon(settings):
        seconds = until("the day", is_whole) - began
        query = (
            "SELECT max(value) AS found FROM published.parks "
            "WHERE council_code = 'FIF' AND item = 'urn:lgdp:item:parks:visitors'"
        )
        before = shown(settings, query)
        time.sleep(30)  # whatever follows from the day has been looked at
        file = folder / "simulator" / "councils" / "FIF" / "outgoing" / "PARKS_2025.csv"
        first, content = file.read_bytes(), world.figure_rows(platform.register.councils.by_code["FIF"].sg_code, 5_000)
        partial_file = file.with_name(".PARKS_2025.csv.tmp")
        partial_file.write_bytes(content)
        partial_file.replace(file)
        placed = time.time()
        seen = until("the resubmission", lambda: shown(settings, query) not in {before, None})
        tick = tick_after(settings, placed)
        file.write_bytes(first)
        os.utime(file, (world.PLACED.timestamp(), world.PLACED.timestamp()))
    return {"whole": seconds, "resubmission from tick": seen - tick, "resubmission from arrival": seen - placed}


def tick_after(settings: Settings, moment: float) -> float:
    """When the sensor's tick began that saw what was placed at a moment."""
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        for state in instance.all_instigator_state():
            if state.name == WATCH:
                ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, after=moment - 5)
                return min(tick.timestamp for tick in ticks if tick.run_ids and tick.timestamp > moment - 5)
    sys.exit("no tick saw the resubmission")


def tick(folder: Path, home: Path) -> dict[str, float]:
    """A look into accounts full of old files that the ledger knows."""
    platform = opened(folder, home)
    source = platform.register.sources["councils-sftp"]
    fill(platform, folder)
    stages = Stages()
    transport = create_transport(source, platform.register, platform.environment, platform.today, IMPATIENT)
    news = find_news(transport, platform.ledger)
    stages.end("look")
    return {**stages.seconds, "news": float(len(news.entries)), "failures": float(len(news.failures))}


def fill(platform: Platform, folder: Path) -> None:
    """Lay old files, and write the receipts of all files down."""
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


WAYS: Mapping[str, Callable[[Path, Path], dict[str, float]]] = {
    "plain": plain,
    "command": command,
    "daemon": by_daemon,
    "tick": tick,
}


def measured(way: str, folder: Path, home: Path, port: int) -> dict[str, float]:
    """One way, in a process of its own: seconds of its stages, of the whole process, and of CPU with all it started."""
    home.mkdir(parents=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, way, str(folder), str(home)],
        env=os.environ | world.environment(folder, port), check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(done.stdout.splitlines()[-1]), "start to end": took, "cpu": cpu}


def main(folder: Path) -> None:
    """Measure every way, print what came of it, and hold it against the targets."""
    world.lay_world(folder)
    found: dict[str, dict[str, float]] = {}
    with world.served(folder) as port:
        for way in WAYS:
            found[way] = measured(way, folder, folder / "homes" / f"{way}-{time.time_ns()}", port)
            print(f"{way:<8} " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in found[way].items()), flush=True)
    ratio = found["command"]["start to end"] / found["plain"]["start to end"]
    held = {
        f"command {found['command']['start to end']:.0f} s": found["command"]["start to end"] <= WHOLE_TARGET,
        f"daemon {found['daemon']['whole']:.0f} s": found["daemon"]["whole"] <= WHOLE_TARGET,
        f"ratio {ratio:.2f}": ratio <= RATIO_TARGET,
        f"daemon's ratio {found['daemon']['whole'] / found['plain']['start to end']:.2f}": found["daemon"]["whole"]
        <= RATIO_TARGET * found["plain"]["start to end"],
        f"resubmission {found['daemon']['resubmission from tick']:.1f} s": found["daemon"]["resubmission from tick"]
        <= RESUBMISSION_TARGET,
        f"tick {found['tick']['look']:.1f} s": found["tick"]["look"] <= TICK_TARGET and not found["tick"]["news"],
    }
    for what, is_held in held.items():
        print(f"{'✓' if is_held else '✗'} {what}")
    sys.exit(not all(held.values()))


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(WAYS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))))
    elif len(sys.argv) == 2:
        main(Path(sys.argv[1]).resolve())
    else:
        with tempfile.TemporaryDirectory() as name:
            main(Path(name))
