"""The commands ``register``: contracts and mappings as the register has them.

Belongs here: arguments, and how contracts and mappings look. Belongs elsewhere: checking them (``check``).
"""

from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments
from lgdp_pipelines.cli.output import print_rows, print_text
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.contract_report import contract_text, reference_text
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.system_mapping import TableMapping
from lgdp_pipelines.register.model.table_model import Item
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.vocabulary.code_lists import Code, CodeList

CODE_COLUMNS = ("code", "label", "aliases", "valid_from", "valid_to")
MAPPING_COLUMNS = ("table", "item", "from", "translated")

commands = typer.Typer()


@commands.command("show")
def show_contract(
    return_code: arguments.ReturnArgument,
    version: Annotated[
        str, typer.Option("--version", "-v", help="The contract's version, such as 2.0.0; by default the newest.")
    ] = "",
    codes: Annotated[str, typer.Option("--codes", metavar="LIST", help="Only this code list, by its id.")] = "",
) -> None:
    """Print a contract as YAML, its code list, or a reference table.

    A contract is in the Open Data Contract Standard. Comments before it list its differences from the version before,
    the reasons from the changes file, and every rule with its SQL. The id of a reference table, such as
    council-population, prints its description and the rows of the version.

    Example: `lgdp register show SCHOOL-SUMMARY --version 2.0.0`
    """
    register = load_register(Settings.from_environment().schemas)
    if return_code in register.reference:
        table = register.reference[return_code]
        refusal = f"{table.id} has no version {version}."
        table_version = arguments.choose(version, table.by_version, refusal) if version else table.latest
        print_text(reference_text(table, table_version))
        return
    data_return = register.require_return(return_code)
    versions = {str(contract.version): contract for contract in data_return.contracts}
    refusal = f"{data_return.code} has no version {version}."
    contract = arguments.choose(version, versions, refusal) if version else data_return.latest
    if codes:
        rows = [_make_code_row(code) for code in _select_code_list(register, contract, codes).codes]
        print_rows(rows, CODE_COLUMNS, "table")
    else:
        print_text(contract_text(register, data_return, contract))


@commands.command("mapping")
def show_mapping(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="A system that has a mapping.")],
    return_code: arguments.ReturnArgument,
    council: arguments.CouncilOption,
    table_format: arguments.FormatOption = "table",
) -> None:
    """Show how a system's export answers a return for a council.

    A row for each item names its columns and the translations of its values.

    Example: `lgdp register mapping heatherlea-housing HL1 --council Falkirk`
    """
    register = load_register(Settings.from_environment().schemas)
    contract = register.require_return(return_code).latest
    mapping = arguments.select_mapping(register, system, contract, register.councils.require(council))
    if mapping is None:
        raise WrongUse("No system is named.", remedy=f"Choose one of: {', '.join(register.systems)}.")
    rows = [
        {
            "table": table.name,
            "item": item.title,
            "from": _describe_origin(table_mapping, item),
            "translated": _describe_translations(table_mapping, item),
        }
        for table in contract.tables
        if (table_mapping := mapping.tables.get(table.name))
        for item in table.items
    ]
    print_rows(rows, MAPPING_COLUMNS, table_format)


def _make_code_row(code: Code) -> dict[str, str]:
    """Return a code as a row."""
    days = {"valid_from": code.valid_from, "valid_to": code.valid_to}
    dates = {name: day.isoformat() if day else "" for name, day in days.items()}
    return {"code": code.code, "label": code.label, "aliases": ", ".join(code.aliases), **dates}


def _select_code_list(register: Register, contract: Contract, list_id: str) -> CodeList:
    """Return a code list that a contract uses."""
    list_ids = {item.code_list for table in contract.tables for item in table.items if item.code_list}
    code_lists = {list_id: register.code_lists[list_id] for list_id in sorted(list_ids)}
    return arguments.choose(
        list_id, code_lists, f"{contract.return_code} {contract.version} has no code list {list_id}."
    )


def _describe_origin(mapping: TableMapping, item: Item) -> str:
    """Return the origin of an item's cells: constant, absent, or headers."""
    if item.name in mapping.constants:
        return f"always {mapping.constants[item.name]}"
    if item.name in mapping.absent:
        return f"absent: {mapping.absent[item.name]}"
    return " or ".join(mapping.headers_of(item.name))


def _describe_translations(mapping: TableMapping, item: Item) -> str:
    """Return the translations of an item's cells: codes, dates and units."""
    codes = [f"{source} → {target or 'nothing'}" for source, target in mapping.codes.get(item.name, {}).items()]
    codes += [f"(of the form {entry.pattern}) → {entry.to}" for entry in mapping.code_patterns.get(item.name, ())]
    dates = [f"dates as {form}"] if (form := mapping.find_date_format(item)) else []
    units = [f"from {mapping.units[item.name].unit} to {item.unit}"] if item.name in mapping.units else []
    return "; ".join([*codes, *dates, *units])
