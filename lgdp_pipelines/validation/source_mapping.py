"""From the text of a system's export to the text that the contract asks for: codes, units, dates, numbers, constants.

The landed table keeps every cell as sent; what is judged is the translation. Nothing is guessed: a cell that is not
spelt as the mapping says is not read as if the contract had spelt it. Where it might be, it is marked
:data:`UNMAPPED`, so that it breaks the rule about codes or type and no figure is taken for another. What belongs here:
translating cells, and counting them. What does not: which column holds an item (``landing``), and typing (``typed``).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from enum import StrEnum

import polars as pl

from lgdp_pipelines.handover.findings import RuleOutcome
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.system_mapping import (
    THE_COUNCIL,
    THE_PERIOD,
    CodePattern,
    SystemMapping,
    TableMapping,
)
from lgdp_pipelines.register.model.table_model import Item, ItemType, Table
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.validation.judging_context import SubmissionFacts
from lgdp_pipelines.vocabulary.councils import fold_spelling
from lgdp_pipelines.vocabulary.date_formats import build_date_parser
from lgdp_pipelines.vocabulary.number_styles import PLAIN, NumberStyle
from lgdp_pipelines.vocabulary.verdicts import RuleKind

UNMAPPED = " (unmapped)"
"""Stands behind a cell that the mapping does not know and that the contract would take for something."""

_EXACT = Context(prec=200)
_LONGEST_NUMBER = 60


class TranslationKind(StrEnum):
    """What a mapping does to cells."""

    CODES = "codes"
    UNITS = "units"
    DATES = "dates"
    NUMBERS = "numbers"
    CONSTANTS = "constants"


@dataclass(frozen=True, slots=True, order=True)
class TranslationCount:
    """How many cells of an item a mapping has translated in one way.

    Attributes:
        table: of the contract.
        item: name of the item.
        how: what was done.
        cells: in how many rows.
    """

    table: str
    item: str
    how: TranslationKind
    cells: int


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell as the contract spells it, and what was done to it."""

    text: str | None
    done: tuple[TranslationKind, ...] = ()


class MappingTranslator:
    """The translating of a table, piece by piece.

    Args:
        mapping: of the system.
        table: of the contract.
        submitted: what the submission is for.
    """

    def __init__(self, mapping: SystemMapping, table: Table, submitted: SubmissionFacts) -> None:
        self._table = table
        self._mapped = mapping.tables.get(table.name) or TableMapping(table.name, {})
        self._constants = {
            name: _constant(text, submitted) for name, text in self._mapped.constants.items() if name in table.by_name
        }
        self._readers = dict(_readers(self._mapped, table, submitted))
        self._cells: Counter[tuple[str, TranslationKind]] = Counter()

    def of(self, landed: pl.DataFrame) -> pl.DataFrame:
        """A piece with its cells as the contract spells them; rows and columns stay."""
        columns = [
            *(pl.lit(text, dtype=pl.String).alias(name) for name, text in self._constants.items()),
            *(self._read(landed.get_column(name), reader) for name, reader in self._readers.items()),
        ]
        for name in self._constants:
            self._cells[name, TranslationKind.CONSTANTS] += landed.height
        return landed.with_columns(columns)

    @property
    def counted(self) -> tuple[TranslationCount, ...]:
        """How many cells were translated so far, in the table's order."""
        place = {item.name: number for number, item in enumerate(self._table.items)}
        found = [
            TranslationCount(self._table.name, name, how, cells) for (name, how), cells in self._cells.items() if cells
        ]
        return tuple(sorted(found, key=lambda one: (place[one.item], one.how)))

    def _read(self, column: pl.Series, reader: "_Reader") -> pl.Series:
        """The column by a look-up of what stands in it."""
        counts = column.drop_nulls().value_counts(name="cells")
        sent = counts.get_column(column.name)
        cells = reader.read(sent)
        for cell, number in zip(cells, counts.get_column("cells"), strict=True):
            for how in cell.done:
                self._cells[column.name, how] += number
        if all(cell.text == text for cell, text in zip(cells, sent, strict=True)):
            return column
        spelt = pl.Series([cell.text for cell in cells], dtype=pl.String)
        return column.replace_strict(sent, spelt, default=None, return_dtype=pl.String)


def _constant(text: str, submitted: SubmissionFacts) -> str:
    return {THE_COUNCIL: submitted.council.code, THE_PERIOD: submitted.period.id}.get(text, text)


class _Reader:
    """Reads the cells of one item.

    Args:
        item: of the table.
        codes: contract's code by source code.
        patterns: for source codes of a form.
        known: whether the contract takes a text for one of the item's codes.
        spelt: reads a date or a number; None where the item is neither, or is spelt as the contract says.
    """

    def __init__(
        self,
        item: Item,
        codes: Mapping[str, str],
        patterns: tuple[CodePattern, ...],
        known: Callable[[str], bool],
        spelt: Callable[[str], _Cell | None] | None,
    ) -> None:
        self._item, self._patterns, self._known, self._spelt = item, patterns, known, spelt
        self._codes = {fold_spelling(source): target for source, target in codes.items()} | dict(codes)
        self._is_coded = bool(codes or patterns)

    def read(self, sent: pl.Series) -> list[_Cell]:
        """Each text as the contract spells it."""
        formed = _by_pattern(self._patterns, sent) if self._patterns else {}
        return [self._cell(text, formed) for text in sent]

    def _cell(self, sent: str, formed: Mapping[str, str]) -> _Cell:
        given = sent.strip()
        if not given:
            return _Cell(sent)
        code = self._codes.get(given, self._codes.get(fold_spelling(given), formed.get(sent)))
        if code is not None:
            return _Cell(code or None, (TranslationKind.CODES,))
        if self._is_coded and (self._item.code_list is not None or self._item.type is ItemType.BOOLEAN):
            return _Cell(given + UNMAPPED if self._known(given) else sent)
        if self._spelt is None or given in self._item.marks:
            return _Cell(sent)
        return self._spelt(given) or _Cell(given + UNMAPPED)


