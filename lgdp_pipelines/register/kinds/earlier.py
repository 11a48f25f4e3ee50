"""The terms of a rule that holds a figure against the same figure of an earlier period.

What belongs here: its words and what contradicts itself in them. What does not: the comparison
(``validation.earlier``).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.kinds.kind import AMOUNT, Among, Kind, measures_of
from lgdp_pipelines.register.shape import close_to
from lgdp_pipelines.register.vocabulary import TEXT
from lgdp_pipelines.register.yaml_lines import Place
from lgdp_pipelines.standards.periods import LONGER, PeriodKind
from lgdp_pipelines.standards.rules import RuleKind


@dataclass(frozen=True, slots=True)
class EarlierPeriod:
    """What a figure is held against: the same figure of an earlier period.

    Attributes:
        item: name of the measure.
        by: names of the items that make the figure the same one; empty where a table has one row.
        periods_back: how many periods earlier.
        within: kind of period that both must lie in (a cumulative series starts afresh in it); None: any.
        fall_pct: a greater fall than this, in percent of the earlier figure, breaks the rule; None: any fall may be.
        rise_pct: likewise for a rise.
        floor: changes of no more than this, in the figure's unit, never break the rule.
    """

    item: str
    by: tuple[str, ...]
    periods_back: int
    within: PeriodKind | None
    fall_pct: float | None
    rise_pct: float | None
    floor: float

    @property
    def items(self) -> tuple[str, ...]:
        """The measure, and what makes it the same one."""
        return (self.item, *self.by)

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at the measure."""
        return (self.item,) if self.item else ()


def _read(place: Place) -> EarlierPeriod:
    within = place.text("within")
    return EarlierPeriod(
        item=place.text("item"),
        by=place.texts("by"),
        periods_back=place.whole("periodsBack") or 1,
        within=PeriodKind(within) if within in set(PeriodKind) else None,
        fall_pct=place.number("fallPct"),
        rise_pct=place.number("risePct"),
        floor=place.number("floor") or 0.0,
    )


def _contradictions(terms: EarlierPeriod, place: Place, among: Among) -> Iterator[Contradiction]:
    measures = measures_of(among.items)
    if terms.item not in measures:
        yield place.at("item").contradiction(
            f"The rule compares “{terms.item}”, which is no measure of {among.table}.", close_to(terms.item, measures)
        )
    key = {item.name for item in among.items.values() if item.key}
    if set(terms.by) != key:
        yield place.contradiction(
            "The rule would compare figures of different things.",
            f"Write by: [{', '.join(sorted(key))}], the whole key of {among.table}.",
        )
    if among.period_kind and terms.within and terms.within not in LONGER.get(among.period_kind, frozenset()):
        yield place.at("within").contradiction(
            f"The rule looks within a {terms.within}, which holds no whole number of periods.",
            "Name a kind of period that is longer than the return's own, or leave within out.",
        )


EARLIER_PERIOD = Kind(
    rule=RuleKind.EARLIER_PERIOD,
    words={
        "item": TEXT,
        "by": {"type": "array", "items": TEXT, "uniqueItems": True},
        "periodsBack": {"type": "integer", "minimum": 1},
        "within": {"enum": [kind.value for kind in PeriodKind]},
        "fallPct": AMOUNT,
        "risePct": AMOUNT,
        "floor": AMOUNT,
    },
    needed=("item",),
    read=_read,
    contradictions=_contradictions,
    choices=("fallPct", "risePct"),
)
