"""The command ``intake``: returns received over HTTP.

Belongs here: starting the server, and warnings to its administrator. Belongs elsewhere: its answers (``portal``).
"""

from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import say
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.portal.access_tokens import TokenRegistry, list_push_sources
from lgdp_pipelines.portal.app import LOOPBACK, serve


def intake(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 for a free one.")] = 8080,
    host: Annotated[str, typer.Option(help="The address to listen at; outside this machine, behind a TLS proxy.")] = (
        LOOPBACK
    ),
    root_path: Annotated[str, typer.Option("--root-path", help="The path that a proxy puts it at: /intake.")] = "",
) -> None:
    """Receive returns over HTTP until Ctrl-C.

    Systems POST to /submissions, and the answer holds the findings. The server listens on this machine alone and
    speaks plain HTTP: for councils, put it behind a proxy that does TLS.

    Example: `lgdp intake --port 8080`
    """
    platform = arguments.open_platform()
    if not list_push_sources(platform.register):
        raise WrongUse(
            "The register has no source with transport push.",
            where=str(platform.settings.schemas / "sources"),
            remedy="Add a source with transport push; schemas/README.md shows one.",
        )
    councils = TokenRegistry(platform.register, platform.environment).councils
    say(f"Intake: [bold]http://{host}:{port}[/bold]; {len(councils)} councils have a token (Ctrl-C ends it)")
    if host not in {LOOPBACK, "::1", "localhost"}:
        say("[yellow]![/yellow] Tokens travel in clear text here: let only a proxy that does TLS reach this port.")
    serve(platform, host, port, root_path=root_path)
