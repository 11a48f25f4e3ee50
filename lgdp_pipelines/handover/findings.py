"""Findings, rule outcomes and repairs: the results of reading and judging. Data, never exceptions.

A finding says *which rule*, *where* (table, sheet, row, column, data item) and *what to do*. It never repeats the value
that broke the rule: a personal value must not travel with a complaint about it. What belongs here: the shape of these
values, and building them. What does not: testing a rule (``landing``, ``validation``), and storing them (``ledger``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from lgdp_pipelines.register.model.table_model import Item, Rule
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Severity

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

``rule`` stable id; ``severity`` of :class:`Severity`; ``table`` null where the extract as a whole is meant; ``item``
URN or null; ``sheet`` or null; ``row`` as a person sees it in the file, or null; ``column`` header as in the file, or
null; ``message`` what is wrong and what to do, without the value; ``scope`` codes of the part of the table that a query
is asked about, or null (:class:`QueryScope`).
"""


MAX_LISTED = 1_000
"""Findings of one rule that are listed; the number of findings is always given in full."""


@dataclass(frozen=True, slots=True)
class QueryScope:
    """The places that one query is about: where its rule is broken, within one scope.

    Attributes:
        scope: codes of the items that the rule sets apart, as ``item=code, item=code``; empty where it sets none apart.
        failed: at how many places.
        fingerprint: of the figures there: the same figures have the same one; empty where they cannot be told.
    """

    scope: str
    failed: int
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """The outcome of one rule in one judgement; every rule id has one.

    Attributes:
        rule: stable id.
        result: passed, failed or not run.
        failed: number of places that broke it; 0 unless failed.
        reason: why it was not run, or how many findings are not listed; empty otherwise.
        query_scopes: what the council is asked about a broken rule, in order of scope; empty where the rule is asked
            about as a whole.
    """

    rule: str
    result: RuleResult
    failed: int = 0
    reason: str = ""
    query_scopes: tuple[QueryScope, ...] = field(default=(), compare=False)

    @classmethod
    def from_count(cls, rule: Rule, failed: int) -> "RuleOutcome":
        """Return the outcome of a rule that was run, from the number of places that broke it."""
        return cls(rule.id, RuleResult.FAILED if failed else RuleResult.PASSED, failed)

    @classmethod
    def not_run(cls, rule: Rule, reason: str) -> "RuleOutcome":
        """Return the outcome of a rule that could not be run, with the reason for the council."""
        return cls(rule.id, RuleResult.NOT_RUN, 0, reason)


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
    """Return the findings of one rule: one for each row, or one without a row.

    Args:
        rule: the broken rule; gives id, severity and table.
        message: what is wrong and what to do, the same for all or one for each row. It must not hold a cell's value.
        rows: rows as a person sees them in the file; None: one finding without a row.
        item: gives its URN and, where ``column`` is empty, its header.
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


def count_by_severity(findings: pl.DataFrame) -> Mapping[Severity, int]:
    """Return the number of findings of every severity, 0 included."""
    counts = dict(findings.group_by("severity").len().iter_rows())
    return {severity: int(counts.get(str(severity), 0)) for severity in Severity}


class RepairKind(StrEnum):
    """How a cell was brought into the contract's spelling."""

    SPACE = "space"
    """White space around it was removed, or it held nothing else."""
    ALIAS = "alias"
    """It was another spelling of a code, listed by its code list."""
    PATTERN = "pattern"
    """It was another spelling of a code, of a pattern listed by its code list."""
    COUNCIL = "council"
    """Another code or name of the council became its register code."""
    PERIOD = "period"
    """Another spelling of the period became its id."""
    DATE = "date"
    """A date in another form that the contract declares."""
    NUMBER = "number"
    """A number in another form that the contract declares."""

    @property
    def description(self) -> str:
        """The repair in words, for people."""
        return _REPAIR_DESCRIPTIONS[self]


_REPAIR_DESCRIPTIONS = {
    RepairKind.SPACE: "white space taken away",
    RepairKind.ALIAS: "read as the code that they stand for",
    RepairKind.PATTERN: "read as the code whose form they have",
    RepairKind.COUNCIL: "read as the council's register code",
    RepairKind.PERIOD: "read as the period's id",
    RepairKind.DATE: "brought into the contract's form of dates",
    RepairKind.NUMBER: "brought into the contract's form of numbers",
}


@dataclass(frozen=True, slots=True)
class Repair:
    """The number of cells of an item repaired in one way in one judgement.

    Attributes:
        table: of the contract.
        item: URN of the data item.
        kind: of repair.
        cells: number of cells, each counted once.
    """

    table: str
    item: str
    kind: RepairKind
    cells: int
