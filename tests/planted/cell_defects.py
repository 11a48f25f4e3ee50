"""Invalid texts of a single cell, and valid texts at the border, derived from the declaration of its item.

Belongs here: texts that break the declaration of an item, and texts that only just keep to it; both derived from the
declaration alone. Belongs elsewhere: rules over several cells, which each return's own module knows.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.table_model import Item, ItemType, Role, Table
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.value_formats import format_day
from lgdp_pipelines.vocabulary.verdicts import RuleKind
from tests.planted.table_drafts import Event, N, PlantedFinding

_TEXTS_OF_OTHER_TYPES: Mapping[ItemType, Sequence[str]] = {
    ItemType.INTEGER: ("2.9", "12E5", "1 000", "eleven", "--1", "0x1F"),
    ItemType.DECIMAL: ("1.005", "1e3", "£7", "12.3.4", "nan"),
    ItemType.NUMBER: ("1,5", "inf", "twelve"),
    ItemType.BOOLEAN: ("yes", "0", "TRUEE"),
}
_UNKNOWN_CODES = ("ZZ", "?", "-1", "nan", "00")
_LETTER = "x"


def cycle_texts(texts: Sequence[str]) -> pl.Expr:
    """Return one text after the other, row by row."""
    return pl.lit(pl.Series(list(texts), dtype=pl.String)).gather(pl.col(N) % len(texts))


def find_rule_prefix(slug: str, tables: Sequence[Table], table: Table, item: Item) -> str:
    """Return the beginning of the ids of an item's rules.

    It has the table's name if an earlier table has the item too.
    """
    last_part = item.urn.rpartition(":")[2]
    earlier_tables = tables[: tables.index(table)]
    is_repeated = any(last_part == other.urn.rpartition(":")[2] for table in earlier_tables for other in table.items)
    return f"{slug}.{table.name}.{last_part}" if is_repeated else f"{slug}.{last_part}"


def list_cell_events(
    item: Item, prefix: str, register: Register, council: Council, period: Period
) -> Iterator[tuple[RuleKind, Event]]:
    """Yield every way to break the declaration of an item, with the kind of rule that finds it."""

    def make_event(kind: RuleKind, texts: Sequence[str]) -> tuple[RuleKind, Event]:
        severity = str(item.severities.get(kind, "error"))
        return kind, Event(
            (PlantedFinding(f"{prefix}.{kind}", severity, item.header),), {item.name: cycle_texts(texts)}
        )

    if item.required:
        yield make_event(RuleKind.REQUIRED, ["", "   ", "\t"])
    if item.role is Role.COUNCIL:
        other_councils = [candidate for candidate in register.councils if candidate.code != council.code]
        yield make_event(
            RuleKind.COUNCIL, [other_councils[0].sg_code, other_councils[1].name, "Nowhere", other_councils[2].gss_code]
        )
    elif item.role is Role.PERIOD:
        yield make_event(RuleKind.PERIOD, [period.shift(1).id, period.shift(-1).id[2:], "last year"])
    else:
        yield from (
            make_event(kind, texts) for kind, texts in _list_invalid_texts(item, register, period).items() if texts
        )


def _list_invalid_texts(item: Item, register: Register, period: Period) -> Mapping[RuleKind, Sequence[str]]:
    """Return texts that break the declaration of a value, by the kind of rule."""
    return {
        RuleKind.TYPE: _list_invalid_days(item)
        if item.type is ItemType.DATE
        else _TEXTS_OF_OTHER_TYPES.get(item.type, ()),
        RuleKind.CODES: _list_invalid_codes(item, register, period) if item.code_list is not None else (),
        RuleKind.PATTERN: _list_texts_of_other_form(item) if item.pattern is not None else (),
        RuleKind.LENGTH: [_LETTER * length for length in _list_invalid_lengths(item)],
        RuleKind.RANGE: _list_texts_beyond_bounds(item),
        RuleKind.MULTIPLE: _list_texts_beside_multiples(item),
    }


def _list_invalid_codes(item: Item, register: Register, period: Period) -> list[str]:
    """Return codes of another day, and texts that are not codes."""
    code_list = register.code_lists[item.code_list or ""]
    ended_codes = [code.code for code in code_list.codes if not code.is_valid_on(period.end)]
    spellings = {spelling for code in code_list.codes for spelling in (code.code, *code.aliases)}
    return [*ended_codes, *(text for text in _UNKNOWN_CODES if text not in spellings)]


def list_border_events(item: Item, register: Register, period: Period) -> Iterator[Event]:
    """Yield every way to only just keep to the declaration of an item."""
    if not item.required:
        yield Event((), {item.name: cycle_texts(["", "  "])})
    if item.role in (Role.COUNCIL, Role.PERIOD):
        yield Event((), {item.name: pl.concat_str(pl.lit(" "), pl.col(item.name), pl.lit(" "))})
        return
    if item.type is not ItemType.TEXT or item.code_list is not None:
        yield Event((), {item.name: pl.concat_str(pl.lit("  "), pl.col(item.name), pl.lit(" "))})
    if item.code_list is not None:
        codes = [code for code in register.code_lists[item.code_list].codes if code.is_valid_on(period.end)]
        yield Event((), {item.name: cycle_texts([code.code for code in codes])})
        aliases = [alias for code in codes for alias in code.aliases]
        if aliases:
            yield Event((), {item.name: cycle_texts(aliases)})
    if item.min_length is not None or item.max_length is not None:
        yield Event(
            (), {item.name: cycle_texts([_LETTER * length for length in (item.min_length, item.max_length) if length])}
        )
    if item.range is not None:
        yield Event((), {item.name: cycle_texts(_list_texts_at_bounds(item))})


def _list_invalid_days(item: Item) -> list[str]:
    """Return impossible days, and one day in another form."""
    date_format = item.date_format or ""

    def spell(year: str, month: str, day: str) -> str:
        return date_format.replace("yyyy", year).replace("MM", month).replace("dd", day)

    return [
        spell("2023", "02", "29"),
        spell("2024", "13", "01"),
        spell("24", "5", "1"),
        "01/05/2024" if "/" not in date_format else "2024-05-01",
    ]


def _list_texts_of_other_form(item: Item) -> list[str]:
    form = re.compile(item.pattern or "", re.ASCII)
    texts = [text for text in ("!", "2024-Q1", "A1", "12345678901", "a12345", "A12345 ") if not form.fullmatch(text)]
    longest_length = item.max_length if item.max_length is not None else 100
    return [text for text in texts if (item.min_length or 0) <= len(text) <= longest_length]


def _list_invalid_lengths(item: Item) -> list[int]:
    shorter = [item.min_length - 1] if item.min_length is not None and item.min_length > 1 else []
    longer = [item.max_length + 1, item.max_length * 3] if item.max_length is not None else []
    return [*shorter, *longer]


def _list_texts_beyond_bounds(item: Item) -> list[str]:
    """Return the nearest values outside the bounds."""
    bounds = item.range
    if bounds is None:
        return []
    texts = [
        _move_bound(item, bounds.minimum, -1),
        _move_bound(item, bounds.maximum, 1),
        _move_bound(item, bounds.exclusive_minimum, 0),
        _move_bound(item, bounds.exclusive_maximum, 0),
    ]
    return [text for text in texts if text is not None]


def _list_texts_beside_multiples(item: Item) -> list[str]:
    """Return the nearest values beside a multiple."""
    if item.multiple_of is None:
        return []
    return [
        str(Decimal(item.multiple_of) * 8 + step) for step in (_find_smallest_step(item), -_find_smallest_step(item))
    ]


def _find_smallest_step(item: Item) -> Decimal:
    """Return the smallest step of an item's type."""
    return Decimal(1).scaleb(-item.scale) if item.type is ItemType.DECIMAL else Decimal(1)


def _list_texts_at_bounds(item: Item) -> list[str]:
    """Return the outermost values inside the bounds."""
    bounds = item.range
    if bounds is None:
        return []
    texts = [
        _move_bound(item, bounds.minimum, 0),
        _move_bound(item, bounds.maximum, 0),
        _move_bound(item, bounds.exclusive_minimum, 1),
        _move_bound(item, bounds.exclusive_maximum, -1),
    ]
    return [text for text in texts if text is not None]


def _move_bound(item: Item, bound: str | None, step_count: int) -> str | None:
    """Return a bound moved by a number of the smallest steps, as the contract spells values."""
    if bound is None:
        return None
    if item.type is ItemType.DATE:
        return format_day(date.fromisoformat(bound) + timedelta(days=step_count), item.date_format or "")
    step = _find_smallest_step(item) if item.multiple_of is None else Decimal(item.multiple_of)
    return str(Decimal(bound) + step_count * step)
