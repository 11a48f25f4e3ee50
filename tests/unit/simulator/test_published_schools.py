"""The published school workbooks, cut: nothing is altered, nothing is lost, and the contracts take all of it."""

import io
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from python_calamine import CalamineWorkbook

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.handover.chunked_frame import ChunkSpool
from lgdp_pipelines.handover.extract_reading import ExtractFile
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.simulator.extract_writers import WorkbookSheet, build_header, write_workbook
from lgdp_pipelines.simulator.published_extracts import PUBLISHED_RETURNS
from lgdp_pipelines.vocabulary.periods import parse_period
from tests.support.judging import judge_files, make_context

FILES = {
    "AY2019-20": ("school-level-summary-2019.xlsx", "2019"),
    "AY2023-24": ("school-level-summary-2023-v2.xlsx", "2023 School Level Statistics"),
}
TOP = [["Schools", ""], ["Local Authority", "SeedCode"]]

cut_summaries = PUBLISHED_RETURNS["SCHOOL-SUMMARY"]


def read_grid(book: CalamineWorkbook, name: str) -> list[list[Any]]:
    return book.get_sheet_by_name(name).to_python(skip_empty_area=False)


def open_workbook(content: bytes) -> CalamineWorkbook:
    return CalamineWorkbook.from_object(io.BytesIO(content))


@pytest.fixture(scope="module")
def cut(real_data: Path, register: Register) -> dict[tuple[str, str], bytes]:
    return dict(cut_summaries(real_data, register.councils))


@pytest.mark.parametrize("period", FILES)
def test_every_school_s_row_is_unchanged_in_one_extract(
    cut: dict[tuple[str, str], bytes], real_data: Path, register: Register, period: str
) -> None:
    file, name = FILES[period]
    source = CalamineWorkbook.from_path(real_data / "sg-schools" / file)
    expected = defaultdict(list)
    for row in read_grid(source, name)[2:]:
        if isinstance(row[1], float) and row[0] != "Grant aided":
            expected[register.councils.require(row[0]).code].append(row)

    assert sum(map(len, expected.values())) == {"AY2019-20": 2467, "AY2023-24": 2447}[period]
    extracts = {
        code: open_workbook(content) for (code, extract_period), content in cut.items() if extract_period == period
    }
    assert extracts.keys() == expected.keys() == set(register.councils.codes)
    for code, book in extracts.items():
        assert book.sheet_names == source.sheet_names
        assert read_grid(book, name) == [*read_grid(source, name)[:2], *expected[code]]


def test_headers_notes_and_merged_cells_are_kept(cut: dict[tuple[str, str], bytes], real_data: Path) -> None:
    for period, (file, name) in FILES.items():
        source, extracts = (
            CalamineWorkbook.from_path(real_data / "sg-schools" / file),
            open_workbook(cut["ORK", period]),
        )
        sheets = source.get_sheet_by_name(name), extracts.get_sheet_by_name(name)
        assert {*(sheets[0].merged_cell_ranges or ())} == {*(sheets[1].merged_cell_ranges or ())}
        for other_sheet in set(source.sheet_names) - {name}:
            assert [[str(cell) for cell in row] for row in read_grid(extracts, other_sheet)] == [
                [str(cell) for cell in row][: len(read_grid(extracts, other_sheet)[0])]
                for row in read_grid(source, other_sheet)
            ][: len(read_grid(extracts, other_sheet))]


def test_the_contracts_accept_every_row_and_query_one_school(
    cut: dict[tuple[str, str], bytes], register: Register, tmp_path: Path
) -> None:
    """Some councils; ``East Lothian``'s school without any attendance is one of the eight."""
    data_return, findings = register.returns["SCHOOL-SUMMARY"], Counter[tuple[str, str, str, int]]()
    for (code, period), content in cut.items():
        if code not in {"CLK", "ELN", "ORK"}:
            continue
        contract = data_return.contract_for(parse_period(period))
        with ChunkSpool(tmp_path) as spool:
            context = make_context(contract, register, code, parse_period(period), spool)
            judgement = judge_files([ExtractFile("schools.xlsx", content, None)], context)
        queries = judgement.findings.filter(pl.col("severity") != "known_issue")
        for rule, row in queries.select("rule", "row").rows():
            findings[code, period, rule, row] += 1
    assert findings == {("ELN", "AY2023-24", "school_summary.attendance_and_absence_make_the_whole", 44): 1}


def write_schools(folder: Path, *rows: list[str | float]) -> Path:
    (folder / "sg-schools").mkdir()
    for file, name in FILES.values():
        (folder / "sg-schools" / file).write_bytes(write_workbook({name: WorkbookSheet([*TOP, *rows])}))
    return folder


def test_an_unknown_council_is_an_error(tmp_path: Path, register: Register) -> None:
    folder = write_schools(tmp_path, ["Fife", 1.0], ["Fiffe", 2.0])
    with pytest.raises(WrongUse, match="is unknown") as refusal:
        cut_summaries(folder, register.councils)
    assert refusal.value.where.endswith("2019.xlsx, row 4")


def test_grant_aided_schools_and_notes_are_in_no_extract(tmp_path: Path, register: Register) -> None:
    folder = write_schools(tmp_path, ["Fife", 1.0], ["Grant aided", 2.0], ["(1) A note", ""], ["", "more of it"])
    findings = cut_summaries(folder, register.councils)
    assert list(findings) == [("FIF", "AY2019-20"), ("FIF", "AY2023-24")]
    assert read_grid(open_workbook(findings["FIF", "AY2019-20"]), "2019") == [*TOP, ["Fife", 1.0]]


def test_the_upper_header_row_is_merged_over_its_columns() -> None:
    sheet = build_header(["Name", "Pupils / P1", "Pupils / P2", "Type", "Rates / Here", "Other / There"], 2)
    assert [list(row) for row in sheet.rows] == [
        ["", "Pupils", "", "", "Rates", "Other"],
        ["Name", "P1", "P2", "Type", "Here", "There"],
    ]
    assert sheet.merged == [(0, 1, 2)]
    assert build_header(["A / B"], 1) == WorkbookSheet([["A / B"]])


def test_a_workbook_is_the_same_bytes_each_time() -> None:
    assert write_workbook({"A": WorkbookSheet([["x", 1.0]])}) == write_workbook({"A": WorkbookSheet([["x", 1.0]])})
