"""Return whether a mapping is complete and agrees with its contract, the councils and the other mappings.

What belongs here: what one mapping says against the rest of the register, table by table. What does not: its shape
(``mapping_files``), and what it says of one item's values (``mapping_values``).
"""

from collections.abc import Iterator, Mapping, Sequence

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.checks.mapping_value_checks import check_values
from lgdp_pipelines.register.documents.checks import contradictions_where, first_contradiction_where
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.extract_file import check_extract
from lgdp_pipelines.register.files.mapping_file import MappingFile
from lgdp_pipelines.register.model.contract import Contract, Return, slug
from lgdp_pipelines.register.model.extract_format import Extract
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.register.model.system_mapping import JoinedFile, TableMapping, select_mapping
from lgdp_pipelines.register.model.table_model import Item, Spellings, Table, find_header_clashes
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.councils import Councils


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
    asked = returns.get(mapping.return_code)
    if asked is None:
        if mapping.return_code:
            yield root.at("return").contradiction(
                f"There is no return {mapping.return_code}.", suggest(mapping.return_code, returns)
            )
        return
    yield from (
        entry.contradiction(
            f"{asked.code} has no major version {entry.value}.",
            f"Use one of: {', '.join(str(major) for major in asked.majors)}.",
        )
        for entry in root.entries("majors")
        if isinstance(entry.value, int) and entry.value not in asked.majors
    )
    contracts = [contract for contract in asked.contracts if contract.version.major in mapping.majors]
    if contracts:
        yield from _check_table(read, contracts, councils, code_lists)


