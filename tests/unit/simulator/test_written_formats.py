"""Made-up extracts in every format that the platform makes up: read as declared, they are the rows that were made."""

from dataclasses import replace

import pytest

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.handover.extract_reading import ExtractFile
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.extract_format import Container, Extract, Format
from lgdp_pipelines.simulator.synthetic_extracts import plain_rows, written
from tests.shipped import shipped_register


@pytest.fixture(scope="module")
def register() -> Register:
    return shipped_register()


def _with_paths(contract: Contract) -> Contract:
    """The contract with its items at paths of XML: attributes, elements, and elements in one another."""
    (table,) = contract.tables
    places = ["@{}", "{}", "Person/{}", "Person/Home/@{}"]
    items = [replace(item, header=places[n % 4].format(item.name)) for n, item in enumerate(table.items)]
    return replace(contract, tables=(replace(table, items=tuple(items)),))


@pytest.mark.parametrize(
    "extract",
    [
        Extract(Format.CSV, encoding="utf-16", delimiter=";", quote="'", preamble=2),
        Extract(Format.CSV, delimiter="\t", header_rows=2, container=Container.GZ),
        Extract(Format.NDJSON, container=Container.ZIP),
        Extract(Format.JSON, records_at="data.rows"),
        Extract(Format.XML, records_at="return/cases/case", container=Container.ZIP),
        Extract(Format.XLSX, sheet="Cases", preamble=3, header_rows=2),
    ],
    ids=lambda extract: extract.described,
)
def test_what_is_written_is_what_is_read(register: Register, extract: Extract) -> None:
    hl1 = register.returns["HL1"]
    contract = replace(_with_paths(hl1.latest) if extract.format is Format.XML else hl1.latest, extract=extract)
    council, period = register.councils.by_code["FIF"], hl1.first_period
    rows = plain_rows(register, contract, council, period, seed=1)
    (file,) = written(contract, rows)
    assert written(contract, rows)[0].content == file.content
    reading = read_extract(contract, [ExtractFile("extract", file.content)])
    assert reading.findings.is_empty(), reading.findings["message"].to_list()
    ((name, made),) = rows.items()
    landed = [
        {item: text or "" for item, text in row.items()}
        for piece in reading.tables[name]
        for row in piece.drop("_row", "_unmapped").to_dicts()
    ]
    assert landed == list(made)


def test_what_is_not_made_up_is_said(register: Register) -> None:
    hl1 = register.returns["HL1"]
    contract = replace(hl1.latest, extract=Extract(Format.XLS))
    rows = plain_rows(register, contract, register.councils.by_code["FIF"], hl1.first_period, seed=1)
    with pytest.raises(WrongUse, match="XLS"):
        written(contract, rows)
