"""Removal of withdrawn rows, and recovery of slices that a run left behind when it died.

Validated slices and the ledger agree except between two writes of one run. What belongs here: finding the slices that
do not agree, removing them, and making them again. What does not: writing a slice (``slice_writing``), and recording a
withdrawal (``ledger.withdrawals``).
"""

from collections.abc import Callable, Sequence

from lgdp_pipelines.handover.chunked_frame import Spill
from lgdp_pipelines.ledger.submission_records import Submission
from lgdp_pipelines.register.model.contract import Contract, Version
from lgdp_pipelines.storage.lake_tables import submission_key
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.validation.judging_context import no_other_rows, no_prior_rows
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.slice_writing import find_accepting_contract, validated_tables_by_major, write_validated
from lgdp_pipelines.workflows.submission_judgement import judge_submission


def remove_withdrawn_rows(
    platform: Platform,
    contract: Contract,
    period: Period,
    councils: Sequence[str],
    spill: Spill,
    notify: Callable[[Sequence[Submission]], None] = lambda _: None,
) -> None:
    """Take rows of submissions that councils took back out of the slices, tell of it, and only then call it finished.

    Before a run judges, and after: a council may take back what is being judged.
    """
    unfinished = platform.ledger.unfinished_withdrawals(contract.return_code, period.id)
    submissions = [platform.ledger.submission(one.submission_id) for one in unfinished]
    withdrawn = [one for one in submissions if one.council_code in councils]
    if withdrawn:
        recover_slices(platform, contract, period, spill)
        notify(withdrawn)
        platform.ledger.finish_withdrawals([one.id for one in withdrawn])


def recover_slices(platform: Platform, contract: Contract, period: Period, spill: Spill) -> None:
    """Make validated slices agree with the ledger, where a run died between writing the one and the other.

    A slice that was last written for a submission that the ledger does not call current is taken away, in every table
    of every major, and the current one made again from its bytes, by the contract that accepted it: also where that
    submission has no rows in a table, and where an earlier recovery died half way. A current submission with rows but
    no slice is likewise made again.
    """
    wrong = find_inconsistent_slices(platform, contract, period)
    if not wrong:
        return
    current = platform.ledger.current(contract.return_code, period.id)
    data_return = platform.register.returns[contract.return_code]
    for tables in validated_tables_by_major(data_return).values():
        for table in tables:
            if platform.lake.exists(table):
                platform.lake.remove(table, {"period": period.id, "council_code": sorted(wrong)})
    lost = {council: current[council] for council in sorted(wrong & set(current))}
    by_version: dict[Version, list[tuple[Submission, ValidationResult]]] = {}
    contracts = {one.version: one for one in data_return.contracts}
    for submission_id in lost.values():
        submission = platform.ledger.submission(submission_id)
        accepting = find_accepting_contract(platform, contract, submission_id)
        _, judgement = judge_submission(platform, accepting, period, submission, no_prior_rows, no_other_rows, spill)
        by_version.setdefault(accepting.version, []).append((submission, judgement))
    for version, accepted in by_version.items():
        standing = {submission.council_code: submission.id for submission, _ in accepted}
        write_validated(platform, contracts[version], period, accepted, standing, "recovery")


def find_inconsistent_slices(platform: Platform, contract: Contract, period: Period) -> set[str]:
    """Councils of whose slices the ledger knows nothing: a run is at work there, or died.

    A slice disagrees that was last written for a submission that the ledger does not call current, also where that one
    has no rows in a table; so does one in two majors at once, and a current submission that has rows and no slice.
    """
    data_return = platform.register.returns[contract.return_code]
    current = platform.ledger.current(data_return.code, period.id)
    numbers = {council: submission_key(one).number for council, one in current.items()}
    tables = validated_tables_by_major(data_return)
    slices = {major: [platform.lake.slices(one, period.id) for one in some] for major, some in tables.items()}
    councils = {council for some in slices.values() for found in some for council in found} | set(current)
    standing = {
        major: [platform.lake.standing(one, period.id, councils) for one in some] for major, some in tables.items()
    }

    def agrees(council: str) -> bool:
        holding = {major for major, some in slices.items() if any(council in found for found in some)}
        put = {
            major: {found[council] for found in some if council in found}
            for major, some in standing.items()
            if any(council in found for found in some)
        }
        written = {major for major, some in put.items() if some != {0}} | holding
        # A slice that was cleared says 0; where it went to no other major, that is said of a submission as of any.
        told = set().union(*(put.get(major, set()) for major in written or put))
        strangers = {found.get(council) for some in slices.values() for found in some} - {None, current.get(council)}
        is_lost = not holding and council in current and platform.ledger.rows_of(current[council]) > 0
        return not strangers and len(written) <= 1 and told <= {numbers.get(council, 0)} and not is_lost

    return {council for council in councils if not agrees(council)}
