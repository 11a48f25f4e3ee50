"""The life of a submission through the command line: nil, withdrawn, corrected and reminded, with the ledger's account.

ALLOTMENT accepts nil returns here, is due on 1 July for CY2023, and raises a query if plots fall by more than 10
percent from one year to the next. Every expected value was calculated from the rows written here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import CommandLine, CommandOutput, write_csv
from tests.support.contracts import DOES_NOT_FALL, allotment_v1, write_register

PUBLISHED = """SELECT council_code, period, value FROM published.allotment
               WHERE item = 'urn:lgdp:item:allotment:plots' ORDER BY ALL"""
JUDGEMENTS = "SELECT submission_id, number, verdict FROM ledger.judgement ORDER BY ALL"
HEADER = "Council,Site,Grade,Plots"


@dataclass(frozen=True)
class Life:
    """Output, published rows and status after each command."""

    lgdp: CommandLine
    first: list[dict[str, Any]]
    judged_at_first: list[dict[str, Any]]
    judged_after_correction: list[dict[str, Any]]
    nil: CommandOutput
    status_with_nil: list[dict[str, Any]]
    published_with_nil: list[dict[str, Any]]
    withdrawn: CommandOutput
    published_after: list[dict[str, Any]]
    status_after: list[dict[str, Any]]
    resubmission_output: CommandOutput
    published_at_last: list[dict[str, Any]]


def allotment_with_nil() -> dict[str, Any]:
    """Return the contract with nil returns, a due date of its own, and a rule over years."""
    changed_allotment = allotment_v1("1.0.0", "CY2022", DOES_NOT_FALL)
    changed_allotment["customProperties"] += [
        {"property": "lgdpNilReturn", "value": True},
        {"property": "lgdpDueDates", "value": {"CY2023": "2024-07-01"}},
    ]
    return changed_allotment


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    folder = tmp_path_factory.mktemp("life")
    lgdp = CommandLine(folder / "home", write_register(folder / "schemas", allotment_with_nil()))

    def rows(name: str, plots: int) -> Path:
        return write_csv(folder, name, HEADER, f"Fife,North,1,{plots}")

    fife = ("--council", "Fife", "--period")
    lgdp("submit", "ALLOTMENT", rows("a2022.csv", 100), *fife, "CY2022")
    lgdp("submit", "ALLOTMENT", rows("a2023.csv", 95), *fife, "CY2023")
    first, judged_at_first = lgdp.query_lake(PUBLISHED), lgdp.query_lake(JUDGEMENTS)
    lgdp("submit", "ALLOTMENT", rows("b2022.csv", 200), *fife, "CY2022")
    corrected = lgdp.query_lake(JUDGEMENTS)
    nil = lgdp("submit", "ALLOTMENT", "--nil", "--council", "GLG", "--period", "CY2023")
    status_with_nil, published_with_nil = lgdp("status", "--format", "json").rows, lgdp.query_lake(PUBLISHED)
    words = ("--reason", "Wrong sites", "--by", "A. Officer")
    withdrawn = lgdp("withdraw", "ALLOTMENT.FIF.CY2023.001", *words)
    published_after, status_after = lgdp.query_lake(PUBLISHED), lgdp("status", "--format", "json").rows
    resubmission = lgdp("submit", "ALLOTMENT", folder / "a2023.csv", *fife, "CY2023")
    return Life(
        lgdp, first, judged_at_first, corrected, nil, status_with_nil, published_with_nil, withdrawn,
        published_after, status_after, resubmission, lgdp.query_lake(PUBLISHED),
    )  # fmt: skip


def test_correction_of_a_year_causes_the_next_year_to_be_judged_again(life: Life) -> None:
    earlier, later = "ALLOTMENT.FIF.CY2022.001", "ALLOTMENT.FIF.CY2023.001"
    accepted = {"number": 1, "verdict": "accepted"}

    assert life.judged_at_first == [{"submission_id": earlier, **accepted}, {"submission_id": later, **accepted}]
    assert life.judged_after_correction == [
        {"submission_id": earlier, **accepted},
        {"submission_id": "ALLOTMENT.FIF.CY2022.002", **accepted},
        {"submission_id": later, **accepted},
        {"submission_id": later, "number": 2, "verdict": "queried"},
    ], "95 plots after 200 is a fall by more than 10 percent, after 100 it is not"


def test_nil_return_is_accepted_without_rows(life: Life) -> None:
    glasgow = next(standing for standing in life.status_with_nil if standing["council"] == "GLG")

    assert "ALLOTMENT.GLG.CY2023.001: accepted (0 rows" in life.nil.out
    assert (glasgow["state"], glasgow["answer"], glasgow["rows"]) == ("current", "nil", 0)
    assert {row["council_code"] for row in life.published_with_nil} == {"FIF"}


def test_withdrawn_submission_is_no_longer_published_and_no_earlier_one_returns(life: Life) -> None:
    fife = [
        (standing["period"], standing["state"], standing["current"])
        for standing in life.status_after
        if standing["council"] == "FIF"
    ]

    assert "ALLOTMENT.FIF.CY2023.001: withdrawn" in life.withdrawn.out
    assert [(row["period"], row["value"]) for row in life.published_with_nil] == [("CY2022", 200.0), ("CY2023", 95.0)]
    assert [(row["period"], row["value"]) for row in life.published_after] == [("CY2022", 200.0)]
    assert fife == [("CY2022", "current", "ALLOTMENT.FIF.CY2022.002"), ("CY2023", "withdrawn", None)]


def test_same_file_can_be_submitted_again_after_a_withdrawal(life: Life) -> None:
    assert "ALLOTMENT.FIF.CY2023.002: queried" in life.resubmission_output.out
    assert [(row["period"], row["value"]) for row in life.published_at_last] == [("CY2022", 200.0), ("CY2023", 95.0)]


def test_superseded_submission_cannot_be_withdrawn(life: Life) -> None:
    words = ("--reason", "Wrong", "--by", "A. Officer")
    refused = life.lgdp("withdraw", "ALLOTMENT.FIF.CY2022.001", *words, expect=1)
    assert "A later submission has replaced it" in refused.err


def test_ledger_accounts_for_each_received_byte(life: Life) -> None:
    account = life.lgdp("ledger", "--verify", "--format", "json")
    line = {"return": "ALLOTMENT", "receipts_are": "part"}
    file, larger = len(f"{HEADER}\nFife,North,1,95\n"), len(f"{HEADER}\nFife,North,1,100\n")
    declaration = len("The Glasgow City Council has nothing to report for ALLOTMENT CY2023.\n")

    assert account.rows == [
        {**line, "submissions_are": "current", "receipts": 3, "bytes": file + larger + declaration},
        {**line, "submissions_are": "superseded", "receipts": 1, "bytes": larger},
        {**line, "submissions_are": "withdrawn", "receipts": 1, "bytes": file},
    ]
    assert "The ledger balances" in account.err
    assert "are as they were received" in account.err


def test_lost_or_damaged_bytes_are_reported(life: Life) -> None:
    stored_file = next(path for path in (life.lgdp.home / "lake" / "received").rglob("*") if path.is_file())
    content = stored_file.read_bytes()
    stored_file.write_bytes(content[:-1])
    broken = life.lgdp("ledger", expect=1)
    stored_file.write_bytes(content[:-1] + b"?")
    damaged = life.lgdp("ledger", "--verify", expect=1)
    stored_file.write_bytes(content)

    assert "in the received bytes and" in broken.err
    assert f"{stored_file.name} is missing or differs from the bytes received" in damaged.err


def test_calendar_lists_due_periods_and_reminders_are_sent_once(life: Life) -> None:
    obligations = life.lgdp("calendar", "--council", "Fife", "--format", "json").rows
    by_period = {obligation["period"]: (obligation["due"], obligation["duty"]) for obligation in obligations}
    planned_reminders = life.lgdp("remind", "--dry-run", "--format", "json").rows
    reminders = life.lgdp("remind", "--format", "json").rows
    repeated_reminders = life.lgdp("remind", "--format", "json").rows
    letters = list((life.lgdp.home / "outbox" / "FIF" / "reminders").glob("*.txt"))

    assert "CY2023" not in by_period, "due more than a year ago"
    assert by_period["CY2025"] == ("2026-01-30", "late"), "30 days after the year's end"
    assert planned_reminders == reminders
    assert {
        reminder["stage"] for reminder in reminders if reminder["council"] == "FIF" and reminder["period"] == "CY2025"
    } == {"late_28"}
    assert repeated_reminders == []
    assert len(letters) == 1
    assert "ALLOTMENT (Allotment of councils) for CY2025 was due on 30 January 2026" in letters[0].read_text()
