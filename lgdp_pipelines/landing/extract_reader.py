"""Extract reader: the files of a submission as tables of text; the entry point of this package.

Belongs here: from files to tables, and the outcome of each rule that reading tests (``readable``, ``columns``,
``extra_columns``). Belongs elsewhere: formats (``format_readers``) and the meaning of a cell (``validation``).

The place of a ``columns`` finding determines what it excludes from validation: with a row, that row, whose cells cannot
be told apart; with an item and no row, the item; with neither, the table.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkStore, store_in_memory
from lgdp_pipelines.handover.extract_reading import ExtractFile, Fault, Reading
from lgdp_pipelines.handover.findings import build_finding_rows, concat_findings
from lgdp_pipelines.handover.judgement_values import RuleOutcome
from lgdp_pipelines.landing.cell_block import CellBlock
from lgdp_pipelines.landing.format_readers import find_other_delimiter, open_content, read_cells, read_records
from lgdp_pipelines.landing.header_matching import match_headers
from lgdp_pipelines.landing.json_reader import Json
from lgdp_pipelines.landing.landed_records import land_records
from lgdp_pipelines.landing.landed_tables import LandedTable, build_missing_table, land_cells
from lgdp_pipelines.landing.workbook_reader import DateFormatters
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.extract_format import Extract, Format
from lgdp_pipelines.register.model.system_mapping import SystemMapping, TableMapping
from lgdp_pipelines.register.model.table_model import Item, ItemType, Rule, Table
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.vocabulary.value_formats import format_day
from lgdp_pipelines.vocabulary.verdicts import RuleKind

READING_RULE_KINDS = frozenset({RuleKind.READABLE, RuleKind.COLUMNS, RuleKind.EXTRA_COLUMNS})
"""Kinds of rule that reading tests; each such rule has an outcome in a reading."""


def read_extract(
    contract: Contract,
    files: Sequence[ExtractFile],
    mapping: SystemMapping | None = None,
    *,
    store: ChunkStore = store_in_memory,
) -> Reading:
    """Return the tables of text that the files of one submission hold.

    Args:
        contract: that the submission answers.
        files: CSV and workbooks: one for each table; records: one or more, read as one after the other.
        mapping: how the system's export answers the contract; None: the files are as the contract describes them.
        store: takes the chunks of the tables, each before the next is read.

    Returns:
        Tables, findings, and an outcome for each rule of :data:`READING_RULE_KINDS`. Bytes that cannot be read give a
        finding and :attr:`Reading.unreadable_reason`, not an exception.
    """
    rules = [rule for rule in list_rules(contract) if rule.kind in READING_RULE_KINDS]
    readable = next(rule for rule in rules if rule.kind is RuleKind.READABLE)
    extract = (mapping and mapping.extract) or contract.extract
    if extract.format.is_records:
        landed, faults = _read_all_records(contract, extract, files, mapping)
    else:
        landed, faults = _read_tables(contract, extract, files, mapping, store)
    faults += _check_empty(contract, landed)
    fault_findings = [
        build_finding_rows(readable, fault.message, rows=[fault.row], sheet=fault.sheet) for fault in faults
    ]
    findings = concat_findings([*fault_findings, *(table.findings for table in landed.values())])
    tables_read = {name: table for name, table in landed.items() if table.rows is not None}
    return Reading(
        tables={name: table.rows for name, table in tables_read.items() if table.rows is not None},
        findings=findings,
        results=_build_outcomes(rules, findings, landed),
        unreadable_reason=None if landed else " ".join(fault.message for fault in faults),
        headers={name: table.headers for name, table in tables_read.items()},
        sheets={name: table.sheet for name, table in landed.items() if table.sheet is not None},
        unlisted_rows={name: table.unlisted_rows for name, table in landed.items()},
    )


def _check_empty(contract: Contract, landed: Mapping[str, LandedTable]) -> list[Fault]:
    """Return a fault for an extract without rows.

    If accepted, it would replace the current rows by none.
    """
    sent = [table.rows for table in landed.values() if table.rows is not None]
    if not sent or any(rows.height for rows in sent):
        return []
    instead = " Where there is nothing to report, send a nil return instead." if contract.nil_return else ""
    return [Fault(f"The extract has no rows. Check that the export took the right council and period.{instead}")]


def _build_outcomes(
    rules: Sequence[Rule], findings: pl.DataFrame, landed: Mapping[str, LandedTable]
) -> tuple[RuleOutcome, ...]:
    counts: dict[str, int] = dict(findings.group_by("rule").len().iter_rows())
    reason = "The submission came without this table, which is optional." if landed else "The extract cannot be read."
    return tuple(
        RuleOutcome.not_run(rule, reason)
        if rule.table and rule.table not in landed
        else RuleOutcome.from_count(rule, counts.get(rule.id, 0) + _count_unlisted(rule, landed))
        for rule in rules
    )


def _count_unlisted(rule: Rule, landed: Mapping[str, LandedTable]) -> int:
    return landed[rule.table].unlisted_rows.len() if rule.kind is RuleKind.COLUMNS else 0


@dataclass(frozen=True, slots=True)
class _TableFiles:
    """The files of one table.

    Attributes:
        table: of the contract.
        mapped: how the system's export fills the table; None: the file is as the contract describes it.
        base: the file that gives the rows.
        joined: further files, in the mapping's order.
    """

    table: Table
    mapped: TableMapping | None
    base: ExtractFile
    joined: Sequence[ExtractFile]


def _read_tables(
    contract: Contract, extract: Extract, files: Sequence[ExtractFile], mapping: SystemMapping | None, store: ChunkStore
) -> tuple[dict[str, LandedTable], list[Fault]]:
    """Return tables by name.

    None where a file cannot be read, since other tables may depend on its rows.
    """
    by_name, faults = _sort_files(contract, files, mapping)
    landed: dict[str, LandedTable] = {}
    for table in contract.tables:
        mapped = mapping.tables.get(table.name) if mapping else None
        base, *joined = [file.name for file in mapped.files] if mapped and mapped.files else [table.name]
        missing = [name for name in joined if name not in by_name]
        if base in by_name and missing:
            faults += [
                Fault(f"The file “{name}” of the export is missing. Send it with the others.") for name in missing
            ]
        elif base in by_name:
            table_files = _TableFiles(table, mapped, by_name[base], [by_name[name] for name in joined])
            result = _read_table(contract, extract, table_files, store)
            if isinstance(result, Fault):
                faults.append(result)
            else:
                landed[table.name] = result
        elif not table.optional:
            landed[table.name] = build_missing_table(contract, table)
    return ({}, faults) if faults else (landed, [])


def _read_table(contract: Contract, extract: Extract, files: _TableFiles, store: ChunkStore) -> LandedTable | Fault:
    table, mapped = files.table, files.mapped
    joined = []
    for declared, file in zip(mapped.files[1:] if mapped else (), files.joined, strict=True):
        block = _read_joined_file(extract, file, _date_formatters(table, mapped, declared.name))
        if isinstance(block, Fault):
            return Fault(f"In {file.name}: {block.message}", block.row, block.sheet)
        joined.append((declared, file.name, block))
    with open_content(files.base, extract) as content:
        if isinstance(content, Fault):
            return content
        blocks = read_cells(content, extract, _date_formatters(table, mapped))
        return land_cells(contract, table, _check_delimiter(table, mapped, extract, blocks), store, mapped, joined)


def _read_joined_file(extract: Extract, file: ExtractFile, date_formatters: DateFormatters) -> CellBlock | Fault:
    """Return all cells of a joined file; its rows may belong to any base row."""
    with open_content(file, extract) as content:
        if isinstance(content, Fault):
            return content
        blocks: list[CellBlock] = []
        for block in read_cells(content, extract, date_formatters):
            if isinstance(block, Fault):
                return block
            blocks.append(block)
    return replace(
        blocks[0],
        frame=pl.concat([block.frame for block in blocks], how="diagonal"),
        misshapen=pl.concat([block.misshapen for block in blocks]),
    )


def _sort_files(
    contract: Contract, files: Sequence[ExtractFile], mapping: SystemMapping | None
) -> tuple[dict[str, ExtractFile], list[Fault]]:
    """Return files by their table's name, or by their name in the mapping."""
    by_name: dict[str, ExtractFile] = {}
    faults: list[Fault] = []
    for file in files:
        name = _find_table(contract, mapping, file)
        if name is None:
            faults.append(Fault("A file is for none of the return's tables. Name each file as agreed for its table."))
        elif name in by_name:
            faults.append(Fault(f"Two files are for the table “{name}”. Send one file for each table."))
        else:
            by_name[name] = file
    return by_name, faults


