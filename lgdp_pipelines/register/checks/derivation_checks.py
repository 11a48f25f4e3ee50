"""Derived items in a contract: what a derivation says against its item, its table and the reference tables.

What belongs here: contradictions in ``lgdpDerived`` that its model does not show. What does not: working a value out
(``validation.derived_items``).
"""

from collections.abc import Iterator, Mapping

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.odcs_schema import find_property
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.item_file import ParsedItem
from lgdp_pipelines.register.model.derivations import AgeBand, Derivation, FamilyGroup, Quarter, Rate
from lgdp_pipelines.register.model.reference_tables import ReferenceTable
from lgdp_pipelines.register.model.table_model import Item, ItemType, Privacy, Role, Table

_NOT_OF_DERIVED = ("required", "primaryKey", "physicalName", "enum", "logicalTypeOptions", "unique", "relationships")
_NOT_CUSTOM = ("lgdpAliases", "lgdpCodeList", "lgdpMarks", "lgdpDateFormats", "lgdpNumbers", "lgdpSeverity")
_NUMERIC = (ItemType.INTEGER, ItemType.NUMBER, ItemType.DECIMAL)
_COARSER = (Privacy.YEAR, Privacy.WITHHOLD, Privacy.PSEUDONYMISE)
"""What is published of such an item says less than a quarter."""


def check_derivation(
    read: ParsedItem, table: Table, reference: Mapping[str, ReferenceTable]
) -> Iterator[Contradiction]:
    """Yield the contradictions in how an item is derived; nothing where councils send it.

    Args:
        read: the item.
        table: that it is in.
        reference: reference tables by id.
    """
    item, derivation, node = read.item, read.properties.derived, find_property(read.place, "lgdpDerived")
    if derivation is None:
        return
    forbidden = {word: read.place.at(word) for word in _NOT_OF_DERIVED if read.place.has(word)}
    forbidden |= {word: said for word in _NOT_CUSTOM if (said := find_property(read.place, word)).value is not None}
    yield from (
        said.contradiction(f"{item.name} is derived and has {word}.", "Remove it.") for word, said in forbidden.items()
    )
    logical, role = ("number", Role.MEASURE) if isinstance(derivation, Rate) else ("string", Role.ATTRIBUTE)
    if read.place.text("logicalType") != logical or (read.has_role and item.role is not role):
        yield read.place.contradiction(
            f"{item.name} is derived by {derivation.kind} and is no {logical} with role {role}.",
            f"Write logicalType {logical}{' and physicalType double' if logical == 'number' else ''}, lgdpRole {role}.",
        )
    match derivation:
        case AgeBand():
            yield from _check_sources(derivation, node, table, (ItemType.DATE,), "a date")
        case Quarter():
            yield from _check_sources(derivation, node, table, (ItemType.DATE,), "a date")
            yield from _check_quarter(item, derivation, node, table)
        case Rate():
            yield from _check_sources(derivation, node, table, _NUMERIC, "a measure")
            yield from _check_version(derivation, node, reference, {"council_code", "year"})
            yield from _check_column(item, derivation, node, reference)
        case FamilyGroup():
            yield from _check_version(derivation, node, reference, {"indicator_code", "council_code"})
            yield from _check_indicator(item, derivation, node, reference)


def _check_quarter(item: Item, quarter: Quarter, node: YamlNode, table: Table) -> Iterator[Contradiction]:
    day = table.by_name.get(quarter.of)
    if day is not None and day.privacy in _COARSER and item.privacy is Privacy.OPEN:
        yield node.contradiction(
            f"{item.name} is open and tells more of {day.name} than is published of it.", "Write lgdpPrivacy withhold."
        )


def _check_column(
    item: Item, rate: Rate, node: YamlNode, reference: Mapping[str, ReferenceTable]
) -> Iterator[Contradiction]:
    table = reference.get(rate.reference)
    figures = [column.name for column in table.columns if column.type in _NUMERIC] if table else [rate.column]
    if rate.column not in figures:
        yield node.at("column").contradiction(
            f"{item.name}: {rate.reference} has no figures {rate.column}.", suggest(rate.column, figures)
        )


def _check_indicator(
    item: Item, group: FamilyGroup, node: YamlNode, reference: Mapping[str, ReferenceTable]
) -> Iterator[Contradiction]:
    table = reference.get(group.reference)
    version = table.by_version.get(group.version) if table else None
    if table and version and "indicator_code" in table.by_name:
        position = [column.name for column in table.columns].index("indicator_code")
        known = {row[position] for row in version.rows}
        if group.indicator not in known:
            yield node.at("indicator").contradiction(
                f"{item.name}: {group.reference} knows no indicator {group.indicator}.",
                suggest(group.indicator, known),
            )


def _check_sources(
    derivation: Derivation, node: YamlNode, table: Table, types: tuple[ItemType, ...], noun: str
) -> Iterator[Contradiction]:
    sent = {item.name: item for item in table.items}
    for name in derivation.sources:
        item = sent.get(name)
        if item is None:
            yield node.contradiction(f"{name} is nothing that councils send in {table.name}.", suggest(name, sent))
        elif item.type not in types or (noun == "a measure" and item.role is not Role.MEASURE):
            yield node.contradiction(f"{name} is not {noun}.", "Name another item.")


def _check_version(
    derivation: Rate | FamilyGroup, node: YamlNode, reference: Mapping[str, ReferenceTable], key: set[str]
) -> Iterator[Contradiction]:
    table_id, version = derivation.reference, derivation.version
    table = reference.get(table_id)
    if table is None:
        yield node.at("reference").contradiction(
            f"There is no reference table “{table_id}”.",
            suggest(table_id, reference) if reference else f"Write schemas/reference/{table_id}/{table_id}.yaml.",
        )
    elif version not in table.by_version:
        yield node.at("version").contradiction(
            f"{table_id} has no version {version}.", f"Use one of: {', '.join(table.by_version)}."
        )
    elif set(table.key) != key:
        yield node.at("reference").contradiction(
            f"The rows of {table_id} are not told apart by {' and '.join(sorted(key))}.", "Name another table."
        )
