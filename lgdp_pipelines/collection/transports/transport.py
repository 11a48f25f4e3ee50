"""The interface between collection and councils' systems: the base classes of all transports, and their values.

Belongs here: the classes that each transport derives from, and their values. Belongs elsewhere: the requests of one
transport (its own module), and recording an extract (``collection_run``).
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Generic, Protocol, TypeVar

from lgdp_pipelines.collection.file_routing import Routing
from lgdp_pipelines.collection.retry import Retry
from lgdp_pipelines.collection.secrets import expand_variables, resolve_account_name
from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.storage.byte_store import ByteStore

LARGEST_EXTRACT = 4 * 1024**3
"""Bytes: a larger file is skipped."""

_IN_MEMORY = 8 * 1024**2
_CHUNK = 1024**2


@dataclass(frozen=True, slots=True)
class Entry:
    """An extract that can be fetched from an account.

    Attributes:
        path: where it is in the account: folder and name, or the request that gives it.
        name: the file name to record.
        size: in bytes as listed; None where the transport cannot know before it fetches.
        modified_seconds: time of the last change, since 1970, as listed; None where the transport cannot know.
        routing: the return and period that it answers, or why the name does not say.
    """

    path: str
    name: str
    size: int | None
    modified_seconds: int | None
    routing: Routing


ListedEntry = tuple[str, int, int]
"""An entry as the ledger knows it: path, size in bytes, time of change in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class SkippedEntry:
    """A file of an account that is deliberately not fetched.

    Attributes:
        name: its name, made safe to show.
        reason: why it is skipped, and how that can change.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class NoNewContent:
    """An account's reply that it has nothing new."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The content of an account at one time.

    Attributes:
        entries: that can be fetched.
        skipped: that are not fetched, with the reasons.
    """

    entries: tuple[Entry, ...]
    skipped: tuple[SkippedEntry, ...]


class Download(AbstractContextManager["Download"]):
    """The bytes of one entry, in memory or in an unnamed file.

    Closing this object deletes the file.
    """

    def __init__(self, *, modified_seconds: int | None = None, etag: str | None = None) -> None:
        self.modified_seconds = modified_seconds
        self.etag = etag
        self.size = 0
        self._spool: IO[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by close()

    def append(self, chunk: bytes) -> None:
        """Append bytes, in memory or in a file, and count their size.

        Raises:
            StorageError: this machine has no room for them.
        """
        try:
            self._spool.write(chunk)
        except OSError as error:
            raise StorageError(
                "An extract cannot be stored while it is fetched.",
                remedy="Make room in the folder for temporary files.",
            ) from error
        self.size += len(chunk)

    def iterate_chunks(self) -> Iterator[bytes]:
        """Yield the bytes from the beginning, a mebibyte at a time."""
        self._spool.seek(0, os.SEEK_SET)
        while chunk := self._spool.read(_CHUNK):
            yield chunk

    def close(self) -> None:
        """Release the memory or the file."""
        self._spool.close()

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class CacheValidators:
    """An answer's validators, to ask later whether it has changed (RFC 9110).

    Attributes:
        etag: None where it gave none.
        modified_at: time of its last change; None where it did not say.
    """

    etag: str | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The time to wait for a server and a writer.

    Attributes:
        connect_seconds: for a connection and a log-in.
        answer_seconds: for one answer, or one part of a long one.
        settle_seconds: from a file's last change until it counts as complete.
        second_look_seconds: between the two looks at a file that changed more recently.
        retry: how often an unreachable server is tried.
    """

    connect_seconds: float = 15.0
    answer_seconds: float = 60.0
    settle_seconds: float = 60.0
    second_look_seconds: float = 1.0
    retry: Retry = field(default_factory=Retry)


IMPATIENT = Timeouts(connect_seconds=5.0, answer_seconds=10.0, retry=Retry(attempts=1))
"""For a visit that is repeated soon: all accounts of a source that is down are visited in half a minute."""


NO_VALIDATORS = CacheValidators()


class Account(Protocol):
    """One council's account in a source, opened."""

    async def list_entries(self, known_entries: Collection[ListedEntry] = frozenset()) -> Listing:  # noqa: ARG002 - for overrides
        """Return the entries that can be fetched; by default none.

        Args:
            known_entries: those that a receipt knows; an account may leave them out.

        Raises:
            SourceUnreachable: no server answered, after every retry.
            SourceRefused: another host answered, or the right one refused us.
        """
        return Listing((), ())

    async def fetch(
        self,
        entry: Entry,  # noqa: ARG002 - for overrides
        validators: CacheValidators = NO_VALIDATORS,  # noqa: ARG002 - for overrides
    ) -> Download | SkippedEntry | NoNewContent:
        """Return an entry's bytes or an absence; by default, nothing new.

        Args:
            entry: of this account.
            validators: of the last answer received for it, for systems that cannot list.

        Raises:
            SourceUnreachable: the line broke, after every retry.
            SourceRefused: the system refused this entry.
        """
        return NoNewContent()

    async def probe(self) -> None:
        """Check, with as few requests as possible, that the account works.

        Raises:
            SourceUnreachable: no server answered, after every retry.
            SourceRefused: another host answered, or the right one refused us.
        """


class DeliveringAccount(Account, Protocol):
    """An account with an outbox: a folder for files to the council."""

    async def deliver(self, folder: str, name: str, content: bytes) -> None:
        """Deliver a file atomically; leave an identical one, refuse to overwrite another.

        The file is written under another name first. A file of its name with the same bytes is left, so that a delivery
        may be repeated.

        Args:
            folder: below the account's root; it must be there.
            name: of the file.
            content: its bytes.

        Raises:
            SourceUnreachable: the line broke, after every retry.
            SourceRefused: the folder is not there or takes no file, or another file has the name.
        """


SourceT = TypeVar("SourceT", bound=Source, covariant=True)  # noqa: PLC0105 - the name that pydantic and others use


@dataclass(frozen=True)
class Transport(ABC, Generic[SourceT]):
    """The way to the accounts of one source.

    Attributes:
        source: as the register declares it.
        returns: the register's returns by code.
        environment: the values of variables and secret references.
        today: no extract is for a period that begins later.
        timeouts: for its server.
    """

    source: SourceT
    returns: Mapping[str, Return]
    environment: Mapping[str, str]
    today: date
    timeouts: Timeouts = field(default_factory=Timeouts)

    @abstractmethod
    def open_account(self, council_code: str) -> AbstractAsyncContextManager[Account]:
        """Return one council's account, as a context that closes it."""

    def resolve_account_name(self, council_code: str) -> str:
        """Return the name of a council's account.

        Raises:
            SourceRefused: it refers to a variable that is not set.
        """
        return resolve_account_name(self.source, self.environment, council_code)

    def describe(self, council_code: str) -> str:
        """Return the account's source and council, for messages."""
        return f"source {self.source.id}, council {council_code}"

    def expand(self, text: str) -> str:
        """Return a text of the register, with values for its variables.

        Raises:
            SourceRefused: a variable is not set.
        """
        return expand_variables(text, self.environment)


@dataclass(frozen=True, slots=True)
class Inbox:
    """The stores of received bytes and of their receipts.

    Attributes:
        ledger: takes the receipts.
        received_bytes: takes the bytes.
    """

    ledger: Ledger
    received_bytes: ByteStore


def printable_name(name: str) -> str:
    """Return a printable form of a name, at most 80 characters long."""
    safe = "".join(character if character.isprintable() else "?" for character in name)
    return safe if len(safe) <= 80 else f"{safe[:79]}…"
