"""The columns that the columns of a ``SELECT`` come from, read from its SQL.

``sqlglot.lineage`` is no substitute. It follows values alone: no filters, joins or conditions, and no entries of a map.
And it takes 64 ms for the columns of a model that is qualified in 5 ms (measured with sqlglot 30).

Belongs here: one statement and the tables that it names. Belongs elsewhere: the order of statements
(``column_lineage``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from typing import cast as typed

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from lgdp_pipelines.lineage.column_edges import DIRECT, INDIRECT

TableKey = tuple[str, str]
"""Schema and name."""

Branch = Mapping[str, str]
"""Constant texts of one branch of a union, by column."""

CONSTANT: TableKey = ("register", "constant")
"""Origin of a column that the model itself states, such as a unit."""


@dataclass(frozen=True, slots=True)
class ColumnReference:
    """A column of a table that a statement names, and its use there.

    Attributes:
        table: schema and name.
        column: of the table; ``breakdown.<name>`` for one entry of a map.
        kind: direct or indirect.
        how: as in :class:`~lgdp_pipelines.lineage.column_edges.ColumnEdge`.
        item: URN of the data item; empty for none.
    """

    table: TableKey
    column: str
    kind: str
    how: str
    item: str = ""


@dataclass(frozen=True)
class SourceColumns:
    """The columns of a table that statements read.

    Attributes:
        columns: names, in order, without entries of maps.
        items: URNs of the data items in each column, entries of maps included.
        branches: of a union whose branches each state their own item.
    """

    columns: tuple[str, ...]
    items: Mapping[str, frozenset[str]] = field(default_factory=dict)
    branches: tuple[Branch, ...] = ()


@dataclass
class SelectColumns:
    """The columns that a statement gives.

    Attributes:
        columns: references by column, entries of maps included.
        branches: as in :class:`SourceColumns`.
    """

    columns: dict[str, set[ColumnReference]]
    branches: list[Branch]


def read_select_columns(sql: str, tables: Mapping[TableKey, SourceColumns]) -> SelectColumns:
    """Return the references of every column of a statement.

    Args:
        sql: in DuckDB's dialect.
        tables: those that it names, at least.
    """
    parsed = sqlglot.parse_one(sql, dialect="duckdb")
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for table in parsed.find_all(exp.Table):
        table.set("catalog", None)
        known = tables.get((table.db, table.name))
        if known is not None:
            schema.setdefault(table.db, {})[table.name] = dict.fromkeys(known.columns, "VARCHAR")
    qualified = qualify(
        parsed, dialect="duckdb", schema=typed("dict[str, object]", schema), validate_qualify_columns=False
    )
    scope = build_scope(qualified)
    return SelectColumns({}, []) if scope is None else _read_scope(scope, tables)


def _read_scope(scope: Scope, tables: Mapping[TableKey, SourceColumns]) -> SelectColumns:
    """Return the columns of a query or of a part of it."""
    match scope.expression:
        case exp.SetOperation():
            return _unite([_read_scope(part, tables) for part in scope.set_operation_scopes])
        case exp.Select() as select:
            sources = {
                name: _read_scope(source, tables) if isinstance(source, Scope) else _read_table(source, tables)
                for name, source in scope.sources.items()
            }
            return _read_select(select, _Sources.of(select, sources))
        case _:
            return SelectColumns({}, [])


def _unite(parts: list[SelectColumns]) -> SelectColumns:
    """Return the columns of a union, which has the names of its first part."""
    names = [name for name in parts[0].columns if "." not in name]
    united: dict[str, set[ColumnReference]] = {name: set() for name in names}
    for part in parts:
        renamed = dict(zip((name for name in part.columns if "." not in name), names, strict=True))
        for name, references in part.columns.items():
            head, dot, entry = name.partition(".")
            united.setdefault(f"{renamed[head]}{dot}{entry}", set()).update(references)
    return SelectColumns(united, [branch for part in parts for branch in part.branches])


def _read_table(table: exp.Table, tables: Mapping[TableKey, SourceColumns]) -> SelectColumns:
    key = (table.db, table.name)
    known = tables[key]
    columns = {
        name: {ColumnReference(key, name, DIRECT, "select", item) for item in known.items.get(name) or frozenset({""})}
        for name in (*known.columns, *known.items)
    }
    return SelectColumns(columns, list(known.branches))


class _Column(NamedTuple):
    """A column of a source, and the entry of a map that is asked for; empty for the whole column."""

    source: str
    name: str
    entry: str


@dataclass(frozen=True)
class _Sources:
    """The tables and subqueries that a ``SELECT`` reads.

    Attributes:
        columns: of each source, by alias.
        branches: of each source, those that the filter lets through.
    """

    columns: Mapping[str, SelectColumns]
    branches: Mapping[str, list[Branch]]

    @classmethod
    def of(cls, select: exp.Select, columns: Mapping[str, SelectColumns]) -> "_Sources":
        """Return the sources of a ``SELECT`` with the branches that its filter lets through."""
        branches = {alias: list(source.branches) for alias, source in columns.items()}
        where = select.args.get("where")
        for term in _list_conjuncts(where.this) if where is not None else ():
            column, values = _read_constant_filter(term)
            if column is not None and column.table in branches:
                branches[column.table] = [
                    branch for branch in branches[column.table] if branch.get(column.name) in {None, *values}
                ]
        return cls(columns, branches)

    def list_references(self, column: _Column) -> list[ColumnReference]:
        """Return the references of a source's column, less the items that the filter leaves out."""
        source = self.columns.get(column.source)
        if source is None:
            return []
        references = source.columns.get(f"{column.name}.{column.entry}") if column.entry else None
        if references is None:
            references = source.columns.get(column.name, set())
        kept_items = {branch["item"] for branch in self.branches[column.source]}
        excluded = {branch["item"] for branch in source.branches} - kept_items
        return [reference for reference in references if reference.item not in excluded]


