"""Text decoding: a file's bytes in the declared encoding as UTF-8, block by block, so that its size does not matter.

Decoding is strict: no character is guessed. Belongs here: decoding across the ends of blocks, byte order marks, and
characters that text must not contain. Belongs elsewhere: any format.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

ASCII_BASED = frozenset({"utf-8", "utf-8-sig", "cp1252", "iso8859-1", "iso8859-15", "ascii"})
"""Encodings in which ASCII text has the same bytes as in UTF-8."""
_MARKS = {
    codecs.BOM_UTF8: ("UTF-8", frozenset({"utf-8", "utf-8-sig"})),
    codecs.BOM_UTF16_LE: ("UTF-16", frozenset({"utf-16", "utf-16-le"})),
    codecs.BOM_UTF16_BE: ("UTF-16, high byte first,", frozenset({"utf-16", "utf-16-be"})),
}
"""By byte order mark, the encoding that it indicates, and the declared encodings that agree with it."""


@dataclass(frozen=True, slots=True)
class DecodingFault:
    """Bytes that are not text in the declared encoding.

    Attributes:
        before: the text up to the first of them, in the same block.
        message: the fault and its remedy.
    """

    before: str
    message: str


def _check_byte_order_mark(content: bytes, encoding: str) -> DecodingFault | None:
    """Return a fault if the byte order mark is contradictory or missing.

    Only UTF-16 must have a byte order mark.

    Args:
        content: beginning of the file.
        encoding: Python's name of the declared one.
    """
    declared = codecs.lookup(encoding).name
    indicated = next((encodings for mark, encodings in _MARKS.items() if content.startswith(mark)), None)
    if indicated and declared not in indicated[1]:
        return DecodingFault(
            "",
            f"The file's byte order mark says {indicated[0]} and the encoding should be {encoding}. "
            f"Save it again with the encoding {encoding}.",
        )
    if declared == "utf-16" and content and not indicated:
        return DecodingFault(
            "",
            "The file should be UTF-16 and lacks the byte order mark, which gives the order of its bytes. "
            "Save it again with a byte order mark.",
        )
    return None


def _check_nul(text: bytes, encoding: str) -> bytes | DecodingFault:
    """Return text in UTF-8, or a fault if it contains NUL."""
    nul = text.find(b"\0")
    if nul < 0:
        return text
    return DecodingFault(
        text[:nul].decode(),
        f"The file holds a NUL character, which is not text: it is damaged, or its encoding is not {encoding}. "
        "Export it again.",
    )


BLOCK_BYTES = 16 * 1024**2
"""Bytes of a block: an ordinary file is a single one."""


def read_utf8(file: BinaryIO, encoding: str) -> bytes | DecodingFault:
    """Return the text of a file in UTF-8, or its fault.

    Args:
        file: open for reading.
        encoding: Python's name of the declared one.
    """
    texts: list[bytes] = []
    for block in iter_utf8_blocks(file, encoding):
        if isinstance(block, DecodingFault):
            return DecodingFault(b"".join(texts).decode() + block.before, block.message)
        texts.append(block)
    return b"".join(texts)


def iter_utf8_blocks(file: BinaryIO, encoding: str) -> Iterator[bytes | DecodingFault]:
    """Yield a file's blocks in UTF-8; a fault is yielded as last.

    The text has no byte order mark.

    Args:
        file: open for reading.
        encoding: Python's name of the declared one.
    """
    declared = codecs.lookup(encoding).name
    blocks = _iter_line_blocks(file) if declared in ASCII_BASED else iter(lambda: file.read(BLOCK_BYTES), b"")
    block, next_block = next(blocks, b""), next(blocks, b"")
    fault = _check_byte_order_mark(block, encoding)
    if fault is not None:
        yield fault
        return
    decoder = codecs.getincrementaldecoder(declared)()
    mark = codecs.BOM_UTF8
    while block:
        try:
            text = _decode_block(block, declared, decoder, not next_block)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(declared, errors="replace")
            yield DecodingFault(
                before,
                f"The file holds bytes that are not characters in {declared}. Export it again in {declared}.",
            )
            return
        if text:
            text, mark = text.removeprefix(mark), b""
        checked_text = _check_nul(text, encoding)
        yield checked_text
        if isinstance(checked_text, DecodingFault):
            return
        block, next_block = next_block, next(blocks, b"")


def _iter_line_blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file in blocks that end with a line if possible."""
    near = min(_SEARCH_BYTES, BLOCK_BYTES)
    start = file.tell()
    while True:
        file.seek(start + BLOCK_BYTES - near)
        window = file.read(near)
        end = window.rfind(b"\n") + 1 if len(window) == near else 0  # else the file ends
        file.seek(start)
        block = file.read(BLOCK_BYTES - near + end if end else BLOCK_BYTES)
        if not block:
            return
        yield block
        start += len(block)


_SEARCH_BYTES = 64 * 1024


def _decode_block(block: bytes, declared: str, decoder: codecs.IncrementalDecoder, is_last: bool) -> bytes:  # noqa: FBT001 - as the decoder itself
    """Return a block in UTF-8; a block in UTF-8 is only validated.

    ASCII text is UTF-8 already, and so is text declared as UTF-8, unless a character was cut in two.
    """
    is_between = not decoder.getstate()[0]
    if is_between and declared in ASCII_BASED and block.isascii():
        return block
    text = decoder.decode(block, is_last)
    return block if is_between and declared == "utf-8" and not decoder.getstate()[0] else text.encode()
