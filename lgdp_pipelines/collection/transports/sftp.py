"""SFTP: extracts that a council's system puts into a folder for us.

The server proves its identity by a host key that was pinned beforehand, and we prove ours by a private key. Nothing
else is tried: no password, no agent, and no configuration of the account that the platform runs as.

Names come from the server and are hostile until checked: they are only ever sent back to it, never used as a local
path. ``folder_files`` says when a file is complete.
"""

import asyncio
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar, cast

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_REGULAR

from lgdp_pipelines.collection.retry import run_with_retries
from lgdp_pipelines.collection.secrets import resolve_credential, resolve_secret
from lgdp_pipelines.collection.transports.folder_files import (
    MOST_ENTRIES,
    FolderTransport,
    join_path,
    make_unfinished_name,
    refuse_crowded_folder,
    refuse_name,
    refuse_overwriting,
    skip_changing,
)
from lgdp_pipelines.collection.transports.transport import (
    NO_VALIDATORS,
    CacheValidators,
    Download,
    Entry,
    ListedEntry,
    Listing,
    NoNewContent,
    SkippedEntry,
)
from lgdp_pipelines.errors import SourceRefused, SourceUnreachable
from lgdp_pipelines.register.model.sources import SftpSource

T = TypeVar("T")

_CHUNK = 4 * 1024**2
_NO_FILE = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)
_NAMES_IN_ANSWERS = 100
"""Names of a folder that a server lists in one answer; each answer has its own time limit."""


