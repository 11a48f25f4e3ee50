"""What rules read besides the submission: the same council's rows of other returns, and reference tables.

What belongs here: putting those rows into the tables that a rule's SQL names, and saying why they are not there. What
does not: which tables and periods a rule reads (``register.between``), and where other submissions' rows come from.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import polars as pl

from lgdp_pipelines.handover.chunked_frame import Pieces
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.reference_tables import ReferenceColumn, ReferenceTable, ReferenceVersion
from lgdp_pipelines.register.model.table_model import ItemType, Rule
from lgdp_pipelines.register.rules.cross_return import PERIOD_COLUMN, external_tables, matching_periods, shared_columns
from lgdp_pipelines.register.rules.sql_statements import ExternalTable
from lgdp_pipelines.validation.judging_context import JudgingContext
from lgdp_pipelines.vocabulary.periods import Period


class ReferenceData:
    """The rows that a submission's rules read from other returns and reference tables, each table fetched once."""

    def __init__(self, context: JudgingContext) -> None:
        self._context = context
        self._found: dict[ExternalTable, Pieces | str] = {}

    def why_not(self, rule: Rule) -> str:
        """Why what a rule reads besides the submission is not there; empty where it is."""
        found = (self._of(table) for table in external_tables(rule))
        return next((reason for reason in found if isinstance(reason, str)), "")

    def tables(self, rules: Sequence[Rule]) -> Mapping[str, Pieces]:
        """What some rules read, as far as it is there, by the names that their queries have for it."""
        asked = dict.fromkeys(table for rule in rules for table in external_tables(rule))
        found = {table.name: self._of(table) for table in asked}
        return {name: rows for name, rows in found.items() if not isinstance(rows, str)}

    def _of(self, table: ExternalTable) -> Pieces | str:
        if table not in self._found:
            self._found[table] = self._reference(table) if table.is_reference else self._rows(table)
        return self._found[table]

    def _reference(self, asked: ExternalTable) -> Pieces | str:
        table = self._reference_tables[asked.table]
        day = self._context.period.end
        version = table.in_force(day)
        if version is None:
            return f"No version of “{table.title}” was in force on {day}."
        return Pieces.of(reference_rows(table, version))

    def _rows(self, asked: ExternalTable) -> Pieces | str:
        data_return = self._returns[asked.of]
        periods = matching_periods(data_return, self._context.period)
        if not periods:
            return f"{data_return.code} was not asked for {self._context.period.id}."
        parts: list[tuple[Period, Pieces]] = []
        for period in periods:
            rows = self._context.other_rows(data_return, period, data_return.contract_for(period).by_name[asked.table])
            if rows is None:
                return self._context.absence_reason(data_return.code, period)
            parts.append((period, rows))
        contracts = [data_return.contract_for(period) for period in periods]
        columns = shared_columns(contracts, asked.table)
        schema = pl.Schema({**{name: parts[0][1].schema[name] for name in columns}, PERIOD_COLUMN: pl.String()})
        return self._context.spill.keep(_together(parts, columns), schema)

    @cached_property
    def _returns(self) -> Mapping[str, Return]:
        return {data_return.slug: data_return for data_return in self._context.register.returns.values()}

    @cached_property
    def _reference_tables(self) -> Mapping[str, ReferenceTable]:
        return {table.slug: table for table in self._context.register.reference.values()}


def _together(parts: Sequence[tuple[Period, Pieces]], columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Rows of several periods, one piece after the other, each saying which it is of."""
    for period, rows in parts:
        for piece in rows.only(columns):
            yield piece.with_columns(pl.lit(period.id).alias(PERIOD_COLUMN))


def reference_rows(table: ReferenceTable, version: ReferenceVersion) -> pl.DataFrame:
    """A version's rows with its columns in their types; what is empty is null."""
    text = pl.DataFrame(list(version.rows), schema={column.name: pl.String for column in table.columns}, orient="row")
    return text.select(_value(column).alias(column.name) for column in table.columns)


def _value(column: ReferenceColumn) -> pl.Expr:
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
