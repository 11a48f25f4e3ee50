"""When a file in a folder may be taken: by its name, and once it is whole.

A file still being written is left until it is whole, which nobody announces. So: names that stand for work in progress
(dot files, ``.part``, ``.tmp``, ``.filepart`` and the like) are never taken; a file is taken only once its last change
is some time ago, or once two looks a little apart saw the same size and time; and after the download size and time are
compared once more. What changed meanwhile is left for the next time, and so is a writer that paused for longer than
that: its file has another size then, and is fetched again as a new extract.

What belongs here: what is the same wherever files lie in folders. What does not: looking into a folder (``sftp``,
``drop_box``).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from time import time

from lgdp_pipelines.collection.file_routing import returns_in_folder, route
from lgdp_pipelines.collection.retry import Retry
from lgdp_pipelines.collection.transports.transport import LARGEST_EXTRACT, Entry, Listing, SkippedEntry, printable_name
from lgdp_pipelines.errors import SourceRefused
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.sources import FolderReturn

UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".swp", "~")
"""Endings, in lower case, that programs give to files they have not finished."""

MOST_ENTRIES = 100_000
"""A folder with more entries than this is refused: it is no folder of extracts."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a server and a writer are waited for.

    Attributes:
        connect: seconds for a connection and a log-in.
        answer: seconds for any one answer.
        settle_seconds: a file that was last changed so many seconds ago is whole.
        second_look_seconds: seconds between the two looks at a file changed more recently.
        retry: what is done where nobody answers.
    """

    connect: float = 15.0
    answer: float = 60.0
    settle_seconds: float = 60.0
    second_look_seconds: float = 1.0
    retry: Retry = field(default_factory=Retry)


def name_refused(name: str) -> str | None:
    """Why a name from a folder is not even tried; None where it may be."""
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
class FolderRouter:
    """What names are routed by.

    Attributes:
        source_returns: what a source gives, with folders and patterns.
        returns: the register's returns by code.
        today: no file is for a period that begins later.
    """

    source_returns: Sequence[FolderReturn]
    returns: Mapping[str, Return]
    today: date

    @property
    def folders(self) -> tuple[str, ...]:
        """The declared folders below an account's root."""
        return tuple(dict.fromkeys(one.folder.strip("/") for one in self.source_returns))

    def at(self, folder: str, name: str, size: int | None, modified: int | None) -> Entry | SkippedEntry:
        """What a regular file in a folder is: something that can be fetched, or something that is left."""
        refused = name_refused(name)
        if refused:
            return SkippedEntry(printable_name(name), refused)
        if is_unfinished(name):
            return SkippedEntry(name, "The name says that it is still being written.")
        if size is None or modified is None:
            return SkippedEntry(
                name, "The server does not say its size and time, so nobody can tell whether it is whole."
            )
        if size > LARGEST_EXTRACT:
            return SkippedEntry(name, f"It is larger than {LARGEST_EXTRACT} bytes.")
        routing = route(name, returns_in_folder(folder, self.source_returns), self.returns, today=self.today)
        return Entry(path_in(folder, name), name, size, modified, routing)


def path_in(folder: str, name: str | bytes) -> str:
    """The path of a name in one of an account's folders."""
    text = name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")
    return f"{folder}/{text}" if folder else text


def too_many(where: str, folder: str) -> SourceRefused:
    """The refusal of a folder with more than :data:`MOST_ENTRIES` entries."""
    return SourceRefused(
        f"A folder holds more than {MOST_ENTRIES} entries.",
        where=f"{where}, folder {folder or '.'}",
        remedy="Ask the council to clear files that were collected long ago.",
    )


def listing_of(found: Iterable[Entry | SkippedEntry | None]) -> Listing:
    """One look into an account, entries in order of path."""
    looked = list(found)
    entries = sorted((one for one in looked if isinstance(one, Entry)), key=lambda entry: entry.path)
    return Listing(tuple(entries), tuple(one for one in looked if isinstance(one, SkippedEntry)))


async def drop_changing(listing: Listing, is_same: Callable[[Entry], Awaitable[bool]], patience: Timeouts) -> Listing:
    """A listing without the files that are still growing.

    Args:
        listing: one look.
        is_same: a second look at one file: whether it is there with the same size and time.
        patience: how far apart the looks are.
    """
    before = time() - patience.settle_seconds
    fresh = [entry for entry in listing.entries if (entry.modified or 0) > before]
    if not fresh:
        return listing
    await asyncio.sleep(patience.second_look_seconds)
    changing = {entry.path for entry in fresh if not await is_same(entry)}
    return Listing(
        tuple(entry for entry in listing.entries if entry.path not in changing),
        listing.left + tuple(skip_changing(entry) for entry in fresh if entry.path in changing),
    )


def skip_changing(entry: Entry) -> SkippedEntry:
    """A file that changed while it was looked at."""
    return SkippedEntry(entry.name, "It changed while it was looked at; it is fetched once it stays the same.")


def unfinished_name(name: str) -> str:
    """What a file of ours is called while it is being put into an outbox."""
    return f".{name}.part"


def another_file(where: str, path: str) -> SourceRefused:
    """The refusal to overwrite what is in an outbox."""
    return SourceRefused(
        "Another file of that name lies in the outbox. It was not overwritten.",
        where=f"{where}, {path}",
        remedy="Ask the council to move it away; what goes back is delivered at the next try.",
    )
