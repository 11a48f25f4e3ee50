"""JSON, XML, workbooks and archives as they should not be: each with what must be said of it.

Belongs here: bytes and expectations, as data. Belongs elsewhere: handing them in (``test_bad_extracts``).
"""

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable

from tests.faults.bad_extract import HTML, BadExtract
from tests.faults.world import HEADER, csv_of, json_of, ndjson_of, records_of, xlsx_of, xml_of, zip_of

LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><library><shelves><shelf><Branch>&j;</Branch><Books>1</Books><Opened>01/02/1999</Opened>"
    "<Kind>L</Kind></shelf></shelves></library>"
)
EXTERNAL = (
    '<?xml version="1.0"?><!DOCTYPE library [<!ENTITY x SYSTEM "file:///etc/passwd">]><library><shelves><shelf>'
    "<Branch>&x;</Branch><Books>1</Books><Opened>01/02/1999</Opened><Kind>L</Kind></shelf></shelves></library>"
)
EXTERNAL_DTD = '<?xml version="1.0"?><!DOCTYPE library SYSTEM "http://127.0.0.1:9/x.dtd"><library/>'


def _encrypted_zip() -> bytes:
    """An archive whose one member says that it is encrypted."""
    archive_bytes = bytearray(zip_of({"shelves.csv": csv_of()}))
    central = archive_bytes.index(b"PK\x01\x02")
    struct.pack_into("<H", archive_bytes, 6, struct.unpack_from("<H", archive_bytes, 6)[0] | 1)
    struct.pack_into("<H", archive_bytes, central + 8, struct.unpack_from("<H", archive_bytes, central + 8)[0] | 1)
    return bytes(archive_bytes)


def _wrong_checksum() -> bytes:
    """An archive whose member is not what its checksum says."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("shelves.csv", csv_of())
    return out.getvalue().replace(b"Cupar", b"Cuper", 1)


def _lying_bomb() -> bytes:
    """An archive whose member is fifty megabytes of zeros, and says that it is a hundred bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("shelves.csv", "w") as member:
        for _ in range(3):
            member.write(bytes(16 * 1024**2))
    archive_bytes = bytearray(out.getvalue())
    central = archive_bytes.rindex(b"PK\x01\x02")
    struct.pack_into("<I", archive_bytes, central + 24, 100)
    return bytes(archive_bytes)


