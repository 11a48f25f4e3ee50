"""A transport in memory, for tests that need no server.

It keeps the promises of :class:`~lgdp_pipelines.collection.transports.transport.Transport` and routes names as an SFTP
source does. Its files may be changed between two collections, and an account or a file may be made to fail.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from lgdp_pipelines.collection.file_routing import list_returns_in_folder, route
from lgdp_pipelines.collection.transports.transport import (
    Download,
    Entry,
    ListedEntry,
    Listing,
    NoNewContent,
    SkippedEntry,
    Transport,
)
from lgdp_pipelines.errors import SourceError
from lgdp_pipelines.register.model.sources import FolderSource


@dataclass(frozen=True, slots=True)
class HeldFile:
    """File in memory.

    Attributes:
        content: its bytes, or what asking for them raises.
        modified: seconds since 1970.
    """

    content: bytes | SourceError
    modified: int = 1_700_000_000


@dataclass(frozen=True)
class MemoryTransport(Transport[FolderSource]):
    """Accounts of one source in memory.

    Attributes:
        contents: files by path (``folder/name``) by council code; or the error that opening the account raises.
        fetched: every (council code, path) that was requested, in order.
    """

    contents: Mapping[str, Mapping[str, HeldFile] | SourceError] = field(default_factory=dict)
    fetched: list[tuple[str, str]] = field(default_factory=list)

    @asynccontextmanager
    async def open_account(self, council_code: str) -> AsyncIterator["MemoryAccount"]:
        """Open one council's account.

        Raises:
            SourceError: the account is an error.
        """
        files = self.contents.get(council_code, {})
        if isinstance(files, SourceError):
            raise files
        yield MemoryAccount(self, council_code, files)


class MemoryAccount:
    """One council's account in memory. See :class:`~lgdp_pipelines.collection.transports.transport.Account`."""

    def __init__(self, transport: MemoryTransport, council_code: str, files: Mapping[str, HeldFile]) -> None:
        self._transport = transport
        self._council = council_code
        self._files = files

    async def list_entries(self, known_entries: Collection[ListedEntry] = frozenset()) -> Listing:  # noqa: ARG002 - may leave them out
        """Return every file in order of path."""
        return Listing(tuple(self._entry(path) for path in sorted(self._files)), ())

    async def probe(self) -> None:
        """Do nothing; the account always answers."""

    async def fetch(
        self,
        entry: Entry,
        validators: object = None,  # noqa: ARG002 - a listing says what is new
    ) -> Download | SkippedEntry | NoNewContent:
        """Return a file's bytes.

        Raises:
            SourceError: the file is an error.
        """
        self._transport.fetched.append((self._council, entry.path))
        contents = self._files[entry.path]
        if isinstance(contents.content, SourceError):
            raise contents.content
        download = Download(modified_seconds=contents.modified)
        download.append(contents.content)
        return download

    def _entry(self, path: str) -> Entry:
        folder, _, name = path.rpartition("/")
        contents = self._files[path]
        size = 0 if isinstance(contents.content, SourceError) else len(contents.content)
        expected = list_returns_in_folder(folder, self._transport.source.returns)
        routing = route(name, expected, self._transport.returns, today=self._transport.today)
        return Entry(path, name, size, contents.modified, routing)
