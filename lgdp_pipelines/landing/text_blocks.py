"""A file's bytes in the declared encoding as UTF-8, a block at a time, so that its size does not matter.

What belongs here: decoding over the ends of blocks. What does not: what an encoding may hold (``encoding``).
"""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from lgdp_pipelines.landing.encodings import ASCII_BASED, Undecodable, as_utf8, no_character, without_nul, wrong_mark

BLOCK_BYTES = 16 * 1024**2
"""Bytes of a block: an ordinary file is a single one."""


def utf8_blocks(file: BinaryIO, encoding: str) -> Iterator[bytes | Undecodable]:
    """The text of a file in UTF-8 without a byte order mark, at least one block; where it is no text, that is the last.

    Args:
        file: open for reading.
        encoding: Python's name of the declared one.
    """
    declared = codecs.lookup(encoding).name
    blocks = _of_lines(file) if declared in ASCII_BASED else iter(lambda: file.read(BLOCK_BYTES), b"")
    block, following = next(blocks, b""), next(blocks, b"")
    if not following:
        yield as_utf8(block, encoding)
        return
    refused = wrong_mark(block, encoding)
    if refused is not None:
        yield refused
        return
    decoder = codecs.getincrementaldecoder(declared)()
    mark = codecs.BOM_UTF8
    while block:
        try:
            text = _decoded(block, declared, decoder, not following)
        except UnicodeDecodeError as error:
            yield no_character(error, declared)
            return
        if text:
            text, mark = text.removeprefix(mark), b""
        found = without_nul(text, encoding)
        yield found
        if isinstance(found, Undecodable):
            return
        block, following = following, next(blocks, b"")


def _of_lines(file: BinaryIO) -> Iterator[bytes]:
    """A file in blocks that end where a line does, if one ends near: so nobody has to copy them to cut them there."""
    near = min(_NEAR, BLOCK_BYTES)
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


_NEAR = 64 * 1024


def _decoded(block: bytes, declared: str, decoder: codecs.IncrementalDecoder, is_last: bool) -> bytes:  # noqa: FBT001 - as the decoder itself
    """A block in UTF-8, which it may be already: then it is only proved.

    What is ASCII is UTF-8 as it is, and so is what is declared as such, unless a character was cut in two.
    """
    is_between = not decoder.getstate()[0]
    if is_between and declared in ASCII_BASED and block.isascii():
        return block
    text = decoder.decode(block, is_last)
    return block if is_between and declared == "utf-8" and not decoder.getstate()[0] else text.encode()
