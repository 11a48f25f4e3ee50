"""The demonstration, run once as a person runs it, and the expected content of its lake."""

import csv
import hashlib
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from deltalake import DeltaTable
from python_calamine import CalamineWorkbook

from lgdp_pipelines.register.model.table_model import Role
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.storage.lake_tables import parse_submission_id
from lgdp_pipelines.vocabulary.verdicts import Verdict
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.reproduction import (
    JudgementReplayer,
    ReproductionResult,
    find_judgement,
    reproduce_judgement,
)
from tests.support.demonstration import parse_documents, query_lake, run_demonstration, run_lgdp
from tests.support.real_data import REAL_DATA, needs_real_data
from tests.support.shipped_register import shipped_register


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    run_demonstration(folder)
    return folder


@pytest.fixture(scope="module")
def planted(home: Path) -> list[dict[str, Any]]:
    output: list[dict[str, Any]] = json.loads((home / "simulator" / "planted.json").read_text(encoding="utf-8"))[
        "planted"
    ]
    return output


def test_exactly_the_planted_mistakes_are_found_by_rule_row_and_column(
    home: Path, planted: list[dict[str, Any]]
) -> None:
    truth = {
        (p["return_code"], p["council_code"], p["period"], p["rule"], p["row"], p["column"], p["severity"])
        for p in planted
        if p["rule"]
    }
    findings = query_lake(
        home,
        """SELECT return_code, council_code, period, rule, "row", "column", severity
           FROM judged.finding WHERE return_code IN ('HL1', 'DHP')""",
    )

    assert len(truth) > 20
    assert {tuple(row.values()) for row in findings} == truth
    assert len(findings) == len(truth)


def test_hl1_has_all_councils_except_those_with_no_acceptable_extract(
    home: Path, planted: list[dict[str, Any]]
) -> None:
    outcomes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for mistake in planted:
        if mistake["return_code"] == "HL1":
            outcomes[mistake["period"], mistake["council_code"]].add(mistake["outcome"])
    councils = {row["council_code"] for row in query_lake(home, "SELECT council_code FROM conformed.council")}
    assert len(councils) == 32

    for period in ("FY2024-25-Q1", "FY2024-25-Q2"):
        without = {row["council_code"] for row in _find_councils_without_file(home, planted, period)}
        published = query_lake(home, f"SELECT DISTINCT council_code FROM published.hl1 WHERE period = '{period}'")
        assert {row["council_code"] for row in published} == councils - without
        assert 5 <= len(without) <= 12


def _find_councils_without_file(home: Path, planted: list[dict[str, Any]], period: str) -> list[dict[str, Any]]:
    """Return the councils with no file for the period that is free of rejecting mistakes."""
    files = {
        (mistake["council_code"], mistake["file"])
        for mistake in planted
        if mistake["outcome"] in ("rejected", "unrecognised", "left")
    }
    period_spelling = period.removeprefix("FY").replace("-Q", "_Q")
    lost = []
    for account in sorted((home / "simulator" / "councils").iterdir()):
        code = account.name
        names = [file.name for file in (account / "outgoing" / "hl1").glob("*") if period_spelling in file.name]
        if not [name for name in names if (code, name) not in files and not name.endswith(".part")]:
            lost.append({"council_code": code})
    return lost


def test_receipts_have_the_states_that_the_simulator_planned(home: Path, planted: list[dict[str, Any]]) -> None:
    receipts = query_lake(home, "SELECT council_code, file_name, state FROM ledger.receipt")
    states = {(receipt["council_code"], receipt["file_name"]): receipt["state"] for receipt in receipts}

    for mistake in planted:
        key = (mistake["council_code"], mistake["file"])
        match mistake["outcome"]:
            case "unrecognised" | "duplicate":
                assert states[key] == mistake["outcome"], mistake
            case "left" | "missing":
                assert key not in states, mistake


def test_second_demonstration_adds_nothing(home: Path) -> None:
    before = _count_contents(home)
    run_demonstration(home)

    assert _count_contents(home) == before


def _count_contents(home: Path) -> dict[str, Any]:
    tables = {
        str(log.parent.relative_to(home / "lake")): DeltaTable(log.parent).version()
        for log in (home / "lake").rglob("_delta_log")
    }
    assert len(tables) > 20
    ledger = ("receipt", "submission", "judgement", "rule_result", "query", "release")
    counts = query_lake(
        home, " UNION ALL ".join(f"SELECT '{name}' AS name, count(*) AS n FROM ledger.{name}" for name in ledger)
    )
    return tables | {row["name"]: row["n"] for row in counts}


