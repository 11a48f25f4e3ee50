"""How much of anything the portal takes, and how often.

What belongs here: numbers with the reason for each, and counting against them. What does not: what is counted.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic

from lgdp_pipelines.collection.transports.transport import LARGEST_EXTRACT
from lgdp_pipelines.portal.problem_documents import Refused


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the portal takes.

    Attributes:
        largest: bytes of one file.
        judged_inline: bytes of a submission that is judged while its sender waits; more is judged by the next run.
        silence: seconds without a byte after which an upload is given up.
        longest: seconds after which an upload is given up that never stopped.
        judging_at_once: judgings side by side: each keeps a core busy.
        uploads_at_once: uploads of one council side by side.
        requests_a_minute: of one council.
        patience: seconds that a sender waits at most for a free place to be judged in.
    """

    largest: int = LARGEST_EXTRACT
    judged_inline: int = 64 * 1024**2
    silence: float = 60.0
    longest: float = 3600.0
    judging_at_once: int = 2
    uploads_at_once: int = 4
    requests_a_minute: int = 240
    patience: float = 20.0


@dataclass(frozen=True)
class Pace:
    """How often each council has asked in the last minute.

    Attributes:
        most: requests a minute.
        clock: seconds that only grow.
    """

    most: int
    clock: Callable[[], float] = monotonic
    _asked: dict[str, deque[float]] = field(default_factory=dict)

    def count(self, council_code: str) -> None:
        """Count a request.

        Raises:
            Refused: there were too many.
        """
        now = self.clock()
        asked = self._asked.setdefault(council_code, deque())
        while asked and asked[0] <= now - 60:
            asked.popleft()
        if len(asked) >= self.most:
            wait = max(1, round(asked[0] + 60 - now))
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"More than {self.most} requests came with this token within a minute.",
                remedy=f"Ask again in {wait} seconds.",
                headers={"Retry-After": str(wait)},
            )
        asked.append(now)
