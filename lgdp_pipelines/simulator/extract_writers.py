"""Writers of extracts: rows to CSV, JSON, XML and workbooks, byte for byte the same each time.

Belongs here: rows or cells to the bytes of a file, in a contract's format and container. Belongs elsewhere: the
contents of rows (``synthetic_rows``) and the paths of files (``system_files``).
"""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, TypeAlias

import xlsxwriter
from lxml import etree

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.extract_format import Container, FileFormat
from lgdp_pipelines.register.model.table_model import Item, ItemType, Role, Table
from lgdp_pipelines.simulator.synthetic_rows import Row

Cell: TypeAlias = str | float
"""Text or a number; the empty text is an empty cell."""


@dataclass(frozen=True)
class SyntheticFile:
    """A synthetic file as a council would send it.

    Attributes:
        table: name of the table it holds; None where it holds all.
        rows: by table name.
        content: the bytes.
    """

    table: str | None
    rows: Mapping[str, Sequence[Row]]
    content: bytes


def write_extract(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> tuple[SyntheticFile, ...]:
    """Return rows as the files that the contract asks for.

    Raises:
        WrongUse: the contract's format is one that the simulator cannot write.
    """
    if any(table.file_pattern for table in contract.tables) or not contract.extract.format.is_records:
        return tuple(
            SyntheticFile(
                table=name if len(contract.tables) > 1 else None,
                rows={name: table_rows},
                content=_pack(contract, _write_plain(contract, {name: table_rows})),
            )
            for name, table_rows in rows.items()
        )
    return (SyntheticFile(None, rows, _pack(contract, _write_plain(contract, rows))),)


def _pack(contract: Contract, content: bytes) -> bytes:
    """Return the content of a file in the contract's container."""
    match contract.extract.container:
        case Container.ZIP:
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                # Without a time of its own, so that the same rows are the same bytes.
                entry = zipfile.ZipInfo(f"{contract.slug}.{contract.extract.format}")
                archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
            return packed.getvalue()
        case Container.GZ:
            return gzip.compress(content, mtime=0)
        case _:
            return content


def _write_plain(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> bytes:
    """Return rows in the contract's format, without its container."""
    extract_format = contract.extract
    match extract_format.format:
        case FileFormat.CSV:
            return format_csv(contract, rows).encode(extract_format.encoding)
        case FileFormat.JSON:
            return format_json(contract, rows).encode(extract_format.encoding)
        case FileFormat.NDJSON:
            return "".join(f"{record}\n" for record in _format_each(contract, rows)).encode(extract_format.encoding)
        case FileFormat.XML:
            return write_xml(extract_format.records_at, contract.by_name, rows)
        case FileFormat.XLSX:
            return write_contract_workbook(contract, rows)
        case unsupported:
            raise WrongUse(
                f"Synthetic extracts cannot be written as {unsupported.upper()}, the format of {contract.return_code}.",
                remedy="Leave the return out of the simulated systems' sources.",
            )


def write_contract_workbook(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> bytes:
    """Return rows of the only table as a workbook under its headers."""
    ((name, table_rows),) = rows.items()
    items = contract.by_name[name].items
    header = build_header([item.header for item in items], contract.extract.header_rows)
    title = [[contract.title]] * contract.extract.preamble
    sheet = WorkbookSheet(
        [*title, *header.rows, *([_convert_cell(item, row[item.name]) for item in items] for row in table_rows)],
        [(row + len(title), first, last) for row, first, last in header.merged],
    )
    return write_workbook({contract.extract.sheet or "Data": sheet})


def _convert_cell(item: Item, text: str) -> Cell:
    """Return a workbook's cell: a figure as a number, other text unchanged."""
    if item.role is not Role.MEASURE or text == "" or text in item.marks:
        return text
    return float(text)


def format_csv(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> str:
    """Return rows of the only table as delimited text with headers."""
    ((name, table_rows),) = rows.items()
    items = contract.by_name[name].items
    text = io.StringIO()
    extract_format = contract.extract
    writer = csv.writer(
        text,
        delimiter=extract_format.delimiter,
        quotechar=extract_format.quote or None,
        quoting=csv.QUOTE_MINIMAL if extract_format.quote else csv.QUOTE_NONE,
        lineterminator="\r\n",
    )
    writer.writerows([[contract.title]] * extract_format.preamble)
    writer.writerows(_build_text_header([item.header for item in items], extract_format.header_rows))
    writer.writerows([row[item.name] for item in items] for row in table_rows)
    return text.getvalue()


def _build_text_header(headers: Sequence[str], rows: int) -> list[list[str]]:
    """Return the header rows of delimited text.

    A column without a group has its name in the upper row.
    """
    if rows == 1:
        return [list(headers)]
    parts = [header.partition(" / ") for header in headers]
    return [[upper for upper, _, _ in parts], [lower for _, _, lower in parts]]


def format_json(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> str:
    """Return rows of all tables as one JSON document.

    The contract names the path of the records.
    """
    text = format_records(contract, rows)
    for step in reversed([step for step in contract.extract.records_at.split(".") if step]):
        text = "{" + f"{json.dumps(step)}: {text}" + "}"
    return text + "\n"


def format_records(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> str:
    """Return rows of all tables as one JSON list."""
    return "[" + ",\n ".join(_format_each(contract, rows)) + "]"


def _format_each(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> list[str]:
    """Return each row of all tables as a JSON object."""
    return [_format_record(table, row) for table in contract.tables for row in rows.get(table.name, ())]


def _format_record(table: Table, row: Row) -> str:
    """Return a row as a JSON object, without empty optional cells."""
    pairs = [
        f"{json.dumps(item.header)}: {_format_value(item, row[item.name])}"
        for item in table.items
        if item.required or item.key or row[item.name] != ""
    ]
    return "{" + ", ".join(pairs) + "}"


def _format_value(item: Item, text: str) -> str:
    """Return a cell as JSON: figures and booleans bare, other text quoted."""
    if text in item.marks or text == "":
        return json.dumps(text)
    if item.type in {ItemType.INTEGER, ItemType.NUMBER, ItemType.DECIMAL, ItemType.BOOLEAN} and item.code_list is None:
        return text
    return json.dumps(text, ensure_ascii=False)


@dataclass(frozen=True)
class WorkbookSheet:
    """One sheet of a workbook.

    Attributes:
        rows: rows of cells, from the sheet's first.
        merged: row, first and last column (from 0) of merged cells; the first holds the text.
    """

    rows: Sequence[Sequence[Cell]]
    merged: Sequence[tuple[int, int, int]] = ()


# A workbook says when it was made; the same extract must be the same bytes on any day.
_CREATED = datetime(2000, 1, 1)  # noqa: DTZ001 - the format has no time zones


def write_workbook(sheets: Mapping[str, WorkbookSheet]) -> bytes:
    """Return the bytes of an XLSX file with sheets by name."""
    content = io.BytesIO()
    options = {"in_memory": True, "strings_to_urls": False, "strings_to_formulas": False}
    with xlsxwriter.Workbook(content, options) as book:
        book.set_properties({"created": _CREATED})
        for name, sheet in sheets.items():
            page = book.add_worksheet(name)
            for row, first, last in sheet.merged:
                page.merge_range(row, first, row, last, "")
            for row, cells in enumerate(sheet.rows):
                page.write_row(row, 0, cells)
    return content.getvalue()


def build_header(headers: Sequence[str], rows: int) -> WorkbookSheet:
    """Return a sheet's header of one or two rows, with merged groups.

    Of two rows, the upper one is merged over its group of columns.
    """
    if rows == 1:
        return WorkbookSheet([headers])
    pairs = [header.split(" / ", 1) if " / " in header else ["", header] for header in headers]
    upper: list[str] = []
    merged = []
    for text, group in groupby(pair[0] for pair in pairs):
        width = len(list(group))
        if text and width > 1:
            merged.append((0, len(upper), len(upper) + width - 1))
        upper += [text, *[""] * (width - 1)]
    return WorkbookSheet([upper, [pair[1] for pair in pairs]], merged)


Element: TypeAlias = Any
"""An element of lxml, which has no types."""


def write_xml(records_at: str, tables: Mapping[str, Table], rows: Mapping[str, Sequence[Mapping[str, str]]]) -> bytes:
    """Return rows of all tables as XML elements, without empty cells.

    Args:
        records_at: path of the record element, such as ``return/cases/case``.
        tables: by name.
        rows: by table name; values by name of the item.
    """
    root_name, *around, record = records_at.split("/") if "/" in records_at else ("", records_at)
    root = parent = etree.Element(root_name or record)
    for name in around:
        parent = etree.SubElement(parent, name)
    for table, table_rows in rows.items():
        for row in table_rows:
            element = etree.SubElement(parent, record)
            for item in tables[table].items:
                if row[item.name] != "":
                    _set_text(element, item.header, row[item.name])
    return bytes(etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True))


def _set_text(element: Element, path: str, text: str) -> None:
    """Set a value at a path, and create its missing elements."""
    *steps, last = path.split("/")
    for step in steps if last.startswith("@") else [*steps, last]:
        if step == "..":
            element = element.getparent()
        elif step != ".":
            existing = next((child for child in element if child.tag == step), None)
            element = etree.SubElement(element, step) if existing is None else existing
    if last.startswith("@"):
        element.set(last[1:], text)
    else:
        element.text = text


def split_records(text: str) -> list[str]:
    """Return the unchanged text of each record of a JSON list.

    Raises:
        ValueError: the text is not a list of JSON values.
    """
    decoder = json.JSONDecoder()
    position = _skip_space(text, text.index("[") + 1)
    records = []
    while text[position] != "]":
        _, end = decoder.raw_decode(text, position)
        records.append(text[position:end])
        position = _skip_space(text, end)
        if text[position] == ",":
            position = _skip_space(text, position + 1)
    return records


def _skip_space(text: str, position: int) -> int:
    """Return the position of the first visible character from a position on."""
    while text[position].isspace():
        position += 1
    return position
