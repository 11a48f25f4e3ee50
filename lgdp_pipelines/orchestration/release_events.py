"""What is told to Dagster of a release: tables, tests of their slices, and where each column comes from.

What belongs here: how a publication reads in the UI. What does not: making it (``publish``).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from lgdp_pipelines.dbt_build.invocation import BuildOutcome, BuiltModel, BuiltTest
from lgdp_pipelines.lineage.column_edges import ColumnEdge, LineageGraph
from lgdp_pipelines.orchestration.asset_specs import PUBLISHED, VALIDATED, conformed_key, stage_key
from lgdp_pipelines.orchestration.policy import ROW_COUNT, SLICE_TESTS_HOLD
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.versions.version_union import list_products
from lgdp_pipelines.workflows.publishing import Publication, conformed_model_names

COLUMN_LINEAGE = "dagster/column_lineage"


def publication_results(
    data_return: Return, publication: Publication, edges: Sequence[ColumnEdge]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
    """What came of a build: each table that was written, and whether the tests of its slices hold.

    Raises:
        dg.Failure: a test kept the published slice back; what was published stands.
    """
    outcome = publication.outcome
    written = outcome.written
    for name in conformed_model_names(data_return):
        key = conformed_key(name, data_return)
        built = written.get(f"conformed/{name}")
        if built is not None:
            metadata = {**_about(built), COLUMN_LINEAGE: column_deps(data_return, edges, f"conformed.{name}")}
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        yield _tests(key, [test for test in outcome.tests if _is_about(test, outcome, "conformed")])
    published = stage_key(PUBLISHED, data_return)
    checked = _tests(published, [test for test in outcome.tests if not _is_about(test, outcome, "conformed")])
    if outcome.is_published:
        lineage = [
            column_deps(data_return, edges, f"published.{product.name}") for product in list_products(data_return)
        ]
        about: dict[str, Any] = {
            COLUMN_LINEAGE: dg.TableColumnLineage(
                {column: deps for one in lineage for column, deps in one.deps_by_column.items()}
            ),
            "releases": ", ".join(f"{one.period} release {one.number}" for one in publication.releases),
        }
        for table, built in written.items():
            if table.startswith("published/"):
                about[f"rows of {table.replace('/', '.')}"] = built.rows
        yield dg.MaterializeResult(asset_key=published, metadata=about)
    yield checked
    if not outcome.is_published:
        held = ", ".join(test.name for test in outcome.failed_tests)
        raise dg.Failure(f"Nothing was released: {held}. What was published stands.", allow_retries=False)


def column_deps(data_return: Return, edges: Sequence[ColumnEdge], table: str) -> dg.TableColumnLineage:
    """A table's columns, each with the columns of assets that it directly comes from, however many models lie between.

    Open-source Dagster keeps this and shows it in no picture; ``lgdp trace`` does.
    """
    lineage = LineageGraph(tuple(edge for edge in edges if edge.return_code == data_return.code))
    columns = {to: None for _, at, to in sorted(lineage.by_target) if at == table and "." not in to}
    found: dict[str, list[dg.TableColumnDep]] = {}
    for column in columns:
        deps = {
            (key, edge.from_column): None
            for edge in lineage.way_back(data_return.code, table, column)
            if (key := _asset_of(data_return, edge.from_table, table)) is not None
        }
        found[column] = [dg.TableColumnDep(asset_key=key, column_name=name) for key, name in deps]
    return dg.TableColumnLineage(found)


def _asset_of(data_return: Return, source: str, table: str) -> dg.AssetKey | None:
    """The asset one stage before a table that holds another one; None where it is no asset, or further back."""
    layer, name = source.split(".", 1)
    if table.startswith("published.") and layer == "conformed" and name in conformed_model_names(data_return):
        return conformed_key(name, data_return)
    if table.startswith("conformed.") and layer == "validated":
        return stage_key(VALIDATED, data_return)
    return None


def _is_about(test: BuiltTest, outcome: BuildOutcome, layer: str) -> bool:
    tables = {model.unique_id: model.table for model in outcome.models}
    return tables.get(test.model, "").startswith(f"{layer}/")


def _about(built: BuiltModel) -> dict[str, Any]:
    about: dict[str, Any] = {
        "dbt model": built.unique_id.rsplit(".", 1)[-1],
        "delta version": built.version,
        ROW_COUNT: built.rows,
    }
    if built.sql:
        about["SQL"] = dg.MetadataValue.md(f"```sql\n{built.sql}\n```")
    return about


def _tests(key: dg.AssetKey, tests: Sequence[BuiltTest]) -> dg.AssetCheckResult:
    lines = ["| test | what is true | result | rows that break it |", "| --- | --- | --- | --- |"]
    lines += [f"| `{test.name}` | {test.description} | {test.status} | {test.failures} |" for test in tests]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=SLICE_TESTS_HOLD,
        passed=all(test.status in ("pass", "warn") for test in tests),
        metadata={"tests": dg.MetadataValue.md("\n".join(lines))},
    )
