"""Rules about the cells of a row, and about the rows of a return compared with each other.

An item is answered by a value, or by a mark for the reason of a missing figure. An empty cell breaks no rule about
order, period or future. A row with an empty ``by`` belongs to no group. An empty reference refers to nothing, and a
reference of several items is one only where all of them are filled in. Belongs here: the terms and SQL of these kinds,
and the SQL of the standard's ``relationships``. Belongs elsewhere: the standard's own rules (``required``,
``logicalTypeOptions``, ``primaryKey``, ``unique``, the metric ``rowCount``), figures (``figure_rules``) and other
returns (``external_rules``).
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode, contradictions_where, first_contradiction_where
from lgdp_pipelines.register.model.field_types import STRICT, DistinctTexts, Text, refuse_repeats
from lgdp_pipelines.register.model.table_model import NUMERIC, ItemType, Relationship
from lgdp_pipelines.register.rules.kinds.rule_kind import (
    CODES,
    ConditionalTerms,
    Conditions,
    NonNegativeInteger,
    OnlyTrue,
    RuleContext,
    RuleTerms,
    all_filled_sql,
    answered_sql,
    check_conditions,
    check_item_types,
    check_items_exist,
    conditions_sql,
    join_conditions,
    not_in_error_sql,
    quote_column,
    quote_text,
)
from lgdp_pipelines.vocabulary.verdicts import RuleKind


@dataclass(frozen=True, config=STRICT, kw_only=True)
class EmptyUnlessTerms(ConditionalTerms):
    """The terms of an item that only some rows may answer.

    Attributes:
        item: its name.
        when: the conditions.
    """

    kind: ClassVar = RuleKind.EMPTY_UNLESS

    item: Text
    when: Conditions

    @property
    def finding_items(self) -> tuple[str, ...]:
        """Names of the tested item and of the conditions' items."""
        return (self.item, *self.when)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the contradictions of the terms."""
        yield from check_items_exist([self.item], node.at("item"), context)
        yield from check_conditions(self.when, node.at("when"), context, context.table)
        item = context.items.get(self.item)
        yield from contradictions_where(
            (
                self.item in self.when,
                node.at("when"),
                f"The conditions of {self.item} name {self.item} itself.",
                "Name another item in when.",
            ),
            (
                item is not None and item.required,
                node.at("item"),
                f"{self.item} is required on every row and has conditions.",
                "Remove required from the item, or remove the rule.",
            ),
        )

    def sql(self, context: RuleContext) -> str:
        """Return SQL that counts the answers outside the conditions."""
        is_answered, applies = answered_sql(context.items[self.item]), conditions_sql(self.when, context.items)
        return f"SELECT count(*) FROM {{model}} WHERE {is_answered} AND NOT ({applies})"


@dataclass(frozen=True, config=STRICT, kw_only=True)
class RequiredWhenTerms(EmptyUnlessTerms):
    """The terms of an item that must be answered where conditions hold.

    Attributes:
        only_then: where they do not hold, it must be left empty.
    """

    kind: ClassVar = RuleKind.REQUIRED_WHEN

    only_then: Annotated[OnlyTrue, Field(validation_alias="onlyThen")] = False

    def sql(self, context: RuleContext) -> str:
        """Return SQL that counts missing answers, and with ``only_then`` surplus ones."""
        is_answered, applies = answered_sql(context.items[self.item]), conditions_sql(self.when, context.items)
        violation = f"({applies}) <> ({is_answered})" if self.only_then else f"{applies} AND NOT ({is_answered})"
        return f"SELECT count(*) FROM {{model}} WHERE {violation}"


@dataclass(frozen=True, config=STRICT, kw_only=True)
class InOrderTerms(ConditionalTerms):
    """The terms of two dates or figures that must be in order.

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
    def finding_items(self) -> tuple[str, ...]:
        """Names of the later or higher item, then the other."""
        return (self.then, self.first)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the contradictions of the terms."""
        yield from check_items_exist([self.first, self.then], node, context)
        yield from check_item_types([self.first, self.then], (ItemType.DATE, *NUMERIC), node, context)
        yield from check_conditions(self.when, node.at("when"), context, context.table)
        compared_items = [context.items[name] for name in (self.first, self.then) if name in context.items]
        yield from contradictions_where(
            (
                {item.type is ItemType.DATE for item in compared_items} == {True, False},
                node,
                f"The rule orders {self.first} and {self.then}, and only one of them is a date.",
                "Name two dates or two figures.",
            ),
            (
                self.first == self.then,
                node,
                f"The rule orders {self.first} before itself.",
                "Name another item in then.",
            ),
        )

    def sql(self, context: RuleContext) -> str:
        """Return SQL that counts the rows out of order."""
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
    def finding_items(self) -> tuple[str, ...]:
        """Name of the date."""
        return (self.item,)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the contradictions of the terms."""
        yield from check_items_exist([self.item], node.at("item"), context)
        yield from check_item_types([self.item], (ItemType.DATE,), node.at("item"), context)
        yield from check_conditions(self.when, node.at("when"), context, context.table)

    def sql(self, context: RuleContext) -> str:
        """Return SQL that counts rows dated after the submission came."""
        return _count_rows(f"{quote_column(self.item)} > getvariable('received_on')", self.when, context)


