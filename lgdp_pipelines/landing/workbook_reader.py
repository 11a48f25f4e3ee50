"""Sheets of workbooks as cells, for every workbook format (``workbook_formats``).

The sheet is the declared one, or else the only visible one; a hidden sheet is read only if it is declared. Rows that a
filter hides count like others. A text cell is its text, unchanged; an empty one is empty; a truth value is ``TRUE`` or
``FALSE``; a formula is its result, or its error, such as ``#N/A``. A day is written in the date format of the item in
that column, and otherwise in ISO 8601: ``2024-03-31``, with a time ``2024-03-31T09:30:00``.

A workbook has no text of a number, only the number and its format:

* A number is written out in plain decimals, the shortest that reads back as the same number: ``12``, ``0.1``. A whole
  number has no ``.0``. Decimals shown, thousands marks and ``%`` are display formats: 50% is ``0.5``.
* A format with leading zeros (``00000``) is kept, since the number is an identifier.
* A serial number formatted as a day is that day, at midnight or without a time; with a time it is day and time. A time
  of day is ``09:30:00``; a duration is hours, minutes and seconds, ``30:05:00``.

Belongs here: the cells of a sheet, and the meaning of number formats. Belongs elsewhere: reading the bytes of a file.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from functools import cache
from itertools import chain
from typing import TypeAlias

import polars as pl

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.landing.cell_block import CellBlock, build_frame, build_misshapen, join_headers
from lgdp_pipelines.register.model.extract_format import ExtractFormat
from lgdp_pipelines.vocabulary.spellings import fold_spelling
from lgdp_pipelines.vocabulary.table_columns import ROW

_NOT_SHOWN = re.compile(r'"[^"]*"|\\.|_.|\*.|AM/PM|A/P|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.IGNORECASE)
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_PADDED = re.compile(r"0{2,}")
_LAST_SERIAL = 2_958_465
"""31 December 9999."""
_NO_DAY = 60
"""29 February 1900, which only workbooks have."""
_DAY = 86_400


class NumberMeaning(Enum):
    """The kind of value that a number represents."""

    NUMBER = auto()
    DAY = auto()
    TIME = auto()
    DURATION = auto()


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """The meaning of a number format.

    Attributes:
        meaning: of the number.
        digits: number of digits to which leading zeros fill it up; 0: no leading zeros.
    """

    meaning: NumberMeaning = NumberMeaning.NUMBER
    digits: int = 0


PLAIN_FORMAT = NumberFormat()


@cache
def parse_number_format(code: str) -> NumberFormat:
    """Return the meaning of a number format such as ``dd/mm/yyyy`` or ``00000``."""
    first_section = _NOT_SHOWN.sub("", code.partition(";")[0])
    if _ELAPSED.search(first_section):
        return NumberFormat(NumberMeaning.DURATION)
    letters = set(first_section.lower()) & set("ymdhs") if first_section.lower() != "general" else set()
    if letters & {"y", "d"} or letters == {"m"}:
        return NumberFormat(NumberMeaning.DAY)
    if letters:
        return NumberFormat(NumberMeaning.TIME)
    return NumberFormat(digits=len(first_section)) if _PADDED.fullmatch(first_section.strip()) else PLAIN_FORMAT


def format_number(value: float) -> str:
    """Return a number in plain decimals."""
    text = repr(value)
    if "e" in text:
        return format(Decimal(text), "f")
    return text.removesuffix(".0")


def convert_number(value: float, number_format: NumberFormat, *, from_1904: bool) -> str | date:
    """Return a number as plain decimals, day, time or duration, by format.

    Args:
        value: as stored.
        number_format: of its cell.
        from_1904: whether the workbook counts days from 1904.
    """
    if number_format is PLAIN_FORMAT:
        return format_number(value)
    sign = "-" if value < 0 else ""
    if number_format.digits:
        digits = format_number(abs(value))
        return sign + digits.zfill(number_format.digits) if "." not in digits else format_number(value)
    if number_format.meaning is NumberMeaning.DURATION:
        seconds = round(abs(value) * _DAY)
        return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if 0 <= value < 1 and number_format.meaning is NumberMeaning.TIME:
        seconds = round(value * _DAY)
        moment = datetime.min + timedelta(seconds=seconds)  # noqa: DTZ901 - a time of day has no zone
        return moment.time().isoformat() if seconds < _DAY else format_number(value)
    return _to_day(value + 1462 if from_1904 else value)


def _to_day(serial: float) -> str | date:
    """Return the day or moment of a serial number, else its text."""
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
"""A cell that is filled: its text, or a day (a ``datetime`` if it has a time)."""
SheetRow: TypeAlias = tuple[int, Mapping[int, CellValue]]
"""A row's number, from 1, and its filled cells by position, from 0; rows come in order."""
DateFormatters: TypeAlias = Callable[[Sequence[str]], Mapping[int, Callable[[date], str]]]
"""Function from headers to the positions of date columns, each with a function that writes a day."""

_BLOCK = 20_000
_MAX_CELLS = 50_000_000
_MAX_OUTSIDE = 200
"""Number of columns right of the header that may have filled cells."""


@dataclass(frozen=True, slots=True)
class MergedArea:
    """Merged cells: rows from 1 and positions from 0, the last included."""

    first_row: int
    last_row: int
    first_position: int
    last_position: int


