"""Which mapping reads a submission's files, and which files a submission needs.

What belongs here: what receipts and register say together. What does not: reading (``landing``) and translating
(``validation``).
"""

from collections.abc import Iterable, Mapping, Sequence

from lgdp_pipelines.handover.chunked_frame import Keep
from lgdp_pipelines.handover.extract_reading import ExtractFile, Reading
from lgdp_pipelines.handover.findings import RuleOutcome, finding_rows
from lgdp_pipelines.landing.extract_reader import TESTED_HERE, read_extract
from lgdp_pipelines.ledger.ledger_values import Receipt
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.system_mapping import SystemMapping
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.vocabulary.verdicts import RuleKind


def reading_of(
    register: Register, contract: Contract, receipts: Sequence[Receipt], files: Sequence[ExtractFile], keep: Keep
) -> tuple[Reading, SystemMapping | None]:
    """The reading of a submission's files, and the mapping that they were read by; None: in the contract's own manner.

    Where a receipt names a system that the register has no mapping of, nobody can say how its exports are to be read:
    the files are kept, and their submission is rejected.
    """
    system, council = receipts[0].system, receipts[0].council_code
    mapping = register.mapping_for(system, contract.return_code, council, contract)
    if system and mapping is None:
        return _unmapped(contract, system), None
    return read_extract(contract, files, mapping, keep=keep), mapping


def _unmapped(contract: Contract, system: str) -> Reading:
    rules = [rule for rule in list_rules(contract) if rule.kind in TESTED_HERE]
    readable = next(rule for rule in rules if rule.kind is RuleKind.READABLE)
    message = (
        f"The register has no mapping of the system {system} to {contract.return_code} {contract.version}. Nothing is "
        "wrong with the file itself: ask the platform's engineers to add the mapping, then have it judged again."
    )
    results = tuple(
        RuleOutcome.of(rule, 1) if rule is readable else RuleOutcome.not_run(rule, "The extract cannot be read.")
        for rule in rules
    )
    return Reading({}, finding_rows(readable, message), results, unreadable=message)


def needed_files(contract: Contract) -> tuple[str, ...]:
    """Tables without whose files a submission in the contract's own manner cannot be opened; none: any file is one."""
    return tuple(table.name for table in contract.tables if table.file_pattern and not table.optional)


def joined_files(
    register: Register, contract: Contract, councils: Iterable[str]
) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """By council and system, the files without which a submission from that system cannot be opened."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for council in councils:
        for system in register.systems:
            mapping = register.mapping_for(system, contract.return_code, council, contract)
            if mapping is not None and mapping.files:
                found[council, system] = tuple(
                    file.name
                    for name, table in mapping.tables.items()
                    for file in table.files
                    if name in contract.by_name and not contract.by_name[name].optional
                )
    return found
