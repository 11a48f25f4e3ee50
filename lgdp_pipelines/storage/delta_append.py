"""A slice written as files of its own, which one commit adds while it removes those that held the slice before.

Polars writes Parquet on all cores, in a third of the time that Delta Lake's own writer takes on one. It can be asked
wherever no file holds rows of the slice and of others besides; the log knows that, by the bounds that it keeps of open
columns. What belongs here: which files are a slice's alone, Parquet, and the statistics of a file. What does not: who
may write (``lake``), and files that slices share, which Delta Lake itself rewrites.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count, takewhile
from os import stat_result
from pathlib import Path
from urllib.parse import unquote
from uuid import uuid4

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.handover.column_types import arrow_to_frame
from lgdp_pipelines.storage.frame_schema import FrameSource
from lgdp_pipelines.storage.lake_tables import SliceFilter, slice_values

BYTES_A_FILE = 64 * 1024**2
"""So much of a slice, as it lies in memory, becomes one file: ten million rows then take 2.6 GB of memory, not 3.8."""

Partition = Mapping[str, str | None]
"""The values by which a table is cut, of one part of it."""


def partition_of(columns: Sequence[str], where: SliceFilter) -> Partition | None:
    """The one part of a table in which a slice lies; None where the slice may lie in several."""
    if any(column not in where or len(slice_values(where, column)) > 1 for column in columns):
        return None
    return {column: next(iter(slice_values(where, column)), None) for column in columns}


def files_alone(delta: DeltaTable, partition: Partition, where: SliceFilter) -> pl.DataFrame | None:
    """The files that hold the slice's rows; None where one of them holds others' besides, or may.

    Args:
        delta: as it is looked at.
        partition: the part of the table in which the slice lies.
        where: the slice.

    Returns:
        Columns path (text) and size_bytes (int64), one row a file.
    """
    files = arrow_to_frame(pa.table(delta.get_add_actions(flatten=True)))
    for column, value in partition.items():
        part = pl.col(f"partition.{column}").cast(pl.String)
        files = files.filter(part.is_null() if value is None else part == value)
    if files.is_empty():
        return files.select("path", "size_bytes")
    for column in where.keys() - partition.keys():
        bounds = [f"min.{column}", f"max.{column}", f"null_count.{column}"]
        if where[column] is None or files.schema.get(bounds[0]) != pl.String:
            return None
        low, high, nulls = (pl.col(one) for one in bounds)
        values = slice_values(where, column)
        may_hold = pl.any_horizontal([(low <= value) & (high >= value) for value in values]).fill_null(value=True)
        files = files.filter(may_hold)
        is_alone = (low == high) & low.is_in(values) & (nulls == 0)
        if not files.select(is_alone.fill_null(value=False).all()).item():
            return None
    return files.select("path", "size_bytes")


@dataclass(frozen=True)
class Home:
    """Where the files of a slice go, and what may be said of them.

    Attributes:
        root: folder of the table.
        partition: that all their rows lie in.
        open_columns: whose bounds may stand in the log.
    """

    root: Path
    partition: Partition
    open_columns: Sequence[str]


def put(
    delta: DeltaTable,
    home: Home,
    rows: FrameSource,
    *,
    instead_of: pl.DataFrame,
    properties: CommitProperties,
    mark: str,
) -> None:
    """Write rows as files, and commit them in place of others. Where that fails, the files go again.

    Args:
        delta: on whose present version the commit is based.
        home: where the files go.
        rows: with the table's columns, all in the one partition.
        instead_of: files that go, of :func:`files_alone`.
        properties: of the commit.
        mark: text that they have, and no other commit's.

    Raises:
        CommitFailedError: another writer came between.
        StorageError: the disk did not take the files.
    """
    base, now, partition = delta.version(), int(time.time() * 1000), dict(home.partition)
    with ExitStack() as undone:
        added = list(_written(home, rows, undone))
        written = undone.pop_all()  # from here on the commit may stand, whatever happens to who asked for it
    removed = [
        # The log's own paths are encoded, and would be so twice.
        RemoveAction(unquote(path), data_change=True, deletion_timestamp=now, size=size, partition_values=partition)
        for path, size in instead_of.iter_rows()
    ]
    try:
        delta.create_write_transaction(
            [*added, *removed],
            "append",
            delta.schema(),
            partition_by=list(partition) or None,
            commit_properties=properties,
        )
    except CommitFailedError:
        if version_of(home.root, mark, base) is None:
            written.close()
        raise


def version_of(root: Path, mark: str, after: int) -> int | None:
    """The version that a commit made, which others may have followed; None where no commit has the mark.

    Args:
        root: folder of the table.
        mark: text that the commit's metadata has, and no other's.
        after: the version that the commit was based on.
    """
    logs = ((version, root / "_delta_log" / f"{version:020d}.json") for version in count(after + 1))
    there = takewhile(lambda one: one[1].exists(), logs)
    return next((version for version, log in there if mark in log.read_text(encoding="utf-8")), None)


def _written(home: Home, rows: FrameSource, undone: ExitStack) -> Iterator[AddAction]:
    folder = "/".join(f"{column}={_folder_name(value)}" for column, value in home.partition.items())
    for frame in _enough(rows.again()):
        name = f"part-{uuid4()}.parquet"
        file = home.root / folder / name
        undone.callback(_take_away, file)
        own = frame.drop(home.partition)
        told = _stored(own, file)
        yield AddAction(
            path=f"{folder}/{name}" if folder else name,
            size=told.st_size,
            partition_values=dict(home.partition),
            modification_time=int(told.st_mtime * 1000),
            data_change=True,
            stats=_statistics(own, [one for one in home.open_columns if one in own.columns]),
        )


def _take_away(file: Path) -> None:
    with suppress(OSError):
        file.unlink(missing_ok=True)


def _stored(frame: pl.DataFrame, file: Path) -> stat_result:
    """Write a file; what the disk says of it.

    Its bounds are said in the log alone, of open columns: Polars would say them in the file of all columns or of none.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(file, compression="zstd", compression_level=1, statistics=False)
        return file.stat()
    except (OSError, pl.exceptions.PolarsError) as error:
        # Its text may hold values, so neither the text nor the error itself goes any further.
        raise StorageError(
            f"The disk did not take the rows ({type(error).__name__}).",
            where=str(file.parent),
            remedy="Look at free space and rights of the lake's folder, then run it again.",
        ) from None


