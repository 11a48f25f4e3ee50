"""Returns that are not in the shipped register, from a council's file to SQL, through the command line alone.

Each journey runs once; every expected value was calculated from the rows written here.
"""

import hashlib
import json
from collections.abc import Iterable
from csv import DictReader
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lgdp_pipelines.storage.sql_catalogue import OPEN_LAYERS
from tests.support.command_line import CommandLine, CommandOutput, write_csv
from tests.support.contracts import (
    add_contract,
    allotment_v1,
    allotment_v2,
    library,
    respite,
    rule,
    write_register,
)

FIGURES = """SELECT period, site_name, water_label, value, obs_status
             FROM published.allotment WHERE item = 'urn:lgdp:item:allotment:plots' ORDER BY period, water"""
ALLOTMENTS = """SELECT council_code, council_name, gss_code, period, site, grade, grade_label, value, unit, obs_status
                FROM published.allotment WHERE item = 'urn:lgdp:item:allotment:plots' ORDER BY ALL"""
RELEASES = "SELECT return_code, period, max(number) AS number FROM ledger.release GROUP BY ALL ORDER BY ALL"
FIFE = {"council_code": "FIF", "council_name": "Fife", "gss_code": "S12000047"}

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Step:
    """Output of one command, and published rows and releases after it."""

    output: CommandOutput
    published: Rows
    releases: Rows


@dataclass(frozen=True)
class Allotments:
    """Results of four commands about ALLOTMENT, and the first file."""

    lgdp: CommandLine
    file: Path
    good: Step
    bad: Step
    better: Step
    status: Rows
    trace: Any
    findings: Rows


@pytest.fixture(scope="module")
def allotments(tmp_path_factory: pytest.TempPathFactory) -> Allotments:
    folder = tmp_path_factory.mktemp("allotments")
    lgdp = CommandLine(folder / "home", write_register(folder / "register", allotment_v1()))
    first = write_csv(
        folder, "first.csv", "Council,Site,Grade,Plots",
        "Fife,Beach,1,12", "FIF,Beach,2,c", "S12000047,Hill,1,z", "Fife,Hill,2,0", "Fife,Moor,1,",
    )  # fmt: skip
    second = write_csv(folder, "second.csv", "Council,Site,Grade,Plots", "Fife,Beach,1,many", "Glasgow City,Hill,1,7")
    third = write_csv(folder, "third.csv", "Council,Site,Grade,Plots", "Fife,Beach,1,13")
    good = submit_step(lgdp, first)
    bad = submit_step(lgdp, second, expect=1)
    status = lgdp("status", "--format", "json").rows
    trace = lgdp(
        "trace", "published.allotment.value", "--council", "Fife", "--period", "CY2023", "--row", "4",
        "--format", "json",
    ).rows  # fmt: skip
    findings = lgdp.query_lake('SELECT rule, "row", "column" FROM judged.finding WHERE _submission_id LIKE \'%.002\'')
    return Allotments(lgdp, first, good, bad, submit_step(lgdp, third), status, trace, findings)


def submit_step(
    lgdp: CommandLine, file: Path, *, council: str = "Fife", period: str = "CY2023", expect: int = 0
) -> Step:
    output = lgdp("submit", "ALLOTMENT", file, "--council", council, "--period", period, expect=expect)
    return Step(output, lgdp.query_lake(ALLOTMENTS), lgdp.query_lake(RELEASES))


def build_plots_row(site: str, grade: str, value: float | None, status: str, **more: str) -> dict[str, Any]:
    label = {"1": "Watered", "2": "Dry"}[grade]
    row = {"period": "CY2023", "site": site, "grade": grade, "grade_label": label, "unit": "plots"}
    return {**FIFE, **row, **more, "value": value, "obs_status": status}


