"""Rules over more than one cell: keys, numbers of rows, earlier periods, SQL.

What belongs here: running them in turn, and leaving out the rows in which an item they name is in error already. What
does not: looking for keys (``keys``), the comparison with an earlier period (``earlier``), running SQL (``sql_rules``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from lgdp_pipelines.handover.chunked_frame import Pieces
from lgdp_pipelines.register.model.table_model import Rule, Table
from lgdp_pipelines.register.rules.kinds.metric_rules import RowCountTerms
from lgdp_pipelines.register.rules.kinds.prior_period_rules import EarlierPeriodTerms
from lgdp_pipelines.validation.judging_context import JudgingContext
from lgdp_pipelines.validation.key_uniqueness import find_repeated_keys
from lgdp_pipelines.validation.prior_periods import comparison_period, find_excessive_changes, match_prior_items
from lgdp_pipelines.validation.reference_data import ReferenceData
from lgdp_pipelines.validation.rule_result import RuleViolations, exclude_rows
from lgdp_pipelines.validation.sql_inputs import build_support_relations
from lgdp_pipelines.validation.sql_rules import find_violating_rows, open_rule_connection, prepare_rule
from lgdp_pipelines.validation.type_parsing import NO_ROWS
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleKind


@dataclass(frozen=True)
class TableRows:
    """The rows of a submission that rules over several cells read.

    Attributes:
        landed: landed tables by name.
        validated: validated tables by name.
        in_error: ``_row`` of the cells in error, by table and item.
    """

    landed: Mapping[str, Pieces]
    validated: Mapping[str, Pieces]
    in_error: Mapping[tuple[str, str], pl.Series]

    def rows_in_error(self, rule: Rule) -> pl.Series:
        """Return ``_row`` of the rows in which a cell that a rule names is in error."""
        return pl.concat([NO_ROWS, *(self.in_error.get((rule.table, name), NO_ROWS) for name in items_named_by(rule))])


def check_table_rules(rules: Sequence[Rule], rows: TableRows, context: JudgingContext) -> Mapping[str, RuleViolations]:
    """Return what breaks each rule over more than one cell, by rule id.

    Args:
        rules: those that can be run and are about more than one cell.
        rows: of the submission.
        context: what it is judged with.
    """
    found: dict[str, RuleViolations] = {}
    for rule in rules:
        if rule.kind in (RuleKind.KEY, RuleKind.UNIQUE):
            repeated = find_repeated_keys(rows.validated[rule.table], rule.items)
            found[rule.id] = RuleViolations.of(rule, exclude_rows(repeated, rows.rows_in_error(rule)))
        if isinstance(rule.terms, RowCountTerms):
            is_broken = not rule.terms.bounds.holds(rows.landed[rule.table].height)
            found[rule.id] = RuleViolations.as_a_whole(is_broken=is_broken)
        if isinstance(rule.terms, EarlierPeriodTerms):
            found[rule.id] = _compare_with_prior_period(rule, rule.terms, rows, context)
    reference = ReferenceData(context)
    found |= {rule.id: RuleViolations(reason=reason) for rule in rules if (reason := reference.why_not(rule))}
    in_sql = [rule for rule in rules if rule.sql and rule.id not in found]
    return found | _check_sql_rules(in_sql, rows, reference, context) if in_sql else found


def _check_sql_rules(
    rules: Sequence[Rule], rows: TableRows, reference: ReferenceData, context: JudgingContext
) -> dict[str, RuleViolations]:
    support = build_support_relations(rules, rows.in_error, context)
    relations = {**rows.validated, **reference.tables(rules), **support}
    by_id = {rule.id: rule for rule in rules}
    with open_rule_connection(rules, relations, context) as connection:
        return {
            rule_id: RuleViolations.as_a_whole(is_broken=True)
            if broken is None
            else RuleViolations.of(by_id[rule_id], exclude_rows(broken.sort(), rows.rows_in_error(by_id[rule_id])))
            for rule_id, broken in find_violating_rows(connection, rules).items()
        }


def tables_read_by(rule: Rule) -> frozenset[str]:
    """The tables of the submission that a rule over several cells reads, and others."""
    return frozenset({rule.table, *(prepare_rule(rule).tables if rule.sql else ())})


def items_named_by(rule: Rule) -> tuple[str, ...]:
    """The items that a rule over several cells names: where one of them is in error, the rule says no more."""
    of_terms = rule.terms.items if rule.terms is not None else ()
    in_sql = sorted(prepare_rule(rule).names) if rule.sql else ()
    return tuple(dict.fromkeys((*rule.items, *of_terms, *in_sql)))


def _compare_with_prior_period(
    rule: Rule, terms: EarlierPeriodTerms, rows: TableRows, context: JudgingContext
) -> RuleViolations:
    period = context.period
    prior = comparison_period(period, terms)
    if prior is None:
        return RuleViolations(reason=f"{period.id} is the first of its {terms.within}, with nothing to compare.")
    table = context.contract.by_name[rule.table]
    prior_rows = context.prior_rows(prior, table)
    if prior_rows is None:
        return RuleViolations(reason=context.absence_reason(context.contract.return_code, prior))
    names = match_prior_items(terms, table, _prior_table(table, prior, context))
    if names is None:
        return RuleViolations(reason=f"The figure was asked for {prior.id} in another way, and cannot be compared.")
    limits = terms.for_council(context.council.code)
    changed = find_excessive_changes(rows.validated[rule.table], prior_rows, limits, names)
    return RuleViolations.of(rule, exclude_rows(changed, rows.rows_in_error(rule)))


def _prior_table(table: Table, prior: Period, context: JudgingContext) -> Table:
    """Return the table as the version defines it that was valid in an earlier period."""
    data_return = context.register.returns.get(context.contract.return_code)
    return data_return.contract_for(prior).by_name.get(table.name, table) if data_return is not None else table
