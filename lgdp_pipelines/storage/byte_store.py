"""Received bytes, and the register's files: kept as they were, under their sha256, never overwritten.

Bytes are written to a file aside while they come, however many they are, and appear under their name in one step. What
a killed process left aside is swept away by the next that puts something. What belongs here: putting bytes away whole,
and handing them back only if they are still what was put. What does not: who sent them (``ledger.receipt``) and what
they say (``landing``).
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
_ASIDE = "incoming"


class ByteStore:
    """The bytes of all receipts, each once.

    Attributes:
        root: the lake's folder; bytes lie below :attr:`FOLDER` in it.
    """

    FOLDER = "received"
    WHAT = "Received bytes"
    KEPT = "received"
    LOST = "Restore the received folder, or ask for a resend."
    CHANGED = "Restore this file from a backup, or ask the council to send it again."

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder = root / self.FOLDER
        self._aside = self._folder / _ASIDE
        self._aside.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes | Iterable[bytes]) -> str:
        """Put bytes away and say their sha256. Bytes that are here already are left as they are, unless damaged.

        A reader never sees half of them: they appear under their name in one step.

        Raises:
            StorageError: the disk did not take them. Nothing appears.
        """
        with self._written(data) as (aside, sha256):
            file = self._file(sha256)
            if not file.exists() or _digest(file) != sha256:
                with _disk(self._folder):
                    file.parent.mkdir(exist_ok=True)
                    aside.rename(file)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes, proved to be those that were put.

        Raises:
            StorageError: they are not here, or no longer what they were.
        """
        return self.verify(sha256).read_bytes()

    def verify(self, sha256: str) -> Path:
        """The file that holds the bytes, read through and proved to be what was put.

        Raises:
            StorageError: they are not here, or no longer what they were.
        """
        file = self._file(sha256)
        try:
            found = _digest(file)
        except FileNotFoundError:
            raise StorageError(f"{self.WHAT} are missing.", where=sha256, remedy=self.LOST) from None
        if found != sha256:
            raise StorageError(f"{self.WHAT} are no longer what was {self.KEPT}.", where=sha256, remedy=self.CHANGED)
        return file

    @contextmanager
    def verify_while_reading(self, sha256s: Sequence[str]) -> Iterator[list[Path]]:
        """The files that hold bytes, to be read while they are proved to be what was put.

        What was read may be used for nothing before this has ended, without an exception.

        Raises:
            StorageError: some are not here, or no longer what they were; whatever came of reading them.
        """
        with ThreadPoolExecutor(1) as aside:
            proofs = [aside.submit(self.verify, sha256) for sha256 in sha256s]
            try:
                yield [self._file(sha256) for sha256 in sha256s]
            finally:
                for proof in proofs:
                    proof.result()

    def path(self, sha256: str) -> Path:
        """The file that holds them, whether it is there or not. Not proved: :meth:`verify` does that."""
        return self._file(sha256)

    def remove(self, sha256: str) -> None:
        """Take bytes away, for retention or erasure. Bytes that are gone already are no error."""
        self._file(sha256).unlink(missing_ok=True)

    def _file(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise StorageError("That is not a sha256.", remedy="Give 64 lower-case hexadecimal digits.")
        return self._folder / sha256[:2] / sha256

    @contextmanager
    def _written(self, data: bytes | Iterable[bytes]) -> Iterator[tuple[Path, str]]:
        """A file aside with the bytes, and their sha256; gone afterwards if nobody renamed it."""
        for left in self._aside.glob("[!.]*"):
            if is_abandoned(left):
                left.unlink(missing_ok=True)
        aside, digest = self._aside / uuid4().hex, hashlib.sha256()
        draft = aside.with_name(f".{aside.name}")
        with _disk(self._aside):
            file = draft.open("xb", buffering=0)
        try:
            with file:
                # Locked before others can see it, so that nobody takes it for one that was left.
                fcntl.flock(file, fcntl.LOCK_EX)
                draft.rename(aside)
                for chunk in (data,) if isinstance(data, bytes) else data:
                    digest.update(chunk)
                    with _disk(self._aside):
                        _write(file, chunk)
                yield aside, digest.hexdigest()
        finally:
            aside.unlink(missing_ok=True)


class RegisterStore(ByteStore):
    """The files of every register that anything was judged by, each once: no retention of extracts looks in here."""

    FOLDER = "asked"
    WHAT = "Files of an earlier register"
    KEPT = "kept"
    LOST = "Restore the lake's folder `asked` from a backup."
    CHANGED = "Restore this file from a backup."

    def put_files(self, files: Mapping[str, bytes]) -> str:
        """Keep a register's files, and the list of them: its sha256. What is here already costs a look.

        The list has a line a file, ``<sha256>  <path>``, and is put away last: where it is, all of them are.

        Args:
            files: content by path below the register's folder.

        Raises:
            StorageError: the disk did not take them.
        """
        named = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
        listed = "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(named.items())).encode()
        name = hashlib.sha256(listed).hexdigest()
        for path, sha256 in named.items():
            if not self._file(sha256).exists():
                self.put(files[path])
        if not self._file(name).exists():
            self.put(listed)
        return name

    def restore_files(self, name: str, folder: Path) -> None:
        """Put a register's files back into a folder, as they were.

        Args:
            name: sha256 of the list of its files.
            folder: that takes them; it is empty.

        Raises:
            StorageError: one of them is not here, or no longer what it was.
        """
        for line in self.get(name).decode().splitlines():
            sha256, _, path = line.partition("  ")
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self.get(sha256))


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """Trouble with our own disk, which is not trouble with where the bytes come from."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            "Received bytes cannot be put away.",
            where=str(folder),
            remedy="Make room on the disk of the lake, then receive them again: nothing was recorded.",
        ) from error


def _write(file: FileIO, chunk: bytes) -> None:
    """All of it: a write may take only a part."""
    left = memoryview(chunk)
    while left:
        left = left[file.write(left) :]


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