def test_every_figure_is_published_with_label_unit_and_status(allotments: Allotments) -> None:
    assert allotments.good.output.out == "ALLOTMENT.FIF.CY2023.001: accepted (5 rows, 0 errors, 0 queries)\n"
    assert index_by_site(allotments.good.published) == index_by_site(
        [
            build_plots_row("Beach", "1", 12.0, "A"),
            build_plots_row("Beach", "2", None, "Q"),
            build_plots_row("Hill", "1", None, "M"),
            build_plots_row("Hill", "2", 0.0, "A"),
            build_plots_row("Moor", "1", None, "O"),
        ]
    )


def index_by_site(rows: Rows) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    rows_by_key = {(row["council_code"], row["period"], row["site"], row["grade"]): row for row in rows}
    assert len(rows_by_key) == len(rows)
    return rows_by_key


def test_rejected_second_submission_leaves_the_accepted_one_published(allotments: Allotments) -> None:
    bad = allotments.bad

    assert bad.output.out == "ALLOTMENT.FIF.CY2023.002: rejected (2 rows, 2 errors, 0 queries)\n"
    assert bad.published == allotments.good.published
    assert bad.releases == allotments.good.releases == [build_release_row(1)]
    assert allotments.findings == [
        {"rule": "allotment.plots.type", "row": 2, "column": "Plots"},
        {"rule": "allotment.authority.council", "row": 3, "column": "Council"},
    ]


def build_release_row(number: int, period: str = "CY2023", code: str = "ALLOTMENT") -> dict[str, Any]:
    return {"return_code": code, "period": period, "number": number}


def test_resubmission_replaces_the_figures_and_is_the_next_release(allotments: Allotments) -> None:
    assert allotments.better.published == [build_plots_row("Beach", "1", 13.0, "A")]
    assert allotments.better.releases == [build_release_row(2)]


def test_status_names_the_rejected_and_the_current_submission(allotments: Allotments) -> None:
    (row,) = allotments.status

    assert {name: row[name] for name in ("return", "council", "period", "submission", "state", "verdict")} == {
        "return": "ALLOTMENT", "council": "FIF", "period": "CY2023",
        "submission": "ALLOTMENT.FIF.CY2023.002", "state": "rejected", "verdict": "rejected",
    }  # fmt: skip
    assert (row["current"], row["errors"], row["rows"]) == ("ALLOTMENT.FIF.CY2023.001", 2, 2)
    assert (row["due"], row["on_time"]) == ("2024-01-30", False)


def test_trace_of_a_figure_names_item_contract_receipt_file_and_row(allotments: Allotments) -> None:
    trace = allotments.trace
    (submission,) = trace["submissions"]
    (receipt,) = submission["receipts"]
    (column,) = trace["extract_columns"]

    assert (trace["figure"]["site"], trace["figure"]["grade"], trace["figure"]["value"]) == ("Hill", "2", 0.0)
    assert [item["urn"] for item in trace["items"]] == ["urn:lgdp:item:allotment:plots"]
    assert (column["table"], column["header"], column["contract_version"]) == ("site", "Plots", "1.0.0")
    assert (submission["id"], submission["contract_version"]) == ("ALLOTMENT.FIF.CY2023.001", "1.0.0")
    assert (receipt["file_name"], receipt["transport"]) == ("first.csv", "hand")
    assert receipt["sha256"] == hashlib.sha256(allotments.file.read_bytes()).hexdigest()
    assert submission["rows"] == [5]


def test_identical_file_handed_in_again_changes_nothing(allotments: Allotments, tmp_path: Path) -> None:
    lgdp = allotments.lgdp
    corrected_file = write_csv(tmp_path, "third.csv", "Council,Site,Grade,Plots", "Fife,Beach,1,13")

    output = lgdp("submit", "ALLOTMENT", corrected_file, "--council", "Fife", "--period", "CY2023")

    assert "duplicate" in output.err
    assert lgdp.query_lake("SELECT count(*) AS n FROM ledger.submission") == [{"n": 3}]
    assert lgdp.query_lake(RELEASES) == allotments.better.releases


