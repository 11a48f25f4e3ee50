"""Running the intake: a server on this machine, for as long as it is wanted.

It speaks plain HTTP, and a bearer token must not travel in the clear: outside this machine it stands behind a proxy
that does TLS. What belongs here: the server's own settings. What does not: what it answers (``app``).
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import uvicorn

from lgdp_pipelines.errors import LgdpError
from lgdp_pipelines.portal.app import build_app
from lgdp_pipelines.portal.request_limits import Limits
from lgdp_pipelines.workflows.platform import Platform

LOOPBACK = "127.0.0.1"
CONNECTIONS = 100
"""At once; more are told to come back."""
_SECONDS_TO_START = 30.0
_SECONDS_TO_END = 10


def serve(platform: Platform, host: str, port: int, *, root_path: str = "", limits: Limits | None = None) -> None:
    """Answer until the process is asked to end; what is being taken in then is finished first."""
    uvicorn.Server(_config(platform, host, port, root_path, limits, "info")).run()


@contextmanager
def running(platform: Platform, *, limits: Limits | None = None) -> Iterator[str]:
    """The intake on a free port of this machine, for as long as the block lasts.

    Yields:
        Its address.

    Raises:
        LgdpError: it does not start.
    """
    server = uvicorn.Server(_config(platform, LOOPBACK, 0, "", limits, "warning"))
    with socket.socket() as listening:
        listening.bind((LOOPBACK, 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = monotonic() + _SECONDS_TO_START
        while not server.started:
            if not thread.is_alive() or monotonic() > deadline:
                raise LgdpError("The intake does not start.", remedy="Look at what it logged.")
            sleep(0.01)
        try:
            yield f"http://{LOOPBACK}:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_SECONDS_TO_END + 5)


def _config(
    platform: Platform, host: str, port: int, root_path: str, limits: Limits | None, log_level: str
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
