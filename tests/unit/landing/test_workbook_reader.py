"""Workbooks: the choice of the sheet, the names of columns, and the text of cells."""

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
import xlsxwriter
import xlwt

from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.landing.workbook_reader import NumberFormat, NumberMeaning, format_number, parse_number_format
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.model.extract_format import ExtractFormat, FileFormat
from lgdp_pipelines.register.model.system_mapping import SourceColumn, SystemMapping, TableMapping
from lgdp_pipelines.register.model.table_model import ItemType, Provenance, Spellings
from tests.support.extract_writers import write_xls, write_xlsx
from tests.support.real_data import REAL_DATA, needs_real_data

ReadFunction = Callable[..., Reading]
Fill = Callable[[Any, Any], None]


def book(fill: Fill, *, options: dict[str, Any] | None = None) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, **(options or {})}) as workbook:
        fill(workbook, workbook.add_worksheet("Data"))
    return content.getvalue()


@pytest.fixture(scope="module")
def read(item: Callable[..., Any], table: Callable[..., Any], contract: Callable[..., Contract]) -> ReadFunction:
    """Return a function that reads bytes with columns A, B and C."""

    def reading(content: bytes, form: FileFormat = FileFormat.XLSX, **extract_format: object) -> Reading:
        facts = extract_format.pop("facts", {})
        assert isinstance(facts, dict)
        items = [item(header, **facts.get(header, {})) for header in "ABC"]
        return read_extract(contract(table("t", *items), format=form, **extract_format), [ExtractFile("x", content)])

    return reading


def rows(reading: Reading) -> list[tuple[object, ...]]:
    assert reading.findings.is_empty(), reading.findings["message"].to_list()
    return [row for piece in reading.tables["t"] for row in piece.select("_row", "a", "b", "c").iter_rows()]


def refusal(reading: Reading) -> str:
    assert reading.tables == {}
    assert reading.findings["rule"].to_list() == ["tst.readable"]
    return str(reading.findings["message"][0])


GOOD = [["A", "B", "C"], ["1", "2", "3"]]


def test_text_numbers_and_truth_are_text(read: ReadFunction) -> None:
    table = [["A", "B", "C"], ["007", 7, True], ["1.0", 1.5, False], ["12E5", 0.1, None], ["=1+1", -3, "NA"]]
    expected = [(2, "007", "7", "TRUE"), (3, "1.0", "1.5", "FALSE"), (4, "12E5", "0.1", None), (5, "=1+1", "-3", "NA")]
    assert rows(read(write_xlsx(table))) == expected
    assert rows(read(write_xls(table), FileFormat.XLS)) == expected


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.1, "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (2.0, "2"),
        (1e15, "1000000000000000"),
        (1e20, "100000000000000000000"),
        (1.5e-7, "0.00000015"),
        (123456789012.0, "123456789012"),
        (-0.5, "-0.5"),
    ],
)
def test_numbers_are_written_out_in_the_fewest_decimals(number: float, text: str) -> None:
    assert format_number(number) == text
    assert float(text) == number


@pytest.mark.parametrize(
    ("code", "number_format"),
    [
        ("General", NumberFormat()),
        ("0", NumberFormat()),
        ("00000", NumberFormat(digits=5)),
        ("000;-000", NumberFormat(digits=3)),
        ("0.00", NumberFormat()),
        ("#,##0", NumberFormat()),
        ("0%", NumberFormat()),
        ("0.00E+00", NumberFormat()),
        ('"day "0', NumberFormat()),
        ("[Red]0", NumberFormat()),
        ("\\d0", NumberFormat()),
        ("dd/mm/yyyy;@", NumberFormat(NumberMeaning.DAY)),
        ("[$-809]d mmmm yyyy", NumberFormat(NumberMeaning.DAY)),
        ("mmm", NumberFormat(NumberMeaning.DAY)),
        ("hh:mm", NumberFormat(NumberMeaning.TIME)),
        ("h:mm AM/PM", NumberFormat(NumberMeaning.TIME)),
        ("dd/mm/yyyy hh:mm", NumberFormat(NumberMeaning.DAY)),
        ("[h]:mm:ss", NumberFormat(NumberMeaning.DURATION)),
    ],
)
def test_a_number_format_determines_the_meaning_of_a_number(code: str, number_format: NumberFormat) -> None:
    assert parse_number_format(code) == number_format


