"""Text to values, strictly: what reads as the item's type, and what does not.

The text is as the contract spells it already (``repairs``). Nothing is rounded, cut or guessed: ``2.9`` is no whole
number, ``12E5`` neither, ``1012024`` no date of eight digits. What belongs here: types and marks. What does not: other
spellings of the same thing (``repairs``) and rules about values (``checks``).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import polars as pl

from lgdp_pipelines.register.model.table_model import Item, ItemType, Role, Table
from lgdp_pipelines.validation.judging_context import SubmissionFacts
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.verdicts import RuleKind

ROW = "_row"
REPAIRS = "_repairs"
"""What was made canonical in a row, as ``<item>:<kind>`` with spaces between; null where nothing was."""

NO_ROWS = pl.Series(ROW, [], dtype=pl.Int64)
IDENTIFYING_ROLES = (Role.COUNCIL, Role.PERIOD)
"""Roles of the items that say for whom and when a submission is."""

_NONE: Mapping[str, pl.Series] = MappingProxyType({})


@dataclass(frozen=True)
class TypedChunk:
    """A table of values.

    Attributes:
        frame: of :func:`typed_schema`. Null where a cell is empty, holds a mark, or was refused; a text that is in no
            code list stays as sent.
        spelt: for items that are no text and yet have a form or a length: their text, in rows as of ``frame``.
        empty: ``_row`` of the cells without anything in them, by item name, for required items.
        refused: ``_row`` of the cells refused, by item name and kind of rule (type, council, period).
    """

    frame: pl.DataFrame
    spelt: pl.DataFrame
    empty: Mapping[str, pl.Series]
    refused: Mapping[tuple[str, RuleKind], pl.Series]


def polars_type(item: Item) -> pl.DataType:
    """The type of an item's validated column."""
    match item.type:
        case ItemType.TEXT:
            return pl.String()
        case ItemType.INTEGER:
            return pl.Int64()
        case ItemType.NUMBER:
            return pl.Float64()
        case ItemType.DECIMAL:
            return pl.Decimal(item.precision, item.scale)
        case ItemType.DATE:
            return pl.Date()
        case ItemType.BOOLEAN:
            return pl.Boolean()


def typed_schema(table: Table) -> pl.Schema:
    """Columns of a validated table: items in their types, ``<measure>_status`` for each, ``_repairs`` and ``_row``."""
    return pl.Schema(
        {
            **{item.name: polars_type(item) for item in table.items},
            **{f"{item.name}_status": pl.String() for item in table.having(Role.MEASURE)},
            REPAIRS: pl.String(),
            ROW: pl.Int64(),
        }
    )


def parse_chunk(
    table: Table,
    text: pl.DataFrame,
    shaped: Collection[str],
    submitted: SubmissionFacts,
    read: Mapping[str, pl.Series] = _NONE,
) -> TypedChunk:
    """Read a piece of a table by its contract.

    Args:
        table: of the contract.
        text: as the contract spells it: a string column for each item, ``_repairs`` and ``_row``.
        shaped: names of items of which every cell is empty or has the shape of a value.
        submitted: what the submission is for.
        read: values that are known already, of items among those; null only where a cell is empty or has no such value.
    """
    expressions: list[pl.Expr] = [pl.col(ROW), pl.col(REPAIRS)]
    for item in table.items:
        cell = _as_it_stands(item) if item.name in shaped else _shaped(item)
        known = read.get(item.name)
        value = pl.col(f"{_READ}{item.name}") if known is not None else _value(item, cell, submitted)
        expressions.append(value.alias(item.name))
        if item.role is Role.MEASURE:
            is_full = known is not None and not known.null_count()
            expressions.append((_NORMAL if is_full else _status(item, value)).alias(f"{item.name}_status"))
        if item.required and text.get_column(item.name).null_count():
            expressions.append(pl.col(item.name).is_null().alias(f"{_EMPTY}{item.name}"))
        if has_text_rules(item):
            expressions.append(cell.given.alias(f"{_SPELT}{item.name}"))
        if _refusing(item) and not (
            known is not None and known.null_count() == text.get_column(item.name).null_count()
        ):
            expressions.append((cell.given.is_not_null() & value.is_null()).alias(f"{_REFUSED}{item.name}"))
    given = text.lazy().with_columns(known.alias(f"{_READ}{name}") for name, known in read.items())
    made = given.select(expressions).collect()
    return TypedChunk(
        frame=made.select(typed_schema(table).names()),
        spelt=made.select(
            pl.col(f"{_SPELT}{item.name}").alias(item.name) for item in table.items if has_text_rules(item)
        ),
        empty={item.name: _rows(made, f"{_EMPTY}{item.name}") for item in table.items if item.required},
        refused={
            (item.name, kind): _rows(made, f"{_REFUSED}{item.name}") for item in table.items for kind in _refusing(item)
        },
    )


