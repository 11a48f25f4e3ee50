"""An HTTP server of the tests' own, that answers as it is told and remembers what it was asked."""

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
    """An answer of the test's server."""

    body: str | bytes = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class HttpRequest:
    """A request as the test's server got it."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


AnswerFunction = Callable[[HttpRequest], HttpAnswer]


class QuietHttpServer(ThreadingHTTPServer):
    """Says nothing of a client that hangs up, which it may: the words would stand among those of the command it is."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def run_http_server(answer: AnswerFunction) -> Iterator[tuple[str, list[HttpRequest]]]:
    """A plain HTTP server on this machine that answers by a function, and what it was asked."""
    requests: list[HttpRequest] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            requests.append(HttpRequest(self.command, parts.path, parse_qs(parts.query), headers, body))
            said = answer(requests[-1])
            content = said.body.encode() if isinstance(said.body, str) else said.body
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            if said.status != 304:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the names that the library asks for

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = QuietHttpServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run_coroutine(what: Any) -> Any:
    return asyncio.run(what)


def build_page(*records: int, **more: object) -> str:
    return json.dumps({"data": [{"n": record} for record in records], **more})


def read_numbers(content: bytes) -> list[int]:
    return [record["n"] for line in content.splitlines() for record in json.loads(line)["data"]]
