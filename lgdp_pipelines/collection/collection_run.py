"""Collecting: new extracts in a source's accounts become received bytes and receipts.

Accounts are visited at the same time, and a failure in one holds up no other: it is a value in the report. An
account's council is the one in the register; nothing in a name or in the bytes can change that.

Bytes are stored first and the receipt is written after them. A run that dies between the two has recorded nothing, so
the next one fetches the entry again; its bytes are there already and the receipt follows. Nothing is lost and nothing
is stored twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self, TypeVar

from lgdp_pipelines.collection.file_routing import Route, RoutingFailure
from lgdp_pipelines.collection.transports.transport import (
    NO_VALIDATORS,
    Account,
    CacheValidators,
    Download,
    Entry,
    Inbox,
    ListedEntry,
    NoNewContent,
    SkippedEntry,
    Transport,
)
from lgdp_pipelines.errors import AccountRefused, SourceError, SourceUnreachable, WrongUse
from lgdp_pipelines.ledger.submission_records import Arrival, Receipt, ReceiptState
from lgdp_pipelines.register.model.sources import Source

Visited = TypeVar("Visited")

ACCOUNTS_AT_ONCE = 8
"""Accounts that are visited at the same time. OpenSSH refuses some of ten or more that log in at once."""

LONGEST_VISIT_SECONDS = 3600.0
"""The limit of one visit: a server that sends a byte a minute would hold up the whole run for ever."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why an account or entry was not collected.

    Attributes:
        what: one sentence.
        where: the account or entry.
        remedy: what to do next.
    """

    what: str
    where: str
    remedy: str

    @classmethod
    def from_error(cls, error: SourceError, entry: Entry | None = None) -> Self:
        """Return the failure that records an error of an account or entry."""
        return cls(error.what, f"{error.where}, {entry.name}" if entry else error.where, error.remedy)


@dataclass(frozen=True, slots=True)
class AccountReport:
    """The result of one visit to one account.

    Attributes:
        council_code: of the account.
        receipts: of everything fetched, duplicates and unrecognised files included.
        known_count: entries that a receipt knows.
        unchanged_count: entries that were requested and have not changed.
        skipped: entries that were deliberately not fetched.
        failures: of the account and its entries.
    """

    council_code: str
    receipts: tuple[Receipt, ...] = ()
    known_count: int = 0
    unchanged_count: int = 0
    skipped: tuple[SkippedEntry, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def fetched(self) -> tuple[Receipt, ...]:
        """The receipts of new extracts whose return and period are known."""
        return self._filter_receipts(ReceiptState.WAITING)

    @property
    def duplicates(self) -> tuple[Receipt, ...]:
        """The receipts of extracts that repeat the bytes of an earlier one."""
        return self._filter_receipts(ReceiptState.DUPLICATE)

    @property
    def unrecognised(self) -> tuple[Receipt, ...]:
        """The receipts of files whose return or period is unknown.

        A person has to look at them.
        """
        return self._filter_receipts(ReceiptState.UNRECOGNISED)

    def _filter_receipts(self, state: ReceiptState) -> tuple[Receipt, ...]:
        """Return the receipts in a state."""
        return tuple(receipt for receipt in self.receipts if receipt.state is state)


@dataclass(frozen=True, slots=True)
class CollectionReport:
    """The result of collecting from one source.

    Attributes:
        source: its id.
        accounts: one report each, in order of council code.
    """

    source: str
    accounts: tuple[AccountReport, ...]

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """All receipts of all accounts."""
        return tuple(receipt for account in self.accounts for receipt in account.receipts)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """All failures of all accounts."""
        return tuple(failure for account in self.accounts for failure in account.failures)


@dataclass(frozen=True, slots=True)
class CollectionScope:
    """The part of a source that is collected.

    Attributes:
        councils: register codes; None: every council with an account.
        seconds_per_account: a longer visit ends, and the next collection fetches the rest.
    """

    councils: Collection[str] | None = None
    seconds_per_account: float = LONGEST_VISIT_SECONDS


EVERYTHING = CollectionScope()


def collect_source(
    transport: Transport[Source],
    inbox: Inbox,
    scope: CollectionScope = EVERYTHING,
    progress: Callable[[str], None] = lambda _: None,
) -> CollectionReport:
    """Fetch a source's new extracts, record receipts, and report failures per account.

    Args:
        transport: the way to the source.
        inbox: takes bytes and receipts.
        scope: the councils to collect from, and the time for each.
        progress: called with a sentence after each account.

    Returns:
        The outcome in each account. A source that cannot be reached is a failure there, never an exception.

    Raises:
        WrongUse: nothing is fetched from this source.
        StorageError, LedgerError: the platform cannot record an arrival.
    """
    if not transport.source.is_fetched:
        raise WrongUse(
            f"Nothing is fetched from {transport.source.id}: its extracts come by themselves.",
            remedy="Hand an extract in by `lgdp submit`, or wait for the council's own system.",
        )

    async def visit(council_code: str) -> AccountReport:
        report = await _visit_account(transport, inbox, scope, council_code)
        progress(summarise(report))
        return report

    reports = visit_accounts(transport.source, scope.councils, visit)
    return CollectionReport(transport.source.id, tuple(reports.values()))


def visit_accounts(
    source: Source, councils: Collection[str] | None, visit: Callable[[str], Awaitable[Visited]]
) -> dict[str, Visited]:
    """Visit a source's accounts concurrently, and return results by council code.

    Args:
        source: of the accounts.
        councils: register codes; None: every council with an account.
        visit: takes a council code.
    """
    codes = sorted(code for code in source.councils if councils is None or code in councils)

    async def visit_all() -> Iterable[Visited]:
        places = asyncio.Semaphore(ACCOUNTS_AT_ONCE)

        async def visit_in_turn(council_code: str) -> Visited:
            async with places:
                return await visit(council_code)

        return await asyncio.gather(*(visit_in_turn(code) for code in codes))

    return dict(zip(codes, asyncio.run(visit_all()), strict=True))


async def _visit_account(
    transport: Transport[Source], inbox: Inbox, scope: CollectionScope, council_code: str
) -> AccountReport:
    """Fetch and record an account's new entries; return counts and failures.

    An error, or a visit that takes too long, is a failure in the report.
    """
    report = AccountReport(council_code)
    try:
        name = transport.resolve_account_name(council_code)
        known_entries = inbox.ledger.receipts.list_known_entries(transport.source.id, name)
        async with asyncio.timeout(scope.seconds_per_account), transport.open_account(council_code) as account:
            listing = await account.list_entries()
            new_entries = [entry for entry in listing.entries if not is_known(entry, known_entries)]
            report = replace(report, known_count=len(listing.entries) - len(new_entries), skipped=listing.skipped)
            for entry in new_entries:
                report = await _fetch(transport, inbox, report, account, entry)
    except SourceError as error:
        report = replace(report, failures=(*report.failures, Failure.from_error(error)))
    except TimeoutError:
        slow = Failure(
            f"The account took longer than {scope.seconds_per_account:g} seconds.",
            transport.describe(council_code),
            "The received extracts are kept, and the next collection fetches the rest; ask the council about its line.",
        )
        report = replace(report, failures=(*report.failures, slow))
    return report


def is_known(entry: Entry, known_entries: Collection[ListedEntry]) -> bool:
    """Return whether a receipt has the entry's path, size and time.

    False for an entry without size and time.
    """
    return (entry.path, entry.size, entry.modified_seconds) in known_entries


async def _fetch(
    transport: Transport[Source], inbox: Inbox, report: AccountReport, account: Account, entry: Entry
) -> AccountReport:
    """Fetch one entry and record it; return the report with its outcome.

    Raises:
        SourceUnreachable: nothing more can be fetched from this account now.
        AccountRefused: nothing more can be fetched from this account, now or later.
    """
    source_id, name = transport.source.id, transport.resolve_account_name(report.council_code)
    validators = (
        NO_VALIDATORS  # a listing says what is new
        if transport.source.is_watched
        else CacheValidators(*inbox.ledger.receipts.find_cache_validators(source_id, name, entry.path))
    )
    try:
        outcome = await account.fetch(entry, validators)
    except (SourceUnreachable, AccountRefused):
        raise
    except SourceError as error:
        return replace(report, failures=(*report.failures, Failure.from_error(error, entry)))
    match outcome:
        case NoNewContent():
            return replace(report, unchanged_count=report.unchanged_count + 1)
        case SkippedEntry():
            return replace(report, skipped=(*report.skipped, outcome))
        case Download():
            with outcome:
                receipt = _record(transport, inbox, report.council_code, entry, outcome)
            return replace(report, receipts=(*report.receipts, receipt))


def _record(transport: Transport[Source], inbox: Inbox, council_code: str, entry: Entry, download: Download) -> Receipt:
    """Store the bytes of an entry, and then write its receipt."""
    sha256 = inbox.received_bytes.put(download.iterate_chunks())
    routing = entry.routing
    route = routing if isinstance(routing, Route) else None
    source_returns = (
        source_return
        for source_return in transport.source.for_council(council_code).returns
        if route and source_return.return_code == route.return_code
    )
    return inbox.ledger.receipts.record(
        Arrival(
            return_code=route.return_code if route else None,
            council_code=council_code,
            period=route.period.id if route else None,
            table=route.table if route else None,
            file_name=entry.name,
            size=download.size,
            sha256=sha256,
            transport=transport.source.transport,
            source=transport.source.id,
            account=transport.resolve_account_name(council_code),
            path=entry.path,
            modified=None
            if download.modified_seconds is None
            else datetime.fromtimestamp(download.modified_seconds, UTC),
            etag=download.etag,
            reason=routing.reason if isinstance(routing, RoutingFailure) else "",
            # The back-office system whose mapping reads the file, if there is one.
            system=next((source_return.system for source_return in source_returns), ""),
            nil=route is not None and route.is_nil,
        )
    )


def summarise(report: AccountReport) -> str:
    """Return a report's nonzero outcome counts as one line, or “no news”."""
    counts = {
        "fetched": len(report.fetched),
        "duplicate": len(report.duplicates),
        "unrecognised": len(report.unrecognised),
        "skipped": len(report.skipped),
        "failed": len(report.failures),
    }
    outcome = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return f"{report.council_code}: {outcome or 'no news'}"
