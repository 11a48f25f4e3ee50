"""Versions of a return compared: their differences as values, and their contradictions.

Items are matched by URN and rules by id, under any name. A change of type, grain or key is a major version and a new
table; within a major, versions only add. Belongs here: the comparison of any two versions, their order and first
periods, and the changes that a version may make. Belongs elsewhere: the content of one contract
(``files.contract_file``), and the reason for a difference, which a changes file gives.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from itertools import groupby, pairwise

from lgdp_pipelines.errors import Contradiction, WrongUse
from lgdp_pipelines.register.documents.yaml_nodes import (
    contradictions_where,
    find_repeats,
    first_contradiction_where,
)
from lgdp_pipelines.register.files.contract_file import ContractFile
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Item, Provenance, Rule, Table
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.periods import Period, parse_period


def group_by_return(files: Sequence[ContractFile]) -> Mapping[str, tuple[ContractFile, ...]]:
    """Return contracts by return code, without those lacking one, oldest first."""
    ordered = sorted(files, key=lambda file: (file.contract.return_code, file.contract.version))
    grouped = groupby(ordered, key=lambda file: file.contract.return_code)
    return {code: tuple(versions) for code, versions in grouped if code}


def check_versions(versions: Sequence[ContractFile]) -> Iterator[Contradiction]:
    """Yield the contradictions between the versions of one return."""
    for earlier, later in pairwise(versions):
        before, after, node = earlier.contract, later.contract, later.document
        first, following = _first_period(before), _first_period(after)
        yield from first_contradiction_where(
            (
                before.version == after.version,
                node.at("version"),
                f"{earlier.document.file} has the same version.",
                "Give each version a number of its own.",
            ),
            (
                before.period_kind is not after.period_kind,
                node.custom_property("lgdpPeriodKind"),
                f"{earlier.document.file} has the kind of period {before.period_kind}.",
                "A return keeps its kind of period; make another return.",
            ),
            (
                first and following and first.start >= following.start,
                node.custom_property("lgdpValidFrom"),
                f"{earlier.document.file}, the version before, is valid from {before.valid_from}.",
                "A later version is valid from a later period.",
            ),
        )
        if before.version != after.version and before.version.major == after.version.major:
            yield from _check_only_adds(earlier, later)


def _first_period(contract: Contract) -> Period | None:
    """Return a contract's first period; None where it is malformed."""
    try:
        return parse_period(contract.valid_from)
    except WrongUse:
        return None


def _check_only_adds(earlier: ContractFile, later: ContractFile) -> Iterator[Contradiction]:
    """Yield removals and changes that a version within a major makes."""
    file = earlier.document.file
    remedy = "Within a major version, only add; for this change raise the major version."
    later_entries = {entry.table.name: entry for entry in later.tables}
    for earlier_entry in earlier.tables:
        table, entry = earlier_entry.table, later_entries.get(earlier_entry.table.name)
        if entry is None:
            yield later.document.at("schema").contradiction(f"The table {table.name} of {file} is gone.", remedy)
            continue
        if entry.table.grain is not table.grain:
            yield entry.node.contradiction(f"{table.name} was of grain {table.grain}.", remedy)
        later_items = {item_entry.item.urn: item_entry for item_entry in entry.items}
        earlier_items = {item_entry.item.urn: item_entry.item for item_entry in earlier_entry.items}
        yield from (
            entry.node.contradiction(f"{item.name} ({urn}) of {file} is gone.", remedy)
            for urn, item in earlier_items.items()
            if urn not in later_items
        )
        for urn, item_entry in later_items.items():
            item, earlier_item = item_entry.item, earlier_items.get(urn)
            yield from contradictions_where(
                (
                    earlier_item and _fixed_aspects(item) != _fixed_aspects(earlier_item),
                    item_entry.node,
                    f"{item.name} has another name, header, type, unit, role, key or derivation in {file}.",
                    remedy,
                ),
                (
                    earlier_item is None and item.key,
                    item_entry.node,
                    f"{item.name} is new and part of the key.",
                    remedy,
                ),
            )


def _fixed_aspects(item: Item) -> tuple[object, ...]:
    """Return the aspects that an item keeps within a major."""
    return (
        item.name, item.header, item.type, item.precision, item.scale, item.unit, item.role, item.key, item.derived,
    )  # fmt: skip


def check_item_urns(files: Sequence[ContractFile]) -> Iterator[Contradiction]:
    """Yield data items that have different types or units in two returns."""
    entries = (
        (entry.item.urn, (entry, file))
        for file in files
        for table in file.tables
        for entry in table.items
        if entry.item.urn
    )
    for (entry, file), (first_entry, first_file) in find_repeats(entries):
        item, first = entry.item, first_entry.item
        is_other_return = first_file.contract.return_code != file.contract.return_code
        if is_other_return and (first.type, first.unit) != (item.type, item.unit):
            yield entry.node.contradiction(
                f"{item.urn} has another type or unit in {first_file.document.file}.",
                "Use the item as it is there, or give this one a URN of its own.",
            )


def collect_inline_lists(files: Sequence[ContractFile]) -> tuple[Mapping[str, CodeList], tuple[Contradiction, ...]]:
    """Return the items' own code lists by id, and their contradictions."""
    entries = [(code_list.id, (code_list, node)) for file in files for code_list, node in file.inline_lists]
    contradictions = [
        node.contradiction(
            f"The codes of {code_list.id} are written out differently elsewhere.",
            "Write the list once, in schemas/codelists/, and name it with lgdpCodeList.",
        )
        for (code_list, node), (first, _) in find_repeats(entries)
        if first.codes != code_list.codes
    ]
    lists = {list_id: code_list for list_id, (code_list, _) in reversed(entries)}
    return lists, tuple(contradictions)