@needs_real_data
def test_every_published_waste_value_equals_its_source(home: Path) -> None:
    source = json.loads((REAL_DATA / "waste" / "household-waste-dx-data.json").read_text(encoding="utf-8"))
    keys = {
        "tonnes": "tonnes", "tonnesPerCitizen": "tonnes_per_citizen", "tonnesPerHousehold": "tonnes_per_household",
        "co2e": "co2e", "co2ePerCitizen": "co2e_per_citizen", "co2ePerHousehold": "co2e_per_household",
    }  # fmt: skip
    truth = {
        (r["area"], f"CY{r['year']}", r.get("material"), r.get("endState"), f"urn:lgdp:item:waste:{keys[k]}"): float(v)
        for r in source
        if r["area"] != "Scotland"
        for k, v in r.items()
        if k in keys
    }
    published = {
        (row["council_name"], row["period"], row["material"], row["end_state"], row["item"]): row
        for row in query_lake(
            home,
            # The rate by the mid-year estimate is worked out by the platform, and is in no source.
            """SELECT council_name, period, material, end_state, item, value, obs_status FROM published.waste_material
               WHERE item <> 'urn:lgdp:item:waste:tonnes_per_thousand_people'
               UNION ALL
               SELECT council_name, period, NULL, NULL, item, value, obs_status FROM published.waste_carbon""",
        )
    }

    assert len(truth) == 32 * 8 * 66 * 3 + 32 * 2 * 3
    assert {key: row["value"] for key, row in published.items()} == truth
    assert {row["obs_status"] for row in published.values()} == {"A"}


@needs_real_data
def test_waste_adds_up_to_the_national_rows_within_rounding_to_the_tonne(home: Path) -> None:
    source = json.loads((REAL_DATA / "waste" / "household-waste-dx-data.json").read_text(encoding="utf-8"))
    nation = {
        (f"CY{r['year']}", r.get("material"), r.get("endState")): r.get("tonnes", r.get("co2e"))
        for r in source
        if r["area"] == "Scotland"
    }
    summed = query_lake(
        home,
        """SELECT period, material, end_state, sum(value) AS total, count(*) AS n FROM published.waste_material
           WHERE item = 'urn:lgdp:item:waste:tonnes' GROUP BY ALL
           UNION ALL
           SELECT period, NULL, NULL, sum(value), count(*) FROM published.waste_carbon
           WHERE item = 'urn:lgdp:item:waste:co2e' GROUP BY ALL""",
    )
    differences = [nation[r["period"], r["material"], r["end_state"]] - r["total"] for r in summed]

    assert {r["n"] for r in summed} == {32}
    assert len(summed) == len(nation) == 8 * 66 + 2
    # Thirty-two figures and their total, each rounded to the tonne: at most half a tonne each.
    assert max(abs(difference) for difference in differences) <= 0.5 * 33
    assert sum(abs(difference) > 1e-6 for difference in differences) == 175


@needs_real_data
def test_every_published_social_care_value_equals_its_source_and_reconciles_with_the_national_rows(home: Path) -> None:
    with (REAL_DATA / "phs-social-care" / "data_people_supported_client_group.csv").open(encoding="utf-8") as file:
        source = list(csv.DictReader(file))
    names = {"Comhairle nan Eilean Siar": "Na h-Eileanan Siar"}
    truth: dict[tuple[str, ...], float] = {}
    nation: dict[tuple[str, ...], float] = {}
    for row in source:
        year = f"FY{row['financial_year'][:4]}-{row['financial_year'][-2:]}"
        place = names.get(row["sending_location"], row["sending_location"])
        key = (year, row["age_group"], row["client_group"], row["measure"])
        if place.startswith("Scotland"):
            nation[key] = float(row["nclient"])
        else:
            truth[(place, *key, "rate")] = float(row["rate"])
            truth[(place, *key, "nclient")] = float(row["nclient"])

    published = {
        (r["council_name"], r["period"], r["age_group"], r["client_group"], r["measure"], r["item"].split(":")[-1]): r
        for r in query_lake(
            home,
            """SELECT council_name, period, age_group, client_group, measure, item, value, obs_status
               FROM published.people_supported""",
        )
    }
    assert {key: row["value"] for key, row in published.items()} == truth
    assert {row["obs_status"] for row in published.values()} == {"A"}

    totals: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for (_, *key, item), row in published.items():
        if item == "nclient":
            totals[tuple(key)].append(row["value"])
    assert totals.keys() == nation.keys()
    for key, values in totals.items():
        # Each council's figure and the nation's are rounded to the nearest five; missing councils are in neither.
        assert abs(nation[key] - sum(values)) <= 2.5 * (len(values) + 1), key


