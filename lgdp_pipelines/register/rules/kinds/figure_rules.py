"""Figures that must add up, and figures compared with those of an earlier period.

Sums are exact where the items are. A mark is not a figure. Belongs here: the terms of the three kinds, and the SQL of
the two that add up. Belongs elsewhere: figures of other returns (``external_rules``), and the comparison with an
earlier period (``validation.table_rules``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode, contradictions_where, suggest
from lgdp_pipelines.register.model.field_types import (
    STRICT,
    DistinctTexts,
    ExactText,
    PositiveInteger,
    Text,
    refuse_repeats,
)
from lgdp_pipelines.register.model.table_model import NUMERIC, Item
from lgdp_pipelines.register.rules.kinds.rule_kind import (
    Amount,
    Conditions,
    FigureTerms,
    ItemPairs,
    RuleContext,
    RuleTerms,
    cast_figure,
    check_conditions,
    check_item_types,
    check_items_exist,
    conditions_sql,
    differs_sql,
    is_exact,
    join_conditions,
    list_measures,
    not_in_error_sql,
    quote_column,
)
from lgdp_pipelines.vocabulary.periods import LONGER_KINDS, PeriodKind
from lgdp_pipelines.vocabulary.verdicts import RuleKind


@dataclass(frozen=True, config=STRICT, kw_only=True)
class TotalTerms(FigureTerms):
    """The terms of a figure that is the sum of others.

    Attributes:
        item: name of the total.
        of: names of the figures that are added.
        less: names of the figures that are subtracted.
    """

    kind: ClassVar = RuleKind.TOTAL

    item: Text
    of: DistinctTexts
    less: DistinctTexts = ()

    @property
    def finding_items(self) -> tuple[str, ...]:
        """Names of the total, then of its parts."""
        return (self.item, *self.of, *self.less)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the contradictions of the terms."""
        names = self.finding_items
        yield from check_items_exist(names, node, context)
        yield from check_item_types(names, NUMERIC, node, context)
        yield from check_conditions(self.when, node.at("when"), context, context.table)
        yield from _check_units([context.items[name] for name in names if name in context.items], node)
        yield from (
            node.contradiction(f"The rule uses {name} twice.", "Name each item once, in item, of or less.")
            for name in sorted({name for name in names if names.count(name) > 1})
        )

    def sql(self, context: RuleContext) -> str:
        """Return SQL that counts rows whose total differs beyond the tolerance."""
        items = [context.items[name] for name in self.finding_items]
        added = " + ".join(self._part(name, items) for name in self.of)
        deductions = "".join(f" - {self._part(name, items)}" for name in self.less)
        differs = differs_sql(cast_figure(self.item, items), added + deductions, self, exact=is_exact(items))
        violation = join_conditions(differs, conditions_sql(self.when, context.items))
        return f"SELECT count(*) FROM {{model}} WHERE {violation}"

    def _part(self, name: str, items: Sequence[Item]) -> str:
        """Return SQL for a part; an empty one is 0 where declared."""
        part = cast_figure(name, items)
        return f"coalesce({part}, 0)" if self.absent_is_zero else part


@dataclass(frozen=True, config=STRICT)
class ControlledRows:
    """The rows that add up to a figure.

    Attributes:
        table: name of their table.
        item: name of the figure that is added.
        when: conditions of the rows that are added; empty: all that match.
    """

    table: Text
    item: Text
    when: Conditions = field(default_factory=dict)


