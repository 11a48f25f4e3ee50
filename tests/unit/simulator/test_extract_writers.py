"""Synthetic extracts in every format: read as declared, they give the rows that were written."""

from dataclasses import replace

import pytest

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.handover.extract_reading import ExtractFile
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.extract_format import Container, ExtractFormat, FileFormat
from lgdp_pipelines.simulator.extract_writers import write_extract
from lgdp_pipelines.simulator.synthetic_rows import RowRequest, generate_contract_rows
from tests.support.shipped_register import shipped_register


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
    "extract_format",
    [
        ExtractFormat(FileFormat.CSV, encoding="utf-16", delimiter=";", quote="'", preamble=2),
        ExtractFormat(FileFormat.CSV, delimiter="\t", header_rows=2, container=Container.GZ),
        ExtractFormat(FileFormat.NDJSON, container=Container.ZIP),
        ExtractFormat(FileFormat.JSON, records_at="data.rows"),
        ExtractFormat(FileFormat.XML, records_at="return/cases/case", container=Container.ZIP),
        ExtractFormat(FileFormat.XLSX, sheet="Cases", preamble=3, header_rows=2),
    ],
    ids=lambda extract_format: extract_format.described,
)
def test_written_rows_are_read_back_the_same(register: Register, extract_format: ExtractFormat) -> None:
    hl1 = register.returns["HL1"]
    contract = replace(
        _with_paths(hl1.latest) if extract_format.format is FileFormat.XML else hl1.latest, extract=extract_format
    )
    council, period = register.councils.by_code["FIF"], hl1.first_period
    rows = generate_contract_rows(RowRequest(register, contract, council, period, seed=1))
    (file,) = write_extract(contract, rows)
    assert write_extract(contract, rows)[0].content == file.content
    reading = read_extract(contract, [ExtractFile("extract", file.content)])
    assert reading.findings.is_empty(), reading.findings["message"].to_list()
    ((name, table_rows),) = rows.items()
    landed = [
        {item: text or "" for item, text in row.items()}
        for piece in reading.tables[name]
        for row in piece.drop("_row", "_unmapped").to_dicts()
    ]
    assert landed == list(table_rows)


def test_a_format_that_cannot_be_written_is_refused(register: Register) -> None:
    hl1 = register.returns["HL1"]
    contract = replace(hl1.latest, extract=ExtractFormat(FileFormat.XLS))
    rows = generate_contract_rows(
        RowRequest(register, contract, register.councils.by_code["FIF"], hl1.first_period, seed=1)
    )
    with pytest.raises(WrongUse, match="XLS"):
        write_extract(contract, rows)
