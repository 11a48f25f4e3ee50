"""Values of a judgement that hold no rows: outcomes of rules, query scopes, repairs and the digest of its rows.

The ledger keeps them, so this module imports no dataframe library: one would slow down every short command. Belongs
here: the values. Belongs elsewhere: findings (``findings``), and digesting rows (``row_digest``).
"""

from dataclasses import dataclass, field
from enum import StrEnum

from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.vocabulary.verdicts import RuleResult


@dataclass(frozen=True, slots=True)
class QueryScope:
    """The failures of a rule that one query is about.

    Attributes:
        scope: codes of the items that divide the rule's failures, as ``item=code, item=code``; empty if undivided.
        failed: number of failures.
        fingerprint: hash of the figures: the same figures have the same one; empty if they cannot be determined.
    """

    scope: str
    failed: int
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """The outcome of one rule in one judgement.

    Attributes:
        rule: stable id.
        result: passed, failed or not run.
        failed: number of failures; 0 unless failed.
        reason: the reason why it was not run, or the number of unlisted findings; empty otherwise.
        query_scopes: subjects of separate queries about a broken rule, in order of scope; empty for one query about
            the rule as a whole.
    """

    rule: str
    result: RuleResult
    failed: int = 0
    reason: str = ""
    query_scopes: tuple[QueryScope, ...] = field(default=(), compare=False)

    @classmethod
    def from_count(cls, rule: Rule, failed: int) -> "RuleOutcome":
        """Return the outcome of a rule from its number of failures."""
        return cls(rule.id, RuleResult.FAILED if failed else RuleResult.PASSED, failed)

    @classmethod
    def not_run(cls, rule: Rule, reason: str) -> "RuleOutcome":
        """Return the outcome of a rule that could not run."""
        return cls(rule.id, RuleResult.NOT_RUN, 0, reason)


class RepairKind(StrEnum):
    """The way in which a cell was brought into the contract's spelling."""

    SPACE = "space"
    """White space around it was removed, or its only content was white space."""
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
    RepairKind.SPACE: "white space removed",
    RepairKind.ALIAS: "read as the code with that alias",
    RepairKind.PATTERN: "read as the code with a matching pattern",
    RepairKind.COUNCIL: "read as the council's register code",
    RepairKind.PERIOD: "read as the period's id",
    RepairKind.DATE: "brought into the contract's form of dates",
    RepairKind.NUMBER: "brought into the contract's form of numbers",
}


@dataclass(frozen=True, slots=True)
class Repair:
    """The number of cells of an item repaired in one way.

    Attributes:
        table: of the contract.
        item: URN of the data item.
        kind: of repair.
        cells: number of cells in one judgement, each counted once.
    """

    table: str
    item: str
    kind: RepairKind
    cells: int


@dataclass(frozen=True, slots=True)
class RowDigest:
    """The digest of a table.

    Attributes:
        sha256: of the rows in their canonical layout.
        rows: number of rows.
    """

    sha256: str
    rows: int