@dataclass(frozen=True, config=STRICT, kw_only=True)
class ControlTerms(FigureTerms):
    """The terms of a figure that is the sum of rows.

    Attributes:
        item: name of the figure.
        of: the rows that are added up.
        by: names of the items of their table, by names of the own items that they must equal; none: all rows match.
    """

    kind: ClassVar = RuleKind.CONTROL

    item: Text
    of: ControlledRows
    by: ItemPairs = field(default_factory=dict)

    @property
    def finding_items(self) -> tuple[str, ...]:
        """Names of the figure and of the items that match rows."""
        return (self.item, *self.by)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the contradictions of the terms."""
        yield from check_items_exist([self.item, *self.by], node, context)
        yield from check_item_types([self.item], NUMERIC, node.at("item"), context)
        yield from check_conditions(self.when, node.at("when"), context, context.table)
        of = node.at("of")
        theirs = context.tables.get(self.of.table)
        if theirs is None:
            yield of.contradiction(
                f"The rule adds up rows of {self.of.table}, which is not a table of the return.",
                suggest(self.of.table, context.tables),
            )
            return
        yield from check_conditions(self.of.when, of.at("when"), context, self.of.table)
        their_context = replace(context, table=self.of.table)
        yield from check_items_exist([self.of.item, *self.by.values()], of, their_context)
        yield from check_item_types([self.of.item], NUMERIC, of, their_context)
        if self.item in context.items and self.of.item in theirs:
            yield from _check_units([context.items[self.item], theirs[self.of.item]], node)
        for own, other in self.by.items():
            if own in context.items and other in theirs and context.items[own].type is not theirs[other].type:
                pair = node.at("by").at(own)
                yield pair.contradiction(
                    f"{own} and {other} are of different types, and never equal.", "Name items of one type."
                )

    def sql(self, context: RuleContext) -> str:
        """Return SQL that counts rows whose figure differs beyond the tolerance."""
        table, part, theirs = self.of.table, self.of.item, context.tables[self.of.table]
        items = [context.items[self.item], theirs[part]]
        figure = cast_figure(part, items, "part")
        sound = not_in_error_sql("part", table, (part, *self.by.values(), *self.of.when))
        complete_sum = (
            f"CASE WHEN bool_and({quote_column(part, 'part')} IS NOT NULL AND {sound}) THEN sum({figure}) END"
        )
        if self.absent_is_zero:
            complete_sum = f"CASE WHEN coalesce(bool_and({sound}), TRUE) THEN coalesce(sum({figure}), 0) END"
        conditions = [f"{quote_column(other, 'part')} = {quote_column(own, 'own')}" for own, other in self.by.items()]
        matching = join_conditions(*conditions, conditions_sql(self.of.when, theirs, "part"))
        relation = "model" if table == context.table else table
        added = f"SELECT {complete_sum} FROM {{{relation}}} AS part" + (f" WHERE {matching}" if matching else "")
        differs = differs_sql(cast_figure(self.item, items, "own"), added, self, exact=is_exact(items))
        violation = join_conditions(differs, conditions_sql(self.when, context.items, "own"))
        return f"SELECT count(*) FROM {{model}} AS own WHERE {violation}"


def _check_units(items: Sequence[Item], node: YamlNode) -> Iterator[Contradiction]:
    """Yield a contradiction where figures have different units."""
    units = {item.unit for item in items if item.unit}
    if len(units) > 1:
        yield node.contradiction(
            f"The rule adds up figures in {' and in '.join(sorted(units))}.", "Name figures of one unit."
        )


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
    """The terms of a figure compared with that of an earlier period.

    Attributes:
        item: name of the measure.
        by: names of the items that identify the figure; empty where a table has one row.
        periods_back: number of periods between the two.
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
        """Return the terms with a council's own limits, if any."""
        own = self.councils.get(code, CouncilLimits())
        return replace(
            self,
            fall_pct=self.fall_pct if own.fall_pct is None else own.fall_pct,
            rise_pct=self.rise_pct if own.rise_pct is None else own.rise_pct,
            floor=self.floor if own.floor is None else own.floor,
        )

    @property
    def items(self) -> tuple[str, ...]:
        """Names of the measure and of the items that identify it."""
        return (self.item, *self.by)

    @property
    def finding_items(self) -> tuple[str, ...]:
        """Name of the measure."""
        return (self.item,)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the contradictions of the terms."""
        measures = list_measures(context.items)
        key = sorted(item.name for item in context.items.values() if item.key)
        longer = LONGER_KINDS.get(context.period_kind, frozenset()) if context.period_kind else None
        yield from contradictions_where(
            (
                self.fall_pct is None and self.rise_pct is None,
                node,
                "The implementation has neither fallPct nor risePct.",
                "Complete the implementation.",
            ),
            *(
                (
                    limits == CouncilLimits(),
                    node.at("councils").at(code),
                    f"The limits of {code} are empty.",
                    "Write fallPct, risePct or floor, or remove the council.",
                )
                for code, limits in self.councils.items()
            ),
            (
                self.item not in measures,
                node.at("item"),
                f"The rule compares “{self.item}”, which is not a measure of {context.table}.",
                suggest(self.item, measures),
            ),
            (
                set(self.by) != set(key),
                node,
                "The rule would compare different figures.",
                f"Write by: [{', '.join(key)}], the whole key of {context.table}.",
            ),
            (
                longer is not None and self.within and self.within not in longer,
                node.at("within"),
                f"The rule looks within a {self.within}, which does not hold a whole number of periods.",
                "Name a kind of period that is longer than the return's own, or leave within out.",
            ),
        )
