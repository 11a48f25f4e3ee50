"""Derived items: computed from their sources, null if a source is missing, and never a guess."""

from dataclasses import replace
from datetime import date
from types import MappingProxyType

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lgdp_pipelines.register.model.derivations import AgeBand, Derivation, FamilyGroup, Quarter, Rate
from lgdp_pipelines.register.model.reference_tables import ReferenceColumn, ReferenceTable, ReferenceVersion
from lgdp_pipelines.register.model.table_model import Item, ItemType, Role
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.periods import PeriodKind, financial_quarter, financial_year
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Verdict
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

BIRTH = make_item("birth", ItemType.DATE, date_format="yyyy-MM-dd")
DAY = make_item("day", ItemType.DATE, date_format="yyyy-MM-dd")


def make_derived_item(name: str, derivation: Derivation, kind: ItemType = ItemType.TEXT, **facts: object) -> Item:
    return make_item(name, kind, derived=derivation, **facts)


BANDS = AgeBand("birth", "day", (0, 16, 18, 65))
QUARTER = Quarter("day", PeriodKind.FINANCIAL_QUARTER)
CALENDAR_QUARTER = Quarter("day", PeriodKind.CALENDAR_QUARTER)
CASES = make_bench(
    make_table(
        "t",
        [BIRTH, DAY],
        [
            make_rule("no_child", items=("band",), sql="SELECT count(*) FROM {model} WHERE band = '0-15'"),
            make_rule("banded", items=("band",), sql="SELECT count(*) FROM {model} WHERE band IS NULL"),
        ],
        derived=(
            make_derived_item("band", BANDS),
            make_derived_item("quarter", QUARTER),
            make_derived_item("calendar", CALENDAR_QUARTER),
        ),
    )
)


def derive_values(bench: Bench, rows: list[list[str | None]], name: str) -> list[object]:
    return bench.values(rows, name)


@pytest.mark.parametrize(
    ("birth", "day", "band"),
    [
        ("2008-05-06", "2024-05-05", "0-15"),
        ("2008-05-06", "2024-05-06", "16-17"),
        ("2006-05-06", "2024-05-06", "18-64"),
        ("1959-05-07", "2024-05-06", "18-64"),
        ("1959-05-06", "2024-05-06", "65+"),
        ("2008-02-29", "2024-02-28", "0-15"),
        ("2008-02-29", "2024-02-29", "16-17"),
        ("2008-02-29", "2026-02-28", "16-17"),
        ("2008-02-29", "2026-03-01", "18-64"),
        ("2024-05-06", "2024-05-06", "0-15"),
        ("2024-05-07", "2024-05-06", None),
        (None, "2024-05-06", None),
        ("2008-05-06", None, None),
        (None, None, None),
    ],
)
def test_an_age_is_in_completed_years(birth: str | None, day: str | None, band: str | None) -> None:
    assert derive_values(CASES, [[birth, day]], "band") == [band]


def count_birthdays(birth: date, day: date) -> int:
    """Return the number of birthdays up to a day; in other years 29 February is 1 March."""
    count = 0
    for year in range(birth.year + 1, day.year + 1):
        try:
            birthday = birth.replace(year=year)
        except ValueError:
            birthday = date(year, 3, 1)
        count += birthday <= day
    return count


@settings(deadline=None, max_examples=25)
@given(st.dates(date(1900, 1, 1), date(2024, 12, 31)), st.dates(date(1990, 1, 1), date(2030, 12, 31)))
def test_any_age_falls_into_its_band(birth: date, day: date) -> None:
    years = count_birthdays(birth, day) if birth <= day else None
    expected = next(
        (
            code
            for lower, code in ((65, "65+"), (18, "18-64"), (16, "16-17"), (0, "0-15"))
            if years is not None and years >= lower
        ),
        None,
    )
    assert derive_values(CASES, [[birth.isoformat(), day.isoformat()]], "band") == [expected]


@settings(deadline=None, max_examples=25)
@given(st.integers(2000, 2098), st.integers(1, 4), st.data())
def test_a_quarter_is_that_of_its_day(year: int, quarter: int, data: st.DataObject) -> None:
    period = financial_quarter(year, quarter)
    day = data.draw(st.dates(period.start, period.end))
    assert derive_values(CASES, [[None, day.isoformat()]], "quarter") == [period.id]
    assert derive_values(CASES, [[None, day.isoformat()]], "calendar") == [f"CY{day.year}-Q{(day.month + 2) // 3}"]


def test_a_missing_day_has_no_quarter() -> None:
    assert derive_values(CASES, [[None, None]], "quarter") == [None]


