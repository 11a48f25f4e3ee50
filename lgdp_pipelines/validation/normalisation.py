"""Other spellings brought into the contract's own before anything is parsed: never silently, and never by a guess.

White space around a number, date or code is removed; an alias becomes its code, a known name of the council its
register code, a spelling of the period its id; a date or number in another form that the contract declares is rewritten
in the contract's own. Each changed cell is counted once, by the kind of repair, and marked on its row. A cell in no
declared spelling stays as it is, and is a finding later. A cell of nothing but white space is empty; text itself is
kept to the letter. The landed table keeps the cells as sent. Belongs here: spellings. Belongs elsewhere: what a
system's mapping translates (``source_mapping``, before this), and types (``type_parsing``, after).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from threading import Lock

import polars as pl

from lgdp_pipelines.handover.judgement_values import Repair, RepairKind
from lgdp_pipelines.register.model.table_model import Item, Role, Table
from lgdp_pipelines.validation.judging_context import SubmissionFacts
from lgdp_pipelines.validation.type_parsing import (
    IDENTIFYING_ROLES,
    REPAIRS,
    CanonicalChunk,
    build_value_pattern,
    read_canonical_columns,
)
from lgdp_pipelines.vocabulary.councils import fold_spelling
from lgdp_pipelines.vocabulary.periods import read_period
from lgdp_pipelines.vocabulary.value_formats import NumberStyle, build_date_parser


@dataclass(frozen=True)
class _Rewrite:
    """The expression that makes cells canonical.

    Attributes:
        canonical: the canonical text.
        flags: which cells need which kind of repair, each cell once, whatever white space it has lost besides.
    """

    canonical: pl.Expr
    flags: Mapping[RepairKind, pl.Expr]


@dataclass(frozen=True)
class _RepairedCells:
    """The positions in a chunk at which an item had one kind of repair, in order."""

    item: str
    kind: RepairKind
    positions: pl.Series


class Normaliser:
    """Makes a table canonical, chunk by chunk, and perhaps more than one chunk at a time."""

    def __init__(self, table: Table, facts: SubmissionFacts) -> None:
        self._table, self._facts = table, facts
        lists = facts.register.code_lists
        self._spellings = {
            item.name: lists[item.code_list].list_spellings(_spelling_day(item, facts))
            for item in table.items
            if item.code_list is not None
        }
        self._codes = {name: list(set(known.values())) for name, known in self._spellings.items()}
        self._cells: Counter[tuple[str, RepairKind]] = Counter()
        self._lock = Lock()

    def normalise(self, text: pl.DataFrame) -> CanonicalChunk:
        """Return a chunk with its cells in the contract's spelling.

        Rows and their order stay.
        """
        values = read_canonical_columns(self._table, text)
        items = [item for item in self._table.items if item.name not in values]
        tests = {item.name: self._is_canonical(item) for item in items}
        forms = {item.name: pl.col(item.name).str.contains(build_value_pattern(item)) for item in items if item.marks}
        queries = text.lazy().select(
            *(test.all(ignore_nulls=True).alias(name) for name, test in tests.items()),
            *(test.all(ignore_nulls=True).alias(f"{_WELL_FORMED}.{name}") for name, test in forms.items()),
        )
        holds = queries.collect().row(0, named=True) if tests else {}
        well_formed = {*values} | {name for name in tests if holds[f"{_WELL_FORMED}.{name}" if name in forms else name]}
        columns: list[pl.Series] = []
        repaired: list[_RepairedCells] = []
        for item in items:
            if holds[item.name]:
                continue
            positions = text.select((~tests[item.name]).fill_null(value=False)).to_series().arg_true()
            column = text.get_column(item.name)
            texts = column if positions.len() == text.height else column.gather(positions)
            rewritten = texts.to_frame().select(**_expressions(self._rewrite(item, texts), build_value_pattern(item)))
            canonical = rewritten.get_column(_TEXT)
            columns.append(canonical.alias(item.name) if texts is column else column.scatter(positions, canonical))
            repaired += _repaired_cells(item, rewritten, positions)
            if not item.marks and rewritten.get_column(_WELL_FORMED).all():
                well_formed.add(item.name)
        with self._lock:
            self._cells.update({(cells.item, cells.kind): cells.positions.len() for cells in repaired})
        identifying = {
            item.name: text.get_column(item.name)
            for item in items
            if item.role in IDENTIFYING_ROLES and holds[item.name]
        }
        return CanonicalChunk(
            text.with_columns(*columns, _repair_marks(repaired, text.height)),
            frozenset(well_formed),
            {**values, **identifying},
        )

    @property
    def repairs(self) -> tuple[Repair, ...]:
        """Number of cells made canonical so far, in the table's order."""
        return tuple(
            Repair(self._table.name, item.urn, kind, self._cells[item.name, kind])
            for item in self._table.items
            for kind in RepairKind
            if self._cells[item.name, kind]
        )

    def _is_canonical(self, item: Item) -> pl.Expr:
        """Return which cells of an item are canonical as sent: most are, and cost nothing more."""
        column, pattern = pl.col(item.name), build_value_pattern(item)
        if item.role is Role.COUNCIL:
            return column == self._facts.council.code
        if item.role is Role.PERIOD:
            return column == self._facts.period.id
        if item.name in self._codes:
            return column.is_in(self._codes[item.name])
        if not pattern:
            return ~column.str.contains(_BLANK)
        is_well_formed = column.str.contains(pattern)
        return is_well_formed | column.is_in(list(item.marks)) if item.marks else is_well_formed

    def _rewrite(self, item: Item, sent: pl.Series) -> _Rewrite:
        """Return how cells of an item that are not canonical become so."""
        if item.role in IDENTIFYING_ROLES:
            return self._rewrite_names(item, sent)
        if item.name in self._codes:
            known = self._spellings[item.name]
            aliases = {spelling: code for spelling, code in known.items() if spelling != code}
            return _look_up(item, {RepairKind.ALIAS: aliases, RepairKind.PATTERN: self._codes_by_pattern(item, sent)})
        cell = pl.col(item.name)
        if not build_value_pattern(item):
            return _Rewrite(pl.lit(None, dtype=pl.String), {RepairKind.SPACE: cell != ""})
        if item.date_formats:
            return _look_up(item, {RepairKind.DATE: _dates_in_other_forms(item, sent)})
        return _look_up(item, {}) if item.numbers is None else _rewrite_numbers(item, item.numbers)

    def _rewrite_names(self, item: Item, sent: pl.Series) -> _Rewrite:
        """Return a look-up of names: a submission spells its council and period in few ways."""
        names = {text: self._resolve_name(item, text) for text in sent.unique()}
        spaced = [text for text, name in names.items() if text and text != name and text.strip() == (name or "")]
        renamed = [text for text, name in names.items() if text and text != name and text not in spaced]
        cell = pl.col(item.name)
        canonical = cell.replace_strict(
            pl.Series(list(names), dtype=pl.String), pl.Series(list(names.values()), dtype=pl.String)
        )
        kind = RepairKind.COUNCIL if item.role is Role.COUNCIL else RepairKind.PERIOD
        return _Rewrite(canonical, {RepairKind.SPACE: cell.is_in(spaced), kind: cell.is_in(renamed)})

    def _resolve_name(self, item: Item, sent: str) -> str | None:
        """Return the code or id that a spelling means, where it is the submission's own; else the text as sent."""
        if not sent.strip():
            return None
        council, period = self._facts.council, self._facts.period
        if item.role is Role.COUNCIL:
            code = self._facts.register.councils.code_by_spelling.get(fold_spelling(sent))
            return code if code == council.code else sent
        return period.id if read_period(sent, self._facts.contract.period_kind) == period else sent

    def _codes_by_pattern(self, item: Item, sent: pl.Series) -> Mapping[str, str]:
        """Return the code of each spelling that only a pattern of its list accepts."""
        listed = self._facts.register.code_lists[item.code_list or ""]
        if not listed.has_patterns:
            return {}
        known, day = self._spellings[item.name], _spelling_day(item, self._facts)
        bare = sent.str.strip_chars().unique()
        resolved = {spelling: listed.resolve(spelling, day) for spelling in bare if spelling not in known}
        return {spelling: code for spelling, code in resolved.items() if code is not None}


