"""Extract reader: the files of a submission as tables of text; the entry point of this package.

The declared format alone decides the reader of a file, here and nowhere else: a new format is added here. Belongs here:
from files to tables, and the outcome of each rule that reading tests (``readable``, ``columns``, ``extra_columns``).
Belongs elsewhere: reading one format, and the meaning of a cell (``validation``).

The location of a ``columns`` finding determines its exclusion from validation: with a row, that row, whose cells
cannot be told apart; with an item and no row, the item; with neither, the table.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from typing import BinaryIO

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkStore, store_in_memory
from lgdp_pipelines.handover.extract_reading import ExtractFile, Fault, Reading
from lgdp_pipelines.handover.findings import build_finding_rows, concat_findings
from lgdp_pipelines.handover.judgement_values import RuleOutcome
from lgdp_pipelines.landing.cell_block import CellBlock
from lgdp_pipelines.landing.csv_reader import read_csv
from lgdp_pipelines.landing.file_containers import check_declared, open_unpacked
from lgdp_pipelines.landing.header_matching import list_headers, match_headers
from lgdp_pipelines.landing.json_reader import Json, read_json, read_ndjson
from lgdp_pipelines.landing.landed_records import land_records
from lgdp_pipelines.landing.landed_tables import LandedTable, build_missing_table, land_cells
from lgdp_pipelines.landing.text_decoding import DecodingFault, read_utf8
from lgdp_pipelines.landing.workbook_reader import DateFormatters, choose_sheet, read_sheet
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.extract_format import DELIMITERS, ExtractFormat, FileFormat
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
    """Return a submission's tables of text, findings and outcomes of reading rules.

    Args:
        contract: that the submission answers.
        files: CSV and workbooks: one for each table; records: one or more, in order.
        mapping: of the system's export to the contract; None: the files are in the contract's own form.
        store: stores the chunks of the tables, each before the next is read.

    Returns:
        Tables, findings, and an outcome for each rule of :data:`READING_RULE_KINDS`. Bytes that cannot be read give a
        finding and :attr:`Reading.unreadable_reason`, not an exception.
    """
    rules = [rule for rule in list_rules(contract) if rule.kind in READING_RULE_KINDS]
    readable = next(rule for rule in rules if rule.kind is RuleKind.READABLE)
    extract_format = (mapping and mapping.extract) or contract.extract
    if extract_format.format.is_records:
        landed, faults = _read_all_records(contract, extract_format, files, mapping)
    else:
        landed, faults = _read_tables(contract, extract_format, files, mapping, store)
    rows = {name: table.rows for name, table in landed.items() if table.rows is not None}
    if rows and not any(table_rows.height for table_rows in rows.values()):
        # If accepted, it would remove the current rows.
        remedy = " Where there is nothing to report, send a nil return instead." if contract.nil_return else ""
        faults.append(
            Fault(f"The extract has no rows. Check that the export took the right council and period.{remedy}")
        )
    fault_findings = [
        build_finding_rows(readable, fault.message, rows=[fault.row], sheet=fault.sheet) for fault in faults
    ]
    findings = concat_findings([*fault_findings, *(table.findings for table in landed.values())])
    return Reading(
        tables=rows,
        findings=findings,
        outcomes=_build_outcomes(rules, findings, landed),
        unreadable_reason=None if landed else " ".join(fault.message for fault in faults),
        headers={name: landed[name].headers for name in rows},
        sheets={name: table.sheet for name, table in landed.items() if table.sheet is not None},
        unlisted_rows={name: table.unlisted_rows for name, table in landed.items()},
    )


def _build_outcomes(
    rules: Sequence[Rule], findings: pl.DataFrame, landed: Mapping[str, LandedTable]
) -> tuple[RuleOutcome, ...]:
    """Return each rule's outcome from findings; not run for absent tables."""
    counts: dict[str, int] = dict(findings.group_by("rule").len().iter_rows())
    reason = "The submission came without this table, which is optional." if landed else "The extract cannot be read."
    return tuple(
        RuleOutcome.not_run(rule, reason)
        if rule.table and rule.table not in landed
        else RuleOutcome.from_count(rule, counts.get(rule.id, 0) + _count_unlisted(rule, landed))
        for rule in rules
    )


def _count_unlisted(rule: Rule, landed: Mapping[str, LandedTable]) -> int:
    """Return a columns rule's number of unlisted rows; 0 for other rules."""
    return landed[rule.table].unlisted_rows.len() if rule.kind is RuleKind.COLUMNS else 0