def _formats(workbook: Any, worksheet: Any) -> None:
    worksheet.write_row(0, 0, ["A", "B", "C"])
    worksheet.write(1, 0, 123, workbook.add_format({"num_format": "00000"}))
    worksheet.write(1, 1, 0.5, workbook.add_format({"num_format": "0%"}))
    worksheet.write(1, 2, 1234567.5, workbook.add_format({"num_format": "#,##0"}))
    worksheet.write_formula(2, 0, "=1/0", None, "#DIV/0!")
    worksheet.write_formula(2, 1, "=NA()", None, "#N/A")
    worksheet.write_formula(2, 2, "=X1", None, "#REF!")
    worksheet.write_formula(3, 0, '="00"&7', None, "007")
    worksheet.write_formula(3, 1, "=1+1", None, 2)
    worksheet.write_rich_string(3, 2, "plain ", workbook.add_format({"bold": True}), "bold")


def test_looks_are_looks_but_for_leading_zeros_and_a_failed_formula_is_its_error(read: ReadFunction) -> None:
    expected = [(2, "00123", "0.5", "1234567.5"), (3, "#DIV/0!", "#N/A", "#REF!"), (4, "007", "2", "plain bold")]
    assert rows(read(book(_formats))) == expected


def test_an_old_workbook_keeps_leading_zeros_and_errors_too(read: ReadFunction) -> None:
    workbook = xlwt.Workbook()
    worksheet = workbook.add_sheet("Data")
    for position, header in enumerate("ABC"):
        worksheet.write(0, position, header)
    worksheet.write(1, 0, 123, xlwt.easyxf(num_format_str="00000"))
    worksheet.row(1).set_cell_error(1, 0x2A)
    worksheet.row(1).set_cell_error(2, 0x17)
    worksheet.write(2, 0, date(2024, 3, 31), xlwt.easyxf(num_format_str="dd/mm/yyyy"))
    content = io.BytesIO()
    workbook.save(content)
    assert rows(read(content.getvalue(), FileFormat.XLS)) == [
        (2, "00123", "#N/A", "#REF!"),
        (3, "2024-03-31", None, None),
    ]


@pytest.mark.parametrize("options", [{}, {"date_1904": True}])
def test_a_day_is_spelled_as_its_item_spells_dates(read: ReadFunction, options: dict[str, Any]) -> None:
    def fill(workbook: Any, worksheet: Any) -> None:
        worksheet.write_row(0, 0, ["A", "B", "C"])
        day, moment = (
            workbook.add_format({"num_format": "d-mmm-yy"}),
            workbook.add_format({"num_format": "dd/mm/yyyy hh:mm"}),
        )
        for row, value in enumerate([date(2024, 3, 1), datetime(1961, 12, 31), "01032024"], start=1):  # noqa: DTZ001
            for position in range(3):
                worksheet.write(row, position, value, day)
        worksheet.write(4, 0, datetime(2024, 3, 1, 9, 30), moment)  # noqa: DTZ001
        worksheet.write(4, 1, datetime(2024, 3, 1), moment)  # noqa: DTZ001

    dates = {
        "A": {"type": ItemType.DATE, "date_format": "ddMMyyyy"},
        "B": {"type": ItemType.DATE, "date_format": "dd/MM/yyyy"},
    }
    assert rows(read(book(fill, options=options), facts=dates)) == [
        (2, "01032024", "01/03/2024", "2024-03-01"),
        (3, "31121961", "31/12/1961", "1961-12-31"),
        (4, "01032024", "01032024", "01032024"),
        (5, "2024-03-01T09:30:00", "01/03/2024", None),
    ]


def test_a_day_is_written_in_the_date_format_of_the_mapping(
    item: Callable[..., Any], table: Callable[..., Any], contract: Callable[..., Contract]
) -> None:
    """The contract is CSV; the system's export is a workbook, with dates in the format of the mapping."""
    content = write_xlsx([["Case", "Born"], ["1", date(1961, 2, 3)], ["2", "3-Feb-1961"]])
    mapping = SystemMapping(
        system="caseworks",
        return_code="TST",
        majors=(1,),
        title="A system",
        provenance=Provenance("ours", ""),
        extract=ExtractFormat(FileFormat.XLSX, sheet="Data"),
        sha256="",
        tables={
            "t": TableMapping(
                table="t",
                columns={"a": SourceColumn(Spellings(("Case",))), "b": SourceColumn(Spellings(("Born",)))},
                dates="d-MMM-yyyy",
            )
        },
    )
    declared = contract(table("t", item("A"), item("B", type=ItemType.DATE, date_format="ddMMyyyy")))
    reading = read_extract(declared, [ExtractFile("x", content)], mapping)
    assert [row for piece in reading.tables["t"] for row in piece.select("a", "b").iter_rows()] == [
        ("1", "3-Feb-1961"),
        ("2", "3-Feb-1961"),
    ]
    assert reading.headers == {"t": {"a": "Case", "b": "Born"}}


