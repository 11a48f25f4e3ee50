"""Rules over more than one cell: keys, numbers of rows, figures of earlier periods, SQL.

A row in which an item that the rule names is in error already is left out. Tables larger than memory are read share by
share: all rows with the same values in some columns are in one share. Belongs here: testing these rules, in turn.
Belongs elsewhere: running SQL (``sql_rules``), and where rows of earlier periods come from (``workflows``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.table_model import Rule, Table
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.rules.kinds.figure_rules import EarlierPeriodTerms
from lgdp_pipelines.register.rules.kinds.metric_rules import RowCountTerms
from lgdp_pipelines.register.rules.sql_statements import find_matching_periods, list_external_tables
from lgdp_pipelines.validation.judging_context import JudgingContext
from lgdp_pipelines.validation.rule_violations import NO_ROWS, RuleViolations, exclude_rows
from lgdp_pipelines.validation.sql_rules import SqlInputs, find_violating_rows, open_rule_connection, prepare_rule
from lgdp_pipelines.vocabulary.periods import Period, find_period
from lgdp_pipelines.vocabulary.table_columns import ROW
from lgdp_pipelines.vocabulary.verdicts import RuleKind

KEY_KINDS = (RuleKind.KEY, RuleKind.UNIQUE)


@dataclass(frozen=True)
class TableRows:
    """The rows of a submission that rules over several cells read.

    Attributes:
        landed: landed tables by name.
        validated: validated tables by name.
        in_error: ``_row`` of the cells in error, by table and item.
    """

    landed: Mapping[str, ChunkedFrame]
    validated: Mapping[str, ChunkedFrame]
    in_error: Mapping[tuple[str, str], pl.Series]

    def build_violations(self, rule: Rule, rows: pl.Series) -> RuleViolations:
        """Return the violations in rows without errors in the rule's cells."""
        names = rule.items if rule.kind in KEY_KINDS else list_items_named(rule)
        errors = [self.in_error.get((rule.table, name), NO_ROWS) for name in names]
        return RuleViolations.from_rows(exclude_rows(rows, pl.concat([NO_ROWS, *errors])), rule)


def list_tables_read(rule: Rule) -> frozenset[str]:
    """Return the tables that a rule reads, including those in SQL."""
    return frozenset({rule.table, *(prepare_rule(rule).tables if rule.sql else ())})


def list_items_named(rule: Rule) -> tuple[str, ...]:
    """Return the items that a rule's items, terms and SQL name."""
    of_terms = rule.terms.items if rule.terms is not None else ()
    in_sql = sorted(prepare_rule(rule).column_names) if rule.sql else ()
    return tuple(dict.fromkeys((*rule.items, *of_terms, *in_sql)))


def check_table_rules(rules: Sequence[Rule], rows: TableRows, context: JudgingContext) -> dict[str, RuleViolations]:
    """Return each rule's violations, or why it was not run, by id.

    Args:
        rules: the rules about more than one cell that can be run.
        rows: the rows of the submission.
        context: the context of the judgement.
    """
    violations: dict[str, RuleViolations] = {}
    for rule in rules:
        if rule.kind in KEY_KINDS:
            violations[rule.id] = rows.build_violations(
                rule, find_repeated_keys(rows.validated[rule.table], rule.items)
            )
        if isinstance(rule.terms, RowCountTerms):
            is_broken = not rule.terms.bounds.holds(rows.landed[rule.table].height)
            violations[rule.id] = RuleViolations.from_table(is_broken=is_broken)
        if isinstance(rule.terms, EarlierPeriodTerms):
            violations[rule.id] = _compare_with_prior_period(rule, rule.terms, rows, context)
    inputs = SqlInputs(context)
    violations |= {rule.id: RuleViolations(reason=reason) for rule in rules if (reason := inputs.explain_missing(rule))}
    in_sql = {rule.id: rule for rule in rules if rule.sql and rule.id not in violations}
    if in_sql:
        sql_rules = list(in_sql.values())
        relations = {**rows.validated, **inputs.fetch_relations(sql_rules, rows.in_error)}
        with open_rule_connection(sql_rules, relations, context) as connection:
            for rule_id, violating_rows in find_violating_rows(connection, sql_rules).items():
                violations[rule_id] = (
                    RuleViolations.from_table(is_broken=True)
                    if violating_rows is None
                    else rows.build_violations(in_sql[rule_id], violating_rows.sort())
                )
    return violations