def _read_tables(
    contract: Contract,
    extract_format: ExtractFormat,
    files: Sequence[ExtractFile],
    mapping: SystemMapping | None,
    store: ChunkStore,
) -> tuple[dict[str, LandedTable], list[Fault]]:
    """Return the tables by name, or else only the faults.

    A file that cannot be read leaves no tables, since other tables may depend on its rows.
    """
    files_by_name, faults = _sort_files(contract, files, mapping)
    landed: dict[str, LandedTable] = {}
    for table in contract.tables:
        table_mapping = mapping.tables.get(table.name) if mapping else None
        names = [file.name for file in table_mapping.files] if table_mapping and table_mapping.files else [table.name]
        missing = [name for name in names if name not in files_by_name]
        if names[0] in missing:
            if not table.optional:
                landed[table.name] = build_missing_table(contract, table)
        elif missing:
            faults += [
                Fault(f"The file “{name}” of the export is missing. Send it with the others.") for name in missing
            ]
        else:
            try:
                table_files = [files_by_name[name] for name in names]
                landed[table.name] = _read_table(contract, extract_format, table, table_mapping, table_files, store)
            except Fault as fault:
                faults.append(fault)
    return ({}, faults) if faults else (landed, [])


def _read_table(
    contract: Contract,
    extract_format: ExtractFormat,
    table: Table,
    table_mapping: TableMapping | None,
    files: Sequence[ExtractFile],
    store: ChunkStore,
) -> LandedTable:
    """Return the table that a base file and its joined files hold."""
    joined_files = list(zip(table_mapping.files, files, strict=False))[1:] if table_mapping else []
    joined_blocks = [
        (
            declared,
            file.name,
            _read_joined_file(extract_format, file, _build_date_formatters(table, table_mapping, declared.name)),
        )
        for declared, file in joined_files
    ]
    with open_content(files[0], extract_format) as content:
        blocks = read_cells(content, extract_format, _build_date_formatters(table, table_mapping))
        return land_cells(
            contract,
            table,
            _check_delimiter(table, table_mapping, extract_format, blocks),
            store,
            table_mapping,
            joined_blocks,
        )


def _read_joined_file(extract_format: ExtractFormat, file: ExtractFile, date_formatters: DateFormatters) -> CellBlock:
    """Return all cells of a joined file in one block."""
    try:
        with open_content(file, extract_format) as content:
            blocks = list(read_cells(content, extract_format, date_formatters))
    except Fault as fault:
        raise Fault(f"In {file.name}: {fault.message}", fault.row, fault.sheet) from None
    return replace(
        blocks[0],
        frame=pl.concat([block.frame for block in blocks], how="diagonal"),
        misshapen=pl.concat([block.misshapen for block in blocks]),
    )


def _sort_files(
    contract: Contract, files: Sequence[ExtractFile], mapping: SystemMapping | None
) -> tuple[dict[str, ExtractFile], list[Fault]]:
    """Return files by their table's or mapped file's name, and the faults."""
    files_by_name: dict[str, ExtractFile] = {}
    faults: list[Fault] = []
    for file in files:
        name = _find_table(contract, mapping, file)
        if name is None:
            faults.append(Fault("A file matches no table of the return. Name each file as agreed for its table."))
        elif name in files_by_name:
            faults.append(Fault(f"Two files are for the table “{name}”. Send one file for each table."))
        else:
            files_by_name[name] = file
    return files_by_name, faults


def _find_table(contract: Contract, mapping: SystemMapping | None, file: ExtractFile) -> str | None:
    """Return the table or mapped file's name; None unless exactly one matches."""
    if mapping and mapping.files:
        patterns = {declared.name: declared.pattern for declared in mapping.files}
        names = frozenset(patterns)
    else:
        patterns = {table.name: table.file_pattern for table in contract.tables if table.file_pattern}
        names = frozenset(contract.by_name)
    if file.table is not None:
        return file.table if file.table in names else None
    if len(names) == 1:
        return next(iter(names))
    matching = [name for name, pattern in patterns.items() if re.fullmatch(pattern, file.name)]
    return matching[0] if len(matching) == 1 else None


@contextmanager
def open_content(file: ExtractFile, extract_format: ExtractFormat) -> Iterator[BinaryIO]:
    """Give a block a file's unpacked content, checked against the declared format.

    Raises:
        Fault: the file is not as declared, or cannot be unpacked.
    """
    with file.open() as packed_file, open_unpacked(packed_file, extract_format) as content:
        check_declared(content, extract_format)
        yield content


