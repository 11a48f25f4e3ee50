"""Ways to spoil a single cell, and ways to bring it to the border, as they follow from what a contract says of an item.

Belongs here: texts that break what is declared of an item, and texts that only just keep to it; both worked out from
the declaration alone. Belongs elsewhere: rules over several cells, which each return's own module knows.
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
from lgdp_pipelines.vocabulary.verdicts import RuleKind
from tests.planted.table_drafts import Event, N, PlantedFinding

_NO_TYPE: Mapping[ItemType, Sequence[str]] = {
    ItemType.INTEGER: ("2.9", "12E5", "1 000", "eleven", "--1", "0x1F"),
    ItemType.DECIMAL: ("1.005", "1e3", "£7", "12.3.4", "nan"),
    ItemType.NUMBER: ("1,5", "inf", "twelve"),
    ItemType.BOOLEAN: ("yes", "0", "TRUEE"),
}
_NO_CODES = ("ZZ", "?", "-1", "nan", "00")
_LETTERS = "x"


def one_of(texts: Sequence[str]) -> pl.Expr:
    """One text after the other, row by row."""
    return pl.lit(pl.Series(list(texts), dtype=pl.String)).gather(pl.col(N) % len(texts))


def prefix_of(slug: str, tables: Sequence[Table], table: Table, item: Item) -> str:
    """What the ids of an item's rules begin with: its table stands before it where an earlier one has it too."""
    last = item.urn.rpartition(":")[2]
    before = tables[: tables.index(table)]
    had = any(last == other.urn.rpartition(":")[2] for table in before for other in table.items)
    return f"{slug}.{table.name}.{last}" if had else f"{slug}.{last}"


def cell_events(
    item: Item, prefix: str, register: Register, council: Council, period: Period
) -> Iterator[tuple[RuleKind, Event]]:
    """Every way to break what is declared of an item, with the kind of rule that must find it."""

    def found(kind: RuleKind, texts: Sequence[str]) -> tuple[RuleKind, Event]:
        severity = str(item.severities.get(kind, "error"))
        return kind, Event((PlantedFinding(f"{prefix}.{kind}", severity, item.header),), {item.name: one_of(texts)})

    if item.required:
        yield found(RuleKind.REQUIRED, ["", "   ", "\t"])
    if item.role is Role.COUNCIL:
        others = [candidate for candidate in register.councils if candidate.code != council.code]
        yield found(RuleKind.COUNCIL, [others[0].sg_code, others[1].name, "Nowhere", others[2].gss_code])
    elif item.role is Role.PERIOD:
        yield found(RuleKind.PERIOD, [period.shift(1).id, period.shift(-1).id[2:], "last year"])
    else:
        yield from (found(kind, texts) for kind, texts in _spoilt(item, register, period).items() if texts)


def _spoilt(item: Item, register: Register, period: Period) -> Mapping[RuleKind, Sequence[str]]:
    """Texts that break what is declared of a value, by the kind of rule; none where nothing is."""
    return {
        RuleKind.TYPE: _no_days(item) if item.type is ItemType.DATE else _NO_TYPE.get(item.type, ()),
        RuleKind.CODES: _no_codes(item, register, period) if item.code_list is not None else (),
        RuleKind.PATTERN: _out_of_form(item) if item.pattern is not None else (),
        RuleKind.LENGTH: [_LETTERS * length for length in _wrong_lengths(item)],
        RuleKind.RANGE: _beyond(item),
        RuleKind.MULTIPLE: _between_multiples(item),
    }


def _no_codes(item: Item, register: Register, period: Period) -> list[str]:
    """Codes of another day, and what is no code at all."""
    listed = register.code_lists[item.code_list or ""]
    ended = [code.code for code in listed.codes if not code.is_valid_on(period.end)]
    known = {spelling for code in listed.codes for spelling in (code.code, *code.aliases)}
    return [*ended, *(text for text in _NO_CODES if text not in known)]