def _enough(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same rows, as many at a time as become one file."""
    waiting: list[pl.DataFrame] = []
    size = 0
    for frame in frames:
        if frame.height:
            waiting.append(frame)
            size += int(frame.estimated_size())
        if size >= BYTES_A_FILE:
            yield pl.concat(waiting, rechunk=False)
            waiting, size = [], 0
    if waiting:
        yield pl.concat(waiting, rechunk=False)


def _folder_name(value: str | None) -> str:
    """The folder is for who looks at the disk: the log alone says what lies in a file."""
    return _NULL_FOLDER if value is None else re.sub(r"[^A-Za-z0-9_-]", "_", value)


_NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"


def _statistics(frame: pl.DataFrame, columns: Sequence[str]) -> str:
    """What the log says of a file, as Delta's protocol has it: JSON.

    Bounds are given of text, whole numbers and days alone: those of fractions and times would have to be rounded away
    from each other, and nobody looks for them.
    """
    told = [name for name in columns if not frame.schema[name].is_nested()]
    bounded = [name for name in told if frame.schema[name] in _BOUNDED]
    found = frame.select(
        *(_bound(frame, name, pl.Expr.min).alias(f"low.{name}") for name in bounded),
        *(_bound(frame, name, pl.Expr.max).alias(f"high.{name}") for name in bounded),
        *(pl.col(name).null_count().alias(f"nulls.{name}") for name in told),
        pl.lit(0).alias(""),
    ).row(0, named=True)

    def known(kind: str) -> dict[str, str | int]:
        values = {name: found[f"{kind}.{name}"] for name in bounded}
        return {name: value for name, value in values.items() if value is not None}

    nulls = {name: found[f"nulls.{name}"] for name in told}
    return json.dumps(
        {"numRecords": frame.height, "minValues": known("low"), "maxValues": known("high"), "nullCount": nulls},
        separators=(",", ":"),
    )


def _bound(frame: pl.DataFrame, name: str, kind: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """A bound as JSON has it; of days beyond those that have ten characters, none."""
    bound = kind(pl.col(name))
    if frame.schema[name] != pl.Date:
        return bound
    text = bound.cast(pl.String)
    return pl.when(text.str.len_bytes() == _DAY).then(text)


_DAY = len("2026-11-22")
_BOUNDED = (pl.String, pl.Int64, pl.Int32, pl.Int16, pl.Int8, pl.Date)
