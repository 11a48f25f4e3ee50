"""Overwriting a slice in one commit: by files of its own, or by a predicate.

polars writes Parquet on all cores, in a third of the time that Delta Lake's own writer takes on one. That is possible
wherever no file holds rows of the slice and of others too; the log shows that by the bounds that it keeps of open
columns. Otherwise Delta Lake itself rewrites the files that slices share. Belongs here: the files of a slice, Parquet,
and statistics of a file. Belongs elsewhere: who may write (``lake``), and conflicts (``delta_commits``).
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from os import stat_result
from pathlib import Path
from urllib.parse import unquote
from uuid import uuid4

import polars as pl
import pyarrow as pa
from deltalake import ColumnProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

from lgdp_pipelines.errors import StorageError
from lgdp_pipelines.handover.column_types import arrow_to_frame, frame_to_arrow, polars_to_arrow_schema
from lgdp_pipelines.handover.prefetch import prefetch
from lgdp_pipelines.storage.delta_commits import SliceCommit
from lgdp_pipelines.storage.frame_source import FrameSource
from lgdp_pipelines.storage.lake_tables import SliceFilter, slice_values

FILE_BYTES = 64 * 1024**2
"""Bytes of a slice in memory that become one file: ten million rows then take 2.6 GB of memory, not 3.8."""

Partition = Mapping[str, str | None]
"""Values of the partition columns, for one partition."""


def find_partition(columns: Sequence[str], where: SliceFilter) -> Partition | None:
    """Return the one partition of a table that holds a slice.

    None where it may lie in several.
    """
    if any(column not in where or len(slice_values(where, column)) > 1 for column in columns):
        return None
    return {column: next(iter(slice_values(where, column)), None) for column in columns}


def find_own_files(delta: DeltaTable, partition: Partition, where: SliceFilter) -> pl.DataFrame | None:
    """Return the files that hold a slice.

    None where one of them may hold rows of others.

    Args:
        delta: version to look at.
        partition: that holds the slice.
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
        low, high, nulls = map(pl.col, bounds)
        values = slice_values(where, column)
        may_hold = pl.any_horizontal([(low <= value) & (high >= value) for value in values]).fill_null(value=True)
        files = files.filter(may_hold)
        is_own = (low == high) & low.is_in(values) & (nulls == 0)
        if not files.select(is_own.fill_null(value=False).all()).item():
            return None
    return files.select("path", "size_bytes")


@dataclass(frozen=True)
class SliceFolder:
    """The folder for the files of a slice.

    Attributes:
        root: folder of the table.
        partition: that all rows lie in.
        open_columns: columns whose bounds may be written to the log.
    """

    root: Path
    partition: Partition
    open_columns: Sequence[str]


def overwrite_files(
    delta: DeltaTable, folder: SliceFolder, rows: FrameSource, *, own_files: pl.DataFrame, commit: SliceCommit
) -> None:
    """Write rows as files, and commit them in place of others.

    On a conflict the new files are removed.

    Args:
        delta: version that the commit is based on.
        folder: of the new files.
        rows: with the table's columns, all in the one partition.
        own_files: files to be removed, as of :func:`find_own_files`.
        commit: to be made.

    Raises:
        CommitFailedError: another writer came between.
        StorageError: the disk did not take the files.
    """
    now, partition = int(time.time() * 1000), dict(folder.partition)
    with ExitStack() as cleanup:
        added = list(_write_files(folder, rows, cleanup))
        # From here on the commit may succeed whatever happens to its caller, so the files stay.
        undo = cleanup.pop_all()
    removed = [
        # The log's own paths are encoded, and would be so twice.
        RemoveAction(unquote(path), data_change=True, deletion_timestamp=now, size=size, partition_values=partition)
        for path, size in own_files.iter_rows()
    ]
    try:
        delta.create_write_transaction(
            [*added, *removed],
            "append",
            delta.schema(),
            partition_by=list(partition) or None,
            commit_properties=commit.properties,
        )
    except CommitFailedError:
        if commit.find_version() is None:
            undo.close()
        raise


