"""The standard's own metrics: what ``quality: library`` may measure.

What belongs here: the metrics that are tested, and what their figure must be. What does not: measuring them
(``validation``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.yaml_lines import Place


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a figure must be, in the standard's words; None where it does not say.

    Attributes:
        exactly: ``mustBe``.
        at_least: ``mustBeGreaterOrEqualTo``, or the first of ``mustBeBetween``.
        more_than: ``mustBeGreaterThan``.
        at_most: ``mustBeLessOrEqualTo``, or the last of ``mustBeBetween``.
        less_than: ``mustBeLessThan``.
    """

    exactly: float | None = None
    at_least: float | None = None
    more_than: float | None = None
    at_most: float | None = None
    less_than: float | None = None

    def holds(self, figure: float) -> bool:
        """Whether a figure is what it must be."""
        return (
            (self.exactly is None or figure == self.exactly)
            and (self.at_least is None or figure >= self.at_least)
            and (self.more_than is None or figure > self.more_than)
            and (self.at_most is None or figure <= self.at_most)
            and (self.less_than is None or figure < self.less_than)
        )

    @property
    def says_nothing(self) -> bool:
        """Whether every figure is right."""
        return self == Bounds()


@dataclass(frozen=True, slots=True)
class RowCount:
    """How many rows a table must have.

    Attributes:
        bounds: of the number of rows sent, whether or not their cells can be read.
    """

    bounds: Bounds

    @property
    def items(self) -> tuple[str, ...]:
        """It reads no item."""
        return ()

    @property
    def place(self) -> tuple[str, ...]:
        """A finding is about the table."""
        return ()


_WORDS: Mapping[str, str] = {
    "mustBe": "exactly",
    "mustBeGreaterOrEqualTo": "at_least",
    "mustBeGreaterThan": "more_than",
    "mustBeLessOrEqualTo": "at_most",
    "mustBeLessThan": "less_than",
}


def read_bounds(place: Place) -> Bounds:
    """What a figure must be, as far as it can be read at a ``quality`` entry."""
    said = {name: number for word, name in _WORDS.items() if (number := place.number(word)) is not None}
    between = [one.value for one in place.entries("mustBeBetween")]
    if len(between) == 2:
        said |= {"at_least": float(between[0]), "at_most": float(between[1])}
    return Bounds(**said)


def row_count_contradictions(terms: RowCount, place: Place, rule_id: str, item: str) -> Iterator[Contradiction]:
    """What contradicts itself in a rule about the number of rows.

    Args:
        terms: of the rule.
        place: of its ``quality`` entry.
        rule_id: of the rule.
        item: the item that it is written at; empty where that is the table.
    """
    bounds = terms.bounds
    figures = (bounds.exactly, bounds.at_least, bounds.more_than, bounds.at_most, bounds.less_than)
    said = [figure for figure in figures if figure is not None]
    if item or not said or any(figure < 0 or figure != int(figure) for figure in said):
        yield place.contradiction(
            f"The rule {rule_id} does not say how many rows a table must have.",
            "At the table, write mustBe, mustBeBetween, mustBeGreaterOrEqualTo or their like with whole numbers.",
        )
