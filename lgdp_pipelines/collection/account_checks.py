"""Visits that fetch nothing: the new entries in a source's accounts, and the health of each account.

A sensor looks for news often, so nothing is written. One hash covers all new entries, and changes with them. Only
complete files count, by the same two looks as before a fetch: otherwise the hash of a half-written file would be used
up by the time the file was complete.

Belongs here: both checks and their results. Belongs elsewhere: when they are made (``orchestration``), and fetching
(``collection_run``).
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from lgdp_pipelines.collection.collection_run import Failure, is_known, visit_accounts
from lgdp_pipelines.collection.transports.transport import Entry, Transport
from lgdp_pipelines.errors import SourceError, SourceUnreachable, WrongUse
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.register.model.sources import Source


@dataclass(frozen=True, slots=True)
class News:
    """The new entries in the accounts of a source.

    Attributes:
        entries: new ones by council code, for the councils that have any, in order.
        sha256: of all new entries (council, path, size, time); empty where there are none.
        failures: of the accounts that could not be listed.
    """

    entries: Mapping[str, tuple[Entry, ...]]
    sha256: str
    failures: tuple[Failure, ...]

    @property
    def councils(self) -> tuple[str, ...]:
        """The codes of the councils that have new entries, in order."""
        return tuple(self.entries)


def find_news(transport: Transport[Source], ledger: Ledger) -> News:
    """List a source's accounts; return new entries, their hash, and failures.

    Entries are new where no receipt knows them.

    Args:
        transport: the way to a source that has a listing: an API has none, and any request would be news.
        ledger: knows the receipts.

    Raises:
        WrongUse: the source has no listing.
    """
    if not transport.source.is_watched:
        raise WrongUse(f"{transport.source.id} has no listing.", remedy="Name a source with files in folders.")

    async def list_new(council_code: str) -> tuple[Entry, ...] | Failure:
        try:
            name = transport.resolve_account_name(council_code)
            async with transport.open_account(council_code) as account:
                known_entries = ledger.receipts.list_known_entries(transport.source.id, name)
                listing = await account.list_entries(known_entries)
        except SourceError as error:
            return Failure.from_error(error)
        return tuple(entry for entry in listing.entries if not is_known(entry, known_entries))

    results = visit_accounts(transport.source, None, list_new)
    entries = {code: result for code, result in results.items() if result and not isinstance(result, Failure)}
    failures = tuple(result for result in results.values() if isinstance(result, Failure))
    listed = sorted(
        [code, entry.path, entry.size, entry.modified_seconds] for code in entries for entry in entries[code]
    )
    return News(entries, hashlib.sha256(json.dumps(listed).encode()).hexdigest() if listed else "", failures)


class AccountState(StrEnum):
    """The state of an account."""

    WELL = "well"
    """The server answers, and accepts our log-in."""
    UNREACHABLE = "unreachable"
    """No server answers, or the line breaks. The error may pass."""
    UNUSED = "unused"
    """The council may push, but has no token yet. This is not an error."""
    REFUSED = "refused"
    """The server is not the expected one, or refuses us, or a setting is missing here."""


UNHEALTHY = frozenset({AccountState.UNREACHABLE, AccountState.REFUSED})


@dataclass(frozen=True, slots=True)
class AccountHealth:
    """The health of one council's account.

    Attributes:
        council_code: of the account.
        state: of the account.
        probe_seconds: that the probe took.
        what: the error, one sentence; empty where the account is well.
        remedy: what to do; empty where the account is well.
    """

    council_code: str
    state: AccountState
    probe_seconds: float
    what: str = ""
    remedy: str = ""


def check_accounts(transport: Transport[Source], councils: Collection[str] | None = None) -> tuple[AccountHealth, ...]:
    """Probe a source's accounts concurrently; a failure becomes the account's state.

    SFTP: the log-in succeeds. API: a request is answered, with a token where one is needed. Drop box: the folders
    exist, have the right owners, and have room. Push: the council has a token.

    Args:
        transport: the way to the source, with little patience.
        councils: register codes; None: every council with an account.

    Returns:
        One for each account, in order of council code.
    """

    async def probe(council_code: str) -> AccountHealth:
        start = monotonic()
        try:
            async with transport.open_account(council_code) as account:
                await account.probe()
        except SourceError as error:
            failed = AccountState.UNREACHABLE if isinstance(error, SourceUnreachable) else AccountState.REFUSED
            state = failed if transport.source.is_fetched else AccountState.UNUSED
            return AccountHealth(council_code, state, monotonic() - start, error.what, error.remedy)
        return AccountHealth(council_code, AccountState.WELL, monotonic() - start)

    return tuple(visit_accounts(transport.source, councils, probe).values())
