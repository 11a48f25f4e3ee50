"""The judgement as a whole: verdict, an outcome for each rule, and the effects of landing errors."""

import polars as pl
import pytest

from lgdp_pipelines.handover.chunked_frame import ChunkSpool
from lgdp_pipelines.handover.extract_reading import ExtractFile
from lgdp_pipelines.handover.findings import FINDING_SCHEMA
from lgdp_pipelines.register.model.table_model import ItemType, Range, Role
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.rules.kinds.metric_rules import Bounds, RowCountTerms
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.vocabulary.verdicts import RuleKind, RuleResult, Severity, Verdict
from tests.support.judging import SCRATCH, judge_files, make_context
from tests.support.small_contract import (
    YEAR,
    Bench,
    list_findings,
    make_bench,
    make_item,
    make_rule,
    make_table,
)

CASES = make_bench(
    make_table(
        "t",
        [
            make_item("ref", key=True, required=True),
            make_item("n", ItemType.INTEGER, required=True, range=Range(maximum="40")),
            make_item("m", ItemType.INTEGER, severities={RuleKind.RANGE: Severity.QUERY}, range=Range(maximum="5")),
            make_item("note"),
        ],
        [
            make_rule("n_above_m", sql="SELECT count(*) FROM {model} WHERE n < m", items=("n", "m")),
            make_rule("some_rows", RuleKind.ROW_COUNT, terms=RowCountTerms(Bounds({">=": 1}))),
            make_rule("noted", sql="SELECT count(*) FROM {model} WHERE note = 'agreed'", severity=Severity.KNOWN_ISSUE),
        ],
    ),
)


def judge_texts(bench: Bench, *texts: str | bytes) -> ValidationResult:
    """Return the judgement of files with some texts."""
    files = [
        ExtractFile(f"{table.name}.csv", text if isinstance(text, bytes) else text.encode(), table.name)
        for table, text in zip(bench.contract.tables, texts, strict=False)
    ]
    with ChunkSpool(SCRATCH) as spool:
        return judge_files(files, make_context(bench.contract, bench.register, "FIF", YEAR, spool))


def list_unpassed(judgement: ValidationResult) -> dict[str, str]:
    return {
        outcome.rule: outcome.result.value for outcome in judgement.outcomes if outcome.result is not RuleResult.PASSED
    }


GOOD = "ref,n,m,note\nA,10,1,\n"


def test_a_good_submission_is_accepted_and_typed() -> None:
    judgement = judge_texts(CASES, GOOD)
    assert judgement.verdict is Verdict.ACCEPTED
    assert judgement.findings.is_empty()
    assert judgement.findings.schema == FINDING_SCHEMA
    assert judgement.tables["t"].collect().rows(named=True) == [
        {"ref": "A", "n": 10, "m": 1, "note": None, "_repairs": None, "_row": 2}
    ]


@pytest.mark.parametrize(
    ("row", "verdict", "rule"),
    [
        ("A,10,1,", Verdict.ACCEPTED, None),
        ("A,10,1,agreed", Verdict.ACCEPTED, "tst.noted"),
        ("A,10,6,", Verdict.QUERIED, "tst.m.range"),
        ("A,41,1,", Verdict.REJECTED, "tst.n.range"),
        ("A,1,2,", Verdict.REJECTED, "tst.n_above_m"),
    ],
)
def test_the_verdict_is_that_of_the_worst_broken_rule(row: str, verdict: Verdict, rule: str | None) -> None:
    judgement = judge_texts(CASES, f"ref,n,m,note\n{row}\n")
    assert judgement.verdict is verdict
    assert list_findings(judgement) == ([(rule, 2)] if rule else [])
    assert [outcome.rule for outcome in judgement.outcomes if outcome.failed] == ([rule] if rule else [])


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "",
        b"\xff",
        "ref,n\nA,1\n",
        "x,y\n1,2\n",
        "ref,n,m,note\n",
        "ref,n,m,note\nA\n",
        "ref,n,n,m,note\nA,1,2,3,4\n",
    ],
)
def test_every_rule_has_exactly_one_outcome_for_any_extract(text: str | bytes) -> None:
    judgement = judge_texts(CASES, text)
    assert [outcome.rule for outcome in judgement.outcomes] == [rule.id for rule in list_rules(CASES.contract)]
    for outcome in judgement.outcomes:
        finding_count = judgement.findings.filter(pl.col("rule") == outcome.rule).height
        assert finding_count == outcome.failed
        assert bool(outcome.failed) == (outcome.result is RuleResult.FAILED)
        assert bool(outcome.reason) == (outcome.result is RuleResult.NOT_RUN)


