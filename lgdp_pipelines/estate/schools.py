"""The published workbooks of school statistics, cut into the workbooks that councils would have sent.

What belongs here: which workbook is of which census, and which of its rows are a council's. Cells, title, header, notes
and names of sheets go over as they are. What does not: the other real files (``real``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from python_calamine import CalamineWorkbook

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.estate.workbooks import Cell, Sheet, workbook
from lgdp_pipelines.standards.councils import Councils

_TOP_ROWS = 2
"""Rows above the first school in both workbooks: an upper and a lower header, or a title and a header."""

_NOBODYS = "Grant aided"
"""What stands for a council at schools that belong to none."""


@dataclass(frozen=True, slots=True)
class _Published:
    """One workbook.

    Attributes:
        file: its name.
        sheet: that has the schools.
        period: the academic year whose September census it is of.
    """

    file: str
    sheet: str
    period: str


_PUBLISHED = (
    _Published("school-level-summary-2019.xlsx", "2019", "AY2019-20"),
    _Published("school-level-summary-2023-v2.xlsx", "2023 School Level Statistics", "AY2023-24"),
)


def school_summary(folder: Path, councils: Councils) -> Mapping[tuple[str, str], bytes]:
    """School statistics: the workbook of each council and academic year.

    Grant aided schools are nobody's extract, and neither are the notes below the schools.

    Raises:
        WrongUse: a council in a workbook is not known.
    """
    found: dict[tuple[str, str], bytes] = {}
    for one in _PUBLISHED:
        found |= _cut(folder / "sg-schools" / one.file, one, councils)
    return found


def _cut(path: Path, one: _Published, councils: Councils) -> Mapping[tuple[str, str], bytes]:
    book = CalamineWorkbook.from_path(path)
    sheets = {name: _sheet(book, name) for name in book.sheet_names}
    schools = sheets[one.sheet]
    rows: dict[str, list[list[Cell]]] = {}
    for number, row in enumerate(schools.rows[_TOP_ROWS:], start=_TOP_ROWS + 1):
        place = str(row[0])
        council = councils.find(place)
        if council is None:
            # What has no number of a school is a note below the schools.
            if place != _NOBODYS and isinstance(row[1], float):
                raise WrongUse(
                    "A council of a real file is not known.",
                    where=f"{path.name}, row {number}",
                    remedy="Add its spelling to the register, or demonstrate without --real-data.",
                )
            continue
        rows.setdefault(council.code, []).append(list(row))
    top = list(schools.rows[:_TOP_ROWS])
    return {
        (code, one.period): workbook(sheets | {one.sheet: Sheet([*top, *some], schools.merged)})
        for code, some in rows.items()
    }


def _sheet(book: CalamineWorkbook, name: str) -> Sheet:
    read = book.get_sheet_by_name(name)
    rows = [
        [cell if isinstance(cell, float) else str(cell) for cell in row]
        for row in read.to_python(skip_empty_area=False)
    ]
    across = [(first[0], first[1], last[1]) for first, last in read.merged_cell_ranges or () if first[0] < _TOP_ROWS]
    return Sheet(rows, across)
