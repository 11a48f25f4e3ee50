"""Code lists: ``schemas/codelists/<id>.yaml``, one file each.

What belongs here: reading a file. What does not: what a code means to an item.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.schema_errors import Shape, misshapen
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.property_vocabulary import TEXT, VERIFIED
from lgdp_pipelines.register.model.field_types import find_name_pattern_problem
from lgdp_pipelines.vocabulary.code_lists import Code, CodeList

_DAY = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_SHAPE = Shape(
    {
        "type": "object",
        "properties": {
            "id": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
            "version": TEXT,
            "title": TEXT,
            "source": {"type": "string"},
            "verified": {"enum": list(VERIFIED)},
            "note": TEXT,
            "codes": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {
                        "code": TEXT,
                        "label": TEXT,
                        "aliases": {"type": "array", "items": TEXT, "uniqueItems": True},
                        "patterns": {"type": "array", "items": TEXT, "uniqueItems": True},
                        "valid_from": _DAY,
                        "valid_to": _DAY,
                    },
                    "required": ["code", "label"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["id", "version", "title", "source", "verified", "codes"],
        "additionalProperties": False,
    }
)


def read_code_list(document: YamlNode) -> tuple[CodeList, tuple[Contradiction, ...]]:
    """The code list in a document, as far as it can be read, with what contradicts itself in it."""
    root = document
    entries = root.entries("codes")
    codes = tuple(_code(entry) for entry in entries)
    listed = CodeList(
        id=root.text("id"),
        version=root.text("version"),
        title=root.text("title"),
        source=root.text("source"),
        verified=root.text("verified"),
        codes=codes,
    )
    return listed, (
        *misshapen(root, _SHAPE, "Mend it; schemas/README.md shows a code list."),
        *_contradictions(root, entries, codes),
    )


def _code(place: YamlNode) -> Code:
    return Code(
        code=place.text("code"),
        label=place.text("label"),
        aliases=place.texts("aliases"),
        valid_from=_day(place.text("valid_from")),
        valid_to=_day(place.text("valid_to")),
        patterns=place.texts("patterns"),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _contradictions(root: YamlNode, entries: tuple[YamlNode, ...], codes: tuple[Code, ...]) -> Iterator[Contradiction]:
    listed = root.text("id")
    if listed and root.file != f"codelists/{listed}.yaml":
        yield root.at("id").contradiction(
            f"The file holds {listed} and is called {root.file}.", f"Call it codelists/{listed}.yaml."
        )
    if root.text("verified") == "READ" and not root.text("source"):
        yield root.at("source").contradiction("A list that was READ has no source.", "Write where it was read.")
    taken = Counter(spelling for code in codes for spelling in {code.code, *code.aliases} if spelling)
    yield from _pattern_contradictions(entries, codes)
    for entry, code in zip(entries, codes, strict=True):
        for spelling in {code.code, *code.aliases}:
            if taken[spelling] > 1:
                yield entry.contradiction(f"The spelling “{spelling}” stands for two codes.", "Keep it at one.")
        for name, day in (("valid_from", code.valid_from), ("valid_to", code.valid_to)):
            if entry.text(name) and day is None:
                yield entry.at(name).contradiction(f"“{entry.text(name)}” is no day.", "Write such as 2012-12-30.")
        if code.valid_from and code.valid_to and code.valid_from > code.valid_to:
            yield entry.contradiction(f"The code {code.code} ends before it begins.", "Swap valid_from and valid_to.")


def _pattern_contradictions(entries: tuple[YamlNode, ...], codes: tuple[Code, ...]) -> Iterator[Contradiction]:
    for entry, code in zip(entries, codes, strict=True):
        for place, pattern in zip(entry.entries("patterns"), code.patterns, strict=True):
            if problem := find_name_pattern_problem(pattern):
                yield place.contradiction(f"{code.code}: the pattern “{pattern}” {problem}.", "Mend the pattern.")
                continue
            others = [one for one in codes if one is not code]
            for other in others:
                fitting = [text for text in (other.code, *other.aliases) if re.fullmatch(pattern, text)]
                if fitting or pattern in other.patterns:
                    yield place.contradiction(
                        f"The pattern “{pattern}” of {code.code} takes what stands for {other.code}.",
                        "Write it so that it fits one code alone.",
                    )
