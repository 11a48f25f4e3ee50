"""Translated cells of a system's export: codes, dates, numbers, units and constants, and never a guess."""

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
    find_outcome,
    list_findings,
    make_item,
    make_item_bench,
)

MEASURE = {"role": Role.MEASURE, "marks": {"*": ObservationStatus.SUPPRESSED}}
BENCH = make_item_bench(
    make_item("ref"),
    make_item("colour", code_list="colours"),
    make_item("day", ItemType.DATE, date_format="ddMMyyyy"),
    make_item("n", ItemType.INTEGER, unit="people", **MEASURE),
    make_item("cost", ItemType.DECIMAL, unit="GBP", precision=18, scale=2, **MEASURE),
    make_item("who", role=Role.COUNCIL),
    make_item("is_new", ItemType.BOOLEAN),
)
(TABLE,) = BENCH.contract.tables
FACTS = SubmissionFacts(BENCH.contract, BENCH.register, FIFE, YEAR, YEAR.end)
COLUMNS = {item.name: SourceColumn(Spellings((item.name.title(),))) for item in TABLE.items}


def make_mapping(**facts: object) -> SystemMapping:
    table = TableMapping(table="t", **{"columns": COLUMNS, **facts})  # type: ignore[arg-type] - each test gives its own facts
    return SystemMapping(
        system="sys",
        return_code="TST",
        majors=(1,),
        title="Sys",
        provenance=OURS,
        tables={"t": table},
        sha256="ab" * 32,
    )


def make_landed(**cells: list[str | None]) -> pl.DataFrame:
    height = max(map(len, cells.values()))
    columns = {item.name: cells.get(item.name, [None] * height) for item in TABLE.items}
    return pl.DataFrame(
        {**columns, "_row": list(range(2, height + 2))}, schema_overrides=dict.fromkeys(columns, pl.String)
    )


def translate_cells(name: str, cells: list[str | None], **facts: object) -> list[str | None]:
    return (
        MappingTranslator(make_mapping(**facts), TABLE, FACTS)
        .translate(make_landed(**{name: cells}))
        .get_column(name)
        .to_list()
    )


def judge_cells(system_mapping: SystemMapping, **cells: list[str | None]) -> ValidationResult:
    with ChunkSpool(SCRATCH) as spool:
        context = make_context(BENCH.contract, BENCH.register, "FIF", YEAR, spool, mapping=system_mapping)
        return judge_tables({"t": make_landed(**cells)}, context)


def test_codes_match_exactly_or_except_for_case_and_white_space() -> None:
    codes = {"colour": {"Rot": "R", "grün": "G"}}
    assert translate_cells("colour", ["Rot", " rot ", "GRÜN", None, " "], codes=codes) == ["R", "R", "G", None, " "]


def test_a_code_without_a_meaning_becomes_an_empty_cell() -> None:
    assert translate_cells("colour", ["none"], codes={"colour": {"none": ""}}) == [None]


def test_an_unmapped_code_stays_as_sent_and_breaks_the_rule_about_codes() -> None:
    colour_mapping = make_mapping(codes={"colour": {"Rot": "R"}})
    judgement = judge_cells(colour_mapping, colour=["Rot", "Blau"])
    assert list_findings(judgement) == [("tst.colour.codes", 3)]
    assert judgement.tables["t"].collect().get_column("colour").to_list() == ["R", "Blau"]


def test_an_unmapped_code_is_not_taken_for_the_contracts_code_of_that_spelling() -> None:
    colour_mapping = make_mapping(codes={"colour": {"1": "R", "R": "G"}})
    judgement = judge_cells(colour_mapping, colour=["1", "R", "2", "red"])
    assert list_findings(judgement) == [("tst.colour.codes", 4), ("tst.colour.codes", 5)]
    assert judgement.tables["t"].collect().get_column("colour").to_list() == [
        "R",
        "G",
        "2 (unmapped)",
        "red (unmapped)",
    ]


def test_codes_of_a_pattern_are_built_from_its_groups() -> None:
    patterns = {"colour": (CodePattern("(?P<letter>[A-Z]) - .*", "{letter}"), CodePattern("(no|n/a) (code)?", "2"))}
    cells = ["R - Red", "G - Green", "no code", "r - red", "R - "]
    assert translate_cells("colour", cells, code_patterns=patterns) == ["R", "G", "2", "r - red", "R - "]


def test_a_code_to_which_two_patterns_give_two_targets_is_not_guessed() -> None:
    patterns = {"colour": (CodePattern("R.*", "R"), CodePattern(".*G", "G"), CodePattern("RED.*", "R"))}
    assert translate_cells("colour", ["RG", "REDDISH"], code_patterns=patterns) == ["RG", "R"]


