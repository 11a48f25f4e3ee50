"""Any table of text, in any format and dialect, is landed cell for cell.

In every format, a filled cell is landed exactly, in its column and its row, with its white space. An empty cell is
null; no row with a filled cell is lost, doubled or moved. The formats differ in these points:

* A row without a filled cell is not a row of a CSV file or of a sheet (it is counted in ``_row``). A record without one
  is a row of null cells in JSON, NDJSON and XML.
* A lone CR is kept in CSV whose lines end in LF, in JSON and in NDJSON. XML knows it only as a reference, which the
  writer here writes. A workbook's XML turns a CR that is written plainly into LF, as spreadsheets do.
* An extract without rows is reported; NDJSON without records is an empty file, which is not read at all.
* Without a quote character a CSV cell can hold neither delimiter nor line end.
* Windows-1252 has only some characters. XML and workbooks have no control characters but tab and line end, and no
  U+FFFE and U+FFFF; a sheet has cells of at most 32,767 characters.
"""

import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lgdp_pipelines.handover.extract_reading import ExtractFile
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.extract_format import Container, ExtractFormat, FileFormat
from tests.support.extract_writers import (
    gzip_content,
    write_csv,
    write_json,
    write_ndjson,
    write_xls,
    write_xlsx,
    write_xml,
    zip_content,
)

HEADER = ["A", "B", "C"]
HARD = [
    "00123",
    "12E5",
    "nan",
    "NA",
    "Buchanan",
    "null",
    "TRUE",
    "1.0",
    "-0",
    "#N/A",
    "=1+1",
    "2024-01-01",
    " 7 ",
    "_x000D_",
]

EVERYDAY = st.text(st.sampled_from(list(" ,;|\t\"'&<>{}[]/0aéÉ£€\n")), max_size=6)


def cells(characters: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[str]]]:
    """Return a strategy of rows of cells with difficult characters."""
    cell = st.one_of(st.sampled_from(["", *HARD]), EVERYDAY, st.text(characters, max_size=6))
    row = st.lists(cell, min_size=3, max_size=3)
    return st.lists(row, max_size=6)


UNICODE = st.characters(codec="utf-8", exclude_characters="\0")
PRINTED = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn", "Co"])
WESTERN = st.sampled_from(bytes(range(1, 256)).decode("cp1252", errors="ignore"))


@pytest.fixture(scope="module")
def land(item: Callable[..., Any], table: Callable[..., Any], contract: Callable[..., Contract]) -> Callable[..., Any]:
    """Return row number and cells of each landed row."""

    def read(content: bytes, headers: list[str] = HEADER, **extract_format: object) -> list[tuple[object, ...]]:
        items = [item(header, name=name) for header, name in zip(headers, "abc", strict=True)]
        declared = contract(table("t", *items), **extract_format)
        reading = read_extract(declared, [ExtractFile("extract", content)])
        rows = [row for piece in reading.tables["t"] for row in piece.select("_row", "a", "b", "c").iter_rows()]
        assert reading.findings["rule"].to_list() == ([] if rows else ["tst.readable"])
        return rows

    return read


def under_a_header(rows: list[list[str]], before: int = 1) -> list[tuple[object, ...]]:
    """Return the expected landed rows: those with a filled cell, numbered."""
    return [(number, *(cell or None for cell in row)) for number, row in enumerate(rows, start=before + 1) if any(row)]


def as_records(rows: list[list[str]]) -> list[tuple[object, ...]]:
    return [(number, *(cell or None for cell in row)) for number, row in enumerate(rows, start=1)]


PACKED: dict[Container, Callable[[bytes], bytes]] = {
    Container.NONE: bytes,
    Container.ZIP: zip_content,
    Container.GZ: gzip_content,
}
packed = st.sampled_from(list(PACKED))


