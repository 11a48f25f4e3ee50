"""Watching: what is new in a source's accounts, without fetching any of it.

A sensor asks this often, so nothing is written and nothing is fetched. One hash stands for all that is new: the same
entries give the same hash, and any others give another one. Only whole files count, by the same looks as when they are
fetched; otherwise a file seen half-written would have used up its hash by the time it was whole.
"""

import asyncio
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from lgdp_pipelines.collection.collection_run import ACCOUNTS_AT_ONCE, Failure, failure_from, is_known
from lgdp_pipelines.collection.retry import Retry
from lgdp_pipelines.collection.secrets import account_name
from lgdp_pipelines.collection.transports.drop_box import DropBoxTransport
from lgdp_pipelines.collection.transports.folder_files import Timeouts
from lgdp_pipelines.collection.transports.sftp import SftpTransport
from lgdp_pipelines.collection.transports.transport import Entry, Transport
from lgdp_pipelines.errors import SourceError, WrongUse
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import DropBoxSource, SftpSource, Source

WATCHING = Timeouts(connect=5.0, answer=10.0, second_look_seconds=1.0, retry=Retry(attempts=1))
"""For a look that is repeated soon anyway: all accounts of a source that is down are looked into in half a minute."""


@dataclass(frozen=True, slots=True)
class News:
    """What one look into the accounts of a source came to.

    Attributes:
        entries: new ones by council code, for the councils that have any, in order.
        sha256: of all new entries (council, path, size, time); empty where there are none.
        failures: of the accounts that nobody could look into.
    """

    entries: Mapping[str, tuple[Entry, ...]]
    sha256: str
    failures: tuple[Failure, ...]

    @property
    def councils(self) -> tuple[str, ...]:
        """Register codes of the councils that have something new, in order."""
        return tuple(self.entries)


def find_news(
    source: Source,
    register: Register,
    ledger: Ledger,
    *,
    environment: Mapping[str, str],
    today: date | None = None,
    transport: Transport | None = None,
) -> News:
    """What no receipt knows yet in a source's accounts, looked into side by side.

    Args:
        source: where to look, by SFTP or in drop boxes: an API has no listing, and whatever it could be asked would be
            news.
        register: what is asked.
        ledger: knows what was received.
        environment: what variables and secret references are read from.
        today: no file is for a period that begins later; None: today, in UTC.
        transport: how to reach the source; None: as it declares, with little patience, because a sensor must answer.
    """
    day = today or datetime.now(UTC).date()
    reached = transport or watching(source, register, environment, day)

    async def look(council_code: str, free: asyncio.Semaphore) -> tuple[Entry, ...] | Failure:
        try:
            name = account_name(source, environment, council_code)
            async with free, reached.account(council_code) as account:
                known = ledger.receipts.list_known_entries(source.id, name)
                listing = await account.entries(known)
        except SourceError as error:
            return failure_from(error)
        return tuple(entry for entry in listing.entries if not is_known(entry, known))

    async def look_everywhere() -> dict[str, tuple[Entry, ...] | Failure]:
        free = asyncio.Semaphore(ACCOUNTS_AT_ONCE)
        codes = sorted(source.councils)
        return dict(zip(codes, await asyncio.gather(*(look(code, free) for code in codes)), strict=True))

    looked = asyncio.run(look_everywhere())
    entries = {code: found for code, found in looked.items() if found and not isinstance(found, Failure)}
    failures = tuple(found for found in looked.values() if isinstance(found, Failure))
    return News(entries, sha256_of(entries), failures)


def watching(source: Source, register: Register, environment: Mapping[str, str], today: date) -> Transport:
    """The way to a source that has a listing, with little patience."""
    if isinstance(source, DropBoxSource):
        return DropBoxTransport(source, register.returns, environment, today, WATCHING)
    if isinstance(source, SftpSource):
        return SftpTransport(source, register.returns, environment, today, WATCHING)
    raise WrongUse(f"{source.id} has no listing that could be watched.", remedy="Name a source with files in folders.")


def sha256_of(entries: Mapping[str, Collection[Entry]]) -> str:
    """The same text for the same entries in any order, and another for any others; empty for none."""
    listed = sorted([code, one.path, one.size, one.modified] for code, some in entries.items() for one in some)
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest() if listed else ""
