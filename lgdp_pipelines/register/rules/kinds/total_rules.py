"""Figures that must come to the same: a total of columns, and a figure that rows of a table add up to.

Sums are exact where the items are. A mark is no figure. What belongs here: the two kinds' terms and SQL. What does not:
figures of other returns and of earlier periods.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.property_vocabulary import TEXT
from lgdp_pipelines.register.model.table_model import Item
from lgdp_pipelines.register.rules.kinds.rule_kind import (
    AMOUNT,
    NAMES,
    NUMERIC,
    RuleContext,
    RuleKindDefinition,
    check_item_types,
    check_items_exist,
)
from lgdp_pipelines.register.rules.kinds.sql_fragments import (
    CONDITIONS,
    Condition,
    Tolerance,
    cast_figure,
    check_conditions,
    conditions_sql,
    differs_sql,
    is_exact,
    join_conditions,
    not_in_error_sql,
    quote_column,
    read_conditions,
    read_tolerance,
)
from lgdp_pipelines.vocabulary.verdicts import RuleKind

_ABSENT = {"enum": ["unknown", "zero"]}


@dataclass(frozen=True, slots=True)
class TotalTerms:
    """A figure that is the sum of others of its row.

    Attributes:
        item: name of the total.
        of: names of what is added up.
        less: names of what is taken away.
        tolerance: by how much they may differ.
        absent_is_zero: an empty part counts as nothing; otherwise a row with one is not held against the rule.
        when: the rows that it is asked of; none: all.
    """

    item: str
    of: tuple[str, ...]
    less: tuple[str, ...]
    tolerance: Tolerance
    absent_is_zero: bool
    when: tuple[Condition, ...]

    @property
    def items(self) -> tuple[str, ...]:
        """The total, its parts and the items of the conditions."""
        return (self.item, *self.of, *self.less, *(one.item for one in self.when))

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at the total."""
        return (self.item, *self.of, *self.less)


