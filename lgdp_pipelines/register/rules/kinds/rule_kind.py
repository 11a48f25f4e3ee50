"""The parts of every kind of written rule: its terms, the checks of several kinds, and fragments of SQL.

A kind is a model of its terms, with their contradictions and their SQL. A fragment of SQL is an expression over the
items of one row, quoted and typed so that no cell can make it fail. A condition is never null: an
empty cell meets ``empty`` alone. A figure is exact where its items are exact. Belongs elsewhere: any single kind, and
running SQL (``validation``).
"""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt
from pydantic.dataclasses import dataclass
from sqlglot import exp

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode, suggest
from lgdp_pipelines.register.model.field_types import STRICT, Text, refusal
from lgdp_pipelines.register.model.table_model import Item, ItemType, Role, Terms
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.periods import PeriodKind
from lgdp_pipelines.vocabulary.table_columns import name_status_column
from lgdp_pipelines.vocabulary.verdicts import RuleKind


def _refuse_false(value: bool) -> bool:  # noqa: FBT001 - pydantic calls it
    """Return true; refuse false."""
    if not value:
        raise refusal("can only be true", "Write true, or remove it.")
    return value


OnlyTrue: TypeAlias = Annotated[StrictBool, AfterValidator(_refuse_false)]
"""A word that is true or left out."""

Amount: TypeAlias = Annotated[float, Field(ge=0, strict=True)]
"""A number from 0 on."""

NonNegativeInteger: TypeAlias = Annotated[StrictInt, Field(ge=0)]
"""A whole number from 0 on."""

ItemPairs: TypeAlias = Annotated[dict[str, Text], Field(min_length=1)]
"""Names of items or columns elsewhere, by names of own items with equal values."""


Value = str | int | float | bool


class ConditionTest(StrEnum):
    """The test that a condition makes of a cell."""

    FILLED = "filled"
    EMPTY = "empty"
    AMONG = "among"
    NOT_AMONG = "not among"


@plain_dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a cell of a rule's rows.

    Attributes:
        test: of the cell.
        values: the values that it must, or must not, be among; empty for the other tests.
    """

    test: ConditionTest
    values: tuple[Value, ...] = ()


def _parse_condition(value: object) -> Condition:
    """Return ``filled``, ``empty``, ``[values]`` or ``{not: [values]}`` as a condition."""
    match value:
        case "filled" | "empty":
            return Condition(ConditionTest(value))
        case {"not": values} if len(value) == 1:  # type: ignore[arg-type]  # a mapping, as matched
            test = ConditionTest.NOT_AMONG
        case _:
            values, test = value, ConditionTest.AMONG
    if not isinstance(values, list) or not values or not all(isinstance(value, Value) for value in values):
        raise refusal("is not a condition", "Write filled, empty, a list of values, or not: and a list of values.")
    if any(values.count(value) > 1 for value in values):
        raise refusal("has a value twice", "Keep one of the two.")
    return Condition(test, tuple(values))


Conditions: TypeAlias = Annotated[
    dict[str, Annotated[Condition, BeforeValidator(_parse_condition)]], Field(min_length=1)
]
"""Conditions by item; all must hold."""


@plain_dataclass(frozen=True, slots=True)
class RuleContext:
    """The contract around a rule.

    Attributes:
        table: name of its table.
        tables: items by name, by table of the return.
        period_kind: of the return; None where it is not known.
        code_lists: lists of the register and of the contract, by id; empty while the contract is being read.
    """

    table: str
    tables: Mapping[str, Mapping[str, Item]]
    period_kind: PeriodKind | None
    code_lists: Mapping[str, CodeList]

    @property
    def items(self) -> Mapping[str, Item]:
        """The items of the rule's own table, by name."""
        return self.tables.get(self.table, {})


