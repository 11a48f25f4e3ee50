"""Findings: broken rules at places, and what became of each rule. Data, never exceptions.

A finding says *which rule*, *where* (table, sheet, row, column, data item) and *what to do*. It never repeats the value
that broke the rule: what points at a person must not travel with the complaint about it. What belongs here: the shape
of findings and outcomes, and how to make them. What does not: testing a rule (``landing``, ``validation``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from lgdp_pipelines.register.model import Item, Rule
from lgdp_pipelines.standards.rules import RuleResult, Severity

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
    }
)
"""One broken rule at one place.

``rule`` stable id; ``severity`` of :class:`Severity`; ``table`` empty where the extract as a whole is meant; ``item``
URN or null; ``sheet`` or null; ``row`` as a person sees it in the file, or null; ``column`` header as in the file, or
null; ``message`` what is wrong and what to do, without the value.
"""


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What became of one rule in one judgement. Each rule id has one, each time.

    Attributes:
        rule: stable id.
        severity: of the rule.
        result: passed, failed or not run.
        failed: how many places broke it; 0 unless failed.
        reason: why it was not run; empty otherwise.
    """

    rule: str
    severity: Severity
    result: RuleResult
    failed: int = 0
    reason: str = ""

    @classmethod
    def of(cls, rule: Rule, failed: int) -> "RuleOutcome":
        """The outcome of a rule that was run and was broken at so many places."""
        return cls(rule.id, rule.severity, RuleResult.FAILED if failed else RuleResult.PASSED, failed)

    @classmethod
    def not_run(cls, rule: Rule, reason: str) -> "RuleOutcome":
        """The outcome of a rule that could not be run; ``reason`` says why, for the council."""
        return cls(rule.id, rule.severity, RuleResult.NOT_RUN, 0, reason)


def no_findings() -> pl.DataFrame:
    """An empty frame of :data:`FINDING_SCHEMA`."""
    return pl.DataFrame(schema=FINDING_SCHEMA)


def finding_rows(
    rule: Rule,
    message: str,
    *,
    rows: pl.Series | Sequence[int | None] = (None,),
    item: Item | None = None,
    column: str | None = None,
    sheet: str | None = None,
) -> pl.DataFrame:
    """One finding of a rule for each row.

    Args:
        rule: the broken rule; gives id, severity and table.
        message: what is wrong and what to do. It must not hold a cell's value.
        rows: row numbers as a person sees them; left out, the finding is on the table or extract as a whole.
        item: the data item concerned; gives ``item`` and ``column``.
        column: header, where it is not that of ``item``.
        sheet: of a workbook.

    Returns:
        A frame of :data:`FINDING_SCHEMA`, in the order of ``rows``.
    """
    places = pl.Series("row", rows, dtype=pl.Int64) if not isinstance(rows, pl.Series) else rows.cast(pl.Int64)
    constants = {
        "rule": rule.id,
        "severity": str(rule.severity),
        "table": rule.table,
        "item": item.urn if item else None,
        "sheet": sheet,
        "column": column if column is not None or item is None else item.header,
        "message": message,
    }
    literals = [pl.lit(value, dtype=pl.String).alias(name) for name, value in constants.items()]
    return places.alias("row").to_frame().with_columns(literals).select(list(FINDING_SCHEMA))


def gathered(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Findings from several rules as one frame, in the order given."""
    return pl.concat([no_findings(), *parts])


def counted(findings: pl.DataFrame) -> Mapping[Severity, int]:
    """How many findings there are of each severity; every severity has its number, 0 included."""
    found = dict(findings.group_by("severity").len().iter_rows())
    return {severity: int(found.get(str(severity), 0)) for severity in Severity}
