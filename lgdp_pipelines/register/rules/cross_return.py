"""What rules read besides their own return: tables of other returns, and reference tables.

A rule reads another return for the period that corresponds to its own: the same, the longer one that it lies in, or all
the shorter ones that lie in it; the two kinds of period say which. Belongs here: which tables and periods those are,
and whether every version of the other return that is asked then has what a rule names. Belongs elsewhere: the rows
(``validation.sql_inputs``).
"""

from collections.abc import Mapping, Sequence
from datetime import date

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.table_model import Rule, columns_of
from lgdp_pipelines.register.rules.sql_statements import (
    ExternalTable,
    find_external_tables,
)
from lgdp_pipelines.vocabulary.periods import Period, find_corresponding_periods, parse_period

PERIOD_COLUMN = "period"
"""The column of another return's rows that says which of several periods they are of."""


def list_external_tables(rule: Rule) -> tuple[ExternalTable, ...]:
    """Return the tables outside its own return that a rule reads."""
    return find_external_tables(rule.sql or "")


def find_matching_periods(other: Return, period: Period) -> tuple[Period, ...]:
    """Return the periods of another return that a period is compared with, in order.

    Empty where the other return was not asked for all of that time.
    """
    periods = find_corresponding_periods(other.latest.period_kind, period)
    return periods if periods and periods[0].start >= other.first_period.start else ()


def find_matching_contracts(other: Return, contract: Contract, own: Return) -> tuple[Contract, ...]:
    """Return the versions of another return that a contract meets, oldest first.

    They are the versions that are valid for a period of the contract.

    Empty where the kinds of period do not correspond.
    """
    span = _start_days(own, contract)
    if span is None or not find_corresponding_periods(other.latest.period_kind, parse_period(contract.valid_from)):
        return ()
    first, end = span
    return tuple(
        version
        for version in other.contracts
        if (days := _start_days(other, version)) is not None and days[0] < end and first < days[1]
    )


def _start_days(data_return: Return, contract: Contract) -> tuple[date, date] | None:
    """Return the first day and the end of a version's validity; None where unreadable."""
    following = data_return.contracts[data_return.contracts.index(contract) + 1 :]
    try:
        first, *later = (parse_period(version.valid_from).start for version in (contract, *following))
    except WrongUse:
        return None
    return first, min(later, default=date.max)


def find_shared_columns(contracts: Sequence[Contract], table: str) -> tuple[str, ...]:
    """Return the columns that a table has in every version, with one type."""
    first, *later = (_column_types(contract, table) for contract in contracts)
    return tuple(name for name, kind in first.items() if all(types.get(name) == kind for types in later))


def _column_types(contract: Contract, table: str) -> Mapping[str, object]:
    items = contract.by_name[table].by_name
    types = {name: (item.type, item.precision, item.scale) for name, item in items.items()}
    return {name: types.get(name, name) for name in columns_of([contract.by_name[table]])[table]}
