"""The portal's application and HTTP server: routes, access, and the headers of every response.

It serves plain HTTP, and a bearer token must not travel unencrypted: outside this machine, run it behind a proxy that
does TLS. Belongs elsewhere: receiving a file (``intake``) and the content of responses (``responses``).
"""

import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from time import monotonic, sleep

import anyio
import uvicorn
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
from lgdp_pipelines.portal import intake, responses
from lgdp_pipelines.portal.access_tokens import Caller, TokenRegistry
from lgdp_pipelines.portal.openapi_document import build_openapi_document
from lgdp_pipelines.portal.problem_documents import RequestRefused, build_error_response
from lgdp_pipelines.portal.request_limits import RateLimiter, RequestLimits
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.receipt_preview import ReceiptStatus, describe_receipt

LOOPBACK = "127.0.0.1"
CONNECTIONS = 100
"""Number of simultaneous connections; further ones are refused with a request to try again."""
_SECONDS_TO_START = 30.0
_SECONDS_TO_END = 10
_HOME = Path(__file__).with_name("home.html")
_SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every response, which prevent caching, scripts and frames."""


class IntakeHandlers:
    """Handles the requests of all routes.

    Args:
        platform: to submit to.
        limits: on requests.
    """

    def __init__(self, platform: Platform, limits: RequestLimits) -> None:
        self.platform = platform
        self.limits = limits
        self.tokens = TokenRegistry(platform.register, platform.environment)
        self._rate_limiter = RateLimiter(limits.requests_per_minute)
        self._uploads: Counter[str] = Counter()
        self._judgement_limiter = CapacityLimiter(limits.parallel_judgements)

    def authenticate(self, request: Request) -> Caller:
        """Return the council that sent a request, and count the request.

        Raises:
            RequestRefused: the token is missing or unknown, or the council sent too many requests.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        caller = self.tokens.find_caller(token.strip()) if scheme.lower() == "bearer" else None
        if caller is None:
            raise RequestRefused(
                HTTPStatus.UNAUTHORIZED,
                "The token is missing or unknown.",
                remedy="Send the header Authorization: Bearer with your council's token.",
                headers={"WWW-Authenticate": 'Bearer realm="lgdp"'},
            )
        self._rate_limiter.count(caller.council_code)
        return caller

    async def submit(self, request: Request) -> Response:
        """Handle POST /submissions: receive a file, and return its status."""
        caller = self.authenticate(request)
        parameters = request.query_params.multi_items()
        if len({name for name, _ in parameters}) < len(parameters):
            raise RequestRefused(
                HTTPStatus.BAD_REQUEST, "A parameter is given twice.", remedy="Give each parameter once."
            )
        extract = await to_thread.run_sync(intake.parse_parameters, self.platform, caller, dict(parameters))
        intake.check_headers(request, self.limits)
        receipt = await self._receive(request, extract)
        document = responses.build_status_document(await self._describe(receipt), _get_root_path(request))
        is_new = receipt.state is not ReceiptState.DUPLICATE
        location = {"Location": f"{_get_root_path(request)}/submissions/{receipt.id}"}
        return JSONResponse(document, HTTPStatus.ACCEPTED if is_new else HTTPStatus.OK, headers=location)

    async def _receive(self, request: Request, extract: PushedExtract) -> Receipt:
        """Store a request's body and receipt; refuse too many parallel uploads."""
        if self._uploads[extract.council_code] >= self.limits.parallel_uploads:
            raise RequestRefused(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{self.limits.parallel_uploads} files are already being sent with this token.",
                remedy="Send files one after another.",
                headers={"Retry-After": "10"},
            )
        self._uploads[extract.council_code] += 1
        try:
            with await intake.receive_body(request, self.limits) as download:
                # The thread always runs to its end, even where the sender has disconnected.
                inbox = Inbox(self.platform.ledger, self.platform.received_bytes)
                return await to_thread.run_sync(receive, extract, download, inbox)
        finally:
            self._uploads[extract.council_code] -= 1

    async def _describe(self, receipt: Receipt) -> ReceiptStatus:
        """Return a receipt's status, judged provisionally where a slot is free.

        The status has no verdict where no judging slot becomes free in time.
        """
        with anyio.move_on_after(self.limits.judging_wait_seconds):
            describe = partial(
                describe_receipt, self.platform, receipt, inline_judging_bytes=self.limits.inline_judging_bytes
            )
            return await to_thread.run_sync(describe, limiter=self._judgement_limiter)
        return ReceiptStatus(receipt)

    async def get_status(self, request: Request) -> Response:
        """Handle GET /submissions/{id}: return the status of a file."""
        caller = self.authenticate(request)
        status = await self._describe(await self._find_receipt(request, caller))
        return JSONResponse(responses.build_status_document(status, _get_root_path(request)))

    async def get_report(self, request: Request) -> Response:
        """Handle GET /submissions/{id}/report.{form}: return a report, or refuse without one."""
        caller = self.authenticate(request)
        form = request.path_params["form"]
        if form not in responses.REPORT_FORMS:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        status = await self._describe(await self._find_receipt(request, caller))
        if status.report is None:
            raise RequestRefused(
                HTTPStatus.CONFLICT,
                "There is no report yet.",
                remedy="GET the submission: its message gives the reason.",
            )
        return await to_thread.run_sync(responses.build_report_response, status.report, form)

    async def _find_receipt(self, request: Request, caller: Caller) -> Receipt:
        """Return the caller's receipt by the id in the path."""
        name = request.path_params["id"]
        return await to_thread.run_sync(responses.find_receipt, self.platform, caller.council_code, name)

    async def get_calendar(self, request: Request) -> Response:
        """Handle GET /calendar: return the council's obligations."""
        caller = self.authenticate(request)
        build = responses.build_calendar_document
        return JSONResponse(await to_thread.run_sync(build, self.platform, caller.council_code))

    async def get_health(self, _request: Request) -> Response:
        """Handle GET /health: check that the ledger can be read."""
        await to_thread.run_sync(self.platform.ledger.submissions.list_pending_work)
        return JSONResponse({"status": "ok"})


