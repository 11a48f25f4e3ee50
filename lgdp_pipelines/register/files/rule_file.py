"""Written rules: the ``quality`` and ``relationships`` entries of a table and of its items.

``quality: custom, engine: lgdp`` names a kind of rule. A new kind is a class of terms in ``rules.kinds``, its name in
``RuleKind``, and a line in :data:`KINDS`. A rule with terms that make SQL runs like any other rule in SQL;
``validation.table_rules`` tests the rest. Belongs here: the list of kinds, reading one entry, and checking that it can
be tested. Belongs elsewhere: rules that follow from items (``rules.contract_rules``), terms and SQL of a kind
(``rules.kinds``), and testing them (``validation``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import Parsed, parse
from lgdp_pipelines.register.documents.yaml_nodes import (
    YamlNode,
    contradictions_where,
    first_contradiction_where,
    suggest,
)
from lgdp_pipelines.register.files.custom_properties import RelationshipProperties, RuleProperties, read_properties
from lgdp_pipelines.register.model.table_model import Item, Privacy, Relationship, Rule
from lgdp_pipelines.register.rules.kinds.external_rules import AgreesWithTerms, InReferenceTerms, RefersToTerms
from lgdp_pipelines.register.rules.kinds.figure_rules import ControlTerms, EarlierPeriodTerms, TotalTerms
from lgdp_pipelines.register.rules.kinds.metric_rules import METRIC_KINDS as METRICS
from lgdp_pipelines.register.rules.kinds.metric_rules import (
    NullsTerms,
    RowCountTerms,
    UniqueTerms,
    check_metric,
    read_metric,
    write_metric_sql,
)
from lgdp_pipelines.register.rules.kinds.row_rules import (
    CompleteTerms,
    EmptyUnlessTerms,
    InOrderTerms,
    InPeriodTerms,
    NotFallingTerms,
    NotInFutureTerms,
    RequiredWhenTerms,
    RowsPerTerms,
    write_relationship_sql,
)
from lgdp_pipelines.register.rules.kinds.rule_kind import RuleContext, RuleTerms
from lgdp_pipelines.register.rules.sql_statements import find_statement_problems, list_external_tables
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """A written rule with its node and the name of its item."""

    rule: Rule
    node: YamlNode
    item: str
    contradictions: tuple[Contradiction, ...] = ()


def read_rules(table: YamlNode, return_slug: str, context: RuleContext) -> tuple[RuleEntry, ...]:
    """Return the ``quality`` rules of a table and of its items.

    Args:
        table: the ``schema`` entry.
        return_slug: of the return.
        context: of the contract around it.
    """
    rules = [_read_rule(entry, return_slug, context, "") for entry in table.entries("quality")]
    for item in table.entries("properties"):
        rules += [_read_rule(entry, return_slug, context, item.text("name")) for entry in item.entries("quality")]
    return tuple(rules)


def _read_rule(node: YamlNode, return_slug: str, context: RuleContext, item: str) -> RuleEntry:
    """Return a ``quality`` entry as a rule, with defaults for unreadable parts."""
    kind = _find_kind(node)
    severity = node.text("severity", Severity.ERROR)
    properties, contradictions = read_properties(RuleProperties, node)
    metric = read_metric(node, item) if _is_library(node) else None
    terms = metric or read_terms(node.at("implementation"))
    in_terms = write_metric_sql(metric, context) if metric else write_sql(node.at("implementation"), context)
    sql = node.text("query") if kind is RuleKind.SQL else in_terms
    rule = Rule(
        id=f"{return_slug}.{node.text('id')}",
        kind=kind or RuleKind.SQL,
        severity=Severity(severity) if severity in set(Severity) else Severity.ERROR,
        table=context.table,
        items=properties.items or ((item,) if item else terms.finding_items if terms else ()),
        title=" ".join(node.text("name").split()),
        guidance=" ".join(node.text("description").split()),
        sql=sql or None,
        terms=terms,
        line=node.line,
        scope=properties.scope,
    )
    return RuleEntry(rule, node, item, contradictions)


def _find_kind(node: YamlNode) -> RuleKind | None:
    """Return the kind of a ``quality`` entry; None where untested."""
    match node.text("type", "library"):
        case "sql":
            return RuleKind.SQL
        case "library":
            return METRICS.get(node.text("metric"))
        case "custom" if node.text("engine") == "lgdp":
            return find_rule_kind(node.at("implementation"))
        case _:
            return None


def _is_library(node: YamlNode) -> bool:
    """Return whether an entry is of the standard's library, the default."""
    return node.text("type", "library") == "library"


