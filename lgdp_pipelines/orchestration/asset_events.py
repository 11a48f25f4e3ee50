"""Events that Dagster shows of submissions, withdrawals and releases: materialisations and check results.

Belongs here: pure functions from an outcome, the ledger or a release to events. Belongs elsewhere: when they are
reported (``assets``, ``jobs``). No cell of a personal item is shown: previews hold open items only, and findings never
repeat a value.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import polars as pl

from lgdp_pipelines.dbt_build.invocation import BuiltModel, BuiltTest
from lgdp_pipelines.handover.findings import empty_findings
from lgdp_pipelines.handover.judgement_values import RuleOutcome
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
from lgdp_pipelines.orchestration.policy import (
    ALL_COUNCILS_REPORTED,
    ROW_COUNT,
    SLICE_TESTS_HOLD,
    SUBMISSION_ON_TIME,
    make_partition_key,
)
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.submission_calendar import due_date, timing
from lgdp_pipelines.register.versions.version_union import list_products
from lgdp_pipelines.reporting.wording import format_count
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.table_columns import ROW
from lgdp_pipelines.vocabulary.verdicts import CheckFamily, RuleResult, Severity, find_check_family
from lgdp_pipelines.workflows.processing import SubmissionOutcome
from lgdp_pipelines.workflows.publishing import Publication, list_conformed_models

_SHOWN_FINDINGS = 50
_SHOWN_ROWS = 5

_COLUMN_LINEAGE = "dagster/column_lineage"

_FINDING_COLUMNS = ("rule", "severity", "row", "column", "message")
_RESULT_ORDER = (RuleResult.FAILED, RuleResult.NOT_RUN, RuleResult.PASSED)


@dataclass(frozen=True)
class CheckOutcome:
    """The result of one check of one submission.

    Attributes:
        name: of the check.
        passed: whether it is green.
        severity: whether failure rejects the submission.
        findings: that made it fail, as ``FINDING_SCHEMA`` has them.
        metadata: shown with the check.
    """

    name: str
    passed: bool
    severity: dg.AssetCheckSeverity
    findings: pl.DataFrame
    metadata: Mapping[str, dg.MetadataValue]


def build_materialisations(
    data_return: Return, contract: Contract, outcome: SubmissionOutcome
) -> Iterator[dg.AssetMaterialization]:
    """Yield a submission's materialisations: landed and, if current, validated."""
    submission, judgement = outcome.submission, outcome.judgement
    key = make_partition_key(outcome.council, submission.period)
    metadata: dict[str, Any] = {
        "submission": submission.id,
        "verdict": str(judgement.verdict),
        "findings": sum(rule_outcome.failed for rule_outcome in judgement.outcomes),
        "received": dg.MetadataValue.timestamp(submission.received_at),
        "contract": f"{contract.return_code} {contract.version}",
        **_describe_timeliness(contract, outcome),
        "all findings": dg.MetadataValue.md(
            f"`lgdp sql \"FROM judged.finding WHERE _submission_id = '{submission.id}'\"`"
        ),
        ROW_COUNT: outcome.rows,
    }
    yield dg.AssetMaterialization(make_stage_key(LANDED, data_return), partition=key, metadata=metadata)
    if outcome.is_current:
        previews = {
            f"preview of {name}": dg.MetadataValue.md(
                _render_preview(table.head(_SHOWN_ROWS), list_open_items(contract.by_name[name]))
            )
            for name, table in judgement.tables.items()
        }
        yield dg.AssetMaterialization(
            make_stage_key(VALIDATED, data_return), partition=key, metadata={**metadata, **previews}
        )


def _describe_timeliness(contract: Contract, outcome: SubmissionOutcome) -> dict[str, dg.MetadataValue]:
    """Return a submission's timing, its due day, and a nil mark."""
    period = parse_period(outcome.submission.period)
    submission_timing = timing(contract, period, outcome.submission.received_at)
    timeliness = dg.MetadataValue.text(f"{submission_timing} (due {due_date(contract, period).isoformat()})")
    return {"came": timeliness} | ({"nil return": dg.MetadataValue.bool(True)} if outcome.is_nil else {})


