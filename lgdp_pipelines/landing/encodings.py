"""Bytes in the declared encoding, as UTF-8: strictly, so that no character is guessed.

What belongs here: decoding, byte order marks, characters that no text may hold. What does not: any format.
"""

import codecs
from dataclasses import dataclass

ASCII_BASED = frozenset({"utf-8", "utf-8-sig", "cp1252", "iso8859-1", "iso8859-15", "ascii"})
"""Encodings in which what is ASCII is the same in UTF-8."""
_MARKS = {
    codecs.BOM_UTF8: ("UTF-8", frozenset({"utf-8", "utf-8-sig"})),
    codecs.BOM_UTF16_LE: ("UTF-16", frozenset({"utf-16", "utf-16-le"})),
    codecs.BOM_UTF16_BE: ("UTF-16, high byte first,", frozenset({"utf-16", "utf-16-be"})),
}
"""What a byte order mark says, and the declared encodings that it agrees with."""


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Bytes that are not text in the declared encoding.

    Attributes:
        before: the text up to the first of them.
        what: what is wrong and what to do.
    """

    before: str
    what: str


def as_utf8(content: bytes, encoding: str) -> bytes | Undecodable:
    """The same text in UTF-8 without a byte order mark, or the place where it is no text.

    Args:
        content: as received.
        encoding: Python's name of the declared one.
    """
    refused = wrong_mark(content, encoding)
    if refused is not None:
        return refused
    text = _transcoded(content, codecs.lookup(encoding).name)
    return text if isinstance(text, Undecodable) else without_nul(text.removeprefix(codecs.BOM_UTF8), encoding)


def wrong_mark(content: bytes, encoding: str) -> Undecodable | None:
    """Why a text may not begin as it does; None where it may.

    Args:
        content: as received, or its beginning.
        encoding: Python's name of the declared one.
    """
    declared = codecs.lookup(encoding).name
    marked = next((said for mark, said in _MARKS.items() if content.startswith(mark)), None)
    if marked and declared not in marked[1]:
        return Undecodable(
            "",
            f"The file says of itself that it is {marked[0]} and it should be {encoding}. "
            f"Save it again with the encoding {encoding}.",
        )
    if declared == "utf-16" and content and not marked:
        return Undecodable(
            "",
            "The file should be UTF-16 and does not begin with the mark that says in which order its bytes are. "
            "Save it again with a byte order mark.",
        )
    return None


def without_nul(text: bytes, encoding: str) -> bytes | Undecodable:
    """Text in UTF-8, if it holds no NUL."""
    nul = text.find(b"\0")
    if nul < 0:
        return text
    return Undecodable(
        text[:nul].decode(),
        "The file holds a NUL character, which no text has: it is damaged, or not in the encoding "
        f"{encoding}. Export it again.",
    )


def no_character(error: UnicodeDecodeError, declared: str) -> Undecodable:
    """Bytes that an encoding does not know, where a decoder has come upon them."""
    return Undecodable(
        error.object[: error.start].decode(declared, errors="replace"),
        f"The file holds bytes that are no character in {declared}. Export it again with the encoding {declared}.",
    )


def _transcoded(content: bytes, declared: str) -> bytes | Undecodable:
    if declared in ASCII_BASED and content.isascii():
        return content
    try:
        text = content.decode(declared)
    except UnicodeDecodeError as error:
        return no_character(error, declared)
    return content if declared == "utf-8" else text.encode()
