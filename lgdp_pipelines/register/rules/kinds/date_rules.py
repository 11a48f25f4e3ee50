"""One value of a row after another, and days compared with the submission's own: in order, not in future, in period.

An empty cell breaks none of these rules. What belongs here: the terms and SQL of the three kinds. What does not: bounds
that are the same for every submission (``logicalTypeOptions`` say them).
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.checks import contradictions_where
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.field_types import STRICT, Text, refuse_repeats
from lgdp_pipelines.register.model.table_model import ItemType
from lgdp_pipelines.register.rules.kinds.rule_kind import (
    NUMERIC,
    ConditionalTerms,
    Conditions,
    OnlyTrue,
    RuleContext,
    check_item_types,
    check_items_exist,
)
from lgdp_pipelines.register.rules.kinds.sql_fragments import (
    check_conditions,
    conditions_sql,
    join_conditions,
    quote_column,
)
from lgdp_pipelines.vocabulary.verdicts import RuleKind


@dataclass(frozen=True, config=STRICT, kw_only=True)
class InOrderTerms(ConditionalTerms):
    """The terms of two dates or figures of a row that must be in order.

    Attributes:
        first: name of the earlier or lower.
        then: name of the later or higher.
        strictly: whether they may not be the same either.
    """

    kind: ClassVar = RuleKind.IN_ORDER

    first: Text
    then: Text
    strictly: OnlyTrue = False

    @property
    def place(self) -> tuple[str, ...]:
        """The later of the two."""
        return (self.then, self.first)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield what contradicts itself in the terms."""
        yield from check_items_exist([self.first, self.then], node, context)
        yield from check_item_types([self.first, self.then], (ItemType.DATE, *NUMERIC), node, context)
        yield from check_conditions(self.when, node.at("when"), context, context.table)
        known = [context.items[name] for name in (self.first, self.then) if name in context.items]
        yield from contradictions_where(
            (
                {item.type is ItemType.DATE for item in known} == {True, False},
                node,
                f"The rule puts {self.first} and {self.then} in order, of which one is a date and one is not.",
                "Name two dates or two figures.",
            ),
            (self.first == self.then, node, f"The rule puts {self.first} before itself.", "Name another item in then."),
        )

    def sql(self, context: RuleContext) -> str:
        """Count the rows that are out of order."""
        operator = "<=" if self.strictly else "<"
        out_of_order = f"{quote_column(self.then)} {operator} {quote_column(self.first)}"
        return _count_rows(out_of_order, self.when, context)


@dataclass(frozen=True, config=STRICT, kw_only=True)
class NotInFutureTerms(ConditionalTerms):
    """The terms of a day that is not after the submission's arrival.

    Attributes:
        item: name of the date.
    """

    kind: ClassVar = RuleKind.NOT_IN_FUTURE

    item: Text

    @property
    def place(self) -> tuple[str, ...]:
        """The date."""
        return (self.item,)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield what contradicts itself in the terms."""
        yield from check_items_exist([self.item], node.at("item"), context)
        yield from check_item_types([self.item], (ItemType.DATE,), node.at("item"), context)
        yield from check_conditions(self.when, node.at("when"), context, context.table)

    def sql(self, context: RuleContext) -> str:
        """Count the rows with a later day."""
        return _count_rows(f"{quote_column(self.item)} > getvariable('received_on')", self.when, context)


@dataclass(frozen=True, config=STRICT, kw_only=True)
class InPeriodTerms(NotInFutureTerms):
    """The terms of a day that lies in the submission's period.

    Attributes:
        ends: ends of the period that limit it: ``first`` day, ``last`` day or both.
    """

    kind: ClassVar = RuleKind.IN_PERIOD

    ends: Annotated[tuple[Literal["first", "last"], ...], Field(min_length=1), AfterValidator(refuse_repeats)] = (
        "first",
        "last",
    )

    def sql(self, context: RuleContext) -> str:
        """Count the rows with a day outside the period."""
        outside = {
            "first": f"{quote_column(self.item)} < getvariable('period_start')",
            "last": f"{quote_column(self.item)} > getvariable('period_end')",
        }
        either = " OR ".join(violation for end, violation in outside.items() if end in self.ends)
        return _count_rows(f"({either})", self.when, context)


def _count_rows(violation: str, when: Conditions, context: RuleContext) -> str:
    violated = join_conditions(violation, conditions_sql(when, context.items))
    return f"SELECT count(*) FROM {{model}} WHERE {violated}"
