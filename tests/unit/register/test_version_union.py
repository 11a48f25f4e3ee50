"""Tables united over majors: items by URN, types without loss, the strictest privacy."""

from dataclasses import replace

import pytest

from lgdp_pipelines.errors import RegisterError
from lgdp_pipelines.register.model.contract import Register, Return, Version
from lgdp_pipelines.register.model.table_model import Grain, Item, ItemType, Privacy, Table
from lgdp_pipelines.register.versions.version_union import UnitedTable, list_products, unite_tables
from tests.support.small_lakehouse import item, small_register


def united(*versions: Item | None) -> UnitedTable:
    """The one table of a return whose majors, oldest first, have these items."""
    model = small_register().returns["SHELTER"].contracts[0]
    keep = item("kept", "trial:kept")
    contracts = [
        replace(
            model,
            version=Version(n + 1, 0, 0),
            tables=(Table("t", "T", "", Grain.CASE, (keep, version) if version else (keep,), ()),),
        )
        for n, version in enumerate(versions)
    ]
    (table,) = unite_tables(Return("TRIAL", tuple(contracts)))
    return table


def test_the_newest_name_stands_and_each_major_keeps_its_own_column() -> None:
    table = united(item("old", "trial:x"), item("new", "trial:x"))
    assert [item.name for item in table.items] == ["kept", "new"]
    assert table.find_item("new").columns == {1: "old", 2: "new"}


def test_an_item_that_only_an_older_major_has_keeps_its_place() -> None:
    assert united(item("gone", "trial:gone"), None).find_item("gone").columns == {1: "gone"}


def test_a_name_that_now_means_another_item_does_not_join_the_two() -> None:
    table = united(item("x", "trial:one"), item("x", "trial:two"))
    assert {item.name: item.columns for item in table.items if item.name != "kept"} == {"x": {2: "x"}, "x_v1": {1: "x"}}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (ItemType.TEXT, ItemType.INTEGER, (ItemType.TEXT, 0, 0)),  # 00123 must not become 123
        (ItemType.INTEGER, ItemType.TEXT, (ItemType.TEXT, 0, 0)),
        (ItemType.INTEGER, ItemType.NUMBER, (ItemType.NUMBER, 0, 0)),
        (ItemType.INTEGER, ItemType.DECIMAL, (ItemType.DECIMAL, 21, 2)),  # nineteen whole digits and two behind
        (ItemType.DATE, ItemType.TEXT, (ItemType.TEXT, 0, 0)),
        (ItemType.DATE, ItemType.DATE, (ItemType.DATE, 0, 0)),
    ],
)
def test_the_type_holds_the_values_of_every_major(
    old: ItemType, new: ItemType, expected: tuple[ItemType, int, int]
) -> None:
    decimal = {"precision": 8, "scale": 2}
    first, two = (item("x", "trial:x", kind, **(decimal if kind is ItemType.DECIMAL else {})) for kind in (old, new))
    united_item = united(first, two).find_item("x")
    assert (united_item.type, united_item.precision, united_item.scale) == expected


def test_decimals_of_two_sizes_fit_one() -> None:
    exact_item = item("x", "trial:x", ItemType.DECIMAL, precision=10, scale=2)  # eight whole digits
    two = item("x", "trial:x", ItemType.DECIMAL, precision=9, scale=4)
    united_item = united(exact_item, two).find_item("x")
    assert (united_item.precision, united_item.scale) == (12, 4)


@pytest.mark.parametrize(("old", "new"), [(Privacy.WITHHOLD, Privacy.OPEN), (Privacy.OPEN, Privacy.WITHHOLD)])
def test_the_strictest_privacy_of_any_major_holds(old: Privacy, new: Privacy) -> None:
    table = united(item("x", "trial:x", privacy=old), item("x", "trial:x", privacy=new))
    assert table.find_item("x").privacy is Privacy.WITHHOLD
    assert "x" not in {item.name for item in table.carried_items}


def test_cases_and_aggregates_under_one_name_are_a_contradiction() -> None:
    first, second = small_register().returns["SHELTER"].contracts
    changed = replace(second, tables=(replace(second.tables[0], grain=Grain.AGGREGATE),))
    with pytest.raises(RegisterError, match="another name"):
        unite_tables(Return("SHELTER", (first, changed)))


def test_a_count_by_an_item_that_was_once_closed_is_a_contradiction() -> None:
    first, second = small_register().returns["SHELTER"].contracts
    (table,) = first.tables
    closed = tuple(replace(item, privacy=Privacy.WITHHOLD) if item.name == "gender" else item for item in table.items)
    with pytest.raises(RegisterError, match="counted by gender"):
        unite_tables(Return("SHELTER", (replace(first, tables=(replace(table, items=closed),)), second)))


def test_published_tables_are_named_for_return_and_table() -> None:
    register: Register = small_register()
    names = {
        data_return.code: [product.name for product in list_products(data_return)]
        for data_return in register.returns.values()
    }
    assert names == {
        "SHELTER": ["shelter", "shelter_counts"],
        "VISIT": ["visit"],
        "BINS": ["bins_material", "bins_money"],
        "CLIENTS": ["clients"],
    }
