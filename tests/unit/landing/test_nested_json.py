"""JSON that is nested, and NDJSON."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.extract_format import FileFormat

ReadFunction = Callable[..., Reading]


@pytest.fixture(scope="module")
def read(item: Callable[..., Any], table: Callable[..., Any], contract: Callable[..., Contract]) -> ReadFunction:
    def reading(text: str, *headers: str, form: FileFormat = FileFormat.JSON) -> Reading:
        items = [item(header, name=name) for header, name in zip(headers, "abc", strict=False)]
        return read_extract(contract(table("t", *items), format=form), [ExtractFile("x", text.encode())])

    return reading


def rows(reading: Reading) -> list[tuple[object, ...]]:
    return [row for piece in reading.tables["t"] for row in piece.drop("_unmapped").iter_rows()]


def list_findings(reading: Reading) -> list[tuple[object, ...]]:
    return list(reading.findings.select("rule", "row", "column").iter_rows())


def test_a_dotted_header_reaches_into_objects(read: ReadFunction) -> None:
    text = (
        '[{"ref": 1, "client": {"name": "Buchanan", "home": {"postcode": "EH1 1AA"}}}, {"ref": 12E5, "client": null}]'
    )
    reading = read(text, "ref", "client.name", "Client.Home.Postcode")
    assert rows(reading) == [("1", "Buchanan", "EH1 1AA", 1), ("12E5", None, None, 2)]
    assert reading.headers["t"]["c"] == "client.home.postcode"
    # A record whose object is null has nothing under its paths, and a key that no item takes.
    assert list_findings(reading) == [("tst.t.extra_columns", None, "client")]


def test_a_dotted_key_is_the_same_as_an_object(read: ReadFunction) -> None:
    assert rows(read('[{"a.b": 1}, {"a": {"b": 2}}]', "a.b")) == [("1", 1), ("2", 2)]
    assert list_findings(read('[{"a.b": 1, "a": {"b": 2}}]', "a.b")) == [("tst.t.columns", 1, "a.b")]


def test_a_repeated_key_in_an_object_is_reported(read: ReadFunction) -> None:
    assert list_findings(read('[{"a": {"b": 1, "b": 2}}]', "a.b")) == [("tst.t.columns", 1, "a.b")]


def test_an_object_that_an_item_names_stays_nested(read: ReadFunction) -> None:
    reading = read('[{"a": {"b": 1}}]', "a")
    assert rows(reading) == [('{"b": "1"}', 1)]
    assert list_findings(reading) == [("tst.t.columns", 1, "a")]


def test_a_list_is_not_a_cell(read: ReadFunction) -> None:
    reading = read('[{"a": ["x", "y"], "c": {"d": [1, 2]}}]', "a")
    assert list_findings(reading) == [("tst.t.columns", 1, "a"), ("tst.t.extra_columns", None, "c.d")]
    [piece] = list(reading.tables["t"])
    assert json.loads(json.loads(piece["_unmapped"][0])["c.d"]) == ["1", "2"]


def test_ndjson_is_a_record_a_line_and_empty_lines_are_none(read: ReadFunction) -> None:
    reading = read(
        '{"a": 00, "b": 1}\n'.replace("00", "12E5") + '\n  \n{"a": "007"}\r\n{"b": {"c": "NA"}}',
        "a",
        "b.c",
        form=FileFormat.NDJSON,
    )
    assert rows(reading) == [("12E5", None, 1), ("007", None, 2), (None, "NA", 3)]
    assert list_findings(reading) == [("tst.t.extra_columns", None, "b")]


@pytest.mark.parametrize(
    ("text", "line", "row"),
    [
        ('{"a": 1}\n\n{"a": Secret}\n', "Line 3, column 7", 2),
        ('{"a": 1}\n{"a": 2} {"a": 3}\n', "Line 2 goes on", 2),
        ('{"a": 1,\n"b": 2}\n', "Line 1, column 9", 1),
    ],
)
def test_a_broken_line_of_ndjson_is_reported_by_its_number(read: ReadFunction, text: str, line: str, row: int) -> None:
    reading = read(text, "a", form=FileFormat.NDJSON)
    assert list_findings(reading) == [("tst.readable", row, None)]
    assert line in reading.findings["message"][0]
    assert "Secret" not in reading.findings["message"][0]
    assert reading.tables == {}


def test_a_line_of_ndjson_without_names_is_reported_and_other_lines_are_read(read: ReadFunction) -> None:
    reading = read('{"a": 1}\n[1, 2]\n{"a": 3}\n', "a", form=FileFormat.NDJSON)
    assert list_findings(reading) == [("tst.readable", 2, None)]


@pytest.mark.parametrize("form", [FileFormat.JSON, FileFormat.NDJSON])
def test_nesting_without_end_is_refused(read: ReadFunction, form: FileFormat) -> None:
    text = "[" * 100_000 if form is FileFormat.JSON else '{"a": ' + "[" * 100_000
    assert list_findings(read(text, "a", form=form)) in ([("tst.readable", None, None)], [("tst.readable", 1, None)])


@pytest.mark.parametrize("text", ["", "\n \n"])
@pytest.mark.parametrize("form", [FileFormat.JSON, FileFormat.NDJSON])
def test_an_empty_file_is_not_a_nil_return(read: ReadFunction, form: FileFormat, text: str) -> None:
    assert list_findings(read(text, "a", form=form)) == [("tst.readable", None, None)]
