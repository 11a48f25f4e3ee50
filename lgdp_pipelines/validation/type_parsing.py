"""Text to values, strictly: which texts are values of an item's type, and which are not.

The text is in the contract's spelling already (``normalisation``). Nothing is rounded, cut or guessed: ``2.9`` and
``12E5`` are not whole numbers, and ``1012024`` is not a date of eight digits. Belongs here: types and marks. Belongs
elsewhere: other spellings of the same value (``normalisation``) and rules about values (``cell_rules``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from lgdp_pipelines.handover.column_types import item_column_type
from lgdp_pipelines.register.model.table_model import Item, ItemType, Role, Table
from lgdp_pipelines.validation.judging_context import SubmissionFacts
from lgdp_pipelines.validation.rule_violations import NO_ROWS
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.table_columns import REPAIRS, ROW, name_status_column
from lgdp_pipelines.vocabulary.value_formats import build_date_pattern, to_strptime_format
from lgdp_pipelines.vocabulary.verdicts import RuleKind

IDENTIFYING_ROLES = (Role.COUNCIL, Role.PERIOD)
"""Roles of the items that name the council and the period of a submission."""


@dataclass(frozen=True)
class CanonicalChunk:
    """A chunk of a table in the contract's spelling.

    Attributes:
        text: a string column for each item, ``_repairs`` and ``_row``; null where a cell is empty.
        well_formed: names of items whose cells are all empty or have the form of a value.
        values: values of such items that are known already; null only for a cell that is empty or has no value.
    """

    text: pl.DataFrame
    well_formed: frozenset[str]
    values: Mapping[str, pl.Series]


@dataclass(frozen=True)
class TypedChunk:
    """A chunk of a table as values.

    Attributes:
        frame: of :func:`build_typed_schema`. Null for a cell that is empty, holds a mark, or was refused; a text that
            is in no code list stays as sent.
        text: the text of items of another type that have a pattern or a length, in the rows of ``frame``.
        empty: ``_row`` of the empty cells, by item name, for required items.
        refused: ``_row`` of the cells refused, by item name and kind of rule (type, council, period).
    """

    frame: pl.DataFrame
    text: pl.DataFrame
    empty: Mapping[str, pl.Series]
    refused: Mapping[tuple[str, RuleKind], pl.Series]


def build_typed_schema(table: Table) -> pl.Schema:
    """Return a typed table's columns: items, statuses, ``_repairs`` and ``_row``."""
    return pl.Schema(
        {
            **{item.name: item_column_type(item).polars for item in table.items},
            **{name_status_column(item.name): pl.String() for item in table.list_items_of_role(Role.MEASURE)},
            REPAIRS: pl.String(),
            ROW: pl.Int64(),
        }
    )


_EMPTY, _REFUSED, _TEXT, _KNOWN = "_empty.", "_refused.", "_text.", "_known."
_NORMAL = pl.lit(ObservationStatus.NORMAL.value)


