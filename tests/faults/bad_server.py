"""A council's SFTP server that misbehaves on demand: it breaks the line at a phase, or tells names from hell.

Belongs here: the server. Belongs elsewhere: what the platform makes of it (``test_bad_lines``).
"""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

PHASES = ("before its banner", "during the key exchange", "while we log in", "while it lists", "while a file is read")


@dataclass
class Mood:
    """How the server behaves at the moment.

    Attributes:
        breaks: the phase at which it breaks every line; None: never.
        names: names that it lists besides the files that are there.
        locked: whether it knows nobody's key.
    """

    breaks: str | None = None
    names: list[bytes] = field(default_factory=list)
    locked: bool = False


@dataclass
class BadServer:
    """A server at work.

    Attributes:
        root: folder of all accounts; ``root/<account>`` is what an account sees as ``/``.
        port: where it answers on this machine.
        mood: how it behaves; may be changed while it is at work.
        client_key: private key that opens every account, in OpenSSH form.
        known_hosts: line that pins its host key.
    """

    root: Path
    port: int
    mood: Mood
    client_key: bytes
    known_hosts: str


class _KeyOnlyServer(asyncssh.SSHServer):
    def __init__(self, mood: Mood, client: asyncssh.SSHKey) -> None:
        self._mood, self._client = mood, client
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        del username
        if self._mood.breaks == "while we log in" and self._connection:
            self._connection.abort()
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        del username
        return not self._mood.locked and key.public_data == self._client.public_data


class _Files(asyncssh.SFTPServer):
    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", root: Path, mood: Mood) -> None:
        super().__init__(channel, chroot=str(root / channel.get_extra_info("username")).encode())
        self._mood, self._channel = mood, channel
        self._sent = 0

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        if self._mood.breaks == "while it lists":
            self._channel.get_connection().abort()
        async for entry in super().scandir(path):
            yield entry
        for name in self._mood.names:
            attributes = asyncssh.SFTPAttrs(size=5, permissions=0o100644, mtime=1_700_000_000, atime=1_700_000_000)
            yield asyncssh.SFTPName(name, b"", attributes)

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        if self._mood.breaks == "while a file is read" and self._sent:
            self._channel.get_connection().abort()
        self._sent += size
        return super().read(file_obj, offset, min(size, 1000))  # type: ignore[return-value]


async def _serve(
    listening: socket.socket, mood: Mood, make: Callable[[], asyncssh.SSHServer], **options: object
) -> None:
    behind = await asyncssh.listen("127.0.0.1", 0, server_factory=make, **options)  # type: ignore[arg-type]
    behind_port = behind.sockets[0].getsockname()[1]

    async def line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Between platform and server: it breaks where the server itself no longer could."""
        if mood.breaks == "before its banner":
            writer.close()
            return
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", behind_port)
        budget = 300 if mood.breaks == "during the key exchange" else 10**12
        try:
            await asyncio.gather(_pass(reader, server_writer, 10**12), _pass(server_reader, writer, budget))
        finally:
            writer.close()
            server_writer.close()

    async with await asyncio.start_server(line, sock=listening), behind:
        await asyncio.get_running_loop().create_future()


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter, budget: int) -> None:
    try:
        while budget > 0 and (data := await source.read(min(65536, budget))):
            sink.write(data)
            await sink.drain()
            budget -= len(data)
    except OSError:
        pass
    finally:
        sink.close()


@contextmanager
def bad_server(root: Path) -> Iterator[BadServer]:
    """A server on this machine for as long as the block lasts."""
    host, client = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    mood = Mood()
    loop = asyncio.new_event_loop()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        serving = loop.create_task(
            _serve(
                listening,
                mood,
                lambda: _KeyOnlyServer(mood, client),
                server_host_keys=[host],
                sftp_factory=lambda channel: _Files(channel, root, mood),
                config=None,
            )
        )
        thread = threading.Thread(target=lambda: _until_cancelled(loop, serving), daemon=True)
        thread.start()
        pinned = host.export_public_key().decode().strip()
        try:
            yield BadServer(root, port, mood, client.export_private_key(), f"[127.0.0.1]:{port} {pinned}")
        finally:
            loop.call_soon_threadsafe(serving.cancel)
            thread.join(10)
            loop.close()


def _until_cancelled(loop: asyncio.AbstractEventLoop, serving: "asyncio.Task[None]") -> None:
    try:
        loop.run_until_complete(serving)
    except asyncio.CancelledError:
        return
