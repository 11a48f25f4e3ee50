"""Whether a source's accounts can be used: asked now and then, so that a silent one is seen before its return is due.

What belongs here: asking each account as little as shows that it answers. What does not: when (``orchestration``), and
fetching anything (``collect``).
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from time import monotonic

from lgdp_pipelines.collection.account_watch import WATCHING, watching
from lgdp_pipelines.collection.collection_run import ACCOUNTS_AT_ONCE
from lgdp_pipelines.collection.secrets import resolve_credential
from lgdp_pipelines.collection.transports.api import ApiTimeouts, ApiTransport, CacheValidators
from lgdp_pipelines.collection.transports.transport import Transport
from lgdp_pipelines.errors import SourceError, SourceUnreachable
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import ApiSource, PushSource, Source

ASKING = ApiTimeouts(connect=5.0, answer=10.0, retry=WATCHING.retry)


class AccountState(StrEnum):
    """How an account is: exactly one of these."""

    WELL = "well"
    """It answers, and lets us in."""
    UNREACHABLE = "unreachable"
    """Nobody answers, or the line breaks: it may pass."""
    UNUSED = "unused"
    """The council could push and was given no token yet: nothing is wrong."""
    REFUSED = "refused"
    """Somebody answers who is not who was expected, or does not know us; or something is not set up here."""


UNHEALTHY = frozenset({AccountState.UNREACHABLE, AccountState.REFUSED})


@dataclass(frozen=True, slots=True)
class AccountHealth:
    """How one council's account is.

    Attributes:
        council_code: whose it is.
        state: how it is.
        seconds: that the question took.
        what: what is wrong, one sentence; empty where it is well.
        remedy: what to do; empty likewise.
    """

    council_code: str
    state: AccountState
    seconds: float
    what: str = ""
    remedy: str = ""


def check_accounts(
    source: Source,
    register: Register,
    *,
    environment: Mapping[str, str],
    today: date,
    councils: Collection[str] | None = None,
    transport: Transport | None = None,
) -> tuple[AccountHealth, ...]:
    """How the accounts of a source are, asked side by side and with little patience.

    SFTP: we are let in. API: a request is answered, with a token where one is needed. Drop box: the folders are there,
    belong to whom they should, and have room. Push: whether there is a token for the council to show.

    Args:
        source: any.
        register: what is asked.
        environment: what variables and secret references are read from.
        today: an API is asked for a period that has begun by then.
        councils: register codes; None: every council with an account.
        transport: how to reach the source; None: as it declares.

    Returns:
        One an account, in order of council code.
    """
    reached = transport or _transport_of(source, register, environment, today)

    async def ask(council_code: str) -> None:
        if isinstance(source, PushSource):
            resolve_credential(source, environment, council_code)
        elif reached is not None:
            async with reached.account(council_code) as account:
                await account.answers()

    async def one(council_code: str, free: asyncio.Semaphore) -> AccountHealth:
        async with free:
            begun = monotonic()
            try:
                await ask(council_code)
            except SourceError as error:
                return AccountHealth(council_code, _state(source, error), monotonic() - begun, error.what, error.remedy)
            return AccountHealth(council_code, AccountState.WELL, monotonic() - begun)

    async def every() -> tuple[AccountHealth, ...]:
        free = asyncio.Semaphore(ACCOUNTS_AT_ONCE)
        asked = sorted(code for code in source.councils if councils is None or code in councils)
        return tuple(await asyncio.gather(*(one(code, free) for code in asked)))

    return asyncio.run(every())


def _state(source: Source, error: SourceError) -> AccountState:
    if not source.is_fetched:
        return AccountState.UNUSED
    return AccountState.UNREACHABLE if isinstance(error, SourceUnreachable) else AccountState.REFUSED


def _transport_of(source: Source, register: Register, environment: Mapping[str, str], today: date) -> Transport | None:
    """How to reach a source without much patience; None where it comes to us."""
    if not source.is_fetched:
        return None
    if isinstance(source, ApiSource):
        return ApiTransport(source, register.returns, environment, today, lambda *_: CacheValidators(), ASKING)
    return watching(source, register, environment, today)
