"""The command ``validate``: a file judged where it lies. No lake, no server, no network.

What belongs here: what is typed, and how a result looks to people and machines. What does not: the judging
(``journey.offline``).
"""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import polars as pl
import typer
from rich.markup import escape

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import print_out
from lgdp_pipelines.errors import UnreadableExtract, WrongUse
from lgdp_pipelines.handover.chunked_frame import Spill
from lgdp_pipelines.handover.extract_reading import Reading
from lgdp_pipelines.handover.findings import RuleOutcome
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.table_model import Rule
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.submission_calendar import day_in_scotland
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleKind, RuleResult, Verdict
from lgdp_pipelines.workflows.comparison_rows import list_other_periods, list_prior_periods
from lgdp_pipelines.workflows.offline_validation import LocalExtract, judge_local_extract

SHOWN = 20
"""Places of a rule that are shown to people; machines are given all that are listed."""


class ValidateFormat(StrEnum):
    """How the result of ``validate`` is written."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


def add_to(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("validate")(validate)


def validate(
    return_code: typed.ReturnArgument,
    files: typed.FilesArgument,
    council: typed.CouncilOption,
    period: typed.PeriodOption,
    system: typed.SystemOption = "",
    received: Annotated[
        str, typer.Option("--received", metavar="DAY", help="The day it is sent, such as 2025-05-31; else today.")
    ] = "",
    earlier: Annotated[
        list[str] | None,
        typer.Option("--earlier", metavar="PERIOD=FILE", help="Your file of an earlier period, to compare with."),
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="RETURN=FILE", help="Your file of another return; RETURN/PERIOD=FILE of many."),
    ] = None,
    form: Annotated[ValidateFormat, typer.Option("--format", "-f", help="How to write the result.")] = (
        ValidateFormat.TEXT
    ),
) -> None:
    """Judge a file where it lies, by the rules that the platform will apply. Nothing is sent or kept.

    A rule that looks at an earlier period, or at another return, says *not run* and how to give the file that it needs.
    Exit code 0: accepted (perhaps with queries), 1: rejected, 2: unreadable.

    Example: `lgdp validate HL1 HL1_2024-25_Q1.csv --council Fife --period FY2024-25-Q1`
    """
    register = load_register(Settings.from_environment().schemas)
    data_return = register.named(return_code)
    span = typed.period_named(data_return, period)
    contract, authority = data_return.contract_for(span), register.councils.named(council)
    day = typed.day_named(received) if received else day_in_scotland(datetime.now(UTC))
    mapping = typed.mapping_named(register, system, contract, authority)
    sent = LocalExtract(contract, authority, span, tuple(typed.readable_files(files)), day, mapping)
    given = [
        *_given(register, sent, system, [_of_earlier(data_return, contract, span, text) for text in earlier or ()]),
        *_given(register, sent, system, [_of_another(register, contract, span, text) for text in beside or ()]),
    ]
    with TemporaryDirectory(prefix="lgdp-") as aside, Spill(Path(aside)) as spill:
        reading, judgement = judge_local_extract(register, sent, given, spill)
    match form:
        case ValidateFormat.JSON:
            _as_json(reading, judgement)
        case ValidateFormat.CSV:
            _as_csv(judgement)
        case ValidateFormat.TEXT:
            _as_text(register, reading, judgement, sent)
    if reading.unreadable is not None:
        raise UnreadableExtract(
            f"This cannot be read as {contract.return_code}: {reading.unreadable}",
            where=", ".join(file.name for file in files),
            remedy=f"Export it again as {((mapping and mapping.extract) or contract.extract).described}.",
        )
    if judgement.verdict is Verdict.REJECTED:
        raise typer.Exit(1)


def _given(
    register: Register, sent: LocalExtract, system: str, files: Sequence[tuple[Return, Period, Path]]
) -> Iterator[LocalExtract]:
    """What is given to compare with, file by file put together where a return has several."""
    for code, period in dict.fromkeys((data_return.code, period) for data_return, period, _ in files):
        contract = register.returns[code].contract_for(period)
        yield LocalExtract(
            contract,
            sent.council,
            period,
            tuple(file for data_return, when, file in files if (data_return.code, when) == (code, period)),
            sent.received_on,
            register.mapping_for(system, code, sent.council.code, contract) if system else None,
        )


def _of_earlier(data_return: Return, contract: Contract, span: Period, text: str) -> tuple[Return, Period, Path]:
    when, file = _parted(text, "--earlier FY2023-24=FILE")
    period, wanted = typed.period_named(data_return, when), list_prior_periods(contract, span)
    if period not in wanted:
        raise WrongUse(
            f"No rule of {data_return.code} holds {span.id} against {period.id}.",
            remedy=_choose([one.id for one in wanted]),
        )
    return data_return, period, file


def _of_another(register: Register, contract: Contract, span: Period, text: str) -> tuple[Return, Period, Path]:
    named, file = _parted(text, "--with HL1=FILE")
    code, _, when = named.partition("/")
    data_return = register.named(code)
    read = list_other_periods(register, contract, span)
    wanted = [period for other, period in read if other == data_return.code]
    chosen = [typed.period_named(data_return, when)] if when else wanted
    if len(chosen) != 1 or chosen[0] not in wanted:
        raise WrongUse(
            f"{contract.return_code} for {span.id} is not held against “{named}”.",
            remedy=_choose([f"{other}/{period.id}" for other, period in read]),
        )
    return data_return, chosen[0], file


def _choose(names: Sequence[str]) -> str:
    return f"Choose one of: {', '.join(names)}." if names else "Leave the option out: there is nothing to compare with."


def _parted(text: str, example: str) -> tuple[str, Path]:
    name, sign, file = text.partition("=")
    if not sign or not name or not file:
        raise WrongUse(f"“{text}” does not name a file.", remedy=f"Write it as in {example}.")
    return name, typed.readable_files([Path(file)])[0]


def _as_json(reading: Reading, judgement: ValidationResult) -> None:
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


def _as_csv(judgement: ValidationResult) -> None:
    columns = ["rule", "severity", "table", "item", "sheet", "row", "column", "message"]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(judgement.findings.select(columns).iter_rows())


_LOOK = {
    Verdict.ACCEPTED: "[green]✓ accepted[/green]",
    Verdict.QUERIED: "[yellow]? accepted, with queries to answer[/yellow]",
    Verdict.REJECTED: "[red]✗ rejected[/red]",
}


def _as_text(register: Register, reading: Reading, judgement: ValidationResult, sent: LocalExtract) -> None:
    contract = sent.contract
    rules = {rule.id: rule for rule in list_rules(contract)}
    print_out(f"{_LOOK[judgement.verdict]}: {contract.title}, {reading.rows:,} rows")
    for result in judgement.results:
        if result.result is RuleResult.FAILED:
            _print_broken(rules[result.rule], result, judgement.findings)
            _print_codes(register, contract, rules[result.rule], sent.period.end)
    for one in judgement.translated:
        title = contract.by_name[one.table].by_name[one.item].title
        print_out(f"  [dim]translated: {escape(title)}, {one.cells:,} cells by {one.kind}[/dim]")
    titles = {(table.name, item.urn): item.title for table in contract.tables for item in table.items}
    for repair in judgement.repairs:
        title = titles[repair.table, repair.item]
        print_out(f"  [dim]repaired: {escape(title)}, {repair.cells:,} cells {repair.kind.words}[/dim]")
    not_run = [result for result in judgement.results if result.result is RuleResult.NOT_RUN]
    passed = sum(result.result is RuleResult.PASSED for result in judgement.results)
    print_out(f"\n{passed} of {len(judgement.results)} rules passed, {len(not_run)} not run.")
    for reason in sorted({result.reason for result in not_run}):
        print_out(f"  [dim]not run: {escape(reason)}[/dim]")


def _print_broken(rule: Rule, result: RuleOutcome, findings: pl.DataFrame) -> None:
    """A broken rule, once for all places that are told in the same words."""
    print_out(f"\n[bold]{escape(rule.title)}[/bold] [dim]{rule.id}, {rule.severity}[/dim]: {result.failed:,} failed")
    found = findings.filter(pl.col("rule") == rule.id)
    shown = found.head(SHOWN)
    for (sheet, column, message), places in shown.group_by(["sheet", "column", "message"], maintain_order=True):
        rows = [str(row) for row in places.get_column("row") if row is not None]
        told = [
            f"sheet {sheet}" if sheet else "",
            f"column {column}" if column else "",
            f"{'row' if len(rows) == 1 else 'rows'} {', '.join(rows)}" if rows else "",
        ]
        place = ", ".join(part for part in told if part)
        advice = str(message).removeprefix(f"Not met: {rule.title}. ")
        print_out(f"  {escape(place)}{': ' if place else ''}{escape(advice)}")
    if result.failed > shown.height:
        print_out(f"  … and {result.failed - shown.height:,} more: `--format csv` lists them.")


def _print_codes(register: Register, contract: Contract, rule: Rule, day: date) -> None:
    """Of a rule about codes: which they are, and where the whole list stands."""
    item = contract.by_name[rule.table].by_name[rule.items[0]] if rule.kind is RuleKind.CODES else None
    listed = register.code_lists.get(item.code_list or "") if item is not None else None
    if listed is None:
        return
    codes = [code for code in listed.codes if code.is_valid_on(day)]
    few = "; ".join(f"{code.code} {code.label}" for code in codes[:SHOWN])
    more = f"; and {len(codes) - SHOWN} more" if len(codes) > SHOWN else ""
    print_out(
        f"  [dim]the list “{escape(listed.title)}”: {escape(few)}{more} "
        f"(`lgdp register show {contract.return_code} --codes {listed.id}`)[/dim]"
    )
