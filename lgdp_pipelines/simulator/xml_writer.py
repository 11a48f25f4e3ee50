"""XML as councils' systems export it: an element a record, values at the paths that items are named by.

What belongs here: rows to XML. What does not: what the rows say (``synthetic``).
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from lxml import etree

from lgdp_pipelines.register.model.table_model import Table

Element: TypeAlias = Any
"""An element of lxml, which has no types."""


def xml_content(records_at: str, tables: Mapping[str, Table], rows: Mapping[str, Sequence[Mapping[str, str]]]) -> bytes:
    """Rows of all tables as elements at a path from the root.

    Args:
        records_at: path of the record element, such as ``return/cases/case``.
        tables: by name.
        rows: by table name; values by name of the item.
    """
    root_name, *around, record = records_at.split("/") if "/" in records_at else ("", records_at)
    root = parent = etree.Element(root_name or record)
    for name in around:
        parent = etree.SubElement(parent, name)
    for table, some in rows.items():
        for row in some:
            element = etree.SubElement(parent, record)
            for item in tables[table].items:
                if row[item.name] != "":
                    _put(element, item.header, row[item.name])
    return bytes(etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True))


def _put(element: Element, path: str, text: str) -> None:
    """Write a value at a path, making the elements on the way."""
    *steps, last = path.split("/")
    for step in steps if last.startswith("@") else [*steps, last]:
        if step == "..":
            element = element.getparent()
        elif step != ".":
            found = next((child for child in element if child.tag == step), None)
            element = etree.SubElement(element, step) if found is None else found
    if last.startswith("@"):
        element.set(last[1:], text)
    else:
        element.text = text
