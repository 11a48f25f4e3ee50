"""``lgdpDerived`` of an item, from its YAML to the model, as far as it can be read.

What belongs here: reading. What does not: what contradicts itself in it (``derived_items``).
"""

from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.derivations import AgeBand, Derivation, DerivedKind, FamilyGroup, Quarter, Rate
from lgdp_pipelines.vocabulary.periods import PeriodKind


def read_derivation(place: YamlNode) -> Derivation | None:
    """How an item is worked out; None where councils send it, or nothing can be made of what is said."""
    match place.text("kind"):
        case DerivedKind.AGE_BAND:
            listed = [one.value for one in place.entries("lower")]
            lower = tuple(one for one in listed if isinstance(one, int))
            return AgeBand(place.text("of"), place.text("on"), lower)
        case DerivedKind.QUARTER:
            kinds = (PeriodKind.FINANCIAL_QUARTER, PeriodKind.CALENDAR_QUARTER)
            kind = next((one for one in kinds if one == place.text("quarters")), kinds[0])
            return Quarter(place.text("of"), kind)
        case DerivedKind.RATE:
            return Rate(
                place.text("of"),
                place.integer("per") or 1,
                place.text("reference"),
                place.text("version"),
                place.text("column"),
            )
        case DerivedKind.FAMILY_GROUP:
            return FamilyGroup(place.text("indicator"), place.text("reference"), place.text("version"))
    return None
