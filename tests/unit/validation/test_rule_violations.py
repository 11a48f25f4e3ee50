"""Queries of a broken rule: their scopes, and fingerprints that change with the figures alone."""

from collections.abc import Sequence

import pytest

from lgdp_pipelines.handover.findings import MAX_LISTED
from lgdp_pipelines.handover.judgement_values import QueryScope
from lgdp_pipelines.register.model.table_model import ItemType
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity
from tests.support.small_contract import find_outcome, make_bench, make_item, make_rule, make_table

BENCH = make_bench(
    make_table(
        "t",
        [
            make_item("ref", key=True),
            make_item("colour", code_list="colours"),
            make_item("n", ItemType.INTEGER, severities={RuleKind.TYPE: Severity.QUERY}),
            make_item("other"),
        ],
        [
            make_rule(
                "not_much", sql="SELECT count(*) FROM {model} WHERE n > 10", severity=Severity.QUERY,
                items=("n",), scope=("colour",),
            ),
            make_rule(
                "not_enough", sql="SELECT count(*) FROM {model} WHERE n < 0", severity=Severity.QUERY, items=("n",)
            ),
            make_rule(
                "together", sql="SELECT sum(n) FROM {model} HAVING sum(n) > 1000", severity=Severity.QUERY, items=("n",)
            ),
            make_rule("never", sql="SELECT count(*) FROM {model} WHERE n = 7", items=("n",)),
        ],
    ),
)  # fmt: skip
Rows = Sequence[Sequence[str | None]]


def list_scopes(rows: Rows, rule: str = "tst.not_enough") -> tuple[QueryScope, ...]:
    return find_outcome(BENCH.judge(rows), rule).query_scopes


def find_fingerprint(rows: Rows) -> str:
    (scope,) = list_scopes(rows)
    return scope.fingerprint


def list_row_scopes(judgement: ValidationResult, rule: str) -> list[tuple[int, str]]:
    scopes = judgement.findings.filter(rule=rule)
    return list(scopes.select("row", "scope").iter_rows())


def test_each_scope_is_a_query_of_its_own_and_each_finding_names_its_scope() -> None:
    rows = [
        ["a", "R", "11", ""],
        ["b", "G", "12", ""],
        ["c", "red", "13", ""],
        ["d", None, "14", ""],
        ["e", "R", "1", ""],
    ]
    judgement = BENCH.judge(rows)
    scopes = find_outcome(judgement, "tst.not_much").query_scopes
    assert [(scope.scope, scope.failed) for scope in scopes] == [("colour=", 1), ("colour=G", 1), ("colour=R", 2)]
    assert len({scope.fingerprint for scope in scopes}) == 3
    assert list_row_scopes(judgement, "tst.not_much") == [
        (2, "colour=R"),
        (3, "colour=G"),
        (4, "colour=R"),
        (5, "colour="),
    ]


def test_a_rule_without_scopes_is_one_query_and_its_findings_have_no_scope() -> None:
    judgement = BENCH.judge([["a", "R", "-1", ""], ["b", "G", "-2", ""]])
    assert [(scope.scope, scope.failed) for scope in find_outcome(judgement, "tst.not_enough").query_scopes] == [
        ("", 2)
    ]
    assert set(judgement.findings.filter(rule="tst.not_enough")["scope"]) == {None}


def test_a_rule_that_holds_or_rejects_raises_no_query() -> None:
    judgement = BENCH.judge([["a", "R", "7", ""]])
    assert {outcome.rule: outcome.query_scopes for outcome in judgement.outcomes if outcome.query_scopes} == {}
    assert find_outcome(judgement, "tst.never").failed == 1


def test_scopes_are_counted_over_all_rows_and_listed_in_part() -> None:
    rows = [[str(number), "R" if number < MAX_LISTED + 5 else "G", "99", ""] for number in range(MAX_LISTED + 12)]
    judgement = BENCH.judge(rows)
    assert [(scope.scope, scope.failed) for scope in find_outcome(judgement, "tst.not_much").query_scopes] == [
        ("colour=G", 7), ("colour=R", MAX_LISTED + 5),
    ]  # fmt: skip
    assert judgement.findings.filter(rule="tst.not_much").height == MAX_LISTED


def test_a_finding_about_a_table_as_a_whole_has_no_fingerprint() -> None:
    assert list_scopes([["a", "R", "2000", ""]], "tst.together") == (QueryScope("", 1, ""),)


def test_a_rule_about_one_cell_may_raise_a_query() -> None:
    (scope,) = list_scopes([["a", "R", "many", ""], ["b", "R", "1", ""]], "tst.n.type")
    assert (scope.scope, scope.failed) == ("", 1)
    assert scope.fingerprint


ROWS_BEFORE = [["a", "R", "-1", "x"], ["b", "R", "5", "x"], ["c", "G", "-3", "x"]]


@pytest.mark.parametrize(
    "rows_after",
    [
        [["z", "R", "8", "x"], *ROWS_BEFORE],
        [ROWS_BEFORE[2], ROWS_BEFORE[0]],
        [["a", "G", " -1 ", "y"], ["c", "R", "-3", "y"]],
    ],
    ids=["other rows came in before", "in another order", "what the rule does not name has changed"],
)
def test_the_same_figures_have_the_same_fingerprint(rows_after: Rows) -> None:
    assert find_fingerprint(rows_after) == find_fingerprint(ROWS_BEFORE)


@pytest.mark.parametrize(
    "rows_after",
    [
        [["a", "R", "-2", "x"], *ROWS_BEFORE[1:]],
        [["q", "R", "-1", "x"], *ROWS_BEFORE[1:]],
        ROWS_BEFORE[:2],
        [*ROWS_BEFORE, ["d", "R", "-1", "x"]],
    ],
    ids=["another figure", "of another row", "one of them is right now", "one more is wrong"],
)
def test_other_figures_have_another_fingerprint(rows_after: Rows) -> None:
    assert find_fingerprint(rows_after) != find_fingerprint(ROWS_BEFORE)


def test_no_fingerprint_repeats_a_value() -> None:
    assert "-1" not in find_fingerprint(ROWS_BEFORE)
    assert len(find_fingerprint(ROWS_BEFORE)) == 64
