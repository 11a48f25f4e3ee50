"""Commands that show the register to people: ``register show``.

What belongs here: asking the register and printing what it says. What does not: checking it (``cli.register``).
"""

from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import text_out
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model import Contract, Return
from lgdp_pipelines.register.showing import contract_text
from lgdp_pipelines.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help="What is asked, as the register has it.", no_args_is_help=True)
    group.command("show")(show)
    # With one command alone, typer would take the group's name for it.
    group.callback()(_register)
    app.add_typer(group, name="register")


def _register() -> None:
    """What is asked, as the register has it."""


def show(
    return_code: typed.ReturnArgument,
    version: Annotated[
        str, typer.Option("--version", "-v", help="Of the contract, such as 2.0.0; else the newest.")
    ] = "",
) -> None:
    """Print a whole contract as YAML of the Open Data Contract Standard, and what is different in it and why.

    What is different, and the reasons that a changes file gives, stand in comments before it.

    Example: `lgdp register show SCHOOL-SUMMARY --version 2.0.0`
    """
    register = load_register(Settings.from_environment().schemas)
    ret = register.named(return_code)
    text_out(contract_text(register, ret, _version_named(ret, version)))


def _version_named(ret: Return, text: str) -> Contract:
    if not text:
        return ret.latest
    versions = {str(contract.version): contract for contract in ret.contracts}
    if text not in versions:
        raise WrongUse(f"{ret.code} has no version {text}.", remedy=f"Choose one of: {', '.join(versions)}.")
    return versions[text]
