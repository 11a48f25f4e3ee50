"""Other spellings made the contract's own, as a step before anything is read: never silent, and never a guess.

White space around a number, date or code goes; an alias becomes its code, a known name of the council its register
code, a spelling of the period its id; a date or number in another form that the contract declares is brought into its
own. Each cell that comes out otherwise than it was sent is counted once, by what it took, and marked on its row. What
no declared spelling reads stays as it is, and is a finding later. A cell of nothing but white space is empty; text
itself is kept to the letter. The cells as sent stay in the landed table. What belongs here: spellings. What does not:
what a system's mapping translates (``translated``, before this), and types (``typed``, after).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from threading import Lock

import polars as pl

from lgdp_pipelines.handover.repairs import Repair, RepairKind
from lgdp_pipelines.register.model.table_model import Item, Role, Table
from lgdp_pipelines.validation.canonical_columns import read_canonical_columns
from lgdp_pipelines.validation.judging_context import SubmissionFacts
from lgdp_pipelines.validation.type_parsing import IDENTIFYING_ROLES, REPAIRS, value_pattern
from lgdp_pipelines.vocabulary.councils import fold_spelling
from lgdp_pipelines.vocabulary.date_formats import build_date_parser
from lgdp_pipelines.vocabulary.number_styles import NumberStyle
from lgdp_pipelines.vocabulary.periods import read_period


@dataclass(frozen=True)
class CanonicalText:
    """A piece of a table as the contract spells it.

    Attributes:
        text: the columns as they were, items made canonical, and ``_repairs``; null where a cell is empty.
        shaped: names of items of which every cell is empty or has the shape of a value.
        read: values of items that were sent as the contract spells them, where they are known by now.
    """

    text: pl.DataFrame
    shaped: frozenset[str]
    read: Mapping[str, pl.Series]


class Normaliser:
    """The making canonical of a table, piece by piece, and perhaps more than one piece at a time.

    Args:
        table: of the contract.
        submitted: what the submission is for.
    """

    def __init__(self, table: Table, submitted: SubmissionFacts) -> None:
        self._table, self._submitted = table, submitted
        lists = submitted.register.code_lists
        self._spellings = {
            item.name: lists[item.code_list].spellings_on(_spelt_on(item, submitted))
            for item in table.items
            if item.code_list is not None
        }
        self._codes = {name: list(set(known.values())) for name, known in self._spellings.items()}
        self._cells: Counter[tuple[str, RepairKind]] = Counter()
        self._counting = Lock()

    def of(self, text: pl.DataFrame) -> CanonicalText:
        """A piece with its cells as the contract spells them; rows and their order stay."""
        read = read_canonical_columns(self._table, text)
        items = [item for item in self._table.items if item.name not in read]
        tests = {item.name: self._stands(item) for item in items}
        marked = {item.name: pl.col(item.name).str.contains(value_pattern(item)) for item in items if item.marks}
        whole = text.lazy().select(
            *(test.all(ignore_nulls=True).alias(name) for name, test in tests.items()),
            *(test.all(ignore_nulls=True).alias(f"{_SHAPED}.{name}") for name, test in marked.items()),
        )
        stands = whole.collect().row(0, named=True) if tests else {}
        shaped = {*read} | {name for name in tests if stands[f"{_SHAPED}.{name}" if name in marked else name]}
        columns: list[pl.Series] = []
        repaired: list[_Repaired] = []
        for item in items:
            if stands[item.name]:
                continue
            rows = text.select((~tests[item.name]).fill_null(value=False)).to_series().arg_true()
            column = text.get_column(item.name)
            sent = column if rows.len() == text.height else column.gather(rows)
            made = sent.to_frame().select(**_expressions(self._change(item, sent), value_pattern(item)))
            spelt = made.get_column(_TEXT)
            columns.append(spelt.alias(item.name) if sent is column else column.scatter(rows, spelt))
            repaired += _flagged(item, made, rows)
            if not item.marks and made.get_column(_SHAPED).all():
                shaped.add(item.name)
        with self._counting:
            self._cells.update({(one.item, one.kind): one.rows.len() for one in repaired})
        named = {
            item.name: text.get_column(item.name)
            for item in items
            if item.role in IDENTIFYING_ROLES and stands[item.name]
        }
        return CanonicalText(
            text.with_columns(*columns, _marks(repaired, text.height)), frozenset(shaped), {**read, **named}
        )

    @property
    def counted(self) -> tuple[Repair, ...]:
        """How many cells were made canonical so far, in the table's order."""
        return tuple(
            Repair(self._table.name, item.urn, kind, self._cells[item.name, kind])
            for item in self._table.items
            for kind in RepairKind
            if self._cells[item.name, kind]
        )

    def _stands(self, item: Item) -> pl.Expr:
        """Which cells of an item are sent as they are spelt: most are, and cost nothing more."""
        column, shape = pl.col(item.name), value_pattern(item)
        if item.role is Role.COUNCIL:
            return column == self._submitted.council.code
        if item.role is Role.PERIOD:
            return column == self._submitted.period.id
        if item.name in self._codes:
            return column.is_in(self._codes[item.name])
        if not shape:
            return ~column.str.contains(_BLANK)
        return column.str.contains(shape) | column.is_in(list(item.marks)) if item.marks else column.str.contains(shape)

    def _change(self, item: Item, sent: pl.Series) -> "_Change":
        """How cells of an item that do not stand become canonical."""
        if item.role in IDENTIFYING_ROLES:
            return self._named(item, sent)
        if item.name in self._codes:
            return self._coded(item, sent)
        cell = pl.col(item.name)
        if not value_pattern(item):
            return _Change(pl.lit(None, dtype=pl.String), {RepairKind.SPACE: cell != ""})
        if item.date_formats:
            return _looked_up(item, {RepairKind.DATE: _other_dates(item, sent)})
        return _looked_up(item, {}) if item.numbers is None else _other_numbers(item, item.numbers)

    def _named(self, item: Item, sent: pl.Series) -> "_Change":
        """By a look-up: a submission spells its council and period in few ways."""
        spelt = {text: self._name(item, text) for text in sent.unique()}
        spaced = [text for text, name in spelt.items() if text and text != name and text.strip() == (name or "")]
        named = [text for text, name in spelt.items() if text and text != name and text not in spaced]
        cell = pl.col(item.name)
        canonical = cell.replace_strict(
            pl.Series(list(spelt), dtype=pl.String), pl.Series(list(spelt.values()), dtype=pl.String)
        )
        kind = RepairKind.COUNCIL if item.role is Role.COUNCIL else RepairKind.PERIOD
        return _Change(canonical, {RepairKind.SPACE: cell.is_in(spaced), kind: cell.is_in(named)})

    def _name(self, item: Item, sent: str) -> str | None:
        """Code or id that a spelling stands for, where that is the submission's own; else as sent."""
        if not sent.strip():
            return None
        council, period = self._submitted.council, self._submitted.period
        if item.role is Role.COUNCIL:
            found = self._submitted.register.councils.code_by_spelling.get(fold_spelling(sent))
            return found if found == council.code else sent
        return period.id if read_period(sent, self._submitted.contract.period_kind) == period else sent

    def _coded(self, item: Item, sent: pl.Series) -> "_Change":
        known = self._spellings[item.name]
        aliases = {spelling: code for spelling, code in known.items() if spelling != code}
        return _looked_up(item, {RepairKind.ALIAS: aliases, RepairKind.PATTERN: self._by_pattern(item, sent)})

    def _by_pattern(self, item: Item, sent: pl.Series) -> Mapping[str, str]:
        """Code by each spelling that only a pattern of its list takes."""
        listed = self._submitted.register.code_lists[item.code_list or ""]
        if not listed.has_patterns:
            return {}
        known, day = self._spellings[item.name], _spelt_on(item, self._submitted)
        bare = sent.str.strip_chars().unique()
        resolved = {spelling: listed.resolved(spelling, day) for spelling in bare if spelling not in known}
        return {spelling: code for spelling, code in resolved.items() if code is not None}


