"""One table of a contract: from its YAML to the model, with what its items and rules say against each other.

What belongs here: what one ``schema`` entry says. What does not: what tables say to each other (``contracts``).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.odcs_schema import find_property
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.custom_properties import TableProperties, read_properties
from lgdp_pipelines.register.files.item_file import NAME, URN, ItemRead, item_contradictions, read_item
from lgdp_pipelines.register.files.relationship_file import (
    read_relationships,
    reference_contradictions,
    relationship_contradictions,
)
from lgdp_pipelines.register.files.rule_file import RuleRead, read_rules, rule_contradictions
from lgdp_pipelines.register.model.table_model import (
    Grain,
    Item,
    ItemType,
    Privacy,
    Provenance,
    Role,
    Table,
    find_header_clashes,
)
from lgdp_pipelines.register.rules.kinds.rule_kind import RuleContext
from lgdp_pipelines.vocabulary.councils import fold_spelling


@dataclass(frozen=True, slots=True)
class TableRead:
    """A table, where it stands, and its items and rules where they stand."""

    table: Table
    place: YamlNode
    items: tuple[ItemRead, ...]
    rules: tuple[RuleRead, ...]
    properties: TableProperties
    contradictions: tuple[Contradiction, ...]

    def has_grain(self, grain: Grain) -> bool:
        """Return whether the table says that its rows are of a grain; where it says nothing, nothing follows."""
        return self.properties.grain is grain


def read_items(place: YamlNode, return_slug: str, provenance: Provenance) -> tuple[ItemRead, ...]:
    """The items of the table at a place, as far as they can be read."""
    return tuple(read_item(entry, return_slug, provenance) for entry in place.entries("properties"))


def read_table(place: YamlNode, return_slug: str, items: tuple[ItemRead, ...], among: RuleContext) -> TableRead:
    """The table at a place, as far as it can be read.

    Args:
        place: the ``schema`` entry.
        return_slug: of the return.
        items: of the table.
        among: what its rules stand among.
    """
    properties, contradictions = read_properties(TableProperties, place)
    rules = read_rules(place, return_slug, among)
    table = Table(
        name=place.text("name"),
        title=place.text("businessName", place.text("name")),
        description=" ".join(place.text("description").split()),
        grain=properties.grain or Grain.AGGREGATE,
        items=tuple(read.item for read in items if read.item.derived is None),
        rules=(*(read.rule for read in rules), *read_relationships(place, return_slug, among)),
        counts=properties.counts,
        record_key=properties.record_key,
        file_pattern=properties.file_pattern,
        optional=properties.optional,
        derived=tuple(read.item for read in items if read.item.derived is not None),
    )
    return TableRead(table, place, items, rules, properties, contradictions)


def table_contradictions(
    read: TableRead,
    columns: Mapping[str, Sequence[str]],
    code_lists: frozenset[str],
    among: RuleContext,
) -> Iterator[Contradiction]:
    """What contradicts itself in one table.

    Args:
        read: the table.
        columns: columns that SQL may name, by table of the return.
        code_lists: ids of the lists in ``schemas/codelists/``.
        among: what its rules stand among.
    """
    table, place = read.table, read.place
    yield from read.contradictions
    if not NAME.fullmatch(table.name) or "__" in table.name:
        yield place.contradiction(
            f"The table name “{table.name}” cannot be used.", "Write small letters, digits and single _."
        )
    if not table.description:
        yield place.contradiction(f"The table {table.name} has no description.", "Write what a row is.")
    if not table.items:
        yield place.contradiction(f"The table {table.name} has no items.", "List them under properties.")
    for item in read.items:
        yield from item_contradictions(item)
        yield from _code_list_contradictions(item, code_lists)
        yield from _codes_on_contradictions(item, among)
        yield from reference_contradictions(item.place, among)
    yield from _repeated(read, lambda one: one.item.name, "name")
    yield from _repeated(read, lambda one: "" if one.item.derived else one.item.header.casefold(), "header in the file")
    yield from _alias_contradictions(read)
    yield from _repeated(read, lambda one: one.item.urn, "URN")
    for role in (Role.COUNCIL, Role.PERIOD):
        for extra in [one for one in read.items if one.item.role is role][1:]:
            yield extra.place.contradiction(
                f"{table.name} names the {role} twice.", f"Leave lgdpRole {role} to one item."
            )
    yield from _key_contradictions(read)
    if read.has_grain(Grain.CASE):
        yield from _privacy_contradictions(read)
    yield from _count_contradictions(read)
    for rule in read.rules:
        yield from rule_contradictions(rule, columns, among)
    yield from relationship_contradictions(place, among)


def _repeated(read: TableRead, what: Callable[[ItemRead], str], called: str) -> Iterator[Contradiction]:
    seen: set[str] = set()
    for one in read.items:
        value = what(one)
        if value and value in seen:
            yield one.place.contradiction(
                f"{read.table.name} has two items with the {called} {value}.", "Give each its own."
            )
        seen.add(value)


def _alias_contradictions(read: TableRead) -> Iterator[Contradiction]:
    """Headers that would stand for two items."""
    places = {one.item.name: one.place for one in read.items}
    for name, other, text in find_header_clashes((one.name, one.spellings) for one in read.table.items):
        if any(fold_spelling(read.table.by_name[one].header) != fold_spelling(text) for one in (name, other)):
            yield (
                find_property(places[name], "lgdpAliases").contradiction(
                    f"{read.table.name}: the header “{text}” could be {name} or {other}.", "Leave it to one of them."
                )
            )


def _code_list_contradictions(read: ItemRead, code_lists: frozenset[str]) -> Iterator[Contradiction]:
    wanted = read.properties.code_list
    if wanted and wanted not in code_lists:
        yield (
            find_property(read.place, "lgdpCodeList").contradiction(
                f"{read.item.name} has the code list “{wanted}”, which is not there.",
                suggest(wanted, code_lists) if code_lists else f"Write schemas/codelists/{wanted}.yaml.",
            )
        )


def _codes_on_contradictions(read: ItemRead, among: RuleContext) -> Iterator[Contradiction]:
    item, place = read.item, find_property(read.place, "lgdpCodesOn")
    if item.codes_on is None:
        return
    if item.code_list is None:
        yield place.contradiction(f"{item.name} has lgdpCodesOn and no code list.", "Remove it.")
    day = among.items.get(item.codes_on)
    if day is None or day.type is not ItemType.DATE:
        dates = [one.name for one in among.items.values() if one.type is ItemType.DATE]
        yield place.contradiction(
            f"The codes of {item.name} are to be valid on {item.codes_on}, which is no date of {among.table}.",
            suggest(item.codes_on, dates) if dates else "Remove it.",
        )


def _key_contradictions(read: TableRead) -> Iterator[Contradiction]:
    table = read.table
    if read.has_grain(Grain.CASE) and table.items and not table.key:
        yield read.place.contradiction(
            f"{table.name} holds cases and has no key.", "Set primaryKey on the item that tells cases apart."
        )
    for one in read.items:
        if one.item.unique and table.key == (one.item,):
            yield one.place.at("unique").contradiction(
                f"{one.item.name} is the key of {table.name}, and told to be unique besides.", "Remove unique."
            )
        if one.item.key and not one.item.required:
            yield one.place.contradiction(
                f"{one.item.name} is part of the key and may be empty.", "Add required: true."
            )
    all_have_roles = all(one.has_role for one in read.items)
    if read.has_grain(Grain.AGGREGATE) and table.items and all_have_roles and not table.having(Role.MEASURE):
        yield read.place.contradiction(f"{table.name} holds aggregates and has no measure.", "Add a measure.")
    for one in read.items:
        if one.has_role:
            yield from _role_and_key(read, one)


def _role_and_key(read: TableRead, one: ItemRead) -> Iterator[Contradiction]:
    item = one.item
    is_aggregate = read.has_grain(Grain.AGGREGATE)
    if item.key and item.role in (Role.MEASURE, Role.COUNCIL, Role.PERIOD):
        yield one.place.contradiction(
            f"{item.name} is a {item.role} and part of the key.",
            "Remove primaryKey; council and period belong to every key without being said.",
        )
    elif is_aggregate and item.key and item.role is not Role.DIMENSION:
        yield one.place.contradiction(
            f"{item.name} is part of an aggregate's key and no dimension.", "Write lgdpRole dimension."
        )
    if is_aggregate and item.role is Role.DIMENSION and not item.key:
        yield one.place.contradiction(
            f"{item.name} breaks figures down and is no part of the key.", "Add primaryKey: true."
        )


def _privacy_contradictions(read: TableRead) -> Iterator[Contradiction]:
    for one in read.items:
        item = one.item
        if item.role in (Role.COUNCIL, Role.PERIOD):
            continue
        if find_property(one.place, "lgdpPrivacy").value is None:
            yield one.place.contradiction(
                f"{item.name} describes a case and does not say what becomes of it before publication.",
                "Add lgdpPrivacy: open, pseudonymise, withhold, month or year.",
            )
        elif item.privacy is Privacy.OPEN and _is_free(item):
            yield find_property(one.place, "lgdpPrivacy").contradiction(
                f"{item.name} is free text or a date of a case and would be published as it is.",
                "Give it a code list, or write pseudonymise, withhold, month or year.",
            )


def _is_free(item: Item) -> bool:
    """Whether what councils may send for it is without end; what the platform works out is not."""
    return item.code_list is None and item.type in (ItemType.TEXT, ItemType.DATE) and item.derived is None


def _count_contradictions(read: TableRead) -> Iterator[Contradiction]:
    table = read.table
    places = find_property(read.place, "lgdpCounts").elements
    if places and read.has_grain(Grain.AGGREGATE):
        yield places[0].contradiction(f"{table.name} counts and holds no cases.", "Remove lgdpCounts.")
    taken = Counter([item.urn for item in table.all_items] + [count.urn for count in table.counts])
    for place, count in zip(places, table.counts, strict=True):
        if not URN.fullmatch(count.urn):
            yield place.contradiction(
                f"The count “{count.title}” has the URN “{count.urn}”, which is not well formed.",
                "Write urn:lgdp:item:<return>:<item> in small letters, digits and _.",
            )
        elif taken[count.urn] > 1:
            yield place.contradiction(
                f"The URN {count.urn} stands for two things in {table.name}.", "Give the count its own."
            )
        for name in count.by:
            item = table.by_name.get(name)
            if item is None:
                yield place.contradiction(
                    f"A count is broken down by {name}, which is no item of {table.name}.",
                    suggest(name, table.by_name),
                )
            elif item.code_list is None or item.privacy is not Privacy.OPEN:
                yield place.contradiction(
                    f"A count is broken down by {name}, which is not open or has no codes.",
                    "Break down only by items with a code list and lgdpPrivacy open.",
                )
