"""Drop boxes: extracts that a council delivers over SFTP into a folder of its own on the platform's server.

The server (``openssh_setup`` describes it) shuts each account into ``<address>/<account>``. A council writes into the
folders below it that the source declares; reports go back into the source's outbox. The folder says which council a
file is from, and so does its owner: a file that belongs to another account is not taken.

Everything below an account's folder is written by others and may change at any moment. So no file is ever opened by its
path: each folder is opened from the one above it, each file from its folder, never through a symbolic link, and an
opened file is checked again before its bytes are read. Links, pipes and sockets are skipped. ``folder_files`` says when
a file is complete.
"""

import asyncio
import errno
import os
import pwd
import stat
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lgdp_pipelines.collection.transports.folder_files import (
    MOST_ENTRIES,
    FolderTransport,
    make_unfinished_name,
    refuse_crowded_folder,
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
    printable_name,
)
from lgdp_pipelines.errors import SourceRefused, SourceUnreachable
from lgdp_pipelines.register.model.sources import DropBoxSource
from lgdp_pipelines.settings import PROJECT

LEAST_SPACE = 256 * 1024**2
"""Bytes: with less room, a probe fails, because the next extract may not fit."""

_CHUNK = 4 * 1024**2
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""Opening a pipe without O_NONBLOCK would wait for its writer for ever."""
_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
"""Nothing there, a link, or a socket or pipe."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SET_UP = "Ask the administrator to run the script that `lgdp dropbox setup` prints for the source."


@dataclass(frozen=True)
class DropBoxTransport(FolderTransport[DropBoxSource]):
    """The drop boxes of one source."""

    @asynccontextmanager
    async def open_account(self, council_code: str) -> AsyncIterator["DropBoxAccount"]:
        """Open a council's folder, yield it as an account, and close it.

        Raises:
            SourceRefused: it does not exist.
        """
        location = self.describe(council_code)
        root = PROJECT / Path(self.expand(self.source.for_council(council_code).address)).expanduser()
        name = self.resolve_account_name(council_code)
        with _translate_errors(location):
            box = _open_box(root, name, location)
        try:
            yield DropBoxAccount(self, name, location, box)
        finally:
            os.close(box)


