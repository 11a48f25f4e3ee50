"""The rows of workbook files, XLSX and XLS.

An XLSX workbook is a ZIP of XML documents, and either can be made to grow without end: sizes are held against limits
before anything is unpacked, a member never gives more than its header says, and no document with a DTD is read. Cells
are taken from the position that they name, one row at a time, since a workbook of a few kilobytes can have a cell in
its first row and one in its last. XLS is read through xlrd, which keeps errors and number formats as they are stored.
Belongs here: reading both formats. Belongs elsewhere: choosing the sheet and naming columns (``workbook_reader``).
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, cached_property
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

import xlrd

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.landing.cell_block import MAX_COLUMNS
from lgdp_pipelines.landing.file_containers import SMALL_BYTES, measure_size
from lgdp_pipelines.landing.workbook_reader import (
    PLAIN_FORMAT,
    CellValue,
    MergedArea,
    NumberFormat,
    Sheet,
    SheetRow,
    convert_number,
    parse_number_format,
)
from lgdp_pipelines.landing.xml_reader import BrokenXml, Element, UnsafeXml, iter_elements, release

_MAX_BYTES = 2**30
_MAX_RATIO = 200
_MAX_ROWS = 1_048_576
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})(?::([A-Z]{1,3})([0-9]{1,7}))?")
_SHARED, _STYLES, _WORKBOOK = "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml"
_BUILT_IN = {
    **dict.fromkeys((14, 15, 16, 17, *range(27, 32), *range(34, 37), *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 45, 47), "hh:mm:ss"),
    22: "yyyy-mm-dd hh:mm",
    46: "[h]:mm:ss",
}
"""Number formats of days and times that a workbook need not write out."""
_PLAIN_NUMBER = re.compile(r"[0-9]{1,15}")
_PROTECTED = "The workbook is protected with a password. Save it without, and send it."
_DAMAGED = "The workbook is damaged. Open it, save it again, and send it."


@contextmanager
def _damage_errors(sheet: str | None = None) -> Iterator[None]:
    """Turn every error of a damaged workbook into a fault."""
    try:
        yield
    except (
        BadZipFile,
        BrokenXml,
        UnsafeXml,
        KeyError,
        IndexError,
        ValueError,
        EOFError,
        OSError,
        NotImplementedError,
        OverflowError,
    ):
        raise Fault(_DAMAGED, sheet=sheet) from None


@dataclass(frozen=True)
class _XlsxWorkbook:
    """An open XLSX workbook.

    Attributes:
        archive: its ZIP.
        from_1904: whether it counts days from 1904.
    """

    archive: ZipFile
    from_1904: bool

    @cached_property
    def shared_texts(self) -> Sequence[str]:
        """Texts that cells refer to by number."""
        if _SHARED not in self.archive.namelist():
            return ()
        texts: list[str] = []
        with self.archive.open(_SHARED) as file:
            for _, element in iter_elements(file, ("end",), ("{*}si",)):
                texts.append(_read_text(element))
                release(element)
        return texts

    @cached_property
    def number_formats(self) -> Sequence[NumberFormat]:
        """Number format of each cell style."""
        if _STYLES not in self.archive.namelist():
            return ()
        codes: dict[int, str] = dict(_BUILT_IN)
        number_formats: list[NumberFormat] = []
        with self.archive.open(_STYLES) as file:
            for _, element in iter_elements(file, ("end",), ("{*}numFmt", "{*}cellXfs")):
                if element.tag.endswith("}numFmt"):
                    codes[int(element.get("numFmtId", "0"))] = element.get("formatCode", "")
                else:
                    number_formats = [
                        parse_number_format(codes.get(int(xf.get("numFmtId", "0")), "General")) for xf in element
                    ]
        return number_formats


def open_xlsx(file: BinaryIO) -> list[Sheet]:
    """Return the sheets of an XLSX workbook, without sheets of charts.

    Args:
        file: stays open while they are read.

    Raises:
        Fault: the file is not a workbook, or a damaged or protected one.
    """
    with _damage_errors():
        archive, packed_size = ZipFile(file), measure_size(file)
        size = sum(member.file_size for member in archive.infolist())
        if size > max(SMALL_BYTES, min(_MAX_BYTES, _MAX_RATIO * packed_size)):
            raise Fault("The workbook unpacks to far more than any workbook holds. Save it again, and send it.")
        if any(member.flag_bits & 1 for member in archive.infolist()):
            raise Fault(_PROTECTED)
        targets = _read_targets(archive)
        entries: list[tuple[str, bool, str]] = []
        from_1904 = False
        with archive.open(_WORKBOOK) as workbook_file:
            for _, element in iter_elements(workbook_file, ("end",), ("{*}workbookPr", "{*}sheet")):
                if element.tag.endswith("}workbookPr"):
                    from_1904 = element.get("date1904", "0") in {"1", "true"}
                    continue
                relation = next((value for name, value in element.attrib.items() if name.endswith("}id")), "")
                path = targets.get(relation, "")
                if "worksheets/" in path:  # a sheet may also consist of a chart
                    entries.append((element.get("name", ""), element.get("state", "visible") == "visible", path))
        workbook = _XlsxWorkbook(archive, from_1904)
        return [_XlsxSheet(name, is_visible, workbook, path) for name, is_visible, path in entries]


def _read_targets(archive: ZipFile) -> Mapping[str, str]:
    """Return the paths of a workbook's parts by relationship id."""
    targets: dict[str, str] = {}
    with archive.open("xl/_rels/workbook.xml.rels") as file:
        for _, element in iter_elements(file, ("end",), ("{*}Relationship",)):
            target = element.get("Target", "")
            targets[element.get("Id", "")] = target[1:] if target.startswith("/") else f"xl/{target}"
    return targets


