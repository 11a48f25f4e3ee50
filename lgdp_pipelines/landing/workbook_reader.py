"""Workbooks: sheets as cells, whichever kind of workbook they are in (``xlsx_reader``, ``xls_reader``).

The sheet is the one that is named, or else the only visible one; hidden sheets are passed over unless they are named.
Rows that a filter hides count like others. A text cell is its text, unchanged; an empty one is empty; a truth value is
``TRUE`` or ``FALSE``; a formula is its result, or its error, such as ``#N/A``. A day is written as the item under whose
header it stands writes dates, and otherwise as in ISO 8601: ``2024-03-31``, with a time ``2024-03-31T09:30:00``.

A workbook has no text of a number, only the number and its format:

* A number is written out in plain decimals, the shortest that reads back as the same number: ``12``, ``0.1``. A whole
  number has no ``.0``. The number of decimals shown, thousands marks and ``%`` are looks: 50% is ``0.5``.
* A format with leading zeros (``00000``) is kept, since the number is an identifier.
* A serial number formatted as a day is that day, at midnight or without a time; with a time it is day and time. A time
  of day is ``09:30:00``; a duration is hours, minutes and seconds, ``30:05:00``.

Belongs here: from a sheet to cells, and the meaning of number formats. Belongs elsewhere: reading bytes of one format.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, auto
from functools import cache
from itertools import chain
from typing import Protocol, TypeAlias

import polars as pl

from lgdp_pipelines.handover.extract_reading import ROW, Fault
from lgdp_pipelines.landing.cell_block import CellBlock, build_frame, build_misshapen, join_headers
from lgdp_pipelines.register.model.extract_format import Extract
from lgdp_pipelines.vocabulary.councils import fold_spelling

_NOT_SHOWN = re.compile(r'"[^"]*"|\\.|_.|\*.|AM/PM|A/P|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.IGNORECASE)
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_PADDED = re.compile(r"0{2,}")
_LAST_SERIAL = 2_958_465
"""31 December 9999."""
_NO_DAY = 60
"""29 February 1900, which only workbooks have."""
_DAY = 86_400


class NumberMeaning(Enum):
    """The kind of thing that a number represents."""

    NUMBER = auto()
    DAY = auto()
    TIME = auto()
    DURATION = auto()


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """The meaning of a number format.

    Attributes:
        meaning: what the number stands for.
        digits: to how many digits it is filled up with zeros; 0: not at all.
    """

    meaning: NumberMeaning = NumberMeaning.NUMBER
    digits: int = 0


PLAIN_FORMAT = NumberFormat()


@cache
def parse_number_format(code: str) -> NumberFormat:
    """Return the meaning of a number format such as ``dd/mm/yyyy`` or ``00000``."""
    first = _NOT_SHOWN.sub("", code.partition(";")[0])
    if _ELAPSED.search(first):
        return NumberFormat(NumberMeaning.DURATION)
    letters = set(first.lower()) & set("ymdhs") if first.lower() != "general" else set()
    if letters & {"y", "d"} or letters == {"m"}:
        return NumberFormat(NumberMeaning.DAY)
    if letters:
        return NumberFormat(NumberMeaning.TIME)
    return NumberFormat(digits=len(first)) if _PADDED.fullmatch(first.strip()) else PLAIN_FORMAT


def format_number(value: float) -> str:
    """Return a number in plain decimals."""
    text = repr(value)
    if "e" in text:
        return format(Decimal(text), "f")
    return text.removesuffix(".0")


def convert_number(value: float, number_format: NumberFormat, *, from_1904: bool) -> str | date:
    """Return a number by its format, as text, day or day with time.

    Args:
        value: as stored.
        number_format: of its cell.
        from_1904: whether the workbook counts days from 1904.
    """
    if number_format is PLAIN_FORMAT:
        return format_number(value)
    if number_format.digits:
        whole = format_number(abs(value))
        return (
            ("-" if value < 0 else "") + whole.zfill(number_format.digits) if "." not in whole else format_number(value)
        )
    if number_format.meaning is NumberMeaning.DURATION:
        seconds = round(abs(value) * _DAY)
        sign = "-" if value < 0 else ""
        return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if 0 <= value < 1 and number_format.meaning is NumberMeaning.TIME:
        return _to_time(value).isoformat() if round(value * _DAY) < _DAY else format_number(value)
    return _to_day(value + 1462 if from_1904 else value)


def _to_time(part: float) -> time:
    return (datetime.min + timedelta(seconds=round(part * _DAY))).time()  # noqa: DTZ901 - a time of day has no zone


def _to_day(serial: float) -> str | date:
    """Return the day of a serial number, or the number if it is not a day."""
    day_number = int(serial)
    if not 1 <= serial <= _LAST_SERIAL + 1 or day_number > _LAST_SERIAL:
        return format_number(serial)
    if day_number == _NO_DAY:
        return "1900-02-29"
    base = date(1899, 12, 30) if day_number > _NO_DAY else date(1899, 12, 31)
    day = base + timedelta(days=day_number)
    seconds = round((serial - day_number) * _DAY)
    if seconds == 0:
        return day
    moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a workbook knows no zone
    return moment + timedelta(seconds=min(seconds, _DAY - 1))


CellValue: TypeAlias = str | date
"""A cell that is filled: its text, or a day (a ``datetime`` where it has a time)."""
SheetRow: TypeAlias = tuple[int, Mapping[int, CellValue]]
"""A row's number, from 1, and its filled cells by place, from 0; rows come in order."""
DateFormatters: TypeAlias = Callable[[Sequence[str]], Mapping[int, Callable[[date], str]]]
"""From headers to the places of columns of dates, each with how a day is spelled there."""

