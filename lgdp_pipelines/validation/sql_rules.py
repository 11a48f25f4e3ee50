"""Rules written in SQL, run in a sandbox that holds nothing but the submission and what it is compared with.

A rule counts what breaks it. Where it reads rows of its own table, the same statement with ``_row`` in place of the
count names the offending rows; where it does not (it groups, or unites, or reads another table), a count other than 0
is one finding about the table as a whole. Belongs here: running such rules. Belongs elsewhere: whether a statement can
be a rule (``register.rules.sql_statements`` checks that before any row exists).
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
from lgdp_pipelines.handover.extract_reading import ROW
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.kinds.rule_kind import OWN_ROW
from lgdp_pipelines.register.rules.sql_statements import fill_table_names
from lgdp_pipelines.storage.duckdb_connections import limit_time, open_sandbox, reuse_sandbox
from lgdp_pipelines.validation.judging_context import JudgingContext
from lgdp_pipelines.validation.rule_violations import NO_ROWS

_NOT_ROW_BY_ROW = ("group", "having", "distinct", "limit")
_SECONDS = 300.0
"""Time limit for all rules of one submission together."""
_FEW_ROWS = 20_000
_DIALECT = "duckdb"


@contextmanager
def open_rule_connection(
    rules: Sequence[Rule], tables: Mapping[str, ChunkedFrame], context: JudgingContext
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection with a submission's relations, its variables and nothing else.

    Args:
        rules: the rules to run. Columns that none of them reads are left out: registering text costs a copy.
        tables: relations by name.
        context: whose council, period and days rules may read with ``getvariable``; its spill folder takes what does
            not fit into memory, and is not made for a few rows.
    """
    is_small = sum(table.height for table in tables.values()) <= _FEW_ROWS
    with (
        reuse_sandbox() if is_small else closing(open_sandbox(context.spill.create_folder())) as connection,
        ExitStack() as registered,
    ):
        read: frozenset[str] = frozenset({ROW}).union(*(prepare_rule(rule).words for rule in rules))
        takes_all = any(prepare_rule(rule).takes_all for rule in rules)
        for name, table in tables.items():
            columns = [column for column in table.columns if takes_all or column in read]
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
        row_statement: selects the offending rows; empty where no row can be named.
        row_condition: the condition that breaks the rule, where each row is tested for itself; else empty.
        count_statement: counts what breaks the rule.
        names: columns that it names, of whichever table; a status and its measure are one.
        words: every word in it that may name a column.
        takes_all: whether it takes columns without naming them.
        tables: tables that it reads.
    """

    row_statement: str
    row_condition: str
    count_statement: str
    names: frozenset[str]
    words: frozenset[str]
    takes_all: bool
    tables: frozenset[str]


def prepare_rule(rule: Rule) -> PreparedRule:
    """Return the SQL of a rule, ready to be run."""
    return _prepare(rule.sql or "", rule.table)


@lru_cache(maxsize=4096)
def _prepare(sql: str, table: str) -> PreparedRule:
    tree = sqlglot.parse_one(fill_table_names(sql, table), dialect=_DIALECT)
    by_row = select_rows_instead_of_count(tree, table)
    return PreparedRule(
        row_statement=by_row.sql(dialect=_DIALECT) if by_row is not None else "",
        row_condition=_row_condition(tree, table) if by_row is not None else "",
        count_statement=tree.sql(dialect=_DIALECT),
        names=frozenset(name for word in _column_names(tree) for name in (word, word.removesuffix("_status"))),
        words=frozenset(word.name.lower() for word in tree.find_all(exp.Identifier)),
        takes_all=_takes_all(tree),
        tables=frozenset(relation.name for relation in tree.find_all(exp.Table)) - set(_ctes(tree)),
    )


def find_violating_rows(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> Mapping[str, pl.Series | None]:
    """Return ``_row`` of the rows that break each rule, by id.

    None for a rule broken where no row can be named. Rules that test each row of a table for itself run in one scan of
    the table.

    Raises:
        StatementRefused: a rule cannot be run, which is a fault of the register, not of the data.
    """
    rows_by_rule: dict[str, pl.Series | None] = {}
    for table in dict.fromkeys(rule.table for rule in rules):
        row_rules = [rule for rule in rules if rule.table == table and prepare_rule(rule).row_condition]
        if len(row_rules) > 1:
            rows_by_rule |= _scan_once(connection, table, row_rules)
    return rows_by_rule | {
        rule.id: find_offending_rows(connection, rule) for rule in rules if rule.id not in rows_by_rule
    }


def _scan_once(connection: duckdb.DuckDBPyConnection, table: str, rules: Sequence[Rule]) -> Mapping[str, pl.Series]:
    """Return ``_row`` of the rows that break each rule.

    Nothing where one cannot be run: each is then tried alone.
    """
    broken = [f"({prepare_rule(rule).row_condition})" for rule in rules]
    flags = ", ".join(f"coalesce({condition}, FALSE) AS _{number}" for number, condition in enumerate(broken))
    relation = exp.to_identifier(table, quoted=True).sql(dialect=_DIALECT)
    statement = f"SELECT {ROW}, {flags} FROM {relation} WHERE {' OR '.join(broken)}"  # noqa: S608 - rules of the register
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


def find_offending_rows(connection: duckdb.DuckDBPyConnection, rule: Rule) -> pl.Series | None:
    """Return ``_row`` of the rows that break a rule.

    None where it is broken and no row can be named.

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
    """Return the statement that selects the rows that a statement counts.

    None where it counts something else.
    """
    if not isinstance(tree, exp.Select) or any(tree.args.get(part) for part in _NOT_ROW_BY_ROW):
        return None
    if [projection.unalias().sql(dialect=_DIALECT).upper() for projection in tree.expressions] != ["COUNT(*)"]:
        return None
    if _carries_own_row(tree):
        return tree.copy().select(exp.column(OWN_ROW).as_(ROW), append=False, copy=False).distinct(copy=False)
    alias = _source(tree, table)
    if alias is None:
        return None
    row = exp.column(ROW, table=alias or None)
    return tree.copy().select(row, append=False, copy=False).distinct(copy=False)


