"""Bad JSON, XML, workbooks and archives, each with its expected judgement.

Belongs here: bytes and expectations, as data. Belongs elsewhere: handing them in (``test_bad_extracts``).
"""

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable

from tests.faults.bad_extract import HTML, BadExtract
from tests.faults.world import (
    HEADER,
    build_csv,
    build_json,
    build_ndjson,
    build_records,
    build_xlsx,
    build_xml,
    build_zip,
)

NESTED_ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><library><shelves><shelf><Branch>&j;</Branch><Books>1</Books><Opened>01/02/1999</Opened>"
    "<Kind>L</Kind></shelf></shelves></library>"
)
EXTERNAL_ENTITY = (
    '<?xml version="1.0"?><!DOCTYPE library [<!ENTITY x SYSTEM "file:///etc/passwd">]><library><shelves><shelf>'
    "<Branch>&x;</Branch><Books>1</Books><Opened>01/02/1999</Opened><Kind>L</Kind></shelf></shelves></library>"
)
EXTERNAL_DTD = '<?xml version="1.0"?><!DOCTYPE library SYSTEM "http://127.0.0.1:9/x.dtd"><library/>'


def _build_encrypted_zip() -> bytes:
    """Return an archive whose only member is marked as encrypted."""
    archive_bytes = bytearray(build_zip({"shelves.csv": build_csv()}))
    central = archive_bytes.index(b"PK\x01\x02")
    struct.pack_into("<H", archive_bytes, 6, struct.unpack_from("<H", archive_bytes, 6)[0] | 1)
    struct.pack_into("<H", archive_bytes, central + 8, struct.unpack_from("<H", archive_bytes, central + 8)[0] | 1)
    return bytes(archive_bytes)


def _build_zip_with_wrong_checksum() -> bytes:
    """Return an archive whose member differs from its checksum."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("shelves.csv", build_csv())
    return out.getvalue().replace(b"Cupar", b"Cuper", 1)


def _build_zip_with_false_size() -> bytes:
    """Return an archive of 48 MB of zeros that declares a size of 100 bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("shelves.csv", "w") as member:
        for _ in range(3):
            member.write(bytes(16 * 1024**2))
    archive_bytes = bytearray(out.getvalue())
    central = archive_bytes.rindex(b"PK\x01\x02")
    struct.pack_into("<I", archive_bytes, central + 24, 100)
    return bytes(archive_bytes)


