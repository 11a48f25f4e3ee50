"""Other spellings made the contract's own, as a step before anything is read: never silent, and never a guess.

White space around a number, date or code goes; an alias becomes its code, a known name of the council its register
code, a spelling of the period its id; a date or number in another form that the contract declares is brought into its
own. Each cell that comes out otherwise than it was sent is counted once, by what it took, and marked on its row. What
no declared spelling reads stays as it is, and is a finding later. A cell of nothing but white space is empty; text
itself is kept to the letter. The cells as sent stay in the landed table. What belongs here: spellings. What does not:
what a system's mapping translates (``translated``, before this), and types (``typed``, after).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import polars as pl

from lgdp_pipelines.ledger.repairs import Repair, RepairKind
from lgdp_pipelines.register.parts import Item, Role, Table
from lgdp_pipelines.standards.councils import fold
from lgdp_pipelines.standards.dates import reader_of_parts
from lgdp_pipelines.standards.periods import read_period
from lgdp_pipelines.validation.typed import REPAIRS, Submitted, shape_of


@dataclass(frozen=True)
class Spelt:
    """A piece of a table as the contract spells it.

    Attributes:
        text: the columns as they were, items made canonical, and ``_repairs``; null where a cell is empty.
        shaped: names of items of which every cell is empty or has the shape of a value.
    """

    text: pl.DataFrame
    shaped: frozenset[str]


class Repairing:
    """The making canonical of a table, piece by piece.

    Args:
        table: of the contract.
        submitted: what the submission is for.
    """

    def __init__(self, table: Table, submitted: Submitted) -> None:
        self._table, self._submitted = table, submitted
        lists, day = submitted.register.code_lists, submitted.period.end
        self._spellings = {
            item.name: lists[item.code_list].spellings_on(day) for item in table.items if item.code_list is not None
        }
        self._codes = {name: list(set(known.values())) for name, known in self._spellings.items()}
        self._cells: Counter[tuple[str, RepairKind]] = Counter()

    def of(self, text: pl.DataFrame) -> Spelt:
        """A piece with its cells as the contract spells them; rows and their order stay."""
        tests = [test for item in self._table.items if item.role not in _NAMING for test in self._tests(item)]
        holds = text.lazy().select(tests).collect().row(0, named=True) if tests else {}
        changes = {
            item.name: change
            for item in self._table.items
            if not holds.get(item.name, False) and (change := self._change(item, text)) is not None
        }
        shaped = {name.removeprefix(_SHAPED) for name, all_are in holds.items() if name.startswith(_SHAPED) and all_are}
        if not changes:
            return Spelt(text.with_columns(pl.lit(None, dtype=pl.String).alias(REPAIRS)), frozenset(shaped))
        made = text.lazy().select(
            *(change.canonical.alias(name) for name, change in changes.items()),
            *(
                flag.fill_null(value=False).alias(_flag(name, kind))
                for name, change in changes.items()
                for kind, flag in change.flags.items()
            ),
        )
        canonical = made.collect()
        marks = self._marked(canonical, changes)
        return Spelt(text.with_columns(*(canonical.get_column(name) for name in changes), marks), frozenset(shaped))

    @property
    def counted(self) -> tuple[Repair, ...]:
        """How many cells were made canonical so far, in the table's order."""
        return tuple(
            Repair(self._table.name, item.urn, kind, self._cells[item.name, kind])
            for item in self._table.items
            for kind in RepairKind
            if self._cells[item.name, kind]
        )

    def _tests(self, item: Item) -> Iterator[pl.Expr]:
        """Whether every cell of an item is sent as it is spelt; most are, and cost nothing more."""
        column, shape = pl.col(item.name), shape_of(item)
        if item.name in self._codes:
            yield column.is_in(self._codes[item.name]).all(ignore_nulls=True)
        elif not shape:
            yield (~column.str.contains(_BLANK)).all(ignore_nulls=True)
        else:
            is_shaped = column.str.contains(shape)
            yield (is_shaped | column.is_in(list(item.marks)) if item.marks else is_shaped).all(ignore_nulls=True)
            yield is_shaped.all(ignore_nulls=True).alias(f"{_SHAPED}{item.name}")

    def _change(self, item: Item, text: pl.DataFrame) -> "_Change | None":
        """How an item's column becomes canonical; None where it stands as it is."""
        column = text.get_column(item.name)
        if item.role in _NAMING:
            return self._named(item, column)
        if item.name in self._codes:
            return self._coded(item, column)
        sent = pl.col(item.name)
        shape = shape_of(item)
        if not shape:
            is_blank = sent.str.contains(_BLANK)
            return _Change(pl.when(~is_blank).then(sent), {RepairKind.SPACE: is_blank & (sent != "")})
        if item.date_formats:
            return _looked_up(item, {RepairKind.DATE: _other_dates(item, column)})
        if item.numbers is not None:
            return _other_numbers(item, shape)
        return _looked_up(item, {})

    def _named(self, item: Item, column: pl.Series) -> "_Change | None":
        """By a look-up: a submission spells its council and period in few ways."""
        spelt = {sent: self._name(item, sent) for sent in column.unique().drop_nulls()}
        changed = {sent: name for sent, name in spelt.items() if name != sent}
        if not changed:
            return None
        spaced = [sent for sent, name in changed.items() if sent and sent.strip() == (name or "")]
        named = [sent for sent in changed if sent and sent not in spaced]
        sent = pl.col(item.name)
        canonical = sent.replace_strict(
            pl.Series(list(spelt), dtype=pl.String), pl.Series(list(spelt.values()), dtype=pl.String)
        )
        kind = RepairKind.COUNCIL if item.role is Role.COUNCIL else RepairKind.PERIOD
        return _Change(canonical, {RepairKind.SPACE: sent.is_in(spaced), kind: sent.is_in(named)})

    def _name(self, item: Item, sent: str) -> str | None:
        """Code or id that a spelling stands for, where that is the submission's own; else as sent."""
        if not sent.strip():
            return None
        council, period = self._submitted.council, self._submitted.period
        if item.role is Role.COUNCIL:
            found = self._submitted.register.councils.code_by_spelling.get(fold(sent))
            return found if found == council.code else sent
        return period.id if read_period(sent, self._submitted.contract.period_kind) == period else sent

    def _coded(self, item: Item, column: pl.Series) -> "_Change":
        known = self._spellings[item.name]
        aliases = {spelling: code for spelling, code in known.items() if spelling != code}
        return _looked_up(item, {RepairKind.ALIAS: aliases, RepairKind.PATTERN: self._by_pattern(item, column)})

    def _by_pattern(self, item: Item, column: pl.Series) -> Mapping[str, str]:
        """Code by each spelling in the column that only a pattern of its list takes."""
        listed = self._submitted.register.code_lists[item.code_list or ""]
        if not listed.has_patterns:
            return {}
        known, day = self._spellings[item.name], self._submitted.period.end
        sent = column.str.strip_chars().unique().drop_nulls()
        resolved = {spelling: listed.resolved(spelling, day) for spelling in sent if spelling not in known}
        return {spelling: code for spelling, code in resolved.items() if code is not None}

    def _marked(self, made: pl.DataFrame, changes: Mapping[str, "_Change"]) -> pl.Series:
        """What was repaired in each row, which is counted on the way."""
        flagged = [(name, kind) for name, change in changes.items() for kind in change.flags]
        cells = {place: int(made[_flag(*place)].sum()) for place in flagged}
        self._cells.update(cells)
        places = [place for place, count in cells.items() if count]
        marks = pl.Series(REPAIRS, [None], dtype=pl.String).new_from_index(0, made.height)
        if not places:
            return marks
        rows = made.select(pl.any_horizontal(_flag(*place) for place in places)).to_series().arg_true()
        told = made.select(_flag(*place) for place in places)[rows].select(
            pl.concat_str(
                [pl.when(pl.col(_flag(*place))).then(pl.lit(f"{place[0]}:{place[1]}")) for place in places],
                separator=" ",
                ignore_nulls=True,
            )
        )
        return marks.scatter(rows, told.to_series())


