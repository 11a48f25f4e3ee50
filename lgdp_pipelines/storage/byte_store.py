"""Byte stores: received bytes, and files of registers, kept unchanged under their sha256.

Bytes of any size are written to a draft as they come, and appear under their name in one step. The drafts of a killed
process are removed by the next that puts bytes. Belongs here: storing bytes whole, and returning them only if they are
unchanged. Belongs elsewhere: their sender (``ledger``) and their content (``landing``).
"""

import fcntl
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from uuid import uuid4

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.handover.scratch_folders import is_abandoned

_SHA256 = re.compile(r"[0-9a-f]{64}")
_DRAFTS = "incoming"


class ByteStore:
    """The bytes of all receipts, each stored once.

    Attributes:
        root: the lake's folder; bytes are stored below :attr:`FOLDER` in it.
    """

    FOLDER = "received"
    CONTENT = "Received bytes"
    STORED = "received"
    MISSING_REMEDY = "Restore the received folder, or ask for a resend."
    CHANGED_REMEDY = "Restore this file from a backup, or ask the council to send it again."

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder = root / self.FOLDER
        self._drafts = self._folder / _DRAFTS
        self._drafts.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes | Iterable[bytes]) -> str:
        """Store bytes unless stored intact already, and return their sha256.

        A reader never sees a part of them: they appear under their name in one step.

        Raises:
            StorageError: the disk did not take them. Nothing appears.
        """
        with self._write_draft(data) as (draft, sha256):
            file = self.path(sha256)
            if not file.exists() or _hash_file(file) != sha256:
                with _disk_errors(self._folder):
                    file.parent.mkdir(exist_ok=True)
                    draft.rename(file)
        return sha256

    def get(self, sha256: str) -> bytes:
        """Return the bytes, verified to be unchanged.

        Raises:
            StorageError: they are missing or changed.
        """
        return self.verify(sha256).read_bytes()

    def verify(self, sha256: str) -> Path:
        """Return the file that holds bytes, after verifying its sha256.

        Raises:
            StorageError: they are missing or changed.
        """
        file = self.path(sha256)
        try:
            actual_sha256 = _hash_file(file)
        except FileNotFoundError:
            raise StorageError(f"{self.CONTENT} are missing.", where=sha256, remedy=self.MISSING_REMEDY) from None
        if actual_sha256 != sha256:
            raise StorageError(
                f"{self.CONTENT} are not identical to those {self.STORED}.", where=sha256, remedy=self.CHANGED_REMEDY
            )
        return file

    @contextmanager
    def verify_while_reading(self, sha256s: Sequence[str]) -> Iterator[list[Path]]:
        """Give a block files of bytes, and verify them meanwhile.

        The block's results may be used only after it has ended without an exception.

        Raises:
            StorageError: some bytes are missing or changed, even if reading them succeeded.
        """
        with ThreadPoolExecutor(1) as pool:
            checks = [pool.submit(self.verify, sha256) for sha256 in sha256s]
            try:
                yield [self.path(sha256) for sha256 in sha256s]
            finally:
                for check in checks:
                    check.result()

    def path(self, sha256: str) -> Path:
        """Return the file for a sha256, which may not exist."""
        if not _SHA256.fullmatch(sha256):
            raise StorageError("The text is not a sha256.", remedy="Give 64 lower-case hexadecimal digits.")
        return self._folder / sha256[:2] / sha256

    def remove(self, sha256: str) -> None:
        """Remove bytes, if they exist, for retention or erasure."""
        self.path(sha256).unlink(missing_ok=True)

    @contextmanager
    def _write_draft(self, data: bytes | Iterable[bytes]) -> Iterator[tuple[Path, str]]:
        """Write bytes to a draft for a block, and remove abandoned drafts.

        The block gets the draft and its sha256. Drafts that killed processes abandoned are removed before, and this
        draft afterwards, unless the block renamed it.
        """
        for abandoned in self._drafts.glob("[!.]*"):
            if is_abandoned(abandoned):
                abandoned.unlink(missing_ok=True)
        draft, digest = self._drafts / uuid4().hex, hashlib.sha256()
        hidden = draft.with_name(f".{draft.name}")
        with _disk_errors(self._drafts):
            file = hidden.open("xb", buffering=0)
        try:
            with file:
                # Locked before others can see it, so that no process takes it for an abandoned one.
                fcntl.flock(file, fcntl.LOCK_EX)
                hidden.rename(draft)
                for chunk in (data,) if isinstance(data, bytes) else data:
                    digest.update(chunk)
                    with _disk_errors(self._drafts):
                        _write_all(file, chunk)
                yield draft, digest.hexdigest()
        finally:
            draft.unlink(missing_ok=True)


class RegisterStore(ByteStore):
    """The files of every register used in judgements, each stored once.

    Retention does not remove them.
    """

    FOLDER = "asked"
    CONTENT = "Files of an earlier register"
    STORED = "kept"
    MISSING_REMEDY = "Restore the lake's folder `asked` from a backup."
    CHANGED_REMEDY = "Restore this file from a backup."

    def put_files(self, files: Mapping[str, bytes]) -> str:
        """Store the files not yet stored, then their list; return its sha256.

        The list has a line for each file, ``<sha256>  <path>``, and is stored last: if it exists, all files do.

        Args:
            files: content by path below the register's folder.

        Raises:
            StorageError: the disk did not take them.
        """
        sha256s = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
        file_list = "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(sha256s.items())).encode()
        name = hashlib.sha256(file_list).hexdigest()
        # A file that is stored already costs one look at the disk.
        for path, sha256 in sha256s.items():
            if not self.path(sha256).exists():
                self.put(files[path])
        if not self.path(name).exists():
            self.put(file_list)
        return name

    def restore_files(self, name: str, folder: Path) -> None:
        """Write a register's files, verified, into a folder as they were.

        Args:
            name: sha256 of the list of its files.
            folder: empty folder to write to.

        Raises:
            StorageError: one of them is missing or changed.
        """
        for line in self.get(name).decode().splitlines():
            sha256, _, path = line.partition("  ")
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self.get(sha256))


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the disk into StorageError, and no others."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            "Received bytes cannot be stored.",
            where=str(folder),
            remedy="Make room on the disk of the lake, then receive them again: nothing was recorded.",
        ) from error


def _write_all(file: FileIO, chunk: bytes) -> None:
    """Write every byte: one write may take only a part."""
    remaining = memoryview(chunk)
    while remaining:
        remaining = remaining[file.write(remaining) :]


def _hash_file(file: Path) -> str:
    """Return the sha256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