@dataclass(frozen=True)
class Sheet(ABC):
    """A sheet of an open workbook.

    Attributes:
        name: on its tab.
        is_visible: whether the workbook shows it.
    """

    name: str
    is_visible: bool

    @abstractmethod
    def rows(self) -> Iterator[SheetRow]:
        """Yield the rows that have a filled cell.

        Raises:
            Fault: the rest cannot be read.
        """

    @abstractmethod
    def read_merged_areas(self) -> Sequence[MergedArea]:
        """Return the merged cells.

        Raises:
            Fault: they cannot be read.
        """


def choose_sheet(sheets: Sequence[Sheet], name: str) -> Sheet:
    """Return the declared sheet, or else the only visible sheet.

    Args:
        sheets: of the workbook, in order.
        name: as declared; empty: the only visible sheet.

    Raises:
        Fault: the workbook does not have this sheet.
    """
    if name:
        matches = [sheet for sheet in sheets if sheet.name == name] or [
            sheet for sheet in sheets if fold_spelling(sheet.name) == fold_spelling(name)
        ]
        if matches:
            return matches[0]
        raise Fault(f"The workbook has no sheet “{name}”. Name the sheet with the data so, and send it again.")
    visible = [sheet for sheet in sheets if sheet.is_visible]
    if len(visible) == 1:
        return visible[0]
    count_text = f"{len(visible)} sheets that are not hidden" if visible else "no sheet that is not hidden"
    raise Fault(f"The workbook has {count_text}, and the data must be in the only one. Remove or hide the others.")


def read_sheet(sheet: Sheet, extract_format: ExtractFormat, date_formatters: DateFormatters) -> CellBlock:
    """Return a sheet's header and the cells below, with dates as text.

    Args:
        sheet: of an open workbook.
        extract_format: as declared: preamble and header rows.
        date_formatters: writes the days of each date column.

    Raises:
        Fault: the sheet is damaged, too large, or has no header.
    """
    header_rows, rows = _split_header(sheet.rows(), extract_format.header_row)
    header = _build_header(sheet, extract_format, header_rows)
    if not header:
        raise Fault(
            f"The header should be in row {extract_format.header_row}, and that row is empty. "
            "Send the column names in it.",
            extract_format.header_row,
            sheet.name,
        )
    formatters = date_formatters(header)
    blocks: list[pl.DataFrame] = []
    records: list[list[str | None]] = []
    numbers: list[int] = []
    last_row = extract_format.header_row
    for last_row, row in rows:
        width = max(len(header), max(row) + 1)
        if width > len(header) + _MAX_OUTSIDE:
            raise Fault("The row has a cell far to the right of the table. Remove it.", last_row, sheet.name)
        records.append(
            [
                _format_cell(row[position], formatters.get(position)) if position in row else None
                for position in range(width)
            ]
        )
        numbers.append(last_row)
        if len(records) == _BLOCK:
            blocks.append(build_frame(records, numbers, len(header)))
            records, numbers = [], []
        if (len(blocks) * _BLOCK + len(records)) * len(header) > _MAX_CELLS:
            raise Fault("The sheet is too large to be read as a workbook. Send it as CSV.", last_row, sheet.name)
    frame = pl.concat([*blocks, build_frame(records, numbers, len(header))], how="diagonal")
    # A wider block adds its columns after the row number of the blocks before.
    cells = frame.select(pl.exclude(ROW), ROW)
    return CellBlock(header, cells, build_misshapen(), last_row, extract_format.header_row, sheet.name)


def _split_header(
    rows: Iterator[SheetRow], header_row: int
) -> tuple[Mapping[int, Mapping[int, CellValue]], Iterator[SheetRow]]:
    """Return the rows up to the header, and the rows after it."""
    header_rows: dict[int, Mapping[int, CellValue]] = {}
    for number, row in rows:
        if number > header_row:
            return header_rows, chain([(number, row)], rows)
        header_rows[number] = row
    return header_rows, iter(())


def _build_header(
    sheet: Sheet, extract_format: ExtractFormat, header_rows: Mapping[int, Mapping[int, CellValue]]
) -> tuple[str, ...]:
    """Return the names of columns, up to the last named one."""
    lower = _header_texts(header_rows.get(extract_format.header_row, {}))
    if extract_format.header_rows == 1:
        return lower
    row = extract_format.header_row - 1
    upper = dict(header_rows.get(row, {}))
    for area in sheet.read_merged_areas():
        if area.first_row <= row <= area.last_row:
            value = header_rows.get(area.first_row, {}).get(area.first_position, "")
            upper |= dict.fromkeys(range(area.first_position, area.last_position + 1), value)
    return join_headers(_header_texts(upper), lower)


def _header_texts(row: Mapping[int, CellValue]) -> tuple[str, ...]:
    """Return the texts of a header row, up to the last filled."""
    last_position = max((position for position, value in row.items() if _format_cell(value, None).strip()), default=-1)
    return tuple(_format_cell(row[position], None) if position in row else "" for position in range(last_position + 1))


def _format_cell(value: CellValue, format_day: Callable[[date], str] | None) -> str:
    """Return a cell's text, a day in the given format or ISO."""
    if isinstance(value, str):
        return value
    return value.isoformat() if format_day is None or isinstance(value, datetime) else format_day(value)
