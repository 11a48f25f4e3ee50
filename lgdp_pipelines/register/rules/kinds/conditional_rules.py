"""Whether an item is answered, as other items of its row ask for: required when, and empty unless.

An answer is a value, or a mark that says why a figure is missing. What belongs here: the two kinds' terms and SQL. What
does not: items that every row must fill in (``required`` says that).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.property_vocabulary import TEXT
from lgdp_pipelines.register.rules.kinds.rule_kind import RuleContext, RuleKindDefinition, check_items_exist
from lgdp_pipelines.register.rules.kinds.sql_fragments import (
    CONDITIONS,
    Condition,
    answered_sql,
    check_conditions,
    conditions_sql,
    read_conditions,
)
from lgdp_pipelines.vocabulary.verdicts import RuleKind


@dataclass(frozen=True, slots=True)
class RequiredWhenTerms:
    """An item that must be answered where conditions hold.

    Attributes:
        item: its name.
        when: the conditions.
        only_then: where they do not hold, it must be left empty.
    """

    item: str
    when: tuple[Condition, ...]
    only_then: bool

    @property
    def items(self) -> tuple[str, ...]:
        """The item, and those of the conditions."""
        return (self.item, *(one.item for one in self.when))

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at the item that is or is not answered."""
        return self.items


@dataclass(frozen=True, slots=True)
class EmptyUnlessTerms:
    """An item that may be answered only where conditions hold.

    Attributes:
        item: its name.
        when: the conditions.
    """

    item: str
    when: tuple[Condition, ...]

    @property
    def items(self) -> tuple[str, ...]:
        """The item, and those of the conditions."""
        return (self.item, *(one.item for one in self.when))

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at the item that is answered."""
        return self.items


def _read_required(place: YamlNode) -> RequiredWhenTerms:
    return RequiredWhenTerms(place.text("item"), read_conditions(place.at("when")), place.is_true("onlyThen"))


def _read_empty(place: YamlNode) -> EmptyUnlessTerms:
    return EmptyUnlessTerms(place.text("item"), read_conditions(place.at("when")))


def _required(terms: RequiredWhenTerms, among: RuleContext) -> str:
    answered, asked = answered_sql(among.items[terms.item]), conditions_sql(terms.when, among.items)
    violation = f"({asked}) <> ({answered})" if terms.only_then else f"{asked} AND NOT ({answered})"
    return f"SELECT count(*) FROM {{model}} WHERE {violation}"


def _empty(terms: EmptyUnlessTerms, among: RuleContext) -> str:
    answered, asked = answered_sql(among.items[terms.item]), conditions_sql(terms.when, among.items)
    return f"SELECT count(*) FROM {{model}} WHERE {answered} AND NOT ({asked})"


def _contradictions(
    terms: RequiredWhenTerms | EmptyUnlessTerms, place: YamlNode, among: RuleContext
) -> Iterator[Contradiction]:
    yield from check_items_exist([terms.item], place.at("item"), among)
    yield from check_conditions(terms.when, place.at("when"), among, among.table)
    if terms.item in {one.item for one in terms.when}:
        yield place.at("when").contradiction(
            f"Whether {terms.item} is answered hangs on {terms.item} itself.", "Name another item in when."
        )
    item = among.items.get(terms.item)
    if item is not None and item.required:
        yield place.at("item").contradiction(
            f"{terms.item} is required on every row, and asked for under conditions.",
            "Take required from the item, or leave the rule out.",
        )


REQUIRED_WHEN = RuleKindDefinition(
    rule=RuleKind.REQUIRED_WHEN,
    words={"item": TEXT, "when": CONDITIONS, "onlyThen": {"const": True}},
    needed=("item", "when"),
    read=_read_required,
    contradictions=_contradictions,
    sql=_required,
)

EMPTY_UNLESS = RuleKindDefinition(
    rule=RuleKind.EMPTY_UNLESS,
    words={"item": TEXT, "when": CONDITIONS},
    needed=("item", "when"),
    read=_read_empty,
    contradictions=_contradictions,
    sql=_empty,
)
