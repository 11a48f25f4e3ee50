"""Units of figures, and the factors between them.

Belongs here: pairs of units with a factor that is exact in decimals and beyond dispute. Belongs elsewhere: converting
figures (``validation``), and factors that only one system needs (its mapping has them).
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


def find_conversion_factor(source: str, target: str) -> Decimal | None:
    """Return the exact factor between units; None where the pair is unknown.

    A unit per something else is converted like the unit itself: ``kg per household`` to ``tonnes per household``,
    ``kg CO2e`` to ``tonnes CO2e``.
    """
    for (known_source, known_target), factor in _FACTORS.items():
        rest = source.removeprefix(known_source)
        is_whole_unit = not rest or rest.startswith(" ")
        if source.startswith(known_source) and target == known_target + rest and is_whole_unit:
            return factor
    return None


def list_convertible_units(target: str) -> tuple[str, ...]:
    """Return the units with a known factor to a unit, sorted."""
    units = {
        source + target.removeprefix(known_target)
        for source, known_target in _FACTORS
        if target == known_target or target.startswith(f"{known_target} ")
    }
    return tuple(sorted(units))
