"""A table's digest depends on its rows alone: chunks, slices and bytes beneath nulls make no difference."""

import hashlib
import struct
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame, ChunkSpool
from lgdp_pipelines.handover.judgement_values import RowDigest
from lgdp_pipelines.handover.row_digest import ROWS_A_BATCH, digest_rows

SCHEMA = pl.Schema(
    {
        "site": pl.String(),
        "plots": pl.Int64(),
        "share": pl.Float64(),
        "rent": pl.Decimal(12, 2),
        "opened": pl.Date(),
        "watered": pl.Boolean(),
        "_row": pl.Int64(),
    }
)
ARROW = pa.schema(
    [
        ("site", pa.large_string()),
        ("plots", pa.int64()),
        ("share", pa.float64()),
        ("rent", pa.decimal128(12, 2)),
        ("opened", pa.date32()),
        ("watered", pa.bool_()),
        ("_row", pa.int64()),
    ]
)
CELLS = st.tuples(
    st.none() | st.text(max_size=20),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.decimals(-(10**9), 10**9, places=2),
    st.none() | st.dates(),
    st.none() | st.booleans(),
)


def expected(rows: Sequence[Sequence[Any]]) -> RowDigest:
    """Return the digest by its definition, from Python values by pyarrow alone."""
    stream = BytesIO()
    with pa.ipc.new_stream(stream, ARROW) as writer:
        for start in range(0, len(rows), ROWS_A_BATCH):
            part = rows[start : start + ROWS_A_BATCH]
            columns = [pa.array([row[index] for row in part], field.type) for index, field in enumerate(ARROW)]
            writer.write_batch(pa.record_batch(columns, schema=ARROW))
    return RowDigest(hashlib.sha256(stream.getvalue()).hexdigest(), len(rows))


