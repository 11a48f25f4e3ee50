"""Derived items worked out from typed ones and reference tables, as the contract declares.

Where something that a value rests on is missing, the value is null and never a guess; a derived figure then says why by
its status. What belongs here: working values out. What does not: what a contract may declare (``register``), and
reading text (``typed``).
"""

from collections.abc import Iterator, Mapping

import polars as pl

from lgdp_pipelines.register.model.derivations import AgeBand, FamilyGroup, Quarter, Rate
from lgdp_pipelines.register.model.reference_tables import ReferenceTable
from lgdp_pipelines.register.model.table_model import Item, Role, Table
from lgdp_pipelines.validation.judging_context import SubmissionFacts
from lgdp_pipelines.validation.type_parsing import polars_type, typed_schema
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.periods import PeriodKind


def validated_schema(table: Table) -> pl.Schema:
    """Columns of a validated table: those of :func:`typed_schema`, and derived items, a measure with its status."""
    derived: dict[str, pl.DataType] = {item.name: polars_type(item) for item in table.derived}
    statuses = {f"{item.name}_status": pl.String() for item in table.derived if item.role is Role.MEASURE}
    return pl.Schema({**typed_schema(table), **derived, **statuses})


class DerivedColumns:
    """The working out of a table's derived items, piece by piece.

    Args:
        table: of the contract.
        submitted: what the submission is for.
    """

    def __init__(self, table: Table, submitted: SubmissionFacts) -> None:
        self._table = table
        self._columns = [column for item in table.derived for column in _columns(item, submitted)]
        self._names = validated_schema(table).names()

    def of(self, typed: pl.DataFrame) -> pl.DataFrame:
        """A piece with its derived items behind the others, in the order of :func:`validated_schema`."""
        return typed.with_columns(self._columns).select(self._names) if self._columns else typed

    def in_error(self, sent: Mapping[str, pl.Series]) -> Mapping[str, pl.Series]:
        """``_row`` of cells in error by item name, with the derived items that cannot be worked out for them."""
        derived = {
            item.name: pl.concat(rows)
            for item in self._table.derived
            if item.derived and (rows := [sent[name] for name in item.derived.sources if name in sent])
        }
        return {**sent, **derived}


def _columns(item: Item, submitted: SubmissionFacts) -> Iterator[pl.Expr]:
    match item.derived:
        case AgeBand() as band:
            yield _age_band(band).alias(item.name)
        case Quarter() as quarter:
            yield _quarter(quarter).alias(item.name)
        case Rate() as rate:
            there = _looked_up(rate, submitted)
            value = pl.col(rate.of).cast(pl.Float64) / there * rate.per if there else pl.lit(None, dtype=pl.Float64)
            yield value.alias(item.name)
            yield _status(rate, has_denominator=bool(there)).alias(f"{item.name}_status")
        case FamilyGroup() as group:
            yield pl.lit(_group(group, submitted), dtype=pl.String).alias(item.name)


def _age_band(band: AgeBand) -> pl.Expr:
    birth, day = pl.col(band.of), pl.col(band.on)
    # Who was born on 29 February is a year older from 1 March on, where the year has no such day.
    is_before_birthday = _day_of_year(day) < _day_of_year(birth)
    age = day.dt.year() - birth.dt.year() - is_before_birthday.cast(pl.Int32)
    code = pl.lit(None, dtype=pl.String)
    for lower, one in zip(band.lower, band.codes, strict=True):
        code = pl.when((age >= lower) & (birth <= day)).then(pl.lit(one.code)).otherwise(code)
    return code


def _day_of_year(day: pl.Expr) -> pl.Expr:
    return day.dt.month().cast(pl.Int32) * 100 + day.dt.day()


def _quarter(quarter: Quarter) -> pl.Expr:
    day = pl.col(quarter.of)
    month, year = day.dt.month().cast(pl.Int32), day.dt.year()
    if quarter.kind is PeriodKind.CALENDAR_QUARTER:
        return pl.format("CY{}-Q{}", year, (month - 1) // 3 + 1)
    begun = year - (month < _APRIL).cast(pl.Int32)
    second = ((begun + 1) % 100).cast(pl.String).str.zfill(2)
    return pl.format("FY{}-{}-Q{}", begun, second, (month - _APRIL) % 12 // 3 + 1)


_APRIL = 4


def _status(rate: Rate, *, has_denominator: bool) -> pl.Expr:
    """Of a rate: as of the figure that is divided; not collected where nobody says by what."""
    of_figure = pl.col(f"{rate.of}_status")
    if has_denominator:
        return of_figure
    return (
        pl.when(of_figure == ObservationStatus.NORMAL.value)
        .then(pl.lit(ObservationStatus.NOT_COLLECTED.value))
        .otherwise(of_figure)
    )


def _looked_up(rate: Rate, submitted: SubmissionFacts) -> float | None:
    """How many there are, for the council and the year in which the period begins."""
    wanted = {"council_code": submitted.council.code, "year": str(submitted.period.start.year)}
    text = _cell(submitted.register.reference[rate.reference], rate.version, wanted, rate.column)
    return float(text) if text else None


def _group(group: FamilyGroup, submitted: SubmissionFacts) -> str | None:
    wanted = {"council_code": submitted.council.code, "indicator_code": group.indicator}
    return _cell(submitted.register.reference[group.reference], group.version, wanted, group.column) or None


def _cell(table: ReferenceTable, version: str, wanted: dict[str, str], column: str) -> str:
    """The cell of the row that has the wanted values; empty where there is none."""
    names = [one.name for one in table.columns]
    for row in table.by_version[version].rows:
        cells = dict(zip(names, row, strict=True))
        if all(cells[name] == value for name, value in wanted.items()):
            return cells[column]
    return ""
