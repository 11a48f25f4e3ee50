"""The command ``validate``: a file judged offline. No lake, no server, no network.

Belongs here: arguments, and how a result looks to people and machines. Belongs elsewhere: judging
(``workflows.offline_validation``).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import polars as pl
import typer
from rich.markup import escape

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import print_csv, print_json, print_markup
from lgdp_pipelines.errors import UnreadableExtract, WrongUse
from lgdp_pipelines.handover.chunked_frame import ChunkSpool
from lgdp_pipelines.handover.extract_reading import Reading
from lgdp_pipelines.handover.judgement_values import RuleOutcome
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.submission_calendar import day_in_scotland
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.validation.table_rules import list_other_periods, list_prior_periods
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleKind, RuleResult, Verdict
from lgdp_pipelines.workflows.offline_validation import LocalExtract, judge_local_extract

PLACES_SHOWN = 20
"""Places of a rule in the text; the formats for machines hold all."""

_NO_COMPARISON = "Leave the option out: there is nothing to compare with."


def validate(
    return_code: arguments.ReturnArgument,
    files: arguments.FilesArgument,
    council_name: arguments.CouncilOption,
    period_text: arguments.PeriodOption,
    system: arguments.SystemOption = "",
    received: Annotated[
        str, typer.Option("--received", metavar="DAY", help="The day it is sent, as in 2025-05-31; by default today.")
    ] = "",
    earlier: Annotated[
        list[str] | None,
        typer.Option("--earlier", metavar="PERIOD=FILE", help="Your file of an earlier period, to compare with."),
    ] = None,
    other: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="RETURN=FILE", help="Your file of another return, or RETURN/PERIOD=FILE."),
    ] = None,
    result_format: Annotated[
        Literal["text", "json", "csv"], typer.Option("--format", "-f", help="The format of the result.")
    ] = "text",
) -> None:
    """Judge a file offline by the rules that the platform will apply.

    Nothing is sent or kept. A rule that compares with an earlier period or another return says *not run*, and how to
    give the file that it needs.
    Exit code 0: accepted, with or without queries; 1: rejected; 2: unreadable.

    Example: `lgdp validate HL1 HL1_2024-25_Q1.csv --council Fife --period FY2024-25-Q1`
    """
    register = load_register(Settings.from_environment().schemas)
    data_return = register.require_return(return_code)
    period = arguments.parse_return_period(data_return, period_text)
    contract, council = data_return.contract_for(period), register.councils.require(council_name)
    day = arguments.parse_day(received) if received else day_in_scotland(datetime.now(UTC))
    mapping = arguments.select_mapping(register, system, contract, council)
    extract = LocalExtract(contract, council, period, tuple(arguments.require_files(files)), day, mapping)
    files_to_compare = [
        *(_parse_earlier_file(data_return, extract, text) for text in earlier or ()),
        *(_parse_other_file(register, extract, text) for text in other or ()),
    ]
    comparisons = list(_group_comparisons(register, extract, system, files_to_compare))
    with TemporaryDirectory(prefix="lgdp-") as folder, ChunkSpool(Path(folder)) as spool:
        reading, judgement = judge_local_extract(register, extract, comparisons, spool)
    match result_format:
        case "json":
            _print_json(reading, judgement)
        case "csv":
            columns = ["rule", "severity", "table", "item", "sheet", "row", "column", "message"]
            print_csv(columns, judgement.findings.select(columns).iter_rows())
        case "text":
            _print_result(register, reading, judgement, extract)
    if reading.unreadable_reason is not None:
        raise UnreadableExtract(
            f"This cannot be read as {contract.return_code}: {reading.unreadable_reason}",
            where=", ".join(file.name for file in files),
            remedy=f"Export it again as {((mapping and mapping.extract) or contract.extract).described}.",
        )
    if judgement.verdict is Verdict.REJECTED:
        raise typer.Exit(1)


def _group_comparisons(
    register: Register, extract: LocalExtract, system: str, files: Sequence[tuple[Return, Period, Path]]
) -> Iterator[LocalExtract]:
    """Yield the extracts to compare with, one per return and period."""
    for code, period in dict.fromkeys((data_return.code, period) for data_return, period, _ in files):
        contract = register.returns[code].contract_for(period)
        yield LocalExtract(
            contract,
            extract.council,
            period,
            tuple(
                path for data_return, file_period, path in files if (data_return.code, file_period) == (code, period)
            ),
            extract.received_on,
            register.mapping_for(system, extract.council.code, contract) if system else None,
        )


def _parse_earlier_file(data_return: Return, extract: LocalExtract, text: str) -> tuple[Return, Period, Path]:
    """Parse a text such as ``FY2023-24=FILE``; refuse periods without comparison."""
    period_text, file = _split_option(text, "--earlier FY2023-24=FILE")
    period = arguments.parse_return_period(data_return, period_text)
    candidates = {candidate.id: candidate for candidate in list_prior_periods(extract.contract, extract.period)}
    refusal = f"No rule of {data_return.code} compares {extract.period.id} with {period.id}."
    return data_return, arguments.choose(period.id, candidates, refusal, otherwise=_NO_COMPARISON), file


def _parse_other_file(register: Register, extract: LocalExtract, text: str) -> tuple[Return, Period, Path]:
    """Parse a text such as ``HL1=FILE``; refuse returns without comparison.

    ``HL1/FY2023-24=FILE`` names the period where several can be compared.
    """
    name, file = _split_option(text, "--with HL1=FILE")
    code, _, period_text = name.partition("/")
    data_return = register.require_return(code)
    comparable_periods = list_other_periods(register, extract.contract, extract.period)
    candidates = {f"{other_code}/{period.id}": period for other_code, period in comparable_periods}
    if period_text:
        keys = [f"{data_return.code}/{arguments.parse_return_period(data_return, period_text).id}"]
    else:
        keys = [
            f"{other_code}/{period.id}" for other_code, period in comparable_periods if other_code == data_return.code
        ]
    refusal = f"No rule compares {extract.contract.return_code} for {extract.period.id} with “{name}”."
    key = keys[0] if len(keys) == 1 else name
    return data_return, arguments.choose(key, candidates, refusal, otherwise=_NO_COMPARISON), file


def _split_option(text: str, example: str) -> tuple[str, Path]:
    """Return the name and existing file in a text such as ``NAME=FILE``."""
    name, sign, file = text.partition("=")
    if not sign or not name or not file:
        raise WrongUse(f"“{text}” does not name a file.", remedy=f"Write it as in {example}.")
    return name, arguments.require_files([Path(file)])[0]


def _print_json(reading: Reading, judgement: ValidationResult) -> None:
    """Print the result as JSON."""
    columns = ["rule", "severity", "item", "sheet", "row", "column", "message"]
    result = {
        "verdict": str(judgement.verdict),
        "rows": reading.rows,
        "findings": judgement.findings.select(columns).to_dicts(),
        "rules": [
            {"rule": outcome.rule, "result": str(outcome.result), "failed": outcome.failed}
            for outcome in judgement.outcomes
        ],
        "repairs": [
            {"table": repair.table, "item": repair.item, "kind": str(repair.kind), "cells": repair.cells}
            for repair in judgement.repairs
        ],
    }
    print_json(result, ensure_ascii=False)


_VERDICTS = {
    Verdict.ACCEPTED: "[green]✓ accepted[/green]",
    Verdict.QUERIED: "[yellow]? accepted, with queries to answer[/yellow]",
    Verdict.REJECTED: "[red]✗ rejected[/red]",
}


def _print_result(register: Register, reading: Reading, judgement: ValidationResult, extract: LocalExtract) -> None:
    """Print the verdict, broken rules, translations, repairs and counts of rules."""
    contract = extract.contract
    rules = {rule.id: rule for rule in list_rules(contract)}
    print_markup(f"{_VERDICTS[judgement.verdict]}: {contract.title}, {reading.rows:,} rows")
    for outcome in judgement.outcomes:
        if outcome.result is RuleResult.FAILED:
            _print_broken_rule(rules[outcome.rule], outcome, judgement.findings)
            _print_codes(register, contract, rules[outcome.rule], extract.period.end)
    for translation in judgement.translated:
        title = contract.by_name[translation.table].by_name[translation.item].title
        _print_dim(f"translated: {title}, {translation.cells:,} cells by {translation.kind}")
    titles = {(table.name, item.urn): item.title for table in contract.tables for item in table.items}
    for repair in judgement.repairs:
        _print_dim(f"repaired: {titles[repair.table, repair.item]}, {repair.cells:,} cells {repair.kind.description}")
    not_run = [outcome for outcome in judgement.outcomes if outcome.result is RuleResult.NOT_RUN]
    passed = sum(outcome.result is RuleResult.PASSED for outcome in judgement.outcomes)
    print_markup(f"\n{passed} of {len(judgement.outcomes)} rules passed, {len(not_run)} not run.")
    for reason in sorted({outcome.reason for outcome in not_run}):
        _print_dim(f"not run: {reason}")


def _print_dim(text: str) -> None:
    """Print an indented line in a dim style."""
    print_markup(f"  [dim]{escape(text)}[/dim]")


def _print_broken_rule(rule: Rule, outcome: RuleOutcome, findings: pl.DataFrame) -> None:
    """Print a broken rule and its first findings, grouped by message."""
    print_markup(
        f"\n[bold]{escape(rule.title)}[/bold] [dim]{rule.id}, {rule.severity}[/dim]: {outcome.failed:,} failed"
    )
    rule_findings = findings.filter(pl.col("rule") == rule.id).head(PLACES_SHOWN)
    for (sheet, column, message), places in rule_findings.group_by(["sheet", "column", "message"], maintain_order=True):
        rows = [str(row) for row in places.get_column("row") if row is not None]
        parts = [
            f"sheet {sheet}" if sheet else "",
            f"column {column}" if column else "",
            f"{'row' if len(rows) == 1 else 'rows'} {', '.join(rows)}" if rows else "",
        ]
        location = ", ".join(part for part in parts if part)
        advice = str(message).removeprefix(f"Not met: {rule.title}. ")
        print_markup(f"  {escape(location)}{': ' if location else ''}{escape(advice)}")
    if outcome.failed > rule_findings.height:
        print_markup(f"  … and {outcome.failed - rule_findings.height:,} more: `--format csv` lists them.")


def _print_codes(register: Register, contract: Contract, rule: Rule, day: date) -> None:
    """Print the first valid codes, if a rule checks a code list."""
    item = contract.by_name[rule.table].by_name[rule.items[0]] if rule.kind is RuleKind.CODES else None
    code_list = register.code_lists.get(item.code_list or "") if item is not None else None
    if code_list is None:
        return
    codes = [code for code in code_list.codes if code.is_valid_on(day)]
    first = "; ".join(f"{code.code} {code.label}" for code in codes[:PLACES_SHOWN])
    more = f"; and {len(codes) - PLACES_SHOWN} more" if len(codes) > PLACES_SHOWN else ""
    _print_dim(
        f"the list “{code_list.title}”: {first}{more} "
        f"(`lgdp register show {contract.return_code} --codes {code_list.id}`)"
    )
