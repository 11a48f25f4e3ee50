"""Slices of submissions in the lake: landed rows, findings and validated rows.

Rows are written in chunks, so a table may be larger than memory. Belongs here: the tables that judged submissions are
written to, over all major versions. Belongs elsewhere: deciding which submission becomes current (``processing``), and
removing or restoring slices (``withdrawal_and_recovery``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import polars as pl

from lgdp_pipelines.handover.column_types import arrow_to_polars_schema
from lgdp_pipelines.ledger.submission_records import Submission
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.storage.frame_source import FrameSource
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import FINDING, LakeTable, define_landed_table, define_validated_table
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.workflows.submission_judgement import JudgedSubmission

WRITERS = 3
"""Tables written side by side: landed rows, findings and validated slices."""

_SubmissionRows = Sequence[tuple[Submission, Iterable[pl.DataFrame]]]
"""Submissions, each with its rows of one table."""


@dataclass(frozen=True)
class SliceWriter:
    """Writes judged submissions of one return and period.

    Attributes:
        lake: that is written to.
        data_return: the return.
        contract: that the submissions were judged by.
        period: that they are for.
        run_id: recorded with each commit.
    """

    lake: Lake
    data_return: Return
    contract: Contract
    period: Period
    run_id: str

    def write_all(self, judged_submissions: Sequence[JudgedSubmission], current_by_council: Mapping[str, str]) -> None:
        """Write all landed rows and findings, and the current submissions' validated rows.

        They are separate tables, written side by side.

        Args:
            judged_submissions: submissions, as read and as judged.
            current_by_council: the submission that each council's slice becomes, by register code.

        Raises:
            StorageError: the lake did not take them.
        """
        accepted_submissions = [
            judged_submission
            for judged_submission in judged_submissions
            if current_by_council.get(judged_submission.submission.council_code) == judged_submission.submission.id
        ]
        with ThreadPoolExecutor(WRITERS) as pool:
            writes = [
                *(pool.submit(self.write_landed, table, judged_submissions) for table in self.contract.tables),
                pool.submit(self._write_findings, judged_submissions),
                pool.submit(self.write_validated, accepted_submissions),
            ]
        for write in writes:
            write.result()

    def write_landed(self, table: Table, judged_submissions: Sequence[JudgedSubmission]) -> None:
        """Replace submissions' landed rows in one table, if any has it.

        Raises:
            StorageError: the lake did not take them.
        """
        landed_rows = [
            (judged_submission.submission, judged_submission.reading.tables[table.name])
            for judged_submission in judged_submissions
            if table.name in judged_submission.reading.tables
        ]
        if landed_rows:
            lake_table = define_landed_table(self.contract, table)
            ids = [judged_submission.submission.id for judged_submission in judged_submissions]
            slice_key = {"period": self.period.id, "_submission_id": ids}
            self.lake.replace_slice(
                lake_table, _stream_rows(lake_table, landed_rows), where=slice_key, commit=self._describe_commit(ids)
            )

    def _write_findings(self, judged_submissions: Sequence[JudgedSubmission]) -> None:
        """Replace the findings of some submissions."""
        ids = [judged_submission.submission.id for judged_submission in judged_submissions]
        return_code = pl.lit(self.contract.return_code).alias("return_code")
        findings = [
            (judged_submission.submission, [judged_submission.judgement.findings.with_columns(return_code)])
            for judged_submission in judged_submissions
        ]
        self.lake.replace_slice(
            FINDING,
            pl.concat(_add_keys(findings, FINDING.arrow_schema.names)),
            where={"return_code": self.contract.return_code, "period": self.period.id, "_submission_id": ids},
            commit=self._describe_commit(ids),
        )

    def write_validated(self, accepted_submissions: Sequence[JudgedSubmission]) -> None:
        """Replace councils' slices by accepted submissions; clear their other major versions.

        Raises:
            StorageError: the lake did not take them.
        """
        if not accepted_submissions:
            return
        current_by_council = {
            judged_submission.submission.council_code: judged_submission.submission.id
            for judged_submission in accepted_submissions
        }
        # One table after the other: where a run dies in between, recovery sees in the first that they disagree.
        for table in self.contract.tables:
            lake_table = define_validated_table(self.contract, table)
            validated_rows = [
                (judged_submission.submission, judged_submission.judgement.tables.get(table.name, ()))
                for judged_submission in accepted_submissions
            ]
            self.lake.replace_councils(
                lake_table,
                _stream_rows(lake_table, validated_rows),
                period=self.period.id,
                submissions=current_by_council,
                commit=self._describe_commit(list(current_by_council.values())),
            )
        # Last: until then a slice that moves to another major is in both, and recovery clears both.
        self.remove_other_majors(set(current_by_council))

    def remove_other_majors(self, councils: set[str]) -> None:
        """Remove councils' slices from the tables of all other major versions."""
        for major, tables in define_validated_tables(self.data_return).items():
            for table in tables if major != self.contract.version.major else ():
                numbers = self.lake.read_current_numbers(table, self.period.id, councils)
                stale_councils = {council for council, number in numbers.items() if number}
                stale_councils |= councils & set(self.lake.read_slice_submissions(table, self.period.id))
                if stale_councils:
                    self.lake.remove_slice(table, {"period": self.period.id, "council_code": sorted(stale_councils)})

    def _describe_commit(self, submission_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the run and submissions that a commit records."""
        return {"run": self.run_id, "submissions": " ".join(submission_ids)}


def define_validated_tables(data_return: Return) -> Mapping[int, tuple[LakeTable, ...]]:
    """Return the validated tables of a return, by major version."""
    return {
        major: tuple(define_validated_table(contract, table) for table in contract.tables)
        for major, contract in data_return.majors.items()
    }


def _stream_rows(lake_table: LakeTable, rows: _SubmissionRows) -> FrameSource:
    """Return submissions' rows in the columns of a table of the lake."""
    schema = arrow_to_polars_schema(lake_table.arrow_schema)
    return FrameSource(schema, partial(_add_keys, rows, schema.names()))


def _add_keys(rows: _SubmissionRows, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield chunks of rows with the platform's keys, in a table's columns."""
    for submission, chunks in rows:
        keys = [
            pl.lit(submission.council_code).alias("council_code"),
            pl.lit(submission.period).alias("period"),
            pl.lit(submission.id).alias("_submission_id"),
        ]
        for chunk in chunks:
            yield chunk.with_columns(keys).select(columns)
