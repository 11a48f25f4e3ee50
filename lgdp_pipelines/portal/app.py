"""The intake as an application: routes, who may use them, and what every answer carries.

What belongs here: from a request to the function that answers it. What does not: taking a file in (``intake``), shapes
of answers (``answers``), running a server (``serve``).
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lgdp_pipelines.collection.transports.push import PushedExtract, receive
from lgdp_pipelines.collection.transports.transport import Inbox
from lgdp_pipelines.errors import LgdpError
from lgdp_pipelines.ledger.submission_records import Receipt, ReceiptState
from lgdp_pipelines.portal import intake, problem_documents, responses
from lgdp_pipelines.portal.access_tokens import Caller, Tokens
from lgdp_pipelines.portal.openapi_document import openapi
from lgdp_pipelines.portal.problem_documents import Refused
from lgdp_pipelines.portal.request_limits import Limits, Pace
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.receipt_preview import ReceiptStatus, describe_receipt

_HOME = Path(__file__).with_name("home.html")
_SAFE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer: nothing is kept by others, and nothing in an answer is run or framed."""


class Intake:
    """What the routes share.

    Args:
        platform: where everything is.
        limits: how much is taken.
    """

    def __init__(self, platform: Platform, limits: Limits) -> None:
        self.platform = platform
        self.limits = limits
        self.tokens = Tokens(platform.register, platform.environment)
        self._pace = Pace(limits.requests_a_minute)
        self._uploads: Counter[str] = Counter()
        self._judging = CapacityLimiter(limits.judging_at_once)

    def caller(self, request: Request) -> Caller:
        """Whose token a request bears.

        Raises:
            Refused: it bears none that is known, or came too often.
        """
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        caller = self.tokens.caller(token.strip()) if kind.lower() == "bearer" else None
        if caller is None:
            raise Refused(
                HTTPStatus.UNAUTHORIZED,
                "The token is missing or unknown.",
                remedy="Send the header Authorization: Bearer with your council's token.",
                headers={"WWW-Authenticate": 'Bearer realm="lgdp"'},
            )
        self._pace.count(caller.council_code)
        return caller

    async def submit(self, request: Request) -> Response:
        """POST /submissions."""
        caller = self.caller(request)
        given = request.query_params.multi_items()
        if len({name for name, _ in given}) < len(given):
            raise Refused(HTTPStatus.BAD_REQUEST, "A parameter is given twice.", remedy="Give each of them once.")
        extract = await to_thread.run_sync(intake.parse_parameters, self.platform, caller, dict(given))
        intake.refuse_too_large(request, self.limits)
        receipt = await self._receive(request, extract)
        answer = await self._answer(receipt)
        told = responses.answer_document(answer, _root(request))
        is_news = receipt.state is not ReceiptState.DUPLICATE
        location = {"Location": f"{_root(request)}/submissions/{receipt.id}"}
        return JSONResponse(told, HTTPStatus.ACCEPTED if is_news else HTTPStatus.OK, headers=location)

    async def _receive(self, request: Request, extract: PushedExtract) -> Receipt:
        if self._uploads[extract.council_code] >= self.limits.uploads_at_once:
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{self.limits.uploads_at_once} files are being sent with this token already.",
                remedy="Send them one after the other.",
                headers={"Retry-After": "10"},
            )
        self._uploads[extract.council_code] += 1
        try:
            with await intake.body(request, self.limits) as download:
                # Whether or not anybody still listens: a thread is always waited for.
                inbox = Inbox(self.platform.ledger, self.platform.received_bytes)
                return await to_thread.run_sync(receive, extract, download, inbox)
        finally:
            self._uploads[extract.council_code] -= 1

    async def _answer(self, receipt: Receipt) -> ReceiptStatus:
        """What is to be told on a receipt; without a verdict where no place to judge it becomes free in time."""
        with anyio.move_on_after(self.limits.patience):
            told = partial(describe_receipt, self.platform, receipt, judged_inline=self.limits.judged_inline)
            return await to_thread.run_sync(told, limiter=self._judging)
        return ReceiptStatus(receipt)

    async def status(self, request: Request) -> Response:
        """GET /submissions/{id}."""
        caller = self.caller(request)
        answer = await self._answer(await self._named(request, caller))
        return JSONResponse(responses.answer_document(answer, _root(request)))

    async def report(self, request: Request) -> Response:
        """GET /submissions/{id}/report.{form}."""
        caller = self.caller(request)
        form = request.path_params["form"]
        if form not in responses.FORMS:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        answer = await self._answer(await self._named(request, caller))
        if answer.report is None:
            raise Refused(
                HTTPStatus.CONFLICT,
                "There is no report yet.",
                remedy="Ask for the submission: it says what is awaited.",
            )
        return await to_thread.run_sync(responses.report_response, answer.report, form)

    async def _named(self, request: Request, caller: Caller) -> Receipt:
        name = request.path_params["id"]
        return await to_thread.run_sync(responses.receipt_named, self.platform, caller.council_code, name)

    async def calendar(self, request: Request) -> Response:
        """GET /calendar."""
        caller = self.caller(request)
        return JSONResponse(await to_thread.run_sync(responses.calendar_document, self.platform, caller.council_code))

    async def health(self, _request: Request) -> Response:
        """GET /health: the ledger answers."""
        await to_thread.run_sync(self.platform.ledger.submissions.list_pending_work)
        return JSONResponse({"status": "ok"})


async def _home(_request: Request) -> Response:
    return HTMLResponse(await to_thread.run_sync(partial(_HOME.read_text, encoding="utf-8")))


async def _openapi(_request: Request) -> Response:
    return JSONResponse(openapi())


def _root(request: Request) -> str:
    root: str = request.scope.get("root_path", "")
    return root


class _SafeHeaders:
    """Gives every answer the headers that keep it from being run, framed or kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_SAFE)
            await send(message)

        await self._app(scope, receive, safely if scope["type"] == "http" else send)


Endpoint = Callable[[Request], Awaitable[Response]]


def build_app(platform: Platform, limits: Limits | None = None) -> Starlette:
    """The application.

    Args:
        platform: where everything is; its register is read now, so that a contradiction in it stops the start.
        limits: how much is taken; None: the usual.

    Raises:
        RegisterError: the register contradicts itself.
    """
    shared = Intake(platform, limits or Limits())
    routes: list[tuple[str, str, Endpoint]] = [
        ("POST", "/submissions", shared.submit),
        ("GET", "/submissions/{id}", shared.status),
        ("GET", "/submissions/{id}/report.{form}", shared.report),
        ("GET", "/calendar", shared.calendar),
        ("GET", "/health", shared.health),
        ("GET", "/openapi.json", _openapi),
        ("GET", "/", _home),
    ]
    return Starlette(
        routes=[Route(path, endpoint, methods=[method]) for method, path, endpoint in routes],
        middleware=[Middleware(_SafeHeaders)],
        exception_handlers={
            LgdpError: problem_documents.of_platform,
            HTTPException: problem_documents.of_http,
            Exception: problem_documents.of_anything_else,
        },
    )