class RuleTerms(Terms):
    """The terms of a kind of rule: a model of its ``implementation``.

    Each subclass is a frozen pydantic dataclass.
    """

    kind: ClassVar[RuleKind]

    @abstractmethod
    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the contradictions of the terms.

        Args:
            node: the ``implementation``.
            context: of the contract around the rule.
        """

    def sql(self, _context: RuleContext) -> str | None:
        """Return SQL that counts violations; None for kinds without SQL."""
        return None


@dataclass(frozen=True, config=STRICT, kw_only=True)
class ConditionalTerms(RuleTerms):
    """The terms of a rule that may apply to some rows only.

    Attributes:
        when: conditions of the rows that the rule applies to; empty: all rows.
    """

    when: Conditions = field(default_factory=dict)

    @property
    def items(self) -> tuple[str, ...]:
        """Names of the items of its own table that the rule reads."""
        return tuple(dict.fromkeys((*self.finding_items, *self.when)))


@dataclass(frozen=True, config=STRICT, kw_only=True)
class FigureTerms(ConditionalTerms):
    """The terms of a rule that compares two figures.

    Attributes:
        tolerance: by how much they may differ, in their unit; the greater of the two tolerances applies.
        tolerance_pct: by how much they may differ, in percent of the figure that is compared with the other.
        absent: whether an empty part of a sum counts as zero, or makes the sum unknown.
    """

    tolerance: Amount = 0.0
    tolerance_pct: Annotated[Amount, Field(validation_alias="tolerancePct")] = 0.0
    absent: Literal["unknown", "zero"] = "unknown"

    @property
    def absent_is_zero(self) -> bool:
        """Return whether an empty part counts as zero."""
        return self.absent == "zero"


def check_items_exist(names: Collection[str], node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
    """Yield names that are not items of the rule's table."""
    yield from (
        node.contradiction(
            f"The rule names {name}, which is not an item of {context.table}.", suggest(name, context.items)
        )
        for name in names
        if name and name not in context.items
    )


def check_item_types(
    names: Sequence[str], types: Collection[ItemType], node: YamlNode, context: RuleContext
) -> Iterator[Contradiction]:
    """Yield existing items whose type is not one of the given types."""
    for name in names:
        item = context.items.get(name)
        if item is not None and item.type not in types:
            yield node.contradiction(
                f"The rule compares {name}, which is of type {item.type}.",
                f"Name an item of type {' or '.join(types)}.",
            )


def list_measures(items: Mapping[str, Item]) -> list[str]:
    """Return the names of a table's measures."""
    return [item.name for item in items.values() if item.role is Role.MEASURE]


def check_conditions(
    conditions: Mapping[str, Condition], node: YamlNode, context: RuleContext, table: str
) -> Iterator[Contradiction]:
    """Yield conditions on missing items, and values that do not fit them.

    Args:
        conditions: by item.
        node: of the conditions.
        context: of the contract around the rule.
        table: name of the table of the rows.
    """
    items = context.tables.get(table, {})
    for name, condition in conditions.items():
        item = items.get(name)
        if item is None:
            yield node.at(name).contradiction(
                f"A condition is about {name}, which is not an item of {table}.", suggest(name, items)
            )
            continue
        for value in condition.values:
            yield from _check_value(value, item, node.at(name), context)


