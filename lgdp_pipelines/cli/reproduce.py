"""The command ``reproduce``: a past judgement made again from the kept bytes, and held against itself.

What belongs here: words, arguments and how results look. What does not: making it again (``journey.remaking``) and
comparing (``journey.reproduce``).
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import print_out, say, working
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.judgement_records import EvidencedJudgement
from lgdp_pipelines.ledger.judgement_records import as_plain as evidence_plain
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.reproduction import (
    JudgementReplayer,
    Reproduction,
    ReproductionResult,
    find_judgement,
    reproduce_judgement,
    to_json_fields,
)


class ReproduceFormat(StrEnum):
    """How results are written."""

    TEXT = "text"
    JSON = "json"


_WORDS = {
    ReproductionResult.IDENTICAL: "identical",
    ReproductionResult.DIFFERENT: "different",
    ReproductionResult.CANNOT: "cannot be made again",
}
_MARKS = {
    ReproductionResult.IDENTICAL: "[green]✓[/green]",
    ReproductionResult.DIFFERENT: "[red]✗[/red]",
    ReproductionResult.CANNOT: "[yellow]?[/yellow]",
}


def add_to(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("reproduce")(reproduce_judgements)


def reproduce_judgements(
    submission: Annotated[
        str,
        typer.Argument(metavar="[SUBMISSION]", help="Its id, as `lgdp status` shows it; or --all."),
    ] = "",
    judgement: Annotated[
        int | None, typer.Option("--judgement", "-j", min=1, help="Which of its judgements; else the last.")
    ] = None,
    *,
    is_all: Annotated[bool, typer.Option("--all", help="Every submission that was judged.")] = False,
    return_code: typed.SomeReturn = None,
    period: typed.SomePeriod = None,
    council: typed.SomeCouncil = None,
    is_evidence: Annotated[
        bool, typer.Option("--evidence", help="Only write down what the judgement was made of, as JSON.")
    ] = False,
    form: Annotated[ReproduceFormat, typer.Option("--format", "-f", help="How to write it.")] = ReproduceFormat.TEXT,
) -> None:
    """Make a past judgement again from the bytes as received and the register as it was, and compare.

    Findings, results and validated rows must be the same, bit for bit. Exit code 0: they are; 1: they are not, or
    something that the judgement was made of is not there any more.

    Example: `lgdp reproduce HL1.FIF.FY2024-25-Q1.001`
    """
    platform = typed.open_platform()
    if is_all == bool(submission):
        raise WrongUse("Give one submission, or --all.", remedy="`lgdp status` lists submissions.")
    if not is_all and (return_code or period or council):
        raise WrongUse("--return, --period and --council go with --all.", remedy="Leave them out, or give --all.")
    if is_all and (judgement or is_evidence):
        raise WrongUse("--judgement and --evidence go with one submission.", remedy="Name the submission.")
    asked = list(_chosen(platform, return_code, period, council)) if is_all else [submission]
    proved = [find_judgement(platform, one, judgement) for one in asked]
    if is_evidence:
        _json_out(_evidence(proved[0]))
        return
    with working("Judging again") as progress:
        tell = _told if form is ReproduceFormat.TEXT else _unsaid
        done = list(_reproduced(platform, JudgementReplayer(platform), proved, tell, progress))
    if form is ReproduceFormat.JSON:
        plain = [{**to_json_fields(one), "evidence": _evidence(one.proved)["evidence"]} for one in done]
        _json_out(plain if is_all else plain[0])
    counted = {kind: sum(one.likeness is kind for one in done) for kind in ReproductionResult}
    words = ", ".join(f"{number} {_WORDS[kind]}" for kind, number in counted.items() if number)
    say(words or "Nothing was judged yet.")
    if counted[ReproductionResult.IDENTICAL] < len(done):
        raise typer.Exit(1)


def _chosen(platform: Platform, return_code: str | None, period: str | None, council: str | None) -> tuple[str, ...]:
    """Ids of the submissions that were judged, of those asked for."""
    if period and not return_code:
        raise WrongUse("--period needs --return: periods are a return's own.", remedy="Add --return, such as HL1.")
    data_return = platform.register.named(return_code) if return_code else None
    return platform.ledger.evidence.judged(
        data_return.code if data_return else None,
        typed.period_named(data_return, period).id if data_return and period else None,
        platform.register.councils.named(council).code if council else None,
    )


def _reproduced(
    platform: Platform,
    past: JudgementReplayer,
    proved: Sequence[EvidencedJudgement],
    tell: Callable[[Reproduction], None],
    progress: Callable[[str], None],
) -> Iterator[Reproduction]:
    for number, one in enumerate(proved, 1):
        progress(f"{number}/{len(proved)} {one.submission_id}")
        done = reproduce_judgement(platform, past, one)
        tell(done)
        yield done


def _unsaid(_done: Reproduction) -> None:
    """Machine formats are written when all is done."""


def _told(done: Reproduction) -> None:
    """A line for a judgement, and one for each thing to know of it."""
    name = f"{done.proved.submission_id}, judgement {done.proved.judgement}"
    print_out(f"{_MARKS[done.likeness]} {name}: {_WORDS[done.likeness]}")
    for words in (*([done.reason] if done.reason else []), *done.differences, *done.notes):
        print_out(f"  {escape(words)}")


def _evidence(proved: EvidencedJudgement) -> dict[str, object]:
    """A judgement and what it was made of, as JSON has it."""
    return {
        "submission": proved.submission_id,
        "judgement": proved.judgement,
        "verdict": str(proved.verdict),
        "contract": {"version": proved.contract_version, "sha256": proved.contract_sha256},
        "code_version": proved.code_version,
        "evidence": evidence_plain(proved.evidence) if proved.evidence else None,
    }


def _json_out(plain: object) -> None:
    json.dump(plain, sys.stdout, indent=1)
    sys.stdout.write("\n")
