"""Rules written in SQL, run in a sandbox that holds nothing but the submission and the rows it is compared with.

A rule counts the violating rows. Where it reads rows of its own table, the same statement with ``_row`` in place of
the count names the violating rows; where it does not (it groups, or unites, or reads another table), a count other than
0 is one finding about the table as a whole. Rules read, beside the submission's own tables, the council's rows of other
returns, reference tables, the submission's cells in error, and the codes that are valid. Belongs here: putting those
rows into relations, saying why they are missing, and running the rules. Belongs elsewhere: whether a statement can be a
rule (``register.rules.sql_statements`` checks that before any row exists), and fetching the rows of other submissions.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache

import duckdb
import polars as pl
import sqlglot
from sqlglot import exp

from lgdp_pipelines.errors import StatementRefused
from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.register.model.reference_tables import ReferenceColumn
from lgdp_pipelines.register.model.table_model import ItemType, Rule
from lgdp_pipelines.register.rules.kinds.rule_kind import CODES, IN_ERROR, OWN_ROW
from lgdp_pipelines.register.rules.sql_statements import (
    PERIOD_COLUMN,
    ExternalTable,
    fill_table_names,
    find_matching_periods,
    find_shared_columns,
    list_external_tables,
)
from lgdp_pipelines.storage.duckdb_connections import limit_time, open_sandbox, quote_identifier, reuse_sandbox
from lgdp_pipelines.validation.judging_context import JudgingContext
from lgdp_pipelines.validation.rule_violations import NO_ROWS
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.table_columns import ROW, STATUS_SUFFIX

# The row of a finding can replace the count where a statement has none of these clauses. Beyond that, several
# rules share one scan where a condition has none of these expressions, because it then tests each row for itself.
_NOT_ROW_BY_ROW = ("group", "having", "distinct", "limit")
_NOT_ABOUT_ONE_ROW = (exp.Select, exp.Subquery, exp.SetOperation, exp.Window, exp.AggFunc, exp.Placeholder)

_SECONDS = 300.0
"""Time limit for all rules of one submission together."""
_FEW_ROWS = 20_000
_DIALECT = "duckdb"


@contextmanager
def open_rule_connection(
    rules: Sequence[Rule], tables: Mapping[str, ChunkedFrame], context: JudgingContext
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a time-limited sandbox with a submission's needed columns and variables.

    Args:
        rules: the rules to run. Columns that none of them reads are left out: registering text costs a copy.
        tables: relations by name.
        context: gives the council, period and days that rules may read with ``getvariable``, and the spill folder for
            rows that do not fit into memory, which is not made for a few rows.
    """
    is_small = sum(table.height for table in tables.values()) <= _FEW_ROWS
    with (
        reuse_sandbox() if is_small else closing(open_sandbox(context.spool.create_folder())) as connection,
        ExitStack() as registered,
    ):
        read_columns: frozenset[str] = frozenset({ROW}).union(*(prepare_rule(rule).identifiers for rule in rules))
        selects_star = any(prepare_rule(rule).selects_star for rule in rules)
        for name, table in tables.items():
            columns = [column for column in table.columns if selects_star or column in read_columns]
            connection.register(name, table.to_arrow(columns))
            registered.callback(connection.unregister, name)
        variables = {
            "council_code": context.council.code,
            "period": context.period.id,
            "period_start": context.period.start,
            "period_end": context.period.end,
            "received_on": context.received_on,
        }
        for name, value in variables.items():
            connection.execute(f"SET VARIABLE {name} = $1", [value])
        with limit_time(connection, _SECONDS):
            yield connection


@dataclass(frozen=True)
class PreparedRule:
    """A rule's SQL, parsed once for all submissions.

    Attributes:
        row_statement: selects the violating rows; empty where no row can be named.
        row_condition: the condition that breaks the rule, where each row is tested for itself; else empty.
        count_statement: counts the violating rows.
        column_names: columns that it names, of any table; a status and its measure are one.
        identifiers: every word in it that may name a column.
        selects_star: whether it takes columns without naming them.
        tables: tables that it reads.
    """

    row_statement: str
    row_condition: str
    count_statement: str
    column_names: frozenset[str]
    identifiers: frozenset[str]
    selects_star: bool
    tables: frozenset[str]


