"""Rules over the cells of one row: each kind passing, failing, at the border, with nulls and without rows."""

from dataclasses import replace
from datetime import date

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
    flatten_cases,
    write_lgdp_rule,
    write_rule,
)

K = RuleKind


def make_answers_fixture(kind: RuleKind, when: object, **words: object) -> RuleFixture:
    """Return a contract that asks for ``a`` depending on ``b``, a letter, and ``c``, a date."""
    items = {"k": KEY, "a": TEXT, "b": LETTER, "c": DATE}
    return RuleFixture(kind, items, "r", "A", [write_lgdp_rule(kind, item="a", when=when, **words)])


def make_days_fixture(kind: RuleKind, column: str, **words: object) -> RuleFixture:
    """Return a contract of two dates ``a`` and ``b`` and a letter ``c``."""
    return RuleFixture(
        kind, {"k": KEY, "a": DATE, "b": DATE, "c": LETTER}, "r", column, [write_lgdp_rule(kind, **words)]
    )


def make_figures_fixture(item: Members, **words: object) -> RuleFixture:
    """Return a contract of a total ``n`` and its parts; ``*`` marks a withheld figure."""
    measure = {**item, **MEASURED, "lgdpMarks": {"*": "Q"}}
    items = {"k": DIMENSION, "n": measure, "a": measure, "b": measure, "c": measure}
    return RuleFixture(K.TOTAL, items, "r", "N", [write_lgdp_rule(K.TOTAL, item="n", of=["a", "b"], **words)])


CONDITIONS: Members = {"b": ["A", "B"], "c": "filled"}
MARKED: Members = {**INTEGER, **MEASURED, "lgdpMarks": {"*": "Q", "?": "O"}}