@dataclass(frozen=True, config=STRICT, kw_only=True)
class InPeriodTerms(NotInFutureTerms):
    """The terms of a day within the submission's period.

    Attributes:
        ends: ends of the period that limit it: ``first`` day, ``last`` day or both.
    """

    kind: ClassVar = RuleKind.IN_PERIOD

    ends: Annotated[tuple[Literal["first", "last"], ...], Field(min_length=1), AfterValidator(refuse_repeats)] = (
        "first",
        "last",
    )

    def sql(self, context: RuleContext) -> str:
        """Return SQL that counts rows dated beyond the period's chosen ends."""
        outside = {
            "first": f"{quote_column(self.item)} < getvariable('period_start')",
            "last": f"{quote_column(self.item)} > getvariable('period_end')",
        }
        either = " OR ".join(violation for end, violation in outside.items() if end in self.ends)
        return _count_rows(f"({either})", self.when, context)


def _count_rows(violation: str, when: Conditions, context: RuleContext) -> str:
    """Return SQL that counts violating rows where the conditions hold."""
    violated = join_conditions(violation, conditions_sql(when, context.items))
    return f"SELECT count(*) FROM {{model}} WHERE {violated}"


@dataclass(frozen=True, config=STRICT, kw_only=True)
class RowsPerTerms(ConditionalTerms):
    """The terms of the number of rows in each group.

    Attributes:
        by: names of the items that make a group.
        at_least: fewest rows of a group; None: any number.
        at_most: most rows of a group; None: any number.
    """

    kind: ClassVar = RuleKind.ROWS_PER

    by: DistinctTexts
    at_least: Annotated[NonNegativeInteger | None, Field(validation_alias="atLeast")] = None
    at_most: Annotated[NonNegativeInteger | None, Field(validation_alias="atMost")] = None

    @property
    def finding_items(self) -> tuple[str, ...]:
        """Names of the items of groups and of conditions."""
        return (*self.by, *self.when)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the contradictions of the terms."""
        yield from check_items_exist(self.by, node.at("by"), context)
        yield from check_conditions(self.when, node.at("when"), context, context.table)
        yield from first_contradiction_where(
            (
                self.at_least is None and self.at_most is None,
                node,
                "The implementation has neither atLeast nor atMost.",
                "Complete the implementation.",
            ),
            (
                self.at_least is not None and self.at_most is not None and self.at_least > self.at_most,
                node,
                "A group must have more rows than it may have.",
                "Swap or correct atLeast and atMost.",
            ),
        )

    def sql(self, context: RuleContext) -> str:
        """Return SQL that counts surplus rows, and first rows of small groups."""
        group = f"PARTITION BY {_columns(self.by)}"
        counts = conditions_sql(self.when, context.items)
        counted = f"count(*) FILTER (WHERE {counts})" if counts else "count(*)"
        violations = []
        if self.at_most is not None:
            so_far = f"{counted} OVER ({group} ORDER BY _row ROWS UNBOUNDED PRECEDING) > {self.at_most}"
            violations.append(f"({join_conditions(so_far, counts)})")
        if self.at_least is not None:
            first = f"row_number() OVER ({group} ORDER BY _row) = 1"
            violations.append(f"({first} AND {counted} OVER ({group}) < {self.at_least})")
        return f"SELECT count(*) FROM {{model}} WHERE {all_filled_sql(self.by)} QUALIFY {' OR '.join(violations)}"


@dataclass(frozen=True, config=STRICT)
class CompleteTerms(RuleTerms):
    """The terms of a row for every combination of codes.

    Attributes:
        over: names of the items with the codes.
        by: names of the items that make a group; empty: the table is one group.
        values: ``listed``: every code of the items' lists that is valid on the period's last day;
            ``present``: every code in the table.
    """

    kind: ClassVar = RuleKind.COMPLETE

    over: DistinctTexts
    by: DistinctTexts = ()
    values: Literal["listed", "present"] = "listed"

    @property
    def finding_items(self) -> tuple[str, ...]:
        """Names of the combined items, then of those that make groups."""
        return (*self.over, *self.by)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the contradictions of the terms."""
        yield from check_items_exist(self.items, node, context)
        yield from (
            node.contradiction(f"{name} is both over and by.", "Name it in one of them.")
            for name in _list_repeated_names(self.items)
        )
        yield from (
            node.at("over").contradiction(
                f"The rule needs a row for every code of {name}, which has no code list.",
                "Give it one, or write values: present.",
            )
            for name in (self.over if self.values == "listed" else ())
            if name in context.items and context.items[name].code_list is None
        )

    def sql(self, context: RuleContext) -> str:
        """Return SQL that counts missing combinations, or groups that lack one."""
        expected_count = " * ".join(f"({self._wanted_count(name, context)})" for name in self.over)
        present = join_conditions(*(self._is_wanted(name, context) for name in self.over))
        distinct_count = f"count(DISTINCT ({_columns(self.over)})) FILTER (WHERE {present})"
        sound = f"bool_and({not_in_error_sql('', context.table, self.items)})"
        if not self.by:
            missing = f"{expected_count} - {distinct_count}"
            return f"SELECT CASE WHEN count(*) > 0 AND {sound} THEN {missing} ELSE 0 END FROM {{model}}"
        short = (
            f"SELECT min(_row) FROM {{model}} WHERE {all_filled_sql(self.by)} GROUP BY {_columns(self.by)} "
            f"HAVING {sound} AND {distinct_count} < {expected_count}"
        )
        return f"SELECT count(*) FROM {{model}} AS own WHERE own._row IN ({short})"

    def _wanted_count(self, name: str, context: RuleContext) -> str:
        """Return SQL for the number of codes that an item needs."""
        if self.values == "listed":
            return f"SELECT count(*) FROM {CODES} WHERE _list = {quote_text(context.items[name].code_list or '')}"
        return f"SELECT count(DISTINCT {quote_column(name)}) FROM {{model}}"

    def _is_wanted(self, name: str, context: RuleContext) -> str:
        """Return SQL for whether a row's code is one that is needed."""
        if self.values == "listed":
            listed = quote_text(context.items[name].code_list or "")
            return f"{quote_column(name)} IN (SELECT _code FROM {CODES} WHERE _list = {listed})"
        return f"{quote_column(name)} IS NOT NULL"