def test_rejected_first_submission_can_be_inspected_as_the_command_advises(tmp_path: Path) -> None:
    lgdp = CommandLine(tmp_path / "home", write_register(tmp_path / "register", allotment_v1()))
    file = write_csv(tmp_path, "bad.csv", "Council,Site,Grade,Plots", "Fife,Beach,3,4")

    output = lgdp("submit", "ALLOTMENT", file, "--council", "Fife", "--period", "CY2023", expect=1)

    report = lgdp("report", output.err.split("lgdp report ", 1)[1].split()[0], "--format", "csv").out
    assert [(row["rule"], row["row"]) for row in DictReader(StringIO(report))] == [("allotment.grade.codes", "2")]


@dataclass(frozen=True)
class Majors:
    """ALLOTMENT over two majors; then a stricter rule."""

    united: Rows
    waiting: Rows
    items: Rows
    after: Rows
    status: Rows
    judgements: Rows
    states: Rows


@pytest.fixture(scope="module")
def majors(tmp_path_factory: pytest.TempPathFactory) -> Majors:
    folder = tmp_path_factory.mktemp("majors")
    register = write_register(folder / "register", allotment_v1(), allotment_v2())
    lgdp = CommandLine(folder / "home", register)
    old = write_csv(folder, "old.csv", "Council,Site,Grade,Plots", "Fife,Beach,1,12", "Fife,Beach,2,c")
    new = write_csv(
        folder, "new.csv", "Local authority,Site name,Water,Plots let,People waiting",
        "Fife,Beach,1,12.5,3", "Fife,Beach,2,z,0",
    )  # fmt: skip
    for file, period in ((old, "CY2023"), (new, "CY2024")):
        lgdp("submit", "ALLOTMENT", file, "--council", "Fife", "--period", period)
    united = lgdp.query_lake(FIGURES)
    waiting = lgdp.query_lake(
        """SELECT period, site_name, value, unit, obs_status FROM published.allotment
           WHERE item = 'urn:lgdp:item:allotment:waiting' ORDER BY ALL"""
    )
    items = lgdp.query_lake("SELECT DISTINCT item, item_title FROM published.allotment ORDER BY ALL")
    add_contract(register, allotment_v1("1.1.0", "CY2023", rule("few_plots", "No more than ten plots", "plots > 10")))
    lgdp("revalidate", "--return", "ALLOTMENT", "--period", "CY2023")
    return Majors(
        united=united,
        waiting=waiting,
        items=items,
        after=lgdp.query_lake(FIGURES),
        status=lgdp("status", "--return", "ALLOTMENT", "--period", "CY2023", "--format", "json").rows,
        judgements=lgdp.query_lake(
            "SELECT submission_id, number, verdict, contract_version FROM ledger.judgement ORDER BY 1, 2"
        ),
        states=lgdp.query_lake("SELECT id, state FROM ledger.submission ORDER BY 1"),
    )


def test_two_major_versions_of_a_contract_share_one_published_table(majors: Majors) -> None:
    assert [tuple(row.values()) for row in majors.united] == [
        ("CY2023", "Beach", "Watered", 12.0, "A"),
        ("CY2023", "Beach", "Dry", None, "Q"),
        ("CY2024", "Beach", "Watered", 12.5, "A"),
        ("CY2024", "Beach", "Dry", None, "M"),
    ]
    assert majors.items == [
        {"item": "urn:lgdp:item:allotment:plots", "item_title": "Plots let"},
        {"item": "urn:lgdp:item:allotment:waiting", "item_title": "People waiting"},
    ]


def test_item_of_the_newer_major_alone_has_no_figures_before_it(majors: Majors) -> None:
    common_cells = {"period": "CY2024", "site_name": "Beach", "unit": "people", "obs_status": "A"}

    assert majors.waiting == [{**common_cells, "value": 0.0}, {**common_cells, "value": 3.0}]


