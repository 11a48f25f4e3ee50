"""The rules of the real files in plain Python: exactly the findings that validation must have.

The platform's readers and rules are not used here: CSV is read by ``csv``, JSON by ``json``, and workbooks as ZIP
archives of XML. Belongs here: the publishers' rules, written a second time. Belongs elsewhere: judging
(``real_judgements``).
"""

import csv
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

Cell = str | float
Row = Mapping[str, Cell]


class Place(NamedTuple):
    """Row of a publisher's file that breaks a rule.

    Attributes:
        rule: its id.
        council: the council's name in the file.
        period: its id.
        row: line of a CSV file, record of a JSON file, row of a sheet; 0 where it is the council's rows together.
    """

    rule: str
    council: str
    period: str
    row: int


@cache
def workbook_rows(path: Path, sheet: str) -> list[list[Cell]]:
    """Return the rows of a sheet, with numbers as stored and empty cells as empty text."""
    with zipfile.ZipFile(path) as archive:
        names = _list_sheets(archive)
        strings = _parse_tree(archive, _STRINGS) if _STRINGS in archive.namelist() else ()
        shared = ["".join(node.text or "" for node in entry.iter(_N + "t")) for entry in strings]
        return [_read_cells(row, shared) for row in _fill_up_rows(_parse_tree(archive, names[sheet]).iter(_N + "row"))]


_N = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRINGS = "xl/sharedStrings.xml"


def _parse_tree(archive: zipfile.ZipFile, name: str) -> ET.Element:
    return ET.fromstring(archive.read(name))  # noqa: S314 - the publishers' own workbooks


def _list_sheets(archive: zipfile.ZipFile) -> Mapping[str, str]:
    targets = {
        relationship.attrib["Id"]: relationship.attrib["Target"]
        for relationship in _parse_tree(archive, "xl/_rels/workbook.xml.rels")
    }
    sheets = _parse_tree(archive, "xl/workbook.xml").iter(_N + "sheet")
    return {sheet.attrib["name"]: "xl/" + targets[sheet.attrib[_R]].removeprefix("/xl/") for sheet in sheets}


def _fill_up_rows(rows: Iterable[ET.Element]) -> Iterator[ET.Element | None]:
    """Yield all rows, and None for each row that the workbook leaves out."""
    expected = 1
    for row in rows:
        while expected < int(row.attrib["r"]):
            yield None
            expected += 1
        yield row
        expected += 1


def _read_cells(row: ET.Element | None, shared: Sequence[str]) -> list[Cell]:
    values: list[Cell] = []
    for cell in row if row is not None else ():
        letters = re.sub(r"\d", "", cell.attrib["r"])
        column = 0
        for letter in letters:
            column = column * 26 + ord(letter) - 64
        values += [""] * (column - 1 - len(values))
        values.append(_read_value(cell, shared))
    return values


def _read_value(cell: ET.Element, shared: Sequence[str]) -> Cell:
    text = "".join(node.text or "" for node in cell.iter(_N + "v"))
    match cell.attrib.get("t", "n"):
        case "s":
            return shared[int(text)]
        case "inlineStr":
            return "".join(node.text or "" for node in cell.iter(_N + "t"))
        case "n" if text:
            return float(text)
        case _:
            return text


# People supported by social care.


def people_supported(folder: Path) -> Iterator[Place]:
    """Yield the broken rules of the CSV file, including jumps from year to year."""
    path = folder / "phs-social-care" / "data_people_supported_client_group.csv"
    by: dict[tuple[str, str], dict[tuple[str, str, str], tuple[float, int, int]]] = defaultdict(dict)
    with path.open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            if not row["sending_location"].startswith("Scotland"):
                key = row["age_group"], row["client_group"], row["measure"]
                figures = float(row["rate"]), int(row["nclient"]), number
                by[row["sending_location"], row["financial_year"]][key] = figures
    for (council, year), rows in by.items():
        for broken, number in _check_people_of_a_year(rows, by.get((council, _find_year_before(year)), {})):
            yield Place(f"people_supported.{broken}", council, "FY" + year.replace("/", "-"), number)


def _find_year_before(year: str) -> str:
    first = int(year[:4]) - 1
    return f"{first}/{(first + 1) % 100:02d}"


