"""XML from outside, read element by element and without anything that it could make the reader do.

No entity is resolved, no DTD loaded, no address fetched, no element held for longer than it is needed, and a document
that declares a DTD or entities is refused before they are read. What belongs here: opening XML safely. What does not:
what elements mean (``xlsx``, ``xml_records``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, TypeAlias
from xml.parsers import expat  # the events before the root alone; the document is read by lxml

from lxml import etree

Element: TypeAlias = Any
"""An element of lxml, which has no types."""

_CHUNK = 65_536
_MOST_BETWEEN = 16 * 2**20


class UnsafeXml(Exception):
    """A document has a DTD; nothing of it is read."""


class BrokenXml(Exception):
    """A document is no XML from some place on.

    Attributes:
        line: where.
    """

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(line)


def elements(file: IO[bytes], events: tuple[str, ...], tags: tuple[str, ...]) -> Iterator[tuple[str, Element]]:
    """Events of a document's elements, in order.

    Args:
        file: the document; it can be sought in.
        events: ``start``, ``end``.
        tags: that are wanted, such as ``{*}row``; empty: all.

    Raises:
        UnsafeXml: the document has a DTD.
        BrokenXml: the document is no XML from here on.
    """
    root_name(file)
    counted = _Counted(file)
    parser = etree.iterparse(
        counted,
        events=events,
        tag=tags or None,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        for event in parser:
            counted.since = 0
            yield event
    except etree.XMLSyntaxError as error:
        raise BrokenXml(error.lineno or 0) from None


@dataclass
class _Counted:
    """A file that gives no more than so much between two elements that are wanted: the reader holds all of it."""

    file: IO[bytes]
    since: int = 0

    def read(self, size: int) -> bytes:
        data = self.file.read(size)
        self.since += len(data)
        if self.since > _MOST_BETWEEN:
            raise BrokenXml(0)
        return data


class _RootReached(Exception):
    """What stands before the root is read."""


def root_name(file: IO[bytes]) -> str:
    """What a document's root is called, without its namespace; empty where it is no XML so far.

    Args:
        file: the document, which is left at its beginning.

    Raises:
        UnsafeXml: a DTD is declared before the root.
    """
    parser = expat.ParserCreate()
    found: list[str] = []

    def declared(*_: object) -> None:
        raise UnsafeXml

    def reached(name: str, _attributes: object) -> None:
        found.append(name.rpartition(":")[2])
        raise _RootReached

    parser.StartDoctypeDeclHandler = declared
    parser.StartElementHandler = reached
    try:
        while not found and (data := file.read(_CHUNK)):
            parser.Parse(data, False)  # noqa: FBT003 - it takes no name
    except (_RootReached, expat.ExpatError):
        pass  # the reader proper says what is wrong, and where
    finally:
        file.seek(0)
    return found[0] if found else ""


def released(element: Element) -> None:
    """Let go of an element that was dealt with, and of whatever stands before it."""
    element.clear()
    while (parent := element.getparent()) is not None:
        while element.getprevious() is not None:
            del parent[0]
        element = parent
