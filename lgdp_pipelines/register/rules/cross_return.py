"""What rules read besides their own return: tables of other returns, and reference tables.

A rule reads another return for the period that corresponds to its own: the same, the longer one that it lies in, or all
the shorter ones that lie in it; the two kinds of period say which. What belongs here: which tables and periods those
are, and whether every version of the other return that is asked then has what a rule names. What does not: the rows
(``validation.others``).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date

from lgdp_pipelines.errors import Contradiction, WrongUse
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.contract_file import ContractRead
from lgdp_pipelines.register.files.rule_file import RuleRead
from lgdp_pipelines.register.files.table_file import columns_of
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.reference_tables import ReferenceTable
from lgdp_pipelines.register.model.table_model import ItemType, Rule, Table
from lgdp_pipelines.register.rules.kinds.external_rules import (
    AgreesWithTerms,
    ComparedFigure,
    InReferenceTerms,
    RefersToTerms,
)
from lgdp_pipelines.register.rules.kinds.prior_period_rules import EarlierPeriodTerms
from lgdp_pipelines.register.rules.kinds.rule_kind import NUMERIC
from lgdp_pipelines.register.rules.sql_statements import (
    REFERENCE_PREFIX,
    ExternalTable,
    find_external_tables,
    find_query_problems,
)
from lgdp_pipelines.vocabulary.periods import Period, corresponding_periods, parse_period
from lgdp_pipelines.vocabulary.verdicts import RuleKind

PERIOD_COLUMN = "period"
"""The column of another return's rows that tells which of several periods they are of."""


def external_tables(rule: Rule) -> tuple[ExternalTable, ...]:
    """The tables that a rule reads besides those of its own return."""
    return find_external_tables(rule.sql or "")


def matching_periods(other: Return, period: Period) -> tuple[Period, ...]:
    """The periods of another return that a submission for a period is held against, in order.

    Empty where the other return was not asked for all of that time.
    """
    periods = corresponding_periods(other.latest.period_kind, period)
    return periods if periods and periods[0].start >= other.first_period.start else ()


def check_cross_return_rules(
    reads: Sequence[ContractRead],
    returns: Mapping[str, Return],
    reference: Mapping[str, ReferenceTable],
    councils: Collection[str],
) -> Iterator[Contradiction]:
    """What rules ask of other returns and of reference tables that cannot be asked, and of councils that are none.

    Args:
        reads: all contracts.
        returns: made of them, by code.
        reference: reference tables by id.
        councils: register codes.
    """
    known = _Known({one.slug: one for one in returns.values()}, {one.slug: one for one in reference.values()})
    for read in reads:
        if read.contract.slug == REFERENCE_PREFIX:
            yield read.document.contradiction(
                "A return cannot be called reference: queries name reference tables by that word.", "Call it otherwise."
            )
        for table in read.tables:
            for one in table.rules:
                if external_tables(one.rule):
                    yield from known.contradictions(one, read.contract)
                if isinstance(one.rule.terms, EarlierPeriodTerms):
                    place = one.place.at("implementation").at("councils")
                    for code in [code for code in one.rule.terms.councils if code not in councils]:
                        yield place.contradiction(
                            f"The rule {one.rule.id} has limits for {code}, which is no council.",
                            suggest(code, councils),
                        )


