"""Reports in each of their formats, worked out by hand for small submissions."""

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgdp_pipelines.handover.findings import FINDING_SCHEMA
from lgdp_pipelines.handover.judgement_values import Repair, RepairKind, RuleOutcome
from lgdp_pipelines.ledger.submission_records import Receipt, ReceiptState
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.reporting.report_content import (
    ExpectedFileName,
    Report,
    ReportedJudgement,
    ReportedStatus,
    UnplacedFileNote,
)
from lgdp_pipelines.reporting.report_formats import (
    CSV_COLUMNS,
    FINDINGS_JSON,
    PAGE,
    build_report_document,
    format_findings_csv,
    format_notes_text,
    format_report_text,
    hash_report,
    render_note_page,
    render_report_files,
    render_report_page,
)
from lgdp_pipelines.reporting.report_texts import write_headline, write_next_steps, write_summary
from lgdp_pipelines.reporting.wording import find_row_ranges, format_rows, sanitise_name
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import calendar_year
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Severity, Verdict
from tests.support import small_lakehouse

CAME = datetime(2024, 1, 10, 9, 30, tzinfo=UTC)
FIFE = Council("FIF", "Fife", "Fife Council", "S12000047", None, "250", "18", "x", (), "READ")
MATERIAL = "bins.material.columns"
TONNES = "bins.tonnes.type"
EXTRA = "bins.material.extra_columns"


@pytest.fixture(scope="module")
def bins() -> Contract:
    return small_lakehouse.contract(
        "BINS",
        small_lakehouse.Version(1, 0, 0),
        "CY2023",
        small_lakehouse.PeriodKind.CALENDAR_YEAR,
        small_lakehouse.bins(),
    )


def receipt(name: str = "bins.csv") -> Receipt:
    return Receipt(
        id=7, received_at=CAME, state=ReceiptState.PART, return_code="BINS", council_code="FIF", period="CY2023",
        table=None, file_name=name, size=1234, sha256="a" * 64, transport="sftp", source="s", account="fif", path=name,
        modified=None, etag=None, reason="", submission_id="BINS.FIF.CY2023.002", duplicate_of=None,
    )  # fmt: skip


def finding(contract: Contract, rule: str, row: int | None, column: str | None, message: str = "") -> dict[str, object]:
    declared = next(candidate for candidate in list_rules(contract) if candidate.id == rule)
    return {
        "rule": rule, "severity": str(declared.severity), "table": declared.table or None, "item": None, "sheet": None,
        "row": row, "column": column, "message": message or f"Not met: {declared.title}. {declared.guidance}",
    }  # fmt: skip


def report(
    contract: Contract,
    verdict: Verdict,
    findings: Sequence[dict[str, object]] = (),
    *,
    current: str | None = None,
    state: str = "rejected",
    name: str = "bins.csv",
    preliminary: bool = False,
    late: bool = False,
    not_run: Sequence[str] = (),
) -> Report:
    counts: dict[str, int] = {}
    for broken in findings:
        counts[str(broken["rule"])] = counts.get(str(broken["rule"]), 0) + 1
    outcomes = tuple(
        RuleOutcome.not_run(rule, "No earlier period.")
        if rule.id in not_run
        else RuleOutcome.from_count(rule, counts.get(rule.id, 0))
        for rule in list_rules(contract)
    )
    return Report(
        contract, FIFE, calendar_year(2023), [receipt(name)],
        judgement=ReportedJudgement(
            verdict, outcomes, pl.DataFrame(list(findings), schema=FINDING_SCHEMA), {"material": 12, "money": 1}, CAME
        ),
        status=ReportedStatus("BINS.FIF.CY2023.002", state, preliminary, late, current),
    )  # fmt: skip


