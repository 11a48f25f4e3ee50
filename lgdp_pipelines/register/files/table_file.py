"""One table of a contract: from its YAML to the model, with the contradictions between its items and rules.

Belongs here: one ``schema`` entry. Belongs elsewhere: contradictions between tables (``contract_file``).
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
from lgdp_pipelines.register.files.item_file import NAME, URN, ItemEntry, check_item, read_item
from lgdp_pipelines.register.files.rule_file import (
    RuleEntry,
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
from lgdp_pipelines.vocabulary.spellings import fold_spelling


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A table with its node and the entries of items and rules."""

    table: Table
    node: YamlNode
    items: tuple[ItemEntry, ...]
    rules: tuple[RuleEntry, ...]
    properties: TableProperties
    contradictions: tuple[Contradiction, ...]

    def has_grain(self, grain: Grain) -> bool:
        """Return whether the table itself declares the given grain."""
        return self.properties.grain is grain


def read_items(node: YamlNode, return_slug: str, provenance: Provenance) -> tuple[ItemEntry, ...]:
    """Return the items of a table, with defaults for unreadable parts."""
    return tuple(read_item(entry, return_slug, provenance) for entry in node.entries("properties"))


def read_table(node: YamlNode, return_slug: str, items: tuple[ItemEntry, ...], context: RuleContext) -> TableEntry:
    """Return a table from its node, with defaults for unreadable parts.

    Args:
        node: the ``schema`` entry.
        return_slug: of the return.
        items: of the table.
        context: of the contract around it.
    """
    properties, contradictions = read_properties(TableProperties, node)
    rules = read_rules(node, return_slug, context)
    table = Table(
        name=node.text("name"),
        title=node.text("businessName", node.text("name")),
        description=" ".join(node.text("description").split()),
        grain=properties.grain or Grain.AGGREGATE,
        items=tuple(entry.item for entry in items if entry.item.derived is None),
        rules=(*(entry.rule for entry in rules), *read_relationships(node, return_slug, context)),
        counts=properties.counts,
        record_key=properties.record_key,
        file_pattern=properties.file_pattern,
        optional=properties.optional,
        derived=tuple(entry.item for entry in items if entry.item.derived is not None),
    )
    return TableEntry(table, node, items, rules, properties, contradictions)


def check_table(
    table_entry: TableEntry,
    columns: Mapping[str, Sequence[str]],
    code_lists: frozenset[str],
    context: RuleContext,
) -> Iterator[Contradiction]:
    """Yield the contradictions of a table, its items, rules and relationships.

    Args:
        table_entry: the table.
        columns: columns that SQL may name, by table of the return.
        code_lists: ids of the lists in ``schemas/codelists/``.
        context: of the contract around it.
    """
    table, node = table_entry.table, table_entry.node
    yield from table_entry.contradictions
    yield from contradictions_where(
        (
            not NAME.fullmatch(table.name) or "__" in table.name,
            node,
            f"The table name “{table.name}” cannot be used.",
            "Write small letters, digits and single _.",
        ),
        (not table.description, node, f"The table {table.name} has no description.", "Describe a row."),
        (not table.items, node, f"The table {table.name} has no items.", "List them under properties."),
    )
    for item in table_entry.items:
        yield from check_item(item)
        yield from _check_codes(item, code_lists, context)
        yield from check_item_relationship(item.node, context)
    yield from _check_repeats(table_entry, lambda entry: entry.item.name, "name")
    yield from _check_repeats(
        table_entry, lambda entry: "" if entry.item.derived else entry.item.header.casefold(), "header in the file"
    )
    yield from _check_aliases(table_entry)
    yield from _check_repeats(table_entry, lambda entry: entry.item.urn, "URN")
    yield from (
        extra.node.contradiction(f"{table.name} names the {role} twice.", f"Leave lgdpRole {role} to one item.")
        for role in (Role.COUNCIL, Role.PERIOD)
        for extra in [entry for entry in table_entry.items if entry.item.role is role][1:]
    )
    yield from _check_key(table_entry)
    if table_entry.has_grain(Grain.CASE):
        yield from _check_privacy(table_entry)
    yield from _check_count(table_entry)
    for rule in table_entry.rules:
        yield from check_rule(rule, columns, context)
    yield from check_relationships(node, context)


def _check_repeats(table_entry: TableEntry, name_of: Callable[[ItemEntry], str], noun: str) -> Iterator[Contradiction]:
    """Yield items with the name, header or URN of an earlier one."""
    repeats = find_repeats((name, entry) for entry in table_entry.items if (name := name_of(entry)))
    return (
        entry.node.contradiction(
            f"{table_entry.table.name} has two items with the {noun} {name_of(entry)}.", "Give each its own."
        )
        for entry, _ in repeats
    )


def _check_aliases(table_entry: TableEntry) -> Iterator[Contradiction]:
    """Yield aliases that another item would match too."""
    table = table_entry.table
    nodes = {entry.item.name: entry.node.custom_property("lgdpAliases") for entry in table_entry.items}
    return (
        nodes[name].contradiction(
            f"{table.name}: the header “{text}” could be {name} or {other_name}.", "Leave it to one of them."
        )
        for name, other_name, text in find_header_clashes((item.name, item.spellings) for item in table.items)
        if {fold_spelling(table.by_name[clashing].header) for clashing in (name, other_name)} != {fold_spelling(text)}
    )


