"""What bytes look like, so that a mismatch with what was declared can be told in words.

What belongs here: signatures. What does not: choosing a reader by them: the reader is always the declared one.
"""

import re
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.register.model.extract_format import Container, Extract, Format

_START = 4096
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_GZ = b"\x1f\x8b"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OTHERS = {
    b"%PDF-": "a PDF document",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"\x89PNG\r\n\x1a\n": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"{\\rtf": "a document in RTF",
    b"SQLite format 3\x00": "a database file",
}
_HTML = re.compile(r"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_XML = re.compile(r"\s*<\?xml\b")
_JSON = re.compile(r'\s*(\{\s*"|\[\s*\{)')

ZIP, GZ, XLSX, XLS = "a ZIP file", "a GZ file", "an XLSX workbook", "an XLS workbook"
ODS, WORD, ENCRYPTED = "an OpenDocument file", "an Office document", "a workbook that is protected with a password"
HTML, XML, JSON = "a web page, perhaps one that asks to log in", "XML", "JSON"

_FITS = {
    Format.XLSX: frozenset({XLSX}),
    Format.XLS: frozenset({XLS}),
    Format.JSON: frozenset({JSON}),
    Format.NDJSON: frozenset({JSON}),
    Format.XML: frozenset({XML}),
    Format.CSV: frozenset[str](),
}


def looks_like(file: BinaryIO) -> str | None:
    """What a file plainly is, for people; None where nothing tells it.

    Args:
        file: open for reading, and left at its beginning.
    """
    start = file.read(_START)
    try:
        if start.startswith(_ZIP):
            return _of_zip(file)
        if start.startswith(_GZ):
            return GZ
        if start.startswith(_OLE):
            return ENCRYPTED if _ENCRYPTED in start + file.read() else XLS
    finally:
        file.seek(0)
    named = next((name for mark, name in _OTHERS.items() if start.startswith(mark)), None)
    return named or _of_text(start)


def _of_zip(file: BinaryIO) -> str:
    try:
        with ZipFile(file) as archive:
            names = archive.namelist()
    except (BadZipFile, ValueError, OSError, NotImplementedError):
        return ZIP
    if "xl/workbook.xml" in names:
        return XLSX
    if "[Content_Types].xml" in names:
        return WORD
    return ODS if names and names[0] == "mimetype" else ZIP


def _of_text(start: bytes) -> str | None:
    text = start.decode("utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig", errors="replace")
    if _HTML.match(text):
        return HTML
    if _XML.match(text):
        return HTML if re.search(r"<html\b", text, re.IGNORECASE) else XML
    return JSON if _JSON.match(text) else None


def mismatch(file: BinaryIO, extract: Extract) -> Fault | None:
    """Why a file is not what an extract is declared to be, once unpacked; None where it may be.

    Args:
        file: out of its container, open for reading, and left at its beginning.
        extract: as declared.
    """
    found = looks_like(file)
    if found is None and extract.format.is_workbook:
        start = file.read(_START)
        file.seek(0)
        found = "empty" if not start else "no workbook" if b"\0" in start else "text"
    if found is None or found in _FITS[extract.format]:
        return None
    if extract.container is not Container.NONE and found in {ZIP, GZ}:
        return Fault(f"The archive holds {found} in its turn. Pack the plain file once and send it again.")
    return not_as_declared(found, extract)


def not_as_declared(found: str, extract: Extract) -> Fault:
    """A file that is something else than was declared."""
    return Fault(f"This is {found}, and it should be {extract.described}. Export it again so.")
