"""Alerts for engineers: a run failed, and somebody must look.

The file comes first, in ``LGDP_HOME/alerts``; then e-mail and webhook where they are configured. A server that takes
nothing loses no alert. An alert says which run failed at what and what to do. It holds no traceback: those may quote
what a file said, and stay in the log of the run. What belongs here: writing and sending an alert. What does not:
noticing that a run failed (``orchestration``).
"""

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from lgdp_pipelines.reporting.notifications import Notice
from lgdp_pipelines.workflows.notification_delivery import Unsent, send_to_engineers
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import put_in_place

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


def raise_alert(platform: Platform, alert: Alert) -> tuple[Path, tuple[Unsent, ...]]:
    """Write an alert down, then send it on: where it lies, and what did not take it. The same again replaces itself.

    Raises:
        StorageError: the folder does not take it.
    """
    notice = notice_of(alert)
    folder = platform.settings.home / FOLDER
    name = f"{alert.failed_at:%Y%m%dT%H%M%SZ}-{_UNSAFE.sub('_', alert.job)}-{_UNSAFE.sub('_', alert.run_id)[:8]}"
    facts = json.dumps(notice.facts, indent=1).encode()
    put_in_place(folder, {f"{name}.txt": notice.text.encode(), f"{name}.json": facts})
    _, unsent = send_to_engineers(platform, notice)
    return folder / f"{name}.txt", unsent


def notice_of(alert: Alert) -> Notice:
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
