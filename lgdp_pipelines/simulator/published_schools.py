"""The published workbooks about schools, cut into the workbooks that councils would have sent.

What belongs here: which workbook is of which census, and which of its rows are a council's. Cells, title, header, notes
and names of sheets go over as they are. What does not: the other real files (``real``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from python_calamine import CalamineWorkbook

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.simulator.workbook_writer import Cell, Sheet, workbook
from lgdp_pipelines.vocabulary.councils import Councils

_NOBODYS = ("Grant aided", "Grant Aided")
"""What stands for a council at schools that belong to none: they answer to the Scottish Government themselves."""


@dataclass(frozen=True, slots=True)
class _Published:
    """One workbook.

    Attributes:
        file: its name.
        sheet: that has the schools.
        period: whose census it is of.
        top: rows above the first school: titles, and a header of one row or two.
        school: column of the school's number.
        council: column of the council's name.
        national: sheets about the schools of all councils, which no council would send.
    """

    file: str
    sheet: str
    period: str
    top: int
    school: int
    council: int
    national: frozenset[str] = frozenset()


_SUMMARIES = (
    _Published("school-level-summary-2019.xlsx", "2019", "AY2019-20", top=2, school=1, council=0),
    _Published("school-level-summary-2023-v2.xlsx", "2023 School Level Statistics", "AY2023-24", 2, 1, 0),
)
_LISTS = (
    _Published(
        "school-contact-list-2024-10-31-no-contacts.xlsx",
        "Open Schools",
        "2024-10-31",
        top=6,
        school=0,
        council=1,
        national=frozenset({"Schools renamed", "Schools Opened or closed"}),
    ),
)


def school_summary(folder: Path, councils: Councils) -> Mapping[tuple[str, str], bytes]:
    """School statistics: the workbook of each council and academic year.

    Grant aided schools are nobody's extract, and neither are the notes below the schools.

    Raises:
        WrongUse: a council in a workbook is not known.
    """
    return _all_cut(folder, _SUMMARIES, councils)


def school_list(folder: Path, councils: Councils) -> Mapping[tuple[str, str], bytes]:
    """The list of open schools: the workbook of each council and census day, without grant aided schools.

    Raises:
        WrongUse: a council in the workbook is not known.
    """
    return _all_cut(folder, _LISTS, councils)


def _all_cut(folder: Path, published: Iterable[_Published], councils: Councils) -> Mapping[tuple[str, str], bytes]:
    found: dict[tuple[str, str], bytes] = {}
    for one in published:
        found |= _cut(folder / "sg-schools" / one.file, one, councils)
    return found


def _cut(path: Path, one: _Published, councils: Councils) -> Mapping[tuple[str, str], bytes]:
    book = CalamineWorkbook.from_path(path)
    sheets = {name: _sheet(book, name, one.top) for name in book.sheet_names if name not in one.national}
    schools = sheets[one.sheet]
    rows: dict[str, list[list[Cell]]] = {}
    for number, row in enumerate(schools.rows[one.top :], start=one.top + 1):
        place = str(row[one.council])
        council = councils.find(place)
        if council is None:
            # What has no number of a school is a note below the schools.
            if place not in _NOBODYS and isinstance(row[one.school], float):
                raise WrongUse(
                    "A council of a real file is not known.",
                    where=f"{path.name}, row {number}",
                    remedy="Add its spelling to the register, or demonstrate without --real-data.",
                )
            continue
        rows.setdefault(council.code, []).append(list(row))
    top = list(schools.rows[: one.top])
    return {
        (code, one.period): workbook(sheets | {one.sheet: Sheet([*top, *some], schools.merged)})
        for code, some in rows.items()
    }


def _sheet(book: CalamineWorkbook, name: str, top: int) -> Sheet:
    read = book.get_sheet_by_name(name)
    rows = [
        [cell if isinstance(cell, float) else str(cell) for cell in row]
        for row in read.to_python(skip_empty_area=False)
    ]
    across = [(first[0], first[1], last[1]) for first, last in read.merged_cell_ranges or () if first[0] < top]
    return Sheet(rows, across)
