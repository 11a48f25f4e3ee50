"""The council register: ``schemas/councils/councils.csv`` and ``names.csv``.

What belongs here: reading the two files. What does not: looking a council up (``standards.councils``).
"""

import re
from collections.abc import Iterator, Sequence
from types import MappingProxyType

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.checks import contradictions_where
from lgdp_pipelines.register.documents.csv_records import Row, read_rows
from lgdp_pipelines.register.model.field_types import VERIFIED
from lgdp_pipelines.vocabulary.councils import Council, Councils, fold_spelling

COUNCILS_FILE = "councils/councils.csv"
NAMES_FILE = "councils/names.csv"

_COUNCIL_COLUMNS = (
    "council_code",
    "name",
    "official_name",
    "gss_code",
    "former_gss_code",
    "sg_code",
    "health_code",
    "org_id",
    "verified",
)
_NAME_COLUMNS = ("council_code", "spelling", "files_seen_in", "seen_in", "verified")
_FORMS = {
    "council_code": re.compile(r"[A-Z]{3}"),
    "gss_code": re.compile(r"S12\d{6}"),
    "former_gss_code": re.compile(r"(S12\d{6})?"),
    "sg_code": re.compile(r"\d{3}"),
    "health_code": re.compile(r"\d{2}"),
    "org_id": re.compile(r"GB-LAS-[A-Z]{3}"),
}


def read_councils(councils_text: str, names_text: str) -> tuple[Councils, tuple[Contradiction, ...]]:
    """Return the council register from two files' text, and its contradictions."""
    rows, found = read_rows(COUNCILS_FILE, councils_text, _COUNCIL_COLUMNS)
    names, found_in_names = read_rows(NAMES_FILE, names_text, _NAME_COLUMNS)
    councils = Councils(
        MappingProxyType(
            {
                council.code: council
                for council in sorted((_council(row, names) for row in rows), key=lambda council: council.code)
            }
        )
    )
    return councils, (
        *found,
        *found_in_names,
        *_check_row(rows),
        *_check_name(names, councils),
        *_shared_spellings(rows, names, councils),
    )


def _council(row: Row, names: Sequence[Row]) -> Council:
    cells = row.cells
    return Council(
        code=cells["council_code"],
        name=cells["name"],
        official_name=cells["official_name"],
        gss_code=cells["gss_code"],
        former_gss_code=cells["former_gss_code"] or None,
        sg_code=cells["sg_code"],
        health_code=cells["health_code"],
        org_id=cells["org_id"],
        names=tuple(name.cells["spelling"] for name in names if name.cells["council_code"] == cells["council_code"]),
        verified=cells["verified"],
    )


def _check_row(rows: Sequence[Row]) -> Iterator[Contradiction]:
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        for column, form in _FORMS.items():
            value = row.cells[column]
            if not form.fullmatch(value):
                yield row.contradiction(f"The {column} “{value}” has not the form of one.", f"Match {form.pattern}.")
            elif value and seen.setdefault((column, value), row.line) != row.line:
                yield row.contradiction(
                    f"The {column} {value} also stands on line {seen[column, value]}.", "Give each council its own."
                )
        yield from _mark(row)
        if not row.cells["name"] or not row.cells["official_name"]:
            yield row.contradiction("The council has no name.", "Write name and official_name.")


def _check_name(names: Sequence[Row], councils: Councils) -> Iterator[Contradiction]:
    for row in names:
        code = row.cells["council_code"]
        yield from contradictions_where(
            (code not in councils.by_code, row, f"There is no council {code}.", "Write a code of councils.csv."),
            (not row.cells["spelling"].strip(), row, "The spelling is empty.", "Write it, or remove the line."),
        )
        yield from _mark(row)


def _mark(row: Row) -> Iterator[Contradiction]:
    if row.cells["verified"] not in VERIFIED:
        yield row.contradiction(
            f"The mark “{row.cells['verified']}” is unknown.", f"Write one of: {'; '.join(VERIFIED)}."
        )


def _shared_spellings(rows: Sequence[Row], names: Sequence[Row], councils: Councils) -> Iterator[Contradiction]:
    """Yield spellings that mean two councils, at the line of the second."""
    owners: dict[str, str] = {}
    for row in rows:
        council = councils.by_code.get(row.cells["council_code"])
        own = (
            {fold_spelling(text) for text in council.spellings} - {fold_spelling(name) for name in council.names}
            if council
            else set()
        )
        for spelling in sorted(own):
            yield from _claimed(row, spelling, owners)
    for row in names:
        if row.cells["spelling"].strip():
            yield from _claimed(row, fold_spelling(row.cells["spelling"]), owners)


def _claimed(row: Row, spelling: str, owners: dict[str, str]) -> Iterator[Contradiction]:
    code = row.cells["council_code"]
    owner = owners.setdefault(spelling, code)
    if owner != code:
        yield row.contradiction(
            f"The spelling “{spelling}” means {owner} as well.", "Remove it from one; a spelling means one council."
        )
