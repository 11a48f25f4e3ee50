"""Faults of the platform's own machine: full disks, damaged bytes, jumping clocks, two runs at once.

Each fault is an exception with a remedy; accepted data and received files stay, and a repetition succeeds once the
fault is gone. Killed runs are in ``test_killed_runs``.
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
from tests.faults.world import PERIOD, World, build_csv, build_world
from tests.support.machine import MOUNT_NAMESPACES, ROOT, require

CODE = "SHELF-CSV"
TABLE = "shelf_csv__shelf__v1"


def build_rows(branch: str, books: int = 5) -> bytes:
    return build_csv(((branch, str(books), "01/02/1999", "L"),))


def read_fife_rows(world: World) -> list[str]:
    return [row for row in world.read_validated_rows()[TABLE] if '"council_code": "FIF"' in row]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(autouse=True)
def check_balance(world: World) -> Iterator[None]:
    """Check after each test the balance, the received bytes, and that a good file is accepted."""
    yield
    assert world.platform.ledger.balance.find_problems() == []
    assert world.find_lost_receipts() == []
    world.hand_in(CODE, build_rows(f"after {datetime.now(UTC).isoformat()}"))
    assert str(world.judge(CODE)[-1].judgement.verdict) == "accepted"


@contextmanager
def fill_disk(folder: Path, free_bytes: int) -> Iterator[None]:
    """Fill the small disk of a folder except for some bytes while the block runs."""
    filler = folder / "filler"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with filler.open("wb") as file:
        file.write(b"\1" * max(free - free_bytes, 0))
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """World on a disk of 64 MB."""
    require(ROOT, MOUNT_NAMESPACES)
    folder = tmp_path_factory.mktemp("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "lgdp-test", str(folder)], check=True)
    try:
        yield build_world(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("free_bytes", [0, 4096, 12288])
def test_full_disk_during_receipt_is_an_error_and_no_receipt_is_recorded(small_disk: World, free_bytes: int) -> None:
    before, receipts = small_disk.read_validated_rows(), len(small_disk.read_receipts())
    file = small_disk.folder / "extract"
    file.write_bytes(b"x" * 1_000_000)

    with fill_disk(small_disk.folder, free_bytes), pytest.raises(LgdpError) as refused:
        small_disk.platform.received_bytes.put(iter([b"y" * 1_000_000]))

    assert "room" in str(refused.value)
    assert refused.value.remedy
    assert small_disk.read_validated_rows() == before
    assert len(small_disk.read_receipts()) == receipts
    assert small_disk.platform.ledger.balance.find_problems() == []
    small_disk.hand_in(CODE, build_rows(f"room again {free_bytes}"))
    assert str(small_disk.judge(CODE)[-1].judgement.verdict) == "accepted"


@pytest.mark.parametrize("free_bytes", [0, 2048, 8192, 20480])
def test_full_disk_during_a_run_keeps_accepted_data_and_the_next_run_finishes(
    small_disk: World, free_bytes: int
) -> None:
    before = read_fife_rows(small_disk)
    small_disk.hand_in(
        CODE, build_csv(tuple((f"Branch {free_bytes} {n}", "5", "01/02/1999", "L") for n in range(3000)))
    )

    with fill_disk(small_disk.folder, free_bytes), pytest.raises(LgdpError) as refused:
        small_disk.judge(CODE)

    assert refused.value.remedy
    assert small_disk.platform.ledger.balance.find_problems() == []
    assert read_fife_rows(small_disk) == before
    (outcome,) = small_disk.judge(CODE)
    assert str(outcome.judgement.verdict) == "accepted"
    assert len(read_fife_rows(small_disk)) == 3000
    assert small_disk.platform.ledger.balance.find_problems() == []
    assert small_disk.find_lost_receipts() == []


def test_damaged_received_bytes_are_reported_and_judged_once_restored(world: World) -> None:
    before = world.read_validated_rows()
    receipt = world.hand_in(CODE, build_rows("damaged"))
    stored = world.platform.received_bytes.path(receipt.sha256)
    content = stored.read_bytes()
    stored.write_bytes(content.replace(b"damaged", b"demaged"))

    with pytest.raises(StorageError, match="are not identical to those received") as refused:
        world.judge(CODE)

    assert "backup" in refused.value.remedy
    assert world.read_validated_rows() == before
    assert world.platform.ledger.balance.find_problems() == []
    stored.write_bytes(content)
    (outcome,) = world.judge(CODE)
    assert str(outcome.judgement.verdict) == "accepted"


def test_missing_received_bytes_are_reported_and_judged_once_restored(world: World) -> None:
    before = world.read_validated_rows()
    receipt = world.hand_in(CODE, build_rows("gone"))
    stored = world.platform.received_bytes.path(receipt.sha256)
    content = stored.read_bytes()
    stored.unlink()

    with pytest.raises(StorageError, match="missing"):
        world.judge(CODE)

    assert world.read_validated_rows() == before
    stored.write_bytes(content)
    assert str(world.judge(CODE)[-1].judgement.verdict) == "accepted"


@pytest.mark.parametrize("number", range(3))
def test_later_of_two_simultaneous_resubmissions_is_current(world: World, number: int) -> None:
    world.hand_in(CODE, build_rows(f"first {number}"))
    platforms = [Platform(world.platform.settings, environment={}) for _ in range(2)]
    start = threading.Barrier(2)

    def run(platform: Platform) -> None:
        start.wait()
        world.hand_in(CODE, build_rows(f"second {number}"))
        data_return = platform.register.returns[CODE]
        process(platform, ProcessRequest(data_return, parse_period(PERIOD), ("FIF",)), f"run {number}")

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(run, platform) for platform in platforms]
        failures = [future.exception() for future in futures]

    assert all(failure is None or isinstance(failure, LgdpError) for failure in failures), failures
    world.judge(CODE)
    current = world.platform.ledger.submissions.find_current_ids(CODE, PERIOD)["FIF"]
    assert [
        row for row in read_fife_rows(world) if f'"{current}"' in row and f"second {number}" in row
    ] == read_fife_rows(world)
    assert len(read_fife_rows(world)) == 1


def test_resubmission_during_a_run_is_judged_by_the_next_run(world: World) -> None:
    world.hand_in(CODE, build_rows("before"))
    process(
        world.platform,
        ProcessRequest(world.platform.register.returns[CODE], parse_period(PERIOD), ("FIF",)),
        "run",
        notify=lambda _: world.hand_in(CODE, build_rows("meanwhile")) and None,
    )
    assert "before" in read_fife_rows(world)[0]

    (outcome,) = world.judge(CODE)

    assert "meanwhile" in read_fife_rows(world)[0]
    assert world.platform.ledger.submissions.find_current_ids(CODE, PERIOD)["FIF"] == outcome.submission.id


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=-400), timedelta(days=400)])
def test_jumping_clock_changes_no_order(world: World, jump: timedelta) -> None:
    world.hand_in(CODE, build_rows(f"before the jump {jump.days}"))
    now = datetime.now(UTC)
    jumped_world = World(Platform(world.platform.settings, environment={}, clock=lambda: now + jump), world.folder)
    jumped_world.hand_in(CODE, build_rows(f"after the jump {jump.days}"))

    outcomes = jumped_world.judge(CODE)

    assert [str(outcome.judgement.verdict) for outcome in outcomes] == ["accepted", "accepted"]
    numbers = [outcome.submission.number for outcome in outcomes]
    assert numbers == sorted(numbers)
    assert world.platform.ledger.submissions.get(outcomes[0].submission.id).state is SubmissionState.SUPERSEDED
    assert f"after the jump {jump.days}" in read_fife_rows(world)[0]


def test_locked_ledger_is_waited_for(world: World) -> None:
    other_connection = sqlite3.connect(
        world.platform.settings.home / "ledger.sqlite", isolation_level=None, check_same_thread=False
    )
    other_connection.execute("BEGIN IMMEDIATE")
    release_lock = threading.Thread(
        target=lambda: (sleep(0.5), other_connection.execute("COMMIT"), other_connection.close())
    )
    release_lock.start()

    receipt = world.hand_in(CODE, build_rows("waited"))

    release_lock.join()
    assert receipt.council_code == "FIF"


def test_damaged_register_is_reported_and_changes_nothing(world: World) -> None:
    before = world.read_validated_rows()
    contract = next((world.platform.settings.schemas / "returns" / "shelf_csv").glob("*.yaml"))
    text = contract.read_text(encoding="utf-8")
    contract.write_text(text.replace('"lgdpPeriodKind"', '"lgdpPeriodCind"'), encoding="utf-8")
    try:
        with pytest.raises(RegisterError) as refused:
            _ = Platform(world.platform.settings, environment={}).register
    finally:
        contract.write_text(text, encoding="utf-8")

    assert "lgdpPeriodCind" in str(refused.value)
    assert world.read_validated_rows() == before


def test_run_without_pending_work_changes_nothing(world: World) -> None:
    before = world.read_validated_rows()
    versions = {
        log.parent.name: len(list(log.glob("*.json")))
        for log in world.platform.settings.lake.glob("validated/*/_delta_log")
    }

    assert world.judge(CODE) == ()

    assert world.read_validated_rows() == before
    assert versions == {
        log.parent.name: len(list(log.glob("*.json")))
        for log in world.platform.settings.lake.glob("validated/*/_delta_log")
    }
