"""XLSX workbooks, row by row.

A workbook is a ZIP of XML documents, and either can be made to grow without end: sizes are held against limits before
anything is unpacked, a member never gives more than its header says, and no document with a DTD is read. Cells are
taken from where they say they are, one row at a time, since a workbook of a few kilobytes can have a cell in its first
row and one in its last. Belongs here: reading the format. Belongs elsewhere: which sheet, and what columns are called
(``workbook``).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.landing.cell_block import MAX_COLUMNS
from lgdp_pipelines.landing.file_containers import measure_size
from lgdp_pipelines.landing.workbook_reader import (
    PLAIN_FORMAT,
    CellValue,
    DamagedWorkbook,
    MergedArea,
    NumberFormat,
    SheetEntry,
    SheetRow,
    convert_number,
    parse_number_format,
)
from lgdp_pipelines.landing.xml_reader import BrokenXml, Element, UnsafeXml, iter_elements, release

_MAX_BYTES = 2**30
_MAX_RATIO = 200
_SMALL = 32 * 2**20
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
"""Number formats that a workbook need not write out, as far as they are about days and times."""
_PLAIN_NUMBER = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True)
class XlsxWorkbook:
    """An open workbook.

    Attributes:
        archive: its ZIP.
        sheets: its sheets, in order.
        paths: where in the archive each sheet is.
        from_1904: whether it counts days from 1904.
    """

    archive: ZipFile
    sheets: tuple[SheetEntry, ...]
    paths: tuple[str, ...]
    from_1904: bool

    def open_sheet(self, place: int) -> "XlsxSheet":
        """Return a sheet by its place in the list."""
        return XlsxSheet(self, self.sheets[place].name, self.paths[place])

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


def open_xlsx(file: BinaryIO) -> XlsxWorkbook | Fault:
    """Open a workbook, from a file that stays open while it is read."""
    try:
        archive, packed = ZipFile(file), measure_size(file)
        size = sum(member.file_size for member in archive.infolist())
        if size > max(_SMALL, min(_MAX_BYTES, _MAX_RATIO * packed)):
            return Fault("The workbook unpacks to far more than any workbook holds. Save it again, and send it.")
        if any(member.flag_bits & 1 for member in archive.infolist()):
            return Fault("The workbook is protected with a password. Save it without, and send it.")
        with _damage_errors():
            return _read_workbook(archive)
    except (BadZipFile, DamagedWorkbook, OSError, ValueError):
        return Fault("The workbook is damaged. Open it, save it again, and send it.")


@contextmanager
def _damage_errors() -> Iterator[None]:
    """Turn every error of a damaged workbook into one exception."""
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
    ) as error:
        raise DamagedWorkbook(type(error).__name__) from None


def _read_workbook(archive: ZipFile) -> XlsxWorkbook:
    targets = _read_targets(archive)
    sheets: list[SheetEntry] = []
    paths: list[str] = []
    from_1904 = False
    with archive.open(_WORKBOOK) as file:
        for _, element in iter_elements(file, ("end",), ("{*}workbookPr", "{*}sheet")):
            if element.tag.endswith("}workbookPr"):
                from_1904 = element.get("date1904", "0") in {"1", "true"}
                continue
            relation = next((value for name, value in element.attrib.items() if name.endswith("}id")), "")
            path = targets.get(relation, "")
            if "worksheets/" in path:  # a sheet may also hold nothing but a chart
                sheets.append(SheetEntry(element.get("name", ""), element.get("state", "visible") == "visible"))
                paths.append(path)
    return XlsxWorkbook(archive, tuple(sheets), tuple(paths), from_1904)


def _read_targets(archive: ZipFile) -> Mapping[str, str]:
    """Return the paths of a workbook's parts by relationship id."""
    targets: dict[str, str] = {}
    with archive.open("xl/_rels/workbook.xml.rels") as file:
        for _, element in iter_elements(file, ("end",), ("{*}Relationship",)):
            target = element.get("Target", "")
            targets[element.get("Id", "")] = target[1:] if target.startswith("/") else f"xl/{target}"
    return targets


def _read_text(element: Element) -> str:
    """Return the text of a shared or inline string, without its phonetic reading (``rPh``)."""
    texts: list[str] = []
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name == "t":
            texts.append(child.text or "")
        elif name == "r":
            texts += [part.text or "" for part in child if part.tag.endswith("}t")]
    text = "".join(texts)
    return _ESCAPED.sub(_unescape, text) if "_x" in text else text


