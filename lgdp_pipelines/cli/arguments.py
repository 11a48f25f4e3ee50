"""What people type: returns, councils and periods by any known name, and where the platform is.

What belongs here: turning words into values, with a clear refusal. What does not: commands.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from lgdp_pipelines.cli.output import TableFormat
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period, parse_period, read_period
from lgdp_pipelines.workflows.platform import Platform

ReturnArgument = Annotated[str, typer.Argument(metavar="RETURN", help="A return's code, such as HL1.")]
FilesArgument = Annotated[
    list[Path], typer.Argument(metavar="FILE", help="The extract; one file for each table where the return has that.")
]
MaybeFiles = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE", help="The extract; one file for each table where the return has that."),
]
CouncilOption = Annotated[
    str, typer.Option("--council", "-c", help="A council, by any code or known name: FIF, S12000047, Fife.")
]
PeriodOption = Annotated[str, typer.Option("--period", "-p", help="A period, such as FY2024-25-Q1, CY2024 or 2024-04.")]
SystemOption = Annotated[
    str, typer.Option("--system", "-s", help="The system that exported it, where that is not in the contract's manner.")
]
FormatOption = Annotated[TableFormat, typer.Option("--format", "-f", help="How to write the rows.")]
SomeReturn = Annotated[str | None, typer.Option("--return", "-r", help="Only this return.")]
SomeCouncil = Annotated[str | None, typer.Option("--council", "-c", help="Only this council, by any code or name.")]
SomePeriod = Annotated[str | None, typer.Option("--period", "-p", help="Only this period.")]


def open_platform() -> Platform:
    """The platform that the environment names."""
    return Platform(Settings.from_environment())


def period_named(data_return: Return, text: str) -> Period:
    """The period that somebody typed for a return: an id, or any spelling of the return's kind of period.

    Raises:
        WrongUse: it is no period, one of another kind, one before the return began, or one that has not begun.
    """
    period = read_period(text, data_return.latest.period_kind) or parse_period(text)
    data_return.contract_for(period)
    if period.start > datetime.now(UTC).date():
        raise WrongUse(f"{period.id} has not begun.", remedy=f"Write a period like {data_return.first_period.id}.")
    return period


def day_named(text: str) -> date:
    """The day that somebody typed, as in 2025-05-31.

    Raises:
        WrongUse: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"“{text}” is no day.", remedy="Write year, month and day, such as 2025-05-31.") from None


def returns_named(register: Register, text: str | None) -> list[Return]:
    """The return that somebody typed, or all of them."""
    return [register.named(text)] if text else list(register.returns.values())


def readable_files(files: list[Path]) -> list[Path]:
    """Files that can be opened.

    Raises:
        WrongUse: one of them is not there, or is a folder.
    """
    for file in files:
        if not file.is_file():
            raise WrongUse(f"There is no file {file}.", remedy="Check the path; a folder cannot be handed in.")
    return files


def mapping_named(register: Register, system: str, contract: Contract, council: Council) -> SystemMapping | None:
    """The mapping of the system that somebody typed; None where none was.

    Raises:
        WrongUse: the register has no mapping of it for the return.
    """
    mapping = register.mapping_for(system, contract.return_code, council.code, contract)
    if system and mapping is None:
        known = [
            one for one in register.systems if register.mapping_for(one, contract.return_code, council.code, contract)
        ]
        raise WrongUse(
            f"The register has no mapping of the system “{system}” to {contract.return_code} {contract.version}.",
            remedy=f"Choose one of: {', '.join(known)}." if known else "Leave --system out.",
        )
    return mapping
