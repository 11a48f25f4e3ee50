"""The command ``ledger``: the account of every byte received.

Belongs here: arguments, and how the account looks. Belongs elsewhere: whether it balances (``workflows``).
"""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import new_table, print_rows, print_table, say, show_progress
from lgdp_pipelines.errors import LedgerError, StorageError
from lgdp_pipelines.ledger.submission_records import ReceiptTotals
from lgdp_pipelines.workflows.balance_check import find_imbalances, verify_bytes
from lgdp_pipelines.workflows.platform import Platform

COLUMNS = ("return", "receipts_are", "submissions_are", "receipts", "bytes")


def ledger(
    return_code: arguments.ReturnFilter = None,
    *,
    verify_received_bytes: Annotated[bool, typer.Option("--verify", help="Read all received bytes again.")] = False,
    table_format: arguments.FormatOption = "table",
) -> None:
    """Account for every byte received, and check that the ledger balances.

    Exit code 1: it does not balance, or received bytes are damaged.

    Example: `lgdp ledger --return HL1`
    """
    platform, selection = arguments.open_selection(return_code)
    lines = platform.ledger.balance.total_receipts(selection.return_code)
    if table_format == "table":
        _print_account(lines)
    else:
        rows = [
            {
                "return": line.return_code,
                "receipts_are": line.receipt_state,
                "submissions_are": line.submission_state,
                "receipts": line.receipt_count,
                "bytes": line.size,
            }
            for line in lines
        ]
        print_rows(rows, COLUMNS, table_format)
    problems = find_imbalances(platform.ledger, platform.received_bytes, selection.return_code)
    for problem in problems:
        say(f"[red]✗[/red] {escape(problem)}")
    if problems:
        raise LedgerError(
            f"The ledger does not balance in {len(problems)} places.",
            remedy="Restore the ledger or the received bytes from a backup.",
        )
    say("[green]✓[/green] The ledger balances, and each receipt's bytes are there in their size.")
    if verify_received_bytes:
        _verify(platform, selection.return_code)


def _print_account(lines: Sequence[ReceiptTotals]) -> None:
    """Print the account as a table, with a total."""
    table = new_table("Account of received bytes", ("return", "receipts are", "submissions are"), ("receipts", "bytes"))
    for line in lines:
        table.add_row(
            line.return_code or "(none)", str(line.receipt_state), str(line.submission_state or ""),
            f"{line.receipt_count:,}", f"{line.size:,}",
        )  # fmt: skip
    table.add_section()
    receipt_count, size = sum(line.receipt_count for line in lines), sum(line.size for line in lines)
    table.add_row("all", "", "", f"{receipt_count:,}", f"{size:,}")
    print_table(table)


def _verify(platform: Platform, return_code: str | None) -> None:
    """Compare received bytes with their hashes; print and refuse damage."""
    with show_progress("Reading received bytes") as progress:
        verified = verify_bytes(
            platform.received_bytes,
            (sha256 for sha256, _ in platform.ledger.receipts.list_digests(return_code)),
            progress,
        )
    for sha256 in verified.damaged:
        say(f"[red]✗[/red] {sha256} is missing or differs from the bytes received")
    if verified.damaged:
        raise StorageError(f"{len(verified.damaged)} received files are damaged.", remedy="Restore them from a backup.")
    say(f"[green]✓[/green] {verified.files:,} files of {verified.size:,} bytes are as they were received.")
