"""The model of the register: what a contract says, as plain values.

What belongs here: frozen records and what follows from one record alone. What does not: reading YAML (``loader``), the
rules that follow from a contract (``rules``), due dates (``calendar``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.standards.codelists import CodeList
from lgdp_pipelines.standards.councils import Councils
from lgdp_pipelines.standards.observations import ObservationStatus
from lgdp_pipelines.standards.periods import Period, PeriodKind, parse_period
from lgdp_pipelines.standards.rules import RuleKind, Severity


class ItemType(StrEnum):
    """What an item's text reads as."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    """A double, where the figure is a measurement."""
    DECIMAL = "decimal"
    """An exact decimal, where the figure is money or a rounded rate."""
    DATE = "date"
    BOOLEAN = "boolean"


class Role(StrEnum):
    """What an item is in its table (the SDMX roles, with the two that the platform's keys come from)."""

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
    """What happens to an item's value on its way to publication."""

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
        """Whether the raw value may point at a person."""
        return self is not Privacy.OPEN


class DisclosureMethod(StrEnum):
    """How small numbers are kept from pointing at people."""

    NONE = "none"
    """The figures are about things, not people."""
    DONE_BY_SOURCE = "done-by-source"
    """The source has suppressed and rounded already; nothing further is done."""
    SUPPRESS_BELOW = "suppress-below"
    """A count above 0 and below the threshold is withheld."""


class Format(StrEnum):
    """What an extract is written in."""

    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Version:
    """A contract's version: majors change type, grain or key and get a new table; minors only add."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        """As written in the contract."""
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a fact was read.

    Attributes:
        verified: ``READ``, ``memory, unverified`` or ``ours``.
        source: address or title; empty where it is ours.
    """

    verified: str
    source: str


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number or an ISO date, as text; None where there is none."""

    minimum: str | None = None
    maximum: str | None = None
    exclusive_minimum: str | None = None
    exclusive_maximum: str | None = None


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
        date_format: how dates are spelled, in ``strptime`` letters; None where the item is no date.
        code_list: id of its code list; None where it has none.
        pattern: regular expression for the whole text; None where it has none.
        min_length: of the text.
        max_length: of the text.
        range: bounds of the value; None where it has none.
        marks: text that stands for a missing figure, and the status it means.
        severities: of rules that follow from the item, where it is not an error to break them.
        line: line of the contract where it is declared.
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
    code_list: str | None = None
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    range: Range | None = None
    marks: Mapping[str, ObservationStatus] = field(default_factory=lambda: MappingProxyType({}))
    severities: Mapping[RuleKind, Severity] = field(default_factory=lambda: MappingProxyType({}))
    line: int = 0


@dataclass(frozen=True, slots=True)
class EarlierPeriod:
    """What a figure is held against: the same figure of an earlier period.

    Attributes:
        item: name of the measure.
        by: names of the items that make the figure the same one; empty where a table has one row.
        periods_back: how many periods earlier.
        within: kind of period that both must lie in (a cumulative series starts afresh in it); None: any.
        fall_pct: a greater fall than this, in percent of the earlier figure, breaks the rule; None: any fall may be.
        rise_pct: likewise for a rise.
        floor: changes of no more than this, in the figure's unit, never break the rule.
    """

    item: str
    by: tuple[str, ...]
    periods_back: int
    within: PeriodKind | None
    fall_pct: float | None
    rise_pct: float | None
    floor: float


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
        sql: for :attr:`RuleKind.SQL`, ``SELECT count(*) FROM {table} WHERE <violation>``.
        earlier: for :attr:`RuleKind.EARLIER_PERIOD`.
        minimum_rows: for :attr:`RuleKind.ROW_COUNT`.
        line: line of the contract where it is declared.
    """

    id: str
    kind: RuleKind
    severity: Severity
    table: str
    items: tuple[str, ...]
    title: str
    guidance: str
    sql: str | None = None
    earlier: EarlierPeriod | None = None
    minimum_rows: int | None = None
    line: int = 0


class Grain(StrEnum):
    """What a row is."""

    CASE = "case"
    AGGREGATE = "aggregate"


