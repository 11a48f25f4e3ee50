"""Periods: ids, spellings in real files, steps, and the ends of the calendar."""

from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.vocabulary.periods import (
    Period,
    PeriodKind,
    calendar_quarter,
    calendar_year,
    financial_quarter,
    financial_year,
    find_corresponding_periods,
    find_period,
    list_period_spellings,
    list_periods,
    month,
    parse_period,
    read_period,
)

K = PeriodKind
KINDS = st.sampled_from(list(PeriodKind))
DAYS = st.dates(date(2, 1, 1), date(9997, 12, 31))
PERIODS = st.builds(find_period, KINDS, DAYS)
FEW = settings(max_examples=80, deadline=None)


@pytest.mark.parametrize(
    ("text", "kind", "start", "end"),
    [
        ("FY2024-25", K.FINANCIAL_YEAR, date(2024, 4, 1), date(2025, 3, 31)),
        ("FY2024-25-Q1", K.FINANCIAL_QUARTER, date(2024, 4, 1), date(2024, 6, 30)),
        ("FY2024-25-Q4", K.FINANCIAL_QUARTER, date(2025, 1, 1), date(2025, 3, 31)),
        ("FY1999-00", K.FINANCIAL_YEAR, date(1999, 4, 1), date(2000, 3, 31)),
        ("AY2024-25", K.ACADEMIC_YEAR, date(2024, 8, 1), date(2025, 7, 31)),
        ("CY2024", K.CALENDAR_YEAR, date(2024, 1, 1), date(2024, 12, 31)),
        ("CY2024-Q1", K.CALENDAR_QUARTER, date(2024, 1, 1), date(2024, 3, 31)),
        ("2024-02", K.MONTH, date(2024, 2, 1), date(2024, 2, 29)),
        ("2024-09-11", K.DAY, date(2024, 9, 11), date(2024, 9, 11)),
        ("9999-12", K.MONTH, date(9999, 12, 1), date(9999, 12, 31)),
    ],
)
def test_an_id_names_kind_and_days(text: str, kind: PeriodKind, start: date, end: date) -> None:
    assert parse_period(text) == Period(text, kind, start, end)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-25",
        "FY2024-26",
        "FY2024-2025",
        "FY2024-25-Q5",
        "AY2024-25-Q1",
        "CY24",
        "2024-13",
        "2024-02-30",
        "0000-01",
        "CY0000",
        "FY9999-00",
        "fy2024-25",
        " CY2024",
        "CY2024\n",
        "CY٢٠٢٤",
    ],
)
def test_what_is_no_id_is_wrong_use_with_a_remedy(text: str) -> None:
    with pytest.raises(WrongUse) as error:
        parse_period(text)
    assert "FY2024-25" in error.value.remedy


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("2017/18", K.FINANCIAL_YEAR, "FY2017-18"),
        ("2010-11", K.FINANCIAL_YEAR, "FY2010-11"),
        ("2010-11", K.ACADEMIC_YEAR, "AY2010-11"),
        ("2010-11", K.MONTH, "2010-11"),
        ("2009-2010", K.FINANCIAL_YEAR, "FY2009-10"),
        ("2009 – 2010", K.FINANCIAL_YEAR, "FY2009-10"),
        ("2024", K.CALENDAR_YEAR, "CY2024"),
        ("2018Q3", K.CALENDAR_QUARTER, "CY2018-Q3"),
        ("2024-25_Q1", K.FINANCIAL_QUARTER, "FY2024-25-Q1"),
        ("202404", K.MONTH, "2024-04"),
        ("http://reference.data.gov.uk/id/government-year/2015-2016", K.FINANCIAL_YEAR, "FY2015-16"),
        ("http://reference.data.gov.uk/id/year/2015", K.CALENDAR_YEAR, "CY2015"),
        ("government-year/2015-2016", K.FINANCIAL_YEAR, "FY2015-16"),
        (" FY2024-25 ", K.FINANCIAL_YEAR, "FY2024-25"),
        # What it is not.
        ("2017-181", K.FINANCIAL_YEAR, None),
        ("2017/19", K.FINANCIAL_YEAR, None),
        ("2018Q3", K.FINANCIAL_QUARTER, None),
        ("2024-25_Q1", K.CALENDAR_QUARTER, None),
        ("AY2024-25", K.FINANCIAL_YEAR, None),
        ("CY2024", K.FINANCIAL_YEAR, None),
        ("http://reference.data.gov.uk/id/government-year/2015-2016", K.ACADEMIC_YEAR, None),
        ("2024-13", K.MONTH, None),
        ("9999-00", K.FINANCIAL_YEAR, None),
        ("0000", K.CALENDAR_YEAR, None),
        ("", K.MONTH, None),
    ],
)
def test_a_real_spelling_is_read_by_the_contracts_kind(text: str, kind: PeriodKind, expected: str | None) -> None:
    period = read_period(text, kind)
    assert (period.id if period else None) == expected


