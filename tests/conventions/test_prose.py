"""Help and error messages are in plain English: no pattern that is never right in them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lgdp_pipelines import errors
from lgdp_pipelines.cli.commands import SUMMARIES

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "lgdp_pipelines"

NEVER_RIGHT = {
    "a sentence that begins with What": re.compile(r"(?:^|[.!:]\s+)What\b(?![^.]*\?)"),
    "is none": re.compile(r"\b(?:is|are|was|were) none\b"),
    "nobody": re.compile(r"\bnobody\b", re.IGNORECASE),
    "whoever": re.compile(r"\bwhoever\b", re.IGNORECASE),
    "likewise": re.compile(r"\blikewise\b", re.IGNORECASE),
    "besides": re.compile(r"\bbesides\b", re.IGNORECASE),
    "is told": re.compile(r"\b(?:is|are|be|been) told\b(?! apart)"),
    "stands": re.compile(r"\bstands?\b"),
    "somebody": re.compile(r"\bsomebody\b", re.IGNORECASE),
}

MESSAGES = {name for name, value in vars(errors).items() if isinstance(value, type)} | {
    "Contradiction", "Fault", "refusal", "say", "print_markup", "show_progress",
}  # fmt: skip
"""Calls whose texts people read: errors, contradictions and faults, and the command line's own lines."""

ALLOWED: frozenset[str] = frozenset()
"""Places, as file and text, whose text may hold such a pattern. It is empty, and stays so."""


def texts_in(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the texts below a node, the constant parts of an f-string put together."""
    for child in ast.walk(node):
        if isinstance(child, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else "…" for part in child.values]
            yield child.lineno, "".join(parts)
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.lineno, child.value


def called(node: ast.Call) -> str:
    """Return the name of what is called, without its module."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def prose_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the help and messages of a module, with their lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    is_cli = path.parent.name == "cli"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if called(node) in MESSAGES:
                for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    yield from texts_in(argument)
            for keyword in node.keywords:
                if keyword.arg in {"help", "description", "remedy"}:
                    yield from texts_in(keyword.value)
        elif is_cli and isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.lineno, ast.get_docstring(node) or ""


def test_no_line_in_the_list_of_commands_holds_such_a_pattern() -> None:
    assert [text for text in SUMMARIES.values() if any(pattern.search(text) for pattern in NEVER_RIGHT.values())] == []


@pytest.mark.parametrize("pattern", NEVER_RIGHT)
def test_no_help_and_no_message_holds_a_pattern_that_is_never_right(pattern: str) -> None:
    matches = {
        f"{path.relative_to(PROJECT)}:{line}: {text}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, text in prose_of(path)
        if NEVER_RIGHT[pattern].search(text) and f"{path.name}: {text}" not in ALLOWED
    }

    assert sorted(matches) == []


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
def test_the_patterns_find_such_texts(text: str, pattern: str) -> None:
    assert NEVER_RIGHT[pattern].search(text)
