"""Row digests: one sha256 for the rows of a table, the same for the same rows in any layout in memory.

The rows are written as an Arrow IPC stream in order of ``_row``, :data:`ROWS_A_BATCH` rows a batch, and the stream is
hashed as it is written. Before that each column is brought into one layout: text as ``large_string`` and never as a
dictionary, buffers that begin at the first row and end with the last, zeros beneath a null, and no bitmap if no
value is null. So neither chunks, nor slices, nor a parser's remains beneath a null make a difference. Belongs here:
that layout. Belongs elsewhere: the choice of rows, and the comparison of digests (``workflows``).
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.handover.column_types import ARROW_COMPAT_LEVEL
from lgdp_pipelines.handover.judgement_values import RowDigest
from lgdp_pipelines.handover.prefetch import prefetch
from lgdp_pipelines.vocabulary.table_columns import ROW

ROWS_A_BATCH = 65_536
"""A multiple of eight, so that only the last batch has spare bits in its bitmaps."""


def digest_rows(rows: ChunkedFrame, order_by: str | None = ROW) -> RowDigest:
    """Return a table's sha256, independent of memory layout, and row count.

    Args:
        rows: with columns of text, whole numbers, fractions, decimals, dates, times or booleans.
        order_by: column of whole numbers that gives the order of rows; None: they are in order.
    """
    stream = _HashStream()
    with pa.ipc.new_stream(pa.PythonFile(stream, mode="w"), _arrow_schema(rows.schema)) as writer:
        for batch in prefetch(map(_to_canonical_batch, _iter_batches(_sort(rows, order_by)))):
            writer.write_batch(batch)
    return RowDigest(stream.sha256.hexdigest(), rows.height)


class _HashStream:
    """A file that keeps only the sha256 of its bytes."""

    closed = False

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self._size = 0

    def write(self, data: Any) -> int:  # noqa: ANN401 - any object with a buffer
        """Hash bytes, and return their number."""
        size = memoryview(data).nbytes
        self.sha256.update(data)
        self._size += size
        return size

    def tell(self) -> int:
        """Return the number of bytes written."""
        return self._size

    def flush(self) -> None:
        """Do nothing: no bytes are buffered."""

    def close(self) -> None:
        """Do nothing: no resource is held."""


def _sort(rows: ChunkedFrame, order_by: str | None) -> Iterable[pl.DataFrame]:
    """Return the rows in order, without collecting rows already in order."""
    if order_by is None or _is_sorted(rows, order_by):
        return rows.iter_chunks(rows.columns)
    return [rows.collect().select(rows.columns).sort(order_by, maintain_order=True)]


def _is_sorted(rows: ChunkedFrame, column: str) -> bool:
    """Return whether the numbers of a column never decrease."""
    last_number: int | None = None
    for frame in rows.iter_chunks([column]):
        numbers = frame.get_column(column)
        if numbers.is_empty():
            continue
        if not numbers.is_sorted() or (last_number is not None and numbers[0] < last_number):
            return False
        last_number = numbers[-1]
    return True


def _iter_batches(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the rows in frames of :data:`ROWS_A_BATCH`, independent of their chunks."""
    buffer: list[pl.DataFrame] = []
    height = 0
    for frame in frames:
        buffer.append(frame)
        height += frame.height
        if height < ROWS_A_BATCH:
            continue
        joined_frame = pl.concat(buffer, rechunk=False)
        end = height - height % ROWS_A_BATCH
        for start in range(0, end, ROWS_A_BATCH):
            yield joined_frame.slice(start, ROWS_A_BATCH)
        buffer, height = [joined_frame.slice(end)], height - end
    if height:
        yield pl.concat(buffer, rechunk=False)


def _arrow_schema(schema: pl.Schema) -> pa.Schema:
    """Return the Arrow schema of the stream, without dictionaries."""
    arrow = pl.DataFrame(schema=schema).to_arrow(compat_level=ARROW_COMPAT_LEVEL).schema
    return pa.schema(
        [(field.name, pa.large_string() if pa.types.is_dictionary(field.type) else field.type) for field in arrow]
    )


def _to_canonical_batch(frame: pl.DataFrame) -> pa.RecordBatch:
    """Return the rows of a frame in their canonical layout."""
    return pa.record_batch([_to_canonical_array(column) for column in frame.iter_columns()], names=frame.columns)


def _to_canonical_array(column: pl.Series) -> pa.Array:
    """Return the values of a column in their canonical layout."""
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.Null:
        return column.to_arrow(compat_level=ARROW_COMPAT_LEVEL)
    nulls = column.null_count()
    validity = _bitmap(column.is_not_null()) if nulls else None
    values = _fill_nulls(column) if nulls else column
    if values.dtype == pl.Boolean:
        return pa.Array.from_buffers(pa.bool_(), len(values), [validity, _bitmap(values)], null_count=nulls)
    arrow = values.to_arrow(compat_level=ARROW_COMPAT_LEVEL)
    buffers = _text_buffers(arrow) if pa.types.is_large_string(arrow.type) else [_fixed_width_buffer(arrow)]
    return pa.Array.from_buffers(arrow.type, len(values), [validity, *buffers], null_count=nulls)


def _fill_nulls(column: pl.Series) -> pl.Series:
    """Return the column with zeros for nulls, whose bytes are undefined."""
    if column.dtype == pl.String:
        return column.fill_null("")
    if column.dtype == pl.Boolean:
        return column.fill_null(value=False)
    if column.dtype.is_decimal():
        return column.fill_null(0).cast(column.dtype)  # filling widens the precision
    return column.to_physical().fill_null(strategy="zero").cast(column.dtype)


def _bitmap(values: pl.Series) -> pa.Buffer:
    """Return booleans as a bitmap from bit 0, padded with zeros."""
    arrow = values.to_arrow(compat_level=ARROW_COMPAT_LEVEL)
    packed_bits = pc.and_(arrow, arrow).buffers()[1]  # computed anew, so that it begins at the first bit
    size, spare = -(-len(values) // 8), -len(values) % 8
    if not spare:
        return packed_bits.slice(0, size)
    raw = bytes(packed_bits.slice(0, size))
    return pa.py_buffer(raw[:-1] + bytes([raw[-1] & (0xFF >> spare)]))


def _fixed_width_buffer(arrow: pa.Array) -> pa.Buffer:
    """Return the buffer of fixed-width values, from first to last."""
    width = arrow.type.bit_width // 8
    return arrow.buffers()[1].slice(arrow.offset * width, len(arrow) * width)


def _text_buffers(arrow: pa.Array) -> list[pa.Buffer]:
    """Return the buffers of texts: their offsets from 0, and their bytes."""
    _, offsets, data = arrow.buffers()
    starts = memoryview(offsets).cast("q")[arrow.offset : arrow.offset + len(arrow) + 1]
    if arrow.offset or starts[0]:
        return _text_buffers(pa.concat_arrays([arrow.slice(0, 0), arrow]))
    return [offsets.slice(0, (len(arrow) + 1) * 8), (data or pa.py_buffer(b"")).slice(0, starts[-1])]
