"""Text decoding: a file's bytes in the declared encoding as UTF-8, a block at a time, so that its size does not matter.

Decoding is strict: no character is guessed. Belongs here: decoding across the ends of blocks, byte order marks,
characters that no text may hold. Belongs elsewhere: any format.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

ASCII_BASED = frozenset({"utf-8", "utf-8-sig", "cp1252", "iso8859-1", "iso8859-15", "ascii"})
"""Encodings in which what is ASCII is the same in UTF-8."""
_MARKS = {
    codecs.BOM_UTF8: ("UTF-8", frozenset({"utf-8", "utf-8-sig"})),
    codecs.BOM_UTF16_LE: ("UTF-16", frozenset({"utf-16", "utf-16-le"})),
    codecs.BOM_UTF16_BE: ("UTF-16, high byte first,", frozenset({"utf-16", "utf-16-be"})),
}
"""What a byte order mark says, and the declared encodings that it agrees with."""


@dataclass(frozen=True, slots=True)
class DecodingFault:
    """Bytes that are not text in the declared encoding.

    Attributes:
        before: the text up to the first of them.
        message: what is wrong and what to do.
    """

    before: str
    message: str


def decode_to_utf8(content: bytes, encoding: str) -> bytes | DecodingFault:
    """Return the text in UTF-8 without a byte order mark, or the decoding fault.

    Args:
        content: as received.
        encoding: Python's name of the declared one.
    """
    refused = check_byte_order_mark(content, encoding)
    if refused is not None:
        return refused
    text = _transcode(content, codecs.lookup(encoding).name)
    return text if isinstance(text, DecodingFault) else check_nul(text.removeprefix(codecs.BOM_UTF8), encoding)


def check_byte_order_mark(content: bytes, encoding: str) -> DecodingFault | None:
    """Return why the byte order mark contradicts the encoding; None where it does not.

    Args:
        content: as received, or its beginning.
        encoding: Python's name of the declared one.
    """
    declared = codecs.lookup(encoding).name
    marked = next((said for mark, said in _MARKS.items() if content.startswith(mark)), None)
    if marked and declared not in marked[1]:
        return DecodingFault(
            "",
            f"The file says of itself that it is {marked[0]} and it should be {encoding}. "
            f"Save it again with the encoding {encoding}.",
        )
    if declared == "utf-16" and content and not marked:
        return DecodingFault(
            "",
            "The file should be UTF-16 and does not begin with the mark that says in which order its bytes are. "
            "Save it again with a byte order mark.",
        )
    return None


def check_nul(text: bytes, encoding: str) -> bytes | DecodingFault:
    """Return text in UTF-8 if it holds no NUL."""
    nul = text.find(b"\0")
    if nul < 0:
        return text
    return DecodingFault(
        text[:nul].decode(),
        "The file holds a NUL character, which no text has: it is damaged, or not in the encoding "
        f"{encoding}. Export it again.",
    )


def describe_undecodable(error: UnicodeDecodeError, declared: str) -> DecodingFault:
    """Return the fault of bytes that a decoder does not know."""
    return DecodingFault(
        error.object[: error.start].decode(declared, errors="replace"),
        f"The file holds bytes that are no character in {declared}. Export it again with the encoding {declared}.",
    )


def _transcode(content: bytes, declared: str) -> bytes | DecodingFault:
    if declared in ASCII_BASED and content.isascii():
        return content
    try:
        text = content.decode(declared)
    except UnicodeDecodeError as error:
        return describe_undecodable(error, declared)
    return content if declared == "utf-8" else text.encode()


BLOCK_BYTES = 16 * 1024**2
"""Bytes of a block: an ordinary file is a single one."""


def iter_utf8_blocks(file: BinaryIO, encoding: str) -> Iterator[bytes | DecodingFault]:
    """Yield a file in UTF-8 without a byte order mark, block by block.

    A fault is the last.

    Args:
        file: open for reading.
        encoding: Python's name of the declared one.
    """
    declared = codecs.lookup(encoding).name
    blocks = _iter_line_blocks(file) if declared in ASCII_BASED else iter(lambda: file.read(BLOCK_BYTES), b"")
    block, following = next(blocks, b""), next(blocks, b"")
    if not following:
        yield decode_to_utf8(block, encoding)
        return
    refused = check_byte_order_mark(block, encoding)
    if refused is not None:
        yield refused
        return
    decoder = codecs.getincrementaldecoder(declared)()
    mark = codecs.BOM_UTF8
    while block:
        try:
            text = _decode_block(block, declared, decoder, not following)
        except UnicodeDecodeError as error:
            yield describe_undecodable(error, declared)
            return
        if text:
            text, mark = text.removeprefix(mark), b""
        fault = check_nul(text, encoding)
        yield fault
        if isinstance(fault, DecodingFault):
            return
        block, following = following, next(blocks, b"")


def _iter_line_blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file in blocks that end with a line where possible, to save copies."""
    near = min(_SEARCH_BYTES, BLOCK_BYTES)
    start = file.tell()
    while True:
        file.seek(start + BLOCK_BYTES - near)
        window = file.read(near)
        end = window.rfind(b"\n") + 1 if len(window) == near else 0  # else the file ends here
        file.seek(start)
        block = file.read(BLOCK_BYTES - near + end if end else BLOCK_BYTES)
        if not block:
            return
        yield block
        start += len(block)


_SEARCH_BYTES = 64 * 1024


def _decode_block(block: bytes, declared: str, decoder: codecs.IncrementalDecoder, is_last: bool) -> bytes:  # noqa: FBT001 - as the decoder itself
    """Return a block in UTF-8; one that is UTF-8 already is only validated.

    What is ASCII is UTF-8 as it is, and so is what is declared as such, unless a character was cut in two.
    """
    is_between = not decoder.getstate()[0]
    if is_between and declared in ASCII_BASED and block.isascii():
        return block
    text = decoder.decode(block, is_last)
    return block if is_between and declared == "utf-8" and not decoder.getstate()[0] else text.encode()
