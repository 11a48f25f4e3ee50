"""Findings and outcomes: what a judgement says, rule by rule and place by place.

What belongs here: the shape that landing, validation, ledger and command line share. What does not: how a rule is tested
(``landing``, ``validation``) and where findings are kept (``storage``).
"""

from dataclasses import dataclass

import polars as pl

from lgdp_pipelines.register.model import Item, Rule
from lgdp_pipelines.standards.rules import RuleResult

FINDING_SCHEMA = pl.Schema(
    {
        "rule": pl.String,
        "severity": pl.String,
        "table": pl.String,
        "item": pl.String,
        "sheet": pl.String,
        "row": pl.Int64,
        "column": pl.String,
        "message": pl.String,
    }
)
"""One broken rule at one place: rule id, severity, table, the item's URN, sheet, row as a person sees it in the file,
column as headed there, and what to do. What does not apply is null. No cell's value is ever in it."""


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What became of one rule in one judgement.

    Attributes:
        rule: id of the rule.
        result: passed, failed or not run.
        failed: number of findings; 0 unless it failed.
        reason: why it was not run; empty where it was.
    """

    rule: str
    result: RuleResult
    failed: int = 0
    reason: str = ""


def no_findings() -> pl.DataFrame:
    """The findings of a submission without fault: no row, columns as in :data:`FINDING_SCHEMA`."""
    return pl.DataFrame(schema=FINDING_SCHEMA)


def finding_rows(
    rule: Rule, message: str | pl.Series, *, rows: pl.Series | None = None, item: Item | None = None, column: str = ""
) -> pl.DataFrame:
    """Findings of one rule: one for each row, or a single one about no row in particular.

    Args:
        rule: that is broken.
        message: what is wrong and what to do, the same for all or one for each row.
        rows: rows as a person sees them in the file; None: one finding without a row.
        item: that is concerned, if one is.
        column: as headed in the file; empty: the item's header, or none.

    Returns:
        A frame of :data:`FINDING_SCHEMA`.
    """
    places = pl.Series("row", [None], dtype=pl.Int64) if rows is None else rows.cast(pl.Int64).alias("row")
    text = pl.lit(message) if isinstance(message, str) else message.alias("message")
    heading = column or (item.header if item else None)
    return places.to_frame().select(
        pl.lit(rule.id).alias("rule"),
        pl.lit(rule.severity.value).alias("severity"),
        pl.lit(rule.table or None, dtype=pl.String).alias("table"),
        pl.lit(item.urn if item else None, dtype=pl.String).alias("item"),
        pl.lit(None, dtype=pl.String).alias("sheet"),
        pl.col("row"),
        pl.lit(heading, dtype=pl.String).alias("column"),
        text.alias("message"),
    )
