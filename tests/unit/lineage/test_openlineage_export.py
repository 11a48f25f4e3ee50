"""The OpenLineage event of a published table."""

from datetime import UTC, datetime

from lgdp_pipelines.lineage.openlineage_export import build_openlineage_event
from tests.support.small_lakehouse import BuiltPlatform


def test_openlineage_names_tables_that_are_kept(built: BuiltPlatform) -> None:
    event = build_openlineage_event(built.edges, "BINS", "published.bins_material", at=datetime(2024, 1, 1, tzinfo=UTC))
    facet = event["dataset"]["facets"]["columnLineage"]["fields"]
    value = {(source["name"], source["field"]): source["transformations"] for source in facet["value"]["inputFields"]}
    assert {(kind["type"], kind["subtype"]) for kind in value["conformed.observation", "value"]} == {
        ("DIRECT", "TRANSFORMATION")
    }
    names = {source["name"] for fields in facet.values() for source in fields["inputFields"]}
    assert not any(name.startswith(("candidate", "staging")) for name in names)
    assert event["eventTime"] == "2024-01-01T00:00:00+00:00"