def _check_codes(entry: ItemEntry, code_lists: frozenset[str], context: RuleContext) -> Iterator[Contradiction]:
    """Yield a missing code list, and a wrong date of validity."""
    item, code_list = entry.item, entry.properties.code_list or ""
    node = entry.node.custom_property("lgdpCodesOn")
    dates = [other.name for other in context.items.values() if other.type is ItemType.DATE]
    return contradictions_where(
        (
            code_list and code_list not in code_lists,
            entry.node.custom_property("lgdpCodeList"),
            f"{item.name} has the code list “{code_list}”, which does not exist.",
            suggest(code_list, code_lists) if code_lists else f"Write schemas/codelists/{code_list}.yaml.",
        ),
        (
            item.codes_on and item.code_list is None,
            node,
            f"{item.name} has lgdpCodesOn but no code list.",
            "Remove it.",
        ),
        (
            item.codes_on and item.codes_on not in dates,
            node,
            f"The codes of {item.name} are to be valid on {item.codes_on}, which is not a date of {context.table}.",
            suggest(item.codes_on or "", dates) if dates else "Remove it.",
        ),
    )


def _check_key(table_entry: TableEntry) -> Iterator[Contradiction]:
    """Yield missing, optional or superfluous keys, and tables without a measure."""
    table, node = table_entry.table, table_entry.node
    all_have_roles = all(entry.has_role for entry in table_entry.items)
    is_aggregate = table_entry.has_grain(Grain.AGGREGATE)
    yield from contradictions_where(
        (
            table_entry.has_grain(Grain.CASE) and table.items and not table.key,
            node,
            f"{table.name} holds cases but has no key.",
            "Set primaryKey on the item that identifies a case.",
        ),
        (
            is_aggregate and table.items and all_have_roles and not table.list_items_of_role(Role.MEASURE),
            node,
            f"{table.name} holds aggregates but has no measure.",
            "Add a measure.",
        ),
    )
    for entry in table_entry.items:
        yield from contradictions_where(
            (
                entry.item.unique and table.key == (entry.item,),
                entry.node.at("unique"),
                f"{entry.item.name} is the key of {table.name} and declared unique as well.",
                "Remove unique.",
            ),
            (
                entry.item.key and not entry.item.required,
                entry.node,
                f"{entry.item.name} is part of the key and may be empty.",
                "Add required: true.",
            ),
            (
                entry.has_role and is_aggregate and entry.item.role is Role.DIMENSION and not entry.item.key,
                entry.node,
                f"{entry.item.name} is a dimension but not part of the key.",
                "Add primaryKey: true.",
            ),
        )
        if entry.has_role and entry.item.key:
            yield from _check_role_of_key(entry, is_aggregate=is_aggregate)


def _check_role_of_key(entry: ItemEntry, *, is_aggregate: bool) -> Iterator[Contradiction]:
    """Yield a key item whose role does not fit."""
    item = entry.item
    return first_contradiction_where(
        (
            item.role in (Role.MEASURE, Role.COUNCIL, Role.PERIOD),
            entry.node,
            f"{item.name} is a {item.role} and part of the key.",
            "Remove primaryKey; council and period belong to every key already.",
        ),
        (
            is_aggregate and item.role is not Role.DIMENSION,
            entry.node,
            f"{item.name} is part of an aggregate's key but not a dimension.",
            "Write lgdpRole dimension.",
        ),
    )


def _check_privacy(table_entry: TableEntry) -> Iterator[Contradiction]:
    """Yield items of cases without privacy, or openly published free values."""
    for entry in table_entry.items:
        item = entry.item
        if item.role in (Role.COUNCIL, Role.PERIOD):
            continue
        yield from first_contradiction_where(
            (
                entry.node.custom_property("lgdpPrivacy").value is None,
                entry.node,
                f"{item.name} describes a case and has no treatment before publication.",
                "Add lgdpPrivacy: open, pseudonymise, withhold, month or year.",
            ),
            (
                item.privacy is Privacy.OPEN and _is_free(item),
                entry.node.custom_property("lgdpPrivacy"),
                f"{item.name} is free text or a date of a case and would be published as it is.",
                "Give it a code list, or write pseudonymise, withhold, month or year.",
            ),
        )


def _is_free(item: Item) -> bool:
    """Return whether councils send an item as free text or date."""
    return item.code_list is None and item.type in (ItemType.TEXT, ItemType.DATE) and item.derived is None


def _check_count(table_entry: TableEntry) -> Iterator[Contradiction]:
    """Yield counts of aggregates, with wrong URNs or wrong breakdowns."""
    table = table_entry.table
    entries = table_entry.node.custom_property("lgdpCounts").elements
    if entries and table_entry.has_grain(Grain.AGGREGATE):
        yield entries[0].contradiction(f"{table.name} has counts but no cases.", "Remove lgdpCounts.")
    urn_counts = Counter([item.urn for item in table.all_items] + [count.urn for count in table.counts])
    # A refused count is in the file, but not in the table.
    readable = [entry for entry in entries if entry.text("item") in urn_counts]
    for node, count in zip(readable, table.counts, strict=False):
        if not URN.fullmatch(count.urn):
            yield node.contradiction(
                f"The count “{count.title}” has the URN “{count.urn}”, which is not well formed.",
                "Write urn:lgdp:item:<return>:<item> in small letters, digits and _.",
            )
        elif urn_counts[count.urn] > 1:
            yield node.contradiction(f"{table.name} uses the URN {count.urn} twice.", "Give the count its own.")
        for name in count.by:
            item = table.by_name.get(name)
            if item is None:
                yield node.contradiction(
                    f"A count is broken down by {name}, which is not an item of {table.name}.",
                    suggest(name, table.by_name),
                )
            elif item.code_list is None or item.privacy is not Privacy.OPEN:
                yield node.contradiction(
                    f"A count is broken down by {name}, which is not open or has no codes.",
                    "Break down only by items with a code list and lgdpPrivacy open.",
                )
