"""Pieces of SQL that several kinds of rule are made of: names, figures, conditions.

What belongs here: expressions over the items of one row, quoted and typed so that no cell can make them fail. What does
not: whole questions (the kinds), and running them (``validation``).

A condition is never null: an empty cell meets ``empty`` alone. A figure is exact where its items are exact.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlglot import exp

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.table_model import Item, ItemType, Role
from lgdp_pipelines.register.rules.kinds.rule_kind import RuleContext
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus

Value = str | int | float | bool

VALUES: Mapping[str, Any] = {
    "type": "array",
    "items": {"type": ["string", "number", "boolean"]},
    "minItems": 1,
    "uniqueItems": True,
}
CONDITIONS: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": {
        "anyOf": [
            {"enum": ["filled", "empty"]},
            VALUES,
            {"type": "object", "properties": {"not": VALUES}, "required": ["not"], "additionalProperties": False},
        ]
    },
    "minProperties": 1,
}
"""JSON Schema of conditions: by item, what it is to be; all must hold."""


class ConditionTest(StrEnum):
    """What a condition asks of a cell."""

    FILLED = "filled"
    EMPTY = "empty"
    AMONG = "among"
    NOT_AMONG = "not among"


@dataclass(frozen=True, slots=True)
class Condition:
    """What one item of a row is to be, for a rule to be asked of the row.

    Attributes:
        item: its name.
        how: what is asked of it.
        values: that it is to be among, or not among; none otherwise.
    """

    item: str
    how: ConditionTest
    values: tuple[Value, ...] = ()


def read_conditions(place: YamlNode) -> tuple[Condition, ...]:
    """The conditions at a place, as far as they can be read."""
    return tuple(_condition(name, one) for name, one in place.members())


def _condition(name: str, place: YamlNode) -> Condition:
    if isinstance(place.value, list):
        return Condition(name, ConditionTest.AMONG, _values(place.value))
    if isinstance(place.value, dict):
        return Condition(name, ConditionTest.NOT_AMONG, _values(place.at("not").value))
    return Condition(name, ConditionTest.EMPTY if place.value == ConditionTest.EMPTY else ConditionTest.FILLED)


def _values(listed: object) -> tuple[Value, ...]:
    return tuple(one for one in listed if isinstance(one, str | int | float)) if isinstance(listed, list) else ()


def check_conditions(
    conditions: Iterable[Condition], place: YamlNode, among: RuleContext, table: str
) -> Iterator[Contradiction]:
    """What contradicts itself in conditions.

    Args:
        conditions: as they were read.
        place: where they stand.
        among: what the rule stands among.
        table: whose rows they are about.
    """
    items = among.tables.get(table, {})
    for one in conditions:
        item = items.get(one.item)
        if item is None:
            yield place.at(one.item).contradiction(
                f"A condition is about {one.item}, which is no item of {table}.", suggest(one.item, items)
            )
            continue
        for value in one.values:
            yield from _value_contradictions(value, item, place.at(one.item), among)


def _value_contradictions(value: Value, item: Item, place: YamlNode, among: RuleContext) -> Iterator[Contradiction]:
    listed = among.code_lists.get(item.code_list or "")
    if not _fits(value, item):
        yield place.contradiction(
            f"A condition holds {item.name} against “{value}”, which is no {item.type}.",
            "Write codes and texts in quotation marks, days as 2024-03-31, numbers and true or false without.",
        )
    elif listed is not None and value not in listed.by_code:
        yield place.contradiction(
            f"A condition holds {item.name} against “{value}”, which is no code of {listed.id}.",
            suggest(str(value), listed.by_code),
        )


def _fits(value: Value, item: Item) -> bool:
    match item.type:
        case ItemType.TEXT:
            return isinstance(value, str)
        case ItemType.DATE:
            return isinstance(value, str) and _is_day(value)
        case ItemType.BOOLEAN:
            return isinstance(value, bool)
        case ItemType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case _:
            return isinstance(value, int | float) and not isinstance(value, bool)


def _is_day(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def quote_column(name: str, of: str = "") -> str:
    """An item as a column: of a relation's alias, or without one."""
    return exp.column(name, table=of or None, quoted=True).sql(dialect="duckdb")


def quote_text(value: str) -> str:
    """A text as a literal."""
    return exp.Literal.string(value).sql(dialect="duckdb")


def answered_sql(item: Item, of: str = "") -> str:
    """Whether a cell has something in it; of a measure, a mark that says why there is no figure is something too."""
    if item.role is Role.MEASURE and item.marks:
        return f"{quote_column(f'{item.name}_status', of)} <> {quote_text(ObservationStatus.MISSING.value)}"
    return f"{quote_column(item.name, of)} IS NOT NULL"


