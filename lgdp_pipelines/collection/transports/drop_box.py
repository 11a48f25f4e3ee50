"""Drop boxes: extracts that a council delivers over SFTP into a folder of its own on the platform's server.

The server (``drop_box_server`` describes it) shuts each account into ``<address>/<account>``; what a council writes
lies below it in the folders that the source declares, and what goes back to it in the source's outbox. Whose a file is,
the folder says, and that it is the account's own: a file that belongs to anybody else is not taken.

Everything below an account's folder is written by somebody else and may change while it is looked at. So nothing is
ever opened by a path: each folder is opened from the one above it, each file from its folder, never through a symbolic
link; and what was opened is looked at again before a byte is taken. Links, pipes and sockets are left. When a file is
whole, ``whole`` says.
"""

import asyncio
import errno
import os
import pwd
import stat
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from lgdp_pipelines.collection.secrets import account_name, expand_variables
from lgdp_pipelines.collection.transports.folder_files import (
    MOST_ENTRIES,
    FolderRouter,
    Timeouts,
    another_file,
    drop_changing,
    listing_of,
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
    printable_name,
)
from lgdp_pipelines.errors import SourceRefused, SourceUnreachable
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.sources import DropBoxSource
from lgdp_pipelines.settings import PROJECT

LEAST_SPACE = 256 * 1024**2
"""Bytes: with less left, a drop box is not well, for the next council's extract may not fit."""

_CHUNK = 4 * 1024**2
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""Opening a pipe without O_NONBLOCK would wait for its writer for ever."""
_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
"""Nothing there, a link, or a socket or pipe."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SET_UP = "Let the administrator run what `lgdp dropbox setup` prints for the source."


@dataclass(frozen=True)
class DropBoxTransport:
    """The drop boxes of one source.

    Attributes:
        source: as the register declares it.
        returns: the register's returns by code, to route names by.
        environment: what variables are read from.
        today: no file is for a period that begins later.
        patience: how long a writer is waited for.
    """

    source: DropBoxSource
    returns: Mapping[str, Return]
    environment: Mapping[str, str]
    today: date
    patience: Timeouts = field(default_factory=Timeouts)

    @asynccontextmanager
    async def account(self, council_code: str) -> AsyncIterator["DropBoxAccount"]:
        """One council's drop box.

        Raises:
            SourceRefused: it is not there.
        """
        where = f"source {self.source.id}, council {council_code}"
        root = (
            PROJECT
            / Path(expand_variables(self.source.for_council(council_code).address, self.environment)).expanduser()
        )
        name = account_name(self.source, self.environment, council_code)
        with _translated(where):
            box = _box(root, name, where)
        try:
            yield DropBoxAccount(self, name, where, box)
        finally:
            os.close(box)


