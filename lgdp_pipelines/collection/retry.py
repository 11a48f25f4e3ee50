"""Trying again: how often and after how long something that may pass is tried once more.

What belongs here: the waiting. What does not: deciding that an error may pass, which its class says
(:class:`~lgdp_pipelines.errors.SourceUnreachable`).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from lgdp_pipelines.errors import SourceUnreachable

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, and after how long.

    Attributes:
        attempts: in all, the first one counted.
        first_wait: seconds before the second attempt; doubles each time.
        longest_wait: seconds; no wait is longer, whatever the other side asks for.
    """

    attempts: int = 5
    first_wait: float = 0.5
    longest_wait: float = 60.0

    def wait(self, attempt: int, asked: float | None) -> float:
        """Seconds to wait after a failed attempt (the first is 1).

        What the other side asked for is kept, up to the longest wait. Otherwise the time doubles, and is shortened by
        chance, so that thirty-two accounts that failed together do not come back together.
        """
        if asked is not None:
            return min(max(asked, 0.0), self.longest_wait)
        doubled = min(self.first_wait * 2.0 ** (attempt - 1), self.longest_wait)
        return doubled * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


async def run_with_retries(operation: Callable[[], Awaitable[T]], retry: Retry, *, sleep: Sleep = asyncio.sleep) -> T:
    """The result of an operation, tried again while its source is unreachable.

    Raises:
        SourceUnreachable: the last attempt failed too.
    """
    for attempt in range(1, retry.attempts):
        try:
            return await operation()
        except SourceUnreachable as error:
            pause = retry.wait(attempt, error.wait)
        await sleep(pause)
    return await operation()


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks for, as a number or an HTTP date; None where it says neither."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)