def _find_table(contract: Contract, mapping: SystemMapping | None, file: ExtractFile) -> str | None:
    if mapping and mapping.files:
        patterns = {declared.name: declared.pattern for declared in mapping.files}
        table_names = frozenset(patterns)
    else:
        patterns = {table.name: table.file_pattern for table in contract.tables if table.file_pattern}
        table_names = frozenset(contract.by_name)
    if file.table is not None:
        return file.table if file.table in table_names else None
    if len(table_names) == 1:
        return next(iter(table_names))
    matching = [name for name, pattern in patterns.items() if re.fullmatch(pattern, file.name)]
    return matching[0] if len(matching) == 1 else None


def _date_formatters(table: Table, mapped: TableMapping | None, file_name: str | None = None) -> DateFormatters:
    """Return how a workbook's days are written, by the system or the item."""

    def by_column(headers: Sequence[str]) -> Mapping[int, Callable[[date], str]]:
        columns = match_headers(table, headers, mapped, file_name).positions
        return {
            column: partial(_format_day, item, (mapped and mapped.spelled_dates(item)) or "")
            for item in table.items
            if item.type is ItemType.DATE
            for column in columns.get(item.name, ())
        }

    return by_column


def _format_day(item: Item, date_format: str, day: date) -> str:
    """Return a day in the mapping's date format, or else the contract's."""
    if date_format:
        return format_day(day, date_format)
    return day.strftime((item.date_format or "%Y-%m-%d").replace("%Y", f"{day.year:04d}"))


