"""Reading a submission's extract into tables of text: the door of this package.

What belongs here: from files to tables, and the outcome of each rule that reading tests (``readable``, ``columns``,
``extra_columns``). What does not: formats (``opening`` and what it opens) and what a cell means (``validation``).

A finding of ``columns`` says by its place how much it spoils: with a row, that row's cells cannot be told apart and
nothing else is said of it; with an item and no row, the item cannot be judged; with neither, the table cannot.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkStore, store_in_memory
from lgdp_pipelines.handover.extract_reading import ExtractFile, Fault, Reading
from lgdp_pipelines.handover.findings import RuleOutcome, build_finding_rows, concat_findings
from lgdp_pipelines.landing.cell_block import CellBlock
from lgdp_pipelines.landing.format_readers import find_other_delimiter, open_content, read_cells, read_records
from lgdp_pipelines.landing.header_matching import match_headers
from lgdp_pipelines.landing.json_reader import Json
from lgdp_pipelines.landing.landed_records import land_records
from lgdp_pipelines.landing.landed_tables import LandedTable, build_missing_table, land_cells
from lgdp_pipelines.landing.workbook_reader import DateFormatters
from lgdp_pipelines.landing.xml_reader import list_outer_paths
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.extract_format import Extract, Format
from lgdp_pipelines.register.model.system_mapping import SystemMapping, TableMapping
from lgdp_pipelines.register.model.table_model import Item, ItemType, Rule, Table
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.vocabulary.date_formats import format_day
from lgdp_pipelines.vocabulary.verdicts import RuleKind


def read_extract(
    contract: Contract,
    files: Sequence[ExtractFile],
    mapping: SystemMapping | None = None,
    *,
    keep: ChunkStore = store_in_memory,
) -> Reading:
    """The tables of text that the files of one submission hold.

    Args:
        contract: that the submission answers.
        files: CSV and workbooks: one for each table; records: one or more, read as one after the other.
        mapping: how the system's export answers the contract; None: the files are in the contract's own manner.
        keep: takes the pieces of the tables, each before the next is read.

    Returns:
        Tables, findings, and an outcome for each rule of the kinds ``readable``, ``columns`` and ``extra_columns``.
        Bytes that cannot be read are a finding and :attr:`Reading.unreadable_reason`, not an exception.
    """
    rules = [rule for rule in list_rules(contract) if rule.kind in READING_RULE_KINDS]
    readable = next(rule for rule in rules if rule.kind is RuleKind.READABLE)
    extract = (mapping and mapping.extract) or contract.extract
    if extract.format.is_records:
        landed, faults = _read_all_records(contract, extract, files, mapping)
    else:
        landed, faults = _read_tables(contract, extract, files, mapping, keep)
    faults += _check_empty(contract, landed)
    faulty = [build_finding_rows(readable, fault.message, rows=[fault.row], sheet=fault.sheet) for fault in faults]
    findings = concat_findings([*faulty, *(one.findings for one in landed.values())])
    return Reading(
        tables={name: one.pieces for name, one in landed.items() if one.pieces is not None},
        findings=findings,
        results=_build_outcomes(rules, findings, landed),
        unreadable_reason=None if landed else " ".join(fault.message for fault in faults),
        headers={name: one.headers for name, one in landed.items() if one.pieces is not None},
        sheets={name: one.sheet for name, one in landed.items() if one.sheet is not None},
        unlisted_rows={name: one.unlisted for name, one in landed.items()},
    )


def _check_empty(contract: Contract, landed: Mapping[str, LandedTable]) -> list[Fault]:
    """What is wrong with an extract that holds nothing: were it accepted, it would take the place of what stands."""
    sent = [one.pieces for one in landed.values() if one.pieces is not None]
    if not sent or any(pieces.height for pieces in sent):
        return []
    instead = " Where there is nothing to report, send a nil return instead." if contract.nil_return else ""
    return [Fault(f"The extract has no rows. Check that the export took the right council and period.{instead}")]


READING_RULE_KINDS = frozenset({RuleKind.READABLE, RuleKind.COLUMNS, RuleKind.EXTRA_COLUMNS})
"""Kinds of rule that reading tests, each of which has an outcome in a reading."""


def _build_outcomes(
    rules: Sequence[Rule], findings: pl.DataFrame, landed: Mapping[str, LandedTable]
) -> tuple[RuleOutcome, ...]:
    failed: dict[str, int] = dict(findings.group_by("rule").len().iter_rows())
    absent = "The submission came without this table, which is optional." if landed else "The extract cannot be read."
    return tuple(
        RuleOutcome.not_run(rule, absent)
        if rule.table and rule.table not in landed
        else RuleOutcome.from_count(rule, failed.get(rule.id, 0) + _count_unlisted(rule, landed))
        for rule in rules
    )


def _count_unlisted(rule: Rule, landed: Mapping[str, LandedTable]) -> int:
    return landed[rule.table].unlisted.len() if rule.kind is RuleKind.COLUMNS else 0


def _read_tables(
    contract: Contract, extract: Extract, files: Sequence[ExtractFile], mapping: SystemMapping | None, keep: ChunkStore
) -> tuple[dict[str, LandedTable], list[Fault]]:
    """Tables by name; none where a file cannot be read, since its rows may be what the others lean on."""
    by_table, faults = _sort_files(contract, files, mapping)
    landed: dict[str, LandedTable] = {}
    for table in contract.tables:
        mapped = mapping.tables.get(table.name) if mapping else None
        base, *joined = [one.name for one in mapped.files] if mapped and mapped.files else [table.name]
        missing = [name for name in joined if name not in by_table]
        if base in by_table and missing:
            faults += [
                Fault(f"The file “{name}” of the export is missing. Send it with the others.") for name in missing
            ]
        elif base in by_table:
            parts = [by_table[name] for name in joined]
            found = _read_table(contract, extract, table, mapped, by_table[base], parts, keep)
            if isinstance(found, Fault):
                faults.append(found)
            else:
                landed[table.name] = found
        elif not table.optional:
            landed[table.name] = build_missing_table(contract, table)
    return ({}, faults) if faults else (landed, [])


def _read_table(
    contract: Contract,
    extract: Extract,
    table: Table,
    mapped: TableMapping | None,
    file: ExtractFile,
    joined: Sequence[ExtractFile],
    keep: ChunkStore,
) -> LandedTable | Fault:
    others = []
    for declared, other in zip(mapped.files[1:] if mapped else (), joined, strict=True):
        cells = _read_joined_file(extract, other, _date_formatters(table, mapped, declared.name))
        if isinstance(cells, Fault):
            return Fault(f"In {other.name}: {cells.message}", cells.row, cells.sheet)
        others.append((declared, other.name, cells))
    with open_content(file, extract) as plain:
        if isinstance(plain, Fault):
            return plain
        pieces = read_cells(plain, extract, _date_formatters(table, mapped))
        return land_cells(contract, table, _check_delimiter(table, mapped, extract, pieces), keep, mapped, others)


def _read_joined_file(extract: Extract, file: ExtractFile, spelling: DateFormatters) -> CellBlock | Fault:
    """All cells of a file that joins another: each row of it may belong to any row of the base."""
    with open_content(file, extract) as plain:
        if isinstance(plain, Fault):
            return plain
        pieces = list(read_cells(plain, extract, spelling))
    fault = next((one for one in pieces if isinstance(one, Fault)), None)
    cells = [one for one in pieces if isinstance(one, CellBlock)]
    if fault is not None:
        return fault
    return replace(
        cells[0],
        frame=pl.concat([one.frame for one in cells], how="diagonal"),
        misshapen=pl.concat([one.misshapen for one in cells]),
    )


def _sort_files(
    contract: Contract, files: Sequence[ExtractFile], mapping: SystemMapping | None
) -> tuple[dict[str, ExtractFile], list[Fault]]:
    """Files by the table that they hold, or by what the mapping calls them."""
    found: dict[str, ExtractFile] = {}
    faults: list[Fault] = []
    for file in files:
        name = _find_table(contract, mapping, file)
        if name is None:
            faults.append(Fault("A file is for none of the return's tables. Name each file as agreed for its table."))
        elif name in found:
            faults.append(Fault(f"Two files are for the table “{name}”. Send one file for each table."))
        else:
            found[name] = file
    return found, faults


def _find_table(contract: Contract, mapping: SystemMapping | None, file: ExtractFile) -> str | None:
    if mapping and mapping.files:
        patterns = {one.name: one.pattern for one in mapping.files}
        known = frozenset(patterns)
    else:
        patterns = {table.name: table.file_pattern for table in contract.tables if table.file_pattern}
        known = frozenset(contract.by_name)
    if file.table is not None:
        return file.table if file.table in known else None
    if len(known) == 1:
        return next(iter(known))
    fitting = [name for name, pattern in patterns.items() if re.fullmatch(pattern, file.name)]
    return fitting[0] if len(fitting) == 1 else None


def _date_formatters(table: Table, mapped: TableMapping | None, name: str | None = None) -> DateFormatters:
    """How the days of a workbook are spelled: as the system, or else the item under whose header they stand, does."""

    def by_place(headers: Sequence[str]) -> Mapping[int, Callable[[date], str]]:
        positions = match_headers(table, headers, mapped, name).positions
        return {
            place: partial(_format_day, item, (mapped and mapped.spelled_dates(item)) or "")
            for item in table.items
            if item.type is ItemType.DATE
            for place in positions.get(item.name, ())
        }

    return by_place


def _format_day(item: Item, written: str, day: date) -> str:
    """A day in the form that the mapping says, or else the contract."""
    if written:
        return format_day(day, written)
    return day.strftime((item.date_format or "%Y-%m-%d").replace("%Y", f"{day.year:04d}"))


def _check_delimiter(
    table: Table, mapped: TableMapping | None, extract: Extract, pieces: Iterator[CellBlock | Fault]
) -> Iterator[CellBlock | Fault]:
    """The pieces of a file; a Fault where the declared delimiter makes one column of it, and another does better."""
    first = next(pieces)
    if extract.format is Format.CSV and isinstance(first, CellBlock) and len(first.header) == 1:

        def fits(headers: Sequence[str]) -> int:
            return len(match_headers(table, headers, mapped).positions)

        fault = None if fits(first.header) else find_other_delimiter(first.header[0], extract, first.header_row, fits)
        if fault is not None:
            yield fault
            return
    yield first
    yield from pieces


def _read_all_records(
    contract: Contract, extract: Extract, files: Sequence[ExtractFile], mapping: SystemMapping | None
) -> tuple[dict[str, LandedTable], list[Fault]]:
    try:
        records = _collect_records(extract, files, list_outer_paths(contract, mapping))
        return ({}, [records]) if isinstance(records, Fault) else land_records(contract, records, mapping)
    except RecursionError:
        return {}, [Fault("The JSON is nested far deeper than records are. Send a plain list of records.")]


def _collect_records(extract: Extract, files: Sequence[ExtractFile], beyond: Sequence[str]) -> list[Json] | Fault:
    records: list[Json] = []
    for file in files:
        with open_content(file, extract) as plain:
            found = plain if isinstance(plain, Fault) else read_records(plain, extract, beyond)
        if isinstance(found, Fault):
            return Fault(found.message, found.row and found.row + len(records))
        records += found
    return records
