"""Mappings of systems' exports to returns: ``schemas/mappings/<system>/<return>[.<council>].yaml``.

Belongs here: reading a file, and its contradictions with itself, the contract, the councils and the other mappings,
table by table and value by value: codes, units, dates, numbers and constants. Belongs elsewhere: the words of a mapping
(``model.system_mapping``), and translating (``validation``).
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import parse
from lgdp_pipelines.register.documents.yaml_nodes import (
    YamlNode,
    contradictions_where,
    find_repeats,
    first_contradiction_where,
    suggest,
)
from lgdp_pipelines.register.files.contract_file import check_extract
from lgdp_pipelines.register.files.council_file import is_unknown
from lgdp_pipelines.register.files.source_file import SourceFile
from lgdp_pipelines.register.model.contract import Contract, Return, slug
from lgdp_pipelines.register.model.extract_format import ExtractFormat
from lgdp_pipelines.register.model.system_mapping import (
    THE_COUNCIL,
    THE_PERIOD,
    CodePattern,
    MappingWords,
    SystemMapping,
    TableMapping,
    UnitChange,
    select_mapping,
)
from lgdp_pipelines.register.model.table_model import NUMERIC, Item, ItemType, Role, Spellings, find_header_clashes
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.councils import Councils
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.vocabulary.spellings import fold_spelling
from lgdp_pipelines.vocabulary.units import list_convertible_units
from lgdp_pipelines.vocabulary.value_formats import find_date_format_problem, to_strptime_format


@dataclass(frozen=True, slots=True)
class MappingFile:
    """A mapping and the node that it was read from.

    Attributes:
        mapping: as read.
        document: the file's root, without refused parts.
        written: the file's root with them: a refused entry is present, and its item is not missing.
    """

    mapping: SystemMapping
    document: YamlNode
    written: YamlNode


def read_mapping(document: YamlNode, sha256: str) -> tuple[MappingFile | None, tuple[Contradiction, ...]]:
    """Return a document's mapping, None if unreadable, and its form's errors.

    Args:
        document: the file's root.
        sha256: of the file's bytes.
    """
    stand_ins = {"title": "?", "provenance": {"verified": "ours", "source": ""}}
    hint = "schemas/README.md shows a mapping"
    parsed = parse(MappingWords, document, name="a mapping", hint=hint, stand_ins=stand_ins)
    if parsed.value is None:
        return None, parsed.contradictions
    tables = {name: TableMapping(table=name, **vars(words)) for name, words in parsed.value.tables.items()}
    mapping = SystemMapping(**vars(parsed.value) | {"tables": tables, "sha256": sha256})
    return MappingFile(mapping, parsed.node, document), parsed.contradictions


def check_mapping(
    file: MappingFile, councils: Councils, returns: Mapping[str, Return], code_lists: Mapping[str, CodeList]
) -> Iterator[Contradiction]:
    """Yield the contradictions of a mapping with itself, contract and councils.

    Args:
        file: the mapping.
        councils: of the register.
        returns: of the register, by code.
        code_lists: of the register, with those written out at items.
    """
    mapping, root = file.mapping, file.document
    yield from _check_name(file, councils)
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
        yield from _check_tables(file, contracts, councils, code_lists)


def _check_name(file: MappingFile, councils: Councils) -> Iterator[Contradiction]:
    """Yield an unknown council, and a file name unlike the content."""
    mapping, root = file.mapping, file.document
    stem = slug(mapping.return_code) + (f".{mapping.council.lower()}" if mapping.council else "")
    names = [f"mappings/{mapping.system}/{stem}.yaml"]
    names += [f"mappings/{mapping.system}/{stem}.v{major}.yaml" for major in mapping.majors if len(mapping.majors) == 1]
    yield from contradictions_where(
        (
            mapping.council and is_unknown(mapping.council, councils),
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


def _check_tables(
    file: MappingFile, contracts: Sequence[Contract], councils: Councils, code_lists: Mapping[str, CodeList]
) -> Iterator[Contradiction]:
    """Yield contradictions of a mapping's tables with those of the contracts."""
    mapping, tables_node = file.mapping, file.document.at("tables")
    tables = {table.name: table for contract in contracts for table in contract.tables}
    has_several_tables = any(len(contract.tables) > 1 for contract in contracts)
    extract_format = mapping.extract or contracts[-1].extract
    yield from (
        tables_node.contradiction(f"The table {name} of {mapping.return_code} is not mapped.", f"Add tables.{name}.")
        for name, table in tables.items()
        if not file.written.at("tables").has(name) and not table.optional
    )
    for name, table_mapping in mapping.tables.items():
        node, written = tables_node.at(name), file.written.at("tables").at(name)
        if name not in tables:
            yield node.contradiction(f"{mapping.return_code} has no table {name}.", suggest(name, tables))
            continue
        yield from contradictions_where(
            (
                has_several_tables and not written.has("files"),
                node,
                f"The mapping does not say which file holds {name}.",
                "Add files, with the pattern of the table's file name.",
            ),
            (
                table_mapping.numbers and extract_format.format.is_workbook,
                node.at("numbers"),
                "Numbers of a workbook have no spelling.",
                "Remove numbers.",
            ),
        )
        versions = [contract.by_name[name] for contract in contracts if name in contract.by_name]
        items = {item.name: item for table in versions for item in table.items}
        yield from _check_items(table_mapping, written, items)
        yield from _check_columns(table_mapping, node, written)
        yield from _check_values(table_mapping, node, items, contracts[0], councils, code_lists)
    yield from _check_files(file, extract_format)


