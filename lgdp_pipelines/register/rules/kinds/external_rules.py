"""Comparisons of a submission with the council's current rows of another return, and with reference tables.

Belongs here: the terms and SQL of the three kinds, and contradictions with their own contract. Belongs elsewhere:
contradictions with the other return or the table (``checks.contract_checks``), and their rows
(``validation.sql_rules``).

A group without rows counts as 0. A sum is not compared where one of its cells, or a cell of its group's key, is in
error, because the cell's own rule has reported it.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import field
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.contract import slug
from lgdp_pipelines.register.model.field_types import STRICT, Text
from lgdp_pipelines.register.model.table_model import NUMERIC, ItemType
from lgdp_pipelines.register.rules.kinds.rule_kind import (
    OWN_ROW,
    ConditionalTerms,
    FigureTerms,
    ItemPairs,
    RuleContext,
    all_filled_sql,
    cells_in_error_sql,
    check_conditions,
    check_item_types,
    check_items_exist,
    conditions_sql,
    differs_sql,
    join_conditions,
    quote_column,
)
from lgdp_pipelines.register.rules.sql_statements import REFERENCE_PREFIX, ExternalTable
from lgdp_pipelines.vocabulary.verdicts import RuleKind


class ComparedFigure(StrEnum):
    """The figure of some rows that is compared with another."""

    VALUE = "value"
    """An item of each row for itself."""
    SUM = "sum"
    COUNT = "count"
    """The number of rows."""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class PresenceTerms(ConditionalTerms):
    """The terms of values that must be in a table elsewhere.

    Attributes:
        by: names of the table's columns, by names of the own items that they must equal.
    """

    by: ItemPairs

    @property
    @abstractmethod
    def external_table(self) -> ExternalTable:
        """The table that must hold the value."""

    @property
    def finding_items(self) -> tuple[str, ...]:
        """Names of the items whose values must exist elsewhere."""
        return tuple(self.by)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the terms' contradictions with their own contract."""
        yield from check_items_exist(tuple(self.by), node.at("by"), context)
        yield from check_conditions(self.when, node.at("when"), context, context.table)

    def _count_missing(self, context: RuleContext, applies: str, *matches: str) -> str:
        """Return SQL that counts applicable rows without a match elsewhere."""
        conditions = [
            f"{quote_column(other, 'other_rows')} = {quote_column(own, 'own')}" for own, other in self.by.items()
        ]
        matching_row = (
            f"SELECT 1 FROM {self.external_table} AS other_rows WHERE {join_conditions(*conditions, *matches)}"
        )
        tested = join_conditions(
            all_filled_sql(self.by, "own"), applies, conditions_sql(self.when, context.items, "own")
        )
        return f"SELECT count(*) FROM {{model}} AS own WHERE {tested} AND NOT EXISTS ({matching_row})"


@dataclass(frozen=True, config=STRICT)
class OtherReturnTable:
    """A table of another return, by the words of the contract."""

    return_code: Annotated[Text, Field(validation_alias="return")]
    table: Text

    @property
    def external_table(self) -> ExternalTable:
        """The table as SQL names it."""
        return ExternalTable(slug(self.return_code), self.table)


@dataclass(frozen=True, config=STRICT, kw_only=True)
class RefersToTerms(PresenceTerms):
    """The terms of values that must be in another return.

    Attributes:
        to: the table that must have it.
        dated: name of the own date that must be in the period for the rule to apply, since otherwise the row is in
            another period's submission; empty: the rule applies on any date.
    """

    kind: ClassVar = RuleKind.REFERS_TO

    to: OtherReturnTable
    dated: Text = ""

    @property
    def external_table(self) -> ExternalTable:
        """The table that must hold the value."""
        return self.to.external_table

    @property
    def items(self) -> tuple[str, ...]:
        """The items that refer, the date, and the items of the conditions."""
        return (*self.by, *([self.dated] if self.dated else []), *self.when)

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the terms' contradictions with their own contract."""
        yield from super().check(node, context)
        yield from check_items_exist([self.dated], node.at("dated"), context)
        yield from check_item_types([self.dated], [ItemType.DATE], node.at("dated"), context)

    def sql(self, context: RuleContext) -> str:
        """Return SQL that counts unmatched rows, only in-period ones if dated."""
        day = quote_column(self.dated, "own")
        within = f"{day} BETWEEN getvariable('period_start') AND getvariable('period_end')"
        return self._count_missing(context, within if self.dated else "")


