"""What rules read besides the submission: the same council's rows of other returns, and reference tables.

What belongs here: putting those rows into the tables that a rule's SQL names, and saying why they are not there. What
does not: which tables and periods a rule reads (``register.between``), and where other submissions' rows come from.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

import polars as pl

from lgdp_pipelines.handover.chunked_frame import Keep, Pieces
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.reference_tables import ReferenceColumn, ReferenceTable, ReferenceVersion
from lgdp_pipelines.register.model.table_model import ItemType, Rule, Table
from lgdp_pipelines.register.rules.cross_return import PERIOD, common_columns, others_of, periods_asked
from lgdp_pipelines.register.rules.sql_statements import OtherTable
from lgdp_pipelines.validation.type_parsing import Submitted
from lgdp_pipelines.vocabulary.periods import Period

Others = Callable[[Return, Period, Table], Pieces | None]
"""Gives the council's standing validated rows of a table of another return in a period; None where it has none."""

Absent = Callable[[str, Period], str]
"""Says why there is nothing of a return and period to hold a submission against, and what to do about it."""


def no_others(_ret: Return, _period: Period, _table: Table) -> None:
    """Where nothing is known of other returns."""


def none_accepted(return_code: str, period: Period) -> str:
    """What is said where the platform was asked."""
    return f"There is no accepted submission of {return_code} for {period.id} to compare with."


class Besides:
    """What the rules of one submission read besides it, each table put together once.

    Args:
        submitted: what the submission is for; only its own council's rows are ever asked for.
        others: gives rows of other returns.
        absent: says why they are not there.
        keep: keeps rows of several periods together.

    Attributes:
        absent: says why there is nothing to hold a submission against.
    """

    def __init__(self, submitted: Submitted, others: Others, absent: Absent, keep: Keep) -> None:
        self._submitted, self._others, self._keep = submitted, others, keep
        self.absent = absent
        self._found: dict[OtherTable, Pieces | str] = {}

    def why_not(self, rule: Rule) -> str:
        """Why what a rule reads besides the submission is not there; empty where it is."""
        found = (self._of(table) for table in others_of(rule))
        return next((reason for reason in found if isinstance(reason, str)), "")

    def tables(self, rules: Sequence[Rule]) -> Mapping[str, Pieces]:
        """What some rules read, as far as it is there, by the names that their queries have for it."""
        asked = dict.fromkeys(table for rule in rules for table in others_of(rule))
        found = {table.name: self._of(table) for table in asked}
        return {name: rows for name, rows in found.items() if not isinstance(rows, str)}

    def _of(self, table: OtherTable) -> Pieces | str:
        if table not in self._found:
            self._found[table] = self._reference(table) if table.is_reference else self._rows(table)
        return self._found[table]

    def _reference(self, asked: OtherTable) -> Pieces | str:
        table = self._reference_tables[asked.table]
        day = self._submitted.period.end
        version = table.in_force(day)
        if version is None:
            return f"No version of “{table.title}” was in force on {day}."
        return Pieces.of(reference_rows(table, version))

    def _rows(self, asked: OtherTable) -> Pieces | str:
        data_return = self._returns[asked.of]
        periods = periods_asked(data_return, self._submitted.period)
        if not periods:
            return f"{data_return.code} was not asked for {self._submitted.period.id}."
        parts: list[tuple[Period, Pieces]] = []
        for period in periods:
            rows = self._others(data_return, period, data_return.contract_for(period).by_name[asked.table])
            if rows is None:
                return self.absent(data_return.code, period)
            parts.append((period, rows))
        contracts = [data_return.contract_for(period) for period in periods]
        columns = common_columns(contracts, asked.table)
        schema = pl.Schema({**{name: parts[0][1].schema[name] for name in columns}, PERIOD: pl.String()})
        return self._keep(_together(parts, columns), schema)

    @cached_property
    def _returns(self) -> Mapping[str, Return]:
        return {data_return.slug: data_return for data_return in self._submitted.register.returns.values()}

    @cached_property
    def _reference_tables(self) -> Mapping[str, ReferenceTable]:
        return {table.slug: table for table in self._submitted.register.reference.values()}


def _together(parts: Sequence[tuple[Period, Pieces]], columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Rows of several periods, one piece after the other, each saying which it is of."""
    for period, rows in parts:
        for piece in rows.only(columns):
            yield piece.with_columns(pl.lit(period.id).alias(PERIOD))


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
