"""Arguments and options that several commands share, and their values.

Belongs here: parsing words, with a clear refusal. Belongs elsewhere: commands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from lgdp_pipelines.cli.output import TableFormat
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period, parse_period, read_period

if TYPE_CHECKING:
    from lgdp_pipelines.workflows.platform import Platform

Candidate = TypeVar("Candidate")

_FILES = typer.Argument(metavar="FILE", help="The extract; one file for each table where the return has several files.")

ReturnArgument = Annotated[str, typer.Argument(metavar="RETURN", help="A return's code, such as HL1.")]
FilesArgument = Annotated[list[Path], _FILES]
OptionalFilesArgument = Annotated[list[Path] | None, _FILES]
CouncilArgument = Annotated[
    str, typer.Argument(metavar="COUNCIL", help="A council, by any code or known name: FIF, S12000047, Fife.")
]
CouncilOption = Annotated[
    str, typer.Option("--council", "-c", help="A council, by any code or known name: FIF, S12000047, Fife.")
]
PeriodOption = Annotated[str, typer.Option("--period", "-p", help="A period, such as FY2024-25-Q1, CY2024 or 2024-04.")]
SystemOption = Annotated[
    str, typer.Option("--system", "-s", help="The system that exported the file, where the register has a mapping.")
]
FormatOption = Annotated[TableFormat, typer.Option("--format", "-f", help="The format of the rows.")]
ReturnFilter = Annotated[str | None, typer.Option("--return", "-r", help="Only this return.")]
CouncilFilter = Annotated[str | None, typer.Option("--council", "-c", help="Only this council, by any code or name.")]
PeriodFilter = Annotated[str | None, typer.Option("--period", "-p", help="Only this period.")]


@dataclass(frozen=True, slots=True)
class Selection:
    """The part of the platform's records that a command is about.

    Attributes:
        returns: the selected return, or all of them.
        return_code: of the selected return; None for all.
        council_code: of the selected council; None for all.
        period_id: of the selected period; None for all.
    """

    returns: tuple[Return, ...]
    return_code: str | None
    council_code: str | None
    period_id: str | None


def open_platform() -> "Platform":
    """Return the platform that the environment names."""
    # The platform's stores import polars, Delta Lake and SQLAlchemy; commands that read files alone do without.
    from lgdp_pipelines.workflows.platform import Platform  # noqa: PLC0415

    return Platform(Settings.from_environment())


def open_selection(
    return_code: str | None = None, council: str | None = None, period: str | None = None, *, needs_return: bool = False
) -> tuple["Platform", Selection]:
    """Return the platform, and the selection that a command's filters name.

    Args:
        return_code: of the one return.
        council: any code or name of the one council.
        period: in any spelling.
        needs_return: refuse a period without its return.

    Raises:
        WrongUse: a return, council or period does not exist, or the period lacks its return.
    """
    platform = open_platform()
    register = platform.register
    if needs_return and period is not None and return_code is None:
        raise WrongUse("--period needs --return: each return has periods of its own.", remedy="Add --return HL1.")
    data_return = register.require_return(return_code) if return_code is not None else None
    selected_period = None
    if period is not None:
        selected_period = parse_return_period(data_return, period) if data_return else parse_period(period)
    return platform, Selection(
        (data_return,) if data_return else tuple(register.returns.values()),
        data_return.code if data_return else None,
        register.councils.require(council).code if council is not None else None,
        selected_period.id if selected_period else None,
    )


def choose(name: str, candidates: Mapping[str, Candidate], refusal: str, *, otherwise: str = "") -> Candidate:
    """Return the candidate that has a name; refuse an unknown name.

    Args:
        name: as typed.
        candidates: by name.
        refusal: the message for a name that no candidate has.
        otherwise: the remedy where there are no candidates.

    Raises:
        WrongUse: no candidate has the name.
    """
    if name not in candidates:
        raise WrongUse(refusal, remedy=f"Choose one of: {', '.join(candidates)}." if candidates else otherwise)
    return candidates[name]


def parse_return_period(data_return: Return, text: str) -> Period:
    """Parse a return's period; refuse one unasked or not begun.

    The text is an id or another spelling.

    Raises:
        WrongUse: the text is not a period, or the return is not asked for it, or the period has not begun.
    """
    period = read_period(text, data_return.latest.period_kind) or parse_period(text)
    data_return.contract_for(period)
    if period.start > datetime.now(UTC).date():
        raise WrongUse(f"{period.id} has not begun.", remedy=f"Write a period like {data_return.first_period.id}.")
    return period


def parse_day(text: str) -> date:
    """Return the date in a text such as 2025-05-31.

    Raises:
        WrongUse: the text is not a date.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"“{text}” is not a date.", remedy="Write year, month and day, such as 2025-05-31.") from None


def require_files(files: list[Path]) -> list[Path]:
    """Return the files, after a check that each exists.

    Raises:
        WrongUse: a file does not exist, or is a folder.
    """
    for file in files:
        if file.is_dir():
            raise WrongUse(f"{file} is a folder.", remedy="Name the file in it.")
        if not file.is_file():
            raise WrongUse(f"There is no file {file}.", remedy="Check the path.")
    return files


def select_mapping(register: Register, system: str, contract: Contract, council: Council) -> SystemMapping | None:
    """Return the mapping of a system; None where no system is named.

    Raises:
        WrongUse: the register has no mapping of the system for the contract.
    """
    mappings = {
        name: mapping for name in register.systems if (mapping := register.mapping_for(name, council.code, contract))
    }
    refusal = f"The register has no mapping of the system “{system}” to {contract.return_code} {contract.version}."
    return choose(system, mappings, refusal, otherwise="Leave --system out.") if system else None