def _check_people_of_a_year(
    rows: Mapping[tuple[str, str, str], tuple[float, int, int]],
    before: Mapping[tuple[str, str, str], tuple[float, int, int]],
) -> Iterator[tuple[str, int]]:
    measures = {measure for _, _, measure in rows}
    if len(measures) < 2:
        yield "both_measures_present", 0
    if any(sum(measured == measure for _, _, measured in rows) != 7 * 7 for measure in measures):
        yield "every_group_present", 0
    for (age, group, measure), (rate, people, number) in rows.items():
        if people % 5:
            yield "nclient.multiple", number
        if (people == 0) != (rate == 0):
            yield "no_people_no_rate", number
        if people and rate > 1000 and (people - 2.5) / (1000 * people / rate) > 1.0001:
            yield "rate_within_thousand", number
        parts = [figure[1] for key, figure in rows.items() if key[0] != "All Ages" and key[1:] == (group, measure)]
        if age == "All Ages" and abs(people - sum(parts)) > 17:
            yield "age_groups_add_up", number
        if people and any(
            1000 * other / (that + 0.05) > 1000 * people / (rate - 0.05) + 1
            for key, (that, other, _) in rows.items()
            if key[0] == age and key[2] == measure and other
        ):
            yield "one_number_of_clients", number
        was = before.get((age, group, measure), (0.0, people, 0))[1]
        if abs(people - was) > 1000 and not was / 2 <= people <= was * 2:
            yield "people_like_year_before", number


# Household waste.


Tonnes = Mapping[tuple[str, int, str, str], tuple[int, Mapping[str, float]]]
"""Number of the record and its figures, by area, year, material and end state."""

_SHARED = ("tonnesPerCitizen", "tonnesPerHousehold")


def waste(folder: Path) -> Iterator[Place]:
    """Yield the broken rules of the JSON file."""
    records = json.loads((folder / "waste" / "household-waste-dx-data.json").read_text(encoding="utf-8"))
    numbered = [(number, record) for number, record in enumerate(records, start=1) if record["area"] != "Scotland"]
    tonnes = {
        (record["area"], record["year"], record["material"], record["endState"]): (number, record)
        for number, record in numbered
        if "tonnes" in record
    }
    by_place: dict[tuple[str, int], list[Mapping[str, float]]] = defaultdict(list)
    for (area, year, *_), (_, record) in tonnes.items():
        by_place[area, year].append(record)
    sizes = {
        (place, name): median(record["tonnes"] / record[name] for record in own if record["tonnes"])
        for place, own in by_place.items()
        for name in _SHARED
    }
    for (area, year), own in by_place.items():
        if len(own) != 22 * 3:
            yield Place("waste.every_end_state_present", area, f"CY{year}", 0)
    for number, record in numbered:
        for broken in _check_waste(
            record, tonnes, {name: sizes[(record["area"], record["year"]), name] for name in _SHARED}
        ):
            yield Place(f"waste.{broken}", record["area"], f"CY{record['year']}", number)


def _check_waste(record: Mapping[str, Any], tonnes: Tonnes, sizes: Mapping[str, float]) -> Iterator[str]:
    figure = "tonnes" if "tonnes" in record else "co2e"
    shares = {name.replace("tonnes", figure): size for name, size in sizes.items()}
    now = record[figure]
    for name, size in shares.items():
        if (now == 0) != (record[name] == 0) or (now and abs(now / record[name] / size - 1) > 0.001):
            yield f"one_base_of_{name}"
    if figure == "co2e":
        return
    if record["tonnesPerHousehold"] < record["tonnesPerCitizen"]:
        yield "household_not_below_citizen"
    before = tonnes.get((record["area"], record["year"] - 1, record["material"], record["endState"]))
    was = before[1]["tonnes"] if before else now
    if abs(now - was) > 5000 and not was / 2 <= now <= was * 2:
        yield "tonnes_like_year_before"


# Schools.

_P, _S = [f"P{year}" for year in range(1, 8)], [f"S{year}" for year in range(1, 7)]
_HIDDEN = {"*", "c"}
_UNKNOWN = {"..", "x"}