def _spelt_on(item: Item, submitted: SubmissionFacts) -> date | None:
    """The day whose spellings of codes are understood; None: those of any, where each row has a day of its own."""
    return None if item.codes_on else submitted.period.end


@dataclass(frozen=True)
class _Change:
    """How cells become canonical.

    Attributes:
        canonical: as the contract spells them.
        flags: which cells it took what for, each cell once; whatever else it took, the cell has lost white space.
    """

    canonical: pl.Expr
    flags: Mapping[RepairKind, pl.Expr]


@dataclass(frozen=True)
class _Repaired:
    """The places in a piece where an item took one kind of repair, in order."""

    item: str
    kind: RepairKind
    rows: pl.Series


_BLANK = r"^\s*$"
_TEXT, _SHAPED = "text", "shaped"


def _expressions(change: _Change, shape: str) -> Mapping[str, pl.Expr]:
    is_shaped = change.canonical.str.contains(shape) if shape else pl.lit(value=True)
    return {
        _TEXT: change.canonical,
        _SHAPED: is_shaped.fill_null(value=True),
        **{str(kind): flag.fill_null(value=False) for kind, flag in change.flags.items()},
    }


def _flagged(item: Item, made: pl.DataFrame, rows: pl.Series) -> Iterator[_Repaired]:
    for kind in RepairKind:
        if kind in made.columns and not (places := rows.filter(made.get_column(kind))).is_empty():
            yield _Repaired(item.name, kind, places)


