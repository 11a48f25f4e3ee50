"""Reminders by stage of an obligation, and their texts."""

import csv
import io
from datetime import date

import pytest

from lgdp_pipelines.ledger.obligations import LatestOutcome, Obligation, ObligationState
from lgdp_pipelines.register.files.notification_file import Notices, Reminders
from lgdp_pipelines.reporting.reminder_schedule import build_reminder_files, build_reminder_notice, plan_reminders
from lgdp_pipelines.reporting.spreadsheet_safety import unescape_formulas
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import parse_period

DUE = date(2024, 7, 28)
NOTICES = Notices(Reminders(days_before=(14, 3), days_late=(1, 7, 28)))
SUBMISSION = "HL1.FIF.FY2024-25-Q1.002"
FIFE = Council("FIF", "Fife", "Fife Council", "S12000047", None, "250", "16", "GB-LAS-FIF", (), "READ")


def owed(
    state: ObligationState, latest_outcome: LatestOutcome = LatestOutcome.NOTHING, **changed: object
) -> Obligation:
    values: dict[str, object] = {
        "return_code": "HL1", "council_code": "FIF", "period": parse_period("FY2024-25-Q1"), "due": DUE, "state": state,
        "latest_outcome": latest_outcome, "days_late": 0, "is_early": False, "submission_id": None, "current_id": None,
        "received_on": None, "open_query_count": 0,
    }  # fmt: skip
    return Obligation(**(values | changed))  # type: ignore[arg-type]


def list_texts(obligation: Obligation, today: date) -> list[tuple[str, str]]:
    return [
        (reminder.record.stage, reminder.text)
        for reminder in plan_reminders([obligation], {"HL1": "Homelessness"}, NOTICES, today)
    ]


@pytest.mark.parametrize(
    ("today", "stage", "text"),
    [
        (date(2024, 7, 13), None, ""),
        (date(2024, 7, 14), "due_in_14", "HL1 (Homelessness) for FY2024-25-Q1 is due on 28 July 2024, in 14 days."),
        (date(2024, 7, 24), "due_in_14", "HL1 (Homelessness) for FY2024-25-Q1 is due on 28 July 2024, in 4 days."),
        (date(2024, 7, 25), "due_in_3", "HL1 (Homelessness) for FY2024-25-Q1 is due on 28 July 2024, in 3 days."),
        (date(2024, 7, 27), "due_in_3", "HL1 (Homelessness) for FY2024-25-Q1 is due on 28 July 2024, in 1 day."),
    ],
)
def test_before_the_due_day_each_stage_is_reached_once(today: date, stage: str | None, text: str) -> None:
    assert list_texts(owed(ObligationState.OPEN), today) == ([(stage, text)] if stage else [])


@pytest.mark.parametrize(("days_late", "stage"), [(1, "late_1"), (6, "late_1"), (7, "late_7"), (200, "late_28")])
def test_after_the_due_day_the_last_stage_reached_is_reminded(days_late: int, stage: str) -> None:
    reminders = list_texts(owed(ObligationState.LATE, days_late=days_late), date(2025, 1, 1))
    assert [reached for reached, _ in reminders] == [stage]
    assert f"was due on 28 July 2024 and is {days_late} day" in reminders[0][1]


def test_on_the_due_day_the_text_says_today() -> None:
    assert list_texts(owed(ObligationState.DUE_TODAY), DUE) == [
        ("due_today", "HL1 (Homelessness) for FY2024-25-Q1 is due today.")
    ]


def test_a_rejection_is_reminded_from_the_next_day_on() -> None:
    obligation = owed(
        ObligationState.DONE, LatestOutcome.REJECTED, submission_id=SUBMISSION, received_on=date(2024, 7, 20)
    )
    assert list_texts(obligation, date(2024, 7, 20)) == [], "its report went on that day"
    reminders = plan_reminders([obligation], {"HL1": "Homelessness"}, NOTICES, date(2024, 7, 21))
    assert [(reminder.record.stage, reminder.record.submission_id) for reminder in reminders] == [
        ("rejected", SUBMISSION)
    ]
    assert "What was accepted before still stands." in reminders[0].text


def test_a_reminder_of_open_queries_names_the_current_submission() -> None:
    obligation = owed(
        ObligationState.DONE, LatestOutcome.QUERIED, submission_id=SUBMISSION, open_query_count=1,
        current_id="HL1.FIF.FY2024-25-Q1.001",
        received_on=date(2024, 7, 20),
    )  # fmt: skip
    reminders = plan_reminders([obligation], {"HL1": "Homelessness"}, NOTICES, date(2024, 7, 21))
    assert [(reminder.record.stage, reminder.record.submission_id) for reminder in reminders] == [
        ("queries", "HL1.FIF.FY2024-25-Q1.001")
    ]
    assert "1 question is open" in reminders[0].text


def test_a_fulfilled_obligation_has_no_reminder() -> None:
    assert list_texts(owed(ObligationState.DONE, LatestOutcome.ACCEPTED), date(2025, 1, 1)) == []


def test_a_late_reminder_gives_the_outcome_of_the_last_submission() -> None:
    obligation = owed(
        ObligationState.LATE, LatestOutcome.REJECTED, days_late=2, submission_id=SUBMISSION, received_on=DUE
    )
    reminders = dict(list_texts(obligation, date(2024, 7, 30)))
    assert reminders["late_1"].endswith("What you last sent was rejected; its report says why.")
    assert set(reminders) == {"late_1", "rejected"}


def test_files_are_safe_to_open_and_repeatable() -> None:
    titles = {"HL1": '=HYPERLINK("x")'}
    reminders = plan_reminders([owed(ObligationState.DUE_TODAY)], titles, NOTICES, DUE)
    files = build_reminder_files(FIFE, reminders, DUE)
    assert files == build_reminder_files(FIFE, reminders, DUE)
    name = next(name for name in files if name.endswith(".csv"))
    row = list(csv.reader(io.StringIO(files[name].decode("utf-8-sig"))))[1]
    assert all(cell[:1] not in ("=", "+", "-", "@") for cell in row)
    assert unescape_formulas(row[1]) == '=HYPERLINK("x")'
    assert build_reminder_notice(FIFE, reminders, DUE).subject == "Local Government Data Platform: 1 reminder for Fife"
