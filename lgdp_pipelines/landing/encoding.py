"""Bytes in the declared encoding, as UTF-8: strictly, so that no character is guessed.

What belongs here: decoding, byte order marks, characters that no text may hold. What does not: any format.
"""

import codecs
from dataclasses import dataclass

_ASCII_BASED = frozenset({"utf-8", "utf-8-sig", "cp1252", "iso8859-1", "iso8859-15", "ascii"})
_MARKS = {
    codecs.BOM_UTF8: "UTF-8",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


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
    declared = codecs.lookup(encoding).name
    marked = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    if marked and not declared.startswith(marked.lower()):
        return Undecodable(
            "",
            f"The file says of itself that it is {marked}, and it should be {encoding}. "
            f"Save it again with the encoding {encoding}.",
        )
    text = _transcoded(content, declared)
    if isinstance(text, Undecodable):
        return text
    text = text.removeprefix(codecs.BOM_UTF8)
    nul = text.find(b"\0")
    if nul >= 0:
        return Undecodable(
            text[:nul].decode(),
            "The file holds a NUL character, which no text has: it is damaged, or not in the encoding "
            f"{encoding}. Export it again.",
        )
    return text


def _transcoded(content: bytes, declared: str) -> bytes | Undecodable:
    if declared in _ASCII_BASED and content.isascii():
        return content
    try:
        text = content.decode(declared)
    except UnicodeDecodeError as error:
        return Undecodable(
            content[: error.start].decode(declared, errors="replace"),
            f"The file holds bytes that are no character in {declared}. Export it again with the encoding {declared}.",
        )
    return content if declared == "utf-8" else text.encode()