SCHOOLS = {
    "AY2019-20": ("school-level-summary-2019.xlsx", "2019"),
    "AY2023-24": ("school-level-summary-2023-v2.xlsx", "2023 School Level Statistics"),
}
SCHOOL_MARKS = {"*": "Q", "#": "M", "c": "Q", "z": "M", "x": "L"}


def read_schools(period: str) -> tuple[list[str], list[list[Any]]]:
    """Return the lower header row of a published workbook, and its rows of councils' schools."""
    file, sheet = SCHOOLS[period]
    rows = CalamineWorkbook.from_path(REAL_DATA / "sg-schools" / file).get_sheet_by_name(sheet).to_python()
    return rows[1], [row for row in rows[2:] if isinstance(row[1], float) and row[0] != "Grant aided"]


@needs_real_data
def test_every_published_school_figure_equals_its_source_under_either_header(home: Path) -> None:
    contracts = shipped_register().returns["SCHOOL-SUMMARY"].contracts
    truth: dict[tuple[str, str, str, str], tuple[float | None, str]] = {}
    for period, contract in zip(SCHOOLS, contracts, strict=True):
        header, rows = read_schools(period)
        # A header of two rows is “upper / lower”; no lower one stands twice in either workbook.
        items = {
            item.header.rpartition(" / ")[2]: item.urn for item in contract.tables[0].list_items_of_role(Role.MEASURE)
        }
        places = {place: items[name] for place, name in enumerate(header) if name in items}
        assert len(places) == len(items)
        for row in rows:
            for place, urn in places.items():
                cell = row[place]
                figure = (cell, "A") if isinstance(cell, float) else (None, SCHOOL_MARKS[cell])
                truth[period, f"{row[1]:.0f}", row[3], urn] = figure

    published = {
        (row["period"], row["seed_code"], row["school_type"], row["item"]): (row["value"], row["obs_status"])
        for row in query_lake(
            home, "SELECT period, seed_code, school_type, item, value, obs_status FROM published.school_summary"
        )
    }
    assert published == truth
    rolls: dict[str, float] = defaultdict(float)
    for (period, *_, item), (value, _) in published.items():
        rolls[period] += value or 0 if item == "urn:lgdp:item:school-summary:pupil_roll" else 0
    assert rolls == {"AY2019-20": 696_816, "AY2023-24": 704_374}


@needs_real_data
def test_every_school_is_described_as_in_its_source(home: Path) -> None:
    described = {
        tuple(row.values())
        for row in query_lake(
            home,
            """SELECT DISTINCT period, seed_code, school_type, school_name, coalesce(fsm_local_initiatives, ''),
                      urban_share, urban_rural_six, denomination FROM published.school_summary""",
        )
    }
    truth = set()
    for period in SCHOOLS:
        header, rows = read_schools(period)
        home_area = next(place for place, name in enumerate(header) if name.startswith("Urban"))
        initiatives = next(place for place, name in enumerate(header) if name.startswith("Local initiatives"))
        for row in rows:
            share = "c" if row[home_area] == "*" else row[home_area]
            truth.add((period, f"{row[1]:.0f}", row[3], row[2], row[initiatives], share, row[-3], row[-1]))
    assert described == truth


@needs_real_data
def test_trace_of_a_school_figure_names_the_header_and_row_of_its_year(home: Path) -> None:
    headers = {"AY2019-20": "FTE Teachers", "AY2023-24": "Teachers (Full Time Equivalent) [Note 1]"}
    for period, header in headers.items():
        [cell] = query_lake(
            home,
            f"""SELECT _release_row, value, seed_code FROM published.school_summary
                WHERE council_code = 'ORK' AND period = '{period}' AND obs_status = 'A'
                  AND item = 'urn:lgdp:item:school-summary:teachers_fte' ORDER BY seed_code DESC LIMIT 1""",
        )
        trace = json.loads(
            run_lgdp(
                home, "trace", "published.school_summary.value", "--council", "ORK", "--period", period,
                "--row", str(cell["_release_row"]), "--format", "json",
            )
        )  # fmt: skip
        [submission] = trace["submissions"]
        own = [row for row in read_schools(period)[1] if row[0] == "Orkney Islands"]
        [row] = submission["rows"]

        assert [item["urn"] for item in trace["items"]] == ["urn:lgdp:item:school-summary:teachers_fte"]
        assert header in {column["header"] for column in trace["extract_columns"]}
        assert (f"{own[row - 3][1]:.0f}", own[row - 3][4]) == (cell["seed_code"], cell["value"])


