"""The judgement of a submission: each rule tested once, each violation reported once, and the verdict.

One defect gives one finding. A row with missing or surplus cells is not tested further. A rule over several cells
(key, SQL, earlier period) is not tested in a row where an item that it names is in error, or is not understood,
already; in SQL a cell that could not be read is null.

Belongs here: the order of the tests, the rows excluded from them, and the verdict. Belongs elsewhere: any single test,
and the findings' words (``finding_messages``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.handover.extract_reading import Reading
from lgdp_pipelines.handover.findings import MAX_LISTED
from lgdp_pipelines.handover.judgement_values import Repair, RuleOutcome
from lgdp_pipelines.handover.prefetch import prefetch_map
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Rule, Table
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.validation.cell_rules import CELL_RULE_ORDER, CellViolations, check_cell_rules
from lgdp_pipelines.validation.derived_items import DerivedColumns, build_validated_schema
from lgdp_pipelines.validation.finding_messages import build_findings
from lgdp_pipelines.validation.judging_context import JudgingContext
from lgdp_pipelines.validation.normalisation import Normaliser
from lgdp_pipelines.validation.rule_violations import NO_ROWS, RuleViolations, add_query_scopes
from lgdp_pipelines.validation.source_mapping import MappingTranslator, TranslationCount, add_mapping_reasons
from lgdp_pipelines.validation.table_rules import TableRows, check_table_rules, list_items_named, list_tables_read
from lgdp_pipelines.validation.type_parsing import TypedChunk, parse_chunk
from lgdp_pipelines.vocabulary.table_columns import ROW
from lgdp_pipelines.vocabulary.verdicts import RuleKind, RuleResult, Severity, Verdict


@dataclass(frozen=True)
class ValidationResult:
    """The result of judging a submission.

    Attributes:
        verdict: accepted, queried or rejected.
        findings: frame of ``FINDING_SCHEMA``, by table, row and rule; of each rule the first :data:`MAX_LISTED`.
        outcomes: one outcome for each rule of the contract, in the contract's order, with the full number of failures;
            ``reason`` says how many findings are not listed, or why a rule was not run.
        tables: validated tables by name: items in their types, ``<measure>_status``, ``_repairs``, ``_row``; without
            the tables and rows that could not be judged. Files on disk stay there until the run is over.
        translated: number of cells that a mapping translated; the reasons in ``outcomes`` say it too.
        repairs: number of cells that were brought into the contract's own spelling.
    """

    verdict: Verdict
    findings: pl.DataFrame
    outcomes: tuple[RuleOutcome, ...]
    tables: Mapping[str, ChunkedFrame]
    translated: tuple[TranslationCount, ...] = ()
    repairs: tuple[Repair, ...] = ()


def judge(reading: Reading, context: JudgingContext) -> ValidationResult:
    """Return the result of testing a submission against its contract's rules.

    Raises:
        LgdpError: a rule cannot be run.
    """
    contract = context.contract
    landed = {outcome.rule: outcome for outcome in reading.outcomes}
    excluded = _find_excluded_data(contract, reading)
    untested = [rule for rule in list_rules(contract) if rule.id not in landed]
    reasons = {rule.id: _explain_not_run(contract, rule, reading.tables, excluded) for rule in untested}
    violations = {rule_id: RuleViolations(reason=reason) for rule_id, reason in reasons.items() if reason}
    rules = [rule for rule in untested if rule.id not in violations]
    judges = {
        table.name: _TableJudge(table, rules, excluded.rows[table.name], context)
        for table in contract.tables
        if table.name not in excluded.tables
    }
    typed = {
        name: context.spool.store(
            table_judge.judge(reading.tables.get(name, ())), build_validated_schema(contract.by_name[name])
        )
        for name, table_judge in judges.items()
    }
    for table_judge in judges.values():
        violations |= table_judge.violations
    in_error = {
        (name, item): pl.concat(rows)
        for name, table_judge in judges.items()
        for item, rows in table_judge.in_error.items()
    }
    table_rules = [rule for rule in rules if rule.kind not in CELL_RULE_ORDER]
    violations |= check_table_rules(table_rules, TableRows(reading.tables, typed, in_error), context)
    outcomes = tuple(
        _note_unlisted_findings(landed.get(rule.id) or violations[rule.id].outcome(rule))
        for rule in list_rules(contract)
    )
    translated = tuple(count for table_judge in judges.values() for count in table_judge.translated)
    if context.mapping is not None:
        outcomes = add_mapping_reasons(contract, outcomes, context.mapping, translated)
    outcomes = add_query_scopes(contract, outcomes, violations, typed)
    return ValidationResult(
        verdict=_decide_verdict(contract, outcomes),
        findings=build_findings(contract, violations, typed, reading),
        outcomes=outcomes,
        tables={name: table for name, table in typed.items() if name in reading.tables},
        translated=translated,
        repairs=tuple(repair for table_judge in judges.values() for repair in table_judge.normaliser.repairs),
    )


@dataclass(frozen=True)
class _ExcludedData:
    """The rows and columns that landing errors exclude from validation.

    Attributes:
        tables: names of tables without usable columns.
        items: table and name of items without a column of their own.
        rows: ``_row`` of rows with missing or surplus cells, by table name.
    """

    tables: frozenset[str]
    items: frozenset[tuple[str, str]]
    rows: Mapping[str, pl.Series]


def _find_excluded_data(contract: Contract, reading: Reading) -> _ExcludedData:
    """Return the tables, columns and rows excluded from validation by landing errors.

    A finding about columns that names a row means that the row has missing or surplus cells; one that names an item and
    no row means that the item has no column; one that names neither means that the table has no usable columns.
    """
    column_rules = [rule.id for rule in list_rules(contract) if rule.kind is RuleKind.COLUMNS]
    column_findings = reading.findings.filter(pl.col("rule").is_in(column_rules))
    names = {(table.name, item.urn): item.name for table in contract.tables for item in table.items}
    without_row = list(column_findings.filter(pl.col("row").is_null()).select("table", "item").iter_rows())
    with_row = column_findings.drop_nulls("row").unique(["table", "row"])
    return _ExcludedData(
        tables=frozenset(table for table, urn in without_row if urn is None),
        items=frozenset((table, names[table, urn]) for table, urn in without_row if urn is not None),
        rows={
            table.name: pl.concat(
                [
                    with_row.filter(pl.col("table") == table.name).get_column("row").alias(ROW),
                    reading.unlisted_rows.get(table.name, NO_ROWS),
                ]
            )
            for table in contract.tables
        },
    )


def _explain_not_run(
    contract: Contract, rule: Rule, tables: Mapping[str, ChunkedFrame], excluded: _ExcludedData
) -> str:
    """Return why a rule cannot be run; empty if it can."""
    if not tables:
        return "The extract cannot be read."
    tables_read = list_tables_read(rule)
    unusable = [contract.by_name[name].title for name in sorted(tables_read & excluded.tables)]
    if unusable:
        return f"The table “{unusable[0]}” is missing, or its columns are."
    if rule.table not in tables:
        return "The submission came without this table, which is optional."
    names = list_items_named(rule)
    needed = contract.by_name[rule.table].with_sources(names) if rule.table else frozenset(names)
    headers = [
        contract.by_name[table].by_name[name].header
        for table, name in sorted(excluded.items)
        if table in tables_read and name in needed
    ]
    return f"The column “{headers[0]}” is missing, or is there more than once." if headers else ""


class _TableJudge:
    """Judges a table's cells, chunk by chunk.

    Attributes:
        violations: violations of each rule about a cell so far, by rule id.
        in_error: ``_row`` of the cells that explain other violations in their row, by item; only of the items that a
            rule over several cells names.
        normaliser: counts the repairs.
    """

    def __init__(self, table: Table, rules: Sequence[Rule], excluded: pl.Series, context: JudgingContext) -> None:
        self._table, self._excluded, self._context = table, excluded.to_frame(), context
        self._translator = MappingTranslator(context.mapping, table, context) if context.mapping else None
        self.normaliser = Normaliser(table, context)
        self._derived = DerivedColumns(table, context)
        self._rules = [rule for rule in rules if rule.table == table.name and rule.kind in CELL_RULE_ORDER]
        self._named = frozenset(
            item
            for rule in rules
            if rule.kind not in CELL_RULE_ORDER and table.name in list_tables_read(rule)
            for item in list_items_named(rule)
        )
        self.violations = {rule.id: RuleViolations() for rule in self._rules}
        self.in_error: dict[str, list[pl.Series]] = {}

    def judge(self, landed: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield the typed rows of each chunk, and collect its violations."""
        for typed, cells in prefetch_map(self._read, map(self._prepare, landed)):
            for rule_id, violations in cells.violations.items():
                self.violations[rule_id] = self.violations[rule_id].join_later(violations)
            in_error = self._derived.extend_errors(cells.in_error)
            for item in self._named & in_error.keys():
                self.in_error.setdefault(item, []).append(in_error[item])
            yield self._derived.add_to(typed.frame)

    def _prepare(self, landed: pl.DataFrame) -> pl.DataFrame:
        """Return a landed chunk without excluded rows, translated by any mapping."""
        if not self._excluded.is_empty():
            landed = landed.join(self._excluded, on=ROW, how="anti", maintain_order="left")
        return self._translator.translate(landed) if self._translator else landed

    def _read(self, text: pl.DataFrame) -> tuple[TypedChunk, CellViolations]:
        """Normalise, parse and check a chunk; return its values and violations.

        Two chunks may be read at a time.
        """
        typed = parse_chunk(self._table, self.normaliser.normalise(text), self._context)
        return typed, check_cell_rules(self._table, self._rules, typed, self._context)

    @property
    def translated(self) -> tuple[TranslationCount, ...]:
        """Numbers of cells that a mapping has translated so far."""
        return self._translator.counts if self._translator else ()


def _note_unlisted_findings(outcome: RuleOutcome) -> RuleOutcome:
    """Return the outcome, with a reason if some findings are not listed."""
    if outcome.failed <= MAX_LISTED:
        return outcome
    reason = f"The first {MAX_LISTED} findings are listed, {outcome.failed - MAX_LISTED} more are not."
    return replace(outcome, reason=reason)


def _decide_verdict(contract: Contract, outcomes: Sequence[RuleOutcome]) -> Verdict:
    """Return the verdict that the severest broken rule gives."""
    failed = {outcome.rule for outcome in outcomes if outcome.result is RuleResult.FAILED}
    severities = {rule.severity for rule in list_rules(contract) if rule.id in failed}
    if Severity.ERROR in severities:
        return Verdict.REJECTED
    return Verdict.QUERIED if Severity.QUERY in severities else Verdict.ACCEPTED
