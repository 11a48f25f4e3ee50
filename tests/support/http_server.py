"""An HTTP server for tests, which answers by a function and records its requests."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lgdp_pipelines.collection.retry import Retry
from lgdp_pipelines.collection.transports.transport import Timeouts

SECRET = "s3cret/of+fife=&?"
QUICK_TIMEOUTS = Timeouts(connect_seconds=5, answer_seconds=5, retry=Retry(3, 0.01, 1.0))


@dataclass
class HttpAnswer:
    """Answer of the server."""

    body: str | bytes = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class HttpRequest:
    """Request that the server received."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


AnswerFunction = Callable[[HttpRequest], HttpAnswer]


class QuietHttpServer(ThreadingHTTPServer):
    """Server that prints nothing when a client closes the connection.

    The output would mix with that of the command under test.
    """

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def run_http_server(answer: AnswerFunction) -> Iterator[tuple[str, list[HttpRequest]]]:
    """Run an HTTP server that answers by a function; yield its address and its requests."""
    requests: list[HttpRequest] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            requests.append(HttpRequest(self.command, parts.path, parse_qs(parts.query), headers, body))
            response = answer(requests[-1])
            content = response.body.encode() if isinstance(response.body, str) else response.body
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            if response.status != 304:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the names that the library asks for

        def log_message(self, *_: object) -> None:
            """Do nothing."""

    server = QuietHttpServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run_coroutine(coroutine: Any) -> Any:
    """Run a coroutine, and return its result."""
    return asyncio.run(coroutine)


def build_page(*records: int, **more: object) -> str:
    """Return a page of numbered records as JSON."""
    return json.dumps({"data": [{"n": record} for record in records], **more})


def read_numbers(content: bytes) -> list[int]:
    """Return the record numbers of stored pages."""
    return [record["n"] for line in content.splitlines() for record in json.loads(line)["data"]]
