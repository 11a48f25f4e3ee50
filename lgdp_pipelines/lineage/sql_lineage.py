"""The columns that the columns of a ``SELECT`` come from, read from its SQL.

``sqlglot.lineage`` is no substitute. It follows values alone: no filters, joins or conditions, and no entries of a map.
And it takes 64 ms for the columns of a model that is qualified in 5 ms (measured with sqlglot 30).

Belongs here: one statement and the tables that it names. Belongs elsewhere: the order of statements
(``column_lineage``).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from typing import cast as typed

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from lgdp_pipelines.lineage.column_edges import DIRECT, INDIRECT, StepKind
from lgdp_pipelines.vocabulary.table_columns import ROW

TableKey = tuple[str, str]
"""Schema and name of a table in a statement."""

Branch = Mapping[str, str]
"""Constant texts of one branch of a union, by column."""

CONSTANT = "register.constant"
"""Origin of a column that the model itself states, such as a unit."""


_CLAUSES = {
    "where": StepKind.FILTER,
    "having": StepKind.FILTER,
    "qualify": StepKind.FILTER,
    "group": StepKind.GROUP,
    "order": StepKind.ORDER,
}
"""Clauses of a ``SELECT`` that decide about its rows, and how, as in edges."""

_DECIDING_USES = (
    ((exp.If, exp.Case), True, StepKind.CONDITION),
    ((exp.Window,), False, StepKind.WINDOW),
    ((exp.Filter,), False, StepKind.FILTER),
    ((exp.Ordered,), True, StepKind.ORDER),
)
"""Uses in which a column gives no value: the expression around it, whether it is its subject, and how."""


class ColumnReference(NamedTuple):
    """A column that a statement reads, and its use there.

    Attributes:
        table: ``layer.name``.
        column: of the table; ``breakdown.<name>`` for one entry of a map.
        kind: direct or indirect.
        how: as in :class:`~lgdp_pipelines.lineage.column_edges.ColumnEdge`.
        item: URN of the data item; empty without one.
    """

    table: str
    column: str
    kind: str
    how: StepKind
    item: str = ""


@dataclass(frozen=True)
class TableColumns:
    """The columns of a table or query, each with its references.

    Attributes:
        references: by column, entries of maps included.
        branches: of a union whose branches each state their own item.
    """

    references: Mapping[str, Collection[ColumnReference]]
    branches: Sequence[Branch] = ()

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order, without entries of maps."""
        return [name for name in self.references if "." not in name]


def reference_columns(
    table: str, items: Mapping[str, Collection[str]], branches: Sequence[Branch] = ()
) -> TableColumns:
    """Return a stored table's columns, each with a reference to itself.

    Args:
        table: ``layer.name``.
        items: URNs of the data items in each column, entries of maps included.
        branches: of a union whose branches each state their own item.
    """
    references = {
        column: {ColumnReference(table, column, DIRECT, StepKind.SELECT, item) for item in urns or [""]}
        for column, urns in items.items()
    }
    return TableColumns(references, branches)


def read_select_columns(sql: str, tables: Mapping[TableKey, TableColumns]) -> TableColumns:
    """Return the columns of a statement, each with its references.

    Args:
        sql: in DuckDB's dialect.
        tables: those that it names, at least.
    """
    statement = sqlglot.parse_one(sql, dialect="duckdb")
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for table in statement.find_all(exp.Table):
        table.set("catalog", None)
        columns = tables.get((table.db, table.name))
        if columns is not None:
            schema.setdefault(table.db, {})[table.name] = dict.fromkeys(columns.names, "VARCHAR")
    qualified_statement = qualify(
        statement, dialect="duckdb", schema=typed("dict[str, object]", schema), validate_qualify_columns=False
    )
    scope = build_scope(qualified_statement)
    return TableColumns({}) if scope is None else _read_scope(scope, tables)


def _read_scope(scope: Scope, tables: Mapping[TableKey, TableColumns]) -> TableColumns:
    """Return the columns of a query or subquery."""
    match scope.expression:
        case exp.SetOperation():
            return _unite([_read_scope(part, tables) for part in scope.set_operation_scopes])
        case exp.Select() as select:
            columns = {
                name: _read_scope(source, tables) if isinstance(source, Scope) else tables[source.db, source.name]
                for name, source in scope.sources.items()
            }
            return _read_select(select, _SelectInputs(columns, _filter_branches(select, columns)))
        case _:
            return TableColumns({})


def _unite(parts: list[TableColumns]) -> TableColumns:
    """Return the columns of a union, under its first part's names."""
    references_by_name: dict[str, set[ColumnReference]] = {name: set() for name in parts[0].names}
    for part in parts:
        names = dict(zip(part.names, parts[0].names, strict=True))
        for name, references in part.references.items():
            head, dot, entry = name.partition(".")
            references_by_name.setdefault(f"{names[head]}{dot}{entry}", set()).update(references)
    return TableColumns(references_by_name, [branch for part in parts for branch in part.branches])


@dataclass(frozen=True)
class _SelectInputs:
    """The tables and subqueries that a ``SELECT`` reads.

    Attributes:
        columns: of each source, by alias.
        branches: of each source, those that the filter lets through.
    """

    columns: Mapping[str, TableColumns]
    branches: Mapping[str, Sequence[Branch]]

    def list_references(self, column: exp.Column) -> list[ColumnReference]:
        """Return a column's references, except items that the statement filters out."""
        source = self.columns.get(column.table)
        if source is None:
            return []
        entry = _read_entry(column)
        references = source.references.get(f"{column.name}.{entry}") if entry else None
        if references is None:
            references = source.references.get(column.name, ())
        kept_items = {branch["item"] for branch in self.branches[column.table]}
        excluded_items = {branch["item"] for branch in source.branches} - kept_items
        return [reference for reference in references if reference.item not in excluded_items]


