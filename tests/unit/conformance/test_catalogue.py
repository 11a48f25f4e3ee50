"""What an analyst finds: every published column described, the register and the ledger beside."""

from lgdp_pipelines.conformance.catalogue import catalogue_views as conformed_views
from lgdp_pipelines.publication.catalogue import catalogue_views as published_views
from lgdp_pipelines.storage.catalogue import ask, write_catalogue
from tests.unit.conformance.conftest import Built


def test_every_column_of_every_published_table_says_what_it_is(built: Built) -> None:
    write_catalogue(
        built.settings.catalogue, built.lake, [*conformed_views(built.register), *published_views(built.register)]
    )
    undescribed = ask(
        built.settings.catalogue,
        "select table_name, column_name from duckdb_columns() "
        "where schema_name in ('published', 'conformed', 'register') and comment is null and not internal",
    ).to_pylist()
    assert undescribed == []
    titles = ask(
        built.settings.catalogue,
        "select o.value, d.title from published.bins_material as o "
        "join register.data_item as d using (item) where o.value = 12.5",
    ).to_pylist()
    assert titles == [{"value": 12.5, "title": "Tonnes"}]
    names = ask(built.settings.catalogue, 'select title from register."return" order by return_code').to_pylist()
    assert [row["title"] for row in names] == ["BINS return", "CLIENTS return", "SHELTER return", "VISIT return"]
    council = ask(built.settings.catalogue, "select count(*) as n from ledger.submission").to_pylist()
    assert council == [{"n": 3}]
