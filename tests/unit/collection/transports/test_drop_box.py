"""Drop boxes: councils' deliveries are taken, and links, pipes and others' files are not."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lgdp_pipelines.collection.account_checks import find_news
from lgdp_pipelines.collection.collection_run import collect_source
from lgdp_pipelines.collection.file_routing import Route
from lgdp_pipelines.collection.outbox_delivery import OutgoingFile, deliver_files
from lgdp_pipelines.collection.retry import Retry
from lgdp_pipelines.collection.transports import create_transport, drop_box
from lgdp_pipelines.collection.transports.drop_box import DropBoxAccount, DropBoxTransport
from lgdp_pipelines.collection.transports.transport import Download, Inbox, SkippedEntry, Timeouts
from lgdp_pipelines.errors import SourceRefused, SourceUnreachable, WrongUse
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import DropBoxSource, FolderReturn, Source
from lgdp_pipelines.storage.byte_store import ByteStore
from lgdp_pipelines.vocabulary.periods import financial_quarter
from tests.support.machine import ROOT, require

QUICK = Timeouts(settle_seconds=60, second_look_seconds=0.02, retry=Retry(1))
Put = Callable[..., Path]
HL1 = "HL1_2024-25_Q1.csv"


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    for account in ("lgdp-fif", "lgdp-glg"):
        for folder in ("in/hl1", "out"):
            (tmp_path / "boxes" / account / folder).mkdir(parents=True)
    return tmp_path / "boxes"


@pytest.fixture
def fife(boxes: Path) -> Path:
    return boxes / "lgdp-fif"


@pytest.fixture
def source(boxes: Path) -> Source:
    return DropBoxSource(
        id="boxes",
        title="Test",
        address=str(boxes),
        councils=("FIF", "GLG"),
        username="lgdp-{council_lower}",
        returns=(
            FolderReturn(
                "HL1", system="kennels", folder="in/hl1", pattern=r"HL1_(?P<period>\d{4}-\d{2}_Q[1-4])(_v\d+)?\.csv"
            ),
        ),
        outbox="out",
    )


@pytest.fixture
def call_account(source: Source, register: Register, today: date) -> Callable[..., Any]:
    def call_account(call: Callable[[DropBoxAccount], Awaitable[Any]], timeouts: Timeouts = QUICK) -> Any:
        async def run() -> Any:
            async with DropBoxTransport(source, register.returns, {}, today, timeouts).open_account("FIF") as account:
                return await call(account)

        return asyncio.run(run())

    return call_account


async def list_entries(account: DropBoxAccount) -> Any:
    return await account.list_entries()


async def fetch_only_entry(account: DropBoxAccount) -> Any:
    (entry,) = (await account.list_entries()).entries
    outcome = await account.fetch(entry)
    if not isinstance(outcome, Download):
        return outcome
    with outcome:
        return b"".join(outcome.iterate_chunks())


def test_a_delivery_is_collected_once_with_its_council_and_system(
    source: Source, register: Register, today: date, fife: Path, put: Put, tmp_path: Path
) -> None:
    content = os.urandom(9_000_000)
    put(fife, f"in/hl1/{HL1}", content)
    raw = ByteStore(tmp_path / "lake")
    with closing(Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")) as ledger:

        def collect() -> Any:
            return collect_source(create_transport(source, register, {}, today), Inbox(ledger, raw))

        news = find_news(create_transport(source, register, {}, today), ledger)
        (first, nothing), (again, _) = collect().accounts, collect().accounts
        assert find_news(create_transport(source, register, {}, today), ledger).councils == ()
    assert news.councils == ("FIF",)
    (receipt,) = first.fetched
    assert (receipt.council_code, receipt.return_code, receipt.period) == ("FIF", "HL1", "FY2024-25-Q1")
    assert (receipt.transport, receipt.account, receipt.path) == ("drop-box", "lgdp-fif", f"in/hl1/{HL1}")
    assert receipt.system == "kennels"
    assert raw.get(receipt.sha256) == content
    assert (nothing.receipts, nothing.failures) == ((), ())
    assert (again.receipts, again.known_count) == ((), 1)


def test_a_file_is_listed_with_what_it_answers(call_account: Any, fife: Path, put: Put) -> None:
    put(fife, f"in/hl1/{HL1}", b"a,b\n")
    (entry,) = call_account(list_entries).entries
    assert (entry.path, entry.size, entry.modified_seconds) == (f"in/hl1/{HL1}", 4, 1_700_000_000)
    assert entry.routing == Route("HL1", financial_quarter(2024, 1))


def test_files_in_other_folders_are_not_listed(call_account: Any, fife: Path, put: Put) -> None:
    for folder in ("in", "out", "in/hl1/deeper"):
        put(fife, f"{folder}/{HL1}", b"x")
    assert call_account(list_entries) == type(call_account(list_entries))((), ())


@pytest.mark.parametrize("name", [".HL1_2024-25_Q1.csv", f"{HL1}.part", f"{HL1}.filepart", f"{HL1}.TMP"])
def test_files_that_are_still_being_written_by_name_are_left(
    name: str, call_account: Any, fife: Path, put: Put
) -> None:
    put(fife, f"in/hl1/{name}", b"x")
    assert [skipped.name for skipped in call_account(list_entries).skipped] == [name]
    assert call_account(list_entries).entries == ()


def test_a_file_changed_a_moment_ago_is_taken_once_two_looks_agree(call_account: Any, fife: Path) -> None:
    (fife / "in/hl1" / HL1).write_bytes(b"whole")
    assert call_account(fetch_only_entry) == b"whole"


def test_a_file_that_grows_between_two_looks_is_left(call_account: Any, fife: Path) -> None:
    file = fife / "in/hl1" / HL1
    file.write_bytes(b"half")

    async def list_while_growing(account: DropBoxAccount) -> Any:
        looking = asyncio.create_task(account.list_entries())
        await asyncio.sleep(0.1)
        with file.open("ab") as more:
            more.write(b"more")
        return await looking

    listing = call_account(list_while_growing, replace(QUICK, second_look_seconds=0.4))
    assert (listing.entries, [skipped.name for skipped in listing.skipped]) == ((), [HL1])


def symlink_to_another_council(file: Path) -> None:
    other = file.parents[3] / "lgdp-glg/in/hl1" / HL1
    other.write_bytes(b"Glasgow's")
    file.symlink_to(other)


def hard_link_to_another_council(file: Path) -> None:
    other = file.parents[3] / "lgdp-glg/in/hl1" / HL1
    other.write_bytes(b"Glasgow's")
    file.hardlink_to(other)


def bound_socket(file: Path) -> None:
    here = Path.cwd()
    os.chdir(file.parent)  # a socket's path must be short
    try:
        with socket.socket(socket.AF_UNIX) as unix_socket:
            unix_socket.bind(file.name)
    finally:
        os.chdir(here)


SPECIAL_FILES: dict[str, Callable[[Path], None]] = {
    "a symbolic link": symlink_to_another_council,
    "a hard link": hard_link_to_another_council,
    "a pipe": os.mkfifo,
    "a socket": bound_socket,
}


@pytest.mark.parametrize("kind", SPECIAL_FILES)
def test_links_pipes_and_sockets_are_skipped_when_listed(kind: str, call_account: Any, fife: Path) -> None:
    SPECIAL_FILES[kind](fife / "in/hl1" / HL1)
    listing = call_account(list_entries)
    assert (listing.entries, [skipped.name for skipped in listing.skipped]) == ((), [HL1])


@pytest.mark.parametrize("kind", [*SPECIAL_FILES, "a folder", "nothing"])
def test_a_replacement_of_a_listed_file_is_not_fetched(kind: str, call_account: Any, fife: Path, put: Put) -> None:
    file = put(fife, f"in/hl1/{HL1}", b"Glasgow's")

    async def swap_and_fetch(account: DropBoxAccount) -> Any:
        (entry,) = (await account.list_entries()).entries
        file.unlink()
        if kind == "a folder":
            file.mkdir()
        elif kind != "nothing":
            SPECIAL_FILES[kind](file)
        return await asyncio.wait_for(account.fetch(entry), 10)

    assert isinstance(call_account(swap_and_fetch), SkippedEntry)


@pytest.mark.parametrize("folder", ["in", "in/hl1"])
def test_a_delivery_folder_that_is_a_link_is_not_followed(folder: str, call_account: Any, fife: Path, put: Put) -> None:
    put(fife.parent / "lgdp-glg", f"in/hl1/{HL1}", b"Glasgow's")
    (fife / folder).rename(fife / "away")
    (fife / folder).symlink_to(fife.parent / "lgdp-glg" / folder)
    listing = call_account(list_entries)
    assert (listing.entries, [skipped.name for skipped in listing.skipped]) == ((), ["in/hl1"])


def test_a_drop_box_that_is_a_link_to_another_council_s_is_refused(call_account: Any, fife: Path) -> None:
    fife.rename(fife.with_name("away"))
    fife.symlink_to(fife.with_name("lgdp-glg"))
    with pytest.raises(SourceRefused, match="no drop box"):
        call_account(list_entries)


def test_a_file_that_belongs_to_somebody_else_is_left(call_account: Any, fife: Path, put: Put) -> None:
    require(ROOT)
    file = put(fife, f"in/hl1/{HL1}", b"x")
    os.chown(file, 54321, 54321)
    listing = call_account(list_entries)
    assert (listing.entries, ["does not belong" in skipped.reason for skipped in listing.skipped]) == ((), [True])


def test_hostile_names_hold_nothing_else_up(call_account: Any, fife: Path, put: Put) -> None:
    put(fife, f"in/hl1/{HL1}", b"x")
    put(fife, "in/hl1/new\nline.csv", b"x")
    put(fife, "in/hl1/back\\slash.csv", b"x")
    put(fife, "in/hl1/..HL1_2024-25_Q2.csv", b"x")
    Path(os.fsdecode(os.fsencode(fife / "in/hl1") + b"/\xff.csv")).write_bytes(b"x")
    listing = call_account(list_entries)
    assert [entry.name for entry in listing.entries] == [HL1]
    assert len(listing.skipped) == 4
    assert all(skipped.name.isprintable() for skipped in listing.skipped)


def test_a_file_that_changes_after_it_was_listed_is_left(call_account: Any, fife: Path, put: Put) -> None:
    file = put(fife, f"in/hl1/{HL1}", b"first")

    async def change_and_fetch(account: DropBoxAccount) -> Any:
        (entry,) = (await account.list_entries()).entries
        file.write_bytes(b"other")
        return await account.fetch(entry)

    assert isinstance(call_account(change_and_fetch), SkippedEntry)


def test_a_folder_with_too_many_entries_is_refused(
    call_account: Any, fife: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drop_box, "MOST_ENTRIES", 2)
    for number in range(3):
        put(fife, f"in/hl1/{number}.csv", b"x")
    with pytest.raises(SourceRefused, match="more than"):
        call_account(list_entries)


def deliver(source: Source, register: Register, *files: OutgoingFile) -> Any:
    return deliver_files(create_transport(source, register, {}, date.max), "FIF", files)


def test_a_delivered_file_is_complete_and_may_be_delivered_again(
    source: Source, register: Register, fife: Path
) -> None:
    files = [OutgoingFile("one.csv", b"1\n"), OutgoingFile("two.html", b"2" * 5_000_000)]
    assert deliver(source, register, *files) is None
    assert deliver(source, register, *files) is None
    assert {file.name: file.read_bytes() for file in (fife / "out").iterdir()} == {
        "one.csv": b"1\n",
        "two.html": b"2" * 5_000_000,
    }
    assert (fife / "out/one.csv").stat().st_nlink == 1


def test_the_unfinished_file_of_a_killed_delivery_is_removed(source: Source, register: Register, fife: Path) -> None:
    (fife / "out/.one.csv.part").write_bytes(b"half")
    assert deliver(source, register, OutgoingFile("one.csv", b"whole")) is None
    assert {file.name: file.read_bytes() for file in (fife / "out").iterdir()} == {"one.csv": b"whole"}


def test_another_file_in_the_outbox_is_never_overwritten(source: Source, register: Register, fife: Path) -> None:
    (fife / "out/one.csv").write_bytes(b"theirs")
    failure = deliver(source, register, OutgoingFile("one.csv", b"ours!!"))
    assert "not overwritten" in failure.what
    assert {file.name: file.read_bytes() for file in (fife / "out").iterdir()} == {"one.csv": b"theirs"}


def test_an_outbox_s_links_are_not_written_through(
    source: Source, register: Register, fife: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"keep")
    (fife / "out/one.csv").symlink_to(tmp_path / "secret")
    assert "not overwritten" in deliver(source, register, OutgoingFile("one.csv", b"x")).what
    (fife / "out/.two.csv.part").symlink_to(tmp_path / "secret")
    assert deliver(source, register, OutgoingFile("two.csv", b"x")) is None
    assert (tmp_path / "secret").read_bytes() == b"keep"


def test_an_outbox_that_is_not_there_is_a_failure_of_that_council(
    source: Source, register: Register, fife: Path
) -> None:
    (fife / "out").rmdir()
    assert "no such outbox" in deliver(source, register, OutgoingFile("one.csv", b"x")).what


def test_a_source_without_an_outbox_delivers_nothing(source: Source, register: Register) -> None:
    with pytest.raises(WrongUse, match="no outbox"):
        deliver(replace(source, outbox=""), register, OutgoingFile("one.csv", b"x"))


async def probe(account: DropBoxAccount) -> Any:
    await account.probe()


def test_a_drop_box_as_it_should_be_is_well(call_account: Any) -> None:
    call_account(probe)


@pytest.mark.parametrize(
    ("path", "mode", "message"),
    [
        ("in/hl1", 0o777, "Every user may write"),
        ("out", 0o777, "Every user may write"),
        (".", 0o775, "Others may write"),
    ],
)
def test_permissions_that_are_too_wide_are_reported(
    path: str, mode: int, message: str, call_account: Any, fife: Path
) -> None:
    (fife / path).chmod(mode)
    with pytest.raises(SourceRefused, match=message):
        call_account(probe)


@pytest.mark.parametrize("folder", ["in/hl1", "out"])
def test_a_missing_folder_is_reported(folder: str, call_account: Any, fife: Path) -> None:
    (fife / folder).rmdir()
    with pytest.raises(SourceRefused, match=f"no folder {folder}"):
        call_account(probe)


def test_a_disk_without_room_is_reported(call_account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drop_box, "LEAST_SPACE", 2**62)
    with pytest.raises(SourceRefused, match="are left"):
        call_account(probe)


def test_a_disk_that_fills_up_leaves_no_half_file(
    call_account: Any, fife: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    async def put_back(account: DropBoxAccount) -> None:
        await account.deliver("out", "one.csv", b"x")

    with pytest.raises(SourceUnreachable, match="takes no file"):
        call_account(put_back)
    assert list((fife / "out").iterdir()) == []
