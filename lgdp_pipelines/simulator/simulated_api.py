"""The simulator's HTTP API: one token a council, which gives that council's extracts and nobody else's, page by page.

A real server's manners: pages with a link to the next, an ETag over the whole extract, 304 where nothing has changed,
204 where there is nothing for a period, and now and then 429 with ``Retry-After``. What it answers to is what the
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

from lgdp_pipelines.register.model.sources import SourceReturn
from lgdp_pipelines.simulator.json_text import record_texts

PAGE_SIZE = 50
RETRY_AFTER = "1"
_PAGE_PARAMETER = "page"


@dataclass(frozen=True, slots=True)
class ApiQuestion:
    """A request that the API knows.

    Attributes:
        council_code: whose token it takes.
        source_return: how its pages are shaped.
        file: the extract as a JSON list; where it is not there, there is nothing for the period.
    """

    council_code: str
    source_return: SourceReturn
    file: Path


def api(
    questions: Mapping[str, ApiQuestion],
    tokens: Mapping[str, str],
    *,
    busy: Sequence[str] = (),
    page_size: int = PAGE_SIZE,
) -> Starlette:
    """The application.

    Args:
        questions: by path and query of the first page.
        tokens: by council code.
        busy: councils whose second request, and each tenth after it, is asked to come back in a second.
        page_size: records a page.
    """
    asked: Counter[str] = Counter()

    async def answer(request: Request) -> Response:
        council = _council_of(request, tokens)
        if council is None:
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        asked[council] += 1
        if council in busy and asked[council] % 10 == 2:
            return Response(status_code=429, headers={"Retry-After": RETRY_AFTER})
        address, page = _without_page(request)
        question = questions.get(address)
        if question is None or page is None:
            return Response(status_code=404)
        if question.council_code != council:
            return Response(status_code=403)
        if not question.file.is_file():
            return Response(status_code=204)
        return _page(request, question, address, page, page_size)

    return Starlette(routes=[HttpRoute("/{path:path}", answer, methods=["GET"])])


def _page(request: Request, question: ApiQuestion, address: str, page: int, page_size: int) -> Response:
    text = question.file.read_text(encoding="utf-8")
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    records = record_texts(text)
    slice_ = records[(page - 1) * page_size : page * page_size]
    if page > 1 and not slice_:
        return Response(status_code=404)
    following = None
    if question.source_return.paging.at and page * page_size < len(records):
        following = f"{address}{'&' if '?' in address else '?'}{_PAGE_PARAMETER}={page + 1}"
    if not question.source_return.paging.at:
        slice_ = records
    body = page_text(slice_, question.source_return, following)
    return Response(body, media_type="application/json", headers={"ETag": etag})


def page_text(records: Sequence[str], source_return: SourceReturn, following: str | None) -> str:
    """A page: the records as they are written at their declared place, and the next page's address at its own."""
    listed = "[" + ",\n ".join(records) + "]"
    if not source_return.records:
        return listed
    nested: dict[str, object] = {}
    _put(nested, source_return.records, _HOLE)
    if following is not None:
        _put(nested, source_return.paging.at, following)
    return json.dumps(nested).replace(json.dumps(_HOLE), listed)


_HOLE = "\x00records\x00"


def _put(nested: dict[str, object], dotted: str, value: str) -> None:
    *folders, last = dotted.split(".")
    for folder in folders:
        inner = nested.setdefault(folder, {})
        if not isinstance(inner, dict):
            message = f"The source declares records and next page at places that exclude each other: {dotted}."
            raise TypeError(message)
        nested = inner
    nested[last] = value


def _council_of(request: Request, tokens: Mapping[str, str]) -> str | None:
    given = request.headers.get("Authorization", "").encode()
    found = [code for code, token in tokens.items() if hmac.compare_digest(f"Bearer {token}".encode(), given)]
    return found[0] if found else None


def _without_page(request: Request) -> tuple[str, int | None]:
    """The address of the first page, and the number of the page that is asked for (None where it is no number)."""
    parts = [part for part in request.url.query.split("&") if part]
    numbers = [part.partition("=")[2] for part in parts if part.startswith(f"{_PAGE_PARAMETER}=")]
    rest = "&".join(part for part in parts if not part.startswith(f"{_PAGE_PARAMETER}="))
    address = request.url.path + (f"?{rest}" if rest else "")
    if not numbers:
        return address, 1
    return address, int(numbers[0]) if numbers[0].isdecimal() and 0 < int(numbers[0]) < 10**6 else None