def _check_items(table_mapping: TableMapping, node: YamlNode, items: Mapping[str, Item]) -> Iterator[Contradiction]:
    """Yield unknown, unmapped and doubly mapped items, and absent required ones."""
    yield from (
        entry.contradiction(f"{name} is not an item of {table_mapping.table}.", suggest(name, items))
        for section in _SECTIONS_BY_ITEM
        for name, entry in node.at(section).members()
        if name not in items
    )
    has_unreadable_section = any(node.has(word) and not node.at(word).members() for word in _PLACES)
    for name, item in items.items():
        sections = [section for section in _PLACES if node.at(section).has(name)]
        yield from contradictions_where(
            (
                not sections and not has_unreadable_section,
                node,
                f"The mapping does not say where {name} of {table_mapping.table} comes from.",
                "Add it under columns, or under constants"
                + (" (it is required)." if item.required else ", or under absent with the reason."),
            ),
            *(
                (
                    section != sections[0],
                    node.at(section).at(name),
                    f"{name} is under {sections[0]} and under {section}.",
                    "Keep one of the two.",
                )
                for section in sections
            ),
            (
                item.required and sections == ["absent"],
                node.at("absent").at(name),
                f"{name} is required and is under absent.",
                "Write its column, or its constant.",
            ),
        )


_PLACES = ("columns", "constants", "absent")
"""Sections that say where an item comes from."""

_SECTIONS_BY_ITEM = ("columns", "codes", "codePatterns", "units", "constants", "absent")
"""Sections of a table's mapping with items as keys."""


def _check_columns(table_mapping: TableMapping, node: YamlNode, written: YamlNode) -> Iterator[Contradiction]:
    """Yield columns of undeclared files, and headers that match two items."""
    columns = node.at("columns")
    declared_names = {file.text("name") for file in written.entries("files")}
    yield from (
        columns.at(name).contradiction(
            f"{name} is in the file “{column.file}”, which is not declared.", "Add it under files, or correct the name."
        )
        for name, column in table_mapping.columns.items()
        if column.file and column.file not in declared_names
    )
    base = table_mapping.files[0].name if table_mapping.files else ""
    in_file: dict[str, list[tuple[str, Spellings]]] = {}
    for name, column in table_mapping.columns.items():
        in_file.setdefault(column.file or base, []).append((name, column.spellings))
    for spelling in in_file.values():
        for name, other, text in find_header_clashes([*spelling, ("ignored", table_mapping.ignored)]):
            entry = columns.at(name) if name in table_mapping.columns else node.at("ignored")
            yield entry.contradiction(f"The header “{text}” could be {name} or {other}.", "Leave it to one of them.")