def test_an_unreadable_extract_breaks_one_rule_alone() -> None:
    judgement = judge_texts(CASES, b"ref,n,m,note\nA,\xff,1,\n")
    assert judgement.verdict is Verdict.REJECTED
    assert list_findings(judgement) == [("tst.readable", 2)]
    assert set(list_unpassed(judgement).values()) == {"failed", "not_run"}
    assert judgement.tables == {}


def test_a_missing_column_is_reported_once_and_only_its_own_rules_are_not_run() -> None:
    judgement = judge_texts(CASES, "ref,m,note\nA,9,\n")
    assert list_findings(judgement) == [("tst.t.columns", None), ("tst.m.range", 2)]
    assert {rule for rule, result in list_unpassed(judgement).items() if result == "not_run"} == {
        "tst.n.type",
        "tst.n.required",
        "tst.n.range",
        "tst.n_above_m",
    }


def test_a_missing_key_column_leaves_the_key_untested() -> None:
    judgement = judge_texts(CASES, "n,m,note\n1,1,\n1,1,\n")
    assert list_findings(judgement) == [("tst.t.columns", None)]
    assert list_unpassed(judgement)["tst.t.key"] == "not_run"


def test_a_file_without_its_header_is_reported_once() -> None:
    judgement = judge_texts(CASES, "A,10,1,\nB,11,1,\n")
    assert list_findings(judgement) == [("tst.t.columns", None)]
    assert judgement.verdict is Verdict.REJECTED
    assert "t" not in judgement.tables


def test_a_ragged_row_is_reported_once_and_the_others_are_judged() -> None:
    judgement = judge_texts(CASES, "ref,n,m,note\nA,10,1,\nB,,\nC,99,1,\n")
    assert list_findings(judgement) == [("tst.t.columns", 3), ("tst.n.range", 4)]
    assert judgement.tables["t"].collect()["_row"].to_list() == [2, 4]


def test_many_ragged_rows_are_counted_in_full_and_listed_in_part() -> None:
    judgement = judge_texts(CASES, "ref,n,m,note\n" + "A\n" * 1_200)
    assert judgement.findings.height == 1_000
    columns = next(outcome for outcome in judgement.outcomes if outcome.rule == "tst.t.columns")
    assert (columns.failed, columns.reason) == (1_200, "The first 1000 findings are listed, 200 more are not.")


def test_an_empty_table_breaks_its_row_count() -> None:
    assert list_findings(judge_texts(CASES, "ref,n,m,note\n")) == [("tst.readable", None), ("tst.some_rows", None)]


def test_findings_are_ordered_by_row_column_and_rule() -> None:
    judgement = judge_texts(CASES, "ref,n,m,note,extra\n,x,9,,1\nA,41,y,,\nA,1,2,,\n")
    assert list_findings(judgement) == [
        ("tst.t.extra_columns", None),
        ("tst.ref.required", 2),
        ("tst.n.type", 2),
        ("tst.m.range", 2),
        ("tst.n.range", 3),
        ("tst.m.type", 3),
        ("tst.t.key", 4),
        ("tst.n_above_m", 4),
    ]


def test_no_finding_repeats_a_value() -> None:
    judgement = judge_texts(CASES, "ref,n,m,note\nJaneDoe,QQ1,QQ2,QQ3\nJaneDoe,QQ4,,\n,987654,987653,QQ5,QQ6\n")
    assert judgement.findings.height >= 4
    text = " ".join(str(cell) for row in judgement.findings.iter_rows() for cell in row)
    assert not any(value in text for value in ("JaneDoe", "QQ", "98765"))


