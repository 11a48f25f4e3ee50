"""What a submission is held against elsewhere: what the council has standing in another return, and reference tables.

What belongs here: the three kinds' terms and SQL, and what one contract alone says against itself in them. What does
not: whether the other return or the table has what is named (``register.between``), and their rows
(``validation.others``).

No rows come to nothing: a group that only one side has counts as 0 on the other. Where a cell of a sum is in error,
or one that says which sum it belongs to, nothing is held, since its own rule has told of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.property_vocabulary import TEXT
from lgdp_pipelines.register.model.contract import slug
from lgdp_pipelines.register.model.table_model import ItemType
from lgdp_pipelines.register.rules.kinds.rule_kind import (
    AMOUNT,
    NUMERIC,
    RuleContext,
    RuleKindDefinition,
    check_item_types,
    check_items_exist,
)
from lgdp_pipelines.register.rules.kinds.sql_fragments import (
    CONDITIONS,
    IN_ERROR,
    OWN_ROW,
    Condition,
    Tolerance,
    check_conditions,
    conditions_sql,
    differs_sql,
    join_conditions,
    quote_column,
    quote_text,
    read_conditions,
    read_tolerance,
)
from lgdp_pipelines.register.rules.sql_statements import REFERENCE_PREFIX, ExternalTable
from lgdp_pipelines.vocabulary.verdicts import RuleKind

_PAIRS = {"type": "object", "additionalProperties": TEXT, "minProperties": 1}


class ComparedFigure(StrEnum):
    """Which figure of some rows is held against another."""

    VALUE = "value"
    """An item of each row for itself."""
    SUM = "sum"
    COUNT = "count"
    """How many rows there are."""


@dataclass(frozen=True, slots=True)
class RefersToTerms:
    """Something that must be there in another return.

    Attributes:
        elsewhere: the table that must have it.
        by: names of the table's items, by names of the own items that they must be the same as.
        dated: the own date that must lie in the period for it to be asked, since what is referred to is in another
            period's submission otherwise; empty: whatever the date.
        when: the rows that it is asked of; none: all in which the own items are filled in.
    """

    elsewhere: ExternalTable
    by: Mapping[str, str]
    dated: str
    when: tuple[Condition, ...]

    @property
    def items(self) -> tuple[str, ...]:
        """What must be there, the date, and the items of the conditions."""
        return (*self.by, *([self.dated] if self.dated else []), *(one.item for one in self.when))

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at what is not there."""
        return tuple(self.by)


