"""The ``relationships`` of a table and of its items: reading them, and what contradicts itself in them.

What belongs here: the standard's words ``from`` and ``to``, names of a table and an item with a point between. What
does not: the rule that follows from one (``rules``), and its SQL (``kinds.relations``).
"""

from collections.abc import Iterator

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.checks import contradictions_where
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.custom_properties import RelationshipProperties, read_properties
from lgdp_pipelines.register.model.table_model import Relationship, Rule
from lgdp_pipelines.register.rules.kinds.row_rules import write_relationship_sql
from lgdp_pipelines.register.rules.kinds.rule_kind import RuleContext
from lgdp_pipelines.vocabulary.verdicts import RuleKind

_POINT = 2
"""Parts of a name with one point in it."""


def read_reference(place: YamlNode) -> Relationship | None:
    """Return the item that an item refers to; None where it refers to none.

    Args:
        place: the ``properties`` entry.
    """
    entries = place.entries("relationships")
    target = _named(entries[0].at("to").value) if entries else ()
    if len(target) != 1:
        return None
    table, name = target[0]
    return Relationship((place.text("name"),), table, (name,))


def read_relationships(table: YamlNode, return_slug: str, context: RuleContext) -> tuple[Rule, ...]:
    """Return the rules that follow from a table's own relationships.

    Args:
        table: the ``schema`` entry.
        return_slug: of the return.
        context: of the contract around it.
    """
    return tuple(
        _rule(entry, return_slug, context, terms)
        for entry in table.entries("relationships")
        if (terms := _terms(entry, context.table)) is not None and not any(_of_terms(terms, entry, context))
    )


def _rule(place: YamlNode, return_slug: str, context: RuleContext, terms: Relationship) -> Rule:
    properties, _ = read_properties(RelationshipProperties, place)
    headers = " and ".join(context.items[name].header for name in terms.own)
    theirs = " and ".join(context.tables[terms.table][name].header for name in terms.theirs)
    advice = "Correct the reference, or send the row that it refers to."
    return Rule(
        id=f"{return_slug}.{place.text('id')}",
        kind=RuleKind.RELATIONSHIP,
        severity=properties.severity,
        table=context.table,
        items=terms.place,
        title=f"{headers} together refer to a row of {terms.table} by its {theirs}",
        guidance=f"{advice} {properties.guidance}".strip(),
        sql=write_relationship_sql(terms),
        terms=terms,
        line=place.line,
    )


def _terms(place: YamlNode, table: str) -> Relationship | None:
    own, theirs = _named(place.at("from").value), _named(place.at("to").value)
    tables = {name for name, _ in theirs}
    if len(own) != len(theirs) or len(tables) != 1 or {name for name, _ in own} != {table}:
        return None
    return Relationship(tuple(name for _, name in own), tables.pop(), tuple(name for _, name in theirs))


def _named(value: object) -> tuple[tuple[str, str], ...]:
    """Return the table and item of each dotted name; nothing where one is malformed."""
    listed = value if isinstance(value, list) else [value]
    parts = [name.split(".") for name in listed if isinstance(name, str)]
    pairs = tuple((pair[0], pair[1]) for pair in parts if len(pair) == _POINT)
    return pairs if len(pairs) == len(listed) else ()


def check_item_relationship(place: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
    """Yield the contradictions of an item's relationships.

    Args:
        place: the ``properties`` entry.
        context: of the contract around it.
    """
    entries = place.entries("relationships")
    yield from (
        extra.contradiction(
            f"{place.text('name')} refers to two things.", "Leave one; write another as a quality rule in SQL."
        )
        for extra in entries[1:]
    )
    terms = read_reference(place)
    if entries and terms is None:
        yield entries[0].contradiction(*_UNREADABLE)
    elif terms is not None:
        yield from _of_terms(terms, entries[0], context)


_UNREADABLE = (
    "A relationship does not name items of this table and of one table of the return.",
    "Write to: table.item; at the table, from and to as lists of table.item, of the same length.",
)


def check_relationships(table: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
    """Yield the contradictions of a table's own relationships.

    Args:
        table: the ``schema`` entry.
        context: of the contract around it.
    """
    for place in table.entries("relationships"):
        yield from read_properties(RelationshipProperties, place)[1]
        if not place.text("id"):
            yield place.contradiction("A relationship of a table has no id.", "Write its stable id under id.")
        terms = _terms(place, context.table)
        if terms is None:
            yield place.contradiction(*_UNREADABLE)
        else:
            yield from _of_terms(terms, place, context)


def _of_terms(terms: Relationship, place: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
    theirs = context.tables.get(terms.table)
    if theirs is None:
        yield place.at("to").contradiction(
            f"A row refers to {terms.table}, which is no table of the return.", suggest(terms.table, context.tables)
        )
        return
    for own, other in zip(terms.own, terms.theirs, strict=True):
        yield from (
            place.contradiction(f"A relationship names {name}, which is no item of {table}.", suggest(name, items))
            for name, items, table in ((own, context.items, context.table), (other, theirs, terms.table))
            if name not in items
        )
        yield from contradictions_where(
            (
                own in context.items and other in theirs and context.items[own].type is not theirs[other].type,
                place,
                f"{own} and {other} are of different types, and are never the same.",
                "Name items of one type.",
            ),
            (
                own == other and terms.table == context.table,
                place,
                f"{own} refers to itself.",
                "Name another item in to.",
            ),
        )
