"""Written rules: the ``quality`` entries of a table and of its items.

What belongs here: what one entry says, and whether it can be tested. What does not: rules that follow from the items
(``rules``), and testing them (``validation``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.odcs_schema import find_property
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.custom_properties import RuleProperties, read_properties
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.kinds.metric_rules import METRIC_KINDS as METRICS
from lgdp_pipelines.register.rules.kinds.metric_rules import (
    NullsTerms,
    RowCountTerms,
    UniqueTerms,
    check_metric,
    read_metric,
    write_metric_sql,
)
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
    found = [_read(entry, return_slug, context, "") for entry in table.entries("quality")]
    for item in table.entries("properties"):
        found += [_read(entry, return_slug, context, item.text("name")) for entry in item.entries("quality")]
    return tuple(found)


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
    yield from (
        place.contradiction(f"A rule has no {word}.", f"Write {why} under {word}.")
        for word, why in (
            ("id", "its stable id"),
            ("name", "what is true when it holds"),
            ("description", "what to do"),
        )
        if not place.text(word)
    )
    if place.text("severity", Severity.ERROR) not in set(Severity):
        yield place.at("severity").contradiction(
            f"The severity “{place.text('severity')}” is unknown.", suggest(place.text("severity"), set(Severity))
        )
    yield from (
        place.contradiction(
            f"The rule {rule.id} concerns {name}, which is no item of {rule.table}.", suggest(name, items)
        )
        for name in (find_property(place, "lgdpItems").value and rule.items) or ()
        if name not in items
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
