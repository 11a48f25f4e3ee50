"""Commands about what goes back to councils: ``report``.

What belongs here: asking for a report and writing it. What does not: what a report says (``feedback``).
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import say, text_out
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.reporting.report_content import Report
from lgdp_pipelines.reporting.report_formats import (
    build_note_document,
    build_report_document,
    format_findings_csv,
    format_json,
    format_notes_text,
    format_report_text,
    render_report_page,
)
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.report_delivery import gather_note, gather_report


class ReportFormat(StrEnum):
    """How a report is written."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("report")(report)


def report(
    submission: Annotated[
        str | None, typer.Argument(metavar="SUBMISSION", help="A submission's id, such as HL1.FIF.FY2024-25-Q1.001.")
    ] = None,
    form: Annotated[ReportFormat, typer.Option("--format", "-f", help="How to write the report.")] = ReportFormat.TEXT,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to this file.")] = None,
    unrecognised: Annotated[  # noqa: FBT002 - typer makes a switch of it
        bool, typer.Option("--unrecognised", help="Instead: the files that nobody could place, and why.")
    ] = False,
) -> None:
    """What goes back to a council on a submission: receipt, verdict, findings, and what to do.

    The very report lies in the council's outbox, under LGDP_HOME/outbox.

    Example: `lgdp report HL1.FIF.FY2024-25-Q1.001 --format html --output report.html`
    """
    platform = typed.open_platform()
    if unrecognised == (submission is not None):
        raise WrongUse(
            "Name one submission, or --unrecognised.", remedy="`lgdp status --format csv` lists submissions."
        )
    text = _unrecognised(platform, form) if submission is None else _written(_found(platform, submission), form)
    if output is None:
        text_out(text)
        return
    try:
        output.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise WrongUse("The file cannot be written.", where=str(output), remedy="Give another --output.") from error
    say(f"Written to {output}")


def _found(platform: Platform, submission: str) -> Report:
    found = gather_report(platform, submission)
    if found is None:
        raise WrongUse(f"{submission} has not been judged yet.", remedy="Ask again when the journey has taken it on.")
    return found


def _written(found: Report, form: ReportFormat) -> str:
    match form:
        case ReportFormat.TEXT:
            return format_report_text(found)
        case ReportFormat.JSON:
            return format_json(build_report_document(found))
        case ReportFormat.CSV:
            return format_findings_csv(found)
        case ReportFormat.HTML:
            return render_report_page(found)


def _unrecognised(platform: Platform, form: ReportFormat) -> str:
    notes = [gather_note(platform, receipt.id) for receipt in platform.ledger.unrecognised()]
    if form is ReportFormat.JSON:
        return format_json({"unrecognised": [build_note_document(note) for note in notes]})
    if form is ReportFormat.TEXT:
        return format_notes_text(notes)
    raise WrongUse("Files that nobody could place are listed as text or JSON.", remedy="Add --format json.")
