"""File containers and signatures: unpacking a ZIP or GZ, and recognising content that is not as declared.

Nothing in an archive is trusted: neither a member's name, which never reaches the disk, nor the sizes in its headers.
Bytes are counted as they are unpacked, and unpacking stops where there are more than any extract has. Signatures serve
messages only: the reader is always the declared one (``format_readers``). Belongs here: unpacking, signatures, and
their faults. Belongs elsewhere: the content of a file.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

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

_EXPECTED = {
    Format.XLSX: frozenset({XLSX}),
    Format.XLS: frozenset({XLS}),
    Format.JSON: frozenset({JSON}),
    Format.NDJSON: frozenset({JSON}),
    Format.XML: frozenset({XML}),
    Format.CSV: frozenset[str](),
}


def recognise(file: BinaryIO) -> str | None:
    """Return the kind of a file by its signature, for people; None where unknown.

    Args:
        file: open for reading, and left at its beginning.
    """
    start = file.read(_START)
    try:
        if start.startswith(_ZIP):
            return _recognise_zip(file)
        if start.startswith(_GZ):
            return GZ
        if start.startswith(_OLE):
            return ENCRYPTED if _ENCRYPTED in start + file.read() else XLS
    finally:
        file.seek(0)
    format_name = next((name for mark, name in _OTHERS.items() if start.startswith(mark)), None)
    return format_name or _recognise_text(start)


def _recognise_zip(file: BinaryIO) -> str:
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


def _recognise_text(start: bytes) -> str | None:
    text = start.decode("utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig", errors="replace")
    if _HTML.match(text):
        return HTML
    if _XML.match(text):
        return HTML if re.search(r"<html\b", text, re.IGNORECASE) else XML
    return JSON if _JSON.match(text) else None


def check_declared(file: BinaryIO, extract: Extract) -> Fault | None:
    """Return the fault of a file that is not as declared.

    None where it may be.

    Args:
        file: out of its container, open for reading, and left at its beginning.
        extract: as declared.
    """
    recognised_format = recognise(file)
    if recognised_format is None and extract.format.is_workbook:
        start = file.read(_START)
        file.seek(0)
        recognised_format = "empty" if not start else "no workbook" if b"\0" in start else "text"
    if recognised_format is None or recognised_format in _EXPECTED[extract.format]:
        return None
    if extract.container is not Container.NONE and recognised_format in {ZIP, GZ}:
        return Fault(f"The archive holds {recognised_format} in its turn. Pack the plain file once and send it again.")
    return build_mismatch(recognised_format, extract)


def build_mismatch(found: str, extract: Extract) -> Fault:
    """Return the fault of a file that is another kind than declared."""
    return Fault(f"This is {found}, and it should be {extract.described}. Export it again so.")


MAX_BYTES = 4 * 2**30
"""More than any extract holds once it is unpacked."""
MAX_RATIO = 400
"""Text packs to a twentieth, seldom to a hundredth of its size. What grows more than this was made to grow."""
_SMALL = 32 * 2**20
"""What an archive may always unpack to, however well it is packed."""
_MAX_MEMBERS = 10_000
_CHUNK = 2**20
_ENCRYPTED_FLAG = 0x1
_BROKEN = "is cut short or damaged. Pack and send it again"


@contextmanager
def open_unpacked(file: BinaryIO, extract: Extract) -> Iterator[BinaryIO | Fault]:
    """Give a block the file unpacked: in memory while small, else in a temporary file.

    Args:
        file: as received, open for reading; it can be sought in.
        extract: as declared.
    """
    if extract.container is Container.NONE:
        yield file
        return
    with SpooledTemporaryFile(_SMALL) as into:
        fault = unpack(file, extract, into)
        into.seek(0)
        yield fault or cast("BinaryIO", into)


def unpack(packed: BinaryIO, extract: Extract, into: IO[bytes]) -> Fault | None:
    """Unpack a container into another file, piece by piece, or return the fault.

    Args:
        packed: the container, open for reading; it can be sought in.
        extract: as declared; its container is not ``none``.
        into: what the file is written to. After a Fault it holds a part of it.
    """
    start = packed.read(4)
    packed.seek(0)
    if extract.container is Container.GZ:
        if not start.startswith(b"\x1f\x8b"):
            return build_mismatch(recognise(packed) or "no GZ file", extract)
        return _copy(_iter_gunzipped(packed), packed, into)
    if not start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return build_mismatch(recognise(packed) or "no ZIP file", extract)
    try:
        with ZipFile(packed) as archive:
            member = _choose_member(archive, extract)
            return member if isinstance(member, Fault) else _copy(_iter_member(archive, member), packed, into)
    except (BadZipFile, NotImplementedError, EOFError, OSError, zlib.error, ValueError):
        return Fault(f"The ZIP {_BROKEN}.")


def _choose_member(archive: ZipFile, extract: Extract) -> ZipInfo | Fault:
    members = [member for member in archive.infolist() if not member.is_dir() and not _is_metadata(member.filename)]
    if len(members) > _MAX_MEMBERS:
        return Fault(f"The ZIP holds more than {_MAX_MEMBERS:,} files. Send a ZIP with the one file of the extract.")
    if extract.member:
        members = [member for member in members if re.fullmatch(extract.member, member.filename.rpartition("/")[2])]
    if len(members) != 1:
        count_text = f"{len(members)} files" if members else "no file"
        fitting = f" that {'are' if members else 'is'} named as agreed" if extract.member else ""
        return Fault(
            f"The ZIP holds {count_text}{fitting}, and it should hold one. Send a ZIP with the one file alone."
        )
    if members[0].flag_bits & _ENCRYPTED_FLAG:
        return Fault("The file in the ZIP is protected with a password. Send it without; the line is safe.")
    if members[0].compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        return Fault("The ZIP is packed in a way that cannot be read. Pack it again by deflate, which is usual.")
    return members[0]


def _is_metadata(name: str) -> bool:
    """Return whether a member is metadata that some packers add."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] in {".DS_Store", "Thumbs.db"}


