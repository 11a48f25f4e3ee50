"""Written rules: the ``quality`` and ``relationships`` entries of a table and of its items.

Belongs here: reading one entry, and whether it can be tested. Belongs elsewhere: rules that follow from items
(``rules.contract_rules``), terms and SQL of a kind of rule (``rules.kinds``), and testing them (``validation``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode, contradictions_where, suggest
from lgdp_pipelines.register.files.custom_properties import RelationshipProperties, RuleProperties, read_properties
from lgdp_pipelines.register.model.table_model import Relationship, Rule
from lgdp_pipelines.register.rules.kinds.metric_rules import METRIC_KINDS as METRICS
from lgdp_pipelines.register.rules.kinds.metric_rules import (
    NullsTerms,
    RowCountTerms,
    UniqueTerms,
    check_metric,
    read_metric,
    write_metric_sql,
)
from lgdp_pipelines.register.rules.kinds.row_rules import write_relationship_sql
from lgdp_pipelines.register.rules.kinds.rule_kind import RuleContext
from lgdp_pipelines.register.rules.rule_kinds import (
    check_query_scope,
    check_terms,
    find_rule_kind,
    read_terms,
    write_sql,
)
from lgdp_pipelines.register.rules.sql_statements import find_external_tables, find_query_problems
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity


@dataclass(frozen=True, slots=True)
class ParsedRule:
    """A written rule with its place and its item's name; empty at the table."""

    rule: Rule
    place: YamlNode
    item: str
    contradictions: tuple[Contradiction, ...] = ()


def read_rules(table: YamlNode, return_slug: str, context: RuleContext) -> tuple[ParsedRule, ...]:
    """Return the written rules of a table, followed by those of its items.

    Args:
        table: the ``schema`` entry.
        return_slug: of the return.
        context: of the contract around it.
    """
    rules = [_read(entry, return_slug, context, "") for entry in table.entries("quality")]
    for item in table.entries("properties"):
        rules += [_read(entry, return_slug, context, item.text("name")) for entry in item.entries("quality")]
    return tuple(rules)


def _read(place: YamlNode, return_slug: str, context: RuleContext, item: str) -> ParsedRule:
    kind = _kind(place)
    severity = place.text("severity", Severity.ERROR)
    properties, contradictions = read_properties(RuleProperties, place)
    metric = read_metric(place, item) if _is_library(place) else None
    terms = metric or read_terms(place.at("implementation"))
    in_terms = write_metric_sql(metric, context) if metric else write_sql(place.at("implementation"), context)
    sql = place.text("query") if kind is RuleKind.SQL else in_terms
    rule = Rule(
        id=f"{return_slug}.{place.text('id')}",
        kind=kind or RuleKind.SQL,
        severity=Severity(severity) if severity in set(Severity) else Severity.ERROR,
        table=context.table,
        items=properties.items or ((item,) if item else terms.place if terms else ()),
        title=" ".join(place.text("name").split()),
        guidance=" ".join(place.text("description").split()),
        sql=sql or None,
        terms=terms,
        line=place.line,
        scope=properties.scope,
    )
    return ParsedRule(rule, place, item, contradictions)


def _kind(place: YamlNode) -> RuleKind | None:
    match place.text("type", "library"):
        case "sql":
            return RuleKind.SQL
        case "library":
            return METRICS.get(place.text("metric"))
        case "custom" if place.text("engine") == "lgdp":
            return find_rule_kind(place.at("implementation"))
        case _:
            return None


def _is_library(place: YamlNode) -> bool:
    return place.text("type", "library") == "library"


