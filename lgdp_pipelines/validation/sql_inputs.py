"""Relations that rules in SQL read besides the submission's own tables.

They are the council's rows of other returns, reference tables, the submission's cells in error, and the codes that are
valid. Belongs here: putting those rows into relations, and saying why they are missing. Belongs elsewhere: which tables
and periods a rule reads (``register.rules.sql_statements``), and where other submissions' rows come from.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.handover.extract_reading import ROW
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.reference_tables import ReferenceColumn, ReferenceTable, ReferenceVersion
from lgdp_pipelines.register.model.table_model import ItemType, Rule
from lgdp_pipelines.register.rules.kinds.rule_kind import CODES, IN_ERROR
from lgdp_pipelines.register.rules.sql_statements import (
    PERIOD_COLUMN,
    ExternalTable,
    find_matching_periods,
    find_shared_columns,
    list_external_tables,
)
from lgdp_pipelines.validation.judging_context import JudgingContext
from lgdp_pipelines.validation.sql_rules import prepare_rule
from lgdp_pipelines.vocabulary.periods import Period

_ERRORS_SCHEMA = pl.Schema({"_table": pl.String(), "_item": pl.String(), ROW: pl.Int64()})
_CODES_SCHEMA = pl.Schema({"_list": pl.String(), "_code": pl.String()})


class SqlInputs:
    """The relations outside a submission that its rules read, each fetched once."""

    def __init__(self, context: JudgingContext) -> None:
        self._context = context
        self._fetched: dict[ExternalTable, ChunkedFrame | str] = {}

    def missing_reason(self, rule: Rule) -> str:
        """Return why a relation that a rule reads is missing; empty where none is."""
        fetched = (self._fetch(table) for table in list_external_tables(rule))
        return next((reason for reason in fetched if isinstance(reason, str)), "")

    def relations(
        self, rules: Sequence[Rule], in_error: Mapping[tuple[str, str], pl.Series]
    ) -> Mapping[str, ChunkedFrame]:
        """Return the relations that some rules read, by their name in SQL.

        Args:
            rules: rules in SQL; what is missing of what they read is left out.
            in_error: ``_row`` of the cells in error, by table and item.
        """
        external = dict.fromkeys(table for rule in rules for table in list_external_tables(rule))
        fetched = {table.name: self._fetch(table) for table in external}
        relations = {name: rows for name, rows in fetched.items() if not isinstance(rows, str)}
        table_names = {name for rule in rules for name in prepare_rule(rule).tables}
        if IN_ERROR in table_names:
            relations[IN_ERROR] = ChunkedFrame.from_frames(_cells_in_error(in_error))
        if CODES in table_names:
            relations[CODES] = ChunkedFrame.from_frames(self._valid_codes())
        return relations

    def _fetch(self, table: ExternalTable) -> ChunkedFrame | str:
        if table not in self._fetched:
            self._fetched[table] = self._reference(table) if table.is_reference else self._read_other_return(table)
        return self._fetched[table]

    def _reference(self, wanted: ExternalTable) -> ChunkedFrame | str:
        table = self._reference_tables[wanted.table]
        day = self._context.period.end
        version = table.in_force(day)
        if version is None:
            return f"No version of “{table.title}” was in force on {day}."
        return ChunkedFrame.from_frames(_reference_rows(table, version))

    def _read_other_return(self, wanted: ExternalTable) -> ChunkedFrame | str:
        data_return = self._returns[wanted.of]
        periods = find_matching_periods(data_return, self._context.period)
        if not periods:
            return f"{data_return.code} was not asked for {self._context.period.id}."
        parts: list[tuple[Period, ChunkedFrame]] = []
        for period in periods:
            rows = self._context.other_rows(data_return, period, data_return.contract_for(period).by_name[wanted.table])
            if rows is None:
                return self._context.absence_reason(data_return.code, period)
            parts.append((period, rows))
        columns = find_shared_columns([data_return.contract_for(period) for period in periods], wanted.table)
        schema = pl.Schema({**{name: parts[0][1].schema[name] for name in columns}, PERIOD_COLUMN: pl.String()})
        return self._context.spill.store(_label_periods(parts, columns), schema)

    def _valid_codes(self) -> pl.DataFrame:
        context = self._context
        lists = {item.code_list for table in context.contract.tables for item in table.all_items if item.code_list}
        valid = [
            (name, code.code)
            for name in sorted(lists)
            for code in context.register.code_lists[name].codes
            if code.is_valid_on(context.period.end)
        ]
        return pl.DataFrame(valid, schema=_CODES_SCHEMA, orient="row")

    @cached_property
    def _returns(self) -> Mapping[str, Return]:
        return {data_return.slug: data_return for data_return in self._context.register.returns.values()}

    @cached_property
    def _reference_tables(self) -> Mapping[str, ReferenceTable]:
        return {table.slug: table for table in self._context.register.reference.values()}


def _cells_in_error(in_error: Mapping[tuple[str, str], pl.Series]) -> pl.DataFrame:
    cells = (
        rows.to_frame(ROW).select(pl.lit(table).alias("_table"), pl.lit(item).alias("_item"), ROW)
        for (table, item), rows in in_error.items()
    )
    return pl.concat([_ERRORS_SCHEMA.to_frame(), *cells])


def _label_periods(parts: Sequence[tuple[Period, ChunkedFrame]], columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield the rows of several periods, each row with the period it is of."""
    for period, rows in parts:
        for chunk in rows.iter_chunks(columns):
            yield chunk.with_columns(pl.lit(period.id).alias(PERIOD_COLUMN))


def _reference_rows(table: ReferenceTable, version: ReferenceVersion) -> pl.DataFrame:
    """Return a version's rows with typed columns; an empty cell is null."""
    text = pl.DataFrame(list(version.rows), schema={column.name: pl.String for column in table.columns}, orient="row")
    return text.select(_parse_reference(column).alias(column.name) for column in table.columns)


def _parse_reference(column: ReferenceColumn) -> pl.Expr:
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
