"""One value of a row after another, and days against the submission's own: in order, not in the future, in the period.

Nothing is held against an empty cell. What belongs here: the three kinds' terms and SQL. What does not: bounds that are
the same for every submission (``logicalTypeOptions`` say them).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.files.property_vocabulary import TEXT
from lgdp_pipelines.register.files.yaml_document import Place
from lgdp_pipelines.register.model.table_model import ItemType
from lgdp_pipelines.register.rules.kinds.rule_kind import NUMERIC, Among, Kind, of_other_types, unknown_items
from lgdp_pipelines.register.rules.kinds.sql_fragments import (
    CONDITIONS,
    Condition,
    also,
    column,
    condition_contradictions,
    holds,
    read_conditions,
)
from lgdp_pipelines.vocabulary.verdicts import RuleKind

_ENDS = ("first", "last")


@dataclass(frozen=True, slots=True)
class InOrder:
    """Two dates or figures of a row, of which one is not before, or below, the other.

    Attributes:
        first: name of the earlier or lower.
        then: name of the later or higher.
        strictly: they may not be the same either.
        when: the rows that it is asked of; none: all.
    """

    first: str
    then: str
    strictly: bool
    when: tuple[Condition, ...]

    @property
    def items(self) -> tuple[str, ...]:
        """The two, and those of the conditions."""
        return (self.then, self.first, *(one.item for one in self.when))

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at the later."""
        return (self.then, self.first)


@dataclass(frozen=True, slots=True)
class NotInFuture:
    """A day that is not after the day on which the submission came.

    Attributes:
        item: name of the date.
        when: the rows that it is asked of; none: all.
    """

    item: str
    when: tuple[Condition, ...]

    @property
    def items(self) -> tuple[str, ...]:
        """The date, and the items of the conditions."""
        return (self.item, *(one.item for one in self.when))

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at the date."""
        return (self.item,) if self.item else ()


@dataclass(frozen=True, slots=True)
class InPeriod:
    """A day that lies in the submission's period.

    Attributes:
        item: name of the date.
        ends: ends of the period that hold it, ``first`` day, ``last`` day or both.
        when: the rows that it is asked of; none: all.
    """

    item: str
    ends: tuple[str, ...]
    when: tuple[Condition, ...]

    @property
    def items(self) -> tuple[str, ...]:
        """The date, and the items of the conditions."""
        return (self.item, *(one.item for one in self.when))

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at the date."""
        return (self.item,) if self.item else ()


def _read_in_order(place: Place) -> InOrder:
    return InOrder(
        place.text("first"), place.text("then"), place.is_true("strictly"), read_conditions(place.at("when"))
    )


def _read_not_in_future(place: Place) -> NotInFuture:
    return NotInFuture(place.text("item"), read_conditions(place.at("when")))


def _read_in_period(place: Place) -> InPeriod:
    return InPeriod(place.text("item"), place.texts("ends") or _ENDS, read_conditions(place.at("when")))


def _in_order(terms: InOrder, among: Among) -> str:
    sign = "<=" if terms.strictly else "<"
    out_of_order = f"{column(terms.then)} {sign} {column(terms.first)}"
    return f"SELECT count(*) FROM {{model}} WHERE {also(out_of_order, holds(terms.when, among.items))}"


def _not_in_future(terms: NotInFuture, among: Among) -> str:
    later = f"{column(terms.item)} > getvariable('received_on')"
    return f"SELECT count(*) FROM {{model}} WHERE {also(later, holds(terms.when, among.items))}"


def _in_period(terms: InPeriod, among: Among) -> str:
    outside = {
        "first": f"{column(terms.item)} < getvariable('period_start')",
        "last": f"{column(terms.item)} > getvariable('period_end')",
    }
    either = " OR ".join(outside[end] for end in _ENDS if end in terms.ends)
    return f"SELECT count(*) FROM {{model}} WHERE {also(f'({either})', holds(terms.when, among.items))}"


def _order_contradictions(terms: InOrder, place: Place, among: Among) -> Iterator[Contradiction]:
    yield from unknown_items([terms.first, terms.then], place, among)
    yield from of_other_types([terms.first, terms.then], (ItemType.DATE, *NUMERIC), place, among)
    yield from condition_contradictions(terms.when, place.at("when"), among, among.table)
    known = [among.items[name] for name in (terms.first, terms.then) if name in among.items]
    if {item.type is ItemType.DATE for item in known} == {True, False}:
        yield place.contradiction(
            f"The rule puts {terms.first} and {terms.then} in order, of which one is a date and one is not.",
            "Name two dates or two figures.",
        )
    if terms.first == terms.then:
        yield place.contradiction(f"The rule puts {terms.first} before itself.", "Name another item in then.")


def _date_contradictions(terms: NotInFuture | InPeriod, place: Place, among: Among) -> Iterator[Contradiction]:
    yield from unknown_items([terms.item], place.at("item"), among)
    yield from of_other_types([terms.item], (ItemType.DATE,), place.at("item"), among)
    yield from condition_contradictions(terms.when, place.at("when"), among, among.table)


IN_ORDER = Kind(
    rule=RuleKind.IN_ORDER,
    words={"first": TEXT, "then": TEXT, "strictly": {"const": True}, "when": CONDITIONS},
    needed=("first", "then"),
    read=_read_in_order,
    contradictions=_order_contradictions,
    sql=_in_order,
)

NOT_IN_FUTURE = Kind(
    rule=RuleKind.NOT_IN_FUTURE,
    words={"item": TEXT, "when": CONDITIONS},
    needed=("item",),
    read=_read_not_in_future,
    contradictions=_date_contradictions,
    sql=_not_in_future,
)

IN_PERIOD = Kind(
    rule=RuleKind.IN_PERIOD,
    words={
        "item": TEXT,
        "ends": {"type": "array", "items": {"enum": list(_ENDS)}, "minItems": 1, "uniqueItems": True},
        "when": CONDITIONS,
    },
    needed=("item",),
    read=_read_in_period,
    contradictions=_date_contradictions,
    sql=_in_period,
)
