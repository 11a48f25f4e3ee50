"""The manners of councils' APIs: ways of paging, ways to show who we are, conditions, and what must never leak."""

import asyncio
import base64
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from lgdp_pipelines.collection.api import ApiPatience, ApiTransport, Marks
from lgdp_pipelines.collection.api_access import SHORTLY, ClientCredentials
from lgdp_pipelines.collection.api_pages import records_in, with_parameter, without_parameter
from lgdp_pipelines.collection.retry import Retry
from lgdp_pipelines.collection.secrets import Secret
from lgdp_pipelines.collection.transport import Download, Left, NoNews
from lgdp_pipelines.errors import SourceRefused, SourceUnreachable
from lgdp_pipelines.register.model import Register
from lgdp_pipelines.register.source import (
    Authentication,
    AuthenticationMethod,
    Paging,
    PagingKind,
    Source,
    SourceReturn,
)

SECRET = "s3cret/of+fife=&?"
QUICK = ApiPatience(connect=5, answer=5, retry=Retry(3, 0.01, 1.0))


@dataclass
class Said:
    """An answer of the test's server."""

    body: str | bytes = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """A request as the test's server got it."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Asked], Said]


@contextmanager
def serving(answer: Answer) -> Iterator[tuple[str, list[Asked]]]:
    """A plain HTTP server on this machine that answers by a function, and what it was asked."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked.append(Asked(self.command, parts.path, parse_qs(parts.query), headers, body))
            said = answer(asked[-1])
            content = said.body.encode() if isinstance(said.body, str) else said.body
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            if said.status != 304:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the names that the library asks for

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def source(api_source: Source) -> Source:
    return replace(api_source, returns=(SourceReturn("WASTE", request="/waste/{council}?year={year}", records="data"),))


@pytest.fixture
def get(source: Source, register: Register, today: date) -> Callable[..., Any]:
    """Asks a server for Fife's extract of 2023, by a source with the given manners."""

    def fetch(
        answer: Answer,
        *,
        paging: Paging | None = None,
        authentication: Authentication | None = None,
        username: str = "",
        marks: Marks | None = None,
        secret: str = SECRET,
    ) -> Any:
        one = replace(
            source,
            username=username,
            authentication=authentication or source.authentication,
            returns=(replace(source.returns[0], paging=paging or Paging()),),
        )

        async def run(base: str) -> Any:
            environment = {"API_ADDRESS": base, "TOKEN_FIF": secret, "LOGIN": base}
            transport = ApiTransport(one, register.returns, environment, today, lambda *_: marks or Marks(), QUICK)
            async with transport.account("FIF") as account:
                (entry,) = [e for e in (await account.entries()).entries if "2023" in e.path]
                outcome = await account.fetch(entry)
            if not isinstance(outcome, Download):
                return outcome
            with outcome:
                return b"".join(outcome.chunks()), Marks(
                    outcome.etag, None if outcome.modified is None else datetime.fromtimestamp(outcome.modified, UTC)
                )

        with serving(answer) as (base, asked):
            try:
                return run_it(run(base)), asked
            except Exception as error:
                error.add_note(f"{len(asked)} requests")
                fetch.asked = asked  # type: ignore[attr-defined]  # what was asked before it failed
                raise

    return fetch


def run_it(what: Any) -> Any:
    return asyncio.run(what)


def page_of(*records: int, **more: object) -> str:
    return json.dumps({"data": [{"n": one} for one in records], **more})


def numbers(content: bytes) -> list[int]:
    return [record["n"] for line in content.splitlines() for record in json.loads(line)["data"]]


# Paging.


def test_pages_are_turned_by_a_link_header(get: Any) -> None:
    links = {
        None: '</waste/FIF?year=2023&page=2>; rel="next", </waste/FIF?page=3>; rel="last"',
        "2": '</waste/FIF?year=2023&page=3>; title="a, b"; rel="prefetch next"',
        "3": '</waste/FIF?year=2023&page=2>; rel="prev"',
    }

    def answer(asked: Asked) -> Said:
        number = asked.query.get("page", [None])[0]
        return Said(page_of(int(number or 1)), headers={"Link": links[number]})

    (content, _), asked = get(answer, paging=Paging(PagingKind.LINK))
    assert numbers(content) == [1, 2, 3]
    assert len(asked) == 3


