"""The catalogue's views: comments on every column, register, reference tables and ledger."""

from lgdp_pipelines.conformance.catalogue_views import build_catalogue_views as conformed_views
from lgdp_pipelines.publication.release_views import build_release_views as published_views
from lgdp_pipelines.storage.catalogue_reader import run_select
from lgdp_pipelines.storage.sql_catalogue import write_catalogue
from tests.support.small_lakehouse import BuiltPlatform


def test_every_column_of_the_catalogue_has_a_comment(built: BuiltPlatform) -> None:
    write_catalogue(
        built.settings.catalogue, built.lake, [*conformed_views(built.register), *published_views(built.register)]
    )
    undescribed = run_select(
        built.settings.catalogue,
        "select table_name, column_name from duckdb_columns() "
        "where schema_name in ('published', 'conformed', 'register', 'reference') and comment is null and not internal",
    ).to_pylist()
    assert undescribed == []
    titles = run_select(
        built.settings.catalogue,
        "select o.value, d.title from published.bins_material as o "
        "join register.data_item as d using (item) where o.value = 12.5",
    ).to_pylist()
    assert titles == [{"value": 12.5, "title": "Tonnes"}]
    names = run_select(built.settings.catalogue, 'select title from register."return" order by return_code').to_pylist()
    assert [row["title"] for row in names] == ["BINS return", "CLIENTS return", "SHELTER return", "VISIT return"]
    council = run_select(built.settings.catalogue, "select count(*) as n from ledger.submission").to_pylist()
    assert council == [{"n": 3}]


def test_every_version_of_a_reference_table_can_be_asked(built: BuiltPlatform) -> None:
    write_catalogue(built.settings.catalogue, built.lake, conformed_views(built.register))
    rows = run_select(
        built.settings.catalogue,
        "select council_code, year, people, version, valid_from::text as valid_from, valid_to::text as valid_to "
        "from reference.people order by version, council_code",
    ).to_pylist()
    version = {"year": 2023, "version": "1", "valid_from": "2020-01-01", "valid_to": "2023-12-31"}
    assert rows == [
        {"council_code": "FIF", "people": 50, **version},
        {"council_code": "GLG", "people": None, **version},
        {
            "council_code": "FIF",
            "year": 2023,
            "people": 51,
            "version": "2",
            "valid_from": "2024-01-01",
            "valid_to": None,
        },
    ]
