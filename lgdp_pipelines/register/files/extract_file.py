"""How an extract is written, as a contract (``lgdpExtract``) or a mapping (``extract``) says it.

What belongs here: the one schema and the one reader of that vocabulary, and what contradicts itself in it. What does
not: what it means in a run (``landing``).
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.extract_format import Container, Extract, Format
from lgdp_pipelines.register.model.field_types import find_pattern_problem

NO_QUOTE = "none"
"""How it is written that a CSV file has no quote character."""

EXTRACT_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "format": {"enum": [one.value for one in Format]},
        "encoding": {"type": "string", "pattern": r"\S"},
        "delimiter": {"type": "string", "pattern": r"^[^\r\n\x00A-Za-z0-9]$"},
        "quote": {"type": "string", "pattern": rf"^([^\r\n\x00A-Za-z0-9\s]|{NO_QUOTE})$"},
        "sheet": {"type": "string", "pattern": r"\S"},
        "preamble": {"type": "integer", "minimum": 0, "maximum": 1000},
        "headerRows": {"enum": [1, 2]},
        "recordsAt": {"type": "string"},
        "container": {"enum": [one.value for one in Container]},
        "member": {"type": "string", "pattern": r"\S"},
    },
    "required": ["format"],
    "additionalProperties": False,
}
"""JSON Schema of the vocabulary."""

_ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso8859-1", "iso8859-15", "ascii")
_OF_TABLES = frozenset({Format.CSV, Format.XLSX, Format.XLS})
_HOLDS_IN: Mapping[str, frozenset[Format]] = {
    "encoding": frozenset({Format.CSV, Format.JSON, Format.NDJSON}),
    "delimiter": frozenset({Format.CSV}),
    "quote": frozenset({Format.CSV}),
    "sheet": frozenset({Format.XLSX, Format.XLS}),
    "preamble": _OF_TABLES,
    "headerRows": _OF_TABLES,
    "recordsAt": frozenset({Format.JSON, Format.XML}),
}
"""In which formats a word means something."""
_NAME = r"[^\W\d][\w.-]*"
_XML_PATH = re.compile(rf"{_NAME}(/{_NAME})*")
_XML_ITEM = re.compile(rf"(\.\./)*(({_NAME}/)*(@?{_NAME}))|\.")


def read_extract_words(place: YamlNode) -> Extract:
    """What a place says of how extracts are written, as far as it can be read.

    Args:
        place: value of ``lgdpExtract`` or of ``extract``.
    """
    written = place.text("format")
    delimiter, quote = place.at("delimiter").value, place.text("quote", '"')
    packed = place.text("container")
    return Extract(
        format=Format(written) if written in set(Format) else Format.CSV,
        encoding=place.text("encoding", "utf-8"),
        delimiter=delimiter if isinstance(delimiter, str) and len(delimiter) == 1 else ",",
        quote="" if quote == NO_QUOTE else quote[:1],
        sheet=place.text("sheet"),
        preamble=place.integer("preamble") or 0,
        header_rows=place.integer("headerRows") or 1,
        records_at=place.text("recordsAt"),
        container=Container(packed) if packed in set(Container) else Container.NONE,
        member=place.text("member"),
    )


def extract_contradictions(extract: Extract, place: YamlNode) -> Iterator[Contradiction]:
    """What contradicts itself in how extracts are said to be written, besides the shape of what is said.

    Args:
        extract: as read.
        place: where it was read.
    """
    if _plain_name(extract.encoding) not in {_plain_name(one) for one in _ENCODINGS}:
        yield place.at("encoding").contradiction(
            f"The encoding “{extract.encoding}” is unknown.", f"Write {', '.join(_ENCODINGS[:-1])} or {_ENCODINGS[-1]}."
        )
    for word, formats in _HOLDS_IN.items():
        if place.has(word) and extract.format not in formats and place.text("format") in set(Format):
            yield place.at(word).contradiction(
                f"{word} means nothing for an extract in {extract.format.upper()}.", f"Remove {word}."
            )
    if extract.delimiter == extract.quote:
        yield place.at("quote").contradiction("Delimiter and quote are the same character.", "Change one of them.")
    if extract.format is Format.XML and not _XML_PATH.fullmatch(extract.records_at):
        yield place.at("recordsAt").contradiction(
            "An XML extract does not say which element is a record.",
            "Write recordsAt as the path of the record element from the root, such as return/cases/case.",
        )
    yield from _container_contradictions(extract, place)


def is_xml_path(header: str) -> bool:
    """Whether an item's header can name a value in XML: ``Person/Surname``, ``@ref``, ``../../@authority`` or ``.``."""
    return _XML_ITEM.fullmatch(header) is not None


def _container_contradictions(extract: Extract, place: YamlNode) -> Iterator[Contradiction]:
    if not extract.member:
        return
    problem = find_pattern_problem(extract.member)
    if problem:
        yield place.at("member").contradiction(f"The pattern of member {problem}.", "Mend the pattern.")
    if extract.container is not Container.ZIP:
        yield place.at("member").contradiction("Only a ZIP has members.", "Remove member, or write container: zip.")


def _plain_name(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return ""