def _read_entry(column: exp.Column) -> str:
    """Return the key that a map column is read at, or empty."""
    match column.parent:
        case exp.Bracket(this=subject, expressions=[exp.Literal(is_string=True) as entry]) if subject is column:
            return entry.name
        case _:
            return ""


def _filter_branches(select: exp.Select, columns: Mapping[str, TableColumns]) -> Mapping[str, Sequence[Branch]]:
    """Return the branches of each source that pass the filter."""
    branches = {alias: source.branches for alias, source in columns.items()}
    for column, texts in _list_constant_filters(select):
        if column.table in branches:
            branches[column.table] = [
                branch for branch in branches[column.table] if branch.get(column.name) in {None, *texts}
            ]
    return branches


def _list_constant_filters(select: exp.Select) -> Iterator[tuple[exp.Column, set[str]]]:
    """Yield columns that must equal one of some texts, with the texts."""
    where = select.args.get("where")
    conjuncts = where.dfs(prune=lambda node: not isinstance(node, exp.Where | exp.And | exp.Paren)) if where else ()
    for term in conjuncts:
        if isinstance(term, exp.In | exp.EQ) and isinstance(term.this, exp.Column):
            values = term.expressions if isinstance(term, exp.In) else [term.expression]
            texts = {value.name for value in values if value.is_string}
            if texts:
                yield term.this, texts


def _read_select(select: exp.Select, inputs: _SelectInputs) -> TableColumns:
    """Return the columns of one ``SELECT``."""
    constants = {
        projection.alias_or_name: value.name
        for projection in select.selects
        if (value := _uncast(projection.unalias())).is_string
    }
    item = constants.get("item", "")
    clause_references = {
        reference._replace(kind=INDIRECT, how=how)
        for column, how in _list_clause_columns(select)
        for reference in inputs.list_references(column)
    }
    references: dict[str, set[ColumnReference]] = {}
    for projection in select.selects:
        name, value = projection.alias_or_name, projection.unalias()
        references[name] = _read_projection(name, value, inputs, item) | clause_references
        for entry, expression in _list_entries(value, inputs):
            references[f"{name}.{entry}"] = _read_projection(name, expression, inputs, "") | clause_references
    if item:
        return TableColumns(references, [constants])
    unions = [alias for alias, source in inputs.columns.items() if source.branches]
    is_passed_on = len(unions) == 1 and "item" in references
    return TableColumns(references, inputs.branches[unions[0]] if is_passed_on else ())


def _read_projection(name: str, value: exp.Expr, inputs: _SelectInputs, item: str) -> set[ColumnReference]:
    """Return the references of an expression in the select list.

    A constant refers to :data:`CONSTANT`.
    """
    references: set[ColumnReference] = set()
    for column in value.find_all(exp.Column):
        kind, how = _classify_use(column, value)
        for reference in inputs.list_references(column):
            use = (kind, how) if reference.kind == DIRECT else (INDIRECT, reference.how)
            references.add(ColumnReference(reference.table, reference.column, *use, reference.item or item))
    if any(isinstance(count.this, exp.Star) for count in value.find_all(exp.Count)):
        references |= {
            ColumnReference(row.table, row.column, DIRECT, StepKind.COUNT, row.item or item)
            for source in inputs.columns.values()
            for row in source.references.get(ROW, ())
        }
    if not references and isinstance(_uncast(value), exp.Literal | exp.Boolean):
        references.add(ColumnReference(CONSTANT, name, DIRECT, StepKind.CONSTANT, item))
    return references


def _list_entries(value: exp.Expr, inputs: _SelectInputs) -> Iterator[tuple[str, exp.Expr]]:
    """Yield key and expression of each entry of a map.

    The projection makes the map, or passes on a column of maps.
    """
    expression = _uncast(value)
    if isinstance(expression, exp.ToMap) and isinstance(expression.this, exp.Struct):
        yield from ((pair.this.name, pair.expression) for pair in expression.this.expressions)
    elif isinstance(expression, exp.Column) and expression.table in inputs.columns:
        for name in inputs.columns[expression.table].references:
            column, dot, entry = name.partition(".")
            if column == expression.name and dot:
                yield entry, exp.Bracket(this=expression.copy(), expressions=[exp.Literal.string(entry)])


def _uncast(value: exp.Expr) -> exp.Expr:
    """Return an expression without the casts and parentheses around it."""
    while isinstance(value, exp.Cast | exp.Paren):
        value = value.this
    return value


def _classify_use(column: exp.Expr, root: exp.Expr) -> tuple[str, StepKind]:
    """Return ``direct`` or ``indirect`` for a column's use, and its manner."""
    child = column
    while child is not root and child.parent is not None:
        parent = child.parent
        for expressions, is_subject, how in _DECIDING_USES:
            if isinstance(parent, expressions) and (parent.this is child) is is_subject:
                return INDIRECT, how
        child = parent
    return DIRECT, StepKind.SELECT


def _list_clause_columns(select: exp.Select) -> Iterator[tuple[exp.Column, StepKind]]:
    """Yield the columns of clauses that decide about rows, and how."""
    clauses = [(select.args.get(clause), how) for clause, how in _CLAUSES.items()]
    clauses += [(join.args.get("on"), StepKind.JOIN) for join in select.args.get("joins") or ()]
    for clause, how in clauses:
        yield from ((column, how) for column in (clause.find_all(exp.Column) if clause else ()))
