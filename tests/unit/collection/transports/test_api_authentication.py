"""Authentication at APIs by key, password or token, and that no secret ever leaks."""

import asyncio
import base64
import json
import logging
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest

from lgdp_pipelines.collection.secrets import Secret
from lgdp_pipelines.collection.transports.api import ApiTransport
from lgdp_pipelines.collection.transports.api_authentication import (
    EXPIRY_MARGIN_SECONDS,
    ClientCredentials,
    OAuthClient,
)
from lgdp_pipelines.errors import SourceRefused, SourceUnreachable
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import (
    BasicAuthentication,
    BearerAuthentication,
    KeyAuthentication,
    LinkPaging,
    NumberedPaging,
    OAuth2Authentication,
    Source,
)
from tests.support.http_server import (
    QUICK_TIMEOUTS,
    SECRET,
    AnswerFunction,
    HttpAnswer,
    HttpRequest,
    build_page,
    read_numbers,
    run_http_server,
)


def test_a_key_is_sent_in_its_header(get: Any) -> None:
    _, requests = get(lambda _: HttpAnswer("{}"), authentication=KeyAuthentication(header="X-Api-Key"))
    assert requests[0].headers["x-api-key"] == SECRET
    assert "authorization" not in requests[0].headers


def test_a_key_is_sent_in_its_parameter_and_taken_out_of_links(get: Any) -> None:
    def answer(request: HttpRequest) -> HttpAnswer:
        following = '</waste/FIF?year=2023&k=another&page=2>; rel="next"'
        return HttpAnswer(build_page(1), headers={} if "page" in request.query else {"Link": following})

    _, requests = get(answer, paging=LinkPaging(), authentication=KeyAuthentication(parameter="k"))
    assert [request.query for request in requests] == [
        {"year": ["2023"], "k": [SECRET]},
        {"year": ["2023"], "page": ["2"], "k": [SECRET]},
    ]


def test_a_user_sends_a_password(get: Any) -> None:
    _, requests = get(
        lambda _: HttpAnswer("{}"),
        authentication=BasicAuthentication(),
        username="lgdp-{council_lower}",
    )
    scheme, _, value = requests[0].headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(value).decode()) == ("Basic", f"lgdp-fif:{SECRET}")


OAUTH2 = OAuth2Authentication(token_address="${LOGIN}/token", scope="returns.read waste")


def token_server(*, seconds: object = 3600, refuse: int = 0) -> tuple[AnswerFunction, list[str]]:
    """An API behind tokens, each good for one council's request until it is the ``refuse``-th."""
    tokens: list[str] = []

    def answer(request: HttpRequest) -> HttpAnswer:
        if request.path == "/token":
            tokens.append(f"token-number-{len(tokens) + 1}")
            return HttpAnswer(json.dumps({"access_token": tokens[-1], "token_type": "Bearer", "expires_in": seconds}))
        if len(tokens) <= refuse or request.headers["authorization"] != f"Bearer {tokens[-1]}":
            return HttpAnswer(status=401)
        number = int(request.query.get("p", ["1"])[0])
        return HttpAnswer(build_page(number) if number < 4 else build_page())

    return answer, tokens


def test_a_client_is_given_one_token_for_all_its_requests(get: Any) -> None:
    answer, tokens = token_server()
    paging = NumberedPaging(parameter="p")
    (content, _), requests = get(answer, authentication=OAUTH2, username="client {council}", paging=paging)
    assert read_numbers(content) == [1, 2, 3]
    assert tokens == ["token-number-1"]
    first = requests[0]
    assert (first.method, first.path) == ("POST", "/token")
    assert parse_qs(first.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["returns.read waste"]}
    user, _, password = base64.b64decode(first.headers["authorization"].removeprefix("Basic ")).decode().partition(":")
    assert (user, password) == ("client+FIF", "s3cret%2Fof%2Bfife%3D%26%3F")
    assert {request.headers["authorization"] for request in requests[1:]} == {"Bearer token-number-1"}


def test_a_token_that_is_refused_is_renewed_once(get: Any) -> None:
    answer, tokens = token_server(refuse=1)
    (content, _), _ = get(answer, authentication=OAUTH2, username="c")
    assert read_numbers(content) == [1]
    assert tokens == ["token-number-1", "token-number-2"]


def test_a_client_whose_tokens_are_all_refused_is_refused_after_the_second(get: Any) -> None:
    answer, tokens = token_server(refuse=99)
    with pytest.raises(SourceRefused, match="401"):
        get(answer, authentication=OAUTH2, username="c")
    assert len(tokens) == 2


