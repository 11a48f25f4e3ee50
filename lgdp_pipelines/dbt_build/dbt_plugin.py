"""The seam between dbt and the lake: the connection that dbt works on, and where a model's rows go.

What belongs here: what ``dbt-duckdb`` calls, and nothing else. It finds the class by this module's name. What does not:
what a model says, and how a slice is written (``storage``).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
from dbt.adapters.duckdb.plugins import BasePlugin

from lgdp_pipelines.errors import BuildFailed
from lgdp_pipelines.storage import duckdb_connections
from lgdp_pipelines.storage.column_widening import widen_types
from lgdp_pipelines.storage.frame_schema import Frames, arrow_schema_of, frame_of
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable
from lgdp_pipelines.storage.pseudonym_keys import TokenKey, token_key

HMAC_MACRO = """
create or replace macro lgdp_token(purpose, subject, val) as
case
    when purpose is not null and subject is not null and val is not null
        then
            substr(
                sha256(
                    getvariable('lgdp_outer_pad') || unhex(
                        sha256(
                            getvariable('lgdp_inner_pad') || encode(
                                concat(length(purpose), ':', purpose, length(subject), ':', subject, val)
                            )
                        )
                    )
                ),
                1, 32
            )
end
"""
"""HMAC-SHA256 as :class:`~lgdp_pipelines.storage.pseudonym_keys.TokenKey` makes it, over all rows at once in DuckDB.

The key is a variable of the connection, so it stands in no query, log or compiled file.
"""

ROWS_AT_ONCE = 100_000
"""Rows that are handed to the lake together."""


class Plugin(BasePlugin):
    """What a build's connection knows, and how it writes.

    The profile gives it ``lake`` (root of the Delta tables), ``secrets`` (folder of the token key), ``written`` (the
    file that each write is noted in) and ``sources`` (statements that lay what models read).
    """

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Take the places from the profile."""
        self._lake = Lake(Path(plugin_config["lake"]))
        self._key: TokenKey = token_key(Path(plugin_config["secrets"]))
        self._written = Path(plugin_config["written"])
        self._sources: list[str] = plugin_config["sources"]
        self._connection: duckdb.DuckDBPyConnection | None = None

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Load the packaged Delta extension, lay sources, define the token function; its key comes with each cursor."""
        for statement in (
            f"LOAD {duckdb_connections.quoted(str(duckdb_connections.delta_extension()))}",
            *self._sources,
            HMAC_MACRO,
        ):
            conn.execute(statement)
        self._connection = conn

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Give the cursor the key; a variable lives as long as its cursor."""
        cursor.execute("set variable lgdp_inner_pad = $1", [self._key.inner_pad])
        cursor.execute("set variable lgdp_outer_pad = $1", [self._key.outer_pad])

    def store(self, target_config: Any) -> None:  # noqa: ANN401 - dbt-duckdb's own class, which it does not type
        """Write a model's rows as the slice that its materialisation names, and note what was written."""
        about = target_config.config
        layer, name = target_config.location.path.split("/")
        if self._connection is None:
            raise BuildFailed("dbt asked for rows to be written before it opened its database.")
        with self._connection.cursor() as cursor:
            made = cursor.table(str(target_config.relation))
            rows = Frames(frame_of(made.limit(0).to_arrow_table()).schema, lambda: frames_of(made))
            count = made.shape[0]
            schema = arrow_schema_of(rows.schema)
            table = LakeTable(layer, name, schema, tuple(about["partition_by"]), tuple(about["open_columns"]))
            widen_types(self._lake, table, schema, about["commit"])
            if about["whole_by"]:
                version = self._store_whole(table, made.to_arrow_table(), about["whole_by"], about["commit"])
            else:
                where = {one: value if isinstance(value, str) else list(value) for one, value in about["where"].items()}
                version = self._lake.replace(table, rows, where=where, commit=about["commit"])
        note = {"model": about["model"], "table": str(table), "version": version, "rows": count}
        with self._written.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(note) + "\n")

    def _store_whole(self, table: LakeTable, rows: pa.Table, key: str, commit: dict[str, str]) -> int:
        """Replace a small table, named by its key column; where it says the same already, no commit is spent on it."""
        stored = self._lake.read(table).to_arrow() if self._lake.exists(table) else rows.slice(0, 0)
        version = self._lake.version(table)
        if version is not None and _same(stored, rows):
            return version
        keys = sorted({*stored[key].to_pylist(), *rows[key].to_pylist()})
        return self._lake.replace(table, rows, where={key: keys}, commit=commit)


def frames_of(made: duckdb.DuckDBPyRelation) -> Iterator[pl.DataFrame]:
    """The rows of a table, never all of them at once."""
    with made.to_arrow_reader(ROWS_AT_ONCE) as reader:
        for batch in reader:
            yield frame_of(pa.Table.from_batches([batch]))


def _same(stored: pa.Table, rows: pa.Table) -> bool:
    if stored.schema.names != rows.schema.names:
        return False
    order = [(name, "ascending") for name in rows.schema.names]
    return bool(stored.cast(rows.schema).sort_by(order).equals(rows.sort_by(order)))
