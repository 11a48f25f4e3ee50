"""Rules of items and keys: bounds, patterns, lengths, required cells and keys, and the rows that break them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from itertools import product

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.config import config_context

from lgdp_pipelines.errors import LgdpError
from lgdp_pipelines.register.model.table_model import ItemType, Range, Role
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.verdicts import RuleKind, RuleResult, Severity
from tests.support.small_contract import find_outcome, make_item, make_item_bench

BOUNDS = ("minimum", "exclusive_minimum", "maximum", "exclusive_maximum")


def _is_outside(value: float | Decimal, bounds: dict[str, int]) -> bool:
    """Return whether a value is outside the declared bounds."""
    return (
        ("minimum" in bounds and value < bounds["minimum"])
        or ("exclusive_minimum" in bounds and value <= bounds["exclusive_minimum"])
        or ("maximum" in bounds and value > bounds["maximum"])
        or ("exclusive_maximum" in bounds and value >= bounds["exclusive_maximum"])
    )


COMBINATIONS = [
    {name: limit for name, limit, is_used in zip(BOUNDS, (-5, -3, 40, 38), combination, strict=True) if is_used}
    for combination in product([True, False], repeat=4)
    if any(combination)
]


@pytest.mark.parametrize("bounds", COMBINATIONS, ids="-".join)
@pytest.mark.parametrize("kind", [ItemType.INTEGER, ItemType.NUMBER, ItemType.DECIMAL])
def test_every_combination_of_bounds_is_enforced(bounds: dict[str, int], kind: ItemType) -> None:
    limits = Range(**{name: str(limit) for name, limit in bounds.items()})
    bench = make_item_bench(make_item("n", kind, precision=6, scale=1, range=limits))
    numbers = [-999, -6, -5, -4, -3, -2, 0, 37, 38, 39, 40, 41, 999]
    expected = [("tst.n.range", row) for row, number in enumerate(numbers, start=2) if _is_outside(number, bounds)]
    assert bench.list_findings([[str(number)] for number in numbers]) == expected
    assert ("tst.n.range", 14) in expected or not {"maximum", "exclusive_maximum"} & set(bounds)


@pytest.mark.parametrize("bounds", COMBINATIONS, ids="-".join)
def test_every_combination_of_bounds_of_a_day_is_enforced(bounds: dict[str, int]) -> None:
    zero = date(2024, 2, 29)
    limits = Range(**{name: (zero + timedelta(days=limit)).isoformat() for name, limit in bounds.items()})
    bench = make_item_bench(make_item("n", ItemType.DATE, date_format="ddMMyyyy", range=limits))
    numbers = range(-8, 45)
    expected = [("tst.n.range", row) for row, number in enumerate(numbers, start=2) if _is_outside(number, bounds)]
    assert bench.list_findings([[(zero + timedelta(days=number)).strftime("%d%m%Y")] for number in numbers]) == expected


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.decimals(-100, 100, places=2), min_size=1, max_size=6),
    st.fixed_dictionaries({}, optional={name: st.decimals(-50, 50, places=1) for name in BOUNDS}),
)
def test_any_bounds_of_decimals_are_enforced(numbers: list[Decimal], bounds: dict[str, Decimal]) -> None:
    if not bounds:
        return
    limits = Range(**{name: str(limit) for name, limit in bounds.items()})
    bench = make_item_bench(make_item("n", ItemType.DECIMAL, precision=9, scale=2, range=limits))
    expected = [("tst.n.range", row) for row, number in enumerate(numbers, start=2) if _is_outside(number, bounds)]  # type: ignore[arg-type]
    assert bench.list_findings([[format(number, "f")] for number in numbers]) == expected


def test_an_empty_cell_is_within_every_bound() -> None:
    bench = make_item_bench(make_item("n", ItemType.INTEGER, range=Range("1", "5")))
    assert bench.list_findings([[None], [""], ["3"]]) == []


@pytest.mark.parametrize(
    ("text", "fits"),
    [("AB12", True), ("xAB12", False), ("AB12x", False), ("AB12\n", False), (" AB12", False), ("ab12", False)],
)
def test_a_pattern_matches_the_whole_text(text: str, fits: bool) -> None:  # noqa: FBT001
    bench = make_item_bench(make_item("n", pattern="[A-Z]{2}[0-9]{2}|never"))
    assert bench.list_findings([["AB99"], [text]]) == ([] if fits else [("tst.n.pattern", 3)])


@pytest.mark.parametrize(
    ("low", "high", "lengths"),
    [(2, 4, [2, 3, 4]), (3, 3, [3]), (None, 2, [1, 2]), (4, None, [4, 5, 6])],
)
def test_length_counts_characters(low: int | None, high: int | None, lengths: list[int]) -> None:
    bench = make_item_bench(make_item("n", min_length=low, max_length=high))
    expected = [("tst.n.length", size + 1) for size in range(1, 7) if size not in lengths]
    assert bench.list_findings([["é" * size] for size in range(1, 7)]) == expected


def test_pattern_and_length_of_a_number_apply_to_its_spelling() -> None:
    bench = make_item_bench(make_item("n", ItemType.INTEGER, min_length=3, max_length=3, pattern="0.*"))
    assert bench.list_findings([["007"], [" 008 "], ["0009"], ["123"], ["x"]]) == [
        ("tst.n.length", 4),
        ("tst.n.pattern", 5),
        ("tst.n.type", 6),
    ]


def test_a_required_cell_holds_more_than_white_space() -> None:
    bench = make_item_bench(make_item("n", required=True), make_item("m", ItemType.NUMBER, required=True))
    assert bench.list_findings([["x", "1"], ["", " "], [None, None], ["\t", "1"], ["x", "y"]]) == [
        ("tst.n.required", 3),
        ("tst.m.required", 3),
        ("tst.n.required", 4),
        ("tst.m.required", 4),
        ("tst.n.required", 5),
        ("tst.m.type", 6),
    ]


def test_a_mark_fills_a_required_cell_and_breaks_no_bound() -> None:
    bench = make_item_bench(
        make_item(
            "n",
            ItemType.INTEGER,
            role=Role.MEASURE,
            required=True,
            range=Range("1", "5"),
            pattern="[0-9]",
            marks={"*": ObservationStatus.SUPPRESSED},
        )
    )
    assert bench.list_findings([["3"], ["*"], ["9"]]) == [("tst.n.range", 4)]


KEYED_BENCH = make_item_bench(
    make_item("a", key=True, required=True), make_item("b", ItemType.INTEGER, key=True), make_item("c")
)


def test_a_repeated_key_is_reported_at_each_later_row_and_names_the_first() -> None:
    judgement = KEYED_BENCH.judge([["x", "1", ""], ["x", "2", ""], ["x", "01", ""], ["y", "1", ""], ["x", "1", "z"]])
    assert list(judgement.findings.select("rule", "row", "item", "column").iter_rows()) == [
        ("tst.t.key", 4, "urn:lgdp:item:tst:a", "A"),
        ("tst.t.key", 6, "urn:lgdp:item:tst:a", "A"),
    ]
    assert all(message.endswith("The first row with the same is 2.") for message in judgement.findings["message"])


def test_a_key_with_an_empty_part_is_not_compared() -> None:
    assert KEYED_BENCH.list_findings(
        [["", "1", ""], ["", "1", ""], ["x", "", ""], ["x", "", ""], ["x", "y", ""], ["x", "y", ""]]
    ) == [
        ("tst.a.required", 2),
        ("tst.a.required", 3),
        ("tst.b.type", 6),
        ("tst.b.type", 7),
    ]


@pytest.mark.parametrize(
    ("text", "rule"),
    [("", "required"), ("toolong", "length"), ("abc", "pattern"), ("AB", None)],
)
def test_a_cell_has_one_error_at_most(text: str, rule: str | None) -> None:
    bench = make_item_bench(make_item("n", required=True, max_length=4, pattern="[A-Z]+"))
    assert bench.list_findings([["OK"], [text]]) == ([(f"tst.n.{rule}", 3)] if rule else [])


def test_a_query_does_not_hide_an_error_of_the_same_cell() -> None:
    bench = make_item_bench(
        make_item("n", max_length=4, pattern="[A-Z]+", severities={RuleKind.LENGTH: Severity.QUERY})
    )
    assert bench.list_findings([["toolong"]]) == [("tst.n.pattern", 2), ("tst.n.length", 2)]


def test_a_check_that_crashes_is_not_reported_as_bad_data() -> None:
    bench = make_item_bench(make_item("n", pattern="(?=x)x"))
    with pytest.raises(LgdpError, match="cannot be tested"):
        bench.judge([["x"]])


def test_rules_are_tested_even_where_pandera_is_switched_off() -> None:
    bench = make_item_bench(make_item("n", required=True))
    with config_context(validation_enabled=False):
        assert bench.list_findings([[""]]) == [("tst.n.required", 2)]


def test_rules_give_the_same_result_in_many_threads() -> None:
    bench = make_item_bench(make_item("n", ItemType.INTEGER, required=True, range=Range(maximum="5")))

    def list_findings_under(number: int) -> list[tuple[str, int | None]]:
        with config_context(validation_enabled=bool(number % 2)):
            return bench.list_findings([["6"], [""], [str(number % 5)]])

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(list_findings_under, range(64)))
    assert results == [[("tst.n.range", 2), ("tst.n.required", 3)]] * 64


def test_many_failures_are_counted_in_full_and_listed_in_part() -> None:
    rows: Sequence[Sequence[str]] = [["x", "9", "1"]] * 3_000
    judgement = make_item_bench(
        make_item("a", key=True),
        make_item("n", ItemType.INTEGER, range=Range(maximum="5")),
        make_item("c", required=True),
    ).judge(rows)
    for rule, failed in (("tst.n.range", 3_000), ("tst.t.key", 2_999)):
        outcome = find_outcome(judgement, rule)
        assert (outcome.result, outcome.failed) == (RuleResult.FAILED, failed)
        assert outcome.reason == f"The first 1000 findings are listed, {failed - 1000} more are not."
        rows_listed = judgement.findings.filter(pl.col("rule") == rule)["row"].to_list()
        assert rows_listed == list(range(rows_listed[0], rows_listed[0] + 1000))
