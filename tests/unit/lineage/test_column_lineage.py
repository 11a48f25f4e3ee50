"""Column lineage of the small lakehouse, and of the shipped register's mappings."""

from dataclasses import replace

import pytest

from lgdp_pipelines.lineage.column_edges import COLUMN_EDGE_TABLE, LineageGraph, parse_system, write_column_edges
from lgdp_pipelines.lineage.column_lineage import build_column_edges, find_unexplained_columns, list_export_edges
from lgdp_pipelines.register.model.contract import Register
from tests.support.shipped_register import shipped_register
from tests.support.small_lakehouse import BuiltPlatform


@pytest.fixture(scope="module")
def register() -> Register:
    return shipped_register()


def test_every_published_column_has_a_way_back(built: BuiltPlatform) -> None:
    assert find_unexplained_columns(built.edges, built.register) == []


def test_a_column_without_a_way_back_is_listed(built: BuiltPlatform) -> None:
    remaining_edges = [edge for edge in built.edges if edge.from_column != "GENDER"]
    assert find_unexplained_columns(remaining_edges, built.register) == [
        "published.shelter.gender",
        "published.shelter_counts.gender",
    ]


def test_a_return_without_edges_is_listed(built: BuiltPlatform) -> None:
    assert "published.visit.*" in find_unexplained_columns(
        [edge for edge in built.edges if edge.return_code != "VISIT"], built.register
    )


def test_both_majors_are_reached_under_their_own_headers(built: BuiltPlatform) -> None:
    edges = LineageGraph(built.edges).trace_back("SHELTER", "conformed.shelter_stay", "ref")
    ends = {
        (edge.from_column, edge.contract_version, edge.item) for edge in edges if edge.from_table.startswith("extract")
    }
    assert ends == {
        ("STAY_REF", "1.0.0", "urn:lgdp:item:person:ref"),
        ("REF", "2.0.0", "urn:lgdp:item:person:ref"),
    }


def test_a_count_depends_on_what_it_is_broken_down_by_and_on_what_is_withheld(built: BuiltPlatform) -> None:
    graph = LineageGraph(built.edges)
    edges = graph.trace_back("SHELTER", "published.shelter_counts", "value", direct_only=False)
    indirect_origins = {(edge.from_table, edge.from_column) for edge in edges if edge.kind == "indirect"}
    assert ("candidate.withheld__shelter_counts", "is_withheld") in indirect_origins
    assert ("staging.stg_shelter__stay", "gender") in indirect_origins


def test_edges_are_kept_beside_the_project_and_read_back_the_same(built: BuiltPlatform) -> None:
    assert build_column_edges(built.project, built.register) == built.edges
    other_register = replace(built.register, sha256="other")
    assert build_column_edges(built.project, other_register) == built.edges


def test_edges_in_the_lake_are_written_once_and_read_back_the_same(built: BuiltPlatform) -> None:
    version = write_column_edges(built.lake, built.edges, {"run": "r"})
    assert version is not None
    assert write_column_edges(built.lake, built.edges, {"run": "r"}) is None
    assert built.lake.version(COLUMN_EDGE_TABLE) == version
    columns = list(COLUMN_EDGE_TABLE.arrow_schema.names)
    rows = built.lake.read(COLUMN_EDGE_TABLE, {"return_code": "BINS"}, columns).rows()
    assert set(rows) == {
        tuple(getattr(edge, name) for name in columns) for edge in built.edges if edge.return_code == "BINS"
    }


def test_a_derived_figure_goes_back_to_its_items_and_to_the_version_that_it_rests_on(built: BuiltPlatform) -> None:
    graph = LineageGraph(built.edges)
    figure_edges = graph.trace_back("BINS", "published.bins_material", "value", "urn:lgdp:item:bins:each")
    ends = {(edge.from_table, edge.from_column) for edge in figure_edges}
    assert {("reference.people@1", "people"), ("extract.bins.material", "TONNES")} <= ends
    assert ("extract.bins.material", "BAGS") not in ends
    group_edges = graph.trace_back("BINS", "published.bins_material", "alike")
    assert ("reference.groups@1", "family_group") in {(edge.from_table, edge.from_column) for edge in group_edges}
    rows = built.read("published.bins_material").filter(item="urn:lgdp:item:bins:each").sort("_release_row")
    assert rows.select("value", "obs_status", "unit", "alike").rows() == [
        (0.25, "A", "tonnes per person (people 1)", "Urban"),
        (None, "Q", "tonnes per person (people 1)", "Urban"),
    ]


def test_each_item_goes_back_to_the_columns_of_each_system(register: Register) -> None:
    contract = register.returns["HL1"].contracts[0]
    edges = list(list_export_edges(contract, contract.tables[0], register.mappings))
    columns = {
        (parse_system(edge.from_table), edge.from_column) for edge in edges if edge.to_column == "assessment_date"
    }
    assert columns == {("heatherlea-housing", "Decision Date"), ("braeside-homelessness", "DECIDED (in decisions)")}
    references = {edge.from_column for edge in edges if edge.item == "urn:lgdp:item:hl1:appref"}
    assert references == {"Case Ref", "Case Reference", "CASE_NO"}
    assert {edge.contract_version for edge in edges} == {str(contract.version)}
    # A constant comes from no column of the export.
    assert not [edge for edge in edges if edge.to_column == "la_code"]


def test_a_mapping_of_another_return_adds_nothing(register: Register) -> None:
    contract = register.returns["WASTE"].contracts[0]
    assert list(list_export_edges(contract, contract.tables[0], register.mappings)) == []
