"""The simulated HTTP API: one token a council, which gives that council's extracts alone, page by page.

It behaves as real servers do: pages with a link to the next, an ETag over the whole extract, 304 where nothing has
changed, 204 where a period has no data, and now and then 429 with ``Retry-After``. It answers the requests that the
register's source declares, so that any return declared there can be served.
"""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as HttpRoute

from lgdp_pipelines.register.model.sources import ApiReturn, NextPaging
from lgdp_pipelines.simulator.extract_writers import split_records

PAGE_SIZE = 50
RETRY_AFTER = "1"
_PAGE_PARAMETER = "page"


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request that the API answers.

    Attributes:
        council_code: of the council whose token is accepted.
        source_return: declares the shape of its pages.
        file: the extract as a JSON list; without it the period has no data.
    """

    council_code: str
    source_return: ApiReturn
    file: Path


def build_api(
    requests: Mapping[str, ApiRequest],
    tokens: Mapping[str, str],
    *,
    sometimes_busy: Sequence[str] = (),
    page_size: int = PAGE_SIZE,
) -> Starlette:
    """Return the application that serves the simulated HTTP API.

    Args:
        requests: by path and query of the first page.
        tokens: by council code.
        sometimes_busy: councils whose second request, and each tenth after it, is answered with 429 and one second.
        page_size: records a page.
    """
    request_counts: Counter[str] = Counter()

    async def answer(request: Request) -> Response:
        """Return the response to one request."""
        council = _find_council(request, tokens)
        if council is None:
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        request_counts[council] += 1
        if council in sometimes_busy and request_counts[council] % 10 == 2:
            return Response(status_code=429, headers={"Retry-After": RETRY_AFTER})
        address, page = _remove_page_parameter(request)
        known_request = requests.get(address)
        if known_request is None or page is None:
            return Response(status_code=404)
        if known_request.council_code != council:
            return Response(status_code=403)
        if not known_request.file.is_file():
            return Response(status_code=204)
        return _answer_page(request, known_request, address, page, page_size)

    return Starlette(routes=[HttpRoute("/{path:path}", answer, methods=["GET"])])


def _answer_page(request: Request, known_request: ApiRequest, address: str, page: int, page_size: int) -> Response:
    """Return one page, 304 if unchanged, or 404 past the end."""
    text = known_request.file.read_text(encoding="utf-8")
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    records = split_records(text)
    start, end = (page - 1) * page_size, page * page_size
    if page > 1 and start >= len(records):
        return Response(status_code=404)
    is_paged = bool(_find_path_to_next(known_request.source_return))
    next_page = f"{address}{'&' if '?' in address else '?'}{_PAGE_PARAMETER}={page + 1}"
    body = build_page(
        records[start:end] if is_paged else records,
        known_request.source_return,
        next_page if is_paged and end < len(records) else None,
    )
    return Response(body, media_type="application/json", headers={"ETag": etag})


def build_page(records: Sequence[str], source_return: ApiReturn, next_page: str | None) -> str:
    """Return a page of records with the next address, or a list.

    A source without a path to its records has a list of records alone.
    """
    records_text = "[" + ",\n ".join(records) + "]"
    if not source_return.records:
        return records_text
    nested: dict[str, object] = {}
    _set_value(nested, source_return.records, _RECORDS_PLACEHOLDER)
    if next_page is not None:
        _set_value(nested, _find_path_to_next(source_return), next_page)
    return json.dumps(nested).replace(json.dumps(_RECORDS_PLACEHOLDER), records_text)


def _find_path_to_next(source_return: ApiReturn) -> str:
    """Return the dotted path to the next page's address; empty without paging."""
    return source_return.paging.at if isinstance(source_return.paging, NextPaging) else ""


_RECORDS_PLACEHOLDER = "\x00records\x00"


def _set_value(nested: dict[str, object], dotted: str, value: str) -> None:
    """Set a value at a dotted path, and create missing dictionaries."""
    *folders, last = dotted.split(".")
    for folder in folders:
        inner = nested.setdefault(folder, {})
        if not isinstance(inner, dict):
            message = f"The paths of records and next page exclude each other: {dotted}."
            raise TypeError(message)
        nested = inner
    nested[last] = value


def _find_council(request: Request, tokens: Mapping[str, str]) -> str | None:
    """Return the council whose token a request has; None if unknown."""
    authorisation = request.headers.get("Authorization", "").encode()
    codes = [code for code, token in tokens.items() if hmac.compare_digest(f"Bearer {token}".encode(), authorisation)]
    return codes[0] if codes else None


def _remove_page_parameter(request: Request) -> tuple[str, int | None]:
    """Return the first page's address and the page number, None if invalid."""
    parts = [part for part in request.url.query.split("&") if part]
    numbers = [part.partition("=")[2] for part in parts if part.startswith(f"{_PAGE_PARAMETER}=")]
    rest = "&".join(part for part in parts if not part.startswith(f"{_PAGE_PARAMETER}="))
    address = request.url.path + (f"?{rest}" if rest else "")
    if not numbers:
        return address, 1
    return address, int(numbers[0]) if numbers[0].isdecimal() and 0 < int(numbers[0]) < 10**6 else None
