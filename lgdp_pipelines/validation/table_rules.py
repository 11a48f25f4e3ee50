"""Rules over more than one cell: keys, numbers of rows, earlier periods, SQL.

What belongs here: running them in turn, and leaving out the rows in which an item they name is in error already. What
does not: looking for keys (``keys``), the comparison with an earlier period (``earlier``), running SQL (``sql_rules``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from lgdp_pipelines.handover.chunked_frame import Pieces
from lgdp_pipelines.register.model.table_model import Rule, Table
from lgdp_pipelines.register.rules.kinds.metric_rules import RowCount
from lgdp_pipelines.register.rules.kinds.prior_period_rules import EarlierPeriod
from lgdp_pipelines.validation.key_uniqueness import repeating_rows
from lgdp_pipelines.validation.prior_periods import Earlier, changed_too_much, earlier_period, names_then
from lgdp_pipelines.validation.reference_data import Absent, Besides
from lgdp_pipelines.validation.rule_result import Tested, without
from lgdp_pipelines.validation.sql_inputs import beside
from lgdp_pipelines.validation.sql_rules import broken_rows, prepared, submission_in_sql
from lgdp_pipelines.validation.type_parsing import NO_ROWS, Submitted
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleKind


def across(
    rules: Sequence[Rule],
    *,
    landed: Mapping[str, Pieces],
    tables: Mapping[str, Pieces],
    in_error: Mapping[tuple[str, str], pl.Series],
    submitted: Submitted,
    earlier: Earlier,
    besides: Besides,
    room: Callable[[], Path],
) -> Mapping[str, Tested]:
    """What each rule found, by rule id.

    Args:
        rules: those that can be run and are about more than one cell.
        landed: landed tables by name.
        tables: validated tables by name.
        in_error: ``_row`` of the cells in error, by table and item.
        submitted: what the submission is for.
        earlier: gives rows of an earlier period.
        besides: gives rows of other returns and reference tables.
        room: gives a folder where SQL puts what does not fit into its memory.
    """
    found: dict[str, Tested] = {}
    for rule in rules:
        if rule.kind in (RuleKind.KEY, RuleKind.UNIQUE):
            rows = repeating_rows(tables[rule.table], rule.items)
            found[rule.id] = Tested.of(rule, without(rows, _spoilt(rule, rule.items, in_error)))
        if isinstance(rule.terms, RowCount):
            found[rule.id] = Tested.as_a_whole(is_broken=not rule.terms.bounds.holds(landed[rule.table].height))
        if isinstance(rule.terms, EarlierPeriod):
            spoilt = _spoilt(rule, named_in(rule), in_error)
            found[rule.id] = _compared(
                rule,
                rule.terms,
                tables[rule.table],
                spoilt=spoilt,
                submitted=submitted,
                earlier=earlier,
                absent=besides.absent,
            )
    found |= {rule.id: Tested(reason=reason) for rule in rules if (reason := besides.why_not(rule))}
    in_sql = [rule for rule in rules if rule.sql and rule.id not in found]
    by_id = {rule.id: rule for rule in in_sql}
    if in_sql:
        readable = {**tables, **besides.tables(in_sql), **beside(in_sql, in_error, submitted)}
        with submission_in_sql(in_sql, readable, submitted, room) as connection:
            for rule_id, broken in broken_rows(connection, in_sql).items():
                rule = by_id[rule_id]
                if broken is None:
                    found[rule_id] = Tested.as_a_whole(is_broken=True)
                else:
                    found[rule_id] = Tested.of(rule, without(broken.sort(), _spoilt(rule, named_in(rule), in_error)))
    return found


def reads(rule: Rule) -> frozenset[str]:
    """The tables of the submission that a rule over several cells reads, and others."""
    return frozenset({rule.table, *(prepared(rule).tables if rule.sql else ())})


def named_in(rule: Rule) -> tuple[str, ...]:
    """The items that a rule over several cells names: where one of them is in error, the rule says no more."""
    of_terms = rule.terms.items if rule.terms is not None else ()
    in_sql = sorted(prepared(rule).names) if rule.sql else ()
    return tuple(dict.fromkeys((*rule.items, *of_terms, *in_sql)))


def _spoilt(rule: Rule, names: Iterable[str], in_error: Mapping[tuple[str, str], pl.Series]) -> pl.Series:
    return pl.concat([NO_ROWS, *(in_error.get((rule.table, name), NO_ROWS) for name in dict.fromkeys(names))])


def _compared(
    rule: Rule,
    terms: EarlierPeriod,
    table: Pieces,
    *,
    spoilt: pl.Series,
    submitted: Submitted,
    earlier: Earlier,
    absent: Absent,
) -> Tested:
    before = earlier_period(submitted.period, terms)
    if before is None:
        return Tested(reason=f"{submitted.period.id} is the first of its {terms.within}, with nothing to compare.")
    now = submitted.contract.by_name[rule.table]
    rows = earlier(before, now)
    if rows is None:
        return Tested(reason=absent(submitted.contract.return_code, before))
    called = names_then(terms, now, _table_then(now, before, submitted))
    if called is None:
        return Tested(reason=f"The figure was asked for {before.id} in another way, and cannot be compared.")
    limits = terms.for_council(submitted.council.code)
    return Tested.of(rule, without(changed_too_much(table, rows, limits, called), spoilt))


def _table_then(now: Table, before: Period, submitted: Submitted) -> Table:
    """The table as the version has it that is valid for an earlier period."""
    data_return = submitted.register.returns.get(submitted.contract.return_code)
    return data_return.contract_for(before).by_name.get(now.name, now) if data_return is not None else now
