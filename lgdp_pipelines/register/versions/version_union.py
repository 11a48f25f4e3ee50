"""The tables of a return united over its major versions, and the tables that a return publishes.

A major version has tables of its own, and an analyst needs one table over all years. So conformed and published tables
are made from tables *united* by data item, under any name and type that a major gives an item. Belongs here: matching
items, their names, the type that holds every major's values, and the strictest privacy. Belongs elsewhere: SQL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lgdp_pipelines.errors import Contradiction, RegisterError
from lgdp_pipelines.register.model.contract import Contract, DisclosureMethod, Return
from lgdp_pipelines.register.model.table_model import Count, Grain, Item, ItemType, Privacy, Role, Table

_STRICTEST_FIRST = (Privacy.WITHHOLD, Privacy.PSEUDONYMISE, Privacy.YEAR, Privacy.MONTH, Privacy.OPEN)
_BIGINT_DIGITS = 19
_MOST_DIGITS = 38


@dataclass(frozen=True)
class UnitedItem:
    """A data item over all majors of a table.

    Attributes:
        name: its column, named by the newest contract.
        declared: the item as the newest contract that has it declares it.
        type: a type that holds the values of every major.
        precision: total digits where ``type`` is decimal; 0 otherwise.
        scale: digits after the point where ``type`` is decimal; 0 otherwise.
        privacy: the strictest of all majors, because councils gave each value under its promise.
        columns: name of its validated column, by major.
    """

    name: str
    declared: Item
    type: ItemType
    precision: int
    scale: int
    privacy: Privacy
    columns: Mapping[int, str]

    @property
    def urn(self) -> str:
        """URN of the data item."""
        return self.declared.urn


@dataclass(frozen=True)
class UnitedTable:
    """A table over all majors of its return.

    Attributes:
        data_return: the return.
        newest: the table as the newest contract that has it declares it.
        majors: contract and table by major, oldest first.
        items: every item of any major; the newest contract's first, in its order.
    """

    data_return: Return
    newest: Table
    majors: Mapping[int, tuple[Contract, Table]]
    items: tuple[UnitedItem, ...]

    @property
    def name(self) -> str:
        """The table's name, the same in all majors."""
        return self.newest.name

    def list_items_of_role(self, role: Role) -> tuple[UnitedItem, ...]:
        """Return the items of a role."""
        return tuple(item for item in self.items if item.declared.role is role)

    @property
    def carried_items(self) -> tuple[UnitedItem, ...]:
        """Items carried beyond the validated table: not withheld, nor council or period."""
        keys = (Role.COUNCIL, Role.PERIOD)
        return tuple(
            item for item in self.items if item.declared.role not in keys and item.privacy is not Privacy.WITHHOLD
        )

    @property
    def dimensions(self) -> tuple[UnitedItem, ...]:
        """Open items of the breakdown of figures."""
        return tuple(item for item in self.list_items_of_role(Role.DIMENSION) if item.privacy is Privacy.OPEN)

    @property
    def attributes(self) -> tuple[UnitedItem, ...]:
        """Open items that describe a row without breaking its figures down."""
        return tuple(item for item in self.list_items_of_role(Role.ATTRIBUTE) if item.privacy is Privacy.OPEN)

    @property
    def measures(self) -> tuple[UnitedItem, ...]:
        """Open figures."""
        return tuple(item for item in self.list_items_of_role(Role.MEASURE) if item.privacy is Privacy.OPEN)

    @property
    def counts(self) -> tuple[Count, ...]:
        """Figures counted from its cases, as the newest contract declares them."""
        return self.newest.counts

    def find_item(self, name: str) -> UnitedItem:
        """Return the item of a name, which must exist."""
        return next(item for item in self.items if item.name == name)


class ProductShape(StrEnum):
    """The kind of row that a published table has."""

    FIGURES = "figures"
    """A figure that councils gave."""
    CASES = "cases"
    """A case, generalised."""
    COUNTS = "counts"
    """A figure that the platform counted from cases."""


@dataclass(frozen=True)
class Product:
    """A table that a return publishes.

    Attributes:
        name: in the layer ``published``: ``<slug>``, ``<slug>_<table>`` or ``<slug>_counts``.
        data_return: the return.
        shape: kind of its rows.
        tables: its sources; one, or for counts each table that has them.
    """

    name: str
    data_return: Return
    shape: ProductShape
    tables: tuple[UnitedTable, ...]

    @property
    def dimensions(self) -> tuple[UnitedItem, ...]:
        """Items of its figures' breakdown, each name once; empty for cases."""
        if self.shape is ProductShape.CASES:
            return ()
        items = [item for table in self.tables for item in list_breakdown_items(table)]
        return tuple({item.name: item for item in items}.values())

    @property
    def attributes(self) -> tuple[UnitedItem, ...]:
        """Items shown beside given figures; empty for cases and counts."""
        return self.tables[0].attributes if self.shape is ProductShape.FIGURES else ()

    @property
    def threshold(self) -> int:
        """Counts below this and above 0 are withheld; 0: no count is."""
        disclosure = self.data_return.latest.disclosure
        return disclosure.threshold if disclosure.method is DisclosureMethod.SUPPRESS_BELOW else 0


