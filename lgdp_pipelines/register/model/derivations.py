"""Derivations of items without a column in an extract, from other items and reference tables.

Belongs here: the kinds of derivation, which ``lgdpDerived`` of an item fills. Belongs elsewhere: contradictions with
their table and the reference tables (``checks.contract_checks``), and deriving values
(``validation.derived_items``).
"""

from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, StrictInt
from pydantic.dataclasses import dataclass

from lgdp_pipelines.register.model.field_types import STRICT, PositiveInteger, Text, refusal
from lgdp_pipelines.vocabulary.code_lists import Code
from lgdp_pipelines.vocabulary.periods import PeriodKind


def _check_bands(lower: tuple[int, ...]) -> tuple[int, ...]:
    """Return ascending lower bounds; refuse others."""
    if any(first >= following for first, following in pairwise(lower)):
        raise refusal("has bands that do not go up", "Write such as [0, 16, 25].")
    return lower


@dataclass(frozen=True, config=STRICT)
class AgeBand:
    """A person's age band on a day, in completed years.

    Attributes:
        of: name of the item with the day of birth.
        on: name of the item with the day.
        lower: the first year of each band, in order; younger people have no band.
    """

    of: Text
    on: Text
    lower: Annotated[tuple[Annotated[StrictInt, Field(ge=0)], ...], Field(min_length=1), AfterValidator(_check_bands)]
    kind: Literal["age_band"] = "age_band"

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the items that it is derived from."""
        return self.of, self.on

    @property
    def codes(self) -> tuple[Code, ...]:
        """The bands as codes, such as ``16-24``; the last has no end."""
        bands = [
            Code(str(first), str(first)) if first == then - 1 else Code(f"{first}-{then - 1}", f"{first} to {then - 1}")
            for first, then in pairwise(self.lower)
        ]
        return (*bands, *(Code(f"{last}+", f"{last} and over") for last in self.lower[-1:]))

    def __str__(self) -> str:
        """Return the derivation in words."""
        bands = ", ".join(code.code for code in self.codes)
        return f"Worked out by the platform: age in completed years of {self.of} on {self.on}, as {bands}."


@dataclass(frozen=True, config=STRICT)
class Quarter:
    """The quarter of a day, as the id of its period.

    Attributes:
        of: name of the item with the day.
        period_kind: financial or calendar quarter.
    """

    of: Text
    period_kind: Literal[PeriodKind.FINANCIAL_QUARTER, PeriodKind.CALENDAR_QUARTER] = Field(validation_alias="quarters")
    kind: Literal["quarter"] = "quarter"

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the items that it is derived from."""
        return (self.of,)

    def __str__(self) -> str:
        """Return the derivation in words."""
        return f"Worked out by the platform: {self.period_kind} of {self.of}."


@dataclass(frozen=True, config=STRICT)
class Rate:
    """A figure per number of people or households; null without a denominator.

    Attributes:
        of: name of the measure that is divided.
        per: number of people or households, such as 1000.
        reference: id of the reference table, with the key council_code and year.
        version: of it.
        column: of it, with the number of people or households.
    """

    of: Text
    per: PositiveInteger
    reference: Text
    version: Text
    column: Text
    kind: Literal["rate"] = "rate"

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the items that it is derived from."""
        return (self.of,)

    def __str__(self) -> str:
        """Return the derivation in words."""
        return (
            f"Worked out by the platform: {self.of} divided by {self.column} of {self.reference}, version "
            f"{self.version}, for the council and the year in which the period begins, times {self.per:,}."
        )


@dataclass(frozen=True, config=STRICT)
class FamilyGroup:
    """The family group of the council for an indicator.

    Attributes:
        indicator: code of the indicator.
        reference: id of the reference table, with the key indicator_code and council_code.
        version: of it.
    """

    indicator: Text
    reference: Text
    version: Text
    kind: Literal["family_group"] = "family_group"

    @property
    def sources(self) -> tuple[str, ...]:
        """Empty: it is derived from no item."""
        return ()

    @property
    def column(self) -> str:
        """The column of the reference table that it comes from."""
        return "family_group"

    def __str__(self) -> str:
        """Return the derivation in words."""
        return (
            f"Filled in by the platform: family group of the council for {self.indicator}, of {self.reference}, "
            f"version {self.version}."
        )


Derivation: TypeAlias = AgeBand | Quarter | Rate | FamilyGroup
