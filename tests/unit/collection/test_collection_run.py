"""Collecting into a real ledger and store, from accounts in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lgdp_pipelines.collection.account_checks import find_news
from lgdp_pipelines.collection.collection_run import CollectionReport, CollectionScope, collect_source, summarise
from lgdp_pipelines.collection.transports.transport import (
    Account,
    CacheValidators,
    Download,
    Entry,
    Inbox,
    Listing,
    NoNewContent,
    SkippedEntry,
)
from lgdp_pipelines.errors import AccountRefused, SourceRefused, SourceUnreachable, StorageError
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import Arrival, Receipt
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.storage.byte_store import ByteStore
from tests.support.memory_transport import HeldFile, MemoryTransport

Q1, Q2 = "hl1/HL1_2024-25_Q1.csv", "hl1/HL1_2024-25_Q2.csv"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture
def raw(tmp_path: Path) -> ByteStore:
    return ByteStore(tmp_path / "lake")


@pytest.fixture
def transport(sftp_source: Source, register: Register, today: date) -> Callable[..., MemoryTransport]:
    def make_transport(**accounts: Any) -> MemoryTransport:
        contents: dict[str, Any] = {
            code: files
            if isinstance(files, Exception)
            else {
                path: content if isinstance(content, HeldFile) else HeldFile(content) for path, content in files.items()
            }
            for code, files in accounts.items()
        }
        return MemoryTransport(sftp_source, register.returns, {}, today, contents=contents)

    return make_transport


@pytest.fixture
def collect(
    sftp_source: Source, register: Register, ledger: Ledger, raw: ByteStore, today: date
) -> Callable[..., CollectionReport]:
    def run_collection(transport: MemoryTransport, **options: Any) -> CollectionReport:
        inbox = Inbox(options.pop("ledger", ledger), raw)
        progress = options.pop("progress", lambda _: None)
        transport = replace(transport, source=options.pop("source", transport.source))
        return collect_source(transport, inbox, CollectionScope(**options), progress)

    return run_collection


def report_of(report: CollectionReport, council: str) -> Any:
    (account,) = [account for account in report.accounts if account.council_code == council]
    return account


def test_a_new_extract_gets_a_receipt_and_its_bytes_are_kept(collect: Any, transport: Any, raw: ByteStore) -> None:
    report = collect(transport(FIF={Q1: b"Fife's first"}, GLG={Q1: b"Glasgow's first"}))
    (receipt,) = report_of(report, "FIF").fetched
    assert (receipt.return_code, receipt.council_code, receipt.period) == ("HL1", "FIF", "FY2024-25-Q1")
    assert (receipt.source, receipt.account, receipt.path) == ("council-systems", "fif", Q1)
    assert (receipt.file_name, receipt.size, receipt.transport) == ("HL1_2024-25_Q1.csv", 12, "sftp")
    assert raw.get(receipt.sha256) == b"Fife's first"
    assert raw.get(report_of(report, "GLG").fetched[0].sha256) == b"Glasgow's first"


def test_an_entry_that_a_receipt_knows_is_not_fetched_again(collect: Any, transport: Any) -> None:
    collect(transport(FIF={Q1: b"first"}))
    again = transport(FIF={Q1: b"first", Q2: b"second"})
    report = collect(again)
    assert again.fetched == [("FIF", Q2)]
    assert (report_of(report, "FIF").known_count, len(report_of(report, "FIF").fetched)) == (1, 1)


@pytest.mark.parametrize(
    "news",
    [HeldFile(b"FIRST and more", 1_700_000_000), HeldFile(b"other", 1_700_000_000), HeldFile(b"first", 1_700_000_001)],
)
def test_a_change_of_size_or_time_under_an_old_name_is_fetched(news: HeldFile, collect: Any, transport: Any) -> None:
    collect(transport(FIF={Q1: HeldFile(b"first!", 1_700_000_000)}))
    changed = transport(FIF={Q1: news})
    report = collect(changed)
    assert changed.fetched == [("FIF", Q1)]
    assert len(report_of(report, "FIF").receipts) == 1
    assert report_of(report, "FIF").duplicates == ()


def test_the_same_bytes_again_are_a_duplicate_whatever_their_name(collect: Any, transport: Any) -> None:
    collect(transport(FIF={Q1: b"first"}))
    report = collect(transport(FIF={Q1: b"first", "hl1/HL1_2024-25_Q1_v2.csv": b"first"}))
    assert [receipt.file_name for receipt in report_of(report, "FIF").duplicates] == ["HL1_2024-25_Q1_v2.csv"]
    assert report_of(report, "FIF").fetched == ()


def test_the_same_bytes_of_another_council_are_no_duplicate(collect: Any, transport: Any) -> None:
    report = collect(transport(FIF={Q1: b"same"}, GLG={Q1: b"same"}))
    assert [len(account.fetched) for account in report.accounts] == [1, 1]


def test_an_unrecognised_file_is_kept_and_reported_with_its_reason(
    collect: Any, transport: Any, raw: ByteStore, ledger: Ledger
) -> None:
    report = collect(transport(FIF={"hl1/final version.csv": b"which quarter?"}))
    (receipt,) = report_of(report, "FIF").unrecognised
    assert raw.get(receipt.sha256) == b"which quarter?"
    assert (receipt.return_code, receipt.period) == (None, None)
    assert "not of a form" in receipt.reason
    assert [receipt.id for receipt in ledger.receipts.list_unrecognised()] == [receipt.id]
    assert collect(transport(FIF={"hl1/final version.csv": b"which quarter?"})).receipts == ()


def test_where_a_submission_has_a_file_a_table_the_receipt_says_which(collect: Any, transport: Any) -> None:
    report = collect(transport(FIF={"staff/202410_posts.csv": b"posts", "staff/202410_people.csv": b"people"}))
    assert [(receipt.table, receipt.period) for receipt in report.receipts] == [
        ("people", "2024-10"),
        ("posts", "2024-10"),
    ]


def test_the_account_decides_the_council_not_the_bytes(collect: Any, transport: Any) -> None:
    report = collect(transport(GLG={Q1: b"LACODE\r\n250\r\n"}))
    assert [receipt.council_code for receipt in report.receipts] == ["GLG"]


@pytest.mark.parametrize("trouble", [SourceUnreachable("gone"), SourceRefused("not you")])
def test_one_account_s_failure_holds_up_no_other(trouble: Exception, collect: Any, transport: Any) -> None:
    report = collect(transport(FIF=trouble, GLG={Q1: b"first"}))
    assert [failure.what for failure in report_of(report, "FIF").failures] == [str(trouble)]
    assert len(report_of(report, "GLG").fetched) == 1
    assert len(report.failures) == 1


def test_one_entry_that_is_refused_holds_up_no_other(collect: Any, transport: Any) -> None:
    report = collect(transport(FIF={Q1: HeldFile(SourceRefused("no permission")), Q2: b"second"}))
    assert [failure.what for failure in report_of(report, "FIF").failures] == ["no permission"]
    assert "HL1_2024-25_Q1.csv" in report_of(report, "FIF").failures[0].where
    assert [receipt.period for receipt in report_of(report, "FIF").fetched] == ["FY2024-25-Q2"]


def test_an_account_that_refuses_us_is_not_asked_again_and_again(collect: Any, transport: Any) -> None:
    """Wrong passwords, tried for each period in turn, lock accounts."""
    fake = transport(FIF={Q1: HeldFile(AccountRefused("Who are you?")), Q2: b"two"}, GLG={Q1: b"three"})
    report = collect(fake)
    assert ("FIF", Q2) not in fake.fetched
    assert ([failure.what for failure in report_of(report, "FIF").failures], len(report_of(report, "GLG").fetched)) == (
        ["Who are you?"],
        1,
    )


def test_a_line_that_breaks_keeps_what_came_before_and_the_next_time_fetches_the_rest(
    collect: Any, transport: Any
) -> None:
    broken = collect(transport(FIF={Q1: b"first", Q2: HeldFile(SourceUnreachable("gone"))}))
    assert (len(report_of(broken, "FIF").fetched), len(report_of(broken, "FIF").failures)) == (1, 1)
    again = transport(FIF={Q1: b"first", Q2: b"second"})
    assert [receipt.period for receipt in collect(again).receipts] == ["FY2024-25-Q2"]
    assert again.fetched == [("FIF", Q2)]


class DiesBeforeTheReceipt:
    """A ledger whose process dies when a receipt should be written."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @property
    def receipts(self) -> "DiesBeforeTheReceipt":
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger.receipts, name)

    def record(self, arrival: Arrival) -> Receipt:
        del arrival
        raise KeyboardInterrupt


