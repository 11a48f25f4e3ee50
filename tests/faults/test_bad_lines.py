"""Broken lines, lying servers and misleading names are reported, and accepted data stays untouched."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import time
from typing import Any

import asyncssh
import pytest

from lgdp_pipelines.collection.collection_run import AccountReport, collect_source
from lgdp_pipelines.collection.retry import Retry
from lgdp_pipelines.collection.transports.sftp import SftpTransport
from lgdp_pipelines.collection.transports.transport import Inbox, Timeouts
from lgdp_pipelines.register.model.sources import FolderReturn, SecretReference, SftpSource
from tests.faults.bad_server import PHASES, BadServer, run_bad_server
from tests.faults.world import PERIOD, ROWS, World, build_csv, build_world

QUICK = Timeouts(
    connect_seconds=3, answer_seconds=3, settle_seconds=60, second_look_seconds=0.05, retry=Retry(2, 0.01, 0.02)
)
SOURCE = SftpSource(
    id="shelves",
    title="Test",
    address="${SHELVES}",
    councils=("FIF", "GLG"),
    username="{council}",
    credential=SecretReference("env:SHELVES_KEY"),
    known_hosts=SecretReference("env:SHELVES_HOSTS"),
    returns=(FolderReturn("SHELF-CSV", folder="out", pattern=r"shelves_(?P<period>[\w-]+)\.csv"),),
)
NEWS = build_csv((("Methil", "7", "01/02/1999", "L"),))


@dataclass
class Collection:
    """World, and a server with files for it."""

    world: World
    server: BadServer

    def put(self, name: str, content: bytes = NEWS, *, account: str = "FIF", modified: int = 1_700_000_000) -> Path:
        file = self.server.root / account / "out" / name
        file.write_bytes(content)
        os.utime(file, (modified, modified))
        return file

    def collect(self, **environment: str) -> dict[str, AccountReport]:
        platform = self.world.platform
        environment_variables = {
            "SHELVES": f"127.0.0.1:{self.server.port}",
            "SHELVES_KEY": self.server.client_key.decode(),
            "SHELVES_HOSTS": self.server.known_hosts,
        } | environment
        transport = SftpTransport(SOURCE, platform.register.returns, environment_variables, date(2026, 11, 21), QUICK)
        report = collect_source(transport, Inbox(platform.ledger, platform.received_bytes))
        return {account.council_code: account for account in report.accounts}


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    world = build_world(tmp_path_factory.mktemp("world"))
    root = tmp_path_factory.mktemp("accounts")
    for account in ("FIF", "GLG"):
        (root / account / "out").mkdir(parents=True)
    with run_bad_server(root) as server:
        yield Collection(world, server)


@pytest.fixture(autouse=True)
def check_balance(collection: Collection) -> Iterator[None]:
    """Reset the server after each test, and check the ledger's balance and the received bytes."""
    yield
    collection.server.behaviour.break_phase, collection.server.behaviour.refuses_keys = None, False
    collection.server.behaviour.extra_names.clear()
    for file in collection.server.root.rglob("*.csv*"):
        file.unlink()
    assert collection.world.platform.ledger.balance.find_problems() == []
    assert collection.world.find_lost_receipts() == []


def test_account_in_order_is_collected(collection: Collection) -> None:
    """Otherwise the other tests would collect nothing."""
    collection.put("shelves_2023.csv", build_csv((("Methil", "8", "01/02/1999", "L"),)))

    (receipt,) = collection.collect()["FIF"].fetched

    assert (receipt.return_code, receipt.period, receipt.council_code) == ("SHELF-CSV", PERIOD, "FIF")


@pytest.mark.parametrize("phase", PHASES)
def test_broken_line_is_reported_and_the_file_is_collected_the_next_time(collection: Collection, phase: str) -> None:
    before = collection.world.read_validated_rows()
    collection.put("shelves_2023.csv", build_csv(((f"Methil {phase}", "7", "01/02/1999", "L"), *ROWS)) * 400)
    collection.server.behaviour.break_phase = phase

    (failure,) = collection.collect()["FIF"].failures

    assert "did not answer" in failure.what or "broke" in failure.what
    assert "FIF" in failure.where
    assert "again" in failure.remedy
    assert collection.world.read_validated_rows() == before
    collection.server.behaviour.break_phase = None
    assert len(collection.collect()["FIF"].fetched) == 1


def test_council_whose_line_breaks_delays_no_other(collection: Collection) -> None:
    collection.put("shelves_2023.csv", build_csv((("Gorbals", "7", "01/02/1999", "L"),)), account="GLG")
    collection.put("shelves_2023.csv", build_csv((("Kelty", "9", "01/02/1999", "L"),)))
    (collection.server.root / "FIF").rename(collection.server.root / "gone")
    try:
        reports = collection.collect()
    finally:
        (collection.server.root / "gone").rename(collection.server.root / "FIF")

    assert len(reports["GLG"].fetched) == 1
    assert reports["FIF"].receipts == ()
    assert reports["FIF"].skipped or reports["FIF"].failures


def test_host_key_that_changed_is_refused_before_anything_is_sent(collection: Collection) -> None:
    other_key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    collection.put("shelves_2023.csv")

    (failure,) = collection.collect(SHELVES_HOSTS=f"[127.0.0.1]:{collection.server.port} {other_key}")["FIF"].failures

    assert "host key is not the one that was pinned" in failure.what
    assert "Ask the council" in failure.remedy


