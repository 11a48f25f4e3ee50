"""Derived items, computed from typed ones and reference tables as the contract declares.

If an input is missing, the derived value is null and never a guess; a derived figure then says why by its status.
Belongs here: computing values. Belongs elsewhere: the declarations of a contract (``register``), and parsing text
(``type_parsing``).
"""

from collections.abc import Iterator, Mapping

import polars as pl

from lgdp_pipelines.handover.column_types import item_column_type
from lgdp_pipelines.register.model.derivations import AgeBand, FamilyGroup, Quarter, Rate
from lgdp_pipelines.register.model.reference_tables import ReferenceTable
from lgdp_pipelines.register.model.table_model import Item, Role, Table
from lgdp_pipelines.validation.judging_context import SubmissionFacts
from lgdp_pipelines.validation.type_parsing import build_typed_schema
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.periods import PeriodKind
from lgdp_pipelines.vocabulary.table_columns import name_status_column


def build_validated_schema(table: Table) -> pl.Schema:
    """Return a validated table's columns: typed items, derived items and their statuses."""
    derived: dict[str, pl.DataType] = {item.name: item_column_type(item).polars for item in table.derived}
    statuses = {name_status_column(item.name): pl.String() for item in table.derived if item.role is Role.MEASURE}
    return pl.Schema({**build_typed_schema(table), **derived, **statuses})


class DerivedColumns:
    """Computes a table's derived items, chunk by chunk."""

    def __init__(self, table: Table, facts: SubmissionFacts) -> None:
        self._table = table
        self._columns = [column for item in table.derived for column in _derive(item, facts)]
        self._names = build_validated_schema(table).names()

    def add_to(self, typed: pl.DataFrame) -> pl.DataFrame:
        """Return a chunk with its derived items, in the order of :func:`build_validated_schema`."""
        return typed.with_columns(self._columns).select(self._names) if self._columns else typed

    def extend_errors(self, in_error: Mapping[str, pl.Series]) -> Mapping[str, pl.Series]:
        """Return cells in error by item; derived items share their sources' errors."""
        derived = {
            item.name: pl.concat(rows)
            for item in self._table.derived
            if item.derived and (rows := [in_error[name] for name in item.derived.sources if name in in_error])
        }
        return {**in_error, **derived}


def _derive(item: Item, facts: SubmissionFacts) -> Iterator[pl.Expr]:
    """Yield the columns of a derived item: value, and status of rates."""
    match item.derived:
        case AgeBand() as band:
            yield _derive_age_band(band).alias(item.name)
        case Quarter() as quarter:
            yield _derive_quarter(quarter).alias(item.name)
        case Rate() as rate:
            population = _find_population(rate, facts)
            figure = pl.col(rate.of).cast(pl.Float64)
            value = figure / population * rate.per if population else pl.lit(None, dtype=pl.Float64)
            yield value.alias(item.name)
            yield _derive_status(rate, has_denominator=bool(population)).alias(name_status_column(item.name))
        case FamilyGroup() as group:
            yield pl.lit(_find_family_group(group, facts), dtype=pl.String).alias(item.name)


def _derive_age_band(band: AgeBand) -> pl.Expr:
    """Return the code of the age band on a day; else null."""
    birth, day = pl.col(band.of), pl.col(band.on)
    # A person born on 29 February is a year older from 1 March on in a year without that day.
    is_before_birthday = _number_day(day) < _number_day(birth)
    age = day.dt.year() - birth.dt.year() - is_before_birthday.cast(pl.Int32)
    code = pl.lit(None, dtype=pl.String)
    for lower, band_code in zip(band.lower, band.codes, strict=True):
        code = pl.when((age >= lower) & (birth <= day)).then(pl.lit(band_code.code)).otherwise(code)
    return code


def _number_day(day: pl.Expr) -> pl.Expr:
    """Return month and day as one number, such as 1231."""
    return day.dt.month().cast(pl.Int32) * 100 + day.dt.day()


def _derive_quarter(quarter: Quarter) -> pl.Expr:
    """Return the id of the quarter that a day lies in."""
    day = pl.col(quarter.of)
    month, year = day.dt.month().cast(pl.Int32), day.dt.year()
    if quarter.period_kind is PeriodKind.CALENDAR_QUARTER:
        return pl.format("CY{}-Q{}", year, (month - 1) // 3 + 1)
    first_year = year - (month < _APRIL).cast(pl.Int32)
    second_year = ((first_year + 1) % 100).cast(pl.String).str.zfill(2)
    return pl.format("FY{}-{}-Q{}", first_year, second_year, (month - _APRIL) % 12 // 3 + 1)


_APRIL = 4


def _derive_status(rate: Rate, *, has_denominator: bool) -> pl.Expr:
    """Return the figure's status; normal becomes not collected without denominator."""
    status = pl.col(name_status_column(rate.of))
    if has_denominator:
        return status
    return (
        pl.when(status == ObservationStatus.NORMAL.value)
        .then(pl.lit(ObservationStatus.NOT_COLLECTED.value))
        .otherwise(status)
    )


def _find_population(rate: Rate, facts: SubmissionFacts) -> float | None:
    """Return a rate's denominator for the period's first year; None if absent."""
    keys = {"council_code": facts.council.code, "year": str(facts.period.start.year)}
    text = _find_cell(facts.register.reference[rate.reference], rate.version, keys, rate.column)
    return float(text) if text else None


def _find_family_group(group: FamilyGroup, facts: SubmissionFacts) -> str | None:
    """Return the council's family group for an indicator; None if absent."""
    keys = {"council_code": facts.council.code, "indicator_code": group.indicator}
    return _find_cell(facts.register.reference[group.reference], group.version, keys, group.column) or None


def _find_cell(table: ReferenceTable, version: str, keys: Mapping[str, str], column: str) -> str:
    """Return a cell of the row with the given keys, or empty."""
    names = [reference_column.name for reference_column in table.columns]
    rows = (dict(zip(names, row, strict=True)) for row in table.by_version[version].rows)
    return next((cells[column] for cells in rows if keys.items() <= cells.items()), "")