CASES: Cases = {
    "required when": (
        make_answers_fixture(K.REQUIRED_WHEN, CONDITIONS),
        (
            Case("passes", [["1", "x", "A", "01/01/2024"], ["2", None, "A", None], ["3", "x", None, None]]),
            Case("fails", [["1", None, "A", "01/01/2024"], ["2", " ", "B", "01/01/2024"]], [2, 3]),
            Case("border", [["1", None, "a", "01/01/2024"], ["2", "x", "A", None]], [2]),
            Case("nulls", [["1", None, None, "01/01/2024"], ["2", None, "A", None], ["3", None, None, None]]),
            Case("empty", []),
        ),
    ),
    "required when and only then": (
        make_answers_fixture(K.REQUIRED_WHEN, {"b": ["A"]}, onlyThen=True),
        (
            Case("passes", [["1", "x", "A", None], ["2", None, "B", None]]),
            Case("fails", [["1", None, "A", None], ["2", "x", "B", None]], [2, 3]),
            Case("border", [["1", "x", "a", None], ["2", " ", "B", None]]),
            Case("nulls", [["1", "x", None, None], ["2", None, None, None]], [2]),
            Case("empty", []),
        ),
    ),
    "required when a cell is empty, or another is none of some codes": (
        make_answers_fixture(K.REQUIRED_WHEN, {"c": "empty", "b": {"not": ["A"]}}),
        (
            Case("passes", [["1", "x", "B", None], ["2", None, "A", None], ["3", None, "B", "01/01/2024"]]),
            Case("fails", [["1", None, "B", None]], [2]),
            Case("border", [["1", None, "a", None]]),
            Case("nulls", [["1", None, None, None]]),
            Case("empty", []),
        ),
    ),
    "empty unless": (
        make_answers_fixture(K.EMPTY_UNLESS, {"b": ["A"]}),
        (
            Case("passes", [["1", "x", "A", None], ["2", None, "A", None], ["3", None, "B", None]]),
            Case("fails", [["1", "x", "B", None]], [2]),
            Case("border", [["1", "x", "a", None], ["2", " ", "B", None]]),
            Case("nulls", [["1", "x", None, None], ["2", None, None, None]], [2]),
            Case("empty", []),
        ),
    ),
    "in order": (
        make_days_fixture(K.IN_ORDER, "B", first="a", then="b"),
        (
            Case("passes", [["1", "01/01/2024", "02/01/2024", None]]),
            Case("fails", [["1", "02/01/2024", "01/01/2024", None], ["2", "01/01/2024", "31/12/2023", None]], [2, 3]),
            Case("border", [["1", "01/01/2024", "01/01/2024", None]]),
            Case("nulls", [["1", None, "01/01/2024", None], ["2", "01/01/2024", None, None], ["3", None, None, None]]),
            Case("empty", []),
        ),
    ),
    "strictly in order, of some rows": (
        make_days_fixture(K.IN_ORDER, "B", first="a", then="b", strictly=True, when={"c": ["A"]}),
        (
            Case("passes", [["1", "01/01/2024", "02/01/2024", "A"], ["2", "02/01/2024", "01/01/2024", "B"]]),
            Case("fails", [["1", "02/01/2024", "01/01/2024", "A"]], [2]),
            Case("border", [["1", "01/01/2024", "01/01/2024", "A"]], [2]),
            Case("nulls", [["1", "02/01/2024", "01/01/2024", None]]),
            Case("empty", []),
        ),
    ),
    "figures in order": (
        RuleFixture(
            K.IN_ORDER,
            {"k": DIMENSION, "a": {**INTEGER, **MEASURED}, "b": {**MONEY, **MEASURED}},
            "r",
            "B",
            [write_lgdp_rule(K.IN_ORDER, first="a", then="b")],
        ),
        (
            Case("passes", [["1", "1", "1.01"]]),
            Case("fails", [["1", "1", "0.99"], ["2", "0", "-5"]], [2, 3]),
            Case("border", [["1", "1", "1.00"]]),
            Case("nulls", [["1", None, "0"], ["2", "1", None]]),
            Case("empty", []),
        ),
    ),
    "not in the future": (
        replace(make_days_fixture(K.NOT_IN_FUTURE, "A", item="a"), received_on=date(2025, 4, 20)),
        (
            Case("passes", [["1", "01/01/2024", None, None]]),
            Case("fails", [["1", "01/01/2026", None, None]], [2]),
            Case("border", [["1", "20/04/2025", None, None], ["2", "21/04/2025", None, None]], [3]),
            Case("nulls", [["1", None, None, None]]),
            Case("empty", []),
        ),
    ),
    "in the period": (
        make_days_fixture(K.IN_PERIOD, "A", item="a"),
        (
            Case("passes", [["1", "01/01/2025", None, None]]),
            Case("fails", [["1", "01/01/2024", None, None], ["2", "01/01/2026", None, None]], [2, 3]),
            Case("border", [[day, day, None, None] for day in ("31/03/2024", "01/04/2024", "31/03/2025", "01/04/2025")],
                 [2, 5]),
            Case("nulls", [["1", None, None, None]]),
            Case("empty", []),
        ),
    ),
    "no later than the period": (
        make_days_fixture(K.IN_PERIOD, "A", item="a", ends=["last"]),
        (
            Case("passes", [["1", "01/01/1999", None, None]]),
            Case("fails", [["1", "01/01/2026", None, None]], [2]),
            Case("border", [["1", "31/03/2025", None, None], ["2", "01/04/2025", None, None]], [3]),
            Case("nulls", [["1", None, None, None]]),
            Case("empty", []),
        ),
    ),
    "no earlier than the period, of some rows": (
        make_days_fixture(K.IN_PERIOD, "A", item="a", ends=["first"], when={"b": "filled"}),
        (
            Case("passes", [["1", "01/01/2099", "01/01/2024", None]]),
            Case("fails", [["1", "01/01/1999", "01/01/2024", None]], [2]),
            Case("border", [["1", "01/04/2024", "01/01/2024", None], ["2", "31/03/2024", "01/01/2024", None]], [3]),
            Case("nulls", [["1", "01/01/1999", None, None]]),
            Case("empty", []),
        ),
    ),
    "total": (
        make_figures_fixture(INTEGER),
        (
            Case("passes", [["1", "3", "1", "2", "99"], ["2", "0", "-1", "1", None]]),
            Case("fails", [["1", "4", "1", "2", None], ["2", "2", "1", "2", None]], [2, 3]),
            Case(
                "border",
                [
                    ["1", "9223372036854775807", "9223372036854775806", "1", None],
                    ["2", "9223372036854775806", "9223372036854775806", "1", None],
                    ["3", "-1", "9223372036854775807", "9223372036854775807", None],
                ],
                [3, 4],
            ),
            Case("nulls", [["1", "4", None, "2", None], ["2", None, "1", "2", None], ["3", "9", "*", "2", None]]),
            Case("empty", []),
        ),
    ),
    "total with a tolerance, less something, of what is there": (
        make_figures_fixture(MONEY, less=["c"], tolerance=0.5, absent="zero"),
        (
            Case("passes", [["1", "3.00", "1.10", "2.10", "0.20"]]),
            Case("fails", [["1", "3.00", "1.10", "2.10", "0.71"], ["2", "0", "1", "1", "0"]], [2, 3]),
            Case("border", [["1", "0.50", "0.40", "0.60", None], ["2", "0.49", "0.40", "0.60", None]], [3]),
            Case("nulls", [["1", "3", None, "3", None], ["2", "9", None, "3", "*"], ["3", None, "1", "1", "1"]], [3]),
            Case("empty", []),
        ),
    ),
    "total of doubles within a percentage": (
        make_figures_fixture(NUMBER, tolerancePct=1, tolerance=0.5),
        (
            Case("passes", [["1", "0.3", "0.1", "0.2", None], ["2", "1000", "500", "505", None]]),
            Case("fails", [["1", "1000", "500", "511", None], ["2", "1", "1", "1", None]], [2, 3]),
            Case("border", [["1", "1000", "500", "510", None], ["2", "10", "5", "5.5", None]]),
            Case("nulls", [["1", "9", "*", None, None]]),
            Case("empty", []),
        ),
    ),
    "total of doubles, exactly": (
        make_figures_fixture(NUMBER),
        (
            Case("passes", [["1", "0.3", "0.1", "0.2", None]]),
            Case("fails", [["1", "0.31", "0.1", "0.2", None]], [2]),
            Case("border", [["1", "1e15", "999999999999999", "1", None], ["2", "100.0001", "100", "0", None]], [3]),
            Case("nulls", [["1", "1", None, "5", None]]),
            Case("empty", []),
        ),
    ),
    "nulls, none": (
        RuleFixture(
            K.NULLS,
            {"k": DIMENSION, "a": {**MARKED, "quality": [write_rule(metric="nullValues", mustBe=0)]}},
            "r",
            "A",
        ),
        (
            Case("passes", [["1", "0"]]),
            Case("fails", [["1", None], ["2", "5"], ["3", " "]], [2, 4]),
            Case("border", [["1", "*"], ["2", "?"]], [3]),
            Case("nulls", [["1", None], ["2", None]], [2, 3]),
            Case("empty", []),
        ),
    ),
    "nulls, of half the rows at most": (
        RuleFixture(
            K.NULLS,
            {"k": KEY, "a": {**BOOLEAN, "quality": [
                write_rule(metric="nullValues", mustBeLessOrEqualTo=50, unit="percent")]}},
            "r",
            "A",
        ),
        (
            Case("passes", [["1", "true"], ["2", "true"], ["3", None]]),
            Case("fails", [["1", "true"], ["2", None], ["3", None]], [None]),
            Case("border", [["1", "true"], ["2", None]]),
            Case("nulls", [["1", None]], [None]),
            Case("empty", []),
        ),
    ),
    "nulls, between two and three": (
        RuleFixture(
            K.NULLS,
            {"k": KEY, "a": {**TEXT, "quality": [write_rule(metric="nullValues", mustBeBetween=[2, 3], unit="rows")]}},
            "r",
            "A",
        ),
        (
            Case("passes", [["1", None], ["2", None]]),
            Case("fails", [["1", None], ["2", "x"]], [None]),
            Case("border", [[str(number), None] for number in range(4)], [None]),
            Case("nulls", [[str(number), None] for number in range(3)]),
            Case("empty", []),
        ),
    ),
    "SQL": (
        RuleFixture(
            K.SQL,
            {"k": KEY, "a": INTEGER, "b": INTEGER},
            "r",
            "A",
            [write_rule(type="sql", query="SELECT count(*) FROM {model} WHERE a > b", mustBe=0,
                     customProperties=[{"property": "lgdpItems", "value": ["a", "b"]}])],
        ),
        (
            Case("passes", [["1", "1", "2"]]),
            Case("fails", [["1", "3", "2"], ["2", "-1", "-2"]], [2, 3]),
            Case("border", [["1", "2", "2"]]),
            Case("nulls", [["1", None, "2"], ["2", "3", None]]),
            Case("empty", []),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fixture", "case"), flatten_cases(CASES))
def test_each_kind_reports_its_broken_rows_alone(fixture: RuleFixture, case: Case) -> None:
    assert fixture.find_broken_rows(case.rows) == list(case.broken_rows)


def test_a_row_with_a_cell_in_error_does_not_break_the_rule() -> None:
    order_fixture = replace(CASES["in order"][0], other_broken_rules=frozenset({"tst.a.type"}))
    assert order_fixture.find_broken_rows(
        [["1", "99/01/2024", "01/01/2023", None], ["2", "01/01/2024", "01/01/2023", None]]
    ) == [3]
    required_fixture = replace(CASES["required when"][0], other_broken_rules=frozenset({"tst.b.codes"}))
    assert required_fixture.find_broken_rows([["1", None, "Z", "01/01/2024"], ["2", None, "A", "01/01/2024"]]) == [3]


def test_items_may_be_named_as_sql_keywords() -> None:
    items = {"order": KEY, "group": DATE, "select": DATE}
    fixture = RuleFixture(K.IN_ORDER, items, "r", "SELECT", [write_lgdp_rule(K.IN_ORDER, first="group", then="select")])
    assert fixture.find_broken_rows([["1", "02/01/2024", "01/01/2024"]]) == [2]


def test_a_text_in_a_condition_is_never_run_as_sql() -> None:
    fixture = make_answers_fixture(K.REQUIRED_WHEN, {"k": ["x' OR '1'='1", "\\"]})
    assert fixture.find_broken_rows([["1", None, None, None], ["x' OR '1'='1", None, None, None]]) == [3]
