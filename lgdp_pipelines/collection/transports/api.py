"""APIs: extracts that a council's system answers with when it is asked for a return and a period.

Each period that has begun is requested each time. An unchanged answer is one small exchange (304 by its ETag or time of
change), and an answer that is not there yet (204, 404 or 410) is not new either. The pages of an answer are kept
exactly as sent, with a line feed between them.

A secret goes to the origin that the register names and nowhere else: redirects are not followed, a next page on another
origin is refused, and nothing is sent in clear text beyond this machine. An answer that repeats a secret is refused, so
that the secret is not kept with the received bytes.

Belongs here: requests and answers. Belongs elsewhere: the ways of paging (``api_paging``) and of authentication
(``api_authentication``).
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from logging import WARNING, getLogger

import httpx2

from lgdp_pipelines.collection.file_routing import Route
from lgdp_pipelines.collection.retry import parse_http_date, parse_retry_after, run_with_retries
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
    NO_VALIDATORS,
    CacheValidators,
    Download,
    Entry,
    ListedEntry,
    Listing,
    NoNewContent,
    SkippedEntry,
    Timeouts,
    Transport,
)
from lgdp_pipelines.errors import AccountRefused, SourceRefused, SourceUnreachable
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.sources import ApiReturn, ApiSource, KeyAuthentication
from lgdp_pipelines.register.submission_calendar import list_begun_periods
from lgdp_pipelines.vocabulary.periods import Period

TIMEOUTS = Timeouts(connect_seconds=10.0)

MOST_PAGES = 10_000
LARGEST_PAGE = 64 * 1024**2
"""Bytes: a page is held in memory, to read the address of the next one."""

SHORTEST_SECRET = 12
"""Characters: a shorter one may occur in an answer by chance."""

_NO_PAGE = frozenset({httpx2.codes.NOT_MODIFIED, httpx2.codes.NO_CONTENT, httpx2.codes.NOT_FOUND, httpx2.codes.GONE})


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer's bytes, and the next page's address in its ``Link`` header."""

    download: Download
    link: str | None

    def read_page(self) -> Page:
        """Return the whole answer in memory, and close its download."""
        with self.download as download:
            return Page(b"".join(download.iterate_chunks()), download.etag, self.link)


@dataclass(frozen=True, slots=True)
class _NoAnswer:
    """The HTTP status of a response without an answer."""

    status: int


@dataclass(frozen=True)
class ApiTransport(Transport[ApiSource]):
    """The API accounts of one source."""

    @asynccontextmanager
    async def open_account(self, council_code: str) -> AsyncIterator["ApiAccount"]:
        """Yield a council's account, with an authenticating client; request nothing yet.

        Raises:
            SourceRefused: the secret is not there, or would travel in clear text.
        """
        location = self.describe(council_code)
        base = parse_safe_url(self.expand(self.source.for_council(council_code).address).rstrip("/") + "/", location)
        timeout = httpx2.Timeout(self.timeouts.answer_seconds, connect=self.timeouts.connect_seconds)
        authenticator = create_authenticator(self, council_code, timeout)
        getLogger("httpx2").setLevel(WARNING)  # its INFO lines name every address that is requested
        async with create_client(authenticator, timeout) as client:
            yield ApiAccount(self, council_code, client, authenticator, base)