_BLOCK = 20_000
_MAX_CELLS = 50_000_000
_MAX_OUTSIDE = 200
"""Columns right of the header that may hold something."""


@dataclass(frozen=True, slots=True)
class MergedArea:
    """Merged cells: rows from 1 and places from 0, the last included."""

    first_row: int
    last_row: int
    first_place: int
    last_place: int


@dataclass(frozen=True, slots=True)
class SheetEntry:
    """A sheet as listed by its workbook."""

    name: str
    is_visible: bool


class SheetReader(Protocol):
    """Reads one sheet."""

    @property
    def name(self) -> str:
        """Name on its tab."""

    def rows(self) -> Iterator[SheetRow]:
        """Yield the rows that have a filled cell.

        Raises:
            DamagedWorkbook: the rest cannot be read.
        """

    def read_merged_areas(self) -> Sequence[MergedArea]:
        """Return the merged cells.

        Raises:
            DamagedWorkbook: they cannot be read.
        """


class DamagedWorkbook(Exception):
    """A workbook, or the rest of it, cannot be read.

    Caught by :func:`read_sheet` and readers.
    """


def choose_sheet(sheets: Sequence[SheetEntry], wanted: str) -> int | Fault:
    """Return the place of the declared sheet, or the fault.

    Args:
        sheets: of the workbook, in order.
        wanted: name of it; empty: the only visible one.
    """
    if wanted:
        exact = [place for place, sheet in enumerate(sheets) if sheet.name == wanted]
        matches = exact or [
            place for place, sheet in enumerate(sheets) if fold_spelling(sheet.name) == fold_spelling(wanted)
        ]
        if matches:
            return matches[0]
        return Fault(f"The workbook has no sheet “{wanted}”. Name the sheet with the data so, and send it again.")
    visible = [place for place, sheet in enumerate(sheets) if sheet.is_visible]
    if len(visible) == 1:
        return visible[0]
    meaning = f"{len(visible)} sheets that are not hidden" if visible else "no sheet that is not hidden"
    return Fault(f"The workbook has {meaning}, and the data must be in the only one. Remove or hide the others.")


def read_sheet(sheet: SheetReader, extract: Extract, date_formatters: DateFormatters) -> CellBlock | Fault:
    """Return a sheet as cells, or the fault.

    Args:
        sheet: to be read.
        extract: as declared: preamble and header rows.
        date_formatters: how days are spelled under the headers.
    """
    try:
        return _read_cells(sheet, extract, date_formatters)
    except DamagedWorkbook:
        return Fault("The workbook is damaged. Open it, save it again, and send it.", sheet=sheet.name)


def _read_cells(sheet: SheetReader, extract: Extract, date_formatters: DateFormatters) -> CellBlock | Fault:
    head, rows = _split_header(sheet.rows(), extract.header_row)
    header = _build_header(sheet, extract, head)
    if not header:
        return Fault(
            f"The header should be in row {extract.header_row}, and that row is empty. Send the column names in it.",
            extract.header_row,
            sheet.name,
        )
    formats = date_formatters(header)
    blocks: list[pl.DataFrame] = []
    records: list[list[str | None]] = []
    numbers: list[int] = []
    last = extract.header_row
    for last, row in rows:
        width = max(len(header), max(row) + 1)
        if width > len(header) + _MAX_OUTSIDE:
            return Fault("The row has a cell far to the right of the table. Remove it.", last, sheet.name)
        records.append(
            [_format_cell(row[place], formats.get(place)) if place in row else None for place in range(width)]
        )
        numbers.append(last)
        if len(records) == _BLOCK:
            blocks.append(build_frame(records, numbers, len(header)))
            records, numbers = [], []
        if (len(blocks) * _BLOCK + len(records)) * len(header) > _MAX_CELLS:
            return Fault("The sheet is larger than workbooks are read. Send it as CSV.", last, sheet.name)
    frame = pl.concat([*blocks, build_frame(records, numbers, len(header))], how="diagonal")
    places = [str(place) for place in range(frame.width - 1)]
    return CellBlock(header, frame.select(*places, ROW), build_misshapen(), last, extract.header_row, sheet.name)


def _split_header(
    rows: Iterator[SheetRow], header_row: int
) -> tuple[Mapping[int, Mapping[int, CellValue]], Iterator[SheetRow]]:
    """Return the rows up to the header by number, and the rows after it."""
    head: dict[int, Mapping[int, CellValue]] = {}
    for number, row in rows:
        if number > header_row:
            return head, chain([(number, row)], rows)
        head[number] = row
    return head, iter(())


def _build_header(sheet: SheetReader, extract: Extract, head: Mapping[int, Mapping[int, CellValue]]) -> tuple[str, ...]:
    """Return the names of columns, up to the last that has one."""
    lower = _header_texts(head.get(extract.header_row, {}))
    if extract.header_rows == 1:
        return lower
    row = extract.header_row - 1
    upper = dict(head.get(row, {}))
    for area in sheet.read_merged_areas():
        if area.first_row <= row <= area.last_row:
            value = head.get(area.first_row, {}).get(area.first_place, "")
            upper |= dict.fromkeys(range(area.first_place, area.last_place + 1), value)
    return join_headers(_header_texts(upper), lower)


def _header_texts(row: Mapping[int, CellValue]) -> tuple[str, ...]:
    texts = [_format_cell(row[place], None) if place in row else "" for place in range(max(row, default=-1) + 1)]
    while texts and not texts[-1].strip():
        texts.pop()
    return tuple(texts)


def _format_cell(value: CellValue, spell: Callable[[date], str] | None) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    return spell(value) if spell else value.isoformat()
