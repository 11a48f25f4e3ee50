"""Contradictions between contracts and the tables that they read elsewhere: other returns and reference tables.

Belongs here: contradictions of rules and derived items with those tables, over all their versions. Belongs elsewhere:
finding the periods and versions (``rules.sql_statements``), and reading rows and deriving values (``validation``).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import (
    YamlNode,
    contradictions_where,
    first_contradiction_where,
    suggest,
)
from lgdp_pipelines.register.files.contract_file import ContractFile
from lgdp_pipelines.register.files.item_file import ItemEntry
from lgdp_pipelines.register.files.rule_file import RuleEntry
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.derivations import AgeBand, Derivation, FamilyGroup, Quarter, Rate
from lgdp_pipelines.register.model.reference_tables import ReferenceTable
from lgdp_pipelines.register.model.table_model import NUMERIC, Item, ItemType, Privacy, Role, Rule, Table, columns_of
from lgdp_pipelines.register.rules.kinds.external_rules import (
    AgreesWithTerms,
    ComparedFigure,
    InReferenceTerms,
    RefersToTerms,
)
from lgdp_pipelines.register.rules.kinds.figure_rules import EarlierPeriodTerms
from lgdp_pipelines.register.rules.sql_statements import (
    PERIOD_COLUMN,
    REFERENCE_PREFIX,
    ExternalTable,
    find_matching_contracts,
    find_shared_columns,
    find_statement_problems,
    list_external_tables,
)
from lgdp_pipelines.vocabulary.periods import find_corresponding_periods, parse_period
from lgdp_pipelines.vocabulary.verdicts import RuleKind


def check_cross_return_rules(
    files: Sequence[ContractFile],
    returns: Mapping[str, Return],
    reference: Mapping[str, ReferenceTable | None],
    councils: Collection[str],
) -> Iterator[Contradiction]:
    """Yield contradictions of rules with other returns, reference tables and councils.

    A return with the slug ``reference`` is a contradiction too.

    Args:
        files: all contracts.
        returns: the returns made of them, by code.
        reference: reference tables by id; None for an unreadable one.
        councils: register codes.
    """
    checker = _CrossReturnChecker(returns.values(), reference)
    for file in files:
        if file.contract.slug == REFERENCE_PREFIX:
            yield file.document.contradiction(
                "A return cannot be called reference: SQL names reference tables by that word.", "Rename the return."
            )
        for table in file.tables:
            for entry in table.rules:
                yield from checker.check(entry, file.contract)
                if isinstance(entry.rule.terms, EarlierPeriodTerms):
                    node = entry.node.at("implementation").at("councils")
                    yield from (
                        node.contradiction(
                            f"The rule {entry.rule.id} has limits for {code}, which is not a council.",
                            suggest(code, councils),
                        )
                        for code in entry.rule.terms.councils
                        if councils and code not in councils
                    )


class _CrossReturnChecker:
    """Checks rules against the tables outside their own return."""

    def __init__(self, returns: Collection[Return], reference: Mapping[str, ReferenceTable | None]) -> None:
        self._returns = {data_return.slug: data_return for data_return in returns}
        self._reference = {table.slug: table for table in reference.values() if table}
        self._unreadable = {table_id.replace("-", "_") for table_id, table in reference.items() if table is None}

    def check(self, entry: RuleEntry, contract: Contract) -> Iterator[Contradiction]:
        """Yield the contradictions between a rule and the external tables it reads."""
        rule, tables = entry.rule, list_external_tables(entry.rule)
        if any(table.is_reference and table.table in self._unreadable for table in tables):
            return
        node = entry.node.at("query" if rule.kind is RuleKind.SQL else "implementation")
        columns = dict(columns_of(contract.tables))
        problems: list[Contradiction] = []
        for table in tables:
            columns_or_problem = self._columns(table, rule, node, contract)
            if isinstance(columns_or_problem, Contradiction):
                problems.append(columns_or_problem)
            else:
                columns[table.name] = tuple(columns_or_problem)
        if problems or not tables:
            yield from problems
        elif isinstance(rule.terms, RefersToTerms | AgreesWithTerms | InReferenceTerms):
            yield from self._check_terms(rule.terms, node, contract, contract.by_name[rule.table])
        else:
            yield from (
                node.contradiction(
                    f"The rule {rule.id} cannot run: {problem}.",
                    "Name columns that every version of the other return, or the reference table, has in one type.",
                )
                for problem in find_statement_problems(rule.sql or "", rule.table, columns)
            )

    def _columns(
        self, external: ExternalTable, rule: Rule, node: YamlNode, contract: Contract
    ) -> Sequence[str] | Contradiction:
        """Return an external table's columns, or a contradiction where it is unusable.

        Of another return, they are the columns that all its versions share, and the period.
        """
        if external.is_reference:
            if external.table not in self._reference:
                message = f"The rule {rule.id} reads the reference table {external.table}, which does not exist."
                return node.contradiction(message, suggest(external.table, self._reference))
            return [column.name for column in self._reference[external.table].columns]
        other = self._returns.get(external.owner_slug)
        if other is None or other.code == contract.return_code:
            message = f"The rule {rule.id} reads {external}, and {external.owner_slug} is not another return."
            return node.contradiction(message, suggest(external.owner_slug, self._returns.keys() - {contract.slug}))
        versions = find_matching_contracts(other, contract, self._returns[contract.slug])
        if not versions:
            return node.contradiction(
                f"The rule {rule.id} reads {other.code} (periods of the kind {other.latest.period_kind} from "
                f"{other.latest.valid_from} on), which has no period for one of {contract.return_code} "
                f"{contract.version}.",
                "Use returns with periods of one kind, or with one period inside the other; or remove the rule.",
            )
        for version in versions:
            if external.table not in version.by_name:
                message = f"The rule {rule.id} reads {external}, and {other.code} {version.version} has no such table."
                return node.contradiction(message, suggest(external.table, version.by_name))
        return [*find_shared_columns(versions, external.table), PERIOD_COLUMN]

    def _check_terms(
        self,
        terms: RefersToTerms | AgreesWithTerms | InReferenceTerms,
        node: YamlNode,
        contract: Contract,
        own_table: Table,
    ) -> Iterator[Contradiction]:
        """Yield missing, incomparable or ambiguous columns that a rule's terms name."""
        if isinstance(terms, InReferenceTerms):
            types = {column.name: column.type for column in self._reference[terms.external_table.table].columns}
            days = [name for name in (terms.valid.first, terms.valid.last) if name]
            named_items = [*terms.by.values(), *days, *([terms.council] if terms.council else [])]
            yield from _check_columns_exist(named_items, types, node)
            yield from (
                node.at("valid").contradiction(f"{name} is not a date.", "Name a column of dates.")
                for name in days
                if types.get(name, ItemType.DATE) is not ItemType.DATE
            )
        else:
            other = self._returns[terms.external_table.owner_slug]
            versions = find_matching_contracts(other, contract, self._returns[contract.slug])
            table = versions[-1].by_name[terms.external_table.table]
            shared = find_shared_columns(versions, terms.external_table.table)
            types = {item.name: item.type for item in table.items if item.name in shared}
            figures = [terms.other_item] if isinstance(terms, AgreesWithTerms) and terms.other_item else []
            yield from _check_columns_exist([*terms.by.values(), *figures], types, node)
            if isinstance(terms, AgreesWithTerms):
                yield from _check_figures(terms, node, own_table, table)
                periods = find_corresponding_periods(other.latest.period_kind, parse_period(contract.valid_from))
                if len(periods) > 1 and terms.other_figure is ComparedFigure.VALUE:
                    yield node.at("of").contradiction(
                        f"The rule needs one value of {terms.other_item}, and {other.code} has several periods in one.",
                        "Write figure: sum or count.",
                    )
        for name, column in terms.by.items():
            kinds = (own_table.by_name[name].type if name in own_table.by_name else None, types.get(column))
            if None not in kinds and kinds[0] is not kinds[1] and not set(kinds) <= {*NUMERIC}:
                pair = node.at("by").at(name)
                yield pair.contradiction(
                    f"{name} is of type {kinds[0]} and {column} of type {kinds[1]}, so they are never equal.",
                    "Name items of one type.",
                )


