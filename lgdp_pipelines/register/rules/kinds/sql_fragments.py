"""Fragments of SQL that several kinds of rule are made of: names, figures, conditions.

What belongs here: expressions over the items of one row, quoted and typed so that no cell can make them fail. What does
not: whole statements (the kinds), and running them (``validation``).

A condition is never null: an empty cell meets ``empty`` alone. A figure is exact where its items are exact.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from sqlglot import exp

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.table_model import Item, ItemType, Role
from lgdp_pipelines.register.rules.kinds.rule_kind import Condition, ConditionTest, FigureTerms, RuleContext, Value
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus


def check_conditions(
    conditions: Mapping[str, Condition], node: YamlNode, context: RuleContext, table: str
) -> Iterator[Contradiction]:
    """Yield what contradicts itself in conditions.

    Args:
        conditions: by item.
        node: where they are written.
        context: what the contract says around the rule.
        table: the table whose rows they are about.
    """
    items = context.tables.get(table, {})
    for name, condition in conditions.items():
        item = items.get(name)
        if item is None:
            yield node.at(name).contradiction(
                f"A condition is about {name}, which is no item of {table}.", suggest(name, items)
            )
            continue
        for value in condition.values:
            yield from _check_value(value, item, node.at(name), context)


def _check_value(value: Value, item: Item, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
    listed = context.code_lists.get(item.code_list or "")
    if not _fits(value, item):
        yield node.contradiction(
            f"A condition compares {item.name} with “{value}”, which is no {item.type}.",
            "Write codes and texts in quotation marks, days as 2024-03-31, numbers and true or false without.",
        )
    elif listed is not None and value not in listed.by_code:
        yield node.contradiction(
            f"A condition compares {item.name} with “{value}”, which is no code of {listed.id}.",
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


def quote_column(name: str, relation: str = "") -> str:
    """Return an item as a column, of a relation's alias where one is given."""
    return exp.column(name, table=relation or None, quoted=True).sql(dialect="duckdb")


def quote_text(value: str) -> str:
    """Return a text as a literal."""
    return exp.Literal.string(value).sql(dialect="duckdb")


def answered_sql(item: Item, relation: str = "") -> str:
    """Return whether a cell has a value, or a measure's mark for a missing figure."""
    if item.role is Role.MEASURE and item.marks:
        return f"{quote_column(f'{item.name}_status', relation)} <> {quote_text(ObservationStatus.MISSING.value)}"
    return f"{quote_column(item.name, relation)} IS NOT NULL"


def all_filled_sql(names: Iterable[str], relation: str = "") -> str:
    """Return whether none of some cells is null; empty where there are none."""
    return join_conditions(*(f"{quote_column(name, relation)} IS NOT NULL" for name in names))


def conditions_sql(conditions: Mapping[str, Condition], items: Mapping[str, Item], relation: str = "") -> str:
    """Return whether all conditions hold of a row; empty where there are none."""
    return join_conditions(
        *(_condition_sql(condition, items[name], relation) for name, condition in conditions.items() if name in items)
    )


def _condition_sql(condition: Condition, item: Item, relation: str) -> str:
    if not condition.values:
        answered = answered_sql(item, relation)
        return answered if condition.test is ConditionTest.FILLED else f"NOT ({answered})"
    operator = "IN" if condition.test is ConditionTest.AMONG else "NOT IN"
    values = ", ".join(_literal(value, item) for value in condition.values)
    return f"coalesce({quote_column(item.name, relation)} {operator} ({values}), FALSE)"


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
    """Return conditions joined by AND, empty ones left out."""
    return " AND ".join(condition for condition in conditions if condition)


IN_ERROR = "_in_error"
"""A relation that rules can read: ``_table``, ``_item`` and ``_row`` of each cell in error."""

OWN_ROW = "_own_row"
"""A column of a subquery over groups of rows: the row at which a finding stands, null where no row is concerned."""

CODES = "_codes"
"""A relation that rules can read: ``_list`` and ``_code`` of each code that is valid on the period's last day."""


def cells_in_error_sql(table: str, names: Iterable[str], columns: str) -> str:
    """Return a query for the cells in error among some items of a table."""
    listed = ", ".join(quote_text(name) for name in dict.fromkeys(names))
    return f"SELECT {columns} FROM {IN_ERROR} WHERE _table = {quote_text(table)} AND _item IN ({listed})"


def not_in_error_sql(relation: str, table: str, names: Iterable[str]) -> str:
    """Return whether no cell of a row is in error.

    The rule of such a cell reports it; others leave its row out.

    Args:
        relation: the alias of the relation.
        table: the table whose rows they are.
        names: the items whose cells matter.
    """
    return f"{quote_column('_row', relation)} NOT IN ({cells_in_error_sql(table, names, '_row')})"


_DIGITS, _SCALE = 38, 8
"""Digits of DuckDB's longest decimal; and the longest fraction that leaves a sum of 64-bit numbers room in it."""


def cast_figure(name: str, items: Sequence[Item], relation: str = "") -> str:
    """Return an item as a figure whose sums never overflow.

    Args:
        name: name of the item.
        items: all items that are added up or compared.
        relation: the alias of its relation.
    """
    return f"CAST({quote_column(name, relation)} AS {_figure_type(items)})"


def is_exact(items: Iterable[Item]) -> bool:
    """Return whether figures of these items are added up without rounding."""
    return _figure_type(tuple(items)) != "DOUBLE"


def _figure_type(items: Sequence[Item]) -> str:
    scale = max((item.scale for item in items), default=0)
    fits = scale <= _SCALE and all(item.precision - item.scale <= _DIGITS - 2 * _SCALE for item in items)
    exact = all(item.type is not ItemType.NUMBER for item in items)
    return f"DECIMAL({_DIGITS}, {scale})" if exact and fits else "DOUBLE"


_ROUNDING = 1e-12
"""The part of a figure that adding up doubles may lose."""


def differs_sql(figure: str, other: str, terms: FigureTerms, *, exact: bool) -> str:
    """Return whether two figures differ beyond tolerance; null where one is missing.

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
