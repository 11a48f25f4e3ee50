"""Files out of their containers: a ZIP with one fitting member, or a GZ.

Nothing in an archive is believed: neither a member's name, which never reaches the disk, nor the sizes in its headers.
Bytes are counted as they are unpacked, and unpacking stops where they are more than any extract has. What belongs here:
unpacking, and what is wrong with an archive. What does not: what the file in it holds.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.landing.content_sniffing import looks_like, not_as_declared
from lgdp_pipelines.register.model.extract_format import Container, Extract

MOST_BYTES = 4 * 2**30
"""More than any extract holds once it is unpacked."""
MOST_TIMES = 400
"""Text packs to a twentieth, seldom to a hundredth of its size. What grows more than this was made to grow."""
_SMALL = 32 * 2**20
"""What an archive may always unpack to, however well it is packed."""
_MOST_MEMBERS = 10_000
_CHUNK = 2**20
_ENCRYPTED_FLAG = 0x1
_BROKEN = "is cut short or damaged. Pack and send it again"


@contextmanager
def unpacked(file: BinaryIO, extract: Extract) -> Iterator[BinaryIO | Fault]:
    """The file in its declared container: in memory while it is small, else in a nameless file until it is closed.

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
    """Write the file in a container to another file, piece by piece; a Fault where it cannot be had.

    Args:
        packed: the container, open for reading; it can be sought in.
        extract: as declared; its container is not ``none``.
        into: what the file is written to. After a Fault it holds a part of it.
    """
    start = packed.read(4)
    packed.seek(0)
    if extract.container is Container.GZ:
        if not start.startswith(b"\x1f\x8b"):
            return not_as_declared(looks_like(packed) or "no GZ file", extract)
        return _written(_gunzipped(packed), packed, into)
    if not start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return not_as_declared(looks_like(packed) or "no ZIP file", extract)
    try:
        with ZipFile(packed) as archive:
            member = _member(archive, extract)
            return member if isinstance(member, Fault) else _written(_inflated(archive, member), packed, into)
    except (BadZipFile, NotImplementedError, EOFError, OSError, zlib.error, ValueError):
        return Fault(f"The ZIP {_BROKEN}.")


def _member(archive: ZipFile, extract: Extract) -> ZipInfo | Fault:
    members = [one for one in archive.infolist() if not one.is_dir() and not _is_of_the_packer(one.filename)]
    if len(members) > _MOST_MEMBERS:
        return Fault(f"The ZIP holds more than {_MOST_MEMBERS:,} files. Send a ZIP with the one file of the extract.")
    if extract.member:
        members = [one for one in members if re.fullmatch(extract.member, one.filename.rpartition("/")[2])]
    if len(members) != 1:
        held = f"{len(members)} files" if members else "no file"
        fitting = f" that {'are' if members else 'is'} named as agreed" if extract.member else ""
        return Fault(f"The ZIP holds {held}{fitting}, and it should hold one. Send a ZIP with the one file alone.")
    if members[0].flag_bits & _ENCRYPTED_FLAG:
        return Fault("The file in the ZIP is protected with a password. Send it without; the line is safe.")
    if members[0].compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        return Fault("The ZIP is packed in a way that cannot be read. Pack it again by deflate, which is usual.")
    return members[0]


def _is_of_the_packer(name: str) -> bool:
    """Whether a member is what some programs add for themselves."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] in {".DS_Store", "Thumbs.db"}


def _written(pieces: Iterator[bytes | Fault], packed: BinaryIO, into: IO[bytes]) -> Fault | None:
    """Write pieces as long as they are plausible."""
    most = max(_SMALL, min(MOST_BYTES, MOST_TIMES * size_of(packed)))
    written = 0
    for piece in pieces:
        if isinstance(piece, Fault):
            return piece
        written += len(piece)
        if written > most:
            return Fault(
                "The archive unpacks to far more than any extract holds. Pack the plain file and send it again."
            )
        into.write(piece)
    return None


def size_of(file: BinaryIO) -> int:
    """Bytes of a file, which is left at the place where it was."""
    place = file.tell()
    size = file.seek(0, 2)
    file.seek(place)
    return size


def _inflated(archive: ZipFile, member: ZipInfo) -> Iterator[bytes | Fault]:
    with archive.open(member) as file:
        while piece := file.read(_CHUNK):
            yield piece


def _gunzipped(packed: BinaryIO) -> Iterator[bytes | Fault]:
    """The members of a GZ one after the other, as programs write that append."""
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
