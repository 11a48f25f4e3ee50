"""Reading a submission's extract into tables of text: the door of this package.

What belongs here: from files to tables, and the outcome of each rule that reading tests (``readable``, ``columns``,
``extra_columns``). What does not: formats (``csv_cells``, ``json_records``) and what a cell means (``validation``).

A finding of ``columns`` says by its place how much it spoils: with a row, that row's cells cannot be told apart and
nothing else is said of it; with an item and no row, the item cannot be judged; with neither, the table cannot.
"""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from lgdp_pipelines.landing.csv_cells import Cells, read_cells, row_after
from lgdp_pipelines.landing.encoding import Undecodable, as_utf8
from lgdp_pipelines.landing.extract import ExtractFile, Fault, Reading
from lgdp_pipelines.landing.json_records import Json, read_records
from lgdp_pipelines.landing.json_tables import landed_records
from lgdp_pipelines.landing.tables import Landed, landed_cells, not_sent
from lgdp_pipelines.ledger.findings import RuleOutcome, finding_rows, gathered
from lgdp_pipelines.register.extract import Format
from lgdp_pipelines.register.model import Contract
from lgdp_pipelines.register.parts import Rule
from lgdp_pipelines.register.rules import rules_of
from lgdp_pipelines.standards.rules import RuleKind
from lgdp_pipelines.storage.pieces import Pieces


def read_extract(contract: Contract, files: Sequence[ExtractFile]) -> Reading:
    """The tables of text that the files of one submission hold.

    Args:
        contract: that the submission answers.
        files: CSV: one for each table; JSON: one or more, read as one after the other.

    Returns:
        Tables, findings, and an outcome for each rule of the kinds ``readable``, ``columns`` and ``extra_columns``.
        Bytes that cannot be read are a finding and :attr:`Reading.unreadable`, not an exception.
    """
    rules = [rule for rule in rules_of(contract) if rule.kind in _TESTED_HERE]
    readable = next(rule for rule in rules if rule.kind is RuleKind.READABLE)
    landed, faults = (_csv if contract.extract.format is Format.CSV else _json)(contract, files)
    faulty = [finding_rows(readable, fault.what, rows=[fault.row]) for fault in faults]
    findings = gathered([*faulty, *(one.findings for one in landed.values())])
    return Reading(
        tables={name: Pieces.of(one.frame) for name, one in landed.items() if one.frame is not None},
        findings=findings,
        results=_outcomes(rules, findings, landed),
        unreadable=None if landed else " ".join(fault.what for fault in faults),
        headers={name: one.headers for name, one in landed.items() if one.frame is not None},
        sheets={name: one.sheet for name, one in landed.items() if one.sheet is not None},
    )


_TESTED_HERE = frozenset({RuleKind.READABLE, RuleKind.COLUMNS, RuleKind.EXTRA_COLUMNS})


def _outcomes(rules: Sequence[Rule], findings: pl.DataFrame, landed: Mapping[str, Landed]) -> tuple[RuleOutcome, ...]:
    failed: dict[str, int] = dict(findings.group_by("rule").len().iter_rows())
    absent = "The submission came without this table, which is optional." if landed else "The extract cannot be read."
    return tuple(
        RuleOutcome.not_run(rule, absent)
        if rule.table and rule.table not in landed
        else RuleOutcome.of(rule, failed.get(rule.id, 0))
        for rule in rules
    )


def _csv(contract: Contract, files: Sequence[ExtractFile]) -> tuple[dict[str, Landed], list[Fault]]:
    """Tables by name; none where a file cannot be read, since its rows may be what the others lean on."""
    by_table, faults = _by_table(contract, files)
    landed: dict[str, Landed] = {}
    for table in contract.tables:
        if table.name in by_table:
            cells = _cells(contract, by_table[table.name])
            if isinstance(cells, Fault):
                faults.append(cells)
            else:
                landed[table.name] = landed_cells(contract, table, cells)
        elif not table.optional:
            landed[table.name] = not_sent(contract, table)
    return ({}, faults) if faults else (landed, [])


def _by_table(contract: Contract, files: Sequence[ExtractFile]) -> tuple[dict[str, ExtractFile], list[Fault]]:
    found: dict[str, ExtractFile] = {}
    faults: list[Fault] = []
    for file in files:
        name = _table_of(contract, file)
        if name is None:
            faults.append(Fault("A file is for none of the return's tables. Name each file as agreed for its table."))
        elif name in found:
            faults.append(Fault(f"Two files are for the table “{name}”. Send one file for each table."))
        else:
            found[name] = file
    return found, faults


def _table_of(contract: Contract, file: ExtractFile) -> str | None:
    if file.table is not None:
        return file.table if file.table in contract.by_name else None
    if len(contract.tables) == 1:
        return contract.tables[0].name
    fitting = [
        table.name for table in contract.tables if table.file_pattern and re.fullmatch(table.file_pattern, file.name)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _cells(contract: Contract, file: ExtractFile) -> Cells | Fault:
    text = as_utf8(file.bytes(), contract.extract.encoding)
    if isinstance(text, Undecodable):
        return Fault(text.what, row_after(text.before, contract.extract.delimiter))
    return read_cells(text, contract.extract.delimiter)


def _json(contract: Contract, files: Sequence[ExtractFile]) -> tuple[dict[str, Landed], list[Fault]]:
    try:
        records = _records(contract, files)
        return ({}, [records]) if isinstance(records, Fault) else landed_records(contract, records)
    except RecursionError:
        return {}, [Fault("The JSON is nested far deeper than records are. Send a plain list of records.")]


def _records(contract: Contract, files: Sequence[ExtractFile]) -> list[Json] | Fault:
    records: list[Json] = []
    for file in files:
        text = as_utf8(file.bytes(), contract.extract.encoding)
        if isinstance(text, Undecodable):
            line = text.before.count("\n") + 1
            return Fault(f"Line {line} cannot be read. {text.what}")
        found = read_records(text.decode(), contract.extract.records_at)
        if isinstance(found, Fault):
            return Fault(found.what, found.row and found.row + len(records))
        records += found
    return records
