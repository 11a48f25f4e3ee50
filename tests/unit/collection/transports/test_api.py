"""Against real HTTP servers on this machine: the simulator's own, and small ones that misbehave."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from time import time
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as HttpRoute

from lgdp_pipelines.collection.file_routing import Route
from lgdp_pipelines.collection.retry import Retry
from lgdp_pipelines.collection.transports.api import ApiAccount, ApiTransport
from lgdp_pipelines.collection.transports.transport import (
    CacheValidators,
    Download,
    NoNewContent,
    SkippedEntry,
    Timeouts,
)
from lgdp_pipelines.errors import SourceRefused, SourceUnreachable
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.simulator.simulated_api import ApiRequest, build_api
from lgdp_pipelines.vocabulary.periods import calendar_year

UNKNOWN = CacheValidators()
TOKENS = {"FIF": "token-of-fife", "GLG": "token-of-glasgow"}
QUICK = Timeouts(connect_seconds=5, answer_seconds=5, retry=Retry(3, 0.01, 2.0))
EXTRACT = '[{"year":2023, "tonnes":2.8318148239349914E-4},\n {"year":2023,"tonnes":0.10},{"year":2023,"tonnes":7}]'


@contextmanager
def serve_application(application: Starlette) -> Iterator[int]:
    """Serve an application on a free port of this machine, in a thread of its own."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # before the thread is up, so that an early request waits and is not refused
        server = uvicorn.Server(uvicorn.Config(application, log_config=None, lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)


class Recorder:
    """Answers by a function of the test, and records the requests."""

    def __init__(self, answer: Callable[[Request, int], Response]) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []

        async def handle(request: Request) -> Response:
            address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            self.requests.append((address, dict(request.headers)))
            return answer(request, len(self.requests))

        self.application = Starlette(routes=[HttpRoute("/{path:path}", handle)])


@pytest.fixture
def get(api_source: Source, register: Register, today: date) -> Callable[..., Any]:
    """Fetch one council's extract of 2023 from an application."""

    def fetch(
        application: Starlette,
        council: str = "FIF",
        *,
        validators: CacheValidators = UNKNOWN,
        source: Source = api_source,
        **environment: str,
    ) -> Any:
        async def run(port: int) -> Any:
            transport = ApiTransport(
                source,
                register.returns,
                {"API_ADDRESS": f"http://127.0.0.1:{port}"}
                | {f"TOKEN_{code}": token for code, token in TOKENS.items()}
                | environment,
                today,
                QUICK,
            )
            async with transport.open_account(council) as account:
                return await fetch_2023(account, validators)

        with serve_application(application) as port:
            return asyncio.run(run(port))

    return fetch


async def fetch_2023(account: ApiAccount, validators: CacheValidators = UNKNOWN) -> Any:
    (entry,) = [
        entry
        for entry in (await account.list_entries()).entries
        if entry.routing == Route("WASTE", calendar_year(2023))
    ]
    outcome = await account.fetch(entry, validators)
    if not isinstance(outcome, Download):
        return outcome
    with outcome:
        return b"".join(outcome.iterate_chunks()), outcome.etag


@pytest.fixture
def requests(tmp_path: Path, api_source: Source) -> dict[str, ApiRequest]:
    for code in TOKENS:
        (tmp_path / f"{code}.json").write_text(EXTRACT)
    return {
        f"/waste/{code}?year={year}": ApiRequest(code, api_source.returns[0], tmp_path / f"{name}.json")
        for code in TOKENS
        for year, name in ((2023, code), (2024, "none"))
    }


def test_every_period_that_has_begun_is_asked_for(api_source: Source, register: Register, today: date) -> None:
    environment = {"API_ADDRESS": "http://127.0.0.1:1", "TOKEN_FIF": "x"}

    async def run() -> Any:
        transport = ApiTransport(api_source, register.returns, environment, today, QUICK)
        async with transport.open_account("FIF") as account:
            return (await account.list_entries()).entries

    entries = asyncio.run(run())
    assert [(entry.path, entry.name) for entry in entries] == [
        ("/waste/FIF?year=2022", "WASTE_FIF_CY2022.json"),
        ("/waste/FIF?year=2023", "WASTE_FIF_CY2023.json"),
        ("/waste/FIF?year=2024", "WASTE_FIF_CY2024.json"),
    ]


def test_the_extract_is_the_pages_as_sent_with_a_line_feed_between(get: Any, requests: Any) -> None:
    content, etag = get(build_api(requests, TOKENS, page_size=2))
    assert etag
    assert b'"tonnes":2.8318148239349914E-4' in content
    assert b'"tonnes":0.10' in content
    decoder = json.JSONDecoder()
    first, end = decoder.raw_decode(content.decode())
    second, second_end = decoder.raw_decode(content.decode(), end + 1)
    assert content[end : end + 1] == b"\n"
    assert [len(page["data"]["records"]) for page in (first, second)] == [2, 1]
    assert first["links"]["next"] == "/waste/FIF?year=2023&page=2"
    assert "links" not in second
    assert second_end == len(content)


def test_an_extract_that_has_not_changed_is_no_news(get: Any, requests: Any) -> None:
    _, etag = get(build_api(requests, TOKENS))
    assert isinstance(get(build_api(requests, TOKENS), validators=CacheValidators(etag)), NoNewContent)


def test_an_extract_that_has_changed_is_news(get: Any, requests: Any, tmp_path: Path) -> None:
    _, etag = get(build_api(requests, TOKENS))
    (tmp_path / "FIF.json").write_text('[{"year":2023, "tonnes":1}]')
    content, other = get(build_api(requests, TOKENS), validators=CacheValidators(etag))
    assert b'"tonnes":1}' in content
    assert other != etag


def test_a_period_without_data_is_no_news(get: Any, requests: Any, tmp_path: Path) -> None:
    (tmp_path / "FIF.json").unlink()
    assert isinstance(get(build_api(requests, TOKENS)), NoNewContent)


@pytest.mark.parametrize("status", [204, 404, 410])
def test_a_period_that_the_api_does_not_know_yet_is_no_news(status: int, get: Any) -> None:
    assert isinstance(get(Recorder(lambda *_: Response(status_code=status)).application), NoNewContent)


def test_a_wrong_token_is_refused_and_not_repeated_in_the_message(get: Any, requests: Any) -> None:
    with pytest.raises(SourceRefused, match="does not accept our token, key or password") as refusal:
        get(build_api(requests, TOKENS), TOKEN_FIF="wrong-and-secret")
    assert "wrong-and-secret" not in str(refusal.value)


def test_a_council_s_token_opens_no_other_council_s_data(get: Any, requests: Any) -> None:
    with pytest.raises(SourceRefused, match="403"):
        get(build_api(requests, TOKENS), TOKEN_FIF=TOKENS["GLG"])


def page(records: str, following: str | None = None) -> str:
    links = "" if following is None else f', "links": {{"next": {json.dumps(following)}}}'
    return f'{{"data": {{"records": [{records}]}}{links}}}'


def test_a_requested_wait_is_kept_to_the_second(get: Any) -> None:
    busy = Recorder(
        lambda _, count: Response(status_code=429, headers={"Retry-After": "1"}) if count == 1 else Response(page("1"))
    )
    before = time()
    content, _ = get(busy.application)
    assert content == page("1").encode()
    assert len(busy.requests) == 2
    assert time() - before >= 1


def test_a_server_that_stays_busy_is_unreachable_after_the_last_attempt(get: Any) -> None:
    busy = Recorder(lambda *_: Response(status_code=503, headers={"Retry-After": "0"}))
    with pytest.raises(SourceUnreachable, match="503"):
        get(busy.application)
    assert len(busy.requests) == QUICK.retry.attempts


@pytest.mark.parametrize(
    "elsewhere", ["http://127.0.0.1:1/next", "https://127.0.0.1/next", "//example.org/next", "http://localhost/next"]
)
def test_a_next_page_on_another_origin_is_never_asked_for(elsewhere: str, get: Any) -> None:
    recorder = Recorder(lambda *_: Response(page("1", elsewhere)))
    with pytest.raises(SourceRefused, match="next page"):
        get(recorder.application)
    assert len(recorder.requests) == 1


def test_a_next_page_may_be_a_whole_address_of_the_same_origin(get: Any) -> None:
    def answer(request: Request, count: int) -> Response:
        return Response(page("1", f"http://{request.url.netloc}/two") if count == 1 else page("2"))

    two = Recorder(answer)
    content, _ = get(two.application)
    assert [address for address, _ in two.requests] == ["/waste/FIF?year=2023", "/two"]
    assert content.endswith(b"\n" + page("2").encode())


def test_pages_that_lead_in_a_circle_are_refused(get: Any) -> None:
    circle = Recorder(lambda *_: Response(page("1", "/again")))
    with pytest.raises(SourceRefused, match="no end"):
        get(circle.application)
    assert len(circle.requests) == 2


def test_a_redirect_is_not_followed_with_a_token(get: Any) -> None:
    moved = Recorder(lambda *_: Response(status_code=302, headers={"Location": "/elsewhere"}))
    with pytest.raises(SourceRefused, match="302"):
        get(moved.application)
    assert len(moved.requests) == 1


def test_an_extract_that_changes_between_its_pages_is_left_for_the_next_time(get: Any) -> None:
    """Each page bears the mark of the whole, and they differ."""
    changing = Recorder(
        lambda _, count: Response(page(str(count), "/two" if count == 1 else None), headers={"ETag": f'"{count}"'})
    )
    outcome = get(changing.application)
    assert isinstance(outcome, SkippedEntry)
    assert "changed" in outcome.reason


def test_an_answer_that_is_not_json_is_kept_as_sent(get: Any) -> None:
    content, _ = get(Recorder(lambda *_: Response("<html>a page of errors</html>")).application)
    assert content == b"<html>a page of errors</html>"


def test_a_page_beyond_the_limit_is_refused(get: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgdp_pipelines.collection.transports.api.LARGEST_PAGE", 1000)
    with pytest.raises(SourceRefused, match="larger than 1000"):
        get(Recorder(lambda *_: Response(b"x" * 1001)).application)


def test_an_answer_beyond_the_limit_is_refused(get: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgdp_pipelines.collection.transports.api.LARGEST_EXTRACT", 1000)
    endless = Recorder(lambda _, count: Response(page(str(count) * 300, f"/{count}")))
    with pytest.raises(SourceRefused, match="larger than 1000"):
        get(endless.application)
    assert len(endless.requests) <= 4


def test_a_line_that_breaks_is_unreachable(api_source: Source, register: Register, today: date) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        environment = {"API_ADDRESS": f"http://127.0.0.1:{closed.getsockname()[1]}", "TOKEN_FIF": "x"}

        async def run() -> None:
            transport = ApiTransport(api_source, register.returns, environment, today, QUICK)
            async with transport.open_account("FIF") as account:
                await fetch_2023(account)

        with pytest.raises(SourceUnreachable):
            asyncio.run(run())


@pytest.mark.parametrize("address", ["http://council.example/", "http://192.0.2.1", "ftp://127.0.0.1", "nonsense"])
def test_a_token_is_sent_in_clear_text_to_this_machine_alone(address: str, get: Any) -> None:
    with pytest.raises(SourceRefused, match="address"):
        get(Recorder(lambda *_: Response("{}")).application, API_ADDRESS=address)


def test_a_proxy_in_the_environment_is_not_used(get: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    content, _ = get(Recorder(lambda *_: Response("{}")).application)
    assert content == b"{}"


def test_tokens_and_addresses_stay_out_of_the_log(get: Any, requests: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "httpx2")
    get(build_api(requests, TOKENS))
    assert TOKENS["FIF"] not in caplog.text
    assert "waste/FIF" not in caplog.text
