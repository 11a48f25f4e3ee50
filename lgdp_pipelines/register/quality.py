"""Written rules: the ``quality`` entries of a table and of its items.

What belongs here: what one entry says, and whether it can be tested. What does not: rules that follow from the items
(``rules``), and testing them (``validation``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.custom import custom_contradictions, custom_of
from lgdp_pipelines.register.parts import EarlierPeriod, Item, Role, Rule
from lgdp_pipelines.register.scope import scope_contradictions
from lgdp_pipelines.register.shape import Shape, close_to, misshapen
from lgdp_pipelines.register.sql import problems_of
from lgdp_pipelines.register.vocabulary import TEXT, Where
from lgdp_pipelines.register.yaml_lines import Place
from lgdp_pipelines.standards.periods import PeriodKind
from lgdp_pipelines.standards.rules import RuleKind, Severity

IMPLEMENTATION: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "rule": {"enum": [RuleKind.EARLIER_PERIOD.value]},
        "item": TEXT,
        "by": {"type": "array", "items": TEXT, "uniqueItems": True},
        "periodsBack": {"type": "integer", "minimum": 1},
        "within": {"enum": [kind.value for kind in PeriodKind]},
        "fallPct": {"type": "number", "minimum": 0},
        "risePct": {"type": "number", "minimum": 0},
        "floor": {"type": "number", "minimum": 0},
    },
    "required": ["rule", "item"],
    "anyOf": [{"required": ["fallPct"]}, {"required": ["risePct"]}],
    "additionalProperties": False,
}
"""JSON Schema of what a ``custom`` rule of engine ``lgdp`` implements."""

_IMPLEMENTATION = Shape(IMPLEMENTATION)

_LONGER: Mapping[PeriodKind, frozenset[PeriodKind]] = {
    PeriodKind.DAY: frozenset(PeriodKind) - {PeriodKind.DAY},
    PeriodKind.MONTH: frozenset(PeriodKind) - {PeriodKind.DAY, PeriodKind.MONTH},
    PeriodKind.FINANCIAL_QUARTER: frozenset({PeriodKind.FINANCIAL_YEAR, PeriodKind.CALENDAR_YEAR}),
    PeriodKind.CALENDAR_QUARTER: frozenset({PeriodKind.FINANCIAL_YEAR, PeriodKind.CALENDAR_YEAR}),
}
"""Kinds of period that a period of the kind lies in whole."""


@dataclass(frozen=True, slots=True)
class RuleRead:
    """A written rule, where it stands, and the name of the item it is written at (empty where at the table)."""

    rule: Rule
    place: Place
    item: str


def read_rules(table: Place, return_slug: str) -> tuple[RuleRead, ...]:
    """The written rules of a table, its items' after its own."""
    name = table.text("name")
    found = [_read(entry, return_slug, name, "") for entry in table.entries("quality")]
    for item in table.entries("properties"):
        found += [_read(entry, return_slug, name, item.text("name")) for entry in item.entries("quality")]
    return tuple(found)


def _read(place: Place, return_slug: str, table: str, item: str) -> RuleRead:
    kind = _kind(place)
    severity = place.text("severity", Severity.ERROR)
    implementation = place.at("implementation")
    named = custom_of(place).texts("lgdpItems")
    items = named or tuple(name for name in (item or implementation.text("item"),) if name)
    rule = Rule(
        id=f"{return_slug}.{place.text('id')}",
        kind=kind or RuleKind.SQL,
        severity=Severity(severity) if severity in set(Severity) else Severity.ERROR,
        table=table,
        items=items,
        title=" ".join(place.text("name").split()),
        guidance=" ".join(place.text("description").split()),
        sql=place.text("query") or None if kind is RuleKind.SQL else None,
        earlier=_earlier(implementation) if kind is RuleKind.EARLIER_PERIOD else None,
        minimum_rows=place.whole("mustBeGreaterOrEqualTo") if kind is RuleKind.ROW_COUNT else None,
        line=place.line,
        scope=custom_of(place).texts("lgdpScope"),
    )
    return RuleRead(rule, place, item)


def _kind(place: Place) -> RuleKind | None:
    match place.text("type", "library"):
        case "sql":
            return RuleKind.SQL
        case "library" if place.text("metric") == "rowCount":
            return RuleKind.ROW_COUNT
        case "custom" if place.text("engine") == "lgdp":
            return RuleKind.EARLIER_PERIOD
        case _:
            return None