def _gz_bomb() -> bytes:
    """Fifty megabytes of one line, packed into fifty kilobytes."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as packed:
        packed.write(b",".join(name.encode() for name in HEADER) + b"\n")
        for _ in range(48):
            packed.write(b"x" * 1024**2)
    return out.getvalue()


def _xlsx_bomb() -> bytes:
    """A workbook whose sheet unpacks to fifty megabytes."""
    archive_bytes = io.BytesIO(xlsx_of())
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


def _deep_json() -> bytes:
    return b'{"records":' + b"[" * 200_000 + b"]" * 200_000 + b"}"


def _deep_xml() -> bytes:
    return b"<library>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</library>"


def _records(**changed: object) -> Callable[[], bytes]:
    return lambda: json.dumps({"records": [records_of()[0] | changed]}).encode()


STRUCTURED = [
    BadExtract("JSON broken off", "SHELF-JSON", lambda: json_of()[:-20], ".readable", "JSON"),
    BadExtract("no JSON", "SHELF-JSON", csv_of, ".readable", "JSON"),
    BadExtract("JSON without the records", "SHELF-JSON", lambda: b'{"rows": []}', ".readable", "records"),
    BadExtract(
        "one record where a list should be",
        "SHELF-JSON",
        lambda: json.dumps({"records": records_of()[0]}).encode(),
        ".readable",
        "list",
    ),
    BadExtract(
        "texts where records should be", "SHELF-JSON", lambda: b'{"records": ["a", "b"]}', ".readable", "record"
    ),
    BadExtract("JSON nested without end", "SHELF-JSON", _deep_json, ".readable", "nested"),
    BadExtract("NaN in JSON", "SHELF-JSON", lambda: json_of().replace(b'"120"', b"NaN"), ".type", "", 1),
    BadExtract(
        "a number written as a power of ten", "SHELF-JSON", lambda: json_of().replace(b'"120"', b"12E1"), ".type", "", 1
    ),
    BadExtract(
        "a name twice in one record",
        "SHELF-JSON",
        lambda: json_of().replace(b'"Kind": "L"', b'"Kind": "L", "Kind": "M"'),
        ".columns",
        "more than once",
        1,
    ),
    BadExtract(
        "half a character in JSON", "SHELF-JSON", lambda: json_of().replace(b"Cupar", b"\\ud800"), ".readable", ""
    ),
    BadExtract("a list in a cell", "SHELF-JSON", _records(Books=[1, 2]), ".type", "", 1),
    BadExtract("a line that is no JSON", "SHELF-NDJSON", lambda: ndjson_of() + b"{'a': 1}\n", ".readable", "", 3),
    BadExtract(
        "a document for lines", "SHELF-NDJSON", lambda: json.dumps(records_of(), indent=1).encode(), ".readable", ""
    ),
    BadExtract("XML broken off", "SHELF-XML", lambda: xml_of()[:-30], ".readable", "XML"),
    BadExtract("no XML", "SHELF-XML", csv_of, ".readable", "XML"),
    BadExtract("XML without the records", "SHELF-XML", lambda: b"<library><books/></library>", ".readable", "no rows"),
    BadExtract("XML of many laughs", "SHELF-XML", LAUGHS.encode, ".readable", "entit"),
    BadExtract("XML that asks for a file of ours", "SHELF-XML", EXTERNAL.encode, ".readable", "entit"),
    BadExtract("XML that asks for a file elsewhere", "SHELF-XML", EXTERNAL_DTD.encode, ".readable", "entit"),
    BadExtract("XML nested without end", "SHELF-XML", _deep_xml, ".readable", ""),
    BadExtract(
        "XML that says another encoding", "SHELF-XML", lambda: xml_of().replace(b"UTF-8", b"UTF-16"), ".readable", ""
    ),
    BadExtract("a web page for XML", "SHELF-XML", lambda: HTML, ".readable", ""),
    BadExtract("a workbook broken off", "SHELF-XLSX", lambda: xlsx_of()[:-400], ".readable", "XLSX"),
    BadExtract("CSV for a workbook", "SHELF-XLSX", csv_of, ".readable", "This is text"),
    BadExtract("a workbook of unreadable bytes", "SHELF-XLSX", lambda: b"PK\x03\x04" + bytes(500), ".readable", "XLSX"),
    BadExtract(
        "a workbook with a password",
        "SHELF-XLSX",
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000),
        ".readable",
        "",
    ),
    BadExtract("a workbook without the sheet", "SHELF-XLSX", lambda: xlsx_of(sheets=("Data",)), ".readable", "Shelves"),
    BadExtract("a workbook that unpacks without end", "SHELF-XLSX", _xlsx_bomb, ".readable", ""),
    BadExtract(
        "an error of a formula in a cell",
        "SHELF-XLSX",
        lambda: xlsx_of((("Cupar", "#REF!", "01/02/1999", "L"),)),
        ".type",
        "",
        2,
    ),
    BadExtract(
        "an archive broken off", "SHELF-ZIP", lambda: zip_of({"shelves.csv": csv_of()})[:-30], ".readable", "ZIP"
    ),
    BadExtract("CSV for an archive", "SHELF-ZIP", csv_of, ".readable", "ZIP"),
    BadExtract("an archive with nothing in it", "SHELF-ZIP", lambda: zip_of({}), ".readable", "ZIP"),
    BadExtract(
        "an archive with two files that fit",
        "SHELF-ZIP",
        lambda: zip_of({"a.csv": csv_of(), "b.csv": csv_of()}),
        ".readable",
        "ZIP",
    ),
    BadExtract(
        "an archive in an archive", "SHELF-ZIP", lambda: zip_of({"a.csv": zip_of({"b.csv": csv_of()})}), ".readable", ""
    ),
    BadExtract("an archive with a password", "SHELF-ZIP", _encrypted_zip, ".readable", "password"),
    BadExtract("an archive whose checksum is wrong", "SHELF-ZIP", _wrong_checksum, ".readable", "ZIP"),
    BadExtract(
        "an archive that unpacks without end",
        "SHELF-ZIP",
        lambda: zip_of({"shelves.csv": bytes(48 * 1024**2)}),
        ".readable",
        "",
    ),
    BadExtract("an archive that lies about its size", "SHELF-ZIP", _lying_bomb, ".readable", ""),
    BadExtract("packed bytes broken off", "SHELF-GZ", lambda: gzip.compress(csv_of())[:-6], ".readable", "cut short"),
    BadExtract("CSV for packed bytes", "SHELF-GZ", csv_of, ".readable", "no GZ"),
    BadExtract(
        "rubbish behind packed bytes", "SHELF-GZ", lambda: gzip.compress(csv_of()) + b"rubbish", ".readable", "GZ"
    ),
    BadExtract("packed bytes that unpack without end", "SHELF-GZ", _gz_bomb, ".readable", ""),
]