def check_rule(entry: RuleEntry, columns: Mapping[str, Sequence[str]], context: RuleContext) -> Iterator[Contradiction]:
    """Yield the contradictions of one written rule.

    Args:
        entry: the rule.
        columns: columns that SQL may name, by table of the return.
        context: of the contract around it.
    """
    rule, node, items = entry.rule, entry.node, context.items
    yield from entry.contradictions
    severity, named_items = node.text("severity", Severity.ERROR), node.custom_property("lgdpItems").value
    yield from contradictions_where(
        (not node.text("id"), node, "A rule has no id.", "Write its stable id under id."),
        (not node.text("name"), node, "A rule has no name.", "Write the condition under name."),
        (not node.text("description"), node, "A rule has no description.", "Write advice under description."),
        (
            severity not in set(Severity),
            node.at("severity"),
            f"The severity “{severity}” is unknown.",
            suggest(severity, set(Severity)),
        ),
        *(
            (
                name not in items,
                node,
                f"The rule {rule.id} concerns {name}, which is not an item of {rule.table}.",
                suggest(name, items),
            )
            for name in (rule.items if named_items else ())
        ),
    )
    yield from check_query_scope(rule, node, items)
    is_ours = node.text("type") == "custom" and node.text("engine") == "lgdp"
    match _find_kind(node), rule.terms:
        case RuleKind.SQL, _:
            yield from _check_sql(rule, node, columns)
        case _, RowCountTerms() | UniqueTerms() | NullsTerms() as metric:
            yield from check_metric(metric, node, context, entry.item)
        case kind, _ if kind is not None or is_ours:
            yield from check_terms(node.at("implementation"), context)
        case _:
            yield node.contradiction(
                f"The rule {rule.id} is of a kind that is not tested.",
                "Write type sql with a query, metric rowCount, duplicateValues or nullValues, or type custom with "
                "engine lgdp; an item has required, primaryKey, unique, enum, relationships and logicalTypeOptions.",
            )


def _check_sql(rule: Rule, node: YamlNode, columns: Mapping[str, Sequence[str]]) -> Iterator[Contradiction]:
    """Yield a query's problems, unless it reads external tables, and wrong comparisons."""
    # The columns of other returns are checked once every return has been read.
    reads_own_return = not list_external_tables(rule)
    yield from (
        node.at("query").contradiction(
            f"The statement of {rule.id} cannot run: {problem}.",
            "Write SELECT count(*) FROM {model} WHERE <violation>, with the names of items.",
        )
        for problem in (find_statement_problems(rule.sql or "", rule.table, columns) if reads_own_return else ())
    )
    if node.at("mustBe").value != 0 or isinstance(node.at("mustBe").value, bool):
        yield node.contradiction(f"The statement of {rule.id} is not compared with 0.", "Write mustBe: 0.")


_POINT = 2
"""Parts of a name with one point in it."""


def read_item_relationship(node: YamlNode) -> Relationship | None:
    """Return an item's first relationship; None where missing or malformed.

    Args:
        node: the ``properties`` entry.
    """
    entries = node.entries("relationships")
    target = _split_names(entries[0].at("to").value) if entries else ()
    if len(target) != 1:
        return None
    table, name = target[0]
    return Relationship((node.text("name"),), table, (name,))