def test_a_link_to_another_origin_is_never_asked_for(get: Any) -> None:
    with pytest.raises(SourceRefused, match="next page"):
        get(
            lambda _: Said(page_of(1), headers={"Link": '<http://127.0.0.1:1/x>; rel="next"'}),
            paging=Paging(PagingKind.LINK),
        )


def numbered(*pages: str, beyond: Said | None = None, first: int = 1) -> Answer:
    def answer(asked: Asked) -> Said:
        position = int(asked.query["p"][0]) - first
        return Said(pages[position]) if position < len(pages) else beyond or Said(page_of())

    return answer


def test_numbered_pages_are_turned_until_one_is_empty(get: Any) -> None:
    (content, _), asked = get(numbered(page_of(1, 2), page_of(3)), paging=Paging(PagingKind.PAGE, parameter="p"))
    assert numbers(content) == [1, 2, 3]
    assert len(content.splitlines()) == 2
    assert [one.query for one in asked] == [{"year": ["2023"], "p": [number]} for number in "123"]


@pytest.mark.parametrize("status", [404, 204, 410])
def test_a_page_beyond_the_last_may_be_missing(status: int, get: Any) -> None:
    answer = numbered(page_of(1), beyond=Said(status=status))
    (content, _), _ = get(answer, paging=Paging(PagingKind.PAGE, parameter="p"))
    assert numbers(content) == [1]


def test_numbered_pages_begin_where_the_source_says_and_end_at_the_total(get: Any) -> None:
    paging = Paging(PagingKind.PAGE, parameter="p", first=0, total="meta.total")
    pages = [page_of(1, 2, meta={"total": 3}), page_of(3, meta={"total": 3})]
    (content, _), asked = get(numbered(*pages, first=0), paging=paging)
    assert numbers(content) == [1, 2, 3]
    assert [one.query["p"] for one in asked] == [["0"], ["1"]]


def test_fewer_records_than_the_total_are_left_for_the_next_time(get: Any) -> None:
    paging = Paging(PagingKind.PAGE, parameter="p", total="total")
    outcome, _ = get(numbered(page_of(1, total=5), page_of(2, total=5)), paging=paging)
    assert isinstance(outcome, Left)


def test_pages_are_turned_by_a_cursor(get: Any) -> None:
    pages = {None: page_of(1, next="a&b=c"), "a&b=c": page_of(2, next=7), "7": page_of(3, next=None)}

    def answer(asked: Asked) -> Said:
        assert asked.query["year"] == ["2023"]
        return Said(pages[asked.query.get("after", [None])[0]])

    (content, _), asked = get(answer, paging=Paging(PagingKind.CURSOR, at="next", parameter="after"))
    assert numbers(content) == [1, 2, 3]
    assert len(asked) == 3


def test_a_cursor_that_stands_still_is_refused(get: Any) -> None:
    with pytest.raises(SourceRefused, match="no end"):
        get(lambda _: Said(page_of(1, next="x")), paging=Paging(PagingKind.CURSOR, at="next", parameter="after"))


def test_pages_with_marks_of_their_own_are_held_against_the_first_once_more(get: Any) -> None:
    """Each page has its own ETag, so a change of the first is looked for when the last has come."""
    changed = {"first": False}

    def answer(asked: Asked) -> Said:
        if asked.query["p"] == ["1"]:
            etag = '"one, changed"' if changed["first"] else '"one"'
            if asked.headers.get("if-none-match") == etag:
                return Said(status=304, headers={"ETag": etag})
            return Said(page_of(1), headers={"ETag": etag})
        return Said(page_of(2) if asked.query["p"] == ["2"] else page_of(), headers={"ETag": '"other"'})

    def answer_and_change(asked: Asked) -> Said:
        said = answer(asked)
        changed["first"] = True
        return said

    paging = Paging(PagingKind.PAGE, parameter="p")
    (content, marks), asked = get(answer, paging=paging, marks=Marks('"one"'))
    assert numbers(content) == [1, 2]
    assert "if-none-match" not in asked[0].headers  # the first page's mark says nothing of the second
    assert marks == Marks()
    outcome, _ = get(answer_and_change, paging=paging)
    assert isinstance(outcome, Left)


