"""Rules written in SQL: the tables that a statement reads, and whether it can be a rule, before any row exists.

Belongs here: reading a rule's SQL, and the periods and versions of another return that it meets. Belongs elsewhere:
running it and fetching rows (``validation.sql_rules``).

A statement names tables as ``{model}`` (its own), ``{table}`` (another of the same return), ``{hl1.application}`` (a
table of another return, by its slug) or ``{reference.council_population}`` (a reference table, by its slug), and reads
facts of the submission with ``getvariable('period_start')`` and the other variables. A rule reads another return for
the period that corresponds to its own: the same one, the longer one around it, or all the shorter ones in it. The two
kinds of period decide which.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, TokenError
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.table_model import Rule, columns_of
from lgdp_pipelines.vocabulary.periods import Period, find_corresponding_periods, parse_period

VARIABLES = ("council_code", "period", "period_start", "period_end", "received_on")
"""Variables of ``getvariable``: the submission's council and period, the period's first and last day, and the day on
which the submission came."""

REFERENCE_PREFIX = "reference"
"""The word before the point where a statement names a reference table, and not another return's table."""

_WORD = "[A-Za-z_][A-Za-z0-9_]*"
_PLACEHOLDER = re.compile(rf"\{{({_WORD}(?:\.{_WORD})?)\}}")
_DIALECT = "duckdb"


@dataclass(frozen=True, slots=True, order=True)
class ExternalTable:
    """A table outside its own return that a statement reads.

    Attributes:
        owner_slug: slug of the return; :data:`REFERENCE_PREFIX` where it is a reference table.
        table: its name there; the slug of the reference table.
    """

    owner_slug: str
    table: str

    @property
    def name(self) -> str:
        """The name in plain SQL: ``hl1__application``."""
        return f"{self.owner_slug}__{self.table}"

    @property
    def is_reference(self) -> bool:
        """Return whether it is a reference table."""
        return self.owner_slug == REFERENCE_PREFIX

    def __str__(self) -> str:
        """Return the name as a contract writes it."""
        return f"{{{self.owner_slug}.{self.table}}}"


def list_external_tables(rule: Rule) -> tuple[ExternalTable, ...]:
    """Return the tables outside its return that a rule's SQL reads."""
    dotted = (name.split(".") for name in _PLACEHOLDER.findall(rule.sql or "") if "." in name)
    return tuple(sorted({ExternalTable(owner_slug, table) for owner_slug, table in dotted}))


def fill_table_names(statement: str, own_table: str) -> str:
    """Return the statement with plain table names in place of placeholders."""
    return _PLACEHOLDER.sub(lambda match: _plain_name(match[1], own_table), statement)


def _plain_name(name: str, own_table: str) -> str:
    """Return the plain SQL name of a placeholder's table."""
    return own_table if name == "model" else name.replace(".", "__")


def find_statement_problems(statement: str, own_table: str, columns: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the reasons why a statement cannot be a rule.

    Args:
        statement: the SQL as the contract has it.
        own_table: name of the table that the rule is written at.
        columns: columns that it may name, by table of the return, and by :attr:`ExternalTable.name`.
    """
    placeholders = {_plain_name(name, own_table) for name in _PLACEHOLDER.findall(statement)}
    unknown = sorted(placeholders - set(columns))
    if unknown:
        yield f"it names {{{unknown[0]}}}, and the return has the tables {', '.join(columns)}"
        return
    try:
        statements = sqlglot.parse(fill_table_names(statement, own_table), dialect=_DIALECT)
    except (ParseError, TokenError) as error:
        yield f"it is not SQL: {str(error).splitlines()[0]}"
        return
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        yield "it must be one SELECT"
        return
    tree = statements[0]
    if not _PLACEHOLDER.search(statement):
        yield "it names no table as {model}"
    variable_problems, figure_count = tuple(_find_variable_problems(tree)), len(tree.expressions)
    yield from _find_table_problems(tree, columns)
    yield from variable_problems
    if figure_count != 1:
        yield "it must give one figure, such as count(*)"


def _find_table_problems(tree: exp.Select, columns: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield problems of a statement's tables, and qualify its column names."""
    cte_names = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or table.db:
            yield "it reads something that is not a table of the return"
            return
        if table.name not in columns and table.name not in cte_names:
            yield f"it reads {table.name}, which is not a table of the return"
            return
    schema = _build_schema(tuple((name, tuple(names)) for name, names in columns.items()))
    try:
        qualify(tree, schema=schema, dialect=_DIALECT, quote_identifiers=False)
    except OptimizeError as error:
        yield f"it names a column that is not there: {str(error).splitlines()[0]}"


@lru_cache(maxsize=16)  # the rules of a contract are checked one after the other, and sqlglot parses every name
def _build_schema(columns: tuple[tuple[str, tuple[str, ...]], ...]) -> MappingSchema:
    """Return tables' columns, all as texts, as sqlglot's schema."""
    return MappingSchema({name: dict.fromkeys(names, "VARCHAR") for name, names in columns}, dialect=_DIALECT)


def _find_variable_problems(tree: exp.Select) -> Iterator[str]:
    """Yield calls of ``getvariable`` with an unknown variable."""
    for call in tree.find_all(exp.Anonymous):
        if call.name.lower() == "getvariable":
            argument = call.expressions[0] if call.expressions else None
            name = argument.name if isinstance(argument, exp.Literal) else ""
            if name not in VARIABLES:
                yield f"getvariable knows {', '.join(VARIABLES)}, and not “{name}”"


PERIOD_COLUMN = "period"
"""The column with the period of another return's rows."""


def find_matching_periods(other: Return, period: Period) -> tuple[Period, ...]:
    """Return another return's corresponding periods; empty if it began later.

    It is also empty where the kinds of period do not correspond.
    """
    periods = find_corresponding_periods(other.latest.period_kind, period)
    return periods if periods and periods[0].start >= other.first_period.start else ()


def find_matching_contracts(other: Return, contract: Contract, own: Return) -> tuple[Contract, ...]:
    """Return another return's versions that overlap a contract's validity, oldest first.

    Empty where the kinds of period do not correspond.
    """
    span = _find_validity(own, contract)
    if span is None or not find_corresponding_periods(other.latest.period_kind, parse_period(contract.valid_from)):
        return ()
    first, end = span
    return tuple(
        version
        for version in other.contracts
        if (days := _find_validity(other, version)) is not None and days[0] < end and first < days[1]
    )


def _find_validity(data_return: Return, contract: Contract) -> tuple[date, date] | None:
    """Return a version's first day and exclusive end; None if malformed."""
    following = data_return.contracts[data_return.contracts.index(contract) + 1 :]
    try:
        first, *later = (parse_period(version.valid_from).start for version in (contract, *following))
    except WrongUse:
        return None
    return first, min(later, default=date.max)


def find_shared_columns(contracts: Sequence[Contract], table: str) -> tuple[str, ...]:
    """Return a table's columns that have one type in every version."""
    first, *later = (_column_types(contract, table) for contract in contracts)
    return tuple(name for name, kind in first.items() if all(types.get(name) == kind for types in later))


def _column_types(contract: Contract, table: str) -> Mapping[str, object]:
    """Return the type of each column that SQL may name."""
    items = contract.by_name[table].by_name
    types = {name: (item.type, item.precision, item.scale) for name, item in items.items()}
    return {name: types.get(name, name) for name in columns_of([contract.by_name[table]])[table]}
