"""Each stage of a reminder is recorded once."""

from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import ReminderRecord

PERIOD = "FY2024-25"


def test_recorded_reminder_stays_sent(ledger: Ledger) -> None:
    soon, late = ReminderRecord("HL1", "FIF", PERIOD, "due_in_3"), ReminderRecord("HL1", "FIF", PERIOD, "late_1")
    ledger.reminders.record(soon, is_sent=False)
    ledger.reminders.record(late, is_sent=True)
    ledger.reminders.record(late, is_sent=False)
    assert ledger.reminders.find() == {soon: False, late: True}
    ledger.reminders.record(soon, is_sent=True)
    assert ledger.reminders.find("HL1") == {soon: True, late: True}
    assert ledger.reminders.find("WASTE") == {}