def parse_chunk(table: Table, chunk: CanonicalChunk, facts: SubmissionFacts) -> TypedChunk:
    """Return a chunk's typed values, and its empty and refused cells."""
    text = chunk.text
    expressions: list[pl.Expr] = [pl.col(ROW), pl.col(REPAIRS)]
    for item in table.items:
        cell = _build_cell(item, is_well_formed=item.name in chunk.well_formed)
        values = chunk.values.get(item.name)
        value = pl.col(f"{_KNOWN}{item.name}") if values is not None else _parse(item, cell, facts)
        expressions.append(value.alias(item.name))
        if item.role is Role.MEASURE:
            is_full = values is not None and not values.null_count()
            status = _NORMAL if is_full else _build_status(item, value)
            expressions.append(status.alias(name_status_column(item.name)))
        empty_count = text.get_column(item.name).null_count()
        if item.required and empty_count:
            expressions.append(pl.col(item.name).is_null().alias(f"{_EMPTY}{item.name}"))
        if has_text_rules(item):
            expressions.append(cell.text.alias(f"{_TEXT}{item.name}"))
        if _find_refusing_kind(item) and (values is None or values.null_count() != empty_count):
            expressions.append((cell.text.is_not_null() & value.is_null()).alias(f"{_REFUSED}{item.name}"))
    source = text.lazy().with_columns(values.alias(f"{_KNOWN}{name}") for name, values in chunk.values.items())
    parsed = source.select(expressions).collect()
    return TypedChunk(
        frame=parsed.select(build_typed_schema(table).names()),
        text=parsed.select(
            pl.col(f"{_TEXT}{item.name}").alias(item.name) for item in table.items if has_text_rules(item)
        ),
        empty={item.name: _select_flagged(parsed, f"{_EMPTY}{item.name}") for item in table.items if item.required},
        refused={
            (item.name, kind): _select_flagged(parsed, f"{_REFUSED}{item.name}")
            for item in table.items
            if (kind := _find_refusing_kind(item))
        },
    )


def has_text_rules(item: Item) -> bool:
    """Return whether a pattern or length restricts a non-text item's text."""
    has_form = item.pattern is not None or item.min_length is not None or item.max_length is not None
    return has_form and item.type is not ItemType.TEXT


def _find_refusing_kind(item: Item) -> RuleKind | None:
    """Return the rule kind of refused cells; None for ordinary text items.

    Text that names the council or the period can be refused; other text cannot.
    """
    if item.role is Role.COUNCIL:
        return RuleKind.COUNCIL
    if item.role is Role.PERIOD:
        return RuleKind.PERIOD
    return None if item.type is ItemType.TEXT else RuleKind.TYPE


def _select_flagged(frame: pl.DataFrame, flag: str) -> pl.Series:
    """Return ``_row`` of flagged rows; no rows without the flag's column."""
    if flag not in frame.columns:
        return NO_ROWS
    flags = frame.get_column(flag)
    return frame.get_column(ROW).filter(flags) if flags.any() else NO_ROWS


@dataclass(frozen=True)
class _Cell:
    """A column that is being parsed.

    Attributes:
        text: the text; null for a mark.
        well_formed: the text; null also for a text without the form of the item's type.
    """

    text: pl.Expr
    well_formed: pl.Expr


def _build_cell(item: Item, *, is_well_formed: bool) -> _Cell:
    """Return an item's text without marks, and its well-formed text."""
    column = pl.col(item.name)
    if is_well_formed:
        return _Cell(column, column)
    text = pl.when(~column.is_in(list(item.marks))).then(column) if item.marks else column
    pattern = build_value_pattern(item)
    return _Cell(text, pl.when(text.str.contains(pattern)).then(text) if pattern else text)


def _build_status(item: Item, value: pl.Expr) -> pl.Expr:
    """Return the status of a measure: normal, missing, or its mark's."""
    filled = pl.when(value.is_not_null()).then(_NORMAL)
    missing = ObservationStatus.MISSING.value
    if not item.marks:
        return filled.otherwise(pl.lit(missing))
    statuses = {mark: status.value for mark, status in item.marks.items()}
    return filled.otherwise(pl.col(item.name).replace_strict(statuses, default=missing, return_dtype=pl.String))


def _parse(item: Item, cell: _Cell, facts: SubmissionFacts) -> pl.Expr:
    """Return an item's typed values; null where text is no value.

    Another council or period than the submission's own is no value.
    """
    if item.role in IDENTIFYING_ROLES:
        expected = facts.council.code if item.role is Role.COUNCIL else facts.period.id
        return pl.when(cell.text == expected).then(cell.text)
    match item.type:
        case ItemType.TEXT:
            return cell.text
        case ItemType.NUMBER:
            number = cell.well_formed.cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number)
        case ItemType.INTEGER | ItemType.DECIMAL:
            return cell.well_formed.cast(item_column_type(item).polars, strict=False)
        case ItemType.DATE:
            return cell.well_formed.str.to_date(to_strptime_format(item.date_format or ""), strict=False, cache=False)
        case ItemType.BOOLEAN:
            return pl.when(cell.well_formed.is_not_null()).then(cell.well_formed.str.to_lowercase() == "true")


