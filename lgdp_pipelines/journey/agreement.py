"""Whether validated slices and the ledger agree: always, but for the moment between writing the one and the other.

What belongs here: finding out. What does not: mending it (``process.recover``).
"""

from lgdp_pipelines.journey.platform import Platform
from lgdp_pipelines.register.model import Contract
from lgdp_pipelines.standards.periods import Period
from lgdp_pipelines.storage.tables import submission_key, validated_table


def disagreements(platform: Platform, contract: Contract, period: Period) -> set[str]:
    """Councils of whose slices the ledger knows nothing: a run is at work there, or died.

    A slice disagrees that was last written for a submission that the ledger does not call current, also where that one
    has no rows in a table; and so does a current submission that has rows and no slice.
    """
    current = platform.ledger.current(contract.return_code, period.id)
    numbers = {council: submission_key(one).number for council, one in current.items()}
    tables = [validated_table(contract, table) for table in contract.tables]
    slices = [platform.lake.slices(table, period.id) for table in tables]
    councils = {council for found in slices for council in found} | set(current)
    standing = [platform.lake.standing(table, period.id, councils) for table in tables]
    return {
        council
        for council in councils
        if any(found.get(council, current.get(council)) != current.get(council) for found in slices)
        or any(council in found and found[council] != numbers.get(council, 0) for found in standing)
        or (all(council not in found for found in slices) and platform.ledger.rows_of(current[council]) > 0)
    }