@pytest.mark.parametrize(
    ("body", "dotted", "count"),
    [
        (b'{"data": [1, 2]}', "data", 2),
        (b"[1, 2, 3]", "", 3),
        (b'{"a": 1}\n{"a": 2}\n', "", 2),
        (b'{"a": 1}\n', "", 1),
        (b"", "", 0),
        (b"\n", "data", 0),
        (b'{"data": []}', "data", 0),
        (b'{"data": {}}', "data", None),
        (b"<html>", "data", None),
        (b"[" * 200_000, "", None),
    ],
)
def test_records_of_a_page_are_counted(body: bytes, dotted: str, count: int | None) -> None:
    assert records_in(body, dotted) == count


def test_a_parameter_is_set_and_the_others_stay_as_they_are_written() -> None:
    address = httpx2.URL("https://one.example/a%2Fb?f[x]=%20y&p=1&z")
    assert bytes(with_parameter(address, "p", "a b").query) == b"f[x]=%20y&z&p=a+b"
    assert str(without_parameter(httpx2.URL("https://one.example/?k=1"), "k")) == "https://one.example/"


# One answer, of any format.


def test_one_answer_is_kept_as_sent_whatever_its_format(get: Any) -> None:
    content = b"a;b\r\n1;\xe9\r\n" * 1_000
    (kept, _), _ = get(lambda _: Said(content, headers={"Content-Type": "text/csv", "Link": '</x>; rel="next"'}))
    assert kept == content


def test_one_large_answer_may_be_larger_than_a_page(get: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgdp_pipelines.collection.api.LARGEST_PAGE", 1_000)
    (kept, _), _ = get(lambda _: Said(b"x" * 100_000))
    assert len(kept) == 100_000


# Conditions.

CHANGED = datetime(2024, 11, 20, 8, 30, 15, tzinfo=UTC)


def test_the_time_of_change_is_kept_and_asked_with(get: Any) -> None:
    stamp = "Wed, 20 Nov 2024 08:30:15 GMT"
    (_, marks), _ = get(lambda _: Said("x", headers={"Last-Modified": stamp, "ETag": 'W/"1"'}))
    assert marks == Marks('W/"1"', CHANGED)
    outcome, asked = get(lambda _: Said(status=304), marks=marks)
    assert isinstance(outcome, NoNews)
    assert asked[0].headers["if-modified-since"] == stamp
    assert asked[0].headers["if-none-match"] == 'W/"1"'


@pytest.mark.parametrize("stamp", ["", "yesterday", "Wed, 99 Nov 2024 08:30:15 GMT"])
def test_a_time_of_change_that_is_none_is_not_kept(stamp: str, get: Any) -> None:
    (_, marks), _ = get(lambda _: Said("x", headers={"Last-Modified": stamp}))
    assert marks == Marks()


# Who we are.


def test_a_key_is_sent_in_its_header(get: Any) -> None:
    _, asked = get(lambda _: Said("{}"), authentication=Authentication(AuthenticationMethod.KEY, header="X-Api-Key"))
    assert asked[0].headers["x-api-key"] == SECRET
    assert "authorization" not in asked[0].headers


def test_a_key_is_sent_in_its_parameter_and_taken_out_of_links(get: Any) -> None:
    def answer(asked: Asked) -> Said:
        following = '</waste/FIF?year=2023&k=another&page=2>; rel="next"'
        return Said(page_of(1), headers={} if "page" in asked.query else {"Link": following})

    _, asked = get(
        answer, paging=Paging(PagingKind.LINK), authentication=Authentication(AuthenticationMethod.KEY, parameter="k")
    )
    assert [one.query for one in asked] == [
        {"year": ["2023"], "k": [SECRET]},
        {"year": ["2023"], "page": ["2"], "k": [SECRET]},
    ]


def test_a_user_shows_a_password(get: Any) -> None:
    _, asked = get(
        lambda _: Said("{}"), authentication=Authentication(AuthenticationMethod.BASIC), username="lgdp-{council_lower}"
    )
    scheme, _, given = asked[0].headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(given).decode()) == ("Basic", f"lgdp-fif:{SECRET}")


