"""Rows that a submission is compared with: its council's prior periods and other returns.

What belongs here: which submissions these are now, and reading their rows from the lake. What does not: the rules that
compare (``validation``).
"""

from collections.abc import Callable, Mapping
from functools import cache

from lgdp_pipelines.handover.chunked_frame import Pieces
from lgdp_pipelines.ledger.judgement_records import ComparedSubmission
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.table_model import Table
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.rules.cross_return import external_tables, matching_periods
from lgdp_pipelines.register.rules.kinds.prior_period_rules import EarlierPeriodTerms
from lgdp_pipelines.storage.lake_tables import LakeTable, validated_table
from lgdp_pipelines.validation.judging_context import OtherReturnRows, PriorPeriodRows
from lgdp_pipelines.validation.table_rules import comparison_period
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.slice_writing import find_accepting_contract


def list_prior_periods(contract: Contract, period: Period) -> tuple[Period, ...]:
    """The periods that figures of a period are held against, in no order that matters."""
    asked = [rule.terms for rule in list_rules(contract) if isinstance(rule.terms, EarlierPeriodTerms)]
    return tuple(dict.fromkeys(before for one in asked if (before := comparison_period(period, one)) is not None))


def list_other_periods(register: Register, contract: Contract, period: Period) -> tuple[tuple[str, Period], ...]:
    """The other returns, by code, and the periods of them that a submission is held against."""
    read = {table.of for rule in list_rules(contract) for table in external_tables(rule) if not table.is_reference}
    found = [data_return for data_return in register.returns.values() if data_return.slug in read]
    return tuple((data_return.code, other) for data_return in found for other in matching_periods(data_return, period))


def find_comparisons(
    platform: Platform, contract: Contract, period: Period
) -> Callable[[str], tuple[ComparedSubmission, ...]]:
    """What each council's submission is held against now: what is current for earlier periods, and of other returns.

    It must be asked before any of those rows is read. What becomes current in between then differs from what was
    written down, and calls for judging again; asked afterwards, a change would go by unseen.
    """
    asked = [(contract.return_code, before) for before in list_prior_periods(contract, period)]
    asked += list_other_periods(platform.register, contract, period)
    current = {(code, other.id): platform.ledger.current(code, other.id) for code, other in asked}
    return lambda council: tuple(
        ComparedSubmission(code, other, standing.get(council)) for (code, other), standing in current.items()
    )


CACHED_ROWS = 1_000_000
"""Rows of an earlier period that are read once for all councils; of a larger one each council reads its own."""


def prior_rows_of_council(platform: Platform, data_return: Return, council: str) -> PriorPeriodRows:
    """A council's own validated rows of earlier periods, and nobody else's."""

    def before(period: Period, table: Table) -> Pieces | None:
        lies = _find_table(platform, data_return, period, table.name)
        if lies is None:
            return None
        rows = platform.lake.pieces(lies, {"period": period.id, "council_code": council})
        return rows if rows.height else None

    return before


def prior_rows_by_council(platform: Platform, data_return: Return) -> Callable[[str], PriorPeriodRows]:
    """The same for many councils: a period's table is read once for all of them, if it is small."""

    @cache
    def by_council(period: Period, table_name: str) -> Mapping[str, Pieces] | None:
        lies = _find_table(platform, data_return, period, table_name)
        if lies is None:
            return {}
        rows = platform.lake.pieces(lies, {"period": period.id})
        if rows.height > CACHED_ROWS:
            return None
        return {
            str(key[0]): Pieces.of(frame)
            for key, frame in rows.whole().partition_by("council_code", as_dict=True).items()
        }

    def of(council: str) -> PriorPeriodRows:
        own = prior_rows_of_council(platform, data_return, council)

        def before(period: Period, table: Table) -> Pieces | None:
            small = by_council(period, table.name)
            return own(period, table) if small is None else small.get(council)

        return before

    return of


def _find_table(platform: Platform, data_return: Return, period: Period, table_name: str) -> LakeTable | None:
    """Where a period's rows of a table lie; None where the period was not asked for, or nothing was ever written."""
    if period.start < data_return.first_period.start:
        return None
    contract = data_return.contract_for(period)
    table = contract.by_name.get(table_name)
    if table is None:
        return None
    lies = validated_table(contract, table)
    return lies if platform.lake.exists(lies) else None


def other_rows_by_council(platform: Platform) -> Callable[[str], OtherReturnRows]:
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
        if rows.height > CACHED_ROWS:
            return None
        frames = rows.whole().partition_by("council_code", as_dict=True)
        return {str(key[0]): Pieces.of(frame) for key, frame in frames.items()}

    def of(council: str) -> OtherReturnRows:
        def standing(data_return: Return, period: Period, table: Table) -> Pieces | None:
            submission = current(data_return.code, period.id).get(council)
            contract = data_return.contract_for(period)
            if submission is None:
                return None
            if find_accepting_contract(platform, contract, submission).version.major != contract.version.major:
                return None
            small = by_council(data_return.code, period, table.name)
            if small is not None and council in small:
                return small[council]
            where = {"period": period.id, "council_code": council}
            return platform.lake.pieces(validated_table(contract, table), where)

        return standing

    return of
