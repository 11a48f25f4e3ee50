"""Rules over rows and tables: each kind passing, failing, at the border, with nulls and without rows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleKind, RuleResult
from tests.support.rule_cases import (
    DATE,
    DIMENSION,
    INTEGER,
    KEY,
    LETTER,
    MEASURED,
    MONEY,
    TABLE,
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
FIGURE: Members = {**INTEGER, **MEASURED, "lgdpMarks": {"*": "Q"}}


def make_row_count_fixture(**words: object) -> RuleFixture:
    """Return a contract of a table that must have a number of rows."""
    return RuleFixture(K.ROW_COUNT, {"k": KEY}, "r", "", [write_rule(metric="rowCount", **words)])


def make_rows(rows: int) -> list[list[str | None]]:
    """Return a number of rows with different keys."""
    return [[str(number)] for number in range(rows)]


def make_rows_per_fixture(**words: object) -> RuleFixture:
    """Return a contract that asks for a number of rows of each ``a``."""
    return RuleFixture(
        K.ROWS_PER, {"k": KEY, "a": TEXT, "b": LETTER}, "r", "A", [write_lgdp_rule(K.ROWS_PER, by=["a"], **words)]
    )


def make_complete_fixture(column: str, **words: object) -> RuleFixture:
    """Return a contract of a figure by ``a``, a text, and ``b``, a letter."""
    items = {"a": DIMENSION, "b": {**DIMENSION, **LETTER}, "n": FIGURE}
    return RuleFixture(K.COMPLETE, items, "r", column, [write_lgdp_rule(K.COMPLETE, **words)])


def make_control_fixture(other_tables: Mapping[str, Mapping[str, Members]], **words: object) -> RuleFixture:
    """Return a contract of a figure ``n`` by line ``k``."""
    rule = write_lgdp_rule(K.CONTROL, item="n", **words)
    return RuleFixture(K.CONTROL, {"k": DIMENSION, "n": FIGURE}, "r", "N", [rule], other_tables=other_tables)


def find_earlier_rows(_period: Period, _table: Table) -> ChunkedFrame:
    """Return the rows of the period before: 100 of x, 0 of y, no figure of z."""
    return ChunkedFrame.from_frames(pl.DataFrame({"k": ["x", "y", "z"], "n": [100, 0, None]}))


FORM = {"form": {"line": DIMENSION, "part": {**DIMENSION, **LETTER}, "m": FIGURE}}
CONTROL = make_control_fixture(FORM, of={"table": "form", "item": "m"}, by={"k": "line"})
OWN_TOTAL = make_control_fixture(
    {}, when={"k": ["T"]}, of={"table": "t", "item": "n", "when": {"k": {"not": ["T"]}}}, tolerance=1, absent="zero"
)
EARLIER = RuleFixture(
    K.EARLIER_PERIOD,
    {"k": DIMENSION, "n": FIGURE},
    "r",
    "N",
    [write_lgdp_rule(K.EARLIER_PERIOD, item="n", by=["k"], fallPct=10, risePct=50, floor=5)],
    valid_from="FY2020-21",
    arguments={"prior_rows": find_earlier_rows},
)
REFERENCE = RuleFixture(
    K.RELATIONSHIP,
    {"k": KEY, "a": {**TEXT, "relationships": [{"to": "u.ref"}]}},
    "a.relationship",
    "A",
    other_tables={"u": {"ref": KEY}},
)
COMPOSITE_REFERENCE = RuleFixture(
    K.RELATIONSHIP,
    {"k": KEY, "a": TEXT, "d": DATE},
    "r",
    "A",
    table={"relationships": [{"id": "r", "from": ["t.a", "t.d"], "to": ["u.ref", "u.day"]}]},
    other_tables={"u": {"ref": KEY, "day": DATE}},
)

CASES: Cases = {
    "key": (
        RuleFixture(K.KEY, {"k": KEY, "l": {**DATE, "required": True, "primaryKey": True}}, "t.key", "K"),
        (
            Case("passes", [["1", "01/01/2024"], ["2", "01/01/2024"], ["1", "02/01/2024"]]),
            Case("fails", [["1", "01/01/2024"], ["1", "01/01/2024"], ["1", "01/01/2024"]], [3, 4]),
            Case("border", [["a", "01/01/2024"], ["A", "01/01/2024"], ["a ", "01/01/2024"]]),
            Case("empty", []),
        ),
    ),
    "key with nulls": (
        RuleFixture(
            K.KEY, {"k": KEY, "l": {**DATE, "required": True, "primaryKey": True}}, "t.key", "K",
            other_broken_rules=frozenset({"tst.l.required"}),
        ),
        (Case("nulls", [["1", None], ["1", None]]),),
    ),
    "unique": (
        RuleFixture(K.UNIQUE, {"k": KEY, "a": {**INTEGER, "unique": True}}, "a.unique", "A"),
        (
            Case("passes", [["1", "1"], ["2", "2"]]),
            Case("fails", [["1", "1"], ["2", "2"], ["3", "1"], ["4", "1"]], [4, 5]),
            Case("border", [["1", "1"], ["2", "01"], ["3", "-1"]], [3]),
            Case("nulls", [["1", None], ["2", None], ["3", ""]]),
            Case("empty", []),
        ),
    ),
    "unique together": (
        RuleFixture(
            K.UNIQUE,
            {"k": KEY, "a": TEXT, "b": LETTER},
            "r",
            "A",
            [write_rule(metric="duplicateValues", mustBe=0, arguments={"properties": ["a", "b"]})],
        ),
        (
            Case("passes", [["1", "x", "A"], ["2", "x", "B"], ["3", "y", "A"]]),
            Case("fails", [["1", "x", "A"], ["2", "y", "B"], ["3", "x", "A"]], [4]),
            Case("border", [["1", "x", "A"], ["2", "x", "a"], ["3", "X", "A"]], [3]),
            Case("nulls", [["1", "x", None], ["2", "x", None], ["3", None, None], ["4", None, None]]),
            Case("empty", []),
        ),
    ),
    "relationship": (
        REFERENCE,
        (
            Case("passes", {"t": [["1", "x"], ["2", "x"]], "u": [["x"], ["y"]]}),
            Case("fails", {"t": [["1", "x"], ["2", "w"], ["3", "v"]], "u": [["x"]]}, [3, 4]),
            Case("border", {"t": [["1", "X"], ["2", "x "]], "u": [["x"]]}, [2, 3]),
            Case("nulls", {"t": [["1", None], ["2", " "]], "u": []}),
            Case("empty", {"t": [], "u": [["x"]]}),
            Case("refers to an empty table", {"t": [["1", "x"]], "u": []}, [2]),
        ),
    ),
    "relationship of two items": (
        COMPOSITE_REFERENCE,
        (
            Case("passes", {"t": [["1", "x", "01/01/2024"]], "u": [["x", "01/01/2024"]]}),
            Case("fails", {"t": [["1", "x", "02/01/2024"], ["2", "y", "01/01/2024"]], "u": [["x", "01/01/2024"]]},
                 [2, 3]),
            Case("border", {"t": [["1", "x", "01/01/2024"]], "u": [["x", None]]}, [2]),
            Case("nulls", {"t": [["1", None, "02/01/2024"], ["2", "x", None]], "u": []}),
            Case("empty", {"t": [], "u": []}),
        ),
    ),
    "relationship within a table": (
        RuleFixture(
            K.RELATIONSHIP, {"k": KEY, "a": {**TEXT, "relationships": [{"to": "t.k"}]}}, "a.relationship", "A"
        ),
        (
            Case("passes", [["1", "2"], ["2", "1"]]),
            Case("fails", [["1", "3"]], [2]),
            Case("border", [["1", "1"]]),
            Case("nulls", [["1", None]]),
            Case("empty", []),
        ),
    ),
    "at least so many rows": (
        make_row_count_fixture(mustBeGreaterOrEqualTo=2),
        (
            Case("passes", make_rows(3)),
            Case("fails", make_rows(1), [TABLE]),
            Case("border", make_rows(2)),
            Case("empty", [], [TABLE]),
        ),
    ),
    "rows that say nothing are rows": (
        replace(make_row_count_fixture(mustBe=2), other_broken_rules=frozenset({"tst.k.required"})),
        (Case("nulls", [[None], [""]]), Case("nulls, too many of them", [[None], [""], [" "]], [TABLE])),
    ),
    "between so many and so many rows": (
        make_row_count_fixture(mustBeBetween=[1, 2]),
        (
            Case("passes", make_rows(1)),
            Case("fails", make_rows(3), [TABLE]),
            Case("border", make_rows(2)),
            Case("empty", [], [TABLE]),
        ),
    ),
    "more rows than so many": (
        make_row_count_fixture(mustBeGreaterThan=1),
        (Case("passes", make_rows(2)), Case("border", make_rows(1), [TABLE]), Case("fails", make_rows(0), [TABLE])),
    ),
    "rows per group": (
        make_rows_per_fixture(atLeast=2, atMost=3),
        (
            Case("passes", [["1", "x", "A"], ["2", "y", "A"], ["3", "x", "A"], ["4", "y", "A"]]),
            Case("fails", [["1", "x", "A"], ["2", "y", "A"], ["3", "x", "A"], *[[n, "z", "A"] for n in "45678"]],
                 [3, 8, 9]),
            Case("border", [["1", "x", "A"], ["2", "x", "A"], ["3", "x", "A"], ["4", "x", "A"]], [5]),
            Case("nulls", [["1", None, "A"], ["2", " ", "A"]]),
            Case("empty", []),
        ),
    ),
    "just one row of a kind in each group": (
        make_rows_per_fixture(atLeast=1, atMost=1, when={"b": ["A"]}),
        (
            Case("passes", [["1", "x", "B"], ["2", "x", "A"], ["3", "y", "A"]]),
            Case("fails", [["1", "x", "B"], ["2", "y", "A"], ["3", "y", "B"], ["4", "y", "A"]], [2, 5]),
            Case("border", [["1", "x", "a"]]),
            Case("nulls", [["1", "x", None], ["2", "x", None], ["3", None, "B"]], [2]),
            Case("empty", []),
        ),
    ),
    "complete over the codes of a list": (
        make_complete_fixture("B", over=["b"], by=["a"]),
        (
            Case("passes", [["x", "A", "1"], ["x", "B", None], ["y", "B", "1"], ["y", "a", "1"]]),
            Case("fails", [["x", "A", "1"], ["y", "A", "1"], ["x", "B", "1"]], [3]),
            Case("border", [["x", "A", "0"]], [2]),
            Case("empty", []),
        ),
    ),
    "complete with nulls": (
        replace(
            make_complete_fixture("B", over=["b"], by=["a"]),
            other_broken_rules=frozenset({"tst.a.required", "tst.b.required"}),
        ),
        (Case("nulls", [["x", "A", "1"], ["x", None, "1"], [None, "A", "1"]]),),
    ),
    "complete over what the table has": (
        make_complete_fixture("A", over=["a", "b"], values="present"),
        (
            Case("passes", [["x", "A", "1"], ["x", "B", "1"], ["y", "B", "1"], ["y", "A", "1"]]),
            Case("fails", [["x", "A", "1"], ["x", "B", "1"], ["y", "A", "1"]], [TABLE]),
            Case("border", [["x", "A", "1"]]),
            Case("empty", []),
        ),
    ),
    "not falling": (
        RuleFixture(
            K.NOT_FALLING,
            {"k": DIMENSION, "d": {**DATE, "primaryKey": True, "required": True, "lgdpRole": "dimension"}, "n": FIGURE},
            "r",
            "N",
            [write_lgdp_rule(K.NOT_FALLING, item="n", along="d", by=["k"])],
        ),
        (
            Case("passes", [["x", "02/01/2024", "5"], ["y", "03/01/2024", "1"], ["x", "01/01/2024", "4"]]),
            Case("fails", [["x", "02/01/2024", "3"], ["x", "01/01/2024", "4"], ["x", "03/01/2024", "2"]], [2, 4]),
            Case("border", [["x", "01/02/2024", "4"], ["x", "10/01/2024", "4"]]),
            Case("nulls", [["x", "01/01/2024", "4"], ["x", "02/01/2024", "*"], ["x", "03/01/2024", "3"],
                           ["x", "04/01/2024", None]], [4]),
            Case("empty", []),
        ),
    ),
    "a figure that the rows of another table add up to": (
        CONTROL,
        (
            Case("passes", {"t": [["x", "3"], ["y", "0"]], "form": [["x", "A", "1"], ["x", "B", "2"], ["y", "A", "0"]]},
                 []),
            Case("fails", {"t": [["x", "3"], ["y", "3"]], "form": [["x", "A", "1"], ["x", "B", "1"], ["y", "A", "3"]]},
                 [2]),
            Case("border", {"t": [["x", "9223372036854775807"], ["y", "9223372036854775807"]], "form": [
                ["x", "A", "9223372036854775806"], ["x", "B", "1"],
                ["y", "A", "9223372036854775807"], ["y", "B", "9223372036854775807"]]}, [3]),
            Case("nulls", {"t": [["x", "3"], ["y", None], ["z", "5"]],
                           "form": [["x", "A", "1"], ["x", "B", None], ["y", "A", "1"]]}),
            Case("empty", {"t": [], "form": [["x", "A", "1"]]}),
        ),
    ),
    "a total row of the same table": (
        OWN_TOTAL,
        (
            Case("passes", [["a", "1"], ["T", "3"], ["b", "2"]]),
            Case("fails", [["a", "1"], ["T", "9"], ["b", "2"]], [3]),
            Case("border", [["a", "1"], ["T", "2"], ["b", "0"]]),
            Case("nulls", [["a", "1"], ["T", "4"], ["b", "*"], ["c", None]], [3]),
            Case("empty", []),
            Case("no rows to add up", [["T", "2"]], [2]),
        ),
    ),
    "a figure of the period before": (
        EARLIER,
        (
            Case("passes", [["x", "110"]]),
            Case("fails", [["x", "89"], ["y", "6"]], [2, 3]),
            Case("border", [["x", "90"], ["y", "5"]]),
            Case("nulls", [["x", None], ["y", "*"], ["z", "99"], ["new", "99"]]),
            Case("empty", []),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fixture", "case"), flatten_cases(CASES))
def test_each_kind_reports_its_broken_rows_alone(fixture: RuleFixture, case: Case) -> None:
    assert fixture.find_broken_rows(case.rows) == list(case.broken_rows)


def test_a_figure_in_error_breaks_neither_its_sum_nor_its_series() -> None:
    limited_items: dict[str, Any] = {**FORM["form"], "m": {**FIGURE, "logicalTypeOptions": {"maximum": 10}}}
    form = replace(CONTROL, other_tables={"form": limited_items}, other_broken_rules=frozenset({"tst.form_m.range"}))
    assert form.find_broken_rows({"t": [["x", "3"], ["y", "3"]], "form": [["x", "A", "99"], ["y", "A", "2"]]}) == [3]
    series, _ = CASES["not falling"]
    capped_items: dict[str, Any] = {**series.items, "n": {**FIGURE, "logicalTypeOptions": {"maximum": 10}}}
    rows = [["x", "01/01/2024", "4"], ["x", "02/01/2024", "99"], ["x", "03/01/2024", "5"], ["x", "04/01/2024", "3"]]
    assert replace(series, items=capped_items, other_broken_rules=frozenset({"tst.n.range"})).find_broken_rows(
        rows
    ) == [5]


def test_a_row_with_an_unknown_code_is_not_also_reported_missing() -> None:
    fixture = replace(make_complete_fixture("B", over=["b"], by=["a"]), other_broken_rules=frozenset({"tst.b.codes"}))
    assert fixture.find_broken_rows([["x", "A", "1"], ["x", "Z", "1"], ["y", "A", "1"]]) == [4]


def test_a_repeated_key_names_the_first_row_with_it() -> None:
    judgement = CASES["unique"][0].judge([["1", "7"], ["2", "8"], ["3", "7"]])
    assert judgement.findings["message"][0].endswith("The first row with the same is 2.")


def test_a_rule_about_an_earlier_period_is_not_run_without_its_rows() -> None:
    judgement = replace(EARLIER, arguments={}).judge([["x", "1"]])
    (rule_outcome,) = [outcome for outcome in judgement.outcomes if outcome.rule == "tst.r"]
    assert rule_outcome.result is RuleResult.NOT_RUN
    assert "FY2023-24" in rule_outcome.reason


def test_sums_of_money_are_exact() -> None:
    money: Members = {**MONEY, **MEASURED}
    fixture = RuleFixture(
        K.CONTROL,
        {"k": DIMENSION, "n": money},
        "r",
        "N",
        [
            write_lgdp_rule(
                K.CONTROL, item="n", when={"k": ["T"]}, of={"table": "t", "item": "n", "when": {"k": {"not": ["T"]}}}
            )
        ],
    )
    tenths: list[list[str | None]] = [[str(number), "0.10"] for number in range(10)]
    assert fixture.find_broken_rows([["T", "1.00"], *tenths]) == []
    assert fixture.find_broken_rows([["T", "1.01"], *tenths]) == [2]