@dataclass(frozen=True, slots=True)
class InReferenceTerms:
    """Something that must be in a reference table.

    Attributes:
        elsewhere: the table.
        by: names of its columns, by names of the own items that they must be the same as.
        council: the column whose rows are those of the submission's council; empty: all rows count.
        valid_from: the column of the day from which a row is valid; empty: there is none.
        valid_to: the column of its last day; empty: there is none.
        when: the rows that it is asked of; none: all in which the own items are filled in.
    """

    elsewhere: ExternalTable
    by: Mapping[str, str]
    council: str
    valid_from: str
    valid_to: str
    when: tuple[Condition, ...]

    @property
    def items(self) -> tuple[str, ...]:
        """What must be there, and the items of the conditions."""
        return (*self.by, *(one.item for one in self.when))

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at what is not there."""
        return tuple(self.by)


@dataclass(frozen=True, slots=True)
class AgreesWithTerms:
    """The same quantity in two returns.

    Attributes:
        elsewhere: the table of the other return.
        figure: what of the own rows is held against it.
        item: name of the own item; empty where rows are counted.
        other_figure: what of the other rows it is held against.
        other_item: its name there; empty where rows are counted.
        by: names of the items there, by names of the own items that make the quantity the same one; none: each table as
            a whole.
        tolerance: by how much they may differ, in percent of the own figure.
        absent_is_zero: an empty cell counts as nothing in a sum; otherwise a sum with one is not held.
        when: the own rows that count; none: all.
    """

    elsewhere: ExternalTable
    figure: ComparedFigure
    item: str
    other_figure: ComparedFigure
    other_item: str
    by: Mapping[str, str]
    tolerance: Tolerance
    absent_is_zero: bool
    when: tuple[Condition, ...]

    @property
    def items(self) -> tuple[str, ...]:
        """The figure, what makes it the same one, and the items of the conditions."""
        return (*self.place, *(one.item for one in self.when))

    @property
    def place(self) -> tuple[str, ...]:
        """A finding stands at the figure, in the first row that it is made of; or it is about the table."""
        return tuple(dict.fromkeys(name for name in (self.item, *self.by) if name))


def _read_refers_to(place: YamlNode) -> RefersToTerms:
    return RefersToTerms(
        _elsewhere(place.at("to")), _pairs(place), place.text("dated"), read_conditions(place.at("when"))
    )


def _read_in_reference(place: YamlNode) -> InReferenceTerms:
    return InReferenceTerms(
        elsewhere=ExternalTable(REFERENCE_PREFIX, slug(place.text("reference"))),
        by=_pairs(place),
        council=place.text("council"),
        valid_from=place.at("valid").text("from"),
        valid_to=place.at("valid").text("to"),
        when=read_conditions(place.at("when")),
    )


def _read_agrees_with(place: YamlNode) -> AgreesWithTerms:
    of = place.at("of")
    figure = _figure(place.text("figure"), ComparedFigure.VALUE)
    other = _figure(of.text("figure"), figure)
    item = place.text("item")
    return AgreesWithTerms(
        elsewhere=_elsewhere(of),
        figure=figure,
        item=item,
        other_figure=other,
        other_item=of.text("item") or ("" if other is ComparedFigure.COUNT else item),
        by=_pairs(place),
        tolerance=read_tolerance(place),
        absent_is_zero=place.text("absent") == "zero",
        when=read_conditions(place.at("when")),
    )


def _elsewhere(place: YamlNode) -> ExternalTable:
    return ExternalTable(slug(place.text("return")), place.text("table"))


def _figure(text_given: str, otherwise: ComparedFigure) -> ComparedFigure:
    return ComparedFigure(text_given) if text_given in set(ComparedFigure) else otherwise


def _pairs(place: YamlNode) -> Mapping[str, str]:
    return MappingProxyType({own: one.value for own, one in place.at("by").members() if isinstance(one.value, str)})


def _refers_to(terms: RefersToTerms, among: RuleContext) -> str:
    day = quote_column(terms.dated, "own")
    within = f"{day} BETWEEN getvariable('period_start') AND getvariable('period_end')"
    return _missing(terms, among, within if terms.dated else "", [])


def _in_reference(terms: InReferenceTerms, among: RuleContext) -> str:
    also_there = []
    if terms.council:
        also_there.append(f"{quote_column(terms.council, 'there')} = getvariable('council_code')")
    for name, sign in ((terms.valid_from, "<="), (terms.valid_to, ">=")):
        if name:
            day = quote_column(name, "there")
            also_there.append(f"coalesce({day} {sign} getvariable('period_end'), TRUE)")
    return _missing(terms, among, "", also_there)


def _missing(terms: RefersToTerms | InReferenceTerms, among: RuleContext, within: str, also_there: list[str]) -> str:
    """The own rows that have no row elsewhere."""
    same = [f"{quote_column(other, 'there')} = {quote_column(own, 'own')}" for own, other in terms.by.items()]
    filled = [f"{quote_column(own, 'own')} IS NOT NULL" for own in terms.by]
    there = f"SELECT 1 FROM {terms.elsewhere} AS there WHERE {join_conditions(*same, *also_there)}"
    asked = join_conditions(*filled, within, conditions_sql(terms.when, among.items, "own"))
    return f"SELECT count(*) FROM {{model}} AS own WHERE {asked} AND NOT EXISTS ({there})"


def _agrees_with(terms: AgreesWithTerms, among: RuleContext) -> str:
    own = among.items.get(terms.item)
    exact = own is None or own.type is not ItemType.NUMBER
    mine, theirs = _mine(terms, among, exact=exact), _theirs(terms, exact=exact)
    keys = [f"mine._k{number} = theirs._k{number}" for number, _ in enumerate(terms.by)]
    join = "LEFT" if terms.figure is ComparedFigure.VALUE else "FULL"
    joined = f"{join} JOIN ({theirs}) AS theirs ON {join_conditions(*keys) or 'TRUE'}"
    one = "CASE WHEN mine._is THEN mine._figure ELSE 0 END"
    nothing = "NULL" if terms.other_figure is ComparedFigure.VALUE else "0"
    other = f"CASE WHEN theirs._is THEN theirs._figure ELSE {nothing} END"
    held = f"SELECT mine.{OWN_ROW} AS {OWN_ROW}, {one} AS _one, {other} AS _other FROM ({mine}) AS mine {joined}"
    broken = differs_sql("_one", "_other", terms.tolerance, exact=exact)
    return f"SELECT count(*) FROM ({held}) AS held WHERE {join_conditions(broken, _nothing_in_error(terms, among))}"


def _mine(terms: AgreesWithTerms, among: RuleContext, *, exact: bool) -> str:
    keys = [f"{quote_column(name)} AS _k{number}" for number, name in enumerate(terms.by)]
    filled = join_conditions(
        *(f"{quote_column(name)} IS NOT NULL" for name in terms.by), conditions_sql(terms.when, among.items)
    )
    if terms.figure is ComparedFigure.VALUE:
        chosen = ", ".join([*keys, f"_row AS {OWN_ROW}", "TRUE AS _is", f"{_cast(terms.item, exact=exact)} AS _figure"])
        return f"SELECT {chosen} FROM {{model}}{_where(filled)}"
    # Without groups no row stands for the whole table.
    row = "min(_row)" if terms.by else "CAST(NULL AS BIGINT)"
    figure = _of_rows(terms.figure, terms.item, absent_is_zero=terms.absent_is_zero, exact=exact)
    chosen = ", ".join([*keys, f"{row} AS {OWN_ROW}", "TRUE AS _is", f"{figure} AS _figure"])
    return f"SELECT {chosen} FROM {{model}}{_where(filled)}{_group(terms.by)}"


def _theirs(terms: AgreesWithTerms, *, exact: bool) -> str:
    names = tuple(terms.by.values())
    keys = [f"{quote_column(name)} AS _k{number}" for number, name in enumerate(names)]
    figure = _of_rows(terms.other_figure, terms.other_item, absent_is_zero=terms.absent_is_zero, exact=exact)
    chosen = ", ".join([*keys, "TRUE AS _is", f"{figure} AS _figure"])
    filled = join_conditions(*(f"{quote_column(name)} IS NOT NULL" for name in names))
    return f"SELECT {chosen} FROM {terms.elsewhere}{_where(filled)}{_group(names)}"


def _of_rows(figure: ComparedFigure, item: str, *, absent_is_zero: bool, exact: bool) -> str:
    match figure:
        case ComparedFigure.COUNT:
            return "count(*)"
        case ComparedFigure.VALUE:
            return f"CASE WHEN count(*) = 1 THEN min({_cast(item, exact=exact)}) END"
        case ComparedFigure.SUM:
            added = f"coalesce({'sum' if exact else 'fsum'}({_cast(item, exact=exact)}), 0)"
            integer = f"coalesce(bool_and({quote_column(item)} IS NOT NULL), TRUE)"
            return added if absent_is_zero else f"CASE WHEN {integer} THEN {added} END"


def _cast(item: str, *, exact: bool) -> str:
    """Figures of two returns in one type, which a sum of 64-bit numbers does not overflow."""
    return f"CAST({quote_column(item)} AS {'DECIMAL(38, 8)' if exact else 'DOUBLE'})"


def _where(condition: str) -> str:
    return f" WHERE {condition}" if condition else ""


def _group(names: Mapping[str, str] | tuple[str, ...]) -> str:
    return f" GROUP BY {', '.join(quote_column(name) for name in names)}" if names else ""


def _nothing_in_error(terms: AgreesWithTerms, among: RuleContext) -> str:
    """Of a figure of many rows, whether no cell that it hangs on is in error."""
    if terms.figure is ComparedFigure.VALUE or not terms.items:
        return ""
    listed = ", ".join(quote_text(name) for name in dict.fromkeys(terms.items))
    wrong = f"SELECT 1 FROM {IN_ERROR} WHERE _table = {quote_text(among.table)} AND _item IN ({listed})"
    return f"NOT EXISTS ({wrong})"


def _pair_contradictions(
    terms: RefersToTerms | InReferenceTerms, place: YamlNode, among: RuleContext
) -> Iterator[Contradiction]:
    yield from check_items_exist(tuple(terms.by), place.at("by"), among)
    yield from check_conditions(terms.when, place.at("when"), among, among.table)
    if isinstance(terms, RefersToTerms):
        yield from check_items_exist([terms.dated], place.at("dated"), among)
        yield from check_item_types([terms.dated], [ItemType.DATE], place.at("dated"), among)


def _agreement_contradictions(terms: AgreesWithTerms, place: YamlNode, among: RuleContext) -> Iterator[Contradiction]:
    yield from check_items_exist([terms.item, *terms.by], place, among)
    yield from check_item_types([terms.item], NUMERIC, place.at("item"), among)
    yield from check_conditions(terms.when, place.at("when"), among, among.table)
    for figure, item, where in (
        (terms.figure, terms.item, place),
        (terms.other_figure, terms.other_item, place.at("of")),
    ):
        if bool(item) == (figure is ComparedFigure.COUNT):
            yield where.contradiction(
                "Rows are counted without an item, and anything else is a figure of one.", "Add or remove item."
            )
    if terms.figure is ComparedFigure.VALUE and not terms.by:
        yield place.contradiction("The rule does not say which value is the same one.", "Write by, or figure: sum.")


REFERS_TO = RuleKindDefinition(
    rule=RuleKind.REFERS_TO,
    words={
        "to": {
            "type": "object",
            "properties": {"return": TEXT, "table": TEXT},
            "required": ["return", "table"],
            "additionalProperties": False,
        },
        "by": _PAIRS,
        "dated": TEXT,
        "when": CONDITIONS,
    },
    needed=("to", "by"),
    read=_read_refers_to,
    contradictions=_pair_contradictions,
    sql=_refers_to,
)

IN_REFERENCE = RuleKindDefinition(
    rule=RuleKind.IN_REFERENCE,
    words={
        "reference": TEXT,
        "by": _PAIRS,
        "council": TEXT,
        "valid": {
            "type": "object",
            "properties": {"from": TEXT, "to": TEXT},
            "minProperties": 1,
            "additionalProperties": False,
        },
        "when": CONDITIONS,
    },
    needed=("reference", "by"),
    read=_read_in_reference,
    contradictions=_pair_contradictions,
    sql=_in_reference,
)

AGREES_WITH = RuleKindDefinition(
    rule=RuleKind.AGREES_WITH,
    words={
        "figure": {"enum": [one.value for one in ComparedFigure]},
        "item": TEXT,
        "of": {
            "type": "object",
            "properties": {
                "return": TEXT,
                "table": TEXT,
                "figure": {"enum": [one.value for one in ComparedFigure]},
                "item": TEXT,
            },
            "required": ["return", "table"],
            "additionalProperties": False,
        },
        "by": _PAIRS,
        "tolerance": AMOUNT,
        "tolerancePct": AMOUNT,
        "absent": {"enum": ["unknown", "zero"]},
        "when": CONDITIONS,
    },
    needed=("of",),
    read=_read_agrees_with,
    contradictions=_agreement_contradictions,
    sql=_agrees_with,
)
