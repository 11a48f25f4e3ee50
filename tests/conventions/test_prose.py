"""Help, messages and docstrings are in plain English: none has a pattern that is never right in them."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import typer

from lgdp_pipelines import errors
from lgdp_pipelines.cli.commands import SUMMARIES
from lgdp_pipelines.cli.execution import load_command

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "lgdp_pipelines"

NEVER_RIGHT = {
    "a sentence that begins with What": re.compile(r"(?:^|[.!:]\s+)What\b(?![^.]*\?)"),
    "is none": re.compile(r"\b(?:is|are|was|were) none\b"),
    "nobody": re.compile(r"\bnobody\b", re.IGNORECASE),
    "whoever": re.compile(r"\b(?:who|what)(?:so)?ever\b", re.IGNORECASE),
    "likewise": re.compile(r"\blikewise\b", re.IGNORECASE),
    "besides": re.compile(r"\bbesides\b", re.IGNORECASE),
    "is told": re.compile(r"\b(?:is|are|be|been) told\b(?! apart)"),
    "stands": re.compile(r"\bstands?\b"),
    "somebody": re.compile(r"\bsomebody\b", re.IGNORECASE),
}

LONGEST_FIRST_LINE = 12
"""Words."""

MESSAGES = {name for name, value in vars(errors).items() if isinstance(value, type)} | {
    "Contradiction", "Fault", "refusal", "say", "print_markup", "show_progress",
}  # fmt: skip
"""Calls whose texts people read: errors, contradictions and faults, and the command line's own lines."""


@dataclass(frozen=True)
class Prose:
    """Text that people read.

    Attributes:
        location: file and line, or command and parameter.
        text: text, with ``…`` for the values of an f-string.
    """

    location: str
    text: str


def iterate_texts(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the texts below a node, with the constant parts of an f-string joined."""
    for child in ast.walk(node):
        if isinstance(child, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else "…" for part in child.values]
            yield child.lineno, "".join(parts)
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.lineno, child.value


def get_called_name(call: ast.Call) -> str:
    """Return the name of a called function or class, without its module."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def iterate_messages(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the messages of a module and their lines."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            arguments = call.args if get_called_name(call) in MESSAGES else []
            keywords = call.keywords if get_called_name(call) in MESSAGES else []
            described = [keyword for keyword in call.keywords if keyword.arg in {"help", "description", "remedy"}]
            for argument in [*arguments, *(keyword.value for keyword in [*keywords, *described])]:
                yield from iterate_texts(argument)


def iterate_first_lines(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the first docstring line of each class and function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(node):
            yield node.lineno, (ast.get_docstring(node) or "").splitlines()[0]


def iterate_help(command: click.Command, name: str) -> Iterator[Prose]:
    """Yield the help of a command, of its parameters and of the commands below it."""
    yield Prose(f"lgdp {name}", command.help or "")
    yield from (
        Prose(f"lgdp {name} {parameter.name}", getattr(parameter, "help", None) or "") for parameter in command.params
    )
    for inner_name, inner_command in getattr(command, "commands", {}).items():
        yield from iterate_help(inner_command, f"{name} {inner_name}")


MODULES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
HELP = [
    prose
    for word in SUMMARIES
    for prose in iterate_help(typer.main.get_command(load_command(word)).commands[word], word)  # type: ignore[attr-defined]
]
MESSAGE_TEXTS = [
    Prose(f"{path.relative_to(PROJECT)}:{line}", text)
    for path, tree in MODULES.items()
    for line, text in iterate_messages(tree)
]
FIRST_LINES = [
    Prose(f"{path.relative_to(PROJECT)}:{line}", text)
    for path, tree in MODULES.items()
    for line, text in iterate_first_lines(tree)
]


@pytest.mark.parametrize("pattern", NEVER_RIGHT)
@pytest.mark.parametrize("texts", [HELP, MESSAGE_TEXTS, FIRST_LINES], ids=["help", "messages", "docstrings"])
def test_prose_has_no_pattern_that_is_never_right(texts: list[Prose], pattern: str) -> None:
    assert [prose for prose in texts if NEVER_RIGHT[pattern].search(prose.text)] == []


def test_first_docstring_lines_have_12_words_at_most() -> None:
    assert [prose for prose in FIRST_LINES if len(prose.text.split()) > LONGEST_FIRST_LINE] == []


def test_summaries_of_commands_have_no_such_pattern() -> None:
    assert [text for text in SUMMARIES.values() if any(found.search(text) for found in NEVER_RIGHT.values())] == []


def test_the_whole_package_is_searched() -> None:
    """Otherwise the tests above would search nothing, and pass."""
    commands = {prose.location for prose in HELP}
    assert {f"lgdp {word}" for word in SUMMARIES} <= commands
    assert {"lgdp query answer", "lgdp token new", "lgdp validate council_name"} <= commands
    assert len(HELP) > 120
    assert len(MESSAGE_TEXTS) > 600
    assert len(FIRST_LINES) > 1800
    assert {path.relative_to(PACKAGE).parts[0] for path in MODULES} >= {"cli", "landing", "register", "validation"}


def test_messages_are_found_wherever_they_are_written() -> None:
    module = ast.parse(
        """
def read():
    \"\"\"Nobody reads.\"\"\"
    raise StorageError(f"Nobody {name} in " "the file.", remedy="Likewise.")
    yield Contradiction(where, "It is none.", remedy=f"See {place}, besides.")
    console.say("An earlier one stands.")
    typer.Option("--all", help="Whoever asks is told.")
"""
    )
    texts = [text for _, text in iterate_messages(module)]

    for pattern in ("nobody", "likewise", "is none", "besides", "stands", "whoever", "is told"):
        assert any(NEVER_RIGHT[pattern].search(text) for text in texts), pattern
    assert [text for _, text in iterate_first_lines(module)] == ["Nobody reads."]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("What is not there.", "a sentence that begins with What"),
        ("The folder is none below the account's root.", "is none"),
        ("Nobody gives tokens now.", "nobody"),
        ("The journey is told as each account is done.", "is told"),
        ("An earlier one stands.", "stands"),
    ],
)
def test_patterns_find_such_texts(text: str, pattern: str) -> None:
    assert NEVER_RIGHT[pattern].search(text)
