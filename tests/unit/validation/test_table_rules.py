"""Figures compared with those of an earlier period."""

from decimal import Decimal

import polars as pl
import pytest

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.register.model.table_model import ItemType, Role, Table
from lgdp_pipelines.register.rules.kinds.figure_rules import CouncilLimits, EarlierPeriodTerms
from lgdp_pipelines.validation.judging_context import PriorPeriodRows
from lgdp_pipelines.validation.table_rules import match_prior_items
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period, PeriodKind, financial_quarter, financial_year
from lgdp_pipelines.vocabulary.verdicts import RuleKind, RuleResult, Severity, Verdict
from tests.support.small_contract import (
    FIFE,
    MORAY,
    Bench,
    find_outcome,
    list_findings,
    make_bench,
    make_item,
    make_rule,
    make_table,
)


def make_rise_bench(
    *,
    by: tuple[str, ...] = ("k",),
    fall: float | None = None,
    rise: float | None = None,
    floor: float = 0,
    periods_back: int = 1,
    within: PeriodKind | None = None,
    kind: PeriodKind = PeriodKind.FINANCIAL_YEAR,
) -> Bench:
    terms = EarlierPeriodTerms("n", by, periods_back, within, fall, rise, floor)
    rule = make_rule("like_before", RuleKind.EARLIER_PERIOD, severity=Severity.QUERY, items=("n",), terms=terms)
    key, figure = (
        make_item("k", key=bool(by)),
        make_item("n", ItemType.DECIMAL, precision=9, scale=2, role=Role.MEASURE),
    )
    return make_bench(make_table("t", [key, figure], [rule]), kind=kind)


def make_prior_rows(**figures: str | None) -> PriorPeriodRows:
    """Return a look-up of validated rows of the earlier period."""
    frame = pl.DataFrame(
        {"k": list(figures), "n": [figure and Decimal(figure) for figure in figures.values()]},
        schema={"k": pl.String, "n": pl.Decimal(9, 2)},
    )
    return lambda _period, _table: ChunkedFrame.from_frames(frame)


@pytest.mark.parametrize(
    ("figure_text", "breaks"),
    [("100", False), ("80", False), ("79.99", True), ("150", False), ("150.01", True), ("0", True), (None, False)],
)
def test_a_fall_or_rise_beyond_its_percentage_breaks_the_rule(figure_text: str | None, breaks: bool) -> None:  # noqa: FBT001
    judgement = make_rise_bench(fall=20, rise=50).judge([["a", figure_text]], prior_rows=make_prior_rows(a="100"))
    assert list_findings(judgement) == ([("tst.like_before", 2)] if breaks else [])
    assert judgement.verdict is (Verdict.QUERIED if breaks else Verdict.ACCEPTED)


def test_a_direction_without_a_limit_is_not_compared() -> None:
    assert list_findings(make_rise_bench(fall=20).judge([["a", "999"]], prior_rows=make_prior_rows(a="1"))) == []
    assert list_findings(make_rise_bench(rise=20).judge([["a", "1"]], prior_rows=make_prior_rows(a="999"))) == []


@pytest.mark.parametrize(("figure_text", "breaks"), [("15", False), ("15.01", True), ("5", False), ("4.99", True)])
def test_changes_up_to_the_floor_never_break_the_rule(figure_text: str, breaks: bool) -> None:  # noqa: FBT001
    judgement = make_rise_bench(fall=0, rise=0, floor=5).judge([["a", figure_text]], prior_rows=make_prior_rows(a="10"))
    assert list_findings(judgement) == ([("tst.like_before", 2)] if breaks else [])


def test_a_rise_from_zero_above_the_floor_breaks_the_rule() -> None:
    bench = make_rise_bench(rise=1000, floor=2)
    assert list_findings(bench.judge([["a", "2"]], prior_rows=make_prior_rows(a="0"))) == []
    assert list_findings(bench.judge([["a", "3"]], prior_rows=make_prior_rows(a="0"))) == [("tst.like_before", 2)]


def test_a_negative_figure_falls_by_a_percentage_of_its_size() -> None:
    bench = make_rise_bench(fall=50)
    assert list_findings(bench.judge([["a", "-15"]], prior_rows=make_prior_rows(a="-10"))) == []
    assert list_findings(bench.judge([["a", "-16"]], prior_rows=make_prior_rows(a="-10"))) == [("tst.like_before", 2)]


def test_figures_are_compared_by_key() -> None:
    judgement = make_rise_bench(fall=10).judge(
        [["new", "1"], ["b", "1"], ["a", "100"]], prior_rows=make_prior_rows(a="100", b="50", gone="7")
    )
    assert list_findings(judgement) == [("tst.like_before", 3)]


