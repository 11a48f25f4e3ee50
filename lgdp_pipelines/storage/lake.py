"""Delta tables, written slice by slice: a slice is replaced whole in one commit, or nothing happens.

Four things Delta Lake does not look after by itself are looked after here. It casts to the table's types without a
word, so the rows' columns are compared first. It lets the later writer win, so a submission's number is compared with
the one that stands, on the very version that the commit is based on. It sees that two writers remove one file, and not
that both add one to the same slice, so that they meet at a transaction of their own. And it keeps minima and maxima of
columns in its log, names of people too, so it is told which columns are open.

The number that stands is kept as Delta's own transaction version, one for each council and period of a table: so it is
known even where an accepted submission has no row at all.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from itertools import chain, product
from operator import and_
from pathlib import Path
from types import MappingProxyType
from uuid import uuid4

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from lgdp_pipelines.errors import StaleSubmission, StorageError, WriteConflict
from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.handover.column_types import arrow_to_frame, arrow_to_polars_schema, polars_to_arrow_schema
from lgdp_pipelines.storage import duckdb_connections
from lgdp_pipelines.storage.delta_append import Home, files_alone, partition_of, put, version_of
from lgdp_pipelines.storage.delta_overwrite import rewrite
from lgdp_pipelines.storage.delta_schema import create, fit, open_columns_of
from lgdp_pipelines.storage.file_chunks import FilePart
from lgdp_pipelines.storage.frame_schema import FrameSource, Rows, alike, frames, refuse_strangers
from lgdp_pipelines.storage.lake_tables import (
    LakeTable,
    SliceFilter,
    build_predicate,
    parse_submission_id,
    slice_values,
)

_ATTEMPTS = 30
_LONGEST_PAUSE_S = 0.5


class Lake:
    """The Delta tables below one folder.

    Attributes:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, table: LakeTable) -> Path:
        """Where a table lies, whether it exists or not."""
        return self.root / table.layer / table.name

    def exists(self, table: LakeTable) -> bool:
        """Whether it was ever written."""
        return self._opened(table) is not None

    def version(self, table: LakeTable) -> int | None:
        """Its present version; None where it was never written."""
        delta = self._opened(table)
        return None if delta is None else delta.version()

    def schema(self, table: LakeTable) -> pa.Schema:
        """Its columns as they are on disk, or as declared where it was never written.

        Raises:
            StorageError: it was never written, and nothing is declared.
        """
        delta = self._opened(table)
        return table.arrow_schema if delta is None else pa.schema(delta.schema().to_arrow())

    def scan_sql(self, table: LakeTable) -> str:
        """What to write after ``FROM`` in DuckDB: ``delta_scan('…')``."""
        return f"delta_scan({duckdb_connections.quote_literal(str(self.path(table)))})"

    def read(
        self, table: LakeTable, where: SliceFilter | None = None, columns: list[str] | None = None
    ) -> pl.DataFrame:
        """Rows of the present version.

        Args:
            table: to read; one that was never written has no rows.
            where: the slice; None: all rows.
            columns: names, in order; None: all. One that is declared and not yet on disk is null.

        Returns:
            A frame with the table's own columns and types.

        Raises:
            StorageError: ``where`` is not a slice, or the table was never written and nothing is declared of it.
        """
        delta = self._opened(table)
        if delta is None:
            empty = table.arrow_schema.empty_table()
            return arrow_to_frame(empty.select(columns) if columns else empty)
        present = pa.schema(delta.schema().to_arrow()).names if columns else []
        absent = [name for name in columns or () if name not in present]
        if not absent:
            return arrow_to_frame(_rows(delta, where, columns))
        found = arrow_to_frame(_rows(delta, where, [name for name in columns or () if name in present]))
        declared = arrow_to_polars_schema(table.arrow_schema)
        return found.with_columns(pl.lit(None, dtype=declared[name]).alias(name) for name in absent).select(
            columns or ()
        )

    def count_rows(self, table: LakeTable, where: SliceFilter) -> int:
        """How many rows a slice has; 0 where the table was never written.

        Raises:
            StorageError: ``where`` is not a slice.
        """
        delta = self._opened(table)
        return 0 if delta is None else int(delta.to_pyarrow_dataset().count_rows(filter=_filter(where)))

    def read_chunks(self, table: LakeTable, where: SliceFilter) -> ChunkedFrame:
        """A slice of the present version in pieces, one a file, each read when its turn comes.

        Raises:
            StorageError: ``where`` is not a slice.
        """
        delta = self._opened(table)
        if delta is None:
            return ChunkedFrame.from_frames(arrow_to_frame(table.arrow_schema.empty_table()))
        chosen, dataset = _filter(where), delta.to_pyarrow_dataset()
        schema = arrow_to_polars_schema(dataset.schema)
        parts = tuple(FilePart(one, dataset.schema, chosen) for one in dataset.get_fragments(filter=chosen))
        return ChunkedFrame(schema, parts or ChunkedFrame.from_frames(pl.DataFrame(schema=schema)).chunks)

    def read_slice_submissions(self, table: LakeTable, period: str) -> dict[str, str]:
        """The submission whose rows stand in each council's slice of a period, by register code.

        A council whose current submission has no rows in this table is not among them.
        """
        delta = self._opened(table)
        if delta is None:
            return {}
        rows = _scanned(delta, {"period": period}, ["council_code", "_submission_id"])
        pairs = (arrow_to_frame(pa.Table.from_batches([batch])).unique().iter_rows() for batch in rows)
        return dict(chain.from_iterable(pairs))

    def read_current_numbers(self, table: LakeTable, period: str, councils: Iterable[str]) -> dict[str, int]:
        """The number of the submission last put in place for each council and period, by register code.

        It is known where that submission has no rows here too; 0 where a slice was taken away since. A council whose
        slice was never written is not among them.
        """
        delta = self._opened(table)
        if delta is None:
            return {}
        found = {council: delta.transaction_version(_standing_key(period, council)) for council in councils}
        return {council: number for council, number in found.items() if number is not None}

    def replace_slice(
        self, table: LakeTable, rows: Rows | Callable[[], Rows], *, where: SliceFilter, commit: Mapping[str, str]
    ) -> int:
        """Put rows in place of a slice, in one commit. No rows: the slice becomes empty.

        Args:
            table: to write to; made on first use.
            rows: with exactly the table's columns; or what gives them, which is then asked again whenever another
                writer came between, so that what it reads is never older than what it replaces.
            where: the slice; each row must lie in it.
            commit: kept with the commit, such as run and submissions.

        Returns:
            The table's new version.

        Raises:
            SchemaMismatch: the rows are not shaped as the table is.
            WriteConflict: other writers kept winning.
            StorageError: a row lies outside the slice, or the disk did not take it.
        """
        build_predicate(where)  # the same strictness for files as for rows

        def change(base: DeltaTable | None) -> int:
            def proved(frame: pl.DataFrame) -> pl.DataFrame:
                refuse_strangers(frame, where, where=str(table))
                return frame

            given = frames(rows() if callable(rows) else rows).each(proved)
            return self._overwrite(table, base, given, where, commit)

        return self._committed(table, change)

    def replace_councils(
        self, table: LakeTable, rows: Rows, *, period: str, submissions: Mapping[str, str], commit: Mapping[str, str]
    ) -> int:
        """Put the accepted submissions of a period in place of their councils' slices, in one commit for all.

        Args:
            table: with columns council_code, period and _submission_id.
            rows: of these submissions; a council without rows gets an empty slice.
            period: its id.
            submissions: the submission of each council that is to stand, by register code.
            commit: kept with the commit.

        Returns:
            The table's new version.

        Raises:
            StaleSubmission: a later submission stands in one of the slices; checked on the version that the commit is
                based on. Nothing is written for any council.
            SchemaMismatch: the rows are not shaped as the table is.
            WriteConflict: other writers kept winning.
            StorageError: rows and submissions contradict each other.
        """
        where = {"period": period, "council_code": sorted(submissions)}
        build_predicate(where)
        _refuse_contradictions(table, period, submissions)

        def proved(frame: pl.DataFrame) -> pl.DataFrame:
            refuse_strangers(frame, where, where=str(table))
            _refuse_others(table, frame, submissions)
            return frame

        given = frames(rows).each(proved)
        numbers = {council: parse_submission_id(one).number for council, one in submissions.items()}
        standing_now = {_standing_key(period, council): number for council, number in numbers.items()}

        def change(base: DeltaTable | None) -> int:
            # Made before the numbers are looked at: somebody else may have made it, and written to it, meanwhile.
            base = base or create(self.path(table), table, polars_to_arrow_schema(given.schema))
            for council, number in numbers.items():
                standing = base.transaction_version(_standing_key(period, council))
                if standing is not None and standing > number:
                    raise StaleSubmission(
                        f"Submission {standing:03d} of {council} for {period} is already in the table, and "
                        f"{submissions[council]} came before it.",
                        where=str(table),
                        remedy="Nothing was written. Run the period again: the later submission stays.",
                    )
            return self._overwrite(table, base, given, where, commit, standing_now)

        return self._committed(table, change)

    def remove_slice(self, table: LakeTable, where: SliceFilter, commit: Mapping[str, str] | None = None) -> int | None:
        """Empty a slice, as a recovery does with what no ledger entry stands behind.

        Where the slice is named by period and councils, any submission of theirs may be put there afterwards: the
        number that stood is forgotten with the rows.

        Returns:
            The table's version afterwards; None where it was never written.

        Raises:
            WriteConflict: other writers kept winning.
            StorageError: ``where`` is not a slice.
        """
        build_predicate(where)
        forgotten = list(product(slice_values(where, "period"), slice_values(where, "council_code")))
        if not self.exists(table):
            return None

        def change(base: DeltaTable | None) -> int:
            if base is None:  # pragma: no cover - tables are never dropped
                raise StorageError("The table has gone.", where=str(table))
            keys = [_standing_key(period, council) for period, council in forgotten]
            none_stands = {key: 0 for key in keys if base.transaction_version(key) is not None}
            nothing = frames(pa.schema(base.schema().to_arrow()).empty_table())
            return self._write(base, table, nothing, where, commit or {}, none_stands)

        return self._committed(table, change)

    def _opened(self, table: LakeTable) -> DeltaTable | None:
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
        standing: Mapping[str, int] = MappingProxyType({}),
    ) -> int:
        delta = base or create(self.path(table), table, polars_to_arrow_schema(rows.schema))
        version = delta.version()
        fitting = fit(delta, table, rows)
        if base is None or delta.version() != version:
            # What was looked at before is of an older version: somebody may have written meanwhile.
            raise CommitFailedError("The table was made or widened.")
        return self._write(delta, table, fitting, where, commit, standing)

    def _write(
        self,
        delta: DeltaTable,
        table: LakeTable,
        rows: FrameSource,
        where: SliceFilter,
        commit: Mapping[str, str],
        standing: Mapping[str, int],
    ) -> int:
        """Write rows as they come; what their giver raises is raised, and nothing is then written."""
        base, mark = delta.version(), uuid4().hex
        numbers = standing or dict.fromkeys(_writers_keys(table, where), base + 1)
        properties = CommitProperties(
            custom_metadata={**commit, "write": mark},
            app_transactions=[Transaction(key, number) for key, number in numbers.items()],
        )
        partition, open_columns = partition_of(table.partition_by, where), open_columns_of(delta)
        given = alike(rows, where=str(table))
        alone = None if partition is None else files_alone(delta, partition, where)
        if partition is None or alone is None:
            rewrite(delta, given, condition=build_predicate(where), open_columns=open_columns, properties=properties)
        else:
            home = Home(self.path(table), partition, open_columns)
            put(delta, home, given, instead_of=alone, properties=properties, mark=mark)
        version = version_of(self.path(table), mark, base)
        if version is None:
            raise StorageError("A commit that Delta Lake has taken is not in its log.", where=str(table))
        return version

    def _committed(self, table: LakeTable, change: Callable[[DeltaTable | None], int]) -> int:
        """Do a change on the present version, and on the next one again where another writer came between."""
        for attempt in range(_ATTEMPTS):
            try:
                return change(self._opened(table))
            except CommitFailedError:
                longest = min(_LONGEST_PAUSE_S, 0.01 * 2**attempt)
                time.sleep(random.uniform(0, longest))  # noqa: S311 - keeps writers from meeting again, no secret
            except DeltaError as error:
                # Its text may hold rows, so neither the text nor the error itself goes any further.
                raise StorageError(
                    f"Delta Lake refused the write ({type(error).__name__}).",
                    where=str(table),
                    remedy="Look at free space and rights of the lake's folder, then run it again.",
                ) from None
        raise WriteConflict(
            f"Other writers to the same slice won {_ATTEMPTS} times.",
            where=str(table),
            remedy="Nothing was written. Run it again when they have finished.",
        )


