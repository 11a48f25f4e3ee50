"""The judgement of a submission: each rule tested once, each broken place told once, and what it comes to.

One defect gives one finding. A row whose cells cannot be told apart is not judged further. A cell that is no value of
its type is not also held against codes, bounds or patterns, and a cell has at most one error of its own. A rule over
several cells (key, SQL, earlier period) is not held against a row in which one of the items it names is in error, or is
not understood, already; in SQL a cell that did not read is null.
What belongs here: the order of the tests, and what follows from one for another. What does not: any single test.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from lgdp_pipelines.handover.chunked_frame import Pieces
from lgdp_pipelines.handover.extract_reading import Reading
from lgdp_pipelines.handover.findings import LISTED, RuleOutcome
from lgdp_pipelines.handover.prefetch import each_ahead
from lgdp_pipelines.handover.repairs import Repair
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Rule, Table
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.validation.cell_rules import CELL_RULE_ORDER, CellViolations, check_cell_rules
from lgdp_pipelines.validation.derived_items import DerivedColumns, validated_schema
from lgdp_pipelines.validation.finding_messages import build_findings
from lgdp_pipelines.validation.judging_context import JudgingContext
from lgdp_pipelines.validation.normalisation import Normaliser
from lgdp_pipelines.validation.query_scopes import add_query_scopes
from lgdp_pipelines.validation.rule_result import RuleViolations
from lgdp_pipelines.validation.source_mapping import MappingTranslator, TranslationCount, add_mapping_reasons
from lgdp_pipelines.validation.table_rules import TableRows, check_table_rules, items_named_by, tables_read_by
from lgdp_pipelines.validation.type_parsing import ROW, TypedChunk, parse_chunk
from lgdp_pipelines.validation.unreadable import explain_not_run, find_excluded_data
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Severity, Verdict


@dataclass(frozen=True)
class ValidationResult:
    """What judging a submission came to.

    Attributes:
        verdict: accepted, queried or rejected.
        findings: frame of ``FINDING_SCHEMA``, by table, row and rule; of each rule the first :data:`LISTED`.
        results: one outcome for each rule of the contract, in the contract's order, with the full number of failures;
            ``reason`` says how many findings are not listed, or why a rule was not run.
        tables: validated, by name: items in their types, ``<measure>_status``, ``_repairs``, ``_row``; of the tables
            and rows that could be judged. What of them lies on disk is there until the run is over.
        translated: how many cells a mapping has translated; ``results`` say it too, as reasons.
        repairs: how many cells were brought into the contract's own spelling.
    """

    verdict: Verdict
    findings: pl.DataFrame
    results: tuple[RuleOutcome, ...]
    tables: Mapping[str, Pieces]
    translated: tuple[TranslationCount, ...] = ()
    repairs: tuple[Repair, ...] = ()


def judge(reading: Reading, context: JudgingContext) -> ValidationResult:
    """Judge a landed submission by its contract.

    Raises:
        LgdpError: a rule cannot be run.
    """
    contract, tables, mapping = context.contract, reading.tables, context.mapping
    contract_rules = list_rules(contract)
    landed = {outcome.rule: outcome for outcome in reading.results}
    excluded = find_excluded_data(contract, reading.findings, reading.unlisted)
    rules = [rule for rule in contract_rules if rule.id not in landed]
    violations = {
        rule.id: RuleViolations(reason=reason)
        for rule in rules
        if (reason := explain_not_run(contract, rule, tables, excluded))
    }
    rules = [rule for rule in rules if rule.id not in violations]
    cells = {
        table.name: _Cells(table, rules, excluded.rows[table.name], context)
        for table in contract.tables
        if table.name not in excluded.tables
    }
    typed = {
        name: context.spill.keep(
            table_cells.typed(tables.get(name, _NOT_SENT)), validated_schema(contract.by_name[name])
        )
        for name, table_cells in cells.items()
    }
    for table_cells in cells.values():
        violations |= table_cells.violations
    in_error = {
        (name, item): pl.concat(rows)
        for name, table_cells in cells.items()
        for item, rows in table_cells.in_error.items()
    }
    violations |= check_table_rules(
        [rule for rule in rules if rule.kind not in CELL_RULE_ORDER], TableRows(tables, typed, in_error), context
    )
    outcomes = tuple(
        _limit_listing(landed.get(rule.id) or _outcome(rule, violations[rule.id])) for rule in contract_rules
    )
    translated = tuple(count for table_cells in cells.values() for count in table_cells.translated)
    if mapping is not None:
        outcomes = add_mapping_reasons(contract, outcomes, mapping, translated)
    outcomes = add_query_scopes(contract, contract_rules, outcomes, violations, typed)
    return ValidationResult(
        verdict=_verdict(contract, outcomes),
        findings=build_findings(contract, violations, typed, reading),
        results=outcomes,
        tables={name: table for name, table in typed.items() if name in tables},
        translated=translated,
        repairs=tuple(repair for table_cells in cells.values() for repair in table_cells.normaliser.counted),
    )


_NOT_SENT: Sequence[pl.DataFrame] = ()


class _Cells:
    """The judging of a table's cells, piece by piece.

    Attributes:
        violations: what each rule about a cell has found so far, by rule id.
        in_error: ``_row`` of the cells that explain what else is wrong in their row, by item: of the items that a rule
            over several cells names.
    """

    def __init__(
        self,
        table: Table,
        rules: Sequence[Rule],
        lost: pl.Series,
        context: JudgingContext,
    ) -> None:
        self._translation = MappingTranslator(context.mapping, table, context) if context.mapping else None
        self.normaliser = Normaliser(table, context)
        self._deriving = DerivedColumns(table, context)
        self._table, self._lost, self._submitted = table, lost.to_frame(), context
        self._rules = [rule for rule in rules if rule.table == table.name and rule.kind in CELL_RULE_ORDER]
        named = [
            items_named_by(rule)
            for rule in rules
            if rule.kind not in CELL_RULE_ORDER and table.name in tables_read_by(rule)
        ]
        self._named = frozenset(item for items in named for item in items)
        self.violations = {rule.id: RuleViolations() for rule in self._rules}
        self.in_error: dict[str, list[pl.Series]] = {}

    def typed(self, landed: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The values of each piece, which is judged on the way."""
        for typed, broken in each_ahead(self._read, map(self._text, landed)):
            for rule, test in broken.violations.items():
                self.violations[rule] = self.violations[rule].and_further_on(test)
            in_error = self._deriving.in_error(broken.in_error)
            for item in self._named & in_error.keys():
                self.in_error.setdefault(item, []).append(in_error[item])
            yield self._deriving.of(typed.frame)

    def _text(self, landed: pl.DataFrame) -> pl.DataFrame:
        """A piece as the contract asks for it."""
        told_apart = self._told_apart(landed)
        return self._translation.of(told_apart) if self._translation else told_apart

    def _read(self, text: pl.DataFrame) -> tuple[TypedChunk, CellViolations]:
        """The values of a piece, and what is wrong with its cells. Two pieces may be read at a time."""
        spelt = self.normaliser.of(text)
        typed = parse_chunk(self._table, spelt.text, spelt.shaped, self._submitted, spelt.read)
        return typed, check_cell_rules(self._table, self._rules, typed, self._submitted)

    @property
    def translated(self) -> tuple[TranslationCount, ...]:
        """How many cells a mapping has translated so far."""
        return self._translation.counted if self._translation else ()

    def _told_apart(self, piece: pl.DataFrame) -> pl.DataFrame:
        """The rows whose cells can be told apart."""
        return piece if self._lost.is_empty() else piece.join(self._lost, on=ROW, how="anti", maintain_order="left")


def _outcome(rule: Rule, test: RuleViolations) -> RuleOutcome:
    return RuleOutcome.not_run(rule, test.reason) if test.reason else RuleOutcome.of(rule, test.failed)


def _limit_listing(outcome: RuleOutcome) -> RuleOutcome:
    """The outcome, saying so where not all of its findings are listed."""
    if outcome.failed <= LISTED:
        return outcome
    reason = f"The first {LISTED} findings are listed, {outcome.failed - LISTED} more are not."
    return replace(outcome, reason=reason)


def _verdict(contract: Contract, outcomes: Sequence[RuleOutcome]) -> Verdict:
    failed = {outcome.rule for outcome in outcomes if outcome.result is RuleResult.FAILED}
    severities = {rule.severity for rule in list_rules(contract) if rule.id in failed}
    if Severity.ERROR in severities:
        return Verdict.REJECTED
    return Verdict.QUERIED if Severity.QUERY in severities else Verdict.ACCEPTED