def read_relationships(table: YamlNode, return_slug: str, context: RuleContext) -> tuple[Rule, ...]:
    """Return the rules of a table's relationships that have no contradictions.

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


def _relationship_rule(node: YamlNode, return_slug: str, context: RuleContext, terms: Relationship) -> Rule:
    """Return the rule of a table's relationship."""
    properties, _ = read_properties(RelationshipProperties, node)
    source_headers = " and ".join(context.items[name].header for name in terms.source_items)
    target_headers = " and ".join(context.tables[terms.table][name].header for name in terms.target_items)
    advice = "Correct the reference, or send the row that it refers to."
    return Rule(
        id=f"{return_slug}.{node.text('id')}",
        kind=RuleKind.RELATIONSHIP,
        severity=properties.severity,
        table=context.table,
        items=terms.finding_items,
        title=f"{source_headers} together refer to a row of {terms.table} by its {target_headers}",
        guidance=f"{advice} {properties.guidance}".strip(),
        sql=write_relationship_sql(terms),
        terms=terms,
        line=node.line,
    )


def _read_relationship(node: YamlNode, table: str) -> Relationship | None:
    """Return a table's relationship; None where its names do not pair."""
    source_items, target_items = _split_names(node.at("from").value), _split_names(node.at("to").value)
    tables = {name for name, _ in target_items}
    if len(source_items) != len(target_items) or len(tables) != 1 or {name for name, _ in source_items} != {table}:
        return None
    return Relationship(tuple(name for _, name in source_items), tables.pop(), tuple(name for _, name in target_items))


def _split_names(value: object) -> tuple[tuple[str, str], ...]:
    """Return table and item of dotted names; empty where one is malformed."""
    names = value if isinstance(value, list) else [value]
    parts = [name.split(".") for name in names if isinstance(name, str)]
    pairs = tuple((pair[0], pair[1]) for pair in parts if len(pair) == _POINT)
    return pairs if len(pairs) == len(names) else ()