@settings(max_examples=200)
@given(
    rows=cells(UNICODE),
    delimiter=st.sampled_from([",", ";", "|", "\t", "^", "~", " ", "¦"]),
    quote=st.sampled_from(['"', "'"]),
    every=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    container=packed,
    preamble=st.integers(0, 2),
)
def test_csv(
    land: Callable[..., Any],
    rows: list[list[str]],
    delimiter: str,
    quote: str,
    every: bool,  # noqa: FBT001 - drawn, not passed
    line_end: str,
    encoding: str,
    container: Container,
    preamble: int,
) -> None:
    if line_end == "\r":
        # Without an LF, line ends within cells are CR too.
        rows = [[cell.replace("\n", "\r") for cell in row] for row in rows]
    elif line_end == "\n":
        # Python's writer leaves a CR at the end of a cell bare, where it is indistinguishable from a CRLF.
        rows = [[cell.replace("\r", "\n") for cell in row] for row in rows]
    before = [["Made up", "", ""]] * preamble
    text = write_csv([*before, HEADER, *rows], delimiter=delimiter, quote=quote, line_end=line_end, every=every)
    read = land(
        PACKED[container](text.encode(encoding)),
        delimiter=delimiter,
        quote=quote,
        encoding=encoding.removesuffix("-sig"),
        container=container,
        preamble=preamble,
    )
    assert read == under_a_header(rows, preamble + 1)


@settings(max_examples=40)
@given(rows=cells(WESTERN), delimiter=st.sampled_from([",", ";"]))
def test_csv_in_windows_1252(land: Callable[..., Any], rows: list[list[str]], delimiter: str) -> None:
    rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    content = write_csv([HEADER, *rows], delimiter=delimiter).encode("cp1252")
    assert land(content, delimiter=delimiter, encoding="cp1252") == under_a_header(rows)


@settings(max_examples=40)
@given(rows=cells(UNICODE), delimiter=st.sampled_from([",", "|", "\t"]))
def test_csv_without_quotes(land: Callable[..., Any], rows: list[list[str]], delimiter: str) -> None:
    rows = [[cell.translate({ord(mark): None for mark in "\r\n" + delimiter}) for cell in row] for row in rows]
    text = "".join(delimiter.join(row) + "\n" for row in [HEADER, *rows])
    assert land(text.encode(), delimiter=delimiter, quote="") == under_a_header(rows)


@settings(max_examples=60)
@given(rows=cells(PRINTED), container=packed, preamble=st.integers(0, 2))
def test_xlsx(land: Callable[..., Any], rows: list[list[str]], container: Container, preamble: int) -> None:
    before = [["Made up"]] * preamble
    content = PACKED[container](write_xlsx([*before, HEADER, *rows]))
    read = land(content, format=FileFormat.XLSX, container=container, preamble=preamble)
    assert read == under_a_header(rows, preamble + 1)


@settings(max_examples=40)
@given(rows=cells(PRINTED), container=packed)
def test_xls(land: Callable[..., Any], rows: list[list[str]], container: Container) -> None:
    content = PACKED[container](write_xls([HEADER, *rows]))
    assert land(content, format=FileFormat.XLS, container=container) == under_a_header(rows)


@settings(max_examples=60)
@given(rows=cells(UNICODE), encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-be"]), container=packed)
def test_json_and_ndjson(land: Callable[..., Any], rows: list[list[str]], encoding: str, container: Container) -> None:
    content_by_format = {FileFormat.JSON: write_json([HEADER, *rows]), FileFormat.NDJSON: write_ndjson([HEADER, *rows])}
    for form, text in content_by_format.items() if rows else [(FileFormat.JSON, content_by_format[FileFormat.JSON])]:
        content = PACKED[container](text.encode(encoding))
        assert land(content, format=form, encoding=encoding, container=container) == as_records(rows)


@settings(max_examples=60)
@given(rows=cells(PRINTED), container=packed)
def test_xml(land: Callable[..., Any], rows: list[list[str]], container: Container) -> None:
    # An attribute's line ends are written as references; and so is an element's CR.
    content = PACKED[container](write_xml([HEADER, *rows]))
    read = land(
        content, headers=["@A", "B", "C"], format=FileFormat.XML, records_at="return/cases/case", container=container
    )
    assert read == as_records(rows)


def test_every_format_has_its_property() -> None:
    """A new format needs its test here."""
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    words = {word for name in tested for word in name.split("_") if set(word) <= set(string.ascii_lowercase)}
    assert {form.value for form in FileFormat} <= words
    assert ExtractFormat(FileFormat.CSV).container is Container.NONE
