"""Commands that need the register alone: ``check`` and ``validate``. No lake, no server, no network.

What belongs here: asking the register, and judging a file where it lies. What does not: anything that is kept.
"""

import csv
import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import polars as pl
import typer
from rich.markup import escape

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import print_out, say, working
from lgdp_pipelines.errors import UnreadableExtract
from lgdp_pipelines.journey.publish import check_lineage, project_of
from lgdp_pipelines.landing.extract import ExtractFile, Reading
from lgdp_pipelines.landing.read import read_extract
from lgdp_pipelines.orchestration.build import check_definitions
from lgdp_pipelines.register.calendar import day_in_scotland
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model import Contract
from lgdp_pipelines.register.notices import load_notices
from lgdp_pipelines.register.rules import rules_of
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.standards.rules import RuleResult, Verdict
from lgdp_pipelines.storage.pieces import Spill
from lgdp_pipelines.validation.judge import Judgement, judge

SHOWN = 20


class ValidateFormat(StrEnum):
    """How the result of ``validate`` is written."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("check")(check)
    app.command("validate")(validate)


def check(
    part: Annotated[str, typer.Argument(metavar="[register]", help="`register`: the register alone.")] = "",
) -> None:
    """Check register, dbt project and Dagster definitions: all contradictions at once.

    Example: `lgdp check`
    """
    settings = Settings.from_environment()
    with working("Register"):
        register = load_register(settings.schemas)
        load_notices(settings.schemas)
    rules = sum(len(rules_of(contract)) for ret in register.returns.values() for contract in ret.contracts)
    if part != "register":
        platform = typed.open_platform()
        with working("dbt project, with the models that follow from the register"):
            project_of(platform)
        with working("Lineage of every published column"):
            check_lineage(platform)
        with working("Dagster definitions"):
            check_definitions(platform)
    say(
        f"{len(register.returns)} returns, {rules} rules, {len(register.code_lists)} code lists, "
        f"{len(register.sources)} sources, {len(register.mappings)} mappings, {len(register.councils.codes)} councils: "
        "no contradiction."
    )


def validate(
    return_code: typed.ReturnArgument,
    files: typed.FilesArgument,
    council: typed.CouncilOption,
    period: typed.PeriodOption,
    system: typed.SystemOption = "",
    received: Annotated[
        str, typer.Option("--received", metavar="DAY", help="The day it is sent, such as 2025-05-31; else today.")
    ] = "",
    form: Annotated[ValidateFormat, typer.Option("--format", "-f", help="How to write the result.")] = (
        ValidateFormat.TEXT
    ),
) -> None:
    """Judge a file where it lies, by the rules that the platform will apply. Nothing is sent or kept.

    Rules that need earlier periods say *not run*. Exit code 0: accepted (perhaps with queries), 1: rejected,
    2: unreadable.

    Example: `lgdp validate HL1 HL1_2024-25_Q1.csv --council Fife --period FY2024-25-Q1`
    """
    register = load_register(Settings.from_environment().schemas)
    ret = register.named(return_code)
    span = typed.period_named(ret, period)
    contract = ret.contract_for(span)
    authority = register.councils.named(council)
    mapping = typed.mapping_named(register, system, contract, authority)
    with TemporaryDirectory(prefix="lgdp-") as aside, Spill(Path(aside)) as spill:
        extracts = [ExtractFile(file.name, file) for file in typed.readable_files(files)]
        reading = read_extract(contract, extracts, mapping, keep=spill.keep)
        judgement = judge(
            contract,
            register,
            reading.tables,
            reading.findings,
            reading.results,
            council=authority,
            period=span,
            received_on=typed.day_named(received) if received else day_in_scotland(datetime.now(UTC)),
            earlier=lambda _period, _table: None,
            spill=spill,
            unlisted=reading.unlisted,
            headers=reading.headers,
            sheets=reading.sheets,
            mapping=mapping,
        )
    match form:
        case ValidateFormat.JSON:
            _as_json(reading, judgement)
        case ValidateFormat.CSV:
            _as_csv(judgement)
        case ValidateFormat.TEXT:
            _as_text(reading, judgement, contract)
    if reading.unreadable is not None:
        raise UnreadableExtract(
            f"This cannot be read as {contract.return_code}: {reading.unreadable}",
            where=", ".join(file.name for file in files),
            remedy=f"Export it again as {((mapping and mapping.extract) or contract.extract).described}.",
        )
    if judgement.verdict is Verdict.REJECTED:
        raise typer.Exit(1)


def _as_json(reading: Reading, judgement: Judgement) -> None:
    columns = ["rule", "severity", "item", "sheet", "row", "column", "message"]
    json.dump(
        {
            "verdict": str(judgement.verdict),
            "rows": reading.rows,
            "findings": judgement.findings.select(columns).to_dicts(),
            "rules": [{"rule": one.rule, "result": str(one.result), "failed": one.failed} for one in judgement.results],
            "repairs": [
                {"table": one.table, "item": one.item, "kind": str(one.kind), "cells": one.cells}
                for one in judgement.repairs
            ],
        },
        sys.stdout,
        ensure_ascii=False,
        indent=1,
    )
    sys.stdout.write("\n")


def _as_csv(judgement: Judgement) -> None:
    columns = ["rule", "severity", "table", "item", "sheet", "row", "column", "message"]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(judgement.findings.select(columns).iter_rows())


_LOOK = {
    Verdict.ACCEPTED: "[green]✓ accepted[/green]",
    Verdict.QUERIED: "[yellow]? accepted, with queries to answer[/yellow]",
    Verdict.REJECTED: "[red]✗ rejected[/red]",
}


def _as_text(reading: Reading, judgement: Judgement, contract: Contract) -> None:
    rules = {rule.id: rule for rule in rules_of(contract)}
    print_out(f"{_LOOK[judgement.verdict]}: {contract.title}, {reading.rows:,} rows")
    for result in judgement.results:
        if result.result is not RuleResult.FAILED:
            continue
        rule = rules[result.rule]
        print_out(
            f"\n[bold]{escape(rule.title)}[/bold] [dim]{rule.id}, {rule.severity}[/dim]: {result.failed:,} failed"
        )
        found = judgement.findings.filter(pl.col("rule") == rule.id)
        for row in found.head(SHOWN).iter_rows(named=True):
            place = ", ".join(
                part
                for part in (
                    f"row {row['row']}" if row["row"] is not None else "",
                    f"column {row['column']}" if row["column"] else "",
                )
                if part
            )
            print_out(f"  {escape(place)}{': ' if place else ''}{escape(row['message'])}")
        if result.failed > SHOWN:
            print_out(f"  … and {result.failed - SHOWN:,} more: `--format csv` lists them.")
    for one in judgement.translated:
        title = contract.by_name[one.table].by_name[one.item].title
        print_out(f"  [dim]translated: {escape(title)}, {one.cells:,} cells by {one.how}[/dim]")
    titles = {(table.name, item.urn): item.title for table in contract.tables for item in table.items}
    for repair in judgement.repairs:
        title = titles[repair.table, repair.item]
        print_out(f"  [dim]repaired: {escape(title)}, {repair.cells:,} cells {repair.kind.words}[/dim]")
    not_run = [result for result in judgement.results if result.result is RuleResult.NOT_RUN]
    passed = sum(result.result is RuleResult.PASSED for result in judgement.results)
    print_out(f"\n{passed} of {len(judgement.results)} rules passed, {len(not_run)} not run.")
    for reason in sorted({result.reason for result in not_run}):
        print_out(f"  [dim]not run: {escape(reason)}[/dim]")