def list_breakdown_items(table: UnitedTable) -> tuple[UnitedItem, ...]:
    """Return the items of a breakdown: dimensions, or those of counts."""
    if table.newest.grain is Grain.AGGREGATE:
        return table.dimensions
    names = dict.fromkeys(name for count in table.counts for name in count.by)
    return tuple(table.find_item(name) for name in names)


def list_products(data_return: Return) -> tuple[Product, ...]:
    """Return the tables that a return publishes.

    Raises:
        RegisterError: a table cannot be united over its majors.
    """
    tables = unite_tables(data_return)
    single = len(tables) == 1
    products = []
    for table in tables:
        shape = ProductShape.CASES if table.newest.grain is Grain.CASE else ProductShape.FIGURES
        products.append(
            Product(data_return.slug if single else f"{data_return.slug}_{table.name}", data_return, shape, (table,))
        )
    counted = tuple(table for table in tables if table.counts)
    if counted:
        products.append(Product(f"{data_return.slug}_counts", data_return, ProductShape.COUNTS, counted))
    return tuple(products)


def unite_tables(data_return: Return) -> tuple[UnitedTable, ...]:
    """Return a return's tables, each over all majors, in order.

    Raises:
        RegisterError: a table is one of cases in one major and of aggregates in another.
    """
    return tuple(_unite_table(data_return, name) for name in data_return.table_names)


def _unite_table(data_return: Return, name: str) -> UnitedTable:
    """Return a table over all majors; refuse mixed grains and closed breakdowns."""
    majors = {
        major: (contract, contract.by_name[name])
        for major, contract in data_return.majors.items()
        if name in contract.by_name
    }
    newest_contract, newest = majors[max(majors)]
    if len({table.grain for _, table in majors.values()}) > 1:
        raise _contradiction(
            newest_contract,
            f"Table {name} holds cases in one major version and aggregates in another.",
            "Give the new table another name, because its rows are different things.",
        )
    declared: dict[str, dict[int, Item]] = {}
    for major in sorted(majors, reverse=True):
        for item in majors[major][1].all_items:
            declared.setdefault(item.urn, {})[major] = item
    used_names: set[str] = set()
    items = []
    for versions in declared.values():
        items.append(_unite_item(versions, used_names))
        used_names.add(items[-1].name)
    united = UnitedTable(data_return, newest, dict(sorted(majors.items())), tuple(items))
    for count in united.counts:
        closed = [name for name in count.by if united.find_item(name).privacy is not Privacy.OPEN]
        if closed:
            raise _contradiction(
                newest_contract,
                f"{count.urn} is counted by {', '.join(closed)}, which some version of the contract does not publish.",
                "Count by items that have always been open.",
            )
    return united


def _contradiction(contract: Contract, message: str, remedy: str) -> RegisterError:
    """Return an error with one contradiction at a contract's file."""
    return RegisterError((Contradiction(contract.path.name, 0, message, remedy),))


def _unite_item(versions: Mapping[int, Item], taken: set[str]) -> UnitedItem:
    """Return an item over all majors: free name, common type, strictest privacy."""
    major = max(versions)
    newest = versions[major]
    name = newest.name if newest.name not in taken else f"{newest.name}_v{major}"
    kind, precision, scale = _common_type(tuple(versions.values()))
    privacies = {item.privacy for item in versions.values()}
    privacy = next(strictest for strictest in _STRICTEST_FIRST if strictest in privacies)
    return UnitedItem(
        name, newest, kind, precision, scale, privacy, {version: item.name for version, item in versions.items()}
    )


def _common_type(versions: Sequence[Item]) -> tuple[ItemType, int, int]:
    """Return a type for every version's values, with precision and scale."""
    kinds = {item.type for item in versions}
    if kinds in ({ItemType.DECIMAL}, {ItemType.DECIMAL, ItemType.INTEGER}):
        scale = max(item.scale for item in versions)
        integer = max(
            _BIGINT_DIGITS if item.type is ItemType.INTEGER else item.precision - item.scale for item in versions
        )
        return ItemType.DECIMAL, min(integer + scale, _MOST_DIGITS), scale
    if len(kinds) == 1:
        return kinds.pop(), 0, 0
    if kinds <= {ItemType.INTEGER, ItemType.NUMBER, ItemType.DECIMAL}:
        return ItemType.NUMBER, 0, 0
    return ItemType.TEXT, 0, 0