def _check_files(mapping_file: MappingFile, extract_format: ExtractFormat) -> Iterator[Contradiction]:
    """Yield contradictions of the joined files that make a table."""
    tables = mapping_file.mapping.tables
    nodes = {name: mapping_file.document.at("tables").at(name).at("files") for name in tables}
    files = [
        (table_mapping, file, node)
        for name, table_mapping in tables.items()
        for file, node in zip(table_mapping.files, nodes[name].elements, strict=True)
    ]
    yield from (
        node.contradiction(f"Two files are called {file.name}.", "Rename one.")
        for (file, node), _ in find_repeats((file.name, (file, node)) for _, file, node in files)
    )
    for table_mapping, file, node in files:
        columns = mapping_file.written.at("tables").at(table_mapping.table).at("columns")
        base, is_joined = table_mapping.files[0], file is not table_mapping.files[0]
        yield from contradictions_where(
            (
                file.key and not is_joined,
                node.at("key"),
                f"{file.name} is the base, and its rows do not belong to another file.",
                "Write the key at the files that join it.",
            ),
            (is_joined and not file.key, node, f"{file.name} joins {base.name} and has no key.", "Add key."),
            (
                is_joined and len(file.key) != len(file.base_key),
                node,
                f"{file.name}: key and baseKey are not of one length.",
                "Pair them, one for one.",
            ),
            (
                is_joined and all(column.text("file") != file.name for _, column in columns.members()),
                node,
                f"No item is taken from {file.name}.",
                f"Write file: {file.name} at a column, or remove the file.",
            ),
        )
    yield from (
        nodes[name].contradiction(
            f"Several files of records in {extract_format.format.upper()} cannot make a table.",
            "Map the export as CSV or as a workbook.",
        )
        for name, table_mapping in tables.items()
        if table_mapping.files and extract_format.format.is_records
    )


def check_mapping_overlaps(files: Sequence[MappingFile]) -> Iterator[Contradiction]:
    """Yield mappings for the same system, return, council and major version."""
    entries = (
        ((file.mapping.system, file.mapping.return_code, file.mapping.council, major), (file, major))
        for file in files
        for major in file.mapping.majors
    )
    yield from (
        file.document.at("majors").contradiction(
            f"{first.document.file} maps version {major} of {file.mapping.return_code} already.",
            "Keep one of the two.",
        )
        for (file, major), (first, _) in find_repeats(entries)
    )


def check_source_systems(
    source_file: SourceFile, files: Sequence[MappingFile], returns: Mapping[str, Return], unreadable: Collection[str]
) -> Iterator[Contradiction]:
    """Yield systems without a mapping for a source's return and council.

    A return without a system has extracts in the contract's own form.

    Args:
        source_file: the source.
        files: the mappings of the register.
        returns: of the register, by code.
        unreadable: systems with a mapping that could not be read.
    """
    mappings, root = [file.mapping for file in files], source_file.node
    systems = {mapping.system for mapping in mappings}
    for code in source_file.source.councils:
        for source_return in source_file.source.for_council(code).returns:
            system, data_return = source_return.system, returns.get(source_return.return_code)
            if not system or system in unreadable or data_return is None:
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