_EMPTY, _REFUSED, _SPELT, _READ = "_empty.", "_refused.", "_spelt.", "_read."
_NORMAL = pl.lit(ObservationStatus.NORMAL.value)


def has_text_rules(item: Item) -> bool:
    """Whether the contract says how an item is spelt that is no text."""
    has_form = item.pattern is not None or item.min_length is not None or item.max_length is not None
    return has_form and item.type is not ItemType.TEXT


def _refusing(item: Item) -> tuple[RuleKind, ...]:
    """The kind of rule that a cell breaks whose text does not read."""
    if item.role is Role.COUNCIL:
        return (RuleKind.COUNCIL,)
    if item.role is Role.PERIOD:
        return (RuleKind.PERIOD,)
    return () if item.type is ItemType.TEXT else (RuleKind.TYPE,)


def _rows(frame: pl.DataFrame, flag: str) -> pl.Series:
    if flag not in frame.columns:
        return NO_ROWS
    flags = frame.get_column(flag)
    return frame.get_column(ROW).filter(flags) if flags.any() else NO_ROWS


@dataclass(frozen=True)
class _Cell:
    """A column on its way to its values.

    Attributes:
        given: the text where it is meant as a value, and is no mark.
        shaped: what of it has the shape of the item's type.
    """

    given: pl.Expr
    shaped: pl.Expr


def _as_it_stands(item: Item) -> _Cell:
    column = pl.col(item.name)
    return _Cell(column, column)


def _shaped(item: Item) -> _Cell:
    text = pl.col(item.name)
    given = pl.when(~text.is_in(list(item.marks))).then(text) if item.marks else text
    shape = value_pattern(item)
    return _Cell(given, pl.when(given.str.contains(shape)).then(given) if shape else given)


def _status(item: Item, value: pl.Expr) -> pl.Expr:
    filled = pl.when(value.is_not_null()).then(pl.lit(ObservationStatus.NORMAL.value))
    missing = ObservationStatus.MISSING.value
    if not item.marks:
        return filled.otherwise(pl.lit(missing))
    statuses = {mark: status.value for mark, status in item.marks.items()}
    return filled.otherwise(pl.col(item.name).replace_strict(statuses, default=missing, return_dtype=pl.String))


def _value(item: Item, cell: _Cell, submitted: SubmissionFacts) -> pl.Expr:
    if item.role is Role.COUNCIL:
        return pl.when(cell.given == submitted.council.code).then(cell.given)
    if item.role is Role.PERIOD:
        return pl.when(cell.given == submitted.period.id).then(cell.given)
    return _typed(item, cell)


def _typed(item: Item, cell: _Cell) -> pl.Expr:
    match item.type:
        case ItemType.TEXT:
            return cell.given
        case ItemType.INTEGER:
            return cell.shaped.cast(pl.Int64, strict=False)
        case ItemType.NUMBER:
            number = cell.shaped.cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number)
        case ItemType.DECIMAL:
            return cell.shaped.cast(polars_type(item), strict=False)
        case ItemType.DATE:
            return cell.shaped.str.to_date(item.date_format, strict=False, cache=False)
        case ItemType.BOOLEAN:
            return pl.when(cell.shaped.is_not_null()).then(cell.shaped.str.to_lowercase() == "true")


def value_pattern(item: Item) -> str:
    """What a value looks like, as a regular expression: Polars' own readers take more than a person would.

    Empty where any text is a value.
    """
    match item.type:
        case ItemType.TEXT:
            return ""
        case ItemType.INTEGER:
            return r"^-?[0-9]+$"
        case ItemType.NUMBER:
            return r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
        case ItemType.DECIMAL:
            whole = item.precision - item.scale
            before = rf"0*[0-9]{{1,{whole}}}" if whole else "0+"
            after = rf"(\.[0-9]{{1,{item.scale}}}0*)?" if item.scale else r"(\.0+)?"
            return rf"^-?{before}{after}$"
        case ItemType.DATE:
            spelt = (item.date_format or "").replace(".", r"\.").replace("%Y", "[1-9][0-9]{3}")
            return f"^{spelt.replace('%d', '[0-9]{2}').replace('%m', '[0-9]{2}')}$"
        case ItemType.BOOLEAN:
            return "^(?i:true|false)$"


def parse_bound(item: Item, text: str) -> int | float | date | str:
    """A bound of a range in the item's type."""
    match item.type:
        case ItemType.DATE:
            return date.fromisoformat(text)
        case ItemType.TEXT | ItemType.BOOLEAN:
            return text
        case _:
            return int(text) if text.lstrip("-").isdigit() else float(text)
