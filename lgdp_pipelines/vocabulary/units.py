"""Units of figures, and what a figure in one of them is multiplied by to be in another.

What belongs here: pairs of units whose factor is exact in decimals and beyond dispute. What does not: changing figures
(``validation``). A factor that is nobody's business but one system's stands in its mapping.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

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


def conversion_factor(given: str, wanted: str) -> Decimal | None:
    """What a figure is multiplied by; None where the platform knows no way between the units.

    What is counted per something else changes like the thing itself: ``kg per household`` to ``tonnes per household``,
    ``kg CO2e`` to ``tonnes CO2e``.
    """
    for (one, other), factor in _FACTORS.items():
        rest = given.removeprefix(one)
        if given.startswith(one) and wanted == other + rest and (not rest or rest.startswith(" ")):
            return factor
    return None


def convertible_units(wanted: str) -> tuple[str, ...]:
    """The units from which a figure can be brought into a unit, in order."""
    found = {
        one + wanted.removeprefix(other) for one, other in _FACTORS if wanted == other or wanted.startswith(f"{other} ")
    }
    return tuple(sorted(found))