def _marks(repaired: Sequence[_Repaired], height: int) -> pl.Series:
    """What was repaired in each row, in words; as a number with a bit for each kind of repair on the way."""
    marks = pl.Series(REPAIRS, [None], dtype=pl.String).new_from_index(0, height)
    for start in range(0, len(repaired), _BITS):
        some = repaired[start : start + _BITS]
        bits = pl.repeat(0, height, dtype=pl.UInt64, eager=True)
        for number, one in enumerate(some):
            is_everywhere = one.rows.len() == height
            bits = bits + 2**number if is_everywhere else bits.scatter(one.rows, bits.gather(one.rows) + 2**number)
        words = {
            found: " ".join(f"{one.item}:{one.kind}" for number, one in enumerate(some) if found >> number & 1) or None
            for found in bits.unique()
        }
        said = pl.Series(list(words.values()), dtype=pl.String)
        # Where a council spells its name its own way, all of its rows say the same.
        told = said if len(words) == 1 else bits.replace_strict(pl.Series(list(words), dtype=pl.UInt64), said)
        told = told.new_from_index(0, height) if len(words) == 1 else told
        marks = told.alias(REPAIRS) if start == 0 else _both(marks, told)
    return marks


_BITS = 60
"""Kinds of repair of a piece that are told by one number."""


def _both(marks: pl.Series, more: pl.Series) -> pl.Series:
    joined = pl.DataFrame({"one": marks, "other": more}).select(
        pl.when(~pl.all_horizontal(pl.all().is_null())).then(
            pl.concat_str("one", "other", separator=" ", ignore_nulls=True)
        )
    )
    return joined.to_series().alias(REPAIRS)


def _bare(item: Item) -> pl.Expr:
    """The text without the white space around it; null where nothing is left."""
    stripped = pl.col(item.name).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _looked_up(item: Item, spellings: Mapping[RepairKind, Mapping[str, str]]) -> _Change:
    """Canonical by look-ups of what is left without the white space around it."""
    bare = _bare(item)
    known = {spelling: text for one in spellings.values() for spelling, text in one.items()}
    flags = {kind: bare.is_in(list(one)) for kind, one in spellings.items() if one}
    return _Change(bare.replace(known) if known else bare, {**flags, RepairKind.SPACE: _is_spaced(item, flags)})


def _is_spaced(item: Item, flags: Mapping[RepairKind, pl.Expr]) -> pl.Expr:
    """Whether white space is all that a cell had to lose."""
    sent = pl.col(item.name)
    spaced = (sent != sent.str.strip_chars()) & (sent != "")
    return spaced & ~pl.any_horizontal(flag.fill_null(value=False) for flag in flags.values()) if flags else spaced


def _other_dates(item: Item, sent: pl.Series) -> Mapping[str, str]:
    """The contract's spelling by each text in another of its forms that is a day."""
    bare = sent.str.strip_chars().unique()
    readers = [build_date_parser(written) for written in item.date_formats]
    found: dict[str, str] = {}
    for text in bare.filter(~bare.str.contains(value_pattern(item))):
        days = (parts for read in readers if (parts := read(text)) is not None and parts.exists)
        if (day := next(days, None)) is not None:
            found[text] = day.spelt(item.date_format or "")
    return found


def _other_numbers(item: Item, style: NumberStyle) -> _Change:
    bare, shape = _bare(item), value_pattern(item)
    ungrouped = bare.str.replace_all(style.thousands, "", literal=True) if style.thousands else bare
    plain = ungrouped.str.replace(style.decimal, ".", literal=True)
    is_other = ~bare.str.contains(shape) & bare.str.contains(f"^(?:{style.shape})$") & plain.str.contains(shape)
    if item.marks:
        is_other &= ~bare.is_in(list(item.marks))
    flags = {RepairKind.NUMBER: is_other}
    return _Change(pl.when(is_other).then(plain).otherwise(bare), {**flags, RepairKind.SPACE: _is_spaced(item, flags)})