def _check_values(
    mapping: TableMapping,
    node: YamlNode,
    items: Mapping[str, Item],
    contract: Contract,
    councils: Councils,
    code_lists: Mapping[str, CodeList],
) -> Iterator[Contradiction]:
    """Yield the contradictions in how a table's mapping translates values.

    Args:
        mapping: of the table.
        node: of the mapping of the table.
        items: of the table, over the versions that the mapping is for.
        contract: the oldest of those versions, whose first period is the first that the mapping serves.
        councils: of the register.
        code_lists: of the register.
    """
    targets = {name: _list_targets(item, contract, code_lists) for name, item in items.items()}
    for name, item in items.items():
        if (code_list := code_lists.get(item.code_list or "")) and not code_list.codes:
            continue  # the list's file is unreadable, which is a contradiction of its own
        codes, patterns = mapping.codes.get(name), mapping.code_patterns.get(name, ())
        if codes is not None:
            yield from _check_codes(item, codes, node.at("codes").at(name), targets[name])
        for entry, pattern in zip(node.at("codePatterns").entries(name), patterns, strict=True):
            yield from _check_pattern(item, pattern, entry, targets[name])
        if name in mapping.constants:
            entry = node.at("constants").at(name)
            yield from _check_constant(item, mapping.constants[name], entry, targets[name], councils)
        if name in mapping.units:
            yield from _check_unit(item, mapping.units[name], node.at("units").at(name))
    yield from contradictions_where(
        (
            mapping.numbers and mapping.numbers.decimal == mapping.numbers.thousands,
            node.at("numbers"),
            "Decimals and thousands have the same mark.",
            "Leave thousands out, or correct it.",
        ),
    )
    yield from _check_dates(mapping, node.at("dates"), items)


def _list_targets(item: Item, contract: Contract, code_lists: Mapping[str, CodeList]) -> frozenset[str]:
    """Return the values that source codes may be mapped to."""
    targets = set(item.marks)
    if item.type is ItemType.BOOLEAN:
        targets |= {"true", "false"}
    if item.code_list is not None and item.code_list in code_lists:
        first = parse_period(contract.valid_from).start
        codes = code_lists[item.code_list].codes
        targets |= {code.code for code in codes if code.valid_to is None or code.valid_to >= first}
    if targets and not item.required:
        targets.add("")
    return frozenset(targets)


def _check_codes(
    item: Item, codes: Mapping[str, str], node: YamlNode, targets: frozenset[str]
) -> Iterator[Contradiction]:
    """Yield codes of uncoded items, unknown targets, and spellings with two codes."""
    if not targets:
        yield node.contradiction(f"{item.name} has no codes to translate.", "Remove it here.")
        return
    first_spellings: dict[str, str] = {}
    for source, target in codes.items():
        first = first_spellings.setdefault(fold_spelling(source), source)
        yield from contradictions_where(
            (
                target not in targets,
                node.at(source),
                f"“{target}” is not a value of {item.name} in the contract's periods.",
                suggest(target, targets - {""}),
            ),
            (
                codes[first] != target,
                node.at(source),
                f"“{source}” and “{first}” differ only in case or white space, and have different codes.",
                "Keep one of them.",
            ),
        )


def _check_pattern(
    item: Item, code_pattern: CodePattern, node: YamlNode, targets: frozenset[str]
) -> Iterator[Contradiction]:
    """Yield code patterns of uncoded items, unknown groups and unknown target codes."""
    if not targets:
        yield node.contradiction(f"{item.name} has no codes to translate.", "Remove it here.")
        return
    compiled = re.compile(code_pattern.pattern)
    known_groups = {*compiled.groupindex, *map(str, range(1, compiled.groups + 1))}
    groups = _GROUP.findall(code_pattern.to)
    yield from contradictions_where(
        *(
            (
                group not in known_groups,
                node.at("to"),
                f"{item.name}: the pattern has no group {group}.",
                "Put ( and ) around the part that is meant.",
            )
            for group in groups
        ),
        (
            not groups and code_pattern.to not in targets,
            node.at("to"),
            f"“{code_pattern.to}” is not a value of {item.name} in the contract's periods.",
            suggest(code_pattern.to, targets - {""}),
        ),
    )


