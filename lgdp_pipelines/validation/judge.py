"""The judgement of a submission: each rule tested once, each broken place told once, and what it comes to.

One defect gives one finding. A row whose cells cannot be told apart is not judged further. A cell that is no value of
its type is not also held against codes, bounds or patterns, and a cell has at most one error of its own. A rule over
several cells (key, SQL, earlier period) is not held against a row in which one of the items it names is in error, or is
not understood, already; in SQL a cell that did not read is null.
What belongs here: the order of the tests, and what follows from one for another. What does not: any single test.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any

import polars as pl

from lgdp_pipelines.handover.chunked_frame import Pieces, Spill
from lgdp_pipelines.handover.findings import LISTED, RuleOutcome
from lgdp_pipelines.handover.prefetch import each_ahead
from lgdp_pipelines.handover.repairs import Repair
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.register.model.table_model import Rule, Table
from lgdp_pipelines.register.rules.contract_rules import rules_of
from lgdp_pipelines.validation.cell_rules import ORDER, BrokenCells, broken_cells
from lgdp_pipelines.validation.derived_items import Deriving, validated_schema
from lgdp_pipelines.validation.finding_messages import Places, told
from lgdp_pipelines.validation.normalisation import Repairing
from lgdp_pipelines.validation.prior_periods import Earlier
from lgdp_pipelines.validation.query_scopes import with_queries
from lgdp_pipelines.validation.reference_data import Absent, Besides, Others, no_others, none_accepted
from lgdp_pipelines.validation.rule_result import Tested
from lgdp_pipelines.validation.source_mapping import Translated, Translation, with_reasons
from lgdp_pipelines.validation.table_rules import across, named_in, reads
from lgdp_pipelines.validation.type_parsing import ROW, Submitted, Typed, typed_table
from lgdp_pipelines.validation.unreadable import spoiled, why_not
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Severity, Verdict

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Judgement:
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
    translated: tuple[Translated, ...] = ()
    repairs: tuple[Repair, ...] = ()


def judge(
    contract: Contract,
    register: Register,
    tables: Mapping[str, Pieces],
    findings: pl.DataFrame,
    results: Sequence[RuleOutcome],
    *,
    council: Council,
    period: Period,
    received_on: date,
    earlier: Earlier,
    spill: Spill,
    others: Others = no_others,
    absent: Absent = none_accepted,
    unlisted: Mapping[str, pl.Series] = _NONE,
    headers: Mapping[str, Mapping[str, str]] = _NONE,
    sheets: Mapping[str, str] = _NONE,
    mapping: SystemMapping | None = None,
) -> Judgement:
    """Judge a landed submission by its contract.

    Args:
        contract: that it answers.
        register: with its code lists and councils.
        tables: landed, by name: a string column for each item, and ``_row``.
        findings: of landing.
        results: of the rules that landing tested.
        council: whose account delivered it.
        period: that it is for.
        received_on: the day, in Scotland, on which its last byte came: nothing in it can be later.
        earlier: gives the council's rows of an earlier period.
        spill: keeps what does not fit into memory.
        others: gives the council's rows of other returns.
        absent: says why there are no rows of an earlier period or another return.
        unlisted: ``_row`` of rows whose cells cannot be told apart and that no finding lists, by table name.
        headers: by table name and item name, the header as the file has it; otherwise it is the contract's.
        sheets: by table name, the sheet that it was read from.
        mapping: how the system's export answers the contract; None: the extract is in the contract's own manner.

    Raises:
        LgdpError: a rule cannot be run.
    """
    submitted = Submitted(contract, register, council, period, received_on)
    done = {outcome.rule: outcome for outcome in results}
    lost = spoiled(contract, findings, unlisted)
    rules = [rule for rule in rules_of(contract) if rule.id not in done]
    tests = {rule.id: Tested(reason=reason) for rule in rules if (reason := why_not(contract, rule, tables, lost))}
    rules = [rule for rule in rules if rule.id not in tests]
    cells = {
        table.name: _Cells(table, rules, lost.rows[table.name], submitted, mapping)
        for table in contract.tables
        if table.name not in lost.tables
    }
    typed = {
        name: spill.keep(one.typed(tables.get(name, _NOT_SENT)), validated_schema(contract.by_name[name]))
        for name, one in cells.items()
    }
    for one in cells.values():
        tests |= one.tests
    tests |= across(
        [rule for rule in rules if rule.kind not in ORDER],
        landed=tables,
        tables=typed,
        in_error={(name, item): pl.concat(rows) for name, one in cells.items() for item, rows in one.in_error.items()},
        submitted=submitted,
        earlier=earlier,
        besides=Besides(submitted, others, absent, spill.keep),
        room=spill.room,
    )
    outcomes = tuple(_counted(done.get(rule.id) or _outcome(rule, tests[rule.id])) for rule in rules_of(contract))
    translated = tuple(told for one in cells.values() for told in one.translated)
    if mapping is not None:
        outcomes = with_reasons(contract, outcomes, mapping, translated)
    outcomes = with_queries(contract, rules_of(contract), outcomes, tests, typed)
    return Judgement(
        verdict=_verdict(contract, outcomes),
        findings=told(contract, tests, typed, findings, Places(headers, sheets)),
        results=outcomes,
        tables={name: table for name, table in typed.items() if name in tables},
        translated=translated,
        repairs=tuple(repair for one in cells.values() for repair in one.repairing.counted),
    )


_NOT_SENT: Sequence[pl.DataFrame] = ()


class _Cells:
    """The judging of a table's cells, piece by piece.

    Attributes:
        tests: what each rule about a cell has found so far, by rule id.
        in_error: ``_row`` of the cells that explain what else is wrong in their row, by item: of the items that a rule
            over several cells names.
    """

    def __init__(
        self,
        table: Table,
        rules: Sequence[Rule],
        lost: pl.Series,
        submitted: Submitted,
        mapping: SystemMapping | None,
    ) -> None:
        self._translation = Translation(mapping, table, submitted) if mapping else None
        self.repairing = Repairing(table, submitted)
        self._deriving = Deriving(table, submitted)
        self._table, self._lost, self._submitted = table, lost.to_frame(), submitted
        self._rules = [rule for rule in rules if rule.table == table.name and rule.kind in ORDER]
        named = [named_in(rule) for rule in rules if rule.kind not in ORDER and table.name in reads(rule)]
        self._named = frozenset(item for items in named for item in items)
        self.tests = {rule.id: Tested() for rule in self._rules}
        self.in_error: dict[str, list[pl.Series]] = {}

    def typed(self, landed: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The values of each piece, which is judged on the way."""
        for typed, broken in each_ahead(self._read, map(self._text, landed)):
            for rule, test in broken.tests.items():
                self.tests[rule] = self.tests[rule].and_further_on(test)
            in_error = self._deriving.in_error(broken.in_error)
            for item in self._named & in_error.keys():
                self.in_error.setdefault(item, []).append(in_error[item])
            yield self._deriving.of(typed.frame)

    def _text(self, landed: pl.DataFrame) -> pl.DataFrame:
        """A piece as the contract asks for it."""
        told_apart = self._told_apart(landed)
        return self._translation.of(told_apart) if self._translation else told_apart

    def _read(self, text: pl.DataFrame) -> tuple[Typed, BrokenCells]:
        """The values of a piece, and what is wrong with its cells. Two pieces may be read at a time."""
        spelt = self.repairing.of(text)
        typed = typed_table(self._table, spelt.text, spelt.shaped, self._submitted, spelt.read)
        return typed, broken_cells(self._table, self._rules, typed, self._submitted)

    @property
    def translated(self) -> tuple[Translated, ...]:
        """How many cells a mapping has translated so far."""
        return self._translation.counted if self._translation else ()

    def _told_apart(self, piece: pl.DataFrame) -> pl.DataFrame:
        """The rows whose cells can be told apart."""
        return piece if self._lost.is_empty() else piece.join(self._lost, on=ROW, how="anti", maintain_order="left")


def _outcome(rule: Rule, test: Tested) -> RuleOutcome:
    return RuleOutcome.not_run(rule, test.reason) if test.reason else RuleOutcome.of(rule, test.failed)


def _counted(outcome: RuleOutcome) -> RuleOutcome:
    """The outcome, saying so where not all of its findings are listed."""
    if outcome.failed <= LISTED:
        return outcome
    reason = f"The first {LISTED} findings are listed, {outcome.failed - LISTED} more are not."
    return replace(outcome, reason=reason)


def _verdict(contract: Contract, outcomes: Sequence[RuleOutcome]) -> Verdict:
    failed = {outcome.rule for outcome in outcomes if outcome.result is RuleResult.FAILED}
    severities = {rule.severity for rule in rules_of(contract) if rule.id in failed}
    if Severity.ERROR in severities:
        return Verdict.REJECTED
    return Verdict.QUERIED if Severity.QUERY in severities else Verdict.ACCEPTED
