"""Commands that show the register to people: ``register show`` and ``register mapping``.

What belongs here: asking the register and printing what it says. What does not: checking it (``cli.register``).
"""

from typing import Annotated

import typer

from lgdp_pipelines.cli import arguments as typed
from lgdp_pipelines.cli.output import TableFormat, rows_out, text_out
from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.register.contract_report import contract_text, reference_text
from lgdp_pipelines.register.loader import load_register
from lgdp_pipelines.register.model.contract import Contract, Register, Return
from lgdp_pipelines.register.model.reference_tables import ReferenceTable, ReferenceVersion
from lgdp_pipelines.register.model.system_mapping import TableMapping
from lgdp_pipelines.register.model.table_model import Item
from lgdp_pipelines.settings import Settings
from lgdp_pipelines.vocabulary.code_lists import Code, CodeList


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help="What is asked, as the register has it.", no_args_is_help=True)
    group.command("show")(show)
    group.command("mapping")(mapping)
    app.add_typer(group, name="register")


def show(
    return_code: typed.ReturnArgument,
    version: Annotated[
        str, typer.Option("--version", "-v", help="Of the contract, such as 2.0.0; else the newest.")
    ] = "",
    codes: Annotated[str, typer.Option("--codes", metavar="LIST", help="Only this code list of it, by its id.")] = "",
) -> None:
    """Print a whole contract as YAML of the Open Data Contract Standard, and what is different in it and why.

    What is different, the reasons that a changes file gives, and every rule with its SQL stand in comments before it.
    The id of a reference table, such as council-population, prints what it is and the rows of its newest version, or of
    the one named.

    Example: `lgdp register show SCHOOL-SUMMARY --version 2.0.0`
    """
    register = load_register(Settings.from_environment().schemas)
    if return_code in register.reference:
        table = register.reference[return_code]
        text_out(reference_text(table, _reference_version_named(table, version)))
        return
    data_return = register.named(return_code)
    contract = _version_named(data_return, version)
    if codes:
        rows_out([_code_row(code) for code in _list_named(register, contract, codes).codes], _CODE, TableFormat.TABLE)
    else:
        text_out(contract_text(register, data_return, contract))


_CODE = ("code", "label", "aliases", "valid_from", "valid_to")


def _code_row(code: Code) -> dict[str, str]:
    days = {"valid_from": code.valid_from, "valid_to": code.valid_to}
    spelt = {name: day.isoformat() if day else "" for name, day in days.items()}
    return {"code": code.code, "label": code.label, "aliases": ", ".join(code.aliases), **spelt}


def _list_named(register: Register, contract: Contract, text: str) -> CodeList:
    asked = {item.code_list for table in contract.tables for item in table.items if item.code_list}
    if text not in asked:
        raise WrongUse(
            f"{contract.return_code} {contract.version} has no code list {text}.",
            remedy=f"Choose one of: {', '.join(sorted(asked))}." if asked else "",
        )
    return register.code_lists[text]


def _version_named(data_return: Return, text: str) -> Contract:
    if not text:
        return data_return.latest
    versions = {str(contract.version): contract for contract in data_return.contracts}
    if text not in versions:
        raise WrongUse(f"{data_return.code} has no version {text}.", remedy=f"Choose one of: {', '.join(versions)}.")
    return versions[text]


def _reference_version_named(table: ReferenceTable, text: str) -> ReferenceVersion:
    if text and text not in table.by_version:
        raise WrongUse(f"{table.id} has no version {text}.", remedy=f"Choose one of: {', '.join(table.by_version)}.")
    return table.by_version[text] if text else table.latest


_MAPPED = ("table", "item", "from", "translated")


def mapping(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="A system that has a mapping.")],
    return_code: typed.ReturnArgument,
    council: typed.CouncilOption,
    form: Annotated[TableFormat, typer.Option("--format", "-f", help="How to write the rows.")] = TableFormat.TABLE,
) -> None:
    """Show how a system's export answers a return for a council: each item, its column, and what is translated.

    Example: `lgdp register mapping heatherlea-housing HL1 --council Falkirk`
    """
    register = load_register(Settings.from_environment().schemas)
    contract = register.named(return_code).latest
    found = typed.mapping_named(register, system, contract, register.councils.named(council))
    if found is None:
        raise WrongUse("No system is named.", remedy=f"Choose one of: {', '.join(register.systems)}.")
    rows = [
        {
            "table": table.name,
            "item": item.title,
            "from": _origin(mapped, item),
            "translated": _translated(mapped, item),
        }
        for table in contract.tables
        if (mapped := found.tables.get(table.name))
        for item in table.items
    ]
    rows_out(rows, _MAPPED, form)


def _origin(mapped: TableMapping, item: Item) -> str:
    """Where an item's cells come from, for people."""
    if item.name in mapped.constants:
        return f"always {mapped.constants[item.name]}"
    if item.name in mapped.absent:
        return f"absent: {mapped.absent[item.name]}"
    return " or ".join(mapped.headers_of(item.name))


def _translated(mapped: TableMapping, item: Item) -> str:
    """What becomes of an item's cells, for people."""
    codes = [f"{source} → {target or 'nothing'}" for source, target in mapped.codes.get(item.name, {}).items()]
    codes += [f"(of the form {one.pattern}) → {one.to}" for one in mapped.code_patterns.get(item.name, ())]
    dates = [f"dates as {written}"] if (written := mapped.spelled_dates(item)) else []
    units = [f"from {mapped.units[item.name].unit} to {item.unit}"] if item.name in mapped.units else []
    return "; ".join([*codes, *dates, *units])
