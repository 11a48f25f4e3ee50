"""The rules about single cells, tested in one piece of a table, with one finding where one explains the rest.

What belongs here: which rows break which of these rules, after what is known of a cell already. What does not: the
tests themselves (``typed``, ``checks``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from lgdp_pipelines.register.model.table_model import Rule, Table
from lgdp_pipelines.validation import pandera_checks
from lgdp_pipelines.validation.judging_context import SubmissionFacts
from lgdp_pipelines.validation.rule_result import RuleViolations, exclude_rows
from lgdp_pipelines.validation.type_parsing import NO_ROWS, ROW, TypedChunk
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity

CELL_RULE_ORDER = (
    RuleKind.REQUIRED,
    RuleKind.COUNCIL,
    RuleKind.PERIOD,
    RuleKind.TYPE,
    RuleKind.CODES,
    RuleKind.LENGTH,
    RuleKind.PATTERN,
    RuleKind.RANGE,
    RuleKind.MULTIPLE,
)
"""Kinds of rule about a single cell, in the order in which one explains the next."""


@dataclass(frozen=True)
class CellViolations:
    """What is wrong with the cells of one piece of a table.

    Attributes:
        violations: what each rule found, by rule id.
        in_error: ``_row`` of the cells that explain whatever else is wrong in their row, by item name.
    """

    violations: Mapping[str, RuleViolations]
    in_error: Mapping[str, pl.Series]


def check_cell_rules(
    table: Table, rules: Sequence[Rule], typed: TypedChunk, submitted: SubmissionFacts
) -> CellViolations:
    """What each rule about a cell finds in a piece of a table.

    Args:
        table: of the contract.
        rules: its rules that can be judged, of the kinds in :data:`CELL_RULE_ORDER`.
        typed: the values of the piece.
        submitted: what the submission is for.
    """
    checked = pandera_checks.find_failing_rows(
        table, [rule for rule in rules if rule.kind in pandera_checks.PANDERA_KINDS], typed, submitted
    )
    found: dict[str, RuleViolations] = {}
    in_error: dict[str, pl.Series] = {}
    for rule in sorted(rules, key=lambda rule: _turn(rule, table)):
        name = rule.items[0]
        rows = typed.refused.get((name, rule.kind), checked.get(rule.id, NO_ROWS))
        if rule.kind is RuleKind.REQUIRED:
            # A mark is an answer, and a text that does not read is another finding.
            rows = _both(rows, typed.empty[name])
        for explaining in (name, _codes_on(rule, table)):
            rows = exclude_rows(rows, in_error.get(explaining, NO_ROWS))
        found[rule.id] = RuleViolations.by(rows)
        if explains_other_findings(rule):
            in_error[name] = pl.concat([in_error.get(name, NO_ROWS), rows])
    return CellViolations(found, in_error)


def _turn(rule: Rule, table: Table) -> tuple[bool, int]:
    """When a rule is tested: one that leans on another item's day after all of that item's own."""
    return bool(_codes_on(rule, table)), CELL_RULE_ORDER.index(rule.kind)


def _codes_on(rule: Rule, table: Table) -> str:
    """The item on whose day the codes that a rule is about must be valid; empty where there is none."""
    return (table.by_name[rule.items[0]].codes_on or "") if rule.kind is RuleKind.CODES else ""


_NOT_UNDERSTOOD = frozenset({RuleKind.COUNCIL, RuleKind.PERIOD, RuleKind.TYPE, RuleKind.CODES})


def explains_other_findings(rule: Rule) -> bool:
    """Whether a cell that breaks a rule says no more: it is in error, or what it says is not understood."""
    return rule.severity is Severity.ERROR or rule.kind in _NOT_UNDERSTOOD


def _both(rows: pl.Series, others: pl.Series) -> pl.Series:
    """The rows that are among the others too, in order."""
    return rows.to_frame(ROW).join(others.to_frame(ROW), on=ROW, how="semi", maintain_order="left").to_series()