def test_a_finding_has_the_names_and_rows_of_the_file() -> None:
    judgement = judge_texts(CASES, "REF, N ,m,note\nA,41,1,\n")
    assert judgement.findings.rows(named=True) == [
        {
            "rule": "tst.n.range",
            "severity": "error",
            "table": "t",
            "item": "urn:lgdp:item:tst:n",
            "sheet": None,
            "row": 2,
            "column": " N ",
            "message": "Not met: N: is at most 40. Check the figure in the system it comes from. Look it up.",
            "scope": None,
        }
    ]


FAMILY_BENCH = make_bench(
    make_table("parent", [make_item("ref", key=True)]),
    make_table(
        "child",
        [make_item("child_ref", role=Role.ATTRIBUTE)],
        [
            make_rule(
                "has_parent",
                table="child",
                sql="SELECT count(*) FROM {model} c WHERE c.child_ref NOT IN (SELECT ref FROM {parent})",
            )
        ],
        optional=True,
    ),
)


def test_rules_across_tables_see_both() -> None:
    assert list_findings(judge_texts(FAMILY_BENCH, "ref\nA\n", "child_ref\nA\nB\n")) == [("tst.has_parent", 3)]


def test_an_optional_table_left_out_has_outcomes_and_no_findings() -> None:
    judgement = judge_texts(FAMILY_BENCH, "ref\nA\n")
    assert judgement.verdict is Verdict.ACCEPTED
    assert list_unpassed(judgement) == {
        "tst.child.columns": "not_run",
        "tst.child.extra_columns": "not_run",
        "tst.has_parent": "not_run",
    }


def test_a_rule_is_not_run_if_another_table_that_it_reads_has_no_columns() -> None:
    judgement = judge_texts(FAMILY_BENCH, "x\nA\n", "child_ref\nA\n")
    assert list_findings(judgement) == [("tst.parent.columns", None)]
    assert list_unpassed(judgement)["tst.has_parent"] == "not_run"


SPREADSHEET_BENCH = make_bench(
    make_table(
        "t",
        [
            make_item("ref", key=True, required=True),
            make_item("name"),
            make_item("code", code_list="colours"),
            make_item("hours", ItemType.INTEGER, range=Range("0", "40")),
            make_item("day", ItemType.DATE, date_format="dd/MM/yyyy"),
        ],
    )
)


def test_a_header_in_small_letters_keeps_its_column() -> None:
    judgement = judge_texts(SPREADSHEET_BENCH, "ref,NAME,Code,hours,dAy\n00123,Buchanan,R,7,01/02/2024\n")
    assert judgement.verdict is Verdict.ACCEPTED
    assert judgement.tables["t"].collect()["ref"].to_list() == ["00123"]


def test_nan_within_a_name_stays_and_a_reference_is_not_a_number() -> None:
    judgement = judge_texts(SPREADSHEET_BENCH, "ref,name,code,hours,day\n00123,Buchanan,R,7,\n12E5,nan,2,,\n")
    assert judgement.verdict is Verdict.ACCEPTED
    assert judgement.tables["t"].collect()["ref"].to_list() == ["00123", "12E5"]
    assert judgement.tables["t"].collect()["name"].to_list() == ["Buchanan", "nan"]


def test_two_point_nine_is_not_code_two_and_999_is_not_within_40() -> None:
    judgement = judge_texts(SPREADSHEET_BENCH, "ref,name,code,hours,day\nA,,2.9,2.9,\nB,,2,999,\n")
    assert list_findings(judgement) == [("tst.code.codes", 2), ("tst.hours.type", 2), ("tst.hours.range", 3)]


def test_an_invalid_date_is_reported_and_its_key_repeats_no_other() -> None:
    bench = make_bench(
        make_table(
            "t", [make_item("ref", key=True), make_item("day", ItemType.DATE, date_format="dd/MM/yyyy", key=True)]
        )
    )
    judgement = judge_texts(bench, "ref,day\nA,31/02/2024\nA,30/02/2024\nA,01/02/2024\n")
    assert list_findings(judgement) == [("tst.day.type", 2), ("tst.day.type", 3)]
    assert judgement.tables["t"].height == 3
