"""Whether an item is answered, as other items of its row ask for: required when, and empty unless.

An answer is a value, or a mark that says why a figure is missing. What belongs here: the two kinds' terms and SQL. What
does not: items that every row must fill in (``required`` says that).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.files.property_vocabulary import TEXT
from lgdp_pipelines.register.files.yaml_document import Place
from lgdp_pipelines.register.rules.kinds.rule_kind import Among, Kind, unknown_items
from lgdp_pipelines.register.rules.kinds.sql_fragments import (
    CONDITIONS,
    Condition,
    condition_contradictions,
    filled,
    holds,
    read_conditions,
)
from lgdp_pipelines.vocabulary.verdicts import RuleKind


@dataclass(frozen=True, slots=True)
class RequiredWhen:
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
class EmptyUnless:
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


def _read_required(place: Place) -> RequiredWhen:
    return RequiredWhen(place.text("item"), read_conditions(place.at("when")), place.is_true("onlyThen"))


def _read_empty(place: Place) -> EmptyUnless:
    return EmptyUnless(place.text("item"), read_conditions(place.at("when")))


def _required(terms: RequiredWhen, among: Among) -> str:
    answered, asked = filled(among.items[terms.item]), holds(terms.when, among.items)
    violation = f"({asked}) <> ({answered})" if terms.only_then else f"{asked} AND NOT ({answered})"
    return f"SELECT count(*) FROM {{model}} WHERE {violation}"


def _empty(terms: EmptyUnless, among: Among) -> str:
    answered, asked = filled(among.items[terms.item]), holds(terms.when, among.items)
    return f"SELECT count(*) FROM {{model}} WHERE {answered} AND NOT ({asked})"


def _contradictions(terms: RequiredWhen | EmptyUnless, place: Place, among: Among) -> Iterator[Contradiction]:
    yield from unknown_items([terms.item], place.at("item"), among)
    yield from condition_contradictions(terms.when, place.at("when"), among, among.table)
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


REQUIRED_WHEN = Kind(
    rule=RuleKind.REQUIRED_WHEN,
    words={"item": TEXT, "when": CONDITIONS, "onlyThen": {"const": True}},
    needed=("item", "when"),
    read=_read_required,
    contradictions=_contradictions,
    sql=_required,
)

EMPTY_UNLESS = Kind(
    rule=RuleKind.EMPTY_UNLESS,
    words={"item": TEXT, "when": CONDITIONS},
    needed=("item", "when"),
    read=_read_empty,
    contradictions=_contradictions,
    sql=_empty,
)