@dataclass(frozen=True, slots=True)
class DropBoxAccount:
    """One council's drop box. See :class:`~lgdp_pipelines.collection.transports.transport.DeliveringAccount`.

    Attributes:
        transport: of the account's source.
        name: of the account.
        location: source and council, for messages.
        box: descriptor of the account's folder.
    """

    transport: DropBoxTransport
    name: str
    location: str
    box: int

    async def list_entries(
        self,
        known_entries: Collection[ListedEntry] = frozenset(),  # noqa: ARG002 - may leave them out
    ) -> Listing:
        """Return complete files, known ones too, and skipped ones, by path."""
        files = [
            file for folder in self.transport.folders for file in await asyncio.to_thread(self._list_folder, folder)
        ]
        return await self.transport.list_complete(files, self._is_same)

    async def fetch(
        self,
        entry: Entry,
        validators: CacheValidators = NO_VALIDATORS,  # noqa: ARG002 - a listing says what is new
    ) -> Download | SkippedEntry | NoNewContent:
        """Return a file's bytes, or skip it if changed, gone or unsafe."""
        return await asyncio.to_thread(self._read, entry)

    async def probe(self) -> None:
        """Check that the folders exist, are safe, and have room left."""
        await asyncio.to_thread(self._check)

    async def deliver(self, folder: str, name: str, content: bytes) -> None:
        """Deliver a file atomically; leave an identical one, refuse to overwrite another."""
        await asyncio.to_thread(self._deliver, folder, name, content)

    @contextmanager
    def _open_folder(self, folder: str) -> Iterator[int]:
        """Yield the descriptor of a folder, opened without following links."""
        descriptor = os.dup(self.box)
        try:
            for step in folder.strip("/").split("/"):
                child = _open(step, _FOLDER, descriptor)
                os.close(descriptor)
                descriptor = child
            yield descriptor
        finally:
            os.close(descriptor)

    def _list_folder(self, folder: str) -> list[Entry | SkippedEntry | None]:
        """Return a folder's files as entries or skipped; None for subfolders.

        A missing folder is one skipped entry.
        """
        files: list[Entry | SkippedEntry | None] = []
        try:
            with _translate_errors(self.location), self._open_folder(folder) as opened, os.scandir(opened) as names:
                owner = os.fstat(opened).st_uid
                for name in names:
                    files.append(self._classify(folder, name, owner))
                    if len(files) > MOST_ENTRIES:
                        raise refuse_crowded_folder(self.location, folder)
        except _MissingError:
            return [SkippedEntry(folder, "The drop box has no such folder.")]
        return files

    def _classify(self, folder: str, listed: "os.DirEntry[str]", owner: int) -> Entry | SkippedEntry | None:
        """Return an entry or skipped file; None for folders and vanished files."""
        try:
            status = listed.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None  # it was removed meanwhile
        if stat.S_ISDIR(status.st_mode):
            return None
        if reason := _refuse_file(status, owner):
            return SkippedEntry(printable_name(listed.name), reason)
        return self.transport.classify(folder, listed.name, status.st_size, int(status.st_mtime))

    async def _is_same(self, entry: Entry) -> bool:
        """Return whether a file still has its listed size and time."""
        folder, _, name = entry.path.rpartition("/")
        try:
            with self._open_folder(folder) as opened:
                status = os.stat(name, dir_fd=opened, follow_symlinks=False)
        except (OSError, _MissingError):
            return False
        is_same = (status.st_size, int(status.st_mtime)) == (entry.size, entry.modified_seconds)
        return stat.S_ISREG(status.st_mode) and is_same

    def _read(self, entry: Entry) -> Download | SkippedEntry:
        """Return the bytes of a file, or the reason to skip it."""
        folder, _, name = entry.path.rpartition("/")
        try:
            with _translate_errors(f"{self.location}, {printable_name(name)}"), self._open_folder(folder) as opened:
                file = _open(name, _FILE, opened)
                try:
                    return self._download(entry, file, opened)
                finally:
                    os.close(file)
        except _MissingError:
            return SkippedEntry(entry.name, "It was taken away, or became a link, after it was listed.")

    def _download(self, entry: Entry, file: int, folder: int) -> Download | SkippedEntry:
        """Return an opened file's bytes; skip it if unsafe or changing."""
        status = os.fstat(file)
        if reason := _refuse_file(status, os.fstat(folder).st_uid):
            return SkippedEntry(entry.name, reason)
        if (status.st_size, int(status.st_mtime)) != (entry.size, entry.modified_seconds):
            return skip_changing(entry)
        with ExitStack() as stack:
            download = stack.enter_context(Download(modified_seconds=entry.modified_seconds))
            while download.size <= status.st_size and (chunk := os.read(file, _CHUNK)):
                download.append(chunk)
            if download.size == status.st_size and _read_state(os.fstat(file)) == _read_state(status):
                stack.pop_all()  # the caller closes it
                return download
        return skip_changing(entry)

    def _deliver(self, folder: str, name: str, content: bytes) -> None:
        """Write and link a new file, unless identical bytes are already there.

        It is written under another name first. Another file of its name is refused, never overwritten.
        """
        location = f"{self.location}, folder {folder}"
        unfinished = make_unfinished_name(name)
        try:
            with _translate_errors(location), self._open_folder(folder) as opened:
                if _has_file(opened, name, content, location):
                    return
                with suppress(FileNotFoundError):
                    os.unlink(unfinished, dir_fd=opened)  # left by an earlier delivery that died
                _write(opened, unfinished, content, location)
                try:
                    # A link and not a rename, because a rename would overwrite.
                    os.link(unfinished, name, src_dir_fd=opened, dst_dir_fd=opened, follow_symlinks=False)
                except FileExistsError:
                    _has_file(opened, name, content, location)
                finally:
                    os.unlink(unfinished, dir_fd=opened)
        except _MissingError as error:
            raise SourceRefused("The drop box has no such outbox.", where=location, remedy=_SET_UP) from error

    def _check(self) -> None:
        """Refuse the account for missing or unsafe folders, or a full disk."""
        with _translate_errors(self.location):
            for folder in self.transport.folders:
                self._check_delivery_folder(folder)
            if self.transport.source.outbox:
                self._check_folder(self.transport.source.outbox, os.W_OK, "write")
            room = os.fstatvfs(self.box)
        if room.f_bavail * room.f_frsize < LEAST_SPACE:
            raise SourceRefused(
                f"Less than {LEAST_SPACE // 1024**2} MiB are left for councils' deliveries.",
                where=self.location,
                remedy="Make room on the disk of the drop boxes.",
            )

    def _check_delivery_folder(self, folder: str) -> None:
        """Refuse a delivery folder with unsafe permissions or a wrong owner.

        The owner is compared only where this machine knows the account.
        """
        box = os.fstat(self.box)
        delivery = self._check_folder(folder, os.R_OK, "look")
        is_of_an_account = delivery.st_uid != os.geteuid()
        self._require(
            not box.st_mode & (stat.S_IWGRP | stat.S_IWOTH), "Others may write into the account's own folder."
        )
        self._require(not is_of_an_account or box.st_uid == 0, "The account's own folder does not belong to root.")
        with suppress(KeyError):
            owner_id = pwd.getpwnam(self.name).pw_uid
            self._require(delivery.st_uid == owner_id, f"{folder} does not belong to the account {self.name}.")

    def _check_folder(self, folder: str, access: int, verb: str) -> os.stat_result:
        """Return a folder's status; refuse one missing, inaccessible or open to all."""
        try:
            with self._open_folder(folder) as opened:
                status = os.fstat(opened)
                is_allowed = os.access(".", access | os.X_OK, dir_fd=opened, effective_ids=True)
        except _MissingError as error:
            raise SourceRefused(f"There is no folder {folder}.", where=self.location, remedy=_SET_UP) from error
        self._require(is_allowed, f"The platform may not {verb} into {folder}.")
        self._require(not status.st_mode & stat.S_IWOTH, f"Every user may write into {folder}.")
        return status

    def _require(self, holds: bool, refusal: str) -> None:  # noqa: FBT001 - a condition, not a switch
        """Refuse the account unless a condition holds."""
        if not holds:
            raise SourceRefused(refusal, where=self.location, remedy=_SET_UP)


