"""Which test modules may import which."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
SHARED_FOLDERS = ("tests.support", "tests.planted", "tests.real")
"""Folders of helpers and data that every test may use."""


def imported_test_modules(path: Path) -> Iterator[str]:
    """Yield the dotted names below ``tests`` that a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tests":
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("folder", sorted((TESTS / "unit").iterdir()), ids=lambda folder: folder.name)
def test_unit_tests_import_only_shared_helpers_and_their_own_folder(folder: Path) -> None:
    allowed = (*SHARED_FOLDERS, f"tests.unit.{folder.name}")

    foreign = [
        f"{path.relative_to(TESTS)} imports {name}"
        for path in sorted(folder.rglob("*.py"))
        for name in imported_test_modules(path)
        if not name.startswith(allowed)
    ]

    assert foreign == []


def test_support_imports_no_tests() -> None:
    foreign = [
        f"{path.relative_to(TESTS)} imports {name}"
        for path in sorted((TESTS / "support").rglob("*.py"))
        for name in imported_test_modules(path)
        if not name.startswith(SHARED_FOLDERS)
    ]

    assert foreign == []
