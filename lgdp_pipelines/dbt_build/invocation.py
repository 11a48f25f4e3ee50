"""One invocation of ``dbt build`` over some slices of a return, and its outcome.

dbt runs in this process, on a scratch database of the invocation's own. The order is dbt's: staging, conformed models
and their tests, candidates for publication and their tests, and last the published slices. Where a test fails, dbt
skips all that follows, so the published slices stay as they were.

Belongs here: the profile, the invocation and its outcome. Belongs elsewhere: the project (``project``), and releases
(``ledger.releases``).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lgdp_pipelines.dbt_build.model_tables import LEDGER_SOURCES, list_validated_tables
from lgdp_pipelines.dbt_build.model_text import select_no_rows
from lgdp_pipelines.dbt_build.project import Project
from lgdp_pipelines.errors import BuildFailed
from lgdp_pipelines.handover.scratch_folders import open_scratch_folder
from lgdp_pipelines.ledger.lake_mirror import TABLES
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.storage import duckdb_connections
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable, define_validated_table
from lgdp_pipelines.vocabulary.periods import parse_period

MEMORY = "1536MB"
"""Limit of the scratch database, which spills to the scratch folder. A database file would take five times the CPU."""

ROWS_IN_ORDER = 1_000_000
"""Rows up to which DuckDB keeps the order of its input; for more, keeping it takes too much memory."""


@dataclass(frozen=True)
class BuiltModel:
    """One model of a build.

    Attributes:
        unique_id: dbt's id.
        status: ``success``, or ``skipped`` after a failed test.
        table: ``layer/name`` of the Delta table that it writes; empty without one.
        rows: of the slice that was written; None without a write.
        version: of the Delta table after the write; None without a write.
        sql: as it ran; empty for a Python model and a skipped one.
    """

    unique_id: str
    status: str
    table: str
    rows: int | None
    version: int | None
    sql: str


@dataclass(frozen=True)
class BuiltTest:
    """One data test of a build.

    Attributes:
        name: dbt's name of it.
        model: unique id of the model under test.
        status: ``pass``, ``warn``, ``fail`` or ``skipped``.
        failures: number of rows that break it.
        description: the statement that holds when it passes.
    """

    name: str
    model: str
    status: str
    failures: int
    description: str


@dataclass(frozen=True)
class BuildOutcome:
    """The outcome of one build.

    Attributes:
        models: in the order of execution.
        tests: in the order of execution.
    """

    models: tuple[BuiltModel, ...]
    tests: tuple[BuiltTest, ...]

    @property
    def is_published(self) -> bool:
        """Whether every published slice was replaced."""
        published = [model for model in self.models if ".published__" in model.unique_id]
        return bool(published) and all(model.version is not None for model in published)

    @property
    def failed_tests(self) -> tuple[BuiltTest, ...]:
        """Tests that stopped the build."""
        return tuple(test for test in self.tests if test.status == "fail")

    @property
    def written(self) -> Mapping[str, BuiltModel]:
        """Models that were written to the lake, by ``layer/name``."""
        return {model.table: model for model in self.models if model.version is not None}


_TEST_DESCRIPTIONS = {
    "has_a_value": "Every row has a value in its key",
    "is_unique": "No key occurs twice",
    "slice_has_values": "Every row has a value in each required column",
    "slice_is_unique": "No row occurs twice",
    "slice_knows_its_councils": "Every council is in the council dimension",
    "slice_values_agree_with_status": "A figure has a value exactly where its status is A",
    "slice_keeps_every_row": "No row was lost or doubled",
    "slice_shows_no_small_count": "No count below the threshold is shown",
    "slice_totals_reveal_nothing": "No withheld count follows by subtraction",
}
"""The statement of each generic test, by its name in ``dbt_project/tests/generic/``."""


def run_build(
    project: Project, settings: Settings, data_return: Return, periods: Sequence[str], *, commit: Mapping[str, str]
) -> BuildOutcome:
    """Build the slices of one return; publish unless a test fails.

    Args:
        project: of :func:`~lgdp_pipelines.dbt_build.project.write_project`.
        settings: places of the lake, secrets and scratch folder.
        data_return: the return.
        periods: ids; one invocation builds all.
        commit: metadata of each commit to the lake, such as the run.

    Returns:
        The outcome. A failed test is part of it and raises nothing.

    Raises:
        WrongUse: an invalid period id.
        BuildFailed: a model failed. The published slices stay as they were.
        StorageError: the lake refused a slice.
    """
    from lgdp_pipelines.dbt_build import dbt_runner  # noqa: PLC0415 - dbt takes seconds to load, and is rarely needed

    ids = tuple(dict.fromkeys(parse_period(period).id for period in periods))
    with open_scratch_folder(settings.scratch, "dbt") as scratch:
        variables = {"periods": list(ids), "lake": str(settings.lake), "commit": dict(commit)}
        invocation = dbt_runner.invoke_dbt(
            [
                "build",
                "--select", f"tag:{data_return.slug}", "tag:shared", "--indirect-selection", "cautious",
                "--vars", json.dumps(variables),
                "--no-populate-cache",
                "--no-write-json",
            ],
            project.folder,
            scratch,
            _configure_database(scratch, settings, data_return, ids),
            dbt_runner.decode_manifest(project.encoded_manifest),
        )  # fmt: skip
        record = scratch / "writes.jsonl"
        lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    writes = {write["model"]: write for write in map(json.loads, lines)}
    for result in invocation.results:
        if str(result.status) in {"error", "runtime error", "partial success"}:
            raise BuildFailed(
                f"Model {result.node.name} failed: {dbt_runner.redact_message(result.message or '')}",
                where=f"{data_return.code} {', '.join(ids)}",
                remedy="The last release stays. Check the model's SQL, and the disk space and rights of the lake.",
            )
    models = [_read_model(result, writes) for result in invocation.results if result.node.resource_type == "model"]
    tests = [_read_test(result) for result in invocation.results if result.node.resource_type == "test"]
    return BuildOutcome(tuple(models), tuple(tests))


def _configure_database(
    scratch: Path, settings: Settings, data_return: Return, periods: Sequence[str]
) -> Mapping[str, object]:
    """Return the profile's settings of the scratch database and its plugin."""
    lake = Lake(settings.lake)
    validated = [define_validated_table(contract, table) for contract, table in list_validated_tables(data_return)]
    ledger = [table for name, table in TABLES.items() if name in LEDGER_SOURCES]
    row_count = sum(lake.count_rows(table, {"period": list(periods)}) for table in validated)
    plugin = {
        "module": "lgdp_pipelines.dbt_build.lake_plugin",
        "config": {
            "lake": str(settings.lake),
            "secrets": str(settings.secrets),
            "writes": str(scratch / "writes.jsonl"),
            "sources": [
                statement for table in [*validated, *ledger] for statement in _list_source_statements(lake, table)
            ],
        },
    }
    return {
        "type": "duckdb",
        "path": ":memory:",
        "threads": 1,
        "plugins": [plugin],
        "config_options": {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": MEMORY,
            "preserve_insertion_order": row_count <= ROWS_IN_ORDER,
            "temp_directory": str(scratch / "spill"),
        },
    }


