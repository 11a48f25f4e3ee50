"""Commits to Delta tables: overwriting a slice in one commit, retries after a conflict, and transactions.

Delta Lake sees that two writers remove one file, and not that both add one to the same slice. Every commit therefore
sets a transaction of its own for its slice, at which two such writers conflict. The number of the submission last put
in place is a transaction too, one for each council and period: so it is known even if that submission has no rows.

polars writes Parquet on all cores, in a third of the time that Delta Lake's own writer takes on one. That is possible
for a slice whose files hold no other rows; the log shows that by the bounds that it keeps of open columns. Otherwise
Delta Lake itself rewrites the files that slices share. Belongs here: conflicts, transactions, the files of a slice,
Parquet, and statistics of a file. Belongs elsewhere: permission to write (``lake``), and schemas (``delta_schema``).
"""

import json
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count, product, takewhile
from os import stat_result
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote
from uuid import uuid4

import polars as pl
import pyarrow as pa
from deltalake import ColumnProperties, CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction

from lgdp_pipelines.errors import StorageError, WriteConflict
from lgdp_pipelines.handover.column_types import arrow_to_frame, frame_to_arrow, polars_to_arrow_schema
from lgdp_pipelines.handover.prefetch import prefetch
from lgdp_pipelines.storage.frame_source import FrameSource
from lgdp_pipelines.storage.lake_tables import LakeTable, SliceFilter, slice_values

MAX_ATTEMPTS = 30
MAX_PAUSE_SECONDS = 0.5

Result = TypeVar("Result")


def retry_conflicts(table: LakeTable, write: Callable[[], Result]) -> Result:
    """Call a function that commits, repeated up to a limit after conflicts.

    Args:
        table: written to.
        write: opens the present version and commits to it.

    Raises:
        WriteConflict: other writers won every time.
        StorageError: Delta Lake refused the write.
    """
    for attempt in range(MAX_ATTEMPTS):
        try:
            return write()
        except CommitFailedError:
            pause = min(MAX_PAUSE_SECONDS, 0.01 * 2**attempt)
            time.sleep(random.uniform(0, pause))  # noqa: S311 - keeps writers from meeting again, no secret
        except DeltaError as error:
            # Its text may hold rows, so neither the text nor the error itself is passed on.
            raise StorageError(
                f"Delta Lake refused the write ({type(error).__name__}).",
                where=str(table),
                remedy="Check free space and permissions of the lake's folder, then run it again.",
            ) from None
    raise WriteConflict(
        f"Other writers to the same slice won {MAX_ATTEMPTS} times.",
        where=str(table),
        remedy="Nothing was written. Run it again when they have finished.",
    )


class SliceCommit:
    """One commit to a slice, identified in the log by a mark.

    Args:
        root: folder of the table.
        delta: version that the commit is based on.
        metadata: kept with the commit.
        transactions: version by transaction.

    Attributes:
        properties: metadata, mark and transactions, for Delta Lake.
    """

    def __init__(
        self, root: Path, delta: DeltaTable, metadata: Mapping[str, str], transactions: Mapping[str, int]
    ) -> None:
        self._log_folder, self._base, self._mark = root / "_delta_log", delta.version(), uuid4().hex
        self.properties = CommitProperties(
            custom_metadata={**metadata, "write": self._mark},
            app_transactions=[Transaction(key, number) for key, number in transactions.items()],
        )

    def find_version(self) -> int | None:
        """Return the version that this commit created, or None if it failed.

        Later versions may exist.
        """
        logs = ((version, self._log_folder / f"{version:020d}.json") for version in count(self._base + 1))
        logged_versions = takewhile(lambda entry: entry[1].exists(), logs)
        return next(
            (version for version, log in logged_versions if self._mark in log.read_text(encoding="utf-8")), None
        )


def submission_transaction(period: str, council: str) -> str:
    """Return the name of the transaction that holds a council's submission number."""
    return f"lgdp/{period}/{council}"


def submission_transactions(where: SliceFilter) -> Iterator[str]:
    """Return submission transactions of the periods and councils that a slice names."""
    pairs = product(slice_values(where, "period"), slice_values(where, "council_code"))
    return (submission_transaction(period, council) for period, council in pairs)