def _check_unit(item: Item, change: UnitChange, node: YamlNode) -> Iterator[Contradiction]:
    """Yield a unit that is out of place or cannot be converted."""
    units = ", ".join(list_convertible_units(item.unit))
    return first_contradiction_where(
        (
            item.type not in NUMERIC or not item.unit,
            node,
            f"{item.name} is not a figure with a unit.",
            "Remove it here.",
        ),
        (
            change.factor_to(item.unit) in (None, Decimal(0)),
            node,
            f"The factor from {change.unit} to {item.unit} is unknown.",
            (f"Use one of: {units}; or write" if units else "Write") + " { unit, factor }, the factor in quotes.",
        ),
    )


def _check_dates(mapping: TableMapping, node: YamlNode, items: Mapping[str, Item]) -> Iterator[Contradiction]:
    """Yield malformed formats of dates, and formats of other items."""
    remedy = "Write such as yyyy-MM-dd or d/M/yyyy HH:mm."
    if isinstance(mapping.dates, str):
        has_dates = any(item.type is ItemType.DATE for item in items.values())
        problem = find_date_format_problem(mapping.dates) if mapping.dates else None
        yield from contradictions_where(
            (problem, node, f"The form of dates {problem}.", remedy),
            (mapping.dates and not has_dates, node, f"{mapping.table} has no dates.", "Remove dates."),
        )
        return
    for name, date_format in mapping.dates.items():
        problem = find_date_format_problem(date_format)
        yield from contradictions_where(
            (name not in items, node.at(name), f"{name} is not an item of {mapping.table}.", suggest(name, items)),
            (
                name in items and items[name].type is not ItemType.DATE,
                node.at(name),
                f"{name} is not a date.",
                "Remove it here.",
            ),
            (problem, node.at(name), f"{name}: the form of the date {problem}.", remedy),
        )


def _check_constant(
    item: Item, text: str, node: YamlNode, targets: frozenset[str], councils: Councils
) -> Iterator[Contradiction]:
    """Yield a constant that the item cannot have."""
    names_key, is_placeholder = item.role in (Role.COUNCIL, Role.PERIOD), text in (THE_COUNCIL, THE_PERIOD)
    is_council = text == THE_COUNCIL or not councils.codes or fold_spelling(text) in councils.code_by_spelling
    return first_contradiction_where(
        (
            item.role is Role.COUNCIL and not is_council,
            node,
            f"“{text}” is not a council.",
            f'Write "{THE_COUNCIL}", the council of the account.',
        ),
        (
            item.role is Role.PERIOD and text != THE_PERIOD,
            node,
            f"{item.name} names the period, which differs between submissions.",
            f'Write "{THE_PERIOD}".',
        ),
        (
            not names_key and is_placeholder,
            node,
            f"{item.name} is neither the council nor the period.",
            "Write the value itself.",
        ),
        (
            not names_key and not _is_value_of(item, text, targets),
            node,
            f"“{text}” is not a value of {item.name}.",
            "Write it as the contract writes it in a cell.",
        ),
    )


def _is_value_of(item: Item, text: str, targets: frozenset[str]) -> bool:
    """Return whether a text is a valid constant of an item."""
    if item.code_list is not None:
        return text in targets
    return text in item.marks or _VALUE_TESTS[item.type](item, text)


def _is_date(item: Item, text: str) -> bool:
    """Return whether a text is a date in the item's format."""
    try:
        datetime.strptime(text, to_strptime_format(item.date_format or ""))  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return False
    return True


_WHOLE, _NUMBER = re.compile(r"-?[0-9]+"), re.compile(r"-?[0-9]+(\.[0-9]+)?")
_VALUE_TESTS: Mapping[ItemType, Callable[[Item, str], bool]] = {
    ItemType.TEXT: lambda _item, text: bool(text.strip()),
    ItemType.BOOLEAN: lambda _item, text: text in {"true", "false"},
    ItemType.DATE: _is_date,
    ItemType.INTEGER: lambda _item, text: bool(_WHOLE.fullmatch(text)),
    ItemType.NUMBER: lambda _item, text: bool(_NUMBER.fullmatch(text)),
    ItemType.DECIMAL: lambda _item, text: bool(_NUMBER.fullmatch(text)),
}
