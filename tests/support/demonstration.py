"""The demonstration as a person runs it, for tests that look at what it leaves behind."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
REAL_DATA = PROJECT.parent / "shared" / "realdata"
LGDP = Path(sys.executable).parent / "lgdp"


def run_lgdp(home: Path, *words: str, expect: int = 0) -> str:
    """Run a command on a platform: what it writes to standard output."""
    done = subprocess.run(
        [str(LGDP), *words],
        env={**os.environ, "LGDP_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == expect, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout


def run_demonstration(home: Path) -> str:
    """Run the demonstration, with the publishers' own files where they are at hand."""
    return run_lgdp(home, "demo", *(["--real-data", str(REAL_DATA)] if REAL_DATA.is_dir() else []))


def query_lake(home: Path, query: str) -> list[dict[str, Any]]:
    """What a query in SQL gives."""
    rows: list[dict[str, Any]] = json.loads(run_lgdp(home, "sql", query, "--format", "json"))
    return rows


def parse_documents(text: str) -> Iterator[dict[str, Any]]:
    """JSON documents that stand one after the other, as the pages of an API are kept."""
    at = 0
    while at < len(text):
        document, at = json.JSONDecoder().raw_decode(text, at)
        yield document
        at += len(text[at:]) - len(text[at:].lstrip())
