"""One sha256 for the rows of a table, the same for the same rows however they lie in memory.

The rows are written as an Arrow IPC stream in order of ``_row``, :data:`ROWS_A_BATCH` rows a batch, and the stream is
hashed as it comes. Before that each column is brought into one layout: text as ``large_string`` and never as a
dictionary, buffers that begin at the first row and end with the last, nothing but zeros beneath a null, and no bitmap
where nothing is null. So neither the pieces that a table came in, nor slices, nor what a parser left beneath a null
make a difference. What belongs here: that layout. What does not: what is hashed when, and what it is compared with
(``journey.reproduce``).
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.handover.prefetch import prefetch

ROWS_A_BATCH = 65_536
"""A multiple of eight, so that only the last batch has bits to spare in its bitmaps."""

_OLDEST = pl.CompatLevel.oldest()


@dataclass(frozen=True, slots=True)
class RowDigest:
    """What a table's rows come to.

    Attributes:
        sha256: of the rows in one layout.
        rows: how many there are.
    """

    sha256: str
    rows: int


def digest_rows(rows: ChunkedFrame, order_by: str | None = "_row") -> RowDigest:
    """The digest of a table.

    Args:
        rows: of columns that are text, whole numbers, fractions, decimals, dates, times or booleans.
        order_by: the column of whole numbers that says their order; None: they are in order.
    """
    stream = _Hashed()
    with pa.ipc.new_stream(pa.PythonFile(stream, mode="w"), _arrow_schema(rows.schema)) as writer:
        for batch in prefetch(map(_canonical, _even(_ordered(rows, order_by)))):
            writer.write_batch(batch)
    return RowDigest(stream.sha256.hexdigest(), rows.height)


class _Hashed:
    """A file that keeps nothing but the sha256 of what is written to it."""

    closed = False

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self._told = 0

    def write(self, data: Any) -> int:  # noqa: ANN401 - whatever holds bytes
        """Take bytes."""
        size = memoryview(data).nbytes
        self.sha256.update(data)
        self._told += size
        return size

    def tell(self) -> int:
        """How many bytes were taken."""
        return self._told

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is held."""


def _ordered(rows: ChunkedFrame, order_by: str | None) -> Iterable[pl.DataFrame]:
    """The pieces with the table's columns in its order, rows in theirs.

    Rows of a table as read are in order already, and then nothing is gathered in memory.
    """
    if order_by is None or _is_ordered(rows, order_by):
        return rows.iter_chunks(rows.columns)
    return [rows.collect().select(rows.columns).sort(order_by, maintain_order=True)]


def _is_ordered(rows: ChunkedFrame, column: str) -> bool:
    last: int | None = None
    for piece in rows.iter_chunks([column]):
        places = piece.get_column(column)
        if places.is_empty():
            continue
        if not places.is_sorted() or (last is not None and places[0] < last):
            return False
        last = places[-1]
    return True


def _even(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same rows, so many a batch whatever the pieces were."""
    waiting: list[pl.DataFrame] = []
    height = 0
    for frame in frames:
        waiting.append(frame)
        height += frame.height
        if height < ROWS_A_BATCH:
            continue
        whole = pl.concat(waiting, rechunk=False)
        cut = height - height % ROWS_A_BATCH
        for start in range(0, cut, ROWS_A_BATCH):
            yield whole.slice(start, ROWS_A_BATCH)
        waiting, height = [whole.slice(cut)], height - cut
    if height:
        yield pl.concat(waiting, rechunk=False)


def _arrow_schema(schema: pl.Schema) -> pa.Schema:
    found = pl.DataFrame(schema=schema).to_arrow(compat_level=_OLDEST).schema
    return pa.schema([(one.name, pa.large_string() if pa.types.is_dictionary(one.type) else one.type) for one in found])


def _canonical(batch: pl.DataFrame) -> pa.RecordBatch:
    columns = [_laid_out(column) for column in batch.iter_columns()]
    return pa.record_batch(columns, names=batch.columns)


def _laid_out(column: pl.Series) -> pa.Array:
    """A column's values in their one layout."""
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.Null:
        return column.to_arrow(compat_level=_OLDEST)
    nulls = column.null_count()
    given = _bits(column.is_not_null()) if nulls else None
    values = _filled(column) if nulls else column
    if values.dtype == pl.Boolean:
        return pa.Array.from_buffers(pa.bool_(), len(values), [given, _bits(values)], null_count=nulls)
    arrow = values.to_arrow(compat_level=_OLDEST)
    buffers = _text(arrow) if pa.types.is_large_string(arrow.type) else [_fixed(arrow)]
    return pa.Array.from_buffers(arrow.type, len(values), [given, *buffers], null_count=nulls)


def _filled(column: pl.Series) -> pl.Series:
    """Something that says nothing in place of each null: what lies beneath one is anybody's."""
    if column.dtype == pl.String:
        return column.fill_null("")
    if column.dtype == pl.Boolean:
        return column.fill_null(value=False)
    if column.dtype.is_decimal():
        return column.fill_null(0).cast(column.dtype)  # filled, it would have more digits
    return column.to_physical().fill_null(strategy="zero").cast(column.dtype)


def _bits(values: pl.Series) -> pa.Buffer:
    """Booleans as a bitmap that begins at the first bit and ends in zeros."""
    arrow = values.to_arrow(compat_level=_OLDEST)
    packed = pc.and_(arrow, arrow).buffers()[1]  # computed anew, so that it begins at the first bit
    size, spare = -(-len(values) // 8), -len(values) % 8
    if not spare:
        return packed.slice(0, size)
    raw = bytes(packed.slice(0, size))
    return pa.py_buffer(raw[:-1] + bytes([raw[-1] & (0xFF >> spare)]))


def _fixed(arrow: pa.Array) -> pa.Buffer:
    """Values of one width, from the first to the last."""
    width = arrow.type.bit_width // 8
    return arrow.buffers()[1].slice(arrow.offset * width, len(arrow) * width)


def _text(arrow: pa.Array) -> list[pa.Buffer]:
    """Where each text begins, from 0, and the texts."""
    _, offsets, data = arrow.buffers()
    starts = memoryview(offsets).cast("q")[arrow.offset : arrow.offset + len(arrow) + 1]
    if arrow.offset or starts[0]:
        return _text(pa.concat_arrays([arrow.slice(0, 0), arrow]))
    return [offsets.slice(0, (len(arrow) + 1) * 8), (data or pa.py_buffer(b"")).slice(0, starts[-1])]
