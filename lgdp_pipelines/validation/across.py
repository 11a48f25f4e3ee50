"""Rules over more than one cell: numbers of rows, earlier periods, SQL.

What belongs here: running them in turn, and leaving out the rows in which an item they name is in error already. What
does not: the comparison with an earlier period (``earlier``), running SQL (``sql_rules``).
"""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from lgdp_pipelines.register.parts import EarlierPeriod, Rule
from lgdp_pipelines.standards.rules import RuleKind
from lgdp_pipelines.validation.earlier import Earlier, changed_too_much, earlier_period
from lgdp_pipelines.validation.sql_rules import offending_rows, prepared, submission_in_sql
from lgdp_pipelines.validation.tested import Tested, without
from lgdp_pipelines.validation.typed import NO_ROWS, Submitted


def across(
    rules: Sequence[Rule],
    *,
    landed: Mapping[str, pl.DataFrame],
    frames: Mapping[str, pl.DataFrame],
    in_error: Mapping[tuple[str, str], pl.Series],
    submitted: Submitted,
    earlier: Earlier,
) -> Mapping[str, Tested]:
    """What each rule found, by rule id.

    Args:
        rules: those that can be run, of the kinds row_count, earlier_period and sql.
        landed: landed frames by table name.
        frames: validated frames by table name.
        in_error: ``_row`` of the cells in error, by table and item.
        submitted: what the submission is for.
        earlier: gives rows of an earlier period.
    """
    found: dict[str, Tested] = {}
    for rule in rules:
        if rule.minimum_rows is not None:
            found[rule.id] = Tested(is_broken_as_a_whole=landed[rule.table].height < rule.minimum_rows)
        if rule.earlier is not None:
            spoilt = _spoilt(rule, (rule.earlier.item, *rule.earlier.by), in_error)
            found[rule.id] = _compared(
                rule, rule.earlier, frames[rule.table], spoilt=spoilt, submitted=submitted, earlier=earlier
            )
    in_sql = [rule for rule in rules if rule.kind is RuleKind.SQL]
    if in_sql:
        with submission_in_sql(in_sql, frames, submitted) as connection:
            for rule in in_sql:
                rows = offending_rows(connection, rule)
                if rows is None:
                    found[rule.id] = Tested(is_broken_as_a_whole=True)
                else:
                    spoilt = _spoilt(rule, (*rule.items, *sorted(prepared(rule).names)), in_error)
                    found[rule.id] = Tested(without(rows.sort(), spoilt))
    return found


def _spoilt(rule: Rule, names: Iterable[str], in_error: Mapping[tuple[str, str], pl.Series]) -> pl.Series:
    return pl.concat([NO_ROWS, *(in_error.get((rule.table, name), NO_ROWS) for name in dict.fromkeys(names))])


def _compared(
    rule: Rule, terms: EarlierPeriod, frame: pl.DataFrame, *, spoilt: pl.Series, submitted: Submitted, earlier: Earlier
) -> Tested:
    before = earlier_period(submitted.period, terms)
    if before is None:
        return Tested(reason=f"{submitted.period.id} is the first of its {terms.within}, with nothing to compare.")
    rows = earlier(before, submitted.contract.by_name[rule.table])
    if rows is None:
        return Tested(reason=f"There is no accepted submission for {before.id} to compare with.")
    return Tested(without(changed_too_much(frame, rows, terms), spoilt))
