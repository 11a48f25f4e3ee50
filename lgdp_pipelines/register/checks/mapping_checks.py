"""Return whether a mapping is complete and agrees with its contract, the councils and the other mappings.

Belongs here: contradictions between a mapping and the rest of the register, table by table and value by value: codes,
units, dates, numbers and constants. Belongs elsewhere: the form of a mapping (``files.mapping_file``), and translating
(``validation``).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import (
    YamlNode,
    contradictions_where,
    find_repeats,
    first_contradiction_where,
    suggest,
)
from lgdp_pipelines.register.files.contract_file import check_extract
from lgdp_pipelines.register.files.mapping_file import MappingFile
from lgdp_pipelines.register.files.source_file import SourceFile
from lgdp_pipelines.register.model.contract import Contract, Return, slug
from lgdp_pipelines.register.model.extract_format import Extract
from lgdp_pipelines.register.model.system_mapping import (
    THE_COUNCIL,
    THE_PERIOD,
    CodePattern,
    JoinedFile,
    TableMapping,
    select_mapping,
)
from lgdp_pipelines.register.model.table_model import (
    NUMERIC,
    Item,
    ItemType,
    Role,
    Spellings,
    Table,
    find_header_clashes,
)
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.councils import Councils, fold_spelling
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.value_formats import find_date_format_problem, list_convertible_units


def check_mapping(
    read: MappingFile, councils: Councils, returns: Mapping[str, Return], code_lists: Mapping[str, CodeList]
) -> Iterator[Contradiction]:
    """Yield the contradictions of a mapping: in itself, with its contract, with councils.

    Args:
        read: the mapping.
        councils: of the register.
        returns: of the register, by code.
        code_lists: of the register, those written out at items included.
    """
    mapping, root = read.mapping, read.document
    yield from _check_name(read, councils)
    if mapping.extract is not None:
        yield from check_extract(mapping.extract, root.at("extract"))
    data_return = returns.get(mapping.return_code)
    if data_return is None:
        if mapping.return_code:
            yield root.at("return").contradiction(
                f"There is no return {mapping.return_code}.", suggest(mapping.return_code, returns)
            )
        return
    yield from (
        entry.contradiction(
            f"{data_return.code} has no major version {entry.value}.",
            f"Use one of: {', '.join(str(major) for major in data_return.majors)}.",
        )
        for entry in root.entries("majors")
        if isinstance(entry.value, int) and entry.value not in data_return.majors
    )
    contracts = [contract for contract in data_return.contracts if contract.version.major in mapping.majors]
    if contracts:
        yield from _check_table(read, contracts, councils, code_lists)


def _check_name(read: MappingFile, councils: Councils) -> Iterator[Contradiction]:
    mapping, root = read.mapping, read.document
    stem = slug(mapping.return_code) + (f".{mapping.council.lower()}" if mapping.council else "")
    names = [f"mappings/{mapping.system}/{stem}.yaml"]
    names += [f"mappings/{mapping.system}/{stem}.v{major}.yaml" for major in mapping.majors if len(mapping.majors) == 1]
    yield from contradictions_where(
        (
            mapping.council and mapping.council not in councils.by_code,
            root.at("council"),
            f"There is no council {mapping.council}.",
            suggest(mapping.council, councils.codes),
        ),
        (
            mapping.system and mapping.return_code and root.file not in names,
            root.at("system"),
            f"The file maps {mapping.system} to {mapping.return_code} and is called {root.file}.",
            f"Call it {names[0]}.",
        ),
    )


def _check_table(
    read: MappingFile, contracts: Sequence[Contract], councils: Councils, code_lists: Mapping[str, CodeList]
) -> Iterator[Contradiction]:
    mapping, root = read.mapping, read.document
    tables = {table.name: table for contract in contracts for table in contract.tables}
    place = root.at("tables")
    several = any(len(contract.tables) > 1 for contract in contracts)
    extract = mapping.extract or contracts[-1].extract
    yield from (
        place.contradiction(f"The table {name} of {mapping.return_code} is not mapped.", f"Add tables.{name}.")
        for name, table in tables.items()
        if name not in mapping.tables and not table.optional
    )
    for name, table_mapping in mapping.tables.items():
        where = place.at(name)
        if name not in tables:
            yield where.contradiction(f"{mapping.return_code} has no table {name}.", suggest(name, tables))
            continue
        yield from contradictions_where(
            (
                several and not table_mapping.files,
                where,
                f"Nothing shows which file holds {name}.",
                "Add files, with the pattern of the table's file name.",
            ),
            (
                table_mapping.numbers and extract.format.is_workbook,
                where.at("numbers"),
                "A workbook's numbers are numbers, and are not spelt in any manner.",
                "Remove numbers.",
            ),
        )
        versions = [contract.by_name[name] for contract in contracts if name in contract.by_name]
        yield from _check_item(table_mapping, where, versions)
        yield from _check_column(table_mapping, where)
        items = {item.name: item for table in versions for item in table.items}
        yield from check_values(table_mapping, where, items, contracts[0], councils, code_lists)
    yield from _check_files(read, extract)


def _check_item(table_mapping: TableMapping, where: YamlNode, versions: Sequence[Table]) -> Iterator[Contradiction]:
    """Yield items that the mapping does not place exactly once, in any version."""
    items: dict[str, Item] = {item.name: item for table in versions for item in table.items}
    yield from (
        place.contradiction(f"{name} is not an item of {table_mapping.table}.", suggest(name, items))
        for kind in _BY_ITEM
        for name, place in where.at(kind).members()
        if name not in items
    )
    for name, item in items.items():
        sections = [section for section in ("columns", "constants", "absent") if where.at(section).has(name)]
        yield from contradictions_where(
            (
                not sections,
                where,
                f"The mapping does not say where {name} of {table_mapping.table} comes from.",
                "Add it under columns, or under constants"
                + (" (it is required)." if item.required else ", or under absent with the reason."),
            ),
            *(
                (
                    section != sections[0],
                    where.at(section).at(name),
                    f"{name} is under {sections[0]} and under {section}.",
                    "Keep one of the two.",
                )
                for section in sections
            ),
            (
                item.required and sections == ["absent"],
                where.at("absent").at(name),
                f"{name} is required and said to be absent.",
                "Say which column holds it, or which constant it is.",
            ),
        )


_BY_ITEM = ("columns", "codes", "codePatterns", "units", "constants", "absent")
"""Parts of a table's mapping whose keys are items."""


