"""Every command is documented, with an example that names it, and the README's commands exist."""

import re
from pathlib import Path

import click
import pytest
import typer

from lgdp_pipelines.cli import MODULES, app_for

PROJECT = Path(__file__).resolve().parents[2]
PROMISED = {
    "demo", "dev", "check", "validate", "submit", "collect", "revalidate", "status", "sql", "trace", "register show",
    "register mapping",
    "dropbox config", "dropbox setup", "sources",
    "query list", "query show", "query answer", "query accept", "query send-back", "query rules",
    "known-issue put", "known-issue list", "known-issue lift", "known-issue import",
    "report", "intake", "token new", "withdraw", "calendar", "remind", "ledger", "reproduce",
}  # fmt: skip


def _flat(commands: dict[str, click.Command], before: str = "") -> dict[str, click.Command]:
    """Commands by what is typed for them, those of a group after the group's name."""
    found: dict[str, click.Command] = {}
    for name, command in commands.items():
        inner = getattr(command, "commands", None)
        found |= {f"{before}{name}": command} if inner is None else _flat(inner, f"{before}{name} ")
    return found


COMMANDS = _flat(typer.main.get_command(app_for([])).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("word", sorted({name.split()[0] for name in PROMISED}))
def test_a_command_is_there_without_the_modules_of_others(word: str) -> None:
    alone = typer.main.get_command(app_for([word])).commands  # type: ignore[attr-defined]

    assert set(_flat(alone)) == {name for name in PROMISED if name.split()[0] in alone}
    assert next(words for words in MODULES.values() if word in words) == tuple(alone)


def test_the_promised_commands_are_there() -> None:
    assert set(COMMANDS) == PROMISED


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_each_command_says_what_it_does_with_an_example(name: str) -> None:
    said = COMMANDS[name].help or ""

    assert len(said.splitlines()[0]) > 20
    assert f"Example: `lgdp {name}" in said


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_each_option_is_described(name: str) -> None:
    silent = [
        parameter.name
        for parameter in COMMANDS[name].params
        if parameter.name != "help" and not getattr(parameter, "help", None)
    ]

    assert silent == []


def test_the_readme_speaks_only_of_commands_and_options_that_exist() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    groups = {name.split()[0] for name in PROMISED if " " in name}
    asked = re.findall(rf"lgdp ((?:(?:{'|'.join(groups)}) )?\w+)((?:[^\n`]|\n\s{{2,}})*)", text)

    assert {name for name, _ in asked} <= PROMISED
    for name, rest in asked:
        options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert set(re.findall(r"(--[a-z-]+)", rest)) <= options, name