class Book(NamedTuple):
    """Publisher's workbook of schools.

    Attributes:
        file: its name.
        sheet: that has the schools.
        period: id of the period it is of.
        top: rows above the first school.
        council: column of the council.
        school: column of the school's number.
    """

    file: str
    sheet: str
    period: str
    top: int
    council: int
    school: int

    def rows(self, folder: Path) -> list[list[Cell]]:
        """Return all rows."""
        return workbook_rows(folder / "sg-schools" / self.file, self.sheet)

    def schools(self, folder: Path) -> Iterator[tuple[int, list[Cell]]]:
        """Yield number and cells of each school's row."""
        for number, row in enumerate(self.rows(folder)[self.top :], start=self.top + 1):
            if len(row) > self.school and isinstance(row[self.school], float):
                yield number, row


SUMMARIES = (
    Book("school-level-summary-2019.xlsx", "2019", "AY2019-20", 2, 0, 1),
    Book("school-level-summary-2023-v2.xlsx", "2023 School Level Statistics", "AY2023-24", 2, 0, 1),
)
LIST = Book("school-contact-list-2024-10-31-no-contacts.xlsx", "Open Schools", "2024-10-31", 6, 1, 0)


def school_summaries(folder: Path) -> Iterator[Place]:
    """Yield the broken rules of the two workbooks of school statistics."""
    for book in SUMMARIES:
        upper, lower = book.rows(folder)[:2]
        headers = [
            _normalise_header(str(low) or str(up)) for up, low in zip(_pad_row(upper, lower), lower, strict=False)
        ]
        for number, cells in book.schools(folder):
            row = dict(zip(headers, cells, strict=False))
            if row["Local Authority"] != "Grant aided":
                for broken in _check_summary(row, is_first=book is SUMMARIES[0]):
                    yield Place(f"school_summary.{broken}", str(row["Local Authority"]), book.period, number)


def _pad_row(row: Sequence[Cell], other: Sequence[Cell]) -> list[Cell]:
    return [*row, *[""] * (len(other) - len(row))]


def _normalise_header(header: str) -> str:
    """Return a header without notes, in the same words for both workbooks."""
    text = re.sub(r"\s*\[Note \d\]|\(\s*\d\)|\(%\)", "", header).strip()
    return {
        "Teachers (Full Time Equivalent)": "FTE Teachers",
        "Unuathorised absence rate": "Unauthorised absence rate",
        "Temporary exclusion rate": "Absence due to temporary exclusion rate",
    }.get(text, text)


def _read_figure(cell: Cell) -> float:
    return cell if isinstance(cell, float) else 0.0


_SIMD = [*(f"SIMD Quintile {fifth}" for fifth in range(1, 6)), "SIMD not availble"]
_ETHNIC = ["White - British", "White - Other", "Minority Ethnic", "Not known/not disclosed"]
_NEEDS = ["Pupils with an Additional Support Need recorded", "Pupils with no Additional Support Needs recorded"]
_EAL = ["Pupils with English as an Additional Language", "Pupils without English as an Additional Language"]
_GAELIC = ["Pupils taught in Gaelic", "Pupils with no Gaelic taught"]
_STAGES = [*_P, *_S, "Special school pupils"]
_RATES = [
    "Attendance rate",
    "Authorised absence rate",
    "Unauthorised absence rate",
    "Absence due to temporary exclusion rate",
]
_HOMES = ["Urban", "Small town", "Rural", "Urban/rural classification not available"]


def _check_summary(row: Row, *, is_first: bool) -> Iterator[str]:
    partitions = [["Female", "Male"], _STAGES, _SIMD, *([] if is_first else [_NEEDS, _EAL, _GAELIC, _ETHNIC])]
    roll = _read_figure(row["Pupil roll"])
    for parts in partitions:
        hidden = [part for part in parts if row[part] in _HIDDEN]
        if len(hidden) == 1:
            yield "nothing_withheld_can_be_worked_out"
        is_known = not hidden and not any(row[part] in _UNKNOWN for part in parts)
        if is_known and sum(_read_figure(row[part]) for part in parts) != roll:
            yield f"{parts[0]}_make_the_roll"
    groups = {part for parts in partitions for part in parts}
    groups |= {name for name in row if "free school meals" in name and not name.startswith("Perc")} | {
        _NEEDS[0],
        _EAL[0],
    }
    if any(isinstance(row[group], float) and 1 <= _read_figure(row[group]) <= 4 for group in groups):
        yield "groups_of_few_are_withheld"
    if 1 <= roll <= 4:
        yield "rolls_of_few_are_known"
    yield from _check_summary_shares(row)
    yield from _check_summary_places(row)