class _Known:
    """All that rules may read besides their own return, by slug."""

    def __init__(self, returns: Mapping[str, Return], reference: Mapping[str, ReferenceTable]) -> None:
        self._returns, self._reference = returns, reference

    def contradictions(self, read: RuleRead, contract: Contract) -> Iterator[Contradiction]:
        rule = read.rule
        place = read.place.at("query" if rule.kind is RuleKind.SQL else "implementation")
        columns = dict(columns_of(contract.tables))
        found: list[Contradiction] = []
        for other in external_tables(rule):
            if other.is_reference:
                columns[other.name] = tuple(self._reference_columns(other, rule, place, found))
            else:
                columns[other.name] = tuple(self._columns(other, rule, place, contract, found))
        yield from found
        if found:
            return
        if isinstance(rule.terms, RefersToTerms | AgreesWithTerms | InReferenceTerms):
            yield from self._comparing(rule.terms, place, contract, contract.by_name[rule.table])
        else:
            for problem in find_query_problems(rule.sql or "", rule.table, columns):
                yield place.contradiction(
                    f"The rule {rule.id} cannot be asked: {problem}.",
                    "Name columns that every version of the other return, or the reference table, has in one type.",
                )

    def _reference_columns(
        self, other: ExternalTable, rule: Rule, place: YamlNode, found: list[Contradiction]
    ) -> Sequence[str]:
        table = self._reference.get(other.table)
        if table is None:
            what = f"The rule {rule.id} reads the reference table {other.table}, which is not there."
            found.append(place.contradiction(what, suggest(other.table, self._reference)))
            return ()
        return [column.name for column in table.columns]

    def _columns(
        self, other: ExternalTable, rule: Rule, place: YamlNode, contract: Contract, found: list[Contradiction]
    ) -> Sequence[str]:
        data_return = self._returns.get(other.of)
        if data_return is None or data_return.code == contract.return_code:
            what = f"The rule {rule.id} reads {other}, and {other.of} is no other return."
            elsewhere = [slug for slug, one in self._returns.items() if one.code != contract.return_code]
            found.append(place.contradiction(what, suggest(other.of, elsewhere)))
            return ()
        asked = matching_contracts(data_return, contract, self._returns[contract.slug])
        if not asked:
            found.append(
                place.contradiction(
                    f"The rule {rule.id} reads {data_return.code}, which is asked by "
                    f"{data_return.latest.period_kind} from "
                    f"{data_return.latest.valid_from} on, and has no period for one of {contract.return_code} "
                    f"{contract.version}.",
                    "Periods must be of the same kind, or the one must lie in the other whole; remove the rule.",
                )
            )
            return ()
        without = [one for one in asked if other.table not in one.by_name]
        if without:
            what = f"The rule {rule.id} reads {other}, and {data_return.code} {without[0].version} has no such table."
            found.append(place.contradiction(what, suggest(other.table, [one.name for one in without[0].tables])))
            return ()
        return [*shared_columns(asked, other.table), PERIOD_COLUMN]

    def _comparing(
        self, terms: RefersToTerms | AgreesWithTerms | InReferenceTerms, place: YamlNode, contract: Contract, own: Table
    ) -> Iterator[Contradiction]:
        """What the columns that a kind of rule names say against each other."""
        if isinstance(terms, InReferenceTerms):
            columns = {one.name: one.type for one in self._reference[terms.elsewhere.table].columns}
            days = [name for name in (terms.valid_from, terms.valid_to) if name]
            named = [*terms.by.values(), *days, *([terms.council] if terms.council else [])]
            yield from _unknown(named, columns, place)
            for name in days:
                if columns.get(name, ItemType.DATE) is not ItemType.DATE:
                    yield place.at("valid").contradiction(f"{name} is no date.", "Name a column of dates.")
        else:
            data_return = self._returns[terms.elsewhere.of]
            asked = matching_contracts(data_return, contract, self._returns[contract.slug])
            table, shared = asked[-1].by_name[terms.elsewhere.table], shared_columns(asked, terms.elsewhere.table)
            columns = {item.name: item.type for item in table.items if item.name in shared}
            figures = [terms.other_item] if isinstance(terms, AgreesWithTerms) and terms.other_item else []
            yield from _unknown([*terms.by.values(), *figures], columns, place)
            if isinstance(terms, AgreesWithTerms):
                yield from _disagreeing(terms, place, own, table)
                if corresponding_periods(data_return.latest.period_kind, parse_period(contract.valid_from))[1:]:
                    yield from _many_periods(terms, place, data_return)
        for name, other in terms.by.items():
            kinds = (own.by_name[name].type if name in own.by_name else None, columns.get(other))
            if None not in kinds and kinds[0] is not kinds[1] and not set(kinds) <= {*NUMERIC}:
                yield (
                    place.at("by")
                    .at(name)
                    .contradiction(
                        f"{name} is of type {kinds[0]} and {other} of type {kinds[1]}: they are never the same.",
                        "Name items of one type.",
                    )
                )


