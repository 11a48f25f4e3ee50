"""From the text of a system's export to the text that the contract asks for: codes, units, dates, numbers, constants.

The landed table keeps every cell as sent; the translation is judged. Nothing is guessed: a cell that is not spelt as
the mapping says is not read as if the contract had spelt it. If it could be, it is marked :data:`UNMAPPED_MARK`, so
that it breaks the rule about codes or type and no figure is taken for another. Belongs here: translating cells, and
counting them. Belongs elsewhere: which column holds an item (``landing``), and types (``type_parsing``).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from enum import StrEnum

import polars as pl

from lgdp_pipelines.handover.judgement_values import RuleOutcome
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
from lgdp_pipelines.vocabulary.spellings import fold_spelling
from lgdp_pipelines.vocabulary.value_formats import PLAIN, NumberStyle, build_date_parser
from lgdp_pipelines.vocabulary.verdicts import RuleKind

UNMAPPED_MARK = " (unmapped)"
"""Follows the text of a cell that the mapping does not know and that the contract would accept."""

_EXACT = Context(prec=200)
_LONGEST_NUMBER = 60
_NUMERIC = frozenset({ItemType.INTEGER, ItemType.NUMBER, ItemType.DECIMAL})


class TranslationKind(StrEnum):
    """The effect of a mapping on cells."""

    CODES = "codes"
    UNITS = "units"
    DATES = "dates"
    NUMBERS = "numbers"
    CONSTANTS = "constants"


@dataclass(frozen=True, slots=True, order=True)
class TranslationCount:
    """Number of an item's cells that a mapping translated in one way.

    Attributes:
        table: name of the table.
        item: name of the item.
        kind: of translation.
        cells: number of rows.
    """

    table: str
    item: str
    kind: TranslationKind
    cells: int


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell as the contract spells it, and the translations it needed."""

    text: str | None
    kinds: tuple[TranslationKind, ...] = ()


_TextParser = Callable[[str], _Cell | None]


class MappingTranslator:
    """Translates a system's export to the contract's text, chunk by chunk."""

    def __init__(self, mapping: SystemMapping, table: Table, facts: SubmissionFacts) -> None:
        self._table = table
        mapped = mapping.tables.get(table.name) or TableMapping(table=table.name)
        constants = {THE_COUNCIL: facts.council.code, THE_PERIOD: facts.period.id}
        self._constants = {
            name: constants.get(text, text) for name, text in mapped.constants.items() if name in table.by_name
        }
        self._readers = dict(_make_cell_readers(mapped, table, facts))
        self._cells: Counter[tuple[str, TranslationKind]] = Counter()

    def translate(self, landed: pl.DataFrame) -> pl.DataFrame:
        """Return a chunk translated by the mapping, and count translated cells.

        Rows and columns stay. A text that the mapping does not know stays, or is marked as unmapped if the contract
        would accept it.
        """
        columns = [
            *(pl.lit(text, dtype=pl.String).alias(name) for name, text in self._constants.items()),
            *(self._translate_column(landed.get_column(name), reader) for name, reader in self._readers.items()),
        ]
        for name in self._constants:
            self._cells[name, TranslationKind.CONSTANTS] += landed.height
        return landed.with_columns(columns)

    @property
    def counts(self) -> tuple[TranslationCount, ...]:
        """Numbers of cells translated so far, by item and kind."""
        order = {item.name: number for number, item in enumerate(self._table.items)}
        counts = [
            TranslationCount(self._table.name, name, kind, cells)
            for (name, kind), cells in self._cells.items()
            if cells
        ]
        return tuple(sorted(counts, key=lambda count: (order[count.item], count.kind)))

    def _translate_column(self, column: pl.Series, reader: "_CellReader") -> pl.Series:
        """Return a column translated by its distinct texts, and count its cells."""
        counts = column.drop_nulls().value_counts(name="cells")
        texts = counts.get_column(column.name)
        cells = reader.read(texts)
        for cell, number in zip(cells, counts.get_column("cells"), strict=True):
            for kind in cell.kinds:
                self._cells[column.name, kind] += number
        if all(cell.text == text for cell, text in zip(cells, texts, strict=True)):
            return column
        translated = pl.Series([cell.text for cell in cells], dtype=pl.String)
        return column.replace_strict(texts, translated, default=None, return_dtype=pl.String)