@dataclass(frozen=True, config=STRICT)
class NotFallingTerms(RuleTerms):
    """The terms of a figure that never falls from row to row.

    Attributes:
        item: name of the figure.
        along: name of the item that rows are ordered by.
        by: names of the items that make a series; empty: the table is one series.
    """

    kind: ClassVar = RuleKind.NOT_FALLING

    item: Text
    along: Text
    by: DistinctTexts = ()

    @property
    def finding_items(self) -> tuple[str, ...]:
        """Names of the figure, of its order and of its series."""
        return (self.item, self.along, *self.by)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the contradictions of the terms."""
        yield from check_items_exist(self.items, node, context)
        yield from check_item_types([self.item], NUMERIC, node.at("item"), context)
        ordered = (ItemType.DATE, ItemType.TEXT, *NUMERIC)
        yield from check_item_types([self.along], ordered, node.at("along"), context)
        yield from (
            node.contradiction(f"The rule names {name} twice.", "Name each item once, in item, along or by.")
            for name in _list_repeated_names(self.items)
        )

    def sql(self, context: RuleContext) -> str:
        """Return SQL that counts the rows with a lower figure than before."""
        counts = join_conditions(all_filled_sql(self.items), not_in_error_sql("", context.table, self.items))
        group = f"PARTITION BY {_columns(self.by)} " if self.by else ""
        before = f"lag({quote_column(self.item)}) OVER ({group}ORDER BY {quote_column(self.along)}, _row)"
        return f"SELECT count(*) FROM {{model}} WHERE {counts} QUALIFY {quote_column(self.item)} < {before}"


def write_relationship_sql(terms: Relationship) -> str:
    """Return SQL that counts the rows with a reference to no row."""
    refers = all_filled_sql(terms.source_items, "own")
    pairs = zip(terms.source_items, terms.target_items, strict=True)
    matches = join_conditions(
        *(f"{quote_column(target, 'other')} = {quote_column(source, 'own')}" for source, target in pairs)
    )
    matching_row = f"SELECT 1 FROM {{{terms.table}}} AS other WHERE {matches}"
    return f"SELECT count(*) FROM {{model}} AS own WHERE {refers} AND NOT EXISTS ({matching_row})"


def _columns(names: Iterable[str]) -> str:
    """Return quoted columns with commas between them."""
    return ", ".join(quote_column(name) for name in names)


def _list_repeated_names(names: tuple[str, ...]) -> list[str]:
    """Return the names that occur more than once, sorted."""
    return sorted({name for name in names if names.count(name) > 1})