def _check_column(table_mapping: TableMapping, where: YamlNode) -> Iterator[Contradiction]:
    columns = where.at("columns")
    for name, column in table_mapping.columns.items():
        place = columns.at(name)
        if column.file and column.file not in {file.name for file in table_mapping.files}:
            yield place.contradiction(
                f"{name} is in the file “{column.file}”, which is not declared.",
                "Add it under files, or correct the name.",
            )
    base = table_mapping.files[0].name if table_mapping.files else ""
    in_file: dict[str, list[tuple[str, Spellings]]] = {}
    for name, column in table_mapping.columns.items():
        in_file.setdefault(column.file or base, []).append((name, column.spellings))
    for spelling in in_file.values():
        for name, other, text in find_header_clashes([*spelling, ("ignored", table_mapping.ignored)]):
            place = columns.at(name) if name in table_mapping.columns else where.at("ignored")
            yield place.contradiction(f"The header “{text}” could be {name} or {other}.", "Leave it to one of them.")


def _check_files(read: MappingFile, extract: Extract) -> Iterator[Contradiction]:
    nodes = {name: read.document.at("tables").at(name).at("files") for name in read.mapping.tables}
    files = [
        (table_mapping, file, node)
        for name, table_mapping in read.mapping.tables.items()
        for file, node in zip(table_mapping.files, nodes[name].elements, strict=True)
    ]
    yield from (
        node.contradiction(f"Two files are called {file.name}.", "Rename one.")
        for (file, node), _ in find_repeats((file.name, (file, node)) for _, file, node in files)
    )
    for table_mapping, file, node in files:
        base = table_mapping.files[0]
        yield from _check_base(file, node) if file is base else _check_joined(table_mapping, base, file, node)
    yield from (
        nodes[name].contradiction(
            f"Files of records in {extract.format.upper()} cannot be told apart or joined.",
            "Map the export as CSV or as a workbook.",
        )
        for name, table_mapping in read.mapping.tables.items()
        if table_mapping.files and extract.format.is_records
    )


