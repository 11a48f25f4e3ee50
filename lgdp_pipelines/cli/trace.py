"""How a trace is asked for and how it reads.

What belongs here: turning words into a question, and the answer into text, JSON or OpenLineage. What does not: finding
the answer (``ledger.find_trace``).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.markup import escape

from lgdp_pipelines.cli.output import print_out
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.lineage.openlineage_export import build_openlineage_event
from lgdp_pipelines.lineage.traces import Trace, TracedSubmission, find_trace
from lgdp_pipelines.storage.pseudonym_keys import token_key
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.publishing import load_column_edges

_SHOWN_ROWS = 30


def trace_figure(platform: Platform, asked: str, *, council: str | None, period: str | None, row: int | None) -> Trace:
    """The trace of ``layer.table`` or ``layer.table.column``.

    Raises:
        WrongUse: what was asked does not exist.
    """
    parts = asked.split(".")
    if len(parts) not in (2, 3):
        raise WrongUse(f"“{asked}” is neither TABLE nor TABLE.COLUMN.", remedy="Write published.hl1_counts.value.")
    return find_trace(
        platform.lake,
        platform.ledger,
        platform.register,
        load_column_edges(platform),
        token_key(platform.settings.secrets),
        table=".".join(parts[:2]),
        column=parts[2] if len(parts) == 3 else None,
        council=council,
        period=period,
        row=row,
    )


def as_json(found: Trace) -> str:
    """Everything that the trace holds."""
    return json.dumps(asdict(found), default=str, ensure_ascii=False, indent=1)


def as_openlineage(platform: Platform, found: Trace) -> str:
    """The table's column lineage as an OpenLineage dataset event."""
    event = build_openlineage_event(load_column_edges(platform), found.return_code, found.table, at=platform.clock())
    return json.dumps(event, ensure_ascii=False, indent=1)


def print_trace(found: Trace) -> None:
    """A trace for eyes: the figure, what it is, where its columns come from, whose files and which rows."""
    print_out(
        f"[bold]{escape(found.table)}[/bold] {escape(', '.join(found.columns))}  [dim]return {found.return_code}[/dim]"
    )
    if found.figure is not None:
        shown = ", ".join(f"{name} {value}" for name, value in found.figure.items() if value is not None)
        print_out(f"  [dim]figure[/dim]  {escape(shown)}")
    for item in found.items:
        mark = f" [dim]({escape(item.verified)})[/dim]" if item.verified else ""
        print_out(f"  [dim]item[/dim]    {escape(item.urn)} — {escape(item.title)}{mark}")
    for column in found.extract_columns:
        print_out(
            f"  [dim]column[/dim]  {escape(column.header)} of {escape(column.table)}, "
            + (f"export of {escape(column.system)}, " if column.system else "")
            + f"contract {found.return_code} {column.contract_version}"
        )
    for submission in found.submissions:
        _print_submission(submission)
    for one in found.known_issues:
        about = one.issue.item_urn or "the return as a whole"
        print_out(f"  [dim]known[/dim]   issue {one.number}, on {escape(about)}: {escape(one.issue.words)}")
    for note in found.notes:
        print_out(f"  [dim]note[/dim]    {escape(note)}")
    if not found.submissions:
        print_out("  [dim]steps, nearest first:[/dim]")
        for edge in found.steps:
            print_out(
                f"    {escape(edge.to_table)}.{escape(edge.to_column)} ← {escape(edge.from_table)}."
                f"{escape(edge.from_column)} [dim]{edge.how}[/dim]"
            )


def _print_submission(submission: TracedSubmission) -> None:
    contract = f", by contract {submission.contract_version}" if submission.contract_version else ""
    print_out(f"  [dim]from[/dim]    {submission.id}: {submission.state}, {submission.verdict}{contract}")
    for receipt in submission.receipts:
        print_out(
            f"  [dim]file[/dim]    {escape(receipt.file_name)}, {receipt.size:,} bytes, by {receipt.transport} at "
            f"{receipt.received_at:%Y-%m-%d %H:%M} UTC, sha256 {receipt.sha256}"
        )
    print_out(f"  [dim]rows[/dim]    {rows_as_text(submission.rows)}")


def rows_as_text(rows: Sequence[int]) -> str:
    """Row numbers for people: all, or the first of many."""
    if not rows:
        return "all"
    listed = ", ".join(str(row) for row in rows[:_SHOWN_ROWS])
    return f"{listed} … {len(rows):,} in all" if len(rows) > _SHOWN_ROWS else listed
