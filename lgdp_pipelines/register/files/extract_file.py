"""What the words about how an extract is written say against each other.

What belongs here: contradictions in ``lgdpExtract`` of a contract and ``extract`` of a mapping that their model
(``model.extract_format``) does not show. What does not: what they mean in a run (``landing``).
"""

import re
from collections.abc import Iterator, Mapping

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.checks import contradictions_where
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.extract_format import Container, Extract, Format

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


def check_extract(extract: Extract, node: YamlNode) -> Iterator[Contradiction]:
    """Yield what contradicts itself in how extracts are written.

    Args:
        extract: as read.
        node: that it was read from.
    """
    yield from (
        node.at(word).contradiction(
            f"{word} means nothing for an extract in {extract.format.upper()}.", f"Remove {word}."
        )
        for word, formats in _HOLDS_IN.items()
        if node.has(word) and extract.format not in formats
    )
    yield from contradictions_where(
        (
            extract.delimiter == extract.quote,
            node.at("quote"),
            "Delimiter and quote are the same character.",
            "Change one of them.",
        ),
        (
            extract.format is Format.XML and not _XML_PATH.fullmatch(extract.records_at),
            node.at("recordsAt"),
            "An XML extract does not say which element is a record.",
            "Write recordsAt as the path of the record element from the root, such as return/cases/case.",
        ),
        (
            extract.member and extract.container is not Container.ZIP,
            node.at("member"),
            "Only a ZIP has members.",
            "Remove member, or write container: zip.",
        ),
    )


def is_xml_path(header: str) -> bool:
    """Return whether a header is an XML path: ``Person/Surname``, ``@ref``, ``../@authority``, ``.``."""
    return _XML_ITEM.fullmatch(header) is not None
