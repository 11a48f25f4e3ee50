"""The command ``collect``: new extracts fetched from the register's sources.

Belongs here: arguments, and how a collection looks. Belongs elsewhere: fetching (``collection``).
"""

import typer
from rich.markup import escape

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.journey import print_delivery_failures, run_with_progress
from lgdp_pipelines.cli.output import print_failure, say
from lgdp_pipelines.collection.collection_run import CollectionReport
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.workflows.stages import Stage, list_fetched_sources, run_stages


def collect(return_code: arguments.ReturnFilter = None, council: arguments.CouncilFilter = None) -> None:
    """Fetch new extracts from councils' systems and take them to SQL.

    Exit code 1: something could not be fetched.

    Example: `lgdp collect --return HL1 --council Fife`
    """
    platform, selection = arguments.open_selection(return_code, council)
    councils = [selection.council_code] if selection.council_code else []
    sources = list_fetched_sources(platform.register, selection.returns)
    with run_with_progress(platform, "Collection and journey") as runner:
        results = run_stages(runner, Stage.COLLECT, sources=sources, councils=councils, on_collection=print_collection)
    print_delivery_failures(results.delivery)
    if any(report.failures for report in results.collections):
        raise typer.Exit(1)


def print_collection(source: Source, report: CollectionReport) -> None:
    """Print a source's counts, then the files and failures that need attention."""
    counts = {
        "new": sum(len(account.fetched) for account in report.accounts),
        "without news": sum(account.known_count + account.unchanged_count for account in report.accounts),
        "duplicate": sum(len(account.duplicates) for account in report.accounts),
        "unrecognised": sum(len(account.unrecognised) for account in report.accounts),
        "left": sum(len(account.skipped) for account in report.accounts),
        "failed": len(report.failures),
    }
    summary = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count or name == "new")
    say(f"{source.title}, {len(report.accounts)} accounts: {summary}")
    for account in report.accounts:
        for receipt in account.unrecognised:
            say(f"  [yellow]?[/yellow] {account.council_code}: {escape(receipt.file_name)}: {escape(receipt.reason)}")
        for entry in account.skipped:
            say(f"  [yellow]·[/yellow] {account.council_code}: {escape(entry.name)}: {escape(entry.reason)}")
        for failure in account.failures:
            print_failure(f"{account.council_code}: {failure.what} ({failure.where})", failure.remedy)