OAUTH2 = Authentication(AuthenticationMethod.OAUTH2, token_address="${LOGIN}/token", scope="returns.read waste")


def login(*, seconds: object = 3600, refuse: int = 0) -> tuple[Answer, list[str]]:
    """An API behind tokens, each good for one council's request until it is the ``refuse``-th."""
    given: list[str] = []

    def answer(asked: Asked) -> Said:
        if asked.path == "/token":
            given.append(f"token-number-{len(given) + 1}")
            return Said(json.dumps({"access_token": given[-1], "token_type": "Bearer", "expires_in": seconds}))
        if len(given) <= refuse or asked.headers["authorization"] != f"Bearer {given[-1]}":
            return Said(status=401)
        number = int(asked.query.get("p", ["1"])[0])
        return Said(page_of(number) if number < 4 else page_of())

    return answer, given


def test_a_client_is_given_one_token_for_all_its_requests(get: Any) -> None:
    answer, given = login()
    paging = Paging(PagingKind.PAGE, parameter="p")
    (content, _), asked = get(answer, authentication=OAUTH2, username="client {council}", paging=paging)
    assert numbers(content) == [1, 2, 3]
    assert given == ["token-number-1"]
    first = asked[0]
    assert (first.method, first.path) == ("POST", "/token")
    assert parse_qs(first.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["returns.read waste"]}
    user, _, password = base64.b64decode(first.headers["authorization"].removeprefix("Basic ")).decode().partition(":")
    assert (user, password) == ("client+FIF", "s3cret%2Fof%2Bfife%3D%26%3F")
    assert {one.headers["authorization"] for one in asked[1:]} == {"Bearer token-number-1"}


def test_a_token_that_is_refused_is_renewed_once(get: Any) -> None:
    answer, given = login(refuse=1)
    (content, _), _ = get(answer, authentication=OAUTH2, username="c")
    assert numbers(content) == [1]
    assert given == ["token-number-1", "token-number-2"]


def test_a_client_whose_tokens_are_all_refused_is_refused_after_the_second(get: Any) -> None:
    answer, given = login(refuse=99)
    with pytest.raises(SourceRefused, match="401"):
        get(answer, authentication=OAUTH2, username="c")
    assert len(given) == 2


@pytest.mark.parametrize(
    ("seconds", "later", "tokens"),
    [(3600, 3600 - SHORTLY - 1, 1), (3600, 3600 - SHORTLY, 2), ("3600", 3570, 2), (None, 10**9, 1), (10, 0, 2)],
)
def test_a_token_is_used_until_shortly_before_its_end(seconds: object, later: float, tokens: int) -> None:
    answer, given = login(seconds=seconds)
    now = {"is": 1000.0}

    async def twice(base: str) -> None:
        client = ClientCredentials(
            f"{base}/token", "c", Secret(SECRET), "", where="", timeout=httpx2.Timeout(5), clock=lambda: now["is"]
        )
        for _ in range(2):
            await client.authorised(httpx2.Request("GET", base))
            now["is"] += later

    with serving(answer) as (base, _):
        asyncio.run(twice(base))
    assert len(given) == tokens


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (Said(status=401), SourceRefused, "refuses our client"),
        (Said(status=400), SourceRefused, "refuses our client"),
        (Said(status=302, headers={"Location": "/elsewhere"}), SourceRefused, "302"),
        (Said(status=503, headers={"Retry-After": "0"}), SourceUnreachable, "503"),
        (Said(status=429, headers={"Retry-After": "0"}), SourceUnreachable, "429"),
        (Said("<html>"), SourceRefused, "no bearer token"),
        (Said("[]"), SourceRefused, "no bearer token"),
        (Said('{"access_token": "a\\nb"}'), SourceRefused, "no bearer token"),
        (Said('{"access_token": "x", "token_type": "mac"}'), SourceRefused, "no bearer token"),
        (Said('{"access_token": "' + "x" * 100_000 + '"}'), SourceRefused, "no bearer token"),
    ],
)
def test_what_gives_no_token_is_told(said: Said, error: type[Exception], words: str, get: Any) -> None:
    with pytest.raises(error, match=words):
        get(lambda _: said, authentication=OAUTH2, username="c")
    assert all(one.path == "/token" for one in get.asked)


