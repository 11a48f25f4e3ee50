"""The command ``status``: how far each council's answers have come.

What belongs here: which standings are asked for. What does not: how they look (``standing``).
"""

import typer

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import TableFormat, rows_out
from lgdp_pipelines.cli.standing import COLUMNS, print_grid, print_unplaced, standing_rows
from lgdp_pipelines.vocabulary.periods import parse_period


def add_to(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("status")(status)


def status(
    return_code: typed.SomeReturn = None,
    period: typed.SomePeriod = None,
    form: typed.FormatOption = TableFormat.TABLE,
) -> None:
    """Who has submitted what, and the verdict.

    Example: `lgdp status --return HL1`
    """
    platform = typed.open_platform()
    returns = typed.returns_named(platform.register, return_code)
    chosen = (
        None if period is None else (typed.period_named(returns[0], period) if return_code else parse_period(period)).id
    )
    if form is TableFormat.TABLE:
        for data_return in returns:
            print_grid(platform, data_return, chosen)
        print_unplaced(platform)
    else:
        rows_out(standing_rows(platform, returns, chosen), COLUMNS, form)
