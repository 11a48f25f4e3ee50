"""Reference data: the council register, reference tables and code lists.

``schemas/councils/councils.csv`` and ``spellings.csv`` are the council register. ``schemas/reference/<id>/<id>.yaml``
describes a reference table, and ``<id>.v<version>.csv`` holds a version of it. ``schemas/codelists/<id>.yaml`` is a
code list. Belongs here: reading the files strictly. Belongs elsewhere: finding a council (``vocabulary.councils``) and
the use of tables and code lists by contracts.
"""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import parse
from lgdp_pipelines.register.documents.yaml_nodes import (
    Check,
    YamlNode,
    contradictions_where,
    find_repeats,
    first_contradiction_where,
    suggest,
)
from lgdp_pipelines.register.model.field_types import (
    STRICT,
    VERIFIED,
    Day,
    ExactText,
    FreeText,
    Identifier,
    OrEmpty,
    PythonPattern,
    Text,
    Verified,
    refusal,
    refuse_repeats,
)
from lgdp_pipelines.register.model.reference_tables import (
    ReferenceColumn,
    ReferenceTable,
    ReferenceTableWords,
    ReferenceVersion,
)
from lgdp_pipelines.register.model.table_model import ItemType
from lgdp_pipelines.vocabulary.code_lists import Code, CodeList
from lgdp_pipelines.vocabulary.councils import Council, Councils, fold_spelling


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a CSV file.

    Attributes:
        file: path below the register's folder.
        line: where the record begins.
        cells: by column.
    """

    file: str
    line: int
    cells: Mapping[str, str]

    def contradiction(self, what: str, remedy: str) -> Contradiction:
        """Return a contradiction on this line."""
        return Contradiction(self.file, self.line, what, remedy)


def read_rows(file: str, text: str, columns: Sequence[str]) -> tuple[tuple[Row, ...], tuple[Contradiction, ...]]:
    """Return a CSV file's rows and contradictions; another header gives no rows."""
    reader = csv.reader(io.StringIO(text), strict=True)
    rows: list[Row] = []
    contradictions: list[Contradiction] = []
    line = 1
    try:
        header = next(reader, [])
        if tuple(header) != tuple(columns):
            return (), (Contradiction(file, 1, "The header has other columns.", f"Write {','.join(columns)}."),)
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) == len(columns):
                rows.append(Row(file, line, dict(zip(columns, cells, strict=True))))
            else:
                contradictions.append(
                    Contradiction(file, line, f"{len(cells)} cells under {len(columns)} columns.", "Correct it.")
                )
            line = reader.line_num + 1
    except csv.Error as error:
        contradictions.append(Contradiction(file, line, f"This is not CSV: {error}.", "Correct the quotation marks."))
    return tuple(rows), tuple(contradictions)


COUNCILS_FILE = "councils/councils.csv"
SPELLINGS_FILE = "councils/spellings.csv"

_COUNCIL_COLUMNS = (
    "council_code",
    "name",
    "official_name",
    "gss_code",
    "former_gss_code",
    "sg_code",
    "health_code",
    "org_id",
    "verified",
)
_NAME_COLUMNS = ("council_code", "spelling", "files_seen_in", "seen_in", "verified")
_COUNCIL_FORMS = {
    "council_code": re.compile(r"[A-Z]{3}"),
    "gss_code": re.compile(r"S12\d{6}"),
    "former_gss_code": re.compile(r"(S12\d{6})?"),
    "sg_code": re.compile(r"\d{3}"),
    "health_code": re.compile(r"\d{2}"),
    "org_id": re.compile(r"GB-LAS-[A-Z]{3}"),
}


def read_councils(councils_text: str, names_text: str) -> tuple[Councils, tuple[Contradiction, ...]]:
    """Return the council register from two files' text, and its contradictions."""
    rows, contradictions = read_rows(COUNCILS_FILE, councils_text, _COUNCIL_COLUMNS)
    names, contradictions_in_names = read_rows(SPELLINGS_FILE, names_text, _NAME_COLUMNS)
    councils = Councils(
        MappingProxyType(
            {
                council.code: council
                for council in sorted((_make_council(row, names) for row in rows), key=lambda council: council.code)
            }
        )
    )
    return councils, (
        *contradictions,
        *contradictions_in_names,
        *_check_councils(rows),
        *_check_names(names, councils),
        *_check_shared_spellings(rows, names, councils),
    )


