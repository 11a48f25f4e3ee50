"""The judgement of a submission: each rule tested once, each broken place told once, and what it comes to.

One defect gives one finding. A row whose cells cannot be told apart is not judged further. A cell that is no value of
its type is not also held against codes, bounds or patterns, and a cell has at most one error of its own. A rule over
several cells (key, SQL, earlier period) is not held against a row in which one of the items it names is in error, or is
not understood, already; in SQL a cell that did not read is null.
What belongs here: the order of the tests, and what follows from one for another. What does not: any single test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from lgdp_pipelines.ledger.findings import RuleOutcome
from lgdp_pipelines.register.model import Contract, Register
from lgdp_pipelines.register.parts import Rule, Table
from lgdp_pipelines.register.rules import rules_of
from lgdp_pipelines.standards.councils import Council
from lgdp_pipelines.standards.periods import Period
from lgdp_pipelines.standards.rules import RuleKind, RuleResult, Severity, Verdict
from lgdp_pipelines.validation.across import across
from lgdp_pipelines.validation.cells import ORDER, broken_cells, explains_more
from lgdp_pipelines.validation.earlier import Earlier
from lgdp_pipelines.validation.spoiled import spoiled, why_not
from lgdp_pipelines.validation.telling import LISTED, told
from lgdp_pipelines.validation.tested import Tested
from lgdp_pipelines.validation.typed import NO_ROWS, ROW, Submitted, typed_table


@dataclass(frozen=True)
class Judgement:
    """What judging a submission came to.

    Attributes:
        verdict: accepted, queried or rejected.
        findings: frame of ``FINDING_SCHEMA``, by table, row and rule; of each rule the first :data:`LISTED`.
        results: one outcome for each rule of the contract, in the contract's order, with the full number of failures;
            ``reason`` says how many findings are not listed, or why a rule was not run.
        tables: validated frames by table name: items in their types, ``<measure>_status``, ``_row``; of the tables
            and rows that could be judged.
    """

    verdict: Verdict
    findings: pl.DataFrame
    results: tuple[RuleOutcome, ...]
    tables: Mapping[str, pl.DataFrame]


def judge(
    contract: Contract,
    register: Register,
    tables: Mapping[str, pl.DataFrame],
    findings: pl.DataFrame,
    results: Sequence[RuleOutcome],
    *,
    council: Council,
    period: Period,
    earlier: Earlier,
) -> Judgement:
    """Judge a landed submission by its contract.

    Args:
        contract: that it answers.
        register: with its code lists and councils.
        tables: landed frames by table name: a string column for each item, and ``_row``.
        findings: of landing.
        results: of the rules that landing tested.
        council: whose account delivered it.
        period: that it is for.
        earlier: gives the council's rows of an earlier period.

    Raises:
        LgdpError: a rule cannot be run.
    """
    submitted = Submitted(contract, register, council, period)
    done = {outcome.rule: outcome for outcome in results}
    lost = spoiled(contract, findings)
    rules = [rule for rule in rules_of(contract) if rule.id not in done]
    tests = {rule.id: Tested(reason=reason) for rule in rules if (reason := why_not(contract, rule, tables, lost))}
    rules = [rule for rule in rules if rule.id not in tests]
    typed = {
        table.name: typed_table(table, _judged_rows(table, tables, lost.rows[table.name]), submitted)
        for table in contract.tables
        if table.name not in lost.tables
    }
    for name, one in typed.items():
        own = [rule for rule in rules if rule.table == name and rule.kind in _OF_CELLS]
        tests |= broken_cells(contract.by_name[name], own, one, submitted)
    frames = {name: one.frame for name, one in typed.items()}
    wider = [rule for rule in rules if rule.kind not in _OF_CELLS]
    tests |= across(
        wider,
        landed=tables,
        frames=frames,
        in_error=_in_error(rules, tests),
        submitted=submitted,
        earlier=earlier,
    )
    outcomes = tuple(_counted(done.get(rule.id) or _outcome(rule, tests[rule.id])) for rule in rules_of(contract))
    return Judgement(
        verdict=_verdict(contract, outcomes),
        findings=told(contract, tests, frames, findings),
        results=outcomes,
        tables={name: frame for name, frame in frames.items() if name in tables},
    )


_OF_CELLS = frozenset({*ORDER, RuleKind.KEY})


def _judged_rows(table: Table, tables: Mapping[str, pl.DataFrame], lost: pl.Series) -> pl.DataFrame:
    """The rows of a table that can be told apart; none of an optional table that was not sent."""
    if table.name not in tables:
        return pl.DataFrame(schema={**{item.name: pl.String for item in table.items}, ROW: pl.Int64})
    frame = tables[table.name]
    return frame if lost.is_empty() else frame.join(lost.to_frame(), on=ROW, how="anti", maintain_order="left")


def _in_error(rules: Sequence[Rule], tests: Mapping[str, Tested]) -> Mapping[tuple[str, str], pl.Series]:
    """``_row`` of the cells that explain whatever else is wrong in their row, by table and item."""
    found: dict[tuple[str, str], pl.Series] = {}
    for rule in rules:
        if rule.kind in ORDER and explains_more(rule):
            place = (rule.table, rule.items[0])
            found[place] = pl.concat([found.get(place, NO_ROWS), tests[rule.id].rows])
    return found


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
