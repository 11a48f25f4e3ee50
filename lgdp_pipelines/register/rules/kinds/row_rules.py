"""Rows of one table against each other: how many there are of a kind, which are missing, a series that may not fall.

A row whose ``by`` is empty belongs to no group. What belongs here: the three kinds' terms and SQL. What does not: keys
(``primaryKey`` and ``unique`` say them) and the number of all rows (the standard's metric ``rowCount``).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.property_vocabulary import TEXT
from lgdp_pipelines.register.model.table_model import ItemType
from lgdp_pipelines.register.rules.kinds.rule_kind import (
    NAMES,
    NUMERIC,
    RuleContext,
    RuleKindDefinition,
    check_item_types,
    check_items_exist,
)
from lgdp_pipelines.register.rules.kinds.sql_fragments import (
    CODES,
    CONDITIONS,
    Condition,
    check_conditions,
    conditions_sql,
    join_conditions,
    not_in_error_sql,
    quote_column,
    quote_text,
    read_conditions,
)
from lgdp_pipelines.vocabulary.verdicts import RuleKind

_COUNT = {"type": "integer", "minimum": 0}


@dataclass(frozen=True, slots=True)
class RowsPerTerms:
    """How many rows there may be of each group.

    Attributes:
        by: names of the items that make a group.
        at_least: rows of a group; None: no matter.
        at_most: likewise.
        when: the rows that count; none: all. A group is there once it has any row.
    """

    by: tuple[str, ...]
    at_least: int | None
    at_most: int | None
    when: tuple[Condition, ...]

    @property
    def items(self) -> tuple[str, ...]:
        """What makes a group, and what counts in it."""
        return (*self.by, *(one.item for one in self.when))

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at what makes a group, in its first row, or in each row too many."""
        return self.items


@dataclass(frozen=True, slots=True)
class CompleteTerms:
    """A row for every combination of codes, in each group.

    Attributes:
        over: names of the items whose codes are combined.
        by: names of the items that make a group; none: the table is one.
        listed: every code of the items' lists that is valid on the period's last day is wanted; otherwise every one
            that the table has.
    """

    over: tuple[str, ...]
    by: tuple[str, ...]
    listed: bool

    @property
    def items(self) -> tuple[str, ...]:
        """What is combined, and what makes a group."""
        return (*self.over, *self.by)

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at what is combined, in the group's first row; without groups it is about the table."""
        return self.items


