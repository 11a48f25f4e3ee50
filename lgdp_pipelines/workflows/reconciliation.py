"""Whether validated slices and the ledger agree: always, but for the moment between writing the one and the other.

A council's slice of a period stands in the tables of one major version: of the contract that accepted its current
submission. What belongs here: finding out, over all majors, and clearing the majors that a slice has left. What does
not: making a slice again (``process.recover``).
"""

from collections.abc import Iterable, Mapping

from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.storage.lake_tables import LakeTable, submission_key, validated_table
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.workflows.platform import Platform


def stored_tables(data_return: Return) -> Mapping[int, tuple[LakeTable, ...]]:
    """The validated tables of a return, by major version."""
    return {
        major: tuple(validated_table(contract, table) for table in contract.tables)
        for major, contract in data_return.majors.items()
    }


def disagreements(platform: Platform, contract: Contract, period: Period) -> set[str]:
    """Councils of whose slices the ledger knows nothing: a run is at work there, or died.

    A slice disagrees that was last written for a submission that the ledger does not call current, also where that one
    has no rows in a table; so does one in two majors at once, and a current submission that has rows and no slice.
    """
    data_return = platform.register.returns[contract.return_code]
    current = platform.ledger.current(data_return.code, period.id)
    numbers = {council: submission_key(one).number for council, one in current.items()}
    tables = stored_tables(data_return)
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


def clear_other_majors(platform: Platform, contract: Contract, period: Period, councils: Iterable[str]) -> None:
    """Take away what stood in the tables of other majors for councils whose slice stands in this one's by now."""
    data_return, wanted = platform.register.returns[contract.return_code], set(councils)
    for major, tables in stored_tables(data_return).items():
        for table in tables if major != contract.version.major else ():
            standing = platform.lake.standing(table, period.id, wanted)
            left = {council for council, number in standing.items() if number}
            left |= wanted & set(platform.lake.slices(table, period.id))
            if left:
                platform.lake.remove(table, {"period": period.id, "council_code": sorted(left)})


def accepting_contract(platform: Platform, contract: Contract, submission_id: str) -> Contract:
    """The contract in whose tables a submission stands: the newest of the major version that accepted it last."""
    data_return = platform.register.returns[contract.return_code]
    version = platform.ledger.accepted_by(submission_id)
    return next((one for one in reversed(data_return.contracts) if _major(version) == one.version.major), contract)


def _major(version: str) -> int:
    return int(version.partition(".")[0] or 0)
