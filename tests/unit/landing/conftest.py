"""Contracts made by hand, so that what is expected of landing does not hang on the register's content."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lgdp_pipelines.register.model.contract import Contract, Disclosure, DisclosureMethod, Version
from lgdp_pipelines.register.model.extract_format import Extract, Format
from lgdp_pipelines.register.model.table_model import Grain, Item, ItemType, Privacy, Provenance, Role, Table
from lgdp_pipelines.vocabulary.periods import PeriodKind

OURS = Provenance("ours", "")


def _item(header: str, **facts: object) -> Item:
    plain: dict[str, object] = {
        "name": header.lower(),
        "header": header,
        "urn": f"urn:lgdp:item:tst:{header.lower()}",
        "title": header,
        "definition": header,
        "type": ItemType.TEXT,
        "role": Role.ATTRIBUTE,
        "required": False,
        "key": False,
        "guidance": "",
        "privacy": Privacy.OPEN,
        "provenance": OURS,
    }
    return Item(**{**plain, **facts})  # type: ignore[arg-type] - facts are checked by the test that gives them


def _table(name: str, *items: Item, **facts: object) -> Table:
    return Table(name, name, "", Grain.CASE, items, (), **facts)  # type: ignore[arg-type]


def _contract(*tables: Table, **extract: object) -> Contract:
    return Contract(
        return_code="TST",
        version=Version(1, 0, 0),
        valid_from="FY2020-21",
        title="Test",
        purpose="",
        limitations="",
        subject="test",
        owner="",
        recipients=(),
        legal_basis="",
        burden_minutes=None,
        period_kind=PeriodKind.FINANCIAL_YEAR,
        due_days=30,
        retention_years=1,
        extract=Extract(**{"format": Format.CSV, **extract}),  # type: ignore[arg-type]
        disclosure=Disclosure(DisclosureMethod.NONE),
        provenance=OURS,
        tables=tables,
        path=Path("tst.odcs.yaml"),
        sha256="",
    )


@pytest.fixture(scope="session")
def item() -> Callable[..., Item]:
    """An item of that header, named by it in small letters."""
    return _item


@pytest.fixture(scope="session")
def table() -> Callable[..., Table]:
    """A table of that name with those items."""
    return _table


@pytest.fixture(scope="session")
def contract() -> Callable[..., Contract]:
    """A contract of those tables, whose extract is as said."""
    return _contract


@pytest.fixture(scope="session")
def plain(item: Callable[..., Item], table: Callable[..., Table], contract: Callable[..., Contract]) -> Contract:
    """A CSV contract of one table with the columns A, B and C."""
    return contract(table("t", item("A"), item("B"), item("C")))


@pytest.fixture(scope="session")
def pages(item: Callable[..., Item], table: Callable[..., Table], contract: Callable[..., Contract]) -> Contract:
    """A JSON contract with two tables told apart by the keys B and C, records under ``data.rows``."""
    return contract(
        table("first", item("A"), item("B"), record_key="B"),
        table("second", item("A", urn="urn:lgdp:item:tst:a2"), item("C"), record_key="C"),
        format=Format.JSON,
        records_at="data.rows",
    )