def _check_delimiter(
    table: Table, mapped: TableMapping | None, extract: Extract, blocks: Iterator[CellBlock | Fault]
) -> Iterator[CellBlock | Fault]:
    """Yield a file's blocks, or a fault where another delimiter finds more columns."""
    first = next(blocks)
    if extract.format is Format.CSV and isinstance(first, CellBlock) and len(first.header) == 1:

        def count_items(headers: Sequence[str]) -> int:
            return len(match_headers(table, headers, mapped).positions)

        declared_count = count_items(first.header)
        fault = (
            None if declared_count else find_other_delimiter(first.header[0], extract, first.header_row, count_items)
        )
        if fault is not None:
            yield fault
            return
    yield first
    yield from blocks


def _read_all_records(
    contract: Contract, extract: Extract, files: Sequence[ExtractFile], mapping: SystemMapping | None
) -> tuple[dict[str, LandedTable], list[Fault]]:
    try:
        records = _collect_records(extract, files, _list_outer_paths(contract, mapping))
        return ({}, [records]) if isinstance(records, Fault) else land_records(contract, records, mapping)
    except RecursionError:
        return {}, [Fault("The JSON is nested far deeper than records are. Send a plain list of records.")]


def _list_outer_paths(contract: Contract, mapping: SystemMapping | None) -> tuple[str, ...]:
    """Return the paths out of the record, in XML, by which items are named."""
    contract_spellings = [item.spellings for table in contract.tables for item in table.items]
    mapped = (
        [column.spellings for table in mapping.tables.values() for column in table.columns.values()]
        if mapping
        else contract_spellings
    )
    return tuple(dict.fromkeys(path for spellings in mapped for path in spellings.headers if path.startswith("../")))


def _collect_records(extract: Extract, files: Sequence[ExtractFile], outer_paths: Sequence[str]) -> list[Json] | Fault:
    records: list[Json] = []
    for file in files:
        with open_content(file, extract) as content:
            result = content if isinstance(content, Fault) else read_records(content, extract, outer_paths)
        if isinstance(result, Fault):
            return Fault(result.message, result.row and result.row + len(records))
        records += result
    return records
