"""Routing: finds the return and period of a file from its name, by the patterns that the register declares.

No file is opened, nothing is fetched, and nothing is guessed: a name that gives no return and period in the declared
form is unrecognised, with a reason for its sender. Landing checks the content against the name later.
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
    """The return, period and table of a file.

    Attributes:
        return_code: such as ``HL1``.
        period: that the data is for.
        table: its table where a submission has a file for each; None where a submission is a single file.
        is_nil: whether the name declares a nil return.
    """

    return_code: str
    period: Period
    table: str | None = None
    is_nil: bool = False


@dataclass(frozen=True, slots=True)
class RoutingFailure:
    """A file whose name gives no return, period or table.

    Attributes:
        reason: for its sender.
    """

    reason: str


Routing = Route | RoutingFailure


def route(name: str, source_returns: Sequence[FolderReturn], returns: Mapping[str, Return], *, today: date) -> Routing:
    """Return a file's return, period and table by name, or the failure.

    Args:
        name: the file's name, without folder.
        source_returns: that may arrive in its folder; a pattern must match the whole name.
        returns: the register's returns by code.
        today: a period that begins later is refused, because it has no data yet.
    """
    matches = [
        (source_return, match)
        for source_return in source_returns
        if (match := re.fullmatch(source_return.pattern, name))
    ]
    if not matches:
        return RoutingFailure("The name is not of a form that is declared for its folder.")
    if len(matches) > 1:
        codes = (source_return.return_code for source_return, _ in matches)
        return RoutingFailure(f"The name fits more than one return: {', '.join(codes)}.")
    source_return, match = matches[0]
    data_return = returns[source_return.return_code]
    period_text = match.groupdict().get("period")
    period = read_period(period_text, data_return.latest.period_kind) if period_text else None
    if period is None:
        return RoutingFailure(
            f"The name does not say a {data_return.latest.period_kind} that {data_return.code} is asked for."
        )
    if period.start > today:
        return RoutingFailure(f"{period.id} has not begun.")
    try:
        contract = data_return.contract_for(period)
    except WrongUse as refusal:
        return RoutingFailure(refusal.what)
    return _route_to_table(name, match.groupdict(), contract, period, source_return.system)


def list_returns_in_folder(folder: str, source_returns: Sequence[FolderReturn]) -> tuple[FolderReturn, ...]:
    """Return the returns that may arrive in a folder.

    Slashes around its name are ignored.
    """
    return tuple(
        source_return for source_return in source_returns if source_return.folder.strip("/") == folder.strip("/")
    )


def _route_to_table(
    name: str, groups: Mapping[str, str | None], contract: Contract, period: Period, system: str
) -> Routing:
    """Return a file's route, with a table where needed, or a failure.

    A nil return and a single file have no table. A system's export keeps the name's own word for it, unchecked.
    """
    table_text = groups.get("table")
    if groups.get("nil"):
        return Route(contract.return_code, period, is_nil=True)
    if system:
        # The system's mapping declares the files of an export, and the name uses the mapping's names for them.
        return Route(contract.return_code, period, table_text.casefold() if table_text else None)
    if not list_file_patterns(contract):
        return Route(contract.return_code, period)
    table = find_table_named(table_text, contract) if table_text else match_table(name, contract)
    if table is None:
        return RoutingFailure(f"The name does not say which table of {contract.return_code} the file holds.")
    return Route(contract.return_code, period, table)


def list_file_patterns(contract: Contract, mapping: SystemMapping | None = None) -> Mapping[str, str]:
    """Return file-name patterns by table or export file; empty for single files."""
    if mapping:
        return {file.name: file.pattern for file in mapping.files}
    return {table.name: table.file_pattern for table in contract.tables if table.file_pattern}


def match_table(name: str, contract: Contract, mapping: SystemMapping | None = None) -> str | None:
    """Return the only table or export file matching a name, or None."""
    patterns = list_file_patterns(contract, mapping)
    matches = [table for table, pattern in patterns.items() if re.fullmatch(pattern, name)]
    return matches[0] if len(matches) == 1 else None


def find_table_named(name: str, contract: Contract, mapping: SystemMapping | None = None) -> str | None:
    """Return a table or export name in lower case; None if unknown."""
    return name.casefold() if name.casefold() in list_table_names(contract, mapping) else None


def list_table_names(contract: Contract, mapping: SystemMapping | None = None) -> tuple[str, ...]:
    """Return the names of a submission's tables, or of its export files."""
    return tuple(file.name for file in mapping.files) if mapping else tuple(contract.by_name)