def test_submission_that_a_stricter_rule_would_refuse_stays_and_its_judgement_says_so(majors: Majors) -> None:
    assert majors.after == majors.united
    assert {(row["id"], row["state"]) for row in majors.states} == {
        ("ALLOTMENT.FIF.CY2023.001", "current"),
        ("ALLOTMENT.FIF.CY2024.001", "current"),
    }
    assert majors.judgements == [
        build_judgement_row("ALLOTMENT.FIF.CY2023.001", 1, "accepted", "1.0.0"),
        build_judgement_row("ALLOTMENT.FIF.CY2023.001", 2, "rejected", "1.1.0"),
        build_judgement_row("ALLOTMENT.FIF.CY2024.001", 1, "accepted", "2.0.0"),
    ]
    (row,) = majors.status
    assert (row["verdict"], row["state"], row["current"]) == ("rejected", "current", "ALLOTMENT.FIF.CY2023.001")


def build_judgement_row(submission: str, number: int, verdict: str, version: str) -> dict[str, Any]:
    return {"submission_id": submission, "number": number, "verdict": verdict, "contract_version": version}


def test_two_tables_in_two_files_are_published_separately(tmp_path: Path) -> None:
    lgdp = CommandLine(tmp_path / "home", write_register(tmp_path / "register", library()))
    branches = write_csv(tmp_path, "branches_2023.csv", "Branch,Books", "Cupar,1200", "Leven,")
    loans = write_csv(tmp_path, "loans_2023.csv", "Branch,Month,Loans", "Cupar,1,10", "Cupar,2,20", "Leven,1,0")

    output = lgdp("submit", "LIBRARY", branches, loans, "--council", "FIF", "--period", "CY2023")

    assert output.out == "LIBRARY.FIF.CY2023.001: accepted (5 rows, 0 errors, 0 queries)\n", "once, for both files"
    assert lgdp.query_lake("SELECT branch, value, unit, obs_status FROM published.library_branch ORDER BY ALL") == [
        {"branch": "Cupar", "value": 1200.0, "unit": "books", "obs_status": "A"},
        {"branch": "Leven", "value": None, "unit": "books", "obs_status": "O"},
    ]
    loaned = "SELECT branch, CAST(month AS integer) AS m, value, unit FROM published.library_loan ORDER BY ALL"
    assert [tuple(row.values()) for row in lgdp.query_lake(loaned)] == [
        ("Cupar", 1, 10.0, "loans"),
        ("Cupar", 2, 20.0, "loans"),
        ("Leven", 1, 0.0, "loans"),
    ]

    corrected = write_csv(tmp_path, "loans_2023_b.csv", "Branch,Month,Loans", "Cupar,1,11")
    output = lgdp("submit", "LIBRARY", corrected, "--council", "FIF", "--period", "CY2023")

    assert output.out == "LIBRARY.FIF.CY2023.002: accepted (3 rows, 0 errors, 0 queries)\n"
    assert "It replaces LIBRARY.FIF.CY2023.001, which had 5 rows." in output.err
    assert lgdp.query_lake("SELECT value FROM published.library_loan") == [{"value": 11.0}]
    assert lgdp.query_lake("SELECT count(*) AS n FROM published.library_branch") == [{"n": 2}]


SURNAMES = ("Quillfeather", "Brambleworth", "Osterhagen", "Vantongeren", "Littlejohn-Ames")
PERSONS = tuple(f"ZQ/REF/{number:04d}" for number in range(1, 6))


