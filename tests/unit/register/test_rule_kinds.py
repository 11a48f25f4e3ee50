"""What contradicts itself in written rules of each kind, and the page and the command that tell of kinds."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from lgdp_pipelines.errors import RegisterError
from lgdp_pipelines.register.contract_report import contract_text
from lgdp_pipelines.register.files.rule_file import KINDS
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.vocabulary.verdicts import RuleKind
from tests.support.rule_cases import (
    DATE,
    DIMENSION,
    INTEGER,
    KEY,
    LETTER,
    MEASURED,
    TEXT,
    Members,
    RuleFixture,
    write_lgdp_rule,
    write_rule,
)
from tests.support.small_register import SmallRegister

README = (Path(__file__).resolve().parents[3] / "schemas" / "README.md").read_text(encoding="utf-8")
CASE: Mapping[str, Members] = {"k": KEY, "a": TEXT, "b": LETTER, "c": DATE, "d": DATE, "n": INTEGER}
FIGURES: Mapping[str, Members] = {
    "k": DIMENSION,
    "n": {**INTEGER, **MEASURED},
    "m": {**INTEGER, **MEASURED},
    "gbp": {**INTEGER, **MEASURED, "lgdpUnit": "GBP"},
}


def build(rule: str, items: Mapping[str, Members] = CASE, **words: object) -> RuleFixture:
    """A contract with one of the platform's own rules."""
    return RuleFixture(RuleKind.SQL, items, "r", "", [write_lgdp_rule(rule, **words)])


def measured(**words: object) -> RuleFixture:
    """A contract with one of the standard's metrics, at the table."""
    return RuleFixture(RuleKind.SQL, CASE, "r", "", [write_rule(**words)])


OF = {"table": "t", "item": "m"}
WRONG: Mapping[str, tuple[RuleFixture, str, str]] = {
    "no such kind": (build("required_if", item="a"), "required_if", "required_when"),
    "no kind": (RuleFixture(RuleKind.SQL, CASE, "r", "", [write_rule(type="custom", engine="lgdp", implementation={})]),
                "is unknown", "in_order"),
    "a word that is not the kind's": (build("in_order", first="c", then="d", onlyThen=True), "onlyThen", "strictly"),
    "a word too few": (build("in_order", first="c"), "no then", "implementation"),
    "a condition of no item": (build("required_when", item="a", when={"bb": "filled"}), "bb", "Write b,"),
    "a condition on a code that is not in the list": (
        build("required_when", item="a", when={"b": ["A", "D"]}), "not a code of letters", "A"),
    "a condition on a number in quotes": (
        build("required_when", item="a", when={"n": ["5"]}), "of type integer", "without"),
    "a condition on half a number": (build("required_when", item="a", when={"n": [0.5]}), "of type integer", "without"),
    "a condition on no day": (
        build("required_when", item="a", when={"c": ["2024-13-01"]}), "of type date", "2024-03-31"),
    "a condition on truth": (build("required_when", item="a", when={"a": [True]}), "not of type text", "quotation"),
    "no condition": (build("required_when", item="a", when={}), "when", "implementation"),
    "a condition on itself": (build("empty_unless", item="a", when={"a": "filled"}), "name a itself", "another"),
    "what is required anyway": (build("required_when", item="k", when={"a": "filled"}), "k is required", "required"),
    "an order of what is not an item": (build("in_order", first="cc", then="d"), "cc", "Write c,"),
    "an order of texts": (build("in_order", first="a", then="c"), "type text", "date"),
    "an order of a day and a figure": (build("in_order", first="n", then="c"), "one of them is a date", "two"),
    "an order of one": (build("in_order", first="c", then="c"), "before itself", "another"),
    "a figure in the future": (build("not_in_future", item="n"), "type integer", "date"),
    "a text in the period": (build("in_period", item="a"), "type text", "date"),
    "an end that is none": (build("in_period", item="c", ends=["middle"]), "middle", "implementation"),
    "a total of texts": (build("total", item="n", of=["a"]), "type text", "integer"),
    "a total of other units": (build("total", FIGURES, item="n", of=["m", "gbp"]), "GBP and in things", "one unit"),
    "a total of itself": (build("total", FIGURES, item="n", of=["n"]), "n twice", "once"),
    "a control with no table": (build("control", FIGURES, item="n", of={"table": "u", "item": "m"}), "u, which", "t"),
    "a control with no item": (build("control", FIGURES, item="n", of={"table": "t", "item": "mm"}), "mm", "Write m,"),
    "a control of other units": (build("control", FIGURES, item="gbp", of=OF), "GBP", "one unit"),
    "a control by other types": (build("control", FIGURES, item="n", of=OF, by={"k": "m"}), "never equal", "one"),
    "a control on no code": (
        build("control", {**FIGURES, "k": {**DIMENSION, **LETTER}}, item="n", of={**OF, "when": {"k": ["Z"]}}),
        "not a code of letters", "A"),
    "no number of rows per group": (build("rows_per", by=["a"]), "implementation", "implementation"),
    "more rows than there may be": (build("rows_per", by=["a"], atLeast=2, atMost=1), "more rows", "Swap"),
    "complete over what has no list": (build("complete", over=["a"]), "no code list", "present"),
    "complete over and by the same": (build("complete", over=["b"], by=["b"]), "both over and by", "one of them"),
    "a series of texts": (build("not_falling", item="a", along="c"), "type text", "integer"),
    "a series along itself": (build("not_falling", item="n", along="n"), "n twice", "once"),
    "a number of rows at an item": (
        RuleFixture(
            RuleKind.SQL, {**CASE, "a": {**TEXT, "quality": [write_rule(metric="rowCount", mustBe=1)]}}, "r", ""
        ),
        "number of rows", "table"),
    "half a row": (measured(metric="rowCount", mustBe=0.5), "number of rows", "whole"),
    "a share of rows": (measured(metric="rowCount", mustBe=5, unit="percent"), "number of rows", "whole"),
    "repeats of nothing": (measured(metric="duplicateValues", mustBe=0), "whose values", "arguments"),
    "repeats of no item": (
        measured(metric="duplicateValues", mustBe=0, arguments={"properties": ["aa"]}), "aa", "Write a,"),
    "some repeats": (
        measured(metric="duplicateValues", mustBeLessThan=5, arguments={"properties": ["a"]}),
        "Tools count repeats differently", "mustBe: 0"),
    "nulls of nothing": (measured(metric="nullValues", mustBe=0), "name an item", "at the item"),
    "nulls of no number": (
        RuleFixture(
            RuleKind.SQL, {**CASE, "a": {**TEXT, "quality": [write_rule(metric="nullValues", mustNotBe=3)]}}, "r", ""
        ),
        "number of rows", "mustBe: 0"),
    "a severity of a multiple that is none": (
        RuleFixture(RuleKind.SQL, {**CASE, "n": {**INTEGER, "lgdpSeverity": {"multiple": "query"}}}, "r", ""),
        "multiple, and has no rule of that kind", "Remove"),
}  # fmt: skip


