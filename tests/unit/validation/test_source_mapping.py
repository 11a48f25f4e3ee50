"""Cells of a system's export, translated: by codes, dates, numbers, units and constants, and never by chance."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lgdp_pipelines.handover.chunked_frame import ChunkSpool
from lgdp_pipelines.landing.header_matching import match_headers
from lgdp_pipelines.register.model.system_mapping import (
    CodePattern,
    SourceColumn,
    SystemMapping,
    TableMapping,
    UnitChange,
)
from lgdp_pipelines.register.model.table_model import Item, ItemType, Role, Spellings
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.validation.judging_context import SubmissionFacts
from lgdp_pipelines.validation.normalisation import Normaliser
from lgdp_pipelines.validation.source_mapping import MappingTranslator, TranslationCount, TranslationKind
from lgdp_pipelines.validation.type_parsing import TypedChunk, parse_chunk
from lgdp_pipelines.vocabulary.code_lists import Code, CodeList
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.value_formats import NumberStyle
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Verdict
from tests.support.judging import SCRATCH, judge_tables, make_context
from tests.support.small_contract import (
    FIFE,
    OURS,
    YEAR,
    make_item,
    of_items,
    outcome,
    places,
)

MEASURE = {"role": Role.MEASURE, "marks": {"*": ObservationStatus.SUPPRESSED}}
BENCH = of_items(
    make_item("ref"),
    make_item("colour", code_list="colours"),
    make_item("day", ItemType.DATE, date_format="%d%m%Y"),
    make_item("n", ItemType.INTEGER, unit="people", **MEASURE),
    make_item("cost", ItemType.DECIMAL, unit="GBP", precision=18, scale=2, **MEASURE),
    make_item("who", role=Role.COUNCIL),
    make_item("is_new", ItemType.BOOLEAN),
)
(TABLE,) = BENCH.contract.tables
SUBMITTED = SubmissionFacts(BENCH.contract, BENCH.register, FIFE, YEAR, YEAR.end)
COLUMNS = {item.name: SourceColumn(Spellings((item.name.title(),))) for item in TABLE.items}


def mapping(**facts: object) -> SystemMapping:
    table = TableMapping(table="t", **{"columns": COLUMNS, **facts})  # type: ignore[arg-type] - each test gives what it means
    return SystemMapping(
        system="sys",
        return_code="TST",
        majors=(1,),
        title="Sys",
        provenance=OURS,
        tables={"t": table},
        sha256="ab" * 32,
    )


def landed(**cells: list[str | None]) -> pl.DataFrame:
    height = max(map(len, cells.values()))
    columns = {item.name: cells.get(item.name, [None] * height) for item in TABLE.items}
    return pl.DataFrame(
        {**columns, "_row": list(range(2, height + 2))}, schema_overrides=dict.fromkeys(columns, pl.String)
    )


def translated(name: str, cells: list[str | None], **facts: object) -> list[str | None]:
    return (
        MappingTranslator(mapping(**facts), TABLE, SUBMITTED)
        .translate(landed(**{name: cells}))
        .get_column(name)
        .to_list()
    )


def judged(system_mapping: SystemMapping, **cells: list[str | None]) -> ValidationResult:
    with ChunkSpool(SCRATCH) as spill:
        context = make_context(BENCH.contract, BENCH.register, "FIF", YEAR, spill, mapping=system_mapping)
        return judge_tables({"t": landed(**cells)}, context)


def test_codes_match_exactly_or_except_for_case_and_white_space() -> None:
    codes = {"colour": {"Rot": "R", "grün": "G"}}
    assert translated("colour", ["Rot", " rot ", "GRÜN", None, " "], codes=codes) == ["R", "R", "G", None, " "]


def test_a_code_without_a_meaning_becomes_an_empty_cell() -> None:
    assert translated("colour", ["none"], codes={"colour": {"none": ""}}) == [None]


def test_an_unmapped_code_stays_as_sent_and_breaks_the_rule_about_codes() -> None:
    colour_mapping = mapping(codes={"colour": {"Rot": "R"}})
    found = judged(colour_mapping, colour=["Rot", "Blau"])
    assert places(found) == [("tst.colour.codes", 3)]
    assert found.tables["t"].collect().get_column("colour").to_list() == ["R", "Blau"]


def test_an_unmapped_code_is_not_taken_for_the_contracts_code_of_that_spelling() -> None:
    colour_mapping = mapping(codes={"colour": {"1": "R", "R": "G"}})
    found = judged(colour_mapping, colour=["1", "R", "2", "red"])
    assert places(found) == [("tst.colour.codes", 4), ("tst.colour.codes", 5)]
    assert found.tables["t"].collect().get_column("colour").to_list() == ["R", "G", "2 (unmapped)", "red (unmapped)"]


def test_codes_of_a_pattern_are_built_from_its_groups() -> None:
    patterns = {"colour": (CodePattern("(?P<letter>[A-Z]) - .*", "{letter}"), CodePattern("(no|n/a) (code)?", "2"))}
    cells = ["R - Red", "G - Green", "no code", "r - red", "R - "]
    assert translated("colour", cells, code_patterns=patterns) == ["R", "G", "2", "r - red", "R - "]


def test_a_code_to_which_two_patterns_give_two_targets_is_not_guessed() -> None:
    patterns = {"colour": (CodePattern("R.*", "R"), CodePattern(".*G", "G"), CodePattern("RED.*", "R"))}
    assert translated("colour", ["RG", "REDDISH"], code_patterns=patterns) == ["RG", "R"]


@pytest.mark.parametrize(
    ("form", "sent", "read"),
    [
        ("yyyy-MM-dd", "2024-04-01", "01042024"),
        ("d/M/yyyy", "1/4/2024", "01042024"),
        ("d/M/yyyy", "11/12/2024", "11122024"),
        ("dd-MMM-yyyy", "01-apr-2024", "01042024"),
        ("d MMMM yyyy", "1 September 2024", "01092024"),
        ("yyyy-MM-ddTHH:mm:ss", "2024-04-01T23:59:59", "01042024"),
        ("yyyy-MM-dd", "2024-02-30", "30022024"),
    ],
)
def test_dates_are_read_in_the_form_of_the_mapping(form: str, sent: str, read: str) -> None:
    assert translated("day", [sent], dates=form) == [read]


def test_an_impossible_day_breaks_the_type() -> None:
    assert places(judged(mapping(dates="yyyy-MM-dd"), day=["2024-02-30", "2024-02-29"])) == [("tst.day.type", 2)]


def test_a_date_in_the_contracts_form_is_not_read_if_the_mapping_has_another() -> None:
    found = judged(mapping(dates={"day": "MMddyyyy"}), day=["01022024", "2024-01-02", "13012024"])
    assert found.tables["t"].collect().get_column("day").to_list() == [date(2024, 1, 2), None, None]
    assert places(found) == [("tst.day.type", 3), ("tst.day.type", 4)]
    other = judged(mapping(dates="d/M/yyyy"), day=["01022024"])
    assert places(other) == [("tst.day.type", 2)]


@pytest.mark.parametrize(
    ("style", "sent", "read"),
    [
        (NumberStyle(","), "12,50", "12.50"),
        (NumberStyle(",", "."), "1.234.567,8", "1234567.8"),
        (NumberStyle(",", "."), "1234567,8", "1234567.8"),
        (NumberStyle(".", ","), "-1,234.5", "-1234.5"),
        (NumberStyle(",", " "), "1 234", "1234"),
        (NumberStyle(",", "."), "*", "*"),
        (NumberStyle(",", "."), " 1,5 ", "1.5"),
    ],
)
def test_numbers_are_read_as_the_mapping_spells_them(style: NumberStyle, sent: str, read: str) -> None:
    assert translated("cost", [sent], numbers=style) == [read]


@pytest.mark.parametrize("sent", ["12.50", "1.23,4", "1,2,3", "12,", ",5", "1E5", "nan", "1.2345", "x" * 100])
def test_a_number_in_another_style_is_not_read(sent: str) -> None:
    found = judged(mapping(numbers=NumberStyle(",", ".")), cost=[sent, "1"])
    assert places(found) == [("tst.cost.type", 2)]
    assert found.tables["t"].collect().get_column("cost").to_list() == [None, Decimal(1)]


def test_figures_are_converted_exactly_into_the_contracts_unit() -> None:
    units = {"cost": UnitChange("pence"), "n": UnitChange("scores", Decimal(20))}
    big = "99999999999999999"
    translator = MappingTranslator(mapping(units=units), TABLE, SUBMITTED)
    frame = translator.translate(landed(cost=["1", "123456", big, "*", "", "-50"], n=["1.5", "0", "2", "x", "3", None]))
    assert frame.get_column("cost").to_list() == ["0.01", "1234.56", "999999999999999.99", "*", "", "-0.5"]
    assert frame.get_column("n").to_list() == ["30", "0", "40", "x (unmapped)", "60", None]


def test_a_figure_finer_than_the_contract_asks_is_not_rounded() -> None:
    assert places(judged(mapping(units={"cost": UnitChange("pence")}), cost=["12.5", "12"])) == [("tst.cost.type", 2)]


def test_a_mark_of_the_system_becomes_one_of_the_contract() -> None:
    found = judged(mapping(codes={"n": {"hidden": "*"}}), n=["hidden", "5"])
    assert found.verdict is Verdict.ACCEPTED
    assert found.tables["t"].collect().select("n", "n_status").rows() == [(None, "Q"), (5, "A")]


def test_true_and_false_have_codes_too() -> None:
    found = judged(mapping(codes={"is_new": {"Y": "true", "N": "false"}}), is_new=["Y", "n", "true", "?"])
    assert found.tables["t"].collect().get_column("is_new").to_list() == [True, False, None, None]
    assert places(found) == [("tst.is_new.type", 4), ("tst.is_new.type", 5)]


def test_constants_fill_every_row_and_may_be_the_submissions_own_council() -> None:
    constants = {"who": "{council}", "ref": "all"}
    columns = {name: column for name, column in COLUMNS.items() if name not in constants}
    found = judged(mapping(columns=columns, constants=constants), n=["1", "2"])
    assert found.verdict is Verdict.ACCEPTED
    assert found.tables["t"].collect().select("who", "ref").rows() == [("FIF", "all"), ("FIF", "all")]


def test_translated_cells_are_counted_over_all_chunks_and_given_as_reasons() -> None:
    system_mapping = mapping(codes={"colour": {"Rot": "R"}}, dates="d/M/yyyy", numbers=NumberStyle(","))
    translation = MappingTranslator(system_mapping, TABLE, SUBMITTED)
    for _ in range(2):
        translation.translate(
            landed(colour=["Rot", "Rot", "X", None], day=["1/1/2024", "?", None, None], n=["1", "*", "", "2"])
        )
    assert translation.counts == (
        TranslationCount("t", "colour", TranslationKind.CODES, 4),
        TranslationCount("t", "day", TranslationKind.DATES, 2),
        TranslationCount("t", "n", TranslationKind.NUMBERS, 4),
    )
    told = judged(system_mapping, colour=["Rot", "Rot"])
    assert outcome(told, "tst.colour.codes").reason == "2 cells were read by codes of sys."
    assert outcome(told, "tst.colour.codes").result is RuleResult.PASSED
    assert told.translated == (TranslationCount("t", "colour", TranslationKind.CODES, 2),)


def test_the_landed_table_is_unchanged() -> None:
    sent = landed(colour=["Rot"])
    MappingTranslator(mapping(codes={"colour": {"Rot": "R"}}), TABLE, SUBMITTED).translate(sent)
    assert sent.get_column("colour").to_list() == ["Rot"]


def test_a_code_list_may_accept_patterns_without_a_mapping() -> None:
    shades = CodeList(
        "shades", "1", "Shades", "", "ours", (Code("L", "Light", patterns=("li?ght.*",)), Code("D", "Dark"))
    )
    bench = of_items(make_item("shade", code_list="shades"))
    bench = replace(bench, register=replace(bench.register, code_lists={"shades": shades}))
    assert bench.values([["light blue"], ["lght"], ["D"], ["dark"], [" L "]], "shade") == ["L", "L", "D", "dark", "L"]
    assert bench.found([["light blue"], ["dark"]]) == [("tst.shade.codes", 3)]


# What stands in a canonical table, per item, and how a made-up system would write it.
CELLS = {
    "ref": st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=5),
    "colour": st.sampled_from(["R", "G", "2", ""]),
    "day": st.dates(date(1900, 1, 1), date(2099, 12, 31)).map(lambda day: day.strftime("%d%m%Y")) | st.just(""),
    "n": st.integers(-(10**9), 10**9).map(str) | st.sampled_from(["*", ""]),
    "cost": st.decimals(-(10**9), 10**9, places=2).map(lambda cost: format(cost, "f")) | st.sampled_from(["*", ""]),
    "who": st.sampled_from(["FIF", "Fife", "S12000047"]),
    "is_new": st.sampled_from(["true", "false", ""]),
}
FORMS = {
    "d/M/yyyy": lambda day: f"{day.day}/{day.month}/{day.year}",
    "yyyy-MM-dd": lambda day: day.isoformat(),
    "dd MMMM yyyy": lambda day: f"{day.day:02d} {day:%B} {day.year}",
    "MM.dd.yyyy HH:mm": lambda day: f"{day:%m.%d.%Y} 08:15",
}


def read(text: pl.DataFrame) -> TypedChunk:
    """The values of a table's text."""
    canonical = Normaliser(TABLE, SUBMITTED).normalise(text)
    return parse_chunk(TABLE, replace(canonical, values={}), SUBMITTED)


