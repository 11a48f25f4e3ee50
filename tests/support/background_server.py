"""Servers of the tests that run in a thread of their own while the test uses them."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

ServeFunction = Callable[[socket.socket], Coroutine[Any, Any, None]]
"""Serves on a bound socket until it is cancelled."""


@contextmanager
def run_in_background(serve: ServeFunction) -> Iterator[int]:
    """Serve on a free port of this machine while the block runs, and yield the port."""
    loop = asyncio.new_event_loop()
    with socket.socket() as listening_socket:
        listening_socket.bind(("127.0.0.1", 0))
        task = loop.create_task(serve(listening_socket))
        thread = threading.Thread(target=_run_until_cancelled, args=(loop, task), daemon=True)
        thread.start()
        try:
            yield listening_socket.getsockname()[1]
        finally:
            loop.call_soon_threadsafe(task.cancel)
            thread.join(10)
            loop.close()


def _run_until_cancelled(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[None]") -> None:
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError:
        return