def _check_summary_shares(row: Row) -> Iterator[str]:
    roll, teachers, ratio = (_read_figure(row[name]) for name in ("Pupil roll", "FTE Teachers", "Pupil Teacher Ratio"))
    if teachers and not roll / (teachers + 0.05) - 0.0501 <= ratio <= roll / (teachers - 0.05) + 0.0501:
        yield "ratio_is_roll_by_teachers"
    rates = [row[name] for name in _RATES]
    if all(isinstance(rate, float) for rate in rates) and abs(sum(map(_read_figure, rates)) - 100) > 0.0201:
        yield "attendance_and_absence_make_the_whole"
    bands = [re.fullmatch(r"(\d+)-(\d+)%", str(row[name])) for name in _HOMES]
    known = [(int(band[1]), int(band[2])) for band in bands if band]
    if len(known) == len(_HOMES) and not sum(low for low, _ in known) <= 100 <= sum(high for _, high in known):
        yield "homes_make_the_whole"


def _check_summary_places(row: Row) -> Iterator[str]:
    six, eight = (str(row[f"School's {folds}-fold urban/rural classification"]).lower() for folds in (6, 8))
    expected = eight.removeprefix("very ")
    expected += " areas" if expected == "remote rural" else ""
    if six != expected:
        yield "classes_of_place_agree"
    beside = [row[name] for name in row if name == "Average class size" or "P1-P5 pupils" in name]
    if row["School Type"] != "Primary" and any(isinstance(size, float) for size in beside):
        yield "not_applicable_is_marked"


def school_list(folder: Path) -> Iterator[Place]:
    """Yield the broken rules of the list of open schools."""
    headers = [str(cell) for cell in LIST.rows(folder)[5]]
    schools = {number: dict(zip(headers, [*cells, *[""] * 22], strict=False)) for number, cells in LIST.schools(folder)}
    schools = {number: school for number, school in schools.items() if school["LA Name"] != "Grant Aided"}
    by_uprn: dict[Cell, set[tuple[int, Cell]]] = defaultdict(set)
    for number, school in schools.items():
        by_uprn[school[_UPRN]].add((number, school["Post Code"]))
    for number, school in schools.items():
        beside = by_uprn[school[_UPRN]] if school[_UPRN] else set()
        for broken in _check_school_list(school, beside):
            yield Place(f"school_list.{broken}", str(school["LA Name"]), LIST.period, number)


_UPRN = "Unique Property Reference Number (UPRN)"
_LIST_RULES: Mapping[str, Callable[[Row], bool]] = {
    "half_day_openings.required": lambda row: row["Number of half day openings per week"] == "",
    "medium.required": lambda row: row["Medium of Education"] == "",
    "teaches_gaelic_learners.required": lambda row: row["Provision for Gaelic Learners"] == "",
    "uprn.required": lambda row: row[_UPRN] == "",
    "uprn.pattern": lambda row: row[_UPRN] == 0,
    "website.pattern": lambda row: (
        bool(row["Website Address"]) and not re.fullmatch(r"https?://\S+", str(row["Website Address"]))
    ),
    "pe_target_is_answered": lambda row: (
        row["Special Department"] == "No" and row["Meeting the PE target (2 hours Primary, 2 periods Secondary)"] == ""
    ),
    "postcode.pattern": lambda row: not re.fullmatch(r"[A-Z]{1,2}\d[\dA-Z]? \d[A-Z]{2}", str(row["Post Code"])),
    "seed_code.pattern": lambda row: not 1e6 <= _read_figure(row["Seed Code"]) < 1e7,
    "has_a_department": lambda row: not any(row[name] == "Yes" for name in row if name.endswith(" Department")),
}


def _check_school_list(row: Row, beside: set[tuple[int, Cell]]) -> Iterator[str]:
    yield from (name for name, is_broken in _LIST_RULES.items() if is_broken(row))
    if len(beside) > 1:
        yield "uprn_is_the_schools_own"
    if len({postcode for _, postcode in beside}) > 1:
        yield "uprn_has_one_postcode"


PLAIN: Mapping[str, Callable[[Path], Iterator[Place]]] = {
    "PEOPLE-SUPPORTED": people_supported,
    "WASTE": waste,
    "SCHOOL-SUMMARY": school_summaries,
    "SCHOOL-LIST": school_list,
}
"""Functions that yield broken rules, by return code."""
