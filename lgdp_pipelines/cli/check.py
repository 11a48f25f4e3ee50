"""The command ``check``: register, dbt project and Dagster definitions held against each other.

Belongs here: the order of the checks, and the summary. Belongs elsewhere: the checks themselves.
"""

from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import say, show_progress
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.files.notification_file import load_notices
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.settings import Settings


def check(
    part: Annotated[str, typer.Argument(metavar="[register]", help="`register`: only the register.")] = "",
) -> None:
    """Check the register, the dbt project and the Dagster definitions for contradictions.

    Example: `lgdp check`
    """
    if part not in {"", "register"}:
        raise WrongUse(f"There is no part “{part}” to check.", remedy="Type `lgdp check`, or `lgdp check register`.")
    settings = Settings.from_environment()
    with show_progress("Register"):
        register = load_register(settings.schemas)
        load_notices(settings.schemas)
    if not part:
        # dbt and Dagster take seconds to import, and `lgdp check register` needs neither.
        from lgdp_pipelines.orchestration.definitions_builder import check_definitions  # noqa: PLC0415
        from lgdp_pipelines.workflows.publishing import check_lineage, load_dbt_project  # noqa: PLC0415

        platform = arguments.open_platform()
        with show_progress("dbt project, with the models that follow from the register"):
            load_dbt_project(platform)
        with show_progress("Lineage of every published column"):
            check_lineage(platform)
        with show_progress("Dagster definitions"):
            check_definitions(platform)
    contracts = [contract for data_return in register.returns.values() for contract in data_return.contracts]
    say(
        f"{len(register.returns)} returns, {sum(len(list_rules(contract)) for contract in contracts)} rules, "
        f"{len(register.code_lists)} code lists, {len(register.reference)} reference tables, "
        f"{len(register.sources)} sources, {len(register.mappings)} mappings, {len(register.councils.codes)} councils: "
        "no contradiction."
    )