@pytest.mark.parametrize(("ruled", "message", "remedy"), WRONG.values(), ids=WRONG.keys())
def test_what_contradicts_itself_is_told_with_its_place_and_a_remedy(
    ruled: RuleFixture, message: str, remedy: str
) -> None:
    with pytest.raises(RegisterError) as error:
        _ = ruled.register
    (contradiction,) = [
        contradiction for contradiction in error.value.contradictions if message in contradiction.what
    ] or [error.value.contradictions[0]]
    assert message in contradiction.what, str(error.value)
    assert remedy in contradiction.remedy, contradiction.remedy
    assert contradiction.line > 1


def test_the_page_lists_every_kind_and_its_words_in_order_and_no_other() -> None:
    between = README.split("<!-- kinds of rule")[1].split("<!-- end of kinds of rule")[0]
    rows = [match for line in between.splitlines() if (match := re.match(r"^\| `(\w+)` \| ([^|]+) \|", line))][1:]
    assert [row[1] for row in rows] == list(KINDS)
    for row in rows:
        words = {word.split(":")[0] for word in re.findall(r"`([^`]+)`", row[2])}
        fields = KINDS[row[1]].__pydantic_fields__  # type: ignore[attr-defined]  # each is a pydantic dataclass
        assert words == {field.validation_alias or name for name, field in fields.items()}, row[1]


def test_a_rule_is_shown_with_what_is_asked_in_sql(small: SmallRegister) -> None:
    register = load_register(small.root)
    pets = register.returns["PETS"]
    lines = contract_text(register, pets, pets.latest).splitlines()
    position = lines.index("# - pets.born_in_time (sql, error)")
    assert lines[position + 1] == "#     SELECT count(*) FROM pet WHERE birth_date > getvariable('period_end')"
    assert "# - pets.ref.length (length, error)" in lines
