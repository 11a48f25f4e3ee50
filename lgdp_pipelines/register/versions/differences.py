"""What one version of a return asks otherwise than another, as values.

Items are matched by URN and rules by id, whatever they are called. Belongs here: the comparison of any two versions,
however they are written. Belongs elsewhere: why something is different (a changes file says it), and whether it may be
(``version_checks``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum

from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Item, Provenance, Rule, Table


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
        before: the earlier value as text; empty where there was none.
        after: the later value as text; empty where there is none.
    """

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One contract, table, item or rule that is different.

    Attributes:
        kind: how it is different.
        subject: ``contract``, ``table``, ``item`` or ``rule``.
        table: name of its table in the later version, or in the earlier one where it is gone; empty for the contract.
        id: return code, table name, URN or rule id.
        name: name of the table or item in the later version, or in the earlier one where it is gone.
        aspects: what is different about it; none where it is added or removed.
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
    """Return all differences between two versions, in the order of the later."""
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
    """Return tables by name, without provenance that only repeats the contract's."""
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
    for key, now in after.items():
        was = before.get(key)
        if was is None:
            yield Difference(DifferenceKind.ADDED, subject, table, key, _name(now))
        elif aspects := _aspects(was, now, compared):
            kind = (
                DifferenceKind.RENAMED if any(aspect.name == "name" for aspect in aspects) else DifferenceKind.MODIFIED
            )
            yield Difference(kind, subject, table, key, _name(now), aspects)
    for key, was in before.items():
        if key not in after:
            yield Difference(DifferenceKind.REMOVED, subject, table, key, _name(was))


def _name(entry: Item | Rule) -> str:
    return entry.name if isinstance(entry, Item) else entry.id


def _aspects(before: object, after: object, names: tuple[str, ...]) -> tuple[Aspect, ...]:
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in names)
    return tuple(Aspect(name, _text(was), _text(now)) for name, was, now in pairs if was != now)


def _text(value: object) -> str:
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
    names = getattr(value, "__dataclass_fields__", None)
    if names is None:
        return str(value)
    return ", ".join(f"{name}: {text}" for name in names if (text := _text(getattr(value, name))))
