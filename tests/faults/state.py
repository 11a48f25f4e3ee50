"""What ledger and lake hold, in a form in which two homes can be compared.

Belongs here: everything that must not depend on whether a run was disturbed. Belongs elsewhere: runs.
"""

import json
import sqlite3
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable

from lgdp_pipelines.storage.catalogue_reader import run_select
from lgdp_pipelines.workflows.platform import Platform

_TECHNICAL = {"run_id", "versions", "at", "received_at", "opened_at", "judged_at", "released_at", "expired_at"}
"""Times, runs, and numbers of commits: a run that is done again has others, and nothing is made from them."""


def state(platform: Platform) -> dict[str, Any]:
    """What ledger and lake hold, table by table, without what must differ; and what the ledger finds amiss."""
    home = platform.settings.home
    ledger = sqlite3.connect(home / "ledger.sqlite")
    ledger.row_factory = sqlite3.Row
    names = [row[0] for row in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
    found: dict[str, Any] = {}
    for name in names:
        rows = [dict(row) for row in ledger.execute(f'SELECT * FROM "{name}"')]
        found[f"database {name}"] = _content(rows, first=home)
    receipts = [dict(row) for row in ledger.execute("SELECT * FROM receipt ORDER BY id")]
    found["duplicates"] = sorted(row["file_name"] for row in receipts if row["state"] == "duplicate")
    for log in sorted((home / "lake").rglob("_delta_log")):
        frame = pl.from_arrow(DeltaTable(log.parent).to_pyarrow_dataset().to_table())
        found[f"lake {log.parent.relative_to(home / 'lake')}"] = _content(frame.to_dicts(), first=home)
    found["received"] = sorted(file.name for file in (home / "lake" / "received").rglob("*") if file.is_file())
    found["balance"] = platform.ledger.balance.find_problems()
    if platform.settings.catalogue.exists():
        views = run_select(
            platform.settings.catalogue, "SELECT schema_name || '.' || view_name AS name FROM duckdb_views()"
        )
        found["catalogue"] = sorted(name for name in views["name"].to_pylist() if "duckdb" not in name)
    return found


def _content(rows: list[dict[str, Any]], *, first: Path) -> list[str]:
    """Rows as text in an order of their own; duplicates are left out, and receipts numbered without them."""
    numbers = _receipt_numbers(first)
    rows_to_keep = []
    for row in rows:
        if row.get("state") == "duplicate":
            continue
        if "file_name" in row:
            row["id"] = numbers[row["id"]]
        if "receipt_id" in row:
            row["receipt_id"] = numbers[row["receipt_id"]]
        if "inputs" in row:
            inputs = json.loads(row["inputs"])
            row["inputs"] = [entry | {"receipt": numbers[entry["receipt"]]} for entry in inputs]
        rows_to_keep.append({name: value for name, value in row.items() if name not in _TECHNICAL})
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in rows_to_keep)


def _receipt_numbers(home: Path) -> dict[int, int]:
    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        ids = ledger.execute("SELECT id FROM receipt WHERE state <> 'duplicate' ORDER BY id").fetchall()
    return {row[0]: number for number, row in enumerate(ids, 1)}
