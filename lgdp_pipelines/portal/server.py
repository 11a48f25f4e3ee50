"""The portal's HTTP server, and its settings.

It serves plain HTTP, and a bearer token must not travel unencrypted: outside this machine, run it behind a proxy that
does TLS. The routes are in ``app``.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import uvicorn

from lgdp_pipelines.errors import LgdpError
from lgdp_pipelines.portal.app import build_app
from lgdp_pipelines.portal.request_limits import RequestLimits
from lgdp_pipelines.workflows.platform import Platform

LOOPBACK = "127.0.0.1"
CONNECTIONS = 100
"""At one time; further ones are refused with a request to come back."""
_SECONDS_TO_START = 30.0
_SECONDS_TO_END = 10


def serve(
    platform: Platform, host: str, port: int, *, root_path: str = "", limits: RequestLimits | None = None
) -> None:
    """Serve until the process is asked to end, and finish the requests in progress."""
    uvicorn.Server(_build_config(platform, host, port, root_path, limits, "info")).run()


@contextmanager
def start_server(platform: Platform, *, limits: RequestLimits | None = None) -> Iterator[str]:
    """Serve on a free local port while the block runs.

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