def _check_columns_exist(
    names: Sequence[str], columns: Mapping[str, object], node: YamlNode
) -> Iterator[Contradiction]:
    """Yield names that are not among the columns."""
    yield from (
        node.contradiction(
            f"The rule reads {name}, which is missing, or does not have one type in every version of the other return.",
            suggest(name, columns),
        )
        for name in names
        if name not in columns
    )


def _check_figures(terms: AgreesWithTerms, node: YamlNode, own: Table, theirs: Table) -> Iterator[Contradiction]:
    """Yield figures that cannot be compared, and incompletely named keys."""
    other_figure = theirs.by_name.get(terms.other_item)
    own_figure = own.by_name.get(terms.item, other_figure)
    if own_figure is not None and other_figure is not None:
        yield from first_contradiction_where(
            (
                other_figure.type not in NUMERIC,
                node.at("of"),
                f"{other_figure.name} is not a figure.",
                "Name an item that is a number.",
            ),
            (
                (own_figure.type is ItemType.NUMBER) != (other_figure.type is ItemType.NUMBER),
                node,
                f"One of {own_figure.name} and {other_figure.name} is exact, and the other is a measurement.",
                "Name figures of one kind.",
            ),
            (
                own_figure.unit and other_figure.unit and own_figure.unit != other_figure.unit,
                node,
                f"{own_figure.name} is in {own_figure.unit} and {other_figure.name} in {other_figure.unit}.",
                "Name figures of one unit.",
            ),
        )
    key = [item.name for item in theirs.key]
    yield from contradictions_where(
        (
            terms.other_figure is ComparedFigure.VALUE and set(key) - set(terms.by.values()),
            node.at("of"),
            f"The rule needs one value of {terms.other_item}, and by does not name the whole key of {theirs.name}.",
            f"Name {', '.join(key)} in by, or write figure: sum.",
        ),
    )