def check_item_relationship(node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
    """Yield the contradictions of an item's relationships.

    Args:
        node: the ``properties`` entry.
        context: of the contract around it.
    """
    entries = node.entries("relationships")
    yield from (
        entry.contradiction(
            f"{node.text('name')} has two relationships.", "Leave one; write another as a quality rule in SQL."
        )
        for entry in entries[1:]
    )
    terms = read_item_relationship(node)
    if entries and terms is None:
        yield entries[0].contradiction(*_UNREADABLE_RELATIONSHIP)
    elif terms is not None:
        yield from _check_relationship(terms, entries[0], context)


_UNREADABLE_RELATIONSHIP = (
    "A relationship does not name items of this table and of one table of the return.",
    "Write to: table.item; at the table, from and to as lists of table.item, of the same length.",
)


def check_relationships(table: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
    """Yield the contradictions of a table's own relationships.

    Args:
        table: the ``schema`` entry.
        context: of the contract around it.
    """
    for node in table.entries("relationships"):
        yield from read_properties(RelationshipProperties, node)[1]
        if not node.text("id"):
            yield node.contradiction("A relationship of a table has no id.", "Write its stable id under id.")
        terms = _read_relationship(node, context.table)
        if terms is None:
            yield node.contradiction(*_UNREADABLE_RELATIONSHIP)
        else:
            yield from _check_relationship(terms, node, context)


def _check_relationship(terms: Relationship, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
    """Yield missing tables and items, unequal types and references to itself."""
    target_table = context.tables.get(terms.table)
    if target_table is None:
        yield node.at("to").contradiction(
            f"A row refers to {terms.table}, which is not a table of the return.", suggest(terms.table, context.tables)
        )
        return
    for source_item, target_item in zip(terms.source_items, terms.target_items, strict=True):
        yield from contradictions_where(
            *(
                (
                    name not in items,
                    node,
                    f"A relationship names {name}, which is not an item of {table}.",
                    suggest(name, items),
                )
                for name, items, table in (
                    (source_item, context.items, context.table),
                    (target_item, target_table, terms.table),
                )
            ),
            (
                source_item in context.items
                and target_item in target_table
                and context.items[source_item].type is not target_table[target_item].type,
                node,
                f"{source_item} and {target_item} are of different types, and never equal.",
                "Name items of one type.",
            ),
            (
                source_item == target_item and terms.table == context.table,
                node,
                f"{source_item} refers to itself.",
                "Name another item in to.",
            ),
        )


KINDS: Mapping[str, type[RuleTerms]] = {
    terms.kind.value: terms
    for terms in (
        RequiredWhenTerms,
        EmptyUnlessTerms,
        InOrderTerms,
        NotInFutureTerms,
        InPeriodTerms,
        TotalTerms,
        ControlTerms,
        RowsPerTerms,
        CompleteTerms,
        NotFallingTerms,
        EarlierPeriodTerms,
        RefersToTerms,
        AgreesWithTerms,
        InReferenceTerms,
    )
}
"""Terms of each kind of written rule, by the name that ``implementation`` gives in ``rule``."""


def find_rule_kind(implementation: YamlNode) -> RuleKind | None:
    """Return the kind of an implementation's rule; None where unknown."""
    terms = KINDS.get(implementation.text("rule"))
    return terms.kind if terms else None


def read_terms(implementation: YamlNode) -> RuleTerms | None:
    """Return a rule's readable terms; None for unknown kinds or incomplete terms."""
    parsed = _parse_terms(implementation)
    return parsed.value if parsed else None


def write_sql(implementation: YamlNode, context: RuleContext) -> str | None:
    """Return the SQL of terms; None if contradictory or without SQL."""
    terms = read_terms(implementation)
    return None if terms is None or any(check_terms(implementation, context)) else terms.sql(context)


def check_terms(implementation: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
    """Yield the contradictions of terms: in their form, or in their meaning."""
    parsed = _parse_terms(implementation)
    if parsed is None:
        name = implementation.text("rule")
        yield implementation.contradiction(f"The kind of rule “{name}” is unknown.", suggest(name, KINDS))
        return
    yield from parsed.contradictions
    if parsed.value is not None and not parsed.contradictions:
        yield from parsed.value.check(implementation, context)


def _parse_terms(implementation: YamlNode) -> Parsed[RuleTerms] | None:
    """Return parsed terms with their refusals; None for an unknown kind."""
    terms = KINDS.get(implementation.text("rule"))
    if terms is None:
        return None
    words = implementation.without_member("rule")
    return parse(terms, words, name="the implementation", hint="schemas/README.md shows every implementation")


def check_query_scope(rule: Rule, node: YamlNode, items: Mapping[str, Item]) -> Iterator[Contradiction]:
    """Yield the contradictions in the scope of a written rule.

    Each scope has its own query and answer, so its codes appear in reports and in the ledger: a scope is made of open
    items with codes, and only a rule that raises queries has one.

    Args:
        rule: the rule.
        node: of the rule.
        items: items of its table, by name.
    """
    if not rule.scope:
        return
    scope = node.custom_property("lgdpScope")
    if rule.severity is not Severity.QUERY:
        yield scope.contradiction(
            f"The rule {rule.id} has a scope but raises no query.", "Write severity: query, or leave lgdpScope out."
        )
    allowed = [name for name, item in items.items() if item.privacy is Privacy.OPEN and item.code_list is not None]
    for name in rule.scope:
        yield from first_contradiction_where(
            (
                name not in items,
                scope,
                f"The scope of {rule.id} names {name}, which is not an item of {rule.table}.",
                suggest(name, allowed),
            ),
            (
                name not in allowed,
                scope,
                f"The scope of {rule.id} names {name}, which is not an open item with a code list.",
                "Name items with lgdpCodeList and lgdpPrivacy open: their codes appear in reports.",
            ),
        )
