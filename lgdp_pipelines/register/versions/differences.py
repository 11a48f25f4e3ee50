"""What one version of a return asks otherwise than another, as data.

Things are matched by what they are and not by what they are called: items by URN, rules by id. What belongs here: the
comparison, over any two versions however they are written down. What does not: why something is different (a changes
file says it), and whether it may be (``versions``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum

from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.table_model import Item, Provenance, Rule, Table


class DifferenceKind(StrEnum):
    """How a thing is different."""

    ADDED = "added"
    MODIFIED = "modified"
    RENAMED = "renamed"
    """Another name for the same item; other things about it may be different too."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Aspect:
    """One thing about an item, rule, table or contract that is different.

    Attributes:
        name: such as ``header`` or ``marks``.
        before: as text; empty where there was nothing.
        after: likewise.
    """

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is different.

    Attributes:
        kind: how.
        thing: ``contract``, ``table``, ``item`` or ``rule``.
        where: name of its table in the later version, or in the earlier one where it is gone; empty for the contract.
        id: what it is: return code, table name, URN or rule id.
        name: of the table or item in the later version, or in the earlier one where it is gone.
        aspects: what is different about it; none for what is added or removed.
    """

    kind: DifferenceKind
    thing: str
    where: str
    id: str
    name: str
    aspects: tuple[Aspect, ...] = ()

    @property
    def was_named(self) -> str:
        """Its name in the earlier version."""
        return next((one.before for one in self.aspects if one.name == "name"), self.name)


_OF_CONTRACT = (
    "valid_from", "title", "purpose", "limitations", "subject", "owner", "recipients", "legal_basis",
    "burden_minutes", "due_days", "retention_years", "extract", "disclosure", "provenance",
)  # fmt: skip
_OF_TABLE = tuple(one.name for one in fields(Table) if one.name not in {"name", "items", "rules", "derived"})
_OF_ITEM = tuple(one.name for one in fields(Item) if one.name not in {"urn", "line"})
_OF_RULE = tuple(one.name for one in fields(Rule) if one.name not in {"id", "line"})


def compare_contracts(earlier: Contract, later: Contract) -> tuple[Difference, ...]:
    """Everything that a later version asks otherwise than an earlier one, in the order of the later.

    Args:
        earlier: a version of a return.
        later: another of the same return.
    """
    aspects = _aspects(earlier, later, _OF_CONTRACT)
    found = (
        [Difference(DifferenceKind.MODIFIED, "contract", "", later.return_code, later.return_code, aspects)]
        if aspects
        else []
    )
    earlier_tables, later_tables = _own(earlier), _own(later)
    for name in dict.fromkeys((*later_tables, *earlier_tables)):
        found += _of_table(earlier_tables.get(name), later_tables.get(name))
    return tuple(found)


def _own(contract: Contract) -> Mapping[str, Table]:
    """Tables by name, in which an item says where it was read only where that is not where its contract was."""
    nowhere = Provenance("", "")
    return {
        table.name: replace(
            table,
            items=tuple(
                replace(item, provenance=nowhere) if item.provenance == contract.provenance else item
                for item in table.all_items
            ),
            derived=(),
        )
        for table in contract.tables
    }


def _of_table(before: Table | None, after: Table | None) -> Iterator[Difference]:
    if before is None or after is None:
        kind, there = (DifferenceKind.ADDED, after) if before is None else (DifferenceKind.REMOVED, before)
        if there is not None:
            yield Difference(kind, "table", there.name, there.name, there.name)
        return
    aspects = _aspects(before, after, _OF_TABLE)
    if aspects:
        yield Difference(DifferenceKind.MODIFIED, "table", after.name, after.name, after.name, aspects)
    items = {one.urn: one for one in before.items}, {one.urn: one for one in after.items}
    yield from _of_things("item", after.name, *items, _OF_ITEM)
    rules = {one.id: one for one in before.rules}, {one.id: one for one in after.rules}
    yield from _of_things("rule", after.name, *rules, _OF_RULE)


def _of_things(
    thing: str,
    where: str,
    before: Mapping[str, Item] | Mapping[str, Rule],
    after: Mapping[str, Item] | Mapping[str, Rule],
    compared: tuple[str, ...],
) -> Iterator[Difference]:
    for key, now in after.items():
        was = before.get(key)
        if was is None:
            yield Difference(DifferenceKind.ADDED, thing, where, key, _name(now))
        elif aspects := _aspects(was, now, compared):
            kind = DifferenceKind.RENAMED if any(one.name == "name" for one in aspects) else DifferenceKind.MODIFIED
            yield Difference(kind, thing, where, key, _name(now), aspects)
    for key, was in before.items():
        if key not in after:
            yield Difference(DifferenceKind.REMOVED, thing, where, key, _name(was))


def _name(one: Item | Rule) -> str:
    return one.name if isinstance(one, Item) else one.id


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
            return ", ".join(f"{_text(key)}: {_text(one)}" for key, one in value.items())
        case tuple() | list():
            return ", ".join(_text(one) for one in value)
        case _:
            return _record(value)


def _record(value: object) -> str:
    names = getattr(value, "__dataclass_fields__", None)
    if names is None:
        return str(value)
    return ", ".join(f"{name}: {text}" for name in names if (text := _text(getattr(value, name))))
