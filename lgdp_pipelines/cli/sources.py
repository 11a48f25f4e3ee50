"""The command ``sources``: each council's sources, its latest receipts and the health of its accounts.

Belongs here: arguments, and how sources look. Belongs elsewhere: reaching an account (``collection``).
"""

from collections.abc import Sequence
from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import Row, print_failure, print_rows, show_progress
from lgdp_pipelines.collection.account_checks import UNHEALTHY, AccountHealth, check_accounts
from lgdp_pipelines.collection.transports import create_transport
from lgdp_pipelines.collection.transports.transport import IMPATIENT
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.workflows.platform import Platform

COLUMNS = ("source", "transport", "council", "council_name", "returns", "last_receipt")
HEALTH_COLUMNS = ("state", "seconds", "what", "remedy")


def sources(
    council: arguments.CouncilFilter = None,
    *,
    is_checked: Annotated[
        bool, typer.Option("--check", help="Check whether each account answers; nothing is fetched.")
    ] = False,
    table_format: arguments.FormatOption = "table",
) -> None:
    """List the source of each council's extracts, and its latest receipt.

    Exit code 1: with --check, an account does not answer.

    Example: `lgdp sources --council Fife --check`
    """
    platform, selection = arguments.open_selection(council=council)
    last_receipts = platform.ledger.receipts.find_last_arrivals()
    rows: list[Row] = []
    failures: list[AccountHealth] = []
    for source in platform.register.sources.values():
        codes = [code for code in sorted(source.councils) if selection.council_code in {None, code}]
        health = _check(platform, source, codes) if is_checked and codes else ()
        failures += [account for account in health if account.state in UNHEALTHY]
        by_council = {account.council_code: account for account in health}
        for code in codes:
            received_at = last_receipts.get((source.id, code))
            rows.append(
                {
                    "source": source.id,
                    "transport": str(source.transport),
                    "council": code,
                    "council_name": platform.register.councils.by_code[code].name,
                    "returns": " ".join(source_return.return_code for source_return in source.returns),
                    "last_receipt": received_at.isoformat(timespec="seconds") if received_at else None,
                    **_make_health_columns(by_council.get(code)),
                }
            )
    print_rows(rows, (*COLUMNS, *HEALTH_COLUMNS) if is_checked else COLUMNS, table_format)
    for account in failures:
        print_failure(f"{account.council_code}: {account.what}", account.remedy)
    if failures:
        raise typer.Exit(1)


def _check(platform: Platform, source: Source, codes: Sequence[str]) -> Sequence[AccountHealth]:
    """Return the health of a source's accounts."""
    with show_progress(f"Checking {source.title}, {len(codes)} accounts"):
        transport = create_transport(source, platform.register, platform.environment, platform.today, IMPATIENT)
        return check_accounts(transport, codes)


def _make_health_columns(account: AccountHealth | None) -> Row:
    """Return the columns of an account's health; none without a check."""
    if account is None:
        return {}
    return {
        "state": str(account.state),
        "seconds": round(account.probe_seconds, 3),
        "what": account.what,
        "remedy": account.remedy,
    }
