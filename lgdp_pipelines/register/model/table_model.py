"""Parts of a contract's tables: items, the rules written beside them, and counts.

Belongs here: frozen records below the contract. Belongs elsewhere: the contract, its return and the register
(``model``), and the rules that follow from items (``rules``).
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass

from lgdp_pipelines.register.model.derivations import Derivation
from lgdp_pipelines.register.model.field_types import (
    STRICT,
    ExactText,
    FreeText,
    OrEmpty,
    PolarsPattern,
    ReadAs,
    Text,
    TextOr,
    Verified,
    find_pattern_problem,
    refuse_repeats,
)
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.spellings import fold_spelling
from lgdp_pipelines.vocabulary.table_columns import ROW, name_status_column
from lgdp_pipelines.vocabulary.value_formats import NumberStyle
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity


class ItemType(StrEnum):
    """The type of an item's values."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    """A double, where the figure is a measurement."""
    DECIMAL = "decimal"
    """An exact decimal, where the figure is money or a rounded rate."""
    DATE = "date"
    BOOLEAN = "boolean"


NUMERIC = (ItemType.INTEGER, ItemType.NUMBER, ItemType.DECIMAL)
"""The types of figures."""


class Role(StrEnum):
    """The role of an item in its table."""

    COUNCIL = "council"
    """Names the council; must agree with the account."""
    PERIOD = "period"
    """Names the period; must agree with the submission."""
    DIMENSION = "dimension"
    """Breaks a figure down: part of the key of an observation."""
    MEASURE = "measure"
    """A figure: becomes one observation a row."""
    ATTRIBUTE = "attribute"
    """Describes a case, or is a case's own reference."""


class Privacy(StrEnum):
    """The treatment of an item's values before publication."""

    OPEN = "open"
    """Published as it is."""
    PSEUDONYMISE = "pseudonymise"
    """Conformed as a keyed token, never published: tokens would join rows of one person."""
    WITHHOLD = "withhold"
    """Not carried past the validated table."""
    MONTH = "month"
    """A date, published as the first day of its month."""
    YEAR = "year"
    """A date, published as the first day of its year."""

    @property
    def is_personal(self) -> bool:
        """Return whether the raw value may identify a person: unless open."""
        return self is not Privacy.OPEN


@pydantic_dataclass(frozen=True, config=STRICT)
class Provenance:
    """The source of a fact.

    Attributes:
        verified: ``READ``, ``memory, unverified`` or ``ours``.
        source: address or title; empty where it is ours.
    """

    verified: OrEmpty[Verified]
    source: FreeText


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number or an ISO date, as text or None."""

    minimum: str | None = None
    maximum: str | None = None
    exclusive_minimum: str | None = None
    exclusive_maximum: str | None = None


@dataclass(frozen=True, slots=True)
class Spellings:
    """The names that a column may have in a file.

    Attributes:
        headers: matched exactly, or else without regard to case and white space.
        patterns: regular expressions for a whole header.
    """

    headers: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


@pydantic_dataclass(frozen=True, config=STRICT)
class HeaderPattern:
    """A regular expression for a whole header: ``{ pattern }``."""

    pattern: PolarsPattern


def _make_spellings(entries: Sequence[str | HeaderPattern]) -> Spellings:
    """Return entries as spellings: texts as headers, the rest as patterns."""
    return Spellings(
        tuple(entry.strip() for entry in entries if isinstance(entry, str)),
        tuple(entry.pattern for entry in entries if isinstance(entry, HeaderPattern)),
    )


SpellingList: TypeAlias = Annotated[
    Spellings,
    ReadAs(
        Annotated[tuple[TextOr[HeaderPattern], ...], Field(min_length=1), AfterValidator(refuse_repeats)],
        _make_spellings,
    ),
]
"""Spellings, as files write them: a list of texts, and of patterns."""


def find_header_clashes(entries: Iterable[tuple[str, Spellings]]) -> Iterator[tuple[str, str, str]]:
    """Yield two names and the text or pattern that both would match.

    Args:
        entries: names, each with its spellings.
    """
    spellings_by_entry = list(entries)
    names_by_text: dict[str, str] = {}
    for name, spellings in spellings_by_entry:
        for header in spellings.headers:
            first_name = names_by_text.setdefault(fold_spelling(header), name)
            if first_name != name:
                yield name, first_name, header
    patterns = [
        (name, re.compile(pattern))
        for name, spellings in spellings_by_entry
        for pattern in spellings.patterns
        if find_pattern_problem(pattern) is None
    ]
    first_names: dict[str, str] = {}
    for name, pattern in patterns:
        for owner, spellings in spellings_by_entry:
            for header in spellings.headers:
                if owner != name and pattern.fullmatch(header):
                    yield name, owner, header
        if first_names.setdefault(pattern.pattern, name) != name:
            yield name, first_names[pattern.pattern], pattern.pattern


class Terms(ABC):
    """The terms of one kind of written rule."""

    @property
    @abstractmethod
    def finding_items(self) -> tuple[str, ...]:
        """Default names of a finding's items; it is placed at the first."""

    @property
    def items(self) -> tuple[str, ...]:
        """Names of own items that the rule reads; by default the finding's."""
        return self.finding_items