class _MissingError(Exception):
    """The name of a file or folder that cannot be opened safely."""


def _open_box(root: Path, name: str, location: str) -> int:
    """Open an account's folder without following links; return its descriptor."""
    try:
        parent = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return _open(name, _FOLDER, parent)
        finally:
            os.close(parent)
    except (FileNotFoundError, NotADirectoryError, _MissingError) as error:
        raise SourceRefused("The account has no drop box.", where=location, remedy=_SET_UP) from error


def _refuse_file(status: os.stat_result, owner: int) -> str | None:
    """Return the reason to skip a file as unsafe; None otherwise."""
    refusals = {
        "It is a link, a pipe or another special file.": not stat.S_ISREG(status.st_mode),
        "It does not belong to the account whose folder it lies in.": status.st_uid != owner,
        "It has a second name elsewhere (a hard link); deliver a file of its own.": status.st_nlink != 1,
    }
    return next((reason for reason, is_refused in refusals.items() if is_refused), None)


def _read_state(status: os.stat_result) -> tuple[int, int, int]:
    """Return a file's size, modification time and link count, for comparison."""
    return status.st_size, status.st_mtime_ns, status.st_nlink


def _has_file(folder: int, name: str, content: bytes, location: str) -> bool:
    """Return whether a file holds exactly these bytes; refuse a different file.

    Raises:
        SourceRefused: another file of that name is there.
    """
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    try:
        file = _open(name, _FILE, folder)
    except (OSError, _MissingError) as error:
        raise refuse_overwriting(location, name) from error
    with os.fdopen(file, "rb") as opened:
        status = os.fstat(file)
        if stat.S_ISREG(status.st_mode) and status.st_size == len(content) and opened.read() == content:
            return True
    raise refuse_overwriting(location, name)


def _write(folder: int, name: str, content: bytes, location: str) -> None:
    """Write a new file, and remove it if that fails."""
    try:
        with os.fdopen(os.open(name, _NEW, 0o640, dir_fd=folder), "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as error:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise SourceUnreachable(
            "The drop box takes no file now.", where=location, remedy="Make room on the disk of the drop boxes."
        ) from error


def _open(name: str, flags: int, parent: int) -> int:
    """Return the descriptor of a file or folder, opened from its parent.

    Raises:
        _MissingError: the name leads nowhere, through a link, or to a socket.
    """
    try:
        return os.open(name, flags, dir_fd=parent)
    except OSError as error:
        if error.errno in _NO_FILE:
            raise _MissingError from error
        raise


@contextmanager
def _translate_errors(location: str) -> Iterator[None]:
    """Raise operating-system errors as a source's refusal or unreachability."""
    try:
        yield
    except PermissionError as error:
        raise SourceRefused("The platform may not open a delivered file.", where=location, remedy=_SET_UP) from error
    except OSError as error:
        raise SourceUnreachable(
            "The drop box cannot be read.", where=location, remedy="Check the disk of the drop boxes."
        ) from error