async def _get_home(_request: Request) -> Response:
    """Return the page for people."""
    return HTMLResponse(await to_thread.run_sync(partial(_HOME.read_text, encoding="utf-8")))


async def _get_openapi(_request: Request) -> Response:
    """Return the OpenAPI document as a response."""
    return JSONResponse(build_openapi_document())


def _get_root_path(request: Request) -> str:
    """Return the path that a proxy puts before all URLs."""
    root: str = request.scope.get("root_path", "")
    return root


class _SecurityHeadersMiddleware:
    """Adds the security headers to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_SECURITY_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


Endpoint = Callable[[Request], Awaitable[Response]]


def build_app(platform: Platform, limits: RequestLimits | None = None) -> Starlette:
    """Return the application, with its routes and error handlers.

    Args:
        platform: to submit to. Its register is read now, so that a contradiction in it prevents the start.
        limits: on requests; None: the defaults.

    Raises:
        RegisterError: the register contradicts itself.
    """
    handlers = IntakeHandlers(platform, limits or RequestLimits())
    routes: list[tuple[str, str, Endpoint]] = [
        ("POST", "/submissions", handlers.submit),
        ("GET", "/submissions/{id}", handlers.get_status),
        ("GET", "/submissions/{id}/report.{form}", handlers.get_report),
        ("GET", "/calendar", handlers.get_calendar),
        ("GET", "/health", handlers.get_health),
        ("GET", "/openapi.json", _get_openapi),
        ("GET", "/", _get_home),
    ]
    return Starlette(
        routes=[Route(path, endpoint, methods=[method]) for method, path, endpoint in routes],
        middleware=[Middleware(_SecurityHeadersMiddleware)],
        exception_handlers=dict.fromkeys((LgdpError, HTTPException, Exception), build_error_response),
    )


def serve(
    platform: Platform, host: str, port: int, *, root_path: str = "", limits: RequestLimits | None = None
) -> None:
    """Serve until the process is stopped, then finish open requests."""
    uvicorn.Server(_build_config(platform, host, port, root_path, limits, "info")).run()


@contextmanager
def start_server(platform: Platform, *, limits: RequestLimits | None = None) -> Iterator[str]:
    """Serve on a free local port while the context is open.

    Yields:
        The server's URL.

    Raises:
        LgdpError: the server does not start.
    """
    server = uvicorn.Server(_build_config(platform, LOOPBACK, 0, "", limits, "warning"))
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = monotonic() + _SECONDS_TO_START
        while not server.started:
            if not thread.is_alive() or monotonic() > deadline:
                raise LgdpError("The intake server does not start.", remedy="See its log for the cause.")
            sleep(0.01)
        try:
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_SECONDS_TO_END + 5)


def _build_config(
    platform: Platform, host: str, port: int, root_path: str, limits: RequestLimits | None, log_level: str
) -> uvicorn.Config:
    """Return the server's settings, with a newly built application."""
    return uvicorn.Config(
        build_app(platform, limits),
        host=host,
        port=port,
        root_path=root_path,
        http="h11",
        ws="none",
        lifespan="off",
        log_level=log_level,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=_SECONDS_TO_END,
    )
