"""Findings, rule outcomes and repairs: the results of reading and judging. Data, never exceptions.

A finding gives the rule, the location (table, sheet, row, column, data item) and the remedy. It never repeats the value
that broke the rule: a personal value must not travel with a complaint about it. Belongs here: the shape of these
values, and building them. Belongs elsewhere: testing a rule (``landing``, ``validation``), and storing them
(``ledger``).
"""

from collections.abc import Sequence

import polars as pl

from lgdp_pipelines.register.model.table_model import Item, Rule

FINDING_SCHEMA = pl.Schema(
    {
        "rule": pl.String(),
        "severity": pl.String(),
        "table": pl.String(),
        "item": pl.String(),
        "sheet": pl.String(),
        "row": pl.Int64(),
        "column": pl.String(),
        "message": pl.String(),
        "scope": pl.String(),
    }
)
"""One broken rule at one place.

``rule`` stable id; ``severity`` of :class:`Severity`; ``table`` null for the extract as a whole; ``item`` URN or null;
``sheet`` or null; ``row`` as a person sees it in the file, or null; ``column`` header as in the file, or null;
``message`` the fault and its remedy, without the value; ``scope`` codes of the part of the table that a query is about,
or null (:class:`QueryScope`).
"""


MAX_LISTED = 1_000
"""Maximum of listed findings of one rule; their number is always given in full."""


def empty_findings() -> pl.DataFrame:
    """Return an empty frame of :data:`FINDING_SCHEMA`."""
    return pl.DataFrame(schema=FINDING_SCHEMA)


def build_finding_rows(
    rule: Rule,
    message: str | pl.Series,
    *,
    rows: pl.Series | Sequence[int | None] | None = None,
    item: Item | None = None,
    column: str = "",
    sheet: str | None = None,
) -> pl.DataFrame:
    """Return a rule's findings: one for each row, or one without row.

    Args:
        rule: the broken rule; gives id, severity and table.
        message: the fault and its remedy, the same for all or one for each row. It must not hold a cell's value.
        rows: rows as a person sees them in the file; None: one finding without a row.
        item: gives its URN and, if ``column`` is empty, its header.
        column: header as in the file.
        sheet: of a workbook.

    Returns:
        A frame of :data:`FINDING_SCHEMA`, in the order of ``rows``.
    """
    row_numbers = pl.Series("row", [None] if rows is None else rows, dtype=pl.Int64)
    text = pl.lit(message) if isinstance(message, str) else message
    return row_numbers.to_frame().select(
        pl.lit(rule.id).alias("rule"),
        pl.lit(rule.severity.value).alias("severity"),
        pl.lit(rule.table or None, dtype=pl.String).alias("table"),
        pl.lit(item.urn if item else None, dtype=pl.String).alias("item"),
        pl.lit(sheet, dtype=pl.String).alias("sheet"),
        pl.col("row"),
        pl.lit(column or (item.header if item else None), dtype=pl.String).alias("column"),
        text.alias("message"),
        pl.lit(None, dtype=pl.String).alias("scope"),
    )


def concat_findings(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the findings of several rules as one frame, in their order."""
    return pl.concat([empty_findings(), *parts])
