"""Notifications: reminders to councils and alerts to engineers, by file, e-mail and webhook.

Recipients come from ``schemas/notices.yaml``. A file is written before anything is sent, so nothing is lost when a
server refuses it. A run may die anywhere in a reminder: the next one writes the same file again and sends the unsent
notices. Belongs here: channels and their secrets, the obligations of each council today, and the order of a
notification's effects. An alert holds no traceback: one may quote a council's file. Belongs elsewhere: talking to a
server (``reporting.notifications``), dates and wording of reminders (``reporting.reminder_schedule``), and noticing
that a run failed (``orchestration``).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from lgdp_pipelines.collection.secrets import expand_variables, resolve_secret
from lgdp_pipelines.errors import SourceError, SourceRefused
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.obligations import Obligation, calculate_obligations
from lgdp_pipelines.register.files.notification_file import Email, load_notices
from lgdp_pipelines.register.model.contract import Register
from lgdp_pipelines.register.model.sources import SecretReference
from lgdp_pipelines.reporting.notifications import MailServer, Notice, post_webhook, send_email
from lgdp_pipelines.reporting.reminder_schedule import (
    Reminder,
    build_reminder_files,
    build_reminder_notice,
    plan_reminders,
)
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import OUTBOX, write_files

ALERT_FOLDER = "alerts"
"""The folder of alerts, under ``LGDP_HOME``."""

REMINDER_FOLDER = "reminders"
"""The folder of reminders in a council's outbox."""

ENGINEERS = "engineers"
_MAIL_PORT = 587
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class UnsentNotification:
    """A notice that a channel did not take.

    Attributes:
        recipient: the council's register code, or ``engineers``.
        what: one sentence, without any address.
        remedy: what to do.
    """

    recipient: str
    what: str
    remedy: str


def send_notice(platform: Platform, recipient: str, notice: Notice) -> tuple[int, tuple[UnsentNotification, ...]]:
    """Send a notice; return the number of channels reached, and the refusals.

    Args:
        platform: the opened platform.
        recipient: a council's register code, or :data:`ENGINEERS`.
        notice: the notice to send.
    """
    sent_count, unsent = 0, []
    for send in _list_channels(platform, notice, recipient):
        try:
            send()
        except SourceError as error:
            unsent.append(UnsentNotification(recipient, error.what, error.remedy))
        else:
            sent_count += 1
    return sent_count, tuple(unsent)


def _list_channels(platform: Platform, notice: Notice, recipient: str) -> Iterator[Callable[[], None]]:
    """Yield a function for each configured channel, which sends the notice."""
    notices, environment = load_notices(platform.settings.schemas), platform.environment
    council = "" if recipient == ENGINEERS else recipient
    email, webhook = notices.email, notices.webhook
    if email and expand_variables(email.server, environment):
        addresses = email.councils if council else email.engineers
        if addresses:
            yield lambda: _send_email(email, addresses, council, notice, environment)
    if webhook:
        hook = webhook.councils if council else webhook.engineers
        if hook:
            yield lambda: post_webhook(resolve_secret(hook, environment, council_code=council).reveal(), notice)


