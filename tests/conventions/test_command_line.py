"""Every command is documented, with an example that names it, and the documentation's commands exist."""

import re
from pathlib import Path

import click
import pytest
import typer

from lgdp_pipelines.cli.commands import SUMMARIES, render_help
from lgdp_pipelines.cli.execution import load_command

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTED_COMMANDS = {
    "demo", "dev", "check", "validate", "submit", "collect", "revalidate", "status", "sql", "trace", "register show",
    "register mapping",
    "dropbox config", "dropbox setup", "sources",
    "query list", "query show", "query answer", "query accept", "query send-back", "query rules",
    "known-issue put", "known-issue list", "known-issue lift", "known-issue import",
    "report", "intake", "token new", "withdraw", "calendar", "remind", "ledger", "reproduce",
}  # fmt: skip


def list_commands(word: str) -> dict[str, click.Command]:
    """Return commands by their words, those of a group after the group's name."""
    command = typer.main.get_command(load_command(word)).commands[word]  # type: ignore[attr-defined]
    subcommands = getattr(command, "commands", None)
    return (
        {word: command}
        if subcommands is None
        else {f"{word} {name}": subcommand for name, subcommand in subcommands.items()}
    )


COMMANDS = {name: command for word in SUMMARIES for name, command in list_commands(word).items()}


def test_commands_are_the_documented_ones() -> None:
    assert set(COMMANDS) == DOCUMENTED_COMMANDS


@pytest.mark.parametrize("word", SUMMARIES)
def test_the_list_of_commands_holds_the_first_line_of_each_help(word: str) -> None:
    command = typer.main.get_command(load_command(word)).commands[word]  # type: ignore[attr-defined]

    assert (command.help or "").splitlines()[0] == SUMMARIES[word]
    assert SUMMARIES[word] in render_help()


@pytest.mark.parametrize("name", sorted(DOCUMENTED_COMMANDS))
def test_help_of_each_command_has_a_summary_and_an_example(name: str) -> None:
    text = COMMANDS[name].help or ""

    assert len(text.splitlines()[0]) > 20
    assert f"Example: `lgdp {name}" in text


@pytest.mark.parametrize("name", sorted(DOCUMENTED_COMMANDS))
def test_each_option_is_described(name: str) -> None:
    undescribed_parameters = [
        parameter.name
        for parameter in COMMANDS[name].params
        if parameter.name != "help" and not getattr(parameter, "help", None)
    ]

    assert undescribed_parameters == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/how-to.md"])
def test_documentation_names_only_commands_and_options_that_exist(page: str) -> None:
    text = (PROJECT / page).read_text(encoding="utf-8")
    groups = {name.split()[0] for name in DOCUMENTED_COMMANDS if " " in name}
    mentions = re.findall(rf"lgdp ((?:(?:{'|'.join(groups)}) )?\w+)((?:[^\n`]|\n\s{{2,}})*)", text)

    assert {name for name, _ in mentions} <= DOCUMENTED_COMMANDS
    for name, rest in mentions:
        options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert set(re.findall(r"(--[a-z-]+)", rest)) <= options, name
