"""Retries: how often an operation is repeated after an error that may pass, and how long to wait before.

Belongs here: attempts and waits. Belongs elsewhere: deciding whether an error may pass; its class says so
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
    """The number of attempts, and the waits between them.

    Attributes:
        attempts: in all, including the first.
        first_wait_seconds: before the second attempt; doubles each time.
        longest_wait_seconds: no wait is longer, even where the server asks for one.
    """

    attempts: int = 5
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 60.0

    def compute_wait(self, attempt: int, requested_seconds: float | None) -> float:
        """Return the seconds to wait, as requested or doubling with each attempt.

        The first attempt is number 1. A wait that the server requested is kept, up to the longest wait. Otherwise the
        time doubles, and is shortened by chance, so that thirty-two accounts that failed together do not come back
        together.
        """
        if requested_seconds is not None:
            return min(max(requested_seconds, 0.0), self.longest_wait_seconds)
        doubled = min(self.first_wait_seconds * 2.0 ** (attempt - 1), self.longest_wait_seconds)
        return doubled * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


async def run_with_retries(operation: Callable[[], Awaitable[T]], retry: Retry, *, sleep: Sleep = asyncio.sleep) -> T:
    """Return an operation's result, with limited retries while its source is unreachable.

    Raises:
        SourceUnreachable: the last attempt failed too.
    """
    for attempt in range(1, retry.attempts):
        try:
            return await operation()
        except SourceUnreachable as error:
            pause = retry.compute_wait(attempt, error.wait)
        await sleep(pause)
    return await operation()


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds a ``Retry-After`` header requests; None where it is unreadable.

    None where it is neither number nor HTTP date.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    moment = parse_http_date(text)
    return max((moment - now).total_seconds(), 0.0) if moment else None


def parse_http_date(text: str) -> datetime | None:
    """Return the moment of an HTTP date; None for any other text."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