_NOT_OF_DERIVED = ("required", "primaryKey", "physicalName", "enum", "logicalTypeOptions", "unique", "relationships")
_NOT_CUSTOM = ("lgdpAliases", "lgdpCodeList", "lgdpMarks", "lgdpDateFormats", "lgdpNumbers", "lgdpSeverity")
_COARSER = (Privacy.YEAR, Privacy.WITHHOLD, Privacy.PSEUDONYMISE)
"""Privacy that publishes less than the quarter of a day."""


def check_derivation(
    entry: ItemEntry, table: Table, reference: Mapping[str, ReferenceTable | None]
) -> Iterator[Contradiction]:
    """Yield a derived item's contradictions with its table and reference tables.

    Args:
        entry: the item.
        table: that it is in.
        reference: reference tables by id; None for an unreadable one.
    """
    item, derivation, node = entry.item, entry.properties.derived, entry.node.custom_property("lgdpDerived")
    if derivation is None:
        return
    forbidden = {word: entry.node.at(word) for word in _NOT_OF_DERIVED if entry.node.has(word)}
    forbidden |= {word: value for word in _NOT_CUSTOM if (value := entry.node.custom_property(word)).value is not None}
    yield from (
        value.contradiction(f"{item.name} is derived and has {word}.", "Remove it.")
        for word, value in forbidden.items()
    )
    logical, role = ("number", Role.MEASURE) if isinstance(derivation, Rate) else ("string", Role.ATTRIBUTE)
    if entry.node.text("logicalType") != logical or (entry.has_role and item.role is not role):
        yield entry.node.contradiction(
            f"{item.name} is derived by {derivation.kind} and must be a {logical} with role {role}.",
            f"Write logicalType {logical}{' and physicalType double' if logical == 'number' else ''}, lgdpRole {role}.",
        )
    match derivation:
        case AgeBand():
            yield from _check_sources(derivation, node, table, (ItemType.DATE,), "a date")
        case Quarter():
            yield from _check_sources(derivation, node, table, (ItemType.DATE,), "a date")
            yield from _check_quarter(item, derivation, node, table)
        case Rate():
            yield from _check_sources(derivation, node, table, NUMERIC, "a measure")
            yield from _check_reference(derivation, node, reference, {"council_code", "year"})
            yield from _check_column(item, derivation, node, reference)
        case FamilyGroup():
            yield from _check_reference(derivation, node, reference, {"indicator_code", "council_code"})
            yield from _check_indicator(item, derivation, node, reference)