def test_times_and_durations(read: ReadFunction) -> None:
    def fill(workbook: Any, worksheet: Any) -> None:
        worksheet.write_row(0, 0, ["A", "B", "C"])
        worksheet.write(1, 0, time(9, 30, 15), workbook.add_format({"num_format": "hh:mm"}))
        worksheet.write(1, 1, timedelta(hours=30, minutes=5), workbook.add_format({"num_format": "[h]:mm"}))
        worksheet.write(1, 2, 60, workbook.add_format({"num_format": "dd/mm/yyyy"}))  # a day that only workbooks have

    assert rows(read(book(fill))) == [(2, "09:30:15", "30:05:00", "1900-02-29")]


def test_the_sheet_is_the_named_one_or_the_only_visible_one(read: ReadFunction) -> None:
    def fill(workbook: Any, worksheet: Any) -> None:
        for row, cells in enumerate(GOOD):
            worksheet.write_row(row, 0, cells)
        workbook.add_worksheet("Notes").hide()
        workbook.add_worksheet("Old").very_hidden()

    reading = read(book(fill))
    assert rows(reading) == [(2, "1", "2", "3")]
    assert reading.sheets == {"t": "Data"}
    assert rows(read(book(fill), sheet=" data ")) == [(2, "1", "2", "3")]
    assert "no sheet “Cases”" in refusal(read(book(fill), sheet="Cases"))


def test_which_of_several_sheets_is_meant_is_not_guessed_nor_are_their_names_repeated(read: ReadFunction) -> None:
    def fill(workbook: Any, worksheet: Any) -> None:
        worksheet.write_row(0, 0, ["A", "B", "C"])
        workbook.add_worksheet("Jane Doe")

    message = refusal(read(book(fill)))
    assert "2 sheets that are not hidden" in message
    assert "Jane" not in message


def test_findings_carry_the_sheet(read: ReadFunction) -> None:
    reading = read(write_xlsx([["A", "B", "X"], ["1", "2", "3"]], "Cases 2024"))
    assert reading.findings.select("rule", "sheet", "column").rows() == [
        ("tst.t.columns", "Cases 2024", "C"),
        ("tst.t.extra_columns", "Cases 2024", "X"),
    ]


@pytest.mark.parametrize(("form", "write"), [(FileFormat.XLSX, write_xlsx), (FileFormat.XLS, write_xls)])
def test_rows_are_those_of_the_sheet(read: ReadFunction, form: FileFormat, write: Callable[..., bytes]) -> None:
    table = [["Made up"], [], ["A", "B", "C"], ["1", "2", "3"], ["", "", ""], ["4", "", ""]]
    assert rows(read(write(table), form, preamble=2)) == [(4, "1", "2", "3"), (6, "4", None, None)]
    assert "row 2, and that row is empty" in refusal(read(write(table), form, preamble=1))


def _merged(write: Callable[..., None], merge: Callable[..., None]) -> None:
    """Write a header of two rows with merged cells."""
    merge(0, 0, 0, 1, "Roll")
    write(1, 0, "Female")
    write(1, 1, "Male")
    merge(0, 2, 1, 2, "School")
    write(1, 3, "Alone")
    write(0, 4, "Upper")
    for position in range(5):
        write(2, position, str(position))


@pytest.fixture(scope="module")
def two_rows(item: Callable[..., Any], table: Callable[..., Any], contract: Callable[..., Contract]) -> ReadFunction:
    headers = ["Roll / Female", "Roll / Male", "School", "Alone", "Upper"]
    items = [item(header, name=name) for header, name in zip(headers, "abcde", strict=True)]

    def reading(content: bytes, form: FileFormat) -> Reading:
        return read_extract(contract(table("t", *items), format=form, header_rows=2), [ExtractFile("x", content)])

    return reading


def test_merged_names_hold_for_the_columns_that_they_are_merged_over(two_rows: ReadFunction) -> None:
    xls_workbook = xlwt.Workbook()
    worksheet = xls_workbook.add_sheet("Data")
    _merged(
        worksheet.write, lambda top, left, bottom, right, text: worksheet.write_merge(top, bottom, left, right, text)
    )
    content = io.BytesIO()
    xls_workbook.save(content)
    xlsx_content = book(lambda _workbook, worksheet: _merged(worksheet.write, worksheet.merge_range))
    for form, bytes_ in ((FileFormat.XLSX, xlsx_content), (FileFormat.XLS, content.getvalue())):
        reading = two_rows(bytes_, form)
        assert reading.findings.is_empty(), reading.findings["message"].to_list()
        assert [row for piece in reading.tables["t"] for row in piece.drop("_unmapped").iter_rows()] == [
            ("0", "1", "2", "3", "4", 3)
        ]


def test_a_row_that_a_filter_hides_counts(read: ReadFunction) -> None:
    def fill(_workbook: Any, worksheet: Any) -> None:
        for row, cells in enumerate([*GOOD, ["4", "5", "6"]]):
            worksheet.write_row(row, 0, cells)
        worksheet.autofilter(0, 0, 2, 2)
        worksheet.set_row(1, options={"hidden": True})

    assert rows(read(book(fill))) == [(2, "1", "2", "3"), (3, "4", "5", "6")]