def _send_email(
    email: Email, addresses: SecretReference, council: str, notice: Notice, environment: Mapping[str, str]
) -> None:
    """Send a notice by the configured server to the addresses in secrets."""
    recipients = resolve_secret(addresses, environment, council_code=council).reveal().split()
    host, _, port = expand_variables(email.server, environment).partition(":")
    if port and not port.isdigit():
        raise SourceRefused("The mail server in notices.yaml is not host:port.", remedy="Correct email.server.")
    server = MailServer(
        host=host,
        port=int(port) if port else _MAIL_PORT,
        security=email.security,
        sender=expand_variables(email.sender, environment),
        username=resolve_secret(email.username, environment).reveal() if email.username else "",
        password=resolve_secret(email.password, environment).reveal() if email.password else "",
    )
    send_email(server, recipients, notice)


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert on a failed run.

    Attributes:
        run_id: Dagster's.
        job: name of the job.
        return_slug: return concerned; empty without one.
        period: its period; empty without one.
        source: source that was collected from; empty without one.
        error: class of the error, never its text.
        what: one sentence of the platform's own; empty for an error of a library.
        remedy: what to do.
        failed_at: in UTC.
    """

    run_id: str
    job: str
    return_slug: str
    period: str
    source: str
    error: str
    what: str
    remedy: str
    failed_at: datetime


def raise_alert(platform: Platform, alert: Alert) -> tuple[Path, tuple[UnsentNotification, ...]]:
    """Write an alert's two files, then send it to the engineers.

    Return the file, and the channels that did not take it. The same alert again replaces its file.

    Raises:
        StorageError: the folder does not take it.
    """
    notice = _compose_alert(alert)
    folder = platform.settings.home / ALERT_FOLDER
    name = f"{alert.failed_at:%Y%m%dT%H%M%SZ}-{_UNSAFE.sub('_', alert.job)}-{_UNSAFE.sub('_', alert.run_id)[:8]}"
    facts = json.dumps(notice.facts, indent=1).encode()
    write_files(folder, {f"{name}.txt": notice.text.encode(), f"{name}.json": facts})
    _, unsent = send_notice(platform, ENGINEERS, notice)
    return folder / f"{name}.txt", unsent


def _compose_alert(alert: Alert) -> Notice:
    """Return the notice of an alert."""
    subject = " ".join(part for part in (alert.return_slug, alert.period, alert.source) if part)
    failed_at = alert.failed_at.isoformat(timespec="seconds")
    lines = [
        f"Job:     {alert.job}",
        *([f"About:   {subject}"] if subject else []),
        f"Run:     {alert.run_id}",
        f"Failed:  {failed_at}",
        f"Error:   {alert.error}",
        *([f"What:    {alert.what}"] if alert.what else []),
        f"To do:   {alert.remedy}",
    ]
    return Notice(
        subject=f"LGDP: {alert.job} failed" + (f" ({subject})" if subject else ""),
        text="\n".join(lines) + "\n",
        facts={**asdict(alert), "failed_at": failed_at},
    )


@dataclass(frozen=True, slots=True)
class ReminderReport:
    """The result of sending reminders.

    Attributes:
        new_reminders: reminders that were put into outboxes now.
        sent_count: number of notices that a channel took.
        unsent_notices: notices that a channel did not take; the next run tries again.
    """

    new_reminders: tuple[Reminder, ...]
    sent_count: int
    unsent_notices: tuple[UnsentNotification, ...]


def list_obligations(register: Register, ledger: Ledger, today: date) -> tuple[Obligation, ...]:
    """Return councils' obligations on a day, the earliest due day first."""
    statuses = ledger.submissions.list_statuses()
    return calculate_obligations(register.returns.values(), register.councils.codes, statuses, today)


def _list_due_reminders(platform: Platform) -> tuple[Reminder, ...]:
    """Return the reminders due today, sent before or not."""
    register, today = platform.register, platform.day_in_scotland
    titles = {code: data_return.latest.title for code, data_return in register.returns.items()}
    obligations = list_obligations(register, platform.ledger, today)
    return plan_reminders(obligations, titles, load_notices(platform.settings.schemas), today)


def list_new_reminders(platform: Platform) -> tuple[Reminder, ...]:
    """Return the reminders due today that the ledger has not recorded."""
    recorded_reminders = platform.ledger.reminders.find()
    return tuple(reminder for reminder in _list_due_reminders(platform) if reminder.record not in recorded_reminders)


def send_reminders(platform: Platform, progress: Callable[[str], None] = lambda _: None) -> ReminderReport:
    """Put new reminders into outboxes, send all unsent ones, and record both.

    Raises:
        LgdpError: the platform is broken. A server that takes no mail never raises.
    """
    ledger, today = platform.ledger, platform.day_in_scotland
    recorded_reminders = ledger.reminders.find()
    reminders_by_council: dict[str, list[Reminder]] = {}
    for reminder in _list_due_reminders(platform):
        if not recorded_reminders.get(reminder.record, False):
            reminders_by_council.setdefault(reminder.record.council_code, []).append(reminder)
    new_reminders: list[Reminder] = []
    sent_count = 0
    unsent: list[UnsentNotification] = []
    for code, reminders in reminders_by_council.items():
        council = platform.register.councils.by_code[code]
        unrecorded_reminders = [reminder for reminder in reminders if reminder.record not in recorded_reminders]
        if unrecorded_reminders:
            # The file, the ledger's record, then notifications: a run that dies writes the same file again.
            folder = platform.settings.home / OUTBOX / code / REMINDER_FOLDER
            write_files(folder, build_reminder_files(council, unrecorded_reminders, today))
            for reminder in unrecorded_reminders:
                ledger.reminders.record(reminder.record, is_sent=False)
            new_reminders += unrecorded_reminders
            progress(f"{len(unrecorded_reminders)} for {council.name}")
        channels, refusals = send_notice(platform, code, build_reminder_notice(council, reminders, today))
        if channels and not refusals:
            for reminder in reminders:
                ledger.reminders.record(reminder.record, is_sent=True)
        sent_count += channels
        unsent += refusals
    return ReminderReport(tuple(new_reminders), sent_count, tuple(unsent))
