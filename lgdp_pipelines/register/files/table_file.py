"""One table of a contract: from its YAML to the model, with what its items and rules say against each other.

Belongs here: what one ``schema`` entry says. Belongs elsewhere: what tables say to each other (``contracts``).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import (
    YamlNode,
    contradictions_where,
    find_repeats,
    first_contradiction_where,
    suggest,
)
from lgdp_pipelines.register.files.custom_properties import TableProperties, read_properties
from lgdp_pipelines.register.files.item_file import NAME, URN, ParsedItem, check_item, read_item
from lgdp_pipelines.register.files.rule_file import (
    ParsedRule,
    check_item_relationship,
    check_relationships,
    check_rule,
    read_relationships,
    read_rules,
)
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
class ParsedTable:
    """A table with its place, and its items and rules with theirs."""

    table: Table
    place: YamlNode
    items: tuple[ParsedItem, ...]
    rules: tuple[ParsedRule, ...]
    properties: TableProperties
    contradictions: tuple[Contradiction, ...]

    def has_grain(self, grain: Grain) -> bool:
        """Return whether the table declares its grain; without one, no check of grain applies."""
        return self.properties.grain is grain


def read_items(place: YamlNode, return_slug: str, provenance: Provenance) -> tuple[ParsedItem, ...]:
    """Return the readable items of the table at a place."""
    return tuple(read_item(entry, return_slug, provenance) for entry in place.entries("properties"))


def read_table(place: YamlNode, return_slug: str, items: tuple[ParsedItem, ...], context: RuleContext) -> ParsedTable:
    """Return the readable part of the table at a place.

    Args:
        place: the ``schema`` entry.
        return_slug: of the return.
        items: of the table.
        context: of the contract around it.
    """
    properties, contradictions = read_properties(TableProperties, place)
    rules = read_rules(place, return_slug, context)
    table = Table(
        name=place.text("name"),
        title=place.text("businessName", place.text("name")),
        description=" ".join(place.text("description").split()),
        grain=properties.grain or Grain.AGGREGATE,
        items=tuple(read.item for read in items if read.item.derived is None),
        rules=(*(read.rule for read in rules), *read_relationships(place, return_slug, context)),
        counts=properties.counts,
        record_key=properties.record_key,
        file_pattern=properties.file_pattern,
        optional=properties.optional,
        derived=tuple(read.item for read in items if read.item.derived is not None),
    )
    return ParsedTable(table, place, items, rules, properties, contradictions)


def check_table(
    read: ParsedTable,
    columns: Mapping[str, Sequence[str]],
    code_lists: frozenset[str],
    context: RuleContext,
) -> Iterator[Contradiction]:
    """Yield the contradictions of one table.

    Args:
        read: the table.
        columns: columns that SQL may name, by table of the return.
        code_lists: ids of the lists in ``schemas/codelists/``.
        context: of the contract around it.
    """
    table, place = read.table, read.place
    yield from read.contradictions
    yield from contradictions_where(
        (
            not NAME.fullmatch(table.name) or "__" in table.name,
            place,
            f"The table name “{table.name}” cannot be used.",
            "Write small letters, digits and single _.",
        ),
        (not table.description, place, f"The table {table.name} has no description.", "Write what a row is."),
        (not table.items, place, f"The table {table.name} has no items.", "List them under properties."),
    )
    for item in read.items:
        yield from check_item(item)
        yield from _check_code_list(item, code_lists)
        yield from _check_codes_on(item, context)
        yield from check_item_relationship(item.place, context)
    yield from _repeated(read, lambda entry: entry.item.name, "name")
    yield from _repeated(
        read, lambda entry: "" if entry.item.derived else entry.item.header.casefold(), "header in the file"
    )
    yield from _check_alias(read)
    yield from _repeated(read, lambda entry: entry.item.urn, "URN")
    yield from (
        extra.place.contradiction(f"{table.name} names the {role} twice.", f"Leave lgdpRole {role} to one item.")
        for role in (Role.COUNCIL, Role.PERIOD)
        for extra in [entry for entry in read.items if entry.item.role is role][1:]
    )
    yield from _check_key(read)
    if read.has_grain(Grain.CASE):
        yield from _check_privacy(read)
    yield from _check_count(read)
    for rule in read.rules:
        yield from check_rule(rule, columns, context)
    yield from check_relationships(place, context)


def _repeated(read: ParsedTable, what: Callable[[ParsedItem], str], called: str) -> Iterator[Contradiction]:
    entries = ((value, entry) for entry in read.items if (value := what(entry)))
    yield from (
        entry.place.contradiction(
            f"{read.table.name} has two items with the {called} {what(entry)}.", "Give each its own."
        )
        for entry, _ in find_repeats(entries)
    )


def _check_alias(read: ParsedTable) -> Iterator[Contradiction]:
    """Yield headers that two items would match."""
    places = {entry.item.name: entry.place for entry in read.items}
    yield from (
        places[name]
        .custom_property("lgdpAliases")
        .contradiction(
            f"{read.table.name}: the header “{text}” could be {name} or {other}.", "Leave it to one of them."
        )
        for name, other, text in find_header_clashes((item.name, item.spellings) for item in read.table.items)
        if any(fold_spelling(read.table.by_name[clashing].header) != fold_spelling(text) for clashing in (name, other))
    )


def _check_code_list(read: ParsedItem, code_lists: frozenset[str]) -> Iterator[Contradiction]:
    code_list = read.properties.code_list
    if code_list and code_list not in code_lists:
        yield (
            read.place.custom_property("lgdpCodeList").contradiction(
                f"{read.item.name} has the code list “{code_list}”, which is not there.",
                suggest(code_list, code_lists) if code_lists else f"Write schemas/codelists/{code_list}.yaml.",
            )
        )


def _check_codes_on(read: ParsedItem, context: RuleContext) -> Iterator[Contradiction]:
    item, place = read.item, read.place.custom_property("lgdpCodesOn")
    if item.codes_on is None:
        return
    dates = [item.name for item in context.items.values() if item.type is ItemType.DATE]
    yield from contradictions_where(
        (item.code_list is None, place, f"{item.name} has lgdpCodesOn but no code list.", "Remove it."),
        (
            item.codes_on not in dates,
            place,
            f"The codes of {item.name} are to be valid on {item.codes_on}, which is not a date of {context.table}.",
            suggest(item.codes_on, dates) if dates else "Remove it.",
        ),
    )


def _check_key(read: ParsedTable) -> Iterator[Contradiction]:
    table, place = read.table, read.place
    all_have_roles = all(entry.has_role for entry in read.items)
    is_aggregate = read.has_grain(Grain.AGGREGATE)
    yield from contradictions_where(
        (
            read.has_grain(Grain.CASE) and table.items and not table.key,
            place,
            f"{table.name} holds cases but has no key.",
            "Set primaryKey on the item that tells cases apart.",
        ),
        (
            is_aggregate and table.items and all_have_roles and not table.having(Role.MEASURE),
            place,
            f"{table.name} holds aggregates but has no measure.",
            "Add a measure.",
        ),
    )
    for entry in read.items:
        yield from contradictions_where(
            (
                entry.item.unique and table.key == (entry.item,),
                entry.place.at("unique"),
                f"{entry.item.name} is the key of {table.name} and declared unique as well.",
                "Remove unique.",
            ),
            (
                entry.item.key and not entry.item.required,
                entry.place,
                f"{entry.item.name} is part of the key and may be empty.",
                "Add required: true.",
            ),
            (
                entry.has_role and is_aggregate and entry.item.role is Role.DIMENSION and not entry.item.key,
                entry.place,
                f"{entry.item.name} breaks figures down and is not part of the key.",
                "Add primaryKey: true.",
            ),
        )
        if entry.has_role and entry.item.key:
            yield from _check_role_of_key(entry, is_aggregate=is_aggregate)


def _check_role_of_key(entry: ParsedItem, *, is_aggregate: bool) -> Iterator[Contradiction]:
    item = entry.item
    return first_contradiction_where(
        (
            item.role in (Role.MEASURE, Role.COUNCIL, Role.PERIOD),
            entry.place,
            f"{item.name} is a {item.role} and part of the key.",
            "Remove primaryKey; council and period belong to every key without being said.",
        ),
        (
            is_aggregate and item.role is not Role.DIMENSION,
            entry.place,
            f"{item.name} is part of an aggregate's key but not a dimension.",
            "Write lgdpRole dimension.",
        ),
    )


def _check_privacy(read: ParsedTable) -> Iterator[Contradiction]:
    for entry in read.items:
        item = entry.item
        if item.role in (Role.COUNCIL, Role.PERIOD):
            continue
        yield from first_contradiction_where(
            (
                entry.place.custom_property("lgdpPrivacy").value is None,
                entry.place,
                f"{item.name} describes a case and does not say what becomes of it before publication.",
                "Add lgdpPrivacy: open, pseudonymise, withhold, month or year.",
            ),
            (
                item.privacy is Privacy.OPEN and _is_free(item),
                entry.place.custom_property("lgdpPrivacy"),
                f"{item.name} is free text or a date of a case and would be published as it is.",
                "Give it a code list, or write pseudonymise, withhold, month or year.",
            ),
        )


def _is_free(item: Item) -> bool:
    """Return whether councils may send unlimited different values for an item."""
    return item.code_list is None and item.type in (ItemType.TEXT, ItemType.DATE) and item.derived is None


def _check_count(read: ParsedTable) -> Iterator[Contradiction]:
    table = read.table
    places = read.place.custom_property("lgdpCounts").elements
    if places and read.has_grain(Grain.AGGREGATE):
        yield places[0].contradiction(f"{table.name} counts and holds no cases.", "Remove lgdpCounts.")
    urn_counts = Counter([item.urn for item in table.all_items] + [count.urn for count in table.counts])
    for place, count in zip(places, table.counts, strict=True):
        if not URN.fullmatch(count.urn):
            yield place.contradiction(
                f"The count “{count.title}” has the URN “{count.urn}”, which is not well formed.",
                "Write urn:lgdp:item:<return>:<item> in small letters, digits and _.",
            )
        elif urn_counts[count.urn] > 1:
            yield place.contradiction(
                f"The URN {count.urn} stands for two things in {table.name}.", "Give the count its own."
            )
        for name in count.by:
            item = table.by_name.get(name)
            if item is None:
                yield place.contradiction(
                    f"A count is broken down by {name}, which is not an item of {table.name}.",
                    suggest(name, table.by_name),
                )
            elif item.code_list is None or item.privacy is not Privacy.OPEN:
                yield place.contradiction(
                    f"A count is broken down by {name}, which is not open or has no codes.",
                    "Break down only by items with a code list and lgdpPrivacy open.",
                )
