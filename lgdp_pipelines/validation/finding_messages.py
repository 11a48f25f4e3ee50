"""Findings from the answers of tests: what a council reads.

A message says what should be true and what to do, in the words of the contract, and no cell's value. A finding about
several items stands at the first of them; the title in the message says what they should be to each other. What belongs
here: words and order. What does not: any test.
"""

from collections.abc import Mapping

import polars as pl

from lgdp_pipelines.handover.chunked_frame import Pieces
from lgdp_pipelines.handover.extract_reading import Reading
from lgdp_pipelines.handover.findings import LISTED, finding_rows, gathered
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.validation.key_uniqueness import find_first_occurrences
from lgdp_pipelines.validation.query_scopes import label_scopes
from lgdp_pipelines.validation.rule_result import RuleViolations
from lgdp_pipelines.vocabulary.verdicts import RuleKind


def build_findings(
    contract: Contract,
    tests: Mapping[str, RuleViolations],
    tables: Mapping[str, Pieces],
    reading: Reading,
) -> pl.DataFrame:
    """All findings of a judgement, by table, row and rule; those about no row come first.

    Args:
        contract: that was judged by.
        tests: answers by rule id.
        tables: validated, by name.
        reading: landing's findings, and what tables and columns are called in the file.
    """
    rules, landed = list_rules(contract), reading.findings
    parts = [
        _of_rule(contract, rule, tests[rule.id], tables, reading)
        for rule in rules
        if rule.id in tests and tests[rule.id].failed
    ]
    place = {rule.id: number for number, rule in enumerate(rules)}
    order = {table.name: number for number, table in enumerate(contract.tables)}
    listed = gathered([landed.group_by("rule", maintain_order=True).head(LISTED).select(landed.columns), *parts])
    return listed.sort(
        pl.col("table").replace_strict(order, default=None, return_dtype=pl.Int64),
        "row",
        pl.col("rule").replace_strict(place, default=None, return_dtype=pl.Int64),
        nulls_last=False,
        maintain_order=True,
    )


def _of_rule(
    contract: Contract, rule: Rule, test: RuleViolations, tables: Mapping[str, Pieces], reading: Reading
) -> pl.DataFrame:
    item = contract.by_name[rule.table].by_name[rule.items[0]] if rule.items else None
    message = f"Not met: {rule.title}. {rule.guidance}"
    column = reading.headers.get(rule.table, {}).get(item.name, "") if item is not None else ""
    sheet = reading.sheets.get(rule.table)
    if test.is_broken_as_a_whole:
        return finding_rows(rule, message, item=item, column=column, sheet=sheet)
    rows = test.rows.head(LISTED)
    if rule.kind in (RuleKind.KEY, RuleKind.UNIQUE):
        first = find_first_occurrences(tables[rule.table], rule.items, rows).to_frame("first")
        beside = pl.format("{} The first row with the same is {}.", pl.lit(message), pl.col("first"))
        messages = first.select(beside.alias("message")).to_series()
        return finding_rows(rule, messages, rows=rows, item=item, column=column, sheet=sheet)
    told_apart = label_scopes(rule, rows, tables[rule.table]).alias("scope")
    return finding_rows(rule, message, rows=rows, item=item, column=column, sheet=sheet).with_columns(told_apart)