def _render_preview(frame: pl.DataFrame, names: Sequence[str]) -> str:
    """Return the open items of a table's first rows as Markdown."""
    rows = frame.head(_SHOWN_ROWS).select(ROW, *[name for name in names if name in frame.columns])
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows.iter_rows()]
    return _render_table(rows.columns, cells)


def _render_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, ["---"] * len(columns), *rows))


def list_check_outcomes(outcome: SubmissionOutcome, rules: Mapping[str, Rule]) -> Iterator[CheckOutcome]:
    """Yield a submission's checks: each family of rules, and punctuality."""
    judgement = outcome.judgement
    submission = dg.MetadataValue.text(outcome.submission.id)
    for family in CheckFamily:
        rule_outcomes = [
            rule_outcome
            for rule_outcome in judgement.outcomes
            if find_check_family(rules[rule_outcome.rule].kind, rules[rule_outcome.rule].severity) is family
        ]
        failed_rules = [rule_outcome.rule for rule_outcome in rule_outcomes if rule_outcome.result is RuleResult.FAILED]
        findings = judgement.findings.filter(pl.col("rule").is_in(failed_rules))
        metadata = {
            "submission": submission,
            **({"findings": _build_findings_table(findings, _FINDING_COLUMNS)} if failed_rules else {}),
            "rules": dg.MetadataValue.md(_render_rules(rule_outcomes, rules)),
        }
        is_rejecting = any(rules[rule].severity is Severity.ERROR for rule in failed_rules)
        severity = dg.AssetCheckSeverity.ERROR if is_rejecting else dg.AssetCheckSeverity.WARN
        yield CheckOutcome(str(family), not failed_rules, severity, findings, metadata)
    received_at = dg.MetadataValue.timestamp(outcome.submission.received_at)
    yield CheckOutcome(
        SUBMISSION_ON_TIME,
        not outcome.is_late,
        dg.AssetCheckSeverity.WARN,
        empty_findings(),
        {"submission": submission, "received": received_at},
    )


def _render_rules(outcomes: Sequence[RuleOutcome], rules: Mapping[str, Rule]) -> str:
    """Return rules' outcomes as a Markdown table, or a sentence without rules."""
    if not outcomes:
        return "The contract has no rule of this kind."
    rows = [
        (
            f"`{outcome.rule}`",
            rules[outcome.rule].title,
            f"{outcome.result}{f' ({outcome.reason})' if outcome.reason else ''}",
            str(outcome.failed),
        )
        for outcome in sorted(outcomes, key=lambda outcome: (_RESULT_ORDER.index(outcome.result), outcome.rule))
    ]
    return _render_table(["rule", "what is true", "result", "failed"], rows)


def summarise_failed_checks(
    outcomes: Sequence[tuple[SubmissionOutcome, CheckOutcome]],
) -> dict[str, dg.MetadataValue]:
    """Return metadata on failed checks: councils and first findings; empty without any."""
    failed_checks = [(outcome, check) for outcome, check in outcomes if not check.passed]
    if not failed_checks:
        return {}
    councils = dg.MetadataValue.text(", ".join(outcome.council for outcome, _ in failed_checks))
    findings = pl.concat(
        check.findings.with_columns(pl.lit(outcome.submission.id).alias("submission"))
        for outcome, check in failed_checks
    )
    if findings.is_empty():
        return {"councils": councils}
    return {"councils": councils, "findings": _build_findings_table(findings, ("submission", *_FINDING_COLUMNS))}


