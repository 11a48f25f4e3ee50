"""Rules in SQL: the rows that break them, or a finding about the table, and no access to anything else."""

from datetime import date
from pathlib import Path

import pytest

from lgdp_pipelines.errors import StatementRefused
from lgdp_pipelines.register.model.table_model import ItemType, Role, Rule
from lgdp_pipelines.register.rules.kinds.metric_rules import Bounds, RowCountTerms
from lgdp_pipelines.validation import sql_rules
from lgdp_pipelines.vocabulary.verdicts import RuleKind, RuleResult, Severity, Verdict
from tests.support.small_contract import (
    Bench,
    find_outcome,
    list_findings,
    make_bench,
    make_item,
    make_rule,
    make_table,
)

A = make_item("a", ItemType.INTEGER)
B = make_item("b", ItemType.INTEGER, role=Role.MEASURE)
REF = make_item("ref")


def make_sql_rule(query: str, **facts: object) -> Rule:
    return make_rule("rule", sql=query, **facts)


def make_rule_bench(rule: Rule) -> Bench:
    return make_bench(
        make_table("t", [A, B, REF], [rule]),
        make_table("other", [make_item("ref", urn="urn:lgdp:item:tst:oref")], optional=True),
    )


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT count(*) FROM {model} WHERE a > b", [3]),
        ("select Count(*) from {model} where A > B", [3]),
        ("SELECT COUNT(*) AS n FROM {model} AS m WHERE m.a > m.b OR m.ref = 'x'", [2, 3, 4]),
        ("SELECT count(*) FROM {model} m WHERE EXISTS (SELECT 1 FROM {model} o WHERE o.a = m.b AND o.b > 3)", [2]),
        ("SELECT count(*) FROM {model} m LEFT JOIN {other} o ON m.ref = o.ref WHERE o.ref IS NULL", [3]),
        ("SELECT count(*) FROM {model} m JOIN {other} o ON m.ref = o.ref", [2, 4]),
        ("SELECT count(*) FROM {other} o JOIN {model} m ON m.ref = o.ref", [2, 4]),
        ("SELECT count(*) FROM (SELECT *, lag(a) OVER (ORDER BY _row) AS before FROM {model}) WHERE a < before", [4]),
        ("WITH big AS (SELECT * FROM {model} WHERE a > 1) SELECT count(*) FROM big WHERE b < 3", [3]),
        ("SELECT count(*) FROM {model} QUALIFY row_number() OVER (PARTITION BY ref ORDER BY _row) > 1", [4]),
        ("SELECT count(*) FROM {model} WHERE b_status <> 'A'", []),
        ("SELECT count(*) FROM {model} m JOIN {other} USING (ref)", [2, 4]),
        ("SELECT count(*) FROM {model} m NATURAL JOIN (SELECT ref FROM {other})", [2, 4]),
        ("SELECT count(*) FROM {model} m WHERE m = {'a': 5, 'b': 1, 'ref': 'y', 'b_status': 'A', '_row': 3}", [3]),
        ("SELECT count(*) FROM {model}", [2, 3, 4]),
    ],
)
def test_the_rows_that_break_a_rule_are_named(query: str, rows: list[int]) -> None:
    judgement = make_rule_bench(make_sql_rule(query)).judge(
        {"t": [["1", "2", "x"], ["5", "1", "y"], ["2", "4", "x"]], "other": [["x"], ["x"], ["z"]]}
    )
    assert list_findings(judgement) == [("tst.rule", row) for row in rows]
    assert find_outcome(judgement, "tst.rule").failed == len(rows)


@pytest.mark.parametrize(
    ("query", "failed"),
    [
        ("SELECT count(*) FROM (SELECT ref FROM {model} GROUP BY ref HAVING sum(a) > 2)", 1),
        ("SELECT count(DISTINCT ref) - 2 FROM {model}", 0),
        ("SELECT count(DISTINCT ref) FROM {model} WHERE a > 0", 1),
        ("SELECT sum(a) - sum(b) FROM {model}", 1),
        ("SELECT count(*) FROM {model} WHERE a > 100 HAVING count(*) > 0", 0),
        ("SELECT count(*) FROM {other} WHERE ref = 'z'", 1),
        ("SELECT count(*) FROM (SELECT ref FROM {model} EXCEPT SELECT ref FROM {other})", 1),
        ("WITH big AS (SELECT ref FROM {model} WHERE a > 1) SELECT count(*) FROM big", 1),
    ],
)
def test_other_statements_give_one_finding_about_the_table(query: str, failed: int) -> None:
    judgement = make_rule_bench(make_sql_rule(query)).judge(
        {"t": [["1", "2", "x"], ["5", "1", "y"], ["2", "4", "x"]], "other": [["x"], ["z"]]}
    )
    assert list_findings(judgement) == [("tst.rule", None)] * failed


