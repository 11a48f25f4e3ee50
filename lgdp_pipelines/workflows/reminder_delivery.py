"""Reminders to councils: files in their outboxes, the ledger's record, then notifications.

A run may die anywhere in that order: the next one writes the same file again and sends what was not sent. What belongs
here: that order, and what each council owes today. What does not: dates and wording (``reporting.reminder_schedule``).
"""

from collections.abc import Callable
from dataclasses import dataclass

from lgdp_pipelines.ledger.obligations import Obligation, obligations
from lgdp_pipelines.register.files.notification_file import load_notices
from lgdp_pipelines.reporting.reminder_schedule import (
    Reminder,
    build_reminder_files,
    build_reminder_notice,
    plan_reminders,
)
from lgdp_pipelines.workflows.notification_delivery import UnsentNotification, send_to_council
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import OUTBOX, write_files

FOLDER = "reminders"


@dataclass(frozen=True, slots=True)
class ReminderReport:
    """What reminding came to.

    Attributes:
        new: reminders that were put into outboxes now.
        sent: notices that a channel took.
        unsent: notices that a channel did not take; the next run tries again.
    """

    new: tuple[Reminder, ...]
    sent: int
    unsent: tuple[UnsentNotification, ...]


def list_obligations(platform: Platform) -> tuple[Obligation, ...]:
    """Everything that councils owe today, in order of due day, return, period and council."""
    register = platform.register
    return obligations(
        register.returns.values(),
        register.councils.codes,
        platform.ledger.submissions.list_statuses(),
        platform.day_in_scotland,
    )


def list_due_reminders(platform: Platform) -> tuple[Reminder, ...]:
    """What today calls for, told before or not."""
    titles = {code: data_return.latest.title for code, data_return in platform.register.returns.items()}
    return plan_reminders(
        list_obligations(platform), titles, load_notices(platform.settings.schemas), platform.day_in_scotland
    )


def list_new_reminders(platform: Platform) -> tuple[Reminder, ...]:
    """What today calls for and nobody was told."""
    before = platform.ledger.reminders.find()
    return tuple(one for one in list_due_reminders(platform) if one.reminded not in before)


def send_reminders(platform: Platform, progress: Callable[[str], None] = lambda _: None) -> ReminderReport:
    """Put into each council's outbox what it has not been reminded of, and send on what has not been sent.

    Raises:
        LgdpError: the platform is broken. A server that takes no mail never raises.
    """
    before = platform.ledger.reminders.find()
    called_for: dict[str, list[Reminder]] = {}
    for one in list_due_reminders(platform):
        if not before.get(one.reminded, False):
            called_for.setdefault(one.reminded.council_code, []).append(one)
    new: list[Reminder] = []
    sent = 0
    unsent: list[UnsentNotification] = []
    for code, told in called_for.items():
        council = platform.register.councils.by_code[code]
        fresh = [one for one in told if one.reminded not in before]
        if fresh:
            folder = platform.settings.home / OUTBOX / code / FOLDER
            write_files(folder, build_reminder_files(council, fresh, platform.day_in_scotland))
            for one in fresh:
                platform.ledger.reminders.record(one.reminded, sent=False)
            new += fresh
            progress(f"{len(fresh)} for {council.name}")
        taken, refused = send_to_council(platform, code, build_reminder_notice(council, told, platform.day_in_scotland))
        if taken and not refused:
            for one in told:
                platform.ledger.reminders.record(one.reminded, sent=True)
        sent += taken
        unsent += refused
    return ReminderReport(tuple(new), sent, tuple(unsent))
