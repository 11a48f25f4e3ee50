"""Removal of withdrawn rows, and recovery of slices that a run left behind when it died.

Validated slices and the ledger agree except between two writes of one run. Belongs here: finding the slices that do not
agree, removing them, and restoring them. Belongs elsewhere: writing a slice (``lake_slices``), and recording a
withdrawal (``ledger.withdrawals``).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
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
    spool: ChunkSpool,
    notify: Callable[[Sequence[Submission]], None],
) -> None:
    """Remove withdrawn submissions' rows from the slices, notify, and record the removal.

    Args:
        platform: the opened platform.
        data_return: the return.
        period: one of its periods.
        councils: register codes; withdrawals of other councils are left to their own run.
        spool: keeps what does not fit into memory.
        notify: called with the submissions when no slice holds their rows any more.
    """
    withdrawals = platform.ledger.withdrawals.list_unfinished(data_return.code, period.id)
    submissions = [platform.ledger.submissions.get(withdrawal.submission_id) for withdrawal in withdrawals]
    withdrawn_submissions = [submission for submission in submissions if submission.council_code in councils]
    if withdrawn_submissions:
        # The ledger does not call a withdrawn submission current, so recovery removes its slice. It is finished last:
        # a run that dies before that removes and notifies again.
        recover_slices(platform, data_return, period, spool)
        notify(withdrawn_submissions)
        platform.ledger.withdrawals.finish([submission.id for submission in withdrawn_submissions])


def recover_slices(platform: Platform, data_return: Return, period: Period, spool: ChunkSpool) -> None:
    """Remove slices that disagree with the ledger; remake current ones from bytes.

    A slice that does not agree is removed, from every table of every major version. Then the current submission's slice
    is made again from its bytes, by the contract that accepted it. A recovery that dies half way leaves councils with a
    current submission and no slice, which the next one finds.
    """
    councils = find_inconsistent_slices(platform.lake, platform.ledger, data_return, period)
    if not councils:
        return
    current_by_council = platform.ledger.submissions.find_current_ids(data_return.code, period.id)
    for table in chain.from_iterable(define_validated_tables(data_return).values()):
        platform.lake.remove_slice(table, {"period": period.id, "council_code": sorted(councils)})
    judged_by_version: dict[Version, list[JudgedSubmission]] = {}
    for council in sorted(councils & set(current_by_council)):
        submission = platform.ledger.submissions.get(current_by_council[council])
        contract = find_accepting_contract(
            platform.ledger, data_return, submission.id, data_return.contract_for(period)
        )
        submitted_files = SubmittedFiles(contract, period, platform.ledger.submissions.list_receipts(submission.id))
        # Accepted rows do not depend on comparisons, so nothing is compared.
        reading, judgement = judge_files(platform.register, platform.received_bytes, submitted_files, spool)
        judged_by_version.setdefault(contract.version, []).append(JudgedSubmission(submission, reading, judgement))
    contracts = {contract.version: contract for contract in data_return.contracts}
    for version, judged_submissions in judged_by_version.items():
        SliceWriter(platform.lake, data_return, contracts[version], period, "recovery").write_validated(
            judged_submissions
        )


@dataclass(frozen=True, slots=True)
class _CouncilSlices:
    """A council's validated slices of a period, over all major versions.

    Attributes:
        majors_with_rows: major versions of the tables that hold rows.
        submission_ids: the submissions of these rows.
        last_numbers: numbers of the submissions that the tables were last written for, by major version; 0: cleared.
    """

    majors_with_rows: frozenset[int]
    submission_ids: frozenset[str]
    last_numbers: Mapping[int, frozenset[int]]

    def belong_to(self, current_id: str | None) -> bool:
        """Return whether they hold nothing but the current submission's rows.

        Without a current submission, they must be empty.
        """
        majors = self.majors_with_rows | {major for major, numbers in self.last_numbers.items() if numbers != {0}}
        # The number of a cleared slice is 0. Where the slice moved to another major, that one's numbers count; where it
        # did not, the 0 must agree with the ledger like any number.
        numbers = frozenset[int]().union(*(self.last_numbers.get(major, ()) for major in majors or self.last_numbers))
        has_rows_of_another = not self.submission_ids <= {current_id}
        is_written_for_another = not numbers <= {parse_submission_id(current_id).number if current_id else 0}
        is_in_two_majors = len(majors) > 1
        return not (has_rows_of_another or is_written_for_another or is_in_two_majors)


def find_inconsistent_slices(lake: Lake, ledger: Ledger, data_return: Return, period: Period) -> set[str]:
    """Return the councils whose slices disagree with the ledger.

    A run is at work on them, or died. A slice disagrees when it was last written for a submission that the ledger does
    not call current (also where that submission has no rows in a table), when it is in two major versions at once, and
    when a current submission with rows has no slice.
    """
    current_by_council = ledger.submissions.find_current_ids(data_return.code, period.id)
    tables = [(major, table) for major, tables in define_validated_tables(data_return).items() for table in tables]
    id_maps = [(major, lake.read_slice_submissions(table, period.id)) for major, table in tables]
    councils = {council for _, ids in id_maps for council in ids} | set(current_by_council)
    number_maps = [(major, lake.read_current_numbers(table, period.id, councils)) for major, table in tables]

    def agrees(council: str) -> bool:
        """Return whether a council's slices agree with the ledger."""
        last_numbers: dict[int, frozenset[int]] = {}
        for major, numbers in number_maps:
            if council in numbers:
                last_numbers[major] = last_numbers.get(major, frozenset()) | {numbers[council]}
        slices = _CouncilSlices(
            majors_with_rows=frozenset(major for major, ids in id_maps if council in ids),
            submission_ids=frozenset(ids[council] for _, ids in id_maps if council in ids),
            last_numbers=last_numbers,
        )
        current_id = current_by_council.get(council)
        is_lost = (
            not slices.majors_with_rows
            and current_id is not None
            and ledger.judgements.count_accepted_rows(current_id) > 0
        )
        return slices.belong_to(current_id) and not is_lost

    return {council for council in councils if not agrees(council)}
