"""The model of the register: contracts and returns as plain values.

Belongs here: frozen records and their own properties. Belongs elsewhere: reading YAML (``loader``), the rules that
follow from a contract (``rules``), and due days (``submission_calendar``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import Field, StrictInt, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.extract_format import ExtractFormat
from lgdp_pipelines.register.model.field_types import STRICT, OrEmpty, refusal
from lgdp_pipelines.register.model.reference_tables import ReferenceTable
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.register.model.system_mapping import SystemMapping, select_mapping
from lgdp_pipelines.register.model.table_model import Provenance, Table
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.councils import Councils
from lgdp_pipelines.vocabulary.periods import Period, PeriodKind, parse_period


class DisclosureMethod(StrEnum):
    """The method that keeps small numbers from identifying people."""

    NONE = "none"
    """The figures are about things, not people."""
    DONE_BY_SOURCE = "done-by-source"
    """The source has suppressed and rounded already; nothing further is done."""
    SUPPRESS_BELOW = "suppress-below"
    """A count above 0 and below the threshold is withheld."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """The version of a contract.

    A major changes type, grain or key and gets new tables; a minor only adds.
    """

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        """Return the version as the contract writes it."""
        return f"{self.major}.{self.minor}.{self.patch}"


@pydantic_dataclass(frozen=True, config=STRICT)
class Disclosure:
    """The treatment of small numbers on publication."""

    method: DisclosureMethod
    threshold: OrEmpty[Annotated[StrictInt, Field(ge=2)]] = 0

    @model_validator(mode="after")
    def _has_threshold_to_suppress_below(self) -> Self:
        """Refuse a threshold without suppress-below, and suppress-below without a threshold."""
        if (self.method is DisclosureMethod.SUPPRESS_BELOW) is not bool(self.threshold):
            raise refusal(
                "has or lacks a threshold: suppress-below must have one, and no other method",
                "Add or remove lgdpDisclosure.threshold.",
            )
        return self


@dataclass(frozen=True, eq=False)  # by identity, so that results can be cached by contract
class Contract:
    """One version of a return.

    Attributes:
        return_code: such as ``HL1``.
        version: of the contract.
        valid_from: id of the first period it is valid for.
        title: for people.
        purpose: reason for the return.
        limitations: advice for users of the figures.
        subject: group of returns, such as ``housing``.
        owner: address of the person responsible.
        recipients: bodies entitled to it.
        legal_basis: reason in law for councils to give it, with its mark where unverified.
        burden_minutes: a council's minutes for one answer; None where unknown.
        period_kind: of its periods.
        due_days: days after a period's end on which a submission is due.
        retention_years: years for which received bytes are kept.
        extract: form of its files.
        disclosure: treatment of small numbers.
        provenance: source of the contract.
        tables: in order.
        path: the file.
        sha256: of the file's bytes.
        nil_return: whether a council may report that it has no rows.
        due_dates: due days of single periods by id, where they differ from ``due_days`` after the end.
        roles: of the members of its team.
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
    extract: ExtractFormat
    disclosure: Disclosure
    provenance: Provenance
    tables: tuple[Table, ...]
    path: Path
    sha256: str
    nil_return: bool = False
    due_dates: Mapping[str, date] = field(default_factory=lambda: MappingProxyType({}))
    roles: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """The return's code in names of tables and assets: ``people_supported``."""
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
        """The return's code in names of tables and assets."""
        return slug(self.code)

    @property
    def latest(self) -> Contract:
        """The newest version."""
        return self.contracts[-1]

    @property
    def first_period(self) -> Period:
        """The first period of the return."""
        return parse_period(self.contracts[0].valid_from)

    @property
    def majors(self) -> Mapping[int, Contract]:
        """The newest version of each major, by its number."""
        return {contract.version.major: contract for contract in self.contracts}

    @property
    def table_names(self) -> tuple[str, ...]:
        """Names of its tables over all versions, in order of first appearance."""
        return tuple(dict.fromkeys(table.name for contract in self.contracts for table in contract.tables))

    def contract_for(self, period: Period) -> Contract:
        """Return the version that is valid for a period, or raise WrongUse.

        Raises:
            WrongUse: the period is of another kind, before the first version, or a day that is not a census day.
        """
        if period.kind is not self.latest.period_kind:
            raise WrongUse(
                f"{self.code} has periods of the kind {self.latest.period_kind}, and {period.id} is a {period.kind}.",
                remedy=f"Write a period like {self.first_period.id}.",
            )
        valid = [contract for contract in self.contracts if parse_period(contract.valid_from).start <= period.start]
        if not valid:
            raise WrongUse(f"{self.code} has no period {period.id}; its first period is {self.first_period.id}.")
        census = parse_period(valid[-1].valid_from).start
        if period.kind is PeriodKind.DAY and (period.start.month, period.start.day) != (census.month, census.day):
            raise WrongUse(
                f"{self.code} has no period {period.id}; its census day is {census:%d.%m.} of each year.",
                remedy=f"Write a day like {valid[-1].valid_from}.",
            )
        return valid[-1]


@dataclass(frozen=True)
class Register:
    """All returns with the facts that they rest on, free of contradictions.

    Attributes:
        root: its folder.
        councils: the council register.
        code_lists: by id.
        returns: by code, in order.
        sources: by id, in order.
        sha256: of all its files, which identifies the register behind a derived value.
        mappings: of systems' exports to returns, in order of their files.
        reference: reference tables by id, each with all its versions.
        files: bytes by path below its folder.
    """

    root: Path
    councils: Councils
    code_lists: Mapping[str, CodeList]
    returns: Mapping[str, Return]
    sources: Mapping[str, Source]
    sha256: str
    mappings: tuple[SystemMapping, ...] = ()
    reference: Mapping[str, ReferenceTable] = field(default_factory=lambda: MappingProxyType({}))
    files: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def require_return(self, text: str) -> Return:
        """Return the return of a code in any case, or raise WrongUse.

        Raises:
            WrongUse: no return has that name.
        """
        wanted_slug = slug(text)
        for data_return in self.returns.values():
            if data_return.slug == wanted_slug:
                return data_return
        raise WrongUse(
            f"There is no return “{text}” in the register.", remedy=f"Choose one of: {', '.join(self.returns)}."
        )

    @property
    def systems(self) -> tuple[str, ...]:
        """The systems that have a mapping, in order."""
        return tuple(sorted({mapping.system for mapping in self.mappings}))

    def mapping_for(self, system: str, council_code: str, contract: Contract) -> SystemMapping | None:
        """Return a system's mapping for contract and council; None without one.

        An extract without a system needs no mapping: it has the contract's own form. An extract of a system without
        a mapping cannot be read.

        Args:
            system: source of the extract; may be empty.
            council_code: register code of the council.
            contract: of the extract.
        """
        return select_mapping(self.mappings, system, council_code, contract.return_code, contract.version.major)


def slug(code: str) -> str:
    """Return a return's code for table names: lower case, underscores."""
    return code.lower().replace("-", "_")
