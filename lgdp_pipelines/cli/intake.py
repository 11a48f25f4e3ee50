"""Commands about the intake by HTTP: ``intake`` runs it, ``token new`` lets a council in.

What belongs here: starting it, and telling an administrator what to do. What does not: what it answers (``portal``).
"""

from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import say, text_out
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.portal.access_tokens import Tokens, new_token, push_sources
from lgdp_pipelines.portal.server import LOOPBACK, serve

token = typer.Typer(help="Tokens that councils' systems send returns with.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("intake")(intake)
    app.add_typer(token, name="token")


def intake(
    port: Annotated[int, typer.Option(help="To listen on.")] = 8080,
    host: Annotated[str, typer.Option(help="To listen at; another than this machine's own needs a TLS proxy.")] = (
        LOOPBACK
    ),
    root_path: Annotated[str, typer.Option("--root-path", help="Where a proxy puts it, such as /intake.")] = "",
) -> None:
    """Take returns in over HTTP, until Ctrl-C: POST /submissions, with the findings in the answer.

    It listens on this machine alone and speaks plain HTTP; for councils it stands behind a proxy that does TLS.

    Example: `lgdp intake --port 8080`
    """
    platform = typed.open_platform()
    if not push_sources(platform.register):
        raise WrongUse(
            "No source in the register says that councils push.",
            where=str(platform.settings.schemas / "sources"),
            remedy="Add a source with transport push; schemas/README.md shows one.",
        )
    councils = Tokens(platform.register, platform.environment).councils
    say(f"Intake: [bold]http://{host}:{port}[/bold]; {len(councils)} councils have a token (Ctrl-C ends it)")
    if host not in {LOOPBACK, "::1", "localhost"}:
        say("[yellow]![/yellow] Tokens travel in the clear here: let only a proxy that does TLS reach this port.")
    serve(platform, host, port, root_path=root_path)


@token.command("new")
def new(
    council: Annotated[str, typer.Argument(metavar="COUNCIL", help="By any code or name: FIF, S12000047, Fife.")],
    source: Annotated[
        str | None, typer.Option("--source", help="Of the push sources, where there are several.")
    ] = None,
) -> None:
    """Make a token for a council, and print it once. An older one of that council counts no longer.

    Only its hash is kept, in the file that the source refers to.

    Example: `lgdp token new Fife`
    """
    platform = typed.open_platform()
    code = platform.register.councils.named(council).code
    sources = [one for one in push_sources(platform.register) if code in one.councils and source in (None, one.id)]
    if len(sources) != 1:
        raise WrongUse(
            f"{len(sources)} push sources fit {code}.",
            remedy="Name one with --source." if sources else "Add the council to a source with transport push.",
        )
    made, file = new_token(sources[0], code, platform.environment)
    text_out(made)
    say(f"Give it to {code} by a safe way; it is shown this once. Its hash is in {file}.")
