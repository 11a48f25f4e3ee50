"""File containers and signatures: unpacking a ZIP or GZ, and recognising content that is not as declared.

Nothing in an archive is trusted: neither a member's name, which never reaches the disk, nor the sizes in its headers.
Bytes are counted as they are unpacked, and unpacking stops at more bytes than any extract has. Signatures serve
messages only: the reader is always the declared one (``extract_reader``). Belongs here: unpacking, signatures, and
their faults. Belongs elsewhere: the content of a file.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.register.model.extract_format import Container, ExtractFormat, FileFormat

_START = 4096
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_GZ = b"\x1f\x8b"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_HTML = re.compile(r"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_XML = re.compile(r"\s*<\?xml\b")
_JSON = re.compile(r'\s*(\{\s*"|\[\s*\{)')


class FileKind(StrEnum):
    """The kind of a file by its signature, as people read it."""

    ZIP = "a ZIP file"
    GZ = "a GZ file"
    XLSX = "an XLSX workbook"
    XLS = "an XLS workbook"
    ODS = "an OpenDocument file"
    WORD = "an Office document"
    ENCRYPTED = "a workbook that is protected with a password"
    HTML = "a web page, perhaps one that asks to log in"
    XML = "XML"
    JSON = "JSON"
    PDF = "a PDF document"
    SEVEN_ZIP = "a 7z archive"
    RAR = "a RAR archive"
    XZ = "an xz archive"
    PICTURE = "a picture"
    RTF = "a document in RTF"
    DATABASE = "a database file"
    EMPTY = "empty"
    NO_WORKBOOK = "no workbook"
    TEXT = "text"


_OTHER_SIGNATURES = {
    b"%PDF-": FileKind.PDF,
    b"7z\xbc\xaf\x27\x1c": FileKind.SEVEN_ZIP,
    b"Rar!\x1a\x07": FileKind.RAR,
    b"\xfd7zXZ\x00": FileKind.XZ,
    b"\x89PNG\r\n\x1a\n": FileKind.PICTURE,
    b"\xff\xd8\xff": FileKind.PICTURE,
    b"{\\rtf": FileKind.RTF,
    b"SQLite format 3\x00": FileKind.DATABASE,
}

_EXPECTED = {
    FileFormat.XLSX: FileKind.XLSX,
    FileFormat.XLS: FileKind.XLS,
    FileFormat.JSON: FileKind.JSON,
    FileFormat.NDJSON: FileKind.JSON,
    FileFormat.XML: FileKind.XML,
}
"""Kind of a file of each format that has a signature."""


def recognise(file: BinaryIO) -> FileKind | None:
    """Return the kind of a file by its signature; None if unknown.

    Args:
        file: open for reading, and left at its beginning.
    """
    start = file.read(_START)
    try:
        if start.startswith(_ZIP):
            return _recognise_zip(file)
        if start.startswith(_GZ):
            return FileKind.GZ
        if start.startswith(_OLE):
            return FileKind.ENCRYPTED if _ENCRYPTED in start + file.read() else FileKind.XLS
    finally:
        file.seek(0)
    kind = next((kind for signature, kind in _OTHER_SIGNATURES.items() if start.startswith(signature)), None)
    return kind or _recognise_text(start)


def _recognise_zip(file: BinaryIO) -> FileKind:
    """Return the kind of a file that begins as a ZIP."""
    try:
        with ZipFile(file) as archive:
            names = archive.namelist()
    except (BadZipFile, ValueError, OSError, NotImplementedError):
        return FileKind.ZIP
    if "xl/workbook.xml" in names:
        return FileKind.XLSX
    if "[Content_Types].xml" in names:
        return FileKind.WORD
    return FileKind.ODS if names and names[0] == "mimetype" else FileKind.ZIP


def _recognise_text(start: bytes) -> FileKind | None:
    """Return HTML, XML or JSON by a text's beginning; None for others."""
    text = start.decode("utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig", errors="replace")
    if _HTML.match(text):
        return FileKind.HTML
    if _XML.match(text):
        return FileKind.HTML if re.search(r"<html\b", text, re.IGNORECASE) else FileKind.XML
    return FileKind.JSON if _JSON.match(text) else None


def check_declared(file: BinaryIO, extract_format: ExtractFormat) -> None:
    """Raise a fault if a file is recognised as another kind.

    A file that no signature identifies passes as CSV, JSON or XML, but not as a workbook.

    Args:
        file: out of its container, open for reading, and left at its beginning.
        extract_format: as declared.

    Raises:
        Fault: it is of another kind.
    """
    kind = recognise(file)
    if kind is None and extract_format.format.is_workbook:
        start = file.read(_START)
        file.seek(0)
        kind = FileKind.EMPTY if not start else FileKind.NO_WORKBOOK if b"\0" in start else FileKind.TEXT
    if kind is None or kind == _EXPECTED.get(extract_format.format):
        return
    if extract_format.container is not Container.NONE and kind in {FileKind.ZIP, FileKind.GZ}:
        raise Fault(f"The archive contains {kind}. Pack the plain file once and send it again.")
    raise build_mismatch(kind, extract_format)


def build_mismatch(kind: str, extract_format: ExtractFormat) -> Fault:
    """Return the fault of a file that is another kind than declared."""
    return Fault(f"This is {kind}, and it should be {extract_format.described}. Export it again so.")


