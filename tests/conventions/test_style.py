"""Rules of the tree that no tool of ``make lint`` checks, and that the commit hooks run the checks of ``make lint``."""

import re
import subprocess
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[2]
LONGEST_MODULE = 800
"""Lines."""


def list_tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    return [PROJECT / name for name in listed.split("\0") if name and (PROJECT / name).is_file()]


def test_no_python_module_is_longer_than_800_lines() -> None:
    long_modules = {
        str(path.relative_to(PROJECT)): lines
        for path in list_tracked_files()
        if path.suffix == ".py" and (lines := path.read_text(encoding="utf-8").count("\n")) > LONGEST_MODULE
    }

    assert long_modules == {}


def test_commit_hooks_run_the_checks_of_make_lint() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    [checks] = re.findall(r"^lint: (.+)$", makefile, re.MULTILINE)
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]

    assert [hook["entry"] for hook in hooks] == [f"make {check}" for check in checks.split()]


def test_tree_names_no_home_folder_and_no_package_index() -> None:
    forbidden = re.compile(r"/(?:home|root|Users)/\w|index-url|https?://\S*/simple\b")
    this_file = Path(__file__).resolve()
    violations = [
        f"{path.relative_to(PROJECT)}:{number}"
        for path in list_tracked_files()
        if path != this_file and path.suffix in {".py", ".sql", ".yaml", ".yml", ".toml", ".txt", ".md", ".cfg", ""}
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), 1)
        if forbidden.search(line)
    ]

    assert violations == []


def test_every_module_has_a_docstring() -> None:
    undocumented_modules = [
        str(path.relative_to(PROJECT))
        for path in list_tracked_files()
        if path.suffix == ".py"
        and "lgdp_pipelines" in path.parts
        and "migrations" not in path.parts
        and not path.read_text(encoding="utf-8").lstrip().startswith('"""')
    ]

    assert undocumented_modules == []
