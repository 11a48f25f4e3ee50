"""Return whether an item is answered, as other items of its row demand: required when, and empty unless.

An answer is a value, or a mark that says why a figure is missing. What belongs here: the terms and SQL of the two
kinds. What does not: items that every row must fill in (``required`` says that).
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.field_types import STRICT, Text
from lgdp_pipelines.register.rules.kinds.rule_kind import (
    ConditionalTerms,
    Conditions,
    OnlyTrue,
    RuleContext,
    check_items_exist,
)
from lgdp_pipelines.register.rules.kinds.sql_fragments import (
    answered_sql,
    check_conditions,
    conditions_sql,
)
from lgdp_pipelines.vocabulary.verdicts import RuleKind


@dataclass(frozen=True, config=STRICT, kw_only=True)
class EmptyUnlessTerms(ConditionalTerms):
    """The terms of an item that may be answered only where conditions hold.

    Attributes:
        item: its name.
        when: the conditions.
    """

    kind: ClassVar = RuleKind.EMPTY_UNLESS

    item: Text
    when: Conditions

    @property
    def place(self) -> tuple[str, ...]:
        """The item that must be empty or answered."""
        return (self.item, *self.when)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield what contradicts itself in the terms."""
        yield from check_items_exist([self.item], node.at("item"), context)
        yield from check_conditions(self.when, node.at("when"), context, context.table)
        if self.item in self.when:
            yield node.at("when").contradiction(
                f"Whether {self.item} is answered hangs on {self.item} itself.", "Name another item in when."
            )
        item = context.items.get(self.item)
        if item is not None and item.required:
            yield node.at("item").contradiction(
                f"{self.item} is required on every row, and asked for under conditions.",
                "Take required from the item, or leave the rule out.",
            )

    def sql(self, context: RuleContext) -> str:
        """Count the rows that answer where the conditions do not hold."""
        answered, applies = answered_sql(context.items[self.item]), conditions_sql(self.when, context.items)
        return f"SELECT count(*) FROM {{model}} WHERE {answered} AND NOT ({applies})"


@dataclass(frozen=True, config=STRICT, kw_only=True)
class RequiredWhenTerms(EmptyUnlessTerms):
    """The terms of an item that must be answered where conditions hold.

    Attributes:
        only_then: where they do not hold, it must be left empty.
    """

    kind: ClassVar = RuleKind.REQUIRED_WHEN

    only_then: Annotated[OnlyTrue, Field(validation_alias="onlyThen")] = False

    def sql(self, context: RuleContext) -> str:
        """Count the rows that do not answer where the conditions hold."""
        answered, applies = answered_sql(context.items[self.item]), conditions_sql(self.when, context.items)
        violation = f"({applies}) <> ({answered})" if self.only_then else f"{applies} AND NOT ({answered})"
        return f"SELECT count(*) FROM {{model}} WHERE {violation}"
