"""Refusals over HTTP: RFC 9457 problem documents that say what, where and what to do next.

What belongs here: the shape of a refusal, and which status a refusal of the platform has. What does not: deciding that
something is refused.
"""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lgdp_pipelines.errors import LedgerError, LgdpError, StorageError, WrongUse


class Refused(LgdpError):
    """A request that is not answered as it was asked.

    Attributes:
        status: of the answer.
        headers: that the answer needs.
    """

    def __init__(
        self,
        status: HTTPStatus,
        what: str,
        *,
        where: str = "",
        remedy: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.status = status
        self.headers = dict(headers or {})


def problem(
    status: HTTPStatus, what: str, *, where: str = "", remedy: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """A problem document."""
    content = {
        "type": f"urn:lgdp:problem:{status.name.lower().replace('_', '-')}",
        "title": status.phrase,
        "status": status.value,
        "detail": what,
        **({"where": where} if where else {}),
        **({"remedy": remedy} if remedy else {}),
    }
    return JSONResponse(content, status, media_type="application/problem+json", headers=dict(headers or {}))


def of_platform(_request: Request, error: Exception) -> Response:
    """A refusal of the platform as an answer."""
    if isinstance(error, Refused):
        return problem(error.status, error.what, where=error.where, remedy=error.remedy, headers=error.headers)
    if isinstance(error, WrongUse):
        return problem(HTTPStatus.BAD_REQUEST, error.what, where=error.where, remedy=error.remedy)
    if isinstance(error, StorageError):
        return problem(
            HTTPStatus.INSUFFICIENT_STORAGE,
            "The platform has no room for this now, or cannot reach its store. Nothing was recorded.",
            remedy="Send it again later. The platform's operators see the cause in their log.",
        )
    if isinstance(error, LedgerError):
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The platform's ledger cannot be reached or written to now.",
            remedy="Ask again later. A file that was sent may be sent again: the same bytes are never counted twice.",
            headers={"Retry-After": "60"},
        )
    return of_anything_else(_request, error)


def of_http(_request: Request, error: Exception) -> Response:
    """A refusal of the HTTP layer, such as a path that there is not, as an answer."""
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    headers = error.headers if isinstance(error, HTTPException) else None
    return problem(
        status,
        f"{status.description or status.phrase}.",
        remedy="GET /openapi.json says what there is.",
        headers=headers,
    )


def of_anything_else(_request: Request, _error: Exception) -> Response:
    """A fault of ours as an answer: what it was stands in the log, and not in here."""
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The platform broke while it answered this.",
        remedy="Ask again later. A file that was sent may be sent again: the same bytes are never counted twice.",
    )
