"""Which columns a query's columns come from, read from its SQL.

What belongs here: one query, and the tables it names. What does not: how queries follow one another (``lineage``).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast as typed

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from lgdp_pipelines.lineage.column_edges import DIRECT, INDIRECT


@dataclass(frozen=True, slots=True)
class ColumnReference:
    """A column of a table that a query names, and what the query does with it.

    Attributes:
        table: schema and name.
        column: of the table; ``breakdown.<name>`` for one entry of a map.
        kind: direct or indirect.
        how: as in :class:`~lgdp_pipelines.lineage.column_lineage.ColumnEdge`.
        item: data item; empty where none is told.
    """

    table: tuple[str, str]
    column: str
    kind: str
    how: str
    item: str = ""


@dataclass(frozen=True)
class SourceColumns:
    """A table that queries read.

    Attributes:
        columns: names, in order, without entries of maps.
        items: data items that flow through each column, entries of maps included.
        branches: the constants of each part of a union that says its own item: value by column.
    """

    columns: tuple[str, ...]
    items: Mapping[str, frozenset[str]] = field(default_factory=dict)
    branches: tuple[Mapping[str, str], ...] = ()


@dataclass
class SelectColumns:
    """What a query gives.

    Attributes:
        columns: references by column, entries of maps included.
        branches: as in :class:`SourceColumns`.
    """

    columns: dict[str, set[ColumnReference]]
    branches: list[Mapping[str, str]]


CONSTANT = ("register", "constant")
"""Where a column comes from that the model itself says, such as a unit."""


def read_select_columns(sql: str, tables: Mapping[tuple[str, str], SourceColumns]) -> SelectColumns:
    """Every column of a query, with what it comes from.

    Args:
        sql: DuckDB's dialect.
        tables: those it names, by schema and name.
    """
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for (layer, name), known in tables.items():
        schema.setdefault(layer, {})[name] = dict.fromkeys(known.columns, "VARCHAR")
    parsed = sqlglot.parse_one(sql, dialect="duckdb")
    for table in parsed.find_all(exp.Table):
        table.set("catalog", None)
    qualified = qualify(
        parsed, dialect="duckdb", schema=typed("dict[str, object]", schema), validate_qualify_columns=False
    )
    scope = build_scope(qualified)
    if scope is None:
        return SelectColumns({}, [])
    return _Reader(tables).read(scope)


class _Reader:
    """Reads one query from the inside out."""

    def __init__(self, tables: Mapping[tuple[str, str], SourceColumns]) -> None:
        self._tables = tables

    def read(self, scope: Scope) -> SelectColumns:
        """What a query or a part of it gives."""
        if isinstance(scope.expression, exp.SetOperation):
            return self._united([self.read(part) for part in scope.set_operation_scopes])
        return self._selected(scope) if isinstance(scope.expression, exp.Select) else SelectColumns({}, [])

    def _united(self, parts: list[SelectColumns]) -> SelectColumns:
        names = [name for name in parts[0].columns if "." not in name]
        united: dict[str, set[ColumnReference]] = {name: set() for name in names}
        for part in parts:
            own = [name for name in part.columns if "." not in name]
            renamed = dict(zip(own, names, strict=True))
            for name, references in part.columns.items():
                head, _, entry = name.partition(".")
                united.setdefault(f"{renamed[head]}.{entry}" if entry else renamed[head], set()).update(references)
        return SelectColumns(united, [branch for part in parts for branch in part.branches])

    def _selected(self, scope: Scope) -> SelectColumns:
        select = typed("exp.Select", scope.expression)
        sources = {name: self._source(source) for name, source in scope.sources.items()}
        allowed = {name: _allowed(result, select, name) for name, result in sources.items()}
        constants = {
            projection.alias_or_name: found.this
            for projection in select.selects
            if isinstance(found := _uncast(projection.unalias()), exp.Literal) and found.is_string
        }
        item = constants.get("item", "")
        everywhere = {
            ColumnReference(one.table, one.column, INDIRECT, how, one.item)
            for column, how in _indirect(select)
            for one in self._of(column, sources, allowed)
        }
        columns: dict[str, set[ColumnReference]] = {}
        for projection in select.selects:
            name, value = projection.alias_or_name, projection.unalias()
            columns[name] = self._traced(value, sources, allowed, item, name) | everywhere
            for entry, expression in self._entries(value, sources):
                columns[f"{name}.{entry}"] = self._traced(expression, sources, allowed, "", name) | everywhere
        branches: list[Mapping[str, str]] = [constants] if item else []
        if not item and len(passed := [n for n in sources if sources[n].branches]) == 1 and "item" in columns:
            branches = allowed[passed[0]]
        return SelectColumns(columns, branches)

    def _source(self, source: exp.Expr | Scope) -> SelectColumns:
        if isinstance(source, Scope):
            return self.read(source)
        table = typed("exp.Table", source)
        key = (table.db, table.name)
        known = self._tables[key]
        columns: dict[str, set[ColumnReference]] = {}
        for name in {**dict.fromkeys(known.columns), **dict.fromkeys(known.items)}:
            items = known.items.get(name) or frozenset({""})
            columns[name] = {ColumnReference(key, name, DIRECT, "select", item) for item in items}
        return SelectColumns(columns, list(known.branches))

    def _traced(
        self,
        value: exp.Expr,
        sources: Mapping[str, SelectColumns],
        allowed: Mapping[str, list[Mapping[str, str]]],
        item: str,
        name: str,
    ) -> set[ColumnReference]:
        """What one projection comes from; where it comes from no column, the model itself says it."""
        found: set[ColumnReference] = set()
        for column, kind, how in _parts(value):
            for one in self._of(column, sources, allowed):
                stays = one.kind == DIRECT and kind == DIRECT
                through = one.how if one.kind == INDIRECT else how
                found.add(
                    ColumnReference(one.table, one.column, DIRECT if stays else INDIRECT, through, one.item or item)
                )
        if any(isinstance(one.this, exp.Star) for one in value.find_all(exp.Count)):
            rows = [reference for result in sources.values() for reference in result.columns.get("_row", ())]
            found |= {ColumnReference(one.table, one.column, DIRECT, "count", one.item or item) for one in rows}
        if not found and isinstance(_uncast(value), exp.Literal | exp.Boolean):
            found.add(ColumnReference(CONSTANT, name, DIRECT, "constant", item))
        return found

    def _entries(self, value: exp.Expr, sources: Mapping[str, SelectColumns]) -> Iterator[tuple[str, exp.Expr]]:
        """The entries of a map that a projection makes or hands on."""
        plain = _uncast(value)
        if isinstance(plain, exp.ToMap) and isinstance(plain.this, exp.Struct):
            for pair in plain.this.expressions:
                yield pair.this.name, pair.expression
        elif isinstance(plain, exp.Column) and plain.table in sources:
            prefix = f"{plain.name}."
            for name in sources[plain.table].columns:
                if name.startswith(prefix):
                    entry = name.removeprefix(prefix)
                    yield entry, exp.Bracket(this=plain.copy(), expressions=[exp.Literal.string(entry)])

    def _of(
        self,
        column: tuple[str, str, str],
        sources: Mapping[str, SelectColumns],
        allowed: Mapping[str, list[Mapping[str, str]]],
    ) -> Iterator[ColumnReference]:
        """What a column of a source comes from, less the items that the query leaves out."""
        source, name, entry = column
        if source not in sources:
            return
        result = sources[source]
        references = result.columns.get(f"{name}.{entry}") if entry else None
        if references is None:
            references = result.columns.get(name, set())
        kept = {branch["item"] for branch in allowed[source]}
        left_out = {branch["item"] for branch in result.branches} - kept
        yield from (one for one in references if one.item not in left_out)


def _uncast(value: exp.Expr) -> exp.Expr:
    while isinstance(value, exp.Cast | exp.Paren):
        value = value.this
    return value


def _parts(value: exp.Expr) -> Iterator[tuple[tuple[str, str, str], str, str]]:
    """Each column in a projection: whether its value goes on, or only decides."""
    for column in value.find_all(exp.Column):
        kind, how = _part_played(column, value)
        yield _column(column), kind, how


def _part_played(column: exp.Expr, root: exp.Expr) -> tuple[str, str]:
    child: exp.Expr = column
    while child is not root and child.parent is not None:
        parent = child.parent
        if isinstance(parent, exp.If) and parent.this is child:
            return INDIRECT, "condition"
        if isinstance(parent, exp.Case) and parent.this is child:
            return INDIRECT, "condition"
        if isinstance(parent, exp.Window) and parent.this is not child:
            return INDIRECT, "window"
        if isinstance(parent, exp.Filter) and parent.this is not child:
            return INDIRECT, "filter"
        if isinstance(parent, exp.Ordered):
            return INDIRECT, "order"
        child = parent
    return DIRECT, "select"


def _column(column: exp.Column) -> tuple[str, str, str]:
    """Source, name, and the entry of a map that is asked for."""
    parent = column.parent
    if isinstance(parent, exp.Bracket) and parent.this is column and len(parent.expressions) == 1:
        wanted = parent.expressions[0]
        if isinstance(wanted, exp.Literal) and wanted.is_string:
            return column.table, column.name, wanted.this
    return column.table, column.name, ""


def _indirect(select: exp.Expr) -> Iterator[tuple[tuple[str, str, str], str]]:
    """Columns that decide which rows there are, how they meet, and in which order they stand."""
    clauses: list[tuple[exp.Expr | None, str]] = [
        (select.args.get("where"), "filter"),
        (select.args.get("having"), "filter"),
        (select.args.get("qualify"), "filter"),
        (select.args.get("group"), "group"),
        (select.args.get("order"), "order"),
        *((join.args.get("on"), "join") for join in select.args.get("joins") or ()),
    ]
    for clause, how in clauses:
        if clause is not None:
            for column in clause.find_all(exp.Column):
                yield _column(column), how


def _allowed(result: SelectColumns, select: exp.Expr, source: str) -> list[Mapping[str, str]]:
    """The branches of a source that a query's filter lets through."""
    where = select.args.get("where")
    kept = list(result.branches)
    for term in _conjuncts(where.this if where is not None else None):
        wanted = _constants(term, source)
        if wanted is not None:
            column, values = wanted
            kept = [branch for branch in kept if column not in branch or branch[column] in values]
    return kept


def _conjuncts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    if isinstance(condition, exp.And):
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    elif isinstance(condition, exp.Paren):
        yield from _conjuncts(condition.this)
    elif condition is not None:
        yield condition


def _constants(term: exp.Expr, source: str) -> tuple[str, set[str]] | None:
    """A filter of a column of the source to certain texts."""
    values: Iterable[exp.Expr]
    if isinstance(term, exp.In):
        column, values = term.this, term.expressions
    elif isinstance(term, exp.EQ):
        column, values = term.left, [term.right]
    else:
        return None
    literals = {one.this for one in values if isinstance(one, exp.Literal) and one.is_string}
    if isinstance(column, exp.Column) and column.table == source and literals:
        return column.name, literals
    return None