def _spelling_day(item: Item, facts: SubmissionFacts) -> date | None:
    """Return the day whose spellings of codes are read.

    None for any day, where each row has a day of its own.
    """
    return None if item.codes_on else facts.period.end


_BLANK = r"^\s*$"
_TEXT, _WELL_FORMED = "text", "well_formed"


def _expressions(rewrite: _Rewrite, pattern: str) -> Mapping[str, pl.Expr]:
    is_well_formed = rewrite.canonical.str.contains(pattern) if pattern else pl.lit(value=True)
    return {
        _TEXT: rewrite.canonical,
        _WELL_FORMED: is_well_formed.fill_null(value=True),
        **{str(kind): flag.fill_null(value=False) for kind, flag in rewrite.flags.items()},
    }


def _repaired_cells(item: Item, rewritten: pl.DataFrame, positions: pl.Series) -> Iterator[_RepairedCells]:
    for kind in RepairKind:
        if (
            kind in rewritten.columns
            and not (repaired_positions := positions.filter(rewritten.get_column(kind))).is_empty()
        ):
            yield _RepairedCells(item.name, kind, repaired_positions)


_BITS = 60
"""Kinds of repair of a chunk that one number tells apart."""


def _repair_marks(repaired: Sequence[_RepairedCells], height: int) -> pl.Series:
    """Return the repairs of each row in words, by way of a number with a bit for each item and kind of repair."""
    marks = pl.Series(REPAIRS, [None], dtype=pl.String).new_from_index(0, height)
    for start in range(0, len(repaired), _BITS):
        group = repaired[start : start + _BITS]
        bits = pl.repeat(0, height, dtype=pl.UInt64, eager=True)
        for number, cells in enumerate(group):
            is_everywhere = cells.positions.len() == height
            bits = (
                bits + 2**number
                if is_everywhere
                else bits.scatter(cells.positions, bits.gather(cells.positions) + 2**number)
            )
        words = {
            bit_pattern: " ".join(
                f"{cells.item}:{cells.kind}" for number, cells in enumerate(group) if bit_pattern >> number & 1
            )
            or None
            for bit_pattern in bits.unique()
        }
        texts = pl.Series(list(words.values()), dtype=pl.String)
        # Where a council spells its name its own way, all of its rows have the same marks.
        more = (
            texts.new_from_index(0, height)
            if len(words) == 1
            else bits.replace_strict(pl.Series(list(words), dtype=pl.UInt64), texts)
        )
        marks = more.alias(REPAIRS) if start == 0 else _join_marks(marks, more)
    return marks


