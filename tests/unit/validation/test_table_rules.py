"""A figure held against an earlier period's."""

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
    make_bench,
    make_item,
    make_rule,
    make_table,
    outcome,
    places,
)


def bench(
    *,
    by: tuple[str, ...] = ("k",),
    fall: float | None = None,
    rise: float | None = None,
    floor: float = 0,
    back: int = 1,
    within: PeriodKind | None = None,
    kind: PeriodKind = PeriodKind.FINANCIAL_YEAR,
) -> Bench:
    terms = EarlierPeriodTerms("n", by, back, within, fall, rise, floor)
    rule = make_rule("like_before", RuleKind.EARLIER_PERIOD, severity=Severity.QUERY, items=("n",), terms=terms)
    key, figure = (
        make_item("k", key=bool(by)),
        make_item("n", ItemType.DECIMAL, precision=9, scale=2, role=Role.MEASURE),
    )
    return make_bench(make_table("t", [key, figure], [rule]), kind=kind)


def before(**figures: str | None) -> PriorPeriodRows:
    """Validated rows of the earlier period."""
    frame = pl.DataFrame(
        {"k": list(figures), "n": [figure and Decimal(figure) for figure in figures.values()]},
        schema={"k": pl.String, "n": pl.Decimal(9, 2)},
    )
    return lambda _period, _table: ChunkedFrame.from_frames(frame)


@pytest.mark.parametrize(
    ("now", "breaks"),
    [("100", False), ("80", False), ("79.99", True), ("150", False), ("150.01", True), ("0", True), (None, False)],
)
def test_a_fall_or_rise_beyond_its_percentage_breaks_the_rule(now: str | None, breaks: bool) -> None:  # noqa: FBT001
    judged = bench(fall=20, rise=50).judge([["a", now]], earlier=before(a="100"))
    assert places(judged) == ([("tst.like_before", 2)] if breaks else [])
    assert judged.verdict is (Verdict.QUERIED if breaks else Verdict.ACCEPTED)


def test_a_direction_without_a_limit_is_not_compared() -> None:
    assert places(bench(fall=20).judge([["a", "999"]], earlier=before(a="1"))) == []
    assert places(bench(rise=20).judge([["a", "1"]], earlier=before(a="999"))) == []


@pytest.mark.parametrize(("now", "breaks"), [("15", False), ("15.01", True), ("5", False), ("4.99", True)])
def test_changes_up_to_the_floor_never_break_the_rule(now: str, breaks: bool) -> None:  # noqa: FBT001
    judged = bench(fall=0, rise=0, floor=5).judge([["a", now]], earlier=before(a="10"))
    assert places(judged) == ([("tst.like_before", 2)] if breaks else [])


def test_a_rise_from_zero_above_the_floor_breaks_the_rule() -> None:
    limited = bench(rise=1000, floor=2)
    assert places(limited.judge([["a", "2"]], earlier=before(a="0"))) == []
    assert places(limited.judge([["a", "3"]], earlier=before(a="0"))) == [("tst.like_before", 2)]


def test_a_negative_figure_falls_by_a_percentage_of_its_size() -> None:
    limited = bench(fall=50)
    assert places(limited.judge([["a", "-15"]], earlier=before(a="-10"))) == []
    assert places(limited.judge([["a", "-16"]], earlier=before(a="-10"))) == [("tst.like_before", 2)]


def test_figures_are_compared_by_key() -> None:
    judged = bench(fall=10).judge([["new", "1"], ["b", "1"], ["a", "100"]], earlier=before(a="100", b="50", gone="7"))
    assert places(judged) == [("tst.like_before", 3)]


def test_a_missing_figure_on_either_side_is_not_compared() -> None:
    judged = bench(fall=0, rise=0).judge([["a", None], ["b", "5"], [None, "9"]], earlier=before(a="1", b=None))
    assert places(judged) == []


def test_a_table_of_one_row_needs_no_key() -> None:
    judged = bench(by=(), fall=0).judge([[None, "5"]], earlier=before(a="6"))
    assert places(judged) == [("tst.like_before", 2)]


def test_rows_of_the_comparison_period_are_requested() -> None:
    asked: list[str] = []

    def earlier(period: Period, table: Table) -> None:
        asked.append(f"{period.id} {table.name}")

    judged = bench(fall=1, back=4, kind=PeriodKind.FINANCIAL_QUARTER).judge(
        [["a", "1"]], period=financial_quarter(2024, 2), earlier=earlier
    )
    assert asked == ["FY2023-24-Q2 t"]
    result = outcome(judged, "tst.like_before")
    assert (result.result, result.failed) == (RuleResult.NOT_RUN, 0)
    assert "FY2023-24-Q2" in result.reason
    assert judged.verdict is Verdict.ACCEPTED


def test_a_cumulative_series_starts_afresh_in_its_year() -> None:
    yearly = bench(fall=0, within=PeriodKind.FINANCIAL_YEAR, kind=PeriodKind.FINANCIAL_QUARTER)
    first = yearly.judge([["a", "1"]], period=financial_quarter(2024, 1), earlier=before(a="100"))
    assert outcome(first, "tst.like_before").result is RuleResult.NOT_RUN
    second = yearly.judge([["a", "1"]], period=financial_quarter(2024, 2), earlier=before(a="100"))
    assert places(second) == [("tst.like_before", 2)]


def test_an_unreadable_figure_is_not_compared() -> None:
    judged = bench(fall=0).judge([["a", "x"]], period=financial_year(2024), earlier=before(a="100"))
    assert places(judged) == [("tst.n.type", 2)]


def test_a_council_s_own_limits_replace_the_common_ones_where_given() -> None:
    own = EarlierPeriodTerms("n", ("k",), 1, None, 10, 20, 5, councils={"MRY": CouncilLimits(None, 40, None)})
    figure = make_item("n", ItemType.DECIMAL, precision=9, scale=2, role=Role.MEASURE)
    rule = make_rule("like_before", RuleKind.EARLIER_PERIOD, severity=Severity.QUERY, items=("n",), terms=own)
    limited = make_bench(make_table("t", [make_item("k", key=True), figure], [rule]), kind=PeriodKind.FINANCIAL_YEAR)

    def broken(now: str, council: Council) -> list[tuple[str, int | None]]:
        return places(limited.judge([["a", now]], council=council, earlier=before(a="100")))

    assert (broken("130", FIFE), broken("130", MORAY)) == ([("tst.like_before", 2)], [])
    assert (broken("140", MORAY), broken("141", MORAY)) == ([], [("tst.like_before", 2)])
    assert broken("80", MORAY) == [("tst.like_before", 2)], "a fall is as for all"


def test_items_are_matched_by_urn_under_any_name() -> None:
    terms = EarlierPeriodTerms("n", ("k",), 1, None, 10, None, 0)
    now = make_table("t", [make_item("k", key=True), make_item("n", ItemType.DECIMAL, role=Role.MEASURE)])
    key = make_item("key_then", key=True, urn=now.by_name["k"].urn)
    figure = make_item("n_then", ItemType.INTEGER, role=Role.MEASURE, urn=now.by_name["n"].urn)

    assert match_prior_items(terms, now, make_table("t", [figure, key])) == {"n": "n_then", "k": "key_then"}
    assert match_prior_items(terms, now, make_table("t", [key])) is None, "the figure was not asked"
    other = make_item("key_then", ItemType.INTEGER, key=True, urn=now.by_name["k"].urn)
    assert match_prior_items(terms, now, make_table("t", [figure, other])) is None, "a number is no text"
