"""Received bytes: kept as sent, under their sha256, never overwritten.

What belongs here: putting bytes away whole, and handing them back only if they are still what was put. What does not:
who sent them (``ledger.receipt``) and what they say (``landing``).
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore

from lgdp_pipelines.errors import StorageError

_SHA256 = re.compile(r"[0-9a-f]{64}")


class RawStore:
    """The bytes of all receipts, each once.

    Attributes:
        root: the lake's folder; bytes lie below ``received/`` in it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        folder = root / "received"
        folder.mkdir(parents=True, exist_ok=True)
        self._store = LocalStore(prefix=str(folder))

    def put(self, data: bytes | Iterable[bytes]) -> str:
        """Put bytes away and say their sha256. Bytes that are here already are left as they are, unless damaged.

        A reader never sees half of them: they appear under their name in one step.
        """
        whole = data if isinstance(data, bytes) else b"".join(data)
        sha256 = hashlib.sha256(whole).hexdigest()
        try:
            obstore.put(self._store, _key(sha256), whole, mode="create", use_multipart=False)
        except AlreadyExistsError:
            if self._digest(sha256) != sha256:
                obstore.put(self._store, _key(sha256), whole, use_multipart=False)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes, proved to be those that were put.

        Raises:
            StorageError: they are not here, or no longer what they were.
        """
        try:
            data = bytes(obstore.get(self._store, _key(sha256)).bytes())
        except FileNotFoundError:
            raise StorageError(
                "Received bytes are missing.", where=sha256, remedy="Restore the received folder, or ask for a resend."
            ) from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StorageError(
                "Received bytes are no longer what was received.",
                where=sha256,
                remedy="Restore this file from a backup, or ask the council to send it again.",
            )
        return data

    def path(self, sha256: str) -> Path:
        """The file that holds them, for readers that want a file. Not proved: :meth:`get` proves."""
        return self.root / "received" / _key(sha256)

    def remove(self, sha256: str) -> None:
        """Take bytes away, for retention or erasure. Bytes that are gone already are no error."""
        self.path(sha256).unlink(missing_ok=True)

    def _digest(self, sha256: str) -> str:
        return hashlib.sha256(bytes(obstore.get(self._store, _key(sha256)).bytes())).hexdigest()


def _key(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise StorageError("That is not a sha256.", remedy="Give 64 lower-case hexadecimal digits.")
    return f"{sha256[:2]}/{sha256}"
