"""Routing: what a file answers, decided from its name alone by the patterns that the register declares.

Pure: no file is opened and nothing is fetched. Nothing is guessed either: a name that does not say a return and a
period in the declared way is unrecognised, with the reason, and whoever sent it is told. The content is checked against
it later.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model import Contract, Return
from lgdp_pipelines.register.parts import Table
from lgdp_pipelines.register.source import SourceReturn
from lgdp_pipelines.standards.periods import Period, read_period


@dataclass(frozen=True, slots=True)
class Route:
    """What a file answers.

    Attributes:
        return_code: such as ``HL1``.
        period: the period it is for.
        table: name of its table where a submission has a file for each; None where one file is all.
        nil: whether the name says that it is a nil return.
    """

    return_code: str
    period: Period
    table: str | None = None
    nil: bool = False


@dataclass(frozen=True, slots=True)
class Unrouted:
    """Why nobody can tell what a file answers.

    Attributes:
        reason: for whoever sent it.
    """

    reason: str


Routing = Route | Unrouted


def route(name: str, source_returns: Sequence[SourceReturn], returns: Mapping[str, Return], *, today: date) -> Routing:
    """What a file name says that the file answers.

    Args:
        name: the file's name, without folder.
        source_returns: what may arrive in its folder; their patterns must match the whole name.
        returns: the register's returns by code.
        today: periods that begin later are refused, because nobody can have data for them.
    """
    matches = [(one, found) for one in source_returns if (found := re.fullmatch(one.pattern, name))]
    if not matches:
        return Unrouted("The name is not of a form that is declared for its folder.")
    if len(matches) > 1:
        codes = ", ".join(one.return_code for one, _ in matches)
        return Unrouted(f"The name fits more than one return: {codes}.")
    source_return, found = matches[0]
    asked = returns[source_return.return_code]
    spelt = found.groupdict().get("period")
    period = read_period(spelt, asked.latest.period_kind) if spelt else None
    if period is None:
        return Unrouted(f"The name does not say a {asked.latest.period_kind} that {asked.code} is asked for.")
    if period.start > today:
        return Unrouted(f"{period.id} has not begun.")
    try:
        contract = asked.contract_for(period)
    except WrongUse as refusal:
        return Unrouted(refusal.what)
    return _with_table(name, found.groupdict(), contract, period)


def expected_in(folder: str, source_returns: Sequence[SourceReturn]) -> tuple[SourceReturn, ...]:
    """What may arrive in a folder of an account; slashes at the ends of its name mean nothing."""
    return tuple(one for one in source_returns if one.folder.strip("/") == folder.strip("/"))


def _with_table(name: str, groups: Mapping[str, str | None], contract: Contract, period: Period) -> Routing:
    if groups.get("nil"):
        return Route(contract.return_code, period, nil=True)
    if not has_file_a_table(contract):
        return Route(contract.return_code, period)
    said = groups.get("table")
    table = table_said(said, contract) if said else table_of(name, contract)
    if table is None:
        return Unrouted(f"The name does not say which table of {contract.return_code} the file holds.")
    return Route(contract.return_code, period, table.name)


def has_file_a_table(contract: Contract) -> bool:
    """Whether a submission of this contract has a file for each table."""
    return any(table.file_pattern for table in contract.tables)


def table_of(name: str, contract: Contract) -> Table | None:
    """The one table whose declared file pattern the whole name matches."""
    matches = [table for table in contract.tables if table.file_pattern and re.fullmatch(table.file_pattern, name)]
    return matches[0] if len(matches) == 1 else None


def table_said(said: str, contract: Contract) -> Table | None:
    """The table that a file name calls by its own name, in any case."""
    return contract.by_name.get(said.casefold())
