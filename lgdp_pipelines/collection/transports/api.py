"""APIs: extracts that a council's system gives when it is asked for a return and a period.

Each period that has begun is asked for, each time: an answer that has not changed is one small exchange (304 by its
ETag or time of change), and one that is not there yet (204, 404 or 410) is no news either. A paged answer is kept as
its page bodies exactly as sent, with a line feed between them.

A secret goes to the origin that the register names and nowhere else: redirects are not followed, a next page on another
origin is refused, and nothing is sent in clear text beyond this machine. An answer that repeats a secret is refused, so
that it is not kept with what was received.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import format_datetime, parsedate_to_datetime
from logging import WARNING, getLogger

import httpx2

from lgdp_pipelines.collection.file_routing import Route
from lgdp_pipelines.collection.retry import Retry, parse_retry_after, run_with_retries
from lgdp_pipelines.collection.secrets import account_name, expand_variables, resolve_credential
from lgdp_pipelines.collection.transports.api_authentication import (
    Authenticator,
    create_authenticator,
    create_client,
    is_transient,
    parse_safe_url,
)
from lgdp_pipelines.collection.transports.api_paging import Page, Pages, remove_parameter
from lgdp_pipelines.collection.transports.transport import (
    LARGEST_EXTRACT,
    Download,
    Entry,
    ListedEntry,
    Listing,
    NoNewContent,
    SkippedEntry,
)
from lgdp_pipelines.errors import AccountRefused, SourceRefused, SourceUnreachable
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.sources import ApiReturn, ApiSource, KeyAuthentication, OAuth2Authentication
from lgdp_pipelines.register.submission_calendar import periods_of
from lgdp_pipelines.vocabulary.periods import Period

MOST_PAGES = 10_000
LARGEST_PAGE = 64 * 1024**2
"""Bytes: a page is held in memory, to read where the next one is."""

SHORTEST_SECRET = 12
"""Characters: a shorter one may stand in an answer by chance."""

_NO_PAGE = frozenset({httpx2.codes.NOT_MODIFIED, httpx2.codes.NO_CONTENT, httpx2.codes.NOT_FOUND, httpx2.codes.GONE})


@dataclass(frozen=True, slots=True)
class CacheValidators:
    """What an API said of an answer that was received, by which it can say that nothing has changed since.

    Attributes:
        etag: None where it gave none.
        modified: when it was last changed; None where it did not say.
    """

    etag: str | None = None
    modified: datetime | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """The conditions of a request."""
        found = {"If-None-Match": self.etag} if self.etag else {}
        if self.modified:
            found["If-Modified-Since"] = format_datetime(self.modified.astimezone(UTC), usegmt=True)
        return found


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of one request: its bytes and marks, and the address of the next page in its ``Link`` header."""

    download: Download
    link: str | None

    def page(self) -> Page:
        """All of it in memory; its download is closed."""
        with self.download as download:
            return Page(b"".join(download.chunks()), download.etag, self.link)


LastValidators = Callable[[str, str], CacheValidators]
"""From a council's code and an entry's path to the marks of what was last received there."""


@dataclass(frozen=True, slots=True)
class ApiTimeouts:
    """How long an API is waited for.

    Attributes:
        connect: seconds for a connection.
        answer: seconds for any one part of an answer.
        retry: what is done where nobody answers, or where we are asked to come back later.
    """

    connect: float = 10.0
    answer: float = 60.0
    retry: Retry = field(default_factory=Retry)


@dataclass(frozen=True)
class ApiTransport:
    """The API accounts of one source.

    Attributes:
        source: as the register declares it.
        returns: the register's returns by code.
        environment: what variables and secret references are read from.
        today: periods that have begun by then are asked for.
        marks: of what was last received.
        patience: time-outs and retries.
    """

    source: ApiSource
    returns: Mapping[str, Return]
    environment: Mapping[str, str]
    today: date
    marks: LastValidators
    patience: ApiTimeouts = field(default_factory=ApiTimeouts)

    @asynccontextmanager
    async def account(self, council_code: str) -> AsyncIterator["ApiAccount"]:
        """One council's account: a client that can show who we are.

        Raises:
            SourceRefused: the secret is not there, or would travel in clear text.
        """
        where = f"source {self.source.id}, council {council_code}"
        authentication = self.source.authentication
        base = parse_safe_url(
            expand_variables(self.source.for_council(council_code).address, self.environment).rstrip("/") + "/", where
        )
        timeout = httpx2.Timeout(self.patience.answer, connect=self.patience.connect)
        access = create_authenticator(
            authentication,
            account_name(self.source, self.environment, council_code),
            resolve_credential(self.source, self.environment, council_code),
            expand_variables(
                authentication.token_address if isinstance(authentication, OAuth2Authentication) else "",
                self.environment,
            ),
            where=where,
            timeout=timeout,
        )
        getLogger("httpx2").setLevel(WARNING)  # its INFO lines name every address that is asked
        async with create_client(access, timeout) as client:
            yield ApiAccount(self, council_code, client, access, base)


