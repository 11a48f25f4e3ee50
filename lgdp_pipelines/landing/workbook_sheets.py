"""Sheets of workbooks as cells, whichever kind of workbook they are in.

The sheet is the one that is named, or else the only visible one; hidden sheets are passed over unless they are named.
Rows that a filter hides count like others. A text cell is its text, to the letter; an empty one is empty; a truth value
is ``TRUE`` or ``FALSE``; a formula is its result, and one that fails its error, such as ``#N/A``; numbers are as in
``figures``. A day is spelled as the item under whose header it stands spells dates, and otherwise as in ISO 8601:
``2024-03-31``, with a time ``2024-03-31T09:30:00``.
What belongs here: from a sheet to cells. What does not: reading bytes (``xlsx``, ``xls``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Protocol, TypeAlias

import polars as pl

from lgdp_pipelines.handover.extract_reading import ROW, Fault
from lgdp_pipelines.landing.cell_blocks import Cells, block, joined_header, no_misshapen
from lgdp_pipelines.register.model.extract_format import Extract
from lgdp_pipelines.vocabulary.councils import fold_spelling

Value: TypeAlias = str | date
"""A cell that is filled: its text, or a day (a ``datetime`` where it has a time)."""
Row: TypeAlias = tuple[int, Mapping[int, Value]]
"""A row's number, from 1, and its filled cells by place, from 0; rows come in order."""
Spelling: TypeAlias = Callable[[Sequence[str]], Mapping[int, Callable[[date], str]]]
"""From headers to the places of columns of dates, each with how a day is spelled there."""

_BLOCK = 20_000
_MOST_CELLS = 50_000_000
_MOST_OUTSIDE = 200
"""Columns right of the header that may hold something."""


@dataclass(frozen=True, slots=True)
class Merged:
    """Cells that are one: rows from 1 and places from 0, the last included."""

    first_row: int
    last_row: int
    first_place: int
    last_place: int


@dataclass(frozen=True, slots=True)
class SheetName:
    """A sheet as its workbook lists it."""

    name: str
    is_visible: bool


class Sheet(Protocol):
    """A sheet that can be read."""

    @property
    def name(self) -> str:
        """As its tab has it."""
        ...

    def rows(self) -> Iterator[Row]:
        """Its rows that have a filled cell.

        Raises:
            DamagedWorkbook: the rest cannot be read.
        """
        ...

    def merged(self) -> Sequence[Merged]:
        """Its merged cells.

        Raises:
            DamagedWorkbook: they cannot be read.
        """
        ...


class DamagedWorkbook(Exception):
    """A workbook, or the rest of it, cannot be read; for readers of workbooks and :func:`sheet_cells` alone."""


def chosen_sheet(sheets: Sequence[SheetName], wanted: str) -> int | Fault:
    """Which sheet is meant.

    Args:
        sheets: of the workbook, in order.
        wanted: name of it; empty: the only visible one.
    """
    if wanted:
        exact = [place for place, one in enumerate(sheets) if one.name == wanted]
        found = exact or [place for place, one in enumerate(sheets) if fold_spelling(one.name) == fold_spelling(wanted)]
        if found:
            return found[0]
        return Fault(f"The workbook has no sheet “{wanted}”. Name the sheet with the data so, and send it again.")
    visible = [place for place, one in enumerate(sheets) if one.is_visible]
    if len(visible) == 1:
        return visible[0]
    shown = f"{len(visible)} sheets that are not hidden" if visible else "no sheet that is not hidden"
    return Fault(f"The workbook has {shown}, and the data must be in the only one. Remove or hide the others.")


def sheet_cells(sheet: Sheet, extract: Extract, spelling: Spelling) -> Cells | Fault:
    """A sheet as cells.

    Args:
        sheet: to be read.
        extract: as declared: preamble and header rows.
        spelling: how days are spelled under the headers.
    """
    try:
        return _cells(sheet, extract, spelling)
    except DamagedWorkbook:
        return Fault("The workbook is damaged. Open it, save it again, and send it.", sheet=sheet.name)


def _cells(sheet: Sheet, extract: Extract, spelling: Spelling) -> Cells | Fault:
    head, rows = _split(sheet.rows(), extract.header_row)
    header = _header(sheet, extract, head)
    if not header:
        return Fault(
            f"The header should be in row {extract.header_row}, and that row is empty. Send the column names in it.",
            extract.header_row,
            sheet.name,
        )
    formats = spelling(header)
    blocks: list[pl.DataFrame] = []
    kept: list[list[str | None]] = []
    numbers: list[int] = []
    last = extract.header_row
    for last, row in rows:
        width = max(len(header), max(row) + 1)
        if width > len(header) + _MOST_OUTSIDE:
            return Fault("The row has a cell far to the right of the table. Remove it.", last, sheet.name)
        kept.append([_text(row[place], formats.get(place)) if place in row else None for place in range(width)])
        numbers.append(last)
        if len(kept) == _BLOCK:
            blocks.append(block(kept, numbers, len(header)))
            kept, numbers = [], []
        if (len(blocks) * _BLOCK + len(kept)) * len(header) > _MOST_CELLS:
            return Fault("The sheet is larger than workbooks are read. Send it as CSV.", last, sheet.name)
    frame = pl.concat([*blocks, block(kept, numbers, len(header))], how="diagonal")
    places = [str(place) for place in range(frame.width - 1)]
    return Cells(header, frame.select(*places, ROW), no_misshapen(), last, extract.header_row, sheet.name)


def _split(rows: Iterator[Row], header_row: int) -> tuple[Mapping[int, Mapping[int, Value]], Iterator[Row]]:
    """Rows up to the header by number, and those after it."""
    head: dict[int, Mapping[int, Value]] = {}
    for number, row in rows:
        if number > header_row:
            return head, chain([(number, row)], rows)
        head[number] = row
    return head, iter(())


def _header(sheet: Sheet, extract: Extract, head: Mapping[int, Mapping[int, Value]]) -> tuple[str, ...]:
    """What each column is called, up to the last that is."""
    lower = _texts(head.get(extract.header_row, {}))
    if extract.header_rows == 1:
        return lower
    row = extract.header_row - 1
    upper = dict(head.get(row, {}))
    for one in sheet.merged():
        if one.first_row <= row <= one.last_row:
            holds = head.get(one.first_row, {}).get(one.first_place, "")
            upper |= dict.fromkeys(range(one.first_place, one.last_place + 1), holds)
    return joined_header(_texts(upper), lower)


def _texts(row: Mapping[int, Value]) -> tuple[str, ...]:
    texts = [_text(row[place], None) if place in row else "" for place in range(max(row, default=-1) + 1)]
    while texts and not texts[-1].strip():
        texts.pop()
    return tuple(texts)


def _text(value: Value, spell: Callable[[date], str] | None) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    return spell(value) if spell else value.isoformat()
