"""Writing of landed rows, findings and validated slices into the lake.

Rows are written in chunks, so a table may be larger than memory. What belongs here: the tables that judged submissions
are written to, over all major versions. What does not: deciding which submission becomes current (``processing``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from lgdp_pipelines.handover.extract_reading import Reading
from lgdp_pipelines.ledger.submission_records import Submission
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.storage.frame_schema import Frames, frame_schema_of
from lgdp_pipelines.storage.lake_tables import FINDING, LakeTable, landed_table, validated_table
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.workflows.platform import Platform

WRITERS = 3
"""Tables written side by side: landed rows, findings and validated slices."""


def write_judged(
    platform: Platform,
    contract: Contract,
    period: Period,
    judged: Sequence[tuple[Submission, Reading, ValidationResult]],
    standing: Mapping[str, str],
    run_id: str,
) -> None:
    """Write landed rows, findings and validated slices: tables of their own, so they are written side by side.

    Args:
        platform: where the lake is.
        contract: that was judged by.
        period: that was judged for.
        judged: submissions, as read and as judged.
        standing: the submission that each council's slice becomes, by register code.
        run_id: who does it, for the commits.

    Raises:
        StorageError: the lake did not take them.
    """
    accepted = [
        (submission, judgement)
        for submission, _, judgement in judged
        if standing.get(submission.council_code) == submission.id
    ]
    ids = [submission.id for submission, _, _ in judged]
    commit = {"run": run_id, "submissions": " ".join(ids)}
    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [
            *(
                pool.submit(write_landed, platform, contract, period, table, judged, commit)
                for table in contract.tables
            ),
            pool.submit(_write_findings, platform, contract, period, judged, commit),
            pool.submit(write_validated, platform, contract, period, accepted, standing, run_id),
        ]
    for one in writing:
        one.result()


def write_landed(
    platform: Platform,
    contract: Contract,
    period: Period,
    table: Table,
    judged: Sequence[tuple[Submission, Reading, ValidationResult]],
    commit: Mapping[str, str],
) -> None:
    """Put the landed rows of some submissions in place of what stood there of the same submissions.

    Args:
        platform: where the lake is.
        contract: that they answer.
        period: that they are for.
        table: of the contract.
        judged: submissions, as read and as judged.
        commit: kept with the commit.

    Raises:
        StorageError: the lake did not take them.
    """
    sent = [
        (submission, reading.tables[table.name]) for submission, reading, _ in judged if table.name in reading.tables
    ]
    if not sent:
        return
    stored = landed_table(contract, table)
    schema = frame_schema_of(stored.arrow_schema)

    def rows() -> Iterator[pl.DataFrame]:
        for submission, pieces in sent:
            yield from _add_keys(pieces, schema, submission)

    where = {"period": period.id, "_submission_id": [submission.id for submission, _, _ in judged]}
    platform.lake.replace(stored, Frames(schema, rows), where=where, commit=commit)


def _write_findings(
    platform: Platform,
    contract: Contract,
    period: Period,
    judged: Sequence[tuple[Submission, Reading, ValidationResult]],
    commit: Mapping[str, str],
) -> None:
    findings = pl.concat([_add_finding_keys(judgement.findings, submission) for submission, _, judgement in judged])
    ids = [submission.id for submission, _, _ in judged]
    platform.lake.replace(
        FINDING,
        findings,
        where={"return_code": contract.return_code, "period": period.id, "_submission_id": ids},
        commit=commit,
    )


def write_validated(
    platform: Platform,
    contract: Contract,
    period: Period,
    accepted: Sequence[tuple[Submission, ValidationResult]],
    standing: Mapping[str, str],
    run_id: str,
) -> None:
    """Put accepted submissions in place of their councils' slices.

    One table after the other: where a run dies in between, recovery sees at the first that they disagree.

    Args:
        platform: where the lake is.
        contract: that they were judged by.
        period: that they are for.
        accepted: those that are to stand, with their judgements.
        standing: their ids by register code of the council.
        run_id: who does it, for the commits.

    Raises:
        StorageError: the lake did not take them.
    """
    if not standing:
        return
    for table in contract.tables:
        stored = validated_table(contract, table)
        schema = frame_schema_of(stored.arrow_schema)

        def rows(table: Table = table, schema: pl.Schema = schema) -> Iterator[pl.DataFrame]:
            for submission, judgement in accepted:
                yield from _add_keys(judgement.tables.get(table.name, ()), schema, submission)

        platform.lake.replace_councils(
            stored,
            Frames(schema, rows),
            period=period.id,
            submissions=standing,
            commit={"run": run_id, "submissions": " ".join(standing.values())},
        )
    remove_other_majors(platform, contract, period, standing)


def _add_keys(pieces: Iterable[pl.DataFrame], schema: pl.Schema, submission: Submission) -> Iterator[pl.DataFrame]:
    """The rows of a submission with the platform's keys, which are the same in all of them."""
    keys = [pl.lit(value).alias(name) for name, value in _keys(submission).items()]
    for piece in pieces:
        yield piece.with_columns(keys).select(schema.names())


def _keys(submission: Submission) -> Mapping[str, str]:
    """The platform's keys, which are the same in all of a submission's rows."""
    return {
        "council_code": submission.council_code,
        "period": submission.period,
        "_submission_id": submission.id,
    }


def _add_finding_keys(findings: pl.DataFrame, submission: Submission) -> pl.DataFrame:
    """A judgement's findings with the keys of the lake's finding table."""
    return findings.with_columns(
        pl.lit(submission.return_code).alias("return_code"),
        pl.lit(submission.council_code).alias("council_code"),
        pl.lit(submission.period).alias("period"),
        pl.lit(submission.id).alias("_submission_id"),
    ).select(FINDING.arrow_schema.names)


def validated_tables_by_major(data_return: Return) -> Mapping[int, tuple[LakeTable, ...]]:
    """The validated tables of a return, by major version."""
    return {
        major: tuple(validated_table(contract, table) for table in contract.tables)
        for major, contract in data_return.majors.items()
    }


def remove_other_majors(platform: Platform, contract: Contract, period: Period, councils: Iterable[str]) -> None:
    """Take away what stood in the tables of other majors for councils whose slice stands in this one's by now."""
    data_return, wanted = platform.register.returns[contract.return_code], set(councils)
    for major, tables in validated_tables_by_major(data_return).items():
        for table in tables if major != contract.version.major else ():
            standing = platform.lake.standing(table, period.id, wanted)
            left = {council for council, number in standing.items() if number}
            left |= wanted & set(platform.lake.slices(table, period.id))
            if left:
                platform.lake.remove(table, {"period": period.id, "council_code": sorted(left)})


def find_accepting_contract(platform: Platform, contract: Contract, submission_id: str) -> Contract:
    """The contract in whose tables a submission stands: the newest of the major version that accepted it last."""
    data_return = platform.register.returns[contract.return_code]
    version = platform.ledger.accepted_by(submission_id)
    return next((one for one in reversed(data_return.contracts) if _major(version) == one.version.major), contract)


def _major(version: str) -> int:
    return int(version.partition(".")[0] or 0)
