"""Collecting: what is new in a source's accounts becomes received bytes and receipts.

Accounts are visited side by side, and one that fails holds up no other: what went wrong in it is a value in the report.
A council is who its account says; nothing in a name or in the bytes can change that.

Bytes are put away first and the receipt is written after them. A run that dies between the two has recorded nothing, so
the next one fetches the entry again; its bytes are there already and the receipt follows. Nothing is lost and nothing
is there twice.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from lgdp_pipelines.collection.file_routing import Route, RoutingFailure
from lgdp_pipelines.collection.secrets import account_name
from lgdp_pipelines.collection.transports.api import ApiTransport, CacheValidators
from lgdp_pipelines.collection.transports.drop_box import DropBoxTransport
from lgdp_pipelines.collection.transports.sftp import SftpTransport
from lgdp_pipelines.collection.transports.transport import (
    Account,
    Download,
    Entry,
    NoNewContent,
    Progress,
    SkippedEntry,
    Transport,
)
from lgdp_pipelines.errors import AccountRefused, SourceError, SourceUnreachable, WrongUse
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import Arrival, Receipt, ReceiptState
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import ApiSource, DropBoxSource, SftpSource, Source
from lgdp_pipelines.storage.byte_store import ByteStore

ACCOUNTS_AT_ONCE = 8
"""So many accounts are visited side by side. OpenSSH turns some away where ten or more are logging in at once."""

LONGEST_VISIT = 3600.0
"""Seconds: a server that sends a byte a minute never falls silent, and would hold up whoever waits for the run."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What kept an account, or one entry of it, from being collected.

    Attributes:
        what: one sentence.
        where: the account or entry.
        remedy: what to do next.
    """

    what: str
    where: str
    remedy: str


@dataclass(frozen=True, slots=True)
class AccountReport:
    """What one visit to one account came to.

    Attributes:
        council_code: whose account it is.
        receipts: of everything fetched, duplicates and what could not be recognised included.
        known: entries that were there and that a receipt knows.
        unchanged: entries that were asked for and have not changed.
        left: what was seen and deliberately not taken.
        failures: what went wrong.
    """

    council_code: str
    receipts: tuple[Receipt, ...] = ()
    known: int = 0
    unchanged: int = 0
    left: tuple[SkippedEntry, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def fetched(self) -> tuple[Receipt, ...]:
        """Receipts that bring news for a return."""
        return tuple(one for one in self.receipts if one.state is ReceiptState.WAITING)

    @property
    def duplicates(self) -> tuple[Receipt, ...]:
        """Receipts of bytes that had been received before."""
        return tuple(one for one in self.receipts if one.state is ReceiptState.DUPLICATE)

    @property
    def unrecognised(self) -> tuple[Receipt, ...]:
        """Receipts of what answers nothing that anybody could tell. They are kept, and somebody has to look."""
        return tuple(one for one in self.receipts if one.state is ReceiptState.UNRECOGNISED)


@dataclass(frozen=True, slots=True)
class CollectionReport:
    """What collecting from one source came to.

    Attributes:
        source: its id.
        accounts: one report each, in order of council code.
    """

    source: str
    accounts: tuple[AccountReport, ...]

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """All receipts of all accounts."""
        return tuple(receipt for one in self.accounts for receipt in one.receipts)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """All failures of all accounts."""
        return tuple(failure for one in self.accounts for failure in one.failures)


@dataclass(frozen=True)
class _Visit:
    """What every visit to an account of one source needs."""

    source: Source
    ledger: Ledger
    raw: ByteStore
    environment: Mapping[str, str]
    transport: Transport
    returns: Collection[str] | None
    longest: float
    progress: Progress

    def wants(self, entry: Entry) -> bool:
        """Whether an entry answers a return that is collected now. Where all are, what answers none is wanted too."""
        if self.returns is None:
            return True
        return isinstance(entry.routing, Route) and entry.routing.return_code in self.returns


def collect_source(
    source: Source,
    register: Register,
    ledger: Ledger,
    raw: ByteStore,
    *,
    today: date,
    environment: Mapping[str, str],
    councils: Collection[str] | None = None,
    returns: Collection[str] | None = None,
    transport: Transport | None = None,
    longest: float = LONGEST_VISIT,
    progress: Progress = lambda _: None,
) -> CollectionReport:
    """Fetch what is new in a source's accounts.

    Args:
        source: where from.
        register: what is asked.
        ledger: takes the receipts.
        raw: takes the bytes.
        today: periods that begin later are asked of nobody.
        environment: what variables and secret references are read from.
        councils: register codes; None: every council with an account.
        returns: codes; None: everything the source gives.
        transport: how to reach it; None: as the source declares.
        longest: seconds that one account is visited for; what has not come by then is fetched the next time.
        progress: told as each account is done.

    Returns:
        What happened in each account. A source that could not be reached is a failure in it, never an exception.
    """
    visit = _Visit(
        source=source,
        ledger=ledger,
        raw=raw,
        environment=environment,
        transport=transport or create_transport(source, register, ledger, today=today, environment=environment),
        returns=returns,
        longest=longest,
        progress=progress,
    )
    asked = tuple(code for code in source.councils if councils is None or code in councils)
    return CollectionReport(source.id, asyncio.run(_visit_all(visit, asked)))


def create_transport(
    source: Source, register: Register, ledger: Ledger, *, today: date, environment: Mapping[str, str]
) -> Transport:
    """The transport that a source declares.

    Raises:
        WrongUse: extracts of this source are handed in, not fetched.
    """
    match source:
        case SftpSource():
            return SftpTransport(source, register.returns, environment, today)
        case DropBoxSource():
            return DropBoxTransport(source, register.returns, environment, today)
        case ApiSource():

            def last_marks(council_code: str, path: str) -> CacheValidators:
                return CacheValidators(
                    *ledger.receipts.find_cache_validators(
                        source.id, account_name(source, environment, council_code), path
                    )
                )

            return ApiTransport(source, register.returns, environment, today, last_marks)
        case _:
            raise WrongUse(
                f"Nothing is fetched from {source.id}: its extracts come by themselves.",
                remedy="Hand an extract in by `lgdp submit`, or wait for the council's own system.",
            )


async def _visit_all(visit: _Visit, councils: tuple[str, ...]) -> tuple[AccountReport, ...]:
    free = asyncio.Semaphore(ACCOUNTS_AT_ONCE)

    async def one(council_code: str) -> AccountReport:
        async with free:
            report = await _visit_account(visit, council_code)
        visit.progress(summarise(report))
        return report

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(code)) for code in sorted(councils)]
    return tuple(task.result() for task in tasks)


async def _visit_account(visit: _Visit, council_code: str) -> AccountReport:
    report = AccountReport(council_code)
    try:
        account_id = account_name(visit.source, visit.environment, council_code)
        known = visit.ledger.receipts.list_known_entries(visit.source.id, account_id)
        async with asyncio.timeout(visit.longest), visit.transport.account(council_code) as account:
            listing = await account.entries()
            entries = [one for one in listing.entries if visit.wants(one)]
            news = [one for one in entries if not is_known(one, known)]
            report = replace(report, known=len(entries) - len(news), left=listing.left)
            for entry in news:
                report = await _take(visit, report, account_id, account, entry)
    except SourceError as error:
        report = replace(report, failures=(*report.failures, failure_from(error)))
    except TimeoutError:
        slow = Failure(
            f"The account took longer than {visit.longest:g} seconds.",
            f"source {visit.source.id}, council {council_code}",
            "What came is kept, and the rest is fetched the next time; ask the council about its line.",
        )
        report = replace(report, failures=(*report.failures, slow))
    return report


def is_known(entry: Entry, known: Collection[tuple[str, int, int]]) -> bool:
    """Whether a receipt knows exactly this entry. One whose size and time nobody knows is always asked for."""
    return (entry.path, entry.size, entry.modified) in known


async def _take(visit: _Visit, report: AccountReport, account_id: str, account: Account, entry: Entry) -> AccountReport:
    """The report with what became of one entry added to it.

    Raises:
        SourceUnreachable: nothing more can be fetched from this account now.
        AccountRefused: likewise, and not later either.
    """
    try:
        outcome = await account.fetch(entry)
    except (SourceUnreachable, AccountRefused):
        raise
    except SourceError as error:
        return replace(report, failures=(*report.failures, failure_from(error, entry)))
    match outcome:
        case NoNewContent():
            return replace(report, unchanged=report.unchanged + 1)
        case SkippedEntry():
            return replace(report, left=(*report.left, outcome))
        case Download():
            with outcome:
                receipt = _record(visit, report.council_code, account_id, entry, outcome)
            return replace(report, receipts=(*report.receipts, receipt))


def _record(visit: _Visit, council_code: str, account_id: str, entry: Entry, download: Download) -> Receipt:
    sha256 = visit.raw.put(download.chunks())
    routing = entry.routing
    routed = routing if isinstance(routing, Route) else None
    return visit.ledger.receipts.record(
        Arrival(
            return_code=routed.return_code if routed else None,
            council_code=council_code,
            period=routed.period.id if routed else None,
            table=routed.table if routed else None,
            file_name=entry.name,
            size=download.size,
            sha256=sha256,
            transport=visit.source.transport,
            source=visit.source.id,
            account=account_id,
            path=entry.path,
            modified=None if download.modified is None else datetime.fromtimestamp(download.modified, UTC),
            etag=download.etag,
            reason=routing.reason if isinstance(routing, RoutingFailure) else "",
            system=_system_of(visit.source.for_council(council_code), routed),
            nil=routed is not None and routed.nil,
        )
    )


def _system_of(source: Source, routed: Route | None) -> str:
    """The back-office system whose mapping reads what answers a return; empty where nobody can tell, or none does."""
    return next((one.system for one in source.returns if routed and one.return_code == routed.return_code), "")


def failure_from(error: SourceError, entry: Entry | None = None) -> Failure:
    """A failure as a value."""
    place = f"{error.where}, {entry.name}" if entry is not None else error.where
    return Failure(error.what, place, error.remedy)


def summarise(report: AccountReport) -> str:
    """A report in one line, for people who watch."""
    counts = {
        "fetched": len(report.fetched),
        "duplicate": len(report.duplicates),
        "unrecognised": len(report.unrecognised),
        "left": len(report.left),
        "failed": len(report.failures),
    }
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"{report.council_code}: {said or 'no news'}"
