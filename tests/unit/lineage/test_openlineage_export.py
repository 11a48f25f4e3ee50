"""The OpenLineage event of a published table."""

from datetime import UTC, datetime

import pytest

from lgdp_pipelines.lineage.column_edges import DIRECT, INDIRECT, ColumnEdge, StepKind
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


@pytest.mark.parametrize(("kind", "openlineage_type"), [(DIRECT, "DIRECT"), (INDIRECT, "INDIRECT")])
@pytest.mark.parametrize("step_kind", StepKind)
def test_every_manner_of_step_has_a_subtype(step_kind: StepKind, kind: str, openlineage_type: str) -> None:
    edge = ColumnEdge("BINS", "validated.bins", "rate", "landed.bins", "tonnes", kind, step_kind)
    event = build_openlineage_event([edge], "BINS", "validated.bins", at=datetime(2024, 1, 1, tzinfo=UTC))
    (source,) = event["dataset"]["facets"]["columnLineage"]["fields"]["rate"]["inputFields"]
    assert [transformation["type"] for transformation in source["transformations"]] == [openlineage_type]