def _check_base(file: JoinedFile, node: YamlNode) -> Iterator[Contradiction]:
    return contradictions_where(
        (
            file.key,
            node.at("key"),
            f"{file.name} is the base, so its rows belong to no other file.",
            "Write the key at the files that join it.",
        ),
    )


def _check_joined(
    table_mapping: TableMapping, base: JoinedFile, file: JoinedFile, node: YamlNode
) -> Iterator[Contradiction]:
    return contradictions_where(
        (not file.key, node, f"{file.name} joins {base.name} and has no key.", "Add key."),
        (
            len(file.key) != len(file.base_key),
            node,
            f"{file.name}: key and baseKey are not of one length.",
            "Pair them, one for one.",
        ),
        (
            all(column.file != file.name for column in table_mapping.columns.values()),
            node,
            f"No item is taken from {file.name}.",
            f"Write file: {file.name} at a column, or remove the file.",
        ),
    )


def check_mapping_overlaps(reads: Sequence[MappingFile]) -> Iterator[Contradiction]:
    """Yield mappings that read the same export of a council."""
    entries = (
        ((read.mapping.system, read.mapping.return_code, read.mapping.council, major), (read, major))
        for read in reads
        for major in read.mapping.majors
    )
    yield from (
        read.document.at("majors").contradiction(
            f"{first.document.file} maps version {major} of {read.mapping.return_code} already.",
            "Keep one of the two.",
        )
        for (read, major), (first, _) in find_repeats(entries)
    )


def check_source_systems(
    source_file: SourceFile, reads: Sequence[MappingFile], returns: Mapping[str, Return]
) -> Iterator[Contradiction]:
    """Yield systems of a source that have no mapping for a return and council.

    A return without a system is in the contract's own manner; that is said by leaving ``system`` out.
    """
    mappings, root = [read.mapping for read in reads], source_file.node
    systems = {mapping.system for mapping in mappings}
    for code in source_file.source.councils:
        for source_return in source_file.source.for_council(code).returns:
            system, data_return = source_return.system, returns.get(source_return.return_code)
            if not system or data_return is None:
                continue
            contract = data_return.latest
            entries = (entry for entry in root.entries("returns") if entry.text("system") == system)
            node = next(entries, root.at("accounts").at(code))
            yield from first_contradiction_where(
                (
                    system not in systems,
                    node,
                    f"There is no mapping of a system “{system}”.",
                    suggest(system, systems) if systems else f"Write schemas/mappings/{system}/.",
                ),
                (
                    not select_mapping(mappings, system, code, data_return.code, contract.version.major),
                    node,
                    f"{system} has no mapping for {data_return.code} {contract.version} that serves {code}.",
                    f"Write schemas/mappings/{system}/{data_return.slug}.yaml.",
                ),
            )


_GROUP = re.compile(r"\{(\w+)\}")