def framed(rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    return pl.DataFrame([tuple(row) for row in rows], schema=SCHEMA, orient="row")


def numbered(cells: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    return [(*row, number) for number, row in enumerate(cells, 2)]


@settings(max_examples=40)
@given(cells=st.lists(CELLS, max_size=20), before=st.lists(CELLS, max_size=9), cuts=st.lists(st.integers(0, 20)))
def test_the_digest_is_that_of_the_rows_however_they_are_cut(
    cells: list[tuple[Any, ...]], before: list[tuple[Any, ...]], cuts: list[int]
) -> None:
    rows = numbered(cells)
    longer = framed([*((*row, -1) for row in before), *rows, *((*row, 99) for row in before)])
    frame = longer.slice(len(before), len(rows))
    bounds = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    pieces = [frame.slice(start, end - start) for start, end in pairwise(bounds)]

    assert digest_rows(ChunkedFrame.from_frames(*pieces)) == expected(rows)


@settings(max_examples=40)
@given(cells=st.lists(CELLS, min_size=1, max_size=20), data=st.data())
def test_any_other_cell_gives_another_digest(cells: list[tuple[Any, ...]], data: st.DataObject) -> None:
    rows = numbered(cells)
    index = data.draw(st.integers(0, len(cells) - 1))
    column = data.draw(st.integers(0, 5))
    other_cell = data.draw(CELLS)[column]
    changed = [list(row) for row in rows]
    changed[index][column] = other_cell
    is_same = str(other_cell) == str(rows[index][column]) and type(other_cell) is type(rows[index][column])

    assert (
        digest_rows(ChunkedFrame.from_frames(framed(changed))) == digest_rows(ChunkedFrame.from_frames(framed(rows)))
    ) is is_same


def test_bytes_beneath_a_null_make_no_difference() -> None:
    given_bits = pa.py_buffer(bytes([0b11111010]))  # row 0 and 2 are null; the bits to spare are set
    garbage = {
        "plots": (pa.int64(), pa.py_buffer(struct.pack("<4q", 7, 5, 9, 6))),
        "opened": (pa.date32(), pa.py_buffer(struct.pack("<4i", 7, 5, 9, 6))),
        "watered": (pa.bool_(), pa.py_buffer(bytes([0b11110111]))),
    }
    arrays = {
        name: pa.Array.from_buffers(kind, 4, [given_bits, buffer], null_count=2)
        for name, (kind, buffer) in garbage.items()
    }
    frame = pl.DataFrame({name: pl.Series(pl.from_arrow(array)) for name, array in arrays.items()})
    clean = pl.DataFrame(
        {"plots": [None, 5, None, 6], "opened": [None, 5, None, 6], "watered": [None, True, None, False]},
        schema={"plots": pl.Int64, "opened": pl.Int32, "watered": pl.Boolean},
    ).cast({"opened": pl.Date})

    assert frame.equals(clean)
    assert digest_rows(ChunkedFrame.from_frames(frame), None) == digest_rows(ChunkedFrame.from_frames(clean), None)


def test_text_is_the_same_as_a_dictionary_or_as_text() -> None:
    plain = pl.DataFrame({"code": ["b", None, "a", "b"]})

    for kind in (pl.Categorical(), pl.Enum(["a", "b"]), pl.Enum(["b", "c", "a"])):
        assert digest_rows(ChunkedFrame.from_frames(plain.cast(kind)), None) == digest_rows(
            ChunkedFrame.from_frames(plain), None
        )


def test_rows_are_taken_in_order_of_their_number_in_the_file() -> None:
    rows = numbered([("a", 1, 0.5, Decimal("1.00"), date(2024, 1, 1), True), ("b", *[None] * 5), ("c", *[None] * 5)])
    expected_digest = expected(rows)
    mixed = framed([rows[2], rows[0], rows[1]])

    assert digest_rows(ChunkedFrame.from_frames(mixed)) == expected_digest
    assert digest_rows(ChunkedFrame.from_frames(mixed.head(1), mixed.tail(2))) == expected_digest
    assert digest_rows(ChunkedFrame.from_frames(mixed), None) != expected_digest


def test_columns_are_in_the_order_of_the_table() -> None:
    rows = numbered([("a", 1, 0.5, None, None, True), ("b", *[None] * 5)])
    frame = framed(rows)
    with ChunkSpool(Path("unused")) as spool:
        stored = spool.store([frame.head(1).select(reversed(frame.columns)), frame.tail(1)], frame.schema)

        assert digest_rows(stored) == expected(rows)


@pytest.mark.parametrize("size", [ROWS_A_BATCH - 1, ROWS_A_BATCH, ROWS_A_BATCH + 1])
def test_pieces_in_memory_and_on_disk_give_batches_of_one_size(size: int, tmp_path: Path) -> None:
    rows = numbered([(f"s{number % 7}" if number % 5 else None, number, *[None] * 4) for number in range(size)])
    frame = framed(rows)
    with ChunkSpool(tmp_path, memory_bytes=int(frame.estimated_size() // 2)) as spool:
        stored = spool.store([frame.slice(start, 9_999) for start in range(0, size, 9_999)], frame.schema)

        assert digest_rows(stored) == digest_rows(ChunkedFrame.from_frames(frame)) == expected(rows)


@pytest.mark.parametrize(
    "schema", [{"a": pl.String()}, {"a": pl.Int64()}, {"b": pl.Int64()}, {"a": pl.Int64(), "b": pl.Int64()}]
)
def test_an_empty_table_has_the_digest_of_its_columns(schema: Mapping[str, pl.DataType]) -> None:
    empty = pl.DataFrame(schema=schema)
    other_schemas: list[dict[str, pl.DataType]] = [
        {"a": pl.Date()},
        {"A": pl.Int64()},
        {"b": pl.Int64(), "a": pl.Int64()},
    ]

    assert digest_rows(ChunkedFrame.from_frames(empty, empty), None) == digest_rows(
        ChunkedFrame.from_frames(empty), None
    )
    assert digest_rows(ChunkedFrame.from_frames(empty), None).rows == 0
    for other_schema in other_schemas:
        assert digest_rows(ChunkedFrame.from_frames(pl.DataFrame(schema=other_schema)), None) != digest_rows(
            ChunkedFrame.from_frames(empty), None
        )
