"""A JSON extract read into tables of text."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.extract_format import FileFormat
from lgdp_pipelines.register.model.table_model import Item, ItemType, Table
from lgdp_pipelines.vocabulary.verdicts import RuleResult

Make = Callable[..., Contract]


def read(contract: Contract, *texts: str) -> Reading:
    return read_extract(contract, [ExtractFile(f"page{n}.json", text.encode()) for n, text in enumerate(texts)])


def list_findings(reading: Reading) -> list[tuple[object, ...]]:
    return list(reading.findings.select("rule", "item", "row", "column").iter_rows())


def failed(reading: Reading) -> dict[str, int]:
    return {outcome.rule: outcome.failed for outcome in reading.outcomes if outcome.result is RuleResult.FAILED}


@pytest.fixture(scope="module")
def sheets(item: Callable[..., Item], table: Callable[..., Table], contract: Make) -> Contract:
    """Return a JSON contract of a list with keys A, B and C."""
    return contract(table("t", item("A", required=True), item("B"), item("C")), format=FileFormat.JSON)


def test_numbers_keep_their_token_and_text_its_letters(sheets: Contract) -> None:
    text = '[{"A": 00, "B": 1, "C": 2}]'.replace("00", "2.8318148239349914E-4")
    reading = read(
        sheets, text, '[{"A": 12345678901234567890123, "B": NaN, "C": 1.0}]', '[{"A": "nan", "B": " 7 ", "C": "00123"}]'
    )
    assert list(reading.tables["t"].collect().drop("_unmapped").iter_rows()) == [
        ("2.8318148239349914E-4", "1", "2", 1),
        ("12345678901234567890123", "NaN", "1.0", 2),
        ("nan", " 7 ", "00123", 3),
    ]


def test_null_missing_and_empty_are_empty_and_truth_is_a_word(sheets: Contract) -> None:
    reading = read(sheets, '[{"A": true, "B": null, "C": ""}, {"A": false}]')
    assert list(reading.tables["t"].collect().drop("_unmapped").iter_rows()) == [
        ("true", None, None, 1),
        ("false", None, None, 2),
    ]
    assert list_findings(reading) == []


def test_pages_follow_each_other_and_records_find_their_table(pages: Contract) -> None:
    first = '{"data": {"rows": [{"A": 1, "B": 2}, {"A": 3, "C": 4}]}, "next": "x"}'
    second = '{"data": {"rows": [{"A": 5, "b": 6}]}}'
    reading = read(pages, f"{first}\n{second}\n")
    assert list(reading.tables["first"].collect().drop("_unmapped").iter_rows()) == [("1", "2", 1), ("5", "6", 3)]
    assert list(reading.tables["second"].collect().drop("_unmapped").iter_rows()) == [("3", "4", 2)]
    assert list_findings(reading) == []


def test_a_record_of_no_table_or_of_two_is_reported_by_row(pages: Contract) -> None:
    reading = read(pages, '{"data": {"rows": [{"A": 1}, {"A": 1, "B": 2, "C": 3}, {"A": 1, "B": 2}, 7]}}')
    assert list_findings(reading) == [("tst.readable", None, row, None) for row in (1, 2, 4)]
    assert reading.tables["first"].height == 1
    assert reading.unreadable_reason is None


def test_a_key_that_no_record_has_is_missing_only_where_it_is_required(sheets: Contract) -> None:
    assert list_findings(read(sheets, '[{"B": 1}]')) == [("tst.t.columns", "urn:lgdp:item:tst:a", None, "A")]
    assert list_findings(read(sheets, '[{"A": 1}]')) == []
    assert list_findings(read(sheets, "[]")) == [("tst.readable", None, None, None)]


def test_unknown_keys_are_a_query_and_their_cells_are_kept(sheets: Contract) -> None:
    reading = read(sheets, '[{"A": 1, "X": "y", "Z": null}, {"A": 2}]')
    assert list_findings(reading) == [
        ("tst.t.extra_columns", None, None, "X"),
        ("tst.t.extra_columns", None, None, "Z"),
    ]
    assert [text and json.loads(text) for text in reading.tables["t"].collect()["_unmapped"]] == [
        {"X": "y", "Z": None},
        None,
    ]


@pytest.mark.parametrize("record", ['{"A": 1, "A": 2}', '{"A": 1, "a": 2}'])
def test_a_repeated_key_in_a_record_is_reported_by_row(sheets: Contract, record: str) -> None:
    reading = read(sheets, f'[{{"A": 0}}, {record}]')
    assert list_findings(reading) == [("tst.t.columns", "urn:lgdp:item:tst:a", 2, "A")]


def test_a_repeated_unknown_key_in_a_record_is_reported_by_row(sheets: Contract) -> None:
    assert ("tst.t.columns", None, 1, None) in list_findings(read(sheets, '[{"A": 1, "X": 2, "X": 3}]'))


def test_a_nested_value_in_a_text_is_reported_and_kept_as_json(sheets: Contract) -> None:
    reading = read(sheets, '[{"A": {"é": [true]}}, {"A": 2}]')
    assert list_findings(reading) == [("tst.t.columns", "urn:lgdp:item:tst:a", 1, "A")]
    assert json.loads(reading.tables["t"].collect()["a"][0]) == {"é": [True]}


def test_a_nested_value_elsewhere_is_left_to_its_type(
    item: Callable[..., Item], table: Callable[..., Table], contract: Make
) -> None:
    numbers = contract(table("t", item("A", type=ItemType.INTEGER)), format=FileFormat.JSON)
    assert list_findings(read(numbers, '[{"A": [1]}]')) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "{",
        '{"A": 1}',
        '"text"',
        "[1,]",
        "[" * 100_000,
        '{"a":' * 100_000,
        "[{'A': 1}]",
        '[{"A": "\t"}]',
        "[] x",
    ],
)
def test_content_without_a_json_list_is_unreadable(sheets: Contract, text: str) -> None:
    reading = read(sheets, text)
    assert failed(reading) == {"tst.readable": 1}
    assert reading.unreadable_reason


@pytest.mark.parametrize("depth", [100, 400, 700, 900, 2_000, 9_000, 200_000])
def test_no_depth_of_nesting_is_a_crash(sheets: Contract, depth: int) -> None:
    reading = read(sheets, '[{"A": ' + "[" * depth + '"\\u0041\\u0000"' + "]" * depth + "}]")
    assert set(failed(reading)) == {"tst.readable"}


@pytest.mark.parametrize("escape", ["\\ud800", "\\udC00", "\\u0000"])
def test_an_escape_without_a_character_is_reported_by_row(sheets: Contract, escape: str) -> None:
    assert list_findings(read(sheets, f'[{{"A": "\\ud83d\\ude00"}}, {{"A": "{escape}"}}]')) == [
        ("tst.readable", None, 2, None)
    ]


def test_an_escaped_backslash_before_u0000_is_a_text(sheets: Contract) -> None:
    assert read(sheets, '[{"A": "\\\\u0000"}]').tables["t"].collect()["a"].to_list() == ["\\u0000"]


def test_undecodable_bytes_are_reported_by_line(sheets: Contract) -> None:
    reading = read_extract(sheets, [ExtractFile("x", b'[{"A": 1},\n{"A": "\xff"}]')])
    assert failed(reading) == {"tst.readable": 1}
    assert "Line 2" in reading.findings["message"][0]


CELL = st.one_of(
    st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6), st.integers(), st.booleans()
)
RECORD = st.fixed_dictionaries({}, optional={"A": CELL, "B": CELL, "C": CELL})


@given(st.lists(st.lists(RECORD, max_size=5), min_size=1, max_size=4), st.sampled_from([True, False]))
def test_any_records_are_read_cell_for_cell(
    sheets: Contract, drawn: list[list[dict[str, object]]], ascii_only: object
) -> None:
    reading = read(sheets, "\n".join(json.dumps(page, ensure_ascii=bool(ascii_only)) for page in drawn))

    def text(value: object) -> str | None:
        return (
            ("true" if value else "false") if isinstance(value, bool) else None if value in {None, ""} else str(value)
        )

    records = [record for page in drawn for record in page]
    assert list(reading.tables["t"].collect().select("_row", "a", "b", "c").iter_rows()) == [
        (row, *(text(record.get(key)) for key in "ABC")) for row, record in enumerate(records, start=1)
    ]
