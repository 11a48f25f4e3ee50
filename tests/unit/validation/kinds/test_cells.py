"""Rules about one cell: each kind passing, failing, at the border, with nulls and without rows."""

from dataclasses import replace

import pytest

from lgdp_pipelines.vocabulary.verdicts import RuleKind
from tests.support.rule_cases import (
    BOOLEAN,
    DATE,
    DIMENSION,
    INTEGER,
    KEY,
    LETTER,
    MEASURED,
    MONEY,
    NUMBER,
    TEXT,
    Case,
    Cases,
    Members,
    RuleFixture,
    add_options,
    flatten_cases,
)


def make_fixture(kind: RuleKind, item: Members, **facts: Members) -> RuleFixture:
    """Return a contract whose item ``a`` has the rule under test."""
    return RuleFixture(kind, {"k": KEY, "a": item, **facts}, f"a.{kind}", "A")


def make_measure_fixture(kind: RuleKind, item: Members) -> RuleFixture:
    """Return a contract whose measure ``a`` has the rule under test; ``*`` marks it withheld."""
    marked = {**item, **MEASURED, "lgdpMarks": {"*": "Q"}}
    return RuleFixture(kind, {"k": DIMENSION, "a": marked}, f"a.{kind}", "A")


K = RuleKind
COUNCIL = replace(make_fixture(K.COUNCIL, {**TEXT, "lgdpRole": "council"}), rule="a.council")
PERIOD = replace(make_fixture(K.PERIOD, {**TEXT, "lgdpRole": "period"}), rule="a.period")

