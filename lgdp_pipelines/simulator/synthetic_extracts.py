"""Synthetic extracts: made from a contract alone, so that a new return can be tried before any council has data.

**Every figure and case made here is made up.** What belongs here: rows that keep to everything a contract declares of
its items and its key, and writing rows in the contract's format. What does not: rules across items, which no general
maker can keep (``made_hl1`` and ``made_dhp`` know their returns' rules), and mistakes (``defects``).
"""

import csv
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Protocol

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.extract_format import Container, Format
from lgdp_pipelines.register.model.table_model import Item, ItemType, Role, Table
from lgdp_pipelines.simulator.synthetic_values import council_spelling, period_spelling, text_for, valid_codes
from lgdp_pipelines.simulator.workbook_writer import Cell, Sheet, header_rows, workbook
from lgdp_pipelines.simulator.xml_writer import xml_content
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period

Row = dict[str, str]
"""Text by item name; empty where a cell is."""

MOST_ROWS = 2_000
PLAIN_ROWS = 40
_FILLED = 0.9
_MARKED = 0.03


@dataclass(frozen=True)
class MadeFile:
    """One made-up file.

    Attributes:
        table: name of the table it holds; None where it holds all.
        rows: by table name.
        content: the bytes.
    """

    table: str | None
    rows: Mapping[str, Sequence[Row]]
    content: bytes


def seeded(*parts: object) -> Random:
    """A source of chance that gives the same every time for the same parts, on every machine."""
    return Random(hashlib.sha256("|".join(map(str, parts)).encode()).digest())  # noqa: S311 - made-up data, no secret


def made_rows(
    register: Register, contract: Contract, table: Table, council: Council, period: Period, *, seed: int, count: int
) -> list[Row]:
    """Rows that keep to types, codes, patterns, lengths, ranges, required items and the key.

    A table whose key is made of codes alone gets one row for each combination, up to :data:`MOST_ROWS`; any other gets
    ``count`` rows.
    """
    random = seeded(seed, contract.return_code, table.name, council.code, period.id)
    rows: list[Row] = []
    seen: set[tuple[str, ...]] = set()
    for given in _given_keys(register, table, period, random, count):
        for _ in range(100):
            row = {item.name: _cell(register, item, council, period, random) for item in table.items} | given
            key = tuple(row[item.name] for item in table.key)
            if not key or key not in seen:
                seen.add(key)
                rows.append(row)
                break
    return rows


def _given_keys(register: Register, table: Table, period: Period, random: Random, count: int) -> list[Row]:
    breaking = [item for item in table.key if item.role not in {Role.COUNCIL, Role.PERIOD}]
    if not breaking or any(item.code_list is None for item in breaking):
        return [{} for _ in range(count if breaking or not table.key else 1)]
    lists = [valid_codes(register.code_lists[item.code_list], period) for item in breaking if item.code_list]
    names = [item.name for item in breaking]
    combinations = [dict(zip(names, codes, strict=True)) for codes in product(*lists)]
    if len(combinations) <= MOST_ROWS:
        return combinations
    return random.sample(combinations, MOST_ROWS)


def _cell(register: Register, item: Item, council: Council, period: Period, random: Random) -> str:
    if item.role is Role.COUNCIL:
        return council_spelling(item, council, register.code_lists, period)
    if item.role is Role.PERIOD:
        return period_spelling(item, period)
    if item.marks and random.random() < _MARKED:
        return random.choice(sorted(item.marks))
    if not (item.required or item.key) and random.random() > _FILLED:
        return ""
    return text_for(item, register.code_lists, period, random)


class Maker(Protocol):
    """Makes the rows of one submission."""

    def __call__(
        self, register: Register, contract: Contract, council: Council, period: Period, *, seed: int
    ) -> Mapping[str, Sequence[Row]]:
        """Rows by table name, the same for the same seed."""
        ...


def plain_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> Mapping[str, Sequence[Row]]:
    """Rows of every table, made from the contract alone. See :func:`made_rows`."""
    return {
        table.name: made_rows(register, contract, table, council, period, seed=seed, count=PLAIN_ROWS)
        for table in contract.tables
    }