@dataclass(frozen=True)
class _Change:
    """How a column becomes canonical.

    Attributes:
        canonical: its cells as the contract spells them.
        flags: which cells it took what for, each cell once.
    """

    canonical: pl.Expr
    flags: Mapping[RepairKind, pl.Expr] = field(default_factory=lambda: MappingProxyType({}))


_NAMING = (Role.COUNCIL, Role.PERIOD)
_BLANK = r"^\s*$"
_SHAPED = "_shaped."


def _flag(name: str, kind: RepairKind) -> str:
    return f"{name}.{kind}"


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


def _other_dates(item: Item, column: pl.Series) -> Mapping[str, str]:
    """The contract's spelling by each text in another of its forms that is a day."""
    bare = column.str.strip_chars().unique().drop_nulls()
    readers = [reader_of_parts(written) for written in item.date_formats]
    found: dict[str, str] = {}
    for text in bare.filter(~bare.str.contains(shape_of(item)) & ~bare.is_in(list(item.marks))):
        days = (parts for read in readers if (parts := read(text)) is not None and parts.exists)
        if (day := next(days, None)) is not None:
            found[text] = day.spelt(item.date_format or "")
    return found


def _other_numbers(item: Item, shape: str) -> _Change:
    style = item.numbers
    if style is None:
        return _looked_up(item, {})
    bare = _bare(item)
    ungrouped = bare.str.replace_all(style.thousands, "", literal=True) if style.thousands else bare
    plain = ungrouped.str.replace(style.decimal, ".", literal=True)
    is_other = ~bare.str.contains(shape) & bare.str.contains(f"^(?:{style.shape})$") & plain.str.contains(shape)
    if item.marks:
        is_other &= ~bare.is_in(list(item.marks))
    flags = {RepairKind.NUMBER: is_other}
    return _Change(pl.when(is_other).then(plain).otherwise(bare), {**flags, RepairKind.SPACE: _is_spaced(item, flags)})
