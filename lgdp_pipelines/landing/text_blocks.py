"""A file's bytes in the declared encoding as UTF-8, a block at a time, so that its size does not matter.

What belongs here: decoding over the ends of blocks. What does not: what an encoding may hold (``encoding``).
"""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from lgdp_pipelines.landing.encoding import ASCII_BASED, Undecodable, as_utf8, no_character, without_nul, wrong_mark

BLOCK_BYTES = 16 * 1024**2
"""Bytes of a block: an ordinary file is a single one."""


def utf8_blocks(file: BinaryIO, encoding: str) -> Iterator[bytes | Undecodable]:
    """The text of a file in UTF-8 without a byte order mark, at least one block; where it is no text, that is the last.

    Args:
        file: open for reading.
        encoding: Python's name of the declared one.
    """
    block, following = file.read(BLOCK_BYTES), file.read(BLOCK_BYTES)
    if not following:
        yield as_utf8(block, encoding)
        return
    refused = wrong_mark(block, encoding)
    if refused is not None:
        yield refused
        return
    declared = codecs.lookup(encoding).name
    decoder = codecs.getincrementaldecoder(declared)()
    mark = codecs.BOM_UTF8
    while block:
        try:
            # What is ASCII is UTF-8 as it is, unless a character that was cut in two belongs before it.
            is_plain = declared in ASCII_BASED and block.isascii() and not decoder.getstate()[0]
            text = block if is_plain else decoder.decode(block, not following).encode()
        except UnicodeDecodeError as error:
            yield no_character(error, declared)
            return
        if text:
            text, mark = text.removeprefix(mark), b""
        found = without_nul(text, encoding)
        yield found
        if isinstance(found, Undecodable):
            return
        block, following = following, file.read(BLOCK_BYTES)
