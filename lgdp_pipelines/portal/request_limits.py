"""Limits of the portal: sizes, times and rates, and the count of requests against them.

Belongs elsewhere: limits on a single request's parameters (``intake``).
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic

from lgdp_pipelines.collection.transports.transport import LARGEST_EXTRACT
from lgdp_pipelines.portal.problem_documents import RequestRefused


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """The limits on requests.

    Attributes:
        largest_bytes: of one file.
        inline_judging_bytes: of a submission judged while its sender waits; the next run judges larger ones.
        idle_seconds: time without a byte before an upload is refused.
        upload_seconds: time before an upload is refused, even if bytes still arrive.
        parallel_judgements: number at one time; each uses one core.
        parallel_uploads: number for one council at one time.
        requests_per_minute: number for one council.
        judging_wait_seconds: longest time that a sender waits for its submission to be judged.
    """

    largest_bytes: int = LARGEST_EXTRACT
    inline_judging_bytes: int = 64 * 1024**2
    idle_seconds: float = 60.0
    upload_seconds: float = 3600.0
    parallel_judgements: int = 2
    parallel_uploads: int = 4
    requests_per_minute: int = 240
    judging_wait_seconds: float = 20.0


@dataclass(frozen=True)
class RateLimiter:
    """Counts each council's requests in the last minute.

    Attributes:
        limit: requests per minute.
        clock: monotonic seconds.
    """

    limit: int
    clock: Callable[[], float] = monotonic
    _times: dict[str, deque[float]] = field(default_factory=dict)

    def count(self, council_code: str) -> None:
        """Count a council's request; refuse it, uncounted, above the limit.

        Raises:
            RequestRefused: the council sent too many requests.
        """
        now = self.clock()
        times = self._times.setdefault(council_code, deque())
        while times and times[0] <= now - 60:
            times.popleft()
        if len(times) >= self.limit:
            wait = max(1, round(times[0] + 60 - now))
            raise RequestRefused(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"More than {self.limit} requests came with this token within a minute.",
                remedy=f"Ask again in {wait} seconds.",
                headers={"Retry-After": str(wait)},
            )
        times.append(now)
