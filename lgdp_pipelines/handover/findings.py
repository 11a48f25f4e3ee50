"""Findings: broken rules at places, and what became of each rule. Data, never exceptions.

A finding says *which rule*, *where* (table, sheet, row, column, data item) and *what to do*. It never repeats the value
that broke the rule: what points at a person must not travel with the complaint about it. What belongs here: the shape
of findings and outcomes, and how to make them. What does not: testing a rule (``landing``, ``validation``).
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
"""Findings of one rule that are listed; how many there are is always told in full."""


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
    """What became of one rule in one judgement. Each rule id has one, each time.

    Attributes:
        rule: stable id.
        result: passed, failed or not run.
        failed: how many places broke it; 0 unless failed.
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
        """The outcome of a rule that was run and was broken at so many places."""
        return cls(rule.id, RuleResult.FAILED if failed else RuleResult.PASSED, failed)

    @classmethod
    def not_run(cls, rule: Rule, reason: str) -> "RuleOutcome":
        """The outcome of a rule that could not be run; ``reason`` says why, for the council."""
        return cls(rule.id, RuleResult.NOT_RUN, 0, reason)


def empty_findings() -> pl.DataFrame:
    """An empty frame of :data:`FINDING_SCHEMA`."""
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
    """Findings of one rule: one for each row, or a single one about no row in particular.

    Args:
        rule: that is broken; gives id, severity and table.
        message: what is wrong and what to do, the same for all or one for each row. It must not hold a cell's value.
        rows: rows as a person sees them in the file; None: one finding without a row.
        item: that is concerned, if one is; gives its URN and, where ``column`` is empty, its header.
        column: as headed in the file.
        sheet: of a workbook.

    Returns:
        A frame of :data:`FINDING_SCHEMA`, in the order of ``rows``.
    """
    places = pl.Series("row", [None] if rows is None else rows, dtype=pl.Int64)
    text = pl.lit(message) if isinstance(message, str) else message
    return places.to_frame().select(
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
    """Findings from several rules as one frame, in the order given."""
    return pl.concat([empty_findings(), *parts])


def count_by_severity(findings: pl.DataFrame) -> Mapping[Severity, int]:
    """How many findings there are of each severity; every severity has its number, 0 included."""
    found = dict(findings.group_by("severity").len().iter_rows())
    return {severity: int(found.get(str(severity), 0)) for severity in Severity}


class RepairKind(StrEnum):
    """What a cell took to be as the contract spells it."""

    SPACE = "space"
    """White space around it went, or it held nothing else."""
    ALIAS = "alias"
    """Another spelling of a code, which its list names."""
    PATTERN = "pattern"
    """Another spelling of a code, of a form that its list names."""
    COUNCIL = "council"
    """Another code or a known name of the council became its register code."""
    PERIOD = "period"
    """Another spelling of the period became its id."""
    DATE = "date"
    """A date in another form that the contract declares."""
    NUMBER = "number"
    """A number in another form that the contract declares."""

    @property
    def description(self) -> str:
        """What was done, for people."""
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
    """How many cells of an item were made canonical in one way, in one judgement.

    Attributes:
        table: of the contract.
        item: URN of the data item.
        kind: what they took.
        cells: how many; each cell is counted once.
    """

    table: str
    item: str
    kind: RepairKind
    cells: int