def _carries_own_row(tree: exp.Select) -> bool:
    """Return whether the counted subquery says itself at which row each finding is to stand."""
    source = tree.args.get("from_") or tree.args.get("from")
    relation = source.this if source is not None else None
    return isinstance(relation, exp.Subquery) and OWN_ROW in relation.this.named_selects


_NOT_ABOUT_ONE_ROW = (exp.Select, exp.Subquery, exp.SetOperation, exp.Window, exp.AggFunc, exp.Placeholder)


def _row_condition(tree: exp.Expr, table: str) -> str:
    """Return a statement's condition on single rows; empty where it has none."""
    where, source = tree.args.get("where"), tree.args.get("from_") or tree.args.get("from")
    is_plain = not any(tree.args.get(part) for part in ("with_", "with", "joins", "laterals", "qualify", "windows"))
    relation = source.this if source is not None else None
    is_own = isinstance(relation, exp.Table) and relation.name == table and not relation.alias
    if where is None or not is_plain or not is_own or any(where.find_all(*_NOT_ABOUT_ONE_ROW)):
        return ""
    return str(where.this.sql(dialect=_DIALECT))


def _column_names(tree: exp.Expr) -> Iterator[str]:
    yield from (column.name.lower() for column in tree.find_all(exp.Column))
    yield from (word.name.lower() for join in tree.find_all(exp.Join) for word in join.args.get("using") or ())


def _takes_all(tree: exp.Expr) -> bool:
    rows = {table.alias_or_name for table in tree.find_all(exp.Table)}
    return (
        any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star, exp.Columns))
        or any(join.method.upper() == "NATURAL" for join in tree.find_all(exp.Join))
        or not rows.isdisjoint(column.name for column in tree.find_all(exp.Column))
    )


def _source(tree: exp.Select, table: str) -> str | None:
    """Return the alias of the table in a statement's FROM."""
    sources = [tree.args.get("from_") or tree.args.get("from"), *(tree.args.get("joins") or ())]
    for source in sources:
        relation = source.this if source is not None else None
        if isinstance(relation, exp.Table) and relation.name == table:
            return relation.alias_or_name
    within = [relation.name for relation in tree.find_all(exp.Table)]
    first = sources[0].this if sources[0] is not None else None
    return first.alias_or_name if first is not None and set(within) <= {table, *_ctes(tree)} else None


def _ctes(tree: exp.Expr) -> Sequence[str]:
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
    # DuckDB's own message may hold a value of the data.
    return StatementRefused(
        f"The rule {rule.id} cannot be run ({type(error).__name__}).",
        where=f"table {rule.table}, line {rule.line} of the contract",
        remedy="Correct its query, so that it runs on whatever councils send; TRY_CAST gives null where CAST fails.",
    )
