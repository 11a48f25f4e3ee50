"""Mappings: ``schemas/mappings/<system>/<return>[.<council>].yaml``, how a system's export answers a return.

Belongs here: the words of a file, and reading them into the register's model. Belongs elsewhere: whether a mapping is
complete and agrees with the contract (``checks.mapping_checks``).
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import parse
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.extract_format import Extract
from lgdp_pipelines.register.model.field_types import (
    STRICT,
    DistinctTexts,
    ExactText,
    Identifier,
    NamePattern,
    NonEmptyMap,
    NumberStyleWords,
    OrEmpty,
    Pattern,
    PositiveInteger,
    ReadAs,
    Text,
    TextOr,
    refusal,
    refuse_repeats,
)
from lgdp_pipelines.register.model.system_mapping import (
    CodePattern,
    JoinedFile,
    SourceColumn,
    SystemMapping,
    TableMapping,
    UnitChange,
)
from lgdp_pipelines.register.model.table_model import Provenance, SpellingList, Spellings

_REMEDY = "Correct it; schemas/README.md shows a mapping."


@pydantic_dataclass(frozen=True, config=STRICT)
class _FileWords:
    """One of a table's several files; ``baseKey`` renames the base's key columns."""

    name: Annotated[Text, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    pattern: NamePattern
    key: OrEmpty[DistinctTexts] = ()
    base_key: OrEmpty[DistinctTexts] = Field(default=(), validation_alias="baseKey")

    def file(self) -> JoinedFile:
        """Return the file."""
        return JoinedFile(self.name, self.pattern, self.key, self.base_key or self.key)


@pydantic_dataclass(frozen=True, config=STRICT)
class _ColumnWords:
    """The column that holds an item."""

    header: OrEmpty[Text] = ""
    headers: OrEmpty[DistinctTexts] = ()
    pattern: OrEmpty[Pattern] = ""
    file: OrEmpty[Text] = ""

    @model_validator(mode="after")
    def _has_a_header(self) -> Self:
        if not (self.header or self.headers or self.pattern):
            raise refusal("has no header", "Write header, headers or pattern.")
        return self

    def column(self) -> SourceColumn:
        """Return the column."""
        headers = (*((self.header,) if self.header else ()), *(header.strip() for header in self.headers))
        return SourceColumn(Spellings(headers, (self.pattern,) if self.pattern else ()), self.file)


def _spell_out_column(value: object) -> object:
    """Return a header, or a list of headers, in full words."""
    if isinstance(value, str):
        return {"header": value}
    return {"headers": value} if isinstance(value, list) else value


@pydantic_dataclass(frozen=True, config=STRICT)
class _UnitWords:
    """A figure in another unit, with the factor where it is not commonly known."""

    unit: Text
    factor: OrEmpty[Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?$")]] = ""


def _make_unit(words: str | _UnitWords) -> UnitChange:
    if isinstance(words, str):
        return UnitChange(words)
    return UnitChange(words.unit, Decimal(words.factor) if words.factor else None)


_File: TypeAlias = Annotated[JoinedFile, ReadAs(_FileWords, _FileWords.file)]
_Column: TypeAlias = Annotated[
    SourceColumn, ReadAs(Annotated[_ColumnWords, BeforeValidator(_spell_out_column)], _ColumnWords.column)
]
_Unit: TypeAlias = Annotated[UnitChange, ReadAs(TextOr[_UnitWords], _make_unit)]


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class _TableWords:
    """The words by which an export fills one table, by item name."""

    files: OrEmpty[Annotated[tuple[_File, ...], Field(min_length=1)]] = ()
    columns: OrEmpty[NonEmptyMap[_Column]] = Field(default_factory=dict)
    codes: OrEmpty[NonEmptyMap[NonEmptyMap[str]]] = Field(default_factory=dict)
    code_patterns: OrEmpty[NonEmptyMap[tuple[CodePattern, ...]]] = Field(
        default_factory=dict, validation_alias="codePatterns"
    )
    units: OrEmpty[NonEmptyMap[_Unit]] = Field(default_factory=dict)
    dates: OrEmpty[TextOr[NonEmptyMap[ExactText]]] = Field(default="")
    numbers: OrEmpty[NumberStyleWords | None] = None
    constants: OrEmpty[NonEmptyMap[ExactText]] = Field(default_factory=dict)
    absent: OrEmpty[NonEmptyMap[ExactText]] = Field(default_factory=dict)
    ignored: SpellingList = Spellings()

    def table(self, name: str) -> TableMapping:
        """Return the mapping of the table of a name."""
        words = {word: value for word, value in vars(self).items() if word != "dates"}
        words["date_format" if isinstance(self.dates, str) else "dates"] = self.dates
        return TableMapping(name, **words)


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class _MappingWords:
    """The words by which one system's export answers one return."""

    system: Identifier
    return_code: Text = Field(validation_alias="return")
    council: OrEmpty[Text] = ""
    majors: Annotated[tuple[PositiveInteger, ...], Field(min_length=1), AfterValidator(refuse_repeats)]
    title: Text
    provenance: Provenance
    extract: OrEmpty[Extract | None] = None
    tables: NonEmptyMap[_TableWords]


@dataclass(frozen=True, slots=True)
class MappingFile:
    """A mapping and the node that it was read from.

    Attributes:
        mapping: as read.
        document: the file's root.
    """

    mapping: SystemMapping
    document: YamlNode


def read_mapping(document: YamlNode, path: Path, sha256: str) -> tuple[MappingFile | None, tuple[Contradiction, ...]]:
    """Return a document's mapping, None where unreadable, and the errors of its form.

    Args:
        document: the file's root.
        path: the file.
        sha256: of the file's bytes.
    """
    stand_ins = {"title": "?", "provenance": {"verified": "ours", "source": ""}}
    parsed = parse(_MappingWords, document, name="a mapping", remedy=_REMEDY, stand_ins=stand_ins)
    if parsed.value is None:
        return None, parsed.contradictions
    words = vars(parsed.value)
    tables = {name: table.table(name) for name, table in parsed.value.tables.items()}
    mapping = SystemMapping(**words | {"tables": tables}, path=path, sha256=sha256)
    return MappingFile(mapping, parsed.node), parsed.contradictions
