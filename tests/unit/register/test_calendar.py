"""Periods and due days of returns."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.submission_calendar import due_date, list_begun_periods, timing
from lgdp_pipelines.vocabulary.periods import PeriodKind, parse_period
from tests.support.small_register import SmallRegister


def test_periods_are_those_that_have_begun_since_the_first(small: SmallRegister) -> None:
    pets = load_register(small.root).returns["PETS"]
    assert list_begun_periods(pets, date(2024, 3, 31)) == ()
    assert [period.id for period in list_begun_periods(pets, date(2024, 4, 1))] == ["2024-04"]
    assert [period.id for period in list_begun_periods(pets, date(2024, 6, 30))] == ["2024-04", "2024-05", "2024-06"]


def test_a_submission_is_due_so_many_days_after_the_period(small: SmallRegister) -> None:
    pets = load_register(small.root).returns["PETS"].latest
    assert due_date(pets, parse_period("2024-04")) == date(2024, 5, 28)
    assert due_date(pets, parse_period("9999-12")) == date.max


def test_a_period_may_have_a_due_date_of_its_own(small: SmallRegister) -> None:
    pets = replace(load_register(small.root).returns["PETS"].latest, due_dates={"2024-04": date(2024, 6, 3)})
    assert due_date(pets, parse_period("2024-04")) == date(2024, 6, 3)
    assert due_date(pets, parse_period("2024-05")) == date(2024, 6, 28)


def test_what_comes_is_early_in_time_or_late_by_the_day_in_scotland(small: SmallRegister) -> None:
    pets, april = load_register(small.root).returns["PETS"].latest, parse_period("2024-04")
    came = [datetime(2024, 4, 30, 22, 30, tzinfo=UTC), datetime(2024, 4, 30, 23, 30, tzinfo=UTC)]
    came += [datetime(2024, 5, 28, 22, 59, tzinfo=UTC), datetime(2024, 5, 28, 23, tzinfo=UTC)]
    assert [timing(pets, april, moment) for moment in came] == ["early", "in time", "in time", "late"]


def test_a_return_by_day_is_asked_once_a_year_on_its_census_day(small: SmallRegister) -> None:
    pets = load_register(small.root).returns["PETS"]
    by_day = replace(pets.latest, period_kind=PeriodKind.DAY)
    census = replace(
        pets, contracts=(replace(by_day, valid_from="2022-10-31"), replace(by_day, valid_from="2024-02-29"))
    )

    period_ids = ["2022-10-31", "2023-10-31", "2024-02-29", "2028-02-29"]
    assert [period.id for period in list_begun_periods(census, date(2028, 2, 29))] == period_ids
    assert [period.id for period in list_begun_periods(census, date(2028, 2, 28))] == period_ids[:-1]
    assert list_begun_periods(census, date(2022, 10, 30)) == ()
    by_version = [census.contract_for(parse_period(period_id)).valid_from for period_id in period_ids]
    assert by_version == ["2022-10-31", "2022-10-31", "2024-02-29", "2024-02-29"]


@pytest.mark.parametrize("period_id", ["2023-10-30", "2024-10-31", "2022-10-30"])
def test_another_day_than_the_census_day_is_refused(small: SmallRegister, period_id: str) -> None:
    pets = load_register(small.root).returns["PETS"]
    by_day = replace(pets.latest, period_kind=PeriodKind.DAY)
    census = replace(
        pets, contracts=(replace(by_day, valid_from="2022-10-31"), replace(by_day, valid_from="2024-02-29"))
    )
    with pytest.raises(WrongUse):
        census.contract_for(parse_period(period_id))