def _rows(delta: DeltaTable, where: SliceFilter | None, columns: list[str] | None) -> pa.Table:
    return delta.to_pyarrow_dataset().to_table(columns=columns, filter=_filter(where) if where else None)


def _scanned(delta: DeltaTable, where: SliceFilter, columns: list[str]) -> Iterator[pa.RecordBatch]:
    return iter(
        delta.to_pyarrow_dataset().to_batches(
            columns=columns, filter=_filter(where), batch_readahead=2, fragment_readahead=1
        )
    )


def _filter(where: SliceFilter) -> pc.Expression:
    build_predicate(where)  # the same strictness for reading as for writing
    terms = [
        pc.field(column).isin(list(values)) if (values := slice_values(where, column)) else pc.field(column).is_null()
        for column in where
    ]
    return reduce(and_, terms)


def _writers_keys(table: LakeTable, where: SliceFilter) -> list[str]:
    """What two writers of one slice have in common: its submission, or else the part of the table that it lies in.

    Raises:
        StorageError: the slice names neither.
    """
    columns = ["_submission_id"] if "_submission_id" in where else list(table.partition_by)
    if any(column not in where for column in columns):
        raise StorageError(
            "A slice names its submissions, or a value of each column that the table is cut by.", where=str(table)
        )
    parts = product(*(slice_values(where, column) or ("",) for column in columns))
    return ["/".join(["lgdp", "writers", *values]) for values in parts]


def _standing_key(period: str, council: str) -> str:
    return f"lgdp/{period}/{council}"


def _refuse_contradictions(table: LakeTable, period: str, submissions: Mapping[str, str]) -> None:
    """Each submission is of its council and the period."""
    keys = {council: parse_submission_id(one) for council, one in submissions.items()}
    if any(key.council_code != council or key.period != period for council, key in keys.items()):
        raise StorageError("A submission is given for a council or period that it does not answer.", where=str(table))


def _refuse_others(table: LakeTable, rows: pl.DataFrame, submissions: Mapping[str, str]) -> None:
    """Each council's rows are of its submission."""
    wanted = pl.col("council_code").replace_strict(dict(submissions), default=None, return_dtype=pl.String)
    if not rows.select((pl.col("_submission_id") == wanted).fill_null(value=False).all()).item():
        raise StorageError("Some rows belong to another submission than the one being written.", where=str(table))