def writer_transactions(table: LakeTable, where: SliceFilter) -> list[str]:
    """Return the transactions on which writers of a slice conflict.

    They are by submission, or else by partition.

    Raises:
        StorageError: the slice names neither submissions nor partitions.
    """
    columns = ["_submission_id"] if "_submission_id" in where else list(table.partition_by)
    if any(column not in where for column in columns):
        raise StorageError(
            "A slice names its submissions, or a value of each partition column of the table.", where=str(table)
        )
    parts = product(*(slice_values(where, column) or ("",) for column in columns))
    return ["/".join(["lgdp", "writers", *values]) for values in parts]


FILE_BYTES = 64 * 1024**2
"""Bytes of a slice in memory that become one file: ten million rows then take 2.6 GB of memory, not 3.8."""

Partition = Mapping[str, str | None]
"""Values of the partition columns, for one partition."""


def find_partition(columns: Sequence[str], where: SliceFilter) -> Partition | None:
    """Return the partition that holds a slice, or None if several may."""
    if any(column not in where or len(slice_values(where, column)) > 1 for column in columns):
        return None
    return {column: next(iter(slice_values(where, column)), None) for column in columns}


def find_own_files(delta: DeltaTable, partition: Partition, where: SliceFilter) -> pl.DataFrame | None:
    """Return a slice's files, or None if they may hold other rows.

    Args:
        delta: version of the table.
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
        partition: of all rows.
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
    timestamp, partition = int(time.time() * 1000), dict(folder.partition)
    with ExitStack() as cleanup:
        added = list(_write_files(folder, rows, cleanup))
        # From here on the commit may succeed even if its caller fails, so the files stay.
        undo = cleanup.pop_all()
    removed = [
        # The log's own paths are encoded, and would be so twice.
        RemoveAction(
            unquote(path), data_change=True, deletion_timestamp=timestamp, size=size, partition_values=partition
        )
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
        rows: with the table's columns; an exception of their source is raised, and no row is then written.
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
        """Yield the rows as Arrow, and record an error of their source."""
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
    """Write rows as files, register their removal, and yield log actions.

    Args:
        folder: of the files.
        rows: with the table's columns.
        cleanup: receives a callback that removes each file.
    """
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
    """Remove a file, ignoring every error of the disk."""
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
    """Yield frames joined until each has at least :data:`FILE_BYTES`.

    The last may be smaller. Empty frames are left out.
    """
    buffer: list[pl.DataFrame] = []
    size = 0
    for frame in frames:
        if frame.height:
            buffer.append(frame)
            size += int(frame.estimated_size())
        if size >= FILE_BYTES:
            yield pl.concat(buffer, rechunk=False)
            buffer, size = [], 0
    if buffer:
        yield pl.concat(buffer, rechunk=False)


def _folder_name(value: str | None) -> str:
    """Return a folder name for a value, with special characters replaced."""
    return "__HIVE_DEFAULT_PARTITION__" if value is None else re.sub(r"[^A-Za-z0-9_-]", "_", value)


def _statistics(frame: pl.DataFrame, columns: Sequence[str]) -> str:
    """Return the statistics of a file as JSON by Delta's protocol.

    Only text, whole numbers and days have bounds: those of fractions and times would have to be rounded away from each
    other, and no reader needs them.
    """
    counted_columns = [name for name in columns if not frame.schema[name].is_nested()]
    bounded_columns = [name for name in counted_columns if frame.schema[name] in _BOUNDED_TYPES]
    values = frame.select(
        *(_bound(frame, name, pl.Expr.min).alias(f"low.{name}") for name in bounded_columns),
        *(_bound(frame, name, pl.Expr.max).alias(f"high.{name}") for name in bounded_columns),
        *(pl.col(name).null_count().alias(f"nulls.{name}") for name in counted_columns),
        pl.lit(0).alias(""),
    ).row(0, named=True)

    def list_bounds(kind: str) -> dict[str, str | int]:
        """Return the bounds of one kind by column."""
        return {name: values[f"{kind}.{name}"] for name in bounded_columns if values[f"{kind}.{name}"] is not None}

    nulls = {name: values[f"nulls.{name}"] for name in counted_columns}
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
    """Return a column's bound; null for dates outside four-digit years."""
    bound = aggregate(pl.col(name))
    if frame.schema[name] != pl.Date:
        return bound
    text = bound.cast(pl.String)
    return pl.when(text.str.len_bytes() == len("2026-11-22")).then(text)


_BOUNDED_TYPES = (pl.String, pl.Int64, pl.Int32, pl.Int16, pl.Int8, pl.Date)
