"""Text to values, strictly: what reads as the item's type, and what does not.

White space around a number, date or code is no fault; the cell as sent stays in the landed table. A cell of nothing but
white space is empty. Text itself is kept to the letter. Nothing is rounded, cut or guessed: ``2.9`` is no whole number,
``12E5`` neither, ``1012024`` no date of eight digits. What belongs here: types, marks, and the resolving of codes,
councils and periods to their one spelling. What does not: rules about values (``checks``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from lgdp_pipelines.register.model import Contract, Register
from lgdp_pipelines.register.parts import Item, ItemType, Role, Table
from lgdp_pipelines.standards.councils import Council, fold
from lgdp_pipelines.standards.observations import ObservationStatus
from lgdp_pipelines.standards.periods import Period, read_period
from lgdp_pipelines.standards.rules import RuleKind

ROW = "_row"
NO_ROWS = pl.Series(ROW, [], dtype=pl.Int64)


@dataclass(frozen=True)
class Submitted:
    """What a submission is for: whatever a table says of itself is held against this.

    Attributes:
        contract: that it answers.
        register: with its code lists and councils.
        council: whose account delivered it.
        period: that it is for.
        received_on: the day, in Scotland, on which its last byte came.
    """

    contract: Contract
    register: Register
    council: Council
    period: Period
    received_on: date


@dataclass(frozen=True)
class Typed:
    """A table of values.

    Attributes:
        frame: items by name in their types, ``<measure>_status`` for each measure, ``_row``. Null where a cell is
            empty, holds a mark, or was refused; a text that is in no code list stays as sent.
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
    """Columns of a validated table: items in their types, ``<measure>_status`` for each measure, ``_row``."""
    return pl.Schema(
        {
            **{item.name: polars_type(item) for item in table.items},
            **{f"{item.name}_status": pl.String() for item in table.having(Role.MEASURE)},
            ROW: pl.Int64(),
        }
    )


def typed_table(table: Table, text: pl.DataFrame, submitted: Submitted) -> Typed:
    """Read a piece of a landed table by its contract.

    Args:
        table: of the contract.
        text: as landed: a string column for each item, and ``_row``.
        submitted: what the submission is for.
    """
    standing = _standing(table, text, submitted)
    expressions: list[pl.Expr] = [pl.col(ROW)]
    for item in table.items:
        cell = _as_sent(item) if item.name in standing else _cleaned(item)
        value = _value(item, cell, text, submitted)
        expressions.append(value.alias(item.name))
        if item.role is Role.MEASURE:
            expressions.append(_status(item, cell, value).alias(f"{item.name}_status"))
        if item.required:
            expressions.append(cell.text.is_null().alias(f"{_EMPTY}{item.name}"))
        if has_form_besides_its_type(item):
            expressions.append(cell.given.alias(f"{_SPELT}{item.name}"))
        if _refusing(item):
            expressions.append((cell.given.is_not_null() & value.is_null()).alias(f"{_REFUSED}{item.name}"))
    read = text.lazy().select(expressions).collect()
    return Typed(
        frame=read.select(typed_schema(table).names()),
        spelt=read.select(
            pl.col(f"{_SPELT}{item.name}").alias(item.name) for item in table.items if has_form_besides_its_type(item)
        ),
        empty={item.name: _rows(read, f"{_EMPTY}{item.name}") for item in table.items if item.required},
        refused={
            (item.name, kind): _rows(read, f"{_REFUSED}{item.name}") for item in table.items for kind in _refusing(item)
        },
    )


_EMPTY, _REFUSED, _SPELT = "_empty.", "_refused.", "_spelt."


def has_form_besides_its_type(item: Item) -> bool:
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
    flags = frame.get_column(flag)
    return frame.get_column(ROW).filter(flags) if flags.any() else NO_ROWS


@dataclass(frozen=True)
class _Cell:
    """A column on its way to its values.

    Attributes:
        text: without the white space around it; null where nothing is left.
        given: the text where it is meant as a value, and is no mark.
        shaped: what of it has the shape of the item's type.
    """

    text: pl.Expr
    given: pl.Expr
    shaped: pl.Expr


def _as_sent(item: Item) -> _Cell:
    column = pl.col(item.name)
    return _Cell(column, column, column)


