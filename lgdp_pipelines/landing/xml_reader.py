"""XML files: safe parsing element by element, and records of text, as national returns are uploaded.

No entity is resolved, no DTD loaded, no address fetched, no element held for longer than it is needed, and a document
that declares a DTD or entities is refused before they are read.

A record is an element at the declared path from the root; namespaces are ignored. Its values have paths from it:
``Surname``, ``Address/Postcode``, an attribute as ``@ref`` or ``Address/@type``, its own text as ``.``. Values around
it are reached by ``..``: ``../@authority``, ``../../Header/Period``. An element that is empty, or ``xsi:nil``, is an
empty cell. White space in an element stays as sent. A path that repeats in a record is reported. Belongs here: parsing
XML, and records. Belongs elsewhere: the table of a record (``landed_records``).
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
    """A document is not well formed from a line on.

    Attributes:
        line: the first that is not; 0 if unknown.
    """

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(line)


def iter_elements(file: IO[bytes], events: tuple[str, ...], tags: tuple[str, ...]) -> Iterator[tuple[str, Element]]:
    """Yield events of a document's elements, in order.

    Args:
        file: the document; it can be sought in.
        events: ``start``, ``end``.
        tags: of the elements, such as ``{*}row``; empty: all.

    Raises:
        UnsafeXml: the document has a DTD.
        BrokenXml: the document is not well formed from here on.
    """
    read_root_name(file)
    limited_file = _LimitedFile(file)
    parser = etree.iterparse(
        limited_file,
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
            limited_file.bytes_held = 0
            yield event
    except etree.XMLSyntaxError as error:
        raise BrokenXml(error.lineno or 0) from None


@dataclass
class _LimitedFile:
    """A file that limits the bytes between two elements, which lxml holds."""

    file: IO[bytes]
    bytes_held: int = 0

    def read(self, size: int) -> bytes:
        """Return the next bytes; raise beyond the limit between two elements."""
        data = self.file.read(size)
        self.bytes_held += len(data)
        if self.bytes_held > _MAX_BETWEEN:
            raise BrokenXml(0)
        return data


class _RootReached(Exception):
    """The root of the document begins."""


def read_root_name(file: IO[bytes]) -> str:
    """Return a root's name without namespace; empty for other content.

    Args:
        file: the document, which is left at its beginning.

    Raises:
        UnsafeXml: a DTD is declared before the root.
    """
    parser = expat.ParserCreate()
    names: list[str] = []

    def refuse_declaration(*_: object) -> None:
        """Refuse a document type declaration."""
        raise UnsafeXml

    def record_root(name: str, _attributes: object) -> None:
        """Record the name of the root, and stop parsing."""
        names.append(name.rpartition(":")[2])
        raise _RootReached

    parser.StartDoctypeDeclHandler = refuse_declaration
    parser.StartElementHandler = record_root
    try:
        while not names and (data := file.read(_CHUNK)):
            parser.Parse(data, False)  # noqa: FBT003 - it takes no name
    except (_RootReached, expat.ExpatError):
        pass  # lxml, which reads the document afterwards, reports an error with its line
    finally:
        file.seek(0)
    return names[0] if names else ""


def release(element: Element) -> None:
    """Free a processed element, and all elements before it."""
    element.clear()
    while (parent := element.getparent()) is not None:
        while element.getprevious() is not None:
            del parent[0]
        element = parent


_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"
_UP = "../"


def read_xml(file: BinaryIO, path: str, outer_paths: Sequence[str]) -> list[Json]:
    """Return the records of a document.

    Args:
        file: the document; it can be sought in.
        path: of the record element, from the root.
        outer_paths: paths of items outside the record.

    Raises:
        Fault: the document has a DTD, another root, or is not well formed.
    """
    steps = path.split("/")
    try:
        root = read_root_name(file)
        if root and root != steps[0]:
            raise Fault(f"The outermost element of the XML is not “{steps[0]}”. Export the extract again as agreed.")
        return list(_iter_records(file, steps, outer_paths))
    except UnsafeXml:
        raise Fault(
            "The XML declares a document type or entities, which an extract does not need. Export it without."
        ) from None
    except BrokenXml as error:
        location = f"Line {error.line} of the XML" if error.line else "The XML"
        raise Fault(f"{location} is not well formed, or cut short. Export the extract again.") from None


def _iter_records(file: BinaryIO, steps: Sequence[str], outer_paths: Sequence[str]) -> Iterator[Json]:
    """Yield the records of a document, each as an object by path."""
    previous: Element = None
    for _, element in iter_elements(file, ("end",), (f"{{*}}{steps[-1]}",)):
        if [_local_name(ancestor.tag) for ancestor in element.iterancestors()] != steps[-2::-1]:
            continue
        values = [
            *_iter_values(element, ""),
            *((path, value) for path in outer_paths for value in _iter_outer_values(element, path)),
        ]
        yield build_object(values)
        if not outer_paths:
            release(element)
        elif previous is not None:  # the elements before it may hold values of later records
            previous.getparent().remove(previous)
        previous = element


def _local_name(tag: str) -> str:
    """Return a name without its namespace."""
    return tag.rpartition("}")[2]


def _iter_values(element: Element, path: str) -> Iterator[tuple[str, str]]:
    """Yield the values below an element with their paths."""
    yield from (
        (f"{path}@{_local_name(name)}", value)
        for name, value in element.attrib.items()
        if not name.startswith(_INSTANCE)
    )
    own_text = (element.text or "") + "".join(child.tail or "" for child in element)
    if (not len(element) and (own_text or (path and not element.attrib))) or own_text.strip():
        yield path.removesuffix("/") or ".", own_text
    for child in element:
        yield from _iter_values(child, f"{path}{_local_name(child.tag)}/")


def _iter_outer_values(element: Element, path: str) -> Iterator[str]:
    """Yield the values at a path that begins outside a record."""
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
