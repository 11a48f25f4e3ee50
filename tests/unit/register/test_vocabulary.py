"""The vocabulary, and the page that explains it."""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import pytest

from lgdp_pipelines.register.documents.yaml_nodes import read_yaml
from lgdp_pipelines.register.files.custom_properties import PROPERTY_MODELS, read_properties, words_of
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.extract_format import Container, ExtractFormat, FileFormat
from lgdp_pipelines.register.model.sources import SOURCE_KINDS
from lgdp_pipelines.register.model.table_model import Grain, Privacy, Role
from lgdp_pipelines.vocabulary.periods import PeriodKind
from tests.support.small_register import API, PETS, SmallRegister

README = (Path(__file__).resolve().parents[3] / "schemas" / "README.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (yes)? ?\| (.+) \|$")


def _documented() -> list[tuple[str, str, bool, str]]:
    between = README.split("<!-- vocabulary")[1].split("<!-- end of vocabulary")[0]
    rows = (_ROW.match(line) for line in between.splitlines())
    return [(found[1], found[2], bool(found[3]), found[4]) for found in rows if found]


def test_the_page_lists_every_word_in_order_and_no_other() -> None:
    words = [(word, model.noun, word in model.required) for model in PROPERTY_MODELS for word in words_of(model)]
    assert [row[:3] for row in _documented()] == words


@pytest.mark.parametrize(
    ("name", "values"),
    [("lgdpPeriodKind", PeriodKind), ("lgdpGrain", Grain), ("lgdpRole", Role), ("lgdpPrivacy", Privacy)],
)
def test_the_page_names_every_value_of_a_closed_list(name: str, values: type[StrEnum]) -> None:
    text = next(row[3] for row in _documented() if row[0] == name)
    assert set(re.findall(r"`([\w-]+)`", text)) == set(values)


def test_the_page_lists_every_word_about_extracts_in_order_and_no_other() -> None:
    between = README.split("<!-- extract words")[1].split("<!-- end of extract words")[0]
    listed = [found[1] for line in between.splitlines() if (found := re.match(r"^\| `(\w+)` \|", line))]
    assert listed == list(_words_of(ExtractFormat))
    for word, values in (("format", FileFormat), ("container", Container)):
        row = next(line for line in between.splitlines() if line.startswith(f"| `{word}`"))
        assert set(re.findall(r"`(\w+)`", row)) - {word} == set(values)


@pytest.mark.parametrize("model", PROPERTY_MODELS, ids=lambda model: model.noun)
def test_a_word_means_one_thing_at_a_kind_of_place(model: Any) -> None:
    assert len(set(words_of(model))) == len(words_of(model))


@pytest.mark.parametrize(("model", "word"), [(model, word) for model in PROPERTY_MODELS for word in words_of(model)])
def test_every_word_refuses_something(model: Any, word: str) -> None:
    node, _ = read_yaml("x.yaml", f"customProperties:\n  - {{ property: {word}, value: 3.5 }}\n")
    _, contradictions = read_properties(model, node)
    assert [found.line for found in contradictions if word in found.what and "has no" not in found.what] == [2]


def _examples() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)


def test_the_pages_rules_load(small: SmallRegister) -> None:
    """Its rules, with the names of the small register's items in place of the page's."""
    rules = _examples()[0].split("  - id: awards")[0].replace("quality:\n", "")
    rules = rules.replace("assessment_date", "birth_date").replace("application_date", "birth_date")
    rules = rules.replace("[birth_date, birth_date]", "[birth_date]")
    indented = "".join(f"    {line}\n" for line in rules.splitlines())
    small.write(PETS, small.read(PETS) + indented)
    pets = load_register(small.root).returns["PETS"].latest.tables[0]
    assert [rule.id for rule in pets.rules][-2:] == ["pets.decision_not_before_application", "pets.has_applications"]


def test_the_pages_differences_load(small: SmallRegister) -> None:
    small.narrow_to(PETS)
    small.write("returns/pets/pets.v2.0.0.changes.yaml", _examples()[1])
    latest = load_register(small.root).returns["PETS"].latest
    assert [item.header for item in latest.tables[0].items if item.name == "born_on"] == ["BIRTH"]
    assert [rule.id for rule in latest.tables[0].rules] == ["pets.has_pets"]


def test_the_pages_code_list_and_sources_load(small: SmallRegister) -> None:
    (small.root / API).unlink()
    small.write("codelists/hl1-contact.yaml", _examples()[2])
    for example in _examples()[3:]:
        name = re.findall(r"^id: (.+)$", example, re.MULTILINE)
        if name and "\nkey: " in example:
            small.write(f"reference/{name[0]}/{name[0]}.yaml", example)
            small.write(f"reference/{name[0]}/{name[0]}.v2020.csv", "council_code,year,population\nFIF,2019,373550\n")
        elif name:
            small.write(f"sources/{name[0]}.yaml", _of_the_small_register(example))
    register = load_register(small.root)
    assert "hl1-contact" in register.code_lists
    assert register.reference["council-population"].latest.rows == (("FIF", "2019", "373550"),)
    assert {source_id: source.transport.value for source_id, source in register.sources.items()} == {
        "drop-boxes": "drop-box",
        "somewhere-api": "api",
        "somewhere-sftp": "sftp",
    }
    assert register.sources["somewhere-sftp"].returns[0].folder == "outgoing"


def _of_the_small_register(example: str) -> str:
    return example.replace("return: HL1", "return: PETS").replace("return: WASTE", "return: PET-FOOD")


def test_the_page_explains_every_word_of_a_source() -> None:
    words = {word for kind in SOURCE_KINDS.values() for word in _words_of(kind)}
    words -= {"id", "title", "return", "returns", "councils"}
    about_sources = README.split("## A source")[1]
    assert {word for word in words if f"`{word}`" not in about_sources} == set()


def _words_of(kind: object) -> Iterator[str]:
    """Yield the words of a model's file, with those of the models in it."""
    fields = getattr(kind, "__pydantic_fields__", {})
    for name, field in fields.items():
        yield field.validation_alias or name
        yield from _words_of(field.annotation)
    for argument in get_args(kind):
        yield from _words_of(argument)
