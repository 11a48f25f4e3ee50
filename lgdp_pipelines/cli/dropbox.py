"""Commands for whoever keeps the server of the drop boxes: ``dropbox config`` and ``dropbox setup``.

What belongs here: printing what follows from the register. What does not: changing anything on the machine.
"""

from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import text_out
from lgdp_pipelines.collection import openssh_setup
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.sources import Source, TransportKind
from lgdp_pipelines.workflows.platform import Platform

SourceArgument = Annotated[
    str, typer.Argument(metavar="[SOURCE]", help="A source of drop boxes; may be left out where there is but one.")
]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(no_args_is_help=True, help="The OpenSSH server that councils deliver to.")
    group.command("config")(config)
    group.command("setup")(setup)
    app.add_typer(group, name="dropbox")


def config(source: SourceArgument = "") -> None:
    """What OpenSSH's server is told, so that each council is shut into its own drop box.

    Example: `lgdp dropbox config > /etc/ssh/sshd_config.d/lgdp-drop-box.conf`
    """
    platform = typed.open_platform()
    text_out(openssh_setup.render_configuration(_source(platform, source), platform.environment))


def setup(source: SourceArgument = "") -> None:
    """A script for the administrator that makes each council's account and folders.

    Example: `lgdp dropbox setup | sudo sh`
    """
    platform = typed.open_platform()
    text_out(openssh_setup.render_setup_script(_source(platform, source), platform.environment))


def _source(platform: Platform, name: str) -> Source:
    found = {
        one.id: one
        for one in platform.register.sources.values()
        if one.transport is TransportKind.DROP_BOX and name in {"", one.id}
    }
    if len(found) != 1:
        raise WrongUse(
            f"There is no source of drop boxes called {name}."
            if name
            else "The register has no source of drop boxes, or several.",
            remedy="Name a source in schemas/sources/ whose transport is drop-box.",
        )
    return next(iter(found.values()))
