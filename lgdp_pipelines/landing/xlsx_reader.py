"""XLSX workbooks, row by row.

A workbook is a ZIP of XML documents, and either can be made to grow without end: sizes are held against limits before
anything is unpacked, a member never gives more than its header says, and no document with a DTD is read. Cells are
taken from where they say they are, one row at a time, since a workbook of a few kilobytes can have a cell in its first
row and one in its last. What belongs here: reading the format. What does not: which sheet, and what columns are called
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
from lgdp_pipelines.landing.cell_blocks import MOST_COLUMNS
from lgdp_pipelines.landing.containers import size_of
from lgdp_pipelines.landing.safe_xml import BrokenXml, Element, UnsafeXml, elements, released
from lgdp_pipelines.landing.workbook_numbers import PLAIN, Look, look_of, shown_value
from lgdp_pipelines.landing.workbook_sheets import DamagedWorkbook, Merged, Row, SheetName, Value

_MOST_BYTES = 2**30
_MOST_TIMES = 200
_SMALL = 32 * 2**20
_MOST_ROWS = 1_048_576
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
    """A workbook that is open.

    Attributes:
        archive: its ZIP.
        listed: its sheets, in order.
        paths: where in the archive each sheet is.
        from_1904: whether it counts days from 1904.
    """

    archive: ZipFile
    listed: tuple[SheetName, ...]
    paths: tuple[str, ...]
    from_1904: bool

    def sheet(self, place: int) -> "XlsxSheet":
        """A sheet by its place in the list."""
        return XlsxSheet(self, self.listed[place].name, self.paths[place])

    @cached_property
    def shared(self) -> Sequence[str]:
        """Texts that cells refer to by number."""
        if _SHARED not in self.archive.namelist():
            return ()
        texts: list[str] = []
        with self.archive.open(_SHARED) as file:
            for _, element in elements(file, ("end",), ("{*}si",)):
                texts.append(_text_in(element))
                released(element)
        return texts

    @cached_property
    def looks(self) -> Sequence[Look]:
        """What each cell style makes of a number."""
        if _STYLES not in self.archive.namelist():
            return ()
        codes: dict[int, str] = dict(_BUILT_IN)
        looks: list[Look] = []
        with self.archive.open(_STYLES) as file:
            for _, element in elements(file, ("end",), ("{*}numFmt", "{*}cellXfs")):
                if element.tag.endswith("}numFmt"):
                    codes[int(element.get("numFmtId", "0"))] = element.get("formatCode", "")
                else:
                    looks = [look_of(codes.get(int(xf.get("numFmtId", "0")), "General")) for xf in element]
        return looks


def open_xlsx(file: BinaryIO) -> XlsxWorkbook | Fault:
    """Open a workbook, from a file that stays open for as long as it is read."""
    try:
        archive, packed = ZipFile(file), size_of(file)
        size = sum(member.file_size for member in archive.infolist())
        if size > max(_SMALL, min(_MOST_BYTES, _MOST_TIMES * packed)):
            return Fault("The workbook unpacks to far more than any workbook holds. Save it again, and send it.")
        if any(member.flag_bits & 1 for member in archive.infolist()):
            return Fault("The workbook is protected with a password. Save it without, and send it.")
        with _damage():
            return _opened(archive)
    except (BadZipFile, DamagedWorkbook, OSError, ValueError):
        return Fault("The workbook is damaged. Open it, save it again, and send it.")


@contextmanager
def _damage() -> Iterator[None]:
    """Whatever a damaged workbook makes its readers say, said in one word."""
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


def _opened(archive: ZipFile) -> XlsxWorkbook:
    targets = _targets(archive)
    listed: list[SheetName] = []
    paths: list[str] = []
    from_1904 = False
    with archive.open(_WORKBOOK) as file:
        for _, element in elements(file, ("end",), ("{*}workbookPr", "{*}sheet")):
            if element.tag.endswith("}workbookPr"):
                from_1904 = element.get("date1904", "0") in {"1", "true"}
                continue
            relation = next((value for name, value in element.attrib.items() if name.endswith("}id")), "")
            path = targets.get(relation, "")
            if "worksheets/" in path:  # a sheet may also hold nothing but a chart
                listed.append(SheetName(element.get("name", ""), element.get("state", "visible") == "visible"))
                paths.append(path)
    return XlsxWorkbook(archive, tuple(listed), tuple(paths), from_1904)


def _targets(archive: ZipFile) -> Mapping[str, str]:
    """Where the parts of a workbook are, by the name that it refers to them by."""
    found: dict[str, str] = {}
    with archive.open("xl/_rels/workbook.xml.rels") as file:
        for _, element in elements(file, ("end",), ("{*}Relationship",)):
            target = element.get("Target", "")
            found[element.get("Id", "")] = target[1:] if target.startswith("/") else f"xl/{target}"
    return found


def _text_in(element: Element) -> str:
    """The text of a shared or inline string; how it is read aloud (``rPh``) is none of it."""
    texts: list[str] = []
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name == "t":
            texts.append(child.text or "")
        elif name == "r":
            texts += [part.text or "" for part in child if part.tag.endswith("}t")]
    text = "".join(texts)
    return _ESCAPED.sub(_unescaped, text) if "_x" in text else text


def _unescaped(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return chr(code) if code and not 0xD800 <= code <= 0xDFFF else found[0]


@dataclass(frozen=True, slots=True)
class XlsxSheet:
    """A sheet of a workbook that is open."""

    workbook: XlsxWorkbook
    name: str
    path: str

    def rows(self) -> Iterator[Row]:
        """As in :class:`lgdp_pipelines.landing.workbook_sheets.Sheet`."""
        with _damage(), self.workbook.archive.open(self.path) as file:
            read = _value_reader(self.workbook)
            number = 0
            for _, element in elements(file, ("end",), ("{*}row",)):
                number = _following(element.get("r"), number)
                row = _row(element, read)
                released(element)
                if row:
                    yield number, row

    def merged(self) -> Sequence[Merged]:
        """As in :class:`lgdp_pipelines.landing.workbook_sheets.Sheet`."""
        found: list[Merged] = []
        with _damage(), self.workbook.archive.open(self.path) as file:
            for _, element in elements(file, ("end",), ("{*}row", "{*}mergeCell")):
                area = _REFERENCE.fullmatch(element.get("ref", ""))
                if element.tag.endswith("}mergeCell") and area and area[3]:
                    found.append(Merged(int(area[2]), int(area[4]), _place(area[1]), _place(area[3])))
                released(element)
        return found


def _row(element: Element, read: Callable[[Element], Value | None]) -> dict[int, Value]:
    """The filled cells of a row, by place."""
    row: dict[int, Value] = {}
    place = -1
    for cell in element:
        reference = cell.get("r")
        place = _place(reference.rstrip("0123456789")) if reference else place + 1
        if place >= MOST_COLUMNS:
            raise DamagedWorkbook("columns")
        if value := read(cell):
            row[place] = value
    return row


def _following(given: str | None, number: int) -> int:
    """The number of the row after another: as it says, or the next."""
    following = int(given) if given else number + 1
    if not number < following <= _MOST_ROWS:
        raise DamagedWorkbook("rows")
    return following


_PLACES: dict[str, int] = {}


def _place(letters: str) -> int:
    """The place of a column, from 0."""
    place = _PLACES.get(letters)
    if place is None:
        place = 0
        for letter in letters:
            place = place * 26 + ord(letter) - 64
        place -= 1
        if not 0 <= place < MOST_COLUMNS or not letters.isalpha():
            raise DamagedWorkbook("columns")
        _PLACES[letters] = place
    return place


def _value_reader(workbook: XlsxWorkbook) -> Callable[[Element], Value | None]:
    """What reads a cell."""
    shared, looks, from_1904 = workbook.shared, workbook.looks, workbook.from_1904

    def read(cell: Element) -> Value | None:
        kind = cell.get("t") or "n"
        if kind == "inlineStr":
            return next((_text_in(child) for child in cell if child.tag.endswith("}is")), None)
        text = None
        for child in cell:
            if child.tag.endswith("}v"):
                text = child.text
        if text is None:
            return None
        if kind == "n":
            style = cell.get("s")
            look = looks[int(style)] if style and looks else PLAIN
            return text if look is PLAIN and _PLAIN_NUMBER.fullmatch(text) else _number(text, look)
        return shared[int(text)] if kind == "s" else _OTHERS.get(kind, str)(text)

    def _number(text: str, look: Look) -> Value:
        return shown_value(float(text), look, from_1904=from_1904)

    return read


def _formula_text(text: str) -> str:
    return _ESCAPED.sub(_unescaped, text) if "_x" in text else text


def _truth(text: str) -> str:
    return "TRUE" if text in {"1", "true"} else "FALSE"


def _iso_day(text: str) -> Value:
    moment = datetime.fromisoformat(text.removesuffix("Z"))
    is_day = (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
    return date(moment.year, moment.month, moment.day) if is_day else moment


_OTHERS: Mapping[str, Callable[[str], Value]] = {"b": _truth, "d": _iso_day, "str": _formula_text}
"""How a cell of a kind is read that is neither a number nor a shared text; an error is read as it stands."""
