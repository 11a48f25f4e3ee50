"""CSV in the dialects that systems write, and files that are something else than was declared."""

from collections.abc import Callable

import pytest

from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.extract_format import Format
from tests.support.extract_writers import write_xls, write_xlsx

Read = Callable[..., Reading]


@pytest.fixture
def read(contract: Callable[..., Contract], plain: Contract) -> Read:
    def reading(content: bytes, **extract: object) -> Reading:
        return read_extract(contract(*plain.tables, **extract), [ExtractFile("extract", content)])

    return reading


def rows(reading: Reading) -> list[tuple[object, ...]]:
    return [row for piece in reading.tables["t"] for row in piece.select("_row", "a", "b", "c").iter_rows()]


def told(reading: Reading) -> list[tuple[object, ...]]:
    return list(reading.findings.select("rule", "row").iter_rows())


def refusal(reading: Reading) -> str:
    assert reading.tables == {}
    assert reading.findings["rule"].to_list() == ["tst.readable"]
    assert reading.unreadable_reason == reading.findings["message"][0]
    return str(reading.unreadable_reason)


def test_rows_before_the_header_are_passed_over_and_counted(read: Read) -> None:
    content = b'Report of pets\n"printed, on\nMonday"\n\nA,B,C\n1,2,3\n'
    assert rows(read(content, preamble=3)) == [(5, "1", "2", "3")]


def test_a_header_of_two_rows_names_columns_by_both(
    contract: Callable[..., Contract], item: Callable[..., object], table: Callable[..., object]
) -> None:
    wanted = table("t", item("Roll / Female", name="a"), item("Roll / Male", name="b"), item("School", name="c"))
    declared = contract(wanted, preamble=1, header_rows=2)
    content = b"Pupils\n,Roll,\nSchool,Female,Male\nX,1,2\n"
    reading = read_extract(declared, [ExtractFile("x", content)])
    assert told(reading) == []
    assert rows(reading) == [(4, "1", "2", "X")]
    assert reading.headers == {"t": {"a": "Roll / Female", "b": "Roll / Male", "c": "School"}}


def test_the_lower_row_may_be_empty_under_a_name_of_its_own(
    contract: Callable[..., Contract], item: Callable[..., object], table: Callable[..., object]
) -> None:
    declared = contract(
        table("t", item("School", name="a"), item("Roll", name="b"), item("X", name="c")), header_rows=2
    )
    reading = read_extract(declared, [ExtractFile("x", b"School,Roll,X\n,,\n1,2,3\n")])
    assert rows(reading) == [(3, "1", "2", "3")]


def test_headers_are_told_as_the_file_has_them(read: Read) -> None:
    reading = read(b" a ,B,c\n1,2,3\n")
    assert reading.headers == {"t": {"a": " a ", "b": "B", "c": "c"}}
    assert reading.sheets == {}


@pytest.mark.parametrize(("content", "row"), [(b"x\ny\n", 5), (b"x\n\n\n\n\n", 5)])
def test_a_file_that_ends_before_its_header_is_refused(read: Read, content: bytes, row: int) -> None:
    assert f"row {row}" in refusal(read(content, preamble=4))


def test_a_header_wider_than_any_table_is_refused(read: Read) -> None:
    assert "1,000,001 columns" in refusal(read(b"," * 1_000_000 + b"\n"))


def test_a_row_wider_than_any_table_is_refused(read: Read) -> None:
    reading = read(b"A,B,C\n1,2,3\n" + b"," * 20_000 + b"\n1,2,3\n")
    assert "Row 3" in refusal(reading)


def test_a_quote_left_open_in_the_header_is_told_there(read: Read) -> None:
    reading = read(b'A,"B,C\n1,2,3\n')
    assert told(reading) == [("tst.readable", 1)]


@pytest.mark.parametrize(
    ("written", "declared", "said"),
    [(";", ",", "by “;”, and should be by “,”"), ("\t", ",", "by a tab"), ("|", ";", "by “|”"), (",", "\t", "by “,”")],
)
def test_another_delimiter_than_the_declared_one_is_named(read: Read, written: str, declared: str, said: str) -> None:
    content = "\n".join(written.join(row) for row in (["A", "B", "C"], ["1", "2", "3"])).encode()
    assert said in refusal(read(content, delimiter=declared))


def test_a_single_column_is_not_held_to_have_another_delimiter(read: Read) -> None:
    assert told(read(b"A;X,B,C\n1,2,3\n")) == [("tst.t.columns", None), ("tst.t.extra_columns", None)]
    assert told(read(b"Jane; Doe\n1\n")) == [("tst.t.columns", None)]


@pytest.mark.parametrize(
    ("encoding", "content", "said"),
    [
        ("utf-16", "A,B,C\n".encode("utf-16-le"), "lacks the byte order mark"),
        ("utf-16-le", b"\xfe\xff" + "A,B,C\n".encode("utf-16-be"), "high byte first"),
        ("utf-8", "A,B,C\n".encode("utf-16"), "byte order mark says UTF-16"),
        ("utf-8", "A,B,C\n".encode("utf-16-le"), "NUL"),
    ],
)
def test_another_encoding_than_the_declared_one_is_told(read: Read, encoding: str, content: bytes, said: str) -> None:
    assert said in refusal(read(content, encoding=encoding))


HTML = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>Secret Sam</body></html>"
THINGS = {
    "a web page": HTML,
    "a web page, perhaps": b'<?xml version="1.0"?>\n<html xmlns="x"><body/></html>',
    "XML": b'<?xml version="1.0"?>\n<return/>',
    "JSON": b'[{"A": "Secret Sam"}]',
    "a PDF document": b"%PDF-1.7 Secret Sam",
    "a 7z archive": b"7z\xbc\xaf\x27\x1c Secret Sam",
    "an XLSX workbook": write_xlsx([["Secret Sam"]]),
    "an XLS workbook": write_xls([["Secret Sam"]]),
    "a workbook that is protected": write_xls([["A"]])[:600] + "EncryptedPackage".encode("utf-16-le"),
}
FORMATS = {
    Format.CSV: set(THINGS),
    Format.XLSX: set(THINGS) - {"an XLSX workbook"},
    Format.XLS: set(THINGS) - {"an XLS workbook"},
    Format.JSON: set(THINGS) - {"JSON"},
    Format.NDJSON: set(THINGS) - {"JSON"},
    Format.XML: set(THINGS) - {"XML"},
}


@pytest.mark.parametrize(
    ("form", "thing"), [(form, thing) for form, things in FORMATS.items() for thing in sorted(things)]
)
def test_a_file_that_is_something_else_is_told_for_what_it_looks_like(read: Read, form: Format, thing: str) -> None:
    said = refusal(read(THINGS[thing], format=form, records_at="return/case" if form is Format.XML else ""))
    assert thing in said
    assert f"it should be {form.upper()}" in said
    assert "Secret" not in said


@pytest.mark.parametrize("form", [Format.XLSX, Format.XLS])
@pytest.mark.parametrize(
    ("content", "thing"), [(b"A,B,C\n1,2,3\n", "text"), (b"", "empty"), (b"\x00\x01", "no workbook")]
)
def test_what_is_no_workbook_is_told(read: Read, form: Format, content: bytes, thing: str) -> None:
    assert f"This is {thing}, and it should be {form.upper()}" in refusal(read(content, format=form))


def test_a_cell_may_look_like_something_else(read: Read) -> None:
    assert rows(read(b'A,B,C\n"[{""x"": 1}]",<html>,%PDF-\n')) == [(2, '[{"x": 1}]', "<html>", "%PDF-")]
