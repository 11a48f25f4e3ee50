"""APIs: extracts that a council's system gives when it is asked for a return and a period.

Each period that has begun is asked for, each time: an answer that has not changed is one small exchange (304 by its
ETag). A paged answer is kept as its page bodies exactly as sent, with a line feed between them.

The bearer token goes to the origin that the register names and nowhere else: redirects are not followed, a next page on
another origin is refused, and a token is not sent in clear text beyond this machine.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import ip_address
from logging import WARNING, getLogger
from ssl import SSLContext

import httpx2

from lgdp_pipelines.collection.retry import Retry, retried
from lgdp_pipelines.collection.routing import Route
from lgdp_pipelines.collection.secrets import credential_of, expand
from lgdp_pipelines.collection.transport import LARGEST_EXTRACT, Download, Entry, Left, Listing, NoNews
from lgdp_pipelines.errors import SourceRefused, SourceUnreachable
from lgdp_pipelines.register.calendar import periods_of
from lgdp_pipelines.register.model import Return
from lgdp_pipelines.register.source import Source, SourceReturn
from lgdp_pipelines.standards.periods import Period

MOST_PAGES = 10_000
LARGEST_PAGE = 64 * 1024**2
"""Bytes: a page is held in memory, to read the address of the next one."""

_NO_NEWS = (httpx2.codes.NOT_MODIFIED, httpx2.codes.NO_CONTENT)
_NO_PAGE = (*_NO_NEWS, httpx2.codes.NOT_FOUND, httpx2.codes.GONE)
_COME_BACK = (httpx2.codes.REQUEST_TIMEOUT, httpx2.codes.TOO_EARLY, httpx2.codes.TOO_MANY_REQUESTS)

Etags = Callable[[str, str], str | None]
"""From a council's code and an entry's path to the ETag of what was last received there."""


@dataclass(frozen=True, slots=True)
class ApiPatience:
    """How long an API is waited for.

    Attributes:
        connect: seconds for a connection.
        answer: seconds for any one part of an answer.
        retry: what is done where nobody answers, or where we are asked to come back later.
    """

    connect: float = 10.0
    answer: float = 60.0
    retry: Retry = field(default_factory=Retry)


@dataclass(frozen=True, slots=True)
class Page:
    """One page as sent."""

    body: bytes
    etag: str | None


@dataclass(frozen=True)
class ApiTransport:
    """The API accounts of one source.

    Attributes:
        source: as the register declares it.
        returns: the register's returns by code.
        environment: what variables and secret references are read from.
        today: periods that have begun by then are asked for.
        etags: what was last received.
        patience: time-outs and retries.
    """

    source: Source
    returns: Mapping[str, Return]
    environment: Mapping[str, str]
    today: date
    etags: Etags
    patience: ApiPatience = field(default_factory=ApiPatience)

    @asynccontextmanager
    async def account(self, council_code: str) -> AsyncIterator["ApiAccount"]:
        """One council's account: a client that knows its token.

        Raises:
            SourceRefused: there is no token, or it would travel in clear text.
        """
        where = f"source {self.source.id}, council {council_code}"
        base = _base(expand(self.source.of(council_code).address, self.environment), where)
        token = credential_of(self.source, self.environment, council_code)
        getLogger("httpx2").setLevel(WARNING)  # its INFO lines name every address that is asked
        async with httpx2.AsyncClient(
            timeout=httpx2.Timeout(self.patience.answer, connect=self.patience.connect),
            headers={"Authorization": f"Bearer {token.reveal()}", "Accept": "application/json, */*;q=0.1"},
            follow_redirects=False,
            verify=_trusted(),
            trust_env=False,  # the register names the address; a proxy variable must not redirect a token
        ) as client:
            yield ApiAccount(self, council_code, client, base, where)


class ApiAccount:
    """One council's account at an API. See :class:`~lgdp_pipelines.collection.transport.Account`."""

    def __init__(
        self, transport: ApiTransport, council_code: str, client: httpx2.AsyncClient, base: httpx2.URL, where: str
    ) -> None:
        self._transport = transport
        self._council = council_code
        self._client = client
        self._base = base
        self._where = where
        self._asked = {entry.path: source_return for source_return, entry in self._questions()}
        self._entries = tuple(entry for _, entry in self._questions())

    def _questions(self) -> list[tuple[SourceReturn, Entry]]:
        transport = self._transport
        return [
            (one, question(one, transport.returns[one.return_code], self._council, period))
            for one in transport.source.returns
            for period in periods_of(transport.returns[one.return_code], transport.today)
        ]

    async def entries(self) -> Listing:
        """One entry for each return and each period that has begun; nobody is asked yet."""
        return Listing(self._entries, ())

    async def fetch(self, entry: Entry) -> Download | Left | NoNews:
        """All pages of an answer, unless it has not changed or there is none."""
        asked = self._asked[entry.path]
        known = self._transport.etags(self._council, entry.path)
        address = self._base.join(entry.path.lstrip("/"))
        first = await self._page(address, {"If-None-Match": known} if known else {})
        if not isinstance(first, Page):
            return NoNews() if first in _NO_NEWS else Left(entry.name, f"The API has nothing there (HTTP {first}).")
        download = Download(etag=first.etag)
        try:
            complete = await self._pages(address, first, asked, download)
        except BaseException:
            download.close()
            raise
        if complete:
            return download
        download.close()
        return Left(
            entry.name, "It changed while its pages were fetched; it is asked for again at the next collection."
        )

    async def answers(self) -> None:
        """Ask for the latest period of the first return, and leave the answer where it is."""

    async def _pages(self, address: httpx2.URL, first: Page, asked: SourceReturn, download: Download) -> bool:
        """Whether every page is of one and the same answer."""
        seen = {address}
        page, following = first, self._next(first, asked, address)
        download.add(page.body)
        while following is not None:
            if following in seen or len(seen) >= MOST_PAGES:
                raise SourceRefused(
                    "The pages of an answer have no end.", where=self._where, remedy="Report it to the council."
                )
            seen.add(following)
            next_page = await self._page(following, {})
            if not isinstance(next_page, Page) or next_page.etag != first.etag:
                return False
            if download.size + len(next_page.body) > LARGEST_EXTRACT:
                raise SourceRefused(
                    f"An answer is larger than {LARGEST_EXTRACT} bytes.",
                    where=self._where,
                    remedy="Report it to the council.",
                )
            download.add(b"\n")
            download.add(next_page.body)
            page, following = next_page, self._next(next_page, asked, following)
        return True

    def _next(self, page: Page, asked: SourceReturn, here: httpx2.URL) -> httpx2.URL | None:
        link = next_link(page.body, asked.paging.at)
        if link is None:
            return None
        try:
            address = here.join(link)
        except httpx2.InvalidURL:
            address = None
        if address is None or _origin(address) != _origin(self._base):
            raise SourceRefused(
                "An answer's next page is not at the address that the register names. It was not asked for.",
                where=self._where,
                remedy="Report it to the council: its system must link to itself.",
            )
        return address

    async def _page(self, address: httpx2.URL, headers: Mapping[str, str]) -> Page | int:
        """One page, or the HTTP status that says that there is none to be had."""
        return await retried(lambda: self._ask(address, headers), self._transport.patience.retry)

    async def _ask(self, address: httpx2.URL, headers: Mapping[str, str]) -> Page | int:
        try:
            async with self._client.stream("GET", address, headers=headers) as response:
                if response.status_code in _NO_PAGE:
                    return response.status_code
                if response.status_code != httpx2.codes.OK:
                    raise _refusal(response, self._where)
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > LARGEST_PAGE:
                        raise SourceRefused(
                            f"A page is larger than {LARGEST_PAGE} bytes.",
                            where=self._where,
                            remedy="Ask the council to send smaller pages.",
                        )
                return Page(bytes(body), response.headers.get("ETag"))
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            # The cause stays out of the message: it can quote an address.
            raise SourceUnreachable(
                "The API did not answer, or the line broke.",
                where=self._where,
                remedy="It is tried again at the next collection; if it stays so, ask the council about its system.",
            ) from error


