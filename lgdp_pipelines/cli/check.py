"""The command ``check``: does everything that the register says fit together?

What belongs here: asking the register, and what is made of it. What does not: showing it (``contracts``), and judging a
file by it (``validate``).
"""

from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import say, working
from lgdp_pipelines.orchestration.definitions_builder import check_definitions
from lgdp_pipelines.register.files.notification_file import load_notices
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.workflows.publishing import check_lineage, load_dbt_project


def add_to(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("check")(check)


def check(
    part: Annotated[str, typer.Argument(metavar="[register]", help="`register`: the register alone.")] = "",
) -> None:
    """Check register, dbt project and Dagster definitions: all contradictions at once.

    Example: `lgdp check`
    """
    settings = Settings.from_environment()
    with working("Register"):
        register = load_register(settings.schemas)
        load_notices(settings.schemas)
    rules = sum(
        len(list_rules(contract)) for data_return in register.returns.values() for contract in data_return.contracts
    )
    if part != "register":
        platform = typed.open_platform()
        with working("dbt project, with the models that follow from the register"):
            load_dbt_project(platform)
        with working("Lineage of every published column"):
            check_lineage(platform)
        with working("Dagster definitions"):
            check_definitions(platform)
    say(
        f"{len(register.returns)} returns, {rules} rules, {len(register.code_lists)} code lists, "
        f"{len(register.reference)} reference tables, "
        f"{len(register.sources)} sources, {len(register.mappings)} mappings, {len(register.councils.codes)} councils: "
        "no contradiction."
    )