def _check_quarter(item: Item, quarter: Quarter, node: YamlNode, table: Table) -> Iterator[Contradiction]:
    """Yield an open quarter of a day that is published less exactly."""
    day = table.by_name.get(quarter.of)
    if day is not None and day.privacy in _COARSER and item.privacy is Privacy.OPEN:
        yield node.contradiction(
            f"{item.name} is open and shows more of {day.name} than is published.", "Write lgdpPrivacy withhold."
        )


def _check_column(
    item: Item, rate: Rate, node: YamlNode, reference: Mapping[str, ReferenceTable | None]
) -> Iterator[Contradiction]:
    """Yield a rate's denominator column that is missing or not numeric."""
    table = reference.get(rate.reference)
    figures = [column.name for column in table.columns if column.type in NUMERIC] if table else [rate.column]
    if rate.column not in figures:
        yield node.at("column").contradiction(
            f"{item.name}: {rate.reference} has no figures {rate.column}.", suggest(rate.column, figures)
        )


def _check_indicator(
    item: Item, group: FamilyGroup, node: YamlNode, reference: Mapping[str, ReferenceTable | None]
) -> Iterator[Contradiction]:
    """Yield an indicator that the reference table's version does not have."""
    table = reference.get(group.reference)
    version = table.by_version.get(group.version) if table else None
    if table and version and "indicator_code" in table.by_name:
        position = [column.name for column in table.columns].index("indicator_code")
        indicators = {row[position] for row in version.rows}
        if group.indicator not in indicators:
            yield node.at("indicator").contradiction(
                f"{item.name}: {group.reference} knows no indicator {group.indicator}.",
                suggest(group.indicator, indicators),
            )


def _check_sources(
    derivation: Derivation, node: YamlNode, table: Table, types: tuple[ItemType, ...], noun: str
) -> Iterator[Contradiction]:
    """Yield sources of wrong type or role, or not sent by councils."""
    sent_items = {item.name: item for item in table.items}
    for name in derivation.sources:
        item = sent_items.get(name)
        if item is None:
            yield node.contradiction(
                f"{name} is not an item that councils send in {table.name}.", suggest(name, sent_items)
            )
        elif item.type not in types or (noun == "a measure" and item.role is not Role.MEASURE):
            yield node.contradiction(f"{name} is not {noun}.", "Name another item.")


def _check_reference(
    derivation: Rate | FamilyGroup, node: YamlNode, reference: Mapping[str, ReferenceTable | None], key: set[str]
) -> Iterator[Contradiction]:
    """Yield a missing reference table or version, or an unexpected key."""
    table_id, version = derivation.reference, derivation.version
    table = reference.get(table_id)
    if table_id not in reference:
        yield node.at("reference").contradiction(
            f"There is no reference table “{table_id}”.",
            suggest(table_id, reference) if reference else f"Write schemas/reference/{table_id}/{table_id}.yaml.",
        )
    elif table and version not in table.by_version:
        yield node.at("version").contradiction(
            f"{table_id} has no version {version}.", f"Use one of: {', '.join(table.by_version)}."
        )
    elif table and set(table.key) != key:
        yield node.at("reference").contradiction(
            f"The key of {table_id} is not {' and '.join(sorted(key))}.", "Name another table."
        )