def _check_value(value: Value, item: Item, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
    """Yield a value of another type, or outside the item's codes."""
    code_list = context.code_lists.get(item.code_list or "")  # without codes if its file is unreadable
    if not _fits(value, item):
        yield node.contradiction(
            f"A condition compares {item.name} with “{value}”, which is not of type {item.type}.",
            "Write codes and texts in quotation marks, days as 2024-03-31, numbers and true or false without.",
        )
    elif code_list is not None and code_list.codes and value not in code_list.by_code:
        yield node.contradiction(
            f"A condition compares {item.name} with “{value}”, which is not a code of {code_list.id}.",
            suggest(str(value), code_list.by_code),
        )


def _fits(value: Value, item: Item) -> bool:
    """Return whether a value has an item's type; days as text."""
    is_right_type = isinstance(value, _PYTHON_TYPES[item.type]) and isinstance(value, bool) is (
        item.type is ItemType.BOOLEAN
    )
    return is_right_type and (item.type is not ItemType.DATE or _is_day(str(value)))


_PYTHON_TYPES: Mapping[ItemType, tuple[type, ...]] = {
    ItemType.TEXT: (str,),
    ItemType.DATE: (str,),
    ItemType.BOOLEAN: (bool,),
    ItemType.INTEGER: (int,),
    ItemType.NUMBER: (int, float),
    ItemType.DECIMAL: (int, float),
}


def _is_day(value: str) -> bool:
    """Return whether a text is a day such as ``2024-03-31``."""
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def quote_column(name: str, relation: str = "") -> str:
    """Return an item as a quoted column, optionally of a relation."""
    return exp.column(name, table=relation or None, quoted=True).sql(dialect="duckdb")


def quote_text(value: str) -> str:
    """Return a text as a SQL literal."""
    return exp.Literal.string(value).sql(dialect="duckdb")


def answered_sql(item: Item, relation: str = "") -> str:
    """Return SQL for whether a cell has a value or a mark."""
    if item.role is Role.MEASURE and item.marks:
        return (
            f"{quote_column(name_status_column(item.name), relation)} <> {quote_text(ObservationStatus.MISSING.value)}"
        )
    return f"{quote_column(item.name, relation)} IS NOT NULL"


def all_filled_sql(names: Iterable[str], relation: str = "") -> str:
    """Return SQL for whether all cells are filled; empty without names."""
    return join_conditions(*(f"{quote_column(name, relation)} IS NOT NULL" for name in names))


def conditions_sql(conditions: Mapping[str, Condition], items: Mapping[str, Item], relation: str = "") -> str:
    """Return SQL for whether conditions on known items hold; may be empty."""
    return join_conditions(
        *(_condition_sql(condition, items[name], relation) for name, condition in conditions.items() if name in items)
    )


def _condition_sql(condition: Condition, item: Item, relation: str) -> str:
    """Return SQL for one condition, which is never null."""
    if not condition.values:
        is_answered = answered_sql(item, relation)
        return is_answered if condition.test is ConditionTest.FILLED else f"NOT ({is_answered})"
    operator = "IN" if condition.test is ConditionTest.AMONG else "NOT IN"
    values = ", ".join(_literal(value, item) for value in condition.values)
    return f"coalesce({quote_column(item.name, relation)} {operator} ({values}), FALSE)"


def _literal(value: Value, item: Item) -> str:
    """Return a value as a SQL literal of an item's type."""
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
    """Return conditions joined by AND, empty ones left out."""
    return " AND ".join(condition for condition in conditions if condition)


IN_ERROR = "_in_error"
"""A relation that rules can read: ``_table``, ``_item`` and ``_row`` of each cell in error."""

OWN_ROW = "_own_row"
"""A column of a subquery over groups of rows: the row of a finding, null for a finding about the table."""

CODES = "_codes"
"""A relation that rules can read: ``_list`` and ``_code`` of each code that is valid on the period's last day."""


def cells_in_error_sql(table: str, names: Iterable[str], columns: str) -> str:
    """Return SQL for the cells in error of some items."""
    listed = ", ".join(quote_text(name) for name in dict.fromkeys(names))
    return f"SELECT {columns} FROM {IN_ERROR} WHERE _table = {quote_text(table)} AND _item IN ({listed})"


def not_in_error_sql(relation: str, table: str, names: Iterable[str]) -> str:
    """Return SQL for whether a row has no cell in error.

    The rule of such a cell reports it; others leave its row out.

    Args:
        relation: the alias of the relation.
        table: of the rows.
        names: of the items to test.
    """
    return f"{quote_column('_row', relation)} NOT IN ({cells_in_error_sql(table, names, '_row')})"


_DIGITS, _SCALE = 38, 8
"""Digits of DuckDB's longest decimal; and the longest fraction that leaves a sum of 64-bit numbers room in it."""


def cast_figure(name: str, operands: Sequence[Item], relation: str = "") -> str:
    """Return SQL that casts an item so that sums never overflow.

    Args:
        name: name of the item.
        operands: all items that are added up or compared, which decide the type.
        relation: the alias of its relation.
    """
    return f"CAST({quote_column(name, relation)} AS {_figure_type(operands)})"


def is_exact(items: Iterable[Item]) -> bool:
    """Return whether figures of these items are added up without rounding."""
    return _figure_type(tuple(items)) != "DOUBLE"


def _figure_type(items: Sequence[Item]) -> str:
    """Return the SQL type in which items can be added up."""
    scale = max((item.scale for item in items), default=0)
    fits = scale <= _SCALE and all(item.precision - item.scale <= _DIGITS - 2 * _SCALE for item in items)
    exact = all(item.type is not ItemType.NUMBER for item in items)
    return f"DECIMAL({_DIGITS}, {scale})" if exact and fits else "DOUBLE"


_ROUNDING = 1e-12
"""The part of a figure that adding up doubles may lose."""


def differs_sql(figure: str, other: str, terms: FigureTerms, *, exact: bool) -> str:
    """Return SQL for whether two figures differ beyond tolerance.

    It is null where a figure is missing.

    Args:
        figure: the figure that is compared with the other.
        other: the other figure.
        terms: give the tolerance.
        exact: whether both are computed without rounding.
    """
    allowed = [f"CAST({terms.tolerance!r} AS DOUBLE)"] if terms.tolerance else []
    allowed += [f"abs(CAST({figure} AS DOUBLE)) * {terms.tolerance_pct!r} / 100"] if terms.tolerance_pct else []
    limit = (f"greatest({', '.join(allowed)})" if len(allowed) > 1 else allowed[0]) if allowed else "0"
    rounding = "" if exact else f" + {_ROUNDING!r} * greatest(abs({figure}), abs({other}))"
    return f"abs({figure} - ({other})) > {limit}{rounding}"
