"""Mappings: the headers, codes, units and dates of a back-office system's export, for the items of a return.

Belongs here: the words of ``schemas/mappings/`` as frozen records, and choosing the mapping of a council. Belongs
elsewhere: reading the files (``mapping_file``), matching headers (``landing``) and translating values (``validation``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from lgdp_pipelines.register.model.extract_format import ExtractFormat
from lgdp_pipelines.register.model.field_types import (
    STRICT,
    DistinctTexts,
    ExactText,
    Identifier,
    NonEmptyMap,
    NumberStyleWords,
    OrEmpty,
    PolarsPattern,
    PositiveInteger,
    PythonPattern,
    ReadAs,
    Text,
    TextOr,
    refusal,
    refuse_repeats,
)
from lgdp_pipelines.register.model.table_model import Item, ItemType, Provenance, SpellingList, Spellings
from lgdp_pipelines.vocabulary.units import find_conversion_factor

THE_COUNCIL, THE_PERIOD = "{council}", "{period}"
"""Constants for the council of the extract's account, and for the extract's period."""


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """The column of an export that holds an item.

    Attributes:
        spellings: its possible headers.
        file: name of the joined file that has it; empty: the only file, or the base.
    """

    spellings: Spellings
    file: str = ""


@pydantic_dataclass(frozen=True, config=STRICT)
class _ColumnWords:
    """The words for the column that holds an item."""

    header: OrEmpty[Text] = ""
    headers: OrEmpty[DistinctTexts] = ()
    pattern: OrEmpty[PolarsPattern] = ""
    file: OrEmpty[Text] = ""

    @model_validator(mode="after")
    def _has_a_header(self) -> Self:
        """Refuse a column without any header."""
        if not (self.header or self.headers or self.pattern):
            raise refusal("has no header", "Write header, headers or pattern.")
        return self

    def column(self) -> SourceColumn:
        """Return the words as a column with all its headers."""
        headers = (*((self.header,) if self.header else ()), *(header.strip() for header in self.headers))
        return SourceColumn(Spellings(headers, (self.pattern,) if self.pattern else ()), self.file)


def _spell_out_column(value: object) -> object:
    """Return a header or list as a mapping; other values unchanged."""
    if isinstance(value, str):
        return {"header": value}
    return {"headers": value} if isinstance(value, list) else value


@pydantic_dataclass(frozen=True, config=STRICT)
class CodePattern:
    """Source codes of one form.

    Attributes:
        pattern: regular expression for a whole source code.
        to: the contract's code; ``{1}`` or ``{name}`` inserts the text of a group of the pattern.
    """

    pattern: PolarsPattern
    to: str


@pydantic_dataclass(frozen=True, config=STRICT)
class UnitChange:
    """A figure in another unit than the contract's.

    Attributes:
        unit: of the export.
        factor: multiplies a figure of the export; None: the commonly known factor of the two units.
    """

    unit: Text
    factor: OrEmpty[
        Annotated[Decimal, ReadAs(Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?$")], Decimal)] | None
    ] = None

    def factor_to(self, unit: str) -> Decimal | None:
        """Return the mapping's factor, or the known one; None if unknown."""
        return find_conversion_factor(self.unit, unit) if self.factor is None else self.factor