@pytest.fixture(scope="module")
def stays(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    folder = tmp_path_factory.mktemp("respite")
    lgdp = CommandLine(folder / "home", write_register(folder / "register", respite(threshold=3)))
    carers, nights = ("F", "F", "F", "F", "N"), ("3", "c", "0", "", "14")
    lines = [
        f"{person},{surname},17/03/195{number},2{number}/05/2023,{carers[number]},{nights[number]}"
        for number, (person, surname) in enumerate(zip(PERSONS, SURNAMES, strict=True))
    ]
    file = write_csv(folder, "stays.csv", "Person,Surname,Born,Began,Carer,Nights", *lines)
    lgdp("submit", "RESPITE", file, "--council", "Na h-Eileanan Siar", "--period", "2023")
    return lgdp


def test_cases_are_published_without_identifiers_and_with_dates_made_coarse(stays: CommandLine) -> None:
    rows = stays.query_lake("FROM published.respite ORDER BY _release_row")

    assert [
        (r["birth_date"], r["began"], r["carer_code_label"], r["nights"], r["nights_status"]) for r in rows
    ] == [
        ("1950-01-01", "2023-05-01", "Family", 3, "A"),
        ("1951-01-01", "2023-05-01", "Family", None, "Q"),
        ("1952-01-01", "2023-05-01", "Family", 0, "A"),
        ("1953-01-01", "2023-05-01", "Family", None, "O"),
        ("1954-01-01", "2023-05-01", "Neighbour", 14, "A"),
    ]  # fmt: skip
    assert not {"person_ref", "surname"} & set(rows[0])
    assert len({row["_trace_id"] for row in rows}) == 5


def test_conformed_table_has_pseudonyms_and_no_surnames(stays: CommandLine) -> None:
    rows = stays.query_lake("FROM conformed.respite_stay")

    assert "surname" not in rows[0]
    assert len({row["person_ref"] for row in rows}) == 5
    assert not {row["person_ref"] for row in rows} & {*PERSONS, *(hash_text(person) for person in PERSONS)}


def hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_small_count_is_withheld_and_cannot_be_calculated_by_subtraction(stays: CommandLine) -> None:
    rows = stays.query_lake("SELECT broken_down_by, carer_code, value, obs_status FROM published.respite_counts")
    shown = {(row["broken_down_by"], row["carer_code"]): row["value"] for row in rows if row["obs_status"] == "A"}
    withheld = {(row["broken_down_by"], row["carer_code"]) for row in rows if row["obs_status"] == "Q"}

    assert len(rows) == 3
    assert ("carer_code", "N") in withheld
    assert all(row["value"] is None for row in rows if row["obs_status"] == "Q")
    assert len(withheld) == 2
    assert shown.items() <= {("", None): 5.0, ("carer_code", "F"): 4.0}.items()


def test_no_identifier_is_in_open_tables_logs_or_dagster(stays: CommandLine) -> None:
    needles = {*SURNAMES, *PERSONS}
    lake = stays.home / "lake"
    open_files = [file for layer in OPEN_LAYERS for file in (lake / layer).rglob("*.parquet")]
    assert len(open_files) > 10
    for file in open_files:
        assert not needles & set(iterate_texts(pq.read_table(file, partitioning=None).to_pylist())), file

    other_files = [
        *lake.rglob("_delta_log/*.json"),
        *(file for file in (stays.home / "dagster").rglob("*") if file.is_file()),
        *(file for file in stays.home.iterdir() if file.is_file()),
        *(file for file in (stays.home / "logs").rglob("*") if file.is_file()),
    ]
    assert len(other_files) > 10
    for file in other_files:
        content = file.read_bytes()
        assert not [
            needle for needle in needles if needle.encode() in content or needle.encode("utf-16-le") in content
        ], file


def test_identifiers_are_stored_as_sent_only_in_closed_tables(stays: CommandLine) -> None:
    (table,) = (stays.home / "lake" / "validated").iterdir()
    stored_values = {
        cell for file in table.rglob("*.parquet") for cell in iterate_texts(pq.read_table(file).to_pylist())
    }

    assert {*SURNAMES, *PERSONS} <= stored_values
    stays("sql", f"SELECT * FROM '{table}/*/*.parquet'", expect=1)
    stays("sql", "SELECT * FROM validated.respite__stay__v1", expect=1)


def iterate_texts(value: object) -> Iterable[str]:
    """Yield every text inside rows, lists and maps."""
    match value:
        case str():
            yield value
        case dict():
            for key, member in value.items():
                yield from iterate_texts(key)
                yield from iterate_texts(member)
        case list() | tuple():
            for member in value:
                yield from iterate_texts(member)


def test_query_results_are_available_as_csv_and_json(stays: CommandLine) -> None:
    text = stays("sql", "SELECT count(*) AS n FROM published.respite", "--format", "csv").out

    assert text == "n\n5\n"
    assert json.loads(stays("sql", "SELECT 1 AS one WHERE false", "--format", "json").out) == []
