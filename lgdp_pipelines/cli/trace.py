"""The command ``trace``: a figure's way back to data item, file and rows.

Belongs here: arguments, and a trace as text, JSON or OpenLineage. Belongs elsewhere: finding it (``lineage``).
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Literal

import typer
from rich.markup import escape

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import print_json, print_markup
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.lineage.openlineage_export import build_openlineage_event
from lgdp_pipelines.lineage.traces import Trace, TracedSubmission, TraceRecords, find_trace
from lgdp_pipelines.storage.pseudonym_keys import load_pseudonym_key
from lgdp_pipelines.workflows.publishing import load_column_edges

_ROWS_SHOWN = 30


def trace(
    table: Annotated[
        str, typer.Argument(metavar="TABLE[.COLUMN]", help="Such as published.waste_material.value or published.hl1.")
    ],
    council: arguments.CouncilFilter = None,
    period: arguments.PeriodFilter = None,
    row: Annotated[
        int | None, typer.Option("--row", help="The figure's _release_row within its council and period.")
    ] = None,
    trace_format: Annotated[
        Literal["text", "json", "openlineage"], typer.Option("--format", "-f", help="The format of the trace.")
    ] = "text",
) -> None:
    """Trace a figure back to its data item, file and rows.

    The trace names contract and submission too. Without council, period and row, it shows the origin of the columns;
    with them, the origin of one figure.

    Example: `lgdp trace published.waste_material.value --council Fife --period CY2018 --row 3`
    """
    platform = arguments.open_platform()
    parts = table.split(".")
    if len(parts) not in (2, 3):
        raise WrongUse(f"“{table}” is neither TABLE nor TABLE.COLUMN.", remedy="Write published.hl1_counts.value.")
    edges = load_column_edges(platform)
    key = load_pseudonym_key(platform.settings.secrets)
    records = TraceRecords(platform.lake, platform.ledger, platform.register, edges, key)
    column = parts[2] if len(parts) == 3 else None
    result = find_trace(records, ".".join(parts[:2]), column, council=council, period=period, row=row)
    match trace_format:
        case "json":
            print_json(asdict(result), ensure_ascii=False)
        case "openlineage":
            event = build_openlineage_event(edges, result.return_code, result.table, at=platform.clock())
            print_json(event, ensure_ascii=False)
        case "text":
            _print_trace(result)


def _print_trace(result: Trace) -> None:
    """Print a trace: the figure, its item, origins, files and rows."""
    columns = escape(", ".join(result.columns))
    print_markup(f"[bold]{escape(result.table)}[/bold] {columns}  [dim]return {result.return_code}[/dim]")
    if result.figure is not None:
        _print_part(
            "figure", ", ".join(f"{name} {value}" for name, value in result.figure.items() if value is not None)
        )
    for item in result.items:
        mark = f" [dim]({escape(item.verified)})[/dim]" if item.verified else ""
        print_markup(f"  [dim]item[/dim]    {escape(item.urn)} — {escape(item.title)}{mark}")
    for column in result.extract_columns:
        system = f"export of {column.system}, " if column.system else ""
        contract = f"contract {result.return_code} {column.contract_version}"
        _print_part("column", f"{column.header} of {column.table}, {system}{contract}")
    for submission in result.submissions:
        _print_submission(submission)
    for known_issue in result.known_issues:
        subject = known_issue.issue.item_urn or "the return as a whole"
        _print_part("known", f"issue {known_issue.number}, on {subject}: {known_issue.issue.words}")
    for note in result.notes:
        _print_part("note", note)
    if not result.submissions:
        print_markup("  [dim]steps, nearest first:[/dim]")
        for edge in result.steps:
            print_markup(
                f"    {escape(edge.to_table)}.{escape(edge.to_column)} ← {escape(edge.from_table)}."
                f"{escape(edge.from_column)} [dim]{edge.how}[/dim]"
            )


def _print_submission(submission: TracedSubmission) -> None:
    """Print a submission with its files and rows."""
    contract = f", by contract {submission.contract_version}" if submission.contract_version else ""
    _print_part("from", f"{submission.id}: {submission.state}, {submission.verdict}{contract}")
    for receipt in submission.receipts:
        _print_part(
            "file",
            f"{receipt.file_name}, {receipt.size:,} bytes, by {receipt.transport} at "
            f"{receipt.received_at:%Y-%m-%d %H:%M} UTC, sha256 {receipt.sha256}",
        )
    _print_part("rows", _format_rows(submission.rows))


def _print_part(label: str, text: str) -> None:
    """Print a labelled line of a trace."""
    print_markup(f"  [dim]{label}[/dim]{'':{8 - len(label)}}{escape(text)}")


def _format_rows(rows: Sequence[int]) -> str:
    """Return the first thirty row numbers as text; “all” without any."""
    if not rows:
        return "all"
    listed = ", ".join(str(row) for row in rows[:_ROWS_SHOWN])
    return f"{listed} … {len(rows):,} in all" if len(rows) > _ROWS_SHOWN else listed
