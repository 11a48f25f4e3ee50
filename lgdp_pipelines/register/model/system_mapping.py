"""How a back-office system's export answers a return: whose headers, codes, units and dates mean which items.

Belongs here: frozen records of what ``schemas/mappings/`` declares, and which of them serves a council. Belongs
elsewhere: reading the files (``mapping_file``), matching headers (``landing``) and translating values (``validation``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic.dataclasses import dataclass as pydantic_dataclass

from lgdp_pipelines.register.model.extract_format import Extract
from lgdp_pipelines.register.model.field_types import STRICT, Pattern
from lgdp_pipelines.register.model.table_model import Item, ItemType, Provenance, Spellings
from lgdp_pipelines.vocabulary.value_formats import NumberStyle, find_conversion_factor

THE_COUNCIL, THE_PERIOD = "{council}", "{period}"
"""Constants that stand for the council whose account sent the extract, and for the period that it answers."""


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """The column of an export that holds an item.

    Attributes:
        spellings: what it is called.
        file: name of the joined file that it is in; empty: of the only file, or of the base.
    """

    spellings: Spellings
    file: str = ""


@pydantic_dataclass(frozen=True, config=STRICT)
class CodePattern:
    """Source codes of one form.

    Attributes:
        pattern: regular expression for a whole source code.
        to: the contract's code; ``{1}`` or ``{name}`` stand for what a group of the pattern holds.
    """

    pattern: Pattern
    to: str


@dataclass(frozen=True, slots=True)
class UnitChange:
    """A figure in another unit than the contract's.

    Attributes:
        unit: of the export.
        factor: that a figure in it is multiplied by; None: as is known of the two units.
    """

    unit: str
    factor: Decimal | None = None

    def factor_to(self, unit: str) -> Decimal | None:
        """Return the exact factor into the contract's unit; None where it is unknown."""
        return find_conversion_factor(self.unit, unit) if self.factor is None else self.factor


@dataclass(frozen=True, slots=True)
class JoinedFile:
    """One of several files that make a table.

    Attributes:
        name: what the mapping calls it, and receipts.
        pattern: regular expression for the whole name of the file.
        key: headers of the columns that say which row of the base a row belongs to; none for the base itself.
        base_key: headers of the columns of the base that they are held against, one for one.
    """

    name: str
    pattern: str
    key: tuple[str, ...] = ()
    base_key: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableMapping:
    """The filling of one table from an export, by item name.

    Attributes:
        table: of the contract.
        columns: where each item stands.
        codes: contract's code by source code, which matches to the letter, or else but for case and white space.
        code_patterns: for source codes of a form.
        units: of figures that are in another unit.
        date_format: how all dates are spelled, such as ``d/M/yyyy``; empty: as the contract says.
        dates: how single items spell them.
        numbers: how all numbers are spelled; None: as the contract says.
        constants: the value that every row has.
        absent: items that the system does not hold, each with why.
        ignored: columns of the export that are known and not asked for.
        files: base first, where several files make the table; none where one does.
    """

    table: str
    columns: Mapping[str, SourceColumn]
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=_empty)
    code_patterns: Mapping[str, tuple[CodePattern, ...]] = field(default_factory=_empty)
    units: Mapping[str, UnitChange] = field(default_factory=_empty)
    date_format: str = ""
    dates: Mapping[str, str] = field(default_factory=_empty)
    numbers: NumberStyle | None = None
    constants: Mapping[str, str] = field(default_factory=_empty)
    absent: Mapping[str, str] = field(default_factory=_empty)
    ignored: Spellings = field(default_factory=Spellings)
    files: tuple[JoinedFile, ...] = ()

    def spelled_dates(self, item: Item) -> str:
        """Return an item's own formats of dates; empty for the contract's, or other types."""
        return self.dates.get(item.name, self.date_format) if item.type is ItemType.DATE else ""

    def headers_of(self, name: str) -> tuple[str, ...]:
        """Return the possible headers of an item, for people; none without a column."""
        column = self.columns.get(name)
        if column is None:
            return ()
        headers = (*column.spellings.headers, *(f"(of the form {pattern})" for pattern in column.spellings.patterns))
        return tuple(f"{name} (in {column.file})" for name in headers) if column.file else headers


@dataclass(frozen=True)
class SystemMapping:
    """The answer to one return from one system's export.

    Attributes:
        system: such as ``caseworks-housing``, as sources and ``--system`` name it.
        return_code: such as ``HL1``.
        council: register code of the only council whose export is such; empty where it holds for all.
        majors: major versions of the contract that it is for.
        title: for people.
        provenance: where the export's layout was read.
        extract: how the export is written; None: as the contract says.
        path: the file.
        sha256: of the file's bytes.
        tables: how each table is filled, by name.
    """

    system: str
    return_code: str
    council: str
    majors: tuple[int, ...]
    title: str
    provenance: Provenance
    extract: Extract | None
    path: Path
    sha256: str
    tables: Mapping[str, TableMapping] = field(default_factory=_empty)

    @property
    def files(self) -> tuple[JoinedFile, ...]:
        """The files that a submission is made of, where tables are joined from several.

        None otherwise.
        """
        return tuple(file for table in self.tables.values() for file in table.files)


def select_mapping(
    mappings: Iterable[SystemMapping], system: str, council_code: str, return_code: str, major: int
) -> SystemMapping | None:
    """Return a council's mapping: its own, or else the system's, or None.

    Args:
        mappings: of the register.
        system: that the extract comes from.
        council_code: register code of the council.
        return_code: that the extract answers.
        major: version of the contract that it answers.
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
