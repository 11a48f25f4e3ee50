"""Pages of an API's answer: where the next one is, and whether all have come.

Pure: nothing is asked here. What belongs here: the ways of paging that a source can declare. What does not: asking
(``api``), and reading records (``landing``).

A page that cannot be read ends the answer: its bytes are kept, and judging them finds that they are unreadable.
"""

import json
from dataclasses import dataclass

import httpx2

from lgdp_pipelines.register.model.sources import ApiReturn, CursorPaging, LinkPaging, NextPaging, NumberedPaging


@dataclass(frozen=True, slots=True)
class Page:
    """One page as sent.

    Attributes:
        body: its bytes.
        etag: its mark; None where it bears none.
        link: the address of the next page in its ``Link`` header; None where it names none.
    """

    body: bytes
    etag: str | None = None
    link: str | None = None


class Pages:
    """The pages of one answer, turned one after the other.

    Args:
        source_return: says how the answer is cut.
        address: of the answer, as the register says it.

    Attributes:
        first: the address of the first page.
    """

    def __init__(self, source_return: ApiReturn, address: httpx2.URL) -> None:
        self._paging = source_return.paging
        self._records_at = source_return.records
        self._address = address
        self._number = self._paging.first if isinstance(self._paging, NumberedPaging) else 0
        self._records = 0
        self._total: int | None = None
        self.first = (
            set_parameter(address, self._paging.parameter, str(self._number))
            if isinstance(self._paging, NumberedPaging)
            else address
        )

    def after(self, page: Page, here: httpx2.URL) -> httpx2.URL | None:
        """The address of the page after one; None where it is the last.

        Raises:
            httpx2.InvalidURL: the page says an address that is none.
        """
        match self._paging:
            case None:
                return None
            case LinkPaging():
                return here.join(page.link) if page.link else None
            case NextPaging(at=path):
                link = read_path(page.body, path)
                return here.join(link) if isinstance(link, str) and link else None
            case CursorPaging(at=path, parameter=parameter):
                mark = read_path(page.body, path)
                is_mark = (isinstance(mark, str) and mark) or (isinstance(mark, int) and not isinstance(mark, bool))
                return set_parameter(self._address, parameter, str(mark)) if is_mark else None
            case NumberedPaging() as paging:
                return self._numbered_after(page, paging)

    def _numbered_after(self, page: Page, paging: NumberedPaging) -> httpx2.URL | None:
        count = count_records(page.body, self._records_at)
        if not count:
            return None
        self._records += count
        said = read_path(page.body, paging.total)
        self._total = said if isinstance(said, int) and not isinstance(said, bool) else None
        if self._total is not None and self._records >= self._total:
            return None
        self._number += 1
        return set_parameter(self._address, paging.parameter, str(self._number))

    def is_beyond(self, page: Page | int) -> bool:
        """Whether what was answered for a further page says that there is none: it is empty, or not there."""
        if not isinstance(self._paging, NumberedPaging):
            return False
        return not isinstance(page, Page) or count_records(page.body, self._records_at) == 0

    @property
    def are_complete(self) -> bool:
        """Whether as many records came as the last page said that there are."""
        return self._total is None or self._records >= self._total


def read_path(body: bytes, dotted: str) -> object:
    """What stands at a dotted path of a JSON document; None where nothing does."""
    if not dotted:
        return None
    return _walked(_read(body), dotted)


def count_records(body: bytes, dotted: str) -> int | None:
    """How many records a page holds: a JSON list at a dotted path, or lines of NDJSON; None where it is no page."""
    if not body.strip():
        return 0
    document = _read(body)
    if document is None:
        lines = [line for line in body.splitlines() if line.strip()]
        return len(lines) if all(isinstance(_read(line), dict) for line in lines) else None
    found = _walked(document, dotted) if dotted else document
    if isinstance(found, list):
        return len(found)
    return 1 if isinstance(found, dict) and not dotted else None


def set_parameter(address: httpx2.URL, name: str, value: str) -> httpx2.URL:
    """An address with a parameter set; the others stay as they are written."""
    rest = remove_parameter(address, name)
    added = str(httpx2.QueryParams({name: value})).encode("ascii")
    return rest.copy_with(query=rest.query + b"&" + added if rest.query else added)


def remove_parameter(address: httpx2.URL, name: str) -> httpx2.URL:
    """An address without a parameter; the others stay as they are written."""
    parts = [part for part in address.query.split(b"&") if part]
    kept = [part for part in parts if name not in httpx2.QueryParams(part.decode("ascii", "replace"))]
    return address if kept == parts else address.copy_with(query=b"&".join(kept) or None)


def _read(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _walked(document: object, dotted: str) -> object:
    for step in dotted.split("."):
        document = document.get(step) if isinstance(document, dict) else None
    return document
