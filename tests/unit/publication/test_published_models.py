"""Items that describe a row are columns of each of its published figures."""

from pathlib import Path

import pytest

from lgdp_pipelines.publication.published_models import describe_published_columns, generate_published_models
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.versions.version_union import Product, list_products
from lgdp_pipelines.settings import PROJECT
from tests.support.shipped_register import shipped_register


@pytest.fixture(scope="module")
def register() -> Register:
    return shipped_register()


def product(register: Register, code: str) -> Product:
    return list_products(register.returns[code])[0]


def test_figures_of_a_school_have_its_name_and_place(register: Register) -> None:
    columns = list(describe_published_columns(register, product(register, "SCHOOL-SUMMARY")))
    start = columns.index("seed_code")
    assert columns[start : columns.index("item")] == [
        "seed_code", "school_type", "school_name", "fsm_local_initiatives", "urban_share", "urban_share_label",
        "small_town_share", "small_town_share_label", "rural_share", "rural_share_label", "home_unclassified_share",
        "home_unclassified_share_label", "urban_rural_six", "urban_rural_eight", "denomination",
    ]  # fmt: skip


def test_descriptions_come_from_the_row_of_the_figure(register: Register) -> None:
    path = Path("models/candidate/school_summary/candidate__school_summary.sql")
    text = generate_published_models(register)[path.as_posix()]
    assert 'described_by="stg_school_summary__school"' in text
    macro = (PROJECT / "dbt_project" / "macros" / "publish.sql").read_text(encoding="utf-8")
    assert (
        "left join {{ ref(described_by) }} as description\n"
        "    on source._submission_id = description._submission_id and source._row = description._row" in macro
    )


def test_cases_and_counts_have_no_described_row(register: Register) -> None:
    assert [listed.attributes for listed in list_products(register.returns["HL1"])] == [(), ()]
