"""Slices of submissions in the lake: writing, removal after a withdrawal, and recovery after a run that died.

Rows are written in chunks, so a table may be larger than memory. Validated slices and the ledger agree except between
two writes of one run. Belongs here: the tables that judged submissions are written to, over all major versions, and
finding, removing and making again the slices that do not agree. Belongs elsewhere: deciding which submission becomes
current (``processing``), and recording a withdrawal (``ledger.withdrawals``).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain

import polars as pl

from lgdp_pipelines.handover.chunked_frame import ChunkSpool
from lgdp_pipelines.handover.column_types import arrow_to_polars_schema
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import Submission
from lgdp_pipelines.register.model.contract import Contract, Return, Version
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.storage.frame_source import FrameSource
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import (
    FINDING,
    LakeTable,
    define_landed_table,
    define_validated_table,
    parse_submission_id,
)
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.submission_judgement import (
    JudgedSubmission,
    SubmittedFiles,
    find_accepting_contract,
    judge_files,
)

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

    def write_all(self, entries: Sequence[JudgedSubmission], current: Mapping[str, str]) -> None:
        """Write landed rows, findings and validated slices side by side.

        They are separate tables.

        Args:
            entries: submissions, as read and as judged.
            current: the submission that each council's slice becomes, by register code.

        Raises:
            StorageError: the lake did not take them.
        """
        accepted_entries = [
            entry for entry in entries if current.get(entry.submission.council_code) == entry.submission.id
        ]
        with ThreadPoolExecutor(WRITERS) as pool:
            writes = [
                *(pool.submit(self.write_landed, table, entries) for table in self.contract.tables),
                pool.submit(self._write_findings, entries),
                pool.submit(self.write_validated, accepted_entries),
            ]
        for write in writes:
            write.result()

    def write_landed(self, table: Table, entries: Sequence[JudgedSubmission]) -> None:
        """Replace the landed rows of some submissions in one table.

        Raises:
            StorageError: the lake did not take them.
        """
        landed_rows = [
            (entry.submission, entry.reading.tables[table.name])
            for entry in entries
            if table.name in entry.reading.tables
        ]
        if landed_rows:
            lake_table = define_landed_table(self.contract, table)
            ids = [entry.submission.id for entry in entries]
            slice_key = {"period": self.period.id, "_submission_id": ids}
            self.lake.replace_slice(
                lake_table, _stream_rows(lake_table, landed_rows), where=slice_key, commit=self._describe_commit(ids)
            )

    def _write_findings(self, entries: Sequence[JudgedSubmission]) -> None:
        ids = [entry.submission.id for entry in entries]
        return_code = pl.lit(self.contract.return_code).alias("return_code")
        findings = [(entry.submission, [entry.judgement.findings.with_columns(return_code)]) for entry in entries]
        self.lake.replace_slice(
            FINDING,
            pl.concat(_add_keys(findings, FINDING.arrow_schema.names)),
            where={"return_code": self.contract.return_code, "period": self.period.id, "_submission_id": ids},
            commit=self._describe_commit(ids),
        )

    def write_validated(self, accepted_entries: Sequence[JudgedSubmission]) -> None:
        """Replace the slices of councils with their accepted submissions.

        Raises:
            StorageError: the lake did not take them.
        """
        if not accepted_entries:
            return
        current = {entry.submission.council_code: entry.submission.id for entry in accepted_entries}
        # One table after the other: where a run dies in between, recovery sees in the first that they disagree.
        for table in self.contract.tables:
            lake_table = define_validated_table(self.contract, table)
            validated_rows = [
                (entry.submission, entry.judgement.tables.get(table.name, ())) for entry in accepted_entries
            ]
            self.lake.replace_councils(
                lake_table,
                _stream_rows(lake_table, validated_rows),
                period=self.period.id,
                submissions=current,
                commit=self._describe_commit(list(current.values())),
            )
        # Last: until then a slice that moves to another major is in both, and recovery clears both.
        self.remove_other_majors(set(current))

    def remove_other_majors(self, councils: set[str]) -> None:
        """Remove councils' slices from the tables of all other major versions."""
        for major, tables in _define_validated_tables(self.data_return).items():
            for table in tables if major != self.contract.version.major else ():
                numbers = self.lake.read_current_numbers(table, self.period.id, councils)
                stale_councils = {council for council, number in numbers.items() if number}
                stale_councils |= councils & set(self.lake.read_slice_submissions(table, self.period.id))
                if stale_councils:
                    self.lake.remove_slice(table, {"period": self.period.id, "council_code": sorted(stale_councils)})

    def _describe_commit(self, submission_ids: Sequence[str]) -> Mapping[str, str]:
        return {"run": self.run_id, "submissions": " ".join(submission_ids)}


def _define_validated_tables(data_return: Return) -> Mapping[int, tuple[LakeTable, ...]]:
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
    """Yield submissions' rows with the platform's keys, in a table's columns."""
    for submission, chunks in rows:
        keys = [
            pl.lit(submission.council_code).alias("council_code"),
            pl.lit(submission.period).alias("period"),
            pl.lit(submission.id).alias("_submission_id"),
        ]
        for chunk in chunks:
            yield chunk.with_columns(keys).select(columns)


