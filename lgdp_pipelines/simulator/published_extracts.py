"""Published files cut into the extracts that councils would have sent: one for each council and period.

The files stay where they are. Cells and figures are kept to the letter: a line of CSV, a record of JSON and a cell of a
workbook go over as they are written. National rows and notes are in no council's extract; an unknown name is an error,
so that no council's rows are lost in silence.
"""

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from python_calamine import CalamineWorkbook

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.simulator.extract_writers import Cell, WorkbookSheet, split_records, write_workbook
from lgdp_pipelines.vocabulary.councils import Councils
from lgdp_pipelines.vocabulary.periods import PeriodKind, read_period

_NATIONAL = "scotland"
Extracts = Mapping[tuple[str, str], bytes]
"""Bytes of an extract by council code and period id."""


def cut_people_supported(folder: Path, councils: Councils) -> Extracts:
    """Return extracts of people supported by social care, by council and year.

    An extract has lines of the published CSV.

    Raises:
        WrongUse: a place or year in the file is unknown.
    """
    path = folder / "phs-social-care" / "data_people_supported_client_group.csv"
    header, *lines = path.read_bytes().splitlines(keepends=True)
    lines_by_key: dict[tuple[str, str], list[bytes]] = {}
    for number, line in enumerate(lines, start=2):
        year, council_name, *_ = next(csv.reader([line.decode()]))
        key = _find_key(councils, council_name, year, PeriodKind.FINANCIAL_YEAR, f"{path.name}, row {number}")
        if key is not None:
            lines_by_key.setdefault(key, [header]).append(line)
    return {key: b"".join(extract_lines) for key, extract_lines in lines_by_key.items()}


def cut_waste(folder: Path, councils: Councils) -> Extracts:
    """Return extracts of household waste, by council and calendar year.

    An extract has records of the published JSON.

    Raises:
        WrongUse: a place or year in the file is unknown.
    """
    path = folder / "waste" / "household-waste-dx-data.json"
    records_by_key: dict[tuple[str, str], list[str]] = {}
    for number, text in enumerate(split_records(path.read_text(encoding="utf-8")), start=1):
        record = json.loads(text)
        location = f"{path.name}, record {number}"
        key = _find_key(councils, str(record["area"]), str(record["year"]), PeriodKind.CALENDAR_YEAR, location)
        if key is not None:
            records_by_key.setdefault(key, []).append(text)
    return {key: ("[" + ",\n ".join(records) + "]\n").encode() for key, records in records_by_key.items()}


def _find_key(
    councils: Councils, council_name: str, year: str, kind: PeriodKind, location: str
) -> tuple[str, str] | None:
    """Return council code and period id of a row; None if national."""
    if council_name.casefold().startswith(_NATIONAL):
        return None
    council, period = councils.find(council_name), read_period(year, kind)
    if council is None or period is None:
        raise WrongUse(
            "A place or year of a published file is unknown.",
            where=location,
            remedy="Add the spelling of the council to the register, or leave --real-data out.",
        )
    return council.code, period.id


_NO_COUNCIL = ("Grant aided", "Grant Aided")
"""Council names of schools that belong to no council: they report to the Scottish Government themselves."""


@dataclass(frozen=True, slots=True)
class _PublishedWorkbook:
    """One published workbook.

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
    _PublishedWorkbook("school-level-summary-2019.xlsx", "2019", "AY2019-20", top=2, school=1, council=0),
    _PublishedWorkbook("school-level-summary-2023-v2.xlsx", "2023 School Level Statistics", "AY2023-24", 2, 1, 0),
)
_LISTS = (
    _PublishedWorkbook(
        "school-contact-list-2024-10-31-no-contacts.xlsx",
        "Open Schools",
        "2024-10-31",
        top=6,
        school=0,
        council=1,
        national=frozenset({"Schools renamed", "Schools Opened or closed"}),
    ),
)


def _cut_workbooks(workbook_files: Iterable[_PublishedWorkbook], folder: Path, councils: Councils) -> Extracts:
    """Return lists or statistics of schools: a workbook by council and period.

    Grant aided schools and the notes below the schools are in no council's extract.

    Raises:
        WrongUse: a council in a workbook is unknown.
    """
    cuts = [_cut_workbook(folder / "sg-schools" / entry.file, entry, councils) for entry in workbook_files]
    return {key: content for extracts in cuts for key, content in extracts.items()}


def _cut_workbook(path: Path, workbook_file: _PublishedWorkbook, councils: Councils) -> Extracts:
    """Return one published workbook as a workbook for each council."""
    book = CalamineWorkbook.from_path(path)
    sheets = {
        name: _read_sheet(book, name, workbook_file.top)
        for name in book.sheet_names
        if name not in workbook_file.national
    }
    schools = sheets[workbook_file.sheet]
    rows: dict[str, list[list[Cell]]] = {}
    for number, row in enumerate(schools.rows[workbook_file.top :], start=workbook_file.top + 1):
        council_name = str(row[workbook_file.council])
        council = councils.find(council_name)
        if council is None:
            # A row without a school number is a note below the schools.
            if council_name not in _NO_COUNCIL and isinstance(row[workbook_file.school], float):
                raise WrongUse(
                    "A council of a published file is unknown.",
                    where=f"{path.name}, row {number}",
                    remedy="Add the spelling of the council to the register, or leave --real-data out.",
                )
            continue
        rows.setdefault(council.code, []).append(list(row))
    top = list(schools.rows[: workbook_file.top])
    return {
        (code, workbook_file.period): write_workbook(
            sheets | {workbook_file.sheet: WorkbookSheet([*top, *council_rows], schools.merged)}
        )
        for code, council_rows in rows.items()
    }


def _read_sheet(book: CalamineWorkbook, name: str, top: int) -> WorkbookSheet:
    """Return the cells of a sheet, and those merged above a row."""
    sheet = book.get_sheet_by_name(name)
    rows = [
        [cell if isinstance(cell, float) else str(cell) for cell in row]
        for row in sheet.to_python(skip_empty_area=False)
    ]
    merged = [(first[0], first[1], last[1]) for first, last in sheet.merged_cell_ranges or () if first[0] < top]
    return WorkbookSheet(rows, merged)


PUBLISHED_RETURNS: Mapping[str, Callable[[Path, Councils], Extracts]] = {
    "PEOPLE-SUPPORTED": cut_people_supported,
    "WASTE": cut_waste,
    "SCHOOL-SUMMARY": partial(_cut_workbooks, _SUMMARIES),
    "SCHOOL-LIST": partial(_cut_workbooks, _LISTS),
}
"""The function that cuts the published file of a return, by return code."""
