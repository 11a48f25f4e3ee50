"""Many rules of one table: run in one scan, rules about single rows find the same rows as each alone."""

import pytest

from lgdp_pipelines.errors import StatementRefused
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.validation.sql_rules import prepare_rule
from lgdp_pipelines.vocabulary.verdicts import RuleKind
from tests.support.rule_cases import DATE, INTEGER, KEY, LETTER, TEXT, Members, RuleFixture, write_lgdp_rule, write_rule

RULES: dict[str, Members] = {
    "ordered": write_lgdp_rule("in_order", first="c", then="d"),
    "past": write_lgdp_rule("not_in_future", item="c"),
    "current": write_lgdp_rule("in_period", item="d", ends=["first"]),
    "asked": write_lgdp_rule("required_when", item="a", when={"b": ["A"]}),
    "small": write_rule(type="sql", query="SELECT count(*) FROM {model} WHERE n > 5", mustBe=0),
    "few": write_lgdp_rule("rows_per", by=["a"], atMost=2),
    "known": write_rule(type="sql", query="SELECT count(*) FROM {model} WHERE k IN (SELECT a FROM {model})", mustBe=0),
    "any": write_rule(type="sql", query="SELECT count(*) - 5 FROM {model} WHERE n < 100", mustBe=0),
}
IN_ONE_SCAN = {"ordered", "past", "current", "asked", "small"}
ROWS = [
    ["1", "x", "A", "01/05/2024", "02/05/2024", "3"],
    ["2", None, "A", "03/05/2024", "02/05/2024", "9"],
    ["x", "x", "B", "01/01/2030", None, None],
    ["4", "x", None, None, "31/03/2024", "6"],
    ["5", "y", "B", "01/05/2025", "01/05/2023", "-1"],
]
BROKEN_ROWS = {
    "ordered": [3, 6],
    "past": [4, 6],
    "current": [5, 6],
    "asked": [3],
    "small": [3, 5],
    "few": [5],
    "known": [4],
    "any": [None],
}


def make_fixture(*names: str) -> RuleFixture:
    """Return a contract with some of the rules."""
    items = {"k": KEY, "a": TEXT, "b": LETTER, "c": DATE, "d": DATE, "n": INTEGER}
    return RuleFixture(RuleKind.SQL, items, names[0], "", [{**RULES[name], "id": name} for name in names])


def find_rows_by_rule(fixture: RuleFixture) -> dict[str, list[int | None]]:
    """Return the rows of each rule's findings."""
    rows: dict[str, list[int | None]] = {}
    for rule, row in fixture.judge(ROWS).findings.select("rule", "row").iter_rows():
        rows.setdefault(rule.removeprefix("tst."), []).append(row)
    return rows


def test_rules_run_together_find_every_broken_row() -> None:
    assert find_rows_by_rule(make_fixture(*RULES)) == BROKEN_ROWS


def test_each_rule_alone_finds_the_same_rows() -> None:
    assert {name: find_rows_by_rule(make_fixture(name))[name] for name in RULES} == BROKEN_ROWS


def test_rules_about_single_rows_run_in_one_scan() -> None:
    rules = {rule.id: rule for rule in list_rules(make_fixture(*RULES).register.returns["TST"].latest) if rule.sql}
    assert {name for name in RULES if prepare_rule(rules[f"tst.{name}"]).row_condition} == IN_ONE_SCAN


def test_a_rule_that_cannot_be_run_is_named_among_others() -> None:
    invalid_rule = write_rule(type="sql", query="SELECT count(*) FROM {model} WHERE CAST(a AS INTEGER) > 1", mustBe=0)
    items = {"k": KEY, "a": TEXT, "c": DATE, "d": DATE}
    fixture = RuleFixture(
        RuleKind.SQL, items, "bad", "", [{**RULES["ordered"], "id": "o"}, {**invalid_rule, "id": "bad"}]
    )
    with pytest.raises(StatementRefused, match=r"tst\.bad") as refusal:
        fixture.judge([["1", "Jane Doe", None, None]])
    assert "Jane" not in str(refusal.value)
