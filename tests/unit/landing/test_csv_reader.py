"""A CSV file read in pieces gives the same result as one read whole."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from io import BytesIO

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.landing import csv_reader as cutting
from lgdp_pipelines.landing import text_decoding
from lgdp_pipelines.landing.cell_block import CellBlock
from lgdp_pipelines.landing.csv_reader import read_csv
from lgdp_pipelines.register.model.extract_format import ExtractFormat, FileFormat
from tests.support.csv_reading import read_cells

PLAIN = ExtractFormat(FileFormat.CSV)
CELLS = st.sampled_from(
    ["", "a", " b ", '5" pipe', '"', '""', '"x"', '"x,y"', '"x\ny"', '"x""y"', '"x"y', '"x\r\ny"', "\r"]
)
RECORDS = st.lists(CELLS, max_size=4).map(",".join)
TEXTS = st.builds(
    lambda head, records, end, last: end.join([head, *records]) + last,
    st.sampled_from(["A,B,C", '"A","B\nB",C', "A", '"A', ""]),
    st.lists(RECORDS, max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "\n", "\n\n", "\r\n", "\r\r"]),
)


@pytest.fixture(scope="module", autouse=True)
def cut() -> Iterator[None]:
    """Restore the size of blocks after the tests."""
    before = text_decoding.BLOCK_BYTES
    yield
    text_decoding.BLOCK_BYTES = before


def read_in_pieces(content: bytes, size: int, extract_format: ExtractFormat = PLAIN) -> Iterator[CellBlock]:
    text_decoding.BLOCK_BYTES = size
    return read_csv(BytesIO(content), extract_format)


def describe(read: Callable[[], Iterator[CellBlock]]) -> tuple[object, ...]:
    """Return the content of all pieces, or the fault."""
    try:
        pieces = list(read())
    except Fault as fault:
        return fault.message, fault.row
    frame = pl.concat([piece.frame for piece in pieces], how="diagonal")
    misshapen = pl.concat([piece.misshapen for piece in pieces])
    # A piece is as wide as its own widest record, and so the columns may come in another order.
    wide = sorted((name for name in frame.columns if name != "_row"), key=int)
    return frame.select(*wide, "_row").rows(), wide, misshapen.rows(), pieces[-1].header, pieces[-1].last_row


@given(TEXTS, st.integers(1, 40))
@example('A,B\n1,"open\n2,3\n4,5\n', 4)
@example("A,B\n1,2\n\n\n3,4\n\n", 9)
@example('A,B\n5" a,2\n"6"",",3\n', 3)
@example("A,B\r1,2\r3,4", 2)
def test_a_file_cut_anywhere_gives_the_same_result_as_the_whole_file(text: str, size: int) -> None:
    content = text.encode()
    assert describe(lambda: read_in_pieces(content, size)) == describe(lambda: iter([read_cells(content, PLAIN)]))


@settings(max_examples=40)
@given(st.lists(st.lists(st.text("aé€\"', \n;", max_size=3), min_size=2, max_size=2), max_size=8), st.integers(2, 30))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_characters_are_never_cut_in_two(encoding: str, records: list[list[str]], size: int) -> None:
    lines = [";".join('"' + cell.replace('"', '""') + '"' for cell in record) for record in [["A", "B"], *records]]
    content = "\n".join(lines).encode(encoding)
    extract_format = ExtractFormat(FileFormat.CSV, encoding, ";")
    text = "\n".join(lines).encode()
    assert describe(lambda: read_in_pieces(content, size, extract_format)) == describe(
        lambda: iter([read_cells(text, extract_format)])
    )


@pytest.mark.parametrize(
    ("content", "encoding", "row"),
    [
        (b"A,B\n1,2\n3,\xff\n5,6\n", "utf-8", 3),
        (b"A,B\n1,2\n3,4\n5,\xe2\x82", "utf-8", 4),
        (b'A,B\n1,"2\n2"\n3,\x00\n', "utf-8", 3),
        (b"A,\xff\n1,2\n", "utf-8", 1),
        ("\ufeffA,B\n1,2\n".encode(), "cp1252", 1),
    ],
)
def test_the_row_of_undecodable_bytes_does_not_depend_on_the_cut(content: bytes, encoding: str, row: int) -> None:
    extract_format = replace(PLAIN, encoding=encoding)
    fault = describe(lambda: read_in_pieces(content, 1000, extract_format))
    assert fault[1:] == (row,)
    for size in range(4, 20):
        assert describe(partial(read_in_pieces, content, size, extract_format)) == fault


def test_an_ordinary_file_is_one_piece() -> None:
    assert len(list(read_in_pieces(b'A,B\n1,"2"\n3,4\n', 15))) == 1


def test_every_piece_has_the_header_of_two_rows_after_a_preamble() -> None:
    content = b'Report,"of\n2024"\n\nfirst,,last\na,b,\n1,2,3\n4,5,6\n'
    pieces = list(read_in_pieces(content, 5, replace(PLAIN, preamble=2, header_rows=2)))
    assert [piece.header for piece in pieces] == [("first / a", "first / b", "last")] * len(pieces)
    assert describe(lambda: iter(pieces))[0] == [("1", "2", "3", 5), ("4", "5", "6", 6)]


def test_a_row_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "MAX_RECORD_BYTES", 100)
    pieces: list[CellBlock] = []
    with pytest.raises(Fault) as fault:
        pieces.extend(read_in_pieces(b'A,B\n1,2\n3,"' + b"x\n" * 500, 10))
    assert fault.value.row == 3
    assert sum(piece.frame.height for piece in pieces) == 1
