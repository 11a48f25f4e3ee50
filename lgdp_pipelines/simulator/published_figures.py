"""Real public files cut into the extracts that councils would have sent: a file for each council and period.

The files stay where they are. Cells and figures are kept to the letter: a line of the CSV and a record of the JSON go
over as they are written. National rows are nobody's extract and are left out; a name that is neither a council's nor
the nation's is an error, so that no council's rows are lost in silence.
"""

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.simulator.json_text import record_texts
from lgdp_pipelines.simulator.published_schools import school_list, school_summary
from lgdp_pipelines.vocabulary.councils import Councils
from lgdp_pipelines.vocabulary.periods import PeriodKind, read_period

_NATIONAL = "scotland"

Cut = Mapping[tuple[str, str], bytes]
"""Bytes of an extract by council code and period id."""


def people_supported(folder: Path, councils: Councils) -> Cut:
    """People supported by social care: the CSV's lines as they are, below its header, by council and financial year.

    Raises:
        WrongUse: a place or year in the file is not known.
    """
    path = folder / "phs-social-care" / "data_people_supported_client_group.csv"
    header, *lines = path.read_bytes().splitlines(keepends=True)
    found: dict[tuple[str, str], list[bytes]] = {}
    for number, line in enumerate(lines, start=2):
        year, place, *_ = next(csv.reader([line.decode()]))
        key = _place(councils, place, year, PeriodKind.FINANCIAL_YEAR, f"{path.name}, row {number}")
        if key is not None:
            found.setdefault(key, [header]).append(line)
    return {key: b"".join(some) for key, some in found.items()}


def waste(folder: Path, councils: Councils) -> Cut:
    """Household waste: the JSON's records as they are, in a list, by council and calendar year.

    Raises:
        WrongUse: a place or year in the file is not known.
    """
    path = folder / "waste" / "household-waste-dx-data.json"
    found: dict[tuple[str, str], list[str]] = {}
    for number, text in enumerate(record_texts(path.read_text(encoding="utf-8")), start=1):
        record = json.loads(text)
        where = f"{path.name}, record {number}"
        key = _place(councils, str(record["area"]), str(record["year"]), PeriodKind.CALENDAR_YEAR, where)
        if key is not None:
            found.setdefault(key, []).append(text)
    return {key: ("[" + ",\n ".join(some) + "]\n").encode() for key, some in found.items()}


def _place(councils: Councils, place: str, year: str, kind: PeriodKind, where: str) -> tuple[str, str] | None:
    if place.casefold().startswith(_NATIONAL):
        return None
    council, period = councils.find(place), read_period(year, kind)
    if council is None or period is None:
        raise WrongUse(
            "A place or year of a real file is not known.",
            where=where,
            remedy="Add the council's spelling to the register, or demonstrate without --real-data.",
        )
    return council.code, period.id


CUTTERS: Mapping[str, Callable[[Path, Councils], Cut]] = {
    "PEOPLE-SUPPORTED": people_supported,
    "WASTE": waste,
    "SCHOOL-SUMMARY": school_summary,
    "SCHOOL-LIST": school_list,
}
"""How the real file of a return is cut, by return code."""