def test_a_missing_figure_on_either_side_is_not_compared() -> None:
    judgement = make_rise_bench(fall=0, rise=0).judge(
        [["a", None], ["b", "5"], [None, "9"]], prior_rows=make_prior_rows(a="1", b=None)
    )
    assert list_findings(judgement) == []


def test_a_table_of_one_row_needs_no_key() -> None:
    judgement = make_rise_bench(by=(), fall=0).judge([[None, "5"]], prior_rows=make_prior_rows(a="6"))
    assert list_findings(judgement) == [("tst.like_before", 2)]


def test_rows_of_the_comparison_period_are_requested() -> None:
    requests: list[str] = []

    def find_prior_rows(period: Period, table: Table) -> None:
        requests.append(f"{period.id} {table.name}")

    judgement = make_rise_bench(fall=1, periods_back=4, kind=PeriodKind.FINANCIAL_QUARTER).judge(
        [["a", "1"]], period=financial_quarter(2024, 2), prior_rows=find_prior_rows
    )
    assert requests == ["FY2023-24-Q2 t"]
    outcome = find_outcome(judgement, "tst.like_before")
    assert (outcome.result, outcome.failed) == (RuleResult.NOT_RUN, 0)
    assert "FY2023-24-Q2" in outcome.reason
    assert judgement.verdict is Verdict.ACCEPTED


def test_a_cumulative_series_starts_afresh_in_its_year() -> None:
    quarterly_bench = make_rise_bench(fall=0, within=PeriodKind.FINANCIAL_YEAR, kind=PeriodKind.FINANCIAL_QUARTER)
    first = quarterly_bench.judge([["a", "1"]], period=financial_quarter(2024, 1), prior_rows=make_prior_rows(a="100"))
    assert find_outcome(first, "tst.like_before").result is RuleResult.NOT_RUN
    second = quarterly_bench.judge([["a", "1"]], period=financial_quarter(2024, 2), prior_rows=make_prior_rows(a="100"))
    assert list_findings(second) == [("tst.like_before", 2)]


def test_an_unreadable_figure_is_not_compared() -> None:
    judgement = make_rise_bench(fall=0).judge(
        [["a", "x"]], period=financial_year(2024), prior_rows=make_prior_rows(a="100")
    )
    assert list_findings(judgement) == [("tst.n.type", 2)]


def test_a_council_s_own_limits_replace_the_common_ones_where_given() -> None:
    council_terms = EarlierPeriodTerms("n", ("k",), 1, None, 10, 20, 5, councils={"MRY": CouncilLimits(None, 40, None)})
    figure = make_item("n", ItemType.DECIMAL, precision=9, scale=2, role=Role.MEASURE)
    rule = make_rule("like_before", RuleKind.EARLIER_PERIOD, severity=Severity.QUERY, items=("n",), terms=council_terms)
    bench = make_bench(make_table("t", [make_item("k", key=True), figure], [rule]), kind=PeriodKind.FINANCIAL_YEAR)

    def list_violations(figure_text: str, council: Council) -> list[tuple[str, int | None]]:
        return list_findings(bench.judge([["a", figure_text]], council=council, prior_rows=make_prior_rows(a="100")))

    assert (list_violations("130", FIFE), list_violations("130", MORAY)) == ([("tst.like_before", 2)], [])
    assert (list_violations("140", MORAY), list_violations("141", MORAY)) == ([], [("tst.like_before", 2)])
    assert list_violations("80", MORAY) == [("tst.like_before", 2)], "a fall is as for all"


def test_items_are_matched_by_urn_under_any_name() -> None:
    terms = EarlierPeriodTerms("n", ("k",), 1, None, 10, None, 0)
    figure_text = make_table("t", [make_item("k", key=True), make_item("n", ItemType.DECIMAL, role=Role.MEASURE)])
    key = make_item("key_then", key=True, urn=figure_text.by_name["k"].urn)
    figure = make_item("n_then", ItemType.INTEGER, role=Role.MEASURE, urn=figure_text.by_name["n"].urn)

    assert match_prior_items(terms, figure_text, make_table("t", [figure, key])) == {"n": "n_then", "k": "key_then"}
    assert match_prior_items(terms, figure_text, make_table("t", [key])) is None, "the figure was not asked"
    other_key = make_item("key_then", ItemType.INTEGER, key=True, urn=figure_text.by_name["k"].urn)
    assert match_prior_items(terms, figure_text, make_table("t", [figure, other_key])) is None, "a number is no text"
