"""Lines that break, servers that lie, names that lead astray: a clear word each, and nothing that stood is touched."""

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
from tests.faults.bad_server import PHASES, BadServer, bad_server
from tests.faults.world import PERIOD, ROWS, World, csv_of, world_at

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
NEWS = csv_of((("Methil", "7", "01/02/1999", "L"),))


@dataclass
class Scene:
    """A world, and a server that has files for it."""

    world: World
    server: BadServer

    def put(self, name: str, content: bytes = NEWS, *, account: str = "FIF", modified: int = 1_700_000_000) -> Path:
        file = self.server.root / account / "out" / name
        file.write_bytes(content)
        os.utime(file, (modified, modified))
        return file

    def collect(self, **environment: str) -> dict[str, AccountReport]:
        platform = self.world.platform
        known = {
            "SHELVES": f"127.0.0.1:{self.server.port}",
            "SHELVES_KEY": self.server.client_key.decode(),
            "SHELVES_HOSTS": self.server.known_hosts,
        } | environment
        transport = SftpTransport(SOURCE, platform.register.returns, known, date(2026, 11, 21), QUICK)
        report = collect_source(transport, Inbox(platform.ledger, platform.received_bytes))
        return {account.council_code: account for account in report.accounts}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    world = world_at(tmp_path_factory.mktemp("world"))
    root = tmp_path_factory.mktemp("accounts")
    for account in ("FIF", "GLG"):
        (root / account / "out").mkdir(parents=True)
    with bad_server(root) as server:
        yield Scene(world, server)


@pytest.fixture(autouse=True)
def balanced(scene: Scene) -> Iterator[None]:
    """After each: a server in a good mood, the ledger in balance, every byte that came in its place."""
    yield
    scene.server.mood.breaks, scene.server.mood.locked = None, False
    scene.server.mood.names.clear()
    for file in scene.server.root.rglob("*.csv*"):
        file.unlink()
    assert scene.world.platform.ledger.balance.find_problems() == []
    assert scene.world.lost_bytes() == []


def test_account_in_order_is_collected(scene: Scene) -> None:
    """The others would be empty if it were not."""
    scene.put("shelves_2023.csv", csv_of((("Methil", "8", "01/02/1999", "L"),)))

    (receipt,) = scene.collect()["FIF"].fetched

    assert (receipt.return_code, receipt.period, receipt.council_code) == ("SHELF-CSV", PERIOD, "FIF")


@pytest.mark.parametrize("phase", PHASES)
def test_line_that_breaks_is_told_and_what_was_there_comes_the_next_time(scene: Scene, phase: str) -> None:
    before = scene.world.standing()
    scene.put("shelves_2023.csv", csv_of(((f"Methil {phase}", "7", "01/02/1999", "L"), *ROWS)) * 400)
    scene.server.mood.breaks = phase

    (failure,) = scene.collect()["FIF"].failures

    assert "did not answer" in failure.what or "broke" in failure.what
    assert "FIF" in failure.where
    assert "again" in failure.remedy
    assert scene.world.standing() == before
    scene.server.mood.breaks = None
    assert len(scene.collect()["FIF"].fetched) == 1


def test_council_whose_line_breaks_holds_up_no_other(scene: Scene) -> None:
    scene.put("shelves_2023.csv", csv_of((("Gorbals", "7", "01/02/1999", "L"),)), account="GLG")
    scene.put("shelves_2023.csv", csv_of((("Kelty", "9", "01/02/1999", "L"),)))
    (scene.server.root / "FIF").rename(scene.server.root / "gone")
    try:
        reports = scene.collect()
    finally:
        (scene.server.root / "gone").rename(scene.server.root / "FIF")

    assert len(reports["GLG"].fetched) == 1
    assert reports["FIF"].receipts == ()
    assert reports["FIF"].skipped or reports["FIF"].failures


def test_host_key_that_changed_is_refused_before_anything_is_sent(scene: Scene) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    scene.put("shelves_2023.csv")

    (failure,) = scene.collect(SHELVES_HOSTS=f"[127.0.0.1]:{scene.server.port} {other}")["FIF"].failures

    assert "host key is not the one that was pinned" in failure.what
    assert "Ask the council" in failure.remedy


