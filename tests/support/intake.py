"""A running intake: a real server on loopback, a register of three small returns, two councils with tokens."""

import itertools
from dataclasses import dataclass

import httpx2

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.portal.request_limits import RequestLimits
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.processing import ProcessRequest, process
from tests.support.contracts import Part

PUSH = {
    "id": "council-push",
    "title": "Councils that push",
    "transport": "push",
    "councils": ["FIF", "GLG", "ORK"],
    "credential": "file:${LGDP_HOME}/secrets/push/{council}",
    "returns": [{"return": "RESPITE"}, {"return": "LIBRARY"}],
}
HEADER = "Person,Surname,Born,Began,Carer,Nights"
LIMITS = RequestLimits(
    largest_bytes=3 * 1024**2, inline_judging_bytes=2 * 1024**2, idle_seconds=1.5, requests_per_minute=100_000
)


def allow_nil(contract: Part) -> Part:
    contract["customProperties"].append({"property": "lgdpNilReturn", "value": True})
    return contract


def write_stays(*rows: str) -> bytes:
    """Return a RESPITE extract of these rows."""
    return "".join(f"{line}\n" for line in (HEADER, *rows)).encode()


def write_stay(person: str) -> bytes:
    """Return a RESPITE extract with one valid row."""
    return write_stays(f"{person},Mackay,01/02/1950,03/04/2023,F,7")


@dataclass(frozen=True)
class RunningIntake:
    """A running intake.

    Attributes:
        platform: that it submits to.
        url: of the server.
        tokens: by council.
    """

    platform: Platform
    url: str
    tokens: dict[str, str]

    def client(self, council: str = "FIF") -> httpx2.Client:
        """Return a client with a council's token."""
        return httpx2.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.tokens[council]}"}, timeout=30.0
        )

    def judge(self, return_code: str, period: str) -> None:
        """Judge the waiting receipts of a return and period."""
        data_return = self.platform.register.returns[return_code]
        councils = self.platform.register.councils.codes
        process(self.platform, ProcessRequest(data_return, parse_period(period), councils), "test")

    def receipts(self) -> int:
        """Return the number of receipts."""
        for number in itertools.count(1):
            try:
                self.platform.ledger.receipts.get(number)
            except WrongUse:
                return number - 1
        raise AssertionError
