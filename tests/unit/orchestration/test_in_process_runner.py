"""Periods in unbroken ranges, as one Dagster run may cover."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgdp_pipelines.orchestration.in_process_runner import group_consecutive_periods

ORDER = ["CY2019", "CY2020", "CY2021", "CY2022", "CY2023"]


@pytest.mark.parametrize(
    ("chosen_periods", "runs"),
    [
        ([], []),
        (["CY2021"], [("CY2021", "CY2021")]),
        (["CY2019", "CY2020"], [("CY2019", "CY2020")]),
        (["CY2020", "CY2019"], [("CY2019", "CY2020")]),
        (["CY2019", "CY2021", "CY2022"], [("CY2019", "CY2019"), ("CY2021", "CY2022")]),
        (ORDER, [("CY2019", "CY2023")]),
    ],
)
def test_periods_are_grouped_into_unbroken_ranges(chosen_periods: list[str], runs: list[tuple[str, str]]) -> None:
    assert group_consecutive_periods(chosen_periods, ORDER) == runs


@given(st.sets(st.sampled_from(ORDER)))
def test_ranges_cover_the_periods_and_no_others(chosen_periods: set[str]) -> None:
    covered_periods = [
        period
        for first, last in group_consecutive_periods(sorted(chosen_periods), ORDER)
        for period in ORDER[ORDER.index(first) : ORDER.index(last) + 1]
    ]

    assert sorted(covered_periods) == sorted(chosen_periods)