def export_of(item: Item, text: str, chance: Random, codes: dict[str, str], form: str, style: NumberStyle) -> str:
    """A canonical cell as the made-up system writes it."""
    if not text or text in item.marks:
        return text
    if item.name in {"colour", "is_new"}:
        return chance.choice([str.upper, str.lower, str])(codes[text]) if chance.random() < 0.5 else codes[text]
    if item.type is ItemType.DATE:
        return FORMS[form](date(int(text[4:]), int(text[2:4]), int(text[:2])))
    if item.type in {ItemType.INTEGER, ItemType.DECIMAL}:
        pence = Decimal(text) * 100 if item.name == "cost" else Decimal(text)
        sign, whole = ("-" if pence < 0 else ""), str(abs(int(pence)))
        groups = f"{int(whole):,}".replace(",", style.thousands or "")
        return sign + (groups if chance.random() < 0.5 else whole)
    return text


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=6),
    seed=st.randoms(use_true_random=False),
    form=st.sampled_from(sorted(FORMS)),
    style=st.sampled_from([NumberStyle(",", "."), NumberStyle(".", ","), NumberStyle(",", " "), NumberStyle(",")]),
)
def test_a_mapped_table_has_the_values_of_the_canonical_table(
    rows: list[dict[str, str]], seed: Random, form: str, style: NumberStyle
) -> None:
    chance = seed
    labels = chance.sample(["Label A", "Zwei", "3 - Drei", "R-", "G "], 5)
    codes = {
        "colour": dict(zip(["R", "G", "2"], labels[:3], strict=True)),
        "is_new": dict(zip(["true", "false"], labels[3:], strict=True)),
    }
    headers = {item.name: f"{chance.choice(['Sp', 'col ', 'X_'])}{number}" for number, item in enumerate(TABLE.items)}
    system_mapping = mapping(
        columns={name: SourceColumn(Spellings((header,))) for name, header in headers.items()},
        codes={name: {label: code for code, label in of.items()} for name, of in codes.items()},
        dates=form,
        numbers=style,
        units={"cost": UnitChange("pence")},
    )
    order = chance.sample(list(TABLE.items), len(TABLE.items))
    match = match_headers(TABLE, [headers[item.name].swapcase() for item in order], system_mapping.tables["t"])
    assert (match.missing, match.extra, match.repeated, match.ambiguous) == ((), (), (), {})
    sent = [
        [export_of(item, row[item.name], chance, codes.get(item.name, {}), form, style) for item in order]
        for row in rows
    ]
    names = {place: name for name, (place,) in match.positions.items()}
    export = landed(**{names[place]: [row[place] for row in sent] for place in range(len(order))})
    canonical = landed(**{item.name: [row[item.name] for row in rows] for item in TABLE.items})
    through, straight = read(MappingTranslator(system_mapping, TABLE, SUBMITTED).translate(export)), read(canonical)
    assert through.frame.equals(straight.frame)
    assert all(through.refused[place].equals(straight.refused[place]) for place in straight.refused)
