"""Access to an API: how a request is made ours on its last step to the wire.

A secret is added below the client that sends a request: the requests that the client logs, and that its exceptions
carry, never hold one, neither in a header nor in the address.

What belongs here: the four methods. What does not: what is asked (``api``), and where a secret is (``secrets``).
"""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address
from ssl import SSLContext
from time import monotonic
from typing import Protocol
from urllib.parse import quote, quote_plus

import httpx2

from lgdp_pipelines.collection.retry import parse_retry_after
from lgdp_pipelines.collection.secrets import Secret
from lgdp_pipelines.errors import AccountRefused, SourceRefused, SourceUnreachable
from lgdp_pipelines.register.model.sources import (
    Authentication,
    BasicAuthentication,
    BearerAuthentication,
    KeyAuthentication,
    OAuth2Authentication,
)

SHORTLY = 30.0
"""Seconds before its end at which a token is no longer used."""

LARGEST_TOKEN = 64 * 1024
"""Bytes: an answer longer than this holds no token."""

_COME_BACK = frozenset({httpx2.codes.REQUEST_TIMEOUT, httpx2.codes.TOO_EARLY, httpx2.codes.TOO_MANY_REQUESTS})


class Authenticator(Protocol):
    """One council's way to show who we are."""

    async def authorised(self, request: httpx2.Request) -> httpx2.Request:
        """The same request with our secret in it.

        Raises:
            SourceRefused: we are given no token.
            SourceUnreachable: nobody gives tokens now.
        """
        ...

    def renewed(self) -> bool:
        """Whether a request that was refused is worth another try with a new token."""
        ...

    def secrets(self) -> tuple[str, ...]:
        """What must never be found in an answer."""
        ...


class HeaderAuthenticator:
    """A secret in a header: a bearer token, a user's password, a key."""

    def __init__(self, name: str, value: Secret, secret: Secret) -> None:
        self._name = name
        self._value = value
        self._secret = secret

    async def authorised(self, request: httpx2.Request) -> httpx2.Request:
        """The request with the header."""
        return _again(request, request.url, {self._name: self._value.reveal()})

    def renewed(self) -> bool:
        """It stays the same."""
        return False

    def secrets(self) -> tuple[str, ...]:
        """The secret, as it is and as the header spells it."""
        return tuple(dict.fromkeys((self._secret.reveal(), self._value.reveal().rpartition(" ")[2])))


class ParameterAuthenticator:
    """A key in a parameter of the address."""

    def __init__(self, name: str, key: Secret) -> None:
        self._name = name
        self._key = key

    async def authorised(self, request: httpx2.Request) -> httpx2.Request:
        """The request with the parameter at the end of its address; what stands before it stays as it is."""
        given = f"{quote(self._name)}={quote(self._key.reveal(), safe='')}".encode()
        query = request.url.query
        return _again(request, request.url.copy_with(query=query + b"&" + given if query else given), {})

    def renewed(self) -> bool:
        """It stays the same."""
        return False

    def secrets(self) -> tuple[str, ...]:
        """The key, as it is and as an address spells it."""
        key = self._key.reveal()
        return tuple(dict.fromkeys((key, quote(key, safe=""), quote_plus(key))))


@dataclass(frozen=True, slots=True)
class _Token:
    """A token, and the moment from which it is no longer used; None: it is used until it is refused."""

    value: Secret
    until: float | None


class ClientCredentials:
    """A token that is asked for by a client of ours, used until shortly before its end, and renewed where refused.

    Args:
        address: that gives tokens.
        client_id: who we are there.
        secret: of the client.
        scope: what the token is to be good for.
        where: the account, for messages.
        timeout: how long an answer is waited for.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        address: str,
        client_id: str,
        secret: Secret,
        scope: str,
        *,
        where: str,
        timeout: httpx2.Timeout,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._address = parse_safe_url(address, where)
        self._client_id = client_id
        self._secret = secret
        self._scope = scope
        self._where = where
        self._timeout = timeout
        self._clock = clock
        self._token: _Token | None = None

    async def authorised(self, request: httpx2.Request) -> httpx2.Request:
        """The request with a token that is good now."""
        token = self._token
        if token is None or (token.until is not None and self._clock() >= token.until):
            token = self._token = await self._asked()
        return _again(request, request.url, {"Authorization": f"Bearer {token.value.reveal()}"})

    def renewed(self) -> bool:
        """Another token is asked for at the next request."""
        self._token = None
        return True

    def secrets(self) -> tuple[str, ...]:
        """The client's secret and the token."""
        return (self._secret.reveal(), *([self._token.value.reveal()] if self._token else []))

    async def _asked(self) -> _Token:
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        # RFC 6749, 2.3.1: both are encoded as in a form before they are put together.
        basic = _basic(quote_plus(self._client_id), quote_plus(self._secret.reveal()))
        try:
            async with (
                create_client(HeaderAuthenticator("Authorization", basic, self._secret), self._timeout) as client,
                client.stream("POST", self._address, data=form, headers={"Accept": "application/json"}) as response,
            ):
                if response.status_code != httpx2.codes.OK:
                    raise self._refusal(response)
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > LARGEST_TOKEN:
                        break
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise SourceUnreachable(
                "The address that gives tokens did not answer, or the line broke.",
                where=self._where,
                remedy="It is tried again at the next collection; if it stays so, ask the council about its system.",
            ) from error
        token = _token(bytes(body), self._clock()) if len(body) <= LARGEST_TOKEN else None
        if token is None:
            raise AccountRefused(
                "The answer of the token's address holds no bearer token.",
                where=self._where,
                remedy="Correct the address under authentication, or ask the council about its system.",
            )
        return token

    def _refusal(self, response: httpx2.Response) -> SourceRefused | SourceUnreachable:
        status = response.status_code
        if is_transient(status):
            return SourceUnreachable(
                f"The address that gives tokens could not answer now (HTTP {status}).",
                where=self._where,
                remedy="It is tried again at the next collection.",
                wait=parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC)),
            )
        return AccountRefused(
            f"The address that gives tokens refuses our client (HTTP {status}).",
            where=self._where,
            remedy="Compare the client's id and scope with the council, and put its secret where the source refers to.",
        )


