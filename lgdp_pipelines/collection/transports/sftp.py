"""SFTP: extracts that a council's system puts into a folder for us.

The server proves who it is by a host key that was pinned beforehand, we prove who we are by a private key, and nothing
else is tried: no password, no agent, no configuration of the account that the platform runs as.

Names come from the server and are hostile until looked at: they are only ever sent back to it, never used as a local
path. When a file is whole, ``whole`` says.
"""

import asyncio
import stat
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from typing import cast

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_REGULAR

from lgdp_pipelines.collection.retry import run_with_retries
from lgdp_pipelines.collection.secrets import Secret, account_name, expand_variables, resolve_credential, resolve_secret
from lgdp_pipelines.collection.transports.folder_files import (
    MOST_ENTRIES,
    FolderRouter,
    Timeouts,
    another_file,
    drop_changing,
    listing_of,
    name_refused,
    path_in,
    skip_changing,
    too_many,
    unfinished_name,
)
from lgdp_pipelines.collection.transports.transport import (
    Download,
    Entry,
    ListedEntry,
    Listing,
    NoNewContent,
    SkippedEntry,
)
from lgdp_pipelines.errors import SourceRefused, SourceUnreachable
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.sources import SftpSource

_CHUNK = 4 * 1024**2
_NAMES_IN_ANSWERS = 100
"""Servers tell about so many names of a folder in one answer, and each answer may take its time."""


@dataclass(frozen=True)
class SftpTransport:
    """The SFTP accounts of one source.

    Attributes:
        source: as the register declares it.
        returns: the register's returns by code, to route names by.
        environment: what variables and secret references are read from.
        today: no file is for a period that begins later.
        patience: time-outs and retries.
    """

    source: SftpSource
    returns: Mapping[str, Return]
    environment: Mapping[str, str]
    today: date
    patience: Timeouts = field(default_factory=Timeouts)

    @asynccontextmanager
    async def account(self, council_code: str) -> AsyncIterator["SftpAccount"]:
        """One council's account. The connection is made by the first question and again after a broken line."""
        opened = SftpAccount(self, council_code)
        try:
            yield opened
        finally:
            await opened.close()

    async def connect(self, council_code: str) -> asyncssh.SSHClientConnection:
        """A connection to the pinned host, logged in as the council's account.

        Raises:
            SourceRefused: the host is not the pinned one or does not know our key; or a key is missing or unreadable.
            SourceUnreachable: nobody answered in time.
        """
        where = self.where(council_code)
        own = self.source.for_council(council_code)
        host, port = _host_and_port(expand_variables(own.address, self.environment), where)
        pinned = resolve_secret(own.known_hosts, self.environment, council_code=council_code)
        credential = resolve_credential(self.source, self.environment, council_code)
        key, known = _key(credential), _host_keys(pinned)
        if key is None or known is None:
            raise SourceRefused(
                "The account's private key or the pinned host keys cannot be read.",
                where=where,
                remedy="Put an OpenSSH private key without passphrase, and known_hosts lines, in their places.",
            )
        asyncssh.set_log_level("WARNING")
        with _translated(where):
            return await asyncssh.connect(
                host,
                port,
                username=account_name(self.source, self.environment, council_code),
                client_keys=[key],
                known_hosts=known,
                config=None,
                agent_path=None,
                preferred_auth="publickey",
                connect_timeout=self.patience.connect,
                login_timeout=self.patience.connect,
                keepalive_interval=self.patience.answer,
            )

    def where(self, council_code: str) -> str:
        """The account, for messages."""
        return f"source {self.source.id}, council {council_code}"


