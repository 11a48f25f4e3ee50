"""XML elements as records of text, the kind that national returns are uploaded in.

A record is an element at the declared path from the root; namespaces are not looked at. Its values stand under paths
from it: ``Surname``, ``Address/Postcode``, an attribute as ``@ref`` or ``Address/@type``, its own text as ``.``. What
stands around it is reached by ``..``: ``../@authority``, ``../../Header/Period``. An element that is empty, or
``xsi:nil``, is an empty cell. White space in an element stays as sent. The same path twice in a record is told.
What belongs here: records. What does not: which table a record is of (``json_tables``), and safety (``safe_xml``).
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.landing.json_parser import Json, named_values
from lgdp_pipelines.landing.safe_xml import BrokenXml, Element, UnsafeXml, elements, released, root_name
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.system_mapping import SystemMapping

_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"
_UP = "../"


def outside(contract: Contract, mapping: SystemMapping | None) -> tuple[str, ...]:
    """The paths out of the record by which items are named.

    Args:
        contract: that is answered.
        mapping: how the system's export answers it; None: it is in the contract's own manner.
    """
    own = [item.spellings for table in contract.tables for item in table.items]
    mapped = [one.spellings for table in mapping.tables.values() for one in table.columns.values()] if mapping else own
    return tuple(dict.fromkeys(path for one in mapped for path in one.headers if path.startswith(_UP)))


def read_xml(file: BinaryIO, path: str, beyond: Sequence[str]) -> list[Json] | Fault:
    """The records of a document. Only one of them is held as XML at a time, unless paths lead out of it.

    Args:
        file: the document; it can be sought in.
        path: of the record element, from the root.
        beyond: paths out of the record that are wanted.
    """
    steps = path.split("/")
    try:
        root = root_name(file)
        if root and root != steps[0]:
            return Fault(f"The outermost element of the XML is not “{steps[0]}”. Export the extract again as agreed.")
        return list(_records(file, steps, beyond))
    except UnsafeXml:
        return Fault("The XML declares a document type or entities, which no extract needs. Export it without.")
    except BrokenXml as error:
        place = f"Line {error.line} of the XML" if error.line else "The XML"
        return Fault(f"{place} is not well formed, or cut short. Export the extract again.")


def _records(file: BinaryIO, steps: Sequence[str], beyond: Sequence[str]) -> Iterator[Json]:
    *around, name = steps
    around.reverse()
    last: Element = None
    for _, element in elements(file, ("end",), (f"{{*}}{name}",)):
        if [_local(one.tag) for one in element.iterancestors()] != around:
            continue
        values = [*_values(element, ""), *((path, value) for path in beyond for value in _beyond(element, path))]
        yield named_values(values)
        if not beyond:
            released(element)
        elif last is not None:  # what stands before it may be wanted again
            last.getparent().remove(last)
        last = element


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _values(element: Element, before: str) -> Iterator[tuple[str, str]]:
    """Values below an element with their paths."""
    for name, value in element.attrib.items():
        if not name.startswith(_INSTANCE):
            yield f"{before}@{_local(name)}", value
    own = (element.text or "") + "".join(child.tail or "" for child in element)
    if (not len(element) and (own or (before and not element.attrib))) or own.strip():
        yield before.removesuffix("/") or ".", own
    for child in element:
        yield from _values(child, f"{before}{_local(child.tag)}/")


def _beyond(element: Element, path: str) -> Iterator[str]:
    """The values at a path that leads out of a record."""
    while path.startswith(_UP) and element is not None:
        element, path = element.getparent(), path.removeprefix(_UP)
    found = [element] if element is not None else []
    *steps, last = path.split("/")
    for step in steps if last.startswith("@") else [*steps, last]:
        found = [child for one in found for child in one if _local(child.tag) == step]
    for one in found:
        if last.startswith("@"):
            yield from (value for name, value in one.attrib.items() if _local(name) == last[1:])
        else:
            yield one.text or ""