def _read_text(element: Element) -> str:
    """Return the text of a string without its phonetic reading (``rPh``)."""
    texts: list[str] = []
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name == "t":
            texts.append(child.text or "")
        elif name == "r":
            texts += [part.text or "" for part in child if part.tag.endswith("}t")]
    return _unescape("".join(texts))


def _unescape(text: str) -> str:
    """Return a text with its ``_xHHHH_`` escapes replaced by characters."""
    return _ESCAPED.sub(_unescape_character, text) if "_x" in text else text


def _unescape_character(escape: re.Match[str]) -> str:
    """Return the character of an escape, or the escape itself."""
    code = int(escape[1], 16)
    return chr(code) if code and not 0xD800 <= code <= 0xDFFF else escape[0]


@dataclass(frozen=True)
class _XlsxSheet(Sheet):
    """A sheet of an open XLSX workbook."""

    workbook: _XlsxWorkbook
    path: str

    def rows(self) -> Iterator[SheetRow]:
        """Yield the number and filled cells of rows that have any."""
        with _damage_errors(self.name), self.workbook.archive.open(self.path) as file:
            read_cell = _build_cell_reader(self.workbook)
            number = 0
            for _, element in iter_elements(file, ("end",), ("{*}row",)):
                number = _next_row_number(element.get("r"), number)
                row = _read_row(element, read_cell)
                release(element)
                if row:
                    yield number, row

    def read_merged_areas(self) -> Sequence[MergedArea]:
        """Return the merged cells."""
        areas: list[MergedArea] = []
        with _damage_errors(self.name), self.workbook.archive.open(self.path) as file:
            for _, element in iter_elements(file, ("end",), ("{*}row", "{*}mergeCell")):
                area = _REFERENCE.fullmatch(element.get("ref", ""))
                if element.tag.endswith("}mergeCell") and area and area[3]:
                    areas.append(
                        MergedArea(int(area[2]), int(area[4]), _column_position(area[1]), _column_position(area[3]))
                    )
                release(element)
        return areas


def _read_row(element: Element, read_cell: Callable[[Element], CellValue | None]) -> dict[int, CellValue]:
    """Return the filled cells of a row, by position."""
    row: dict[int, CellValue] = {}
    position = -1
    for cell in element:
        reference = cell.get("r")
        position = _column_position(reference.rstrip("0123456789")) if reference else position + 1
        if position >= MAX_COLUMNS:
            raise ValueError("A cell is outside the columns of a workbook.")
        if value := read_cell(cell):
            row[position] = value
    return row


def _next_row_number(reference: str | None, number: int) -> int:
    """Return the number of the next row: its reference, or one more."""
    following = int(reference) if reference else number + 1
    if not number < following <= _MAX_ROWS:
        raise ValueError("A row number is out of order.")
    return following


