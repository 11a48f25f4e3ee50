"""A CSV extract read into tables of text, and the findings on its bytes and columns."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Item, Table
from lgdp_pipelines.vocabulary.verdicts import RuleResult

Make = Callable[..., Contract]


def read(contract: Contract, *contents: bytes) -> Reading:
    return read_extract(contract, [ExtractFile(f"file{n}.csv", content) for n, content in enumerate(contents)])


def list_findings(reading: Reading) -> list[tuple[object, ...]]:
    return list(reading.findings.select("rule", "item", "row", "column").iter_rows())


def failed(reading: Reading) -> dict[str, int]:
    return {outcome.rule: outcome.failed for outcome in reading.outcomes if outcome.result is RuleResult.FAILED}


def rows(reading: Reading, table: str = "t", columns: Sequence[str] = ("a", "b", "c")) -> list[tuple[object, ...]]:
    return list(reading.tables[table].collect().select("_row", *columns).iter_rows())


def test_a_good_file_has_no_findings_and_an_outcome_for_each_rule(plain: Contract) -> None:
    reading = read(plain, b"A,B,C\n1,2,3\n")
    assert list_findings(reading) == []
    assert [(outcome.rule, outcome.result) for outcome in reading.outcomes] == [
        ("tst.readable", "passed"),
        ("tst.t.columns", "passed"),
        ("tst.t.extra_columns", "passed"),
    ]
    assert reading.unreadable_reason is None
    assert reading.tables["t"].columns == ["a", "b", "c", "_unmapped", "_row"]


def test_a_file_on_disk_is_read_like_its_bytes(plain: Contract, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"A,B,C\n1,2,3\n")
    assert rows(read_extract(plain, [ExtractFile("x.csv", path)])) == [(2, "1", "2", "3")]


@pytest.mark.parametrize("header", ["a,b,c", " A , B\t, C ", "C,B,A", '"A","B","C"', "\ufeffA,B,C", '\ufeff"a",B,C'])
def test_headers_match_but_for_case_space_order_and_mark(plain: Contract, header: str) -> None:
    reading = read(plain, f"{header}\n1,2,1\n".encode())
    assert list_findings(reading) == []
    assert rows(reading) == [(2, "1", "2", "1")]


def test_a_missing_column_is_an_error_at_its_item(plain: Contract) -> None:
    reading = read(plain, b"A,C\n1,3\n")
    assert list_findings(reading) == [("tst.t.columns", "urn:lgdp:item:tst:b", None, "B")]
    assert rows(reading) == [(2, "1", None, "3")]


def test_a_repeated_column_is_an_error_and_keeps_its_cells(plain: Contract) -> None:
    reading = read(plain, b"A,B,C,b\n1,2,3,4\n")
    assert list_findings(reading) == [("tst.t.columns", "urn:lgdp:item:tst:b", None, "B")]
    assert json.loads(reading.tables["t"].collect()["_unmapped"][0]) == {"b": "4"}


def test_an_unknown_column_is_a_query_and_its_cells_are_kept(plain: Contract) -> None:
    reading = read(plain, b"A,B,C,Extra\n1,2,3,x\n4,5,6,\n")
    assert list_findings(reading) == [("tst.t.extra_columns", None, None, "Extra")]
    assert reading.findings["severity"].to_list() == ["query"]
    assert [text and json.loads(text) for text in reading.tables["t"].collect()["_unmapped"]] == [{"Extra": "x"}, None]


def test_columns_without_name_and_cells_are_ignored(plain: Contract) -> None:
    assert list_findings(read(plain, b"A,B,C,,\n1,2,3,,\n")) == []


def test_a_column_with_cells_and_no_name_is_reported_by_its_number(plain: Contract) -> None:
    reading = read(plain, b"A,B,C,\n1,2,3,x\n")
    assert list_findings(reading) == [("tst.t.extra_columns", None, None, "(column 4)")]
    assert json.loads(reading.tables["t"].collect()["_unmapped"][0]) == {"(column 4)": "x"}


def test_a_file_without_header_is_reported_once_and_its_first_row_is_not_repeated(plain: Contract) -> None:
    reading = read(plain, b"Jane Doe,2,3\nx,5,6\n")
    assert list_findings(reading) == [("tst.t.columns", None, None, None)]
    assert not any("Jane" in str(cell) for row in reading.findings.iter_rows() for cell in row)


def test_misshapen_rows_are_reported_by_row_and_keep_their_cells(plain: Contract) -> None:
    reading = read(plain, b"A,B,C\n1,2,3\n1,2\n\n1,2,3,secret\n")
    assert list_findings(reading) == [("tst.t.columns", None, 3, None), ("tst.t.columns", None, 5, None)]
    assert failed(reading) == {"tst.t.columns": 2}
    assert json.loads(reading.tables["t"].collect()["_unmapped"][2]) == {"(column 4)": "secret"}
    assert not any("secret" in message for message in reading.findings["message"])


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16", "utf-16-le"])
def test_the_declared_encoding_is_read(contract: Make, plain: Contract, encoding: str) -> None:
    declared = contract(*plain.tables, encoding=encoding)
    assert rows(read(declared, "A,B,C\nÉire,£5,\n".encode(encoding))) == [(2, "Éire", "£5", None)]


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("utf-8", b'A,B,C\n"x\ny",2,3\n1,\xff,3\n'),
        ("cp1252", b'A,B,C\n"x\ny",2,3\n1,\x81,3\n'),
        ("utf-8", b'A,B,C\n"x\ny",2,3\n1,\0,3\n'),
    ],
)
def test_undecodable_bytes_are_reported_by_row(contract: Make, plain: Contract, encoding: str, content: bytes) -> None:
    reading = read(contract(*plain.tables, encoding=encoding), content)
    assert list_findings(reading) == [("tst.readable", None, 3, None)]
    assert reading.tables == {}
    assert reading.unreadable_reason
    assert [(outcome.rule, outcome.result) for outcome in reading.outcomes] == [
        ("tst.readable", "failed"),
        ("tst.t.columns", "not_run"),
        ("tst.t.extra_columns", "not_run"),
    ]


def test_a_mark_of_another_encoding_is_believed(contract: Make, plain: Contract) -> None:
    reading = read(contract(*plain.tables, encoding="cp1252"), "A,B,C\n£,2,3\n".encode("utf-8-sig"))
    assert failed(reading) == {"tst.readable": 1}
    assert "UTF-8" in reading.findings["message"][0]


def test_an_empty_file_is_unreadable(plain: Contract) -> None:
    assert failed(read(plain, b"")) == {"tst.readable": 1}


@pytest.fixture
def two(item: Callable[..., Item], table: Callable[..., Table], contract: Make) -> Contract:
    """Return a contract with a file for each table, the second optional."""
    return contract(
        table("first", item("A"), file_pattern=r"first_.*\.csv"),
        table("second", item("B"), file_pattern=r"second_.*\.csv", optional=True),
    )


def test_files_find_their_table_by_name_or_by_the_source(two: Contract) -> None:
    by_name = [ExtractFile("second_1.csv", b"B\n2\n"), ExtractFile("first_1.csv", b"A\n1\n")]
    by_table = [ExtractFile("x", b"B\n2\n", "second"), ExtractFile("y", b"A\n1\n", "first")]
    for files in (by_name, by_table):
        reading = read_extract(two, files)
        assert rows(reading, "first", ["a"]) == [(2, "1")]
        assert rows(reading, "second", ["b"]) == [(2, "2")]


def test_an_optional_table_may_be_left_out(two: Contract) -> None:
    reading = read_extract(two, [ExtractFile("first_1.csv", b"A\n1\n")])
    assert set(reading.tables) == {"first"}
    assert failed(reading) == {}
    assert {o.rule for o in reading.outcomes if o.result is RuleResult.NOT_RUN} == {
        "tst.second.columns",
        "tst.second.extra_columns",
    }


def test_a_table_that_must_be_sent_and_is_not_is_an_error(two: Contract) -> None:
    reading = read_extract(two, [ExtractFile("second_1.csv", b"B\n2\n")])
    assert list_findings(reading) == [("tst.first.columns", None, None, None)]
    assert set(reading.tables) == {"second"}


@pytest.mark.parametrize(
    "files",
    [
        [ExtractFile("other.csv", b"A\n1\n")],
        [ExtractFile("x", b"A\n1\n", "third")],
        [ExtractFile("first_1.csv", b"A\n1\n"), ExtractFile("first_2.csv", b"A\n2\n")],
    ],
)
def test_files_that_are_for_no_table_or_for_one_twice_are_not_guessed(two: Contract, files: list[ExtractFile]) -> None:
    reading = read_extract(two, files)
    assert failed(reading) == {"tst.readable": 1}
    assert reading.tables == {}


def test_every_unreadable_file_is_reported(two: Contract) -> None:
    reading = read_extract(two, [ExtractFile("first_1.csv", b""), ExtractFile("second_1.csv", b"\xff")])
    assert failed(reading) == {"tst.readable": 2}


def test_a_first_row_of_data_is_not_repeated_though_a_cell_reads_like_a_header(plain: Contract) -> None:
    first = plain.tables[0].items[0].header
    reading = read(plain, f"{first},Ann Smith,EH1 1AA\n1,2,3\n".encode())

    findings_text = str(reading.findings.rows())
    assert "column 2" in findings_text
    assert "Smith" not in findings_text
    assert "EH1" not in findings_text
