"""The house's own rules, run as part of the tests: style, types, layers, SQL, and what may not stand in the tree."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("lint-imports", "--no-cache"),
        ("sqlfluff", "lint", "--disable-progress-bar", "dbt_project/models", "dbt_project/tests"),
    ],
    ids=lambda command: command[0] + ("-format" if "format" in command else ""),
)
def test_tree_passes(command: tuple[str, ...]) -> None:
    done = run(*command)

    assert done.returncode == 0, done.stdout + done.stderr


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    return [PROJECT / name for name in listed.split("\0") if name and (PROJECT / name).is_file()]


def test_no_python_module_outgrows_400_lines() -> None:
    long = {
        str(path.relative_to(PROJECT)): lines
        for path in tracked()
        if path.suffix == ".py" and (lines := path.read_text(encoding="utf-8").count("\n")) > 400
    }

    assert long == {}


def test_tree_names_no_home_folder_and_no_package_index() -> None:
    forbidden = re.compile(r"/(?:home|root|Users)/\w|index-url|https?://\S*/simple\b")
    this_file = Path(__file__).resolve()
    found = [
        f"{path.relative_to(PROJECT)}:{number}"
        for path in tracked()
        if path != this_file and path.suffix in {".py", ".sql", ".yaml", ".yml", ".toml", ".txt", ".md", ".cfg", ""}
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), 1)
        if forbidden.search(line)
    ]

    assert found == []


def test_every_module_opens_by_saying_what_belongs_in_it() -> None:
    silent = [
        str(path.relative_to(PROJECT))
        for path in tracked()
        if path.suffix == ".py"
        and "lgdp_pipelines" in path.parts
        and "migrations" not in path.parts
        and not path.read_text(encoding="utf-8").lstrip().startswith('"""')
    ]

    assert silent == []