@FEW
@given(PERIODS)
def test_every_id_leads_back_to_its_period(period: Period) -> None:
    assert parse_period(period.id) == period
    assert read_period(period.id, period.kind) == period


@FEW
@given(KINDS, DAYS)
def test_a_day_lies_in_its_period(kind: PeriodKind, day: date) -> None:
    period = find_period(kind, day)
    assert period.kind is kind
    assert period.start <= day <= period.end


@FEW
@given(PERIODS, st.integers(-300, 300), st.integers(-300, 300))
def test_steps_add_up_and_leave_no_gap(period: Period, first: int, second: int) -> None:
    assume(700 < period.start.year < 9300)
    assert period.shift(first).shift(second) == period.shift(first + second)
    assert (period.shift(1).start - period.end).days == 1


@FEW
@given(PERIODS, KINDS)
def test_an_id_is_never_read_as_another_kind(period: Period, kind: PeriodKind) -> None:
    """But for bare months: 2010-11 is rightly read as a year where a contract asks by year."""
    assume(kind is not period.kind and period.kind is not K.MONTH)
    read = read_period(period.id, kind)
    assert read is None


@FEW
@given(st.text(alphabet=st.sampled_from(list("0129FYACQ-/_ :id×٣")) | st.characters(), max_size=30), KINDS)
def test_no_text_is_more_than_unread(text: str, kind: PeriodKind) -> None:
    period = read_period(text, kind)
    assert period is None or period.kind is kind


@pytest.mark.parametrize(
    "beyond",
    [
        lambda: financial_year(9999),
        lambda: calendar_year(0),
        lambda: calendar_year(10_000),
        lambda: month(2024, 13),
        lambda: financial_quarter(2024, 0),
        lambda: financial_quarter(2024, 5),
        lambda: calendar_quarter(2024, 5),
        lambda: calendar_year(1).shift(-1),
        lambda: calendar_year(9999).shift(1),
        lambda: parse_period("9999-12-31").shift(1),
        lambda: parse_period("9999-12-31").shift(10**12),
        lambda: find_period(K.FINANCIAL_YEAR, date(1, 1, 1)),
        lambda: find_period(K.ACADEMIC_YEAR, date(9999, 12, 31)),
    ],
)
def test_beyond_the_calendar_is_wrong_use(beyond) -> None:  # noqa: ANN001 - a call that never returns
    with pytest.raises(WrongUse):
        beyond()


def test_periods_between_begin_by_the_day_and_stop_at_the_end_of_the_calendar() -> None:
    quarters = list_periods(parse_period("FY2024-25-Q3"), date(2025, 4, 1))
    assert [quarter.id for quarter in quarters] == ["FY2024-25-Q3", "FY2024-25-Q4", "FY2025-26-Q1"]
    assert [period.id for period in list_periods(parse_period("9999-11"), date.max)] == ["9999-11", "9999-12"]
    assert list(list_periods(parse_period("CY2025"), date(2024, 12, 31))) == []


@pytest.mark.parametrize(
    ("period", "kind", "ids"),
    [
        ("FY2024-25", PeriodKind.FINANCIAL_YEAR, ["FY2024-25"]),
        ("FY2024-25-Q4", PeriodKind.FINANCIAL_YEAR, ["FY2024-25"]),
        ("FY2024-25-Q4", PeriodKind.CALENDAR_YEAR, ["CY2025"]),
        ("2024-07", PeriodKind.ACADEMIC_YEAR, ["AY2023-24"]),
        ("2024-09-11", PeriodKind.MONTH, ["2024-09"]),
        ("FY2024-25", PeriodKind.FINANCIAL_QUARTER, [f"FY2024-25-Q{number}" for number in (1, 2, 3, 4)]),
        ("CY2024-Q1", PeriodKind.MONTH, ["2024-01", "2024-02", "2024-03"]),
        ("CY2024", PeriodKind.FINANCIAL_YEAR, []),
        ("FY2024-25-Q2", PeriodKind.ACADEMIC_YEAR, []),
        ("2024-09", PeriodKind.DAY, []),
    ],
)
def test_periods_of_two_kinds_correspond_where_one_lies_in_the_other_whole(
    period: str, kind: PeriodKind, ids: list[str]
) -> None:
    assert [match.id for match in find_corresponding_periods(kind, parse_period(period))] == ids


@given(
    period=st.sampled_from(
        ["FY2024-25", "FY2099-00", "FY2024-25-Q4", "AY2023-24", "CY2024", "CY2024-Q2", "2024-04", "2024-09-11"]
    ).map(parse_period)
)
def test_every_spelling_of_a_period_is_read_as_that_period(period: Period) -> None:
    spellings = list_period_spellings(period)
    assert spellings[-1] == period.id
    assert all(read_period(text, period.kind) == period for text in spellings)
