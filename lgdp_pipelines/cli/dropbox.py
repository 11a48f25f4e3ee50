"""The commands ``dropbox``: set-up of the OpenSSH server that councils deliver to.

Belongs here: printing texts that follow from the register. Belongs elsewhere: changing the machine.
"""

from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import print_text
from lgdp_pipelines.collection import openssh_setup
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.sources import DropBoxSource
from lgdp_pipelines.workflows.platform import Platform

SourceArgument = Annotated[
    str, typer.Argument(metavar="[SOURCE]", help="A source of drop boxes; needed where the register has several.")
]

commands = typer.Typer()


@commands.command("config")
def print_configuration(source: SourceArgument = "") -> None:
    """Print OpenSSH's configuration that shuts each council into its drop box.

    Example: `lgdp dropbox config > /etc/ssh/sshd_config.d/lgdp-drop-box.conf`
    """
    platform = arguments.open_platform()
    print_text(openssh_setup.render_configuration(_select_source(platform, source), platform.environment))


@commands.command("setup")
def print_setup_script(source: SourceArgument = "") -> None:
    """Print the administrator's script that makes each council's account and folders.

    Example: `lgdp dropbox setup | sudo sh`
    """
    platform = arguments.open_platform()
    print_text(openssh_setup.render_setup_script(_select_source(platform, source), platform.environment))


def _select_source(platform: Platform, source_id: str) -> DropBoxSource:
    """Return the named drop-box source, or the only one; refuse otherwise."""
    sources = [
        source
        for source in platform.register.sources.values()
        if isinstance(source, DropBoxSource) and source_id in {"", source.id}
    ]
    if len(sources) != 1:
        raise WrongUse(
            f"There is no source of drop boxes “{source_id}”."
            if source_id
            else "The register has several sources of drop boxes, or none.",
            remedy="Name a source in schemas/sources/ whose transport is drop-box.",
        )
    return sources[0]
