"""Other spellings made canonical: those that a contract declares and no others, and every cell counted."""

from collections import Counter
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lgdp_pipelines.handover.judgement_values import RepairKind
from lgdp_pipelines.register.model.table_model import Item, ItemType, Role
from lgdp_pipelines.validation.judging_context import SubmissionFacts
from lgdp_pipelines.validation.normalisation import Normaliser
from lgdp_pipelines.vocabulary.code_lists import Code, CodeList
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.table_columns import REPAIRS, ROW
from lgdp_pipelines.vocabulary.value_formats import (
    NumberStyle,
    build_date_parser,
    find_ambiguous_text,
    find_date_format_problem,
    format_day,
)
from tests.support.small_contract import FIFE, YEAR, Bench, find_outcome, make_item, make_item_bench

OTHER_FORMS = ("yyyy-MM-dd", "d MMM yyyy", "dd/MM/yyyy", "d MMMM yyyy HH:mm")
DAY = make_item_bench(make_item("n", ItemType.DATE, date_format="ddMMyyyy", date_formats=OTHER_FORMS))
DAYS = st.dates(date(1000, 1, 1), date(9999, 12, 31))


def normalise(bench: Bench, cells: dict[str, list[str | None]]) -> tuple[pl.DataFrame, dict[tuple[str, str], int]]:
    """Return cells as the contract spells them, and the number of repairs by item and kind."""
    table = bench.contract.tables[0]
    height = len(next(iter(cells.values())))
    text = pl.DataFrame({**cells, ROW: range(2, height + 2)}, schema_overrides=dict.fromkeys(cells, pl.String))
    normaliser = Normaliser(table, SubmissionFacts(bench.contract, bench.register, FIFE, YEAR, YEAR.end))
    normalised = normaliser.normalise(text).text
    return normalised, {
        (repair.item.rsplit(":", 1)[1], str(repair.kind)): repair.cells for repair in normaliser.repairs
    }


@settings(deadline=None, max_examples=25)
@given(DAYS, st.sampled_from(OTHER_FORMS), st.sampled_from(["", " ", "\t"]))
def test_a_day_in_any_declared_form_is_read_as_that_day(day: date, form: str, space: str) -> None:
    text = f"{space}{format_day(day, form)}{space}"
    assert DAY.values([[text], [day.strftime("%d%m") + f"{day.year:04d}"]], "n") == [day, day]
    normalised, counts = normalise(DAY, {"n": [text]})
    assert normalised[REPAIRS].to_list() == ["n:date"]
    assert counts == {("n", "date"): 1}


@pytest.mark.parametrize("text", ["01.02.2024", "31/02/2024", "2024-02-30", "1/2/2024", "1 Foo 2024", "20240102", "x"])
def test_a_day_in_no_declared_form_is_a_finding_and_is_not_counted(text: str) -> None:
    judgement = DAY.judge([[text]])
    assert find_outcome(judgement, "tst.n.type").failed == 1
    assert judgement.repairs == ()
    assert judgement.tables["t"].collect()[REPAIRS].to_list() == [None]


STYLES = [NumberStyle(".", ","), NumberStyle(",", ""), NumberStyle(",", " "), NumberStyle(".", "'")]


@settings(deadline=None, max_examples=25)
@given(st.integers(-(10**12), 10**12), st.integers(0, 99), st.sampled_from(STYLES))
def test_a_number_in_the_declared_form_is_that_number(number_part: int, pence: int, style: NumberStyle) -> None:
    bench = make_item_bench(make_item("n", ItemType.DECIMAL, precision=18, scale=2, numbers=style))
    sign, digits = ("-" if number_part < 0 else ""), f"{abs(number_part):,}".replace(",", style.thousands)
    text = f"{sign}{digits}{style.decimal}{pence:02d}"
    plain = f"{sign}{abs(number_part)}.{pence:02d}"
    normalised, counts = normalise(bench, {"n": [text, plain]})
    assert normalised["n"].to_list() == [plain, plain]
    assert counts == ({("n", "number"): 1} if text != plain else {})
    assert bench.list_findings([[text]]) == []


@pytest.mark.parametrize("text", ["1,23", "12,34,567", "1,234,5", "1 234", "1.234.567", ",123", "1,234.", "--1,234"])
def test_a_number_in_no_declared_form_is_a_finding(text: str) -> None:
    bench = make_item_bench(make_item("n", ItemType.NUMBER, numbers=NumberStyle(".", ",")))
    assert bench.list_findings([[text]]) == [("tst.n.type", 2)]
    assert normalise(bench, {"n": [text]})[1] == {}


@settings(deadline=None, max_examples=30)
@given(DAYS, st.sampled_from(["dd/MM/yyyy", "MM/dd/yyyy", "d.M.yyyy", "ddMMyyyy", "yyyyMMdd", "d MMM yyyy"]))
def test_two_forms_that_do_not_conflict_read_a_day_alike(day: date, form: str) -> None:
    text = format_day(day, form)
    for other_form in ("dd/MM/yyyy", "MM/dd/yyyy", "d.M.yyyy", "ddMMyyyy", "yyyyMMdd", "d MMM yyyy"):
        parts = build_date_parser(other_form)(text)
        if parts is not None and parts.exists and parts.format("yyyy-MM-dd") != day.strftime("%Y-%m-%d").zfill(10):
            assert find_ambiguous_text(form, other_form) is not None


