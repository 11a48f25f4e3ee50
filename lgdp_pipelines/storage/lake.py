"""The lake: Delta tables, read and written slice by slice. A slice is replaced in one commit, or not at all.

This module makes up for four traits of Delta Lake. It casts to the table's types without a word, so the rows' columns
are compared first. It lets the later writer win, so a submission's number is compared with the current one, on the very
version that the commit is based on. It does not see that two writers both add a file to one slice, so they conflict at
a transaction of their own. And it keeps minima and maxima of columns in its log, names of people too, so statistics are
limited to open columns.

The current number is kept as Delta's own transaction version, one for each council and period of a table: so it is
known even if an accepted submission has no row at all.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from operator import and_
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, TableNotFoundError

from lgdp_pipelines.errors import StaleSubmission, StorageError
from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.handover.column_types import arrow_to_frame, arrow_to_polars_schema, polars_to_arrow_schema
from lgdp_pipelines.storage import duckdb_connections
from lgdp_pipelines.storage.delta_commits import (
    SliceCommit,
    SliceFolder,
    find_own_files,
    find_partition,
    overwrite_by_predicate,
    overwrite_files,
    retry_conflicts,
    submission_transaction,
    submission_transactions,
    writer_transactions,
)
from lgdp_pipelines.storage.delta_schema import (
    align_columns,
    create_table,
    needs_wider_types,
    read_open_columns,
    read_schema,
    widen_types,
)
from lgdp_pipelines.storage.frame_source import FrameSource, Rows, check_each_frame, check_slice, to_frame_source
from lgdp_pipelines.storage.lake_tables import (
    LakeTable,
    SliceFilter,
    build_predicate,
    parse_submission_id,
    slice_values,
)


@dataclass(frozen=True)
class _FileChunk:
    """The rows of a slice in one file of a Delta table.

    Attributes:
        fragment: the file.
        schema: of the table, partition columns included.
        rows: expression of the rows of the slice.
    """

    fragment: ds.Fragment
    schema: pa.Schema
    rows: pc.Expression

    @property
    def height(self) -> int:
        """Number of rows."""
        return int(self.fragment.scanner(schema=self.schema, filter=self.rows).count_rows())

    def read(self, columns: Sequence[str] | None) -> pl.DataFrame:
        """Return the rows with these columns, or with all columns for None."""
        return arrow_to_frame(self._to_table(None if columns is None else list(columns)))

    def open_dataset(self, columns: Sequence[str]) -> ds.Dataset:
        """Return the rows with these columns as a rereadable dataset."""
        return ds.dataset(self._to_table(list(columns)))

    def _to_table(self, columns: list[str] | None) -> pa.Table:
        """Return the rows with these columns; None: all columns."""
        return self.fragment.to_table(schema=self.schema, columns=columns, filter=self.rows)


class Lake:
    """The Delta tables below one folder.

    Attributes:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, table: LakeTable) -> Path:
        """Return the folder of a table, whether it exists or not."""
        return self.root / table.layer / table.name

    def exists(self, table: LakeTable) -> bool:
        """Return whether the table has been written."""
        return self._open(table) is not None

    def version(self, table: LakeTable) -> int | None:
        """Return the present version of a table, or None before the first."""
        delta = self._open(table)
        return None if delta is None else delta.version()

    def schema(self, table: LakeTable) -> pa.Schema:
        """Return a table's columns on disk, or else as declared.

        Raises:
            StorageError: it was never written, and its columns are not declared.
        """
        delta = self._open(table)
        return table.arrow_schema if delta is None else read_schema(delta)

    def scan_sql(self, table: LakeTable) -> str:
        """Return the table as DuckDB reads it after ``FROM``: ``delta_scan('…')``."""
        return f"delta_scan({duckdb_connections.quote_literal(str(self.path(table)))})"

    def read(
        self, table: LakeTable, where: SliceFilter | None = None, columns: list[str] | None = None
    ) -> pl.DataFrame:
        """Return rows of the present version; empty if never written.

        Args:
            table: to read; a table that was never written has no rows.
            where: the slice; None: all rows.
            columns: names, in order; None: all. A declared column that is not yet on disk is null.

        Returns:
            A frame with the table's own columns and types.

        Raises:
            StorageError: ``where`` is not a slice, or the table was never written and its columns are not declared.
        """
        delta = self._open(table)
        if delta is None:
            empty = table.arrow_schema.empty_table()
            return arrow_to_frame(empty.select(columns) if columns else empty)
        present = columns
        if columns:
            on_disk = read_schema(delta).names
            present = [name for name in columns if name in on_disk]
        rows = delta.to_pyarrow_dataset().to_table(columns=present, filter=_build_filter(where) if where else None)
        frame = arrow_to_frame(rows)
        if columns is None or present == columns:
            return frame
        declared = arrow_to_polars_schema(table.arrow_schema)
        absent = [pl.lit(None, dtype=declared[name]).alias(name) for name in columns if name not in frame.columns]
        return frame.with_columns(absent).select(columns)

    def count_rows(self, table: LakeTable, where: SliceFilter) -> int:
        """Return the number of rows of a slice, perhaps 0.

        Raises:
            StorageError: ``where`` is not a slice.
        """
        delta = self._open(table)
        return 0 if delta is None else int(delta.to_pyarrow_dataset().count_rows(filter=_build_filter(where)))

    def read_chunks(self, table: LakeTable, where: SliceFilter) -> ChunkedFrame:
        """Return the current slice in chunks, one per file.

        Raises:
            StorageError: ``where`` is not a slice.
        """
        delta = self._open(table)
        if delta is None:
            return ChunkedFrame.from_frames(arrow_to_frame(table.arrow_schema.empty_table()))
        rows, dataset = _build_filter(where), delta.to_pyarrow_dataset()
        schema = arrow_to_polars_schema(dataset.schema)
        files = tuple(_FileChunk(file, dataset.schema, rows) for file in dataset.get_fragments(filter=rows))
        return ChunkedFrame(schema, files) if files else ChunkedFrame.from_frames(pl.DataFrame(schema=schema))

    def read_slice_submissions(self, table: LakeTable, period: str) -> dict[str, str]:
        """Return, by council, the submission whose rows a period's slice holds.

        Councils whose current submission has no rows in this table are left out.
        """
        delta = self._open(table)
        if delta is None:
            return {}
        batches = delta.to_pyarrow_dataset().to_batches(
            columns=["council_code", "_submission_id"],
            filter=_build_filter({"period": period}),
            batch_readahead=2,
            fragment_readahead=1,
        )
        pairs = (arrow_to_frame(pa.Table.from_batches([batch])).unique().iter_rows() for batch in batches)
        return dict(chain.from_iterable(pairs))

    def read_current_numbers(self, table: LakeTable, period: str, councils: Iterable[str]) -> dict[str, int]:
        """Return the number of each council's last submission for a period.

        They are by council code, without the councils whose slice was never written. The number is known even if that
        submission has no rows here; it is 0 if the slice was removed afterwards.
        """
        delta = self._open(table)
        if delta is None:
            return {}
        numbers = {council: delta.transaction_version(submission_transaction(period, council)) for council in councils}
        return {council: number for council, number in numbers.items() if number is not None}

    def replace_slice(
        self, table: LakeTable, rows: Rows | Callable[[], Rows], *, where: SliceFilter, commit: Mapping[str, str]
    ) -> int:
        """Replace a slice by rows in one commit, retried after conflicts.

        Args:
            table: to write to; created on first use.
            rows: with exactly the table's columns; without rows the slice becomes empty. Or a function that returns
                them: it is called again after each conflict, so that its data is never older than the replaced rows.
            where: the slice; each row must lie in it.
            commit: metadata kept with the commit, such as run and submissions.

        Returns:
            The table's new version.

        Raises:
            SchemaMismatch: the columns of the rows differ from those of the table.
            WriteConflict: other writers kept winning.
            StorageError: a row lies outside the slice, or the disk did not take it.
        """
        build_predicate(where)  # the same strictness for files as for rows

        def write() -> int:
            """Write the rows to the present version."""
            base = self._open(table)
            source = to_frame_source(rows() if callable(rows) else rows)
            inside = source.map(lambda frame: check_slice(frame, where, table_name=str(table)))
            return self._overwrite(table, base, inside, where, commit)

        return retry_conflicts(table, write)

    def replace_councils(
        self, table: LakeTable, rows: Rows, *, period: str, submissions: Mapping[str, str], commit: Mapping[str, str]
    ) -> int:
        """Replace councils' slices of a period, unless a later submission is current.

        Args:
            table: with columns council_code, period and _submission_id.
            rows: of these submissions; a council without rows gets an empty slice.
            period: its id.
            submissions: the new submission of each council's slice, by register code.
            commit: metadata kept with the commit.

        Returns:
            The table's new version.

        Raises:
            StaleSubmission: a later submission is current in one of the slices; checked on the version that the commit
                is based on. Nothing is written, for any council.
            SchemaMismatch: the columns of the rows differ from those of the table.
            WriteConflict: other writers kept winning.
            StorageError: rows and submissions contradict each other.
        """
        where = {"period": period, "council_code": sorted(submissions)}
        build_predicate(where)
        numbers = _submission_numbers(table, period, submissions)

        def check(frame: pl.DataFrame) -> pl.DataFrame:
            """Return a frame after checking its slice and submissions."""
            check_slice(frame, where, table_name=str(table))
            return _check_submissions(table, frame, submissions)

        source = to_frame_source(rows).map(check)
        transactions = {submission_transaction(period, council): number for council, number in numbers.items()}

        def write() -> int:
            """Write the rows unless a later submission is current."""
            # Created before the numbers are read: another writer may have created it, and written to it, meanwhile.
            base = self._open(table) or create_table(self.path(table), table, polars_to_arrow_schema(source.schema))
            for council, number in numbers.items():
                current = base.transaction_version(submission_transaction(period, council))
                if current is not None and current > number:
                    raise StaleSubmission(
                        f"Submission {current:03d} of {council} for {period} is already in place, and "
                        f"{submissions[council]} came before it.",
                        where=str(table),
                        remedy="Nothing was written. Run the period again: the later submission stays.",
                    )
            return self._overwrite(table, base, source, where, commit, transactions)

        return retry_conflicts(table, write)

    def remove_slice(self, table: LakeTable, where: SliceFilter, commit: Mapping[str, str] | None = None) -> int | None:
        """Empty a slice, and reset the submission numbers that it names.

        For rows that have no entry in the ledger. If the slice is named by period and councils, any submission of
        theirs may be put there afterwards: the current number is removed with the rows.

        Returns:
            The table's version afterwards; None if it was never written.

        Raises:
            WriteConflict: other writers kept winning.
            StorageError: ``where`` is not a slice.
        """
        build_predicate(where)
        forgotten = list(submission_transactions(where))
        if not self.exists(table):
            return None

        def write() -> int:
            """Write no rows, and forget the submission numbers."""
            base = self._open(table)
            if base is None:  # pragma: no cover - tables are never dropped
                raise StorageError("The table has gone.", where=str(table))
            transactions = {name: 0 for name in forgotten if base.transaction_version(name) is not None}
            no_rows = to_frame_source(read_schema(base).empty_table())
            return self._write(base, table, no_rows, where, commit or {}, transactions)

        return retry_conflicts(table, write)

    def widen_types(self, table: LakeTable, required: pa.Schema, commit: Mapping[str, str]) -> int | None:
        """Widen column types on disk if the required ones differ, keeping rows.

        Args:
            table: conformed or published; ignored if it was never written.
            required: columns of the rows that are to be written next; those that the table lacks are ignored.
            commit: metadata kept with the commit.

        Returns:
            The table's new version; None if no type needs to change.

        Raises:
            SchemaMismatch: a required type does not hold every value of the present one.
            WriteConflict: other writers kept winning.
        """

        def write() -> int | None:
            """Widen the types of the present version, if needed."""
            base = self._open(table)
            if base is None or not needs_wider_types(base, required):
                return None
            widen_types(base, required, commit, table_name=str(table))
            return self.version(table)

        return retry_conflicts(table, write)

    def _open(self, table: LakeTable) -> DeltaTable | None:
        """Return the present version of a table; None if never written."""
        try:
            return DeltaTable(self.path(table))
        except TableNotFoundError:
            return None

    def _overwrite(
        self,
        table: LakeTable,
        base: DeltaTable | None,
        rows: FrameSource,
        where: SliceFilter,
        commit: Mapping[str, str],
        transactions: Mapping[str, int] = MappingProxyType({}),
    ) -> int:
        """Replace a slice; raise a conflict if the table had to change.

        Before, the table is created or given new columns; the repeated call then writes the rows.
        """
        delta = base or create_table(self.path(table), table, polars_to_arrow_schema(rows.schema))
        version = delta.version()
        aligned = align_columns(delta, table, rows)
        if base is None or delta.version() != version:
            # The checks so far are of an older version: another writer may have written meanwhile.
            raise CommitFailedError("The table was created or given new columns.")
        return self._write(delta, table, aligned, where, commit, transactions)

    def _write(
        self,
        delta: DeltaTable,
        table: LakeTable,
        rows: FrameSource,
        where: SliceFilter,
        metadata: Mapping[str, str],
        transactions: Mapping[str, int],
    ) -> int:
        """Replace a slice by rows, and return the new version.

        An exception of their source is raised, and no row is then written.
        """
        transactions = transactions or dict.fromkeys(writer_transactions(table, where), delta.version() + 1)
        commit = SliceCommit(self.path(table), delta, metadata, transactions)
        partition, open_columns = find_partition(table.partition_by, where), read_open_columns(delta)
        source = check_each_frame(rows, table_name=str(table))
        own_files = None if partition is None else find_own_files(delta, partition, where)
        if partition is None or own_files is None:
            predicate = build_predicate(where)
            overwrite_by_predicate(delta, source, predicate=predicate, open_columns=open_columns, commit=commit)
        else:
            folder = SliceFolder(self.path(table), partition, open_columns)
            overwrite_files(delta, folder, source, own_files=own_files, commit=commit)
        version = commit.find_version()
        if version is None:
            raise StorageError("A commit that Delta Lake accepted is not in its log.", where=str(table))
        return version


