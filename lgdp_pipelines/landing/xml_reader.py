"""XML files: safe parsing element by element, and records of text, the kind that national returns are uploaded in.

No entity is resolved, no DTD loaded, no address fetched, no element held for longer than it is needed, and a document
that declares a DTD or entities is refused before they are read.

A record is an element at the declared path from the root; namespaces are ignored. Its values have paths from it:
``Surname``, ``Address/Postcode``, an attribute as ``@ref`` or ``Address/@type``, its own text as ``.``. Values around
it are reached by ``..``: ``../@authority``, ``../../Header/Period``. An element that is empty, or ``xsi:nil``, is an
empty cell. White space in an element stays as sent. A path that repeats in a record is reported. Belongs here: parsing
XML, and records. Belongs elsewhere: the table of a record (``land_records``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, TypeAlias
from xml.parsers import expat  # the events before the root alone; the document is read by lxml

from lxml import etree

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.landing.json_reader import Json, build_object

Element: TypeAlias = Any
"""An element of lxml, which has no types."""

_CHUNK = 65_536
_MAX_BETWEEN = 16 * 2**20


class UnsafeXml(Exception):
    """A document has a DTD; it is not read."""


class BrokenXml(Exception):
    """A document is not well formed from some line on.

    Attributes:
        line: where.
    """

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(line)


def iter_elements(file: IO[bytes], events: tuple[str, ...], tags: tuple[str, ...]) -> Iterator[tuple[str, Element]]:
    """Yield events of a document's elements, in order.

    Args:
        file: the document; it can be sought in.
        events: ``start``, ``end``.
        tags: that are wanted, such as ``{*}row``; empty: all.

    Raises:
        UnsafeXml: the document has a DTD.
        BrokenXml: the document is no XML from here on.
    """
    read_root_name(file)
    counted = _LimitedFile(file)
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
class _LimitedFile:
    """A file that limits the bytes between two wanted elements, all of which lxml holds."""

    file: IO[bytes]
    since: int = 0

    def read(self, size: int) -> bytes:
        data = self.file.read(size)
        self.since += len(data)
        if self.since > _MAX_BETWEEN:
            raise BrokenXml(0)
        return data


class _RootReached(Exception):
    """The root of the document begins."""


def read_root_name(file: IO[bytes]) -> str:
    """Return the name of a document's root without namespace.

    Empty where it is not XML.

    Args:
        file: the document, which is left at its beginning.

    Raises:
        UnsafeXml: a DTD is declared before the root.
    """
    parser = expat.ParserCreate()
    names: list[str] = []

    def refuse_declaration(*_: object) -> None:
        raise UnsafeXml

    def record_root(name: str, _attributes: object) -> None:
        names.append(name.rpartition(":")[2])
        raise _RootReached

    parser.StartDoctypeDeclHandler = refuse_declaration
    parser.StartElementHandler = record_root
    try:
        while not names and (data := file.read(_CHUNK)):
            parser.Parse(data, False)  # noqa: FBT003 - it takes no name
    except (_RootReached, expat.ExpatError):
        pass  # the reader proper says what is wrong, and where
    finally:
        file.seek(0)
    return names[0] if names else ""


def release(element: Element) -> None:
    """Free a processed element, and everything before it."""
    element.clear()
    while (parent := element.getparent()) is not None:
        while element.getprevious() is not None:
            del parent[0]
        element = parent


_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"
_UP = "../"


def read_xml(file: BinaryIO, path: str, outer_paths: Sequence[str]) -> list[Json] | Fault:
    """Return the records of a document, or the fault.

    Args:
        file: the document; it can be sought in.
        path: of the record element, from the root.
        outer_paths: paths out of the record that are wanted.
    """
    steps = path.split("/")
    try:
        root = read_root_name(file)
        if root and root != steps[0]:
            return Fault(f"The outermost element of the XML is not “{steps[0]}”. Export the extract again as agreed.")
        return list(_iter_records(file, steps, outer_paths))
    except UnsafeXml:
        return Fault("The XML declares a document type or entities, which no extract needs. Export it without.")
    except BrokenXml as error:
        place = f"Line {error.line} of the XML" if error.line else "The XML"
        return Fault(f"{place} is not well formed, or cut short. Export the extract again.")


def _iter_records(file: BinaryIO, steps: Sequence[str], outer_paths: Sequence[str]) -> Iterator[Json]:
    *around, name = steps
    around.reverse()
    last: Element = None
    for _, element in iter_elements(file, ("end",), (f"{{*}}{name}",)):
        if [_local_name(ancestor.tag) for ancestor in element.iterancestors()] != around:
            continue
        values = [
            *_iter_values(element, ""),
            *((path, value) for path in outer_paths for value in _iter_outer_values(element, path)),
        ]
        yield build_object(values)
        if not outer_paths:
            release(element)
        elif last is not None:  # what stands before it may be wanted again
            last.getparent().remove(last)
        last = element


def _local_name(tag: str) -> str:
    return tag.rpartition("}")[2]


def _iter_values(element: Element, before: str) -> Iterator[tuple[str, str]]:
    """Yield the values below an element with their paths."""
    for name, value in element.attrib.items():
        if not name.startswith(_INSTANCE):
            yield f"{before}@{_local_name(name)}", value
    own_text = (element.text or "") + "".join(child.tail or "" for child in element)
    if (not len(element) and (own_text or (before and not element.attrib))) or own_text.strip():
        yield before.removesuffix("/") or ".", own_text
    for child in element:
        yield from _iter_values(child, f"{before}{_local_name(child.tag)}/")


def _iter_outer_values(element: Element, path: str) -> Iterator[str]:
    """Yield the values at a path that leads out of a record."""
    while path.startswith(_UP) and element is not None:
        element, path = element.getparent(), path.removeprefix(_UP)
    elements = [element] if element is not None else []
    *steps, last = path.split("/")
    for step in steps if last.startswith("@") else [*steps, last]:
        elements = [child for parent in elements for child in parent if _local_name(child.tag) == step]
    for target in elements:
        if last.startswith("@"):
            yield from (value for name, value in target.attrib.items() if _local_name(name) == last[1:])
        else:
            yield target.text or ""
