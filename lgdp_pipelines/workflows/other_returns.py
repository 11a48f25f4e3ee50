"""Rows of other returns, for rules that read them: what stands of the same council, and nobody else's.

What belongs here: reading what stands. What does not: which submissions those rows are of (``life``), and the rules
themselves (``validation.others``).
"""

from collections.abc import Callable, Mapping
from functools import cache

from lgdp_pipelines.handover.chunked_frame import Pieces
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.storage.lake_tables import validated_table
from lgdp_pipelines.validation.judging_context import OtherReturnRows
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.workflows.earlier_rows import SMALL_PERIOD
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.reconciliation import accepting_contract


def others_of_councils(platform: Platform) -> Callable[[str], OtherReturnRows]:
    """For each council its own standing rows of other returns: a period's table is read once for all, if it is small.

    A submission stands where the ledger calls it current, with rows or, as a nil return, without any. One that a
    version of another major accepted has other columns than the rule was written for: it is as if there were none.
    """

    @cache
    def current(return_code: str, period: str) -> Mapping[str, str]:
        return platform.ledger.current(return_code, period)

    @cache
    def by_council(return_code: str, period: Period, table_name: str) -> Mapping[str, Pieces] | None:
        contract = platform.register.returns[return_code].contract_for(period)
        rows = platform.lake.pieces(validated_table(contract, contract.by_name[table_name]), {"period": period.id})
        if rows.height > SMALL_PERIOD:
            return None
        frames = rows.whole().partition_by("council_code", as_dict=True)
        return {str(key[0]): Pieces.of(frame) for key, frame in frames.items()}

    def of(council: str) -> OtherReturnRows:
        def standing(data_return: Return, period: Period, table: Table) -> Pieces | None:
            submission = current(data_return.code, period.id).get(council)
            contract = data_return.contract_for(period)
            if submission is None:
                return None
            if accepting_contract(platform, contract, submission).version.major != contract.version.major:
                return None
            small = by_council(data_return.code, period, table.name)
            if small is not None and council in small:
                return small[council]
            where = {"period": period.id, "council_code": council}
            return platform.lake.pieces(validated_table(contract, table), where)

        return standing

    return of