def spoilt(content: bytes, member: str, change: Callable[[bytes], bytes]) -> bytes:
    """Return a workbook with one member changed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, change(source.read(name)) if name == member else source.read(name))
    return packed.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
DTD = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("member", "change"),
    [
        (SHEET, lambda data: data[:-40]),
        (SHEET, lambda data: data.replace(b"?>", b"?>" + DTD, 1)),
        (SHEET, lambda data: data.replace(b'r="B2"', b'r="ZZZ2"')),
        (SHEET, lambda data: data.replace(b'<row r="2"', b'<row r="1"')),
        (SHEET, lambda data: data.replace(b'<row r="2"', b'<row r="9999999"')),
        (SHEET, lambda data: data.replace(b"<v>4</v>", b"<v>400</v>")),
        ("xl/sharedStrings.xml", lambda data: data[:100]),
        ("xl/workbook.xml", lambda _data: b"<x"),
        ("xl/_rels/workbook.xml.rels", lambda data: data.replace(b"sheet1", b"sheet9")),
    ],
)
def test_a_damaged_or_hostile_workbook_is_refused(
    read: ReadFunction, member: str, change: Callable[[bytes], bytes]
) -> None:
    assert "damaged" in refusal(read(spoilt(write_xlsx(GOOD), member, change)))


@pytest.mark.parametrize("cut", [100, 1000, -100])
@pytest.mark.parametrize(("form", "write"), [(FileFormat.XLSX, write_xlsx), (FileFormat.XLS, write_xls)])
def test_a_workbook_that_is_cut_short_is_refused(
    read: ReadFunction, form: FileFormat, write: Callable[..., bytes], cut: int
) -> None:
    message = refusal(read(write(GOOD * 30)[:cut], form))
    assert "damaged" in message or "should be" in message


def test_cells_at_both_ends_of_a_sheet_do_not_fill_memory(read: ReadFunction) -> None:
    def fill(_workbook: Any, worksheet: Any) -> None:
        for row, cells in enumerate(GOOD):
            worksheet.write_row(row, 0, cells)
        worksheet.write(99_999, 0, "x")

    assert rows(read(book(fill))) == [(2, "1", "2", "3"), (100_000, "x", None, None)]

    def far(workbook: Any, worksheet: Any) -> None:
        fill(workbook, worksheet)
        worksheet.write(99_999, 16_383, "x")

    assert "far to the right" in refusal(read(book(far)))


def test_a_workbook_that_unpacks_without_end_is_refused(read: ReadFunction) -> None:
    bomb = spoilt(
        write_xlsx(GOOD), SHEET, lambda data: data.replace(b"<sheetData>", b"<sheetData>" + b" " * 34_000_000)
    )
    assert "far more than any workbook" in refusal(read(bomb))


@needs_real_data
def test_real_workbooks(item: Callable[..., Any], table: Callable[..., Any], contract: Callable[..., Contract]) -> None:
    """The school summaries of 2019 and 2023, and the list of schools, as published."""
    schools = REAL_DATA / "sg-schools"
    for name, sheet, extract_format, headers, first, count in (
        (
            "school-level-summary-2019.xlsx",
            "2019",
            {"header_rows": 2},
            ["SeedCode", "Roll by sex / Male", "FTE Teachers", "Primary pupils by stage / P7"],
            (3, "5237521", "128", "15.7", "26"),
            2500,
        ),
        (
            "school-level-summary-2023-v2.xlsx",
            "2023 School Level Statistics",
            {"preamble": 1},
            ["SeedCode", "Male", "S1", "P7"],
            (3, "5237521", "133", "z", "33"),
            2450,
        ),
        (
            "school-contact-list-2024-10-31-no-contacts.xlsx",
            "Open Schools",
            {"preamble": 4, "header_rows": 2},
            ["Seed Code", "Address Details / Unique Property Reference Number (UPRN)", "LA Name", "School Name"],
            (7, "1000047", "118183036", "North Lanarkshire", "Firpark Primary School"),
            2400,
        ),
    ):
        items = [item(header, name=letter) for header, letter in zip(headers, "abcd", strict=True)]
        declared = contract(table("t", *items), format=FileFormat.XLSX, sheet=sheet, **extract_format)
        reading = read_extract(declared, [ExtractFile(name, schools / name)])
        assert [rule for rule in reading.findings["rule"].unique() if rule != "tst.t.extra_columns"] == []
        landed = [row for piece in reading.tables["t"] for row in piece.select("_row", *"abcd").iter_rows()]
        assert landed[0] == first
        assert len(landed) > count
        assert reading.sheets == {"t": sheet}