def _earlier(place: Place) -> EarlierPeriod:
    within = place.text("within")
    return EarlierPeriod(
        item=place.text("item"),
        by=place.texts("by"),
        periods_back=place.whole("periodsBack") or 1,
        within=PeriodKind(within) if within in set(PeriodKind) else None,
        fall_pct=place.number("fallPct"),
        rise_pct=place.number("risePct"),
        floor=place.number("floor") or 0.0,
    )


def rule_contradictions(
    read: RuleRead, items: Mapping[str, Item], columns: Mapping[str, Sequence[str]], period_kind: PeriodKind | None
) -> Iterator[Contradiction]:
    """What contradicts itself in one written rule.

    Args:
        read: the rule.
        items: of its table, by name.
        columns: columns that SQL may name, by table of the return.
        period_kind: of the return; None where it cannot be told.
    """
    rule, place = read.rule, read.place
    yield from custom_contradictions(place, Where.RULE)
    for word, why in (("id", "its stable id"), ("name", "what is true when it holds"), ("description", "what to do")):
        if not place.text(word):
            yield place.contradiction(f"A rule has no {word}.", f"Write {why} under {word}.")
    if place.text("severity", Severity.ERROR) not in set(Severity):
        yield place.at("severity").contradiction(
            f"The severity “{place.text('severity')}” is unknown.", close_to(place.text("severity"), set(Severity))
        )
    for name in rule.items:
        if name not in items:
            yield place.contradiction(
                f"The rule {rule.id} concerns {name}, which is no item of {rule.table}.", close_to(name, items)
            )
    yield from scope_contradictions(rule, place, items)
    match _kind(place):
        case RuleKind.SQL:
            yield from _sql_contradictions(rule, place, columns)
        case RuleKind.ROW_COUNT:
            if rule.minimum_rows is None or rule.minimum_rows < 0 or read.item:
                yield place.contradiction(
                    f"The rule {rule.id} does not say how many rows a table must have.",
                    "At the table, write mustBeGreaterOrEqualTo with a whole number.",
                )
        case RuleKind.EARLIER_PERIOD:
            yield from _earlier_contradictions(rule, place, items, period_kind)
        case _:
            yield place.contradiction(
                f"The rule {rule.id} is of a kind that is not tested.",
                "Write type sql with a query, metric rowCount, or type custom with engine lgdp; what an item must be "
                "is said by required, primaryKey, enum and logicalTypeOptions.",
            )


def _sql_contradictions(rule: Rule, place: Place, columns: Mapping[str, Sequence[str]]) -> Iterator[Contradiction]:
    for problem in problems_of(rule.sql or "", rule.table, columns):
        yield place.at("query").contradiction(
            f"The query of {rule.id} cannot be asked: {problem}.",
            "Write SELECT count(*) FROM {model} WHERE <what breaks the rule>, with the names of items.",
        )
    if place.at("mustBe").value != 0 or isinstance(place.at("mustBe").value, bool):
        yield place.contradiction(f"The query of {rule.id} is not held against 0.", "Write mustBe: 0.")


def _earlier_contradictions(
    rule: Rule, place: Place, items: Mapping[str, Item], period_kind: PeriodKind | None
) -> Iterator[Contradiction]:
    implementation = place.at("implementation")
    yield from misshapen(implementation, _IMPLEMENTATION, "Mend the implementation.", label="implementation")
    earlier = rule.earlier
    if earlier is None:
        return
    measure = items.get(earlier.item)
    if measure is None or measure.role is not Role.MEASURE:
        measures = [item.name for item in items.values() if item.role is Role.MEASURE]
        yield implementation.at("item").contradiction(
            f"The rule {rule.id} compares “{earlier.item}”, which is no measure of {rule.table}.",
            close_to(earlier.item, measures),
        )
    key = {item.name for item in items.values() if item.key}
    if set(earlier.by) != key:
        yield implementation.contradiction(
            f"The rule {rule.id} would compare figures of different things.",
            f"Write by: [{', '.join(sorted(key))}], the whole key of {rule.table}.",
        )
    if period_kind and earlier.within and earlier.within not in _LONGER.get(period_kind, frozenset()):
        yield implementation.at("within").contradiction(
            f"The rule {rule.id} looks within a {earlier.within}, which holds no whole number of periods.",
            "Name a kind of period that is longer than the return's own, or leave within out.",
        )