def _unknown(names: Sequence[str], columns: Mapping[str, object], place: YamlNode) -> Iterator[Contradiction]:
    for name in names:
        if name not in columns:
            yield place.contradiction(
                f"The rule reads {name}, which is not there, or not in every version of the other return in one type.",
                suggest(name, columns),
            )


def _disagreeing(terms: AgreesWithTerms, place: YamlNode, own: Table, theirs: Table) -> Iterator[Contradiction]:
    """Figures that are never the same: of two units, or exact and not."""
    mine, other = own.by_name.get(terms.item), theirs.by_name.get(terms.other_item)
    for item in (other,) if other is not None else ():
        if item.type not in NUMERIC:
            yield place.at("of").contradiction(f"{item.name} is no figure.", "Name an item that is a number.")
        elif mine is not None and (mine.type is ItemType.NUMBER) != (item.type is ItemType.NUMBER):
            yield place.contradiction(
                f"Of {mine.name} and {item.name} one is exact and the other a measurement.", "Name figures of one kind."
            )
        elif mine is not None and mine.unit and item.unit and mine.unit != item.unit:
            yield place.contradiction(
                f"{mine.name} is in {mine.unit} and {item.name} in {item.unit}.", "Name figures of one unit."
            )
    if terms.other_figure is ComparedFigure.VALUE and {item.name for item in theirs.key} - set(terms.by.values()):
        yield place.at("of").contradiction(
            f"One value of {terms.other_item} is wanted, and by does not name the whole key of {theirs.name}.",
            f"Name {', '.join(item.name for item in theirs.key)} in by, or write figure: sum.",
        )


def _many_periods(terms: AgreesWithTerms, place: YamlNode, other: Return) -> Iterator[Contradiction]:
    if terms.other_figure is ComparedFigure.VALUE:
        yield place.at("of").contradiction(
            f"One value of {terms.other_item} is wanted, and {other.code} has several periods in one.",
            "Write figure: sum or count.",
        )


def matching_contracts(other: Return, contract: Contract, own: Return) -> tuple[Contract, ...]:
    """The versions of another return that are asked for periods of a version of a return, oldest first.

    Empty where the kinds of period do not correspond.
    """
    span = _span(own, contract)
    spans = {one.version: _span(other, one) for one in other.contracts}
    if span is None or not corresponding_periods(other.latest.period_kind, parse_period(contract.valid_from)):
        return ()
    return tuple(
        one
        for one in other.contracts
        if (theirs := spans[one.version]) is not None and theirs[0] < span[1] and span[0] < theirs[1]
    )


def shared_columns(contracts: Sequence[Contract], table: str) -> tuple[str, ...]:
    """The columns that a table has in each of some versions of its return, and in one type: what SQL may name of it."""
    shared: dict[str, object] = {}
    for number, contract in enumerate(contracts):
        present = _typed_columns(contract, table)
        shared = {name: kind for name, kind in (shared if number else present).items() if present.get(name) == kind}
    return tuple(shared)


def _typed_columns(contract: Contract, table: str) -> Mapping[str, object]:
    items = contract.by_name[table].by_name
    types = {name: (item.type, item.precision, item.scale) for name, item in items.items()}
    return {name: types.get(name, name) for name in columns_of([contract.by_name[table]])[table]}


def _span(data_return: Return, contract: Contract) -> tuple[date, date] | None:
    """The days on which periods begin for which a version is the one to answer; None where nobody can tell."""
    after = [one.valid_from for one in data_return.contracts[data_return.contracts.index(contract) + 1 :]]
    try:
        first, *later = (parse_period(text).start for text in (contract.valid_from, *after))
    except WrongUse:
        return None
    return first, min(later, default=date.max)
