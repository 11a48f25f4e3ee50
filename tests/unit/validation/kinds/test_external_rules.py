"""Rules that compare with other data: each kind passing, failing, at the border, with nulls and without rows."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from lgdp_pipelines.errors import RegisterError
from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.validation.type_parsing import build_typed_schema
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleKind, RuleResult, Verdict
from tests.support.contracts import KEY, contract, item, table
from tests.support.rule_cases import TABLE, Case, RuleFixture

MEASURE: Mapping[str, object] = {
    "logicalType": "integer", "physicalType": "bigint", "lgdpRole": "measure", "lgdpUnit": "things"
}  # fmt: skip
TEXT: Mapping[str, object] = {"logicalType": "string", "physicalType": "varchar"}

Rows = Sequence[tuple[object, ...]]


def write_other_return(kind: str = "financial-year", valid_from: str = "FY2020-21") -> Mapping[str, str]:
    """Return the files of a return OTHER and of a reference table of streets."""
    other_return: dict[str, Any] = contract(
        "OTHER",
        "1.0.0",
        valid_from,
        table(
            "things",
            item("other:place", "place", "Place", "string", "dimension", more=KEY),
            item("other:number", "number", "Number", "integer", "measure", lgdpUnit="things"),
            item("other:cost", "cost", "Cost", "number", "measure", lgdpUnit="GBP"),
        ),
    )
    for entry in other_return["customProperties"]:
        if entry["property"] == "lgdpPeriodKind":
            entry["value"] = kind
    return {
        "returns/other/other.v1.0.0.odcs.yaml": json.dumps(other_return),
        "reference/streets/streets.yaml": json.dumps(STREETS),
        "reference/streets/streets.v1.csv": (
            "street,council_code,from,to\nHigh,FIF,,\nHigh,GLG,,\nOld,FIF,,2020-03-31\nNew,FIF,2025-03-31,\n"
            "Late,FIF,2025-04-01,\nLane,GLG,,\n"
        ),
        "reference/streets/streets.v2.csv": "street,council_code,from,to\nHigh,FIF,,\n",
    }


STREETS = {
    "id": "streets",
    "title": "Streets",
    "description": "A row is a street.",
    "columns": [
        {"name": "street", "type": "text", "title": "Street"},
        {"name": "council_code", "type": "text", "title": "Council"},
        {"name": "from", "type": "date", "title": "First day"},
        {"name": "to", "type": "date", "title": "Last day"},
    ],
    "key": ["street", "council_code"],
    "versions": [
        {"version": "1", "valid_from": "2019-04-01", "source": "", "verified": "ours"},
        {"version": "2", "valid_from": "2025-04-01", "source": "", "verified": "ours"},
    ],
}


def make_row_lookup(
    rows: Rows, *, absent: Sequence[str] = ()
) -> Callable[[Return, Period, Table], ChunkedFrame | None]:
    """Return a look-up of OTHER: the same rows in each period, except for absent periods."""

    def find_rows(data_return: Return, period: Period, other_table: Table) -> ChunkedFrame | None:
        assert (data_return.code, other_table.name) == ("OTHER", "things")
        if period.id in absent:
            return None
        cells = [(*row, "A", "A", None, number) for number, row in enumerate(rows, start=2)]
        return ChunkedFrame.from_frames(pl.DataFrame(cells, schema=build_typed_schema(other_table), orient="row"))

    return find_rows


OTHER_ROWS: Rows = [("x", 10, 1.5), ("y", 20, 2.5), ("z", None, None)]


def make_fixture(kind: RuleKind, column: str, *, rows: Rows = OTHER_ROWS, **terms: object) -> RuleFixture:
    """Return a contract whose rows have a place and a figure to compare with other data."""
    return RuleFixture(
        kind=kind,
        items={"ref": {**TEXT}, "n": {**MEASURE}, "kind": {**TEXT}},
        rule="held",
        column=column,
        quality=[
            {
                "id": "held",
                "name": "It is held",
                "description": "Look again.",
                "severity": "error",
                "type": "custom",
                "engine": "lgdp",
                "implementation": {"rule": kind.value, **terms},
            }
        ],
        arguments={"other_rows": make_row_lookup(rows)},
        files=write_other_return(),
    )


TARGET = {"return": "OTHER", "table": "things"}
REFERS_TO = make_fixture(RuleKind.REFERS_TO, "REF", to=TARGET, by={"ref": "place"}, when={"kind": {"not": ["old"]}})
VALUE = make_fixture(
    RuleKind.AGREES_WITH, "N", item="n", of={**TARGET, "item": "number"}, by={"ref": "place"}, tolerance=2
)
SUM = make_fixture(
    RuleKind.AGREES_WITH, "N", figure="sum", item="n", of={**TARGET, "item": "number"}, by={"ref": "place"},
    tolerancePct=10, rows=[("x", 10, 1.0), ("y", 20, 1.0), ("z", 0, 1.0)],
)  # fmt: skip
COUNT = make_fixture(RuleKind.AGREES_WITH, "", figure="count", of=TARGET)
STREET = make_fixture(
    RuleKind.IN_REFERENCE, "REF", reference="streets", by={"ref": "street"}, council="council_code",
    valid={"from": "from", "to": "to"},
)  # fmt: skip

CASES = {
    "refers_to": (
        REFERS_TO,
        (
            Case("passes", [["x", "1", "a"], ["y", "1", "a"], ["x", "2", "a"]]),
            Case("fails", [["x", "1", "a"], ["w", "1", "a"], ["w", "2", "a"]], [3, 4]),
            Case("border", [["X", "1", "a"], ["x ", "1", "a"], ["w", "1", "old"]], [2, 3]),
            Case("nulls", [[None, "1", "a"], ["w", None, None], ["w", None, "a"]], [4]),
            Case("empty", []),
        ),
    ),
    "agrees_with value": (
        VALUE,
        (
            Case("passes", [["x", "10", None], ["y", "20", None]]),
            Case("fails", [["x", "20", None], ["y", "10", None]], [2, 3]),
            Case("border", [["x", "12", None], ["x", "8", None], ["x", "13", None], ["x", "7", None]], [4, 5]),
            Case("nulls", [["x", None, None], [None, "99", None], ["z", "99", None], ["w", "99", None]]),
            Case("empty", []),
        ),
    ),
    "agrees_with sum": (
        SUM,
        (
            Case("passes", [["x", "4", None], ["y", "20", None], ["x", "6", None], ["z", "0", None]]),
            Case("fails", [["y", "20", None], ["x", "4", None], ["x", "60", None], ["w", "1", None]], [3, 5]),
            Case("border", [["x", "9", None], ["y", "20", None]], [2]),
            Case("nulls", [["x", None, None], ["x", "4", None], ["y", "20", None], [None, "4", None]]),
            Case("empty", [], [TABLE]),
            Case("a group that only the other has", [["x", "10", None]], [TABLE]),
        ),
    ),
    "agrees_with count": (
        COUNT,
        (
            Case("passes", [["a", None, None]] * 3),
            Case("fails", [["a", None, None]] * 5, [TABLE]),
            Case("border", [["a", None, None]] * 4, [TABLE]),
            Case("nulls", [[None, None, None]] * 3),
            Case("empty", [], [TABLE]),
        ),
    ),
    "in_reference": (
        STREET,
        (
            Case("passes", [["High", None, None]]),
            Case("fails", [["High", None, None], ["Nowhere", None, None]], [3]),
            Case("border", [[name, None, None] for name in ("New", "Late", "Old", "Lane")], [3, 4, 5]),
            Case("nulls", [[None, None, None]]),
            Case("empty", []),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("fixture", "case"),
    [
        pytest.param(fixture, case, id=f"{name}: {case.label}")
        for name, (fixture, cases) in CASES.items()
        for case in cases
    ],
)
def test_each_kind_reports_its_broken_rows_alone(fixture: RuleFixture, case: Case) -> None:
    assert fixture.find_broken_rows(case.rows) == list(case.broken_rows)


def test_ten_percent_is_of_the_submission_s_own_figure() -> None:
    # The sum 9 may differ by 0.9, and 10 is 1 away; the sum 11 may differ by 1.1.
    assert SUM.find_broken_rows([["x", "11", None], ["y", "20", None]]) == []


def judge_rule(
    fixture: RuleFixture, rows: Sequence[Sequence[str | None]], **arguments: object
) -> tuple[RuleResult, str]:
    """Return the result of the rule under test, and the reason."""
    judgement = replace(fixture, arguments={**fixture.arguments, **arguments}).judge(rows)
    (rule_outcome,) = [outcome for outcome in judgement.outcomes if outcome.rule == "tst.held"]
    return rule_outcome.result, rule_outcome.reason


def test_a_rule_without_the_other_return_is_not_run_and_names_return_and_period() -> None:
    assert judge_rule(REFERS_TO, [["w", "1", "a"]], other_rows=make_row_lookup(OTHER_ROWS, absent=["FY2024-25"])) == (
        RuleResult.NOT_RUN,
        "There is no accepted submission of OTHER for FY2024-25 to compare with.",
    )


def test_a_current_submission_without_rows_is_compared_with() -> None:
    assert judge_rule(REFERS_TO, [["x", "1", "a"]], other_rows=make_row_lookup([])) == (RuleResult.FAILED, "")


def test_a_row_with_an_unreadable_reference_is_reported_once() -> None:
    judgement = replace(VALUE, other_broken_rules=frozenset({"tst.n.type"})).judge(
        [["x", "ten", None], ["y", "1", None]]
    )
    assert sorted(judgement.findings.select("rule", "row").rows()) == [("tst.held", 3), ("tst.n.type", 2)]
    assert judgement.verdict is Verdict.REJECTED


def test_a_sum_with_a_cell_in_error_is_not_compared() -> None:
    judgement = SUM.judge([["x", "ten", None], ["y", "1", None]])
    assert judgement.findings.select("rule", "row").rows() == [("tst.n.type", 2)]


def test_a_reference_table_is_not_used_before_its_first_version() -> None:
    earlier_fixture = replace(STREET, period="FY2017-18")
    assert judge_rule(earlier_fixture, [["Nowhere", None, None]]) == (
        RuleResult.NOT_RUN,
        "No version of “Streets” was in force on 2018-03-31.",
    )


def test_the_version_in_force_on_the_last_day_is_used() -> None:
    assert replace(STREET, period="FY2024-25").find_broken_rows([["New", None, None]]) == []
    assert replace(STREET, period="FY2025-26").find_broken_rows([["New", None, None]]) == [2]


QUARTERS = [f"FY2024-25-Q{number}" for number in (1, 2, 3, 4)]


def test_a_year_is_compared_with_all_its_quarters_or_with_none() -> None:
    quarterly_fixture = replace(COUNT, files=write_other_return("financial-quarter", "FY2020-21-Q1"))
    assert quarterly_fixture.find_broken_rows([["a", None, None]] * 12) == []
    assert quarterly_fixture.find_broken_rows([["a", None, None]] * 11) == [TABLE]
    assert judge_rule(quarterly_fixture, [], other_rows=make_row_lookup(OTHER_ROWS, absent=["FY2024-25-Q3"])) == (
        RuleResult.NOT_RUN,
        "There is no accepted submission of OTHER for FY2024-25-Q3 to compare with.",
    )


def test_a_quarter_is_compared_with_its_year() -> None:
    assert replace(REFERS_TO, period="FY2024-25-Q3").find_broken_rows([["x", "1", "a"], ["w", "1", "a"]]) == [3]


def test_a_year_without_the_other_return_is_not_compared() -> None:
    earlier_fixture = replace(REFERS_TO, period="FY2019-20")
    assert judge_rule(earlier_fixture, [["w", "1", "a"]]) == (RuleResult.NOT_RUN, "OTHER was not asked for FY2019-20.")


def make_sql_fixture(query: str) -> RuleFixture:
    rule = {
        "id": "held", "name": "It is held", "description": "Look again.", "severity": "error", "type": "sql",
        "query": query, "mustBe": 0,
    }  # fmt: skip
    return replace(REFERS_TO, kind=RuleKind.SQL, column="", quality=[rule])


def test_written_sql_reads_other_returns_and_reference_tables() -> None:
    query = (
        "SELECT count(*) FROM {model} m WHERE EXISTS (SELECT 1 FROM {other.things} o WHERE o.place = m.ref "
        "AND o.number > m.n AND o.period = getvariable('period')) "
        "OR m.ref NOT IN (SELECT street FROM {reference.streets} UNION SELECT place FROM {other.things})"
    )
    assert make_sql_fixture(query).find_broken_rows(
        [["x", "9", None], ["x", "10", None], ["Lane", "1", None], ["w", "1", None]]
    ) == [2, 5]


def make_refers_to(to: Mapping[str, str], **by: str) -> RuleFixture:
    return make_fixture(RuleKind.REFERS_TO, "REF", to=to, by=by)


def make_agrees_with(item: str, **by: str) -> RuleFixture:
    return make_fixture(RuleKind.AGREES_WITH, "N", item="n", of={**TARGET, "item": item}, by=by)


def make_in_reference(reference: str, column: str) -> RuleFixture:
    return make_fixture(RuleKind.IN_REFERENCE, "REF", reference=reference, by={"ref": column})


INVALID_FIXTURES = {
    "no return": (make_refers_to({"return": "OTHR", "table": "things"}, ref="place"), "othr"),
    "no table": (make_refers_to({"return": "OTHER", "table": "thing"}, ref="place"), "thing"),
    "itself": (make_refers_to({"return": "TST", "table": "t"}, ref="kind"), "not another return"),
    "no column": (make_refers_to(TARGET, ref="plaice"), "plaice"),
    "no own item": (make_refers_to(TARGET, reff="place"), "reff"),
    "other types": (make_refers_to(TARGET, ref="number"), "never equal"),
    "no figure": (make_agrees_with("place", ref="place"), "not a figure"),
    "a measurement": (make_agrees_with("cost", ref="place"), "measurement"),
    "half a key": (make_agrees_with("number", kind="number"), "key"),
    "no reference table": (make_in_reference("strets", "street"), "strets"),
    "no column of it": (make_in_reference("streets", "name"), "name"),
    "periods that cross": (
        replace(REFERS_TO, files=write_other_return("academic-year", "AY2020-21")),
        "one period inside the other",
    ),
    "single days": (replace(REFERS_TO, files=write_other_return("day", "2020-09-01")), "one period inside the other"),
    "no table in SQL": (
        make_sql_fixture("SELECT count(*) FROM {model} WHERE ref IN (SELECT place FROM {other.its})"),
        "its",
    ),
    "no column in SQL": (
        make_sql_fixture("SELECT count(*) FROM {model} WHERE ref IN (SELECT q FROM {other.things})"),
        "'q'",
    ),
    "no return in SQL": (
        make_sql_fixture("SELECT count(*) FROM {model} WHERE ref IN (SELECT q FROM {othr.things})"),
        "othr",
    ),
}


@pytest.mark.parametrize(("fixture", "words"), INVALID_FIXTURES.values(), ids=INVALID_FIXTURES.keys())
def test_a_rule_that_cannot_be_checked_is_refused_with_its_line(fixture: RuleFixture, words: str) -> None:
    with pytest.raises(RegisterError) as refusal:
        _ = fixture.register
    assert any(
        words in contradiction.what or words in contradiction.remedy for contradiction in refusal.value.contradictions
    ), str(refusal.value)
    assert all(contradiction.line for contradiction in refusal.value.contradictions)
