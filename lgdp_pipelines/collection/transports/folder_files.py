"""Files in folders: which may be taken, by their names, and once they are complete.

A file may still be being written, and its writer announces no end. So files with names of unfinished work (dot files,
``.part``, ``.tmp``, ``.filepart`` and others) are never taken; a file is taken only some time after its last change, or
once two looks a little apart saw the same size and time; and size and time are compared again after the download. A
file that changed meanwhile is left for the next time. So is one whose writer paused for longer than that: it has
another size then, and is fetched again as a new extract.

Belongs here: the rules that hold wherever files lie in folders. Belongs elsewhere: looking into a folder (``sftp``,
``drop_box``).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from time import time
from typing import TypeVar

from lgdp_pipelines.collection.file_routing import list_returns_in_folder, route
from lgdp_pipelines.collection.transports.transport import (
    LARGEST_EXTRACT,
    Entry,
    Listing,
    SkippedEntry,
    Transport,
    printable_name,
)
from lgdp_pipelines.errors import SourceRefused
from lgdp_pipelines.register.model.sources import FolderSource

UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".swp", "~")
"""Endings, in lower case, that programs give to files they have not finished."""

MOST_ENTRIES = 100_000
"""A folder with more entries is refused, because councils never have that many extracts."""


def refuse_name(name: str) -> str | None:
    """Return the reason why a file name is unsafe; None otherwise."""
    refusals = {
        "The name is empty or longer than 255 characters.": not 0 < len(name) <= 255,
        "The name has a path separator in it.": "/" in name or "\\" in name or name in {".", ".."},
        "The name has control characters, or bytes that are not UTF-8, in it.": not name.isprintable(),
    }
    return next((reason for reason, is_refused in refusals.items() if is_refused), None)


def is_unfinished(name: str) -> bool:
    """Return whether a name marks a file as unfinished."""
    return name.startswith(".") or name.casefold().endswith(UNFINISHED)


FolderSourceT = TypeVar("FolderSourceT", bound=FolderSource, covariant=True)  # noqa: PLC0105 - as in Transport


@dataclass(frozen=True)
class FolderTransport(Transport[FolderSourceT]):
    """The way to accounts that hold files in folders."""

    @property
    def folders(self) -> tuple[str, ...]:
        """Return the declared folders below an account's root."""
        return tuple(dict.fromkeys(source_return.folder.strip("/") for source_return in self.source.returns))

    def classify(self, folder: str, name: str, size: int | None, modified_seconds: int | None) -> Entry | SkippedEntry:
        """Return an entry, routed by its name, or a skipped file."""
        if reason := refuse_name(name):
            return SkippedEntry(printable_name(name), reason)
        if is_unfinished(name):
            return SkippedEntry(name, "The name says that it is still being written.")
        if size is None or modified_seconds is None:
            return SkippedEntry(name, "The server does not say its size and time, so it may be incomplete.")
        if size > LARGEST_EXTRACT:
            return SkippedEntry(name, f"It is larger than {LARGEST_EXTRACT} bytes.")
        routing = route(name, list_returns_in_folder(folder, self.source.returns), self.returns, today=self.today)
        return Entry(join_path(folder, name), name, size, modified_seconds, routing)

    async def list_complete(
        self, files: Iterable[Entry | SkippedEntry | None], is_same: Callable[[Entry], Awaitable[bool]]
    ) -> Listing:
        """Look twice at recent files; return a listing with changing ones skipped.

        Args:
            files: one look into an account.
            is_same: whether a second look at a file finds it with the same size and time.
        """
        all_files = list(files)
        entries = sorted((file for file in all_files if isinstance(file, Entry)), key=lambda entry: entry.path)
        skipped = tuple(file for file in all_files if isinstance(file, SkippedEntry))
        start = time() - self.timeouts.settle_seconds
        recent_entries = [entry for entry in entries if (entry.modified_seconds or 0) > start]
        if recent_entries:
            await asyncio.sleep(self.timeouts.second_look_seconds)
        changing_files = {entry.path: skip_changing(entry) for entry in recent_entries if not await is_same(entry)}
        complete = tuple(entry for entry in entries if entry.path not in changing_files)
        return Listing(complete, (*skipped, *changing_files.values()))


def join_path(folder: str, name: str | bytes) -> str:
    """Return the path of a name in one of an account's folders."""
    text = name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")
    return f"{folder}/{text}" if folder else text


def refuse_crowded_folder(location: str, folder: str) -> SourceRefused:
    """Return the refusal of a folder with more than :data:`MOST_ENTRIES` entries."""
    return SourceRefused(
        f"A folder holds more than {MOST_ENTRIES} entries.",
        where=f"{location}, folder {folder or '.'}",
        remedy="Ask the council to remove old files from it.",
    )


def skip_changing(entry: Entry) -> SkippedEntry:
    """Return a file as skipped, because it changed meanwhile."""
    return SkippedEntry(entry.name, "It changed while it was looked at; it is fetched once it stays the same.")


def make_unfinished_name(name: str) -> str:
    """Return the hidden temporary name of a file during its delivery."""
    return f".{name}.part"


def refuse_overwriting(location: str, path: str) -> SourceRefused:
    """Return the refusal to overwrite a file in an outbox."""
    return SourceRefused(
        "Another file of that name lies in the outbox. It was not overwritten.",
        where=f"{location}, {path}",
        remedy="Ask the council to move it away; the delivery is tried again.",
    )