def _make_council(row: Row, names: Sequence[Row]) -> Council:
    """Return the council of a row, with its spellings."""
    cells = row.cells
    return Council(
        code=cells["council_code"],
        name=cells["name"],
        official_name=cells["official_name"],
        gss_code=cells["gss_code"],
        former_gss_code=cells["former_gss_code"] or None,
        sg_code=cells["sg_code"],
        health_code=cells["health_code"],
        org_id=cells["org_id"],
        names=tuple(name.cells["spelling"] for name in names if name.cells["council_code"] == cells["council_code"]),
        verified=cells["verified"],
    )


def _check_councils(rows: Sequence[Row]) -> Iterator[Contradiction]:
    """Yield malformed, repeated or missing cells of the council register."""
    lines: dict[tuple[str, str], int] = {}
    for row in rows:
        for column, form in _COUNCIL_FORMS.items():
            value = row.cells[column]
            if not form.fullmatch(value):
                yield row.contradiction(f"The {column} “{value}” is malformed.", f"Match {form.pattern}.")
            elif value and lines.setdefault((column, value), row.line) != row.line:
                yield row.contradiction(
                    f"The {column} {value} is also on line {lines[column, value]}.", "Give each council its own."
                )
        yield from contradictions_where(
            _make_mark_check(row),
            (
                not row.cells["name"] or not row.cells["official_name"],
                row,
                "The council has no name.",
                "Write name and official_name.",
            ),
        )


def _check_names(names: Sequence[Row], councils: Councils) -> Iterator[Contradiction]:
    """Yield spellings without text, known council or known mark."""
    for row in names:
        code = row.cells["council_code"]
        yield from contradictions_where(
            (code not in councils.by_code, row, f"There is no council {code}.", "Write a code of councils.csv."),
            (not row.cells["spelling"].strip(), row, "The spelling is empty.", "Write it, or remove the line."),
            _make_mark_check(row),
        )


def _make_mark_check(row: Row) -> Check:
    """Return the check of a row's mark ``verified``."""
    mark = row.cells["verified"]
    return (mark not in VERIFIED, row, f"The mark “{mark}” is unknown.", f"Write one of: {'; '.join(VERIFIED)}.")


def _check_shared_spellings(rows: Sequence[Row], names: Sequence[Row], councils: Councils) -> Iterator[Contradiction]:
    """Yield spellings that mean two councils, at the line of the second."""
    codes = [row.cells["council_code"] for row in rows]
    council_rows = [
        (row, councils.by_code[code]) for row, code in zip(rows, codes, strict=True) if code in councils.by_code
    ]
    spellings = [
        (spelling, row)
        for row, council in council_rows
        for spelling in sorted(set(map(fold_spelling, council.spellings)) - set(map(fold_spelling, council.names)))
    ]
    spellings += [(fold_spelling(row.cells["spelling"]), row) for row in names if row.cells["spelling"].strip()]
    owners: dict[str, str] = {}
    for spelling, row in spellings:
        owner = owners.setdefault(spelling, row.cells["council_code"])
        if owner != row.cells["council_code"]:
            yield row.contradiction(
                f"{owner} has the spelling “{spelling}” too.",
                "Remove it from one; a spelling means one council.",
            )


DEFINITION = re.compile(r"reference/(?P<id>[^/]+)/(?P=id)\.yaml")
VERSION = re.compile(r"reference/(?P<id>[^/]+)/(?P=id)\.v(?P<version>[0-9][0-9A-Za-z.-]*)\.csv")

_FORMS: Mapping[ItemType, re.Pattern[str]] = {
    ItemType.TEXT: re.compile(r"\S(.*\S)?", re.DOTALL),
    ItemType.INTEGER: re.compile(r"-?(0|[1-9][0-9]{0,17})"),
    ItemType.NUMBER: re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"),
    ItemType.DATE: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
}
_REMEDY = "Correct it; schemas/README.md shows a reference table."
COUNCIL = "council_code"
"""A column of this name holds register codes of councils."""


