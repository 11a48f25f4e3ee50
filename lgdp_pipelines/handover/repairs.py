"""Repairs: cells that were brought into the contract's own spelling, counted. Data, never silent.

What belongs here: the kinds of repair, and a count of one. What does not: making them (``validation.repairs``) and
keeping the counts (``repairs_kept``).
"""

from dataclasses import dataclass
from enum import StrEnum


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
    def words(self) -> str:
        """What was done, for people."""
        return _WORDS[self]


_WORDS = {
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
