"""Workbooks as councils' systems export them, written cell by cell and byte for byte the same each time.

What belongs here: sheets of cells to the bytes of an XLSX file. What does not: what the cells say (``synthetic``,
``schools``).
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TypeAlias

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

Cell: TypeAlias = str | float
"""Text or a number; the empty text is an empty cell."""


@dataclass(frozen=True)
class Sheet:
    """One sheet.

    Attributes:
        rows: rows of cells, from the sheet's first.
        merged: row, first and last column (from 0) of cells that are one, whose text stands in the first.
    """

    rows: Sequence[Sequence[Cell]]
    merged: Sequence[tuple[int, int, int]] = ()


# A workbook says when it was made; the same extract must be the same bytes on any day.
_MADE = datetime(2000, 1, 1)  # noqa: DTZ001 - the format has no time zones


def workbook(sheets: Mapping[str, Sheet]) -> bytes:
    """The bytes of an XLSX file with sheets by name."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_urls": False}) as book:
        book.set_properties({"created": _MADE})
        for name, sheet in sheets.items():
            page = book.add_worksheet(name)
            for row, first, last in sheet.merged:
                page.merge_range(row, first, row, last, "")
            for row, cells in enumerate(sheet.rows):
                for column, cell in enumerate(cells):
                    _write(page, row, column, cell)
    return content.getvalue()


def _write(page: Worksheet, row: int, column: int, cell: Cell) -> None:
    if not isinstance(cell, str):
        page.write_number(row, column, cell)
    elif cell:
        page.write_string(row, column, cell)


def header_rows(headers: Sequence[str], rows: int) -> Sheet:
    """The header of a sheet: one row as it is; of two, the upper over all columns next to each other that it is for."""
    if rows == 1:
        return Sheet([headers])
    pairs = [header.split(" / ", 1) if " / " in header else ["", header] for header in headers]
    upper: list[str] = []
    merged = []
    for text, group in groupby(pair[0] for pair in pairs):
        width = len(list(group))
        if text and width > 1:
            merged.append((0, len(upper), len(upper) + width - 1))
        upper += [text, *[""] * (width - 1)]
    return Sheet([upper, [pair[1] for pair in pairs]], merged)