@pytest.mark.parametrize(
    ("seconds", "later", "token_count"),
    [
        (3600, 3600 - EXPIRY_MARGIN_SECONDS - 1, 1),
        (3600, 3600 - EXPIRY_MARGIN_SECONDS, 2),
        ("3600", 3570, 2),
        (None, 10**9, 1),
        (10, 0, 2),
    ],
)
def test_a_token_is_used_until_shortly_before_its_end(seconds: object, later: float, token_count: int) -> None:
    answer, tokens = token_server(seconds=seconds)
    now = {"is": 1000.0}

    async def twice(base: str) -> None:
        client = OAuthClient(httpx2.URL(f"{base}/token"), "c", Secret(SECRET), "")
        credentials = ClientCredentials(client, location="", timeout=httpx2.Timeout(5), clock=lambda: now["is"])
        for _ in range(2):
            await credentials.authorise(httpx2.Request("GET", base))
            now["is"] += later

    with run_http_server(answer) as (base, _):
        asyncio.run(twice(base))
    assert len(tokens) == token_count


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (HttpAnswer(status=401), SourceRefused, "refuses our client"),
        (HttpAnswer(status=400), SourceRefused, "refuses our client"),
        (HttpAnswer(status=302, headers={"Location": "/elsewhere"}), SourceRefused, "302"),
        (HttpAnswer(status=503, headers={"Retry-After": "0"}), SourceUnreachable, "503"),
        (HttpAnswer(status=429, headers={"Retry-After": "0"}), SourceUnreachable, "429"),
        (HttpAnswer("<html>"), SourceRefused, "no bearer token"),
        (HttpAnswer("[]"), SourceRefused, "no bearer token"),
        (HttpAnswer('{"access_token": "a\\nb"}'), SourceRefused, "no bearer token"),
        (HttpAnswer('{"access_token": "x", "token_type": "mac"}'), SourceRefused, "no bearer token"),
        (HttpAnswer('{"access_token": "' + "x" * 100_000 + '"}'), SourceRefused, "no bearer token"),
    ],
)
def test_an_answer_without_a_token_is_reported(
    answer: HttpAnswer, error: type[Exception], words: str, get: Any
) -> None:
    with pytest.raises(error, match=words):
        get(lambda _: answer, authentication=OAUTH2, username="c")
    assert all(request.path == "/token" for request in get.requests)


@pytest.mark.parametrize("address", ["${CLEAR_TEXT_URL}", "${NO_URL}"])
def test_a_secret_is_sent_for_a_token_in_clear_text_to_this_machine_alone(address: str, get: Any) -> None:
    with pytest.raises(SourceRefused, match="address"):
        get(lambda _: HttpAnswer("{}"), authentication=replace(OAUTH2, token_address=address), username="c")
    assert get.requests == []


@pytest.mark.parametrize("split", [0, 40_000])
def test_an_answer_that_repeats_the_secret_is_not_kept(split: int, get: Any) -> None:
    body = b"x" * (65_536 - 5 + split) + SECRET.encode()  # over the edge of a chunk
    with pytest.raises(SourceRefused, match="repeats the secret") as refusal:
        get(lambda _: HttpAnswer(body))
    assert SECRET not in str(refusal.value)


def test_an_answer_that_repeats_an_encoded_password_is_not_kept(get: Any) -> None:
    with pytest.raises(SourceRefused, match="repeats the secret"):
        get(
            lambda request: HttpAnswer(json.dumps({"you sent": request.headers["authorization"]})),
            authentication=BasicAuthentication(),
            username="c",
        )


METHODS = {
    "bearer": BearerAuthentication(),
    "basic": BasicAuthentication(),
    "key in a header": KeyAuthentication(header="X-Api-Key"),
    "key in a parameter": KeyAuthentication(parameter="key"),
    "oauth2": OAUTH2,
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("status", [200, 401, 404, 500])
def test_no_secret_is_logged_at_any_level_nor_shown_in_an_error(
    method: str, status: int, get: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx2", "httpcore2", "httpx", "httpcore", "asyncio"):
        caplog.set_level(logging.DEBUG, name)

    def answer(request: HttpRequest) -> HttpAnswer:
        if request.path == "/token":
            return HttpAnswer('{"access_token": "the-token-in-question", "expires_in": 60}')
        return HttpAnswer("{}", status=status, headers={"Retry-After": "0"})

    text = ""
    try:
        get(answer, authentication=METHODS[method], username="c")
    except (SourceRefused, SourceUnreachable) as error:
        text = collect_text(error)
    for secret in (SECRET, "the-token-in-question", "s3cret%2F", base64.b64encode(f"c:{SECRET}".encode()).decode()):
        assert secret not in caplog.text
        assert secret not in text


def collect_text(error: BaseException | None) -> str:
    """An exception, what it holds, and all that led to it."""
    if error is None:
        return ""
    request = getattr(error, "_request", None)
    shown = f"{error!s} {error!r} {vars(error)!r} {request and (request.url, request.headers.raw)}"
    return shown + collect_text(error.__cause__) + collect_text(error.__context__)


@pytest.mark.parametrize("method", METHODS)
def test_a_line_that_breaks_holds_no_secret_in_its_errors(
    method: str, source: Source, register: Register, today: date
) -> None:
    source_with_method = replace(source, authentication=METHODS[method], username="c")

    async def run(address: str) -> None:
        environment = {"API_ADDRESS": address, "LOGIN": address, "TOKEN_FIF": SECRET}
        transport = ApiTransport(source_with_method, register.returns, environment, today, QUICK_TIMEOUTS)
        async with transport.open_account("FIF") as account:
            await account.probe()

    with run_http_server(lambda _: HttpAnswer()) as (closed_soon, _):
        pass
    with pytest.raises(SourceUnreachable) as broken:
        asyncio.run(run(closed_soon))
    text = collect_text(broken.value)
    assert "ConnectError" in text
    for secret in (SECRET, "s3cret", base64.b64encode(f"c:{SECRET}".encode()).decode()):
        assert secret not in text