def _build_gz_bomb() -> bytes:
    """Return one line of 48 MB, compressed to 50 kB."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as packed:
        packed.write(b",".join(name.encode() for name in HEADER) + b"\n")
        for _ in range(48):
            packed.write(b"x" * 1024**2)
    return out.getvalue()


def _build_xlsx_bomb() -> bytes:
    """Return a workbook whose sheet unpacks to 48 MB."""
    archive_bytes = io.BytesIO(build_xlsx())
    out = io.BytesIO()
    with zipfile.ZipFile(archive_bytes) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for info in source.infolist():
            with archive.open(info.filename, "w") as member:
                content = source.read(info)
                if info.filename.endswith("sheet1.xml"):
                    head, _, tail = content.partition(b"<sheetData>")
                    member.write(head)
                    for _ in range(3):
                        member.write(b" " * 16 * 1024**2)
                    content = b"<sheetData>" + tail
                member.write(content)
    return out.getvalue()


def _build_deep_json() -> bytes:
    return b'{"records":' + b"[" * 200_000 + b"]" * 200_000 + b"}"


def _build_deep_xml() -> bytes:
    return b"<library>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</library>"


def _build_changed_record(**changed: object) -> Callable[[], bytes]:
    return lambda: json.dumps({"records": [build_records()[0] | changed]}).encode()


REJECTED_STRUCTURES = [
    BadExtract("JSON broken off", "SHELF-JSON", lambda: build_json()[:-20], ".readable", "JSON"),
    BadExtract("no JSON", "SHELF-JSON", build_csv, ".readable", "JSON"),
    BadExtract("JSON without the records", "SHELF-JSON", lambda: b'{"rows": []}', ".readable", "records"),
    BadExtract(
        "one record where a list should be",
        "SHELF-JSON",
        lambda: json.dumps({"records": build_records()[0]}).encode(),
        ".readable",
        "list",
    ),
    BadExtract(
        "texts where records should be", "SHELF-JSON", lambda: b'{"records": ["a", "b"]}', ".readable", "record"
    ),
    BadExtract("JSON nested without end", "SHELF-JSON", _build_deep_json, ".readable", "nested"),
    BadExtract("NaN in JSON", "SHELF-JSON", lambda: build_json().replace(b'"120"', b"NaN"), ".type", "", 1),
    BadExtract(
        "a number written as a power of ten",
        "SHELF-JSON",
        lambda: build_json().replace(b'"120"', b"12E1"),
        ".type",
        "",
        1,
    ),
    BadExtract(
        "a name twice in one record",
        "SHELF-JSON",
        lambda: build_json().replace(b'"Kind": "L"', b'"Kind": "L", "Kind": "M"'),
        ".columns",
        "more than once",
        1,
    ),
    BadExtract(
        "half a character in JSON", "SHELF-JSON", lambda: build_json().replace(b"Cupar", b"\\ud800"), ".readable", ""
    ),
    BadExtract("a list in a cell", "SHELF-JSON", _build_changed_record(Books=[1, 2]), ".type", "", 1),
    BadExtract("a line that is no JSON", "SHELF-NDJSON", lambda: build_ndjson() + b"{'a': 1}\n", ".readable", "", 3),
    BadExtract(
        "a document for lines", "SHELF-NDJSON", lambda: json.dumps(build_records(), indent=1).encode(), ".readable", ""
    ),
    BadExtract("XML broken off", "SHELF-XML", lambda: build_xml()[:-30], ".readable", "XML"),
    BadExtract("no XML", "SHELF-XML", build_csv, ".readable", "XML"),
    BadExtract("XML without the records", "SHELF-XML", lambda: b"<library><books/></library>", ".readable", "no rows"),
    BadExtract("XML of many laughs", "SHELF-XML", NESTED_ENTITIES.encode, ".readable", "entit"),
    BadExtract("XML that asks for a file of ours", "SHELF-XML", EXTERNAL_ENTITY.encode, ".readable", "entit"),
    BadExtract("XML that asks for a file elsewhere", "SHELF-XML", EXTERNAL_DTD.encode, ".readable", "entit"),
    BadExtract("XML nested without end", "SHELF-XML", _build_deep_xml, ".readable", ""),
    BadExtract(
        "XML that says another encoding", "SHELF-XML", lambda: build_xml().replace(b"UTF-8", b"UTF-16"), ".readable", ""
    ),
    BadExtract("a web page for XML", "SHELF-XML", lambda: HTML, ".readable", ""),
    BadExtract("a workbook broken off", "SHELF-XLSX", lambda: build_xlsx()[:-400], ".readable", "XLSX"),
    BadExtract("CSV for a workbook", "SHELF-XLSX", build_csv, ".readable", "This is text"),
    BadExtract("a workbook of unreadable bytes", "SHELF-XLSX", lambda: b"PK\x03\x04" + bytes(500), ".readable", "XLSX"),
    BadExtract(
        "a workbook with a password",
        "SHELF-XLSX",
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000),
        ".readable",
        "",
    ),
    BadExtract(
        "a workbook without the sheet", "SHELF-XLSX", lambda: build_xlsx(sheets=("Data",)), ".readable", "Shelves"
    ),
    BadExtract("a workbook that unpacks without end", "SHELF-XLSX", _build_xlsx_bomb, ".readable", ""),
    BadExtract(
        "an error of a formula in a cell",
        "SHELF-XLSX",
        lambda: build_xlsx((("Cupar", "#REF!", "01/02/1999", "L"),)),
        ".type",
        "",
        2,
    ),
    BadExtract(
        "an archive broken off", "SHELF-ZIP", lambda: build_zip({"shelves.csv": build_csv()})[:-30], ".readable", "ZIP"
    ),
    BadExtract("CSV for an archive", "SHELF-ZIP", build_csv, ".readable", "ZIP"),
    BadExtract("an archive with nothing in it", "SHELF-ZIP", lambda: build_zip({}), ".readable", "ZIP"),
    BadExtract(
        "an archive with two files that fit",
        "SHELF-ZIP",
        lambda: build_zip({"a.csv": build_csv(), "b.csv": build_csv()}),
        ".readable",
        "ZIP",
    ),
    BadExtract(
        "an archive in an archive",
        "SHELF-ZIP",
        lambda: build_zip({"a.csv": build_zip({"b.csv": build_csv()})}),
        ".readable",
        "",
    ),
    BadExtract("an archive with a password", "SHELF-ZIP", _build_encrypted_zip, ".readable", "password"),
    BadExtract("an archive whose checksum is wrong", "SHELF-ZIP", _build_zip_with_wrong_checksum, ".readable", "ZIP"),
    BadExtract(
        "an archive that unpacks without end",
        "SHELF-ZIP",
        lambda: build_zip({"shelves.csv": bytes(48 * 1024**2)}),
        ".readable",
        "",
    ),
    BadExtract("an archive that lies about its size", "SHELF-ZIP", _build_zip_with_false_size, ".readable", ""),
    BadExtract(
        "packed bytes broken off", "SHELF-GZ", lambda: gzip.compress(build_csv())[:-6], ".readable", "cut short"
    ),
    BadExtract("CSV for packed bytes", "SHELF-GZ", build_csv, ".readable", "no GZ"),
    BadExtract(
        "rubbish behind packed bytes", "SHELF-GZ", lambda: gzip.compress(build_csv()) + b"rubbish", ".readable", "GZ"
    ),
    BadExtract("packed bytes that unpack without end", "SHELF-GZ", _build_gz_bomb, ".readable", ""),
]
