"""``lgdp validate`` on a council's own machine gives the same result as the platform."""

import csv as csv_files
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lgdp_pipelines.register.rules.contract_rules import list_rules
from tests.support.command_line import CommandLine, CommandOutput
from tests.support.contracts import PROJECT
from tests.support.shipped_register import copy_shipped_returns, shipped_register

SAMPLE = PROJECT / "data" / "samples" / "hl1_FIF_FY2024-25-Q1.csv"
SCOPE = ("--council", "Fife", "--period", "FY2024-25-Q1")

SECRETS = {"APPREF": "ZZ-REF-987654", "DOB": "31021987", "POSTCODE": "QQ9 XX", "ASSESS": "QV", "LACODE": "260"}
"""Cells of the bad file: a repeated key, a date that does not exist, an unknown code, another council's code."""


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A register with the shipped contract of HL1 alone."""
    return copy_shipped_returns(tmp_path_factory.mktemp("register"), "hl1")


@pytest.fixture
def lgdp(tmp_path: Path, schemas: Path) -> CommandLine:
    return CommandLine(tmp_path / "home", schemas)


def write_changed_sample(file: Path, change: Callable[[list[dict[str, str]]], None]) -> Path:
    """Write the sample with changed cells, and return its path."""
    with SAMPLE.open(encoding="utf-8", newline="") as stream:
        rows = list(csv_files.DictReader(stream))
    change(rows)
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv_files.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    def spoil(rows: list[dict[str, str]]) -> None:
        rows[0]["APPREF"] = rows[1]["APPREF"] = SECRETS["APPREF"]
        rows[3]["DOB"] = SECRETS["DOB"]
        rows[4]["ASSESS"] = SECRETS["ASSESS"]
        rows[6]["LACODE"] = SECRETS["LACODE"]

    return write_changed_sample(tmp_path / "bad.csv", spoil)


UNREADABLE = {
    "nothing": b"",
    "a workbook": b"PK\x03\x04" + bytes(range(256)),
    "a quotation without end": SAMPLE.read_bytes() + b'250,"ZZ-REF-987654\n',
}


def test_good_file_is_accepted(lgdp: CommandLine) -> None:
    output = lgdp("validate", "HL1", SAMPLE, *SCOPE)

    assert "accepted" in output.out
    assert "25 rows" in output.out


def test_bad_file_is_rejected_with_each_rule_and_row_and_without_any_cell(lgdp: CommandLine, bad: Path) -> None:
    output = lgdp("validate", "HL1", bad, *SCOPE, expect=1)

    assert "rejected" in output.out
    for rule in ("hl1.dob.type", "hl1.assess.codes", "hl1.lacode.council"):
        assert any(rule in line for line in output.out.splitlines()), (rule, output.out)
    assert_repeats_nothing(output)


def assert_repeats_nothing(output: CommandOutput) -> None:
    words = set((output.out + output.err).replace("“", " ").replace("”", " ").split())
    assert not words & {SECRETS["APPREF"], SECRETS["DOB"], SECRETS["ASSESS"]}


@pytest.mark.parametrize("content", UNREADABLE)
def test_unreadable_file_exits_with_2_and_advice(lgdp: CommandLine, tmp_path: Path, content: str) -> None:
    file = tmp_path / "extract.csv"
    file.write_bytes(UNREADABLE[content])

    output = lgdp("validate", "HL1", file, *SCOPE, expect=2)

    assert "extract.csv" in output.err
    assert "→ Export it again as CSV in utf-8" in output.err
    assert_repeats_nothing(output)


def test_json_format_prints_only_json_of_the_agreed_shape(lgdp: CommandLine, bad: Path) -> None:
    output = lgdp("validate", "HL1", bad, *SCOPE, "--format", "json", expect=1)
    result = json.loads(output.out)

    assert_shape(result)
    assert (result["verdict"], result["rows"]) == ("rejected", 25)
    assert output.err == ""


def assert_shape(result: dict[str, Any]) -> None:
    """Check that the output has exactly the agreed members."""
    contract = shipped_register().returns["HL1"].latest
    assert list(result) == ["verdict", "rows", "findings", "rules", "repairs"]
    for finding in result["findings"]:
        assert list(finding) == ["rule", "severity", "item", "sheet", "row", "column", "message"]
    assert [rule_result["rule"] for rule_result in result["rules"]] == [rule.id for rule in list_rules(contract)]
    for rule_result in result["rules"]:
        assert list(rule_result) == ["rule", "result", "failed"]
        assert rule_result["result"] in ("passed", "failed", "not_run")
    failed = {rule_result["rule"]: rule_result["failed"] for rule_result in result["rules"] if rule_result["failed"]}
    listed = [finding["rule"] for finding in result["findings"]]
    assert failed == {rule: listed.count(rule) for rule in listed}


def test_json_of_a_good_and_of_an_unreadable_file_has_the_same_shape(lgdp: CommandLine, tmp_path: Path) -> None:
    unreadable = tmp_path / "extract.csv"
    unreadable.write_bytes(UNREADABLE["a workbook"])
    good = json.loads(lgdp("validate", "HL1", SAMPLE, *SCOPE, "--format", "json").out)
    broken = json.loads(lgdp("validate", "HL1", unreadable, *SCOPE, "--format", "json", expect=2).out)

    assert_shape(good)
    assert (good["verdict"], good["rows"], good["findings"]) == ("accepted", 25, [])
    assert_shape(broken)
    assert (broken["verdict"], broken["rows"]) == ("rejected", 0)
    assert {finding["rule"] for finding in broken["findings"]} == {"hl1.readable"}


def test_csv_format_lists_findings_for_a_spreadsheet(lgdp: CommandLine, bad: Path) -> None:
    output = lgdp("validate", "HL1", bad, *SCOPE, "--format", "csv", expect=1)
    rows = list(csv_files.DictReader(output.out.splitlines()))

    assert {(row["rule"], row["row"]) for row in rows} >= {("hl1.dob.type", "5"), ("hl1.lacode.council", "8")}
    assert output.err == ""


def test_platform_reports_the_same_findings_in_the_same_words(lgdp: CommandLine, bad: Path) -> None:
    offline = json.loads(lgdp("validate", "HL1", bad, *SCOPE, "--format", "json", expect=1).out)
    assert not lgdp.home.exists()

    lgdp("submit", "HL1", bad, *SCOPE, expect=1)
    findings = lgdp.query_lake('SELECT rule, severity, item, sheet, "row", "column", message FROM judged.finding')
    results = lgdp.query_lake("SELECT rule, result, failed FROM ledger.rule_result")

    assert len(findings) >= 4
    assert sort_rows(findings) == sort_rows(offline["findings"])
    assert sort_rows(results) == sort_rows(offline["rules"])


def sort_rows(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def test_rows_are_numbered_as_in_a_spreadsheet(lgdp: CommandLine, bad: Path) -> None:
    result = json.loads(lgdp("validate", "HL1", bad, *SCOPE, "--format", "json", expect=1).out)["findings"]
    places = {(finding["rule"], finding["row"], finding["column"]) for finding in result}

    assert places == {
        ("hl1.application.key", 3, "APPREF"),
        ("hl1.dob.type", 5, "DOB"),
        ("hl1.assess.codes", 6, "ASSESS"),
        ("hl1.lacode.council", 8, "LACODE"),
    }


@pytest.mark.parametrize(
    ("words", "expected_word"),
    [
        (("HL1", "nowhere.csv", *SCOPE), "nowhere.csv"),
        (("HL1", ".", *SCOPE), "folder"),
        (("HL9", SAMPLE, *SCOPE), "HL9"),
        (("HL1", SAMPLE, "--council", "Narnia", "--period", "FY2024-25-Q1"), "Narnia"),
        (("HL1", SAMPLE, "--council", "Fife", "--period", "soon"), "soon"),
        (("HL1", SAMPLE, "--council", "Fife", "--period", "CY2024"), "CY2024"),
        (("HL1", SAMPLE, "--council", "Fife", "--period", "FY1990-91-Q1"), "FY1990-91-Q1"),
        (("HL1", SAMPLE, SAMPLE, *SCOPE), "hl1"),
        (("HL1", SAMPLE, "--council", "Fife"), "--period"),
        (("HL1", SAMPLE, *SCOPE, "--format", "xml"), "xml"),
    ],
)
def test_wrong_use_exits_with_2_and_names_the_error(
    lgdp: CommandLine, words: tuple[str | Path, ...], expected_word: str
) -> None:
    output = lgdp("validate", *words, expect=2)

    assert expected_word in output.err
    assert len(output.err) > len(expected_word) + 20
    assert not output.out or "--format" not in words


def test_validate_writes_nothing_into_home(lgdp: CommandLine, bad: Path) -> None:
    lgdp("validate", "HL1", SAMPLE, *SCOPE)
    lgdp("validate", "HL1", bad, *SCOPE, expect=1)
    lgdp("validate", "HL1", "nowhere.csv", *SCOPE, expect=2)

    assert not lgdp.home.exists()
