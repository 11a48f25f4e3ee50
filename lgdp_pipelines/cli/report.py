"""The command ``report``: a submission's report, or the notes on files that could not be placed.

Belongs here: arguments and output formats. Belongs elsewhere: the content of a report (``reporting``).
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import print_text, say
from lgdp_pipelines.errors import WrongUse
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

ReportFormat = Literal["text", "json", "csv", "html"]
"""A format of a report."""


def report(
    submission: Annotated[
        str | None, typer.Argument(metavar="SUBMISSION", help="A submission's id, such as HL1.FIF.FY2024-25-Q1.001.")
    ] = None,
    report_format: Annotated[ReportFormat, typer.Option("--format", "-f", help="The format of the report.")] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the report to this file.")] = None,
    *,
    is_unrecognised: Annotated[
        bool, typer.Option("--unrecognised", help="List the files that could not be placed, with the reasons.")
    ] = False,
) -> None:
    """Show a submission's report: receipt, verdict, findings and next steps.

    The council finds the same report in its outbox, under LGDP_HOME/outbox.

    Example: `lgdp report HL1.FIF.FY2024-25-Q1.001 --format html --output report.html`
    """
    platform = arguments.open_platform()
    if is_unrecognised == (submission is not None):
        raise WrongUse(
            "Name one submission, or --unrecognised.", remedy="`lgdp status --format csv` lists submissions."
        )
    text = (
        _render_unrecognised(platform, report_format)
        if submission is None
        else _render_report(platform, submission, report_format)
    )
    if output is None:
        print_text(text)
        return
    try:
        output.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise WrongUse("The file cannot be written.", where=str(output), remedy="Give another --output.") from error
    say(f"Written to {output}")


def _render_report(platform: Platform, submission: str, report_format: ReportFormat) -> str:
    """Return a submission's report in a format; refuse one not judged."""
    content = gather_report(platform, submission)
    if content is None:
        raise WrongUse(
            f"{submission} has not been judged yet.", remedy="Run `lgdp collect`, then ask for the report again."
        )
    match report_format:
        case "text":
            return format_report_text(content)
        case "json":
            return format_json(build_report_document(content))
        case "csv":
            return format_findings_csv(content)
        case "html":
            return render_report_page(content)


def _render_unrecognised(platform: Platform, report_format: ReportFormat) -> str:
    """Return notes on unrecognised files, as text or JSON only."""
    notes = [gather_note(platform, receipt.id) for receipt in platform.ledger.receipts.list_unrecognised()]
    match report_format:
        case "json":
            return format_json({"unrecognised": [build_note_document(note) for note in notes]})
        case "text":
            return format_notes_text(notes)
        case _:
            raise WrongUse("Files that could not be placed are listed as text or JSON.", remedy="Add --format json.")
