"""CSV without a formula, whichever separator a spreadsheet splits the lines by."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgdp_pipelines.reporting.spreadsheet_safety import escape_formulas, format_csv, unescape_formulas

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
HOSTILE = st.text(alphabet="=+-@\t\r\n＝＋－＠'\";,| a1\u00a0\u200b", max_size=12) | st.text(max_size=12)


@given(st.lists(st.lists(HOSTILE, min_size=1, max_size=4), max_size=4))
def test_no_cell_begins_a_formula(rows: list[list[str]]) -> None:
    text = format_csv(["a", "b"], rows).removeprefix("\ufeff")

    csv_rows = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert [[unescape_formulas(cell) for cell in row] for row in csv_rows] == rows
    assert not [cell for row in csv_rows for cell in row if cell.startswith(STARTS)]


@given(st.lists(st.lists(HOSTILE, min_size=1, max_size=4), max_size=4))
def test_no_piece_begins_a_formula_wherever_the_text_is_cut(rows: list[list[str]]) -> None:
    """A spreadsheet of another language cuts lines by semicolons, and takes no heed of quotes in mid-cell."""
    text = format_csv(["a", "b"], rows).removeprefix("\ufeff")

    for piece in re.split(r"[,;|\t\r\n]", text):
        assert not piece.strip('" \u00a0').startswith(FORMULA), piece


@given(HOSTILE)
def test_escaped_text_can_be_restored(text: str) -> None:
    assert unescape_formulas(escape_formulas(text)) == text


@given(st.text(alphabet=st.characters(categories=["L", "Nd"]), max_size=20))
def test_plain_words_and_figures_are_not_escaped(text: str) -> None:
    assert escape_formulas(text) == text


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("-5", "'-5"),
        ("'=1", "''=1"),
        ("  =1", "'  =1"),
        ("a;=1", "a;'=1"),
        ("O'Neil", "O'Neil"),
        ("part-time", "part-time"),
        ("me@example.org", "me@example.org"),
    ],
)
def test_an_apostrophe_goes_where_a_formula_would_begin(sent: str, shown: str) -> None:
    assert escape_formulas(sent) == shown


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=5))
def test_numbers_stay_numbers(numbers: list[int]) -> None:
    line = format_csv(["n"] * len(numbers), [numbers]).split("\r\n")[1]

    assert re.fullmatch(r"\d+(,\d+)*", line)
    assert [int(cell) for cell in line.split(",")] == numbers
