"""Findings of a synthetic extract with planted defects, compared with its truth.

Belongs here: reading and judging such an extract as the platform does, and comparing. Belongs elsewhere: making it
(``tests.planted``).
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkedFrame, ChunkSpool
from lgdp_pipelines.handover.extract_reading import ExtractFile
from lgdp_pipelines.handover.findings import MAX_LISTED
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.validation.judging_context import JudgingContext
from lgdp_pipelines.vocabulary.verdicts import RuleResult
from tests.planted.planted_extracts import Extract, ExtractTarget
from tests.planted.table_drafts import TRUTH
from tests.support.judging import judge_files


def judge_extract(target: ExtractTarget, extract: Extract) -> ValidationResult:
    """Return the judgement of an extract, read from files as the platform reads it."""
    with TemporaryDirectory() as folder, ChunkSpool(Path(folder) / "spill") as spool:
        files = []
        for table, content in extract.files.items():
            path = Path(folder) / f"{table}.csv"
            path.write_bytes(content)
            files.append(ExtractFile(path.name, path))
        context = JudgingContext(
            target.contract,
            target.register,
            target.council,
            target.period,
            target.received_on,
            spool,
            prior_rows=lambda _period, table: _make_chunked(extract.prior_figures.get(table.name)),
        )
        return judge_files(files, context)


def _make_chunked(frame: pl.DataFrame | None) -> ChunkedFrame | None:
    return None if frame is None else ChunkedFrame.from_frames(frame)


def list_differences(target: ExtractTarget, extract: Extract, judgement: ValidationResult) -> Iterator[str]:
    """Yield every difference between truth and judgement, in words.

    A rule that is broken more often than findings are listed is compared in its first rows and in its total.
    """
    planted = dict(extract.truth.group_by("rule").len().iter_rows())
    table_of = {rule.id: rule.table for rule in list_rules(target.contract)}
    for outcome in judgement.outcomes:
        expected_count = planted.get(outcome.rule, 0)
        not_run = outcome.result is RuleResult.NOT_RUN and table_of[outcome.rule] in extract.files
        if outcome.failed != expected_count or not_run:
            yield f"{outcome.rule}: {expected_count} planted, {outcome.failed} found, {outcome.result}"
    yield from (
        f"{rule} is no rule of the contract"
        for rule in planted.keys() - {rule_outcome.rule for rule_outcome in judgement.outcomes}
    )
    columns = TRUTH.names()
    expected = extract.truth.sort("rule", "row").group_by("rule", maintain_order=True).head(MAX_LISTED).select(columns)
    listed = judgement.findings.select(columns)
    for words, findings, compared in (("not found", expected, listed), ("found besides", listed, expected)):
        differing = findings.join(compared, on=columns, how="anti", nulls_equal=True)
        yield from (f"{words}: {finding}" for finding in differing.head(20).iter_rows())
    if listed.height != expected.height:
        yield f"{listed.height} findings are listed, {expected.height} were planted"