@dataclass(frozen=True, config=STRICT)
class ValidityColumns:
    """The columns of a reference table with a row's validity.

    Attributes:
        first: the column of the first day; empty: a row is valid from the beginning.
        last: the column of the last day; empty: a row is valid for ever.
    """

    first: Annotated[Text, Field(validation_alias="from")] = ""
    last: Annotated[Text, Field(validation_alias="to")] = ""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class InReferenceTerms(PresenceTerms):
    """The terms of values that must be in a reference table.

    Attributes:
        reference: id of the table.
        council: the column with the council of a row; empty: rows apply to all councils.
        valid: the columns with a row's validity.
    """

    kind: ClassVar = RuleKind.IN_REFERENCE

    reference: Text
    council: Text = ""
    valid: ValidityColumns = ValidityColumns()

    @property
    def external_table(self) -> ExternalTable:
        """The table that must hold the value."""
        return ExternalTable(REFERENCE_PREFIX, slug(self.reference))

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the terms' contradictions with their own contract."""
        yield from super().check(node, context)
        if node.has("valid") and self.valid == ValidityColumns():
            yield node.at("valid").contradiction("The validity names no column.", "Write from or to, or remove valid.")

    def sql(self, context: RuleContext) -> str:
        """Return SQL that counts rows unmatched on the period's last day."""
        matches = [f"{quote_column(self.council, 'other_rows')} = getvariable('council_code')"] if self.council else []
        for name, operator in ((self.valid.first, "<="), (self.valid.last, ">=")):
            if name:
                day = quote_column(name, "other_rows")
                matches.append(f"coalesce({day} {operator} getvariable('period_end'), TRUE)")
        return self._count_missing(context, "", *matches)


