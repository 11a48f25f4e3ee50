"""Running one command: only its own module is imported, and every refusal becomes a message and an exit code.

Belongs here: the way from words to an exit code. Belongs elsewhere: commands, and the meaning of exit codes
(:mod:`lgdp_pipelines.cli`).
"""

import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from importlib import import_module

import typer
from rich.markup import escape

from lgdp_pipelines.cli import DONE, INTERRUPTED, REFUSED, WRONG_USE
from lgdp_pipelines.cli.commands import SUMMARIES
from lgdp_pipelines.cli.output import say
from lgdp_pipelines.errors import LgdpError, UnreadableExtract, WrongUse
from lgdp_pipelines.settings import Settings


def load_command(name: str) -> typer.Typer:
    """Import a command's module, and return an application of it alone.

    The module holds a group called ``commands``, or a function called as the command.
    """
    app = typer.Typer(
        name="lgdp",
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_keep_command_name)
    identifier = name.replace("-", "_")
    module = import_module(f"lgdp_pipelines.cli.{identifier}")
    if isinstance(group := getattr(module, "commands", None), typer.Typer):
        app.add_typer(group, name=name, help=SUMMARIES[name], no_args_is_help=True)
    else:
        app.command(name)(getattr(module, identifier))
    return app


def _keep_command_name() -> None:
    """Do nothing: typer needs a callback to keep a single command's name."""


def run_command(words: Sequence[str]) -> int:
    """Run a command; print any error, and return its exit code.

    A refusal or failure becomes one message for people.
    """
    try:
        return _run(words)
    except typer.Abort:
        return INTERRUPTED
    except typer.TyperException as error:
        # A group without a command has printed its help by then, and its error holds no message.
        if message := error.format_message():
            context = getattr(error, "ctx", None)
            command = context.command_path if context else f"lgdp {words[0]}"
            say(f"[red]✗[/red] {escape(message)}\n  → `{escape(command)} --help` shows its use.")
        return WRONG_USE
    except LgdpError as error:
        say(f"[red]✗[/red] {escape(str(error))}")
        return WRONG_USE if isinstance(error, WrongUse | UnreadableExtract) else REFUSED
    except BrokenPipeError:
        raise  # main ends the command in silence
    except Exception as error:  # noqa: BLE001 - the last resort: a person gets a sentence, and a file the traceback
        say(f"[red]✗[/red] The platform failed: {type(error).__name__}. {escape(_keep_traceback(error))}")
        return REFUSED


def _run(words: Sequence[str]) -> int:
    """Run the command named by the first word; return its exit code."""
    if words[0] not in SUMMARIES:
        similar = get_close_matches(words[0], SUMMARIES, n=1)
        raise WrongUse(
            f"There is no command “{words[0]}”.",
            remedy=f"Type `lgdp {similar[0]}`." if similar else "`lgdp --help` lists the commands.",
        )
    code = load_command(words[0])(list(words), prog_name="lgdp", standalone_mode=False)
    return code if isinstance(code, int) else DONE


def _keep_traceback(error: Exception) -> str:
    """Write a traceback to a log; return a sentence on its place."""
    file = Settings.from_environment().home / "logs" / f"lgdp-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.log"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return f"Its log cannot be written: check that {file.parent.parent} (LGDP_HOME) can be written to."
    return f"The details are in {file}."
