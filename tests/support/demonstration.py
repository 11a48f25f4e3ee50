"""The full demonstration, and commands and queries over the lake that it makes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.command_line import CommandLine
from tests.support.contracts import PROJECT
from tests.support.real_data import REAL_DATA

LGDP = Path(sys.executable).parent / "lgdp"


def run_demonstration(home: Path) -> str:
    """Run ``lgdp demo --full`` in its own process, with the published files if present."""
    process = subprocess.run(
        [str(LGDP), "demo", "--full", *(["--real-data", str(REAL_DATA)] if REAL_DATA.is_dir() else [])],
        env={**os.environ, "LGDP_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert "Traceback" not in process.stdout + process.stderr
    return process.stdout


def run_lgdp(home: Path, *words: str) -> str:
    """Return the standard output of a command that runs in this process.

    Starting a process costs up to 4 s of CPU.
    """
    return CommandLine(home, PROJECT / "schemas")(*words).out


def query_lake(home: Path, query: str) -> list[dict[str, Any]]:
    """Return the rows of a query in SQL."""
    rows: list[dict[str, Any]] = json.loads(run_lgdp(home, "sql", query, "--format", "json"))
    return rows


def parse_documents(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON documents of a text, such as the stored pages of an API."""
    at = 0
    while at < len(text):
        document, at = json.JSONDecoder().raw_decode(text, at)
        yield document
        at += len(text[at:]) - len(text[at:].lstrip())
