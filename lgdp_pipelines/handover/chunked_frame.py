"""Tables as a sequence of pieces, so that one larger than memory goes the way of any other.

A table that fits is one piece, a frame in memory. Where a run holds as much as it may, what comes after lies on disk,
in a scratch folder of the run, and each piece is read when its turn comes. What belongs here: pieces, and where they
are kept. What does not: what is in them, and Delta tables (``lake``).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, Self

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.handover.scratch_folders import open_scratch_folder

SPOOL_MEMORY_BYTES = 512 * 1024**2
"""So much of a run's tables is held in memory; the rest lies on disk."""


class Chunk(Protocol):
    """Where one piece is."""

    @property
    def height(self) -> int:
        """How many rows it has."""
        ...

    def read(self, columns: Sequence[str] | None) -> pl.DataFrame:
        """Its rows; None: with all columns."""
        ...

    def dataset(self, columns: Sequence[str]) -> ds.Dataset:
        """It, with at least these columns, for DuckDB to read as often as it wants."""
        ...


@dataclass(frozen=True)
class _Held:
    """A piece in memory."""

    frame: pl.DataFrame

    @property
    def height(self) -> int:
        return self.frame.height

    def read(self, columns: Sequence[str] | None) -> pl.DataFrame:
        return self.frame if columns is None else self.frame.select(columns)

    def dataset(self, columns: Sequence[str]) -> ds.Dataset:
        return ds.dataset(self.frame.select(columns).to_arrow(compat_level=pl.CompatLevel.oldest()))


@dataclass(frozen=True)
class _Spilled:
    """A piece on disk."""

    file: Path
    height: int

    def read(self, columns: Sequence[str] | None) -> pl.DataFrame:
        chosen = None if columns is None else list(columns)
        return pl.read_ipc(self.file, columns=chosen)

    def dataset(self, columns: Sequence[str]) -> ds.Dataset:  # noqa: ARG002 - what is not asked for is not read
        return ds.dataset(self.file, format="ipc")


@dataclass(frozen=True)
class ChunkedFrame:
    """A table in pieces. It can be gone through as often as anybody wants.

    Attributes:
        schema: names and types of its columns.
        chunks: where its pieces are, in the table's order.
    """

    schema: pl.Schema
    chunks: tuple[Chunk, ...]

    @classmethod
    def from_frames(cls, *frames: pl.DataFrame) -> "ChunkedFrame":
        """Frames of the same columns, held in memory; at least one."""
        return cls(frames[0].schema, tuple(map(_Held, frames)))

    @property
    def columns(self) -> list[str]:
        """Names of its columns."""
        return self.schema.names()

    @cached_property
    def height(self) -> int:
        """How many rows it has."""
        return sum(part.height for part in self.chunks)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return (part.read(None) for part in self.chunks)

    def iter_chunks(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Its pieces with these columns; the others are not read."""
        return (part.read(columns) for part in self.chunks)

    def head(self, rows: int) -> pl.DataFrame:
        """Its first rows."""
        found = pl.DataFrame(schema=self.schema)
        for piece in self:
            found = pl.concat([found, piece.head(rows - found.height)])
            if found.height == rows:
                break
        return found

    def collect(self) -> pl.DataFrame:
        """All of it in memory: for tables that are known to be small."""
        frames = list(self)
        return frames[0] if len(frames) == 1 else pl.concat(frames, rechunk=False)

    def to_arrow(self, columns: Sequence[str]) -> pa.Table | ds.Dataset:
        """These columns as something that DuckDB reads as often as it wants, from memory or from disk."""
        if all(isinstance(part, _Held) for part in self.chunks):
            return pa.concat_tables([part.read(columns).to_arrow() for part in self.chunks])
        return ds.dataset([part.dataset(columns) for part in self.chunks])


class ChunkStore(Protocol):
    """Takes the pieces of a table as they come, and gives them back as a table."""

    def __call__(self, frames: Iterable[pl.DataFrame], schema: pl.Schema) -> ChunkedFrame:
        """Keep the frames, which all have the schema's columns."""
        ...


def store_in_memory(frames: Iterable[pl.DataFrame], schema: pl.Schema) -> ChunkedFrame:
    """Keep all pieces in memory, for who has asked for a small table."""
    held = list(frames) or [pl.DataFrame(schema=schema)]
    return ChunkedFrame(schema, tuple(map(_Held, held)))


class ChunkSpool(AbstractContextManager["ChunkSpool"]):
    """What one run keeps until it is over: in memory while there is room, and then on disk.

    Attributes:
        root: the scratch folder, in which a folder is made once one is needed.
        held: bytes that may still be held in memory.
    """

    def __init__(self, root: Path, held: int = SPOOL_MEMORY_BYTES) -> None:
        self.root = root
        self.held = held
        self._open = ExitStack()
        self._folder: Path | None = None
        self._files = 0

    def store(self, frames: Iterable[pl.DataFrame], schema: pl.Schema) -> ChunkedFrame:
        """Keep the pieces of a table, each before the next is asked for.

        Raises:
            StorageError: there is no room on the disk.
        """
        chunks = tuple(self._kept(frame) for frame in frames)
        return ChunkedFrame(schema, chunks or (_Held(pl.DataFrame(schema=schema)),))

    def folder(self) -> Path:
        """The run's own folder, which goes when the run is over."""
        if self._folder is None:
            self._folder = self._open.enter_context(open_scratch_folder(self.root, "run"))
        return self._folder

    def create_folder(self) -> Path:
        """A folder of somebody's own within it."""
        self._files += 1
        room = self.folder() / f"{self._files:06d}"
        room.mkdir()
        return room

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _kept(self, frame: pl.DataFrame) -> Chunk:
        size = int(frame.estimated_size())
        if size <= self.held:
            self.held -= size
            return _Held(frame)
        self._files += 1
        file = self.folder() / f"{self._files:06d}.arrow"
        try:
            frame.write_ipc(file, compression="lz4", compat_level=pl.CompatLevel.oldest())
        except OSError as error:
            raise StorageError(
                "A large extract cannot be put aside while it is judged.",
                where=str(self.root),
                remedy="Make room on the disk of the scratch folder, then run it again.",
            ) from error
        return _Spilled(file, frame.height)
