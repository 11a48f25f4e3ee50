"""Bad and unusual CSV files, each with its expected judgement.

Belongs here: bytes and expectations, as data. Belongs elsewhere: handing them in (``test_bad_extracts``).
"""

import gzip
from collections.abc import Callable

from tests.faults.bad_extract import HTML, BadExtract
from tests.faults.world import HEADER, ROWS, build_csv, build_json, build_xlsx, build_xml, build_zip


def _build_csv_with_row(*cells: str) -> Callable[[], bytes]:
    """Return a function that builds a plain file with these cells as its second row."""
    return lambda: build_csv((ROWS[0], cells))


def _return_bytes(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def _encode_text(text: str, encoding: str = "utf-8") -> Callable[[], bytes]:
    return lambda: text.encode(encoding)


GOOD_CSV = build_csv().decode()
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"

REJECTED_CSV = [
    BadExtract("no bytes at all", "SHELF-CSV", _return_bytes(b""), ".readable", "empty"),
    BadExtract("nothing but line ends", "SHELF-CSV", _return_bytes(b"\r\n\r\n"), ".readable", "empty"),
    BadExtract("broken off within a row", "SHELF-CSV", lambda: build_csv()[:-14], ".columns", "cells", 3),
    BadExtract(
        "a cell too many",
        "SHELF-CSV",
        _build_csv_with_row("Leven", "30", "28/02/2004", "M", "x"),
        ".columns",
        "cells",
        3,
    ),
    BadExtract("a cell too few", "SHELF-CSV", _build_csv_with_row("Leven", "30", "28/02/2004"), ".columns", "cells", 3),
    BadExtract(
        "a quote left open",
        "SHELF-CSV",
        _build_csv_with_row('"Leven', "30", "28/02/2004", "M"),
        ".readable",
        "quotes",
        3,
    ),
    BadExtract(
        "a NUL character", "SHELF-CSV", _build_csv_with_row("Le\0ven", "30", "28/02/2004", "M"), ".readable", "NUL", 3
    ),
    BadExtract("UTF-16 for UTF-8", "SHELF-CSV", _encode_text(GOOD_CSV, "utf-16"), ".readable", "UTF-16"),
    BadExtract(
        "Windows-1252 for UTF-8",
        "SHELF-CSV",
        _encode_text(GOOD_CSV.replace("Leven", "Levén"), "cp1252"),
        ".readable",
        "characters in utf-8",
        3,
    ),
    BadExtract("UTF-8 for UTF-16", "SHELF-UTF16", _encode_text(GOOD_CSV), ".readable", "utf-16"),
    BadExtract(
        "half a character at the end of UTF-16",
        "SHELF-UTF16",
        lambda: GOOD_CSV.replace(",", ";").encode("utf-16")[:-1],
        ".readable",
        "utf-16",
    ),
    BadExtract(
        "a byte that is no character",
        "SHELF-CP1252",
        _return_bytes(build_csv().replace(b"Leven", b"Lev\x81n")),
        ".readable",
        "character",
        3,
    ),
    BadExtract(
        "semicolons for commas",
        "SHELF-CSV",
        _encode_text(GOOD_CSV.replace(",", ";")),
        ".readable",
        "separated by “;”",
        1,
    ),
    BadExtract(
        "tabs for commas", "SHELF-CSV", _encode_text(GOOD_CSV.replace(",", "\t")), ".readable", "separated by a tab", 1
    ),
    BadExtract("a workbook for CSV", "SHELF-CSV", build_xlsx, ".readable", "workbook"),
    BadExtract("a PDF for CSV", "SHELF-CSV", _return_bytes(PDF), ".readable", "PDF"),
    BadExtract("a log-in page for CSV", "SHELF-CSV", _return_bytes(HTML), ".readable", "web page"),
    BadExtract("JSON for CSV", "SHELF-CSV", build_json, ".readable", "JSON"),
    BadExtract("XML for CSV", "SHELF-CSV", build_xml, ".readable", "XML"),
    BadExtract("an archive for CSV", "SHELF-CSV", lambda: build_zip({"a.csv": build_csv()}), ".readable", "ZIP"),
    BadExtract("a packed file for CSV", "SHELF-CSV", lambda: gzip.compress(build_csv()), ".readable", "GZ"),
    BadExtract(
        "a header of a million columns",
        "SHELF-CSV",
        lambda: b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n1\n",
        ".readable",
        "columns",
    ),
    BadExtract(
        "a column missing",
        "SHELF-CSV",
        lambda: build_csv(tuple(row[:3] for row in ROWS), HEADER[:3]),
        ".columns",
        "Kind",
    ),
    BadExtract(
        "a column twice",
        "SHELF-CSV",
        lambda: build_csv(tuple((*row, row[0]) for row in ROWS), (*HEADER, "branch")),
        ".columns",
        "Branch",
    ),
    BadExtract("no header", "SHELF-CSV", lambda: build_csv(ROWS[1:], ROWS[0]), ".columns", "Row 1"),
    BadExtract("two exports in one file", "SHELF-CSV", lambda: build_csv() + build_csv(), ".type", "", 4),
    BadExtract("the same key twice", "SHELF-CSV", _build_csv_with_row("Cupar", "30", "28/02/2004", "L"), ".key", "", 3),
    BadExtract(
        "a power of ten for a number",
        "SHELF-CSV",
        _build_csv_with_row("Leven", "12E5", "28/02/2004", "M"),
        ".type",
        "",
        3,
    ),
    BadExtract("nan for a number", "SHELF-CSV", _build_csv_with_row("Leven", "nan", "28/02/2004", "M"), ".type", "", 3),
    BadExtract("NA for a number", "SHELF-CSV", _build_csv_with_row("Leven", "NA", "28/02/2004", "M"), ".type", "", 3),
    BadExtract(
        "Infinity for a number",
        "SHELF-CSV",
        _build_csv_with_row("Leven", "Infinity", "28/02/2004", "M"),
        ".type",
        "",
        3,
    ),
    BadExtract(
        "a fraction for a whole number",
        "SHELF-CSV",
        _build_csv_with_row("Leven", "2.9", "28/02/2004", "M"),
        ".type",
        "",
        3,
    ),
    BadExtract(
        "a number with thousands set off",
        "SHELF-CSV",
        _build_csv_with_row("Leven", '"1,200"', "28/02/2004", "M"),
        ".type",
        "",
        3,
    ),
    BadExtract(
        "digits of another script", "SHELF-CSV", _build_csv_with_row("Leven", "３０", "28/02/2004", "M"), ".type", "", 3
    ),
    BadExtract(
        "a number that no machine holds",
        "SHELF-CSV",
        _build_csv_with_row("Leven", "9" * 40, "28/02/2004", "M"),
        ".type",
        "",
        3,
    ),
    BadExtract(
        "a number below its range", "SHELF-CSV", _build_csv_with_row("Leven", "-1", "28/02/2004", "M"), ".range", "", 3
    ),
    BadExtract(
        "a number above its range",
        "SHELF-CSV",
        _build_csv_with_row("Leven", "100001", "28/02/2004", "M"),
        ".range",
        "",
        3,
    ),
    BadExtract(
        "a day that does not exist", "SHELF-CSV", _build_csv_with_row("Leven", "30", "30/02/2004", "M"), ".type", "", 3
    ),
    BadExtract(
        "29 February of a common year",
        "SHELF-CSV",
        _build_csv_with_row("Leven", "30", "29/02/2023", "M"),
        ".type",
        "",
        3,
    ),
    BadExtract(
        "a date spelled another way", "SHELF-CSV", _build_csv_with_row("Leven", "30", "2004-02-28", "M"), ".type", "", 3
    ),
    BadExtract(
        "a date with its month first",
        "SHELF-CSV",
        _build_csv_with_row("Leven", "30", "02/28/2004", "M"),
        ".type",
        "",
        3,
    ),
    BadExtract(
        "a rule across cells broken",
        "SHELF-CSV",
        _build_csv_with_row("Leven", "30", "28/02/2104", "M"),
        ".opened_before_today",
        "",
        3,
    ),
    BadExtract(
        "a code that nobody agreed", "SHELF-CSV", _build_csv_with_row("Leven", "30", "28/02/2004", "X"), ".codes", "", 3
    ),
    BadExtract(
        "a code with a character that nobody sees",
        "SHELF-CSV",
        _build_csv_with_row("Leven", "30", "28/02/2004", "M\u200b"),
        ".codes",
        "",
        3,
    ),
    BadExtract(
        "nothing where something must be",
        "SHELF-CSV",
        _build_csv_with_row("Leven", "", "28/02/2004", "M"),
        ".required",
        "",
        3,
    ),
    BadExtract(
        "blanks where something must be",
        "SHELF-CSV",
        _build_csv_with_row("   ", "30", "28/02/2004", "M"),
        ".required",
        "",
        3,
    ),
    BadExtract("rows with a header and nothing to report", "SHELF-CSV", lambda: build_csv(()), ".readable", "no rows"),
    BadExtract(
        "another council's name in the rows",
        "SHELF-OWN",
        lambda: _build_own_csv("Glasgow City", "2023"),
        ".council",
        "",
        2,
    ),
    BadExtract(
        "no council at all in the rows", "SHELF-OWN", lambda: _build_own_csv("Atlantis", "2023"), ".council", "", 2
    ),
    BadExtract("another year in the rows", "SHELF-OWN", lambda: _build_own_csv("Fife", "2022"), ".period", "", 2),
]


def _build_own_csv(council: str, year: str) -> bytes:
    return build_csv(((council, year, *ROWS[0]),), ("Council", "Year", *HEADER))


ACCEPTED_EXTRACTS = [
    BadExtract(
        "a cell of ten megabytes",
        "SHELF-CSV",
        lambda: build_csv((ROWS[0], ("x" * 10_000_000, *ROWS[1][1:]))),
        "",
        "xxxx",
    ),
    BadExtract("a byte order mark", "SHELF-CSV", _encode_text(GOOD_CSV, "utf-8-sig"), "", "Leven"),
    BadExtract("lines that end with CRLF", "SHELF-CSV", _encode_text(GOOD_CSV.replace("\n", "\r\n")), "", "Leven"),
    BadExtract("lines that end with CR", "SHELF-CSV", _encode_text(GOOD_CSV.replace("\n", "\r")), "", "Leven"),
    BadExtract("no line end at the end", "SHELF-CSV", lambda: build_csv()[:-1], "", "Leven"),
    BadExtract("blank lines between rows", "SHELF-CSV", _encode_text(GOOD_CSV.replace("\n", "\n\n")), "", "Leven"),
    BadExtract(
        "headers in another case",
        "SHELF-CSV",
        _encode_text(GOOD_CSV.replace("Branch,Books", "BRANCH, books ")),
        "",
        "Leven",
    ),
    BadExtract(
        "columns in another order",
        "SHELF-CSV",
        lambda: build_csv(tuple(row[::-1] for row in ROWS), HEADER[::-1]),
        "",
        "Leven",
    ),
    BadExtract(
        "a name that is a formula", "SHELF-CSV", _build_csv_with_row("=1+1", "30", "28/02/2004", "M"), "", "=1+1"
    ),
    BadExtract(
        "a name that is SQL",
        "SHELF-CSV",
        _build_csv_with_row("'; DROP TABLE receipt; --", "30", "28/02/2004", "M"),
        "",
        "'; DROP TABLE receipt; --",
    ),
    BadExtract(
        "a name that reads as nothing",
        "SHELF-CSV",
        _build_csv_with_row("nan", "30", "28/02/2004", "M"),
        "",
        '"branch": "nan"',
    ),
    BadExtract(
        "a name with zeros in front",
        "SHELF-CSV",
        _build_csv_with_row("00123", "30", "28/02/2004", "M"),
        "",
        '"branch": "00123"',
    ),
    BadExtract(
        "a name that reads as a power of ten",
        "SHELF-CSV",
        _build_csv_with_row("12E5", "30", "28/02/2004", "M"),
        "",
        '"branch": "12E5"',
    ),
    BadExtract(
        "a name that climbs out of an archive",
        "SHELF-ZIP",
        lambda: build_zip({"../../../tmp/lgdp-climbed.csv": build_csv()}),
        "",
        "Leven",
    ),
]