def _cleaned(item: Item) -> _Cell:
    stripped = pl.col(item.name).str.strip_chars()
    text = pl.when(stripped != "").then(stripped)
    given = pl.when(~text.is_in(list(item.marks))).then(text) if item.marks else text
    shape = _shape(item)
    return _Cell(text, given, pl.when(given.str.contains(shape)).then(given) if shape else given)


def _standing(table: Table, text: pl.DataFrame, submitted: Submitted) -> frozenset[str]:
    """Items of which every cell is sent just as a value is spelt: most are, and need no cleaning."""
    tests = [_stands(item, submitted).all(ignore_nulls=True).alias(item.name) for item in table.items]
    return frozenset(name for name, stands in text.lazy().select(tests).collect().row(0, named=True).items() if stands)


def _stands(item: Item, submitted: Submitted) -> pl.Expr:
    shape = _shape(item)
    if item.code_list is not None:
        return pl.col(item.name).is_in(list(set(_spellings(item, submitted).values())))
    return pl.col(item.name).str.contains(shape) if shape else ~pl.col(item.name).str.contains(r"^\s*$")


def _status(item: Item, cell: _Cell, value: pl.Expr) -> pl.Expr:
    filled = pl.when(value.is_not_null()).then(pl.lit(ObservationStatus.NORMAL.value))
    missing = ObservationStatus.MISSING.value
    if not item.marks:
        return filled.otherwise(pl.lit(missing))
    statuses = {mark: status.value for mark, status in item.marks.items()}
    return filled.otherwise(cell.text.replace_strict(statuses, default=missing, return_dtype=pl.String))


def _value(item: Item, cell: _Cell, text: pl.DataFrame, submitted: Submitted) -> pl.Expr:
    if item.role is Role.COUNCIL:
        return _named(item, text, lambda spelling: _council(spelling, submitted))
    if item.role is Role.PERIOD:
        return _named(item, text, lambda spelling: _period(spelling, submitted))
    if item.code_list is not None:
        aliases = {spelling: code for spelling, code in _spellings(item, submitted).items() if spelling != code}
        aliases |= _by_pattern(item, text, submitted)
        return cell.given.replace(aliases) if aliases else cell.given
    return _typed(item, cell)


def _spellings(item: Item, submitted: Submitted) -> Mapping[str, str]:
    return submitted.register.code_lists[item.code_list or ""].spellings_on(submitted.period.end)


def _by_pattern(item: Item, text: pl.DataFrame, submitted: Submitted) -> Mapping[str, str]:
    """Code by each spelling in the column that only a pattern of its list takes."""
    listed = submitted.register.code_lists[item.code_list or ""]
    if not listed.has_patterns:
        return {}
    known, day = _spellings(item, submitted), submitted.period.end
    sent = text.get_column(item.name).str.strip_chars().unique().drop_nulls()
    resolved = {spelling: listed.resolved(spelling, day) for spelling in sent if spelling not in known}
    return {spelling: code for spelling, code in resolved.items() if code is not None}


def _named(item: Item, text: pl.DataFrame, resolve: Callable[[str], str | None]) -> pl.Expr:
    """The column by a look-up: a submission spells its council and period in few ways."""
    spellings = text.get_column(item.name).unique().drop_nulls().to_list()
    resolved = {spelling: resolve(spelling) for spelling in spellings}
    column = pl.col(item.name)
    return column.replace_strict(resolved, return_dtype=pl.String) if resolved else column


def _council(spelling: str, submitted: Submitted) -> str | None:
    code = submitted.register.councils.code_by_spelling.get(fold(spelling))
    return code if code == submitted.council.code else None


def _period(spelling: str, submitted: Submitted) -> str | None:
    period = read_period(spelling, submitted.contract.period_kind)
    return period.id if period == submitted.period else None


def _typed(item: Item, cell: _Cell) -> pl.Expr:
    match item.type:
        case ItemType.TEXT:
            # Text is kept with the white space around it, unless there is nothing else.
            return pl.when(cell.text.is_not_null()).then(pl.col(item.name))
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


def _shape(item: Item) -> str:
    """What a value looks like, as a regular expression: Polars' own readers take more than a person would."""
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


def bound(item: Item, text: str) -> int | float | date | str:
    """A bound of a range in the item's type."""
    match item.type:
        case ItemType.DATE:
            return date.fromisoformat(text)
        case ItemType.TEXT | ItemType.BOOLEAN:
            return text
        case _:
            return int(text) if text.lstrip("-").isdigit() else float(text)