@dataclass(frozen=True, slots=True)
class ControlTerms:
    """A figure of a row that rows of a table, its own or another, add up to.

    Attributes:
        item: name of the figure.
        when: the rows whose figure it is; none: all.
        table: whose rows are added up.
        part: name of what is added up in it.
        part_when: the rows that are added up; none: all that match.
        by: names of the items of the table, by names of the own items that they must be the same as.
        tolerance: by how much they may differ.
        absent_is_zero: an empty part counts as nothing, and so do no rows at all; otherwise nothing is held.
    """

    item: str
    when: tuple[Condition, ...]
    table: str
    part: str
    part_when: tuple[Condition, ...]
    by: Mapping[str, str]
    tolerance: Tolerance
    absent_is_zero: bool

    @property
    def items(self) -> tuple[str, ...]:
        """The figure, and what says which rows add up to it."""
        return (self.item, *self.by, *(one.item for one in self.when))

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at the figure."""
        return (self.item, *self.by)

    @property
    def parts(self) -> tuple[str, ...]:
        """The items of the other table that are read."""
        return (self.part, *self.by.values(), *(one.item for one in self.part_when))


def _read_total(place: YamlNode) -> TotalTerms:
    return TotalTerms(
        item=place.text("item"),
        of=place.texts("of"),
        less=place.texts("less"),
        tolerance=read_tolerance(place),
        absent_is_zero=place.text("absent") == "zero",
        when=read_conditions(place.at("when")),
    )


def _read_control(place: YamlNode) -> ControlTerms:
    of = place.at("of")
    return ControlTerms(
        item=place.text("item"),
        when=read_conditions(place.at("when")),
        table=of.text("table"),
        part=of.text("item"),
        part_when=read_conditions(of.at("when")),
        by=MappingProxyType({own: one.value for own, one in place.at("by").members() if isinstance(one.value, str)}),
        tolerance=read_tolerance(place),
        absent_is_zero=place.text("absent") == "zero",
    )


def _total(terms: TotalTerms, among: RuleContext) -> str:
    items = [among.items[name] for name in (terms.item, *terms.of, *terms.less)]
    added = " + ".join(_part(name, items, terms) for name in terms.of)
    taken = "".join(f" - {_part(name, items, terms)}" for name in terms.less)
    differs = differs_sql(cast_figure(terms.item, items), added + taken, terms.tolerance, exact=is_exact(items))
    return f"SELECT count(*) FROM {{model}} WHERE {join_conditions(differs, conditions_sql(terms.when, among.items))}"


def _part(name: str, items: Sequence[Item], terms: TotalTerms) -> str:
    part = cast_figure(name, items)
    return f"coalesce({part}, 0)" if terms.absent_is_zero else part


def _control(terms: ControlTerms, among: RuleContext) -> str:
    theirs = among.tables[terms.table]
    items = [among.items[terms.item], theirs[terms.part]]
    part, is_sound = cast_figure(terms.part, items, "part"), not_in_error_sql("part", terms.table, terms.parts)
    integer = f"CASE WHEN bool_and({quote_column(terms.part, 'part')} IS NOT NULL AND {is_sound}) THEN sum({part}) END"
    if terms.absent_is_zero:
        integer = f"CASE WHEN coalesce(bool_and({is_sound}), TRUE) THEN coalesce(sum({part}), 0) END"
    same = [f"{quote_column(other, 'part')} = {quote_column(own, 'own')}" for own, other in terms.by.items()]
    which = join_conditions(*same, conditions_sql(terms.part_when, theirs, "part"))
    added = f"SELECT {integer} FROM {{{_relation(terms, among)}}} AS part" + (f" WHERE {which}" if which else "")
    differs = differs_sql(cast_figure(terms.item, items, "own"), added, terms.tolerance, exact=is_exact(items))
    broken = join_conditions(differs, conditions_sql(terms.when, among.items, "own"))
    return f"SELECT count(*) FROM {{model}} AS own WHERE {broken}"


def _relation(terms: ControlTerms, among: RuleContext) -> str:
    return "model" if terms.table == among.table else terms.table


def _total_contradictions(terms: TotalTerms, place: YamlNode, among: RuleContext) -> Iterator[Contradiction]:
    names = (terms.item, *terms.of, *terms.less)
    yield from check_items_exist(names, place, among)
    yield from check_item_types(names, NUMERIC, place, among)
    yield from check_conditions(terms.when, place.at("when"), among, among.table)
    yield from _other_units([among.items[name] for name in names if name in among.items], place)
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield place.contradiction(f"The rule reckons {name} twice.", "Name each item once, in item, of or less.")


def _control_contradictions(terms: ControlTerms, place: YamlNode, among: RuleContext) -> Iterator[Contradiction]:
    yield from check_items_exist([terms.item, *terms.by], place, among)
    yield from check_item_types([terms.item], NUMERIC, place.at("item"), among)
    yield from check_conditions(terms.when, place.at("when"), among, among.table)
    of = place.at("of")
    theirs = among.tables.get(terms.table)
    if theirs is None:
        yield of.contradiction(
            f"The rule adds up rows of {terms.table}, which is no table of the return.",
            suggest(terms.table, among.tables),
        )
        return
    yield from check_conditions(terms.part_when, of.at("when"), among, terms.table)
    there = RuleContext(terms.table, among.tables, among.period_kind, among.code_lists)
    yield from check_items_exist([terms.part, *terms.by.values()], of, there)
    yield from check_item_types([terms.part], NUMERIC, of, there)
    if terms.item in among.items and terms.part in theirs:
        yield from _other_units([among.items[terms.item], theirs[terms.part]], place)
    for own, other in terms.by.items():
        if own in among.items and other in theirs and among.items[own].type is not theirs[other].type:
            yield (
                place.at("by")
                .at(own)
                .contradiction(
                    f"{own} and {other} are of different types, and are never the same.", "Name items of one type."
                )
            )


def _other_units(items: Sequence[Item], place: YamlNode) -> Iterator[Contradiction]:
    units = {item.unit for item in items if item.unit}
    if len(units) > 1:
        yield place.contradiction(
            f"The rule adds up figures in {' and in '.join(sorted(units))}.", "Name figures of one unit."
        )


TOTAL = RuleKindDefinition(
    rule=RuleKind.TOTAL,
    words={
        "item": TEXT,
        "of": NAMES,
        "less": NAMES,
        "tolerance": AMOUNT,
        "tolerancePct": AMOUNT,
        "absent": _ABSENT,
        "when": CONDITIONS,
    },
    needed=("item", "of"),
    read=_read_total,
    contradictions=_total_contradictions,
    sql=_total,
)

CONTROL = RuleKindDefinition(
    rule=RuleKind.CONTROL,
    words={
        "item": TEXT,
        "when": CONDITIONS,
        "of": {
            "type": "object",
            "properties": {"table": TEXT, "item": TEXT, "when": CONDITIONS},
            "required": ["table", "item"],
            "additionalProperties": False,
        },
        "by": {"type": "object", "additionalProperties": TEXT, "minProperties": 1},
        "tolerance": AMOUNT,
        "tolerancePct": AMOUNT,
        "absent": _ABSENT,
    },
    needed=("item", "of"),
    read=_read_control,
    contradictions=_control_contradictions,
    sql=_control,
)