def _copy(pieces: Iterator[bytes | Fault], packed: BinaryIO, into: IO[bytes]) -> Fault | None:
    """Write pieces up to the size limit."""
    most = max(_SMALL, min(MAX_BYTES, MAX_RATIO * measure_size(packed)))
    copied_bytes = 0
    for piece in pieces:
        if isinstance(piece, Fault):
            return piece
        copied_bytes += len(piece)
        if copied_bytes > most:
            return Fault(
                "The archive unpacks to far more than any extract holds. Pack the plain file and send it again."
            )
        into.write(piece)
    return None


def measure_size(file: BinaryIO) -> int:
    """Return the size of a file without moving its position."""
    place = file.tell()
    size = file.seek(0, 2)
    file.seek(place)
    return size


def _iter_member(archive: ZipFile, member: ZipInfo) -> Iterator[bytes | Fault]:
    with archive.open(member) as file:
        while piece := file.read(_CHUNK):
            yield piece


def _iter_gunzipped(packed: BinaryIO) -> Iterator[bytes | Fault]:
    """Yield the members of a GZ one after the other, as appending programs write them."""
    unzipper = zlib.decompressobj(wbits=31)
    rest = b""
    is_open = False
    while True:
        data = rest or packed.read(_CHUNK)
        if not data:
            break
        if not is_open and not data.startswith(b"\x1f\x8b"[: len(data)]):
            if data.strip(b"\0") or packed.read(_CHUNK).strip(b"\0"):
                yield Fault("After the GZ there are bytes that are no part of it. Pack and send it again.")
            return
        try:
            piece = unzipper.decompress(data, _CHUNK)
        except zlib.error:
            yield Fault(f"The GZ {_BROKEN}.")
            return
        is_open = True
        rest = unzipper.unconsumed_tail
        if piece:
            yield piece
        if unzipper.eof:
            rest = unzipper.unused_data
            unzipper = zlib.decompressobj(wbits=31)
            is_open = False
    if is_open:
        yield Fault(f"The GZ {_BROKEN}.")