def prepare_rule(rule: Rule) -> PreparedRule:
    """Return a rule's parsed statements and the names in them."""
    return _prepare(rule.sql or "", rule.table)


@lru_cache(maxsize=4096)
def _prepare(sql: str, table: str) -> PreparedRule:
    """Return a rule's parsed statements and names, from a cache."""
    tree = sqlglot.parse_one(fill_table_names(sql, table), dialect=_DIALECT)
    by_row = select_rows_instead_of_count(tree, table)
    return PreparedRule(
        row_statement=by_row.sql(dialect=_DIALECT) if by_row is not None else "",
        row_condition=_find_row_condition(tree, table) if by_row is not None else "",
        count_statement=tree.sql(dialect=_DIALECT),
        column_names=frozenset(
            name for word in _list_column_names(tree) for name in (word, word.removesuffix(STATUS_SUFFIX))
        ),
        identifiers=frozenset(word.name.lower() for word in tree.find_all(exp.Identifier)),
        selects_star=_selects_star(tree),
        tables=frozenset(relation.name for relation in tree.find_all(exp.Table)) - set(_list_ctes(tree)),
    )


def find_violating_rows(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> Mapping[str, pl.Series | None]:
    """Return violating ``_row`` by rule id; None if no row is named.

    Rules that test each row of a table for itself run in one scan of the table.

    Raises:
        StatementRefused: a rule cannot be run, which is a fault of the register, not of the data.
    """
    rows_by_rule: dict[str, pl.Series | None] = {}
    for table in dict.fromkeys(rule.table for rule in rules):
        row_rules = [rule for rule in rules if rule.table == table and prepare_rule(rule).row_condition]
        if len(row_rules) > 1:
            rows_by_rule |= _scan_once(connection, table, row_rules)
    return rows_by_rule | {rule.id: _run_alone(connection, rule) for rule in rules if rule.id not in rows_by_rule}


def _scan_once(connection: duckdb.DuckDBPyConnection, table: str, rules: Sequence[Rule]) -> Mapping[str, pl.Series]:
    """Return violating ``_row`` by rule id from one scan; empty on errors.

    After an error each rule is tried alone.
    """
    conditions = [f"({prepare_rule(rule).row_condition})" for rule in rules]
    flags = ", ".join(f"coalesce({condition}, FALSE) AS _{number}" for number, condition in enumerate(conditions))
    statement = f"SELECT {ROW}, {flags} FROM {quote_identifier(table)} WHERE {' OR '.join(conditions)}"  # noqa: S608 - rules of the register
    try:
        rows = pl.DataFrame(connection.execute(statement).to_arrow_table())
    except duckdb.InterruptException as error:
        raise _make_refusal(rules[0], error) from None
    except duckdb.Error:
        return {}
    return {
        rule.id: rows.select(pl.col(ROW).filter(pl.col(f"_{number}")).cast(pl.Int64)).to_series()
        for number, rule in enumerate(rules)
    }


def _run_alone(connection: duckdb.DuckDBPyConnection, rule: Rule) -> pl.Series | None:
    """Return a rule's violating ``_row``; None for violations without a row.

    Raises:
        StatementRefused: the rule cannot be run, which is a fault of the register, not of the data.
    """
    prepared = prepare_rule(rule)
    if prepared.row_statement:
        try:
            return _run(connection, prepared.row_statement, rule).cast(pl.Int64).alias(ROW)
        except duckdb.BinderException:
            pass  # a subquery does not carry the row on
    try:
        counts = _run(connection, prepared.count_statement, rule)
    except duckdb.BinderException as error:
        raise _make_refusal(rule, error) from None
    return None if any(counts) else NO_ROWS


def select_rows_instead_of_count(tree: exp.Expr, table: str) -> exp.Expr | None:
    """Return a statement selecting the counted rows; None if that is impossible.

    It is impossible for a statement that groups, or counts anything but rows of the table.
    """
    if not isinstance(tree, exp.Select) or any(tree.args.get(part) for part in _NOT_ROW_BY_ROW):
        return None
    if [projection.unalias().sql(dialect=_DIALECT).upper() for projection in tree.expressions] != ["COUNT(*)"]:
        return None
    relation = _find_from(tree)
    if isinstance(relation, exp.Subquery) and OWN_ROW in relation.this.named_selects:
        # The counted subquery gives the row of each finding itself.
        row: exp.Expr = exp.column(OWN_ROW).as_(ROW)
    else:
        alias = _find_alias(tree, table)
        if alias is None:
            return None
        row = exp.column(ROW, table=alias or None)
    return tree.copy().select(row, append=False, copy=False).distinct(copy=False)


def _find_from(tree: exp.Expr) -> exp.Expr | None:
    """Return the relation in a statement's FROM; None without one."""
    source = tree.args.get("from_") or tree.args.get("from")  # sqlglot renamed it
    return source.this if source is not None else None


def _find_row_condition(tree: exp.Expr, table: str) -> str:
    """Return a statement's condition on single rows; empty for any other statement."""
    condition, relation = tree.args.get("where"), _find_from(tree)
    is_plain = not any(tree.args.get(part) for part in ("with_", "with", "joins", "laterals", "qualify", "windows"))
    is_own = isinstance(relation, exp.Table) and relation.name == table and not relation.alias
    if condition is None or not is_plain or not is_own or any(condition.find_all(*_NOT_ABOUT_ONE_ROW)):
        return ""
    return str(condition.this.sql(dialect=_DIALECT))


def _list_column_names(tree: exp.Expr) -> Iterator[str]:
    """Yield the lower-case column names in a statement, join columns included."""
    yield from (column.name.lower() for column in tree.find_all(exp.Column))
    yield from (word.name.lower() for join in tree.find_all(exp.Join) for word in join.args.get("using") or ())


def _selects_star(tree: exp.Expr) -> bool:
    """Return whether a statement takes columns without naming them."""
    rows = {table.alias_or_name for table in tree.find_all(exp.Table)}
    return (
        any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star, exp.Columns))
        or any(join.method.upper() == "NATURAL" for join in tree.find_all(exp.Join))
        or not rows.isdisjoint(column.name for column in tree.find_all(exp.Column))
    )