def _read_select(select: exp.Select, sources: _Sources) -> SelectColumns:
    constants = {
        projection.alias_or_name: value.this
        for projection in select.selects
        if isinstance(value := _uncast(projection.unalias()), exp.Literal) and value.is_string
    }
    item = constants.get("item", "")
    everywhere = {
        ColumnReference(reference.table, reference.column, INDIRECT, how, reference.item)
        for column, how in _list_clause_columns(select)
        for reference in sources.list_references(column)
    }
    columns: dict[str, set[ColumnReference]] = {}
    for projection in select.selects:
        name, value = projection.alias_or_name, projection.unalias()
        columns[name] = _read_projection(name, value, sources, item) | everywhere
        for entry, expression in _list_entries(value, sources):
            columns[f"{name}.{entry}"] = _read_projection(name, expression, sources, "") | everywhere
    if item:
        return SelectColumns(columns, [constants])
    passed = [alias for alias, source in sources.columns.items() if source.branches]
    is_passed_on = len(passed) == 1 and "item" in columns
    return SelectColumns(columns, sources.branches[passed[0]] if is_passed_on else [])


def _read_projection(name: str, value: exp.Expr, sources: _Sources, item: str) -> set[ColumnReference]:
    """Return the references of a projection.

    One without any column is stated by the model itself.
    """
    references: set[ColumnReference] = set()
    for node in value.find_all(exp.Column):
        kind, how = _classify_use(node, value)
        for reference in sources.list_references(_read_column(node)):
            is_direct = reference.kind == DIRECT and kind == DIRECT
            step = reference.how if reference.kind == INDIRECT else how
            references.add(
                ColumnReference(
                    reference.table, reference.column, DIRECT if is_direct else INDIRECT, step, reference.item or item
                )
            )
    if any(isinstance(count.this, exp.Star) for count in value.find_all(exp.Count)):
        references |= {
            ColumnReference(row.table, row.column, DIRECT, "count", row.item or item)
            for source in sources.columns.values()
            for row in source.columns.get("_row", ())
        }
    if not references and isinstance(_uncast(value), exp.Literal | exp.Boolean):
        references.add(ColumnReference(CONSTANT, name, DIRECT, "constant", item))
    return references


def _list_entries(value: exp.Expr, sources: _Sources) -> Iterator[tuple[str, exp.Expr]]:
    """Yield the entries of a map that a projection makes or passes on."""
    plain = _uncast(value)
    if isinstance(plain, exp.ToMap) and isinstance(plain.this, exp.Struct):
        for pair in plain.this.expressions:
            yield pair.this.name, pair.expression
    elif isinstance(plain, exp.Column) and plain.table in sources.columns:
        prefix = f"{plain.name}."
        for name in sources.columns[plain.table].columns:
            if name.startswith(prefix):
                entry = name.removeprefix(prefix)
                yield entry, exp.Bracket(this=plain.copy(), expressions=[exp.Literal.string(entry)])


def _uncast(value: exp.Expr) -> exp.Expr:
    while isinstance(value, exp.Cast | exp.Paren):
        value = value.this
    return value


def _classify_use(column: exp.Expr, root: exp.Expr) -> tuple[str, str]:
    """Return whether a column's value goes on in a projection or only decides, and how."""
    child = column
    while child is not root and child.parent is not None:
        parent = child.parent
        is_subject = parent.this is child
        if isinstance(parent, exp.If | exp.Case) and is_subject:
            return INDIRECT, "condition"
        if isinstance(parent, exp.Window) and not is_subject:
            return INDIRECT, "window"
        if isinstance(parent, exp.Filter) and not is_subject:
            return INDIRECT, "filter"
        if isinstance(parent, exp.Ordered):
            return INDIRECT, "order"
        child = parent
    return DIRECT, "select"


def _read_column(column: exp.Column) -> _Column:
    parent = column.parent
    if isinstance(parent, exp.Bracket) and parent.this is column and len(parent.expressions) == 1:
        entry = parent.expressions[0]
        if isinstance(entry, exp.Literal) and entry.is_string:
            return _Column(column.table, column.name, entry.this)
    return _Column(column.table, column.name, "")


def _list_clause_columns(select: exp.Select) -> Iterator[tuple[_Column, str]]:
    """Yield the columns that decide which rows there are, how they are joined, and their order."""
    clauses: list[tuple[exp.Expr | None, str]] = [
        (select.args.get("where"), "filter"),
        (select.args.get("having"), "filter"),
        (select.args.get("qualify"), "filter"),
        (select.args.get("group"), "group"),
        (select.args.get("order"), "order"),
        *((join.args.get("on"), "join") for join in select.args.get("joins") or ()),
    ]
    for clause, how in clauses:
        for column in clause.find_all(exp.Column) if clause is not None else ():
            yield _read_column(column), how


def _list_conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    plain = condition.unnest()
    if isinstance(plain, exp.And):
        yield from _list_conjuncts(plain.left)
        yield from _list_conjuncts(plain.right)
    else:
        yield plain


def _read_constant_filter(term: exp.Expr) -> tuple[exp.Column | None, set[str]]:
    """Return the column that a term compares with constant texts, and the texts.

    None for another term.
    """
    match term:
        case exp.In():
            column, values = term.this, term.expressions
        case exp.EQ():
            column, values = term.left, [term.right]
        case _:
            return None, set()
    texts = {value.this for value in values if isinstance(value, exp.Literal) and value.is_string}
    return (column, texts) if isinstance(column, exp.Column) and texts else (None, set())