class _CellReader:
    """Reads the cells of one item.

    Args:
        item: the item.
        codes: contract's code by source code.
        patterns: for source codes of a form.
        is_known: whether the contract accepts a text as one of the item's codes.
        parse: reads a date or a number; None if the item is neither, or is spelt as the contract says.
    """

    def __init__(
        self,
        item: Item,
        codes: Mapping[str, str],
        patterns: tuple[CodePattern, ...],
        is_known: Callable[[str], bool],
        parse: _TextParser | None,
    ) -> None:
        self._item, self._patterns, self._is_known, self._parse = item, patterns, is_known, parse
        self._codes = {fold_spelling(source): target for source, target in codes.items()} | dict(codes)
        self._is_coded = bool(codes or patterns)

    def read(self, raw_texts: pl.Series) -> list[_Cell]:
        """Return each text translated, unchanged, or marked as unmapped."""
        by_pattern = _find_codes_by_pattern(self._patterns, raw_texts) if self._patterns else {}
        return [self._read_cell(raw_text, by_pattern) for raw_text in raw_texts]

    def _read_cell(self, raw_text: str, by_pattern: Mapping[str, str]) -> _Cell:
        """Return one text translated, unchanged, or marked as unmapped."""
        text = raw_text.strip()
        if not text:
            return _Cell(raw_text)
        code = self._codes.get(text, self._codes.get(fold_spelling(text), by_pattern.get(raw_text)))
        if code is not None:
            return _Cell(code or None, (TranslationKind.CODES,))
        if self._is_coded and (self._item.code_list is not None or self._item.type is ItemType.BOOLEAN):
            return _Cell(text + UNMAPPED_MARK if self._is_known(text) else raw_text)
        if self._parse is None or text in self._item.marks:
            return _Cell(raw_text)
        return self._parse(text) or _Cell(text + UNMAPPED_MARK)


def _find_codes_by_pattern(patterns: tuple[CodePattern, ...], raw_texts: pl.Series) -> Mapping[str, str]:
    """Return the code of texts whose matching patterns agree on it."""
    stripped = raw_texts.str.strip_chars()
    codes_by_text: dict[str, set[str]] = {}
    for pattern in patterns:
        # The time that Polars' engine takes grows with the length of the text alone, for any cell and pattern.
        full_pattern = f"^(?:{pattern.pattern})$"
        matches = stripped.str.contains(full_pattern)
        # Named groups are addressed by name and by number: those of the outer group come first, in order.
        groups = [re.compile(pattern.pattern).groupindex.get(name, name) for name in _GROUP.findall(pattern.to)]
        parts = {number: stripped.str.extract(full_pattern, int(number)) for number in groups}
        for position in matches.arg_true():
            values = iter([parts[number][position] or "" for number in groups])
            code = _GROUP.sub(lambda _match, values=values: next(values), pattern.to)  # type: ignore[misc]
            codes_by_text.setdefault(raw_texts[position], set()).add(code)
    return {text: codes.pop() for text, codes in codes_by_text.items() if len(codes) == 1}


_GROUP = re.compile(r"\{(\w+)\}")


def _make_cell_readers(mapped: TableMapping, table: Table, facts: SubmissionFacts) -> Iterator[tuple[str, _CellReader]]:
    """Yield name and reader of each item that the export spells differently."""
    for item in table.items:
        if item.name not in mapped.columns:
            continue
        codes, patterns = mapped.codes.get(item.name, {}), mapped.code_patterns.get(item.name, ())
        parse = _make_text_parser(mapped, item)
        if codes or patterns or parse is not None:
            yield item.name, _CellReader(item, codes, patterns, _make_code_test(item, facts), parse)


