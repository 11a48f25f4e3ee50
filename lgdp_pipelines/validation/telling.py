"""Findings from the answers of tests: what a council reads.

A message says what should be true and what to do, in the words of the contract, and no cell's value. A finding about
several items stands at the first of them; the title in the message says what they should be to each other. What belongs
here: words and order. What does not: any test.
"""

from collections.abc import Mapping

import polars as pl

from lgdp_pipelines.ledger.findings import finding_rows, gathered
from lgdp_pipelines.register.model import Contract
from lgdp_pipelines.register.parts import Rule
from lgdp_pipelines.register.rules import rules_of
from lgdp_pipelines.standards.rules import RuleKind
from lgdp_pipelines.validation.tested import Tested
from lgdp_pipelines.validation.typed import ROW

LISTED = 1_000
"""Findings of one rule that are listed; how many there are is always told in full."""


def told(
    contract: Contract, tests: Mapping[str, Tested], frames: Mapping[str, pl.DataFrame], landed: pl.DataFrame
) -> pl.DataFrame:
    """All findings of a judgement, by table, row and rule; those about no row come first.

    Args:
        contract: that was judged by.
        tests: answers by rule id.
        frames: validated frames by table name.
        landed: findings of landing.
    """
    rules = rules_of(contract)
    parts = [
        _of_rule(contract, rule, tests[rule.id], frames) for rule in rules if rule.id in tests and tests[rule.id].failed
    ]
    place = {rule.id: number for number, rule in enumerate(rules)}
    tables = {table.name: number for number, table in enumerate(contract.tables)}
    listed = gathered([landed.group_by("rule", maintain_order=True).head(LISTED).select(landed.columns), *parts])
    return listed.sort(
        pl.col("table").replace_strict(tables, default=None, return_dtype=pl.Int64),
        "row",
        pl.col("rule").replace_strict(place, default=None, return_dtype=pl.Int64),
        nulls_last=False,
        maintain_order=True,
    )


def _of_rule(contract: Contract, rule: Rule, test: Tested, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    item = contract.by_name[rule.table].by_name[rule.items[0]] if rule.items else None
    message = f"Not met: {rule.title}. {rule.guidance}"
    if test.is_broken_as_a_whole:
        return finding_rows(rule, message, item=item)
    rows = test.rows.head(LISTED)
    if rule.kind is RuleKind.KEY and not rows.is_empty():
        return finding_rows(rule, _beside_the_first(rule, message, rows, frames[rule.table]), rows=rows, item=item)
    return finding_rows(rule, message, rows=rows, item=item)


def _beside_the_first(rule: Rule, message: str, rows: pl.Series, frame: pl.DataFrame) -> pl.Series:
    """Messages that name the row which has the same key."""
    keys = frame.select(*rule.items, ROW)
    doubled = rows.to_frame(ROW).join(keys, on=ROW, how="left", maintain_order="left")
    first = (
        keys.join(doubled.drop(ROW), on=rule.items, how="semi")
        .group_by(rule.items)
        .agg(pl.col(ROW).min().alias("first"))
    )
    return (
        doubled.join(first, on=rule.items, how="left", maintain_order="left")
        .select(pl.format("{} The first row with the same is {}.", pl.lit(message), pl.col("first")).alias("message"))
        .to_series()
    )