def check_values(
    mapping: TableMapping,
    where: YamlNode,
    items: Mapping[str, Item],
    contract: Contract,
    councils: Councils,
    code_lists: Mapping[str, CodeList],
) -> Iterator[Contradiction]:
    """Yield the contradictions in how a table's mapping translates values.

    Args:
        mapping: of the table.
        where: it stands.
        items: of the table, over the versions that the mapping is for.
        contract: the oldest of those versions: its first period is the first that the mapping serves.
        councils: of the register.
        code_lists: of the register.
    """
    targets = {name: _targets(item, contract, code_lists) for name, item in items.items()}
    for name, codes in mapping.codes.items():
        if name in items:
            yield from _check_code(items[name], codes, where.at("codes").at(name), targets[name])
    for name, patterns in mapping.code_patterns.items():
        if name in items:
            places = where.at("codePatterns").entries(name)
            for place, pattern in zip(places, patterns, strict=True):
                yield from _check_pattern(items[name], pattern, place, targets[name])
    for name, text in mapping.constants.items():
        if name in items:
            yield from _check_constant(items[name], text, where.at("constants").at(name), targets[name], councils)
    yield from _check_figure(mapping, where, items)
    yield from _check_date(mapping, where.at("dates"), items)


def _check_figure(mapping: TableMapping, where: YamlNode, items: Mapping[str, Item]) -> Iterator[Contradiction]:
    for name in mapping.units:
        if name in items:
            yield from _check_unit(items[name], mapping, where.at("units").at(name))
    if mapping.numbers and mapping.numbers.decimal == mapping.numbers.thousands:
        yield where.at("numbers").contradiction(
            "One mark stands before decimals and between thousands.", "Leave thousands out, or correct it."
        )


def _targets(item: Item, contract: Contract, code_lists: Mapping[str, CodeList]) -> frozenset[str]:
    """Return the values that source codes may be mapped to: valid codes, marks, booleans."""
    targets = set(item.marks)
    if item.type is ItemType.BOOLEAN:
        targets |= {"true", "false"}
    if item.code_list is not None and item.code_list in code_lists:
        first = parse_period(contract.valid_from).start
        listed = code_lists[item.code_list].codes
        targets |= {code.code for code in listed if code.valid_to is None or code.valid_to >= first}
    if targets and not item.required:
        targets.add("")
    return frozenset(targets)


def _check_code(
    item: Item, codes: Mapping[str, str], place: YamlNode, targets: frozenset[str]
) -> Iterator[Contradiction]:
    if not targets:
        yield place.contradiction(f"{item.name} has no codes to translate.", "Remove it here.")
        return
    seen: dict[str, str] = {}
    for source, target in codes.items():
        if target not in targets:
            yield place.at(source).contradiction(
                f"“{target}” is not a value of {item.name} in the contract's periods.",
                suggest(target, {known for known in targets if known}),
            )
        other = seen.setdefault(fold_spelling(source), source)
        if other != source and codes[other] != target:
            yield place.at(source).contradiction(
                f"“{source}” and “{other}” differ in case or white space alone, and stand for two codes.",
                "Keep one of them.",
            )


def _check_pattern(
    item: Item, code_pattern: CodePattern, place: YamlNode, targets: frozenset[str]
) -> Iterator[Contradiction]:
    if not targets:
        yield place.contradiction(f"{item.name} has no codes to translate.", "Remove it here.")
        return
    compiled = re.compile(code_pattern.pattern)
    groups = {*compiled.groupindex, *(str(number) for number in range(1, compiled.groups + 1))}
    used = _GROUP.findall(code_pattern.to)
    yield from contradictions_where(
        *(
            (
                group not in groups,
                place.at("to"),
                f"{item.name}: the pattern has no group {group}.",
                "Put ( and ) around the part that is meant.",
            )
            for group in used
        ),
        (
            not used and code_pattern.to not in targets,
            place.at("to"),
            f"“{code_pattern.to}” is not a value of {item.name} in the contract's periods.",
            suggest(code_pattern.to, {target for target in targets if target}),
        ),
    )


