"""A council's SFTP server that misbehaves on demand: it breaks the line at a phase, or lists bad names.

Belongs here: the server. Belongs elsewhere: what the platform does about it (``test_bad_lines``).
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from tests.support.background_server import run_in_background
from tests.support.sftp_line import UNLIMITED, forward_bytes

PHASES = ("before its banner", "during the key exchange", "while we log in", "while it lists", "while a file is read")


@dataclass
class ServerBehaviour:
    """Behaviour of the server, which a test may change while it runs.

    Attributes:
        break_phase: phase in which the server breaks every line; None: never.
        extra_names: names that it lists beside the files of an account.
        refuses_keys: whether it refuses every key.
    """

    break_phase: str | None = None
    extra_names: list[bytes] = field(default_factory=list)
    refuses_keys: bool = False


@dataclass
class BadServer:
    """Running server.

    Attributes:
        root: folder of all accounts; an account sees ``root/<account>`` as ``/``.
        port: port on this machine.
        behaviour: its behaviour, which a test may change.
        client_key: private key that opens every account, in OpenSSH form.
        known_hosts: line that pins its host key.
    """

    root: Path
    port: int
    behaviour: ServerBehaviour
    client_key: bytes
    known_hosts: str


class _KeyOnlyServer(asyncssh.SSHServer):
    def __init__(self, behaviour: ServerBehaviour, client: asyncssh.SSHKey) -> None:
        self._behaviour, self._client = behaviour, client
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        del username
        if self._behaviour.break_phase == "while we log in" and self._connection:
            self._connection.abort()
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        del username
        return not self._behaviour.refuses_keys and key.public_data == self._client.public_data


class _BreakingSftpServer(asyncssh.SFTPServer):
    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", root: Path, behaviour: ServerBehaviour) -> None:
        super().__init__(channel, chroot=str(root / channel.get_extra_info("username")).encode())
        self._behaviour, self._channel = behaviour, channel
        self._sent = 0

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        if self._behaviour.break_phase == "while it lists":
            self._channel.get_connection().abort()
        async for entry in super().scandir(path):
            yield entry
        for name in self._behaviour.extra_names:
            attributes = asyncssh.SFTPAttrs(size=5, permissions=0o100644, mtime=1_700_000_000, atime=1_700_000_000)
            yield asyncssh.SFTPName(name, b"", attributes)

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        if self._behaviour.break_phase == "while a file is read" and self._sent:
            self._channel.get_connection().abort()
        self._sent += size
        return super().read(file_obj, offset, min(size, 1000))  # type: ignore[return-value]


async def _serve(
    listening_socket: socket.socket,
    behaviour: ServerBehaviour,
    create_server: Callable[[], asyncssh.SSHServer],
    **options: object,
) -> None:
    sftp_server = await asyncssh.listen("127.0.0.1", 0, server_factory=create_server, **options)  # type: ignore[arg-type]
    sftp_port = sftp_server.sockets[0].getsockname()[1]

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay bytes between client and server, and break the line where the server itself cannot."""
        if behaviour.break_phase == "before its banner":
            writer.close()
            return
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", sftp_port)
        budget = 300 if behaviour.break_phase == "during the key exchange" else UNLIMITED
        try:
            await asyncio.gather(forward_bytes(reader, server_writer), forward_bytes(server_reader, writer, budget))
        finally:
            writer.close()
            server_writer.close()

    async with await asyncio.start_server(relay, sock=listening_socket), sftp_server:
        await asyncio.get_running_loop().create_future()


@contextmanager
def run_bad_server(root: Path) -> Iterator[BadServer]:
    """Serve the accounts below a folder while the block runs."""
    host_key, client_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    behaviour = ServerBehaviour()

    async def serve(listening_socket: socket.socket) -> None:
        await _serve(
            listening_socket,
            behaviour,
            lambda: _KeyOnlyServer(behaviour, client_key),
            server_host_keys=[host_key],
            sftp_factory=lambda channel: _BreakingSftpServer(channel, root, behaviour),
            config=None,
        )

    pinned_key = host_key.export_public_key().decode().strip()
    with run_in_background(serve) as port:
        yield BadServer(root, port, behaviour, client_key.export_private_key(), f"[127.0.0.1]:{port} {pinned_key}")
