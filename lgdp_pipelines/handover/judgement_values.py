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
    """The places of one query: where its rule is broken, within one scope.

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
        """Return the outcome of a rule from the number of places that broke it."""
        return cls(rule.id, RuleResult.FAILED if failed else RuleResult.PASSED, failed)

    @classmethod
    def not_run(cls, rule: Rule, reason: str) -> "RuleOutcome":
        """Return the outcome of a rule that could not run, with the reason."""
        return cls(rule.id, RuleResult.NOT_RUN, 0, reason)


class RepairKind(StrEnum):
    """The way in which a cell was brought into the contract's spelling."""

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


@dataclass(frozen=True, slots=True)
class RowDigest:
    """The digest of a table.

    Attributes:
        sha256: of the rows in their one layout.
        rows: number of rows.
    """

    sha256: str
    rows: int