def remove_withdrawn_rows(
    platform: Platform,
    data_return: Return,
    period: Period,
    councils: Collection[str],
    spill: ChunkSpool,
    notify: Callable[[Sequence[Submission]], None],
) -> None:
    """Remove withdrawn submissions' rows from the slices, and record the removal.

    Args:
        platform: the opened platform.
        data_return: the return.
        period: one of its periods.
        councils: register codes; withdrawals of other councils are left to their own run.
        spill: keeps what does not fit into memory.
        notify: called with the submissions when no slice holds their rows any more.
    """
    withdrawals = platform.ledger.withdrawals.list_unfinished(data_return.code, period.id)
    submissions = [platform.ledger.submissions.get(withdrawal.submission_id) for withdrawal in withdrawals]
    withdrawn_submissions = [submission for submission in submissions if submission.council_code in councils]
    if withdrawn_submissions:
        # The ledger does not call a withdrawn submission current, so recovery removes its slice. It is finished last:
        # a run that dies before that removes and notifies again.
        recover_slices(platform, data_return, period, spill)
        notify(withdrawn_submissions)
        platform.ledger.withdrawals.finish([submission.id for submission in withdrawn_submissions])


def recover_slices(platform: Platform, data_return: Return, period: Period, spill: ChunkSpool) -> None:
    """Restore the validated slices of a return and period from the ledger.

    A slice that does not agree is removed, from every table of every major version. Then the current submission's slice
    is made again from its bytes, by the contract that accepted it. A recovery that dies half way leaves councils with a
    current submission and no slice, which the next one finds.
    """
    councils = find_inconsistent_slices(platform.lake, platform.ledger, data_return, period)
    if not councils:
        return
    current = platform.ledger.submissions.find_current(data_return.code, period.id)
    for table in chain.from_iterable(_define_validated_tables(data_return).values()):
        platform.lake.remove_slice(table, {"period": period.id, "council_code": sorted(councils)})
    judged_by_version: dict[Version, list[JudgedSubmission]] = {}
    for council in sorted(councils & set(current)):
        submission = platform.ledger.submissions.get(current[council])
        contract = find_accepting_contract(
            platform.ledger, data_return, submission.id, data_return.contract_for(period)
        )
        submitted_files = SubmittedFiles(contract, period, platform.ledger.submissions.list_receipts(submission.id))
        # Accepted rows do not depend on comparisons, so nothing is compared.
        reading, judgement = judge_files(platform.register, platform.received_bytes, submitted_files, spill)
        judged_by_version.setdefault(contract.version, []).append(JudgedSubmission(submission, reading, judgement))
    contracts = {contract.version: contract for contract in data_return.contracts}
    for version, entries in judged_by_version.items():
        SliceWriter(platform.lake, data_return, contracts[version], period, "recovery").write_validated(entries)


def find_inconsistent_slices(lake: Lake, ledger: Ledger, data_return: Return, period: Period) -> set[str]:
    """Return the councils whose slices disagree with the ledger.

    A run is at work on them, or died. A slice disagrees when it was last written for a submission that the ledger does
    not call current (also where that submission has no rows in a table), when it is in two major versions at once, and
    when a current submission with rows has no slice.
    """
    current = ledger.submissions.find_current(data_return.code, period.id)
    numbers = {council: parse_submission_id(submission_id).number for council, submission_id in current.items()}
    tables_by_major = _define_validated_tables(data_return)
    slices = {
        major: [lake.read_slice_submissions(table, period.id) for table in tables]
        for major, tables in tables_by_major.items()
    }
    councils = {council for tables in slices.values() for table in tables for council in table} | set(current)
    last_numbers = {
        major: [lake.read_current_numbers(table, period.id, councils) for table in tables]
        for major, tables in tables_by_major.items()
    }

    def agrees(council: str) -> bool:
        majors_with_rows = {major for major, tables in slices.items() if any(council in table for table in tables)}
        numbers_by_major = {
            major: {table[council] for table in tables if council in table}
            for major, tables in last_numbers.items()
            if any(council in table for table in tables)
        }
        # The number of a cleared slice is 0. Where the slice moved to another major, that one's numbers count; where it
        # did not, the 0 must agree with the ledger like any number.
        majors = {
            major for major, numbers_of_major in numbers_by_major.items() if numbers_of_major != {0}
        } | majors_with_rows
        slice_numbers = set().union(*(numbers_by_major.get(major, set()) for major in majors or numbers_by_major))
        submission_ids = {table.get(council) for tables in slices.values() for table in tables}
        is_lost = (
            not majors_with_rows and council in current and ledger.judgements.count_accepted_rows(current[council]) > 0
        )
        return (
            submission_ids <= {None, current.get(council)}
            and len(majors) <= 1
            and slice_numbers <= {numbers.get(council, 0)}
            and not is_lost
        )

    return {council for council in councils if not agrees(council)}
