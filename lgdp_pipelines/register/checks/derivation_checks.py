"""Derived items in a contract: what contradicts itself in ``lgdpDerived``.

What belongs here: what one item says of how it is worked out, against its table and the reference tables. What does
not: working it out (``validation.derived``).
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.custom_properties import custom_of
from lgdp_pipelines.register.files.item_file import ItemRead
from lgdp_pipelines.register.model.derivations import AgeBand, Derivation, DerivedKind, FamilyGroup, Rate
from lgdp_pipelines.register.model.reference_tables import ReferenceTable
from lgdp_pipelines.register.model.table_model import Item, ItemType, Privacy, Role, Table

DERIVED = "lgdpDerived"
_NEEDS = {
    DerivedKind.AGE_BAND: ("of", "on", "lower"),
    DerivedKind.QUARTER: ("of", "quarters"),
    DerivedKind.RATE: ("of", "per", "reference", "version", "column"),
    DerivedKind.FAMILY_GROUP: ("indicator", "reference", "version"),
}
_TYPES = {
    DerivedKind.AGE_BAND: ("string", Role.ATTRIBUTE),
    DerivedKind.QUARTER: ("string", Role.ATTRIBUTE),
    DerivedKind.RATE: ("number", Role.MEASURE),
    DerivedKind.FAMILY_GROUP: ("string", Role.ATTRIBUTE),
}
_NOT_OF_DERIVED = ("required", "primaryKey", "physicalName", "enum", "logicalTypeOptions", "unique", "relationships")
_NUMERIC = (ItemType.INTEGER, ItemType.NUMBER, ItemType.DECIMAL)
_COARSER = (Privacy.YEAR, Privacy.WITHHOLD, Privacy.PSEUDONYMISE)
"""What is published of such an item says less than a quarter."""
_NOT_CUSTOM = ("lgdpAliases", "lgdpCodeList", "lgdpMarks", "lgdpDateFormats", "lgdpNumbers", "lgdpSeverity")


def derived_contradictions(
    read: ItemRead, table: Table, reference: Mapping[str, ReferenceTable]
) -> Iterator[Contradiction]:
    """What contradicts itself in how an item is worked out; nothing where it is sent by councils.

    Args:
        read: the item.
        table: that it is in.
        reference: reference tables by id.
    """
    custom = custom_of(read.place)
    place = custom.at(DERIVED)
    kind = place.text("kind")
    if not custom.has(DERIVED) or kind not in set(DerivedKind):
        return
    item, needs = read.item, _NEEDS[DerivedKind(kind)]
    missing = [word for word in needs if not place.has(word)]
    strange = [word for word, _ in place.members() if word not in {"kind", *needs}]
    if missing or strange:
        yield place.contradiction(
            f"{item.name} is derived by {kind}, which says {', '.join(needs)}.", "Say just these."
        )
        return
    for word in [word for word in _NOT_OF_DERIVED if read.place.has(word)]:
        yield read.place.at(word).contradiction(f"{item.name} is derived and has {word}.", "Remove it.")
    for word in [word for word in _NOT_CUSTOM if custom.has(word)]:
        yield custom.at(word).contradiction(f"{item.name} is derived and has {word}.", "Remove it.")
    logical, role = _TYPES[DerivedKind(kind)]
    if read.place.text("logicalType") != logical or (read.has_role and item.role is not role):
        yield read.place.contradiction(
            f"{item.name} is derived by {kind} and is no {logical} with role {role}.",
            f"Write logicalType {logical}{' and physicalType double' if logical == 'number' else ''}, lgdpRole {role}.",
        )
    if item.derived is not None:
        yield from _OF[DerivedKind(kind)](item, item.derived, place, table, reference)


def _of_age_band(
    item: Item, how: Derivation, place: YamlNode, table: Table, _reference: Mapping[str, ReferenceTable]
) -> Iterator[Contradiction]:
    yield from _sources(how, place, table, (ItemType.DATE,), "a date")
    if isinstance(how, AgeBand) and any(one >= then for one, then in pairwise(how.lower)):
        yield place.at("lower").contradiction(f"{item.name}: the bands do not go up.", "Write such as [0, 16, 25].")


def _of_quarter(
    item: Item, how: Derivation, place: YamlNode, table: Table, _reference: Mapping[str, ReferenceTable]
) -> Iterator[Contradiction]:
    yield from _sources(how, place, table, (ItemType.DATE,), "a date")
    finer = [name for name in how.sources if name in table.by_name and table.by_name[name].privacy in _COARSER]
    if finer and item.privacy is Privacy.OPEN:
        yield place.contradiction(
            f"{item.name} is open and tells more of {finer[0]} than is published of it.", "Write lgdpPrivacy withhold."
        )


def _of_rate(
    item: Item, how: Derivation, place: YamlNode, table: Table, reference: Mapping[str, ReferenceTable]
) -> Iterator[Contradiction]:
    yield from _sources(how, place, table, _NUMERIC, "a measure")
    if not isinstance(how, Rate):
        return
    found = reference.get(how.reference)
    yield from _pinned(how.reference, how.version, place, reference, {"council_code", "year"})
    if found and (how.column not in found.by_name or found.by_name[how.column].type not in _NUMERIC):
        yield place.at("column").contradiction(
            f"{item.name}: {how.reference} has no figures {how.column}.",
            suggest(how.column, [one.name for one in found.columns if one.type in _NUMERIC]),
        )


def _of_family_group(
    item: Item, how: Derivation, place: YamlNode, _table: Table, reference: Mapping[str, ReferenceTable]
) -> Iterator[Contradiction]:
    if not isinstance(how, FamilyGroup):
        return
    yield from _pinned(how.reference, how.version, place, reference, {"indicator_code", "council_code"})
    found = reference.get(how.reference)
    version = found.by_version.get(how.version) if found else None
    if found and version and "indicator_code" in found.by_name:
        number = [column.name for column in found.columns].index("indicator_code")
        known = {row[number] for row in version.rows}
        if how.indicator not in known:
            yield place.at("indicator").contradiction(
                f"{item.name}: {how.reference} knows no indicator {how.indicator}.", suggest(how.indicator, known)
            )


_OF: Mapping[
    DerivedKind,
    Callable[[Item, Derivation, YamlNode, Table, Mapping[str, ReferenceTable]], Iterator[Contradiction]],
] = {
    DerivedKind.AGE_BAND: _of_age_band,
    DerivedKind.QUARTER: _of_quarter,
    DerivedKind.RATE: _of_rate,
    DerivedKind.FAMILY_GROUP: _of_family_group,
}


def _sources(
    how: Derivation, place: YamlNode, table: Table, types: tuple[ItemType, ...], called: str
) -> Iterator[Contradiction]:
    sent = {one.name: one for one in table.items}
    for name in how.sources:
        one = sent.get(name)
        if one is None:
            yield place.contradiction(f"{name} is nothing that councils send in {table.name}.", suggest(name, sent))
        elif one.type not in types or (called == "a measure" and one.role is not Role.MEASURE):
            yield place.contradiction(f"{name} is not {called}.", "Name another item.")


def _pinned(
    table_id: str, version: str, place: YamlNode, reference: Mapping[str, ReferenceTable], key: set[str]
) -> Iterator[Contradiction]:
    found = reference.get(table_id)
    if found is None:
        yield place.at("reference").contradiction(
            f"There is no reference table “{table_id}”.",
            suggest(table_id, reference) if reference else f"Write schemas/reference/{table_id}/{table_id}.yaml.",
        )
    elif version not in found.by_version:
        yield place.at("version").contradiction(
            f"{table_id} has no version {version}.", f"Use one of: {', '.join(found.by_version)}."
        )
    elif set(found.key) != key:
        yield place.at("reference").contradiction(
            f"The rows of {table_id} are not told apart by {' and '.join(sorted(key))}.", "Name another table."
        )
