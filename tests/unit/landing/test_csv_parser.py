"""CSV to cells: the same cells and rows, by each way of reading a file."""

import csv
import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.landing.csv_parser import find_last_row
from lgdp_pipelines.register.model.extract_format import ExtractFormat, FileFormat
from tests.support.csv_reading import read_cells

PLAIN = ExtractFormat(FileFormat.CSV)


def cells(text: str, delimiter: str = ",") -> list[tuple[object, ...]]:
    """Return rows as (row, cell, cell, …)."""
    block = read_cells(text.encode(), ExtractFormat(FileFormat.CSV, delimiter=delimiter))
    columns = [column for column in block.frame.columns if column != "_row"]
    assert all(block.frame.schema[column] == pl.String for column in columns)
    return list(block.frame.select("_row", *columns).iter_rows())


def misshapen(text: str) -> list[tuple[int, int]]:
    block = read_cells(text.encode(), PLAIN)
    return list(block.misshapen.iter_rows())


def test_text_stays_as_sent() -> None:
    cells_sent = ["00123", "12E5", "nan", "NA", "Buchanan", " 7 ", "NULL", "1e400", "TRUE", "2024-01-01", "-0", "#N/A"]
    text = "A\n" + "".join(f"{cell}\n" for cell in cells_sent)
    assert cells(text) == [(number, cell) for number, cell in enumerate(cells_sent, start=2)]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends(line_end: str) -> None:
    assert cells(line_end.join(["A,B", "1,2", "3,", "5,6", ""])) == [(2, "1", "2"), (3, "3", None), (4, "5", "6")]


def test_a_quoted_empty_cell_is_an_empty_cell() -> None:
    assert cells('A,B\n"",2\n,4\n') == [(2, None, "2"), (3, None, "4")]


def test_a_file_without_a_last_line_end_is_complete() -> None:
    assert cells("A,B\n1,2\n3,4") == [(2, "1", "2"), (3, "3", "4")]


@pytest.mark.parametrize("gap", ["\n", "\r\n", ",\n", '"",""\n', "   \n"])
def test_a_line_without_cells_is_counted_and_gives_no_row(gap: str) -> None:
    assert cells(f"A,B\n1,2\n{gap}3,4\n") == [(2, "1", "2"), (4, "3", "4")]


def test_an_empty_line_does_not_hide_a_short_row() -> None:
    # Two delimiters are missing from row 4 and two are in row 3: their number alone adds up.
    assert misshapen("A,B,C\n1,2,3\n,,\n4\n") == [(4, 1)]


def test_lines_without_cells_at_the_end_give_no_rows() -> None:
    assert cells("A,B\n1,2\n\n\n\n") == [(2, "1", "2")]


def test_in_a_single_column_a_quoted_empty_cell_gives_a_row_and_an_empty_line_none() -> None:
    assert cells('A\n1\n\n""\n4\n') == [(2, "1"), (4, None), (5, "4")]


def test_a_line_break_in_quotes_makes_no_row() -> None:
    assert cells('A,B\n"1\n2",x\n"3,4","5\r\n6"\n7,8\n') == [(2, "1\n2", "x"), (3, "3,4", "5\r\n6"), (4, "7", "8")]


def test_a_lone_carriage_return_belongs_to_its_cell() -> None:
    assert cells("A,B\n1\r2,x\n3,4\n") == [(2, "1\r2", "x"), (3, "3", "4")]
    assert cells('A,B\n1\r2,"x""y"\n') == [(2, "1\r2", 'x"y')]


def test_quotes_within_a_cell() -> None:
    assert cells('A,B\n6" pipe,"a ""b"" c"\n') == [(2, '6" pipe', 'a "b" c')]
    assert cells('A,B\n6" pipe,x\n7" pipe,y\n') == [(2, '6" pipe', "x"), (3, '7" pipe', "y")]
    assert cells('A,B,C\n6" pipe,7" pipe,z\n') == [(2, '6" pipe', '7" pipe', "z")]


@pytest.mark.parametrize(
    "text",
    [
        'A,B\n1,2\n3,"4\n5,6\n',
        'A,B\n1,2\n3,"4"x\n5,6\n',
        'A,B\n1,2\n3,"the "Star" inn"\n5,6\n',
        'A,B\n1,2\n3,"well,"yes",then"\n5,6\n',
        'A,B\r1,2\r3,"the "Star" inn"\r5,6\r',
    ],
)
def test_quotes_that_do_not_match_are_a_fault_with_its_row(text: str) -> None:
    with pytest.raises(Fault) as fault:
        read_cells(text.encode(), PLAIN)
    assert fault.value.row == 3