def _by_pattern(patterns: tuple[CodePattern, ...], sent: pl.Series) -> Mapping[str, str]:
    """Code by source code, of those that fit one pattern; what fits several with several codes is nobody's."""
    stripped = sent.str.strip_chars()
    found: dict[str, set[str]] = {}
    for one in patterns:
        # Polars' engine takes time that grows with the text alone, whatever the cell and the pattern are.
        whole = f"^(?:{one.pattern})$"
        fits = stripped.str.contains(whole)
        # Named groups are addressed by name and by number: those of the outer group come first, in order.
        groups = [re.compile(one.pattern).groupindex.get(name, name) for name in _GROUP.findall(one.to)]
        parts = {number: stripped.str.extract(whole, int(number)) for number in groups}
        for place in fits.arg_true():
            values = [parts[number][place] or "" for number in groups]
            found.setdefault(sent[place], set()).add(_filled(one.to, values))
    return {text: codes.pop() for text, codes in found.items() if len(codes) == 1}


_GROUP = re.compile(r"\{(\w+)\}")


def _filled(template: str, values: Iterable[str]) -> str:
    """A template with values for its groups, in order."""
    left = iter(values)
    return _GROUP.sub(lambda _found: next(left), template)


def _readers(mapped: TableMapping, table: Table, submitted: SubmissionFacts) -> Iterator[tuple[str, _Reader]]:
    """A reader for each item of which the mapping says that it is spelt in another way than the contract's."""
    for item in table.items:
        if item.name not in mapped.columns:
            continue
        codes, patterns = mapped.codes.get(item.name, {}), mapped.code_patterns.get(item.name, ())
        spelt = _spelling(mapped, item)
        if codes or patterns or spelt is not None:
            yield item.name, _Reader(item, codes, patterns, _known(item, submitted), spelt)


def _known(item: Item, submitted: SubmissionFacts) -> Callable[[str], bool]:
    if item.code_list is None:
        return lambda text: text.lower() in {"true", "false"}
    listed = submitted.register.code_lists[item.code_list]
    day = None if item.codes_on else submitted.period.end
    return lambda text: listed.resolved(text, day) is not None


def _spelling(mapped: TableMapping, item: Item) -> Callable[[str], _Cell | None] | None:
    if written := mapped.spelled_dates(item):
        return _dates(written, item.date_format or "")
    if item.type not in _NUMERIC:
        return None
    change = mapped.units.get(item.name)
    factor = change.factor_to(item.unit) if change else None
    if mapped.numbers is None and factor is None:
        return None
    return _numbers(mapped.numbers, factor)


_NUMERIC = frozenset({ItemType.INTEGER, ItemType.NUMBER, ItemType.DECIMAL})


def _dates(written: str, wanted: str) -> Callable[[str], _Cell | None]:
    parts = build_date_parser(written)

    def read(text: str) -> _Cell | None:
        found = parts(text)
        return _Cell(found.spelt(wanted), (TranslationKind.DATES,)) if found else None

    return read


def _numbers(style: NumberStyle | None, factor: Decimal | None) -> Callable[[str], _Cell | None]:
    written = style or PLAIN
    shape = re.compile(written.shape)
    done = ((TranslationKind.NUMBERS,) if style else ()) + ((TranslationKind.UNITS,) if factor is not None else ())

    def read(text: str) -> _Cell | None:
        if len(text) > _LONGEST_NUMBER or not shape.fullmatch(text):
            return None
        whole = text.replace(written.thousands, "") if written.thousands else text
        plain = whole.replace(written.decimal, ".")
        return _Cell(plain if factor is None else _times(plain, factor), done)

    return read


def _times(plain: str, factor: Decimal) -> str:
    """A figure in another unit, exactly; a fraction of nothing but zeros is left out."""
    text = format(_EXACT.multiply(Decimal(plain), factor), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def add_mapping_reasons(
    contract: Contract, outcomes: Iterable[RuleOutcome], mapping: SystemMapping, translated: Iterable[TranslationCount]
) -> tuple[RuleOutcome, ...]:
    """Outcomes that say what a mapping did, at the rule that cells were translated for and at the extract as a whole.

    Nothing is mended in silence: the ledger keeps these reasons with the judgement.
    """
    said: dict[tuple[str, str, RuleKind], list[str]] = {}
    for one in translated:
        item = contract.by_name[one.table].by_name[one.item]
        if one.how is TranslationKind.CONSTANTS:
            place = (one.table, "", RuleKind.COLUMNS)
            what = f"“{item.title}” is the same on all {one.cells:,} rows by the mapping of {mapping.system}."
        else:
            place = (one.table, one.item, RuleKind.TYPE if item.code_list is None else RuleKind.CODES)
            what = f"{one.cells:,} cells were read by {one.how} of {mapping.system}."
        said.setdefault(place, []).append(what)
    rules = {rule.id: rule for rule in list_rules(contract)}
    told = {
        rule.id: " ".join(said.get((rule.table, rule.items[0] if rule.items else "", rule.kind), ()))
        for rule in rules.values()
    }
    whole = next(rule.id for rule in rules.values() if rule.kind is RuleKind.READABLE)
    told[whole] = f"Read by the mapping of {mapping.system}, {mapping.sha256[:12]}."
    return tuple(replace(one, reason=f"{one.reason} {told[one.rule]}".strip()) for one in outcomes)
