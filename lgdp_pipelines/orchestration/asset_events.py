"""Events that Dagster shows of submissions, withdrawals and releases: materialisations and check results.

What belongs here: pure functions from an outcome, the ledger or a release to events. What does not: when they are
reported (``assets``, ``jobs``). No cell of a personal item is shown: previews hold open items only, and findings never
repeat a value.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import polars as pl

from lgdp_pipelines.dbt_build.invocation import BuildOutcome, BuiltModel, BuiltTest
from lgdp_pipelines.handover.findings import RuleOutcome, empty_findings
from lgdp_pipelines.ledger.obligations import LatestOutcome, Obligation, ObligationState
from lgdp_pipelines.ledger.submission_records import Submission
from lgdp_pipelines.lineage.column_edges import ColumnEdge, LineageGraph
from lgdp_pipelines.orchestration.asset_specs import (
    LANDED,
    PUBLISHED,
    VALIDATED,
    list_open_items,
    make_conformed_key,
    make_stage_key,
)
from lgdp_pipelines.orchestration.partitions import make_partition_key
from lgdp_pipelines.orchestration.policy import ALL_COUNCILS_REPORTED, ROW_COUNT, SLICE_TESTS_HOLD, SUBMISSION_ON_TIME
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.submission_calendar import due_date, timing
from lgdp_pipelines.register.versions.version_union import list_products
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.verdicts import CheckFamily, RuleResult, Severity, check_family
from lgdp_pipelines.workflows.processing import SubmissionOutcome
from lgdp_pipelines.workflows.publishing import Publication, list_conformed_models

SHOWN_FINDINGS = 50


SHOWN_ROWS = 5


_FINDING_COLUMNS = ("rule", "severity", "row", "column", "message")


def build_materialisations(
    data_return: Return, contract: Contract, outcome: SubmissionOutcome
) -> Iterator[dg.AssetMaterialization]:
    """Landed, whatever the verdict; validated, where the submission now stands."""
    key = make_partition_key(outcome.council, outcome.submission.period)
    judgement = outcome.judgement
    submission = f"_submission_id = '{outcome.submission.id}'"
    about: dict[str, dg.MetadataValue] = {
        "submission": dg.MetadataValue.text(outcome.submission.id),
        "verdict": dg.MetadataValue.text(str(judgement.verdict)),
        "findings": dg.MetadataValue.int(sum(result.failed for result in judgement.results)),
        "received": dg.MetadataValue.timestamp(outcome.submission.received_at),
        "contract": dg.MetadataValue.text(f"{contract.return_code} {contract.version}"),
        **describe_timeliness(contract, outcome),
        "all findings": dg.MetadataValue.md(f'`lgdp sql "FROM judged.finding WHERE {submission}"`'),
    }
    rows = {ROW_COUNT: outcome.rows}
    yield dg.AssetMaterialization(make_stage_key(LANDED, data_return), partition=key, metadata={**about, **rows})
    if outcome.is_standing:
        previews = {
            f"preview of {name}": dg.MetadataValue.md(
                render_preview(table.head(SHOWN_ROWS), list_open_items(contract.by_name[name]))
            )
            for name, table in judgement.tables.items()
        }
        yield dg.AssetMaterialization(
            make_stage_key(VALIDATED, data_return), partition=key, metadata={**about, **rows, **previews}
        )


def render_preview(frame: pl.DataFrame, names: Sequence[str]) -> str:
    """The first rows of a table as Markdown, with their row numbers and the open items only."""
    shown = frame.head(SHOWN_ROWS).select("_row", *[name for name in names if name in frame.columns])
    lines = [" | ".join(shown.columns), " | ".join("---" for _ in shown.columns)]
    lines += [
        " | ".join("" if make_partition_key is None else str(make_partition_key) for make_partition_key in row)
        for row in shown.iter_rows()
    ]
    return "\n".join(f"| {line} |" for line in lines)


@dataclass(frozen=True)
class CheckOutcome:
    """One check of one submission.

    Attributes:
        name: of the check.
        passed: whether it is green.
        severity: whether a red one rejects.
        findings: the ones that made it red, as ``FINDING_SCHEMA`` has them.
        metadata: what a person needs to see.
    """

    name: str
    passed: bool
    severity: dg.AssetCheckSeverity
    findings: pl.DataFrame
    metadata: Mapping[str, dg.MetadataValue]


def list_check_outcomes(outcome: SubmissionOutcome, rules: Mapping[str, Rule]) -> Iterator[CheckOutcome]:
    """Each check of a submission: one a family of rules, and whether it came in time."""
    judgement = outcome.judgement
    submission = dg.MetadataValue.text(outcome.submission.id)
    for family in CheckFamily:
        results = [r for r in judgement.results if check_family(rules[r.rule].kind, rules[r.rule].severity) is family]
        failed = [result.rule for result in results if result.result is RuleResult.FAILED]
        rejects = any(rules[rule].severity is Severity.ERROR for rule in failed)
        metadata: dict[str, dg.MetadataValue] = {"submission": submission}
        listed = judgement.findings.filter(pl.col("rule").is_in(failed))
        if failed:
            metadata["findings"] = build_findings_table(listed, _FINDING_COLUMNS)
        metadata["rules"] = dg.MetadataValue.md(_render_rules(results, rules))
        level = dg.AssetCheckSeverity.ERROR if rejects else dg.AssetCheckSeverity.WARN
        yield CheckOutcome(str(family), not failed, level, listed, metadata)
    received = dg.MetadataValue.timestamp(outcome.submission.received_at)
    yield CheckOutcome(
        SUBMISSION_ON_TIME,
        not outcome.is_late,
        dg.AssetCheckSeverity.WARN,
        empty_findings(),
        {"submission": submission, "received": received},
    )


def summarise_failed_checks(told: Sequence[tuple[SubmissionOutcome, CheckOutcome]]) -> dict[str, dg.MetadataValue]:
    """What a run over many councils shows beside its own word on a check: which councils, and the first findings."""
    red = [(outcome, checked) for outcome, checked in told if not checked.passed]
    if not red:
        return {}
    placed = [
        checked.findings.with_columns(pl.lit(outcome.submission.id).alias("submission")) for outcome, checked in red
    ]
    metadata: dict[str, dg.MetadataValue] = {
        "councils": dg.MetadataValue.text(", ".join(outcome.council for outcome, _ in red)),
    }
    findings = pl.concat(placed)
    if not findings.is_empty():
        metadata["findings"] = build_findings_table(findings, ("submission", *_FINDING_COLUMNS))
    return metadata


def build_findings_table(findings: pl.DataFrame, columns: Sequence[str]) -> dg.MetadataValue:
    """The first findings as a table: where, which rule, and what to do."""
    records = [
        dg.TableRecord({name: "" if row[name] is None else row[name] for name in columns})
        for row in findings.head(SHOWN_FINDINGS).select(columns).iter_rows(named=True)
    ]
    schema = dg.TableSchema(columns=[dg.TableColumn(name, "int" if name == "row" else "string") for name in columns])
    return dg.MetadataValue.table(records=records, schema=schema)


def _render_rules(results: Sequence[RuleOutcome], rules: Mapping[str, Rule]) -> str:
    if not results:
        return "The contract has no rule of this kind."
    order = {RuleResult.FAILED: 0, RuleResult.NOT_RUN: 1, RuleResult.PASSED: 2}
    lines = ["| rule | what is true | result | failed |", "| --- | --- | --- | --- |"]
    for one in sorted(results, key=lambda result: (order[result.result], result.rule)):
        why = f" ({one.reason})" if one.reason else ""
        lines.append(f"| `{one.rule}` | {rules[one.rule].title} | {one.result}{why} | {one.failed} |")
    return "\n".join(lines)


def describe_timeliness(contract: Contract, outcome: SubmissionOutcome) -> dict[str, dg.MetadataValue]:
    """When a submission came, against the day it was due; and that it is nil, where it is."""
    period = parse_period(outcome.submission.period)
    came = timing(contract, period, outcome.submission.received_at)
    said: dict[str, dg.MetadataValue] = {
        "came": dg.MetadataValue.text(f"{came} (due {due_date(contract, period).isoformat()})")
    }
    return {**said, "nil return": dg.MetadataValue.bool(True)} if outcome.is_nil else said


def build_withdrawal_events(
    data_return: Return, submissions: Sequence[Submission]
) -> Iterator[dg.AssetMaterialization]:
    """Slices that hold nothing any more, because councils took back what stood there. What follows is made again."""
    for one in submissions:
        yield dg.AssetMaterialization(
            make_stage_key(VALIDATED, data_return),
            partition=make_partition_key(one.council_code, one.period),
            description=f"{one.id} was withdrawn.",
            metadata={"submission": one.id, "state": str(one.state), ROW_COUNT: 0},
        )


def evaluate_all_councils_reported(data_return: Return, owed: Sequence[Obligation]) -> dg.AssetCheckEvaluation:
    """Whether each council's answer for a period stands, a nil return too; and who is missing or came late.

    Args:
        data_return: the return.
        owed: what each council owes for one period of it; at least one.
    """
    missing = [one for one in owed if not one.is_done]
    nil = [one.council_code for one in owed if one.is_done and one.latest_outcome is LatestOutcome.NIL]
    late = [one for one in owed if one.is_done and one.days_late]
    first = owed[0]
    metadata: dict[str, dg.MetadataValue] = {
        "due": dg.MetadataValue.text(first.due.isoformat()),
        "reported": dg.MetadataValue.int(len(owed) - len(missing)),
        "missing": dg.MetadataValue.text(", ".join(_describe_missing(one) for one in missing)),
        "late": dg.MetadataValue.text(", ".join(f"{one.council_code} ({_format_days(one.days_late)})" for one in late)),
        "nil returns": dg.MetadataValue.text(", ".join(nil)),
    }
    return dg.AssetCheckEvaluation(
        asset_key=make_stage_key(PUBLISHED, data_return),
        check_name=ALL_COUNCILS_REPORTED,
        passed=not missing,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
        partition=first.period.id,
    )


def evaluate_missing_submissions(data_return: Return, owed: Sequence[Obligation]) -> Iterator[dg.AssetCheckEvaluation]:
    """A red ``submission_on_time`` for each council that is late: no run judges what never came."""
    for one in owed:
        if one.state is ObligationState.LATE:
            yield dg.AssetCheckEvaluation(
                asset_key=make_stage_key(VALIDATED, data_return),
                check_name=SUBMISSION_ON_TIME,
                passed=False,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "due": one.due.isoformat(),
                    "late": _format_days(one.days_late),
                    "latest word": str(one.latest_outcome),
                },
                partition=make_partition_key(one.council_code, one.period.id),
            )


def _describe_missing(one: Obligation) -> str:
    said = [str(one.latest_outcome)] if one.latest_outcome is not LatestOutcome.NOTHING else []
    said += [f"{_format_days(one.days_late)} late"] if one.days_late else []
    return f"{one.council_code} ({', '.join(said)})" if said else one.council_code


def _format_days(number: int) -> str:
    return f"{number} day{'s' if number != 1 else ''}"


COLUMN_LINEAGE = "dagster/column_lineage"


def build_publication_results(
    data_return: Return, publication: Publication, edges: Sequence[ColumnEdge]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
    """What came of a build: each table that was written, and whether the tests of its slices hold.

    Raises:
        dg.Failure: a test kept the published slice back; what was published stands.
    """
    outcome = publication.outcome
    written = outcome.written
    for name in list_conformed_models(data_return):
        key = make_conformed_key(name, data_return)
        built = written.get(f"conformed/{name}")
        if built is not None:
            metadata = {
                **_describe_model(built),
                COLUMN_LINEAGE: build_column_lineage(data_return, edges, f"conformed.{name}"),
            }
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        yield _build_tests_check(key, [test for test in outcome.tests if _tests_layer(test, outcome, "conformed")])
    published = make_stage_key(PUBLISHED, data_return)
    checked = _build_tests_check(
        published, [test for test in outcome.tests if not _tests_layer(test, outcome, "conformed")]
    )
    if outcome.is_published:
        lineage = [
            build_column_lineage(data_return, edges, f"published.{product.name}")
            for product in list_products(data_return)
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


def build_column_lineage(data_return: Return, edges: Sequence[ColumnEdge], table: str) -> dg.TableColumnLineage:
    """A table's columns, each with the columns of assets that it directly comes from, however many models lie between.

    Open-source Dagster keeps this and shows it in no picture; ``lgdp trace`` does.
    """
    lineage = LineageGraph(tuple(edge for edge in edges if edge.return_code == data_return.code))
    columns = lineage.list_columns(data_return.code, table)
    found: dict[str, list[dg.TableColumnDep]] = {}
    for column in columns:
        deps = {
            (key, edge.from_column): None
            for edge in lineage.trace_back(data_return.code, table, column)
            if (key := _find_source_asset(data_return, edge.from_table, table)) is not None
        }
        found[column] = [dg.TableColumnDep(asset_key=key, column_name=name) for key, name in deps]
    return dg.TableColumnLineage(found)


def _find_source_asset(data_return: Return, source: str, table: str) -> dg.AssetKey | None:
    """The asset one stage before a table that holds another one; None where it is no asset, or further back."""
    layer, name = source.split(".", 1)
    if table.startswith("published.") and layer == "conformed" and name in list_conformed_models(data_return):
        return make_conformed_key(name, data_return)
    if table.startswith("conformed.") and layer == "validated":
        return make_stage_key(VALIDATED, data_return)
    return None


def _tests_layer(test: BuiltTest, outcome: BuildOutcome, layer: str) -> bool:
    tables = {model.unique_id: model.table for model in outcome.models}
    return tables.get(test.model, "").startswith(f"{layer}/")


def _describe_model(built: BuiltModel) -> dict[str, Any]:
    about: dict[str, Any] = {
        "dbt model": built.unique_id.rsplit(".", 1)[-1],
        "delta version": built.version,
        ROW_COUNT: built.rows,
    }
    if built.sql:
        about["SQL"] = dg.MetadataValue.md(f"```sql\n{built.sql}\n```")
    return about


def _build_tests_check(key: dg.AssetKey, tests: Sequence[BuiltTest]) -> dg.AssetCheckResult:
    lines = ["| test | what is true | result | rows that break it |", "| --- | --- | --- | --- |"]
    lines += [f"| `{test.name}` | {test.description} | {test.status} | {test.failures} |" for test in tests]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=SLICE_TESTS_HOLD,
        passed=all(test.status in ("pass", "warn") for test in tests),
        metadata={"tests": dg.MetadataValue.md("\n".join(lines))},
    )
