"""Text parsed as values: strictly, with a finding for every other text."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lgdp_pipelines.register.model.table_model import ItemType, Role
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.periods import PeriodKind, financial_quarter
from lgdp_pipelines.vocabulary.value_formats import format_day
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity, Verdict
from tests.support.small_contract import (
    FIFE,
    MORAY,
    YEAR,
    list_findings,
    make_bench,
    make_item,
    make_item_bench,
    make_table,
)

INTEGER_BENCH = make_item_bench(make_item("n", ItemType.INTEGER))
DECIMAL_BENCH = make_item_bench(make_item("n", ItemType.DECIMAL, precision=7, scale=2))
FRACTION_BENCH = make_item_bench(make_item("n", ItemType.DECIMAL, precision=2, scale=2))
NUMBER_BENCH = make_item_bench(make_item("n", ItemType.NUMBER))
BOOLEAN_BENCH = make_item_bench(make_item("n", ItemType.BOOLEAN))
TEXT_BENCH = make_item_bench(make_item("n"))


@pytest.mark.parametrize(
    ("text", "value"),
    [("7", 7), ("-7", -7), ("007", 7), (" 7 ", 7), ("\u00a07\t", 7), ("0", 0), ("9223372036854775807", 2**63 - 1)],
)
def test_whole_numbers_are_read(text: str, value: int) -> None:
    assert INTEGER_BENCH.values([[text]], "n") == [value]
    assert INTEGER_BENCH.list_findings([[text]]) == []


@pytest.mark.parametrize(
    "text",
    [
        "2.9",
        "12E5",
        "7.0",
        "+7",
        "1,000",
        "1 000",
        "- 7",
        "--7",
        "0x10",
        "9223372036854775808",
        "nan",
        "x",
        "٣",
        "7\n8",
    ],
)
def test_other_texts_are_not_whole_numbers(text: str) -> None:
    assert INTEGER_BENCH.list_findings([["1"], [text]]) == [("tst.n.type", 3)]
    assert INTEGER_BENCH.values([["1"], [text]], "n") == [1, None]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", "1.00"), ("12345.67", "12345.67"), ("-0.1", "-0.10"), ("00012345.6700", "12345.67"), (" 5.5 ", "5.50")],
)
def test_decimals_are_read(text: str, value: str) -> None:
    assert DECIMAL_BENCH.values([[text]], "n") == [Decimal(value)]


@pytest.mark.parametrize("text", ["1.005", "123456.7", "1e2", ".5", "5.", "1,5", "£5", "NaN", ""])
def test_a_figure_finer_than_the_decimal_is_not_rounded(text: str) -> None:
    assert DECIMAL_BENCH.values([[text]], "n") == [None]
    assert DECIMAL_BENCH.list_findings([[text]]) == ([("tst.n.type", 2)] if text else [])


def test_a_decimal_may_have_no_whole_digits() -> None:
    assert FRACTION_BENCH.values([["0.25"], ["1.25"], ["0.255"]], "n") == [Decimal("0.25"), None, None]


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1.0), ("-2.5", -2.5), ("2.8E-4", 0.00028), ("1e+2", 100.0), ("00.5", 0.5)]
)
def test_numbers_are_read(text: str, value: float) -> None:
    assert NUMBER_BENCH.values([[text]], "n") == [value]


@pytest.mark.parametrize(
    "text", ["NaN", "nan", "inf", "-Infinity", "1e999", ".5", "5.", "1.5.2", "1,5", "1e", "NA", "0x1p3"]
)
def test_other_texts_are_not_numbers(text: str) -> None:
    assert NUMBER_BENCH.list_findings([[text]]) == [("tst.n.type", 2)]
    assert NUMBER_BENCH.values([[text]], "n") == [None]


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("FALSE", False), (" True ", True), ("yes", None), ("1", None), ("t", None), ("trueish", None)],
)
def test_booleans_are_read(text: str, value: bool | None) -> None:  # noqa: FBT001
    assert BOOLEAN_BENCH.values([[text]], "n") == [value]
    assert BOOLEAN_BENCH.list_findings([[text]]) == ([] if value is not None else [("tst.n.type", 2)])


@pytest.mark.parametrize("text", ["00123", "12E5", "nan", "NA", "Buchanan", " 7 ", "NULL"])
def test_text_is_kept_to_the_letter(text: str) -> None:
    assert TEXT_BENCH.values([[text], ["x"]], "n") == [text, "x"]
    # beside a blank cell, which is empty
    assert TEXT_BENCH.values([[text], ["  "]], "n") == [text, None]


FORMATS = {
    "ddMMyyyy": [
        "1012024",
        "31022024",
        "010120240",
        "01-01-2024",
        "01012O24",
        "00012024",
        "01130000",
        "32012024",
        "29022023",
    ],
    "yyyy-MM-dd": ["2024-1-1", "24-01-01", "2024-01-01T00:00", "20240101", "2024/01/01", "0000-01-01", "2024-02-30"],
    "dd/MM/yyyy": ["1/1/2024", "01/01/24", "2024/01/01", "01.01.2024", "30/02/2024"],
    "dd.MM.yyyy": ["01a01a2024", "1.1.2024"],
    "MM dd yyyy": ["13 01 2024", "01012024"],
}


@pytest.mark.parametrize(("date_format", "other_texts"), FORMATS.items())
def test_dates_are_spelt_exactly(date_format: str, other_texts: list[str]) -> None:
    bench = make_item_bench(make_item("n", ItemType.DATE, date_format=date_format))
    leap_day = date(2024, 2, 29)
    assert bench.values([[format_day(leap_day, date_format)], [f" {format_day(leap_day, date_format)} "]], "n") == [
        leap_day,
        leap_day,
    ]
    for text in other_texts:
        assert bench.list_findings([[text]]) == [("tst.n.type", 2)], text
        assert bench.values([[text]], "n") == [None]


@settings(deadline=None, max_examples=30)
@given(st.dates(date(1000, 1, 1), date(9999, 12, 31)), st.sampled_from(sorted(FORMATS)))
def test_every_day_reads_in_every_format(day: date, date_format: str) -> None:
    bench = make_item_bench(make_item("n", ItemType.DATE, date_format=date_format))
    day_before = day - timedelta(days=1) if day > date(1000, 1, 1) else day
    text = [format_day(day, date_format), format_day(day_before, date_format)]
    assert bench.values([[cell] for cell in text], "n") == [day, day_before]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(-(10**20), 10**20), min_size=1, max_size=5))
def test_whole_numbers_read_or_are_refused_but_never_change(numbers: list[int]) -> None:
    expected = [number if -(2**63) <= number < 2**63 else None for number in numbers]
    assert INTEGER_BENCH.values([[str(number)] for number in numbers], "n") == expected


@settings(deadline=None, max_examples=30)
@given(st.lists(st.decimals(-200_000, 200_000, places=3), min_size=1, max_size=5))
def test_decimals_read_or_are_refused_but_never_change(numbers: list[Decimal]) -> None:
    expected = [number if abs(number) < 100_000 and number == round(number, 2) else None for number in numbers]
    assert DECIMAL_BENCH.values([[format(number, "f")] for number in numbers], "n") == expected


MARKS = {"*": ObservationStatus.SUPPRESSED, "z": ObservationStatus.CANNOT_EXIST}
MEASURE_BENCH = make_item_bench(
    make_item("n", ItemType.INTEGER, role=Role.MEASURE, required=True, marks=MARKS),
    make_item("m", ItemType.NUMBER, role=Role.MEASURE),
)


def test_marks_are_answers_with_a_status() -> None:
    judgement = MEASURE_BENCH.judge([["5", "1"], ["*", ""], [" z ", None], ["", "1"], ["#", "x"]])
    frame = judgement.tables["t"].collect()
    assert frame["n"].to_list() == [5, None, None, None, None]
    assert frame["n_status"].to_list() == ["A", "Q", "M", "O", "O"]
    assert frame["m_status"].to_list() == ["A", "O", "O", "A", "O"]
    assert list_findings(judgement) == [("tst.n.required", 5), ("tst.n.type", 6), ("tst.m.type", 6)]
    assert frame.columns == ["n", "m", "n_status", "m_status", "_repairs", "_row"]


CODE_BENCH = make_item_bench(make_item("c", code_list="colours"))


def test_codes_and_their_aliases_become_the_stored_code() -> None:
    assert CODE_BENCH.values([["R"], ["red"], [" Rouge "], ["G"], [None], [""]], "c") == [
        "R",
        "R",
        "R",
        "G",
        None,
        None,
    ]
    assert CODE_BENCH.list_findings([["R"], ["red"], [" Rouge "], ["G"], [None], [""]]) == []


@pytest.mark.parametrize("text", ["r", "RED", "X", "2.9", "Red ish", "Redd"])
def test_unknown_codes_are_reported_and_never_guessed(text: str) -> None:
    assert CODE_BENCH.list_findings([["R"], [text]]) == [("tst.c.codes", 3)]


def test_a_code_is_withdrawn_as_of_the_last_day_of_the_period() -> None:
    bench = make_bench(make_table("t", [make_item("c", code_list="colours")]), kind=PeriodKind.FINANCIAL_QUARTER)
    assert list_findings(bench.judge([["B"]], period=financial_quarter(2024, 3))) == []
    assert list_findings(bench.judge([["B"]], period=financial_quarter(2024, 4))) == [("tst.c.codes", 2)]


def test_an_unknown_code_that_is_a_query_is_kept_as_sent() -> None:
    bench = make_item_bench(make_item("c", code_list="colours", severities={RuleKind.CODES: Severity.QUERY}))
    judgement = bench.judge([["X"], ["red"]])
    assert judgement.verdict is Verdict.QUERIED
    assert judgement.tables["t"].collect()["c"].to_list() == ["X", "R"]


IDENTITY_BENCH = make_item_bench(
    make_item("who", role=Role.COUNCIL, required=True), make_item("when", role=Role.PERIOD, required=True)
)


@pytest.mark.parametrize("spelling", ["FIF", "fife", "S12000047", "S12000015", "250", " kingdom  of FIFE ", "17"])
def test_every_spelling_of_the_council_becomes_its_code(spelling: str) -> None:
    judgement = IDENTITY_BENCH.judge([[spelling, "2024-25"]])
    assert list_findings(judgement) == []
    assert judgement.tables["t"].collect().row(0)[:2] == ("FIF", YEAR.id)


@pytest.mark.parametrize("spelling", ["Moray", "MRY", "300", "Fifeshire", "FI", "25"])
def test_a_claim_to_be_another_council_is_an_error(spelling: str) -> None:
    judgement = IDENTITY_BENCH.judge([["FIF", "2024-25"], [spelling, "2024-25"]])
    assert list_findings(judgement) == [("tst.who.council", 3)]
    assert judgement.verdict is Verdict.REJECTED
    assert list_findings(IDENTITY_BENCH.judge([["MRY", "2024-25"]], council=FIFE)) == [("tst.who.council", 2)]
    assert list_findings(IDENTITY_BENCH.judge([["MRY", "2024-25"]], council=MORAY)) == []


@pytest.mark.parametrize("spelling", ["FY2024-25", "2024/25", " 2024-2025 "])
def test_every_spelling_of_the_period_becomes_its_id(spelling: str) -> None:
    assert IDENTITY_BENCH.list_findings([["FIF", spelling]]) == []
    assert IDENTITY_BENCH.values([["FIF", spelling]], "when") == [YEAR.id]


@pytest.mark.parametrize("spelling", ["2023-24", "AY2024-25", "2024", "2024-26", "FY2024-25-Q1", "x"])
def test_another_period_is_an_error(spelling: str) -> None:
    assert IDENTITY_BENCH.list_findings([["FIF", spelling]]) == [("tst.when.period", 2)]


def test_an_empty_council_or_period_breaks_the_required_rule_alone() -> None:
    assert IDENTITY_BENCH.list_findings([["", None]]) == [("tst.who.required", 2), ("tst.when.required", 2)]


CELLS = st.one_of(
    st.sampled_from(["7", " 7", "*", "", " ", "R", "red", "x", "2024-01-01", "true", "0.5", "FIF", "2024-25"]),
    st.text("0123456789.-eE* R", max_size=6),
)
BENCH_OF_ALL_TYPES = make_item_bench(
    make_item("whole", ItemType.INTEGER, role=Role.MEASURE, marks=MARKS, required=True),
    make_item("money", ItemType.DECIMAL, precision=5, scale=2),
    make_item("number", ItemType.NUMBER),
    make_item("day", ItemType.DATE, date_format="yyyy-MM-dd"),
    make_item("truth", ItemType.BOOLEAN),
    make_item("text", required=True),
    make_item("code", code_list="colours"),
    make_item("who", role=Role.COUNCIL),
    make_item("when", role=Role.PERIOD),
)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(*[CELLS] * 9), min_size=1, max_size=4))
def test_the_value_of_a_cell_does_not_depend_on_its_neighbours(rows: list[tuple[str, ...]]) -> None:
    """Canonical columns take a faster path; rows judged one by one and all at once must give the same."""
    judgement_of_all = BENCH_OF_ALL_TYPES.judge(rows)
    judgements = [BENCH_OF_ALL_TYPES.judge([row]) for row in rows]
    assert judgement_of_all.tables["t"].collect().drop("_row").rows() == [
        judgement.tables["t"].collect().drop("_row").row(0) for judgement in judgements
    ]
    assert [rule for rule, _ in sorted(list_findings(judgement_of_all), key=lambda place: place[1] or 0)] == [
        rule for judgement in judgements for rule, _ in list_findings(judgement)
    ]


def test_columns_have_the_types_of_the_validated_table() -> None:
    frame = BENCH_OF_ALL_TYPES.judge([[None] * 9]).tables["t"].collect()
    assert frame.schema == pl.Schema(
        {
            "whole": pl.Int64,
            "money": pl.Decimal(5, 2),
            "number": pl.Float64,
            "day": pl.Date,
            "truth": pl.Boolean,
            "text": pl.String,
            "code": pl.String,
            "who": pl.String,
            "when": pl.String,
            "whole_status": pl.String,
            "_repairs": pl.String,
            "_row": pl.Int64,
        }
    )
