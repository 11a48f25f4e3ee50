"""Models that are generated from the small register and from the shipped one."""

from datetime import date

import duckdb
import pytest

from lgdp_pipelines.conformance.conformed_models import generate_conformed_models
from lgdp_pipelines.publication.published_models import generate_published_models
from lgdp_pipelines.register.model.contract import Register
from tests.support.shipped_register import shipped_register
from tests.support.small_lakehouse import BuiltPlatform, small_register


@pytest.fixture(scope="module")
def shipped() -> Register:
    return shipped_register()


def rows_of(text: str) -> list[tuple[object, ...]]:
    """What a model over constant rows gives, asked of DuckDB itself."""
    with duckdb.connect() as connection:
        return connection.execute(text.split("}}", 1)[1]).fetchall()


def test_the_council_list_has_thirty_two_rows_with_every_code_system(shipped: Register) -> None:
    rows = rows_of(generate_conformed_models(shipped)["models/register/register_council.sql"])
    assert len(rows) == 32
    fife = next(row for row in rows if row[0] == "FIF")
    assert fife[1:8] == ("Fife", "The Fife Council", "S12000047", "S12000015", "250", "16", "GB-LAS-FIF")


def test_every_shipped_return_has_its_models(shipped: Register) -> None:
    conformed, published = generate_conformed_models(shipped), generate_published_models(shipped)
    assert "models/conformed/hl1/hl1_application.sql" in conformed
    for data_return in shipped.returns.values():
        assert f"models/conformed/{data_return.slug}/observation__{data_return.slug}.sql" in conformed
        assert any(
            path.startswith(f"models/published/{data_return.slug}/published__{data_return.slug}") for path in published
        )
    assert not conformed.keys() & published.keys()


def test_the_period_dimension_knows_the_years_that_hold_a_period(built: BuiltPlatform) -> None:
    periods = {row["period"]: row for row in built.read("conformed.period").iter_rows(named=True)}
    quarter = periods["FY2023-24-Q4"]
    assert (quarter["first_day"], quarter["last_day"], quarter["days"]) == (date(2024, 1, 1), date(2024, 3, 31), 91)
    assert (quarter["financial_year"], quarter["calendar_year"]) == ("FY2023-24", "CY2024")
    assert (periods["CY2023"]["financial_year"], periods["CY2023"]["calendar_year"]) == (None, "CY2023")
    assert periods["2024-04"]["financial_year"] == "FY2024-25"
    assert {row["kind"] for row in periods.values()} == {"financial-quarter", "month", "calendar-year"}


def test_withheld_items_are_in_no_conformed_or_published_model() -> None:
    register = small_register()
    for path, text in {**generate_conformed_models(register), **generate_published_models(register)}.items():
        if not path.startswith(("models/staging", "models/register")):
            assert "surname" not in text, path