class ApiAccount:
    """One council's account at an API. See :class:`~lgdp_pipelines.collection.transports.transport.Account`."""

    def __init__(
        self,
        transport: ApiTransport,
        council_code: str,
        client: httpx2.AsyncClient,
        access: Authenticator,
        base: httpx2.URL,
    ) -> None:
        self._transport = transport
        self._council = council_code
        self._client = client
        self._access = access
        self._base = base
        self._where = f"source {transport.source.id}, council {council_code}"
        questions = [
            (one, question(one, transport.returns[one.return_code], council_code, period))
            for one in transport.source.returns
            for period in periods_of(transport.returns[one.return_code], transport.today)
        ]
        self._asked = {entry.path: source_return for source_return, entry in questions}
        self._entries = tuple(entry for _, entry in questions)

    async def entries(self, known: Collection[ListedEntry] = frozenset()) -> Listing:  # noqa: ARG002 - may leave them out
        """One entry for each return and each period that has begun; nobody is asked yet."""
        return Listing(self._entries, ())

    async def answers(self) -> None:
        """Ask for the latest period, and leave the answer where it is."""
        if self._entries:
            address = self._pages(self._entries[-1]).first
            await run_with_retries(lambda: self._glance(address), self._transport.patience.retry)

    async def fetch(self, entry: Entry) -> Download | SkippedEntry | NoNewContent:
        """All of an answer, unless it has not changed or there is none."""
        source_return = self._asked[entry.path]
        marks = self._transport.marks(self._council, entry.path) if source_return.has_whole_etag else CacheValidators()
        pages = self._pages(entry)
        if source_return.paging is None:
            whole = await self._answer(pages.first, marks.headers, LARGEST_EXTRACT)
            return whole.download if isinstance(whole, _Answer) else NoNewContent()
        first = await self._answer(pages.first, marks.headers, LARGEST_PAGE)
        if not isinstance(first, _Answer):
            return NoNewContent()
        page = first.page()
        together = (
            Download(modified=first.download.modified, etag=first.download.etag)
            if source_return.has_whole_etag
            else Download()
        )
        try:
            complete = await self._turn(pages, page, one_etag=source_return.paging.has_one_etag, into=together)
        except BaseException:
            together.close()
            raise
        if complete:
            return together
        together.close()
        return SkippedEntry(
            entry.name, "It changed while its pages were fetched; it is asked for again at the next collection."
        )

    def _pages(self, entry: Entry) -> Pages:
        return Pages(self._asked[entry.path], self._base.join(entry.path.lstrip("/")))

    async def _turn(self, pages: Pages, first: Page, *, one_etag: bool, into: Download) -> bool:
        """Whether every page came, and all of one and the same answer."""
        into.add(first.body)
        seen = {pages.first}
        following = self._following(pages, first, pages.first)
        while following is not None:
            if following in seen or len(seen) >= MOST_PAGES:
                raise SourceRefused(
                    "The pages of an answer have no end.", where=self._where, remedy="Report it to the council."
                )
            seen.add(following)
            answer = await self._answer(following, {}, LARGEST_PAGE)
            page = answer if isinstance(answer, int) else answer.page()
            if pages.is_beyond(page):
                break
            if isinstance(page, int) or (one_etag and page.etag != first.etag):
                return False
            if into.size + len(page.body) > LARGEST_EXTRACT:
                raise self._too_large("An answer", LARGEST_EXTRACT)
            into.add(b"\n")
            into.add(page.body)
            following = self._following(pages, page, following)
        return pages.are_complete and (one_etag or len(seen) == 1 or await self._stays(pages.first, first))

    async def _stays(self, address: httpx2.URL, first: Page) -> bool:
        """Whether the first page is still what it was when the last one had come; true where it bears no mark."""
        if first.etag is None:
            return True
        now = await self._answer(address, CacheValidators(first.etag).headers, LARGEST_PAGE)
        if isinstance(now, int):
            return now == httpx2.codes.NOT_MODIFIED
        return now.page().etag == first.etag

    def _following(self, pages: Pages, page: Page, here: httpx2.URL) -> httpx2.URL | None:
        try:
            address = pages.after(page, here)
        except httpx2.InvalidURL:
            raise self._elsewhere() from None
        if address is None:
            return None
        if _origin(address) != _origin(self._base):
            raise self._elsewhere()
        authentication = self._transport.source.authentication
        key = authentication.parameter if isinstance(authentication, KeyAuthentication) else ""
        return remove_parameter(address, key) if key else address

    def _elsewhere(self) -> SourceRefused:
        return SourceRefused(
            "An answer's next page is not at the address that the register names. It was not asked for.",
            where=self._where,
            remedy="Report it to the council: its system must link to itself.",
        )

    def _too_large(self, what: str, limit: int) -> SourceRefused:
        return SourceRefused(
            f"{what} is larger than {limit} bytes.",
            where=self._where,
            remedy="Ask the council to send it in smaller parts.",
        )

    async def _answer(self, address: httpx2.URL, headers: Mapping[str, str], limit: int) -> _Answer | int:
        """One answer, or the HTTP status that says that there is none to be had."""
        return await run_with_retries(lambda: self._ask(address, headers, limit), self._transport.patience.retry)

    async def _glance(self, address: httpx2.URL) -> None:
        async with self._asking(address, {}):
            pass

    async def _ask(self, address: httpx2.URL, headers: Mapping[str, str], limit: int) -> _Answer | int:
        async with self._asking(address, headers) as response:
            if response.status_code in _NO_PAGE:
                return int(response.status_code)
            download = Download(
                etag=response.headers.get("ETag"), modified=parse_http_date(response.headers.get("Last-Modified"))
            )
            try:
                await self._take(response, download, limit)
            except BaseException:
                download.close()
                raise
            return _Answer(download, read_next_link(response))

    async def _take(self, response: httpx2.Response, into: Download, limit: int) -> None:
        secrets = [one.encode() for one in self._access.secrets() if len(one) >= SHORTEST_SECRET]
        overlap = max((len(one) for one in secrets), default=0)
        tail = b""
        async for chunk in response.aiter_bytes():
            if into.size + len(chunk) > limit:
                raise self._too_large("A page" if limit == LARGEST_PAGE else "An answer", limit)
            seen = tail + chunk
            if any(one in seen for one in secrets):
                raise SourceRefused(
                    "An answer repeats the secret that it was asked with. It was not kept.",
                    where=self._where,
                    remedy="Ask the council to leave it out of its answers, and change the secret.",
                )
            tail = seen[-overlap:] if overlap else b""
            into.add(chunk)

    @asynccontextmanager
    async def _asking(self, address: httpx2.URL, headers: Mapping[str, str]) -> AsyncIterator[httpx2.Response]:
        """An answer that is one, or a status that says that there is none."""
        accept = {"Accept": "application/json, */*;q=0.1"}
        try:
            async with self._client.stream("GET", address, headers={**accept, **headers}) as response:
                if response.status_code not in _NO_PAGE and response.status_code != httpx2.codes.OK:
                    raise self._refusal(response)
                yield response
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise SourceUnreachable(
                "The API did not answer, or the line broke.",
                where=self._where,
                remedy="It is tried again at the next collection; if it stays so, ask the council about its system.",
            ) from error

    def _refusal(self, response: httpx2.Response) -> SourceRefused | SourceUnreachable:
        status = response.status_code
        if is_transient(status):
            return SourceUnreachable(
                f"The API could not answer now (HTTP {status}).",
                where=self._where,
                remedy="It is tried again at the next collection.",
                wait=parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC)),
            )
        if status in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}:
            kind = AccountRefused if status == httpx2.codes.UNAUTHORIZED else SourceRefused
            return kind(
                f"The API does not accept our token, key or password (HTTP {status}).",
                where=self._where,
                remedy="Ask the council for a new one, and put it where the source's credential refers to.",
            )
        if httpx2.codes.is_redirect(status):
            return SourceRefused(
                f"The API sent us elsewhere (HTTP {status}); we do not follow with a secret.",
                where=self._where,
                remedy="Correct the source's address in the register.",
            )
        return SourceRefused(
            f"The API refused the request (HTTP {status}).",
            where=self._where,
            remedy="Correct the source's request.",
        )


def question(source_return: ApiReturn, asked: Return, council_code: str, period: Period) -> Entry:
    """The request that gives a return for a period, and the name that its answer is recorded under."""
    path = source_return.fill_request(council_code, period)
    ending = asked.contract_for(period).extract.format
    name = f"{asked.code}_{council_code}_{period.id}.{ending}"
    return Entry(path, name, None, None, Route(asked.code, period))


def read_next_link(response: httpx2.Response) -> str | None:
    """The address that a ``Link`` header calls the next (RFC 8288); None where none does."""
    found = (one for one in response.links.values() if "next" in one.get("rel", "").casefold().split())
    return next((one["url"] for one in found), None)


def parse_http_date(value: str | None) -> int | None:
    """The seconds since 1970 of an HTTP date; None where it is none."""
    try:
        found = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    return max(int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()), 0)


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)