def _build_filter(where: SliceFilter) -> pc.Expression:
    """Return a slice as a filter of a dataset."""
    build_predicate(where)  # the same strictness for reading as for writing
    terms = [
        pc.field(column).isin(list(values)) if (values := slice_values(where, column)) else pc.field(column).is_null()
        for column in where
    ]
    return reduce(and_, terms)


def _submission_numbers(table: LakeTable, period: str, submissions: Mapping[str, str]) -> dict[str, int]:
    """Return the number of each council's submission, after checking its id."""
    keys = {council: parse_submission_id(submission_id) for council, submission_id in submissions.items()}
    if any(key.council_code != council or key.period != period for council, key in keys.items()):
        raise StorageError("A submission is given for a council or period that it does not answer.", where=str(table))
    return {council: key.number for council, key in keys.items()}


def _check_submissions(table: LakeTable, rows: pl.DataFrame, submissions: Mapping[str, str]) -> pl.DataFrame:
    """Return the rows if all belong to their council's submission; else raise."""
    expected = pl.col("council_code").replace_strict(dict(submissions), default=None, return_dtype=pl.String)
    if not rows.select((pl.col("_submission_id") == expected).fill_null(value=False).all()).item():
        raise StorageError("Some rows are of another submission than the one to put in place.", where=str(table))
    return rows
