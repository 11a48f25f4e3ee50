"""Moments at which the platform's own ground gives way: full disks, damaged bytes, jumping clocks, two runs at once.

A broken platform is an exception with a remedy; what stood stands, what came stays, and the same again succeeds once
the ground is firm. Runs that are killed are in ``test_killed_runs``.
"""

import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import pytest

from lgdp_pipelines.errors import LgdpError, RegisterError, StorageError
from lgdp_pipelines.ledger.submission_records import SubmissionState
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, process
from tests.faults.world import PERIOD, World, csv_of, world_at
from tests.support.machine import MOUNT_NAMESPACES, ROOT, require

CODE = "SHELF-CSV"
TABLE = "shelf_csv__shelf__v1"


def rows(branch: str, books: int = 5) -> bytes:
    return csv_of(((branch, str(books), "01/02/1999", "L"),))


def fife(world: World) -> list[str]:
    return [row for row in world.standing()[TABLE] if '"council_code": "FIF"' in row]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world_at(tmp_path_factory.mktemp("world"))


@pytest.fixture(autouse=True)
def balanced(world: World) -> Iterator[None]:
    """After each: the ledger in balance, every byte that came in its place, and one good file goes through."""
    yield
    assert world.platform.ledger.balance.find_problems() == []
    assert world.lost_bytes() == []
    world.hand(CODE, rows(f"after {datetime.now(UTC).isoformat()}"))
    assert str(world.judge(CODE)[-1].judgement.verdict) == "accepted"


