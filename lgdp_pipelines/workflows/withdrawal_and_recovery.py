"""Removal of withdrawn rows, and recovery of slices that a run left behind when it died.

Validated slices and the ledger agree except between two writes of one run. Belongs here: finding the slices that do not
agree, removing them, and restoring them. Belongs elsewhere: writing a slice (``lake_slices``), and recording a
withdrawal (``ledger.withdrawals``).
"""

from collections.abc import Callable, Collection, Sequence
from itertools import chain

from lgdp_pipelines.handover.chunked_frame import ChunkSpool
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import Submission
from lgdp_pipelines.register.model.contract import Return, Version
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import parse_submission_id
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.workflows.lake_slices import SliceWriter, define_validated_tables
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.submission_judgement import (
    JudgedSubmission,
    SubmittedFiles,
    find_accepting_contract,
    judge_files,
)


def remove_withdrawn_rows(
    platform: Platform,
    data_return: Return,
    period: Period,
    councils: Collection[str],
    spill: ChunkSpool,
    notify: Callable[[Sequence[Submission]], None],
) -> None:
    """Remove withdrawn submissions' rows from the slices, notify, and record the removal.

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
    """Remove slices that disagree with the ledger; remake current ones from bytes.

    A slice that does not agree is removed, from every table of every major version. Then the current submission's slice
    is made again from its bytes, by the contract that accepted it. A recovery that dies half way leaves councils with a
    current submission and no slice, which the next one finds.
    """
    councils = find_inconsistent_slices(platform.lake, platform.ledger, data_return, period)
    if not councils:
        return
    current = platform.ledger.submissions.find_current(data_return.code, period.id)
    for table in chain.from_iterable(define_validated_tables(data_return).values()):
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
    tables_by_major = define_validated_tables(data_return)
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
        """Return whether all of a council's slices agree with the ledger."""
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