@pydantic_dataclass(frozen=True, config=STRICT)
class JoinedFile:
    """One of several files that make a table.

    Attributes:
        name: its name in the mapping and in receipts.
        pattern: regular expression for the whole name of the file.
        key: headers of the columns that name the row of the base that a row belongs to; empty for the base itself.
        renamed_key: headers of the same columns in the base; empty: they are called as in this file.
    """

    name: Annotated[Text, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    pattern: PythonPattern
    key: OrEmpty[DistinctTexts] = ()
    renamed_key: OrEmpty[DistinctTexts] = Field(default=(), validation_alias="baseKey")

    @property
    def base_key(self) -> tuple[str, ...]:
        """Headers of the base's columns that match the key, in order."""
        return self.renamed_key or self.key


_Column: TypeAlias = Annotated[
    SourceColumn, ReadAs(Annotated[_ColumnWords, BeforeValidator(_spell_out_column)], _ColumnWords.column)
]
_Unit: TypeAlias = Annotated[
    UnitChange, BeforeValidator(lambda value: {"unit": value} if isinstance(value, str) else value)
]


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class TableWords:
    """The words by which an export fills one table, by item name.

    Attributes:
        columns: the column that holds each item.
        codes: contract's code by source code, which matches exactly or in another case and white space.
        code_patterns: for source codes of a form.
        units: of figures that are in another unit.
        dates: format of all dates, such as ``d/M/yyyy``, or of the dates of single items; empty: as the contract says.
        numbers: spelling of all numbers; None: as the contract says.
        constants: the value that every row has.
        absent: items that the system does not hold, each with the reason.
        ignored: known columns of the export without an item.
        files: base first, where several files make the table; empty where one file does.
    """

    files: OrEmpty[Annotated[tuple[JoinedFile, ...], Field(min_length=1)]] = ()
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


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class TableMapping(TableWords):
    """The filling of one table from an export.

    Attributes:
        table: name of the contract's table.
    """

    table: str

    def find_date_format(self, item: Item) -> str:
        """Return an item's date format; empty for the contract's or non-dates."""
        formats = self.dates if isinstance(self.dates, Mapping) else {item.name: self.dates}
        return formats.get(item.name, "") if item.type is ItemType.DATE else ""

    def headers_of(self, name: str) -> tuple[str, ...]:
        """Return an item's possible headers in words; empty where unmapped."""
        column = self.columns.get(name)
        if column is None:
            return ()
        headers = (*column.spellings.headers, *(f"(of the form {pattern})" for pattern in column.spellings.patterns))
        return tuple(f"{name} (in {column.file})" for name in headers) if column.file else headers


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class MappingWords:
    """The words by which one system's export answers one return.

    Attributes:
        system: such as ``caseworks-housing``, as sources and ``--system`` name it.
        return_code: such as ``HL1``.
        council: register code of the only council with such an export; empty: all councils.
        majors: major versions of the contract that it is for.
        title: for people.
        provenance: source of the export's layout.
        extract: form of the export; None: as the contract says.
        tables: the filling of each table, by name.
    """

    system: Identifier
    return_code: Text = Field(validation_alias="return")
    council: OrEmpty[Text] = ""
    majors: Annotated[tuple[PositiveInteger, ...], Field(min_length=1), AfterValidator(refuse_repeats)]
    title: Text
    provenance: Provenance
    extract: OrEmpty[ExtractFormat | None] = None
    tables: NonEmptyMap[TableWords]


@pydantic_dataclass(frozen=True, config=STRICT, kw_only=True)
class SystemMapping(MappingWords):
    """The answer to one return from one system's export.

    Attributes:
        sha256: of the file's bytes.
    """

    tables: Mapping[str, TableMapping]
    sha256: str

    @property
    def files(self) -> tuple[JoinedFile, ...]:
        """The files of a submission; empty where each table has one file."""
        return tuple(file for table in self.tables.values() for file in table.files)


def select_mapping(
    mappings: Iterable[SystemMapping], system: str, council_code: str, return_code: str, major: int
) -> SystemMapping | None:
    """Return the council's own mapping, else the common one, else None.

    Args:
        mappings: of the register.
        system: source of the extract.
        council_code: register code of the council.
        return_code: of the extract.
        major: version of the extract's contract.
    """
    candidates = {
        mapping.council: mapping
        for mapping in mappings
        if mapping.system == system
        and mapping.return_code == return_code
        and major in mapping.majors
        and mapping.council in {"", council_code}
    }
    return candidates.get(council_code) or candidates.get("")
