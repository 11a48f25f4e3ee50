"""The shipped register against files that its publishers wrote; passed over where those files are not at hand."""

import csv
import json
from collections import Counter
from decimal import Decimal
from statistics import median

import pytest

from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.table_model import ItemType, Role, Table
from lgdp_pipelines.vocabulary.periods import read_period
from tests.support.real_data import REAL_DATA, needs_real_data
from tests.support.shipped_register import shipped_register

PEOPLE = REAL_DATA / "phs-social-care" / "data_people_supported_client_group.csv"
WASTE = REAL_DATA / "waste" / "household-waste-dx-data.json"
NAMES = REAL_DATA / "la-registers" / "name.tsv"

pytestmark = needs_real_data


@pytest.fixture(scope="module")
def register() -> Register:
    return shipped_register()


def list_refused_headers(register: Register, table: Table, kind: str, rows: list[dict[str, str]]) -> set[str]:
    """Headers of items whose cells the contract would not take, but for national totals."""
    period_kind = register.returns[kind].latest.period_kind
    headers = set()
    for row in rows:
        council = table.list_items_of_role(Role.COUNCIL)[0].header
        if row[council].startswith("Scotland"):
            continue
        for item in table.items:
            text = row[item.header]
            if item.role is Role.COUNCIL:
                taken = register.councils.find(text) is not None
            elif item.role is Role.PERIOD:
                taken = read_period(text, period_kind) is not None
            elif item.code_list:
                taken = text in register.code_lists[item.code_list].by_code
            elif item.type is ItemType.INTEGER:
                taken = int(text) >= 0
            else:
                number = Decimal(text)
                places = -int(number.as_tuple().exponent)
                taken = number >= 0 and (
                    item.type is ItemType.NUMBER
                    or (places <= item.scale and number < 10 ** (item.precision - item.scale))
                )
            if not taken:
                headers.add(item.header)
    return headers


def test_every_real_row_of_people_supported_is_taken(register: Register) -> None:
    with PEOPLE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    table = register.returns["PEOPLE-SUPPORTED"].latest.tables[0]
    assert len(rows) == 15631
    assert list(rows[0]) == [item.header for item in table.items]
    assert list_refused_headers(register, table, "PEOPLE-SUPPORTED", rows) == set()


def test_every_real_record_of_waste_is_taken_by_one_table(register: Register) -> None:
    records = json.loads(WASTE.read_text(encoding="utf-8"))
    taken = 0
    for table in register.returns["WASTE"].latest.tables:
        own_records = [
            {key: str(value) for key, value in record.items()} for record in records if table.record_key in record
        ]
        assert all(set(record) == {item.header for item in table.items} for record in own_records)
        assert list_refused_headers(register, table, "WASTE", own_records) == set()
        taken += len(own_records)
    assert taken == len(records) == 17490


def test_real_misspellings_mean_a_council(register: Register) -> None:
    with NAMES.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    code_column, name_column = "local-authority", "name"
    scottish = [row for row in rows if row[code_column].startswith("local-authority-sct:")]
    assert scottish
    wrong = {
        row[name_column]
        for row in scottish
        if (found := register.councils.find(row[name_column])) is None
        or found.code != row[code_column].removeprefix("local-authority-sct:")
    }
    assert wrong == set()


def test_the_population_is_that_which_the_real_waste_figures_were_divided_by(register: Register) -> None:
    """Tonnes divided by tonnes per citizen give the people of each council and year back, whoever rounded them."""
    people = {(council, year): int(count) for council, year, count in _rows(register, "council-population")}
    real: dict[tuple[str, str], list[float]] = {}
    for record in json.loads(WASTE.read_text(encoding="utf-8")):
        council = register.councils.find(record["area"])
        if council is not None and record.get("tonnesPerCitizen"):
            ratio = record["tonnes"] / record["tonnesPerCitizen"]
            real.setdefault((council.code, str(record["year"])), []).append(ratio)
    assert len(real) == 32 * 8
    assert {
        council_code for council_code, ratios in real.items() if abs(median(ratios) / people[council_code] - 1) > 0.001
    } == set()


def _rows(register: Register, table: str) -> tuple[tuple[str, ...], ...]:
    return register.reference[table].latest.rows


def test_family_groups_are_of_eight_councils_and_reference_tables_know_all_councils(register: Register) -> None:
    groups = Counter((indicator, group) for indicator, _, group in _rows(register, "lgbf-family-groups"))
    assert set(groups.values()) == {8}
    assert len(groups) == 28
    for table in ("council-population", "council-households"):
        places = {(council, year) for council, year, _ in _rows(register, table)}
        assert places == {(council.code, str(year)) for council in register.councils for year in range(2011, 2020)}
