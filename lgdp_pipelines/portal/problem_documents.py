"""Refusals over HTTP: RFC 9457 problem documents, with the problem, its location and the remedy.

Belongs here: the form of a problem document, and the status for each kind of error. Belongs elsewhere: the checks that
refuse a request (``access_tokens``, ``intake``, ``request_limits``).
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


def build_error_response(_request: Request, error: Exception) -> Response:
    """Return the problem document for any error of a request."""
    refusal = _describe_error(error)
    content = {
        "type": f"urn:lgdp:problem:{refusal.status.name.lower().replace('_', '-')}",
        "title": refusal.status.phrase,
        "status": refusal.status.value,
        "detail": refusal.what,
        **({"where": refusal.where} if refusal.where else {}),
        **({"remedy": refusal.remedy} if refusal.remedy else {}),
    }
    return JSONResponse(content, refusal.status, media_type="application/problem+json", headers=refusal.headers)


def _describe_error(error: Exception) -> RequestRefused:
    """Return the refusal for an error, without causes inside the platform.

    The log has the causes.
    """
    match error:
        case RequestRefused():
            return error
        case WrongUse():
            return RequestRefused(HTTPStatus.BAD_REQUEST, error.what, where=error.where, remedy=error.remedy)
        case StorageError():
            return RequestRefused(
                HTTPStatus.INSUFFICIENT_STORAGE,
                "The platform's storage is full or cannot be reached. Nothing was recorded.",
                remedy="Send the file again later. The platform's operators see the cause in their log.",
            )
        case LedgerError():
            return RequestRefused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The platform's ledger cannot be reached or written to now.",
                remedy="Try again later. You may send a file again: the same bytes are never counted twice.",
                headers={"Retry-After": "60"},
            )
        case HTTPException():
            status = HTTPStatus(error.status_code)
            return RequestRefused(
                status,
                f"{status.description or status.phrase}.",
                remedy="See GET /openapi.json for all paths and methods.",
                headers=error.headers,
            )
        case _:
            return RequestRefused(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "The platform failed while it processed the request.",
                remedy="Try again later. You may send a file again: the same bytes are never counted twice.",
            )
