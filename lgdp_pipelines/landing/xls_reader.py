"""XLS workbooks, row by row.

Belongs here: reading the format, through xlrd, which tells errors and number formats as they are stored. Belongs
elsewhere: which sheet, and what columns are called (``workbook``).
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import xlrd

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.landing.workbook_reader import (
    CellValue,
    DamagedWorkbook,
    MergedArea,
    NumberFormat,
    SheetEntry,
    SheetRow,
    convert_number,
    parse_number_format,
)


@dataclass(frozen=True, slots=True)
class XlsWorkbook:
    """An open workbook.

    Attributes:
        book: as xlrd has it.
        sheets: its sheets, in order.
    """

    book: xlrd.Book
    sheets: tuple[SheetEntry, ...]

    def open_sheet(self, place: int) -> "XlsSheet":
        """Return a sheet by its place in the list."""
        return XlsSheet(self.book, self.sheets[place].name, place)


def open_xls(content: bytes) -> XlsWorkbook | Fault:
    """Open a workbook, or return its fault."""
    try:
        book = xlrd.open_workbook(
            file_contents=content, formatting_info=True, on_demand=True, ragged_rows=True, logfile=io.StringIO()
        )
        sheets = tuple(
            SheetEntry(name, visibility == 0)
            for name, visibility in zip(book.sheet_names(), book._sheet_visibility, strict=True)  # noqa: SLF001 - told nowhere else before a sheet is read
        )
    except xlrd.XLRDError as error:
        if "encrypt" in str(error):
            return Fault("The workbook is protected with a password. Save it without, and send it.")
        return _DAMAGED
    except Exception:  # noqa: BLE001 - bytes that are no workbook make xlrd raise whatever comes
        return _DAMAGED
    return XlsWorkbook(book, sheets)


_DAMAGED = Fault("The workbook is damaged. Open it, save it again, and send it.")


@dataclass(frozen=True, slots=True)
class XlsSheet:
    """A sheet of an open workbook."""

    book: xlrd.Book
    name: str
    place: int

    def rows(self) -> Iterator[SheetRow]:
        """As in :class:`lgdp_pipelines.landing.workbook_reader.SheetReader`."""
        sheet, number_formats = self._load()
        for number in range(sheet.nrows):
            row = {
                place: value
                for place, cell in enumerate(sheet.row(number))
                if (value := _read_value(cell, number_formats, self.book.datemode == 1)) != ""
            }
            if row:
                yield number + 1, row

    def read_merged_areas(self) -> Sequence[MergedArea]:
        """As in :class:`lgdp_pipelines.landing.workbook_reader.SheetReader`."""
        sheet, _ = self._load()
        return [MergedArea(first + 1, last, left, right - 1) for first, last, left, right in sheet.merged_cells]

    def _load(self) -> tuple[xlrd.sheet.Sheet, Sequence[NumberFormat]]:
        try:
            sheet = self.book.sheet_by_index(self.place)
            formats = self.book.format_map
            number_formats = [parse_number_format(formats[xf.format_key].format_str) for xf in self.book.xf_list]
        except Exception as error:  # noqa: BLE001 - a damaged sheet makes xlrd raise whatever comes
            raise DamagedWorkbook(type(error).__name__) from None
        return sheet, number_formats


def _read_value(cell: xlrd.sheet.Cell, number_formats: Sequence[NumberFormat], from_1904: bool) -> CellValue:  # noqa: FBT001 - of the workbook
    match cell.ctype:
        case xlrd.XL_CELL_NUMBER | xlrd.XL_CELL_DATE:
            return convert_number(cell.value, number_formats[cell.xf_index], from_1904=from_1904)
        case xlrd.XL_CELL_BOOLEAN:
            return "TRUE" if cell.value else "FALSE"
        case xlrd.XL_CELL_ERROR:
            return str(xlrd.error_text_from_code.get(cell.value, "#ERROR!"))
        case _:
            return str(cell.value)
