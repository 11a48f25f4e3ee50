"""What of a submission cannot be judged, as landing's findings about columns say by their place.

With a row, that row's cells cannot be told apart; with an item and no row, the item has no column; with neither, the
table has none. What belongs here: reading that off. What does not: making those findings (``landing``).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from lgdp_pipelines.handover.chunked_frame import Pieces
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.validation.sql_rules import prepare_rule
from lgdp_pipelines.validation.type_parsing import NO_ROWS, ROW
from lgdp_pipelines.vocabulary.verdicts import RuleKind


@dataclass(frozen=True)
class ExcludedData:
    """What cannot be judged.

    Attributes:
        tables: names of tables without usable columns.
        items: table and name of items without a column of their own.
        rows: ``_row`` of rows whose cells cannot be told apart, by table name.
    """

    tables: frozenset[str]
    items: frozenset[tuple[str, str]]
    rows: Mapping[str, pl.Series]


def find_excluded_data(contract: Contract, findings: pl.DataFrame, unlisted: Mapping[str, pl.Series]) -> ExcludedData:
    """What landing leaves unjudged.

    Args:
        contract: that was read by.
        findings: of landing.
        unlisted: ``_row`` of further rows whose cells cannot be told apart, by table name.
    """
    rules = [rule.id for rule in list_rules(contract) if rule.kind is RuleKind.COLUMNS]
    found = findings.filter(pl.col("rule").is_in(rules))
    whole = found.filter(pl.col("row").is_null())
    names = {(table.name, item.urn): item.name for table in contract.tables for item in table.items}
    places = list(whole.select("table", "item").iter_rows())
    return ExcludedData(
        tables=frozenset(table for table, urn in places if urn is None),
        items=frozenset((table, names[table, urn]) for table, urn in places if urn is not None),
        rows={
            table.name: pl.concat(
                [
                    found.filter(pl.col("table") == table.name).get_column("row").drop_nulls().unique().alias(ROW),
                    unlisted.get(table.name, NO_ROWS),
                ]
            )
            for table in contract.tables
        },
    )


def explain_not_run(contract: Contract, rule: Rule, tables: Mapping[str, Pieces], lost: ExcludedData) -> str:
    """Why a rule cannot be run; empty where it can.

    Args:
        contract: that has the rule.
        rule: one that landing does not test.
        tables: landed, by name.
        lost: what cannot be judged.
    """
    if not tables:
        return "The extract cannot be read."
    read = {rule.table, *(prepare_rule(rule).tables if rule.sql else ())}
    unusable = [contract.by_name[name].title for name in sorted(read & lost.tables)]
    if unusable:
        return f"The table “{unusable[0]}” is missing, or its columns are."
    if rule.table not in tables:
        return "The submission came without this table, which is optional."
    named = (*rule.items, *(rule.terms.items if rule.terms else ()), *(prepare_rule(rule).names if rule.sql else ()))
    needed = contract.by_name[rule.table].behind(named) if rule.table else frozenset(named)
    headers = [
        contract.by_name[table].by_name[name].header
        for table, name in sorted(lost.items)
        if table in read and name in needed
    ]
    return f"The column “{headers[0]}” is missing, or is there more than once." if headers else ""
