"""Writing of landed rows, findings and validated slices into the lake.

Rows are written in chunks, so a table may be larger than memory. Belongs here: the tables that judged submissions are
written to, over all major versions. Belongs elsewhere: deciding which submission becomes current (``processing``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

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

    def write_all(self, judged: Sequence[JudgedSubmission], current: Mapping[str, str]) -> None:
        """Write landed rows, findings and validated slices side by side.

        They are separate tables.

        Args:
            judged: submissions, as read and as judged.
            current: the submission that each council's slice becomes, by register code.

        Raises:
            StorageError: the lake did not take them.
        """
        accepted = [entry for entry in judged if current.get(entry.submission.council_code) == entry.submission.id]
        with ThreadPoolExecutor(WRITERS) as pool:
            writes = [
                *(pool.submit(self.write_landed, table, judged) for table in self.contract.tables),
                pool.submit(self._write_findings, judged),
                pool.submit(self.write_validated, accepted),
            ]
        for write in writes:
            write.result()

    def write_landed(self, table: Table, judged: Sequence[JudgedSubmission]) -> None:
        """Replace the landed rows of some submissions in one table.

        Raises:
            StorageError: the lake did not take them.
        """
        landed = [
            (entry.submission, entry.reading.tables[table.name])
            for entry in judged
            if table.name in entry.reading.tables
        ]
        if not landed:
            return
        stored = define_landed_table(self.contract, table)
        schema = arrow_to_polars_schema(stored.arrow_schema)

        def rows() -> Iterator[pl.DataFrame]:
            for submission, chunks in landed:
                yield from _add_keys(chunks, schema, submission)

        ids = [entry.submission.id for entry in judged]
        where = {"period": self.period.id, "_submission_id": ids}
        self.lake.replace_slice(stored, FrameSource(schema, rows), where=where, commit=self._describe_commit(ids))

    def _write_findings(self, judged: Sequence[JudgedSubmission]) -> None:
        ids = [entry.submission.id for entry in judged]
        self.lake.replace_slice(
            FINDING,
            pl.concat([_add_finding_keys(entry.judgement.findings, entry.submission) for entry in judged]),
            where={"return_code": self.contract.return_code, "period": self.period.id, "_submission_id": ids},
            commit=self._describe_commit(ids),
        )

    def write_validated(self, accepted: Sequence[JudgedSubmission]) -> None:
        """Replace the slices of councils with their accepted submissions.

        Raises:
            StorageError: the lake did not take them.
        """
        if not accepted:
            return
        current = {entry.submission.council_code: entry.submission.id for entry in accepted}
        # One table after the other: where a run dies in between, recovery sees in the first that they disagree.
        for table in self.contract.tables:
            stored = define_validated_table(self.contract, table)
            schema = arrow_to_polars_schema(stored.arrow_schema)

            def rows(table: Table = table, schema: pl.Schema = schema) -> Iterator[pl.DataFrame]:
                for entry in accepted:
                    yield from _add_keys(entry.judgement.tables.get(table.name, ()), schema, entry.submission)

            self.lake.replace_councils(
                stored,
                FrameSource(schema, rows),
                period=self.period.id,
                submissions=current,
                commit=self._describe_commit(list(current.values())),
            )
        # Last: until then a slice that moves to another major stands in both, and recovery clears both.
        self.remove_other_majors(set(current))

    def remove_other_majors(self, councils: set[str]) -> None:
        """Remove the slices of councils from the tables of every other major version."""
        for major, tables in validated_tables_by_major(self.data_return).items():
            for table in tables if major != self.contract.version.major else ():
                standing = self.lake.read_current_numbers(table, self.period.id, councils)
                stale = {council for council, number in standing.items() if number}
                stale |= councils & set(self.lake.read_slice_submissions(table, self.period.id))
                if stale:
                    self.lake.remove_slice(table, {"period": self.period.id, "council_code": sorted(stale)})

    def _describe_commit(self, submission_ids: Sequence[str]) -> Mapping[str, str]:
        return {"run": self.run_id, "submissions": " ".join(submission_ids)}


def validated_tables_by_major(data_return: Return) -> Mapping[int, tuple[LakeTable, ...]]:
    """Return the validated tables of a return, by major version."""
    return {
        major: tuple(define_validated_table(contract, table) for table in contract.tables)
        for major, contract in data_return.majors.items()
    }


def _add_keys(chunks: Iterable[pl.DataFrame], schema: pl.Schema, submission: Submission) -> Iterator[pl.DataFrame]:
    """Yield a submission's rows with the platform's keys, in the table's columns."""
    keys = [
        pl.lit(submission.council_code).alias("council_code"),
        pl.lit(submission.period).alias("period"),
        pl.lit(submission.id).alias("_submission_id"),
    ]
    for chunk in chunks:
        yield chunk.with_columns(keys).select(schema.names())


def _add_finding_keys(findings: pl.DataFrame, submission: Submission) -> pl.DataFrame:
    """Return a judgement's findings with the keys of the lake's table of findings."""
    return findings.with_columns(
        pl.lit(submission.return_code).alias("return_code"),
        pl.lit(submission.council_code).alias("council_code"),
        pl.lit(submission.period).alias("period"),
        pl.lit(submission.id).alias("_submission_id"),
    ).select(FINDING.arrow_schema.names)
