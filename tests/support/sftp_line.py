"""Lines between client and SFTP server that tests break, and calls of an account."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from lgdp_pipelines.collection.retry import Retry
from lgdp_pipelines.collection.transports.sftp import SftpAccount
from lgdp_pipelines.collection.transports.transport import Download, Timeouts

QUICK_TIMEOUTS = Timeouts(
    connect_seconds=5, answer_seconds=5, settle_seconds=60, second_look_seconds=0.05, retry=Retry(3, 0.01, 0.05)
)
UNLIMITED = 10**12
"""Bytes; more than any test sends."""

AccountCall = Callable[[SftpAccount], Awaitable[Any]]
FileWriter = Callable[..., Path]


class OptionalLine:
    """Line between client and server, or a direct connection."""

    def __init__(self, through: Any, port: int) -> None:
        self._through, self._port = through, port

    async def __aenter__(self) -> int:
        if self._through is None:
            return self._port
        self._server = await self._through.serve(self._port)
        return int(self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        if self._through is not None:
            self._server.close()


class BreakingLine:
    """Line that breaks after some bytes from the server, some number of times."""

    def __init__(self, after: int, times: int) -> None:
        self._after, self._times = after, times
        self.connections = 0

    async def serve(self, port: int) -> asyncio.Server:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            budget = self._after if self.connections <= self._times else UNLIMITED
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await asyncio.gather(forward_bytes(reader, server_writer), forward_bytes(server_reader, writer, budget))
            finally:
                writer.close()
                server_writer.close()

        return await asyncio.start_server(handle, "127.0.0.1", 0)


async def forward_bytes(source: asyncio.StreamReader, sink: asyncio.StreamWriter, budget: int = UNLIMITED) -> None:
    """Forward at most so many bytes from one side of a line to the other, and close it."""
    try:
        while budget > 0 and (data := await source.read(min(65536, budget))):
            sink.write(data)
            await sink.drain()
            budget -= len(data)
    except OSError:
        pass
    finally:
        sink.close()


async def list_entries(account: SftpAccount) -> Any:
    return await account.list_entries()


async def fetch_only_entry(account: SftpAccount) -> Any:
    (entry,) = (await account.list_entries()).entries
    outcome = await account.fetch(entry)
    assert isinstance(outcome, Download)
    with outcome:
        return b"".join(outcome.iterate_chunks())
