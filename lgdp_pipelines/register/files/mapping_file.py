"""Mappings: ``schemas/mappings/<system>/<return>[.<council>].yaml``, how a system's export answers a return.

What belongs here: reading a file. What does not: whether it is complete and agrees with the contract
(``mapping_checks``).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.schema_errors import Shape, misshapen
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.extract_file import EXTRACT_SCHEMA, read_extract_words
from lgdp_pipelines.register.files.header_aliases import read_spellings
from lgdp_pipelines.register.files.property_vocabulary import PROVENANCE, SPELLINGS, TEXT
from lgdp_pipelines.register.model.system_mapping import (
    CodePattern,
    JoinedFile,
    SourceColumn,
    SystemMapping,
    TableMapping,
    UnitChange,
)
from lgdp_pipelines.register.model.table_model import Provenance, Spellings
from lgdp_pipelines.vocabulary.number_formats import NumberStyle

SYSTEM = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
Read = TypeVar("Read")

FILE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def _members(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _by_item(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": schema, "minProperties": 1}


_TEXTS = {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True}
_COLUMN = {
    "anyOf": [
        TEXT,
        _TEXTS,
        _members({"header": TEXT, "headers": _TEXTS, "pattern": TEXT, "file": TEXT}),
    ]
}
_MARK = {"type": "string", "pattern": r"^[.,]$"}
_TABLE = _members(
    {
        "files": {
            "type": "array",
            "minItems": 1,
            "items": _members({"name": TEXT, "pattern": TEXT, "key": _TEXTS, "baseKey": _TEXTS}, "name", "pattern"),
        },
        "columns": _by_item(_COLUMN),
        "codes": _by_item({"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}),
        "codePatterns": _by_item(
            {"type": "array", "items": _members({"pattern": TEXT, "to": {"type": "string"}}, "pattern", "to")}
        ),
        "units": _by_item(
            {
                "anyOf": [
                    TEXT,
                    _members({"unit": TEXT, "factor": {"type": "string", "pattern": r"^\d+(\.\d+)?$"}}, "unit"),
                ]
            }
        ),
        "dates": {"anyOf": [TEXT, _by_item(TEXT)]},
        "numbers": _members({"decimal": _MARK, "thousands": {"type": "string", "pattern": "^[., '\u00a0\u202f]$"}}),
        "constants": _by_item(TEXT),
        "absent": _by_item(TEXT),
        "ignored": SPELLINGS,
    }
)
_SHAPE = Shape(
    _members(
        {
            "system": {"type": "string", "pattern": f"^{SYSTEM.pattern}$"},
            "return": TEXT,
            "council": TEXT,
            "majors": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "uniqueItems": True},
            "title": TEXT,
            "provenance": PROVENANCE,
            "extract": EXTRACT_SCHEMA,
            "tables": _by_item(_TABLE),
        },
        "system",
        "return",
        "majors",
        "title",
        "provenance",
        "tables",
    )
)


@dataclass(frozen=True, slots=True)
class MappingRead:
    """A mapping and where it stands."""

    mapping: SystemMapping
    document: YamlNode


def read_mapping(document: YamlNode, path: Path, sha256: str) -> tuple[MappingRead, tuple[Contradiction, ...]]:
    """The mapping in a document, as far as it can be read, with what is misshapen in it.

    Args:
        document: the file's values.
        path: the file.
        sha256: of the file's bytes.
    """
    root = document
    marked = root.at("provenance")
    mapping = SystemMapping(
        system=root.text("system"),
        return_code=root.text("return"),
        council=root.text("council"),
        majors=tuple(one.value for one in root.entries("majors") if isinstance(one.value, int)),
        title=root.text("title"),
        provenance=Provenance(marked.text("verified"), marked.text("source")),
        extract=read_extract_words(root.at("extract")) if root.has("extract") else None,
        path=path,
        sha256=sha256,
        tables=MappingProxyType({name: _table(name, place) for name, place in root.at("tables").members()}),
    )
    return MappingRead(mapping, document), tuple(misshapen(root, _SHAPE, "Mend it; schemas/README.md shows a mapping."))


def _table(name: str, place: YamlNode) -> TableMapping:
    numbers = place.at("numbers")
    return TableMapping(
        table=name,
        columns=_read(place.at("columns"), _column),
        codes=_read(place.at("codes"), lambda one: _read(one, _text)),
        code_patterns=_read(
            place.at("codePatterns"),
            lambda one: tuple(CodePattern(entry.text("pattern"), _text(entry.at("to"))) for entry in one.elements),
        ),
        units=_read(place.at("units"), _unit),
        date_format=_text(place.at("dates")),
        dates=_read(place.at("dates"), _text),
        numbers=NumberStyle(numbers.text("decimal", "."), _text(numbers.at("thousands"))) if numbers.value else None,
        constants=_read(place.at("constants"), _text),
        absent=_read(place.at("absent"), _text),
        ignored=read_spellings(place.at("ignored")),
        files=tuple(_file(entry) for entry in place.entries("files")),
    )


def _read(place: YamlNode, read: Callable[[YamlNode], Read]) -> Mapping[str, Read]:
    return MappingProxyType({name: read(one) for name, one in place.members()})


def _text(place: YamlNode) -> str:
    return place.value if isinstance(place.value, str) else ""


def _column(place: YamlNode) -> SourceColumn:
    if isinstance(place.value, str | list):
        return SourceColumn(read_spellings(place))
    header = place.text("header")
    headers = ((header,) if header else ()) + place.texts("headers")
    pattern = place.text("pattern")
    return SourceColumn(Spellings(headers, (pattern,) if pattern else ()), place.text("file"))


def _unit(place: YamlNode) -> UnitChange:
    if isinstance(place.value, str):
        return UnitChange(place.value, None)
    try:
        factor = Decimal(place.text("factor")) if place.has("factor") else None
    except InvalidOperation:
        factor = None
    return UnitChange(place.text("unit"), factor)


def _file(place: YamlNode) -> JoinedFile:
    key = place.texts("key")
    return JoinedFile(place.text("name"), place.text("pattern"), key, place.texts("baseKey") or key)
