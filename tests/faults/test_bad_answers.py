"""Bad answers of a council's API are reported, and accepted data stays untouched."""

import asyncio
import gzip
import json
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
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
from tests.faults.world import PERIOD, World, build_json, build_records, build_world
from tests.support.background_server import run_in_background

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


def build_response(status: str, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """Return an HTTP response as bytes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", "Connection: close"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def build_page(following: str, *, books: str = "11") -> bytes:
    """Return a page of records that names the next page."""
    records = [record | {"Books": books} for record in build_records()]
    return build_response(
        "200 OK", json.dumps({"records": records, "next": following}).encode(), "Content-Type: application/json"
    )


def build_large_page() -> bytes:
    """Return a page of 200 MB of blanks, compressed to 200 kB."""
    packed = gzip.compress(b'{"records": []' + b" " * 200 * 1024**2 + b"}", 1)
    return build_response("200 OK", packed, "Content-Encoding: gzip", "Content-Type: application/json")


@dataclass(frozen=True)
class BadAnswer:
    """Answer to one request, and the expected report.

    Attributes:
        name: the fault.
        answer: bytes of the response.
        report_field: field of the report that must name the fault: ``failures`` or ``unchanged_count``.
        expected_words: words that the field must have.
    """

    name: str
    answer: bytes
    report_field: str
    expected_words: str = ""


ANSWERS = [
    BadAnswer("it does not know our token", build_response("401 Unauthorized"), "failures", "token"),
    BadAnswer("it forbids us", build_response("403 Forbidden"), "failures", "token"),
    BadAnswer("it knows no such address", build_response("404 Not Found"), "unchanged_count"),
    BadAnswer("it has nothing for the period", build_response("204 No Content"), "unchanged_count"),
    BadAnswer("it is busy for ever", build_response("429 Too Many Requests", b"", "Retry-After: 0"), "failures", "429"),
    BadAnswer(
        "it asks for another century", build_response("503 Busy", b"", "Retry-After: 9999999999"), "failures", "503"
    ),
    BadAnswer("it is broken", build_response("500 Internal Server Error", b"secret stack trace"), "failures", "500"),
    BadAnswer("it does not like the request", build_response("400 Bad Request"), "failures", "400"),
    BadAnswer(
        "it sends us elsewhere",
        build_response("302 Found", b"", "Location: http://127.0.0.1:9/"),
        "failures",
        "redirects",
    ),
    BadAnswer("its pages lead in a circle", build_page("/shelves/FIF?year=2023"), "failures", "no end"),
    BadAnswer("its next page is on another host", build_page("http://127.0.0.1:9/"), "failures", "not at the address"),
    BadAnswer("its next page is a file of ours", build_page("file:///etc/passwd"), "failures", "not at the address"),
    BadAnswer("it hangs up at once", b"", "failures", "did not answer"),
    BadAnswer(
        "it hangs up in the middle", build_response("200 OK", b'{"records": [', length=9000), "failures", "broke"
    ),
    BadAnswer("it speaks no HTTP", b"220 mail.example.org ESMTP\r\n", "failures", "did not answer"),
    BadAnswer("its headers have no end", b"HTTP/1.1 200 OK\r\n" + b"X-More: yes\r\n" * 20_000, "failures", "answer"),
    BadAnswer("its page unpacks without end", build_large_page(), "failures", "larger"),
]


class FixedAnswerServer:
    """Server that gives Fife a chosen answer, and all other councils a good one."""

    good: ClassVar[bytes] = build_response("200 OK", build_json(), "Content-Type: application/json")

    def __init__(self) -> None:
        self.answer = self.good

    def choose_answer_for_fife(self) -> bytes:
        """Return the next answer to Fife."""
        return self.answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request_line = (await reader.readline()).decode()
        while (await reader.readline()).strip():
            pass
        writer.write(
            self.choose_answer_for_fife() if "/FIF?" in request_line and "year=2023" in request_line else self.good
        )
        try:
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except OSError:
            return


def run_answer_server(api: FixedAnswerServer) -> AbstractContextManager[int]:
    """Serve an API on a free port of this machine."""

    async def serve(listening_socket: socket.socket) -> None:
        async with await asyncio.start_server(api.serve, sock=listening_socket):
            await asyncio.get_running_loop().create_future()

    return run_in_background(serve)


@dataclass(frozen=True)
class Collection:
    """World, and an API with extracts for it."""

    world: World
    api: FixedAnswerServer
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
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    api = FixedAnswerServer()
    with run_answer_server(api) as port:
        yield Collection(build_world(tmp_path_factory.mktemp("world")), api, port)


@pytest.mark.parametrize("bad", ANSWERS, ids=lambda bad: bad.name)
def test_bad_answer_is_reported_and_changes_nothing(collection: Collection, bad: BadAnswer) -> None:
    before, receipts = collection.world.read_validated_rows(), len(collection.world.read_receipts())
    collection.api.answer = bad.answer

    reports = collection.collect()

    entries = getattr(reports["FIF"], bad.report_field)
    assert entries, reports["FIF"]
    assert bad.expected_words in str(entries)
    assert all(failure.remedy for failure in reports["FIF"].failures)
    assert not any(secret in str(reports) for secret in ("fife-token", "glasgow-token", "secret stack trace"))
    assert reports["GLG"].failures == ()
    assert [row["council_code"] for row in collection.world.read_receipts()[receipts:] if row["period"] == PERIOD] == [
        receipt.council_code for receipt in reports["GLG"].receipts if receipt.period == PERIOD
    ]
    assert collection.world.read_validated_rows() == before
    assert collection.world.platform.ledger.balance.find_problems() == []
    assert collection.world.find_lost_receipts() == []


def test_busy_api_is_asked_again(collection: Collection) -> None:
    answers = [build_page("", books="12"), build_response("429 Too Many Requests", b"", "Retry-After: 0")]

    class RecoveringServer(FixedAnswerServer):
        def choose_answer_for_fife(self) -> bytes:
            return answers.pop()

    with run_answer_server(RecoveringServer()) as port:
        reports = Collection(collection.world, collection.api, port).collect()

    assert answers == []
    assert reports["FIF"].failures == ()
    assert [receipt.period for receipt in reports["FIF"].fetched] == [PERIOD]


def test_log_in_page_in_place_of_records_is_kept_and_rejected_as_a_web_page(collection: Collection) -> None:
    before = collection.world.read_validated_rows()
    collection.api.answer = build_response("200 OK", HTML, "Content-Type: text/html")

    (receipt,) = [candidate for candidate in collection.collect()["FIF"].receipts if candidate.period == PERIOD]
    outcomes = [outcome for outcome in collection.world.judge("SHELF-JSON") if outcome.council == "FIF"]

    assert collection.world.platform.received_bytes.path(receipt.sha256).read_bytes() == HTML
    assert str(outcomes[-1].judgement.verdict) == "rejected"
    assert any("web page" in text for text in outcomes[-1].judgement.findings["message"])
    assert {
        name: build_rows for name, build_rows in collection.world.read_validated_rows().items() if "json" not in name
    } == {name: build_rows for name, build_rows in before.items() if "json" not in name}
    assert collection.world.platform.ledger.balance.find_problems() == []
