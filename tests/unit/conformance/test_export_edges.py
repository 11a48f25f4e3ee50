"""From a landed column to the columns of systems' exports, as their mappings say."""

from pathlib import Path

from lgdp_pipelines.lineage.column_edges import parse_system
from lgdp_pipelines.lineage.column_lineage import build_export_edges
from lgdp_pipelines.register.loader import load_register

REGISTER = load_register(Path(__file__).parents[3] / "schemas")


def test_each_item_goes_back_to_the_columns_of_each_system() -> None:
    data_return = REGISTER.returns["HL1"]
    contract = data_return.contracts[0]
    edges = list(build_export_edges(data_return, contract, contract.tables[0], REGISTER.mappings))
    found = {(parse_system(edge.from_table), edge.from_column) for edge in edges if edge.to_column == "assessment_date"}
    assert found == {("heatherlea-housing", "Decision Date"), ("braeside-homelessness", "DECIDED (in decisions)")}
    references = {edge.from_column for edge in edges if edge.item == "urn:lgdp:item:hl1:appref"}
    assert references == {"Case Ref", "Case Reference", "CASE_NO"}
    assert {edge.contract_version for edge in edges} == {str(contract.version)}
    # A constant comes from no column of the export.
    assert not [edge for edge in edges if edge.to_column == "la_code"]


def test_a_mapping_of_another_return_adds_nothing() -> None:
    data_return = REGISTER.returns["WASTE"]
    contract = data_return.contracts[0]
    assert list(build_export_edges(data_return, contract, contract.tables[0], REGISTER.mappings)) == []