@cache
def _column_position(letters: str) -> int:
    """Return the position of a column, from 0."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    if not 1 <= number <= MAX_COLUMNS or not letters.isalpha():
        raise ValueError("A cell is outside the columns of a workbook.")
    return number - 1


def _build_cell_reader(workbook: _XlsxWorkbook) -> Callable[[Element], CellValue | None]:
    """Return a function that reads a cell; None if it is empty."""
    shared_texts, number_formats, from_1904 = workbook.shared_texts, workbook.number_formats, workbook.from_1904

    def read_cell(cell: Element) -> CellValue | None:
        """Return the value of a cell, or None if it is empty."""
        kind = cell.get("t") or "n"
        if kind == "inlineStr":
            return next((_read_text(child) for child in cell if child.tag.endswith("}is")), None)
        text: str | None = None
        for child in cell:
            if child.tag.endswith("}v"):
                text = child.text
        if text is None:
            return None
        if kind == "n":
            style = cell.get("s")
            number_format = number_formats[int(style)] if style and number_formats else PLAIN_FORMAT
            if number_format is PLAIN_FORMAT and _PLAIN_NUMBER.fullmatch(text):
                return text
            return convert_number(float(text), number_format, from_1904=from_1904)
        return shared_texts[int(text)] if kind == "s" else _CONVERTERS.get(kind, str)(text)

    return read_cell


def _format_boolean(text: str) -> str:
    """Return the text of a truth value."""
    return "TRUE" if text in {"1", "true"} else "FALSE"


def _parse_iso_day(text: str) -> CellValue:
    """Return the day of an ISO text, with time unless midnight."""
    moment = datetime.fromisoformat(text.removesuffix("Z"))
    is_day = (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
    return date(moment.year, moment.month, moment.day) if is_day else moment


_CONVERTERS: Mapping[str, Callable[[str], CellValue]] = {"b": _format_boolean, "d": _parse_iso_day, "str": _unescape}
"""Conversion by kind of cell; numbers and shared texts are read before, and an error keeps its text."""


def open_xls(content: bytes) -> list[Sheet]:
    """Return the sheets of an XLS workbook.

    Raises:
        Fault: the content is not a workbook, or a damaged or protected one.
    """
    try:
        book = xlrd.open_workbook(
            file_contents=content, formatting_info=True, on_demand=True, ragged_rows=True, logfile=io.StringIO()
        )
        # Only a private attribute holds the visibility of a sheet before the sheet is read.
        entries = zip(book.sheet_names(), book._sheet_visibility, strict=True)  # noqa: SLF001
        return [_XlsSheet(name, state == 0, book, index) for index, (name, state) in enumerate(entries)]
    except Exception as error:  # noqa: BLE001 - xlrd raises any kind of error for bytes that are not a workbook
        is_protected = isinstance(error, xlrd.XLRDError) and "encrypt" in str(error)
        raise Fault(_PROTECTED if is_protected else _DAMAGED) from None


@dataclass(frozen=True)
class _XlsSheet(Sheet):
    """A sheet of an open XLS workbook."""

    book: xlrd.Book
    index: int

    def rows(self) -> Iterator[SheetRow]:
        """Yield the number and filled cells of rows that have any."""
        sheet, number_formats = self._load()
        for number, cells in enumerate(sheet.get_rows(), start=1):
            row = {
                position: value
                for position, cell in enumerate(cells)
                if (value := _read_xls_value(cell, number_formats, self.book.datemode == 1)) != ""
            }
            if row:
                yield number, row

    def read_merged_areas(self) -> Sequence[MergedArea]:
        """Return the merged cells."""
        sheet, _ = self._load()
        return [MergedArea(top + 1, bottom, left, right - 1) for top, bottom, left, right in sheet.merged_cells]

    def _load(self) -> tuple[xlrd.sheet.Sheet, Sequence[NumberFormat]]:
        """Return xlrd's sheet, and the number format of each cell style."""
        try:
            sheet = self.book.sheet_by_index(self.index)
            formats = self.book.format_map
            return sheet, [parse_number_format(formats[xf.format_key].format_str) for xf in self.book.xf_list]
        except Exception:  # noqa: BLE001 - xlrd raises any kind of error for a damaged sheet
            raise Fault(_DAMAGED, sheet=self.name) from None


def _read_xls_value(cell: xlrd.sheet.Cell, number_formats: Sequence[NumberFormat], from_1904: bool) -> CellValue:  # noqa: FBT001 - of the workbook
    """Return the value of an XLS cell, or empty text."""
    match cell.ctype:
        case xlrd.XL_CELL_NUMBER | xlrd.XL_CELL_DATE:
            return convert_number(cell.value, number_formats[cell.xf_index], from_1904=from_1904)
        case xlrd.XL_CELL_BOOLEAN:
            return _format_boolean(str(cell.value))
        case xlrd.XL_CELL_ERROR:
            return str(xlrd.error_text_from_code.get(cell.value, "#ERROR!"))
        case _:
            return str(cell.value)
