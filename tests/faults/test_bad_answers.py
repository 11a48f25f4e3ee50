"""A council's API that answers as it should not: a clear word each, and nothing that stood is touched."""

import asyncio
import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import pytest

from lgdp_pipelines.collection.collection_run import AccountReport, collect_source
from lgdp_pipelines.collection.retry import Retry
from lgdp_pipelines.collection.transports.api import ApiTransport
from lgdp_pipelines.collection.transports.transport import Inbox, Timeouts
from lgdp_pipelines.register.model.sources import ApiReturn, ApiSource, NextPaging, SecretReference
from tests.faults.bad_extract import HTML
from tests.faults.world import PERIOD, World, json_of, records_of, world_at

TODAY = date(2023, 11, 21)
QUICK = Timeouts(connect_seconds=3, answer_seconds=2, retry=Retry(2, 0.01, 0.02))
SOURCE = ApiSource(
    id="shelves-api",
    title="Test",
    address="${SHELVES}",
    councils=("FIF", "GLG"),
    credential=SecretReference("env:SHELVES_TOKEN_{council}"),
    schedule="0 6 * * *",
    returns=(
        ApiReturn(
            "SHELF-JSON",
            request="/shelves/{council}?year={year}",
            records="records",
            paging=NextPaging(at="next"),
        ),
    ),
)