def question(source_return: SourceReturn, asked: Return, council_code: str, period: Period) -> Entry:
    """The request that gives a return for a period, and the name that its answer is recorded under."""
    path = source_return.asked(council_code, period)
    ending = asked.contract_for(period).extract.format
    name = f"{asked.code}_{council_code}_{period.id}.{ending}"
    return Entry(path, name, None, None, Route(asked.code, period))


def next_link(body: bytes, dotted: str) -> str | None:
    """The address of the next page, as the page says it; None where it says none.

    A page that cannot be read ends the answer: its bytes are kept, and judging them finds that they are unreadable.
    """
    if not dotted:
        return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    for step in dotted.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, str) and found else None


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks for, as a number or an HTTP date; None where it says neither."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)


def _refusal(response: httpx2.Response, where: str) -> SourceRefused | SourceUnreachable:
    status = response.status_code
    if status in _COME_BACK or httpx2.codes.is_server_error(status):
        return SourceUnreachable(
            f"The API could not answer now (HTTP {status}).",
            where=where,
            remedy="It is tried again at the next collection.",
            wait=retry_after(response.headers.get("Retry-After"), datetime.now(UTC)),
        )
    if status in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}:
        return SourceRefused(
            f"The API does not accept our token (HTTP {status}).",
            where=where,
            remedy="Ask the council for a new token, and put it where the source's credential refers to.",
        )
    if httpx2.codes.is_redirect(status):
        return SourceRefused(
            f"The API sent us elsewhere (HTTP {status}); we do not follow with a token.",
            where=where,
            remedy="Correct the source's address in the register.",
        )
    return SourceRefused(
        f"The API refused the request (HTTP {status}).", where=where, remedy="Correct the source's request."
    )


@cache
def _trusted() -> SSLContext:
    """Whom we believe over TLS. Read once for all accounts, because it takes a while."""
    return httpx2.create_ssl_context(trust_env=False)


def _base(address: str, where: str) -> httpx2.URL:
    try:
        url = httpx2.URL(address.rstrip("/") + "/")
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


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)