class SftpAccount:
    """One council's account over SFTP. See :class:`~lgdp_pipelines.collection.transports.transport.Account`."""

    def __init__(self, transport: SftpTransport, council_code: str) -> None:
        self._transport = transport
        self._council = council_code
        self._patience = transport.patience
        self._looking = FolderRouter(transport.source.returns, transport.returns, transport.today)
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    async def entries(self, known: Collection[ListedEntry] = frozenset()) -> Listing:
        """Regular files in the declared folders that are whole, in order of path; those that are known are left out."""
        return await run_with_retries(lambda: self._list_all(known), self._patience.retry)

    async def fetch(self, entry: Entry) -> Download | SkippedEntry | NoNewContent:
        """The bytes of a file, if it stayed the same while they were read."""
        return await run_with_retries(lambda: self._download(entry), self._patience.retry)

    async def answers(self) -> None:
        """Log in, and ask for nothing but the account's own folder."""
        await run_with_retries(self._look_at_root, self._patience.retry)

    async def deliver(self, folder: str, name: str, content: bytes) -> None:
        """Put a file into a folder of the account, whole or not at all."""
        await run_with_retries(lambda: self._deliver(folder.strip("/"), name, content), self._patience.retry)

    async def close(self) -> None:
        """Leave the server."""
        connection, self._connection, self._client = self._connection, None, None
        if connection is None:
            return
        connection.abort()
        await connection.wait_closed()

    async def _ready(self) -> asyncssh.SFTPClient:
        if self._client is None:
            self._connection = await self._transport.connect(self._council)
            async with asyncio.timeout(self._patience.answer):
                self._client = await self._connection.start_sftp_client(path_errors="surrogateescape")
        return self._client

    @asynccontextmanager
    async def _talking(self) -> AsyncIterator[asyncssh.SFTPClient]:
        """The client, within errors of ours; after a broken line the next question connects afresh."""
        try:
            with _translated(self._transport.where(self._council)):
                yield await self._ready()
        except SourceUnreachable:
            await self.close()
            raise

    async def _look_at_root(self) -> None:
        async with self._talking() as client, asyncio.timeout(self._patience.answer):
            await client.stat(".")

    async def _list_all(self, known: Collection[ListedEntry]) -> Listing:
        async with self._talking() as client:
            found = [one for folder in self._looking.folders for one in await self._list(client, folder, known)]
            return await drop_changing(listing_of(found), lambda entry: self._is_same(client, entry), self._patience)

    async def _list(
        self, client: asyncssh.SFTPClient, folder: str, known: Collection[ListedEntry]
    ) -> list[Entry | SkippedEntry | None]:
        names: list[asyncssh.SFTPName] = []
        count, now = 0, asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(self._patience.answer) as limit:
                async for one in client.scandir(folder or "."):
                    count += 1
                    if count % _NAMES_IN_ANSWERS == 0:
                        limit.reschedule(now() + self._patience.answer)
                    if count > MOST_ENTRIES:
                        raise too_many(self._transport.where(self._council), folder)
                    if (path_in(folder, one.filename), one.attrs.size, one.attrs.mtime) not in known:
                        names.append(one)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return [SkippedEntry(folder or ".", "The account has no such folder.")]
        return [self._look(folder, one) for one in names if one.filename not in {".", ".."}]

    def _look(self, folder: str, listed: asyncssh.SFTPName) -> Entry | SkippedEntry | None:
        raw = listed.filename
        name = raw if isinstance(raw, str) else raw.decode("utf-8", "surrogateescape")
        attributes = listed.attrs
        if not _is_regular(attributes) and name_refused(name) is None:
            return None  # folders and links are a council's own affair
        modified = None if attributes.mtime is None else int(attributes.mtime)
        return self._looking.at(folder, name, attributes.size, modified)

    async def _is_same(self, client: asyncssh.SFTPClient, entry: Entry) -> bool:
        try:
            async with asyncio.timeout(self._patience.answer):
                now = await client.lstat(entry.path)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return False
        return _is_regular(now) and now.size == entry.size and now.mtime == entry.modified

    async def _download(self, entry: Entry) -> Download | SkippedEntry:
        async with self._talking() as client:
            download = Download(modified=entry.modified)
            try:
                whole = await self._read(client, entry, download) and await self._is_same(client, entry)
            except BaseException as error:
                download.close()
                if isinstance(error, asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath):
                    return SkippedEntry(entry.name, "It was taken away after it was listed.")
                raise
            if whole:
                return download
            download.close()
            return skip_changing(entry)

    async def _read(self, client: asyncssh.SFTPClient, entry: Entry, download: Download) -> bool:
        """Whether exactly as many bytes came as were listed; never reads much more than that."""
        wanted = entry.size or 0
        async with asyncio.timeout(self._patience.answer):
            file = await client.open(entry.path, "rb", encoding=None)
        try:
            while download.size <= wanted:
                async with asyncio.timeout(self._patience.answer):
                    # Opened without an encoding, so what is read is bytes.
                    chunk = cast("bytes", await file.read(_CHUNK, download.size))
                if not chunk:
                    break
                download.add(chunk)
        finally:
            async with asyncio.timeout(self._patience.answer):
                await file.close()
        return download.size == wanted

    async def _deliver(self, folder: str, name: str, content: bytes) -> None:
        path, unfinished = f"{folder}/{name}", f"{folder}/{unfinished_name(name)}"
        async with self._talking() as client:
            if await self._holds(client, path, content):
                return
            async with asyncio.timeout(self._patience.answer):
                with suppress(asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
                    await client.remove(unfinished)  # what an earlier delivery left that died
            try:
                await self._write(client, unfinished, content)
            except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as error:
                raise SourceRefused(
                    "The account has no such outbox.",
                    where=f"{self._transport.where(self._council)}, folder {folder}",
                    remedy="Ask the council to make the folder, or correct the source's outbox.",
                ) from error
            try:
                async with asyncio.timeout(self._patience.answer):
                    await client.rename(unfinished, path)  # without a flag, so that nothing is overwritten
            except asyncssh.SFTPError:
                if not await self._holds(client, path, content):
                    raise

    async def _write(self, client: asyncssh.SFTPClient, path: str, content: bytes) -> None:
        async with asyncio.timeout(self._patience.answer):
            file = await client.open(path, "xb", encoding=None)
        try:
            for start in range(0, len(content), _CHUNK):
                async with asyncio.timeout(self._patience.answer):
                    await file.write(content[start : start + _CHUNK], start)
        finally:
            async with asyncio.timeout(self._patience.answer):
                await file.close()

    async def _holds(self, client: asyncssh.SFTPClient, path: str, content: bytes) -> bool:
        """Whether a file with exactly these bytes is there.

        Raises:
            SourceRefused: something else of that name is there.
        """
        async with asyncio.timeout(self._patience.answer):
            try:
                there = await client.lstat(path)
            except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
                return False
            if _is_regular(there) and there.size == len(content):
                async with client.open(path, "rb", encoding=None) as file:
                    if cast("bytes", await file.read(len(content) + 1, 0)) == content:
                        return True
        raise another_file(self._transport.where(self._council), path)


def _key(credential: Secret) -> asyncssh.SSHKey | None:
    """A private key; None where it is none. No error is kept: a parser's message can quote what it could not parse."""
    try:
        return asyncssh.import_private_key(credential.reveal())
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
        return None


def _host_keys(pinned: Secret) -> asyncssh.SSHKnownHosts | None:
    """Pinned host keys; None where they are none."""
    try:
        return asyncssh.import_known_hosts(pinned.reveal())
    except (asyncssh.KeyImportError, ValueError):
        return None


def _is_regular(attributes: asyncssh.SFTPAttrs) -> bool:
    if attributes.permissions is not None and stat.S_IFMT(attributes.permissions):
        return stat.S_ISREG(attributes.permissions)
    return attributes.type == FILEXFER_TYPE_REGULAR


def _host_and_port(address: str, where: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise SourceRefused("The source's address is not host:port.", where=where, remedy="Correct its address.")
    return host.strip("[]"), int(port)


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """Errors of the library as errors of ours. Their messages are not carried over where they could quote a server."""
    try:
        yield
    except asyncssh.HostKeyNotVerifiable as error:
        raise SourceRefused(
            "The server's host key is not the one that was pinned.",
            where=where,
            remedy="Nothing was sent. Ask the council whether its key has changed, and compare it before pinning it.",
        ) from error
    except asyncssh.PermissionDenied as error:
        raise SourceRefused(
            "The server does not accept our key for this account.",
            where=where,
            remedy="Ask the council to allow the account's public key, or correct the account's name.",
        ) from error
    except (asyncssh.KeyExchangeFailed, asyncssh.ProtocolNotSupported, asyncssh.ServiceNotAvailable) as error:
        raise SourceRefused(
            "The server speaks no protocol that we accept.", where=where, remedy="Ask the council to update its server."
        ) from error
    except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.DisconnectError, OSError) as error:
        raise SourceUnreachable(
            "The server did not answer, or the line broke.",
            where=where,
            remedy="It is tried again at the next collection; if it stays so, ask the council about its server.",
        ) from error
    except asyncssh.ChannelOpenError as error:
        raise SourceRefused(
            "The server offers no SFTP to this account.", where=where, remedy="Ask the council to allow SFTP for it."
        ) from error
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
        raise
    except asyncssh.SFTPError as error:
        raise SourceRefused(
            f"The server refused what was asked (SFTP status {error.code}).",
            where=where,
            remedy="Ask the council whether the account may list and read its folders.",
        ) from error
