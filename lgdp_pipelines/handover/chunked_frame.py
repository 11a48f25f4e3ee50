"""Chunked frames: tables as a sequence of chunks, so that a table larger than memory is handled like any other.

A table that fits is one chunk in memory. At the memory limit of a run, further chunks are written to a scratch folder
of the run and read one at a time. Belongs here: chunks, in memory and on disk. Belongs elsewhere: their content, and
Delta tables (``storage.lake``).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.handover.column_types import ARROW_COMPAT_LEVEL
from lgdp_pipelines.handover.scratch_folders import open_scratch_folder

SPOOL_MEMORY_BYTES = 512 * 1024**2
"""Bytes of a run's tables that are held in memory; the rest is written to disk."""


class Chunk(Protocol):
    """Some rows of a table, in memory or on disk."""

    @property
    def height(self) -> int:
        """Number of rows."""

    def read(self, columns: Sequence[str] | None) -> pl.DataFrame:
        """Return the rows with these columns; None: all columns."""

    def open_dataset(self, columns: Sequence[str]) -> ds.Dataset:
        """Return the rows with at least these columns as a rereadable dataset."""


@dataclass(frozen=True)
class _MemoryChunk:
    """A chunk in memory."""

    frame: pl.DataFrame

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.frame.height

    def read(self, columns: Sequence[str] | None) -> pl.DataFrame:
        """Return the rows with these columns; None: all columns."""
        return self.frame if columns is None else self.frame.select(columns)

    def open_dataset(self, columns: Sequence[str]) -> ds.Dataset:
        """Return the rows with these columns as a rereadable dataset."""
        return ds.dataset(self.frame.select(columns).to_arrow(compat_level=ARROW_COMPAT_LEVEL))


@dataclass(frozen=True)
class _DiskChunk:
    """A chunk on disk."""

    file: Path
    height: int

    def read(self, columns: Sequence[str] | None) -> pl.DataFrame:
        """Return the rows with these columns; None: all columns."""
        return pl.read_ipc(self.file, columns=None if columns is None else list(columns))

    def open_dataset(self, columns: Sequence[str]) -> ds.Dataset:  # noqa: ARG002 - DuckDB reads only what it selects
        """Return the file as a dataset of all columns."""
        return ds.dataset(self.file, format="ipc")


@dataclass(frozen=True)
class ChunkedFrame:
    """A table in chunks; an iteration over it can be repeated.

    Attributes:
        schema: names and types of the columns.
        chunks: in the table's order; at least one.
    """

    schema: pl.Schema
    chunks: tuple[Chunk, ...]

    @classmethod
    def from_frames(cls, *frames: pl.DataFrame) -> "ChunkedFrame":
        """Return a table in memory of frames with the same columns."""
        return cls(frames[0].schema, tuple(map(_MemoryChunk, frames)))

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self.schema.names()

    @cached_property
    def height(self) -> int:
        """Number of rows."""
        return sum(chunk.height for chunk in self.chunks)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        return (chunk.read(None) for chunk in self.chunks)

    def iter_chunks(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Return the chunks with these columns, without reading others."""
        return (chunk.read(columns) for chunk in self.chunks)

    def head(self, rows: int) -> pl.DataFrame:
        """Return the first rows."""
        head = pl.DataFrame(schema=self.schema)
        for frame in self:
            head = pl.concat([head, frame.head(rows - head.height)])
            if head.height == rows:
                break
        return head

    def collect(self) -> pl.DataFrame:
        """Return all rows in one frame in memory, for small tables."""
        frames = list(self)
        return frames[0] if len(frames) == 1 else pl.concat(frames, rechunk=False)

    def to_arrow(self, columns: Sequence[str]) -> pa.Table | ds.Dataset:
        """Return these columns as a source that DuckDB can read repeatedly."""
        if all(isinstance(chunk, _MemoryChunk) for chunk in self.chunks):
            return pa.concat_tables([chunk.read(columns).to_arrow() for chunk in self.chunks])
        return ds.dataset([chunk.open_dataset(columns) for chunk in self.chunks])


class ChunkStore(Protocol):
    """A function that stores a table's frames and returns the table."""

    def __call__(self, frames: Iterable[pl.DataFrame], schema: pl.Schema) -> ChunkedFrame:
        """Store frames that all have the columns of the schema."""


def store_in_memory(frames: Iterable[pl.DataFrame], schema: pl.Schema) -> ChunkedFrame:
    """Store all frames of a table in memory, for small tables."""
    return ChunkedFrame(schema, tuple(map(_MemoryChunk, frames)) or (_MemoryChunk(pl.DataFrame(schema=schema)),))


class ChunkSpool(AbstractContextManager["ChunkSpool"]):
    """Store of a run's chunks: in memory, then on disk.

    Attributes:
        root: the scratch folder; the run's own folder is created in it at first use.
        memory_bytes: number of further bytes that fit in memory.
    """

    def __init__(self, root: Path, memory_bytes: int = SPOOL_MEMORY_BYTES) -> None:
        self.root = root
        self.memory_bytes = memory_bytes
        self._resources = ExitStack()
        self._folder: Path | None = None
        self._file_count = 0

    def store(self, frames: Iterable[pl.DataFrame], schema: pl.Schema) -> ChunkedFrame:
        """Store a table's frames in memory, or else on disk; return it.

        Each frame is stored before the next is requested.

        Raises:
            StorageError: the disk is full.
        """
        chunks = tuple(map(self._store_frame, frames))
        return ChunkedFrame(schema, chunks or (_MemoryChunk(pl.DataFrame(schema=schema)),))

    def open_folder(self) -> Path:
        """Return the run's temporary folder, created at first use."""
        if self._folder is None:
            self._folder = self._resources.enter_context(open_scratch_folder(self.root, "run"))
        return self._folder

    def create_folder(self) -> Path:
        """Create and return an empty folder in the run's own folder."""
        folder = self._next_path()
        folder.mkdir()
        return folder

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def _next_path(self) -> Path:
        """Return a new path in the run's own folder."""
        self._file_count += 1
        return self.open_folder() / f"{self._file_count:06d}"

    def _store_frame(self, frame: pl.DataFrame) -> Chunk:
        """Store a frame as a chunk in memory or on disk."""
        size = int(frame.estimated_size())
        if size <= self.memory_bytes:
            self.memory_bytes -= size
            return _MemoryChunk(frame)
        file = self._next_path().with_suffix(".arrow")
        try:
            frame.write_ipc(file, compression="lz4", compat_level=ARROW_COMPAT_LEVEL)
        except OSError as error:
            raise StorageError(
                "A large extract cannot be written to the scratch folder while it is judged.",
                where=str(self.root),
                remedy="Make room on the disk of the scratch folder, then run it again.",
            ) from error
        return _DiskChunk(file, frame.height)
