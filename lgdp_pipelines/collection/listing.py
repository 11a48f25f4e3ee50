"""Watching: what is new in a source's accounts, without fetching any of it.

A sensor asks this often, so nothing is written and nothing is fetched. The mark of an account says what is new in it:
the same entries give the same mark, and any other set gives another one. Only whole files count, by the same looks as
when they are fetched; otherwise a file seen half-written would have used up its mark by the time it was whole.
"""

import asyncio
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from lgdp_pipelines.collection.collect import ACCOUNTS_AT_ONCE, Failure, failure_of, is_known, transport_of
from lgdp_pipelines.collection.secrets import account_name
from lgdp_pipelines.collection.transport import Entry, Transport
from lgdp_pipelines.errors import SourceError
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.register.model import Register, Source


@dataclass(frozen=True, slots=True)
class Watched:
    """What one look into one account came to.

    Attributes:
        council_code: whose account it is.
        entries: new ones, in order of path.
        mark: a hash of the new entries (path, size, time); empty where there are none.
        failure: why nobody could look; None where somebody could.
    """

    council_code: str
    entries: tuple[Entry, ...] = ()
    mark: str = ""
    failure: Failure | None = None


def new_entries(
    source: Source,
    register: Register,
    ledger: Ledger,
    *,
    today: date,
    environment: Mapping[str, str],
    councils: Collection[str] | None = None,
    transport: Transport | None = None,
) -> tuple[Watched, ...]:
    """What no receipt knows yet, for each account, in order of council code.

    Args:
        source: where to look; its listing must be able to say what is new, so an API's cannot be watched.
        register: what is asked.
        ledger: knows what was received.
        today: no file is for a period that begins later.
        environment: what variables and secret references are read from.
        councils: register codes; None: every council with an account.
        transport: how to reach the source; None: as it declares.
    """
    reached = transport or transport_of(source, register, ledger, today=today, environment=environment)
    asked = sorted(code for code in source.councils if councils is None or code in councils)

    async def look(council_code: str, free: asyncio.Semaphore) -> Watched:
        try:
            known = ledger.known_entries(source.id, account_name(source, environment, council_code))
            async with free, reached.account(council_code) as account:
                listing = await account.entries()
        except SourceError as error:
            return Watched(council_code, failure=failure_of(error))
        news = tuple(entry for entry in listing.entries if not is_known(entry, known))
        return Watched(council_code, news, mark_of(news))

    async def look_everywhere() -> list[Watched]:
        free = asyncio.Semaphore(ACCOUNTS_AT_ONCE)
        return await asyncio.gather(*(look(code, free) for code in asked))

    return tuple(asyncio.run(look_everywhere()))


def mark_of(entries: Collection[Entry]) -> str:
    """The same text for the same entries in any order, and another for any others; empty for none."""
    if not entries:
        return ""
    listed = sorted([entry.path, entry.size, entry.modified] for entry in entries)
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()