def read_reference(
    document: YamlNode, contents: Mapping[str, bytes], councils: Councils
) -> tuple[ReferenceTable | None, tuple[Contradiction, ...]]:
    """Return a reference table with rows, None if unreadable, and contradictions.

    Args:
        document: ``reference/<id>/<id>.yaml``.
        contents: bytes of every file of the register, by path below its folder.
        councils: of the register.
    """
    folder = document.file.split("/")[1]
    stand_ins = {"id": folder, "title": "?", "description": "?"}
    parsed = parse(ReferenceTableWords, document, name="a reference table", remedy=_REMEDY, stand_ins=stand_ins)
    words, contradictions = parsed.value, list(parsed.contradictions)
    if words is None:
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
            column.name == COUNCIL and text not in councils.by_code,
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


@pydantic_dataclass(frozen=True, config=STRICT)
class _CodeWords:
    """One code of a list."""

    code: Text
    label: Text
    aliases: Annotated[tuple[ExactText, ...], AfterValidator(refuse_repeats)] = ()
    patterns: Annotated[tuple[PythonPattern, ...], AfterValidator(refuse_repeats)] = ()
    valid_from: OrEmpty[Day | None] = None
    valid_to: OrEmpty[Day | None] = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        """Refuse a code that ends before it begins."""
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise refusal("ends before it begins", "Swap valid_from and valid_to.")
        return self


@pydantic_dataclass(frozen=True, config=STRICT)
class _CodeListWords:
    """A code list."""

    id: Identifier
    version: Text
    title: Text
    source: FreeText
    verified: Verified
    codes: Annotated[tuple[_CodeWords, ...], Field(min_length=1)]
    note: OrEmpty[Text] = ""


def read_code_list(document: YamlNode) -> tuple[CodeList, tuple[Contradiction, ...]]:
    """Return a document's code list and contradictions, with defaults for unreadable parts."""
    stand_ins = {
        "id": PurePosixPath(document.file).stem,
        "version": "?",
        "title": "?",
        "source": "?",
        "verified": "ours",
        "codes": [{"code": "?", "label": "?"}],
    }
    parsed = parse(
        _CodeListWords,
        document,
        name="a code list",
        remedy="Correct it; schemas/README.md shows a code list.",
        stand_ins=stand_ins,
    )
    words = parsed.value
    if words is None:
        return CodeList(PurePosixPath(document.file).stem, "?", "?", "?", "ours", ()), parsed.contradictions
    codes = tuple(Code(**vars(code)) for code in words.codes)
    code_list = CodeList(words.id, words.version, words.title, words.source, words.verified, codes)
    return code_list, (*parsed.contradictions, *_check_code_list(parsed.node, code_list))


def _check_code_list(node: YamlNode, code_list: CodeList) -> Iterator[Contradiction]:
    """Yield a wrong id or mark, and spellings shared by two codes."""
    yield from contradictions_where(
        (
            node.file != f"codelists/{code_list.id}.yaml",
            node.at("id"),
            f"The file holds {code_list.id} and is called {node.file}.",
            f"Call it codelists/{code_list.id}.yaml.",
        ),
        (
            code_list.verified == "READ" and not code_list.source,
            node.at("source"),
            "The list is marked READ and has no source.",
            "Write where it was read.",
        ),
    )
    counts = Counter(spelling for code in code_list.codes for spelling in {code.code, *code.aliases})
    for entry, code in zip(node.entries("codes"), code_list.codes, strict=True):
        yield from (
            entry.contradiction(f"Two codes have the spelling “{spelling}”.", "Keep it at one.")
            for spelling in {code.code, *code.aliases}
            if counts[spelling] > 1
        )
        for pattern_node, pattern in zip(entry.entries("patterns"), code.patterns, strict=True):
            yield from (
                pattern_node.contradiction(
                    f"The pattern “{pattern}” of {code.code} also matches a spelling of {other_code.code}.",
                    "Write it so that it matches one code only.",
                )
                for other_code in code_list.codes
                if other_code is not code and _has_spelling(other_code, pattern)
            )


def _has_spelling(code: Code, pattern: str) -> bool:
    """Return whether a code has the pattern, or a spelling it matches."""
    return pattern in code.patterns or any(re.fullmatch(pattern, text) for text in (code.code, *code.aliases))
