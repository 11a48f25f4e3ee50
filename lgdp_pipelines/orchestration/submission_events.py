"""What is told to Dagster of each submission: pure functions from an outcome to materialisations and check results.

What belongs here: how an outcome reads in the UI. What does not: when it is told (``assets``). No cell of a personal
item is shown: previews hold open items only, and findings never repeat a value.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
import polars as pl

from lgdp_pipelines.handover.findings import RuleOutcome, no_findings
from lgdp_pipelines.orchestration.asset_specs import LANDED, VALIDATED, open_items, stage_key
from lgdp_pipelines.orchestration.lifecycle_events import about_life
from lgdp_pipelines.orchestration.partitions import cell
from lgdp_pipelines.orchestration.policy import ROW_COUNT, SUBMISSION_ON_TIME
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.vocabulary.verdicts import CheckFamily, RuleResult, Severity, check_family
from lgdp_pipelines.workflows.processing import Outcome

SHOWN_FINDINGS = 50
SHOWN_ROWS = 5

_FINDING_COLUMNS = ("rule", "severity", "row", "column", "message")


def materialisations(data_return: Return, contract: Contract, outcome: Outcome) -> Iterator[dg.AssetMaterialization]:
    """Landed, whatever the verdict; validated, where the submission now stands."""
    key = cell(outcome.council, outcome.submission.period)
    judgement = outcome.judgement
    submission = f"_submission_id = '{outcome.submission.id}'"
    about: dict[str, dg.MetadataValue] = {
        "submission": dg.MetadataValue.text(outcome.submission.id),
        "verdict": dg.MetadataValue.text(str(judgement.verdict)),
        "findings": dg.MetadataValue.int(sum(result.failed for result in judgement.results)),
        "received": dg.MetadataValue.timestamp(outcome.submission.received_at),
        "contract": dg.MetadataValue.text(f"{contract.return_code} {contract.version}"),
        **about_life(contract, outcome),
        "all findings": dg.MetadataValue.md(f'`lgdp sql "FROM judged.finding WHERE {submission}"`'),
    }
    rows = {ROW_COUNT: outcome.rows}
    yield dg.AssetMaterialization(stage_key(LANDED, data_return), partition=key, metadata={**about, **rows})
    if outcome.is_standing:
        previews = {
            f"preview of {name}": dg.MetadataValue.md(
                preview(table.head(SHOWN_ROWS), open_items(contract.by_name[name]))
            )
            for name, table in judgement.tables.items()
        }
        yield dg.AssetMaterialization(
            stage_key(VALIDATED, data_return), partition=key, metadata={**about, **rows, **previews}
        )


def preview(frame: pl.DataFrame, names: Sequence[str]) -> str:
    """The first rows of a table as Markdown, with their row numbers and the open items only."""
    shown = frame.head(SHOWN_ROWS).select("_row", *[name for name in names if name in frame.columns])
    lines = [" | ".join(shown.columns), " | ".join("---" for _ in shown.columns)]
    lines += [" | ".join("" if cell is None else str(cell) for cell in row) for row in shown.iter_rows()]
    return "\n".join(f"| {line} |" for line in lines)


@dataclass(frozen=True)
class Checked:
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


def check_results(outcome: Outcome, rules: Mapping[str, Rule]) -> Iterator[Checked]:
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
            metadata["findings"] = findings_table(listed, _FINDING_COLUMNS)
        metadata["rules"] = dg.MetadataValue.md(_rules(results, rules))
        level = dg.AssetCheckSeverity.ERROR if rejects else dg.AssetCheckSeverity.WARN
        yield Checked(str(family), not failed, level, listed, metadata)
    received = dg.MetadataValue.timestamp(outcome.submission.received_at)
    yield Checked(
        SUBMISSION_ON_TIME,
        not outcome.is_late,
        dg.AssetCheckSeverity.WARN,
        no_findings(),
        {"submission": submission, "received": received},
    )


def run_findings(told: Sequence[tuple[Outcome, Checked]]) -> dict[str, dg.MetadataValue]:
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
        metadata["findings"] = findings_table(findings, ("submission", *_FINDING_COLUMNS))
    return metadata


def findings_table(findings: pl.DataFrame, columns: Sequence[str]) -> dg.MetadataValue:
    """The first findings as a table: where, which rule, and what to do."""
    records = [
        dg.TableRecord({name: "" if row[name] is None else row[name] for name in columns})
        for row in findings.head(SHOWN_FINDINGS).select(columns).iter_rows(named=True)
    ]
    schema = dg.TableSchema(columns=[dg.TableColumn(name, "int" if name == "row" else "string") for name in columns])
    return dg.MetadataValue.table(records=records, schema=schema)


def _rules(results: Sequence[RuleOutcome], rules: Mapping[str, Rule]) -> str:
    if not results:
        return "The contract has no rule of this kind."
    order = {RuleResult.FAILED: 0, RuleResult.NOT_RUN: 1, RuleResult.PASSED: 2}
    lines = ["| rule | what is true | result | failed |", "| --- | --- | --- | --- |"]
    for one in sorted(results, key=lambda result: (order[result.result], result.rule)):
        why = f" ({one.reason})" if one.reason else ""
        lines.append(f"| `{one.rule}` | {rules[one.rule].title} | {one.result}{why} | {one.failed} |")
    return "\n".join(lines)
