"""What a broken rule asks: one query for each scope, with a fingerprint of the figures that it is about.

A query lives on over resubmissions, and whoever explained it explained certain figures. The fingerprint tells whether
they are still the same: it is taken of the key and the items that the rule names, in the rows that break it, wherever
in the file those stand. What belongs here: telling the scopes of a rule apart. What does not: the life of a query
(``ledger``).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import polars as pl

from lgdp_pipelines.handover.chunked_frame import Pieces
from lgdp_pipelines.handover.findings import LISTED, QueryScope, RuleOutcome
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.validation.rule_result import RuleViolations
from lgdp_pipelines.validation.type_parsing import ROW
from lgdp_pipelines.vocabulary.verdicts import Severity

_SCOPE = "_scope"


def add_query_scopes(
    contract: Contract,
    rules: Sequence[Rule],
    outcomes: Sequence[RuleOutcome],
    tests: Mapping[str, RuleViolations],
    tables: Mapping[str, Pieces],
) -> tuple[RuleOutcome, ...]:
    """Outcomes in their order, those of broken rules that ask saying what there is to ask.

    Args:
        contract: that was judged by.
        rules: of the contract.
        outcomes: one a rule.
        tests: answers by rule id; a rule that landing tested has none.
        tables: validated, by name.
    """
    asking = {rule.id: rule for rule in rules if rule.severity is Severity.QUERY}
    return tuple(
        replace(one, query_scopes=tuple(_asked(contract, asking[one.rule], tests.get(one.rule), one.failed, tables)))
        if one.failed and one.rule in asking
        else one
        for one in outcomes
    )


def _asked(
    contract: Contract, rule: Rule, test: RuleViolations | None, failed: int, tables: Mapping[str, Pieces]
) -> Iterator[QueryScope]:
    if test is None or test.is_broken_as_a_whole or rule.table not in tables:
        yield QueryScope("", failed)
        return
    table = contract.by_name[rule.table]
    items = [*(item.name for item in table.key), *(name for name in rule.items if name in table.by_name)]
    broken = _rows(tables[rule.table], test.rows, [*rule.scope, *items])
    if not rule.scope:
        yield QueryScope("", failed, _fingerprint(broken, items))
        return
    told = broken.with_columns(_spelt(rule.scope).alias(_SCOPE))
    for scope in told.get_column(_SCOPE).unique().sort():
        rows = told.filter(pl.col(_SCOPE) == scope)
        yield QueryScope(str(scope), rows.height, _fingerprint(rows.head(LISTED), items))


def label_scopes(rule: Rule, rows: pl.Series, table: Pieces) -> pl.Series:
    """The scope of each of some rows, null where the rule sets none apart.

    Args:
        rule: that they break.
        rows: ``_row`` of rows of the table.
        table: validated.
    """
    if not rule.scope or rows.is_empty():
        return pl.Series(_SCOPE, [None] * rows.len(), dtype=pl.String)
    told = _rows(table, rows, rule.scope).select(ROW, _spelt(rule.scope).alias(_SCOPE))
    return rows.to_frame(ROW).join(told, on=ROW, how="left", maintain_order="left").get_column(_SCOPE)


def _rows(table: Pieces, rows: pl.Series, names: Sequence[str]) -> pl.DataFrame:
    """Some rows of a table, in the table's order, with some of its columns."""
    columns, asked = list(dict.fromkeys([ROW, *names])), rows.to_frame(ROW)
    found = [frame.select(columns).join(asked, on=ROW, how="semi") for frame in table.only(columns)]
    return pl.concat(found, rechunk=False).sort(ROW)


def _spelt(names: Sequence[str]) -> pl.Expr:
    """``item=code, item=code``; nothing after the sign where there is no code."""
    parts = [pl.concat_str(pl.lit(f"{name}="), pl.col(name).cast(pl.String).fill_null("")) for name in names]
    return pl.concat_str(parts, separator=", ")


def _fingerprint(rows: pl.DataFrame, names: Sequence[str]) -> str:
    """The sha256 of some rows' values, in whatever order they stand."""
    columns = list(dict.fromkeys(names))
    if not columns:
        return ""
    text = rows.select(columns).sort(columns).write_csv(date_format="%Y-%m-%d")
    return hashlib.sha256(text.encode()).hexdigest()
