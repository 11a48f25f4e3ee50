"""How a contract says that its extracts are written, and what contradicts itself there."""

import pytest

from lgdp_pipelines.errors import RegisterError
from lgdp_pipelines.register.files.contract_file import is_xml_path
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.extract_format import Container, ExtractFormat, FileFormat
from tests.support.small_register import PETS, SmallRegister

WRITTEN = "{ format: csv, encoding: utf-8 }"


def declared(small: SmallRegister, words: str) -> ExtractFormat:
    """What a register with such words holds."""
    text = small.read(PETS)
    assert WRITTEN in text
    small.write(PETS, text.replace(WRITTEN, words))
    return load_register(small.root).returns["PETS"].latest.extract


@pytest.mark.parametrize(
    ("words", "extract_format"),
    [
        ("{ format: csv }", ExtractFormat(FileFormat.CSV)),
        (
            '{ format: csv, encoding: cp1252, delimiter: "\\t", quote: none, preamble: 3, headerRows: 2 }',
            ExtractFormat(FileFormat.CSV, encoding="cp1252", delimiter="\t", quote="", preamble=3, header_rows=2),
        ),
        ('{ format: csv, delimiter: "~", quote: "\'" }', ExtractFormat(FileFormat.CSV, delimiter="~", quote="'")),
        ("{ format: csv, encoding: utf-16-le }", ExtractFormat(FileFormat.CSV, encoding="utf-16-le")),
        (
            "{ format: xlsx, sheet: Cases, preamble: 2, headerRows: 2 }",
            ExtractFormat(FileFormat.XLSX, sheet="Cases", preamble=2, header_rows=2),
        ),
        ("{ format: xls }", ExtractFormat(FileFormat.XLS)),
        ("{ format: json, recordsAt: data.rows }", ExtractFormat(FileFormat.JSON, records_at="data.rows")),
        ("{ format: ndjson, container: gz }", ExtractFormat(FileFormat.NDJSON, container=Container.GZ)),
        (
            "{ format: xml, recordsAt: return/cases/case, container: zip, member: '.*[.]xml' }",
            ExtractFormat(FileFormat.XML, records_at="return/cases/case", container=Container.ZIP, member=".*[.]xml"),
        ),
    ],
)
def test_what_is_said_is_what_is_read(small: SmallRegister, words: str, extract_format: ExtractFormat) -> None:
    assert declared(small, words) == extract_format


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("{ format: pdf }", "must be one of: csv, xlsx"),
        ("{ format: csv, encoding: rot13 }", "is “rot13”, which is unknown"),
        ("{ format: csv, encoding: klingon }", "is “klingon”, which is unknown"),
        ('{ format: csv, delimiter: "||" }', "delimiter"),
        ("{ format: csv, delimiter: a }", "delimiter"),
        ('{ format: csv, delimiter: "\'", quote: "\'" }', "the same character"),
        ("{ format: csv, preamble: -1 }", "preamble"),
        ("{ format: csv, headerRows: 3 }", "headerRows"),
        ("{ format: csv, sheet: Cases }", "sheet does not apply to an extract in CSV"),
        ("{ format: csv, recordsAt: a }", "recordsAt does not apply to an extract in CSV"),
        ("{ format: xlsx, encoding: utf-8 }", "encoding does not apply to an extract in XLSX"),
        ('{ format: json, delimiter: ";" }', "delimiter does not apply to an extract in JSON"),
        ("{ format: json, preamble: 1 }", "preamble does not apply to an extract in JSON"),
        ("{ format: xml }", "does not name the element of a record"),
        ("{ format: xml, recordsAt: /return/case }", "does not name the element of a record"),
        ("{ format: xml, recordsAt: 'a[1]/b' }", "does not name the element of a record"),
        ("{ format: csv, member: x }", "Only a ZIP has members"),
        ("{ format: csv, container: zip, member: '(' }", "not a regular expression"),
        ("{ format: csv, container: zip, member: '(x+)+' }", "repeats a repeat"),
        ("{ format: csv, container: rar }", "must be one of: none, zip or gz"),
    ],
)
def test_what_contradicts_itself_is_told_at_its_line(small: SmallRegister, words: str, message: str) -> None:
    line = next(n for n, text in enumerate(small.read(PETS).splitlines(), start=1) if WRITTEN in text)
    with pytest.raises(RegisterError) as error:
        declared(small, words)
    assert [(contradiction.file, contradiction.line) for contradiction in error.value.contradictions] == [(PETS, line)]
    assert message in error.value.contradictions[0].what


@pytest.mark.parametrize(
    ("header", "is_path"),
    [
        ("Surname", True),
        ("Person/Surname", True),
        ("@ref", True),
        ("Person/@type", True),
        ("../../@authority", True),
        ("../Header/Period", True),
        (".", True),
        ("16B-PHYSHLTH", False),
        ("Case number", False),
        ("/Person", False),
        ("Person/", False),
        ("@a/b", False),
        ("a/../b", False),
    ],
)
def test_in_xml_an_item_is_called_by_a_path(header: str, *, is_path: bool) -> None:
    assert is_xml_path(header) is is_path


def test_an_item_of_an_xml_contract_that_no_element_can_be_called_is_told(small: SmallRegister) -> None:
    text = small.read(PETS).replace("physicalName: ", "physicalName: 1 ", 1)
    assert "physicalName: 1 " in text
    small.write(PETS, text)
    with pytest.raises(RegisterError) as error:
        declared(small, "{ format: xml, recordsAt: pets/pet }")
    assert ["not a path in XML" in contradiction.what for contradiction in error.value.contradictions] == [True]


def test_an_extract_is_described_for_people() -> None:
    assert ExtractFormat(FileFormat.CSV, delimiter="\t", container=Container.GZ).described == (
        "CSV in utf-8 with a tab between cells, in a GZ file"
    )
    assert ExtractFormat(FileFormat.XLSX, sheet="Cases").described == "XLSX with the sheet “Cases”"
    assert ExtractFormat(FileFormat.XML, records_at="r/c").described == "XML"