def read_cells(file: BinaryIO, extract_format: ExtractFormat, date_formatters: DateFormatters) -> Iterator[CellBlock]:
    """Yield the cells of a CSV file or sheet in blocks.

    Args:
        file: out of its container.
        extract_format: as declared.
        date_formatters: writes the days of each date column of a workbook.

    Raises:
        Fault: the file, or the rest of it, cannot be read.
    """
    if not extract_format.format.is_workbook:
        yield from read_csv(file, extract_format)
        return
    # Most returns are CSV, and importing lxml and xlrd takes longer than reading one of them.
    from lgdp_pipelines.landing.workbook_formats import open_xls, open_xlsx  # noqa: PLC0415

    sheets = open_xlsx(file) if extract_format.format is FileFormat.XLSX else open_xls(file.read())
    yield read_sheet(choose_sheet(sheets, extract_format.sheet), extract_format, date_formatters)


def read_records(file: BinaryIO, extract_format: ExtractFormat, outer_paths: Sequence[str]) -> list[Json]:
    """Return the records of a JSON, NDJSON or XML file.

    Args:
        file: out of its container.
        extract_format: as declared.
        outer_paths: XML: paths of items outside the record.

    Raises:
        Fault: the file cannot be read.
        RecursionError: the JSON is nested deeper than Python reads.
    """
    if extract_format.format is FileFormat.XML:
        from lgdp_pipelines.landing.xml_reader import read_xml  # noqa: PLC0415 - lxml is for this format alone

        return read_xml(file, extract_format.records_at, outer_paths)
    text = read_utf8(file, extract_format.encoding)
    if isinstance(text, DecodingFault):
        raise Fault(f"Line {text.before.count(chr(10)) + 1} cannot be read. {text.message}")
    return (
        read_ndjson(text.decode())
        if extract_format.format is FileFormat.NDJSON
        else read_json(text.decode(), extract_format.records_at)
    )


def _build_date_formatters(
    table: Table, table_mapping: TableMapping | None, file_name: str | None = None
) -> DateFormatters:
    """Return a function from headers to the day formatters of date columns."""

    def by_position(headers: Sequence[str]) -> Mapping[int, Callable[[date], str]]:
        """Return each date column's function that writes days, by position."""
        positions = match_headers(table, headers, table_mapping, file_name).positions
        return {
            position: partial(_format_day, item, table_mapping)
            for item in table.items
            if item.type is ItemType.DATE
            for position in positions.get(item.name, ())
        }

    return by_position


def _format_day(item: Item, table_mapping: TableMapping | None, day: date) -> str:
    """Return a day in the mapping's date format, or else the contract's."""
    mapped_format = table_mapping.find_date_format(item) if table_mapping else ""
    return format_day(day, mapped_format or item.date_format or "yyyy-MM-dd")


def _check_delimiter(
    table: Table, table_mapping: TableMapping | None, extract_format: ExtractFormat, blocks: Iterator[CellBlock]
) -> Iterator[CellBlock]:
    """Yield the blocks, or raise if another delimiter yields known headers.

    Raises:
        Fault: it names the delimiter by which items are found.
    """

    def count_items(headers: Sequence[str]) -> int:
        """Return the number of items that headers name."""
        return len(match_headers(table, headers, table_mapping).positions)

    first = next(blocks)
    if extract_format.format is FileFormat.CSV and len(first.header) == 1 and not count_items(first.header):
        counts = {
            delimiter: count_items(next(csv.reader(first.header, delimiter=delimiter), []))
            for delimiter in DELIMITERS
            if delimiter != extract_format.delimiter and delimiter in first.header[0]
        }
        best = max(counts, key=lambda delimiter: counts[delimiter], default="")
        if counts.get(best):
            raise Fault(
                f"The cells are separated by {DELIMITERS[best]}, and should be by {extract_format.between_cells}. "
                "Export it again so.",
                first.header_row,
            )
    yield first
    yield from blocks


def _read_all_records(
    contract: Contract, extract_format: ExtractFormat, files: Sequence[ExtractFile], mapping: SystemMapping | None
) -> tuple[dict[str, LandedTable], list[Fault]]:
    """Return tables of records and faults; no tables if records are unreadable."""
    outer_paths = dict.fromkeys(path for path in list_headers(contract, mapping) if path.startswith("../"))
    records: list[Json] = []
    try:
        for file in files:
            with open_content(file, extract_format) as content:
                records += read_records(content, extract_format, tuple(outer_paths))
        return land_records(contract, records, mapping)
    except Fault as fault:
        return {}, [Fault(fault.message, fault.row and fault.row + len(records))]
    except RecursionError:
        return {}, [Fault("The JSON is nested far deeper than records are. Send a plain list of records.")]