@pytest.mark.parametrize(
    ("form", "exported", "contract_text"),
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
def test_dates_are_read_in_the_form_of_the_mapping(form: str, exported: str, contract_text: str) -> None:
    assert translate_cells("day", [exported], dates=form) == [contract_text]


def test_an_impossible_day_breaks_the_type() -> None:
    assert list_findings(judge_cells(make_mapping(dates="yyyy-MM-dd"), day=["2024-02-30", "2024-02-29"])) == [
        ("tst.day.type", 2)
    ]


def test_a_date_in_the_contracts_form_is_not_read_if_the_mapping_has_another() -> None:
    judgement = judge_cells(make_mapping(dates={"day": "MMddyyyy"}), day=["01022024", "2024-01-02", "13012024"])
    assert judgement.tables["t"].collect().get_column("day").to_list() == [date(2024, 1, 2), None, None]
    assert list_findings(judgement) == [("tst.day.type", 3), ("tst.day.type", 4)]
    other_judgement = judge_cells(make_mapping(dates="d/M/yyyy"), day=["01022024"])
    assert list_findings(other_judgement) == [("tst.day.type", 2)]


@pytest.mark.parametrize(
    ("style", "exported", "contract_text"),
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
def test_numbers_are_read_as_the_mapping_spells_them(style: NumberStyle, exported: str, contract_text: str) -> None:
    assert translate_cells("cost", [exported], numbers=style) == [contract_text]


@pytest.mark.parametrize("exported", ["12.50", "1.23,4", "1,2,3", "12,", ",5", "1E5", "nan", "1.2345", "x" * 100])
def test_a_number_in_another_style_is_not_read(exported: str) -> None:
    judgement = judge_cells(make_mapping(numbers=NumberStyle(",", ".")), cost=[exported, "1"])
    assert list_findings(judgement) == [("tst.cost.type", 2)]
    assert judgement.tables["t"].collect().get_column("cost").to_list() == [None, Decimal(1)]


def test_figures_are_converted_exactly_into_the_contracts_unit() -> None:
    units = {"cost": UnitChange("pence"), "n": UnitChange("scores", Decimal(20))}
    largest = "99999999999999999"
    translator = MappingTranslator(make_mapping(units=units), TABLE, FACTS)
    frame = translator.translate(
        make_landed(cost=["1", "123456", largest, "*", "", "-50"], n=["1.5", "0", "2", "x", "3", None])
    )
    assert frame.get_column("cost").to_list() == ["0.01", "1234.56", "999999999999999.99", "*", "", "-0.5"]
    assert frame.get_column("n").to_list() == ["30", "0", "40", "x (unmapped)", "60", None]


def test_a_figure_finer_than_the_contract_asks_is_not_rounded() -> None:
    assert list_findings(judge_cells(make_mapping(units={"cost": UnitChange("pence")}), cost=["12.5", "12"])) == [
        ("tst.cost.type", 2)
    ]


def test_a_mark_of_the_system_becomes_one_of_the_contract() -> None:
    judgement = judge_cells(make_mapping(codes={"n": {"hidden": "*"}}), n=["hidden", "5"])
    assert judgement.verdict is Verdict.ACCEPTED
    assert judgement.tables["t"].collect().select("n", "n_status").rows() == [(None, "Q"), (5, "A")]


def test_true_and_false_have_codes_too() -> None:
    judgement = judge_cells(make_mapping(codes={"is_new": {"Y": "true", "N": "false"}}), is_new=["Y", "n", "true", "?"])
    assert judgement.tables["t"].collect().get_column("is_new").to_list() == [True, False, None, None]
    assert list_findings(judgement) == [("tst.is_new.type", 4), ("tst.is_new.type", 5)]


def test_constants_fill_every_row_and_may_be_the_submissions_own_council() -> None:
    constants = {"who": "{council}", "ref": "all"}
    columns = {name: column for name, column in COLUMNS.items() if name not in constants}
    judgement = judge_cells(make_mapping(columns=columns, constants=constants), n=["1", "2"])
    assert judgement.verdict is Verdict.ACCEPTED
    assert judgement.tables["t"].collect().select("who", "ref").rows() == [("FIF", "all"), ("FIF", "all")]


def test_translated_cells_are_counted_over_all_chunks_and_given_as_reasons() -> None:
    system_mapping = make_mapping(codes={"colour": {"Rot": "R"}}, dates="d/M/yyyy", numbers=NumberStyle(","))
    translator = MappingTranslator(system_mapping, TABLE, FACTS)
    for _ in range(2):
        translator.translate(
            make_landed(colour=["Rot", "Rot", "X", None], day=["1/1/2024", "?", None, None], n=["1", "*", "", "2"])
        )
    assert translator.counts == (
        TranslationCount("t", "colour", TranslationKind.CODES, 4),
        TranslationCount("t", "day", TranslationKind.DATES, 2),
        TranslationCount("t", "n", TranslationKind.NUMBERS, 4),
    )
    judgement = judge_cells(system_mapping, colour=["Rot", "Rot"])
    assert find_outcome(judgement, "tst.colour.codes").reason == "2 cells were read by codes of sys."
    assert find_outcome(judgement, "tst.colour.codes").result is RuleResult.PASSED
    assert judgement.translated == (TranslationCount("t", "colour", TranslationKind.CODES, 2),)


def test_the_landed_table_is_unchanged() -> None:
    exported = make_landed(colour=["Rot"])
    MappingTranslator(make_mapping(codes={"colour": {"Rot": "R"}}), TABLE, FACTS).translate(exported)
    assert exported.get_column("colour").to_list() == ["Rot"]


def test_a_code_list_may_accept_patterns_without_a_mapping() -> None:
    shades = CodeList(
        "shades", "1", "Shades", "", "ours", (Code("L", "Light", patterns=("li?ght.*",)), Code("D", "Dark"))
    )
    bench = make_item_bench(make_item("shade", code_list="shades"))
    bench = replace(bench, register=replace(bench.register, code_lists={"shades": shades}))
    assert bench.values([["light blue"], ["lght"], ["D"], ["dark"], [" L "]], "shade") == ["L", "L", "D", "dark", "L"]
    assert bench.list_findings([["light blue"], ["dark"]]) == [("tst.shade.codes", 3)]


# Cells of a canonical table, by item, and the spellings of an invented system.
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


def parse_text(text: pl.DataFrame) -> TypedChunk:
    """Return the values of a table's text."""
    canonical = Normaliser(TABLE, FACTS).normalise(text)
    return parse_chunk(TABLE, replace(canonical, values={}), FACTS)


def export_cell(item: Item, text: str, random: Random, codes: dict[str, str], form: str, style: NumberStyle) -> str:
    """Return a canonical cell as the invented system writes it."""
    if not text or text in item.marks:
        return text
    if item.name in {"colour", "is_new"}:
        return random.choice([str.upper, str.lower, str])(codes[text]) if random.random() < 0.5 else codes[text]
    if item.type is ItemType.DATE:
        return FORMS[form](date(int(text[4:]), int(text[2:4]), int(text[:2])))
    if item.type in {ItemType.INTEGER, ItemType.DECIMAL}:
        pence = Decimal(text) * 100 if item.name == "cost" else Decimal(text)
        sign, digits = ("-" if pence < 0 else ""), str(abs(int(pence)))
        groups = f"{int(digits):,}".replace(",", style.thousands or "")
        return sign + (groups if random.random() < 0.5 else digits)
    return text


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=6),
    random=st.randoms(use_true_random=False),
    form=st.sampled_from(sorted(FORMS)),
    style=st.sampled_from([NumberStyle(",", "."), NumberStyle(".", ","), NumberStyle(",", " "), NumberStyle(",")]),
)
def test_a_mapped_table_has_the_values_of_the_canonical_table(
    rows: list[dict[str, str]], random: Random, form: str, style: NumberStyle
) -> None:
    labels = random.sample(["Label A", "Zwei", "3 - Drei", "R-", "G "], 5)
    codes = {
        "colour": dict(zip(["R", "G", "2"], labels[:3], strict=True)),
        "is_new": dict(zip(["true", "false"], labels[3:], strict=True)),
    }
    headers = {item.name: f"{random.choice(['Sp', 'col ', 'X_'])}{number}" for number, item in enumerate(TABLE.items)}
    system_mapping = make_mapping(
        columns={name: SourceColumn(Spellings((header,))) for name, header in headers.items()},
        codes={name: {label: code for code, label in item_codes.items()} for name, item_codes in codes.items()},
        dates=form,
        numbers=style,
        units={"cost": UnitChange("pence")},
    )
    order = random.sample(list(TABLE.items), len(TABLE.items))
    match = match_headers(TABLE, [headers[item.name].swapcase() for item in order], system_mapping.tables["t"])
    assert (match.missing, match.extra, match.repeated, match.ambiguous) == ((), (), (), {})
    exported = [
        [export_cell(item, row[item.name], random, codes.get(item.name, {}), form, style) for item in order]
        for row in rows
    ]
    names = {position: name for name, (position,) in match.positions.items()}
    export = make_landed(**{names[position]: [row[position] for row in exported] for position in range(len(order))})
    canonical = make_landed(**{item.name: [row[item.name] for row in rows] for item in TABLE.items})
    mapped_chunk, canonical_chunk = (
        parse_text(MappingTranslator(system_mapping, TABLE, FACTS).translate(export)),
        parse_text(canonical),
    )
    assert mapped_chunk.frame.equals(canonical_chunk.frame)
    assert all(
        mapped_chunk.refused[position].equals(canonical_chunk.refused[position]) for position in canonical_chunk.refused
    )
