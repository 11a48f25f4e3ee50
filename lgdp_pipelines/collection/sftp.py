"""SFTP: extracts that a council's system puts into a folder for us.

The server proves who it is by a host key that was pinned beforehand, we prove who we are by a private key, and nothing
else is tried: no password, no agent, no configuration of the account that the platform runs as.

A file still being written is left until it is whole, which nobody announces. So: names that stand for work in progress
(dot files, ``.part``, ``.tmp``, ``.filepart`` and the like) are never taken; a file is taken only once its last change
is some time ago, or once two looks a little apart saw the same size and time; and after the download size and time are
compared once more. What changed meanwhile is left for the next time, and so is a writer that paused for longer than
that: its file has another size then, and is fetched again as a new extract.

Names come from the server and are hostile until looked at: they are only ever sent back to it, never used as a local
path.
"""

import asyncio
import stat
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from time import time
from typing import cast

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_REGULAR

from lgdp_pipelines.collection.retry import Retry, retried
from lgdp_pipelines.collection.routing import expected_in, route
from lgdp_pipelines.collection.secrets import account_name, credential_of, expand, resolve
from lgdp_pipelines.collection.transport import LARGEST_EXTRACT, Download, Entry, Left, Listing, NoNews, shown
from lgdp_pipelines.errors import SourceRefused, SourceUnreachable
from lgdp_pipelines.register.model import Return
from lgdp_pipelines.register.source import Source, SourceReturn

UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".swp", "~")
"""Endings, in lower case, that programs give to files they have not finished."""

MOST_ENTRIES = 100_000
"""A folder with more entries than this is refused: it is no folder of extracts."""