def find_repeated_keys(table: ChunkedFrame, names: Sequence[str]) -> pl.Series:
    """Return ``_row`` of rows that repeat an earlier row's complete key.

    A key with an empty part is no repetition.
    """
    count = _count_shares(table)
    repeated = [_find_repeats(_read_share(table, names, [ROW], number, count), names) for number in range(count)]
    return repeated[0] if count == 1 else pl.concat([NO_ROWS, *repeated]).sort()


def _find_repeats(rows: pl.DataFrame, names: Sequence[str]) -> pl.Series:
    """Return ``_row`` of a share's rows that repeat an earlier complete key."""
    key = pl.col(names[0]) if len(names) == 1 else pl.struct(names)
    # Keys with different hashes are different: in most tables this shows that none repeats, at a fraction of the cost.
    if rows.select(key.hash().n_unique()).item() == rows.height:
        return NO_ROWS
    repeats = ~key.is_first_distinct() & pl.all_horizontal(pl.col(names).is_not_null())
    return rows.select(pl.col(ROW).filter(repeats)).to_series()


def find_first_occurrences(table: ChunkedFrame, names: Sequence[str], rows: pl.Series) -> pl.Series:
    """Return, for each row, ``_row`` of the first with its key.

    Args:
        table: with the columns of the key, and ``_row``.
        names: names of the key's columns.
        rows: ``_row`` of a few rows of the table.
    """
    sought = rows.to_frame(ROW)
    columns = [*names, ROW]
    repeated = pl.concat(
        [chunk.select(columns).join(sought, on=ROW, how="semi") for chunk in table.iter_chunks(columns)], rechunk=False
    )
    candidates = pl.concat(
        [
            chunk.select(columns).join(repeated, on=names, how="semi").group_by(names).agg(pl.col(ROW).min())
            for chunk in table.iter_chunks(columns)
        ]
    )
    first = candidates.group_by(names).agg(pl.col(ROW).min().alias("first"))
    return (
        sought.join(repeated, on=ROW, how="left", maintain_order="left")
        .join(first, on=names, how="left", maintain_order="left")
        .get_column("first")
    )


ROWS_PER_SHARE = 4_000_000
"""Approximate number of rows of a share, of the few columns that are read."""


def _count_shares(*tables: ChunkedFrame) -> int:
    """Return the number of shares needed to read the largest table."""
    return max(1, *(ceil(table.height / ROWS_PER_SHARE) for table in tables))


def _read_share(
    table: ChunkedFrame, by: Sequence[str], columns: Sequence[str], number: int, count: int
) -> pl.DataFrame:
    """Return one share of a table: rows divided by hash of columns.

    Args:
        table: the table to read.
        by: rows with the same values in these columns are in one share; if empty, all rows are in the first share.
        columns: further columns to return.
        number: of the share, from 0.
        count: of all shares.
    """
    columns_read = list(dict.fromkeys([*by, *columns]))
    chunks: Iterator[pl.DataFrame] = (chunk.select(columns_read) for chunk in table.iter_chunks(columns_read))
    if count > 1:
        is_in_share = pl.struct(by).hash() % count == number if by else pl.lit(number == 0)
        chunks = (chunk.filter(is_in_share) for chunk in chunks)
    return pl.concat(chunks, rechunk=False)


def _compare_with_prior_period(
    rule: Rule, terms: EarlierPeriodTerms, rows: TableRows, context: JudgingContext
) -> RuleViolations:
    """Return the excessive changes since an earlier period, or why not compared."""
    period = context.period
    prior = find_comparison_period(period, terms)
    if prior is None:
        return RuleViolations(reason=f"{period.id} is the first of its {terms.within}, with nothing to compare.")
    table, return_code = context.contract.by_name[rule.table], context.contract.return_code
    prior_rows = context.prior_rows(prior, table)
    if prior_rows is None:
        return RuleViolations(reason=context.absence_reason(return_code, prior))
    data_return = context.register.returns.get(return_code)
    prior_table = data_return.contract_for(prior).by_name.get(table.name, table) if data_return is not None else table
    names = match_prior_items(terms, table, prior_table)
    if names is None:
        return RuleViolations(reason=f"The figure was asked for {prior.id} in another way, and cannot be compared.")
    limits = terms.for_council(context.council.code)
    return rows.build_violations(rule, _find_excessive_changes(rows.validated[rule.table], prior_rows, limits, names))