def _build_findings_table(findings: pl.DataFrame, columns: Sequence[str]) -> dg.MetadataValue:
    """Return the first findings as a table of rules, places and messages."""
    records = [
        dg.TableRecord({name: "" if row[name] is None else row[name] for name in columns})
        for row in findings.head(_SHOWN_FINDINGS).select(columns).iter_rows(named=True)
    ]
    schema = dg.TableSchema(columns=[dg.TableColumn(name, "int" if name == "row" else "string") for name in columns])
    return dg.MetadataValue.table(records=records, schema=schema)


def build_withdrawal_events(
    data_return: Return, submissions: Sequence[Submission]
) -> Iterator[dg.AssetMaterialization]:
    """Yield an empty materialisation of each withdrawn slice.

    It makes later stages run again.
    """
    for submission in submissions:
        yield dg.AssetMaterialization(
            make_stage_key(VALIDATED, data_return),
            partition=make_partition_key(submission.council_code, submission.period),
            description=f"{submission.id} was withdrawn.",
            metadata={"submission": submission.id, "state": str(submission.state), ROW_COUNT: 0},
        )


def evaluate_all_councils_reported(data_return: Return, obligations: Sequence[Obligation]) -> dg.AssetCheckEvaluation:
    """Return the check that all councils reported, with the missing ones.

    Args:
        data_return: the return.
        obligations: of all councils for one period of it; at least one.
    """
    missing_obligations = [obligation for obligation in obligations if not obligation.is_done]
    reported_obligations = [obligation for obligation in obligations if obligation.is_done]
    late_councils = [
        f"{obligation.council_code} ({format_count(obligation.days_late, 'day')})"
        for obligation in reported_obligations
        if obligation.days_late
    ]
    nil_councils = [
        obligation.council_code for obligation in reported_obligations if obligation.latest_outcome is LatestOutcome.NIL
    ]
    first_obligation = obligations[0]
    return dg.AssetCheckEvaluation(
        asset_key=make_stage_key(PUBLISHED, data_return),
        check_name=ALL_COUNCILS_REPORTED,
        passed=not missing_obligations,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "due": dg.MetadataValue.text(first_obligation.due.isoformat()),
            "reported": dg.MetadataValue.int(len(reported_obligations)),
            "missing": dg.MetadataValue.text(
                ", ".join(_describe_missing(obligation) for obligation in missing_obligations)
            ),
            "late": dg.MetadataValue.text(", ".join(late_councils)),
            "nil returns": dg.MetadataValue.text(", ".join(nil_councils)),
        },
        partition=first_obligation.period.id,
    )


