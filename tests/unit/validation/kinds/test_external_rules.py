"""What a submission is held against elsewhere: each kind passing, failing, at the border, with nulls and on no rows."""

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


def other(kind: str = "financial-year", valid_from: str = "FY2020-21") -> Mapping[str, str]:
    """A return OTHER with a table ``things`` of places, their numbers and costs; and a reference table of streets."""
    asked: dict[str, Any] = contract(
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
    for word in asked["customProperties"]:
        if word["property"] == "lgdpPeriodKind":
            word["value"] = kind
    return {
        "returns/other/other.v1.0.0.odcs.yaml": json.dumps(asked),
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


def standing(rows: Rows, *, absent: Sequence[str] = ()) -> Callable[[Return, Period, Table], ChunkedFrame | None]:
    """What stands of OTHER: the same rows in each period, but for those where nothing does."""

    def others(data_return: Return, period: Period, asked: Table) -> ChunkedFrame | None:
        assert (data_return.code, asked.name) == ("OTHER", "things")
        if period.id in absent:
            return None
        cells = [(*row, "A", "A", None, number) for number, row in enumerate(rows, start=2)]
        return ChunkedFrame.from_frames(pl.DataFrame(cells, schema=build_typed_schema(asked), orient="row"))

    return others


THERE: Rows = [("x", 10, 1.5), ("y", 20, 2.5), ("z", None, None)]


def ruled(kind: RuleKind, column: str, *, rows: Rows = THERE, **terms: object) -> RuleFixture:
    """A contract whose rows name a place and give a figure, held against what stands elsewhere."""
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
        arguments={"other_rows": standing(rows)},
        files=other(),
    )


TO = {"return": "OTHER", "table": "things"}
REFERS = ruled(RuleKind.REFERS_TO, "REF", to=TO, by={"ref": "place"}, when={"kind": {"not": ["old"]}})
VALUE = ruled(RuleKind.AGREES_WITH, "N", item="n", of={**TO, "item": "number"}, by={"ref": "place"}, tolerance=2)
SUM = ruled(
    RuleKind.AGREES_WITH, "N", figure="sum", item="n", of={**TO, "item": "number"}, by={"ref": "place"},
    tolerancePct=10, rows=[("x", 10, 1.0), ("y", 20, 1.0), ("z", 0, 1.0)],
)  # fmt: skip
COUNT = ruled(RuleKind.AGREES_WITH, "", figure="count", of=TO)
STREET = ruled(
    RuleKind.IN_REFERENCE, "REF", reference="streets", by={"ref": "street"}, council="council_code",
    valid={"from": "from", "to": "to"},
)  # fmt: skip

CASES = {
    "refers_to": (
        REFERS,
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
    ("bench", "case"),
    [pytest.param(bench, case, id=f"{name}: {case.which}") for name, (bench, cases) in CASES.items() for case in cases],
)
def test_each_kind_reports_its_broken_rows_alone(bench: RuleFixture, case: Case) -> None:
    assert bench.found(case.rows) == list(case.broken)


def test_ten_percent_is_of_the_submission_s_own_figure() -> None:
    # 9 may differ by 0.9 from 10, and 10 is 1 away; 9.1 would do; 11 may differ by 1.1.
    assert SUM.found([["x", "11", None], ["y", "20", None]]) == []


def result(bench: RuleFixture, rows: Sequence[Sequence[str | None]], **arguments: object) -> tuple[RuleResult, str]:
    judged = replace(bench, arguments={**bench.arguments, **arguments}).judged(rows)
    (found,) = [outcome for outcome in judged.results if outcome.rule == "tst.held"]
    return found.result, found.reason


def test_a_rule_without_the_other_return_is_not_run_and_names_return_and_period() -> None:
    assert result(REFERS, [["w", "1", "a"]], other_rows=standing(THERE, absent=["FY2024-25"])) == (
        RuleResult.NOT_RUN,
        "There is no accepted submission of OTHER for FY2024-25 to compare with.",
    )


def test_a_current_submission_without_rows_is_compared_with() -> None:
    assert result(REFERS, [["x", "1", "a"]], other_rows=standing([])) == (RuleResult.FAILED, "")


def test_a_row_with_an_unreadable_reference_is_reported_once() -> None:
    judged = replace(VALUE, besides=frozenset({"tst.n.type"})).judged([["x", "ten", None], ["y", "1", None]])
    assert sorted(judged.findings.select("rule", "row").rows()) == [("tst.held", 3), ("tst.n.type", 2)]
    assert judged.verdict is Verdict.REJECTED


def test_a_sum_with_a_cell_in_error_is_not_compared() -> None:
    judged = SUM.judged([["x", "ten", None], ["y", "1", None]])
    assert judged.findings.select("rule", "row").rows() == [("tst.n.type", 2)]


def test_a_reference_table_is_not_used_before_its_first_version() -> None:
    before = replace(STREET, period="FY2017-18")
    assert result(before, [["Nowhere", None, None]]) == (
        RuleResult.NOT_RUN,
        "No version of “Streets” was in force on 2018-03-31.",
    )


def test_the_version_in_force_on_the_last_day_is_used() -> None:
    assert replace(STREET, period="FY2024-25").found([["New", None, None]]) == []
    assert replace(STREET, period="FY2025-26").found([["New", None, None]]) == [2]


QUARTERS = [f"FY2024-25-Q{number}" for number in (1, 2, 3, 4)]


def test_a_year_is_compared_with_all_its_quarters_or_with_none() -> None:
    yearly = replace(COUNT, files=other("financial-quarter", "FY2020-21-Q1"))
    assert yearly.found([["a", None, None]] * 12) == []
    assert yearly.found([["a", None, None]] * 11) == [TABLE]
    assert result(yearly, [], other_rows=standing(THERE, absent=["FY2024-25-Q3"])) == (
        RuleResult.NOT_RUN,
        "There is no accepted submission of OTHER for FY2024-25-Q3 to compare with.",
    )


def test_a_quarter_is_compared_with_its_year() -> None:
    assert replace(REFERS, period="FY2024-25-Q3").found([["x", "1", "a"], ["w", "1", "a"]]) == [3]


def test_a_year_without_the_other_return_is_not_compared() -> None:
    earlier = replace(REFERS, period="FY2019-20")
    assert result(earlier, [["w", "1", "a"]]) == (RuleResult.NOT_RUN, "OTHER was not asked for FY2019-20.")


def in_sql(query: str) -> RuleFixture:
    rule = {
        "id": "held", "name": "It is held", "description": "Look again.", "severity": "error", "type": "sql",
        "query": query, "mustBe": 0,
    }  # fmt: skip
    return replace(REFERS, kind=RuleKind.SQL, column="", quality=[rule])


def test_written_sql_reads_other_returns_and_reference_tables() -> None:
    query = (
        "SELECT count(*) FROM {model} m WHERE EXISTS (SELECT 1 FROM {other.things} o WHERE o.place = m.ref "
        "AND o.number > m.n AND o.period = getvariable('period')) "
        "OR m.ref NOT IN (SELECT street FROM {reference.streets} UNION SELECT place FROM {other.things})"
    )
    assert in_sql(query).found([["x", "9", None], ["x", "10", None], ["Lane", "1", None], ["w", "1", None]]) == [2, 5]


def refers(to: Mapping[str, str], **by: str) -> RuleFixture:
    return ruled(RuleKind.REFERS_TO, "REF", to=to, by=by)


def agrees(item: str, **by: str) -> RuleFixture:
    return ruled(RuleKind.AGREES_WITH, "N", item="n", of={**TO, "item": item}, by=by)


def sheets(reference: str, column: str) -> RuleFixture:
    return ruled(RuleKind.IN_REFERENCE, "REF", reference=reference, by={"ref": column})


SPOILT = {
    "no return": (refers({"return": "OTHR", "table": "things"}, ref="place"), "othr"),
    "no table": (refers({"return": "OTHER", "table": "thing"}, ref="place"), "thing"),
    "itself": (refers({"return": "TST", "table": "t"}, ref="kind"), "not another return"),
    "no column": (refers(TO, ref="plaice"), "plaice"),
    "no own item": (refers(TO, reff="place"), "reff"),
    "other types": (refers(TO, ref="number"), "never the same"),
    "no figure": (agrees("place", ref="place"), "not a figure"),
    "a measurement": (agrees("cost", ref="place"), "measurement"),
    "half a key": (agrees("number", kind="number"), "key"),
    "no reference table": (sheets("strets", "street"), "strets"),
    "no column of it": (sheets("streets", "name"), "name"),
    "periods that cross": (replace(REFERS, files=other("academic-year", "AY2020-21")), "lie in the other whole"),
    "single days": (replace(REFERS, files=other("day", "2020-09-01")), "lie in the other whole"),
    "no table in SQL": (in_sql("SELECT count(*) FROM {model} WHERE ref IN (SELECT place FROM {other.its})"), "its"),
    "no column in SQL": (in_sql("SELECT count(*) FROM {model} WHERE ref IN (SELECT q FROM {other.things})"), "'q'"),
    "no return in SQL": (in_sql("SELECT count(*) FROM {model} WHERE ref IN (SELECT q FROM {othr.things})"), "othr"),
}


@pytest.mark.parametrize(("bench", "told"), SPOILT.values(), ids=SPOILT.keys())
def test_a_rule_that_cannot_be_checked_is_refused_with_its_line(bench: RuleFixture, told: str) -> None:
    with pytest.raises(RegisterError) as refused:
        _ = bench.register
    assert any(
        told in contradiction.what or told in contradiction.remedy for contradiction in refused.value.contradictions
    ), str(refused.value)
    assert all(contradiction.line for contradiction in refused.value.contradictions)