@dataclass(frozen=True)
class SftpTransport(FolderTransport[SftpSource]):
    """The SFTP accounts of one source."""

    @asynccontextmanager
    async def open_account(self, council_code: str) -> AsyncIterator["SftpAccount"]:
        """Yield a council's account, which connects at its first request.

        After a broken line, the next request connects again. The connection is closed at the end.
        """
        account = SftpAccount(self, council_code)
        try:
            yield account
        finally:
            await account.close()

    async def connect(self, council_code: str) -> asyncssh.SSHClientConnection:
        """Return a connection to the pinned host, for a council's account.

        Raises:
            SourceRefused: the host is not the pinned one or does not know our key; or a key is missing or unreadable.
            SourceUnreachable: no server answered in time.
        """
        location = self.describe(council_code)
        council_source = self.source.for_council(council_code)
        host, port = _parse_address(self.expand(council_source.address), location)
        pinned = resolve_secret(council_source.known_hosts, self.environment, council_code=council_code)
        credential = resolve_credential(self.source, self.environment, council_code)
        key: asyncssh.SSHKey | None = None
        host_keys: asyncssh.SSHKnownHosts | None = None
        # No error is kept: a parser's message can quote the text.
        with suppress(asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
            key = asyncssh.import_private_key(credential.reveal())
            host_keys = asyncssh.import_known_hosts(pinned.reveal())
        if key is None or host_keys is None:
            raise SourceRefused(
                "The account's private key or the pinned host keys cannot be read.",
                where=location,
                remedy="Put an OpenSSH private key without passphrase, and known_hosts lines, in their places.",
            )
        asyncssh.set_log_level("WARNING")
        with _translate_errors(location):
            return await asyncssh.connect(
                host,
                port,
                username=self.resolve_account_name(council_code),
                client_keys=[key],
                known_hosts=host_keys,
                config=None,
                agent_path=None,
                preferred_auth="publickey",
                connect_timeout=self.timeouts.connect_seconds,
                login_timeout=self.timeouts.connect_seconds,
                keepalive_interval=self.timeouts.answer_seconds,
            )


class SftpAccount:
    """One council's account over SFTP. See :class:`~lgdp_pipelines.collection.transports.transport.Account`."""

    def __init__(self, transport: SftpTransport, council_code: str) -> None:
        self._transport = transport
        self._council = council_code
        self._location = transport.describe(council_code)
        self._answer_seconds = transport.timeouts.answer_seconds
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    async def list_entries(self, known_entries: Collection[ListedEntry] = frozenset()) -> Listing:
        """Return unknown complete files of the declared folders, and skipped ones."""
        return await self._retry(lambda: self._list_all(known_entries))

    async def fetch(
        self,
        entry: Entry,
        validators: CacheValidators = NO_VALIDATORS,  # noqa: ARG002 - a listing says what is new
    ) -> Download | SkippedEntry | NoNewContent:
        """Return a file's bytes, or skip it if changed or gone."""
        return await self._retry(lambda: self._download(entry))

    async def probe(self) -> None:
        """Log in, and read the state of the account's own folder."""
        await self._retry(self._look_at_root)

    async def deliver(self, folder: str, name: str, content: bytes) -> None:
        """Deliver a file atomically; leave an identical one, refuse to overwrite another."""
        await self._retry(lambda: self._deliver(folder.strip("/"), name, content))

    async def _retry(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Return the result of an operation, with retries."""
        return await run_with_retries(operation, self._transport.timeouts.retry)

    async def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection, self._client = self._connection, None, None
        if connection is None:
            return
        connection.abort()
        await connection.wait_closed()

    async def _connect(self) -> asyncssh.SFTPClient:
        """Return the account's SFTP client, connecting first if needed."""
        if self._client is None:
            self._connection = await self._transport.connect(self._council)
            async with asyncio.timeout(self._answer_seconds):
                self._client = await self._connection.start_sftp_client(path_errors="surrogateescape")
        return self._client

    @asynccontextmanager
    async def _open_session(self) -> AsyncIterator[asyncssh.SFTPClient]:
        """Yield the client and translate its errors; disconnect after a broken line.

        The next request then connects afresh.
        """
        try:
            with _translate_errors(self._location):
                yield await self._connect()
        except SourceUnreachable:
            await self.close()
            raise

    async def _look_at_root(self) -> None:
        """Read the state of the account's own folder."""
        async with self._open_session() as client, asyncio.timeout(self._answer_seconds):
            await client.stat(".")

    async def _list_all(self, known_entries: Collection[ListedEntry]) -> Listing:
        """Return unknown complete files of all declared folders, and skipped ones."""
        async with self._open_session() as client:
            files = [
                file
                for folder in self._transport.folders
                for file in await self._list_folder(client, folder, known_entries)
            ]
            return await self._transport.list_complete(files, lambda entry: self._is_same(client, entry))

    async def _list_folder(
        self, client: asyncssh.SFTPClient, folder: str, known_entries: Collection[ListedEntry]
    ) -> list[Entry | SkippedEntry | None]:
        """Return the unknown files of one folder, with reasons for skipped ones.

        A missing folder is one skipped entry; folders and links are None.
        """
        names: list[asyncssh.SFTPName] = []
        count, read_clock = 0, asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(self._answer_seconds) as limit:
                async for name in client.scandir(folder or "."):
                    count += 1
                    if count % _NAMES_IN_ANSWERS == 0:
                        limit.reschedule(read_clock() + self._answer_seconds)
                    if count > MOST_ENTRIES:
                        raise refuse_crowded_folder(self._location, folder)
                    if (join_path(folder, name.filename), name.attrs.size, name.attrs.mtime) not in known_entries:
                        names.append(name)
        except _NO_FILE:
            return [SkippedEntry(folder or ".", "The account has no such folder.")]
        return [self._classify(folder, name) for name in names if name.filename not in {".", ".."}]

    def _classify(self, folder: str, listed: asyncssh.SFTPName) -> Entry | SkippedEntry | None:
        """Return an entry or skipped file; None for folders and links."""
        raw = listed.filename
        name = raw if isinstance(raw, str) else raw.decode("utf-8", "surrogateescape")
        attributes = listed.attrs
        if not _is_regular(attributes) and refuse_name(name) is None:
            return None  # folders and links are not extracts
        modified_seconds = None if attributes.mtime is None else int(attributes.mtime)
        return self._transport.classify(folder, name, attributes.size, modified_seconds)

    async def _is_same(self, client: asyncssh.SFTPClient, entry: Entry) -> bool:
        """Return whether a file still has its listed size and time."""
        try:
            async with asyncio.timeout(self._answer_seconds):
                status = await client.lstat(entry.path)
        except _NO_FILE:
            return False
        return _is_regular(status) and status.size == entry.size and status.mtime == entry.modified_seconds

    async def _download(self, entry: Entry) -> Download | SkippedEntry:
        """Return a file's bytes; skip it if it changed or is gone."""
        async with self._open_session() as client:
            with ExitStack() as stack:
                download = stack.enter_context(Download(modified_seconds=entry.modified_seconds))
                try:
                    if await self._read(client, entry, download) and await self._is_same(client, entry):
                        stack.pop_all()  # the caller closes it
                        return download
                except _NO_FILE:
                    return SkippedEntry(entry.name, "It was taken away after it was listed.")
        return skip_changing(entry)

    async def _read(self, client: asyncssh.SFTPClient, entry: Entry, download: Download) -> bool:
        """Read a file into a download; return whether its size is unchanged.

        Never reads much more than that.
        """
        size = entry.size or 0
        async with self._open(client, entry.path, "rb") as file:
            while download.size <= size:
                async with asyncio.timeout(self._answer_seconds):
                    # Opened without an encoding, so what is read is bytes.
                    chunk = cast("bytes", await file.read(_CHUNK, download.size))
                if not chunk:
                    break
                download.append(chunk)
        return download.size == size

    @asynccontextmanager
    async def _open(self, client: asyncssh.SFTPClient, path: str, mode: str) -> AsyncIterator[asyncssh.SFTPClientFile]:
        """Yield a file, opened and closed within the time for an answer."""
        async with asyncio.timeout(self._answer_seconds):
            file = await client.open(path, mode, encoding=None)
        try:
            yield file
        finally:
            async with asyncio.timeout(self._answer_seconds):
                await file.close()

    async def _deliver(self, folder: str, name: str, content: bytes) -> None:
        """Write and rename a file; keep identical bytes, refuse other bytes there.

        Another file of its name is refused, never overwritten.
        """
        path, unfinished = f"{folder}/{name}", f"{folder}/{make_unfinished_name(name)}"
        async with self._open_session() as client:
            if await self._has_file(client, path, content):
                return
            async with asyncio.timeout(self._answer_seconds):
                with suppress(*_NO_FILE):
                    await client.remove(unfinished)  # left by an earlier delivery that died
            try:
                await self._write(client, unfinished, content)
            except _NO_FILE as error:
                raise SourceRefused(
                    "The account has no such outbox.",
                    where=f"{self._location}, folder {folder}",
                    remedy="Ask the council to make the folder, or correct the source's outbox.",
                ) from error
            try:
                async with asyncio.timeout(self._answer_seconds):
                    await client.rename(unfinished, path)  # without a flag, so that nothing is overwritten
            except asyncssh.SFTPError:
                if not await self._has_file(client, path, content):
                    raise

    async def _write(self, client: asyncssh.SFTPClient, path: str, content: bytes) -> None:
        """Write a new file in parts; refuse to overwrite one."""
        async with self._open(client, path, "xb") as file:
            for start in range(0, len(content), _CHUNK):
                async with asyncio.timeout(self._answer_seconds):
                    await file.write(content[start : start + _CHUNK], start)

    async def _has_file(self, client: asyncssh.SFTPClient, path: str, content: bytes) -> bool:
        """Return whether a file holds exactly these bytes; refuse a different file.

        Raises:
            SourceRefused: another file of that name is there.
        """
        async with asyncio.timeout(self._answer_seconds):
            try:
                attributes = await client.lstat(path)
            except _NO_FILE:
                return False
            if _is_regular(attributes) and attributes.size == len(content):
                async with client.open(path, "rb", encoding=None) as file:
                    if cast("bytes", await file.read(len(content) + 1, 0)) == content:
                        return True
        raise refuse_overwriting(self._location, path)


def _is_regular(attributes: asyncssh.SFTPAttrs) -> bool:
    """Return whether attributes are those of a regular file."""
    if attributes.permissions is not None and stat.S_IFMT(attributes.permissions):
        return stat.S_ISREG(attributes.permissions)
    return attributes.type == FILEXFER_TYPE_REGULAR


def _parse_address(address: str, location: str) -> tuple[str, int]:
    """Return the host and port in an address; refuse other forms."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise SourceRefused("The source's address is not host:port.", where=location, remedy="Correct its address.")
    return host.strip("[]"), int(port)


@contextmanager
def _translate_errors(location: str) -> Iterator[None]:
    """Raise the library's errors as a source's; missing-file errors pass unchanged.

    Their messages are left out, because they could quote a server.
    """
    try:
        yield
    except asyncssh.HostKeyNotVerifiable as error:
        raise SourceRefused(
            "The server's host key is not the one that was pinned.",
            where=location,
            remedy="Nothing was sent. Ask the council whether its key has changed, and compare it before pinning it.",
        ) from error
    except asyncssh.PermissionDenied as error:
        raise SourceRefused(
            "The server does not accept our key for this account.",
            where=location,
            remedy="Ask the council to allow the account's public key, or correct the account's name.",
        ) from error
    except (asyncssh.KeyExchangeFailed, asyncssh.ProtocolNotSupported, asyncssh.ServiceNotAvailable) as error:
        raise SourceRefused(
            "The server offers no protocol that the platform accepts.",
            where=location,
            remedy="Ask the council to update its server.",
        ) from error
    except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.DisconnectError, OSError) as error:
        raise SourceUnreachable(
            "The server did not answer, or the line broke.",
            where=location,
            remedy="The next collection tries again. If the error persists, ask the council about its server.",
        ) from error
    except asyncssh.ChannelOpenError as error:
        raise SourceRefused(
            "The server offers no SFTP to this account.", where=location, remedy="Ask the council to allow SFTP for it."
        ) from error
    except _NO_FILE:
        raise
    except asyncssh.SFTPError as error:
        raise SourceRefused(
            f"The server refused the request (SFTP status {error.code}).",
            where=location,
            remedy="Ask the council whether the account may list and read its folders.",
        ) from error
