"""Judging in tests: a context with default facts, and readings of tables made by hand."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame, ChunkSpool
from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.handover.findings import empty_findings
from lgdp_pipelines.handover.judgement_values import RuleOutcome
from lgdp_pipelines.landing.extract_reader import read_extract
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.validation.judge import ValidationResult, judge
from lgdp_pipelines.validation.judging_context import JudgingContext
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleKind

SCRATCH = Path(tempfile.gettempdir()) / "lgdp-tests"
LANDING_KINDS = {RuleKind.READABLE, RuleKind.COLUMNS, RuleKind.EXTRA_COLUMNS}


def make_context(
    contract: Contract, register: Register, council: str, period: Period, spool: ChunkSpool, **facts: object
) -> JudgingContext:
    """Return a context with given facts.

    By default the extract is received on the period's last day, and there are no earlier rows.
    """
    context_facts = {"received_on": period.end, **facts}
    council_value = register.councils.by_code[council]
    return JudgingContext(contract, register, council_value, period, spool=spool, **context_facts)  # type: ignore[arg-type]


def judge_files(files: Sequence[ExtractFile], context: JudgingContext) -> ValidationResult:
    """Read the files of an extract as landing does, and judge them."""
    return judge(read_extract(context.contract, files, context.mapping, store=context.spool.store), context)


def judge_tables(
    tables: Mapping[str, pl.DataFrame], context: JudgingContext, findings: pl.DataFrame | None = None
) -> ValidationResult:
    """Judge landed tables made by hand.

    Rules of landing have passed, unless findings break them.
    """
    landed = empty_findings() if findings is None else findings
    broken = set(landed["rule"])
    results = tuple(
        RuleOutcome.from_count(rule, int(rule.id in broken))
        for rule in list_rules(context.contract)
        if rule.kind in LANDING_KINDS
    )
    reading = Reading({name: ChunkedFrame.from_frames(table) for name, table in tables.items()}, landed, results)
    return judge(reading, context)
