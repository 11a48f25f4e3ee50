"""CSV in the dialects that systems write, and files of another kind than declared."""

from collections.abc import Callable

import pytest

from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.extract_format import FileFormat
from tests.support.extract_writers import write_xls, write_xlsx

ReadFunction = Callable[..., Reading]


@pytest.fixture
def read(contract: Callable[..., Contract], plain: Contract) -> ReadFunction:
    def reading(content: bytes, **extract_format: object) -> Reading:
        return read_extract(contract(*plain.tables, **extract_format), [ExtractFile("extract", content)])

    return reading


def rows(reading: Reading) -> list[tuple[object, ...]]:
    return [row for piece in reading.tables["t"] for row in piece.select("_row", "a", "b", "c").iter_rows()]


def list_findings(reading: Reading) -> list[tuple[object, ...]]:
    return list(reading.findings.select("rule", "row").iter_rows())


def refusal(reading: Reading) -> str:
    assert reading.tables == {}
    assert reading.findings["rule"].to_list() == ["tst.readable"]
    assert reading.unreadable_reason == reading.findings["message"][0]
    return str(reading.unreadable_reason)


def test_rows_before_the_header_are_passed_over_and_counted(read: ReadFunction) -> None:
    content = b'Report of pets\n"printed, on\nMonday"\n\nA,B,C\n1,2,3\n'
    assert rows(read(content, preamble=3)) == [(5, "1", "2", "3")]


def test_a_header_of_two_rows_names_columns_by_both(
    contract: Callable[..., Contract], item: Callable[..., object], table: Callable[..., object]
) -> None:
    expected_table = table(
        "t", item("Roll / Female", name="a"), item("Roll / Male", name="b"), item("School", name="c")
    )
    declared = contract(expected_table, preamble=1, header_rows=2)
    content = b"Pupils\n,Roll,\nSchool,Female,Male\nX,1,2\n"
    reading = read_extract(declared, [ExtractFile("x", content)])
    assert list_findings(reading) == []
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


def test_headers_are_given_as_in_the_file(read: ReadFunction) -> None:
    reading = read(b" a ,B,c\n1,2,3\n")
    assert reading.headers == {"t": {"a": " a ", "b": "B", "c": "c"}}
    assert reading.sheets == {}


@pytest.mark.parametrize(("content", "row"), [(b"x\ny\n", 5), (b"x\n\n\n\n\n", 5)])
def test_a_file_that_ends_before_its_header_is_refused(read: ReadFunction, content: bytes, row: int) -> None:
    assert f"row {row}" in refusal(read(content, preamble=4))


def test_a_header_wider_than_any_table_is_refused(read: ReadFunction) -> None:
    assert "1,000,001 columns" in refusal(read(b"," * 1_000_000 + b"\n"))


def test_a_row_wider_than_any_table_is_refused(read: ReadFunction) -> None:
    reading = read(b"A,B,C\n1,2,3\n" + b"," * 20_000 + b"\n1,2,3\n")
    assert "Row 3" in refusal(reading)


def test_an_open_quote_in_the_header_is_reported_there(read: ReadFunction) -> None:
    reading = read(b'A,"B,C\n1,2,3\n')
    assert list_findings(reading) == [("tst.readable", 1)]


@pytest.mark.parametrize(
    ("actual", "declared", "expected_text"),
    [(";", ",", "by “;”, and should be by “,”"), ("\t", ",", "by a tab"), ("|", ";", "by “|”"), (",", "\t", "by “,”")],
)
def test_another_delimiter_than_the_declared_one_is_named(
    read: ReadFunction, actual: str, declared: str, expected_text: str
) -> None:
    content = "\n".join(actual.join(row) for row in (["A", "B", "C"], ["1", "2", "3"])).encode()
    assert expected_text in refusal(read(content, delimiter=declared))


def test_a_single_column_is_not_taken_for_another_delimiter(read: ReadFunction) -> None:
    assert list_findings(read(b"A;X,B,C\n1,2,3\n")) == [("tst.t.columns", None), ("tst.t.extra_columns", None)]
    assert list_findings(read(b"Jane; Doe\n1\n")) == [("tst.t.columns", None)]


@pytest.mark.parametrize(
    ("encoding", "content", "expected_text"),
    [
        ("utf-16", "A,B,C\n".encode("utf-16-le"), "lacks the byte order mark"),
        ("utf-16-le", b"\xfe\xff" + "A,B,C\n".encode("utf-16-be"), "high byte first"),
        ("utf-8", "A,B,C\n".encode("utf-16"), "byte order mark says UTF-16"),
        ("utf-8", "A,B,C\n".encode("utf-16-le"), "NUL"),
    ],
)
def test_another_encoding_than_the_declared_one_is_reported(
    read: ReadFunction, encoding: str, content: bytes, expected_text: str
) -> None:
    assert expected_text in refusal(read(content, encoding=encoding))


HTML = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>Secret Sam</body></html>"
CONTENTS_BY_KIND = {
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
    FileFormat.CSV: set(CONTENTS_BY_KIND),
    FileFormat.XLSX: set(CONTENTS_BY_KIND) - {"an XLSX workbook"},
    FileFormat.XLS: set(CONTENTS_BY_KIND) - {"an XLS workbook"},
    FileFormat.JSON: set(CONTENTS_BY_KIND) - {"JSON"},
    FileFormat.NDJSON: set(CONTENTS_BY_KIND) - {"JSON"},
    FileFormat.XML: set(CONTENTS_BY_KIND) - {"XML"},
}


@pytest.mark.parametrize(("form", "kind"), [(form, kind) for form, kinds in FORMATS.items() for kind in sorted(kinds)])
def test_a_file_of_another_kind_is_reported_by_its_kind(read: ReadFunction, form: FileFormat, kind: str) -> None:
    message = refusal(
        read(CONTENTS_BY_KIND[kind], format=form, records_at="return/case" if form is FileFormat.XML else "")
    )
    assert kind in message
    assert f"it should be {form.upper()}" in message
    assert "Secret" not in message


@pytest.mark.parametrize("form", [FileFormat.XLSX, FileFormat.XLS])
@pytest.mark.parametrize(
    ("content", "kind"), [(b"A,B,C\n1,2,3\n", "text"), (b"", "empty"), (b"\x00\x01", "no workbook")]
)
def test_content_that_is_not_a_workbook_is_reported(
    read: ReadFunction, form: FileFormat, content: bytes, kind: str
) -> None:
    assert f"This is {kind}, and it should be {form.upper()}" in refusal(read(content, format=form))


def test_a_cell_may_look_like_another_format(read: ReadFunction) -> None:
    assert rows(read(b'A,B,C\n"[{""x"": 1}]",<html>,%PDF-\n')) == [(2, '[{"x": 1}]', "<html>", "%PDF-")]