def find_comparison_period(period: Period, terms: EarlierPeriodTerms) -> Period | None:
    """Return the earlier period; None if outside the same longer period."""
    prior = period.shift(-terms.periods_back)
    kind = terms.within
    return prior if kind is None or find_period(kind, period.start) == find_period(kind, prior.start) else None


def list_prior_periods(contract: Contract, period: Period) -> tuple[Period, ...]:
    """Return the earlier periods that a period's figures are compared with."""
    terms = [rule.terms for rule in list_rules(contract) if isinstance(rule.terms, EarlierPeriodTerms)]
    return tuple(dict.fromkeys(prior for term in terms if (prior := find_comparison_period(period, term)) is not None))


def list_other_periods(register: Register, contract: Contract, period: Period) -> tuple[tuple[str, Period], ...]:
    """Return code and period of each other return that SQL rules read."""
    slugs = {
        table.owner_slug
        for rule in list_rules(contract)
        for table in list_external_tables(rule)
        if not table.is_reference
    }
    returns = [data_return for data_return in register.returns.values() if data_return.slug in slugs]
    return tuple(
        (data_return.code, other_period)
        for data_return in returns
        for other_period in find_matching_periods(data_return, period)
    )


def match_prior_items(terms: EarlierPeriodTerms, table: Table, prior_table: Table) -> Mapping[str, str] | None:
    """Return an earlier version's item names by present name; None if incomparable.

    Items are matched by URN. They cannot be compared if an item was not asked, or an item of the key had another type.
    """
    by_urn = {item.urn: item for item in prior_table.items}
    prior_items = {name: by_urn.get(table.by_name[name].urn) for name in terms.items}
    if any(
        item is None or (name in terms.by and item.type is not table.by_name[name].type)
        for name, item in prior_items.items()
    ):
        return None
    return {name: item.name for name, item in prior_items.items() if item is not None}


def _find_excessive_changes(
    table: ChunkedFrame, prior_rows: ChunkedFrame, terms: EarlierPeriodTerms, prior_names: Mapping[str, str]
) -> pl.Series:
    """Return ``_row`` of rows whose figure changed beyond the rule's limits."""
    by = list(terms.by)
    prior_by = [prior_names[name] for name in by]
    present = {prior: name for name, prior in prior_names.items()}
    count = _count_shares(table, prior_rows)
    changed = [
        _find_changes_in_share(
            _read_share(table, by, [terms.item, ROW], number, count),
            _read_share(prior_rows, prior_by, [prior_names[terms.item]], number, count).rename(present),
            terms,
        )
        for number in range(count)
    ]
    return pl.concat([NO_ROWS, *changed]).sort()


def _find_changes_in_share(rows: pl.DataFrame, prior_rows: pl.DataFrame, terms: EarlierPeriodTerms) -> pl.Series:
    """Return ``_row`` of changes beyond a percentage of before and the floor.

    A missing figure is not compared.
    """
    figure = pl.col(terms.item).cast(pl.Float64)
    names = list(terms.by) or ["_all"]
    keys = [pl.col(name) for name in terms.by] or [pl.lit(0).alias("_all")]
    prior = prior_rows.select(*keys, figure.alias("_prior")).unique(subset=names, keep="first")
    change, size = figure - pl.col("_prior"), pl.col("_prior").abs()
    limits = [(-change, terms.fall_pct), (change, terms.rise_pct)]
    exceeds = pl.any_horizontal(
        [shift * 100 > size * percent for shift, percent in limits if percent is not None] or [pl.lit(value=False)]
    )
    compared = rows.select(*keys, terms.item, ROW).join(prior, on=names, how="inner")
    return compared.filter(exceeds & (change.abs() > terms.floor)).get_column(ROW)
