"""The standard's own metrics, for ``quality: library``.

Belongs here: the metrics that are tested, and the bounds of their figure. Belongs elsewhere: measuring them
(``validation.table_rules``).
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode, contradictions_where
from lgdp_pipelines.register.model.table_model import Terms
from lgdp_pipelines.register.rules.kinds.rule_kind import (
    RuleContext,
    answered_sql,
    check_items_exist,
    join_conditions,
    not_in_error_sql,
)
from lgdp_pipelines.vocabulary.verdicts import RuleKind

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}
_SIGNS: Mapping[str, str] = {
    "mustBe": "=",
    "mustBeGreaterOrEqualTo": ">=",
    "mustBeGreaterThan": ">",
    "mustBeLessOrEqualTo": "<=",
    "mustBeLessThan": "<",
}
"""Sign of each word of the standard; ``mustBeBetween`` has ``>=`` and ``<=``."""


@dataclass(frozen=True)
class Bounds:
    """The bounds of a figure.

    Attributes:
        limits: by sign: ``=``, ``>=``, ``>``, ``<=`` or ``<``.
    """

    limits: Mapping[str, float]

    def holds(self, figure: float) -> bool:
        """Return whether a figure is within the bounds."""
        return all(_COMPARISONS[sign](figure, limit) for sign, limit in self.limits.items())


_NO_ROW = Bounds({"=": 0})


@dataclass(frozen=True)
class RowCountTerms(Terms):
    """The terms of the number of rows that a table must have.

    Attributes:
        bounds: of the number of rows sent, readable or not.
    """

    bounds: Bounds

    @property
    def finding_items(self) -> tuple[str, ...]:
        """Empty: a finding is about the table."""
        return ()


@dataclass(frozen=True)
class UniqueTerms(Terms):
    """The terms of values that no two rows may share.

    Attributes:
        names: names of the items.
    """

    names: tuple[str, ...]

    @property
    def finding_items(self) -> tuple[str, ...]:
        """The items: a finding is at the first, in each repeating row."""
        return self.names


@dataclass(frozen=True)
class NullsTerms(Terms):
    """The terms of the number of rows with an empty item.

    Attributes:
        item: its name.
        bounds: of the number of rows, or of their share.
        percent: whether the bounds are of their share, in percent of all rows.
    """

    item: str
    bounds: Bounds
    percent: bool

    @property
    def finding_items(self) -> tuple[str, ...]:
        """Name of the item whose empty cells are counted.

        A finding is in each empty row where no empty cell is allowed.
        """
        return (self.item,)


Metric = RowCountTerms | UniqueTerms | NullsTerms

METRIC_KINDS: Mapping[str, RuleKind] = {
    "rowCount": RuleKind.ROW_COUNT,
    "duplicateValues": RuleKind.UNIQUE,
    "nullValues": RuleKind.NULLS,
}
"""Kind of rule by the standard's metric."""


def read_metric(node: YamlNode, item: str) -> Metric | None:
    """Return a ``quality`` entry's metric; None for an untested one.

    Args:
        node: the entry.
        item: name of the item around it; empty at a table.
    """
    match node.text("metric"):
        case "rowCount":
            return RowCountTerms(_bounds(node))
        case "duplicateValues":
            return UniqueTerms(node.at("arguments").texts("properties") or ((item,) if item else ()))
        case "nullValues":
            return NullsTerms(item, _bounds(node), node.text("unit") == "percent")
        case _:
            return None


def write_metric_sql(metric: Metric, context: RuleContext) -> str | None:
    """Return SQL of a nulls metric; None for others and unknown items."""
    item = context.items.get(metric.item) if isinstance(metric, NullsTerms) else None
    if not isinstance(metric, NullsTerms) or item is None:
        return None
    empty = f"NOT ({answered_sql(item)})"
    if metric.bounds == _NO_ROW:
        return f"SELECT count(*) FROM {{model}} WHERE {empty}"
    empty_rows = f"count(*) FILTER (WHERE {empty} AND {not_in_error_sql('', context.table, metric.items)})"
    figure = f"{empty_rows} * 100.0 / count(*)" if metric.percent else empty_rows
    holds = join_conditions(*(f"{figure} {sign} {bound!r}" for sign, bound in metric.bounds.limits.items()))
    return f"SELECT CASE WHEN count(*) > 0 AND NOT ({holds}) THEN 1 ELSE 0 END FROM {{model}}"


def _bounds(node: YamlNode) -> Bounds:
    """Return an entry's bounds; unreadable ones are left out."""
    limits = {sign: number for word, sign in _SIGNS.items() if (number := node.number(word)) is not None}
    between = [entry.value for entry in node.entries("mustBeBetween")]
    if len(between) == 2 and all(isinstance(bound, int | float) for bound in between):
        limits |= {">=": float(between[0]), "<=": float(between[1])}
    return Bounds(limits)


def check_metric(metric: Metric, node: YamlNode, context: RuleContext, item: str) -> Iterator[Contradiction]:
    """Yield the contradictions of a metric.

    Args:
        metric: the metric.
        node: its ``quality`` entry.
        context: of the contract around it.
        item: name of the item around it; empty at a table.
    """
    match metric:
        case RowCountTerms():
            limits = metric.bounds.limits.values()
            are_whole = limits and all(bound >= 0 and bound == int(bound) for bound in limits)
            yield from contradictions_where(
                (
                    item or not are_whole or node.text("unit") == "percent",
                    node,
                    "The rule does not give the number of rows of the table.",
                    "At the table, write mustBe, mustBeBetween or mustBeGreaterOrEqualTo with whole numbers.",
                ),
            )
        case UniqueTerms():
            yield from check_items_exist(metric.names, node, context)
            yield from contradictions_where(
                (
                    not metric.names or (item and metric.names != (item,)),
                    node,
                    "The rule does not name the items whose values may not repeat.",
                    "Write it at an item, or at the table with arguments: { properties: [...] }.",
                ),
                (
                    _bounds(node) != _NO_ROW,
                    node,
                    "Tools count repeats differently, so the rule must allow no repeat.",
                    "Write mustBe: 0.",
                ),
            )
        case NullsTerms():
            yield from contradictions_where(
                (not item, node, "The rule does not name an item that may be empty.", "Write it at the item."),
                (
                    not metric.bounds.limits,
                    node,
                    "The rule does not give the number of rows with an empty item.",
                    "Write mustBe: 0 or mustBeLessOrEqualTo, with unit rows or percent.",
                ),
            )