def border_events(item: Item, register: Register, period: Period) -> Iterator[Event]:
    """Every way to only just keep to what is declared of an item."""
    if not item.required:
        yield Event((), {item.name: one_of(["", "  "])})
    if item.role in (Role.COUNCIL, Role.PERIOD):
        yield Event((), {item.name: pl.concat_str(pl.lit(" "), pl.col(item.name), pl.lit(" "))})
        return
    if item.type is not ItemType.TEXT or item.code_list is not None:
        yield Event((), {item.name: pl.concat_str(pl.lit("  "), pl.col(item.name), pl.lit(" "))})
    if item.code_list is not None:
        codes = [code for code in register.code_lists[item.code_list].codes if code.is_valid_on(period.end)]
        yield Event((), {item.name: one_of([code.code for code in codes])})
        aliases = [alias for code in codes for alias in code.aliases]
        if aliases:
            yield Event((), {item.name: one_of(aliases)})
    if item.min_length is not None or item.max_length is not None:
        yield Event(
            (), {item.name: one_of([_LETTERS * length for length in (item.min_length, item.max_length) if length])}
        )
    if item.range is not None:
        yield Event((), {item.name: one_of(_at_bounds(item))})


def _no_days(item: Item) -> list[str]:
    """Days that there are not, and one day in another form."""
    written = item.date_format or ""

    def spelt(year: str, month: str, day: str) -> str:
        return written.replace("%Y", year).replace("%m", month).replace("%d", day)

    other = "%d/%m/%Y" if "/" not in written else "%Y-%m-%d"
    return [
        spelt("2023", "02", "29"),
        spelt("2024", "13", "01"),
        spelt("24", "5", "1"),
        date(2024, 5, 1).strftime(other),
    ]


def _out_of_form(item: Item) -> list[str]:
    form = re.compile(item.pattern or "", re.ASCII)
    texts = [text for text in ("!", "2024-Q1", "A1", "12345678901", "a12345", "A12345 ") if not form.fullmatch(text)]
    longest = item.max_length if item.max_length is not None else 100
    return [text for text in texts if (item.min_length or 0) <= len(text) <= longest]


def _wrong_lengths(item: Item) -> list[int]:
    shorter = [item.min_length - 1] if item.min_length is not None and item.min_length > 1 else []
    longer = [item.max_length + 1, item.max_length * 3] if item.max_length is not None else []
    return [*shorter, *longer]


def _beyond(item: Item) -> list[str]:
    """The nearest values outside the bounds."""
    bounds = item.range
    if bounds is None:
        return []
    outside = [
        _moved(item, bounds.minimum, -1),
        _moved(item, bounds.maximum, 1),
        _moved(item, bounds.exclusive_minimum, 0),
        _moved(item, bounds.exclusive_maximum, 0),
    ]
    return [text for text in outside if text is not None]


def _between_multiples(item: Item) -> list[str]:
    """The nearest values beside a multiple."""
    if item.multiple_of is None:
        return []
    return [str(Decimal(item.multiple_of) * 8 + step) for step in (_smallest(item), -_smallest(item))]


def _smallest(item: Item) -> Decimal:
    """The smallest step of an item's type."""
    return Decimal(1).scaleb(-item.scale) if item.type is ItemType.DECIMAL else Decimal(1)


def _at_bounds(item: Item) -> list[str]:
    """The outermost values inside the bounds."""
    bounds = item.range
    if bounds is None:
        return []
    inside = [
        _moved(item, bounds.minimum, 0),
        _moved(item, bounds.maximum, 0),
        _moved(item, bounds.exclusive_minimum, 1),
        _moved(item, bounds.exclusive_maximum, -1),
    ]
    return [text for text in inside if text is not None]


def _moved(item: Item, bound: str | None, steps: int) -> str | None:
    """A bound, so many of the smallest steps further that a value may take, as the contract spells values."""
    if bound is None:
        return None
    if item.type is ItemType.DATE:
        return (date.fromisoformat(bound) + timedelta(days=steps)).strftime(item.date_format or "")
    step = _smallest(item) if item.multiple_of is None else Decimal(item.multiple_of)
    return str(Decimal(bound) + steps * step)