def _find_alias(tree: exp.Select, table: str) -> str | None:
    """Return the alias of the relation with the table's rows; else None."""
    relations = [_find_from(tree), *(join.this for join in tree.args.get("joins") or ())]
    for relation in relations:
        if isinstance(relation, exp.Table) and relation.name == table:
            return relation.alias_or_name
    is_alone = {relation.name for relation in tree.find_all(exp.Table)} <= {table, *_list_ctes(tree)}
    return relations[0].alias_or_name if relations[0] is not None and is_alone else None


def _list_ctes(tree: exp.Expr) -> Sequence[str]:
    """Return the names of a statement's common table expressions."""
    return [cte.alias_or_name for cte in tree.find_all(exp.CTE)]


def _run(connection: duckdb.DuckDBPyConnection, statement: str, rule: Rule) -> pl.Series:
    """Return the first column of a statement's rows."""
    try:
        return pl.Series(connection.execute(statement).to_arrow_table().column(0))
    except duckdb.BinderException:
        raise
    except duckdb.Error as error:
        raise _make_refusal(rule, error) from None


def _make_refusal(rule: Rule, error: duckdb.Error) -> StatementRefused:
    """Return the error that names a rule and the kind of failure."""
    # DuckDB's own message may hold a value of the data.
    return StatementRefused(
        f"The rule {rule.id} cannot be run ({type(error).__name__}).",
        where=f"table {rule.table}, line {rule.line} of the contract",
        remedy="Correct its statement, so that it runs on all values that councils send; "
        "TRY_CAST gives null where CAST fails.",
    )


_ERRORS_SCHEMA = pl.Schema({"_table": pl.String(), "_item": pl.String(), ROW: pl.Int64()})
_CODES_SCHEMA = pl.Schema({"_list": pl.String(), "_code": pl.String()})


