"""The door that people open: ``lgdp``.

What belongs here: words, arguments, exit codes and how results look. What does not: anything that a job or a stage
should do. Machine formats go to standard output alone; progress and prose go to standard error.

Exit codes: 0 done (``validate``: accepted, with or without queries), 1 refused (``validate``: rejected), 2 wrong use or
unreadable input.
"""

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import typer
from typer._click.exceptions import ClickException  # typer has its own copy of click, and no public name for wrong use

from lgdp_pipelines.cli.output import say
from lgdp_pipelines.errors import LgdpError, UnreadableExtract, WrongUse
from lgdp_pipelines.settings import Settings

REFUSED = 1
WRONG_USE = 2
INTERRUPTED = 130

_HELP = "The Local Government Data Platform: councils' data returns, from their systems to SQL, with lineage."

MODULES: Mapping[str, tuple[str, ...]] = {
    "demo": ("demo", "dev"),
    "dropbox": ("dropbox",),
    "sources": ("sources",),
    "check": ("check",),
    "validate": ("validate",),
    "register": ("register",),
    "submit": ("submit", "collect", "revalidate"),
    "status": ("status",),
    "withdraw": ("withdraw", "calendar", "remind", "ledger"),
    "query": ("query",),
    "known_issue": ("known-issue",),
    "sql": ("sql", "trace"),
    "reproduce": ("reproduce",),
    "report": ("report",),
    "intake": ("intake", "token"),
}
"""Modules here, in the order in which help lists them, and the words that each answers to."""


def app_for(words: Sequence[str]) -> typer.Typer:
    """The commands of the module that the first word means; where it means none, all of them, as for help.

    Dagster, dbt and servers take seconds to import, and most commands need none of them.
    """
    app = typer.Typer(
        name="lgdp",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(help=_HELP)(_whatever_the_command)
    meant = [module for module, answers in MODULES.items() if words and words[0] in answers]
    for module in meant or MODULES:
        import_module(f"{__name__}.{module}").add_to(app)
    return app


def _whatever_the_command() -> None:
    """Does nothing: an app of one command would otherwise take the command's name for its argument."""


def main() -> None:
    """Run one command; end with its exit code, and with one clear message where it could not be done."""
    try:
        code = app_for(sys.argv[1:])(standalone_mode=False)
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