@dataclass(frozen=True, slots=True)
class NotFallingTerms:
    """A figure that, row after row, does not fall.

    Attributes:
        item: name of the figure.
        along: name of the item that rows are put in order by.
        by: names of the items that make a series of its own; none: the table is one.
    """

    item: str
    along: str
    by: tuple[str, ...]

    @property
    def items(self) -> tuple[str, ...]:
        """The figure, and what puts it in order."""
        return (self.item, self.along, *self.by)

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at the figure that is lower than the one before."""
        return self.items


def _read_rows_per(place: YamlNode) -> RowsPerTerms:
    return RowsPerTerms(
        place.texts("by"), place.integer("atLeast"), place.integer("atMost"), read_conditions(place.at("when"))
    )


def _read_complete(place: YamlNode) -> CompleteTerms:
    return CompleteTerms(place.texts("over"), place.texts("by"), place.text("values", "listed") == "listed")


def _read_not_falling(place: YamlNode) -> NotFallingTerms:
    return NotFallingTerms(place.text("item"), place.text("along"), place.texts("by"))


def _rows_per(terms: RowsPerTerms, among: RuleContext) -> str:
    group = f"PARTITION BY {_columns(terms.by)}"
    counts = conditions_sql(terms.when, among.items)
    counted = f"count(*) FILTER (WHERE {counts})" if counts else "count(*)"
    broken = []
    if terms.at_most is not None:
        so_far = f"{counted} OVER ({group} ORDER BY _row ROWS UNBOUNDED PRECEDING) > {terms.at_most}"
        broken.append(f"({join_conditions(so_far, counts)})")
    if terms.at_least is not None:
        first = f"row_number() OVER ({group} ORDER BY _row) = 1"
        broken.append(f"({first} AND {counted} OVER ({group}) < {terms.at_least})")
    return f"SELECT count(*) FROM {{model}} WHERE {_whole(terms.by)} QUALIFY {' OR '.join(broken)}"


def _complete(terms: CompleteTerms, among: RuleContext) -> str:
    wanted = " * ".join(f"({_wanted(name, terms, among)})" for name in terms.over)
    present = join_conditions(*(_is_wanted(name, terms, among) for name in terms.over))
    there = f"count(DISTINCT ({_columns(terms.over)})) FILTER (WHERE {present})"
    sound_rows = f"bool_and({not_in_error_sql('', among.table, terms.items)})"
    if not terms.by:
        return f"SELECT CASE WHEN count(*) > 0 AND {sound_rows} THEN {wanted} - {there} ELSE 0 END FROM {{model}}"
    short = (
        f"SELECT min(_row) FROM {{model}} WHERE {_whole(terms.by)} GROUP BY {_columns(terms.by)} "
        f"HAVING {sound_rows} AND {there} < {wanted}"
    )
    return f"SELECT count(*) FROM {{model}} AS own WHERE own._row IN ({short})"


def _wanted(name: str, terms: CompleteTerms, among: RuleContext) -> str:
    if terms.listed:
        return f"SELECT count(*) FROM {CODES} WHERE _list = {quote_text(among.items[name].code_list or '')}"
    return f"SELECT count(DISTINCT {quote_column(name)}) FROM {{model}}"


def _is_wanted(name: str, terms: CompleteTerms, among: RuleContext) -> str:
    if terms.listed:
        listed = quote_text(among.items[name].code_list or "")
        return f"{quote_column(name)} IN (SELECT _code FROM {CODES} WHERE _list = {listed})"
    return f"{quote_column(name)} IS NOT NULL"


def _not_falling(terms: NotFallingTerms, among: RuleContext) -> str:
    told = join_conditions(_whole(terms.items), not_in_error_sql("", among.table, terms.items))
    group = f"PARTITION BY {_columns(terms.by)} " if terms.by else ""
    before = f"lag({quote_column(terms.item)}) OVER ({group}ORDER BY {quote_column(terms.along)}, _row)"
    return f"SELECT count(*) FROM {{model}} WHERE {told} QUALIFY {quote_column(terms.item)} < {before}"


def _columns(names: Iterable[str]) -> str:
    return ", ".join(quote_column(name) for name in names)


def _whole(names: Iterable[str]) -> str:
    """Whether each of some cells has something in it."""
    return join_conditions(*(f"{quote_column(name)} IS NOT NULL" for name in names))


def _rows_per_contradictions(terms: RowsPerTerms, place: YamlNode, among: RuleContext) -> Iterator[Contradiction]:
    yield from check_items_exist(terms.by, place.at("by"), among)
    yield from check_conditions(terms.when, place.at("when"), among, among.table)
    if terms.at_least is not None and terms.at_most is not None and terms.at_least > terms.at_most:
        yield place.contradiction("A group must have more rows than it may have.", "Swap or mend atLeast and atMost.")


def _complete_contradictions(terms: CompleteTerms, place: YamlNode, among: RuleContext) -> Iterator[Contradiction]:
    yield from check_items_exist(terms.items, place, among)
    for name in sorted({name for name in terms.items if terms.items.count(name) > 1}):
        yield place.contradiction(f"{name} is both over and by.", "Name it in one of them.")
    for name in terms.over if terms.listed else ():
        if name in among.items and among.items[name].code_list is None:
            yield place.at("over").contradiction(
                f"The rule wants a row for every code of {name}, which has no code list.",
                "Give it one, or write values: present.",
            )


def _not_falling_contradictions(terms: NotFallingTerms, place: YamlNode, among: RuleContext) -> Iterator[Contradiction]:
    yield from check_items_exist(terms.items, place, among)
    yield from check_item_types([terms.item], NUMERIC, place.at("item"), among)
    ordered = (ItemType.DATE, ItemType.TEXT, *NUMERIC)
    yield from check_item_types([terms.along], ordered, place.at("along"), among)
    for name in sorted({name for name in terms.items if terms.items.count(name) > 1}):
        yield place.contradiction(f"The rule names {name} twice.", "Name each item once, in item, along or by.")


ROWS_PER = RuleKindDefinition(
    rule=RuleKind.ROWS_PER,
    words={"by": NAMES, "atLeast": _COUNT, "atMost": _COUNT, "when": CONDITIONS},
    needed=("by",),
    read=_read_rows_per,
    contradictions=_rows_per_contradictions,
    sql=_rows_per,
    choices=("atLeast", "atMost"),
)

COMPLETE = RuleKindDefinition(
    rule=RuleKind.COMPLETE,
    words={"over": NAMES, "by": NAMES, "values": {"enum": ["listed", "present"]}},
    needed=("over",),
    read=_read_complete,
    contradictions=_complete_contradictions,
    sql=_complete,
)

NOT_FALLING = RuleKindDefinition(
    rule=RuleKind.NOT_FALLING,
    words={"item": TEXT, "along": TEXT, "by": NAMES},
    needed=("item", "along"),
    read=_read_not_falling,
    contradictions=_not_falling_contradictions,
    sql=_not_falling,
)