class SqlInputs:
    """The relations outside a submission that its rules read, each fetched once."""

    def __init__(self, context: JudgingContext) -> None:
        self._context = context
        self._fetched: dict[ExternalTable, ChunkedFrame | str] = {}

    def explain_missing(self, rule: Rule) -> str:
        """Return why a relation that the rule reads is missing; else empty."""
        fetched = (self._fetch(table) for table in list_external_tables(rule))
        return next((reason for reason in fetched if isinstance(reason, str)), "")

    def fetch_relations(
        self, rules: Sequence[Rule], in_error: Mapping[tuple[str, str], pl.Series]
    ) -> Mapping[str, ChunkedFrame]:
        """Return the available relations that some rules read, by SQL name.

        Args:
            rules: rules in SQL; relations that are missing are left out.
            in_error: ``_row`` of the cells in error, by table and item.
        """
        external = dict.fromkeys(table for rule in rules for table in list_external_tables(rule))
        fetched = {table.name: self._fetch(table) for table in external}
        relations = {name: rows for name, rows in fetched.items() if not isinstance(rows, str)}
        table_names = {name for rule in rules for name in prepare_rule(rule).tables}
        if IN_ERROR in table_names:
            relations[IN_ERROR] = ChunkedFrame.from_frames(_list_cells_in_error(in_error))
        if CODES in table_names:
            relations[CODES] = ChunkedFrame.from_frames(self._list_valid_codes())
        return relations

    def _fetch(self, table: ExternalTable) -> ChunkedFrame | str:
        """Return an external table's cached rows, or the reason for their absence."""
        if table not in self._fetched:
            self._fetched[table] = self._read_reference(table) if table.is_reference else self._read_other_return(table)
        return self._fetched[table]

    def _read_reference(self, external_table: ExternalTable) -> ChunkedFrame | str:
        """Return the reference rows in force, or the reason for their absence."""
        day = self._context.period.end
        tables = self._context.register.reference.values()
        table = next(table for table in tables if table.slug == external_table.table)
        version = table.in_force(day)
        if version is None:
            return f"No version of “{table.title}” was in force on {day}."
        schema = {column.name: pl.String for column in table.columns}
        text = pl.DataFrame(list(version.rows), schema=schema, orient="row")
        return ChunkedFrame.from_frames(text.select(map(_parse_reference, table.columns)))

    def _read_other_return(self, external_table: ExternalTable) -> ChunkedFrame | str:
        """Return another return's rows with periods, or the reason for their absence."""
        returns = self._context.register.returns.values()
        data_return = next(data_return for data_return in returns if data_return.slug == external_table.owner_slug)
        periods = find_matching_periods(data_return, self._context.period)
        if not periods:
            return f"{data_return.code} was not asked for {self._context.period.id}."
        parts: list[tuple[Period, ChunkedFrame]] = []
        for period in periods:
            rows = self._context.other_rows(
                data_return, period, data_return.contract_for(period).by_name[external_table.table]
            )
            if rows is None:
                return self._context.absence_reason(data_return.code, period)
            parts.append((period, rows))
        columns = find_shared_columns([data_return.contract_for(period) for period in periods], external_table.table)
        schema = pl.Schema({**{name: parts[0][1].schema[name] for name in columns}, PERIOD_COLUMN: pl.String()})
        return self._context.spool.store(_label_periods(parts, columns), schema)

    def _list_valid_codes(self) -> pl.DataFrame:
        """Return the codes of the contract's lists valid at the period's end."""
        context = self._context
        lists = {item.code_list for table in context.contract.tables for item in table.all_items if item.code_list}
        valid = [
            (name, code.code)
            for name in sorted(lists)
            for code in context.register.code_lists[name].codes
            if code.is_valid_on(context.period.end)
        ]
        return pl.DataFrame(valid, schema=_CODES_SCHEMA, orient="row")


def _list_cells_in_error(in_error: Mapping[tuple[str, str], pl.Series]) -> pl.DataFrame:
    """Return table, item and row of each cell in error."""
    cells = (
        rows.to_frame(ROW).select(pl.lit(table).alias("_table"), pl.lit(item).alias("_item"), ROW)
        for (table, item), rows in in_error.items()
    )
    return pl.concat([_ERRORS_SCHEMA.to_frame(), *cells])


def _label_periods(parts: Sequence[tuple[Period, ChunkedFrame]], columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield the rows of several periods, each with its period."""
    for period, rows in parts:
        for chunk in rows.iter_chunks(columns):
            yield chunk.with_columns(pl.lit(period.id).alias(PERIOD_COLUMN))


def _parse_reference(column: ReferenceColumn) -> pl.Expr:
    """Return the values of a reference column; null for empty cells."""
    filled = pl.when(pl.col(column.name) != "").then(pl.col(column.name))
    match column.type:
        case ItemType.INTEGER:
            return filled.cast(pl.Int64)
        case ItemType.NUMBER:
            return filled.cast(pl.Float64)
        case ItemType.DATE:
            return filled.str.to_date("%Y-%m-%d")
        case _:
            return filled
