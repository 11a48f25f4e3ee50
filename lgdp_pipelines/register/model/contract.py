"""The model of the register: what a contract says, as plain values.

Belongs here: frozen records and what follows from one record alone. Belongs elsewhere: reading YAML (``loader``), the
rules that follow from a contract (``rules``), due dates (``calendar``).
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
from lgdp_pipelines.register.model.extract_format import Extract
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
    """A contract's version: majors change type, grain or key and get a new table.

    Minors only add.
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
        if (self.method is DisclosureMethod.SUPPRESS_BELOW) is not bool(self.threshold):
            raise refusal(
                "has or lacks a threshold: suppress-below must have one, and no other method",
                "Add or remove lgdpDisclosure.threshold.",
            )
        return self


@dataclass(frozen=True, eq=False)  # compared and hashed by identity, so that what follows from one is worked out once
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
        nil_return: whether a council may say that it has nothing to report.
        due_dates: the day on which single periods are due, by period id, where that is not ``due_days`` after the end.
        roles: that members of its team have.
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
    nil_return: bool = False
    due_dates: Mapping[str, date] = field(default_factory=lambda: MappingProxyType({}))
    roles: tuple[str, ...] = ()

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
        """Return the version that is valid for a period.

        Raises:
            WrongUse: the period is of another kind, before the first version, or a day that is not a census day.
        """
        if period.kind is not self.latest.period_kind:
            raise WrongUse(
                f"{self.code} is asked by {self.latest.period_kind}, and {period.id} is a {period.kind}.",
                remedy=f"Write a period like {self.first_period.id}.",
            )
        valid = [c for c in self.contracts if parse_period(c.valid_from).start <= period.start]
        if not valid:
            raise WrongUse(f"{self.code} was not asked for {period.id}; its first period is {self.first_period.id}.")
        census = parse_period(valid[-1].valid_from).start
        if period.kind is PeriodKind.DAY and (period.start.month, period.start.day) != (census.month, census.day):
            raise WrongUse(
                f"{self.code} is not asked for {period.id}; its census day is {census:%d.%m.} of each year.",
                remedy=f"Write a day like {valid[-1].valid_from}.",
            )
        return valid[-1]


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
        mappings: how systems' exports answer returns, in order of their files.
        reference: reference tables by id, each with all its versions.
        files: the bytes of every file that it was read from, by path below its folder.
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

    def named(self, text: str) -> Return:
        """Return the return of a typed code, in any case, or slug.

        Raises:
            WrongUse: there is none of that name.
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
        return tuple(sorted({data_return.system for data_return in self.mappings}))

    def mapping_for(self, system: str, return_code: str, council_code: str, contract: Contract) -> SystemMapping | None:
        """Return the mapping of a system for a contract and council; None without one.

        None where the register has none. Where no system is named, that is as it should be: the extract is in the
        contract's own manner. Where one is named, nobody can say how the extract is to be read.

        Args:
            system: that the extract comes from; empty: none is named.
            return_code: such as ``HL1``.
            council_code: register code of the council.
            contract: that the extract answers.
        """
        return select_mapping(self.mappings, system, council_code, return_code, contract.version.major)


def slug(code: str) -> str:
    """Return a return's code for table and asset names: lower case, underscores."""
    return code.lower().replace("-", "_")
