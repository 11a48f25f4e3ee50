"""Reminders to councils: files in their outboxes, the ledger's record, then notifications.

A run may die anywhere in that order: the next one writes the same file again and sends what was not sent. Belongs here:
that order, and what each council owes today. Belongs elsewhere: dates and wording (``reporting.reminder_schedule``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.obligations import Obligation, calculate_obligations
from lgdp_pipelines.register.files.notification_file import load_notices
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.reporting.reminder_schedule import (
    Reminder,
    build_reminder_files,
    build_reminder_notice,
    plan_reminders,
)
from lgdp_pipelines.workflows.notification_delivery import UnsentNotification, send_notice
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import OUTBOX, write_files

REMINDER_FOLDER = "reminders"
"""The folder of reminders in a council's outbox."""


@dataclass(frozen=True, slots=True)
class ReminderReport:
    """The result of sending reminders.

    Attributes:
        new: reminders that were put into outboxes now.
        sent: how many notices a channel took.
        unsent: notices that a channel did not take; the next run tries again.
    """

    new: tuple[Reminder, ...]
    sent: int
    unsent: tuple[UnsentNotification, ...]


def list_obligations(register: Register, ledger: Ledger, today: date) -> tuple[Obligation, ...]:
    """Return councils' obligations on a day, by due day, return, period and council."""
    statuses = ledger.submissions.list_statuses()
    return calculate_obligations(register.returns.values(), register.councils.codes, statuses, today)


def list_due_reminders(platform: Platform) -> tuple[Reminder, ...]:
    """Return the reminders that today calls for, sent before or not."""
    register, today = platform.register, platform.day_in_scotland
    titles = {code: data_return.latest.title for code, data_return in register.returns.items()}
    obligations = list_obligations(register, platform.ledger, today)
    return plan_reminders(obligations, titles, load_notices(platform.settings.schemas), today)


def list_new_reminders(platform: Platform) -> tuple[Reminder, ...]:
    """Return the reminders that today calls for and no council has had."""
    recorded = platform.ledger.reminders.find()
    return tuple(reminder for reminder in list_due_reminders(platform) if reminder.reminded not in recorded)


def send_reminders(platform: Platform, progress: Callable[[str], None] = lambda _: None) -> ReminderReport:
    """Put new reminders into councils' outboxes, and send on those that have not been sent.

    Raises:
        LgdpError: the platform is broken. A server that takes no mail never raises.
    """
    ledger, today = platform.ledger, platform.day_in_scotland
    recorded = ledger.reminders.find()
    reminders_by_council: dict[str, list[Reminder]] = {}
    for reminder in list_due_reminders(platform):
        if not recorded.get(reminder.reminded, False):
            reminders_by_council.setdefault(reminder.reminded.council_code, []).append(reminder)
    new: list[Reminder] = []
    sent_count = 0
    unsent: list[UnsentNotification] = []
    for code, reminders in reminders_by_council.items():
        council = platform.register.councils.by_code[code]
        unrecorded = [reminder for reminder in reminders if reminder.reminded not in recorded]
        if unrecorded:
            # The file, the ledger's record, then notifications: a run that dies writes the same file again.
            folder = platform.settings.home / OUTBOX / code / REMINDER_FOLDER
            write_files(folder, build_reminder_files(council, unrecorded, today))
            for reminder in unrecorded:
                ledger.reminders.record(reminder.reminded, sent=False)
            new += unrecorded
            progress(f"{len(unrecorded)} for {council.name}")
        channels, refused = send_notice(platform, code, build_reminder_notice(council, reminders, today))
        if channels and not refused:
            for reminder in reminders:
                ledger.reminders.record(reminder.reminded, sent=True)
        sent_count += channels
        unsent += refused
    return ReminderReport(tuple(new), sent_count, tuple(unsent))
