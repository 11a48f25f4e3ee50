"""Records of JSON or XML as landed tables, told apart by the keys they have.

A record may leave out a key: its cell is empty. A column is missing only if the item is required and no record of its
table has it. Belongs here: from records to landed columns. Belongs elsewhere: parsing JSON (``json_reader``) or XML.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.handover.extract_reading import Fault
from lgdp_pipelines.handover.findings import build_finding_rows, concat_findings
from lgdp_pipelines.landing.header_matching import HeaderMatch, list_headers, match_headers
from lgdp_pipelines.landing.json_reader import Json, RepeatedNames, flatten, to_cell
from lgdp_pipelines.landing.landed_tables import ColumnRules, LandedTable, find_ambiguous
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.system_mapping import SystemMapping, TableMapping
from lgdp_pipelines.register.model.table_model import ItemType, Table
from lgdp_pipelines.vocabulary.spellings import fold_spelling
from lgdp_pipelines.vocabulary.table_columns import ROW, UNMAPPED


@dataclass(frozen=True, slots=True)
class _Record:
    """A flattened record, and its number."""

    row: int
    cells: dict[str, Json]

    def repeats(self, keys: Sequence[str]) -> bool:
        """Return whether one of these keys repeats in the record."""
        return isinstance(self.cells, RepeatedNames) and not set(keys).isdisjoint(self.cells.names)


def land_records(
    contract: Contract, records: Sequence[Json], mapping: SystemMapping | None = None
) -> tuple[dict[str, LandedTable], list[Fault]]:
    """Return landed tables, and faults of records that fit no single table.

    Args:
        contract: that the records answer.
        records: in their order.
        mapping: of the system's export to the contract; None: the records are in the contract's own form.
    """
    records_by_table: dict[str, list[_Record]] = {table.name: [] for table in contract.tables}
    faults: list[Fault] = []
    named_paths = frozenset(map(fold_spelling, list_headers(contract, mapping)))
    for row, content in enumerate(records, start=1):
        if not isinstance(content, dict):
            faults.append(Fault("The record has no named values. Send each record with its keys.", row))
            continue
        record = flatten(content, named_paths)
        tables = _find_tables(contract, record)
        if len(tables) == 1:
            records_by_table[tables[0].name].append(_Record(row, record))
        else:
            keys = ", ".join(f"“{table.record_key}”" for table in contract.tables)
            faults.append(
                Fault(f"The table of the record is not clear: it must have exactly one of the keys {keys}.", row)
            )
    table_mappings = mapping.tables if mapping else {}
    landed = {
        table.name: _land_table(contract, table, records_by_table[table.name], table_mappings.get(table.name))
        for table in contract.tables
    }
    return landed, faults


def _find_tables(contract: Contract, record: Mapping[str, Json]) -> list[Table]:
    """Return the tables whose key a record has, or the only table."""
    if len(contract.tables) == 1 and contract.tables[0].record_key is None:
        return [contract.tables[0]]
    keys = {fold_spelling(key) for key in record}
    return [
        table for table in contract.tables if table.record_key is not None and fold_spelling(table.record_key) in keys
    ]


def _land_table(
    contract: Contract, table: Table, records: Sequence[_Record], table_mapping: TableMapping | None
) -> LandedTable:
    """Return the records of one table as a landed table, with findings."""
    rules = ColumnRules.from_contract(contract, table)
    keys = list(dict.fromkeys(key for record in records for key in record.cells))
    match = match_headers(table, keys, table_mapping)
    findings: list[pl.DataFrame] = []
    columns: dict[str, pl.Series] = {}
    headers: dict[str, str] = {}
    for item in table.items:
        matched_keys = [keys[position] for position in match.positions.get(item.name, ())]
        header = next(iter(matched_keys), item.header)
        if matched_keys:
            headers[item.name] = header
        repeated_rows = [
            record.row
            for record in records
            if (len(matched_keys) > 1 and sum(key in record.cells for key in matched_keys) > 1)
            or record.repeats(matched_keys)
        ]
        message = f"The record has “{header}” more than once. {rules.columns.guidance}"
        findings.append(build_finding_rows(rules.columns, message, rows=repeated_rows, item=item, column=header))
        values = [next((record.cells[key] for key in matched_keys if key in record.cells), None) for record in records]
        if item.type is ItemType.TEXT:
            message = f"“{header}” holds a list or an object. Send one plain value. {item.guidance}".strip()
            nested_rows = [
                record.row for value, record in zip(values, records, strict=True) if isinstance(value, dict | list)
            ]
            findings.append(build_finding_rows(rules.columns, message, rows=nested_rows, item=item, column=header))
        columns[item.name] = pl.Series(item.name, [to_cell(value) for value in values], dtype=pl.String)
    mapped_positions = {position for positions in match.positions.values() for position in positions}
    unmapped_keys = [key for position, key in enumerate(keys) if position not in mapped_positions]
    unmapped_texts = [_format_unmapped(record.cells, unmapped_keys) for record in records]
    columns[UNMAPPED] = pl.Series(UNMAPPED, unmapped_texts, dtype=pl.String)
    columns[ROW] = pl.Series(ROW, [record.row for record in records], dtype=pl.Int64)
    if records:
        findings += _build_key_findings(rules, keys, match)
    message = f"The record has a key more than once. {rules.columns.guidance}"
    repeated_rows = [record.row for record in records if record.repeats(unmapped_keys)]
    findings.append(build_finding_rows(rules.columns, message, rows=repeated_rows))
    return LandedTable(ChunkedFrame.from_frames(pl.DataFrame(columns)), concat_findings(findings), headers)


def _format_unmapped(cells: Mapping[str, Json], keys: Sequence[str]) -> str | None:
    """Return a record's unmapped filled values as a JSON object, or None."""
    unmapped = {key: to_cell(cells[key]) for key in keys if key in cells}
    return json.dumps(unmapped, ensure_ascii=False) if any(value is not None for value in unmapped.values()) else None


def _build_key_findings(rules: ColumnRules, keys: Sequence[str], match: HeaderMatch) -> Iterator[pl.DataFrame]:
    """Yield the findings of missing required, ambiguous and extra keys."""
    for item in match.missing:
        if item.required:
            header = match.expected_headers[item.name]
            message = f"No record has the key “{header}”. {rules.columns.guidance}"
            yield build_finding_rows(rules.columns, message, item=item, column=header)
    for position, items in match.ambiguous.items():
        yield from find_ambiguous(rules.columns, items, "A key", keys[position])
    for position in match.extra:
        message = f"A key is not in the contract. {rules.extra_columns.guidance}"
        yield build_finding_rows(rules.extra_columns, message, column=keys[position])