def build_value_pattern(item: Item) -> str:
    """Return a regular expression for a whole value; empty for text."""
    match item.type:
        case ItemType.TEXT:
            return ""
        case ItemType.INTEGER:
            return r"^-?[0-9]+$"
        case ItemType.NUMBER:
            return r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
        case ItemType.DECIMAL:
            integer_digits = item.precision - item.scale
            before = rf"0*[0-9]{{1,{integer_digits}}}" if integer_digits else "0+"
            after = rf"(\.[0-9]{{1,{item.scale}}}0*)?" if item.scale else r"(\.0+)?"
            return rf"^-?{before}{after}$"
        case ItemType.DATE:
            return f"^{build_date_pattern(item.date_format or '')}$"
        case ItemType.BOOLEAN:
            return "^(?i:true|false)$"


def parse_bound(item: Item, text: str) -> int | float | date | str:
    """Return a bound of a range in the item's type."""
    match item.type:
        case ItemType.DATE:
            return date.fromisoformat(text)
        case ItemType.TEXT | ItemType.BOOLEAN:
            return text
        case _:
            return int(text) if text.lstrip("-").isdigit() else float(text)


def read_canonical_columns(table: Table, text: pl.DataFrame) -> Mapping[str, pl.Series]:
    """Return values of uncoded columns whose cells are certainly empty or canonical.

    In most files most columns are in the contract's spelling from the first row to the last. One query tests all their
    cells; the other columns are read cell by cell (``normalisation``).

    Args:
        table: the table of the contract; items with a code list, and those that name council and period, are left out.
        text: a string column for each item; null where a cell is empty.
    """
    plain = [item for item in table.items if item.code_list is None and item.role not in IDENTIFYING_ROLES]
    items = [item for item in plain if item.type in _CANONICAL_TESTS]
    if not items:
        return {}
    parsed = (
        text.lazy()
        .select(
            *(_CANONICAL_TESTS[item.type](item).all().alias(f"{_HOLDS}{item.name}") for item in items),
            *(pl.col(item.name).cast(pl.Int64, strict=False) for item in items if item.type is ItemType.INTEGER),
            *(
                pl.col(item.name).str.to_date(to_strptime_format(item.date_format or ""), strict=False, cache=False)
                for item in items
                if item.type is ItemType.DATE
            ),
        )
        .collect()
    )
    columns = {}
    for item in items:
        texts = text.get_column(item.name)
        values = texts if item.type is ItemType.TEXT else parsed.get_column(item.name)
        # A date of the right form that is in no calendar is null, and no other parser can read it.
        is_read = item.type is ItemType.DATE or values.null_count() == texts.null_count()
        if is_read and parsed.get_column(f"{_HOLDS}{item.name}").first() is not False:
            columns[item.name] = values
    return columns


_HOLDS = "_holds."


def _begins_visibly(item: Item) -> pl.Expr:
    """Return whether a text begins with a visible ASCII character."""
    return (pl.col(item.name) >= "!") & (pl.col(item.name) < "\x7f")


def _begins_without_space_or_plus(item: Item) -> pl.Expr:
    """Return whether a text begins with neither white space nor plus sign."""
    return pl.col(item.name) >= "-"


def _has_the_form(item: Item) -> pl.Expr:
    """Return whether a text has the form of the item's type."""
    return pl.col(item.name).str.contains(build_value_pattern(item))


_CANONICAL_TESTS = {
    ItemType.TEXT: _begins_visibly,
    ItemType.INTEGER: _begins_without_space_or_plus,
    ItemType.DATE: _has_the_form,
}
"""By type, the test that a text which Polars reads as a value is one that a person would read so too."""
