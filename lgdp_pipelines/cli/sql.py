"""Commands that ask the lakehouse: ``sql`` and ``trace``.

What belongs here: asking, and writing the answer. What does not: anything that changes the lake.
"""

import sys
from enum import StrEnum
from typing import Annotated

import pyarrow.parquet as pq
import typer

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import TableFormat, rows_out, say, text_out
from lgdp_pipelines.cli.trace import as_json, as_openlineage, print_trace, trace_figure
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.storage.sql_catalogue import ask


class SqlFormat(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


class TraceFormat(StrEnum):
    """How a trace is written."""

    TEXT = "text"
    JSON = "json"
    OPENLINEAGE = "openlineage"


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("sql")(sql)
    app.command("trace")(trace)


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A SELECT; `SHOW ALL TABLES` lists what there is.")],
    form: Annotated[SqlFormat, typer.Option("--format", "-f", help="How to write the answer.")] = SqlFormat.TABLE,
) -> None:
    """Ask the lakehouse in SQL, read-only. Published, conformed, ledger, lineage and register tables are there.

    Example: `lgdp sql "SELECT council_name, sum(value) FROM published.hl1_counts GROUP BY ALL ORDER BY 2 DESC"`
    """
    catalogue = Settings.from_environment().catalogue
    if not catalogue.exists():
        raise WrongUse("There is no lakehouse yet.", where=str(catalogue), remedy="Run `lgdp demo`, or submit a file.")
    answer = ask(catalogue, query)
    if form is SqlFormat.PARQUET:
        if sys.stdout.isatty():
            raise WrongUse("Parquet is not text for a terminal.", remedy="Send it to a file: `… > answer.parquet`.")
        pq.write_table(answer, sys.stdout.buffer)
    else:
        rows_out(answer.to_pylist(), answer.column_names, TableFormat(form.value))
    say(f"[dim]{answer.num_rows:,} row{'s' if answer.num_rows != 1 else ''}[/dim]")


def trace(
    table: Annotated[
        str, typer.Argument(metavar="TABLE[.COLUMN]", help="Such as published.waste_material.value or published.hl1.")
    ],
    council: typed.SomeCouncil = None,
    period: typed.SomePeriod = None,
    row: Annotated[
        int | None, typer.Option("--row", help="The figure's _release_row within its council and period.")
    ] = None,
    form: Annotated[TraceFormat, typer.Option("--format", "-f", help="How to write the trace.")] = TraceFormat.TEXT,
) -> None:
    """Trace a figure back to data item, contract, submission, receipt, file and rows.

    Without council, period and row: where the columns come from. With them: where this very figure comes from.

    Example: `lgdp trace published.waste_material.value --council Fife --period CY2018 --row 3`
    """
    platform = typed.open_platform()
    found = trace_figure(platform, table, council=council, period=period, row=row)
    match form:
        case TraceFormat.JSON:
            text_out(as_json(found))
        case TraceFormat.OPENLINEAGE:
            text_out(as_openlineage(platform, found))
        case TraceFormat.TEXT:
            print_trace(found)