def test_rules_may_name_derived_items() -> None:
    judgement = CASES.judge([["2010-01-01", "2024-05-06"], ["2000-01-01", "2024-05-06"]])
    assert list_findings(judgement) == [("tst.no_child", 2)]


def test_a_rule_skips_derived_values_whose_source_is_in_error() -> None:
    """The unreadable date is reported once, and the null band that it causes is not reported."""
    judgement = CASES.judge([["what", "2024-05-06"], [None, "2024-05-06"]])
    assert list_findings(judgement) == [("tst.birth.type", 2), ("tst.banded", 3)]


PEOPLE = ReferenceTable(
    id="people",
    title="People",
    description="People of a council.",
    columns=(
        ReferenceColumn("council_code", ItemType.TEXT, ""),
        ReferenceColumn("year", ItemType.INTEGER, ""),
        ReferenceColumn("people", ItemType.INTEGER, "", "people"),
    ),
    key=("council_code", "year"),
    versions=(
        ReferenceVersion(
            version="1",
            valid_from=date(2020, 1, 1),
            source="",
            verified="ours",
            rows=(("FIF", "2024", "400"), ("MRY", "2024", "")),
            sha256="a",
        ),
        ReferenceVersion(
            version="2",
            valid_from=date(2021, 1, 1),
            source="",
            verified="ours",
            rows=(("FIF", "2024", "500"),),
            sha256="b",
        ),
    ),
)
GROUPS = ReferenceTable(
    id="groups",
    title="Groups",
    description="Family group of a council.",
    columns=tuple(
        ReferenceColumn(name, ItemType.TEXT, "") for name in ("indicator_code", "council_code", "family_group")
    ),
    key=("indicator_code", "council_code"),
    versions=(
        ReferenceVersion(
            version="1",
            valid_from=date(2020, 1, 1),
            source="",
            verified="ours",
            rows=(("X", "FIF", "Urban"), ("Y", "FIF", "3")),
            sha256="c",
        ),
    ),
)


def make_figures_bench(version: str, indicator: str = "X") -> Bench:
    """Return a contract of a rate over a version of the people, and of a family group."""
    marks = {"*": ObservationStatus.SUPPRESSED}
    bench = make_bench(
        make_table(
            "t",
            [make_item("n", ItemType.INTEGER, role=Role.MEASURE, unit="tonnes", marks=marks)],
            derived=(
                make_derived_item(
                    "rate", Rate("n", 1000, "people", version, "people"), ItemType.NUMBER, role=Role.MEASURE
                ),
                make_derived_item("grouped", FamilyGroup(indicator, "groups", "1")),
            ),
        )
    )
    reference = MappingProxyType({"people": PEOPLE, "groups": GROUPS})
    return replace(bench, register=replace(bench.register, reference=reference))


def derive_rows(bench: Bench, rows: list[list[str | None]], **facts: object) -> list[tuple[object, ...]]:
    frame: pl.DataFrame = bench.judge(rows, **facts).tables["t"].collect()  # type: ignore[arg-type]
    return frame.select("rate", "rate_status", "grouped").rows()


def test_a_rate_uses_the_pinned_version() -> None:
    assert derive_rows(make_figures_bench("1"), [["8"]]) == [(20.0, "A", "Urban")]
    assert derive_rows(make_figures_bench("2"), [["8"]]) == [(16.0, "A", "Urban")]


def test_a_figure_that_is_missing_has_no_rate_and_says_why() -> None:
    assert derive_rows(make_figures_bench("1"), [["0"], ["*"], [""]]) == [
        (0.0, "A", "Urban"),
        (None, "Q", "Urban"),
        (None, "O", "Urban"),
    ]


@pytest.mark.parametrize(("council", "year"), [(FIFE, 2023), (MORAY, 2024), (MORAY, 2023)])
def test_a_rate_without_a_denominator_is_not_collected(council: object, year: int) -> None:
    group = "Urban" if council is FIFE else None
    rows = derive_rows(make_figures_bench("1"), [["8"], ["*"]], council=council, period=financial_year(year))
    assert rows == [(None, "L", group), (None, "Q", group)]


def test_the_family_group_is_that_of_the_indicator() -> None:
    assert derive_rows(make_figures_bench("1", "Y"), [["1"]])[0][2] == "3"
    assert derive_rows(make_figures_bench("1", "Z"), [["1"]])[0][2] is None


def test_an_empty_table_has_the_columns_of_any_other() -> None:
    empty, filled = CASES.judge([]), CASES.judge([[None, None]])
    assert empty.tables["t"].collect().schema == filled.tables["t"].collect().schema
    assert empty.verdict is Verdict.ACCEPTED
    assert find_outcome(empty, "tst.no_child").result is RuleResult.PASSED