def test_a_run_that_dies_between_bytes_and_receipt_loses_and_doubles_nothing(
    collect: Any, transport: Any, ledger: Ledger, raw: ByteStore, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        collect(transport(FIF={Q1: b"first"}), ledger=DiesBeforeTheReceipt(ledger))
    kept = [path for path in (tmp_path / "lake" / "received").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [b"first"]
    (receipt,) = collect(transport(FIF={Q1: b"first"})).receipts
    assert receipt.state == "waiting"
    assert [path for path in (tmp_path / "lake" / "received").rglob("*") if path.is_file()] == kept
    assert ledger.balance.find_problems() == []


def test_a_platform_that_is_broken_is_not_reported_as_a_council_s_failure(
    collect: Any, transport: Any, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_raw: ByteStore, _data: object) -> str:
        message = "no room"
        raise StorageError(message)

    monkeypatch.setattr(ByteStore, "put", full)
    with pytest.raises(StorageError, match="no room"):
        collect(transport(FIF={Q1: b"first"}))


def test_one_council_can_be_collected_alone(collect: Any, transport: Any) -> None:
    accounts = {Q1: b"first", "staff/202410_posts.csv": b"posts", "hl1/what is this.csv": b"?"}
    report = collect(transport(FIF=accounts, GLG=accounts), councils={"GLG"})
    assert [(account.council_code, len(account.receipts)) for account in report.accounts] == [("GLG", 3)]
    everything = collect(transport(FIF=accounts, GLG=accounts))
    assert [len(account.receipts) for account in everything.accounts] == [3, 0]


def test_progress_is_reported_account_by_account(collect: Any, transport: Any) -> None:
    sentences: list[str] = []
    report = collect(transport(FIF={Q1: b"first"}, GLG={}), progress=sentences.append)
    assert sorted(sentences) == ["FIF: 1 fetched", "GLG: no news"]
    assert summarise(report_of(report, "FIF")) == "FIF: 1 fetched"


def test_news_are_the_entries_without_a_receipt_and_have_one_hash(
    collect: Any, transport: Any, sftp_source: Source, register: Register, ledger: Ledger, today: date
) -> None:
    def look(contents: MemoryTransport) -> Any:
        return find_news(contents, ledger)

    first = look(transport(FIF={Q1: b"first"}, GLG={}))
    assert first.councils == ("FIF",)
    assert [entry.path for entry in first.entries["FIF"]] == [Q1]
    assert look(transport(FIF={Q1: b"first"}, GLG={})).sha256 == first.sha256
    others = [
        transport(FIF={Q1: b"longer than first"}),
        transport(FIF={Q1: HeldFile(b"first", 1_700_000_001)}),
        transport(FIF={Q2: b"first"}),
        transport(GLG={Q1: b"first"}),
        transport(FIF={Q1: b"first"}, GLG={Q1: b"first"}),
    ]
    assert len({look(other).sha256 for other in others} | {first.sha256}) == 6
    collect(transport(FIF={Q1: b"first"}))
    assert look(transport(FIF={Q1: b"first"})).councils == ()
    assert look(transport(FIF={Q1: b"first"})).sha256 == ""


def test_finding_news_fetches_and_writes_nothing(
    transport: Any, sftp_source: Source, register: Register, ledger: Ledger, today: date
) -> None:
    contents = transport(FIF={Q1: b"first"}, GLG=SourceUnreachable("gone"))
    news = find_news(contents, ledger)
    assert contents.fetched == []
    assert ledger.submissions.list_pending_work() == ()
    assert [failure.what for failure in news.failures] == ["gone"]


class DrippingTransport(MemoryTransport):
    """Gives Glasgow's first file and then never ends; every other council's at once."""

    @asynccontextmanager
    async def open_account(self, council_code: str) -> AsyncIterator[Account]:
        async with super().open_account(council_code) as account:
            yield DrippingAccount(account) if council_code == "GLG" else account


class DrippingAccount:
    def __init__(self, inner: Account) -> None:
        self._inner = inner
        self._given = 0

    async def probe(self) -> None:
        await self._inner.probe()

    async def list_entries(self) -> Listing:
        return await self._inner.list_entries()

    async def fetch(self, entry: Entry, validators: CacheValidators) -> Download | SkippedEntry | NoNewContent:
        self._given += 1
        if self._given > 1:
            await asyncio.Event().wait()
        return await self._inner.fetch(entry, validators)


def test_a_server_that_never_ends_and_never_falls_silent_is_left_in_time(collect: Any, transport: Any) -> None:
    """Its earlier files are kept, and no other account waits for it."""
    dripping = DrippingTransport(**vars(transport(FIF={Q1: b"one", Q2: b"two"}, GLG={Q1: b"three", Q2: b"four"})))
    report = collect(dripping, seconds_per_account=0.5)
    assert [len(report_of(report, code).fetched) for code in ("FIF", "GLG")] == [2, 1]
    assert report_of(report, "FIF").failures == ()
    assert ["longer than 0.5 seconds" in failure.what for failure in report_of(report, "GLG").failures] == [True]
    again = collect(transport(FIF={}, GLG={Q1: b"three", Q2: b"four"}))
    assert [receipt.path for receipt in report_of(again, "GLG").fetched] == [Q2]