@pytest.mark.parametrize("address", ["http://login.example/token", "nonsense"])
def test_a_secret_is_sent_for_a_token_in_clear_text_to_this_machine_alone(address: str, get: Any) -> None:
    with pytest.raises(SourceRefused, match="address"):
        get(lambda _: Said("{}"), authentication=replace(OAUTH2, token_address=address), username="c")
    assert get.asked == []


@pytest.mark.parametrize("split", [0, 40_000])
def test_an_answer_that_repeats_the_secret_is_not_kept(split: int, get: Any) -> None:
    body = b"x" * (65_536 - 5 + split) + SECRET.encode()  # over the edge of a chunk
    with pytest.raises(SourceRefused, match="repeats the secret") as refusal:
        get(lambda _: Said(body))
    assert SECRET not in str(refusal.value)


def test_an_answer_that_repeats_what_a_password_is_sent_as_is_not_kept(get: Any) -> None:
    with pytest.raises(SourceRefused, match="repeats the secret"):
        get(
            lambda asked: Said(json.dumps({"you sent": asked.headers["authorization"]})),
            authentication=Authentication(AuthenticationMethod.BASIC),
            username="c",
        )


METHODS = {
    "bearer": Authentication(),
    "basic": Authentication(AuthenticationMethod.BASIC),
    "key in a header": Authentication(AuthenticationMethod.KEY, header="X-Api-Key"),
    "key in a parameter": Authentication(AuthenticationMethod.KEY, parameter="key"),
    "oauth2": OAUTH2,
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("status", [200, 401, 404, 500])
def test_no_secret_is_logged_at_any_level_nor_told_in_an_error(
    method: str, status: int, get: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx2", "httpcore2", "httpx", "httpcore", "asyncio"):
        caplog.set_level(logging.DEBUG, name)

    def answer(asked: Asked) -> Said:
        if asked.path == "/token":
            return Said('{"access_token": "the-token-in-question", "expires_in": 60}')
        return Said("{}", status=status, headers={"Retry-After": "0"})

    told = ""
    try:
        get(answer, authentication=METHODS[method], username="c")
    except (SourceRefused, SourceUnreachable) as error:
        told = everything_in(error)
    for secret in (SECRET, "the-token-in-question", "s3cret%2F", base64.b64encode(f"c:{SECRET}".encode()).decode()):
        assert secret not in caplog.text
        assert secret not in told


def everything_in(error: BaseException | None) -> str:
    """An exception, what it holds, and all that led to it."""
    if error is None:
        return ""
    request = getattr(error, "_request", None)
    held = f"{error!s} {error!r} {vars(error)!r} {request and (request.url, request.headers.raw)}"
    return held + everything_in(error.__cause__) + everything_in(error.__context__)


@pytest.mark.parametrize("method", METHODS)
def test_a_line_that_breaks_holds_no_secret_in_its_errors(
    method: str, source: Source, register: Register, today: date
) -> None:
    one = replace(source, authentication=METHODS[method], username="c")

    async def run(address: str) -> None:
        environment = {"API_ADDRESS": address, "LOGIN": address, "TOKEN_FIF": SECRET}
        transport = ApiTransport(one, register.returns, environment, today, lambda *_: Marks(), QUICK)
        async with transport.account("FIF") as account:
            await account.answers()

    with serving(lambda _: Said()) as (closed_soon, _):
        pass
    with pytest.raises(SourceUnreachable) as broken:
        asyncio.run(run(closed_soon))
    told = everything_in(broken.value)
    assert "ConnectError" in told
    for secret in (SECRET, "s3cret", base64.b64encode(f"c:{SECRET}".encode()).decode()):
        assert secret not in told
