"""The content of ledger and lake, in a form in which two homes can be compared.

Belongs here: everything that must not depend on whether a run was killed. Belongs elsewhere: runs (``killed_run``).
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable

from lgdp_pipelines.storage.catalogue_reader import run_select
from lgdp_pipelines.workflows.platform import Platform

_TECHNICAL_COLUMNS = {"run_id", "versions", "at", "received_at", "opened_at", "judged_at", "released_at", "expired_at"}
"""Times, runs, and numbers of commits: a repeated run has others, and no result depends on them."""


def read_state(platform: Platform) -> dict[str, Any]:
    """Return the rows of each table, without technical columns, and the ledger's problems."""
    home = platform.settings.home
    contents: dict[str, Any] = {}
    with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger:
        ledger.row_factory = sqlite3.Row
        names = [row[0] for row in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
        for name in names:
            rows = [dict(row) for row in ledger.execute(f'SELECT * FROM "{name}"')]
            contents[f"database {name}"] = _normalise_rows(rows, home=home)
        receipts = [dict(row) for row in ledger.execute("SELECT * FROM receipt ORDER BY id")]
    contents["duplicates"] = sorted(row["file_name"] for row in receipts if row["state"] == "duplicate")
    for log in sorted((home / "lake").rglob("_delta_log")):
        frame = pl.from_arrow(DeltaTable(log.parent).to_pyarrow_dataset().to_table())
        contents[f"lake {log.parent.relative_to(home / 'lake')}"] = _normalise_rows(frame.to_dicts(), home=home)
    contents["received"] = sorted(file.name for file in (home / "lake" / "received").rglob("*") if file.is_file())
    contents["balance"] = platform.ledger.balance.find_problems()
    if platform.settings.catalogue.exists():
        views = run_select(
            platform.settings.catalogue, "SELECT schema_name || '.' || view_name AS name FROM duckdb_views()"
        )
        contents["catalogue"] = sorted(name for name in views["name"].to_pylist() if "duckdb" not in name)
    return contents


def _normalise_rows(rows: list[dict[str, Any]], *, home: Path) -> list[str]:
    """Return rows as sorted text, without duplicates, and with receipts numbered without them."""
    numbers = _number_receipts(home)
    kept_rows = []
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
        kept_rows.append({name: value for name, value in row.items() if name not in _TECHNICAL_COLUMNS})
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in kept_rows)


def _number_receipts(home: Path) -> dict[int, int]:
    """Return each receipt's number among those that are no duplicates, by id."""
    with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger:
        ids = ledger.execute("SELECT id FROM receipt WHERE state <> 'duplicate' ORDER BY id").fetchall()
    return {row[0]: number for number, row in enumerate(ids, 1)}
