"""The seam between collection and a council's system: what any transport offers, and the values that cross it.

What belongs here: the two protocols and their values. What does not: how a transport does it (``sftp``, ``api``,
``memory``), or what is done with what it brings (``collect``).
"""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Protocol, Self

from lgdp_pipelines.collection.file_routing import Routing
from lgdp_pipelines.errors import StorageError

LARGEST_EXTRACT = 4 * 1024**3
"""Bytes: what is larger is no extract of a council, and is left where it is."""

_IN_MEMORY = 8 * 1024**2
_CHUNK = 1024**2


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that can be fetched from an account.

    Attributes:
        path: where it is in the account: folder and name, or the request that gives it.
        name: the file name to record.
        size: in bytes as listed; None where the transport cannot know before it fetches.
        modified: seconds since 1970 as listed; None where the transport cannot know.
        routing: what the entry answers, or why nobody can tell.
    """

    path: str
    name: str
    size: int | None
    modified: int | None
    routing: Routing


ListedEntry = tuple[str, int, int]
"""An entry as the ledger knows it: path, size in bytes, time of change in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class SkippedEntry:
    """Something seen in an account and deliberately not taken.

    Attributes:
        name: its name, made safe to show.
        reason: why it was left, and what would make it come.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class NoNewContent:
    """The system says that nothing has changed since the last time, or that there is nothing."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One look into an account.

    Attributes:
        entries: what can be fetched.
        left: what was seen and is not taken.
    """

    entries: tuple[Entry, ...]
    left: tuple[SkippedEntry, ...]


class Download:
    """The bytes of one entry: small ones in memory, large ones in a file without a name that ends with this object."""

    def __init__(self, *, modified: int | None = None, etag: str | None = None) -> None:
        self.modified = modified
        self.etag = etag
        self.size = 0
        self._spool: IO[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by close()

    def add(self, chunk: bytes) -> None:
        """Append bytes as they come.

        Raises:
            StorageError: there is no room for them. That is our trouble, not the council's.
        """
        try:
            self._spool.write(chunk)
        except OSError as error:
            raise StorageError(
                "An extract cannot be put aside while it is fetched.",
                remedy="Make room where temporary files go.",
            ) from error
        self.size += len(chunk)

    def chunks(self) -> Iterator[bytes]:
        """The bytes from the beginning, a mebibyte at a time."""
        self._spool.seek(0, os.SEEK_SET)
        while chunk := self._spool.read(_CHUNK):
            yield chunk

    def close(self) -> None:
        """Give the memory or the file back."""
        self._spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Account(Protocol):
    """One council's account in a source, opened."""

    async def entries(self, known: Collection[ListedEntry] = frozenset()) -> Listing:
        """What is there.

        Args:
            known: path, size and time of change of entries that need not be looked at; an account may leave them out.

        Raises:
            SourceUnreachable: nobody answered, after every retry.
            SourceRefused: the wrong host answered, or the right one refused us.
        """
        ...

    async def answers(self) -> None:
        """Ask as little as shows that the account can be used.

        Raises:
            SourceUnreachable: nobody answered, after every retry.
            SourceRefused: the wrong host answered, or the right one refused us.
        """
        ...

    async def fetch(self, entry: Entry) -> Download | SkippedEntry | NoNewContent:
        """The bytes of an entry, or why there are none this time.

        Raises:
            SourceUnreachable: the line broke, after every retry.
            SourceRefused: the system refused this entry.
        """
        ...


class DeliveringAccount(Account, Protocol):
    """An account with an outbox: a folder for what goes back to the council."""

    async def deliver(self, folder: str, name: str, content: bytes) -> None:
        """Put a file into a folder of the account, whole or not at all.

        It is written under another name first and then renamed. What lies there already under its name with the same
        bytes is left, so that a delivery may be repeated; another file of that name is never overwritten.

        Args:
            folder: below the account's root; it must be there.
            name: of the file.
            content: its bytes.

        Raises:
            SourceUnreachable: the line broke, after every retry.
            SourceRefused: the folder is not there or takes no file, or another file has the name.
        """
        ...


class Transport(Protocol):
    """A way to reach the accounts of one source."""

    def account(self, council_code: str) -> AbstractAsyncContextManager[Account]:
        """One council's account, closed again when the block is left."""
        ...


class DeliveringTransport(Transport, Protocol):
    """A way to reach accounts that have an outbox."""

    def account(self, council_code: str) -> AbstractAsyncContextManager[DeliveringAccount]:
        """One council's account, closed again when the block is left."""
        ...


Progress = Callable[[str], None]
"""Told one plain sentence whenever something worth showing has happened."""


def printable_name(name: str) -> str:
    """A name from outside, safe to show: one line, printable, not endless."""
    safe = "".join(one if one.isprintable() else "?" for one in name)
    return safe if len(safe) <= 80 else f"{safe[:79]}…"