def _unescape(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return chr(code) if code and not 0xD800 <= code <= 0xDFFF else found[0]


@dataclass(frozen=True, slots=True)
class XlsxSheet:
    """A sheet of an open workbook."""

    workbook: XlsxWorkbook
    name: str
    path: str

    def rows(self) -> Iterator[SheetRow]:
        """As in :class:`lgdp_pipelines.landing.workbook_reader.SheetReader`."""
        with _damage_errors(), self.workbook.archive.open(self.path) as file:
            read = _build_cell_reader(self.workbook)
            number = 0
            for _, element in iter_elements(file, ("end",), ("{*}row",)):
                number = _next_row_number(element.get("r"), number)
                row = _read_row(element, read)
                release(element)
                if row:
                    yield number, row

    def read_merged_areas(self) -> Sequence[MergedArea]:
        """As in :class:`lgdp_pipelines.landing.workbook_reader.SheetReader`."""
        areas: list[MergedArea] = []
        with _damage_errors(), self.workbook.archive.open(self.path) as file:
            for _, element in iter_elements(file, ("end",), ("{*}row", "{*}mergeCell")):
                area = _REFERENCE.fullmatch(element.get("ref", ""))
                if element.tag.endswith("}mergeCell") and area and area[3]:
                    areas.append(
                        MergedArea(int(area[2]), int(area[4]), _column_position(area[1]), _column_position(area[3]))
                    )
                release(element)
        return areas


def _read_row(element: Element, read: Callable[[Element], CellValue | None]) -> dict[int, CellValue]:
    """Return the filled cells of a row, by place."""
    row: dict[int, CellValue] = {}
    place = -1
    for cell in element:
        reference = cell.get("r")
        place = _column_position(reference.rstrip("0123456789")) if reference else place + 1
        if place >= MAX_COLUMNS:
            raise DamagedWorkbook("columns")
        if value := read(cell):
            row[place] = value
    return row


def _next_row_number(given: str | None, number: int) -> int:
    """Return the number of the next row: as given, or one more."""
    following = int(given) if given else number + 1
    if not number < following <= _MAX_ROWS:
        raise DamagedWorkbook("rows")
    return following


_POSITIONS: dict[str, int] = {}


def _column_position(letters: str) -> int:
    """Return the place of a column, from 0."""
    place = _POSITIONS.get(letters)
    if place is None:
        place = 0
        for letter in letters:
            place = place * 26 + ord(letter) - 64
        place -= 1
        if not 0 <= place < MAX_COLUMNS or not letters.isalpha():
            raise DamagedWorkbook("columns")
        _POSITIONS[letters] = place
    return place


def _build_cell_reader(workbook: XlsxWorkbook) -> Callable[[Element], CellValue | None]:
    """Return a function that reads a cell."""
    shared_texts, number_formats, from_1904 = workbook.shared_texts, workbook.number_formats, workbook.from_1904

    def read(cell: Element) -> CellValue | None:
        kind = cell.get("t") or "n"
        if kind == "inlineStr":
            return next((_read_text(child) for child in cell if child.tag.endswith("}is")), None)
        text = None
        for child in cell:
            if child.tag.endswith("}v"):
                text = child.text
        if text is None:
            return None
        if kind == "n":
            style = cell.get("s")
            number_format = number_formats[int(style)] if style and number_formats else PLAIN_FORMAT
            return (
                text
                if number_format is PLAIN_FORMAT and _PLAIN_NUMBER.fullmatch(text)
                else _number(text, number_format)
            )
        return shared_texts[int(text)] if kind == "s" else _CONVERTERS.get(kind, str)(text)

    def _number(text: str, number_format: NumberFormat) -> CellValue:
        return convert_number(float(text), number_format, from_1904=from_1904)

    return read


def _formula_text(text: str) -> str:
    return _ESCAPED.sub(_unescape, text) if "_x" in text else text


def _boolean_text(text: str) -> str:
    return "TRUE" if text in {"1", "true"} else "FALSE"


def _parse_iso_day(text: str) -> CellValue:
    moment = datetime.fromisoformat(text.removesuffix("Z"))
    is_day = (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
    return date(moment.year, moment.month, moment.day) if is_day else moment


_CONVERTERS: Mapping[str, Callable[[str], CellValue]] = {"b": _boolean_text, "d": _parse_iso_day, "str": _formula_text}
"""How a cell of a kind is read that is neither a number nor a shared text; an error is read as it stands."""
