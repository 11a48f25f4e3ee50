"""Synthetic rows keep to everything that a contract declares of its items."""

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.table_model import Item, ItemType, Range, Role
from lgdp_pipelines.simulator.extract_writers import write_extract
from lgdp_pipelines.simulator.synthetic_rows import (
    ROWS_PER_TABLE,
    RowRequest,
    generate_contract_rows,
    spell_council,
    spell_period,
)
from lgdp_pipelines.vocabulary.observation_status import ObservationStatus
from lgdp_pipelines.vocabulary.periods import (
    financial_quarter,
    parse_period,
    read_period,
)

PERIOD = financial_quarter(2024, 1)


def make_request(register: Register) -> RowRequest:
    """A request for Fife's rows of HL1."""
    return RowRequest(register, register.returns["HL1"].latest, register.councils.by_code["FIF"], PERIOD, seed=1)


@pytest.fixture
def contract_of(register: Register) -> Callable[..., Contract]:
    """HL1's contract with items of the test's own, after council and period."""

    def of(**changes: dict[str, Any]) -> Contract:
        base = register.returns["HL1"].latest
        item = base.tables[0].by_name["client_id"]
        council = replace(item, name="council", header="COUNCIL", role=Role.COUNCIL, required=True)
        period = replace(item, name="period_", header="PERIOD", role=Role.PERIOD, required=True)
        own = [replace(item, name=name, header=name.upper(), **change) for name, change in changes.items()]
        return replace(base, tables=(replace(base.tables[0], items=(council, period, *own)),))

    return of


@pytest.fixture
def rows_of(register: Register, contract_of: Callable[..., Contract]) -> Callable[..., list[dict[str, str]]]:
    """The rows that are made of a contract with these items, read back from its file."""

    def rows(seed: int = 1, **changes: dict[str, Any]) -> list[dict[str, str]]:
        contract = contract_of(**changes)
        fife = register.councils.by_code["FIF"]
        (file,) = write_extract(contract, generate_contract_rows(RowRequest(register, contract, fife, PERIOD, seed)))
        return list(csv.DictReader(io.StringIO(file.content.decode(), newline="")))

    return rows


def test_council_and_period_are_spelt_as_the_platform_reads_them(rows_of: Any, register: Register) -> None:
    for row in rows_of(a={}):
        council = register.councils.find(row["COUNCIL"])
        assert council is not None
        assert council.code == "FIF"
        assert read_period(row["PERIOD"], PERIOD.kind) == PERIOD


def test_keys_are_unique_and_filled(rows_of: Any) -> None:
    rows = rows_of(ref={"key": True, "required": True, "pattern": r"[A-Z]\d{2}"})
    assert len({row["REF"] for row in rows}) == len(rows) == ROWS_PER_TABLE
    assert all(re.fullmatch(r"[A-Z]\d{2}", row["REF"]) for row in rows)


def test_a_key_of_codes_gets_every_combination_once(rows_of: Any, register: Register) -> None:
    rows = rows_of(
        first={"key": True, "required": True, "code_list": "hl1-yes-no"},
        second={"key": True, "required": True, "code_list": "hl1-gender"},
    )
    assert len(rows) == 9
    assert {(row["FIRST"], row["SECOND"]) for row in rows} == {(a, b) for a in "123" for b in "123"}


def test_codes_are_valid_on_the_period_s_last_day(rows_of: Any) -> None:
    codes = {row["A"] for row in rows_of(a={"required": True, "code_list": "hl1-assess"})}
    assert codes <= {"1", "2", "4", "5", "7", "9", "10", "11", "12"}
    assert len(codes) > 3


def test_dates_lie_in_the_period_in_their_own_spelling(rows_of: Any) -> None:
    for row in rows_of(a={"required": True, "type": ItemType.DATE, "date_format": "dd/MM/yyyy"}):
        day = datetime.strptime(row["A"], "%d/%m/%Y").date()  # noqa: DTZ007 - a day
        assert PERIOD.start <= day <= PERIOD.end


def test_numbers_keep_to_bounds_and_digits(rows_of: Any) -> None:
    decimal = {"type": ItemType.DECIMAL, "precision": 4, "scale": 1, "required": True}
    rows = rows_of(
        a={"type": ItemType.INTEGER, "required": True, "range": Range(minimum="3", maximum="5")},
        b=decimal | {"range": Range(exclusive_minimum="0")},
        c=decimal | {"range": Range(minimum="-2.5", exclusive_maximum="-2.3")},
    )
    assert {row["A"] for row in rows} == {"3", "4", "5"}
    assert all(0 < Decimal(row["B"]) < 1000 and re.fullmatch(r"\d{1,3}\.\d", row["B"]) for row in rows)
    assert {row["C"] for row in rows} == {"-2.5", "-2.4"}


def test_texts_keep_to_their_length(rows_of: Any) -> None:
    rows = rows_of(a={"required": True, "max_length": 5}, b={"required": True, "min_length": 60})
    assert all(1 <= len(row["A"]) <= 5 and len(row["B"]) >= 60 for row in rows)


def test_only_optional_cells_are_sometimes_empty(rows_of: Any) -> None:
    rows = rows_of(a={"required": True}, b={})
    assert all(row["A"] for row in rows)
    assert 0 < sum(not row["B"] for row in rows) < len(rows)


def test_marks_for_missing_figures_are_used_now_and_then(rows_of: Any) -> None:
    marked = {"type": ItemType.INTEGER, "required": True, "marks": {"*": ObservationStatus.SUPPRESSED}}
    cells = {row["A"] for seed in range(8) for row in rows_of(seed, a=marked)}
    assert "*" in cells
    assert all(cell == "*" or cell.isdecimal() for cell in cells)


def test_the_same_seed_gives_the_same_rows(rows_of: Any) -> None:
    assert rows_of(3, a={}) == rows_of(3, a={})
    assert rows_of(3, a={}) != rows_of(4, a={})


def test_json_has_bare_figures_and_quoted_texts(register: Register) -> None:
    contract = register.returns["WASTE"].latest
    fife = register.councils.by_code["FIF"]
    (file,) = write_extract(
        contract, generate_contract_rows(RowRequest(register, contract, fife, parse_period("CY2017"), 1))
    )
    records = json.loads(file.content)["records"]
    kinds = {key: {type(record[key]) for record in records if key in record} for key in ("material", "tonnes", "co2e")}
    assert kinds == {"material": {str}, "tonnes": {float}, "co2e": {float}}
    assert len({(record["material"], record["endState"]) for record in records if "tonnes" in record}) == 66


def test_an_item_that_can_hold_no_spelling_of_a_council_is_an_error(register: Register) -> None:
    item: Item = replace(register.returns["HL1"].latest.tables[0].by_name["la_code"], pattern="[xyz]{9}")
    with pytest.raises(ValueError, match="No spelling fits"):
        spell_council(item, make_request(register))
    with pytest.raises(ValueError, match="No spelling fits"):
        spell_period(item, PERIOD)


def test_a_council_s_name_or_code_is_chosen_by_what_the_item_can_hold(register: Register) -> None:
    request = make_request(register)
    item = register.returns["HL1"].latest.tables[0].by_name["la_code"]
    assert spell_council(item, request) == "Fife"
    assert spell_council(replace(item, pattern=r"S12\d{6}"), request) == "S12000047"
    assert spell_council(replace(item, pattern=r"\d{3}"), request) == "250"
    assert spell_council(replace(item, max_length=3), request) == "250"