def _list_source_statements(lake: Lake, table: LakeTable) -> list[str]:
    """Return the statements that create the view of a source.

    The view has no rows where the table was never written.
    """
    schema = duckdb_connections.quote_identifier(table.layer)
    rows = f"select * from {lake.scan_sql(table)}" if lake.exists(table) else select_no_rows(table.arrow_schema)  # noqa: S608 - quoted
    return [
        f"create schema if not exists {schema}",
        f"create view {schema}.{duckdb_connections.quote_identifier(table.name)} as {rows}",
    ]


def _read_model(result: Any, writes: Mapping[str, dict[str, Any]]) -> BuiltModel:  # noqa: ANN401 - dbt's results are untyped
    """Return a model's result, with the write that the plugin recorded."""
    write = writes.get(result.node.unique_id, {})
    return BuiltModel(
        unique_id=result.node.unique_id,
        status=str(result.status),
        table=(result.node.config.meta or {}).get("table", ""),
        rows=write.get("rows"),
        version=write.get("version"),
        sql=(result.node.compiled_code or "") if str(result.node.language) == "sql" else "",
    )


def _read_test(result: Any) -> BuiltTest:  # noqa: ANN401 - dbt's results are untyped
    """Return the result of a data test."""
    node = result.node
    return BuiltTest(
        name=node.name,
        model=node.attached_node or next(iter(node.depends_on.nodes), ""),
        status=str(result.status),
        failures=int(result.failures or 0),
        description=_TEST_DESCRIPTIONS.get(node.test_metadata.name if node.test_metadata else "", node.name),
    )