def conditions_sql(conditions: Iterable[Condition], items: Mapping[str, Item], of: str = "") -> str:
    """Whether all conditions hold of a row; empty where there are none."""
    return " AND ".join(_holds(one, items[one.item], of) for one in conditions if one.item in items)


def _holds(one: Condition, item: Item, of: str) -> str:
    match one.how:
        case ConditionTest.FILLED:
            return answered_sql(item, of)
        case ConditionTest.EMPTY:
            return f"NOT ({answered_sql(item, of)})"
        case ConditionTest.AMONG:
            return f"coalesce({quote_column(item.name, of)} IN ({_listed(one.values, item)}), FALSE)"
        case ConditionTest.NOT_AMONG:
            return f"coalesce({quote_column(item.name, of)} NOT IN ({_listed(one.values, item)}), FALSE)"


def _listed(values: Iterable[Value], item: Item) -> str:
    return ", ".join(_literal(value, item) for value in values)


def _literal(value: Value, item: Item) -> str:
    match item.type:
        case ItemType.DATE:
            return f"DATE {quote_text(str(value))}"
        case ItemType.BOOLEAN:
            return str(value).upper()
        case ItemType.TEXT:
            return quote_text(str(value))
        case _:
            return repr(value)


def join_conditions(*conditions: str) -> str:
    """Conditions that must all hold, those that say nothing left out."""
    return " AND ".join(one for one in conditions if one)


IN_ERROR = "_in_error"
"""A relation beside the submission's tables: ``_table``, ``_item`` and ``_row`` of each cell in error."""

OWN_ROW = "_own_row"
"""A column that a query within a rule's query carries where groups of rows are held against something: the row of the
table at which a finding is to stand, null where no row of it is concerned."""

CODES = "_codes"
"""A relation beside them: ``_list`` and ``_code`` of each code that is valid on the period's last day."""


def not_in_error_sql(of: str, table: str, names: Iterable[str]) -> str:
    """Whether no cell of a row is in error: what its own rule has told is not told again through other rows.

    Args:
        of: the alias of the relation.
        table: whose rows they are.
        names: of the items whose cells matter.
    """
    listed = ", ".join(quote_text(name) for name in dict.fromkeys(names))
    errors = f"SELECT _row FROM {IN_ERROR} WHERE _table = {quote_text(table)} AND _item IN ({listed})"
    return f"{quote_column('_row', of)} NOT IN ({errors})"


_DIGITS, _SCALE = 38, 8
"""Of DuckDB's longest decimal; and the longest fraction that leaves a sum of 64-bit numbers room in it."""


def cast_figure(name: str, items: Sequence[Item], of: str = "") -> str:
    """An item as a figure that can be added up with others and never overflows.

    Args:
        name: of the item.
        items: all that it is reckoned with.
        of: the alias of its relation.
    """
    return f"CAST({quote_column(name, of)} AS {_type_of(items)})"


def is_exact(items: Iterable[Item]) -> bool:
    """Whether figures of these items are added up without rounding."""
    return _type_of(tuple(items)) != "DOUBLE"


def _type_of(items: Sequence[Item]) -> str:
    scale = max((item.scale for item in items), default=0)
    fits = scale <= _SCALE and all(item.precision - item.scale <= _DIGITS - 2 * _SCALE for item in items)
    exact = all(item.type is not ItemType.NUMBER for item in items)
    return f"DECIMAL({_DIGITS}, {scale})" if exact and fits else "DOUBLE"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """By how much two figures that should be the same may differ.

    Attributes:
        amount: in their unit.
        percent: of the figure that is held against the other; the greater of the two is allowed.
    """

    amount: float = 0.0
    percent: float = 0.0


def read_tolerance(place: YamlNode) -> Tolerance:
    """The tolerance at the place of ``implementation``."""
    return Tolerance(place.number("tolerance") or 0.0, place.number("tolerancePct") or 0.0)


_ROUNDING = 1e-12
"""Of a figure, what adding doubles up may lose."""


def differs_sql(one: str, other: str, tolerance: Tolerance, *, exact: bool) -> str:
    """Whether two figures differ by more than they may; null where either is missing.

    Args:
        one: the figure that is held against the other.
        other: the other.
        tolerance: what is no matter.
        exact: whether both are reckoned without rounding.
    """
    allowed = [f"CAST({tolerance.amount!r} AS DOUBLE)"] if tolerance.amount else []
    allowed += [f"abs(CAST({one} AS DOUBLE)) * {tolerance.percent!r} / 100"] if tolerance.percent else []
    limit = (f"greatest({', '.join(allowed)})" if len(allowed) > 1 else allowed[0]) if allowed else "0"
    rounding = "" if exact else f" + {_ROUNDING!r} * greatest(abs({one}), abs({other}))"
    return f"abs({one} - ({other})) > {limit}{rounding}"