CASES: Cases = {
    "council": (
        COUNCIL,
        (
            Case("passes", [["1", "Fife"], ["2", "FIF"], ["3", "250"]]),
            Case("fails", [["1", "Fife"], ["2", "Glasgow City"], ["3", "Atlantis"]], [3, 4]),
            Case("border", [["1", " fife council "], ["2", "S12000015"], ["3", "Fif"], ["4", "Fife1"]], [5]),
            Case("nulls", [["1", None], ["2", " "]]),
            Case("empty", []),
        ),
    ),
    "period": (
        PERIOD,
        (
            Case("passes", [["1", "2024-25"], ["2", "FY2024-25"], ["3", "2024/25"]]),
            Case("fails", [["1", "2023-24"], ["2", "soon"]], [2, 3]),
            Case("border", [["1", "2024-2025"], ["2", "2024-26"], ["3", "2024-25 "]], [3]),
            Case("nulls", [["1", None]]),
            Case("empty", []),
        ),
    ),
    "type integer": (
        make_fixture(K.TYPE, INTEGER),
        (
            Case("passes", [["1", "0"], ["2", "-17"], ["3", "00123"]]),
            Case("fails", [["1", "2.9"], ["2", "12E5"], ["3", "1,000"], ["4", "two"], ["5", "+1"]], [2, 3, 4, 5, 6]),
            Case(
                "border",
                [["1", "9223372036854775807"], ["2", "9223372036854775808"], ["3", " 5 "], ["4", "-0"], ["5", "5 5"]],
                [3, 6],
            ),
            Case("nulls", [["1", None], ["2", ""], ["3", "  "]]),
            Case("empty", []),
        ),
    ),
    "type number": (
        make_measure_fixture(K.TYPE, NUMBER),
        (
            Case("passes", [["1", "0.5"], ["2", "-1e3"], ["3", "7"]]),
            Case("fails", [["1", "1.2.3"], ["2", "NaN"], ["3", "0x10"], ["4", "½"]], [2, 3, 4, 5]),
            Case("border", [["1", "1e308"], ["2", "1e309"], ["3", ".5"], ["4", "5."]], [3, 4, 5]),
            Case("nulls", [["1", None], ["2", "*"], ["3", "**"]], [4]),
            Case("empty", []),
        ),
    ),
    "type decimal": (
        make_fixture(K.TYPE, MONEY),
        (
            Case("passes", [["1", "1234567.89"], ["2", "-0.01"]]),
            Case("fails", [["1", "12345678"], ["2", "1e3"], ["3", "1,50"]], [2, 3, 4]),
            Case("border", [["1", "9999999.99"], ["2", "0.001"], ["3", "0.010"]], [3]),
            Case("nulls", [["1", None]]),
            Case("empty", []),
        ),
    ),
    "type date": (
        make_fixture(K.TYPE, DATE),
        (
            Case("passes", [["1", "01/02/2024"]]),
            Case("fails", [["1", "2024-02-01"], ["2", "1/2/2024"], ["3", "31/04/2024"]], [2, 3, 4]),
            Case(
                "border", [["1", "29/02/2024"], ["2", "29/02/2023"], ["3", "29/02/1900"], ["4", "31/12/9999"]], [3, 4]
            ),
            Case("nulls", [["1", None], ["2", ""]]),
            Case("empty", []),
        ),
    ),
    "type boolean": (
        make_fixture(K.TYPE, BOOLEAN),
        (
            Case("passes", [["1", "true"], ["2", "false"]]),
            Case("fails", [["1", "yes"], ["2", "1"]], [2, 3]),
            Case("border", [["1", "TRUE"], ["2", " False"], ["3", "t"]], [4]),
            Case("nulls", [["1", None]]),
            Case("empty", []),
        ),
    ),
    "required": (
        make_fixture(K.REQUIRED, {**INTEGER, "required": True}),
        (
            Case("passes", [["1", "0"]]),
            Case("fails", [["1", None], ["2", "5"], ["3", ""]], [2, 4]),
            Case("border", [["1", " "], ["2", "\t"], ["3", " 0"]], [2, 3]),
            Case("nulls", [["1", None], ["2", None]], [2, 3]),
            Case("empty", []),
        ),
    ),
    "required of a measure": (
        make_measure_fixture(K.REQUIRED, {**INTEGER, "required": True}),
        (
            Case("passes", [["1", "0"]]),
            Case("fails", [["1", None]], [2]),
            Case("border", [["1", "*"], ["2", " * "]]),
            Case("nulls", [["1", None], ["2", ""]], [2, 3]),
            Case("empty", []),
        ),
    ),
    "codes": (
        make_fixture(K.CODES, LETTER),
        (
            Case("passes", [["1", "A"], ["2", "a"], ["3", " B "]]),
            Case("fails", [["1", "D"], ["2", "b"]], [2, 3]),
            Case("border", [["1", "C"], ["2", "AB"], ["3", "A1"]], [2, 3, 4]),
            Case("nulls", [["1", None], ["2", ""]]),
            Case("empty", []),
        ),
    ),
    "codes in a period that lies in their time": (
        replace(make_fixture(K.CODES, LETTER), period="FY2019-20"),
        (
            Case("passes", [["1", "C"]]),
            Case("fails", [["1", "D"]], [2]),
            Case("border", [["1", "c"]], [2]),
            Case("nulls", [["1", None]]),
            Case("empty", []),
        ),
    ),
    "codes on another item's day": (
        make_fixture(K.CODES, {**LETTER, "lgdpCodesOn": "d"}, d=DATE),
        (
            Case("passes", [["1", "A", "01/01/2024"], ["2", "C", "01/01/2019"], ["3", "a", None]]),
            Case("fails", [["1", "C", "01/01/2024"], ["2", "D", "01/01/2019"]], [2, 3]),
            Case("border", [["1", "C", "31/12/2020"], ["2", "C", "01/01/2021"]], [3]),
            Case("nulls", [["1", None, "01/01/2019"], ["2", "C", None], ["3", None, None]], [3]),
            Case("empty", []),
        ),
    ),
    "pattern": (
        make_fixture(K.PATTERN, add_options(TEXT, pattern="[A-Z]{2}[0-9]+")),
        (
            Case("passes", [["1", "AB1"], ["2", "ZZ999"]]),
            Case("fails", [["1", "A1"], ["2", "ab1"]], [2, 3]),
            Case(
                "border", [["1", "AB"], ["2", "AB1x"], ["3", "xAB1"], ["4", "AB1\nAB1"], ["5", "AB1 "]], [2, 3, 4, 5, 6]
            ),
            Case("nulls", [["1", None], ["2", " "]]),
            Case("empty", []),
        ),
    ),
    "length": (
        make_fixture(K.LENGTH, add_options(TEXT, minLength=2, maxLength=4)),
        (
            Case("passes", [["1", "abc"]]),
            Case("fails", [["1", "a"], ["2", "abcde"]], [2, 3]),
            Case("border", [["1", "ab"], ["2", "abcd"], ["3", "éèêë"], ["4", " a "]]),
            Case("nulls", [["1", None], ["2", ""]]),
            Case("empty", []),
        ),
    ),
    "range of whole numbers": (
        make_measure_fixture(K.RANGE, add_options(INTEGER, minimum=0, maximum=40)),
        (
            Case("passes", [["1", "7"]]),
            Case("fails", [["1", "-1"], ["2", "41"], ["3", "999"]], [2, 3, 4]),
            Case("border", [["1", "0"], ["2", "40"], ["3", "-0"]]),
            Case("nulls", [["1", None], ["2", "*"]]),
            Case("empty", []),
        ),
    ),
    "range of decimals, without its ends": (
        make_fixture(K.RANGE, add_options(MONEY, exclusiveMinimum=0, exclusiveMaximum=0.5)),
        (
            Case("passes", [["1", "0.25"]]),
            Case("fails", [["1", "-1"], ["2", "0.51"]], [2, 3]),
            Case("border", [["1", "0"], ["2", "0.50"], ["3", "0.01"], ["4", "0.49"]], [2, 3]),
            Case("nulls", [["1", None]]),
            Case("empty", []),
        ),
    ),
    "range of dates": (
        make_fixture(K.RANGE, add_options(DATE, minimum="2024-02-29", maximum="2024-12-31")),
        (
            Case("passes", [["1", "01/06/2024"]]),
            Case("fails", [["1", "01/01/1924"], ["2", "01/01/2042"]], [2, 3]),
            Case(
                "border", [["1", "28/02/2024"], ["2", "29/02/2024"], ["3", "31/12/2024"], ["4", "01/01/2025"]], [2, 5]
            ),
            Case("nulls", [["1", None]]),
            Case("empty", []),
        ),
    ),
    "multiple of whole numbers": (
        make_measure_fixture(K.MULTIPLE, add_options(INTEGER, multipleOf=5)),
        (
            Case("passes", [["1", "5"], ["2", "100"]]),
            Case("fails", [["1", "7"], ["2", "-3"]], [2, 3]),
            Case("border", [["1", "0"], ["2", "-5"], ["3", "9223372036854775805"], ["4", "9223372036854775807"]], [5]),
            Case("nulls", [["1", None], ["2", "*"]]),
            Case("empty", []),
        ),
    ),
    "multiple of decimals": (
        make_fixture(K.MULTIPLE, add_options(MONEY, multipleOf=0.25)),
        (
            Case("passes", [["1", "0.5"], ["2", "9999999.75"]]),
            Case("fails", [["1", "0.1"], ["2", "9999999.99"]], [2, 3]),
            Case("border", [["1", "0"], ["2", "-0.25"], ["3", "0.24"], ["4", "0.26"]], [4, 5]),
            Case("nulls", [["1", None]]),
            Case("empty", []),
        ),
    ),
    "multiple of doubles": (
        make_fixture(K.MULTIPLE, add_options(NUMBER, multipleOf=0.1)),
        (
            Case("passes", [["1", "0.3"], ["2", "1234567.8"]]),
            Case("fails", [["1", "0.35"], ["2", "1234567.85"]], [2, 3]),
            Case("border", [["1", "0"], ["2", "-0.7"], ["3", "0.30000000000000004"], ["4", "0.3001"]], [5]),
            Case("nulls", [["1", None]]),
            Case("empty", []),
        ),
    ),
}


@pytest.mark.parametrize(("fixture", "case"), flatten_cases(CASES))
def test_each_kind_reports_its_broken_rows_alone(fixture: RuleFixture, case: Case) -> None:
    assert fixture.find_broken_rows(case.rows) == list(case.broken_rows)


def test_a_code_with_an_unreadable_day_is_reported_once() -> None:
    fixture = replace(CASES["codes on another item's day"][0], other_broken_rules=frozenset({"tst.d.type"}))
    assert fixture.find_broken_rows([["1", "C", "31/02/2021"], ["2", "C", "01/01/2021"]]) == [3]


def test_a_number_out_of_range_does_not_also_break_its_multiple() -> None:
    measure_fixture = make_measure_fixture(K.MULTIPLE, add_options(INTEGER, multipleOf=5, maximum=10))
    assert replace(measure_fixture, other_broken_rules=frozenset({"tst.a.range"})).find_broken_rows(
        [["1", "13"], ["2", "8"]]
    ) == [3]
