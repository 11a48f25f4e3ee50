"""The commands ``token``: tokens that councils' systems send returns with.

Belongs here: choosing the source, and showing a token once. Belongs elsewhere: keeping its hash (``portal``).
"""

from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import print_text, say
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.portal.access_tokens import issue_token, list_push_sources

commands = typer.Typer()


@commands.command("new")
def issue(
    council: arguments.CouncilArgument,
    source: Annotated[
        str | None, typer.Option("--source", help="The push source, where the register has several.")
    ] = None,
) -> None:
    """Issue a council's new token, print it, and revoke the earlier one.

    Only a hash of the token is kept, in the file that the source refers to.

    Example: `lgdp token new Fife`
    """
    platform = arguments.open_platform()
    code = platform.register.councils.require(council).code
    sources = {candidate.id: candidate for candidate in list_push_sources(platform.register)}
    if source is not None:
        sources = {source: arguments.choose(source, sources, f"There is no push source “{source}”.")}
    candidates = [candidate for candidate in sources.values() if code in candidate.councils]
    if len(candidates) != 1:
        raise WrongUse(
            f"{len(candidates)} push sources fit {code}.",
            remedy="Name one with --source." if candidates else "Add the council to a source with transport push.",
        )
    token, file = issue_token(candidates[0], code, platform.environment)
    print_text(token)
    say(f"Give it to {code} in a safe way; it is shown this once. Its hash is in {file}.")