def _check_unit(item: Item, mapping: TableMapping, place: YamlNode) -> Iterator[Contradiction]:
    change, units = mapping.units[item.name], ", ".join(list_convertible_units(item.unit))
    yield from first_contradiction_where(
        (
            item.type not in NUMERIC or not item.unit,
            place,
            f"{item.name} is not a figure with a unit.",
            "Remove it here.",
        ),
        (
            change.factor_to(item.unit) in (None, Decimal(0)),
            place,
            f"The factor from {change.unit} to {item.unit} is unknown.",
            (f"Use one of: {units}; or write" if units else "Write") + " { unit, factor }, the factor in quotes.",
        ),
    )


def _check_date(mapping: TableMapping, place: YamlNode, items: Mapping[str, Item]) -> Iterator[Contradiction]:
    if mapping.date_format:
        yield from contradictions_where(
            (
                problem := find_date_format_problem(mapping.date_format),
                place,
                f"The form of dates {problem}.",
                "Write such as yyyy-MM-dd or d/M/yyyy HH:mm.",
            ),
            (
                all(item.type is not ItemType.DATE for item in items.values()),
                place,
                f"{mapping.table} has no dates.",
                "Remove dates.",
            ),
        )
    for name, text in mapping.dates.items():
        if name not in items:
            yield place.at(name).contradiction(f"{name} is not an item of {mapping.table}.", suggest(name, items))
        elif items[name].type is not ItemType.DATE:
            yield place.at(name).contradiction(f"{name} is not a date.", "Remove it here.")
        if problem := find_date_format_problem(text):
            yield place.at(name).contradiction(
                f"{name}: the form of the date {problem}.", "Write such as yyyy-MM-dd or d/M/yyyy HH:mm."
            )


def _check_constant(
    item: Item, text: str, place: YamlNode, targets: frozenset[str], councils: Councils
) -> Iterator[Contradiction]:
    names_key, is_placeholder = item.role in (Role.COUNCIL, Role.PERIOD), text in (THE_COUNCIL, THE_PERIOD)
    is_council = text == THE_COUNCIL or fold_spelling(text) in councils.code_by_spelling
    yield from first_contradiction_where(
        (
            item.role is Role.COUNCIL and not is_council,
            place,
            f"“{text}” is not a council.",
            f'Write "{THE_COUNCIL}", whose account it came by.',
        ),
        (
            item.role is Role.PERIOD and text != THE_PERIOD,
            place,
            f"{item.name} names the period, which is not always the same.",
            f'Write "{THE_PERIOD}".',
        ),
        (
            not names_key and is_placeholder,
            place,
            f"{item.name} is neither the council nor the period.",
            "Write the value itself.",
        ),
        (
            not names_key and not _reads(item, text, targets),
            place,
            f"“{text}” is not a value of {item.name}.",
            "Write it as the contract asks for it in a cell.",
        ),
    )


def _reads(item: Item, text: str, targets: frozenset[str]) -> bool:
    if item.code_list is not None:
        return text in targets
    return text in item.marks or _READERS[item.type](item, text)


def _is_date(item: Item, text: str) -> bool:
    try:
        datetime.strptime(text, item.date_format or "")  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return False
    return True


_WHOLE, _NUMBER = re.compile(r"-?[0-9]+"), re.compile(r"-?[0-9]+(\.[0-9]+)?")
_READERS: Mapping[ItemType, Callable[[Item, str], bool]] = {
    ItemType.TEXT: lambda _item, text: bool(text.strip()),
    ItemType.BOOLEAN: lambda _item, text: text in {"true", "false"},
    ItemType.DATE: _is_date,
    ItemType.INTEGER: lambda _item, text: bool(_WHOLE.fullmatch(text)),
    ItemType.NUMBER: lambda _item, text: bool(_NUMBER.fullmatch(text)),
    ItemType.DECIMAL: lambda _item, text: bool(_NUMBER.fullmatch(text)),
}
