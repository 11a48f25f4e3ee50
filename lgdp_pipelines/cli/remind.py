"""The command ``remind``: reminders to councils.

Belongs here: arguments, and how reminders look. Belongs elsewhere: the choice of reminders (``reporting``).
"""

from typing import Annotated

import typer
from rich.markup import escape

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import print_rows, say, show_progress
from lgdp_pipelines.workflows.notification_delivery import ReminderReport, list_new_reminders, send_reminders

COLUMNS = ("council", "return", "period", "due", "stage", "submission", "message")


def remind(
    *,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the reminders, and send none.")] = False,
    table_format: arguments.FormatOption = "table",
) -> None:
    """Remind councils of due, late and rejected returns and open queries.

    Each reminder goes into the council's outbox, once a stage.

    Example: `lgdp remind --dry-run`
    """
    platform = arguments.open_platform()
    if is_dry_run:
        report = ReminderReport(list_new_reminders(platform), 0, ())
    else:
        with show_progress("Reminders") as progress:
            report = send_reminders(platform, progress)
    rows = [
        {
            "council": reminder.record.council_code,
            "return": reminder.record.return_code,
            "period": reminder.record.period,
            "due": reminder.due.isoformat(),
            "stage": reminder.record.stage,
            "submission": reminder.record.submission_id or None,
            "message": reminder.text,
        }
        for reminder in report.new_reminders
    ]
    print_rows(rows, COLUMNS, table_format)
    for failure in report.unsent_notices:
        say(f"[yellow]![/yellow] {failure.recipient}: {escape(failure.what)}\n  → {escape(failure.remedy)}")
    say(f"{len(report.new_reminders)} reminders{' to send' if is_dry_run else ''}")
