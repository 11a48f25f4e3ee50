"""CSV as it should not be, and as it may be: each with what must be said of it.

Belongs here: bytes and expectations, as data. Belongs elsewhere: handing them in (``test_bad_extracts``).
"""

import gzip
from collections.abc import Callable

from tests.faults.bad_extract import HTML, BadExtract
from tests.faults.world import HEADER, ROWS, csv_of, json_of, xlsx_of, xml_of, zip_of


def _row(*cells: str) -> Callable[[], bytes]:
    """A plain file whose second row of data is this one."""
    return lambda: csv_of((ROWS[0], cells))


def _bytes(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def _csv(text: str, encoding: str = "utf-8") -> Callable[[], bytes]:
    return lambda: text.encode(encoding)


GOOD = csv_of().decode()
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"

CSV = [
    BadExtract("no bytes at all", "SHELF-CSV", _bytes(b""), ".readable", "empty"),
    BadExtract("nothing but line ends", "SHELF-CSV", _bytes(b"\r\n\r\n"), ".readable", "empty"),
    BadExtract("broken off within a row", "SHELF-CSV", lambda: csv_of()[:-14], ".columns", "cells", 3),
    BadExtract("a cell too many", "SHELF-CSV", _row("Leven", "30", "28/02/2004", "M", "x"), ".columns", "cells", 3),
    BadExtract("a cell too few", "SHELF-CSV", _row("Leven", "30", "28/02/2004"), ".columns", "cells", 3),
    BadExtract("a quote left open", "SHELF-CSV", _row('"Leven', "30", "28/02/2004", "M"), ".readable", "quotes", 3),
    BadExtract("a NUL character", "SHELF-CSV", _row("Le\0ven", "30", "28/02/2004", "M"), ".readable", "NUL", 3),
    BadExtract("UTF-16 for UTF-8", "SHELF-CSV", _csv(GOOD, "utf-16"), ".readable", "UTF-16"),
    BadExtract(
        "Windows-1252 for UTF-8",
        "SHELF-CSV",
        _csv(GOOD.replace("Leven", "Levén"), "cp1252"),
        ".readable",
        "encoding",
        3,
    ),
    BadExtract("UTF-8 for UTF-16", "SHELF-UTF16", _csv(GOOD), ".readable", "utf-16"),
    BadExtract(
        "half a character at the end of UTF-16",
        "SHELF-UTF16",
        lambda: GOOD.replace(",", ";").encode("utf-16")[:-1],
        ".readable",
        "utf-16",
    ),
    BadExtract(
        "a byte that is no character",
        "SHELF-CP1252",
        _bytes(csv_of().replace(b"Leven", b"Lev\x81n")),
        ".readable",
        "character",
        3,
    ),
    BadExtract("semicolons for commas", "SHELF-CSV", _csv(GOOD.replace(",", ";")), ".readable", "separated by “;”", 1),
    BadExtract("tabs for commas", "SHELF-CSV", _csv(GOOD.replace(",", "\t")), ".readable", "separated by a tab", 1),
    BadExtract("a workbook for CSV", "SHELF-CSV", xlsx_of, ".readable", "workbook"),
    BadExtract("a PDF for CSV", "SHELF-CSV", _bytes(PDF), ".readable", "PDF"),
    BadExtract("a log-in page for CSV", "SHELF-CSV", _bytes(HTML), ".readable", "web page"),
    BadExtract("JSON for CSV", "SHELF-CSV", json_of, ".readable", "JSON"),
    BadExtract("XML for CSV", "SHELF-CSV", xml_of, ".readable", "XML"),
    BadExtract("an archive for CSV", "SHELF-CSV", lambda: zip_of({"a.csv": csv_of()}), ".readable", "ZIP"),
    BadExtract("a packed file for CSV", "SHELF-CSV", lambda: gzip.compress(csv_of()), ".readable", "GZ"),
    BadExtract(
        "a header of a million columns",
        "SHELF-CSV",
        lambda: b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n1\n",
        ".readable",
        "columns",
    ),
    BadExtract(
        "a column missing", "SHELF-CSV", lambda: csv_of(tuple(row[:3] for row in ROWS), HEADER[:3]), ".columns", "Kind"
    ),
    BadExtract(
        "a column twice",
        "SHELF-CSV",
        lambda: csv_of(tuple((*row, row[0]) for row in ROWS), (*HEADER, "branch")),
        ".columns",
        "Branch",
    ),
    BadExtract("no header", "SHELF-CSV", lambda: csv_of(ROWS[1:], ROWS[0]), ".columns", "Row 1"),
    BadExtract("two exports in one file", "SHELF-CSV", lambda: csv_of() + csv_of(), ".type", "", 4),
    BadExtract("the same key twice", "SHELF-CSV", _row("Cupar", "30", "28/02/2004", "L"), ".key", "", 3),
    BadExtract("a power of ten for a number", "SHELF-CSV", _row("Leven", "12E5", "28/02/2004", "M"), ".type", "", 3),
    BadExtract("nan for a number", "SHELF-CSV", _row("Leven", "nan", "28/02/2004", "M"), ".type", "", 3),
    BadExtract("NA for a number", "SHELF-CSV", _row("Leven", "NA", "28/02/2004", "M"), ".type", "", 3),
    BadExtract("Infinity for a number", "SHELF-CSV", _row("Leven", "Infinity", "28/02/2004", "M"), ".type", "", 3),
    BadExtract("a fraction for a whole number", "SHELF-CSV", _row("Leven", "2.9", "28/02/2004", "M"), ".type", "", 3),
    BadExtract(
        "a number with thousands set off", "SHELF-CSV", _row("Leven", '"1,200"', "28/02/2004", "M"), ".type", "", 3
    ),
    BadExtract("digits of another script", "SHELF-CSV", _row("Leven", "３０", "28/02/2004", "M"), ".type", "", 3),
    BadExtract(
        "a number that no machine holds", "SHELF-CSV", _row("Leven", "9" * 40, "28/02/2004", "M"), ".type", "", 3
    ),
    BadExtract("a number below its range", "SHELF-CSV", _row("Leven", "-1", "28/02/2004", "M"), ".range", "", 3),
    BadExtract("a number above its range", "SHELF-CSV", _row("Leven", "100001", "28/02/2004", "M"), ".range", "", 3),
    BadExtract("a day that does not exist", "SHELF-CSV", _row("Leven", "30", "30/02/2004", "M"), ".type", "", 3),
    BadExtract("29 February of a common year", "SHELF-CSV", _row("Leven", "30", "29/02/2023", "M"), ".type", "", 3),
    BadExtract("a date spelled another way", "SHELF-CSV", _row("Leven", "30", "2004-02-28", "M"), ".type", "", 3),
    BadExtract("a date with its month first", "SHELF-CSV", _row("Leven", "30", "02/28/2004", "M"), ".type", "", 3),
    BadExtract(
        "a rule across cells broken", "SHELF-CSV", _row("Leven", "30", "28/02/2104", "M"), ".opened_before_today", "", 3
    ),
    BadExtract("a code that nobody agreed", "SHELF-CSV", _row("Leven", "30", "28/02/2004", "X"), ".codes", "", 3),
    BadExtract(
        "a code with a character that nobody sees",
        "SHELF-CSV",
        _row("Leven", "30", "28/02/2004", "M\u200b"),
        ".codes",
        "",
        3,
    ),
    BadExtract(
        "nothing where something must be", "SHELF-CSV", _row("Leven", "", "28/02/2004", "M"), ".required", "", 3
    ),
    BadExtract("blanks where something must be", "SHELF-CSV", _row("   ", "30", "28/02/2004", "M"), ".required", "", 3),
    BadExtract("rows with a header and nothing to report", "SHELF-CSV", lambda: csv_of(()), ".readable", "no rows"),
    BadExtract(
        "another council's name in the rows", "SHELF-OWN", lambda: _own("Glasgow City", "2023"), ".council", "", 2
    ),
    BadExtract("no council at all in the rows", "SHELF-OWN", lambda: _own("Atlantis", "2023"), ".council", "", 2),
    BadExtract("another year in the rows", "SHELF-OWN", lambda: _own("Fife", "2022"), ".period", "", 2),
]


def _own(council: str, year: str) -> bytes:
    return csv_of(((council, year, *ROWS[0]),), ("Council", "Year", *HEADER))


HARMLESS = [
    BadExtract(
        "a cell of ten megabytes", "SHELF-CSV", lambda: csv_of((ROWS[0], ("x" * 10_000_000, *ROWS[1][1:]))), "", "xxxx"
    ),
    BadExtract("a byte order mark", "SHELF-CSV", _csv(GOOD, "utf-8-sig"), "", "Leven"),
    BadExtract("lines that end with CRLF", "SHELF-CSV", _csv(GOOD.replace("\n", "\r\n")), "", "Leven"),
    BadExtract("lines that end with CR", "SHELF-CSV", _csv(GOOD.replace("\n", "\r")), "", "Leven"),
    BadExtract("no line end at the end", "SHELF-CSV", lambda: csv_of()[:-1], "", "Leven"),
    BadExtract("blank lines between rows", "SHELF-CSV", _csv(GOOD.replace("\n", "\n\n")), "", "Leven"),
    BadExtract(
        "headers in another case", "SHELF-CSV", _csv(GOOD.replace("Branch,Books", "BRANCH, books ")), "", "Leven"
    ),
    BadExtract(
        "columns in another order",
        "SHELF-CSV",
        lambda: csv_of(tuple(row[::-1] for row in ROWS), HEADER[::-1]),
        "",
        "Leven",
    ),
    BadExtract("a name that is a formula", "SHELF-CSV", _row("=1+1", "30", "28/02/2004", "M"), "", "=1+1"),
    BadExtract(
        "a name that is SQL",
        "SHELF-CSV",
        _row("'; DROP TABLE receipt; --", "30", "28/02/2004", "M"),
        "",
        "'; DROP TABLE receipt; --",
    ),
    BadExtract(
        "a name that reads as nothing", "SHELF-CSV", _row("nan", "30", "28/02/2004", "M"), "", '"branch": "nan"'
    ),
    BadExtract(
        "a name with zeros in front", "SHELF-CSV", _row("00123", "30", "28/02/2004", "M"), "", '"branch": "00123"'
    ),
    BadExtract(
        "a name that reads as a power of ten",
        "SHELF-CSV",
        _row("12E5", "30", "28/02/2004", "M"),
        "",
        '"branch": "12E5"',
    ),
    BadExtract(
        "a name that climbs out of an archive",
        "SHELF-ZIP",
        lambda: zip_of({"../../../tmp/lgdp-climbed.csv": csv_of()}),
        "",
        "Leven",
    ),
]