@dataclass(frozen=True, config=STRICT)
class OtherFigure(OtherReturnTable):
    """A figure of another return.

    Attributes:
        figure: of its rows; None: the figure of the own rows.
        item: name of the item; empty: the name of the own item, or no item where rows are counted.
    """

    figure: ComparedFigure | None = None
    item: Text = ""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class AgreesWithTerms(FigureTerms):
    """The terms of the same quantity in two returns.

    Attributes:
        of: the figure that the own one must agree with.
        figure: of the own rows.
        item: name of the own item; empty where rows are counted.
        by: names of the items there, by names of the own items that identify the quantity; empty: the whole tables.
    """

    kind: ClassVar = RuleKind.AGREES_WITH

    of: OtherFigure
    figure: ComparedFigure = ComparedFigure.VALUE
    item: Text = ""
    by: ItemPairs = field(default_factory=dict)

    @property
    def external_table(self) -> ExternalTable:
        """The table of the other return."""
        return self.of.external_table

    @property
    def other_figure(self) -> ComparedFigure:
        """Kind of the other rows' figure; by default that of own rows."""
        return self.of.figure or self.figure

    @property
    def other_item(self) -> str:
        """Name of the other return's item; empty where rows are counted."""
        return self.of.item or ("" if self.other_figure is ComparedFigure.COUNT else self.item)

    @property
    def finding_items(self) -> tuple[str, ...]:
        """Names of the figure and of the items that identify it."""
        return tuple(dict.fromkeys(name for name in (self.item, *self.by) if name))

    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the terms' contradictions with their own contract."""
        yield from check_items_exist([self.item, *self.by], node, context)
        yield from check_item_types([self.item], NUMERIC, node.at("item"), context)
        yield from check_conditions(self.when, node.at("when"), context, context.table)
        yield from (
            place.contradiction("A count of rows has no item, and every other figure has one.", "Add or remove item.")
            for figure, item, place in (
                (self.figure, self.item, node),
                (self.other_figure, self.other_item, node.at("of")),
            )
            if bool(item) == (figure is ComparedFigure.COUNT)
        )
        if self.figure is ComparedFigure.VALUE and not self.by:
            yield node.contradiction("The rule does not say which values must be equal.", "Write by, or figure: sum.")

    def sql(self, context: RuleContext) -> str:
        """Return SQL that counts rows or groups whose figures disagree."""
        own = context.items.get(self.item)
        exact = own is None or own.type is not ItemType.NUMBER
        keys = [f"own_rows._k{number} = other_rows._k{number}" for number, _ in enumerate(self.by)]
        join = "LEFT" if self.figure is ComparedFigure.VALUE else "FULL"
        joined = (
            f"({self._own_figures(context, exact=exact)}) AS own_rows "
            f"{join} JOIN ({self._other_figures(exact=exact)}) AS other_rows ON {join_conditions(*keys) or 'TRUE'}"
        )
        default = "NULL" if self.other_figure is ComparedFigure.VALUE else "0"
        pairs = (
            f"SELECT own_rows.{OWN_ROW} AS {OWN_ROW}, "
            "CASE WHEN own_rows._has_figure THEN own_rows._figure ELSE 0 END AS _own_figure, "
            f"CASE WHEN other_rows._has_figure THEN other_rows._figure ELSE {default} END AS _other_figure "
            f"FROM {joined}"
        )
        violation = join_conditions(
            differs_sql("_own_figure", "_other_figure", self, exact=exact), self._no_error_sql(context)
        )
        return f"SELECT count(*) FROM ({pairs}) AS compared WHERE {violation}"

    def _own_figures(self, context: RuleContext, *, exact: bool) -> str:
        """Return SQL for the own figures with their keys and rows."""
        keys = [f"{quote_column(name)} AS _k{number}" for number, name in enumerate(self.by)]
        counts = join_conditions(all_filled_sql(self.by), conditions_sql(self.when, context.items))
        if self.figure is ComparedFigure.VALUE:
            figure = _cast(self.item, exact=exact)
            columns = ", ".join([*keys, f"_row AS {OWN_ROW}", "TRUE AS _has_figure", f"{figure} AS _figure"])
            return f"SELECT {columns} FROM {{model}}{_where(counts)}"
        # Without groups a finding is about the table, and has no row.
        row = "min(_row)" if self.by else "CAST(NULL AS BIGINT)"
        figure = self._aggregate(self.figure, self.item, exact=exact)
        columns = ", ".join([*keys, f"{row} AS {OWN_ROW}", "TRUE AS _has_figure", f"{figure} AS _figure"])
        return f"SELECT {columns} FROM {{model}}{_where(counts)}{_group_by(self.by)}"

    def _other_figures(self, *, exact: bool) -> str:
        """Return SQL for the other return's figures with their keys."""
        names = tuple(self.by.values())
        keys = [f"{quote_column(name)} AS _k{number}" for number, name in enumerate(names)]
        figure = self._aggregate(self.other_figure, self.other_item, exact=exact)
        columns = ", ".join([*keys, "TRUE AS _has_figure", f"{figure} AS _figure"])
        return f"SELECT {columns} FROM {self.external_table}{_where(all_filled_sql(names))}{_group_by(names)}"

    def _aggregate(self, figure: ComparedFigure, item: str, *, exact: bool) -> str:
        """Return SQL for a group's figure; null where ambiguous or incomplete."""
        match figure:
            case ComparedFigure.COUNT:
                return "count(*)"
            case ComparedFigure.VALUE:
                return f"CASE WHEN count(*) = 1 THEN min({_cast(item, exact=exact)}) END"
            case ComparedFigure.SUM:
                added = f"coalesce({'sum' if exact else 'fsum'}({_cast(item, exact=exact)}), 0)"
                is_complete = f"coalesce(bool_and({quote_column(item)} IS NOT NULL), TRUE)"
                return added if self.absent_is_zero else f"CASE WHEN {is_complete} THEN {added} END"

    def _no_error_sql(self, context: RuleContext) -> str:
        """Return SQL for whether no summed item has errors; may be empty."""
        if self.figure is ComparedFigure.VALUE or not self.items:
            return ""
        return f"NOT EXISTS ({cells_in_error_sql(context.table, self.items, '1')})"


def _cast(item: str, *, exact: bool) -> str:
    """Return SQL that casts an item to decimal, or to double."""
    return f"CAST({quote_column(item)} AS {'DECIMAL(38, 8)' if exact else 'DOUBLE'})"


def _where(condition: str) -> str:
    """Return a WHERE clause; empty for an empty condition."""
    return f" WHERE {condition}" if condition else ""


def _group_by(names: Mapping[str, str] | tuple[str, ...]) -> str:
    """Return a GROUP BY clause; empty without names."""
    return f" GROUP BY {', '.join(quote_column(name) for name in names)}" if names else ""