class DifferenceKind(StrEnum):
    """The way in which an item, rule, table or contract differs."""

    ADDED = "added"
    MODIFIED = "modified"
    RENAMED = "renamed"
    """Another name for the same item; other aspects may be different too."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Aspect:
    """One aspect of an item, rule, table or contract that is different.

    Attributes:
        name: such as ``header`` or ``marks``.
        before: the earlier value as text; may be empty.
        after: the later value as text; may be empty.
    """

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One contract, table, item or rule that is different.

    Attributes:
        kind: of the difference.
        subject: ``contract``, ``table``, ``item`` or ``rule``.
        table: name of its table in the later version, or of a removed one in the earlier; empty for the contract.
        id: return code, table name, URN or rule id.
        name: name of the table or item in the later version, or of a removed one in the earlier.
        aspects: the differences; empty where it is added or removed.
    """

    kind: DifferenceKind
    subject: str
    table: str
    id: str
    name: str
    aspects: tuple[Aspect, ...] = ()

    @property
    def earlier_name(self) -> str:
        """Its name in the earlier version."""
        return next((aspect.before for aspect in self.aspects if aspect.name == "name"), self.name)


_CONTRACT_ASPECTS = (
    "valid_from", "title", "purpose", "limitations", "subject", "owner", "recipients", "legal_basis",
    "burden_minutes", "due_days", "retention_years", "extract", "disclosure", "provenance",
)  # fmt: skip
_TABLE_ASPECTS = tuple(field.name for field in fields(Table) if field.name not in {"name", "items", "rules", "derived"})
_ITEM_ASPECTS = tuple(field.name for field in fields(Item) if field.name not in {"urn", "line"})
_RULE_ASPECTS = tuple(field.name for field in fields(Rule) if field.name not in {"id", "line"})


def compare_contracts(earlier: Contract, later: Contract) -> tuple[Difference, ...]:
    """Return the differences between two versions, in the order of the later.

    Kind of period, nil returns, due dates and roles are not compared.
    """
    aspects = _aspects(earlier, later, _CONTRACT_ASPECTS)
    differences = (
        [Difference(DifferenceKind.MODIFIED, "contract", "", later.return_code, later.return_code, aspects)]
        if aspects
        else []
    )
    earlier_tables, later_tables = _declared_tables(earlier), _declared_tables(later)
    for name in dict.fromkeys((*later_tables, *earlier_tables)):
        differences += _compare_tables(earlier_tables.get(name), later_tables.get(name))
    return tuple(differences)


def _declared_tables(contract: Contract) -> Mapping[str, Table]:
    """Return tables by name, without provenance that only repeats the contract's.

    Derived items count among the others.
    """
    unstated = Provenance("", "")
    return {
        table.name: replace(
            table,
            items=tuple(
                replace(item, provenance=unstated) if item.provenance == contract.provenance else item
                for item in table.all_items
            ),
            derived=(),
        )
        for table in contract.tables
    }


def _compare_tables(before: Table | None, after: Table | None) -> Iterator[Difference]:
    """Yield a table's addition or removal, or its detailed differences."""
    if before is None or after is None:
        kind, present = (DifferenceKind.ADDED, after) if before is None else (DifferenceKind.REMOVED, before)
        if present is not None:
            yield Difference(kind, "table", present.name, present.name, present.name)
        return
    aspects = _aspects(before, after, _TABLE_ASPECTS)
    if aspects:
        yield Difference(DifferenceKind.MODIFIED, "table", after.name, after.name, after.name, aspects)
    items = {item.urn: item for item in before.items}, {item.urn: item for item in after.items}
    yield from _compare_entries("item", after.name, *items, _ITEM_ASPECTS)
    rules = {rule.id: rule for rule in before.rules}, {rule.id: rule for rule in after.rules}
    yield from _compare_entries("rule", after.name, *rules, _RULE_ASPECTS)


def _compare_entries(
    subject: str,
    table: str,
    before: Mapping[str, Item] | Mapping[str, Rule],
    after: Mapping[str, Item] | Mapping[str, Rule],
    compared: tuple[str, ...],
) -> Iterator[Difference]:
    """Yield the added, changed, renamed and removed items or rules."""
    for key, later in after.items():
        earlier = before.get(key)
        if earlier is None:
            yield Difference(DifferenceKind.ADDED, subject, table, key, _name(later))
        elif aspects := _aspects(earlier, later, compared):
            kind = (
                DifferenceKind.RENAMED if any(aspect.name == "name" for aspect in aspects) else DifferenceKind.MODIFIED
            )
            yield Difference(kind, subject, table, key, _name(later), aspects)
    for key, earlier in before.items():
        if key not in after:
            yield Difference(DifferenceKind.REMOVED, subject, table, key, _name(earlier))


def _name(entry: Item | Rule) -> str:
    """Return an item's name, or a rule's id."""
    return entry.name if isinstance(entry, Item) else entry.id


def _aspects(before: object, after: object, names: tuple[str, ...]) -> tuple[Aspect, ...]:
    """Return the named attributes that differ, as text."""
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in names)
    return tuple(Aspect(name, _text(earlier), _text(later)) for name, earlier, later in pairs if earlier != later)


def _text(value: object) -> str:
    """Return a value as text for people; empty for None."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Mapping():
            return ", ".join(f"{_text(key)}: {_text(member)}" for key, member in value.items())
        case tuple() | list():
            return ", ".join(_text(entry) for entry in value)
        case _:
            return _record(value)


def _record(value: object) -> str:
    """Return a record's filled fields in words, or a plain value."""
    names = getattr(value, "__dataclass_fields__", None)
    if names is None:
        return str(value)
    return ", ".join(f"{name}: {text}" for name in names if (text := _text(getattr(value, name))))
