"""Notifications to councils and alerts to engineers, by e-mail and webhook.

Recipients come from ``schemas/notices.yaml``. A file is written before anything is sent, so nothing is lost when a
server refuses it. What belongs here: channels and their secrets, and the alert on a failed run. An alert holds no
traceback: one may quote a council's file. What does not: talking to a server (``reporting.notifications``), and
noticing that a run failed (``orchestration``).
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from lgdp_pipelines.collection.secrets import expand_variables, resolve_secret
from lgdp_pipelines.errors import SourceError, SourceRefused
from lgdp_pipelines.register.files.notification_file import Email, load_notices
from lgdp_pipelines.register.model.sources import SecretReference
from lgdp_pipelines.reporting.notifications import MailServer, Notice, post_webhook, send_email
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import write_files

_MAIL_PORT = 587


@dataclass(frozen=True, slots=True)
class UnsentNotification:
    """A notice that some channel did not take.

    Attributes:
        to: the council's register code, or ``engineers``.
        what: one sentence, without any address.
        remedy: what to do.
    """

    to: str
    what: str
    remedy: str


def send_to_council(
    platform: Platform, council_code: str, notice: Notice
) -> tuple[int, tuple[UnsentNotification, ...]]:
    """Send a notice to a council's contacts: through how many channels, and what did not take it."""
    return _send(platform, notice, council_code, "councils")


def send_to_engineers(platform: Platform, notice: Notice) -> tuple[int, tuple[UnsentNotification, ...]]:
    """Send a notice to the engineers: through how many channels, and what did not take it."""
    return _send(platform, notice, "engineers", "engineers")


def _send(platform: Platform, notice: Notice, to: str, role: str) -> tuple[int, tuple[UnsentNotification, ...]]:
    taken, unsent = 0, []
    for send in _channels(platform, notice, to, role):
        try:
            send()
        except SourceError as error:
            unsent.append(UnsentNotification(to, error.what, error.remedy))
        else:
            taken += 1
    return taken, tuple(unsent)


def _channels(platform: Platform, notice: Notice, to: str, role: str) -> Iterator[Callable[[], None]]:
    """What is to be done for each channel that is configured."""
    notices = load_notices(platform.settings.schemas)
    council = to if role == "councils" else ""
    people = getattr(notices.email, role) if notices.email else None
    if notices.email and people and expand_variables(notices.email.server, platform.environment):
        yield lambda: _email(platform, notices.email, people, council, notice)  # type: ignore[arg-type] # not None here
    hook = getattr(notices.webhook, role) if notices.webhook else None
    if hook:
        yield lambda: post_webhook(resolve_secret(hook, platform.environment, council_code=council).reveal(), notice)


def _email(platform: Platform, email: Email, people: SecretReference, council: str, notice: Notice) -> None:
    environment = platform.environment
    addresses = resolve_secret(people, environment, council_code=council).reveal().split()
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
    send_email(server, addresses, notice)


FOLDER = "alerts"


_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Alert:
    """That a run failed.

    Attributes:
        run_id: Dagster's.
        job: name of the job.
        return_slug: return concerned; empty where it is about none.
        period: its period; likewise.
        source: source that was collected from; likewise.
        error: class of the error, never its text.
        what: one sentence of the platform's own; empty where the error was none of its refusals.
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
    """Write an alert down, then send it on: where it lies, and what did not take it. The same again replaces itself.

    Raises:
        StorageError: the folder does not take it.
    """
    notice = compose_alert(alert)
    folder = platform.settings.home / FOLDER
    name = f"{alert.failed_at:%Y%m%dT%H%M%SZ}-{_UNSAFE.sub('_', alert.job)}-{_UNSAFE.sub('_', alert.run_id)[:8]}"
    facts = json.dumps(notice.facts, indent=1).encode()
    write_files(folder, {f"{name}.txt": notice.text.encode(), f"{name}.json": facts})
    _, unsent = send_to_engineers(platform, notice)
    return folder / f"{name}.txt", unsent


def compose_alert(alert: Alert) -> Notice:
    """What engineers are told."""
    about = " ".join(part for part in (alert.return_slug, alert.period, alert.source) if part)
    lines = [
        f"Job:     {alert.job}",
        *([f"About:   {about}"] if about else []),
        f"Run:     {alert.run_id}",
        f"Failed:  {alert.failed_at.isoformat(timespec='seconds')}",
        f"Error:   {alert.error}",
        *([f"What:    {alert.what}"] if alert.what else []),
        f"To do:   {alert.remedy}",
    ]
    return Notice(
        subject=f"LGDP: {alert.job} failed" + (f" ({about})" if about else ""),
        text="\n".join(lines) + "\n",
        facts={**asdict(alert), "failed_at": alert.failed_at.isoformat(timespec="seconds")},
    )
