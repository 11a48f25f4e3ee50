"""Tables of text, written in every format and dialect by independent writers.

Belongs here: writers, and contracts to read by. Belongs elsewhere: expectations.
"""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

import xlsxwriter
import xlwt
from lxml import etree

Rows = Sequence[Sequence[str]]
"""A header row and rows of cells."""


def write_csv(
    rows: Rows, *, delimiter: str = ",", quote: str = '"', line_end: str = "\r\n", every: bool = False
) -> str:
    """Return rows as CSV, written by Python's ``csv``."""
    text = io.StringIO(newline="")
    quoting = csv.QUOTE_NONE if not quote else csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=delimiter, quotechar=quote or None, lineterminator=line_end, quoting=quoting).writerows(
        rows
    )
    return text.getvalue()


def write_xlsx(rows: Sequence[Sequence[Any]], sheet: str = "Data", **formats: str) -> bytes:
    """Return rows as a workbook, written by XlsxWriter, with days in the format ``dates``."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_numbers": False}) as book:
        page = book.add_worksheet(sheet)
        days = book.add_format({"num_format": formats.get("dates", "dd/mm/yyyy")})
        for number, row in enumerate(rows):
            for place, value in enumerate(row):
                if isinstance(value, str):
                    page.write_string(number, place, value)
                elif value is not None:
                    shown = days if hasattr(value, "year") else None
                    page.write(number, place, value, shown)
    return content.getvalue()


def write_xls(rows: Rows, sheet: str = "Data") -> bytes:
    """Return rows as an XLS workbook, written by xlwt."""
    book = xlwt.Workbook()
    page = book.add_sheet(sheet)
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            page.write(number, place, value)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def rows_to_records(rows: Rows) -> list[dict[str, str]]:
    """Return rows as records with the header as keys."""
    header, *body = rows
    return [dict(zip(header, row, strict=True)) for row in body]


def write_json(rows: Rows) -> str:
    """Return rows as a JSON list of records."""
    return json.dumps(rows_to_records(rows), ensure_ascii=False)


def write_ndjson(rows: Rows) -> str:
    """Return rows as JSON, one record a line."""
    return "".join(json.dumps(record) + "\n" for record in rows_to_records(rows))


def write_xml(rows: Rows) -> bytes:
    """Return rows as XML: ``<return><cases><case A="…"><B>…</B></case></cases></return>``."""
    root = etree.Element("{urn:somewhere}return", nsmap={None: "urn:somewhere"})
    cases = etree.SubElement(root, "{urn:somewhere}cases")
    for record in rows_to_records(rows):
        case = etree.SubElement(cases, "{urn:somewhere}case")
        for place, (name, value) in enumerate(record.items()):
            if place == 0:
                case.set(name, value)
            else:
                etree.SubElement(case, "{urn:somewhere}" + name).text = value
    return bytes(etree.tostring(root, xml_declaration=True, encoding="utf-8"))


def zip_content(content: bytes, name: str = "extract", **other_members: bytes) -> bytes:
    """Return a ZIP archive of a content and other members."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in {name: content, **other_members}.items():
            archive.writestr(member, data)
    return packed.getvalue()


def gzip_content(content: bytes) -> bytes:
    """Return a content compressed as GZ."""
    return gzip.compress(content, mtime=0)
