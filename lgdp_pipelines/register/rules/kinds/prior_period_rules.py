"""The terms of a rule that holds a figure against the same figure of an earlier period.

What belongs here: its words and what contradicts itself in them. What does not: the comparison
(``validation.earlier``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.property_vocabulary import TEXT
from lgdp_pipelines.register.rules.kinds.rule_kind import AMOUNT, RuleContext, RuleKindDefinition, list_measures
from lgdp_pipelines.vocabulary.periods import LONGER_KINDS, PeriodKind
from lgdp_pipelines.vocabulary.verdicts import RuleKind


@dataclass(frozen=True, slots=True)
class EarlierPeriodTerms:
    """What a figure is held against: the same figure of an earlier period.

    Attributes:
        item: name of the measure.
        by: names of the items that make the figure the same one; empty where a table has one row.
        periods_back: how many periods earlier.
        within: kind of period that both must lie in (a cumulative series starts afresh in it); None: any.
        fall_pct: a greater fall than this, in percent of the earlier figure, breaks the rule; None: any fall may be.
        rise_pct: likewise for a rise.
        floor: changes of no more than this, in the figure's unit, never break the rule.
        councils: what is otherwise for single councils, by register code; what one does not name stays.
    """

    item: str
    by: tuple[str, ...]
    periods_back: int
    within: PeriodKind | None
    fall_pct: float | None
    rise_pct: float | None
    floor: float
    councils: Mapping[str, "CouncilLimits"] = field(default_factory=lambda: MappingProxyType({}))

    def for_council(self, code: str) -> "EarlierPeriodTerms":
        """The terms as they are for a council."""
        own = self.councils.get(code)
        if own is None:
            return self
        return replace(
            self,
            fall_pct=self.fall_pct if own.fall_pct is None else own.fall_pct,
            rise_pct=self.rise_pct if own.rise_pct is None else own.rise_pct,
            floor=self.floor if own.floor is None else own.floor,
        )

    @property
    def items(self) -> tuple[str, ...]:
        """The measure, and what makes it the same one."""
        return (self.item, *self.by)

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at the measure."""
        return (self.item,) if self.item else ()


@dataclass(frozen=True, slots=True)
class CouncilLimits:
    """What may change by how much for one council; None where it is as for all.

    Attributes:
        fall_pct: as of :class:`EarlierPeriodTerms`.
        rise_pct: likewise.
        floor: likewise.
    """

    fall_pct: float | None
    rise_pct: float | None
    floor: float | None


def _limits(place: YamlNode) -> CouncilLimits:
    return CouncilLimits(place.number("fallPct"), place.number("risePct"), place.number("floor"))


def _read(place: YamlNode) -> EarlierPeriodTerms:
    within = place.text("within")
    return EarlierPeriodTerms(
        item=place.text("item"),
        by=place.texts("by"),
        periods_back=place.integer("periodsBack") or 1,
        within=PeriodKind(within) if within in set(PeriodKind) else None,
        fall_pct=place.number("fallPct"),
        rise_pct=place.number("risePct"),
        floor=place.number("floor") or 0.0,
        councils=MappingProxyType({code: _limits(one) for code, one in place.at("councils").members()}),
    )


def _contradictions(terms: EarlierPeriodTerms, place: YamlNode, among: RuleContext) -> Iterator[Contradiction]:
    measures = list_measures(among.items)
    if terms.item not in measures:
        yield place.at("item").contradiction(
            f"The rule compares “{terms.item}”, which is no measure of {among.table}.", suggest(terms.item, measures)
        )
    key = {item.name for item in among.items.values() if item.key}
    if set(terms.by) != key:
        yield place.contradiction(
            "The rule would compare figures of different things.",
            f"Write by: [{', '.join(sorted(key))}], the whole key of {among.table}.",
        )
    if among.period_kind and terms.within and terms.within not in LONGER_KINDS.get(among.period_kind, frozenset()):
        yield place.at("within").contradiction(
            f"The rule looks within a {terms.within}, which holds no whole number of periods.",
            "Name a kind of period that is longer than the return's own, or leave within out.",
        )


EARLIER_PERIOD = RuleKindDefinition(
    rule=RuleKind.EARLIER_PERIOD,
    words={
        "item": TEXT,
        "by": {"type": "array", "items": TEXT, "uniqueItems": True},
        "periodsBack": {"type": "integer", "minimum": 1},
        "within": {"enum": [kind.value for kind in PeriodKind]},
        "fallPct": AMOUNT,
        "risePct": AMOUNT,
        "floor": AMOUNT,
        "councils": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {"fallPct": AMOUNT, "risePct": AMOUNT, "floor": AMOUNT},
                "minProperties": 1,
                "additionalProperties": False,
            },
        },
    },
    needed=("item",),
    read=_read,
    contradictions=_contradictions,
    choices=("fallPct", "risePct"),
)