def http(status: str, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """An answer as it goes over the line."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", "Connection: close"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def page(following: str, *, books: str = "11") -> bytes:
    """A page that names the next one."""
    records = [record | {"Books": books} for record in records_of()]
    return http(
        "200 OK", json.dumps({"records": records, "next": following}).encode(), "Content-Type: application/json"
    )


def bomb() -> bytes:
    """A page of 200 MB of blanks, packed into 200 kB."""
    packed = gzip.compress(b'{"records": []' + b" " * 200 * 1024**2 + b"}", 1)
    return http("200 OK", packed, "Content-Encoding: gzip", "Content-Type: application/json")


@dataclass(frozen=True)
class BadAnswer:
    """How one request is answered, and what must become of it.

    Attributes:
        name: what is wrong.
        answer: as it goes over the line.
        becomes: part of the report that must tell it: failures, left or unchanged.
        says: words that must be in it.
    """

    name: str
    answer: bytes
    becomes: str
    says: str = ""


ANSWERS = [
    BadAnswer("it does not know our token", http("401 Unauthorized"), "failures", "token"),
    BadAnswer("it forbids us", http("403 Forbidden"), "failures", "token"),
    BadAnswer("it knows no such address", http("404 Not Found"), "unchanged"),
    BadAnswer("it has nothing for the period", http("204 No Content"), "unchanged"),
    BadAnswer("it is busy for ever", http("429 Too Many Requests", b"", "Retry-After: 0"), "failures", "429"),
    BadAnswer("it asks for another century", http("503 Busy", b"", "Retry-After: 9999999999"), "failures", "503"),
    BadAnswer("it is broken", http("500 Internal Server Error", b"secret stack trace"), "failures", "500"),
    BadAnswer("it does not like the request", http("400 Bad Request"), "failures", "400"),
    BadAnswer(
        "it sends us elsewhere", http("302 Found", b"", "Location: http://127.0.0.1:9/"), "failures", "redirects"
    ),
    BadAnswer("its pages lead in a circle", page("/shelves/FIF?year=2023"), "failures", "no end"),
    BadAnswer("its next page is on another host", page("http://127.0.0.1:9/"), "failures", "not at the address"),
    BadAnswer("its next page is a file of ours", page("file:///etc/passwd"), "failures", "not at the address"),
    BadAnswer("it hangs up at once", b"", "failures", "did not answer"),
    BadAnswer("it hangs up in the middle", http("200 OK", b'{"records": [', length=9000), "failures", "broke"),
    BadAnswer("it speaks no HTTP", b"220 mail.example.org ESMTP\r\n", "failures", "did not answer"),
    BadAnswer("its headers have no end", b"HTTP/1.1 200 OK\r\n" + b"X-More: yes\r\n" * 20_000, "failures", "answer"),
    BadAnswer("its page unpacks without end", bomb(), "failures", "larger"),
]


class Line:
    """A server that gives Fife one answer, whatever it asks, and everybody else a good one."""

    good: ClassVar[bytes] = http("200 OK", json_of(), "Content-Type: application/json")

    def __init__(self) -> None:
        self.answer = self.good

    def to_fife(self) -> bytes:
        """What Fife is told next."""
        return self.answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request_line = (await reader.readline()).decode()
        while (await reader.readline()).strip():
            pass
        writer.write(self.to_fife() if "/FIF?" in request_line and "year=2023" in request_line else self.good)
        try:
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except OSError:
            return


@contextmanager
def serving(line: Line) -> Iterator[int]:
    loop = asyncio.new_event_loop()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))

        async def serve() -> None:
            async with await asyncio.start_server(line.serve, sock=listening):
                await asyncio.get_running_loop().create_future()

        task = loop.create_task(serve())

        def run() -> None:
            try:
                loop.run_until_complete(task)
            except asyncio.CancelledError:
                return

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            loop.call_soon_threadsafe(task.cancel)
            thread.join(10)
            loop.close()


@dataclass(frozen=True)
class Scene:
    """A world, and an API that has something for it."""

    world: World
    line: Line
    port: int

    def collect(self) -> dict[str, AccountReport]:
        platform = self.world.platform
        environment = {
            "SHELVES": f"http://127.0.0.1:{self.port}",
            "SHELVES_TOKEN_FIF": "fife-token",
            "SHELVES_TOKEN_GLG": "glasgow-token",
        }
        transport = ApiTransport(SOURCE, platform.register.returns, environment, TODAY, QUICK)
        report = collect_source(transport, Inbox(platform.ledger, platform.received_bytes))
        return {account.council_code: account for account in report.accounts}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    line = Line()
    with serving(line) as port:
        yield Scene(world_at(tmp_path_factory.mktemp("world")), line, port)


@pytest.mark.parametrize("bad", ANSWERS, ids=lambda bad: bad.name)
def test_bad_answer_is_told_and_touches_nothing(scene: Scene, bad: BadAnswer) -> None:
    before, receipts = scene.world.standing(), len(scene.world.receipts())
    scene.line.answer = bad.answer

    reports = scene.collect()

    found_entries = getattr(reports["FIF"], bad.becomes)
    assert found_entries, reports["FIF"]
    assert bad.says in str(found_entries)
    assert all(failure.remedy for failure in reports["FIF"].failures)
    assert not any(secret in str(reports) for secret in ("fife-token", "glasgow-token", "secret stack trace"))
    assert reports["GLG"].failures == ()
    assert [row["council_code"] for row in scene.world.receipts()[receipts:] if row["period"] == PERIOD] == [
        receipt.council_code for receipt in reports["GLG"].receipts if receipt.period == PERIOD
    ]
    assert scene.world.standing() == before
    assert scene.world.platform.ledger.balance.find_problems() == []
    assert scene.world.lost_bytes() == []


def test_busy_moment_is_waited_out(scene: Scene) -> None:
    answers = [page("", books="12"), http("429 Too Many Requests", b"", "Retry-After: 0")]

    class Mended(Line):
        def to_fife(self) -> bytes:
            return answers.pop()

    with serving(Mended()) as port:
        reports = Scene(scene.world, scene.line, port).collect()

    assert answers == []
    assert reports["FIF"].failures == ()
    assert [receipt.period for receipt in reports["FIF"].fetched] == [PERIOD]


def test_log_in_page_for_an_answer_is_kept_and_judged_as_what_it_is(scene: Scene) -> None:
    before = scene.world.standing()
    scene.line.answer = http("200 OK", HTML, "Content-Type: text/html")

    (receipt,) = [candidate for candidate in scene.collect()["FIF"].receipts if candidate.period == PERIOD]
    outcomes = [outcome for outcome in scene.world.judge("SHELF-JSON") if outcome.council == "FIF"]

    assert scene.world.platform.received_bytes.path(receipt.sha256).read_bytes() == HTML
    assert str(outcomes[-1].judgement.verdict) == "rejected"
    assert any("web page" in text for text in outcomes[-1].judgement.findings["message"])
    assert {name: rows for name, rows in scene.world.standing().items() if "json" not in name} == {
        name: rows for name, rows in before.items() if "json" not in name
    }
    assert scene.world.platform.ledger.balance.find_problems() == []
