"""One value of a row after another, and days against the submission's own: in order, not in the future, in the period.

Nothing is held against an empty cell. What belongs here: the three kinds' terms and SQL. What does not: bounds that are
the same for every submission (``logicalTypeOptions`` say them).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.property_vocabulary import TEXT
from lgdp_pipelines.register.model.table_model import ItemType
from lgdp_pipelines.register.rules.kinds.rule_kind import (
    NUMERIC,
    RuleContext,
    RuleKindDefinition,
    check_item_types,
    check_items_exist,
)
from lgdp_pipelines.register.rules.kinds.sql_fragments import (
    CONDITIONS,
    Condition,
    check_conditions,
    conditions_sql,
    join_conditions,
    quote_column,
    read_conditions,
)
from lgdp_pipelines.vocabulary.verdicts import RuleKind

_ENDS = ("first", "last")


@dataclass(frozen=True, slots=True)
class InOrderTerms:
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
class NotInFutureTerms:
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
class InPeriodTerms:
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


def _read_in_order(place: YamlNode) -> InOrderTerms:
    return InOrderTerms(
        place.text("first"), place.text("then"), place.is_true("strictly"), read_conditions(place.at("when"))
    )


def _read_not_in_future(place: YamlNode) -> NotInFutureTerms:
    return NotInFutureTerms(place.text("item"), read_conditions(place.at("when")))


def _read_in_period(place: YamlNode) -> InPeriodTerms:
    return InPeriodTerms(place.text("item"), place.texts("ends") or _ENDS, read_conditions(place.at("when")))


def _in_order(terms: InOrderTerms, among: RuleContext) -> str:
    sign = "<=" if terms.strictly else "<"
    out_of_order = f"{quote_column(terms.then)} {sign} {quote_column(terms.first)}"
    return (
        f"SELECT count(*) FROM {{model}} WHERE {join_conditions(out_of_order, conditions_sql(terms.when, among.items))}"
    )


def _not_in_future(terms: NotInFutureTerms, among: RuleContext) -> str:
    later = f"{quote_column(terms.item)} > getvariable('received_on')"
    return f"SELECT count(*) FROM {{model}} WHERE {join_conditions(later, conditions_sql(terms.when, among.items))}"


def _in_period(terms: InPeriodTerms, among: RuleContext) -> str:
    outside = {
        "first": f"{quote_column(terms.item)} < getvariable('period_start')",
        "last": f"{quote_column(terms.item)} > getvariable('period_end')",
    }
    either = " OR ".join(outside[end] for end in _ENDS if end in terms.ends)
    broken = join_conditions(f"({either})", conditions_sql(terms.when, among.items))
    return f"SELECT count(*) FROM {{model}} WHERE {broken}"


def _order_contradictions(terms: InOrderTerms, place: YamlNode, among: RuleContext) -> Iterator[Contradiction]:
    yield from check_items_exist([terms.first, terms.then], place, among)
    yield from check_item_types([terms.first, terms.then], (ItemType.DATE, *NUMERIC), place, among)
    yield from check_conditions(terms.when, place.at("when"), among, among.table)
    known = [among.items[name] for name in (terms.first, terms.then) if name in among.items]
    if {item.type is ItemType.DATE for item in known} == {True, False}:
        yield place.contradiction(
            f"The rule puts {terms.first} and {terms.then} in order, of which one is a date and one is not.",
            "Name two dates or two figures.",
        )
    if terms.first == terms.then:
        yield place.contradiction(f"The rule puts {terms.first} before itself.", "Name another item in then.")


def _date_contradictions(
    terms: NotInFutureTerms | InPeriodTerms, place: YamlNode, among: RuleContext
) -> Iterator[Contradiction]:
    yield from check_items_exist([terms.item], place.at("item"), among)
    yield from check_item_types([terms.item], (ItemType.DATE,), place.at("item"), among)
    yield from check_conditions(terms.when, place.at("when"), among, among.table)


IN_ORDER = RuleKindDefinition(
    rule=RuleKind.IN_ORDER,
    words={"first": TEXT, "then": TEXT, "strictly": {"const": True}, "when": CONDITIONS},
    needed=("first", "then"),
    read=_read_in_order,
    contradictions=_order_contradictions,
    sql=_in_order,
)

NOT_IN_FUTURE = RuleKindDefinition(
    rule=RuleKind.NOT_IN_FUTURE,
    words={"item": TEXT, "when": CONDITIONS},
    needed=("item",),
    read=_read_not_in_future,
    contradictions=_date_contradictions,
    sql=_not_in_future,
)

IN_PERIOD = RuleKindDefinition(
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
