"""The command ``sql``: the lakehouse asked in SQL, read-only.

Belongs here: arguments and output formats. Belongs elsewhere: running the statement (``storage``).
"""

import sys
from typing import Annotated, Literal

import typer

from lgdp_pipelines.cli.output import print_rows, say
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.reporting.wording import format_count
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.storage.catalogue_reader import run_select


def sql(
    statement: Annotated[
        str, typer.Argument(metavar="STATEMENT", help="A SELECT; `SHOW ALL TABLES` lists the tables.")
    ],
    sql_format: Annotated[
        Literal["table", "csv", "json", "parquet"], typer.Option("--format", "-f", help="The format of the rows.")
    ] = "table",
) -> None:
    """Ask the lakehouse in SQL, read-only.

    It holds the published, conformed, ledger, lineage and register tables.

    Example: `lgdp sql "SELECT council_name, sum(value) FROM published.hl1_counts GROUP BY ALL ORDER BY 2 DESC"`
    """
    catalogue = Settings.from_environment().catalogue
    if not catalogue.exists():
        raise WrongUse("There is no lakehouse yet.", where=str(catalogue), remedy="Run `lgdp demo`, or submit a file.")
    answer = run_select(catalogue, statement)
    if sql_format == "parquet":
        if sys.stdout.isatty():
            raise WrongUse("Parquet cannot be shown on a terminal.", remedy="Send it to a file: `… > answer.parquet`.")
        from pyarrow import parquet  # noqa: PLC0415 - a second import for this one format

        parquet.write_table(answer, sys.stdout.buffer)
    else:
        print_rows(answer.to_pylist(), answer.column_names, sql_format)
    say(f"[dim]{format_count(answer.num_rows, 'row')}[/dim]")