def test_trace_of_a_count_names_item_contract_receipt_file_and_exactly_its_rows(home: Path) -> None:
    [cell] = query_lake(
        home,
        """SELECT _release_row, value, assessment_decision_code FROM published.hl1_counts
           WHERE council_code = 'FIF' AND period = 'FY2024-25-Q1'
             AND item = 'urn:lgdp:item:hl1:applications_by_decision' AND obs_status = 'A'
           ORDER BY value DESC LIMIT 1""",
    )
    trace = json.loads(
        run_lgdp(
            home, "trace", "published.hl1_counts.value", "--council", "Fife", "--period", "FY2024-25-Q1",
            "--row", str(cell["_release_row"]), "--format", "json",
        )
    )  # fmt: skip
    file = home / "simulator" / "councils" / "FIF" / "outgoing" / "hl1" / "HL1_2024-25_Q1.csv"
    with file.open(encoding="utf-8", newline="") as opened:
        rows = [
            number
            for number, row in enumerate(csv.DictReader(opened), 2)
            if row["ASSESS"] == cell["assessment_decision_code"]
        ]
    [submission] = trace["submissions"]
    [receipt] = submission["receipts"]

    assert trace["items"][0]["urn"] == "urn:lgdp:item:hl1:applications_by_decision"
    assert submission["contract_version"] == "1.0.0"
    assert receipt["file_name"] == file.name
    assert receipt["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert submission["rows"] == rows
    assert len(rows) == cell["value"]


def test_trace_of_a_waste_figure_names_its_record(home: Path) -> None:
    [cell] = query_lake(
        home,
        """SELECT period, _release_row, value, material, end_state FROM published.waste_material
           WHERE council_code = 'GLG' AND item = 'urn:lgdp:item:waste:tonnes' ORDER BY value DESC LIMIT 1""",
    )
    trace = json.loads(
        run_lgdp(
            home, "trace", "published.waste_material.value", "--council", "S12000049", "--period", cell["period"],
            "--row", str(cell["_release_row"]), "--format", "json",
        )
    )  # fmt: skip
    [submission] = trace["submissions"]
    [receipt] = submission["receipts"]
    content = (home / "lake" / "received" / receipt["sha256"][:2] / receipt["sha256"]).read_text(encoding="utf-8")
    records = [record for page in parse_documents(content) for record in page["records"]]
    [row] = submission["rows"]

    assert [item["urn"] for item in trace["items"]] == ["urn:lgdp:item:waste:tonnes"]
    assert [column["header"] for column in trace["extract_columns"]] == ["tonnes"]
    assert records[row - 1]["tonnes"] == cell["value"]
    assert (records[row - 1]["material"], records[row - 1]["endState"]) == (cell["material"], cell["end_state"])


def test_dagster_shows_the_state_of_each_council_and_period(home: Path) -> None:
    standings = json.loads(run_lgdp(home, "status", "--return", "HL1", "--format", "json"))
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        landed = instance.get_materialized_partitions(dg.AssetKey(["landed", "hl1"]))
        validated = instance.get_materialized_partitions(dg.AssetKey(["validated", "hl1"]))
        received = instance.get_materialized_partitions(dg.AssetKey(["received", "hl1"]))
        published = instance.get_materialized_partitions(dg.AssetKey(["published", "hl1"]))

    keys = {f"{standing['council']}|{standing['period']}" for standing in standings}
    assert received == landed == keys
    assert validated == {f"{standing['council']}|{standing['period']}" for standing in standings if standing["current"]}
    assert published == {"FY2024-25-Q1", "FY2024-25-Q2"}


def test_judgements_are_reproduced_with_the_same_findings_and_rows(home: Path) -> None:
    """Cases of all councils, with every planted mistake, and figures of three councils.

    ``lgdp reproduce --all`` reproduces all of them.
    """
    platform = Platform(Settings.from_folder(home))
    replayer = JudgementReplayer(platform)
    keys = {
        judgement_id: parse_submission_id(judgement_id)
        for judgement_id in platform.ledger.judgements.list_judged_submissions()
    }
    chosen = [
        judgement_id
        for judgement_id, key in keys.items()
        if key.return_code in {"HL1", "DHP"} or key.council_code in {"FIF", "GLG", "ORK"}
    ]
    reproductions = [
        reproduce_judgement(platform, replayer, find_judgement(platform.ledger, judgement_id))
        for judgement_id in chosen
    ]

    assert {
        (reproduction.comparison, reproduction.reason, reproduction.differences, reproduction.notes)
        for reproduction in reproductions
    } == {(ReproductionResult.IDENTICAL, "", (), ())}
    assert {reproduction.original.verdict for reproduction in reproductions} == set(Verdict)
    assert len(chosen) > 150
