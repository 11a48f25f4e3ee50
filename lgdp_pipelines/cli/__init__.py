"""The door that people open: ``lgdp``.

What belongs here: words, arguments, exit codes and how results look. What does not: anything that a job or a stage
should do. Machine formats go to standard output alone; progress and prose go to standard error.

Exit codes: 0 done (``validate``: accepted, with or without queries), 1 refused (``validate``: rejected), 2 wrong use or
unreadable input.
"""

import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

import typer
from typer._click.exceptions import ClickException  # typer has its own copy of click, and no public name for wrong use

from lgdp_pipelines.cli import (
    contracts,
    dropbox,
    estate,
    feedback,
    journey,
    known_issues,
    lake,
    life,
    portal,
    queries,
    register,
    reproduce,
    sources,
    validate,
)
from lgdp_pipelines.cli.output import say
from lgdp_pipelines.errors import LgdpError, UnreadableExtract, WrongUse
from lgdp_pipelines.settings import Settings

REFUSED = 1
WRONG_USE = 2
INTERRUPTED = 130

app = typer.Typer(
    name="lgdp",
    help="The Local Government Data Platform: councils' data returns, from their systems to SQL, with lineage.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for commands in (
    estate,
    dropbox,
    sources,
    register,
    validate,
    contracts,
    journey,
    life,
    queries,
    known_issues,
    lake,
    reproduce,
    feedback,
    portal,
):
    commands.add_to(app)


def main() -> None:
    """Run one command; end with its exit code, and with one clear message where it could not be done."""
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        sys.exit(INTERRUPTED)
    except ClickException as error:
        error.show()
        sys.exit(WRONG_USE)
    except LgdpError as error:
        say(f"[red]✗[/red] {_escaped(str(error))}")
        sys.exit(WRONG_USE if isinstance(error, WrongUse | UnreadableExtract) else REFUSED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - the last door: a person gets a sentence, the traceback goes to a file
        say(f"[red]✗[/red] The platform broke: {type(error).__name__}. The details are in {_kept(error)}.")
        sys.exit(REFUSED)
    sys.exit(code if isinstance(code, int) else 0)


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")


def _kept(error: Exception) -> Path:
    """Write a traceback where an engineer finds it."""
    folder = Settings.from_environment().home / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"lgdp-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.log"
    file.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return file