_CHUNK = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server and a writer are waited for.

    Attributes:
        connect: seconds for a connection and a log-in.
        answer: seconds for any one answer.
        settled: a file that was last changed so many seconds ago is whole.
        second_look: seconds between the two looks at a file changed more recently.
        retry: what is done where nobody answers.
    """

    connect: float = 15.0
    answer: float = 60.0
    settled: float = 60.0
    second_look: float = 3.0
    retry: Retry = field(default_factory=Retry)


def name_refused(name: str) -> str | None:
    """Why a name from a server is not even tried; None where it may be."""
    if not name or len(name) > 255:
        return "The name is empty or longer than 255 characters."
    if "/" in name or "\\" in name or name in {".", ".."}:
        return "The name has a path separator in it."
    if not name.isprintable():
        return "The name has control characters, or bytes that are not UTF-8, in it."
    return None


def is_unfinished(name: str) -> bool:
    """Whether a name stands for a file that its writer has not finished."""
    return name.startswith(".") or name.casefold().endswith(UNFINISHED)


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

    source: Source
    returns: Mapping[str, Return]
    environment: Mapping[str, str]
    today: date
    patience: Patience = Patience()

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
        own = self.source.of(council_code)
        host, port = _host_and_port(expand(own.address, self.environment), where)
        if own.known_hosts is None:
            raise SourceRefused("The source has no pinned host keys.", where=where, remedy="Add known_hosts to it.")
        pinned = resolve(own.known_hosts, self.environment, council_code=council_code)
        credential = credential_of(self.source, self.environment, council_code)
        try:
            key = asyncssh.import_private_key(credential.reveal())
            known = asyncssh.import_known_hosts(pinned.reveal())
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
            # The cause is dropped on purpose: a parser's message can quote what it could not parse.
            raise SourceRefused(
                "The account's private key or the pinned host keys cannot be read.",
                where=where,
                remedy="Put an OpenSSH private key without passphrase, and known_hosts lines, in their places.",
            ) from None
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
    """One council's account over SFTP. See :class:`~lgdp_pipelines.collection.transport.Account`."""

    def __init__(self, transport: SftpTransport, council_code: str) -> None:
        self._transport = transport
        self._council = council_code
        self._patience = transport.patience
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    async def entries(self) -> Listing:
        """Regular files in the declared folders that are whole, in order of path."""
        return await retried(self._list_all, self._patience.retry)

    async def fetch(self, entry: Entry) -> Download | Left | NoNews:
        """The bytes of a file, if it stayed the same while they were read."""
        return await retried(lambda: self._download(entry), self._patience.retry)

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

    async def _list_all(self) -> Listing:
        async with self._talking() as client:
            found = [await self._list(client, folder) for folder in _folders(self._transport.source.returns)]
            listing = Listing(
                tuple(sorted((entry for one in found for entry in one.entries), key=lambda entry: entry.path)),
                tuple(left for one in found for left in one.left),
            )
            return await self._settled(client, listing)

    async def _list(self, client: asyncssh.SFTPClient, folder: str) -> Listing:
        names: list[asyncssh.SFTPName] = []
        try:
            async with asyncio.timeout(self._patience.answer):
                async for one in client.scandir(folder or "."):
                    names.append(one)
                    if len(names) > MOST_ENTRIES:
                        raise SourceRefused(
                            f"A folder holds more than {MOST_ENTRIES} entries.",
                            where=f"{self._transport.where(self._council)}, folder {folder or '.'}",
                            remedy="Ask the council to clear files that were collected long ago.",
                        )
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return Listing((), (Left(folder or ".", "The account has no such folder."),))
        looked = [self._look(folder, one) for one in names if one.filename not in {".", ".."}]
        return Listing(
            tuple(one for one in looked if isinstance(one, Entry)),
            tuple(one for one in looked if isinstance(one, Left)),
        )

    def _look(self, folder: str, listed: asyncssh.SFTPName) -> Entry | Left | None:
        raw = listed.filename
        name = raw if isinstance(raw, str) else raw.decode("utf-8", "surrogateescape")
        refused = name_refused(name)
        if refused:
            return Left(shown(name), refused)
        attributes = listed.attrs
        if not _is_regular(attributes):
            return None  # folders and links are a council's own affair
        if is_unfinished(name):
            return Left(name, "The name says that it is still being written.")
        if attributes.size is None or attributes.mtime is None:
            return Left(name, "The server does not say its size and time, so nobody can tell whether it is whole.")
        if attributes.size > LARGEST_EXTRACT:
            return Left(name, f"It is larger than {LARGEST_EXTRACT} bytes.")
        transport = self._transport
        expected = expected_in(folder, transport.source.returns)
        routing = route(name, expected, transport.returns, today=transport.today)
        return Entry(f"{folder}/{name}" if folder else name, name, attributes.size, int(attributes.mtime), routing)

    async def _settled(self, client: asyncssh.SFTPClient, listing: Listing) -> Listing:
        before = time() - self._patience.settled
        fresh = [entry for entry in listing.entries if (entry.modified or 0) > before]
        if not fresh:
            return listing
        await asyncio.sleep(self._patience.second_look)
        growing = {entry.path for entry in fresh if not await self._is_same(client, entry)}
        return Listing(
            tuple(entry for entry in listing.entries if entry.path not in growing),
            listing.left + tuple(_growing(entry) for entry in fresh if entry.path in growing),
        )

    async def _is_same(self, client: asyncssh.SFTPClient, entry: Entry) -> bool:
        try:
            async with asyncio.timeout(self._patience.answer):
                now = await client.lstat(entry.path)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return False
        return _is_regular(now) and now.size == entry.size and now.mtime == entry.modified

    async def _download(self, entry: Entry) -> Download | Left:
        async with self._talking() as client:
            download = Download(modified=entry.modified)
            try:
                whole = await self._read(client, entry, download) and await self._is_same(client, entry)
            except BaseException as error:
                download.close()
                if isinstance(error, asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath):
                    return Left(entry.name, "It was taken away after it was listed.")
                raise
            if whole:
                return download
            download.close()
            return _growing(entry)

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


def _growing(entry: Entry) -> Left:
    return Left(entry.name, "It changed while it was looked at; it is fetched once it stays the same.")


def _is_regular(attributes: asyncssh.SFTPAttrs) -> bool:
    if attributes.permissions is not None and stat.S_IFMT(attributes.permissions):
        return stat.S_ISREG(attributes.permissions)
    return attributes.type == FILEXFER_TYPE_REGULAR


def _folders(source_returns: Sequence[SourceReturn]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.folder.strip("/") for one in source_returns))


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