def _check_name(read: MappingFile, councils: Councils) -> Iterator[Contradiction]:
    mapping, root = read.mapping, read.document
    if mapping.council and mapping.council not in councils.by_code:
        yield root.at("council").contradiction(
            f"There is no council {mapping.council}.", suggest(mapping.council, councils.codes)
        )
    stem = slug(mapping.return_code) + (f".{mapping.council.lower()}" if mapping.council else "")
    names = {f"mappings/{mapping.system}/{stem}.yaml"}
    names |= {f"mappings/{mapping.system}/{stem}.v{major}.yaml" for major in mapping.majors if len(mapping.majors) == 1}
    if mapping.system and mapping.return_code and read.document.file not in names:
        yield root.at("system").contradiction(
            f"The file maps {mapping.system} to {mapping.return_code} and is called {read.document.file}.",
            f"Call it {min(names, key=len)}.",
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
        if several and not table_mapping.files:
            yield where.contradiction(
                f"Nothing shows which file holds {name}.", "Add files, with the pattern of the table's file name."
            )
        versions = [contract.by_name[name] for contract in contracts if name in contract.by_name]
        yield from _check_item(table_mapping, where, versions)
        yield from _check_column(table_mapping, where)
        items = {item.name: item for table in versions for item in table.items}
        yield from check_values(table_mapping, where, items, contracts[0], councils, code_lists)
        if table_mapping.numbers and extract.format.is_workbook:
            yield where.at("numbers").contradiction(
                "A workbook's numbers are numbers, and are not spelt in any manner.", "Remove numbers."
            )
    yield from _check_file(read, extract)


def _check_item(table_mapping: TableMapping, where: YamlNode, versions: Sequence[Table]) -> Iterator[Contradiction]:
    """Yield items that the mapping does not place exactly once, in any version."""
    items: dict[str, Item] = {item.name: item for table in versions for item in table.items}
    yield from (
        place.contradiction(f"{name} is no item of {table_mapping.table}.", suggest(name, items))
        for kind in _BY_ITEM
        for name, place in where.at(kind).members()
        if name not in items
    )
    for name, item in items.items():
        said = [kind for kind in ("columns", "constants", "absent") if where.at(kind).has(name)]
        if not said:
            yield where.contradiction(
                f"The mapping does not say where {name} of {table_mapping.table} comes from.",
                "Add it under columns, or under constants"
                + (" (it is required)." if item.required else ", or under absent with the reason."),
            )
        yield from (
            where.at(kind)
            .at(name)
            .contradiction(f"{name} is under {said[0]} and under {kind}.", "Keep one of the two.")
            for kind in said[1:]
        )
        if item.required and said == ["absent"]:
            yield (
                where.at("absent")
                .at(name)
                .contradiction(
                    f"{name} is required and said to be absent.", "Say which column holds it, or which constant it is."
                )
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
                "Add it under files, or mend the name.",
            )
    base = table_mapping.files[0].name if table_mapping.files else ""
    in_file: dict[str, list[tuple[str, Spellings]]] = {}
    for name, column in table_mapping.columns.items():
        in_file.setdefault(column.file or base, []).append((name, column.spellings))
    for spelt in in_file.values():
        for name, other, text in find_header_clashes([*spelt, ("ignored", table_mapping.ignored)]):
            place = columns.at(name) if name in table_mapping.columns else where.at("ignored")
            yield place.contradiction(f"The header “{text}” could be {name} or {other}.", "Leave it to one of them.")


def _check_file(read: MappingFile, extract: Extract) -> Iterator[Contradiction]:
    mapping, root = read.mapping, read.document
    seen: set[str] = set()
    for name, table_mapping in mapping.tables.items():
        places = root.at("tables").at(name).entries("files")
        for number, (file, place) in enumerate(zip(table_mapping.files, places, strict=True)):
            if file.name in seen:
                yield place.contradiction(f"Two files are called {file.name}.", "Rename one.")
            seen.add(file.name)
            yield from (_check_joined(table_mapping, file, place) if number else _check_base(file, place))
        if table_mapping.files and extract.format.is_records:
            yield (
                root.at("tables")
                .at(name)
                .at("files")
                .contradiction(
                    f"Files of records in {extract.format.upper()} cannot be told apart or joined.",
                    "Map the export as CSV or as a workbook.",
                )
            )


def _check_base(file: JoinedFile, place: YamlNode) -> Iterator[Contradiction]:
    if file.key:
        yield place.at("key").contradiction(
            f"{file.name} is the base, and its rows are nobody else's.", "Write the key at the files that join it."
        )


def _check_joined(table_mapping: TableMapping, file: JoinedFile, place: YamlNode) -> Iterator[Contradiction]:
    if not file.key:
        yield place.contradiction(f"{file.name} joins {table_mapping.files[0].name} and has no key.", "Add key.")
    yield from contradictions_where(
        (
            len(file.key) != len(file.base_key),
            place,
            f"{file.name}: key and baseKey are not of one length.",
            "Pair them, one for one.",
        ),
        (
            all(column.file != file.name for column in table_mapping.columns.values()),
            place,
            f"No item is taken from {file.name}.",
            f"Write file: {file.name} at a column, or remove the file.",
        ),
    )


def check_mapping_overlaps(reads: Sequence[MappingFile]) -> Iterator[Contradiction]:
    """Yield mappings that read the same export of a council."""
    seen: dict[tuple[str, str, str, int], str] = {}
    for read in reads:
        mapping = read.mapping
        for major in mapping.majors:
            key = (mapping.system, mapping.return_code, mapping.council, major)
            other = seen.setdefault(key, read.document.file)
            if other != read.document.file:
                yield read.document.at("majors").contradiction(
                    f"{other} maps version {major} of {mapping.return_code} already.", "Keep one of the two."
                )


def check_source_systems(
    source: Source, root: YamlNode, reads: Sequence[MappingFile], returns: Mapping[str, Return]
) -> Iterator[Contradiction]:
    """Yield systems of a source that have no mapping for a return and council.

    A return without a system is in the contract's own manner; that is said by leaving ``system`` out.
    """
    systems = {read.mapping.system for read in reads}
    for code in source.councils:
        for given in source.for_council(code).returns:
            asked = returns.get(given.return_code)
            if not given.system or asked is None:
                continue
            place = next(
                (entry for entry in root.entries("returns") if entry.text("system") == given.system),
                root.at("accounts").at(code),
            )
            yield from first_contradiction_where(
                (
                    given.system not in systems,
                    place,
                    f"There is no mapping of a system “{given.system}”.",
                    suggest(given.system, systems) if systems else f"Write schemas/mappings/{given.system}/.",
                ),
                (
                    not _is_served(reads, given.system, code, asked.latest),
                    place,
                    f"{given.system} has no mapping for {asked.code} {asked.latest.version} that serves {code}.",
                    f"Write schemas/mappings/{given.system}/{asked.slug}.yaml.",
                ),
            )


def _is_served(reads: Sequence[MappingFile], system: str, council_code: str, contract: Contract) -> bool:
    mappings = [read.mapping for read in reads]
    return select_mapping(mappings, system, council_code, contract.return_code, contract.version.major) is not None