@dataclass(frozen=True, slots=True)
class Count:
    """A figure that the platform counts from cases.

    Attributes:
        urn: the data item that the count is.
        title: for people.
        unit: such as ``applications``.
        by: names of the items it is broken down by; each must be open and hold codes.
    """

    urn: str
    title: str
    unit: str
    by: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table of a return.

    Attributes:
        name: in lower case with underscores, unique in the return.
        title: for people.
        description: what a row is.
        grain: cases or aggregates.
        items: in the extract's order.
        rules: those written under ``quality``; the rest follow from the items (``register.rules``).
        counts: figures counted from cases.
        record_key: in an extract that mixes records of several tables, the JSON key that only this table's records
            have; None where the extract holds one table.
        file_pattern: where a submission has a file for each table, a regular expression that its name matches.
        optional: whether a submission may come without it.
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

    @cached_property
    def by_name(self) -> Mapping[str, Item]:
        """Items by name."""
        return {item.name: item for item in self.items}

    @property
    def key(self) -> tuple[Item, ...]:
        """The items that identify a row within a council and period."""
        return tuple(item for item in self.items if item.key)

    def having(self, role: Role) -> tuple[Item, ...]:
        """The items of a role."""
        return tuple(item for item in self.items if item.role is role)


@dataclass(frozen=True, slots=True)
class Extract:
    """How a council's file for this return is written.

    Attributes:
        format: of the file.
        encoding: Python's name for it.
        delimiter: between cells of a CSV file.
        records_at: dotted path to the records in a JSON document; empty where the document is the list.
    """

    format: Format
    encoding: str = "utf-8"
    delimiter: str = ","
    records_at: str = ""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """How small numbers are treated on publication."""

    method: DisclosureMethod
    threshold: int = 0


@dataclass(frozen=True)
class Contract:
    """One version of a return.

    Attributes:
        return_code: such as ``HL1``.
        version: of the contract.
        valid_from: id of the first period it is valid for.
        title: for people.
        purpose: why it is asked.
        limitations: what a user should know.
        subject: group of returns, such as ``housing``.
        owner: who answers for it, an address.
        recipients: bodies entitled to it.
        legal_basis: why councils give it, with its mark where unverified.
        burden_minutes: what answering once costs a council; None where nobody has said.
        period_kind: of its periods.
        due_days: days after a period's end on which a submission is due.
        retention_years: how long received bytes are kept.
        extract: how its files are written.
        disclosure: how small numbers are treated.
        provenance: where it was read.
        tables: in order.
        path: the file.
        sha256: of the file's bytes.
    """

    return_code: str
    version: Version
    valid_from: str
    title: str
    purpose: str
    limitations: str
    subject: str
    owner: str
    recipients: tuple[str, ...]
    legal_basis: str
    burden_minutes: int | None
    period_kind: PeriodKind
    due_days: int
    retention_years: int
    extract: Extract
    disclosure: Disclosure
    provenance: Provenance
    tables: tuple[Table, ...]
    path: Path
    sha256: str

    @property
    def slug(self) -> str:
        """The return's code as table and asset names have it: ``people_supported``."""
        return slug(self.return_code)

    @cached_property
    def by_name(self) -> Mapping[str, Table]:
        """Tables by name."""
        return {table.name: table for table in self.tables}

    @property
    def urn(self) -> str:
        """``urn:lgdp:return:<code>``."""
        return f"urn:lgdp:return:{self.return_code.lower()}"


