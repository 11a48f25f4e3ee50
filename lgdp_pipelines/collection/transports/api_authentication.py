"""Authentication at an API: how the secret of an account gets into each request.

A secret is added below the client that sends a request: the requests that the client logs, and that its exceptions
carry, never hold one, neither in a header nor in the address.

Belongs here: the methods of authentication. Belongs elsewhere: requests (``api``), and reading secrets (``secrets``).
"""

import json
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address
from ssl import SSLContext
from time import monotonic
from typing import Protocol
from urllib.parse import quote, quote_plus

import httpx2

from lgdp_pipelines.collection.retry import parse_retry_after
from lgdp_pipelines.collection.secrets import Secret, resolve_credential
from lgdp_pipelines.collection.transports.transport import Transport
from lgdp_pipelines.errors import AccountRefused, SourceRefused, SourceUnreachable
from lgdp_pipelines.register.model.sources import (
    ApiSource,
    BasicAuthentication,
    BearerAuthentication,
    KeyAuthentication,
    OAuth2Authentication,
)

EXPIRY_MARGIN_SECONDS = 30.0
"""Seconds before its end at which a token is renewed."""

LARGEST_TOKEN = 64 * 1024
"""Bytes: an answer longer than this holds no token."""

_TRANSIENT = frozenset({httpx2.codes.REQUEST_TIMEOUT, httpx2.codes.TOO_EARLY, httpx2.codes.TOO_MANY_REQUESTS})


class Authenticator(Protocol):
    """One council's way to authenticate requests."""

    async def authorise(self, request: httpx2.Request) -> httpx2.Request:
        """Return a request with the secret in it.

        Raises:
            SourceRefused: the server issues no token.
            SourceUnreachable: the server of tokens does not answer.
        """

    def renew(self) -> bool:
        """Return whether a refused request may be repeated: no, by default."""
        return False

    def list_secrets(self) -> tuple[str, ...]:
        """Return the texts that no answer may contain."""


@dataclass(frozen=True, slots=True)
class HeaderAuthenticator(Authenticator):
    """A secret in a header: a token, a password or a key.

    Attributes:
        name: of the header.
        value: of the header.
        secret: that the value holds.
    """

    name: str
    value: Secret
    secret: Secret

    async def authorise(self, request: httpx2.Request) -> httpx2.Request:
        """Return the request with the header."""
        return _copy_request(request, request.url, {self.name: self.value.reveal()})

    def list_secrets(self) -> tuple[str, ...]:
        """Return the secret, as it is and as the header holds it."""
        return tuple(dict.fromkeys((self.secret.reveal(), self.value.reveal().rpartition(" ")[2])))


@dataclass(frozen=True, slots=True)
class ParameterAuthenticator(Authenticator):
    """A key in a parameter of the address.

    Attributes:
        name: of the parameter.
        key: its value.
    """

    name: str
    key: Secret

    async def authorise(self, request: httpx2.Request) -> httpx2.Request:
        """Return the request with the parameter at the end of its address."""
        parameter = f"{quote(self.name)}={quote(self.key.reveal(), safe='')}".encode()
        query = request.url.query
        return _copy_request(request, request.url.copy_with(query=query + b"&" + parameter if query else parameter), {})

    def list_secrets(self) -> tuple[str, ...]:
        """Return the key, as it is and as an address encodes it."""
        key = self.key.reveal()
        return tuple(dict.fromkeys((key, quote(key, safe=""), quote_plus(key))))


@dataclass(frozen=True, slots=True)
class _Token:
    """A token, and the moment of its last use.

    None: it is used until it is refused.
    """

    value: Secret
    until: float | None


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """The platform as a client of an OAuth 2 server.

    Attributes:
        token_address: of the tokens.
        client_id: of the platform there.
        secret: of the client.
        scope: that the token is for; empty where the server asks for none.
    """

    token_address: httpx2.URL
    client_id: str
    secret: Secret
    scope: str


@dataclass
class ClientCredentials(Authenticator):
    """An OAuth 2 client's token, renewed shortly before its end (RFC 6749).

    Attributes:
        client: of the server of tokens.
        location: source and council, for messages.
        timeout: for that server.
        clock: the seconds that the end of a token is counted in.
    """

    client: OAuthClient
    location: str
    timeout: httpx2.Timeout
    clock: Callable[[], float] = monotonic
    _token: _Token | None = field(default=None, init=False)

    async def authorise(self, request: httpx2.Request) -> httpx2.Request:
        """Return the request with a token, fetched first where none is valid."""
        token = self._token
        if token is None or (token.until is not None and self.clock() >= token.until):
            token = self._token = await self._request_token()
        return _copy_request(request, request.url, {"Authorization": f"Bearer {token.value.reveal()}"})

    def renew(self) -> bool:
        """Drop the token, and return True: a repeated request fetches another."""
        self._token = None
        return True

    def list_secrets(self) -> tuple[str, ...]:
        """Return the client's secret, and the token if there is one."""
        return (self.client.secret.reveal(), *([self._token.value.reveal()] if self._token else []))

    async def _request_token(self) -> _Token:
        """Return a new token from the server of tokens."""
        form = {"grant_type": "client_credentials"} | ({"scope": self.client.scope} if self.client.scope else {})
        # RFC 6749, 2.3.1: both are encoded as in a form before they are put together.
        basic = _format_basic(quote_plus(self.client.client_id), quote_plus(self.client.secret.reveal()))
        try:
            async with (
                create_client(HeaderAuthenticator("Authorization", basic, self.client.secret), self.timeout) as client,
                client.stream(
                    "POST", self.client.token_address, data=form, headers={"Accept": "application/json"}
                ) as response,
            ):
                if response.status_code != httpx2.codes.OK:
                    raise self._make_refusal(response)
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > LARGEST_TOKEN:
                        break
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise SourceUnreachable(
                "The address that gives tokens did not answer, or the line broke.",
                where=self.location,
                remedy="The next collection tries again. If the error persists, ask the council about its system.",
            ) from error
        token = _parse_token(bytes(body), self.clock()) if len(body) <= LARGEST_TOKEN else None
        if token is None:
            raise AccountRefused(
                "The answer of the token's address holds no bearer token.",
                where=self.location,
                remedy="Correct the address under authentication, or ask the council about its system.",
            )
        return token

    def _make_refusal(self, response: httpx2.Response) -> SourceRefused | SourceUnreachable:
        """Return the transient or lasting error for a response without a token."""
        status = response.status_code
        if is_transient(status):
            return SourceUnreachable(
                f"The address that gives tokens could not answer now (HTTP {status}).",
                where=self.location,
                remedy="The next collection tries again.",
                wait=parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC)),
            )
        return AccountRefused(
            f"The address that gives tokens refuses our client (HTTP {status}).",
            where=self.location,
            remedy="Compare the client's id and scope with the council, and put its secret where the source refers to.",
        )


