"""How numbers are written: marks before decimals and between thousands, and units with exact conversion factors.

Belongs here: what a style is and which texts have it, and pairs of units whose factor is exact in decimals and beyond
dispute. Belongs elsewhere: which style an extract has (``register``), converting figures (``validation``), and factors
that only one system needs (its mapping has them).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """A way of writing numbers.

    Attributes:
        decimal: the mark before decimals.
        thousands: the mark between groups of three digits; empty where there is none.
    """

    decimal: str = "."
    thousands: str = ""

    @property
    def whole_shape(self) -> str:
        """A regular expression for a whole number, with or without marks between groups."""
        mark = re.escape(self.thousands)
        return rf"-?(?:[0-9]+|[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+)" if mark else "-?[0-9]+"

    @property
    def shape(self) -> str:
        """A regular expression for any number in this style."""
        return rf"{self.whole_shape}(?:{re.escape(self.decimal)}[0-9]+)?"


PLAIN = NumberStyle()
"""How contracts write numbers unless they say otherwise."""

_FACTORS: Mapping[tuple[str, str], Decimal] = MappingProxyType(
    {
        ("pence", "GBP"): Decimal("0.01"),
        ("GBP thousand", "GBP"): Decimal(1_000),
        ("GBP million", "GBP"): Decimal(1_000_000),
        ("kg", "tonnes"): Decimal("0.001"),
        ("g", "kg"): Decimal("0.001"),
        ("tonnes", "kg"): Decimal(1_000),
        ("m", "km"): Decimal("0.001"),
        ("hectares", "square metres"): Decimal(10_000),
        ("square metres", "hectares"): Decimal("0.0001"),
        ("fraction", "percent"): Decimal(100),
    }
)


def find_conversion_factor(source: str, target: str) -> Decimal | None:
    """Return the factor from one unit to another; None where the platform knows none.

    A unit per something else is converted like the unit itself: ``kg per household`` to ``tonnes per household``,
    ``kg CO2e`` to ``tonnes CO2e``.
    """
    for (known_source, known_target), factor in _FACTORS.items():
        rest = source.removeprefix(known_source)
        has_rest = not rest or rest.startswith(" ")
        if source.startswith(known_source) and target == known_target + rest and has_rest:
            return factor
    return None


def list_convertible_units(target: str) -> tuple[str, ...]:
    """Return the units that convert to a unit, in order."""
    units = {
        source + target.removeprefix(known_target)
        for source, known_target in _FACTORS
        if target == known_target or target.startswith(f"{known_target} ")
    }
    return tuple(sorted(units))