@contextmanager
def full_disk(folder: Path, left: int) -> Iterator[None]:
    """A small disk under a folder, filled but for some bytes while the block lasts."""
    filler = folder / "filler"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with filler.open("wb") as file:
        file.write(b"\1" * max(free - left, 0))
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world of its own on a disk of 64 MB."""
    require(ROOT, MOUNT_NAMESPACES)
    folder = tmp_path_factory.mktemp("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "lgdp-test", str(folder)], check=True)
    try:
        yield world_at(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("left", [0, 4096, 12288])
def test_full_disk_when_bytes_arrive_is_our_trouble_and_recorded_by_nobody(small_disk: World, left: int) -> None:
    before, receipts = small_disk.standing(), len(small_disk.receipts())
    file = small_disk.folder / "extract"
    file.write_bytes(b"x" * 1_000_000)

    with full_disk(small_disk.folder, left), pytest.raises(LgdpError) as refused:
        small_disk.platform.received_bytes.put(iter([b"y" * 1_000_000]))

    assert "room" in str(refused.value)
    assert refused.value.remedy
    assert small_disk.standing() == before
    assert len(small_disk.receipts()) == receipts
    assert small_disk.platform.ledger.balance.find_problems() == []
    small_disk.hand(CODE, rows(f"room again {left}"))
    assert str(small_disk.judge(CODE)[-1].judgement.verdict) == "accepted"


@pytest.mark.parametrize("left", [0, 2048, 8192, 20480])
def test_full_disk_when_a_run_writes_leaves_what_stood_and_the_next_run_finishes(small_disk: World, left: int) -> None:
    before = fife(small_disk)
    small_disk.hand(CODE, csv_of(tuple((f"Branch {left} {n}", "5", "01/02/1999", "L") for n in range(3000))))

    with full_disk(small_disk.folder, left), pytest.raises(LgdpError) as refused:
        small_disk.judge(CODE)

    assert refused.value.remedy
    assert small_disk.platform.ledger.balance.find_problems() == []
    assert fife(small_disk) == before
    (outcome,) = small_disk.judge(CODE)
    assert str(outcome.judgement.verdict) == "accepted"
    assert len(fife(small_disk)) == 3000
    assert small_disk.platform.ledger.balance.find_problems() == []
    assert small_disk.lost_bytes() == []


def test_received_bytes_that_were_damaged_are_told_and_judged_once_restored(world: World) -> None:
    before = world.standing()
    receipt = world.hand(CODE, rows("damaged"))
    stored = world.platform.received_bytes.path(receipt.sha256)
    content = stored.read_bytes()
    stored.write_bytes(content.replace(b"damaged", b"demaged"))

    with pytest.raises(StorageError, match="no longer what was received") as refused:
        world.judge(CODE)

    assert "backup" in refused.value.remedy
    assert world.standing() == before
    assert world.platform.ledger.balance.find_problems() == []
    stored.write_bytes(content)
    (outcome,) = world.judge(CODE)
    assert str(outcome.judgement.verdict) == "accepted"


def test_received_bytes_that_are_gone_are_told_and_judged_once_restored(world: World) -> None:
    before = world.standing()
    receipt = world.hand(CODE, rows("gone"))
    stored = world.platform.received_bytes.path(receipt.sha256)
    content = stored.read_bytes()
    stored.unlink()

    with pytest.raises(StorageError, match="missing"):
        world.judge(CODE)

    assert world.standing() == before
    stored.write_bytes(content)
    assert str(world.judge(CODE)[-1].judgement.verdict) == "accepted"


@pytest.mark.parametrize("turn", range(3))
def test_of_two_resubmissions_at_once_the_later_stands(world: World, turn: int) -> None:
    world.hand(CODE, rows(f"first {turn}"))
    platforms = [Platform(world.platform.settings, environment={}) for _ in range(2)]
    start = threading.Barrier(2)

    def run(platform: Platform) -> None:
        start.wait()
        world.hand(CODE, rows(f"second {turn}"))
        data_return = platform.register.returns[CODE]
        process(platform, ProcessRequest(data_return, parse_period(PERIOD), ("FIF",)), f"run {turn}")

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(run, platform) for platform in platforms]
        failures = [future.exception() for future in done]

    assert all(failure is None or isinstance(failure, LgdpError) for failure in failures), failures
    world.judge(CODE)
    current = world.platform.ledger.submissions.find_current(CODE, PERIOD)["FIF"]
    assert [row for row in fife(world) if f'"{current}"' in row and f"second {turn}" in row] == fife(world)
    assert len(fife(world)) == 1


def test_resubmission_that_comes_while_a_run_judges_is_taken_by_the_next(world: World) -> None:
    world.hand(CODE, rows("before"))
    process(
        world.platform,
        ProcessRequest(world.platform.register.returns[CODE], parse_period(PERIOD), ("FIF",)),
        "run",
        notify=lambda _: world.hand(CODE, rows("meanwhile")) and None,
    )
    assert "before" in fife(world)[0]

    (outcome,) = world.judge(CODE)

    assert "meanwhile" in fife(world)[0]
    assert world.platform.ledger.submissions.find_current(CODE, PERIOD)["FIF"] == outcome.submission.id


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=-400), timedelta(days=400)])
def test_clock_that_jumps_changes_no_order(world: World, jump: timedelta) -> None:
    world.hand(CODE, rows(f"before the jump {jump.days}"))
    now = datetime.now(UTC)
    jumped = World(Platform(world.platform.settings, environment={}, clock=lambda: now + jump), world.folder)
    jumped.hand(CODE, rows(f"after the jump {jump.days}"))

    outcomes = jumped.judge(CODE)

    assert [str(outcome.judgement.verdict) for outcome in outcomes] == ["accepted", "accepted"]
    numbers = [outcome.submission.number for outcome in outcomes]
    assert numbers == sorted(numbers)
    assert world.platform.ledger.submissions.get(outcomes[0].submission.id).state is SubmissionState.SUPERSEDED
    assert f"after the jump {jump.days}" in fife(world)[0]


def test_ledger_that_another_writer_holds_for_a_moment_is_waited_for(world: World) -> None:
    other = sqlite3.connect(
        world.platform.settings.home / "ledger.sqlite", isolation_level=None, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")
    let_go = threading.Thread(target=lambda: (sleep(0.5), other.execute("COMMIT"), other.close()))
    let_go.start()

    receipt = world.hand(CODE, rows("waited"))

    let_go.join()
    assert receipt.council_code == "FIF"


def test_register_that_was_spoilt_is_told_and_touches_nothing(world: World) -> None:
    before = world.standing()
    contract = next((world.platform.settings.schemas / "returns" / "shelf_csv").glob("*.yaml"))
    text = contract.read_text(encoding="utf-8")
    contract.write_text(text.replace('"lgdpPeriodKind"', '"lgdpPeriodCind"'), encoding="utf-8")
    try:
        with pytest.raises(RegisterError) as refused:
            _ = Platform(world.platform.settings, environment={}).register
    finally:
        contract.write_text(text, encoding="utf-8")

    assert "lgdpPeriodCind" in str(refused.value)
    assert world.standing() == before


def test_a_run_that_finds_nothing_new_changes_nothing(world: World) -> None:
    before = world.standing()
    versions = {
        log.parent.name: len(list(log.glob("*.json")))
        for log in world.platform.settings.lake.glob("validated/*/_delta_log")
    }

    assert world.judge(CODE) == ()

    assert world.standing() == before
    assert versions == {
        log.parent.name: len(list(log.glob("*.json")))
        for log in world.platform.settings.lake.glob("validated/*/_delta_log")
    }
