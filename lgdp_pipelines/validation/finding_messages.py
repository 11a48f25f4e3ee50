"""Findings from violations: what a council reads.

A message says what should be true and what to do, in the words of the contract, and never repeats a cell's value. A
finding about several items stands at the first of them; the title in the message says how they should relate. Belongs
here: the words and the order of findings. Belongs elsewhere: any test.
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
from lgdp_pipelines.validation.table_rules import find_first_occurrences
from lgdp_pipelines.vocabulary.verdicts import RuleKind


def build_findings(
    contract: Contract, violations: Mapping[str, RuleViolations], tables: Mapping[str, ChunkedFrame], reading: Reading
) -> pl.DataFrame:
    """Return all findings, by table, row and rule; findings without a row come first.

    Args:
        contract: the contract that was applied.
        violations: by rule id.
        tables: validated tables by name.
        reading: landing's findings, and what the file calls its tables and columns.
    """
    rules, landed = list_rules(contract), reading.findings
    parts = [
        _rule_findings(contract, rule, violations[rule.id], tables, reading)
        for rule in rules
        if rule.id in violations and violations[rule.id].failed
    ]
    rule_order = {rule.id: number for number, rule in enumerate(rules)}
    table_order = {table.name: number for number, table in enumerate(contract.tables)}
    listed = concat_findings(
        [landed.group_by("rule", maintain_order=True).head(MAX_LISTED).select(landed.columns), *parts]
    )
    return listed.sort(
        pl.col("table").replace_strict(table_order, default=None, return_dtype=pl.Int64),
        "row",
        pl.col("rule").replace_strict(rule_order, default=None, return_dtype=pl.Int64),
        nulls_last=False,
        maintain_order=True,
    )


def _rule_findings(
    contract: Contract, rule: Rule, violations: RuleViolations, tables: Mapping[str, ChunkedFrame], reading: Reading
) -> pl.DataFrame:
    item = contract.by_name[rule.table].by_name[rule.items[0]] if rule.items else None
    message = f"Not met: {rule.title}. {rule.guidance}"
    column = reading.headers.get(rule.table, {}).get(item.name, "") if item is not None else ""
    sheet = reading.sheets.get(rule.table)
    if violations.is_about_table:
        return build_finding_rows(rule, message, item=item, column=column, sheet=sheet)
    rows = violations.rows.head(MAX_LISTED)
    if rule.kind in (RuleKind.KEY, RuleKind.UNIQUE):
        first = find_first_occurrences(tables[rule.table], rule.items, rows).to_frame("first")
        with_first = pl.format("{} The first row with the same is {}.", pl.lit(message), pl.col("first"))
        messages = first.select(with_first.alias("message")).to_series()
        return build_finding_rows(rule, messages, rows=rows, item=item, column=column, sheet=sheet)
    scopes = label_scopes(rule, rows, tables[rule.table]).alias("scope")
    return build_finding_rows(rule, message, rows=rows, item=item, column=column, sheet=sheet).with_columns(scopes)
