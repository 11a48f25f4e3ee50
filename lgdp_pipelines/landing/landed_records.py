"""Records of JSON or XML as landed tables, told apart by the keys they have.

A record may leave out a key: its cell is empty. A column is missing only where no record of a table has it and the item
is required. Belongs here: from records to landed columns. Belongs elsewhere: parsing JSON (``json_reader``) or XML.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.handover.extract_reading import ROW, UNMAPPED, Fault
from lgdp_pipelines.handover.findings import build_finding_rows, concat_findings
from lgdp_pipelines.landing.header_matching import HeaderMatch, match_headers
from lgdp_pipelines.landing.json_reader import Json, RepeatedNames, flatten, to_cell
from lgdp_pipelines.landing.landed_tables import ColumnRules, LandedTable
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.system_mapping import SystemMapping, TableMapping
from lgdp_pipelines.register.model.table_model import Item, ItemType, Rule, Table
from lgdp_pipelines.vocabulary.councils import fold_spelling


@dataclass(frozen=True, slots=True)
class _Record:
    row: int
    cells: dict[str, Json]


def land_records(
    contract: Contract, records: Sequence[Json], mapping: SystemMapping | None = None
) -> tuple[dict[str, LandedTable], list[Fault]]:
    """Return records as landed tables, and the faults of records without exactly one table.

    Args:
        contract: that the records answer.
        records: in their order.
        mapping: how the system's export answers the contract; None: the records are in the contract's own manner.
    """
    sorted_out: dict[str, list[_Record]] = {table.name: [] for table in contract.tables}
    faults: list[Fault] = []
    whole = _list_named_paths(contract, mapping)
    for row, content in enumerate(records, start=1):
        if not isinstance(content, dict):
            faults.append(Fault("This is no record: it has no named values. Send each record with its keys.", row))
            continue
        record = flatten(content, whole)
        tables = _find_tables(contract, record)
        if len(tables) == 1:
            sorted_out[tables[0].name].append(_Record(row, record))
        else:
            keys = ", ".join(f"“{table.record_key}”" for table in contract.tables)
            faults.append(
                Fault(f"The table of the record is not clear: it must have exactly one of the keys {keys}.", row)
            )
    mapped = mapping.tables if mapping else {}
    landed = {
        table.name: _land_table(contract, table, sorted_out[table.name], mapped.get(table.name))
        for table in contract.tables
    }
    return landed, faults


def _list_named_paths(contract: Contract, mapping: SystemMapping | None) -> frozenset[str]:
    """Return the folded paths that items are named by."""
    contract_spellings = [item.spellings for table in contract.tables for item in table.items]
    mapped_spellings = (
        [column.spellings for table in mapping.tables.values() for column in table.columns.values()] if mapping else []
    )
    return frozenset(
        fold_spelling(header)
        for spellings in (mapped_spellings if mapping else contract_spellings)
        for header in spellings.headers
    )


def _find_tables(contract: Contract, record: Mapping[str, Json]) -> list[Table]:
    if len(contract.tables) == 1 and contract.tables[0].record_key is None:
        return [contract.tables[0]]
    keys = {fold_spelling(key) for key in record}
    return [
        table for table in contract.tables if table.record_key is not None and fold_spelling(table.record_key) in keys
    ]


def _land_table(
    contract: Contract, table: Table, records: Sequence[_Record], mapped: TableMapping | None
) -> LandedTable:
    rules = ColumnRules.from_contract(contract, table)
    keys = list(dict.fromkeys(key for record in records for key in record.cells))
    match = match_headers(table, keys, mapped)
    findings: list[pl.DataFrame] = []
    columns: dict[str, pl.Series] = {}
    headers: dict[str, str] = {}
    for item in table.items:
        matched_keys = [keys[place] for place in match.positions.get(item.name, ())]
        headers |= {item.name: matched_keys[0]} if matched_keys else {}
        called = matched_keys[0] if matched_keys else item.header
        findings += _find_repeated(rules.columns, item, called, matched_keys, records)
        values = [_first_value(record.cells, matched_keys) for record in records]
        if item.type is ItemType.TEXT:
            findings.append(_find_nested(rules.columns, item, called, values, records))
        columns[item.name] = pl.Series(item.name, [to_cell(value) for value in values], dtype=pl.String)
    mapped_places = {place for places in match.positions.values() for place in places}
    unmapped_keys = [key for place, key in enumerate(keys) if place not in mapped_places]
    columns[UNMAPPED] = pl.Series(
        UNMAPPED, [_format_unmapped(record.cells, unmapped_keys) for record in records], dtype=pl.String
    )
    columns[ROW] = pl.Series(ROW, [record.row for record in records], dtype=pl.Int64)
    if records:
        findings += _find_key_faults(rules, keys, match)
    findings.append(_find_repeated_extra(rules.columns, unmapped_keys, records))
    return LandedTable(ChunkedFrame.from_frames(pl.DataFrame(columns)), concat_findings(findings), headers)


def _first_value(cells: Mapping[str, Json], keys: Sequence[str]) -> Json:
    return next((cells[key] for key in keys if key in cells), None)


def _format_unmapped(cells: Mapping[str, Json], keys: Sequence[str]) -> str | None:
    unmapped = {key: to_cell(cells[key]) for key in keys if key in cells}
    return json.dumps(unmapped, ensure_ascii=False) if any(value is not None for value in unmapped.values()) else None


def _find_nested(
    rule: Rule, item: Item, called: str, values: Sequence[Json], records: Sequence[_Record]
) -> pl.DataFrame:
    rows = [record.row for value, record in zip(values, records, strict=True) if isinstance(value, dict | list)]
    return build_finding_rows(
        rule,
        f"“{called}” holds a list or an object. Send one plain value. {item.guidance}".strip(),
        rows=rows,
        item=item,
        column=called,
    )


def _find_repeated(
    rule: Rule, item: Item, called: str, keys: Sequence[str], records: Sequence[_Record]
) -> Iterator[pl.DataFrame]:
    rows = [
        record.row
        for record in records
        if sum(key in record.cells for key in keys) > 1
        or (isinstance(record.cells, RepeatedNames) and not set(keys).isdisjoint(record.cells.names))
    ]
    if rows:
        yield build_finding_rows(
            rule, f"The record has “{called}” more than once. {rule.guidance}", rows=rows, item=item, column=called
        )


def _find_repeated_extra(rule: Rule, extra: Sequence[str], records: Sequence[_Record]) -> pl.DataFrame:
    rows = [
        record.row
        for record in records
        if isinstance(record.cells, RepeatedNames) and not set(extra).isdisjoint(record.cells.names)
    ]
    return build_finding_rows(rule, f"The record has a key more than once. {rule.guidance}", rows=rows)


def _find_key_faults(rules: ColumnRules, keys: Sequence[str], match: HeaderMatch) -> Iterator[pl.DataFrame]:
    for item in match.missing:
        if item.required:
            called = match.called[item.name]
            message = f"No record has the key “{called}”. {rules.columns.guidance}"
            yield build_finding_rows(rules.columns, message, item=item, column=called)
    for place, items in match.ambiguous.items():
        titles = " or ".join(f"“{item.title}”" for item in items)
        message = f"A key could be {titles}. Name it so that it can be only one of them."
        for item in items:
            yield build_finding_rows(rules.columns, message, item=item, column=keys[place])
    for place in match.extra:
        yield build_finding_rows(
            rules.extra_columns,
            f"A key is none of the contract's. {rules.extra_columns.guidance}",
            column=keys[place],
        )
