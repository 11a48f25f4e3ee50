"""What one test of a rule found.

What belongs here: the answer that every kind of test gives. What does not: any test, and how an answer reads.
"""

from dataclasses import dataclass, field

import polars as pl

from lgdp_pipelines.handover.findings import LISTED
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.validation.type_parsing import NO_ROWS, ROW


@dataclass(frozen=True)
class RuleViolations:
    """The answer of one test.

    Attributes:
        rows: ``_row`` of the first :data:`LISTED` rows that break the rule, each once, in the file's order; of all of
            them where the rule sets scopes apart.
        failed: how many places break it.
        is_broken_as_a_whole: the rule is broken, and not by any row in particular.
        reason: why the rule was not run; empty where it was.
    """

    rows: pl.Series = field(default_factory=lambda: NO_ROWS)
    failed: int = 0
    is_broken_as_a_whole: bool = False
    reason: str = ""

    @classmethod
    def by(cls, rows: pl.Series) -> "RuleViolations":
        """The answer that these rows break the rule, or none does."""
        return cls(rows.head(LISTED), rows.len())

    @classmethod
    def of(cls, rule: Rule, rows: pl.Series) -> "RuleViolations":
        """The answer that these rows break a rule, or none does: where it sets scopes apart, with all of them."""
        return cls(rows, rows.len()) if rule.scope else cls.by(rows)

    @classmethod
    def as_a_whole(cls, *, is_broken: bool) -> "RuleViolations":
        """The answer about no row in particular."""
        return cls(failed=1, is_broken_as_a_whole=True) if is_broken else cls()

    def and_further_on(self, later: "RuleViolations") -> "RuleViolations":
        """The answer over two stretches of a table, of which this is the first."""
        rows = self.rows if later.failed == 0 else pl.concat([self.rows, later.rows]).head(LISTED)
        return RuleViolations(rows, self.failed + later.failed)


def exclude_rows(rows: pl.Series, others: pl.Series) -> pl.Series:
    """The rows that are not among the others, in order."""
    if rows.is_empty() or others.is_empty():
        return rows
    return rows.to_frame(ROW).join(others.to_frame(ROW), on=ROW, how="anti", maintain_order="left").to_series()