@dataclass(frozen=True)
class Return:
    """A return over all its versions.

    Attributes:
        code: such as ``HL1``.
        contracts: its versions, oldest first.
    """

    code: str
    contracts: tuple[Contract, ...]

    @property
    def slug(self) -> str:
        """As table and asset names have it."""
        return slug(self.code)

    @property
    def latest(self) -> Contract:
        """The newest version."""
        return self.contracts[-1]

    @property
    def first_period(self) -> Period:
        """The first period it was asked for."""
        return parse_period(self.contracts[0].valid_from)

    @property
    def majors(self) -> Mapping[int, Contract]:
        """The newest version of each major."""
        return {contract.version.major: contract for contract in self.contracts}

    @property
    def table_names(self) -> tuple[str, ...]:
        """Names of its tables over all versions, in order of first appearance."""
        return tuple(dict.fromkeys(table.name for contract in self.contracts for table in contract.tables))

    def contract_for(self, period: Period) -> Contract:
        """The version that is valid for a period.

        Raises:
            WrongUse: the period is of another kind, or before the first version.
        """
        if period.kind is not self.latest.period_kind:
            raise WrongUse(
                f"{self.code} is asked by {self.latest.period_kind}, and {period.id} is a {period.kind}.",
                remedy=f"Write a period like {self.first_period.id}.",
            )
        valid = [c for c in self.contracts if parse_period(c.valid_from).start <= period.start]
        if not valid:
            raise WrongUse(f"{self.code} was not asked for {period.id}; its first period is {self.first_period.id}.")
        return valid[-1]


class TransportKind(StrEnum):
    """How extracts reach the platform."""

    SFTP = "sftp"
    API = "api"
    HAND = "hand"


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret is, never the secret: ``env:NAME`` or ``file:PATH``; ``{council}`` stands for the code."""

    text: str


@dataclass(frozen=True, slots=True)
class SourceReturn:
    """What a source gives for one return.

    Attributes:
        return_code: such as ``HL1``.
        folder: SFTP: folder below the account's root.
        pattern: SFTP: regular expression for a whole file name, with a group ``period`` and, where a submission has a
            file for each table, a group ``table``.
        request: API: path and query of the first page, with ``{council}`` (register code), ``{period}`` (id) and
            ``{year}`` (year of the first day).
        records: API: dotted path to the records in a page.
        next_page: API: dotted path to the address of the next page; empty where there is but one.
    """

    return_code: str
    folder: str = ""
    pattern: str = ""
    request: str = ""
    records: str = ""
    next_page: str = ""

    def asked(self, council_code: str, period: Period) -> str:
        """API: path and query of the first page of a council's answer for a period."""
        return (
            self.request.replace("{council}", council_code)
            .replace("{period}", period.id)
            .replace("{year}", f"{period.start.year:04d}")
        )


@dataclass(frozen=True)
class Source:
    """A system, or a set of like systems, that extracts are fetched from, with an account for each council.

    Attributes:
        id: file name in ``schemas/sources/`` without ending.
        title: for people.
        transport: SFTP or API.
        address: ``host:port`` or base URL; ``${NAME:-default}`` is taken from the environment.
        councils: register codes of the councils that have an account.
        username: of an account, with ``{council}``; in lower case where it says ``{council_lower}``.
        credential: private key or bearer token of an account.
        known_hosts: SFTP: pinned host keys.
        returns: what it gives.
        schedule: API: cron expression of the poll.
    """

    id: str
    title: str
    transport: TransportKind
    address: str
    councils: tuple[str, ...]
    username: str
    credential: SecretReference
    known_hosts: SecretReference | None
    returns: tuple[SourceReturn, ...]
    schedule: str = ""


@dataclass(frozen=True)
class Register:
    """Everything that is asked, loaded and free of contradictions.

    Attributes:
        root: the folder it was read from.
        councils: the council register.
        code_lists: by id.
        returns: by code, in order.
        sources: by id, in order.
        sha256: of all its files, so that what was derived from it can be told apart.
    """

    root: Path
    councils: Councils
    code_lists: Mapping[str, CodeList]
    returns: Mapping[str, Return]
    sources: Mapping[str, Source]
    sha256: str

    def named(self, text: str) -> Return:
        """The return that somebody typed, by code in any case or by slug.

        Raises:
            WrongUse: there is none of that name.
        """
        wanted = slug(text)
        for one in self.returns.values():
            if one.slug == wanted:
                return one
        raise WrongUse(
            f"There is no return “{text}” in the register.", remedy=f"Choose one of: {', '.join(self.returns)}."
        )


def slug(code: str) -> str:
    """A return's code as table and asset names have it: lower case, underscores."""
    return code.lower().replace("-", "_")