def _make_code_test(item: Item, facts: SubmissionFacts) -> Callable[[str], bool]:
    """Return a test for the item's codes, or for true and false."""
    if item.code_list is None:
        return lambda text: text.lower() in {"true", "false"}
    code_list = facts.register.code_lists[item.code_list]
    day = None if item.codes_on else facts.period.end
    return lambda text: code_list.resolve(text, day) is not None


def _make_text_parser(mapped: TableMapping, item: Item) -> _TextParser | None:
    """Return a date or number parser; None if the mapping declares neither."""
    if form := mapped.find_date_format(item):
        return _make_date_parser(form, item.date_format or "")
    if item.type not in _NUMERIC:
        return None
    change = mapped.units.get(item.name)
    factor = change.factor_to(item.unit) if change else None
    if mapped.numbers is None and factor is None:
        return None
    return _make_number_parser(mapped.numbers, factor)


def _make_date_parser(form: str, contract_form: str) -> _TextParser:
    """Return a parser that rewrites dates of one form in another."""
    parse_parts = build_date_parser(form)

    def parse(text: str) -> _Cell | None:
        """Return the date in the contract's form; None for another text."""
        parts = parse_parts(text)
        return _Cell(parts.format(contract_form), (TranslationKind.DATES,)) if parts else None

    return parse


def _make_number_parser(style: NumberStyle | None, factor: Decimal | None) -> _TextParser:
    """Return a parser that rewrites styled numbers as plain, times any factor."""
    number_style = style or PLAIN
    shape = re.compile(number_style.shape)
    kinds = ((TranslationKind.NUMBERS,) if style else ()) + ((TranslationKind.UNITS,) if factor is not None else ())

    def parse(text: str) -> _Cell | None:
        """Return the rewritten number; None for other text or too many characters."""
        if len(text) > _LONGEST_NUMBER or not shape.fullmatch(text):
            return None
        ungrouped = text.replace(number_style.thousands, "") if number_style.thousands else text
        plain = ungrouped.replace(number_style.decimal, ".")
        return _Cell(plain if factor is None else _multiply(plain, factor), kinds)

    return parse


def _multiply(plain: str, factor: Decimal) -> str:
    """Return a figure times a factor, exactly, without trailing zeros."""
    text = format(_EXACT.multiply(Decimal(plain), factor), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def add_mapping_reasons(
    contract: Contract, outcomes: Iterable[RuleOutcome], mapping: SystemMapping, counts: Iterable[TranslationCount]
) -> tuple[RuleOutcome, ...]:
    """Return outcomes with the mapping, and cells it translated, in their reasons.

    The rule that cells were translated for has the reason, and so has the rule about the extract as a whole; the ledger
    keeps it with the judgement.
    """
    reasons: dict[tuple[str, str, RuleKind], list[str]] = {}
    for count in counts:
        item = contract.by_name[count.table].by_name[count.item]
        if count.kind is TranslationKind.CONSTANTS:
            key = (count.table, "", RuleKind.COLUMNS)
            reason = f"“{item.title}” is the same on all {count.cells:,} rows by the mapping of {mapping.system}."
        else:
            key = (count.table, count.item, RuleKind.TYPE if item.code_list is None else RuleKind.CODES)
            reason = f"{count.cells:,} cells were read by {count.kind} of {mapping.system}."
        reasons.setdefault(key, []).append(reason)
    by_rule = {
        rule.id: f"Read by the mapping of {mapping.system}, {mapping.sha256[:12]}."
        if rule.kind is RuleKind.READABLE
        else " ".join(reasons.get((rule.table, rule.items[0] if rule.items else "", rule.kind), ()))
        for rule in list_rules(contract)
    }
    return tuple(replace(outcome, reason=f"{outcome.reason} {by_rule[outcome.rule]}".strip()) for outcome in outcomes)
