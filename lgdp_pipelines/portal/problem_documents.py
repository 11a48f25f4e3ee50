"""Refusals over HTTP: RFC 9457 problem documents, with the problem, its place and what to do.

The form of a problem document, and the status of each error of the platform, belong here.
"""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lgdp_pipelines.errors import LedgerError, LgdpError, StorageError, WrongUse


class RequestRefused(LgdpError):
    """A request is refused.

    Attributes:
        status: of the response.
        headers: of the response.
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


def build_problem(
    status: HTTPStatus, what: str, *, where: str = "", remedy: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """Return a problem document."""
    content = {
        "type": f"urn:lgdp:problem:{status.name.lower().replace('_', '-')}",
        "title": status.phrase,
        "status": status.value,
        "detail": what,
        **({"where": where} if where else {}),
        **({"remedy": remedy} if remedy else {}),
    }
    return JSONResponse(content, status, media_type="application/problem+json", headers=dict(headers or {}))


def handle_platform_error(_request: Request, error: Exception) -> Response:
    """Return the response to an error of the platform."""
    if isinstance(error, RequestRefused):
        return build_problem(error.status, error.what, where=error.where, remedy=error.remedy, headers=error.headers)
    if isinstance(error, WrongUse):
        return build_problem(HTTPStatus.BAD_REQUEST, error.what, where=error.where, remedy=error.remedy)
    if isinstance(error, StorageError):
        return build_problem(
            HTTPStatus.INSUFFICIENT_STORAGE,
            "The platform's storage is full or cannot be reached. Nothing was recorded.",
            remedy="Send the file again later. The platform's operators see the cause in their log.",
        )
    if isinstance(error, LedgerError):
        return build_problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The platform's ledger cannot be reached or written to now.",
            remedy="Try again later. You may send a file again: the same bytes are never counted twice.",
            headers={"Retry-After": "60"},
        )
    return handle_unexpected_error(_request, error)


def handle_http_error(_request: Request, error: Exception) -> Response:
    """Return the response to an HTTP error, such as an unknown path."""
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    headers = error.headers if isinstance(error, HTTPException) else None
    return build_problem(
        status,
        f"{status.description or status.phrase}.",
        remedy="See GET /openapi.json for all paths and methods.",
        headers=headers,
    )


def handle_unexpected_error(_request: Request, _error: Exception) -> Response:
    """Return the response to a fault of the platform.

    Its cause is in the log only.
    """
    return build_problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The platform failed while it processed the request.",
        remedy="Try again later. You may send a file again: the same bytes are never counted twice.",
    )
