"""The dbt-duckdb plugin of the lake: it sets up the connection, and stores a model's rows in a Delta table.

dbt-duckdb loads this module by the name in the profile (``invocation``) and calls :class:`Plugin`; the materialisation
``dbt_project/macros/delta.sql`` stores rows by it. Belongs here: the methods that dbt-duckdb calls. Belongs elsewhere:
models, and writing a slice (``storage``).
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
from lgdp_pipelines.handover.column_types import arrow_to_frame, polars_to_arrow_schema
from lgdp_pipelines.storage import duckdb_connections
from lgdp_pipelines.storage.frame_source import FrameSource
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable
from lgdp_pipelines.storage.pseudonym_keys import PseudonymKey, load_pseudonym_key

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
"""HMAC-SHA256 as :class:`~lgdp_pipelines.storage.pseudonym_keys.PseudonymKey` derives it, in DuckDB over all rows.

The key is a variable of the connection, so no statement, log or compiled file holds it.
"""

BATCH_ROWS = 100_000
"""Rows of a batch that is handed to the lake."""


class Plugin(BasePlugin):
    """The plugin of one build.

    The profile's configuration has ``lake`` (root of the Delta tables), ``secrets`` (folder of the token key),
    ``writes`` (file that records each write) and ``sources`` (statements that create the views which models read).
    """

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Read the profile's configuration, and load the token key."""
        self._lake = Lake(Path(plugin_config["lake"]))
        self._key: PseudonymKey = load_pseudonym_key(Path(plugin_config["secrets"]))
        self._writes = Path(plugin_config["writes"])
        self._sources: list[str] = plugin_config["sources"]
        self._connection: duckdb.DuckDBPyConnection | None = None

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Load the Delta extension, and create views and token function."""
        for statement in (
            f"LOAD {duckdb_connections.quote_literal(str(duckdb_connections.find_delta_extension()))}",
            *self._sources,
            HMAC_MACRO,
        ):
            conn.execute(statement)
        self._connection = conn

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Set the token function's key on a cursor.

        A variable lives as long as its cursor.
        """
        cursor.execute("set variable lgdp_inner_pad = $1", [self._key.inner_pad])
        cursor.execute("set variable lgdp_outer_pad = $1", [self._key.outer_pad])

    def store(self, target_config: Any) -> None:  # noqa: ANN401 - dbt-duckdb's own class, which it does not type
        """Replace a Delta slice by a model's rows, and record the write.

        The materialisation names the slice. Column types that are too narrow are widened first.
        """
        target = target_config.config
        layer, name = target_config.location.path.split("/")
        if self._connection is None:
            raise BuildFailed("dbt stored rows before it configured a connection.")
        with self._connection.cursor() as cursor:
            relation = cursor.table(str(target_config.relation))
            rows = FrameSource(
                arrow_to_frame(relation.limit(0).to_arrow_table()).schema, lambda: iterate_frames(relation)
            )
            count = relation.shape[0]
            schema = polars_to_arrow_schema(rows.schema)
            table = LakeTable(layer, name, schema, tuple(target["partition_by"]), tuple(target["open_columns"]))
            self._lake.widen_types(table, schema, target["commit"])
            if target["replace_by"]:
                frame = arrow_to_frame(relation.to_arrow_table())
                version = self._replace_table(table, frame, target["replace_by"], target["commit"])
            else:
                where = {
                    column: value if isinstance(value, str) else list(value)
                    for column, value in target["where"].items()
                }
                version = self._lake.replace_slice(table, rows, where=where, commit=target["commit"])
        write = {"model": target["model"], "table": str(table), "version": version, "rows": count}
        with self._writes.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(write) + "\n")

    def _replace_table(self, table: LakeTable, rows: pl.DataFrame, key: str, commit: dict[str, str]) -> int:
        """Replace a small table's rows unless equal, and return its version.

        Equal content makes no commit.
        """
        names, stored_rows, version = rows.columns, self._lake.read(table), self._lake.version(table)
        is_equal = stored_rows.columns == names and stored_rows.sort(names).equals(rows.sort(names))
        if version is not None and is_equal:
            return version
        return self._lake.replace_slice(
            table, rows, where={key: sorted({*stored_rows[key], *rows[key]})}, commit=commit
        )


def iterate_frames(relation: duckdb.DuckDBPyRelation) -> Iterator[pl.DataFrame]:
    """Yield the rows of a relation in batches."""
    with relation.to_arrow_reader(BATCH_ROWS) as reader:
        for batch in reader:
            yield arrow_to_frame(pa.Table.from_batches([batch]))
