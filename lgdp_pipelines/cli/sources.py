"""``sources``: where extracts come from, council by council, and whether each account answers.

What belongs here: how sources look. What does not: asking them (``collection.health``).
"""

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.markup import escape

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import Row, TableFormat, rows_out, say, working
from lgdp_pipelines.collection.account_health import UNHEALTHY, AccountHealth, check_accounts
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.workflows.platform import Platform

COLUMNS = ("source", "transport", "council", "council_name", "returns", "last_receipt")
ASKED = ("state", "seconds", "what", "remedy")


def add_to(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("sources")(sources)


def sources(
    council: typed.SomeCouncil = None,
    check: Annotated[  # noqa: FBT002 - typer makes a switch of it
        bool, typer.Option("--check", help="Ask each account whether it can be used; nothing is fetched.")
    ] = False,
    form: Annotated[TableFormat, typer.Option("--format", "-f", help="How to write the rows.")] = TableFormat.TABLE,
) -> None:
    """Where each council's extracts come from, when something last came, and whether the account answers.

    Exit code 1: with --check, some account does not answer.

    Example: `lgdp sources --council Fife --check`
    """
    platform = typed.open_platform()
    chosen = platform.register.councils.named(council).code if council else None
    last = platform.ledger.last_arrivals()
    rows: list[Row] = []
    ill: list[AccountHealth] = []
    for source in platform.register.sources.values():
        codes = [code for code in sorted(source.councils) if chosen in {None, code}]
        health = _asked(platform, source, codes) if check and codes else {}
        ill += [one for one in health.values() if one.state in UNHEALTHY]
        for code in codes:
            arrived = last.get((source.id, code))
            rows.append(
                {
                    "source": source.id,
                    "transport": str(source.transport),
                    "council": code,
                    "council_name": platform.register.councils.by_code[code].name,
                    "returns": " ".join(one.return_code for one in source.returns),
                    "last_receipt": arrived.isoformat(timespec="seconds") if arrived else None,
                    **_health_columns(health.get(code)),
                }
            )
    rows_out(rows, (*COLUMNS, *ASKED) if check else COLUMNS, form)
    for one in ill:
        say(f"[red]✗[/red] {one.council_code}: {escape(one.what)}\n    → {escape(one.remedy)}")
    if ill:
        raise typer.Exit(1)


def _asked(platform: Platform, source: Source, codes: list[str]) -> Mapping[str, AccountHealth]:
    with working(f"Asking {source.title}, {len(codes)} accounts"):
        found = check_accounts(
            source, platform.register, environment=platform.environment, today=platform.today, councils=codes
        )
    return {one.council_code: one for one in found}


def _health_columns(one: AccountHealth | None) -> Row:
    if one is None:
        return {}
    return {"state": str(one.state), "seconds": round(one.seconds, 3), "what": one.what, "remedy": one.remedy}
