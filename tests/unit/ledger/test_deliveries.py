"""Each stage of a reminder is recorded once."""

from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import ReminderRecord

PERIOD = "FY2024-25"


def test_recorded_reminder_stays_sent(ledger: Ledger) -> None:
    due_reminder, late_reminder = (
        ReminderRecord("HL1", "FIF", PERIOD, "due_in_3"),
        ReminderRecord("HL1", "FIF", PERIOD, "late_1"),
    )
    ledger.reminders.record(due_reminder, is_sent=False)
    ledger.reminders.record(late_reminder, is_sent=True)
    ledger.reminders.record(late_reminder, is_sent=False)
    assert ledger.reminders.find() == {due_reminder: False, late_reminder: True}
    ledger.reminders.record(due_reminder, is_sent=True)
    assert ledger.reminders.find("HL1") == {due_reminder: True, late_reminder: True}
    assert ledger.reminders.find("WASTE") == {}
