"""Rows of earlier periods, for rules that hold a figure against them.

What belongs here: reading what stands. What does not: which submissions those rows are of (``life``), and the rules
themselves (``validation.earlier``).
"""

from collections.abc import Callable, Mapping
from functools import cache

from lgdp_pipelines.handover.chunked_frame import Pieces
from lgdp_pipelines.register.model.contract import Return
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.storage.lake_tables import LakeTable, validated_table
from lgdp_pipelines.validation.judging_context import PriorPeriodRows
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.workflows.platform import Platform

SMALL_PERIOD = 1_000_000
"""Rows of an earlier period that are read once for all councils; of a larger one each council reads its own."""


def earlier_of_council(platform: Platform, data_return: Return, council: str) -> PriorPeriodRows:
    """A council's own validated rows of earlier periods, and nobody else's."""

    def before(period: Period, table: Table) -> Pieces | None:
        lies = _stored(platform, data_return, period, table.name)
        if lies is None:
            return None
        rows = platform.lake.pieces(lies, {"period": period.id, "council_code": council})
        return rows if rows.height else None

    return before


def earlier_of_councils(platform: Platform, data_return: Return) -> Callable[[str], PriorPeriodRows]:
    """The same for many councils: a period's table is read once for all of them, if it is small."""

    @cache
    def by_council(period: Period, table_name: str) -> Mapping[str, Pieces] | None:
        lies = _stored(platform, data_return, period, table_name)
        if lies is None:
            return {}
        rows = platform.lake.pieces(lies, {"period": period.id})
        if rows.height > SMALL_PERIOD:
            return None
        return {
            str(key[0]): Pieces.of(frame)
            for key, frame in rows.whole().partition_by("council_code", as_dict=True).items()
        }

    def of(council: str) -> PriorPeriodRows:
        own = earlier_of_council(platform, data_return, council)

        def before(period: Period, table: Table) -> Pieces | None:
            small = by_council(period, table.name)
            return own(period, table) if small is None else small.get(council)

        return before

    return of


def _stored(platform: Platform, data_return: Return, period: Period, table_name: str) -> LakeTable | None:
    """Where a period's rows of a table lie; None where the period was not asked for, or nothing was ever written."""
    if period.start < data_return.first_period.start:
        return None
    contract = data_return.contract_for(period)
    table = contract.by_name.get(table_name)
    if table is None:
        return None
    lies = validated_table(contract, table)
    return lies if platform.lake.exists(lies) else None