def test_key_that_the_server_refuses_is_reported(collection: Collection) -> None:
    collection.server.behaviour.refuses_keys = True

    (failure,) = collection.collect()["FIF"].failures

    assert "does not accept our key" in failure.what
    assert "Ask the council" in failure.remedy


def test_damaged_private_key_is_reported_without_its_content(collection: Collection) -> None:
    damaged_key = collection.server.client_key.decode().replace("b3BlbnNzaC1rZXk", "AAAAbnNzaC1rZXk")

    (failure,) = collection.collect(SHELVES_KEY=damaged_key)["FIF"].failures

    assert "private key" in failure.what
    assert not any(line in str(failure) for line in damaged_key.splitlines()[1:-1])


def test_interrupted_upload_is_collected_only_once_it_is_complete(collection: Collection) -> None:
    content = build_csv((("Thornton", "12", "01/02/1999", "L"), *ROWS))
    partial_file = collection.put("shelves_2023.csv", content[:40], modified=int(time()))

    async def continue_upload() -> dict[str, AccountReport]:
        collecting = asyncio.get_running_loop().run_in_executor(None, collection.collect)
        while not collecting.done():
            with partial_file.open("ab") as file:
                file.write(b"Kelty,1,01/02/1999,L\n")
            await asyncio.sleep(0.01)
        return await collecting

    report = asyncio.run(continue_upload())["FIF"]
    assert [skipped.reason for skipped in report.skipped if "changed while" in skipped.reason]
    assert report.receipts == ()

    partial_file.write_bytes(content)
    os.utime(partial_file, (1_700_000_500, 1_700_000_500))
    (receipt,) = collection.collect()["FIF"].fetched
    assert receipt.size == len(content)


@pytest.mark.parametrize("name", ["shelves_2023.csv.part", "shelves_2023.csv.filepart", ".shelves_2023.csv.swp"])
def test_abandoned_upload_is_not_collected(collection: Collection, name: str) -> None:
    collection.put(name)

    assert collection.collect()["FIF"].receipts == ()


@pytest.mark.parametrize(
    ("name", "expected_words"),
    [
        ("shelves_2001.csv", "first period"),
        ("shelves_2099.csv", "has not begun"),
        ("shelves_2023-24.csv", "does not say a calendar-year"),
        ("shelves_FY2023-24.csv", "does not say a calendar-year"),
        ("shelves_2023-Q1.csv", "does not say a calendar-year"),
        ("GLG_shelves_2023.csv", "not of a form"),
        ("readme.csv", "not of a form"),
        ("shelves_2023.csv.csv", "not of a form"),
        ("SHELVES_2023.csv", "not of a form"),
    ],
)
def test_file_with_an_unknown_name_is_kept_and_reported(collection: Collection, name: str, expected_words: str) -> None:
    before = collection.world.read_validated_rows()
    collection.put(name, name.encode() * 3)

    (receipt,) = collection.collect()["FIF"].unrecognised

    assert expected_words in receipt.reason
    assert receipt.council_code == "FIF"
    assert receipt.id in [
        unrecognised.id for unrecognised in collection.world.platform.ledger.receipts.list_unrecognised()
    ]
    assert collection.world.read_validated_rows() == before


@pytest.mark.parametrize(
    "name",
    [b"../../../etc/passwd", b"a/shelves_2023.csv", b"..", b"shelves_2023.csv\nroot", b"\x1b[2Jshelves.csv", b"x" * 300,
     "shelves_2023\u202e.csv".encode(), b"shelves_\xff.csv", b"C:\\shelves_2023.csv", b" "],
)  # fmt: skip
def test_misleading_name_is_never_fetched_and_shown_on_one_line(collection: Collection, name: bytes) -> None:
    collection.put("shelves_2023.csv", b"Branch\n" + name + b"\n", modified=1_700_000_000 + sum(name))
    collection.server.behaviour.extra_names.append(name)

    report = collection.collect()["FIF"]

    assert [receipt.file_name for receipt in report.receipts] == ["shelves_2023.csv"]
    assert all(entry.name.isprintable() and len(entry.name) <= 80 for entry in report.skipped)


def test_rows_of_another_council_do_not_change_the_council_of_the_account(collection: Collection) -> None:
    before = {name: build_rows for name, build_rows in collection.world.read_validated_rows().items() if "own" in name}
    receipt = collection.world.hand_in(
        "SHELF-OWN", b"Council,Year,Branch,Books,Opened,Kind\nGlasgow City,2023,X,1,01/02/1999,L\n"
    )
    (outcome,) = collection.world.judge("SHELF-OWN")

    assert receipt.council_code == "FIF"
    assert outcome.council == "FIF"
    assert str(outcome.judgement.verdict) == "rejected"
    assert {
        name: build_rows for name, build_rows in collection.world.read_validated_rows().items() if "own" in name
    } == before


def test_link_out_of_an_account_is_not_followed(collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(NEWS)
    link = collection.server.root / "FIF" / "out" / "shelves_2022.csv"
    link.symlink_to(tmp_path / "secret")

    report: Any = collection.collect()["FIF"]

    assert report.receipts == ()