def evaluate_missing_submissions(
    data_return: Return, obligations: Sequence[Obligation]
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield a failed ``submission_on_time`` for each overdue obligation without a current submission.

    No run judges a file that never came.
    """
    for obligation in obligations:
        if obligation.state is ObligationState.LATE:
            yield dg.AssetCheckEvaluation(
                asset_key=make_stage_key(VALIDATED, data_return),
                check_name=SUBMISSION_ON_TIME,
                passed=False,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "due": obligation.due.isoformat(),
                    "late": format_count(obligation.days_late, "day"),
                    "latest word": str(obligation.latest_outcome),
                },
                partition=make_partition_key(obligation.council_code, obligation.period.id),
            )


def _describe_missing(obligation: Obligation) -> str:
    """Return a missing council's code, with its latest outcome and days late."""
    details = [str(obligation.latest_outcome)] if obligation.latest_outcome is not LatestOutcome.NOTHING else []
    details += [f"{format_count(obligation.days_late, 'day')} late"] if obligation.days_late else []
    return f"{obligation.council_code} ({', '.join(details)})" if details else obligation.council_code


def build_publication_results(
    data_return: Return, publication: Publication, edges: Sequence[ColumnEdge]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
    """Yield written tables and test checks; fail if nothing was published.

    Raises:
        dg.Failure: a test kept the published slice back; the last release stays.
    """
    outcome = publication.outcome
    written_models = outcome.written
    layers = {model.unique_id: model.table.partition("/")[0] for model in outcome.models}
    conformed_tests = [test for test in outcome.tests if layers.get(test.model) == "conformed"]
    for name in list_conformed_models(data_return):
        key = make_conformed_key(name, data_return)
        model = written_models.get(f"conformed/{name}")
        if model is not None:
            lineage = _build_column_lineage(data_return, edges, f"conformed.{name}")
            yield dg.MaterializeResult(asset_key=key, metadata={**_describe_model(model), _COLUMN_LINEAGE: lineage})
        yield _build_tests_check(key, conformed_tests)
    published_key = make_stage_key(PUBLISHED, data_return)
    if outcome.is_published:
        lineages = [
            _build_column_lineage(data_return, edges, f"published.{product.name}")
            for product in list_products(data_return)
        ]
        metadata: dict[str, Any] = {
            _COLUMN_LINEAGE: dg.TableColumnLineage(
                {column: deps for lineage in lineages for column, deps in lineage.deps_by_column.items()}
            ),
            "releases": ", ".join(f"{release.period} release {release.number}" for release in publication.releases),
        }
        metadata |= {
            f"rows of {table.replace('/', '.')}": model.rows
            for table, model in written_models.items()
            if table.startswith("published/")
        }
        yield dg.MaterializeResult(asset_key=published_key, metadata=metadata)
    yield _build_tests_check(published_key, [test for test in outcome.tests if test not in conformed_tests])
    if not outcome.is_published:
        failed_tests = ", ".join(test.name for test in outcome.failed_tests)
        raise dg.Failure(f"Nothing was released: {failed_tests}. The last release stays in place.", allow_retries=False)


def _build_column_lineage(data_return: Return, edges: Sequence[ColumnEdge], table: str) -> dg.TableColumnLineage:
    """Return each column's origins in the assets that feed its table.

    Open-source Dagster keeps this and shows it in no picture; ``lgdp trace`` does.
    """
    graph = LineageGraph(tuple(edge for edge in edges if edge.return_code == data_return.code))
    deps_by_column: dict[str, list[dg.TableColumnDep]] = {}
    for column in graph.list_columns(data_return.code, table):
        deps = {
            (key, edge.from_column): None
            for edge in graph.trace_back(data_return.code, table, column)
            if (key := _find_source_asset(data_return, edge.from_table, table)) is not None
        }
        deps_by_column[column] = [dg.TableColumnDep(asset_key=key, column_name=name) for key, name in deps]
    return dg.TableColumnLineage(deps_by_column)


def _find_source_asset(data_return: Return, source: str, table: str) -> dg.AssetKey | None:
    """Return a source table's asset if it feeds a table; else None."""
    layer, name = source.split(".", 1)
    if table.startswith("published.") and layer == "conformed" and name in list_conformed_models(data_return):
        return make_conformed_key(name, data_return)
    if table.startswith("conformed.") and layer == "validated":
        return make_stage_key(VALIDATED, data_return)
    return None


def _describe_model(model: BuiltModel) -> dict[str, Any]:
    """Return a built model's name, Delta version, row count and SQL."""
    return {
        "dbt model": model.unique_id.rsplit(".", 1)[-1],
        "delta version": model.version,
        ROW_COUNT: model.rows,
        **({"SQL": dg.MetadataValue.md(f"```sql\n{model.sql}\n```")} if model.sql else {}),
    }


def _build_tests_check(key: dg.AssetKey, tests: Sequence[BuiltTest]) -> dg.AssetCheckResult:
    """Return the check that dbt tests hold; a warning counts as holding."""
    rows = [(f"`{test.name}`", test.description, str(test.status), str(test.failures)) for test in tests]
    table = _render_table(["test", "what is true", "result", "rows that break it"], rows)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=SLICE_TESTS_HOLD,
        passed=all(test.status in ("pass", "warn") for test in tests),
        metadata={"tests": dg.MetadataValue.md(table)},
    )
