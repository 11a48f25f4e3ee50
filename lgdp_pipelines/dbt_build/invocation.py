"""Running dbt over one return's slices, in this process, on a scratch database of the call's own.

The order is dbt's: staging, conformed models, their tests, what would be published, its tests, and only then the
published slice. Where a test of severity error fails, everything after it is skipped, so what was published stands.

What belongs here: one call and what came of it. What does not: where the project comes from (``project``), and whether
a release is a new one (the ledger knows).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lgdp_pipelines.dbt_build.model_tables import LEDGER_SOURCES, validated_tables
from lgdp_pipelines.dbt_build.project import Project, quiet
from lgdp_pipelines.dbt_build.sql_text import nothing
from lgdp_pipelines.errors import BuildFailed
from lgdp_pipelines.handover.scratch_folders import scratch_folder
from lgdp_pipelines.ledger.lake_mirror import TABLES
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.storage import duckdb_connections
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable, validated_table
from lgdp_pipelines.vocabulary.periods import parse_period

MEMORY = "1536MB"
"""What a build's database may take. What is more is put aside in the scratch folder: as a file of its own the database
would take five times the CPU."""

ROWS_IN_ORDER = 1_000_000
"""Up to so many rows are kept in the order in which they are read; keeping more in order takes memory."""


@dataclass(frozen=True)
class BuiltModel:
    """One model of a build.

    Attributes:
        unique_id: dbt's name for it.
        status: ``success``, or ``skipped`` because a test before it failed.
        seconds: how long it took.
        table: ``layer/name`` in the lake; empty where it stays in the scratch database.
        rows: of the slice that was written; None where nothing was.
        version: of the Delta table after the write; None where nothing was written.
        sql: as it ran; empty for a Python model and for one that was skipped.
    """

    unique_id: str
    status: str
    seconds: float
    table: str
    rows: int | None
    version: int | None
    sql: str


@dataclass(frozen=True)
class BuiltTest:
    """One test of a build, on its slice.

    Attributes:
        name: dbt's name for it.
        model: unique id of the model that it is about.
        status: ``pass``, ``warn``, ``fail`` or ``skipped``.
        failures: rows that broke it.
        description: what is true when it holds.
    """

    name: str
    model: str
    status: str
    failures: int
    description: str


@dataclass(frozen=True)
class BuildOutcome:
    """What came of one build.

    Attributes:
        return_code: the return.
        periods: ids of the slices.
        models: in the order they ran.
        tests: likewise.
    """

    return_code: str
    periods: tuple[str, ...]
    models: tuple[BuiltModel, ...]
    tests: tuple[BuiltTest, ...]

    @property
    def is_published(self) -> bool:
        """Whether every published slice was replaced."""
        published = [one for one in self.models if ".published__" in one.unique_id]
        return bool(published) and all(one.version is not None for one in published)

    @property
    def failed_tests(self) -> tuple[BuiltTest, ...]:
        """The tests that kept something back."""
        return tuple(test for test in self.tests if test.status == "fail")

    @property
    def written(self) -> Mapping[str, BuiltModel]:
        """What was written to the lake, by ``layer/name``."""
        return {one.table: one for one in self.models if one.version is not None}


def build(
    project: Project, settings: Settings, data_return: Return, periods: Sequence[str], *, commit: Mapping[str, str]
) -> BuildOutcome:
    """Conform and publish the slices of one return.

    Args:
        project: as :func:`~lgdp_pipelines.dbt_build.project.write_project` gives it.
        settings: where lake, secrets and scratch folder are.
        data_return: the return.
        periods: ids; all are built in one call.
        commit: kept with each commit to the lake, such as the run.

    Returns:
        What was built and tested. A failed test is told here and is no exception.

    Raises:
        WrongUse: a period's id is none.
        BuildFailed: a model could not be made. What was published stands.
        StorageError: the lake did not take a slice.
    """
    from lgdp_pipelines.dbt_build import dbt_client  # noqa: PLC0415 - dbt takes seconds to load, and is rarely needed

    ids = tuple(dict.fromkeys(parse_period(one).id for one in periods))
    with scratch_folder(settings.scratch, "dbt") as scratch:
        _write_profile(scratch, settings, data_return, ids)
        variables = {"periods": list(ids), "lake": str(settings.lake), "commit": dict(commit)}
        result = dbt_client.run(
            [
                "build",
                "--select", f"tag:{data_return.slug}", "tag:shared", "--indirect-selection", "cautious",
                "--vars", json.dumps(variables),
                "--no-populate-cache",
                "--no-write-json",
                *quiet(project.folder, scratch),
            ],
            dbt_client.unpacked(project.packed_manifest),
        )  # fmt: skip
        notes = _notes(scratch / "written.jsonl")
    broken = [one for one in result.results if str(one.status) in {"error", "runtime error", "partial success"}]
    if broken:
        first = broken[0]
        raise BuildFailed(
            f"{first.node.name} could not be made: {dbt_client.safe_message(first.message or '')}",
            where=f"{data_return.code} {', '.join(ids)}",
            remedy="What was published stands. Look at the model's SQL, or at disk space and rights of the lake.",
        )
    models = [_built(one, notes) for one in result.results if one.node.resource_type == "model"]
    tests = [_tested(one) for one in result.results if one.node.resource_type == "test"]
    return BuildOutcome(data_return.code, ids, tuple(models), tuple(tests))


def _write_profile(scratch: Path, settings: Settings, data_return: Return, periods: Sequence[str]) -> None:
    lake = Lake(settings.lake)
    validated = [validated_table(contract, table) for contract, table in validated_tables(data_return)]
    rows = sum(lake.count(table, {"period": list(periods)}) for table in validated)
    plugin = {
        "module": "lgdp_pipelines.dbt_build.dbt_plugin",
        "config": {
            "lake": str(settings.lake),
            "secrets": str(settings.secrets),
            "written": str(scratch / "written.jsonl"),
            "sources": [
                statement
                for table in [*validated, *(one for one in TABLES if one.name in LEDGER_SOURCES)]
                for statement in _laid(lake, table)
            ],
        },
    }
    output = {
        "type": "duckdb",
        "path": ":memory:",
        "threads": 1,
        "plugins": [plugin],
        "config_options": {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": MEMORY,
            "preserve_insertion_order": rows <= ROWS_IN_ORDER,
            "temp_directory": str(scratch / "spill"),
        },
    }
    profile = {"lgdp": {"target": "scratch", "outputs": {"scratch": output}}}
    (scratch / "profiles.yml").write_text(json.dumps(profile), encoding="utf-8")


def _laid(lake: Lake, table: LakeTable) -> list[str]:
    """A source table for the models to read: a view over what the lake holds; nothing where it was never written."""
    schema = duckdb_connections.identifier(table.layer)
    rows = f"select * from {lake.scan_sql(table)}" if lake.exists(table) else nothing(table.arrow_schema)  # noqa: S608 - quoted
    return [
        f"create schema if not exists {schema}",
        f"create view {schema}.{duckdb_connections.identifier(table.name)} as {rows}",
    ]


def _notes(file: Path) -> dict[str, dict[str, Any]]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {note["model"]: note for note in map(json.loads, lines)}


def _built(one: Any, notes: Mapping[str, dict[str, Any]]) -> BuiltModel:  # noqa: ANN401 - dbt's results are untyped
    note = notes.get(one.node.unique_id, {})
    is_sql = str(one.node.language) == "sql"
    return BuiltModel(
        unique_id=one.node.unique_id,
        status=str(one.status),
        seconds=round(one.execution_time, 3),
        table=(one.node.config.meta or {}).get("table", ""),
        rows=note.get("rows"),
        version=note.get("version"),
        sql=(one.node.compiled_code or "") if is_sql else "",
    )


def _tested(one: Any) -> BuiltTest:  # noqa: ANN401 - dbt's results are untyped
    return BuiltTest(
        name=one.node.name,
        model=one.node.attached_node or next(iter(one.node.depends_on.nodes), ""),
        status=str(one.status),
        failures=int(one.failures or 0),
        description=_WHAT_HOLDS.get(one.node.test_metadata.name if one.node.test_metadata else "", one.node.name),
    )


_WHAT_HOLDS = {
    "has_a_value": "Every row has a value in its key",
    "is_unique": "No key stands twice",
    "slice_has_values": "Every row has what it must have",
    "slice_is_unique": "No row stands twice",
    "slice_knows_its_councils": "Every council is in the council dimension",
    "slice_values_agree_with_status": "A figure is there just where its status says so",
    "slice_keeps_every_row": "No row was lost or doubled on the way",
    "slice_shows_no_small_count": "No count below the threshold is shown",
    "slice_totals_reveal_nothing": "No withheld count can be had by subtraction",
}