class ApiAccount:
    """One council's account at an API. See :class:`~lgdp_pipelines.collection.transports.transport.Account`."""

    def __init__(
        self,
        transport: ApiTransport,
        council_code: str,
        client: httpx2.AsyncClient,
        authenticator: Authenticator,
        base: httpx2.URL,
    ) -> None:
        self._transport = transport
        self._client = client
        self._authenticator = authenticator
        self._base = base
        self._location = transport.describe(council_code)
        requests = [
            (
                source_return,
                make_entry(source_return, transport.returns[source_return.return_code], council_code, period),
            )
            for source_return in transport.source.returns
            for period in list_begun_periods(transport.returns[source_return.return_code], transport.today)
        ]
        self._returns = {entry.path: source_return for source_return, entry in requests}
        self._entries = tuple(entry for _, entry in requests)

    async def list_entries(
        self,
        known_entries: Collection[ListedEntry] = frozenset(),  # noqa: ARG002 - may leave them out
    ) -> Listing:
        """Return every begun period's entries, known ones too, without a request."""
        return Listing(self._entries, ())

    async def probe(self) -> None:
        """Request the last return's latest period, and leave the answer unread."""
        if self._entries:
            address = self._make_pages(self._entries[-1]).first
            await run_with_retries(lambda: self._request_headers(address), self._transport.timeouts.retry)

    async def fetch(
        self, entry: Entry, validators: CacheValidators = NO_VALIDATORS
    ) -> Download | SkippedEntry | NoNewContent:
        """Return a complete answer, or the reason why none is kept."""
        source_return = self._returns[entry.path]
        conditions = format_conditions(validators) if source_return.has_whole_etag else {}
        pages = self._make_pages(entry)
        if source_return.paging is None:
            answer = await self._request_answer(pages.first, conditions, LARGEST_EXTRACT)
            return answer.download if isinstance(answer, _Answer) else NoNewContent()
        first = await self._request_answer(pages.first, conditions, LARGEST_PAGE)
        if not isinstance(first, _Answer):
            return NoNewContent()
        page = first.read_page()
        with ExitStack() as stack:
            download = stack.enter_context(
                Download(modified_seconds=first.download.modified_seconds, etag=first.download.etag)
                if source_return.has_whole_etag
                else Download()
            )
            if await self._fetch_pages(pages, page, has_one_etag=source_return.paging.has_one_etag, into=download):
                stack.pop_all()  # the caller closes it
                return download
        return SkippedEntry(
            entry.name, "It changed while its pages were fetched; it is fetched again at the next collection."
        )

    def _make_pages(self, entry: Entry) -> Pages:
        """Return the pages of an entry's answer, before any request."""
        return Pages(self._returns[entry.path], self._base.join(entry.path.lstrip("/")))

    async def _fetch_pages(self, pages: Pages, first: Page, *, has_one_etag: bool, into: Download) -> bool:
        """Append all pages to a download; return whether the answer is complete.

        It is incomplete where it changed between its pages.
        """
        into.append(first.body)
        addresses = {pages.first}
        address = self._next_address(pages, first, pages.first)
        while address is not None:
            if address in addresses or len(addresses) >= MOST_PAGES:
                raise SourceRefused(
                    "The pages of an answer have no end.", where=self._location, remedy="Report it to the council."
                )
            addresses.add(address)
            answer = await self._request_answer(address, {}, LARGEST_PAGE)
            page = answer.read_page() if isinstance(answer, _Answer) else None
            if pages.is_beyond(page):
                break
            if page is None or (has_one_etag and page.etag != first.etag):
                return False
            if into.size + len(page.body) > LARGEST_EXTRACT:
                raise self._refuse_size("An answer", LARGEST_EXTRACT)
            into.append(b"\n")
            into.append(page.body)
            address = self._next_address(pages, page, address)
        return pages.are_complete and (
            has_one_etag or len(addresses) == 1 or await self._is_unchanged(pages.first, first)
        )

    async def _is_unchanged(self, address: httpx2.URL, first: Page) -> bool:
        """Return whether a repeated request finds the first page's ETag unchanged.

        True, without a request, where it has no ETag.
        """
        if first.etag is None:
            return True
        answer = await self._request_answer(address, format_conditions(CacheValidators(first.etag)), LARGEST_PAGE)
        if isinstance(answer, _NoAnswer):
            return answer.status == httpx2.codes.NOT_MODIFIED
        return answer.read_page().etag == first.etag

    def _next_address(self, pages: Pages, page: Page, current_address: httpx2.URL) -> httpx2.URL | None:
        """Return the next page's address, without the key; refuse another origin.

        None after the last page.
        """
        try:
            address = pages.next_address(page, current_address)
        except httpx2.InvalidURL:
            raise self._refuse_other_origin() from None
        if address is None:
            return None
        if _find_origin(address) != _find_origin(self._base):
            raise self._refuse_other_origin()
        authentication = self._transport.source.authentication
        key = authentication.parameter if isinstance(authentication, KeyAuthentication) else ""
        return remove_parameter(address, key) if key else address

    def _refuse_other_origin(self) -> SourceRefused:
        """Return the refusal of a next page at another origin."""
        return SourceRefused(
            "An answer's next page is not at the address that the register names. It was not requested.",
            where=self._location,
            remedy="Report it to the council: its system must link to itself.",
        )

    def _refuse_size(self, subject: str, limit: int) -> SourceRefused:
        """Return the refusal of an answer or page that is too large."""
        return SourceRefused(
            f"{subject} is larger than {limit} bytes.",
            where=self._location,
            remedy="Ask the council to send it in smaller parts.",
        )

    async def _request_answer(self, address: httpx2.URL, headers: Mapping[str, str], limit: int) -> _Answer | _NoAnswer:
        """Request an answer with retries; return the status where none came."""
        return await run_with_retries(lambda: self._request(address, headers, limit), self._transport.timeouts.retry)

    async def _request_headers(self, address: httpx2.URL) -> None:
        """Request an answer, and leave its content unread."""
        async with self._open_response(address, {}):
            pass

    async def _request(self, address: httpx2.URL, headers: Mapping[str, str], limit: int) -> _Answer | _NoAnswer:
        """Request an answer once; return the status where none came.

        No answer has come where it is unchanged, empty, not found or gone; any other status is an error.
        """
        async with self._open_response(address, headers) as response:
            if response.status_code in _NO_PAGE:
                return _NoAnswer(response.status_code)
            changed_at = parse_http_date(response.headers.get("Last-Modified", ""))
            modified_seconds = max(int(changed_at.timestamp()), 0) if changed_at else None
            with ExitStack() as stack:
                download = stack.enter_context(
                    Download(modified_seconds=modified_seconds, etag=response.headers.get("ETag"))
                )
                await self._read(response, download, limit)
                stack.pop_all()  # the caller closes it
            return _Answer(download, read_next_link(response))

    async def _read(self, response: httpx2.Response, into: Download, limit: int) -> None:
        """Read a response into a download; refuse excess size or secrets."""
        secrets = [secret.encode() for secret in self._authenticator.list_secrets() if len(secret) >= SHORTEST_SECRET]
        overlap = max(map(len, secrets), default=0)
        tail = b""
        async for chunk in response.aiter_bytes():
            if into.size + len(chunk) > limit:
                raise self._refuse_size("A page" if limit == LARGEST_PAGE else "An answer", limit)
            window = tail + chunk
            if any(secret in window for secret in secrets):
                raise SourceRefused(
                    "An answer repeats the secret of its request. It was not kept.",
                    where=self._location,
                    remedy="Ask the council to leave it out of its answers, and change the secret.",
                )
            tail = window[-overlap:] if overlap else b""
            into.append(chunk)

    @asynccontextmanager
    async def _open_response(self, address: httpx2.URL, headers: Mapping[str, str]) -> AsyncIterator[httpx2.Response]:
        """Yield a successful or contentless response; raise any other as an error."""
        accept = {"Accept": "application/json, */*;q=0.1"}
        try:
            async with self._client.stream("GET", address, headers={**accept, **headers}) as response:
                if response.status_code not in _NO_PAGE and response.status_code != httpx2.codes.OK:
                    raise self._make_refusal(response)
                yield response
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise SourceUnreachable(
                "The API did not answer, or the line broke.",
                where=self._location,
                remedy="The next collection tries again. If the error persists, ask the council about its system.",
            ) from error

    def _make_refusal(self, response: httpx2.Response) -> SourceRefused | SourceUnreachable:
        """Return the error for a status: transient, refused account, or refused request."""
        status = response.status_code
        if is_transient(status):
            return SourceUnreachable(
                f"The API could not answer now (HTTP {status}).",
                where=self._location,
                remedy="The next collection tries again.",
                wait=parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC)),
            )
        if status in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}:
            kind = AccountRefused if status == httpx2.codes.UNAUTHORIZED else SourceRefused
            return kind(
                f"The API does not accept our token, key or password (HTTP {status}).",
                where=self._location,
                remedy="Ask the council for a new one, and put it where the source's credential refers to.",
            )
        if httpx2.codes.is_redirect(status):
            return SourceRefused(
                f"The API redirects to another address (HTTP {status}); a secret does not follow.",
                where=self._location,
                remedy="Correct the source's address in the register.",
            )
        return SourceRefused(
            f"The API refused the request (HTTP {status}).",
            where=self._location,
            remedy="Correct the source's request.",
        )


def make_entry(source_return: ApiReturn, data_return: Return, council_code: str, period: Period) -> Entry:
    """Return the entry that requests a return for a period."""
    path = source_return.fill_request(council_code, period)
    ending = data_return.contract_for(period).extract.format
    name = f"{data_return.code}_{council_code}_{period.id}.{ending}"
    return Entry(path, name, None, None, Route(data_return.code, period))


def format_conditions(validators: CacheValidators) -> Mapping[str, str]:
    """Return headers that ask for an answer only if it has changed."""
    headers = {"If-None-Match": validators.etag} if validators.etag else {}
    if validators.modified_at:
        headers["If-Modified-Since"] = format_datetime(validators.modified_at.astimezone(UTC), usegmt=True)
    return headers


def read_next_link(response: httpx2.Response) -> str | None:
    """Return the next page's address in a ``Link`` header, if any."""
    links = (link for link in response.links.values() if "next" in link.get("rel", "").casefold().split())
    return next((link["url"] for link in links), None)


def _find_origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    """Return the scheme, host and port of an address."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)