@dataclass(frozen=True)
class Relationship(Terms):
    """A reference from a row to others.

    Attributes:
        source_items: names of the items that refer.
        table: name of the other table.
        target_items: names of the items there, in the same order.
    """

    source_items: tuple[str, ...]
    table: str
    target_items: tuple[str, ...]

    @property
    def finding_items(self) -> tuple[str, ...]:
        """Names of the items that refer."""
        return self.source_items


@dataclass(frozen=True)
class Item:
    """A data item at its place in a table.

    Attributes:
        name: column name in the lake.
        header: column name (or JSON key) in the extract.
        urn: the data item, ``urn:lgdp:item:…``, stable over versions and names.
        title: short, for people.
        definition: in full.
        type: of its values.
        role: in its table.
        required: whether every row must fill it in.
        key: whether it is part of the table's key.
        guidance: advice to a council with a wrong value.
        privacy: treatment of its value before publication.
        provenance: source of item and definition.
        unit: of a measure, such as ``tonnes`` or ``households``; empty for others.
        precision: total digits of a decimal; 0 otherwise.
        scale: digits after the point of a decimal; 0 otherwise.
        date_format: of its dates, such as ``ddMMyyyy``; None where the item is not a date.
        date_formats: other permitted formats, such as ``d/M/yyyy``; each is converted to ``date_format``.
        numbers: other permitted spelling of numbers; None: only plain numbers.
        code_list: id of its code list, or None.
        codes_on: name of the date on which its code must be valid; None: the last day of the period.
        pattern: regular expression for the whole text, or None.
        min_length: of the text.
        max_length: of the text.
        range: bounds of the value, or None.
        multiple_of: divisor of the number as text, or None.
        unique: whether no two rows share its value.
        refers_to: reference to a row of this or another table of the return, or None.
        marks: status by the text that marks a missing figure.
        severities: of the item's own rules that are not errors.
        aliases: other spellings of its column.
        line: line of the contract where it is declared.
        derived: derivation of its value; None where councils send it.
    """

    name: str
    header: str
    urn: str
    title: str
    definition: str
    type: ItemType
    role: Role
    required: bool
    key: bool
    guidance: str
    privacy: Privacy
    provenance: Provenance
    unit: str = ""
    precision: int = 0
    scale: int = 0
    date_format: str | None = None
    date_formats: tuple[str, ...] = ()
    numbers: NumberStyle | None = None
    code_list: str | None = None
    codes_on: str | None = None
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    range: Range | None = None
    multiple_of: str | None = None
    unique: bool = False
    refers_to: Relationship | None = None
    marks: Mapping[str, ObservationStatus] = field(default_factory=lambda: MappingProxyType({}))
    severities: Mapping[RuleKind, Severity] = field(default_factory=lambda: MappingProxyType({}))
    aliases: Spellings = Spellings()
    line: int = 0
    derived: Derivation | None = None

    @property
    def spellings(self) -> Spellings:
        """Spellings of its column in an extract of the contract's own form."""
        return Spellings((self.header, *self.aliases.headers), self.aliases.patterns)


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition that every submission must meet.

    Attributes:
        id: stable for ever, such as ``hl1.assess.codes``.
        kind: of its test.
        severity: of a finding.
        table: its table; empty: the whole extract.
        items: names of the items concerned, in order; empty: whole rows or tables.
        title: the condition in words.
        guidance: advice to a council that breaks it.
        sql: ``SELECT count(*) FROM {model} WHERE <violation>``, as written or made from its terms; None: not in SQL.
        terms: further terms of its kind, or None.
        line: line of the contract where it is declared.
        scope: names of the items with a query for each code; empty: one query for all rows.
    """

    id: str
    kind: RuleKind
    severity: Severity
    table: str
    items: tuple[str, ...]
    title: str
    guidance: str
    sql: str | None = None
    terms: Terms | None = None
    line: int = 0
    scope: tuple[str, ...] = ()


class Grain(StrEnum):
    """The subject of a row."""

    CASE = "case"
    AGGREGATE = "aggregate"


@pydantic_dataclass(frozen=True, config=STRICT)
class Count:
    """A figure that the platform counts from cases.

    Attributes:
        urn: the data item that the count is.
        title: for people.
        unit: such as ``applications``.
        by: names of the items of its breakdown; each must be open and have codes.
    """

    urn: Annotated[Text, Field(validation_alias="item")]
    title: Text
    unit: Text
    by: Annotated[tuple[ExactText, ...], AfterValidator(refuse_repeats)]


@dataclass(frozen=True)
class Table:
    """A table of a return.

    Attributes:
        name: in lower case with underscores, unique in the return.
        title: for people.
        description: of a row.
        grain: cases or aggregates.
        items: sent by councils, in the extract's order.
        rules: those written under ``quality``; the rest follow from the items (``register.rules``).
        counts: figures counted from cases.
        record_key: in an extract that mixes records of several tables, the JSON key that only this table's records
            have; None where the extract holds one table.
        file_pattern: where a submission has a file for each table, a regular expression that its name matches.
        optional: whether a submission may come without it.
        derived: items that the platform derives.
    """

    name: str
    title: str
    description: str
    grain: Grain
    items: tuple[Item, ...]
    rules: tuple[Rule, ...]
    counts: tuple[Count, ...] = ()
    record_key: str | None = None
    file_pattern: str | None = None
    optional: bool = False
    derived: tuple[Item, ...] = ()

    @property
    def all_items(self) -> tuple[Item, ...]:
        """The items that councils send, followed by the derived ones."""
        return (*self.items, *self.derived)

    @cached_property
    def by_name(self) -> Mapping[str, Item]:
        """All items by name, derived ones included."""
        return {item.name: item for item in self.all_items}

    def with_sources(self, names: Iterable[str]) -> frozenset[str]:
        """Return item names together with the sources of derived ones."""
        requested = list(names)
        sources = [
            source
            for item in self.derived
            if item.name in requested and item.derived
            for source in item.derived.sources
        ]
        return frozenset([*requested, *sources])

    @property
    def key(self) -> tuple[Item, ...]:
        """The items that identify a row within a council and period."""
        return tuple(item for item in self.items if item.key)

    def list_items_of_role(self, role: Role) -> tuple[Item, ...]:
        """Return the items of a role that councils send."""
        return tuple(item for item in self.items if item.role is role)


def columns_of(tables: Iterable[Table]) -> Mapping[str, Sequence[str]]:
    """Return columns for rules' SQL by table, ``_status`` and ``_row`` included."""
    return {
        table.name: [item.name for item in table.all_items]
        + [name_status_column(item.name) for item in table.all_items if item.role is Role.MEASURE]
        + [ROW]
        for table in tables
    }