class Tags(HTMLParser):
    """Which tags a page really has, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


@pytest.mark.parametrize(
    ("rows", "result"),
    [
        ([], ""),
        ([4], "row 4"),
        ([4, 5], "rows 4–5"),
        ([9, 4, 7, 8, 12, 4], "rows 4, 7–9 and 12"),
    ],
)
def test_rows_read_as_a_person_would_say_them(rows: list[int], result: str) -> None:
    assert format_rows(rows) == result


@given(st.sets(st.integers(1, 60)))
def test_ranges_hold_each_row_and_no_other(rows: set[int]) -> None:
    assert [row for first, last in find_row_ranges(rows) for row in range(first, last + 1)] == sorted(rows)


def test_findings_are_grouped_by_rule_and_addressed_as_in_the_file(bins: Contract) -> None:
    findings = [finding(bins, TONNES, row, "Tonnes (t)") for row in (3, 4, 5, 9)]
    result = report(bins, Verdict.REJECTED, [*findings, finding(bins, EXTRA, None, "Notes", "Column 4 is none.")])

    assert [(broken.rule, broken.failed) for broken in result.broken_rules] == [(TONNES, 4), (EXTRA, 1)]
    assert [(place.column, place.rows, place.note) for place in result.broken_rules[0].places] == [
        ("Tonnes (t)", "rows 3–5 and 9", "")
    ]
    assert [(place.column, place.rows, place.note) for place in result.broken_rules[1].places] == [
        ("Notes", "", "Column 4 is none.")
    ]
    page_text = Tags(render_report_page(result)).text
    for words in ("rows 3–5 and 9", "Tonnes (t)", "must be corrected", "please confirm or explain", "4 places"):
        assert words in page_text, words


@pytest.mark.parametrize(
    ("verdict", "current", "state", "says"),
    [
        (Verdict.REJECTED, None, "rejected", "Until then there are no figures of yours for CY2023."),
        (Verdict.REJECTED, "BINS.FIF.CY2023.001", "rejected", "BINS.FIF.CY2023.001, stays in place"),
        (Verdict.REJECTED, "BINS.FIF.CY2023.002", "current", "It was accepted before"),
        (Verdict.ACCEPTED, "BINS.FIF.CY2023.002", "current", "next release"),
        (Verdict.ACCEPTED, "BINS.FIF.CY2023.003", "superseded", "BINS.FIF.CY2023.003, has taken its place"),
        (Verdict.ACCEPTED, None, "withdrawn", "You have taken this submission back"),
    ],
)
def test_next_steps_name_the_current_submission(
    bins: Contract, verdict: Verdict, current: str | None, state: str, says: str
) -> None:
    findings = [finding(bins, TONNES, 3, "TONNES")] if verdict is Verdict.REJECTED else []
    steps = list(write_next_steps(report(bins, verdict, findings, current=current, state=state)))

    assert any(says in step for step in steps), steps


def test_headline_and_summary_give_the_verdict_in_plain_words(bins: Contract) -> None:
    findings = [finding(bins, TONNES, 3, "TONNES"), finding(bins, EXTRA, None, "x")]

    assert write_headline(report(bins, Verdict.ACCEPTED)) == "Accepted"
    assert write_headline(report(bins, Verdict.QUERIED, findings[1:])) == "Accepted, with questions"
    assert write_summary(report(bins, Verdict.REJECTED, findings)).startswith("1 place must be corrected")
    assert "also 1 question" in write_summary(report(bins, Verdict.REJECTED, findings))


def test_next_steps_give_the_due_day(bins: Contract) -> None:
    punctual_report, late_report = report(bins, Verdict.ACCEPTED), report(bins, Verdict.ACCEPTED, late=True)

    assert any("due by 28 January 2024" in step for step in write_next_steps(punctual_report))
    assert any("came late" in step for step in write_next_steps(late_report))


def test_json_is_shaped_as_validate_writes_it(bins: Contract) -> None:
    result = build_report_document(report(bins, Verdict.REJECTED, [finding(bins, TONNES, 3, "TONNES")]))

    assert result["verdict"] == "rejected"
    assert result["rows"] == 13
    findings = result["findings"]
    assert isinstance(findings, list)
    assert findings[0].items() >= {"rule": TONNES, "severity": "error", "row": 3, "column": "TONNES"}.items()
    assert json.loads(render_report_files(report(bins, Verdict.ACCEPTED))["findings.json"])["findings"] == []


def test_each_rule_has_its_result_in_the_contracts_order(bins: Contract) -> None:
    result = build_report_document(report(bins, Verdict.ACCEPTED, not_run=[TONNES]))
    rules = result["rules"]

    assert isinstance(rules, list)
    assert [rule["rule"] for rule in rules] == [rule.id for rule in list_rules(bins)]
    assert [rule["reason"] for rule in rules if rule["result"] == RuleResult.NOT_RUN] == ["No earlier period."]


def test_csv_has_a_line_for_each_finding(bins: Contract) -> None:
    result = report(bins, Verdict.REJECTED, [finding(bins, TONNES, 3, "TONNES"), finding(bins, TONNES, 4, "TONNES")])
    rows = list(csv.DictReader(io.StringIO(format_findings_csv(result).removeprefix("\ufeff"))))

    assert list(rows[0]) == list(CSV_COLUMNS)
    assert [(row["rule"], row["row"], row["column"]) for row in rows] == [
        (TONNES, "3", "TONNES"),
        (TONNES, "4", "TONNES"),
    ]
    assert all(row["what_to_do"] for row in rows)


def test_page_fetches_and_runs_nothing(bins: Contract) -> None:
    result = report(bins, Verdict.REJECTED, [finding(bins, TONNES, 3, "TONNES")])
    page = render_report_page(result)
    tags = Tags(page)

    assert not {"script", "img", "link", "iframe", "form", "object", "base"} & set(tags.tags)
    assert not [name for name in tags.attributes if name.startswith("on") or name in {"src", "href"}]
    assert "url(" not in page
    assert '<html lang="en-GB">' in page


@given(name=st.text(min_size=1, max_size=30), header=st.text(min_size=1, max_size=30))
def test_hostile_names_stay_text_in_every_form(bins: Contract, name: str, header: str) -> None:
    findings = [finding(bins, TONNES, 3, header), finding(bins, EXTRA, None, header, "Look.")]
    first_report = report(
        bins, Verdict.REJECTED, [finding(bins, TONNES, 3, "H"), finding(bins, EXTRA, None, "H", "Look.")]
    )
    result = report(bins, Verdict.REJECTED, findings, name=name)

    assert Tags(render_report_page(result)).tags == Tags(render_report_page(first_report)).tags
    for cell in next(csv.reader(io.StringIO(format_findings_csv(result).split("\r\n", 1)[1]))):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert len(format_report_text(result).splitlines()) == len(format_report_text(first_report).splitlines())


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\u202egnp.csv", "a\ufffdgnp.csv"), ("two\nlines", "two lines"), ("bell\a", "bell\ufffd"), ("é ü", "é ü")],
)
def test_names_from_outside_stay_on_one_readable_line(name: str, shown: str) -> None:
    assert sanitise_name(name) == shown


def test_same_report_on_another_day_is_the_same(bins: Contract) -> None:
    result = report(bins, Verdict.QUERIED, [finding(bins, EXTRA, None, "x")])
    second_report = replace(result, judgement=replace(result.judgement, judged_at=datetime(2024, 1, 12, tzinfo=UTC)))

    assert hash_report(result) == hash_report(second_report)
    assert hash_report(result) != hash_report(report(bins, Verdict.ACCEPTED))


def test_a_rule_that_the_contract_no_longer_has_is_described_by_its_findings(bins: Contract) -> None:
    result = report(bins, Verdict.REJECTED, [finding(bins, TONNES, 3, "TONNES")])
    findings = pl.DataFrame([finding(bins, TONNES, 3, "TONNES") | {"rule": "bins.gone"}], schema=FINDING_SCHEMA)
    judgement = replace(result.judgement, outcomes=(RuleOutcome("bins.gone", RuleResult.FAILED, 1),), findings=findings)
    report_on_removed_rule = Report(
        bins, FIFE, result.period, result.receipts, judgement=judgement, status=result.status
    )

    assert [
        (broken.rule, broken.severity, broken.places[0].rows) for broken in report_on_removed_rule.broken_rules
    ] == [("bins.gone", Severity.ERROR, "row 3")]
    assert re.search(r"bins\.gone", render_report_page(report_on_removed_rule))


def test_note_says_why_and_which_name_to_use() -> None:
    doc = replace(receipt("<b>what.doc"), state=ReceiptState.UNRECOGNISED, reason="The name says nothing.")
    note = UnplacedFileNote(FIFE, doc, (ExpectedFileName("HL1", "Homelessness", "out/hl1", "HL1_2024-25_Q1.csv"),))

    page = Tags(render_note_page(note))
    assert "b" not in page.tags
    for words in ("The name says nothing.", "HL1_2024-25_Q1.csv", "<b>what.doc", "out/hl1"):
        assert words in page.text
    assert "HL1_2024-25_Q1.csv" in format_notes_text([note])


REPAIRS = (
    Repair("material", "urn:lgdp:item:bins:bags", RepairKind.NUMBER, 1_234),
    Repair("material", "urn:lgdp:item:bins:material", RepairKind.ALIAS, 1),
)


def repaired_report(bins: Contract) -> Report:
    plain_report = report(bins, Verdict.ACCEPTED, state="current")
    return replace(plain_report, judgement=replace(plain_report.judgement, repairs=REPAIRS))


def test_page_text_and_json_list_repairs_in_the_contracts_order(bins: Contract) -> None:
    result = repaired_report(bins)
    lines = [
        "Material: 1 cell read as the code with that alias",
        "Bags: 1,234 cells brought into the contract's form of numbers",
    ]
    files = render_report_files(result)
    page = Tags(files[PAGE].decode()).text
    text = format_report_text(result)
    assert all(line in page and line in text for line in lines)
    assert text.index(lines[0]) < text.index(lines[1])
    assert json.loads(files[FINDINGS_JSON])["repairs"] == [
        {"table": "material", "item": "urn:lgdp:item:bins:bags", "kind": "number", "cells": 1234},
        {"table": "material", "item": "urn:lgdp:item:bins:material", "kind": "alias", "cells": 1},
    ]


def test_without_repairs_a_report_has_no_section_about_them(bins: Contract) -> None:
    plain_report = report(bins, Verdict.ACCEPTED, state="current")
    assert "spelling" not in format_report_text(plain_report)
    assert "spelling" not in Tags(render_report_files(plain_report)[PAGE].decode()).text
    assert hash_report(plain_report) != hash_report(repaired_report(bins))
