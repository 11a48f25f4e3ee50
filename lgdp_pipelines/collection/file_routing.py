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
from lgdp_pipelines.register.model.contract import Contract, Return
from lgdp_pipelines.register.model.sources import FolderReturn
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.vocabulary.periods import Period, read_period


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
class RoutingFailure:
    """Why nobody can tell what a file answers.

    Attributes:
        reason: for whoever sent it.
    """

    reason: str


Routing = Route | RoutingFailure


def route(name: str, source_returns: Sequence[FolderReturn], returns: Mapping[str, Return], *, today: date) -> Routing:
    """What a file name says that the file answers.

    Args:
        name: the file's name, without folder.
        source_returns: what may arrive in its folder; their patterns must match the whole name.
        returns: the register's returns by code.
        today: periods that begin later are refused, because nobody can have data for them.
    """
    matches = [(one, found) for one in source_returns if (found := re.fullmatch(one.pattern, name))]
    if not matches:
        return RoutingFailure("The name is not of a form that is declared for its folder.")
    if len(matches) > 1:
        codes = ", ".join(one.return_code for one, _ in matches)
        return RoutingFailure(f"The name fits more than one return: {codes}.")
    source_return, found = matches[0]
    asked = returns[source_return.return_code]
    spelt = found.groupdict().get("period")
    period = read_period(spelt, asked.latest.period_kind) if spelt else None
    if period is None:
        return RoutingFailure(f"The name does not say a {asked.latest.period_kind} that {asked.code} is asked for.")
    if period.start > today:
        return RoutingFailure(f"{period.id} has not begun.")
    try:
        contract = asked.contract_for(period)
    except WrongUse as refusal:
        return RoutingFailure(refusal.what)
    return _with_table(name, found.groupdict(), contract, period, source_return.system)


def returns_in_folder(folder: str, source_returns: Sequence[FolderReturn]) -> tuple[FolderReturn, ...]:
    """What may arrive in a folder of an account; slashes at the ends of its name mean nothing."""
    return tuple(one for one in source_returns if one.folder.strip("/") == folder.strip("/"))


def _with_table(
    name: str, groups: Mapping[str, str | None], contract: Contract, period: Period, system: str
) -> Routing:
    said = groups.get("table")
    if groups.get("nil"):
        return Route(contract.return_code, period, nil=True)
    if system:
        # Which files an export is made of is its mapping's to say: the name calls them as the mapping does.
        return Route(contract.return_code, period, said.casefold() if said else None)
    if not has_file_per_table(contract):
        return Route(contract.return_code, period)
    table = find_table_named(said, contract) if said else match_table(name, contract)
    if table is None:
        return RoutingFailure(f"The name does not say which table of {contract.return_code} the file holds.")
    return Route(contract.return_code, period, table)


def has_file_per_table(contract: Contract, mapping: SystemMapping | None = None) -> bool:
    """Whether a submission has several files: one for each table, or those that a system's export is made of."""
    return bool(mapping.files if mapping else any(table.file_pattern for table in contract.tables))


def match_table(name: str, contract: Contract, mapping: SystemMapping | None = None) -> str | None:
    """The one table, or file of an export, whose declared pattern the whole name of a file matches."""
    if mapping:
        patterns = {file.name: file.pattern for file in mapping.files}
    else:
        patterns = {table.name: table.file_pattern for table in contract.tables if table.file_pattern}
    matches = [table for table, pattern in patterns.items() if re.fullmatch(pattern, name)]
    return matches[0] if len(matches) == 1 else None


def find_table_named(said: str, contract: Contract, mapping: SystemMapping | None = None) -> str | None:
    """The table, or file of an export, that is called by its own name, in any case."""
    known = table_names(contract, mapping)
    return said.casefold() if said.casefold() in known else None


def table_names(contract: Contract, mapping: SystemMapping | None = None) -> tuple[str, ...]:
    """What receipts call the files of a submission that has several."""
    return tuple(file.name for file in mapping.files) if mapping else tuple(contract.by_name)
