"""Files of reference tables: ``schemas/reference/<id>/<id>.yaml`` and ``<id>.v<version>.csv`` for each version.

Belongs here: reading the files strictly. Belongs elsewhere: the use of the tables by contracts.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.csv_rows import Row, read_rows
from lgdp_pipelines.register.documents.model_parsing import parse
from lgdp_pipelines.register.documents.yaml_nodes import (
    YamlNode,
    contradictions_where,
    find_repeats,
    first_contradiction_where,
    suggest,
)
from lgdp_pipelines.register.files.council_file import is_unknown
from lgdp_pipelines.register.model.reference_tables import (
    ReferenceColumn,
    ReferenceTable,
    ReferenceTableWords,
    ReferenceVersion,
)
from lgdp_pipelines.register.model.table_model import ItemType
from lgdp_pipelines.vocabulary.councils import Councils

DEFINITION = re.compile(r"reference/(?P<id>[^/]+)/(?P=id)\.yaml")
VERSION = re.compile(r"reference/(?P<id>[^/]+)/(?P=id)\.v(?P<version>[0-9][0-9A-Za-z.-]*)\.csv")

_FORMS: Mapping[ItemType, re.Pattern[str]] = {
    ItemType.TEXT: re.compile(r"\S(.*\S)?", re.DOTALL),
    ItemType.INTEGER: re.compile(r"-?(0|[1-9][0-9]{0,17})"),
    ItemType.NUMBER: re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"),
    ItemType.DATE: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
}
_HINT = "schemas/README.md shows a reference table"
_COMPARED = ("columns", "key", "versions")
"""Words that other files and the table's own rows are compared with."""

COUNCIL = "council_code"
"""A column of this name holds register codes of councils."""


def read_reference_table(
    document: YamlNode, contents: Mapping[str, bytes], councils: Councils
) -> tuple[ReferenceTable | None, tuple[Contradiction, ...]]:
    """Return a reference table with rows, None if partly unreadable, and contradictions.

    Args:
        document: ``reference/<id>/<id>.yaml``.
        contents: bytes of every file of the register, by path below its folder.
        councils: of the register.
    """
    folder = document.file.split("/")[1]
    stand_ins = {"id": folder, "title": "?", "description": "?"}
    parsed = parse(ReferenceTableWords, document, name="a reference table", hint=_HINT, stand_ins=stand_ins)
    words, contradictions = parsed.value, list(parsed.contradictions)
    refused = [word for word in _COMPARED if len(parsed.node.entries(word)) != len(document.entries(word))]
    if words is None or refused not in ([], ["versions"]):
        return None, tuple(contradictions)
    versions = []
    for entry, version in zip(parsed.node.entries("versions"), words.versions, strict=True):
        file = f"{document.file.removesuffix('.yaml')}.v{version.version}.csv"
        rows, in_file = _rows(entry, file, contents, [column.name for column in words.columns])
        contradictions += in_file
        contradictions += _check_rows(rows, words.columns, words.key, councils)
        cells = tuple(tuple(row.cells.values()) for row in rows)
        sha256 = hashlib.sha256(contents.get(file, b"")).hexdigest()
        versions.append(ReferenceVersion(**vars(version), rows=cells, sha256=sha256))
    if refused:
        return None, tuple(contradictions)
    table = ReferenceTable(**vars(words) | {"versions": tuple(versions)})
    return table, (*contradictions, *_check_table(parsed.node, table, contents))


def _parse_day(text: str) -> date | None:
    """Return an ISO day; None for another text."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _rows(
    node: YamlNode, file: str, contents: Mapping[str, bytes], columns: list[str]
) -> tuple[tuple[Row, ...], tuple[Contradiction, ...]]:
    """Return a version's rows and contradictions; wrong encoding gives neither."""
    if file not in contents:
        message = f"The version {node.text('version')} has no file."
        return (), (node.contradiction(message, f"Write {file}, or remove the version."),)
    try:
        rows, contradictions = read_rows(file, contents[file].decode("utf-8"), columns)
    except UnicodeDecodeError:
        return (), ()  # the loader reports it
    if not rows and not contradictions:
        contradictions = (Contradiction(file, 1, "The file has no rows.", "Write them, or remove the version."),)
    return rows, contradictions


def _check_rows(
    rows: tuple[Row, ...], columns: tuple[ReferenceColumn, ...], key: tuple[str, ...], councils: Councils
) -> Iterator[Contradiction]:
    """Yield malformed cells, unknown councils, empty key cells and repeated keys."""
    for row in rows:
        for column in columns:
            if row.cells[column.name]:
                yield from _check_cell(row, column, councils)
            elif column.name in key:
                yield row.contradiction(f"{column.name} is part of the key and empty.", "Fill it in.")
    yield from (
        row.contradiction(f"The row has the same key as line {first.line}.", "Keep one of them.")
        for row, first in find_repeats((tuple(row.cells.get(name, "") for name in key), row) for row in rows)
    )


def _check_cell(row: Row, column: ReferenceColumn, councils: Councils) -> Iterator[Contradiction]:
    """Yield a cell of another type, or of an unknown council."""
    text = row.cells[column.name]
    is_day = column.type is ItemType.DATE and _parse_day(text) is not None
    yield from first_contradiction_where(
        (
            not _FORMS[column.type].fullmatch(text) or (column.type is ItemType.DATE and not is_day),
            row,
            f"“{text}” does not read as {column.type}, the type of {column.name}.",
            "Write it plainly, such as 1234.5 or 2024-03-31.",
        ),
        (
            column.name == COUNCIL and is_unknown(text, councils),
            row,
            f"There is no council {text}.",
            "Write a code of councils.csv.",
        ),
    )


def _check_table(root: YamlNode, table: ReferenceTable, contents: Mapping[str, bytes]) -> Iterator[Contradiction]:
    """Yield contradictions of a table's id, columns, key, versions and files."""
    folder = root.file.split("/")[1]
    names = [column.name for column in table.columns]
    yield from contradictions_where(
        (
            table.id and table.id != folder,
            root.at("id"),
            f"The file holds {table.id} and is in reference/{folder}.",
            f"Call folder and file {table.id}.",
        ),
        *(
            (
                name in names[:number] or name == "version",
                root.entries("columns")[number],
                f"The column {name} is a repeat, or has the name of a column that the platform adds.",
                "Rename it.",
            )
            for number, name in enumerate(names)
        ),
        *(
            (
                name not in names,
                root.at("key"),
                f"The key names {name}, which is not a column.",
                suggest(name, names),
            )
            for name in table.key
        ),
    )
    yield from _check_version_order(root, table)
    files = {f"reference/{folder}/{folder}.v{version.version}.csv" for version in table.versions}
    yield from (
        Contradiction(file, 0, "No version of the table names this file.", f"Add the version to {root.file}.")
        for file in contents
        if VERSION.fullmatch(file) and file.startswith(f"reference/{folder}/") and file not in files
    )


def _check_version_order(root: YamlNode, table: ReferenceTable) -> Iterator[Contradiction]:
    """Yield versions that do not follow the one before."""
    entries = root.entries("versions")
    yield from (
        node.contradiction(
            f"The version {other.version} does not come after {version.version}.",
            "List versions in order; each is valid from a later day than the one before.",
        )
        for (_, version), (node, other) in pairwise(zip(entries, table.versions, strict=True))
        if other.version == version.version or other.valid_from <= version.valid_from
    )
