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

from lgdp_pipelines.register.model import Contract, Item, ItemType, Register, Role, Table
from lgdp_pipelines.standards.councils import Council, fold
from lgdp_pipelines.standards.observations import ObservationStatus
from lgdp_pipelines.standards.periods import Period, read_period
from lgdp_pipelines.standards.rules import RuleKind

ROW = "_row"


@dataclass(frozen=True)
class Submitted:
    """What a submission is for: whatever a table says of itself is held against this."""

    contract: Contract
    register: Register
    council: Council
    period: Period


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


def typed_table(table: Table, text: pl.DataFrame, submitted: Submitted) -> Typed:
    """Read a landed table by its contract.

    Args:
        table: of the contract.
        text: as landed: a string column for each item, and ``_row``.
        submitted: what the submission is for.
    """
    expressions: list[pl.Expr] = [pl.col(ROW)]
    for item in table.items:
        value = _value(item, text, submitted)
        given = _given(item)
        expressions.append(value.alias(item.name))
        if item.role is Role.MEASURE:
            expressions.append(_status(item, value).alias(f"{item.name}_status"))
        if item.required:
            expressions.append(_text(item).is_null().alias(f"{_EMPTY}{item.name}"))
        if has_form_besides_its_type(item):
            expressions.append(given.alias(f"{_SPELT}{item.name}"))
        if _refusing(item):
            expressions.append((given.is_not_null() & value.is_null()).alias(f"{_REFUSED}{item.name}"))
    read = text.lazy().select(expressions).collect()
    return Typed(
        frame=read.select(
            *(item.name for item in table.items),
            *(f"{item.name}_status" for item in table.having(Role.MEASURE)),
            ROW,
        ),
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
    return frame.lazy().filter(flag).select(ROW).collect().to_series()


def _text(item: Item) -> pl.Expr:
    """The cell without the white space around it; null where nothing is left."""
    stripped = pl.col(item.name).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _given(item: Item) -> pl.Expr:
    """The cell's text where it is meant as a value: no mark."""
    text = _text(item)
    return pl.when(~text.is_in(list(item.marks))).then(text) if item.marks else text


def _status(item: Item, value: pl.Expr) -> pl.Expr:
    filled = pl.when(value.is_not_null()).then(pl.lit(ObservationStatus.NORMAL.value))
    if not item.marks:
        return filled.otherwise(pl.lit(ObservationStatus.MISSING.value))
    statuses = {mark: status.value for mark, status in item.marks.items()}
    return filled.otherwise(
        _text(item).replace_strict(statuses, default=ObservationStatus.MISSING.value, return_dtype=pl.String)
    )


def _value(item: Item, text: pl.DataFrame, submitted: Submitted) -> pl.Expr:
    if item.role is Role.COUNCIL:
        return _named(item, text, lambda spelling: _council(spelling, submitted))
    if item.role is Role.PERIOD:
        return _named(item, text, lambda spelling: _period(spelling, submitted))
    if item.code_list is not None:
        spellings = submitted.register.code_lists[item.code_list].spellings_on(submitted.period.end)
        aliases = {spelling: code for spelling, code in spellings.items() if spelling != code}
        return _given(item).replace(aliases) if aliases else _given(item)
    return _typed(item)


def _named(item: Item, text: pl.DataFrame, resolve: Callable[[str], str | None]) -> pl.Expr:
    """The column by a look-up: a submission spells its council and period in few ways."""
    spellings = text.lazy().select(_text(item).unique()).collect().to_series().drop_nulls().to_list()
    resolved = {spelling: resolve(spelling) for spelling in spellings}
    return _text(item).replace_strict(resolved, return_dtype=pl.String) if resolved else _text(item)


def _council(spelling: str, submitted: Submitted) -> str | None:
    code = submitted.register.councils.code_by_spelling.get(fold(spelling))
    return code if code == submitted.council.code else None


def _period(spelling: str, submitted: Submitted) -> str | None:
    period = read_period(spelling, submitted.contract.period_kind)
    return period.id if period == submitted.period else None


def _typed(item: Item) -> pl.Expr:
    given = _given(item)
    match item.type:
        case ItemType.TEXT:
            # Text is kept with the white space around it, unless there is nothing else.
            return pl.when(given.is_not_null()).then(pl.col(item.name))
        case ItemType.INTEGER:
            return _shaped(given, r"^-?[0-9]+$").cast(pl.Int64, strict=False)
        case ItemType.NUMBER:
            number = _shaped(given, r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$").cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number)
        case ItemType.DECIMAL:
            return _shaped(given, _decimal_shape(item)).cast(polars_type(item), strict=False)
        case ItemType.DATE:
            return _shaped(given, _date_shape(item.date_format or "")).str.to_date(item.date_format, strict=False)
        case ItemType.BOOLEAN:
            return given.str.to_lowercase().replace_strict(
                {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
            )


def _shaped(given: pl.Expr, shape: str) -> pl.Expr:
    """The text where it has a shape: Polars' own readers take more than a person would."""
    return pl.when(given.str.contains(shape)).then(given)


def _decimal_shape(item: Item) -> str:
    whole = item.precision - item.scale
    before = rf"0*[0-9]{{1,{whole}}}" if whole else "0+"
    after = rf"(\.[0-9]{{1,{item.scale}}}0*)?" if item.scale else r"(\.0+)?"
    return rf"^-?{before}{after}$"


def _date_shape(date_format: str) -> str:
    shape = date_format.replace(".", r"\.").replace("%Y", "[1-9][0-9]{3}")
    for letters in ("%d", "%m"):
        shape = shape.replace(letters, "[0-9]{2}")
    return f"^{shape}$"


def bound(item: Item, text: str) -> int | float | date | str:
    """A bound of a range in the item's type."""
    match item.type:
        case ItemType.DATE:
            return date.fromisoformat(text)
        case ItemType.TEXT | ItemType.BOOLEAN:
            return text
        case _:
            return int(text) if text.lstrip("-").isdigit() else float(text)
