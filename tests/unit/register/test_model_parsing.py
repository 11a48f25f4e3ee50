"""Values of files as models: every refusal at its line, and what is right beside it kept."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import pytest
from pydantic import Field
from pydantic.dataclasses import dataclass

from lgdp_pipelines.register.documents.model_parsing import Parsed, parse
from lgdp_pipelines.register.documents.yaml_nodes import read_yaml
from lgdp_pipelines.register.model.field_types import (
    STRICT,
    Day,
    DistinctTexts,
    Flag,
    PolarsPattern,
    PositiveInteger,
    Text,
)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, config=STRICT)
class Toy:
    name: Text
    colour: Colour = Colour.RED
    day_bought: Day | None = Field(default=None, validation_alias="bought")
    size: PositiveInteger = 1
    is_soft: Flag = Field(default=False, validation_alias="soft")


@dataclass(frozen=True, config=STRICT)
class Box:
    title: Text
    toys: Annotated[tuple[Toy, ...], Field(min_length=1)]
    labels: DistinctTexts = ("box",)
    pattern: PolarsPattern = ".*"
    by_owner: Mapping[str, Toy] = Field(default_factory=dict, validation_alias="byOwner")


BOX = """\
title: Box
toys:
  - name: Bear
    colour: red
    bought: 2024-03-31
  - name: Boat
    size: 3
labels: [wood]
byOwner:
  Ann: { name: Ball, soft: true }
"""


def parsed(text: str) -> Parsed[Box]:
    node, contradictions = read_yaml("box.yaml", text)
    assert contradictions == ()
    return parse(Box, node, name="a box", hint="the manual shows a box")


def test_a_right_value_is_a_model() -> None:
    box = parsed(BOX)
    assert box.contradictions == ()
    assert box.value is not None
    assert box.value.toys[1] == Toy("Boat", size=3)
    assert box.value.by_owner == {"Ann": Toy("Ball", is_soft=True)}


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("title: Box", "title: 3", 1, ("title of a box must be a text",)),
        ("title: Box", "titel: Box", 1, ("titel is not allowed in a box", "Write title")),
        ("title: Box\n", "", 1, ("A box has no title", "Add title; the manual shows a box.")),
        ("colour: red", "colour: green", 4, ("toys[0].colour", "green", "red or blue")),
        ("2024-03-31", "2024-04-31", 5, ("toys[0].bought", "2024-04-31", "not a day")),
        ("  - name: Boat\n    size: 3", "  - size: 3", 6, ("toys[1] of a box has no name",)),
        ("size: 3", "size: true", 7, ("toys[1].size", "whole number")),
        ("size: 3", "size: 0", 7, ("at least 1",)),
        ("size: 3", "is_soft: true", 7, ("is_soft is not allowed", "Write soft")),
        ("[wood]", "[wood, wood]", 8, ("labels", "twice")),
        ("labels: [wood]", "pattern: '(a'", 8, ("not a regular expression", "Correct the pattern")),
        ("soft: true", 'soft: "yes"', 10, ("byOwner.Ann.soft", "true or false")),
        ("{ name: Ball, soft: true }", "3", 10, ("byOwner.Ann", "mapping")),
    ],
)
def test_a_refusal_has_line_and_remedy(old: str, new: str, line: int, words: tuple[str, ...]) -> None:
    assert BOX.count(old) == 1
    text = BOX.replace(old, new)
    contradictions = parsed(text).contradictions
    assert all(contradiction.remedy for contradiction in contradictions)
    at_line = [
        f"{contradiction.what} {contradiction.remedy}" for contradiction in contradictions if contradiction.line == line
    ]
    assert any(all(word in message for word in words) for message in at_line), contradictions


def test_every_refusal_is_told_at_once_and_the_rest_is_kept() -> None:
    text = BOX.replace("size: 3", "size: big").replace("[wood]", "[]").replace("soft: true", "hard: true")
    box = parsed(text.replace("  - name: Bear\n", "  - nam: Bear\n"))
    assert [contradiction.line for contradiction in box.contradictions] == [3, 3, 7, 8, 10]
    assert box.value is not None
    assert [toy.name for toy in box.value.toys] == ["Boat"]
    assert [node.line for node in box.node.entries("toys")] == [6]


def test_a_list_of_refused_entries_is_not_called_empty() -> None:
    box = parsed("title: Box\ntoys:\n  - 3\n")
    assert [contradiction.line for contradiction in box.contradictions] == [3]
    assert box.value is None