def written(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> tuple[MadeFile, ...]:
    """Rows as the contract's files.

    Raises:
        WrongUse: the contract's files are of a format that is only read.
    """
    if any(table.file_pattern for table in contract.tables) or not contract.extract.format.is_records:
        return tuple(
            MadeFile(name if len(contract.tables) > 1 else None, {name: some}, _content(contract, {name: some}))
            for name, some in rows.items()
        )
    return (MadeFile(None, rows, _content(contract, rows)),)


def _content(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> bytes:
    plain = _plain_content(contract, rows)
    match contract.extract.container:
        case Container.ZIP:
            return _zipped(plain, f"{contract.slug}.{contract.extract.format}")
        case Container.GZ:
            return gzip.compress(plain, mtime=0)
        case _:
            return plain


def _zipped(content: bytes, name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        # Without a time of its own, so that the same rows are the same bytes.
        archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _plain_content(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> bytes:
    match contract.extract.format:
        case Format.CSV:
            return csv_text(contract, rows).encode(contract.extract.encoding)
        case Format.JSON:
            return json_text(contract, rows).encode(contract.extract.encoding)
        case Format.NDJSON:
            lines = (record + "\n" for record in _records(contract, rows))
            return "".join(lines).encode(contract.extract.encoding)
        case Format.XML:
            return xml_content(contract.extract.records_at, contract.by_name, rows)
        case Format.XLSX:
            return workbook_content(contract, rows)
        case other:
            raise WrongUse(
                f"No extracts are made up in {other.upper()}, which {contract.return_code} is sent in.",
                remedy="Leave the return out of the simulator's sources.",
            )


def workbook_content(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> bytes:
    """Rows of the one table on a sheet, below as many rows of title and header as the contract says."""
    ((name, some),) = rows.items()
    items = contract.by_name[name].items
    header = header_rows([item.header for item in items], contract.extract.header_rows)
    title = [[contract.title]] * contract.extract.preamble
    sheet = Sheet(
        [*title, *header.rows, *([_figure(item, row[item.name]) for item in items] for row in some)],
        [(row + len(title), first, last) for row, first, last in header.merged],
    )
    return workbook({contract.extract.sheet or "Data": sheet})


def _figure(item: Item, text: str) -> Cell:
    """A cell as a workbook has it: a measure is a number, unless it is a mark or is not there."""
    if item.role is not Role.MEASURE or text == "" or text in item.marks:
        return text
    return float(text)


def csv_text(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> str:
    """Rows of the one table as delimited text under the contract's headers."""
    ((name, some),) = rows.items()
    items = contract.by_name[name].items
    text = io.StringIO()
    extract = contract.extract
    writer = csv.writer(
        text,
        delimiter=extract.delimiter,
        quotechar=extract.quote or None,
        quoting=csv.QUOTE_MINIMAL if extract.quote else csv.QUOTE_NONE,
        lineterminator="\r\n",
    )
    writer.writerows([[contract.title]] * extract.preamble)
    writer.writerows(_header_of_text([item.header for item in items], extract.header_rows))
    writer.writerows([row[item.name] for item in items] for row in some)
    return text.getvalue()


def _header_of_text(headers: Sequence[str], rows: int) -> list[list[str]]:
    """The header of delimited text; of two rows, the upper says everything of a column without a group."""
    if rows == 1:
        return [list(headers)]
    parts = [header.partition(" / ") for header in headers]
    return [[upper for upper, _, _ in parts], [lower for _, _, lower in parts]]


def json_text(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> str:
    """Rows of all tables as records of one JSON document, where the contract says that the records are."""
    listed = record_list(contract, rows)
    for step in reversed([one for one in contract.extract.records_at.split(".") if one]):
        listed = "{" + f"{json.dumps(step)}: {listed}" + "}"
    return listed + "\n"


def record_list(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> str:
    """Rows of all tables as one JSON list."""
    return "[" + ",\n ".join(_records(contract, rows)) + "]"


def _records(contract: Contract, rows: Mapping[str, Sequence[Row]]) -> list[str]:
    return [_record(table, row) for table in contract.tables for row in rows.get(table.name, ())]


def _record(table: Table, row: Row) -> str:
    pairs = [
        f"{json.dumps(item.header)}: {_token(item, row[item.name])}"
        for item in table.items
        if item.required or item.key or row[item.name] != ""
    ]
    return "{" + ", ".join(pairs) + "}"


def _token(item: Item, text: str) -> str:
    """A cell as JSON writes it: figures as they are, anything else in quotes."""
    if text in item.marks or text == "":
        return json.dumps(text)
    if item.type in {ItemType.INTEGER, ItemType.NUMBER, ItemType.DECIMAL, ItemType.BOOLEAN} and item.code_list is None:
        return text
    return json.dumps(text, ensure_ascii=False)
