"""Contracts made by hand, so that expectations of landing do not depend on the register's content."""

from collections.abc import Callable

import pytest

from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.extract_format import ExtractFormat, FileFormat
from lgdp_pipelines.register.model.table_model import Item, Table
from tests.support.small_contract import make_contract, make_item, make_table


@pytest.fixture(scope="session")
def item() -> Callable[..., Item]:
    """Return a function that makes an item with a header."""

    def build(header: str, **facts: object) -> Item:
        return make_item(header.lower(), **{"header": header, "title": header, "guidance": "", **facts})

    return build


@pytest.fixture(scope="session")
def table() -> Callable[..., Table]:
    """Return a function that makes a table with a name and items."""

    def build(name: str, *items: Item, **facts: object) -> Table:
        return make_table(name, items, **facts)  # type: ignore[arg-type] - facts of a table, and no grain

    return build


@pytest.fixture(scope="session")
def contract() -> Callable[..., Contract]:
    """Return a function that makes a contract with an extract."""

    def build(*tables: Table, **extract_format: object) -> Contract:
        return make_contract(*tables, extract=ExtractFormat(**{"format": FileFormat.CSV, **extract_format}))  # type: ignore[arg-type]

    return build


@pytest.fixture(scope="session")
def plain(item: Callable[..., Item], table: Callable[..., Table], contract: Callable[..., Contract]) -> Contract:
    """Return a CSV contract with the columns A, B and C."""
    return contract(table("t", item("A"), item("B"), item("C")))


@pytest.fixture(scope="session")
def pages(item: Callable[..., Item], table: Callable[..., Table], contract: Callable[..., Contract]) -> Contract:
    """Return a JSON contract with two tables, recognised by B and C."""
    return contract(
        table("first", item("A"), item("B"), record_key="B"),
        table("second", item("A", urn="urn:lgdp:item:tst:a2"), item("C"), record_key="C"),
        format=FileFormat.JSON,
        records_at="data.rows",
    )
