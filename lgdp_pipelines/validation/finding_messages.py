"""Findings of broken rules: the messages that councils read, and their order.

A message says which rule should hold and how to correct the extract, in the words of the contract, and never repeats
a cell's value. A finding about several items names the column of the first; the title in the message says how they
should relate. Belongs here: the words and the order of findings. Belongs elsewhere: any test.
"""

from collections.abc import Mapping

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.handover.extract_reading import Reading
from lgdp_pipelines.handover.findings import MAX_LISTED, build_finding_rows, concat_findings
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.validation.rule_violations import RuleViolations, label_scopes
from lgdp_pipelines.validation.table_rules import KEY_KINDS, find_first_occurrences


def build_findings(
    contract: Contract, violations: Mapping[str, RuleViolations], tables: Mapping[str, ChunkedFrame], reading: Reading
) -> pl.DataFrame:
    """Return the listed findings, landing's included, by table, row and rule.

    Of each rule at most :data:`MAX_LISTED` are listed. Findings without a row come first.

    Args:
        contract: the contract that was applied.
        violations: by rule id.
        tables: validated tables by name.
        reading: landing's findings, and the names of tables and columns in the file.
    """
    rules = list_rules(contract)
    parts = [
        _build_rule_findings(contract, rule, violations[rule.id], tables, reading)
        for rule in rules
        if rule.id in violations and violations[rule.id].failed
    ]
    rule_order = {rule.id: number for number, rule in enumerate(rules)}
    table_order = {table.name: number for number, table in enumerate(contract.tables)}
    landed = reading.findings.group_by("rule", maintain_order=True).head(MAX_LISTED).select(reading.findings.columns)
    findings = concat_findings([landed, *parts])
    return findings.sort(
        pl.col("table").replace_strict(table_order, default=None, return_dtype=pl.Int64),
        "row",
        pl.col("rule").replace_strict(rule_order, default=None, return_dtype=pl.Int64),
        nulls_last=False,
        maintain_order=True,
    )


def _build_rule_findings(
    contract: Contract, rule: Rule, violations: RuleViolations, tables: Mapping[str, ChunkedFrame], reading: Reading
) -> pl.DataFrame:
    """Return the first findings of one broken rule, at most :data:`MAX_LISTED`."""
    item = contract.by_name[rule.table].by_name[rule.items[0]] if rule.items else None
    message = f"Not met: {rule.title}. {rule.guidance}"
    column = reading.headers.get(rule.table, {}).get(item.name, "") if item is not None else ""
    sheet = reading.sheets.get(rule.table)
    if violations.is_about_table:
        return build_finding_rows(rule, message, item=item, column=column, sheet=sheet)
    rows = violations.rows.head(MAX_LISTED)
    if rule.kind in KEY_KINDS:
        first = find_first_occurrences(tables[rule.table], rule.items, rows).to_frame("first")
        with_first = pl.format("{} The first row with the same is {}.", pl.lit(message), pl.col("first"))
        messages = first.select(with_first.alias("message")).to_series()
        return build_finding_rows(rule, messages, rows=rows, item=item, column=column, sheet=sheet)
    scopes = label_scopes(rule, rows, tables[rule.table]).alias("scope")
    return build_finding_rows(rule, message, rows=rows, item=item, column=column, sheet=sheet).with_columns(scopes)