def overwrite_by_predicate(
    delta: DeltaTable, rows: FrameSource, *, predicate: str, open_columns: Sequence[str], commit: SliceCommit
) -> None:
    """Replace the rows that match a predicate; Delta Lake rewrites their files.

    Args:
        delta: version that the commit is based on.
        rows: with the table's columns; an exception of their source is raised, and nothing is then written.
        predicate: SQL.
        open_columns: columns whose bounds may be written to the log and to the files.
        commit: to be made.

    Raises:
        CommitFailedError: another writer came between.
        DeltaError: the disk did not take the rows.
    """
    source_errors: list[Exception] = []
    schema = polars_to_arrow_schema(rows.schema)

    def iter_batches() -> Iterator[pa.RecordBatch]:
        try:
            for frame in prefetch(rows.frames()):
                yield from frame_to_arrow(frame, schema).to_batches()
        except Exception as error:
            source_errors.append(error)
            raise

    try:
        write_deltalake(
            delta,
            pa.RecordBatchReader.from_batches(schema, iter_batches()),
            mode="overwrite",
            predicate=predicate,
            commit_properties=commit.properties,
            writer_properties=WriterProperties(
                compression="ZSTD",
                compression_level=1,
                default_column_properties=ColumnProperties(statistics_enabled="NONE"),
                column_properties={
                    name: ColumnProperties(statistics_enabled="CHUNK") for name in schema.names if name in open_columns
                },
            ),
        )
    except Exception:
        if source_errors:
            raise source_errors[0] from None
        raise


def _write_files(folder: SliceFolder, rows: FrameSource, cleanup: ExitStack) -> Iterator[AddAction]:
    subfolder = "/".join(f"{column}={_folder_name(value)}" for column, value in folder.partition.items())
    for frame in _iter_file_frames(rows.frames()):
        name = f"part-{uuid4()}.parquet"
        file = folder.root / subfolder / name
        cleanup.callback(_remove_file, file)
        content = frame.drop(folder.partition)
        status = _write_parquet(content, file)
        yield AddAction(
            path=f"{subfolder}/{name}" if subfolder else name,
            size=status.st_size,
            partition_values=dict(folder.partition),
            modification_time=int(status.st_mtime * 1000),
            data_change=True,
            stats=_statistics(content, [column for column in folder.open_columns if column in content.columns]),
        )


def _remove_file(file: Path) -> None:
    with suppress(OSError):
        file.unlink(missing_ok=True)


def _write_parquet(frame: pl.DataFrame, file: Path) -> stat_result:
    """Write a file, and return its status.

    Bounds of open columns go to the log alone: polars would write those of all columns to the file, or none.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(file, compression="zstd", compression_level=1, statistics=False)
        return file.stat()
    except (OSError, pl.exceptions.PolarsError) as error:
        # Its text may hold values, so neither the text nor the error itself is passed on.
        raise StorageError(
            f"The disk did not take the rows ({type(error).__name__}).",
            where=str(file.parent),
            remedy="Check free space and permissions of the lake's folder, then run it again.",
        ) from None


def _iter_file_frames(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the rows in frames of the size of one file."""
    waiting: list[pl.DataFrame] = []
    size = 0
    for frame in frames:
        if frame.height:
            waiting.append(frame)
            size += int(frame.estimated_size())
        if size >= FILE_BYTES:
            yield pl.concat(waiting, rechunk=False)
            waiting, size = [], 0
    if waiting:
        yield pl.concat(waiting, rechunk=False)


def _folder_name(value: str | None) -> str:
    """Return a readable folder name; the log determines the rows' values."""
    return "__HIVE_DEFAULT_PARTITION__" if value is None else re.sub(r"[^A-Za-z0-9_-]", "_", value)


def _statistics(frame: pl.DataFrame, columns: Sequence[str]) -> str:
    """Return the statistics of a file for the log, as JSON by Delta's protocol.

    Only text, whole numbers and days have bounds: those of fractions and times would have to be rounded away from each
    other, and no reader needs them.
    """
    counted = [name for name in columns if not frame.schema[name].is_nested()]
    bounded = [name for name in counted if frame.schema[name] in _BOUNDED_TYPES]
    values = frame.select(
        *(_bound(frame, name, pl.Expr.min).alias(f"low.{name}") for name in bounded),
        *(_bound(frame, name, pl.Expr.max).alias(f"high.{name}") for name in bounded),
        *(pl.col(name).null_count().alias(f"nulls.{name}") for name in counted),
        pl.lit(0).alias(""),
    ).row(0, named=True)

    def list_bounds(kind: str) -> dict[str, str | int]:
        return {name: values[f"{kind}.{name}"] for name in bounded if values[f"{kind}.{name}"] is not None}

    nulls = {name: values[f"nulls.{name}"] for name in counted}
    return json.dumps(
        {
            "numRecords": frame.height,
            "minValues": list_bounds("low"),
            "maxValues": list_bounds("high"),
            "nullCount": nulls,
        },
        separators=(",", ":"),
    )


def _bound(frame: pl.DataFrame, name: str, aggregate: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Return a bound as in JSON.

    Null for a day of more than ten characters.
    """
    bound = aggregate(pl.col(name))
    if frame.schema[name] != pl.Date:
        return bound
    text = bound.cast(pl.String)
    return pl.when(text.str.len_bytes() == len("2026-11-22")).then(text)


_BOUNDED_TYPES = (pl.String, pl.Int64, pl.Int32, pl.Int16, pl.Int8, pl.Date)