class DropBoxAccount:
    """One council's drop box. See :class:`~lgdp_pipelines.collection.transports.transport.DeliveringAccount`."""

    def __init__(self, transport: DropBoxTransport, name: str, where: str, box: int) -> None:
        self._transport = transport
        self._name = name
        self._where = where
        self._box = box
        self._looking = FolderRouter(transport.source.returns, transport.returns, transport.today)

    async def entries(self, known: Collection[ListedEntry] = frozenset()) -> Listing:  # noqa: ARG002 - may leave them out
        """The account's own regular files in the declared folders that are whole, in order of path."""
        found = [one for folder in self._looking.folders for one in await asyncio.to_thread(self._list, folder)]
        return await drop_changing(listing_of(found), self._is_same, self._transport.patience)

    async def fetch(self, entry: Entry) -> Download | SkippedEntry | NoNewContent:
        """The bytes of a file, if it stayed the same while they were read."""
        return await asyncio.to_thread(self._read, entry)

    async def answers(self) -> None:
        """Whether the folders are there, belong to whom they should, and have room left."""
        await asyncio.to_thread(self._examine)

    async def deliver(self, folder: str, name: str, content: bytes) -> None:
        """Put a file into a folder of the account, whole or not at all."""
        await asyncio.to_thread(self._deliver, folder, name, content)

    @contextmanager
    def _opened(self, folder: str) -> Iterator[int]:
        """A folder below the account's, opened step by step and never through a link."""
        here = os.dup(self._box)
        try:
            for step in folder.strip("/").split("/"):
                below = _open(step, _FOLDER, here)
                os.close(here)
                here = below
            yield here
        finally:
            os.close(here)

    def _list(self, folder: str) -> list[Entry | SkippedEntry | None]:
        found: list[Entry | SkippedEntry | None] = []
        try:
            with _translated(self._where), self._opened(folder) as here, os.scandir(here) as listed:
                owner = os.fstat(here).st_uid
                for one in listed:
                    found.append(self._look(folder, one, owner))
                    if len(found) > MOST_ENTRIES:
                        raise too_many(self._where, folder)
        except _NotThere:
            return [SkippedEntry(folder, "The drop box has no such folder.")]
        return found

    def _look(self, folder: str, listed: "os.DirEntry[str]", owner: int) -> Entry | SkippedEntry | None:
        try:
            seen = listed.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None  # it went while it was looked at
        if stat.S_ISDIR(seen.st_mode):
            return None
        refused = _refused(seen, owner)
        if refused:
            return SkippedEntry(printable_name(listed.name), refused)
        return self._looking.at(folder, listed.name, seen.st_size, int(seen.st_mtime))

    async def _is_same(self, entry: Entry) -> bool:
        folder, _, name = entry.path.rpartition("/")
        try:
            with self._opened(folder) as here:
                now = os.stat(name, dir_fd=here, follow_symlinks=False)
        except (OSError, _NotThere):
            return False
        return stat.S_ISREG(now.st_mode) and (now.st_size, int(now.st_mtime)) == (entry.size, entry.modified)

    def _read(self, entry: Entry) -> Download | SkippedEntry:
        folder, _, name = entry.path.rpartition("/")
        try:
            with _translated(f"{self._where}, {printable_name(name)}"), self._opened(folder) as here:
                file = _open(name, _FILE, here)
                try:
                    return self._taken(entry, file, here)
                finally:
                    os.close(file)
        except _NotThere:
            return SkippedEntry(entry.name, "It was taken away, or became a link, after it was listed.")

    def _taken(self, entry: Entry, file: int, here: int) -> Download | SkippedEntry:
        before = os.fstat(file)
        refused = _refused(before, os.fstat(here).st_uid)
        if refused:
            return SkippedEntry(entry.name, refused)
        if (before.st_size, int(before.st_mtime)) != (entry.size, entry.modified):
            return skip_changing(entry)
        download = Download(modified=entry.modified)
        try:
            while download.size <= before.st_size and (chunk := os.read(file, _CHUNK)):
                download.add(chunk)
        except BaseException:
            download.close()
            raise
        after = os.fstat(file)
        if download.size == before.st_size and _mark(after) == _mark(before):
            return download
        download.close()
        return skip_changing(entry)

    def _deliver(self, folder: str, name: str, content: bytes) -> None:
        where = f"{self._where}, folder {folder}"
        unfinished = unfinished_name(name)
        try:
            with _translated(where), self._opened(folder) as here:
                if _holds(here, name, content, where):
                    return
                with suppress(FileNotFoundError):
                    os.unlink(unfinished, dir_fd=here)  # what an earlier delivery left that died
                _write(here, unfinished, content, where)
                try:
                    # A link, and not a renaming, because that would overwrite.
                    os.link(unfinished, name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)
                except FileExistsError:
                    _holds(here, name, content, where)
                finally:
                    os.unlink(unfinished, dir_fd=here)
        except _NotThere as error:
            raise SourceRefused("The drop box has no such outbox.", where=where, remedy=_SET_UP) from error

    def _examine(self) -> None:
        with _translated(self._where):
            for folder in self._looking.folders:
                self._examine_delivery(folder)
            if self._transport.source.outbox:
                self._examine_outbox(self._transport.source.outbox)
            room = os.fstatvfs(self._box)
        if room.f_bavail * room.f_frsize < LEAST_SPACE:
            raise SourceRefused(
                f"Less than {LEAST_SPACE // 1024**2} MiB are left for what councils deliver.",
                where=self._where,
                remedy="Make room on the disk of the drop boxes.",
            )

    def _examine_delivery(self, folder: str) -> None:
        box = os.fstat(self._box)
        with self._there(folder) as here:
            delivery = os.fstat(here)
            may_read = os.access(".", os.R_OK | os.X_OK, dir_fd=here, effective_ids=True)
        is_of_an_account = delivery.st_uid != os.geteuid()
        self._must(may_read, f"The platform may not look into {folder}.")
        self._must(not delivery.st_mode & stat.S_IWOTH, f"Anybody may write into {folder}.")
        self._must(not box.st_mode & (stat.S_IWGRP | stat.S_IWOTH), "Others may write into the account's own folder.")
        self._must(not is_of_an_account or box.st_uid == 0, "The account's own folder does not belong to root.")
        with suppress(KeyError):
            known = pwd.getpwnam(self._name).pw_uid
            self._must(delivery.st_uid == known, f"{folder} does not belong to the account {self._name}.")

    def _examine_outbox(self, folder: str) -> None:
        with self._there(folder) as here:
            outbox = os.fstat(here)
            may_write = os.access(".", os.W_OK | os.X_OK, dir_fd=here, effective_ids=True)
        self._must(may_write, f"The platform may not write into {folder}.")
        self._must(not outbox.st_mode & stat.S_IWOTH, f"Anybody may write into {folder}.")

    @contextmanager
    def _there(self, folder: str) -> Iterator[int]:
        try:
            with self._opened(folder) as here:
                yield here
        except _NotThere as error:
            raise SourceRefused(f"There is no folder {folder}.", where=self._where, remedy=_SET_UP) from error

    def _must(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001 - a condition, not a switch
        if not holds:
            raise SourceRefused(otherwise, where=self._where, remedy=_SET_UP)


class _NotThere(Exception):
    """A name leads to nothing, through a link, or to a socket."""


def _box(root: Path, name: str, where: str) -> int:
    """An account's folder, opened."""
    try:
        above = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return _open(name, _FOLDER, above)
        finally:
            os.close(above)
    except (FileNotFoundError, NotADirectoryError, _NotThere) as error:
        raise SourceRefused("The account has no drop box.", where=where, remedy=_SET_UP) from error


def _refused(seen: os.stat_result, owner: int) -> str | None:
    """Why what lies in a delivery folder is not taken; None where it may be."""
    if not stat.S_ISREG(seen.st_mode):
        return "It is a link, pipe or other thing, and no file."
    if seen.st_uid != owner:
        return "It does not belong to the account whose folder it lies in."
    if seen.st_nlink != 1:
        return "It has a second name elsewhere (a hard link); deliver a file of its own."
    return None


def _mark(seen: os.stat_result) -> tuple[int, int, int]:
    return seen.st_size, seen.st_mtime_ns, seen.st_nlink


def _holds(here: int, name: str, content: bytes, where: str) -> bool:
    """Whether a file with exactly these bytes is there.

    Raises:
        SourceRefused: something else of that name is there.
    """
    try:
        os.stat(name, dir_fd=here, follow_symlinks=False)
    except FileNotFoundError:
        return False
    try:
        file = _open(name, _FILE, here)
    except (OSError, _NotThere) as error:
        raise another_file(where, name) from error
    with os.fdopen(file, "rb") as opened:
        seen = os.fstat(file)
        if stat.S_ISREG(seen.st_mode) and seen.st_size == len(content) and opened.read() == content:
            return True
    raise another_file(where, name)


def _write(here: int, name: str, content: bytes, where: str) -> None:
    try:
        with os.fdopen(os.open(name, _NEW, 0o640, dir_fd=here), "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        with suppress(OSError):
            os.unlink(name, dir_fd=here)
        raise SourceUnreachable(
            "The drop box takes no file now.", where=where, remedy="Make room on the disk of the drop boxes."
        ) from error


def _open(name: str, flags: int, above: int) -> int:
    """Open what lies in an opened folder.

    Raises:
        _NotThere: the name leads to nothing, through a link, or to a socket.
    """
    try:
        return os.open(name, flags, dir_fd=above)
    except OSError as error:
        if error.errno in _NO_FILE:
            raise _NotThere from error
        raise


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """Errors of the operating system as errors of ours."""
    try:
        yield
    except PermissionError as error:
        raise SourceRefused("The platform may not open what was delivered.", where=where, remedy=_SET_UP) from error
    except OSError as error:
        raise SourceUnreachable(
            "The drop box cannot be read.", where=where, remedy="Look after the disk of the drop boxes."
        ) from error
