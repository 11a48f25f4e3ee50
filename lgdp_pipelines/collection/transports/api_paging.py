"""Pages of an API's answer: the address of the next one, and whether all have come.

Pure: no request is made here. Belongs here: the ways of paging that a source can declare. Belongs elsewhere: requests
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

    def next_address(self, page: Page, current_address: httpx2.URL) -> httpx2.URL | None:
        """Return the next page's address, advancing the count; None at the end.

        A page that cannot be read is the end.

        Raises:
            httpx2.InvalidURL: the page holds a malformed address.
        """
        match self._paging:
            case None:
                return None
            case LinkPaging():
                return current_address.join(page.link) if page.link else None
            case NextPaging(at=path):
                link = read_path(page.body, path)
                return current_address.join(link) if isinstance(link, str) and link else None
            case CursorPaging(at=path, parameter=parameter):
                mark = read_path(page.body, path)
                is_mark = (isinstance(mark, str) and mark) or (isinstance(mark, int) and not isinstance(mark, bool))
                return set_parameter(self._address, parameter, str(mark)) if is_mark else None
            case NumberedPaging() as paging:
                return self._next_number(page, paging)

    def _next_number(self, page: Page, paging: NumberedPaging) -> httpx2.URL | None:
        """Count a page's records; return the next number's address, or None.

        None once the announced total has come, or where the page holds no readable records.
        """
        count = count_records(page.body, self._records_at)
        if not count:
            return None
        self._records += count
        total = read_path(page.body, paging.total)
        self._total = total if isinstance(total, int) and not isinstance(total, bool) else None
        if self._total is not None and self._records >= self._total:
            return None
        self._number += 1
        return set_parameter(self._address, paging.parameter, str(self._number))

    def is_beyond(self, page: Page | None) -> bool:
        """Return whether numbered paging ended: no page, or one without records."""
        return isinstance(self._paging, NumberedPaging) and (
            page is None or count_records(page.body, self._records_at) == 0
        )

    @property
    def are_complete(self) -> bool:
        """Whether all announced records came; true where no total was announced."""
        return self._total is None or self._records >= self._total


def read_path(body: bytes, dotted: str) -> object:
    """Return the value at a dotted path of JSON, None where absent."""
    return _walk(_parse_json(body), dotted) if dotted else None


def count_records(body: bytes, dotted: str) -> int | None:
    """Return a page's number of records; None where they cannot be counted.

    They are in a JSON list at a dotted path, or in lines of NDJSON.
    """
    if not body.strip():
        return 0
    document = _parse_json(body)
    if document is None:
        lines = [line for line in body.splitlines() if line.strip()]
        return len(lines) if all(isinstance(_parse_json(line), dict) for line in lines) else None
    records = _walk(document, dotted) if dotted else document
    if isinstance(records, list):
        return len(records)
    return 1 if isinstance(records, dict) and not dotted else None


def set_parameter(address: httpx2.URL, name: str, value: str) -> httpx2.URL:
    """Return an address with a parameter set, and the others unchanged."""
    stripped = remove_parameter(address, name)
    added = str(httpx2.QueryParams({name: value})).encode("ascii")
    return stripped.copy_with(query=stripped.query + b"&" + added if stripped.query else added)


def remove_parameter(address: httpx2.URL, name: str) -> httpx2.URL:
    """Return an address without a parameter, and the others unchanged."""
    parts = [part for part in address.query.split(b"&") if part]
    other_parts = [part for part in parts if name not in httpx2.QueryParams(part.decode("ascii", "replace"))]
    return address if other_parts == parts else address.copy_with(query=b"&".join(other_parts) or None)


def _parse_json(body: bytes) -> object:
    """Return a JSON document, or None for any other bytes."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _walk(document: object, dotted: str) -> object:
    """Return the value at a dotted path of a document, if present."""
    for step in dotted.split("."):
        document = document.get(step) if isinstance(document, dict) else None
    return document
