"""Reference tables: ``schemas/reference/<id>/<id>.yaml`` says what one is, ``<id>.v<version>.csv`` holds a version.

What belongs here: reading the files, strictly. What does not: what contracts make of them.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.checks import first_contradiction_where
from lgdp_pipelines.register.documents.csv_records import Row, read_rows
from lgdp_pipelines.register.documents.model_parsing import parse, suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.field_types import (
    STRICT,
    Day,
    FreeText,
    OrEmpty,
    Prose,
    Text,
    Verified,
    refusal,
    refuse_repeats,
)
from lgdp_pipelines.register.model.reference_tables import ReferenceColumn, ReferenceTable, ReferenceVersion
from lgdp_pipelines.register.model.table_model import ItemType
from lgdp_pipelines.vocabulary.councils import Councils

DEFINITION = re.compile(r"reference/(?P<id>[^/]+)/(?P=id)\.yaml")
VERSION = re.compile(r"reference/(?P<id>[^/]+)/(?P=id)\.v(?P<version>[0-9][0-9A-Za-z.-]*)\.csv")

_Name: TypeAlias = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]*$")]


@pydantic_dataclass(frozen=True, config=STRICT)
class _VersionWords:
    """One version of a table."""

    version: Annotated[str, StringConstraints(pattern="^[0-9][0-9A-Za-z.-]*$")]
    valid_from: Day
    source: FreeText
    verified: Verified
    note: OrEmpty[Prose] = ""

    @model_validator(mode="after")
    def _has_source(self) -> Self:
        if self.verified == "READ" and not self.source:
            raise refusal("was READ and has no source", "Write where it was read.")
        return self


@pydantic_dataclass(frozen=True, config=STRICT)
class _TableWords:
    """A reference table."""

    id: Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    title: Text
    description: Prose
    columns: Annotated[tuple[ReferenceColumn, ...], Field(min_length=1)]
    key: Annotated[tuple[_Name, ...], Field(min_length=1), AfterValidator(refuse_repeats)]
    versions: Annotated[tuple[_VersionWords, ...], Field(min_length=1)]


_FORMS: Mapping[ItemType, re.Pattern[str]] = {
    ItemType.TEXT: re.compile(r"\S(.*\S)?", re.DOTALL),
    ItemType.INTEGER: re.compile(r"-?(0|[1-9][0-9]{0,17})"),
    ItemType.NUMBER: re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"),
    ItemType.DATE: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
}
_REMEDY = "Mend it; schemas/README.md shows a reference table."
COUNCIL = "council_code"
"""A column of this name holds register codes of councils, and no other."""


@dataclass(frozen=True, slots=True)
class ParsedReferenceTable:
    """The readable part of a reference table, and its contradictions."""

    table: ReferenceTable | None
    found: tuple[Contradiction, ...]


def read_reference(document: YamlNode, contents: Mapping[str, bytes], councils: Councils) -> ParsedReferenceTable:
    """Return a document's reference table with the rows of its versions' files.

    Args:
        document: ``reference/<id>/<id>.yaml``.
        contents: bytes of every file of the register, by path below its folder.
        councils: whose codes a column may hold.
    """
    folder = document.file.split("/")[1]
    stand_ins = {"id": folder, "title": "?", "description": "?"}
    parsed = parse(_TableWords, document, name="a reference table", remedy=_REMEDY, stand_ins=stand_ins)
    words, found = parsed.value, list(parsed.contradictions)
    if words is None:
        return ParsedReferenceTable(None, tuple(found))
    versions = []
    for entry, version in zip(parsed.node.entries("versions"), words.versions, strict=True):
        file = f"{document.file.removesuffix('.yaml')}.v{version.version}.csv"
        rows, in_file = _rows(entry, file, contents, [column.name for column in words.columns])
        found += in_file
        found += _check_row(rows, words.columns, words.key, councils)
        versions.append(
            ReferenceVersion(
                version=version.version,
                valid_from=version.valid_from,
                source=" ".join(version.source.split()),
                verified=version.verified,
                note=version.note,
                rows=tuple(tuple(row.cells.values()) for row in rows),
                sha256=hashlib.sha256(contents.get(file, b"")).hexdigest(),
            )
        )
    table = ReferenceTable(words.id, words.title, words.description, words.columns, words.key, tuple(versions))
    return ParsedReferenceTable(table, (*found, *_check_table(parsed.node, table, contents)))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _rows(
    place: YamlNode, file: str, contents: Mapping[str, bytes], columns: list[str]
) -> tuple[tuple[Row, ...], tuple[Contradiction, ...]]:
    if file not in contents:
        what = f"The version {place.text('version')} has no file."
        return (), (place.contradiction(what, f"Write {file}, or remove the version."),)
    try:
        rows, found = read_rows(file, contents[file].decode("utf-8"), columns)
    except UnicodeDecodeError:
        return (), ()  # told of every file of the register already
    if not rows and not found:
        found = (Contradiction(file, 1, "The file has no rows.", "Write them, or remove the version."),)
    return rows, found


def _check_row(
    rows: tuple[Row, ...], columns: tuple[ReferenceColumn, ...], key: tuple[str, ...], councils: Councils
) -> Iterator[Contradiction]:
    seen: dict[tuple[str, ...], int] = {}
    for row in rows:
        for column in columns:
            if row.cells[column.name]:
                yield from _check_cell(row, column, councils)
            elif column.name in key:
                yield row.contradiction(f"{column.name} is part of the key and empty.", "Fill it in.")
        told_by = tuple(row.cells.get(name, "") for name in key)
        first = seen.setdefault(told_by, row.line)
        if first != row.line:
            yield row.contradiction(f"The row has the same key as line {first}.", "Keep one of them.")


def _check_cell(row: Row, column: ReferenceColumn, councils: Councils) -> Iterator[Contradiction]:
    text = row.cells[column.name]
    is_day = column.type is ItemType.DATE and _day(text) is not None
    yield from first_contradiction_where(
        (
            not _FORMS[column.type].fullmatch(text) or (column.type is ItemType.DATE and not is_day),
            row,
            f"“{text}” is no {column.type} as {column.name} has it.",
            "Write it plainly, such as 1234.5 or 2024-03-31.",
        ),
        (
            column.name == COUNCIL and text not in councils.by_code,
            row,
            f"There is no council {text}.",
            "Write a code of councils.csv.",
        ),
    )


def _check_table(root: YamlNode, table: ReferenceTable, contents: Mapping[str, bytes]) -> Iterator[Contradiction]:
    folder = root.file.split("/")[1]
    if table.id and table.id != folder:
        yield root.at("id").contradiction(
            f"The file holds {table.id} and lies in reference/{folder}.", f"Call folder and file {table.id}."
        )
    names = [column.name for column in table.columns]
    yield from (
        root.entries("columns")[number].contradiction(
            f"The column {name} is there twice, or is called like one that the platform adds.", "Rename it."
        )
        for number, name in enumerate(names)
        if name in names[:number] or name == "version"
    )
    yield from (
        root.at("key").contradiction(f"The key names {name}, which is no column.", suggest(name, names))
        for name in table.key
        if name not in names
    )
    yield from _check_version(root, table)
    known = {f"reference/{folder}/{folder}.v{version.version}.csv" for version in table.versions}
    yield from (
        Contradiction(file, 0, "No version of the table names this file.", f"Add the version to {root.file}.")
        for file in contents
        if VERSION.fullmatch(file) and file.startswith(f"reference/{folder}/") and file not in known
    )


def _check_version(root: YamlNode, table: ReferenceTable) -> Iterator[Contradiction]:
    entries = root.entries("versions")
    yield from (
        place.contradiction(
            f"The version {other.version} does not come after {version.version}.",
            "List versions in order; each is valid from a later day than the one before.",
        )
        for (_, version), (place, other) in pairwise(zip(entries, table.versions, strict=True))
        if other.version == version.version or other.valid_from <= version.valid_from
    )