def test_key_that_the_server_no_longer_knows_is_told(scene: Scene) -> None:
    scene.server.mood.locked = True

    (failure,) = scene.collect()["FIF"].failures

    assert "does not accept our key" in failure.what
    assert "Ask the council" in failure.remedy


def test_damaged_key_of_ours_is_told_without_a_word_of_it(scene: Scene) -> None:
    damaged = scene.server.client_key.decode().replace("b3BlbnNzaC1rZXk", "AAAAbnNzaC1rZXk")

    (failure,) = scene.collect(SHELVES_KEY=damaged)["FIF"].failures

    assert "private key" in failure.what
    assert not any(line in str(failure) for line in damaged.splitlines()[1:-1])


def test_upload_that_stops_and_goes_on_is_taken_once_whole(scene: Scene) -> None:
    content = csv_of((("Thornton", "12", "01/02/1999", "L"), *ROWS))
    half = scene.put("shelves_2023.csv", content[:40], modified=int(time()))

    async def goes_on() -> dict[str, AccountReport]:
        collecting = asyncio.get_running_loop().run_in_executor(None, scene.collect)
        for size in range(41, len(content), 4):
            half.write_bytes(content[:size])
            await asyncio.sleep(0.01)
            if collecting.done():
                break
        return await collecting

    first = asyncio.run(goes_on())["FIF"]
    assert [skipped.reason for skipped in first.skipped if "changed while" in skipped.reason]
    assert first.receipts == ()

    half.write_bytes(content)
    os.utime(half, (1_700_000_500, 1_700_000_500))
    (receipt,) = scene.collect()["FIF"].fetched
    assert receipt.size == len(content)


@pytest.mark.parametrize("name", ["shelves_2023.csv.part", "shelves_2023.csv.filepart", ".shelves_2023.csv.swp"])
def test_upload_that_stopped_for_good_is_left_where_it_is(scene: Scene, name: str) -> None:
    scene.put(name)

    assert scene.collect()["FIF"].receipts == ()


@pytest.mark.parametrize(
    ("name", "says"),
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
def test_name_that_answers_nothing_is_kept_and_told(scene: Scene, name: str, says: str) -> None:
    before = scene.world.standing()
    scene.put(name, name.encode() * 3)

    (receipt,) = scene.collect()["FIF"].unrecognised

    assert says in receipt.reason
    assert receipt.council_code == "FIF"
    assert receipt.id in [unrecognised.id for unrecognised in scene.world.platform.ledger.receipts.list_unrecognised()]
    assert scene.world.standing() == before


@pytest.mark.parametrize(
    "name",
    [b"../../../etc/passwd", b"a/shelves_2023.csv", b"..", b"shelves_2023.csv\nroot", b"\x1b[2Jshelves.csv", b"x" * 300,
     "shelves_2023\u202e.csv".encode(), b"shelves_\xff.csv", b"C:\\shelves_2023.csv", b" "],
)  # fmt: skip
def test_name_that_leads_astray_is_never_fetched_and_shown_on_one_line(scene: Scene, name: bytes) -> None:
    scene.put("shelves_2023.csv", b"Branch\n" + name + b"\n", modified=1_700_000_000 + sum(name))
    scene.server.mood.names.append(name)

    report = scene.collect()["FIF"]

    assert [receipt.file_name for receipt in report.receipts] == ["shelves_2023.csv"]
    assert all(left.name.isprintable() and len(left.name) <= 80 for left in report.skipped)


def test_claim_to_be_another_council_does_not_change_whose_account_it_was(scene: Scene) -> None:
    before = {name: rows for name, rows in scene.world.standing().items() if "own" in name}
    receipt = scene.world.hand(
        "SHELF-OWN", b"Council,Year,Branch,Books,Opened,Kind\nGlasgow City,2023,X,1,01/02/1999,L\n"
    )
    (outcome,) = scene.world.judge("SHELF-OWN")

    assert receipt.council_code == "FIF"
    assert outcome.council == "FIF"
    assert str(outcome.judgement.verdict) == "rejected"
    assert {name: rows for name, rows in scene.world.standing().items() if "own" in name} == before


def test_link_out_of_an_account_is_not_followed(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(NEWS)
    link = scene.server.root / "FIF" / "out" / "shelves_2022.csv"
    link.symlink_to(tmp_path / "secret")

    report: Any = scene.collect()["FIF"]

    assert report.receipts == ()