def test_too_many_and_too_few_cells_are_reported_with_row_and_number() -> None:
    text = "A,B,C\n1,2,3\n4,5\n\n6,7,8,9\n1,2,3\n"
    assert misshapen(text) == [(3, 2), (5, 4)]
    assert cells(text)[2] == (5, "6", "7", "8", "9")


def test_a_short_row_does_not_make_up_for_a_long_last_one() -> None:
    assert misshapen("A,B\n1,2\n3\n4,5,") == [(3, 1), (4, 3)]


def test_a_short_row_is_seen_among_empty_last_cells() -> None:
    assert misshapen("A,B\n1,\n2\n3,\n") == [(3, 1)]


@pytest.mark.parametrize("text", ["", "\n", "\r\n\r\n"])
def test_an_empty_file_is_a_fault(text: str) -> None:
    with pytest.raises(Fault, match="empty"):
        read_cells(text.encode(), PLAIN)


def test_a_header_alone_is_a_table_without_rows() -> None:
    block = read_cells(b"A,B\n", PLAIN)
    assert block.header == ("A", "B")
    assert block.frame.height == 0


def test_the_row_in_which_a_text_breaks_off() -> None:
    assert find_last_row("", PLAIN) == 1
    assert find_last_row("A,B\n", PLAIN) == 2
    assert find_last_row('A,B\n"1\n2",3\n4,', PLAIN) == 3


TEXT = st.text(
    alphabet=st.one_of(
        st.sampled_from(list(" ,;|\t\"'\n\r0aé£–漢😀")), st.characters(codec="utf-8", exclude_characters="\0")
    ),
    max_size=8,
)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(1, 5))
    row = st.lists(TEXT, min_size=width, max_size=width)
    return draw(st.lists(row, min_size=1, max_size=12))


@given(
    rows=tables(),
    delimiter=st.sampled_from([",", ";", "|", "\t"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_any_table_is_read_cell_for_cell(rows: list[list[str]], delimiter: str, quoting: int, line_end: str) -> None:
    if quoting == csv.QUOTE_MINIMAL and line_end == "\n":
        # Python's writer leaves a CR at the end of a cell bare, where it is indistinguishable from a CRLF.
        rows = [[cell.replace("\r", "\n") for cell in row] for row in rows]
    target = io.StringIO(newline="")
    csv.writer(target, delimiter=delimiter, quoting=quoting, lineterminator=line_end).writerows(rows)  # type: ignore[arg-type]
    text = target.getvalue()
    if not text.strip("\r\n"):
        return
    block = read_cells(text.encode(), ExtractFormat(FileFormat.CSV, delimiter=delimiter))
    width = len(rows[0])
    assert block.header == tuple(rows[0])
    expected = [
        (number, *(cell or None for cell in row))
        for number, row in enumerate(rows[1:], start=2)
        if width == 1 or any(row)
    ]
    assert list(block.frame.select("_row", *(str(position) for position in range(width))).iter_rows()) == expected
    assert block.misshapen.is_empty()


def test_many_rows_with_line_breaks_in_quotes_are_counted_right() -> None:
    # Large enough for Polars to read in pieces.
    lines = 60_000
    text = "A,B,C\n" + "".join(f'{n},"x\ny{n}, ""z""",{"" if n % 3 else n}\n' for n in range(lines))
    plain = text.replace('""', "")
    for variant, quote in ((text, '"z"'), (plain, "z")):
        block = read_cells(variant.encode(), PLAIN)
        assert block.frame.get_column("_row").to_list() == list(range(2, lines + 2))
        assert block.frame.get_column("1").to_list() == [f"x\ny{n}, {quote}" for n in range(lines)]


def test_a_lone_carriage_return_is_kept_in_the_header_too() -> None:
    block = read_cells(b'a,"b\r"\r\n"x\ry","say ""so"""\r\n', PLAIN)

    assert block.header == ("a", "b\r")
    assert block.frame.select("0", "1").rows() == [("x\ry", 'say "so"')]
