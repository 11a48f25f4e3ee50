"""What validation finds on real public files is what is written down, and what plain Python finds in them."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.settings import PROJECT
from tests.real.plain_rules import PLAIN
from tests.real.real_judgements import Found, judge_return

WRITTEN = PROJECT / "docs" / "real-data-findings.csv"


@pytest.fixture(scope="module")
def documented_findings() -> list[Found]:
    with WRITTEN.open(encoding="utf-8", newline="") as lines:
        return [
            (row["rule"], row["council"], row["period"], row["item"], int(row["row"])) for row in csv.DictReader(lines)
        ]


@pytest.mark.parametrize("return_code", PLAIN)
def test_the_documented_findings_are_those_of_the_publisher_s_files(
    return_code: str, documented_findings: list[Found], real_data: Path, register: Register
) -> None:
    slug = register.returns[return_code].slug
    so = [
        (place.rule, register.councils.require(place.council).code, place.period, place.row)
        for place in PLAIN[return_code](real_data)
    ]
    judged_findings = [
        (rule, council, period, row)
        for rule, council, period, _, row in documented_findings
        if rule.startswith(f"{slug}.")
    ]
    assert Counter(judged_findings) == Counter(so)


@pytest.mark.parametrize(
    ("return_code", "councils"), [("PEOPLE-SUPPORTED", ["RFW"]), ("WASTE", ["ZET"]), ("SCHOOL-LIST", ["EDU", "ELS"])]
)
def test_validation_reports_the_documented_findings(
    return_code: str,
    councils: list[str],
    documented_findings: list[Found],
    real_data: Path,
    register: Register,
    tmp_path: Path,
) -> None:
    slug = register.returns[return_code].slug
    outcome = judge_return(register, return_code, real_data, tmp_path, councils)
    assert outcome.found == sorted(
        row for row in documented_findings if row[0].startswith(f"{slug}.") and row[1] in councils
    )
    assert outcome.failed == Counter(rule for rule, *_ in outcome.found)
    assert outcome.verdicts["rejected"] == 0
    assert outcome.found


def test_the_page_lists_every_broken_rule_with_its_count(documented_findings: list[Found]) -> None:
    page = (PROJECT / "docs" / "real-data-findings.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| `")
    ]
    assert {row[0].strip("`"): int(row[1].replace(",", "")) for row in rows} == Counter(
        rule for rule, *_ in documented_findings
    )
    assert {row[2] for row in rows} == {"right"}