def _join_marks(marks: pl.Series, more: pl.Series) -> pl.Series:
    joined = pl.DataFrame({"marks": marks, "more": more}).select(
        pl.when(~pl.all_horizontal(pl.all().is_null())).then(
            pl.concat_str("marks", "more", separator=" ", ignore_nulls=True)
        )
    )
    return joined.to_series().alias(REPAIRS)


def _strip(item: Item) -> pl.Expr:
    """Return the text without the white space around it; null where nothing is left."""
    stripped = pl.col(item.name).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _look_up(item: Item, spellings: Mapping[RepairKind, Mapping[str, str]]) -> _Rewrite:
    """Return a rewrite by look-ups of the text without the white space around it."""
    bare = _strip(item)
    known = {spelling: text for texts in spellings.values() for spelling, text in texts.items()}
    flags = {kind: bare.is_in(list(texts)) for kind, texts in spellings.items() if texts}
    return _Rewrite(bare.replace(known) if known else bare, {**flags, RepairKind.SPACE: _is_only_spaced(item, flags)})


def _is_only_spaced(item: Item, flags: Mapping[RepairKind, pl.Expr]) -> pl.Expr:
    """Return whether white space is all that a cell had to lose."""
    text = pl.col(item.name)
    spaced = (text != text.str.strip_chars()) & (text != "")
    return spaced & ~pl.any_horizontal(flag.fill_null(value=False) for flag in flags.values()) if flags else spaced


def _dates_in_other_forms(item: Item, sent: pl.Series) -> Mapping[str, str]:
    """Return the contract's spelling of each text that is a date in another form."""
    bare = sent.str.strip_chars().unique()
    parsers = [build_date_parser(form) for form in item.date_formats]
    canonical_dates: dict[str, str] = {}
    for text in bare.filter(~bare.str.contains(build_value_pattern(item))):
        days = (parts for parse in parsers if (parts := parse(text)) is not None and parts.exists)
        if (day := next(days, None)) is not None:
            canonical_dates[text] = day.format(item.date_format or "")
    return canonical_dates


def _rewrite_numbers(item: Item, style: NumberStyle) -> _Rewrite:
    bare, pattern = _strip(item), build_value_pattern(item)
    ungrouped = bare.str.replace_all(style.thousands, "", literal=True) if style.thousands else bare
    plain = ungrouped.str.replace(style.decimal, ".", literal=True)
    is_other = ~bare.str.contains(pattern) & bare.str.contains(f"^(?:{style.shape})$") & plain.str.contains(pattern)
    if item.marks:
        is_other &= ~bare.is_in(list(item.marks))
    flags = {RepairKind.NUMBER: is_other}
    canonical = pl.when(is_other).then(plain).otherwise(bare)
    return _Rewrite(canonical, {**flags, RepairKind.SPACE: _is_only_spaced(item, flags)})
