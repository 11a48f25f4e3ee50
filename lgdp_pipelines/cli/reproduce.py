"""The command ``reproduce``: past judgements repeated from the kept bytes, and compared.

Belongs here: arguments, and how results look. Belongs elsewhere: repeating a judgement (``workflows.reproduction``).
"""

from typing import Annotated, Literal

import typer
from rich.markup import escape

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import print_json, print_markup, say, show_progress
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.judgement_records import JudgementRecord, serialise_evidence
from lgdp_pipelines.workflows.reproduction import (
    JudgementReplayer,
    Reproduction,
    ReproductionResult,
    find_judgement,
    reproduce_judgement,
    to_json_fields,
)

_LABELS = {
    ReproductionResult.IDENTICAL: ("[green]✓[/green]", "identical"),
    ReproductionResult.DIFFERENT: ("[red]✗[/red]", "different"),
    ReproductionResult.NOT_REPRODUCIBLE: ("[yellow]?[/yellow]", "cannot be made again"),
}
"""A mark and words for each result."""


def reproduce(
    submission: Annotated[
        str,
        typer.Argument(metavar="[SUBMISSION]", help="Its id, as `lgdp status` shows it; or --all."),
    ] = "",
    judgement_number: Annotated[
        int | None, typer.Option("--judgement", "-j", min=1, help="The number of a judgement; by default the last.")
    ] = None,
    *,
    all_submissions: Annotated[bool, typer.Option("--all", help="Every submission that was judged.")] = False,
    return_code: arguments.ReturnFilter = None,
    period: arguments.PeriodFilter = None,
    council: arguments.CouncilFilter = None,
    evidence_only: Annotated[
        bool, typer.Option("--evidence", help="Only print the evidence of the judgement, as JSON.")
    ] = False,
    result_format: Annotated[
        Literal["text", "json"], typer.Option("--format", "-f", help="The format of the results.")
    ] = "text",
) -> None:
    """Repeat past judgements from received bytes, and compare the results.

    Each is repeated by the register of its time. Findings, results and validated rows must be identical, bit for bit.
    Exit code 1: they differ, or part of the evidence has gone.

    Example: `lgdp reproduce HL1.FIF.FY2024-25-Q1.001`
    """
    if all_submissions == bool(submission):
        raise WrongUse("Give one submission, or --all.", remedy="`lgdp status` lists submissions.")
    if not all_submissions and (return_code, period, council) != (None, None, None):
        raise WrongUse("--return, --period and --council go with --all.", remedy="Leave them out, or give --all.")
    if all_submissions and (judgement_number or evidence_only):
        raise WrongUse("--judgement and --evidence go with one submission.", remedy="Name the submission.")
    platform, selection = arguments.open_selection(return_code, council, period, needs_return=True)
    submissions = (
        platform.ledger.judgements.list_judged_submissions(
            selection.return_code, period=selection.period_id, council=selection.council_code
        )
        if all_submissions
        else (submission,)
    )
    records = [find_judgement(platform.ledger, submission_id, judgement_number) for submission_id in submissions]
    if evidence_only:
        print_json(_serialise_evidence(records[0]))
        return
    reproductions: list[Reproduction] = []
    with show_progress("Judging again") as progress:
        replayer = JudgementReplayer(platform)
        for number, record in enumerate(records, 1):
            progress(f"{number}/{len(records)} {record.submission_id}")
            reproductions.append(reproduce_judgement(platform, replayer, record))
            if result_format == "text":
                _print_reproduction(reproductions[-1])
    if result_format == "json":
        documents = [
            {**to_json_fields(reproduction), "evidence": _serialise_evidence(reproduction.original)["evidence"]}
            for reproduction in reproductions
        ]
        print_json(documents if all_submissions else documents[0])
    counts = {
        kind: sum(reproduction.comparison is kind for reproduction in reproductions) for kind in ReproductionResult
    }
    summary = ", ".join(f"{count} {_LABELS[kind][1]}" for kind, count in counts.items() if count)
    say(summary or "Nothing was judged yet.")
    if counts[ReproductionResult.IDENTICAL] < len(reproductions):
        raise typer.Exit(1)


def _print_reproduction(reproduction: Reproduction) -> None:
    """Print a reproduction with its differences and notes, a line each."""
    mark, words = _LABELS[reproduction.comparison]
    print_markup(f"{mark} {reproduction.original.submission_id}, judgement {reproduction.original.number}: {words}")
    for text in (
        *([reproduction.reason] if reproduction.reason else []),
        *reproduction.differences,
        *reproduction.notes,
    ):
        print_markup(f"  {escape(text)}")


def _serialise_evidence(record: JudgementRecord) -> dict[str, object]:
    """Return a judgement and its evidence as plain values for JSON."""
    return {
        "submission": record.submission_id,
        "judgement": record.number,
        "verdict": str(record.verdict),
        "contract": {"version": record.contract_version, "sha256": record.contract_sha256},
        "code_version": record.code_version,
        "evidence": serialise_evidence(record.evidence) if record.evidence else None,
    }