def test_forms_that_read_one_text_differently_are_in_conflict() -> None:
    assert find_ambiguous_text("dd/MM/yyyy", "MM/dd/yyyy") is not None
    assert find_ambiguous_text("d/M/yyyy", "MM/dd/yyyy") is not None
    assert find_ambiguous_text("ddMMyyyy", "yyyyMMdd") is not None
    assert find_ambiguous_text("dd/MM/yyyy", "d/M/yyyy") is None
    assert find_ambiguous_text("dd/MM/yyyy", "yyyy-MM-dd") is None
    assert find_ambiguous_text("d MMM yyyy", "d MMMM yyyy") is None
    assert find_date_format_problem("dd/MM/yyyy") is None


ITEMS: tuple[Item, ...] = (
    make_item("who", role=Role.COUNCIL),
    make_item("when", role=Role.PERIOD),
    make_item("note"),
    make_item("c", code_list="colours"),
    make_item("d", ItemType.DATE, date_format="ddMMyyyy", date_formats=("yyyy-MM-dd",)),
    make_item(
        "n",
        ItemType.INTEGER,
        role=Role.MEASURE,
        unit="x",
        marks={"*": ObservationStatus.SUPPRESSED},
        numbers=NumberStyle(thousands=","),
    ),
)
BENCH = make_item_bench(*ITEMS)
CANONICAL: dict[str, dict[str, tuple[str | None, str]]] = {
    "who": {"Fife": ("FIF", "council"), "250": ("FIF", "council"), " FIF": ("FIF", "space"), "Moray": ("Moray", "")},
    "when": {"2024/25": ("FY2024-25", "period"), "FY2024-25 ": ("FY2024-25", "space"), "2023-24": ("2023-24", "")},
    "note": {" kept ": (" kept ", ""), "  ": (None, "space"), "x": ("x", "")},
    "c": {"red": ("R", "alias"), " Rouge": ("R", "alias"), "G ": ("G", "space"), "R": ("R", ""), " X": ("X", "space")},
    "d": {"2024-05-06": ("06052024", "date"), " 06052024": ("06052024", "space"), "6/5/2024": ("6/5/2024", "")},
    "n": {"1,234": ("1234", "number"), " 7": ("7", "space"), " *": ("*", "space"), "*": ("*", ""), "1.5": ("1.5", "")},
}
"""Canonical text and kind of repair, by item and spelling; written by hand, not computed."""


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.fixed_dictionaries({n: st.sampled_from([*spellings, None, ""]) for n, spellings in CANONICAL.items()}),
        min_size=1,
        max_size=5,
    )
)
def test_each_repair_is_counted_once_and_marked_on_its_row(rows: list[dict[str, str | None]]) -> None:
    normalised, counts = normalise(BENCH, {name: [row[name] for row in rows] for name in CANONICAL})
    expected: Counter[tuple[str, str]] = Counter()
    for number, row in enumerate(rows):
        marks = []
        for name in CANONICAL:
            raw_text = row[name]
            text, kind = (None, "") if not raw_text else CANONICAL[name][raw_text]
            assert normalised[name][number] == text
            assert (kind != "") == (bool(raw_text) and raw_text != text)
            if kind:
                expected[name, kind] += 1
                marks.append(f"{name}:{kind}")
        assert normalised[REPAIRS][number] == (" ".join(marks) or None)
    assert counts == expected


def test_the_landed_table_is_unchanged() -> None:
    text = pl.DataFrame({"n": [" 7", "8"], ROW: [2, 3]})
    bench = make_item_bench(make_item("n", ItemType.INTEGER))
    Normaliser(
        bench.contract.tables[0], SubmissionFacts(bench.contract, bench.register, FIFE, YEAR, YEAR.end)
    ).normalise(text)
    assert text["n"].to_list() == [" 7", "8"]


def test_a_spelling_of_a_pattern_is_counted_as_such() -> None:
    code_list = CodeList("forms", "1", "", "", "ours", (Code("1", "One", patterns=("[Oo]ne( .*)?",)), Code("2", "Two")))
    bench = make_item_bench(make_item("c", code_list="forms"))
    bench = Bench(bench.contract, type(bench.register)(**{**vars(bench.register), "code_lists": {"forms": code_list}}))
    normalised, counts = normalise(bench, {"c": ["one", "One of us ", "2", "three"]})
    assert normalised["c"].to_list() == ["1", "1", "2", "three"]
    assert counts == {("c", "pattern"): 2}


def test_more_kinds_of_repair_than_one_number_holds_are_marked() -> None:
    names = [f"i{number}" for number in range(70)]
    bench = make_item_bench(*(make_item(name, ItemType.INTEGER) for name in names))
    normalised, counts = normalise(bench, {name: [" 1", "1"] for name in names})
    assert normalised[REPAIRS].to_list() == [" ".join(f"{name}:space" for name in names), None]
    assert counts == {(name, "space"): 1 for name in names}


def test_every_kind_of_repair_has_a_description() -> None:
    assert all(kind.description for kind in RepairKind)