def _token(body: bytes, now: float) -> _Token | None:
    """The token in an answer; None where there is none. Nothing of the answer is kept or told."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or str(said.get("token_type", "bearer")).casefold() != "bearer":
        return None
    value, seconds = said.get("access_token"), said.get("expires_in")
    if not isinstance(value, str) or not value or not all("!" <= one <= "~" for one in value):
        return None
    lasts = (
        float(seconds)
        if isinstance(seconds, int | float) or (isinstance(seconds, str) and seconds.isdecimal())
        else None
    )
    return _Token(Secret(value), None if lasts is None else now + max(lasts - SHORTLY, 0.0))


def create_authenticator(
    authentication: Authentication, username: str, credential: Secret, token_address: str, *, where: str,
    timeout: httpx2.Timeout,
) -> Authenticator:  # fmt: skip
    """How a council's API is shown who we are.

    Args:
        authentication: as the source declares it.
        username: of the account: a user's name, or a client's id.
        credential: of the account.
        token_address: that gives tokens, its variables filled in.
        where: the account, for messages.
        timeout: how long a token is waited for.

    Raises:
        SourceRefused: a secret would travel in clear text.
    """
    match authentication:
        case BearerAuthentication():
            return HeaderAuthenticator("Authorization", Secret(f"Bearer {credential.reveal()}"), credential)
        case BasicAuthentication():
            return HeaderAuthenticator("Authorization", _basic(username, credential.reveal()), credential)
        case KeyAuthentication():
            if authentication.header:
                return HeaderAuthenticator(authentication.header, credential, credential)
            return ParameterAuthenticator(authentication.parameter, credential)
        case OAuth2Authentication():
            return ClientCredentials(
                token_address, username, credential, authentication.scope, where=where, timeout=timeout
            )


class _AuthorisedTransport(httpx2.AsyncBaseTransport):
    """The way to the wire, on which our secret is added."""

    def __init__(self, access: Authenticator) -> None:
        # The register names the address: a proxy variable must not lead a secret elsewhere.
        self._inner = httpx2.AsyncHTTPTransport(verify=_trusted(), trust_env=False)
        self._access = access

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(await self._access.authorised(request))
        if response.status_code == httpx2.codes.UNAUTHORIZED and self._access.renewed():
            await response.aclose()
            response = await self._inner.handle_async_request(await self._access.authorised(request))
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def create_client(access: Authenticator, timeout: httpx2.Timeout) -> httpx2.AsyncClient:
    """A client that follows no redirect and asks nobody else."""
    return httpx2.AsyncClient(
        transport=_AuthorisedTransport(access), timeout=timeout, follow_redirects=False, trust_env=False
    )


def is_transient(status: int) -> bool:
    """Whether a refusal may be over the next time."""
    return status in _COME_BACK or httpx2.codes.is_server_error(status)


def parse_safe_url(address: str, where: str) -> httpx2.URL:
    """An address that a secret may be sent to.

    Raises:
        SourceRefused: it is none, or the secret would travel in clear text beyond this machine.
    """
    try:
        url = httpx2.URL(address)
    except httpx2.InvalidURL:
        url = None
    if url is None or url.scheme not in {"http", "https"} or not url.host:
        raise SourceRefused("The source's address is not a URL.", where=where, remedy="Correct its address.")
    if url.scheme == "http" and not _is_this_machine(url.host):
        raise SourceRefused(
            "The source's address is not https, and a token would travel in clear text.",
            where=where,
            remedy="Write an https address; http is for this machine only.",
        )
    return url


def _again(request: httpx2.Request, url: httpx2.URL, headers: dict[str, str]) -> httpx2.Request:
    """A request as it is, but for its address and some headers."""
    return httpx2.Request(
        request.method,
        url,
        headers=[*((k, v) for k, v in request.headers.multi_items() if k not in headers), *headers.items()],
        stream=request.stream,
        extensions=request.extensions,
    )


def _basic(user: str, password: str) -> Secret:
    return Secret(f"Basic {b64encode(f'{user}:{password}'.encode()).decode('ascii')}")


@cache
def _trusted() -> SSLContext:
    """Whom we believe over TLS. Read once for all accounts, because it takes a while."""
    return httpx2.create_ssl_context(trust_env=False)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