def test_a_finding_names_the_first_item_of_its_rule() -> None:
    rule = make_sql_rule("SELECT count(*) FROM {model} WHERE a > b", items=("b", "a"), severity=Severity.QUERY)
    judgement = make_rule_bench(rule).judge([["5", "1", "y"]])
    assert judgement.verdict is Verdict.QUERIED
    assert list(judgement.findings.select("severity", "table", "item", "column", "message").iter_rows()) == [
        ("query", "t", "urn:lgdp:item:tst:b", "B", "Not met: rule holds. Mend it.")
    ]


def test_rules_read_the_facts_of_the_submission() -> None:
    query = (
        "SELECT count(*) FROM {model} WHERE getvariable('period_start') = DATE '2024-04-01' AND "
        "getvariable('period_end') = DATE '2025-03-31' AND getvariable('council_code') = 'FIF' AND "
        "getvariable('period') = 'FY2024-25' AND getvariable('received_on') = DATE '2025-05-31'"
    )
    judgement = make_rule_bench(make_sql_rule(query)).judge([["1", "1", "x"]], received_on=date(2025, 5, 31))
    assert list_findings(judgement) == [("tst.rule", 2)]


def test_a_row_with_an_item_in_error_does_not_also_break_the_rule() -> None:
    judgement = make_rule_bench(make_sql_rule("SELECT count(*) FROM {model} WHERE a > b OR b IS NULL")).judge(
        [["5", "x", ""], ["5", "1", ""], ["5", None, ""]]
    )
    assert list_findings(judgement) == [("tst.b.type", 2), ("tst.rule", 3), ("tst.rule", 4)]


def test_a_row_with_its_measure_in_error_does_not_break_a_rule_about_its_status() -> None:
    judgement = make_rule_bench(make_sql_rule("SELECT count(*) FROM {model} WHERE b_status = 'O'")).judge(
        [["5", "x", ""], ["5", None, ""]]
    )
    assert list_findings(judgement) == [("tst.b.type", 2), ("tst.rule", 3)]


def test_an_optional_table_that_was_not_sent_is_empty_in_other_tables_rules() -> None:
    query = "SELECT count(*) FROM {model} m WHERE m.ref NOT IN (SELECT ref FROM {other})"
    judgement = make_rule_bench(make_sql_rule(query)).judge([["1", "1", "x"]])
    assert list_findings(judgement) == [("tst.rule", 2)]
    assert set(judgement.tables) == {"t"}


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM {model} WHERE CAST(ref AS INTEGER) > 1",
        "SELECT count(*) FROM {model} WHERE nothing > 1",
        "SELECT count(*) FROM {model} WHERE ref IN (SELECT content FROM read_text('{path}'))",
        "SELECT count(*) FROM read_csv('{path}')",
    ],
)
def test_a_rule_that_cannot_be_run_is_an_error_and_repeats_no_value(query: str, tmp_path: Path) -> None:
    path = tmp_path / "secret.csv"
    path.write_text("content\nsecret\n")
    with pytest.raises(StatementRefused, match=r"tst\.rule") as refusal:
        make_rule_bench(make_sql_rule(query.replace("{path}", str(path)))).judge([["1", "1", "Jane Doe"]])
    assert "Jane" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_row_count_is_of_the_landed_rows() -> None:
    bench = make_bench(
        make_table("t", [A], [make_rule("some", RuleKind.ROW_COUNT, terms=RowCountTerms(Bounds({">=": 2})))])
    )
    assert list_findings(bench.judge([["1"]])) == [("tst.some", None)]
    assert find_outcome(bench.judge([["1"], ["x"]]), "tst.some").result is RuleResult.PASSED


def test_a_rule_that_takes_too_long_is_stopped_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_rules, "_SECONDS", 0.2)
    query = "SELECT count(*) FROM {model} m, range(100000) x, range(100000) y, range(100000) z WHERE m.a + x.range = 1"
    with pytest.raises(StatementRefused, match=r"tst\.rule"):
        make_rule_bench(make_sql_rule(query)).judge([["1", "1", "x"]])