def check_rule(read: ParsedRule, columns: Mapping[str, Sequence[str]], context: RuleContext) -> Iterator[Contradiction]:
    """Yield the contradictions of one written rule.

    Args:
        read: the rule.
        columns: columns that SQL may name, by table of the return.
        context: of the contract around it.
    """
    rule, place, items = read.rule, read.place, context.items
    yield from read.contradictions
    severity, named_items = place.text("severity", Severity.ERROR), place.custom_property("lgdpItems").value
    yield from contradictions_where(
        (not place.text("id"), place, "A rule has no id.", "Write its stable id under id."),
        (not place.text("name"), place, "A rule has no name.", "Write what is true when it holds under name."),
        (not place.text("description"), place, "A rule has no description.", "Write what to do under description."),
        (
            severity not in set(Severity),
            place.at("severity"),
            f"The severity “{severity}” is unknown.",
            suggest(severity, set(Severity)),
        ),
        *(
            (
                name not in items,
                place,
                f"The rule {rule.id} concerns {name}, which is not an item of {rule.table}.",
                suggest(name, items),
            )
            for name in (rule.items if named_items else ())
        ),
    )
    yield from check_query_scope(rule, place, items)
    is_ours = place.text("type") == "custom" and place.text("engine") == "lgdp"
    match _kind(place), rule.terms:
        case RuleKind.SQL, _:
            yield from _check_sql(rule, place, columns)
        case _, RowCountTerms() | UniqueTerms() | NullsTerms() as metric:
            yield from check_metric(metric, place, context, read.item)
        case kind, _ if kind is not None or is_ours:
            yield from check_terms(place.at("implementation"), context)
        case _:
            yield place.contradiction(
                f"The rule {rule.id} is of a kind that is not tested.",
                "Write type sql with a query, metric rowCount, duplicateValues or nullValues, or type custom with "
                "engine lgdp; what an item must be is said by required, primaryKey, unique, enum, relationships and "
                "logicalTypeOptions.",
            )


def _check_sql(rule: Rule, place: YamlNode, columns: Mapping[str, Sequence[str]]) -> Iterator[Contradiction]:
    is_whole = not find_external_tables(
        rule.sql or ""
    )  # what stands in other returns is looked at when all of them are read
    yield from (
        place.at("query").contradiction(
            f"The query of {rule.id} cannot be asked: {problem}.",
            "Write SELECT count(*) FROM {model} WHERE <what breaks the rule>, with the names of items.",
        )
        for problem in (find_query_problems(rule.sql or "", rule.table, columns) if is_whole else ())
    )
    if place.at("mustBe").value != 0 or isinstance(place.at("mustBe").value, bool):
        yield place.contradiction(f"The query of {rule.id} is not held against 0.", "Write mustBe: 0.")


_POINT = 2
"""Parts of a name with one point in it."""


def read_reference(place: YamlNode) -> Relationship | None:
    """Return the item that an item refers to; None where it refers to none.

    Args:
        place: the ``properties`` entry.
    """
    entries = place.entries("relationships")
    target = _split_names(entries[0].at("to").value) if entries else ()
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
        _relationship_rule(entry, return_slug, context, terms)
        for entry in table.entries("relationships")
        if (terms := _read_relationship(entry, context.table)) is not None
        and not any(_check_relationship(terms, entry, context))
    )


def _relationship_rule(place: YamlNode, return_slug: str, context: RuleContext, terms: Relationship) -> Rule:
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


def _read_relationship(place: YamlNode, table: str) -> Relationship | None:
    own, theirs = _split_names(place.at("from").value), _split_names(place.at("to").value)
    tables = {name for name, _ in theirs}
    if len(own) != len(theirs) or len(tables) != 1 or {name for name, _ in own} != {table}:
        return None
    return Relationship(tuple(name for _, name in own), tables.pop(), tuple(name for _, name in theirs))


def _split_names(value: object) -> tuple[tuple[str, str], ...]:
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
        yield from _check_relationship(terms, entries[0], context)


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
        terms = _read_relationship(place, context.table)
        if terms is None:
            yield place.contradiction(*_UNREADABLE)
        else:
            yield from _check_relationship(terms, place, context)


def _check_relationship(terms: Relationship, place: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
    theirs = context.tables.get(terms.table)
    if theirs is None:
        yield place.at("to").contradiction(
            f"A row refers to {terms.table}, which is not a table of the return.", suggest(terms.table, context.tables)
        )
        return
    for own, other in zip(terms.own, terms.theirs, strict=True):
        yield from contradictions_where(
            *(
                (
                    name not in items,
                    place,
                    f"A relationship names {name}, which is not an item of {table}.",
                    suggest(name, items),
                )
                for name, items, table in ((own, context.items, context.table), (other, theirs, terms.table))
            ),
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