MAX_BYTES = 4 * 2**30
"""More than any extract holds once it is unpacked."""
MAX_RATIO = 400
"""Text packs to a twentieth, seldom to a hundredth of its size. A file that grows more was made to grow."""
SMALL_BYTES = 32 * 2**20
"""An archive may always unpack to this size, at any ratio."""
_MAX_MEMBERS = 10_000
_CHUNK = 2**20
_ENCRYPTED_FLAG = 0x1
_BROKEN = "is cut short or damaged. Pack and send it again"


@contextmanager
def open_unpacked(file: BinaryIO, extract_format: ExtractFormat) -> Iterator[BinaryIO]:
    """Give a block the unpacked file, or the file itself without container.

    Args:
        file: as received, open for reading; it can be sought in.
        extract_format: as declared.

    Raises:
        Fault: the container is not as declared, or cannot be unpacked.
    """
    if extract_format.container is Container.NONE:
        yield file
        return
    with SpooledTemporaryFile(SMALL_BYTES) as unpacked:
        unpack(file, extract_format, unpacked)
        unpacked.seek(0)
        yield cast("BinaryIO", unpacked)


def unpack(packed_file: BinaryIO, extract_format: ExtractFormat, target: IO[bytes]) -> None:
    """Unpack a container into another file, piece by piece.

    Args:
        packed_file: the container, open for reading; it can be sought in.
        extract_format: as declared; its container is not ``none``.
        target: file to write to. After a Fault it holds a part of the content.

    Raises:
        Fault: the container is not as declared, or cannot be unpacked.
    """
    start = packed_file.read(4)
    packed_file.seek(0)
    if not start.startswith(_GZ if extract_format.container is Container.GZ else _ZIP[:2]):
        raise build_mismatch(recognise(packed_file) or f"no {extract_format.container.upper()} file", extract_format)
    if extract_format.container is Container.GZ:
        _copy(_iter_gunzipped(packed_file), packed_file, target)
        return
    try:
        with ZipFile(packed_file) as archive:
            _copy(_iter_member(archive, _choose_member(archive, extract_format)), packed_file, target)
    except (BadZipFile, NotImplementedError, EOFError, OSError, zlib.error, ValueError):
        raise Fault(f"The ZIP {_BROKEN}.") from None


def _choose_member(archive: ZipFile, extract_format: ExtractFormat) -> ZipInfo:
    """Return the only fitting member of an archive; raise if unusable."""
    members = [member for member in archive.infolist() if not member.is_dir() and not _is_metadata(member.filename)]
    if len(members) > _MAX_MEMBERS:
        raise Fault(f"The ZIP holds more than {_MAX_MEMBERS:,} files. Send a ZIP with the one file of the extract.")
    if extract_format.member:
        members = [
            member for member in members if re.fullmatch(extract_format.member, member.filename.rpartition("/")[2])
        ]
    if len(members) != 1:
        count_text = f"{len(members)} files" if members else "no file"
        fitting = f" that {'are' if members else 'is'} named as agreed" if extract_format.member else ""
        raise Fault(f"The ZIP holds {count_text}{fitting}, and it should hold one. Send a ZIP with the one file alone.")
    if members[0].flag_bits & _ENCRYPTED_FLAG:
        raise Fault("The file in the ZIP is protected with a password. Send it without; the line is safe.")
    if members[0].compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise Fault("The ZIP is packed in a way that cannot be read. Pack it again by deflate, which is usual.")
    return members[0]


def _is_metadata(name: str) -> bool:
    """Return whether a member is metadata that some packers add."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] in {".DS_Store", "Thumbs.db"}


def _copy(pieces: Iterator[bytes], packed_file: BinaryIO, target: IO[bytes]) -> None:
    """Write pieces; raise beyond a limit that follows from the packed size."""
    limit = max(SMALL_BYTES, min(MAX_BYTES, MAX_RATIO * measure_size(packed_file)))
    copied_bytes = 0
    for piece in pieces:
        copied_bytes += len(piece)
        if copied_bytes > limit:
            raise Fault(
                "The archive unpacks to far more than any extract holds. Pack the plain file and send it again."
            )
        target.write(piece)


def measure_size(file: BinaryIO) -> int:
    """Return the size of a file without moving its position."""
    position = file.tell()
    size = file.seek(0, 2)
    file.seek(position)
    return size


def _iter_member(archive: ZipFile, member: ZipInfo) -> Iterator[bytes]:
    """Yield the content of a member in chunks."""
    with archive.open(member) as file:
        while piece := file.read(_CHUNK):
            yield piece


def _iter_gunzipped(packed_file: BinaryIO) -> Iterator[bytes]:
    """Yield the content of all members of a GZ in order."""
    unzipper = None
    remaining = b""
    while data := remaining or packed_file.read(_CHUNK):
        if unzipper is None:
            if not data.startswith(_GZ[: len(data)]):
                if data.strip(b"\0") or packed_file.read(_CHUNK).strip(b"\0"):
                    raise Fault("After the GZ there are bytes that do not belong to it. Pack and send it again.")
                return
            unzipper = zlib.decompressobj(wbits=31)
        try:
            piece = unzipper.decompress(data, _CHUNK)
        except zlib.error:
            raise Fault(f"The GZ {_BROKEN}.") from None
        yield piece
        remaining = unzipper.unused_data if unzipper.eof else unzipper.unconsumed_tail
        if unzipper.eof:
            unzipper = None
    if unzipper is not None:
        raise Fault(f"The GZ {_BROKEN}.")