def _parse_token(body: bytes, now: float) -> _Token | None:
    """Return the bearer token in a JSON answer; None for other answers.

    No message repeats any part of the answer.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or str(answer.get("token_type", "bearer")).casefold() != "bearer":
        return None
    value, seconds = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(value, str) or not value or not all("!" <= character <= "~" for character in value):
        return None
    lifetime = (
        float(seconds)
        if isinstance(seconds, int | float) or (isinstance(seconds, str) and seconds.isdecimal())
        else None
    )
    return _Token(Secret(value), None if lifetime is None else now + max(lifetime - EXPIRY_MARGIN_SECONDS, 0.0))


def create_authenticator(transport: Transport[ApiSource], council_code: str, timeout: httpx2.Timeout) -> Authenticator:
    """Return the authenticator of one council's account.

    Raises:
        SourceRefused: the secret is not there, or would travel in clear text.
    """
    authentication = transport.source.authentication
    credential = resolve_credential(transport.source, transport.environment, council_code)
    username = transport.resolve_account_name(council_code)
    match authentication:
        case BearerAuthentication():
            return HeaderAuthenticator("Authorization", Secret(f"Bearer {credential.reveal()}"), credential)
        case BasicAuthentication():
            return HeaderAuthenticator("Authorization", _format_basic(username, credential.reveal()), credential)
        case KeyAuthentication():
            if authentication.header:
                return HeaderAuthenticator(authentication.header, credential, credential)
            return ParameterAuthenticator(authentication.parameter, credential)
        case OAuth2Authentication():
            location = transport.describe(council_code)
            address = parse_safe_url(transport.expand(authentication.token_address), location)
            client = OAuthClient(address, username, credential, authentication.scope)
            return ClientCredentials(client, location, timeout)


class _AuthorisedTransport(httpx2.AsyncBaseTransport):
    """The transport that adds the secret to each request."""

    def __init__(self, authenticator: Authenticator) -> None:
        # The register names the address: a proxy variable must not lead a secret elsewhere.
        self._inner = httpx2.AsyncHTTPTransport(verify=_load_tls_context(), trust_env=False)
        self._authenticator = authenticator

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send an authenticated request; after a 401, repeat it once if renewable."""
        response = await self._inner.handle_async_request(await self._authenticator.authorise(request))
        if response.status_code == httpx2.codes.UNAUTHORIZED and self._authenticator.renew():
            await response.aclose()
            response = await self._inner.handle_async_request(await self._authenticator.authorise(request))
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def create_client(authenticator: Authenticator, timeout: httpx2.Timeout) -> httpx2.AsyncClient:
    """Return an authenticating client that follows no redirect and uses no proxy."""
    return httpx2.AsyncClient(
        transport=_AuthorisedTransport(authenticator), timeout=timeout, follow_redirects=False, trust_env=False
    )


def is_transient(status: int) -> bool:
    """Return whether a status says that a later request may succeed."""
    return status in _TRANSIENT or httpx2.codes.is_server_error(status)


def parse_safe_url(address: str, location: str) -> httpx2.URL:
    """Return an address as a URL; refuse clear text beyond this machine.

    Raises:
        SourceRefused: it is not a URL, or the secret would travel in clear text beyond this machine.
    """
    try:
        url = httpx2.URL(address)
    except httpx2.InvalidURL:
        url = None
    if url is None or url.scheme not in {"http", "https"} or not url.host:
        raise SourceRefused("The source's address is not a URL.", where=location, remedy="Correct its address.")
    if url.scheme == "http" and not _is_this_machine(url.host):
        raise SourceRefused(
            "The source's address is not https, and a token would travel in clear text.",
            where=location,
            remedy="Write an https address; http is for this machine only.",
        )
    return url


def _copy_request(request: httpx2.Request, url: httpx2.URL, headers: dict[str, str]) -> httpx2.Request:
    """Return a request's copy with another address and headers set."""
    return httpx2.Request(
        request.method,
        url,
        headers=[*((k, v) for k, v in request.headers.multi_items() if k not in headers), *headers.items()],
        stream=request.stream,
        extensions=request.extensions,
    )


def _format_basic(user: str, password: str) -> Secret:
    """Return the value of a header for basic authentication."""
    return Secret(f"Basic {b64encode(f'{user}:{password}'.encode()).decode('ascii')}")


@cache
def _load_tls_context() -> SSLContext:
    """Return the TLS context with the trusted certificates.

    It is made once for all accounts, because reading the certificates takes a while.
    """
    return httpx2.create_ssl_context(trust_env=False)


def _is_this_machine(host: str) -> bool:
    """Return whether a host is a loopback address or localhost."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"
