"""What a contract's tables are made of: items, the rules written beside them, and counts.

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
    Pattern,
    ReadAs,
    Text,
    TextOr,
    Verified,
    find_pattern_problem,
    refuse_repeats,
)
from lgdp_pipelines.vocabulary.councils import fold_spelling
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
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
    """The role of an item in its table: SDMX's roles, and two for keys."""

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
        """Return whether the raw value may point at a person."""
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
    """Bounds of a number or an ISO date, as text; None without a bound."""

    minimum: str | None = None
    maximum: str | None = None
    exclusive_minimum: str | None = None
    exclusive_maximum: str | None = None


@dataclass(frozen=True, slots=True)
class Spellings:
    """The names that a column may have in a file.

    Attributes:
        headers: each to the letter, or else but for case and white space.
        patterns: regular expressions for a whole header.
    """

    headers: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


@pydantic_dataclass(frozen=True, config=STRICT)
class HeaderPattern:
    """A regular expression for a whole header, as files write it: ``{ pattern }``."""

    pattern: Pattern


def _make_spellings(entries: Sequence[str | HeaderPattern]) -> Spellings:
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


def find_header_clashes(spelt: Iterable[tuple[str, Spellings]]) -> Iterator[tuple[str, str, str]]:
    """Yield two names and the text or pattern that both would match.

    Args:
        spelt: names, each with what it may be called.
    """
    listed = list(spelt)
    names_by_text: dict[str, str] = {}
    for name, spellings in listed:
        for header in spellings.headers:
            other = names_by_text.setdefault(fold_spelling(header), name)
            if other != name:
                yield name, other, header
    patterns = [
        (name, re.compile(pattern))
        for name, spellings in listed
        for pattern in spellings.patterns
        if find_pattern_problem(pattern) is None
    ]
    seen: dict[str, str] = {}
    for name, pattern in patterns:
        for owner, spellings in listed:
            for header in spellings.headers:
                if owner != name and pattern.fullmatch(header):
                    yield name, owner, header
        if seen.setdefault(pattern.pattern, name) != name:
            yield name, seen[pattern.pattern], pattern.pattern


class Terms(ABC):
    """The terms of one kind of written rule: a frozen value of ``register.rules.kinds``."""

    @property
    @abstractmethod
    def finding_items(self) -> tuple[str, ...]:
        """Names of the items that a finding is about by default; it is shown at the first."""

    @property
    def items(self) -> tuple[str, ...]:
        """Names of the items of the rule's own table that it reads."""
        return self.finding_items


@dataclass(frozen=True)
class Relationship(Terms):
    """A reference from a row to others.

    Attributes:
        own: names of the items that refer.
        table: that they refer to.
        theirs: names of the items there, in the same order.
    """

    own: tuple[str, ...]
    table: str
    theirs: tuple[str, ...]

    @property
    def finding_items(self) -> tuple[str, ...]:
        """The items that refer."""
        return self.own


@dataclass(frozen=True)
class Item:
    """A data item at its place in a table.

    Attributes:
        name: column name in the lake.
        header: column name (or JSON key) in the extract.
        urn: the data item, ``urn:lgdp:item:…``, stable over versions and names.
        title: short, for people.
        definition: in full.
        type: what its text reads as.
        role: what it is in its table.
        required: whether every row must fill it in.
        key: whether it is part of the table's key.
        guidance: what a council should do where it is wrong.
        privacy: what happens to its value before publication.
        provenance: where item and definition were read.
        unit: of a measure, such as ``tonnes`` or ``households``; empty for others.
        precision: total digits of a decimal; 0 otherwise.
        scale: digits after the point of a decimal; 0 otherwise.
        date_format: how dates are spelled, in ``strptime`` letters; None where the item is not a date.
        date_formats: how else a date may be spelled, such as ``d/M/yyyy``; each is brought into ``date_format``.
        numbers: how else a number may be spelled; None: only plainly.
        code_list: id of its code list; None where it has none.
        codes_on: name of the date on which its code must be valid; None: the period's last day.
        pattern: regular expression for the whole text; None where it has none.
        min_length: of the text.
        max_length: of the text.
        range: bounds of the value; None where it has none.
        multiple_of: what the number is a multiple of, as text; None where it has none.
        unique: whether no two rows share its value.
        refers_to: the row of this or another table of the return that it names; None where it names none.
        marks: text that stands for a missing figure, and the status it means.
        severities: of rules that follow from the item, where it is not an error to break them.
        aliases: what else its column may be called without doubt.
        line: line of the contract where it is declared.
        derived: how it is worked out; None where councils send it.
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
        """Everything that its column may be called in an extract written in the contract's own manner."""
        return Spellings((self.header, *self.aliases.headers), self.aliases.patterns)


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must be true of a submission.

    Attributes:
        id: stable for ever, such as ``hl1.assess.codes``.
        kind: what is tested.
        severity: what breaking it does.
        table: the table it is about; empty where it is about the extract as a whole.
        items: names of the items concerned, in order; empty where it is about rows or tables as a whole.
        title: what is true when it holds.
        guidance: what a council should do where it does not.
        sql: where it is asked in SQL, ``SELECT count(*) FROM {model} WHERE <violation>``: as written, or what its terms
            come to.
        terms: what a rule of its kind says besides; None where it says no more.
        line: line of the contract where it is declared.
        scope: names of the items whose codes set its queries apart; empty where one query is asked about all.
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
        by: names of the items it is broken down by; each must be open and hold codes.
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
        description: what a row is.
        grain: cases or aggregates.
        items: those that councils send, in the extract's order.
        rules: those written under ``quality``; the rest follow from the items (``register.rules``).
        counts: figures counted from cases.
        record_key: in an extract that mixes records of several tables, the JSON key that only this table's records
            have; None where the extract holds one table.
        file_pattern: where a submission has a file for each table, a regular expression that its name matches.
        optional: whether a submission may come without it.
        derived: items that the platform works out.
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
        """The items that councils send, and after them those that the platform works out."""
        return (*self.items, *self.derived)

    @cached_property
    def by_name(self) -> Mapping[str, Item]:
        """All items by name."""
        return {item.name: item for item in self.all_items}

    def behind(self, names: Iterable[str]) -> frozenset[str]:
        """Return the items that some depend on: themselves, and sources of derived ones."""
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

    def having(self, role: Role) -> tuple[Item, ...]:
        """Return the items of a role."""
        return tuple(item for item in self.items if item.role is role)


def columns_of(tables: Iterable[Table]) -> Mapping[str, Sequence[str]]:
    """Return the columns that a rule's SQL may name, by table."""
    return {
        table.name: [item.name for item in table.all_items]
        + [f"{item.name}_status" for item in table.all_items if item.role is Role.MEASURE]
        + ["_row"]
        for table in tables
    }
