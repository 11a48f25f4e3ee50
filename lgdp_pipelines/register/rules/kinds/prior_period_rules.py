"""The terms of a rule that compares a figure with the same figure of an earlier period.

What belongs here: its terms and what contradicts itself in them. What does not: the comparison
(``validation.table_rules``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.field_types import STRICT, ExactText, PositiveInteger, Text, refuse_repeats
from lgdp_pipelines.register.rules.kinds.rule_kind import Amount, RuleContext, RuleTerms, list_measures
from lgdp_pipelines.vocabulary.periods import LONGER_KINDS, PeriodKind
from lgdp_pipelines.vocabulary.verdicts import RuleKind


@dataclass(frozen=True, config=STRICT)
class CouncilLimits:
    """The limits of change for one council; None means the rule's own.

    Attributes:
        fall_pct: as in :class:`EarlierPeriodTerms`.
        rise_pct: as in :class:`EarlierPeriodTerms`.
        floor: as in :class:`EarlierPeriodTerms`.
    """

    fall_pct: Annotated[Amount | None, Field(validation_alias="fallPct")] = None
    rise_pct: Annotated[Amount | None, Field(validation_alias="risePct")] = None
    floor: Amount | None = None


@dataclass(frozen=True, config=STRICT)
class EarlierPeriodTerms(RuleTerms):
    """The terms of a figure compared with the same figure of an earlier period.

    Attributes:
        item: name of the measure.
        by: names of the items that make the figure the same one; none where a table has one row.
        periods_back: how many periods earlier.
        within: kind of period that both must lie in (a cumulative series starts afresh in it); None: any.
        fall_pct: a greater fall than this, in percent of the earlier figure, breaks the rule; None: any fall may be.
        rise_pct: a greater rise than this, in percent of the earlier figure, breaks the rule; None: any rise may be.
        floor: changes of no more than this, in the figure's unit, never break the rule.
        councils: limits of single councils, by register code.
    """

    kind: ClassVar = RuleKind.EARLIER_PERIOD

    item: Text
    by: Annotated[tuple[ExactText, ...], AfterValidator(refuse_repeats)] = ()
    periods_back: Annotated[PositiveInteger, Field(validation_alias="periodsBack")] = 1
    within: PeriodKind | None = None
    fall_pct: Annotated[Amount | None, Field(validation_alias="fallPct")] = None
    rise_pct: Annotated[Amount | None, Field(validation_alias="risePct")] = None
    floor: Amount = 0.0
    councils: Mapping[str, CouncilLimits] = field(default_factory=dict)

    def for_council(self, code: str) -> "EarlierPeriodTerms":
        """Return the terms as they are for a council."""
        own = self.councils.get(code, CouncilLimits())
        return replace(
            self,
            fall_pct=self.fall_pct if own.fall_pct is None else own.fall_pct,
            rise_pct=self.rise_pct if own.rise_pct is None else own.rise_pct,
            floor=self.floor if own.floor is None else own.floor,
        )

    @property
    def items(self) -> tuple[str, ...]:
        """The measure, and the items that identify it."""
        return (self.item, *self.by)

    @property
    def place(self) -> tuple[str, ...]:
        """The measure."""
        return (self.item,)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield what contradicts itself in the terms."""
        if self.fall_pct is None and self.rise_pct is None:
            yield node.contradiction(
                "The implementation has neither fallPct nor risePct.", "Complete the implementation."
            )
        yield from (
            node.at("councils")
            .at(code)
            .contradiction(
                f"The limits of {code} are empty.", "Write fallPct, risePct or floor, or remove the council."
            )
            for code, limits in self.councils.items()
            if limits == CouncilLimits()
        )
        measures = list_measures(context.items)
        if self.item not in measures:
            yield node.at("item").contradiction(
                f"The rule compares “{self.item}”, which is no measure of {context.table}.",
                suggest(self.item, measures),
            )
        key = {item.name for item in context.items.values() if item.key}
        if set(self.by) != key:
            yield node.contradiction(
                "The rule would compare figures of different things.",
                f"Write by: [{', '.join(sorted(key))}], the whole key of {context.table}.",
            )
        longer = LONGER_KINDS.get(context.period_kind, frozenset()) if context.period_kind else None
        if longer is not None and self.within and self.within not in longer:
            yield node.at("within").contradiction(
                f"The rule looks within a {self.within}, which holds no whole number of periods.",
                "Name a kind of period that is longer than the return's own, or leave within out.",
            )
