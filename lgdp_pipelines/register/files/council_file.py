"""The council register's files: ``schemas/councils/councils.csv`` and ``spellings.csv``.

Belongs here: reading both files strictly. Belongs elsewhere: finding a council (``vocabulary.councils``).
"""

import re
from collections.abc import Iterator, Sequence
from types import MappingProxyType

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.csv_rows import Row, read_rows
from lgdp_pipelines.register.documents.yaml_nodes import Check, contradictions_where
from lgdp_pipelines.register.model.field_types import VERIFIED
from lgdp_pipelines.vocabulary.councils import Council, Councils
from lgdp_pipelines.vocabulary.spellings import fold_spelling

COUNCILS_FILE = "councils/councils.csv"
SPELLINGS_FILE = "councils/spellings.csv"

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
_COUNCIL_FORMS = {
    "council_code": re.compile(r"[A-Z]{3}"),
    "gss_code": re.compile(r"S12\d{6}"),
    "former_gss_code": re.compile(r"(S12\d{6})?"),
    "sg_code": re.compile(r"\d{3}"),
    "health_code": re.compile(r"\d{2}"),
    "org_id": re.compile(r"GB-LAS-[A-Z]{3}"),
}


def read_councils(councils_text: str, names_text: str) -> tuple[Councils, tuple[Contradiction, ...]]:
    """Return the council register from two files' text, and its contradictions.

    The loader reports a file without text.
    """
    rows, contradictions = read_rows(COUNCILS_FILE, councils_text, _COUNCIL_COLUMNS) if councils_text else ((), ())
    names, contradictions_in_names = read_rows(SPELLINGS_FILE, names_text, _NAME_COLUMNS) if names_text else ((), ())
    councils = Councils(
        MappingProxyType(
            {
                council.code: council
                for council in sorted((_make_council(row, names) for row in rows), key=lambda council: council.code)
            }
        )
    )
    return councils, (
        *contradictions,
        *contradictions_in_names,
        *_check_councils(rows),
        *_check_names(names, councils),
        *_check_shared_spellings(rows, names, councils),
    )


def is_unknown(code: str, councils: Councils) -> bool:
    """Return whether a code is unknown; False without any readable council."""
    return bool(councils.by_code) and code not in councils.by_code


def _make_council(row: Row, names: Sequence[Row]) -> Council:
    """Return the council of a row, with its spellings."""
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


def _check_councils(rows: Sequence[Row]) -> Iterator[Contradiction]:
    """Yield malformed, repeated or missing cells of the council register."""
    lines: dict[tuple[str, str], int] = {}
    for row in rows:
        for column, form in _COUNCIL_FORMS.items():
            value = row.cells[column]
            if not form.fullmatch(value):
                yield row.contradiction(f"The {column} “{value}” is malformed.", f"Match {form.pattern}.")
            elif value and lines.setdefault((column, value), row.line) != row.line:
                yield row.contradiction(
                    f"The {column} {value} is also on line {lines[column, value]}.", "Give each council its own."
                )
        yield from contradictions_where(
            _make_mark_check(row),
            (
                not row.cells["name"] or not row.cells["official_name"],
                row,
                "The council has no name.",
                "Write name and official_name.",
            ),
        )


def _check_names(names: Sequence[Row], councils: Councils) -> Iterator[Contradiction]:
    """Yield spellings without text, known council or known mark."""
    for row in names:
        code = row.cells["council_code"]
        yield from contradictions_where(
            (is_unknown(code, councils), row, f"There is no council {code}.", "Write a code of councils.csv."),
            (not row.cells["spelling"].strip(), row, "The spelling is empty.", "Write it, or remove the line."),
            _make_mark_check(row),
        )


def _make_mark_check(row: Row) -> Check:
    """Return the check of a row's mark ``verified``."""
    mark = row.cells["verified"]
    return (mark not in VERIFIED, row, f"The mark “{mark}” is unknown.", f"Write one of: {'; '.join(VERIFIED)}.")


def _check_shared_spellings(rows: Sequence[Row], names: Sequence[Row], councils: Councils) -> Iterator[Contradiction]:
    """Yield spellings that mean two councils, at the line of the second."""
    codes = [row.cells["council_code"] for row in rows]
    council_rows = [
        (row, councils.by_code[code]) for row, code in zip(rows, codes, strict=True) if code in councils.by_code
    ]
    spellings = [
        (spelling, row)
        for row, council in council_rows
        for spelling in sorted(set(map(fold_spelling, council.spellings)) - set(map(fold_spelling, council.names)))
    ]
    spellings += [(fold_spelling(row.cells["spelling"]), row) for row in names if row.cells["spelling"].strip()]
    owners: dict[str, str] = {}
    for spelling, row in spellings:
        owner = owners.setdefault(spelling, row.cells["council_code"])
        if owner != row.cells["council_code"]:
            yield row.contradiction(
                f"{owner} has the spelling “{spelling}” too.",
                "Remove it from one; a spelling means one council.",
            )
