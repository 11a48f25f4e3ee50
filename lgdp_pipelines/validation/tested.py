"""What one test of a rule found.

What belongs here: the answer that every kind of test gives. What does not: any test, and how an answer reads.
"""

from dataclasses import dataclass, field

import polars as pl

from lgdp_pipelines.validation.typed import NO_ROWS, ROW


@dataclass(frozen=True)
class Tested:
    """The answer of one test.

    Attributes:
        rows: ``_row`` of the rows that break the rule, each once, in the file's order.
        is_broken_as_a_whole: the rule is broken, and not by any row in particular.
        reason: why the rule was not run; empty where it was.
    """

    rows: pl.Series = field(default_factory=lambda: NO_ROWS)
    is_broken_as_a_whole: bool = False
    reason: str = ""

    @property
    def failed(self) -> int:
        """How many places break the rule."""
        return 1 if self.is_broken_as_a_whole else self.rows.len()


def without(rows: pl.Series, others: pl.Series) -> pl.Series:
    """The rows that are not among the others, in order."""
    if rows.is_empty() or others.is_empty():
        return rows
    return rows.to_frame(ROW).join(others.to_frame(ROW), on=ROW, how="anti", maintain_order="left").to_series()
