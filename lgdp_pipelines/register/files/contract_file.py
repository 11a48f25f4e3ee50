"""One contract: from its file to the model, with the contradictions between its tables.

Belongs here: one file in ``schemas/returns/``, and ``lgdpExtract`` of a contract and ``extract`` of a mapping. Belongs
elsewhere: contradictions between versions (``versions``).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from lgdp_pipelines.errors import Contradiction, WrongUse
from lgdp_pipelines.register.documents.odcs_schema import check_odcs
from lgdp_pipelines.register.documents.yaml_nodes import (
    YamlNode,
    contradictions_where,
    find_repeats,
    first_contradiction_where,
)
from lgdp_pipelines.register.files.custom_properties import ContractProperties, read_properties
from lgdp_pipelines.register.files.table_file import TableEntry, check_table, read_items, read_table
from lgdp_pipelines.register.model.contract import Contract, Disclosure, DisclosureMethod, Version, slug
from lgdp_pipelines.register.model.extract_format import Container, ExtractFormat, FileFormat
from lgdp_pipelines.register.model.table_model import Item, Provenance, columns_of
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.register.rules.kinds.rule_kind import RuleContext
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.periods import PeriodKind, parse_period

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})")
_API_VERSION = "v3.2.0"


@dataclass(frozen=True, slots=True)
class ContractFile:
    """A contract with its document, properties and entries of tables."""

    contract: Contract
    document: YamlNode
    tables: tuple[TableEntry, ...]
    properties: ContractProperties
    contradictions: tuple[Contradiction, ...]

    @property
    def inline_lists(self) -> Iterator[tuple[CodeList, YamlNode]]:
        """The items' own code lists, age bands included, each with its node."""
        for table in self.tables:
            for item in table.items:
                if item.inline:
                    yield item.inline, item.node.at("enum")


def read_contract(document: YamlNode, path: Path, sha256: str) -> ContractFile:
    """Return a document's contract, with defaults for unreadable parts.

    Args:
        document: the file's values.
        path: the file.
        sha256: of the bytes of the file, and of its base where it has one.
    """
    properties, contradictions = read_properties(ContractProperties, document)
    code, known_kind = properties.return_code, properties.period_kind
    provenance = properties.provenance or Provenance("", "")
    agreements = {entry.text("property"): entry for entry in document.entries("slaProperties")}
    entries = [(entry, read_items(entry, slug(code), provenance)) for entry in document.entries("schema")]
    items = {entry.text("name"): {parsed.item.name: parsed.item for parsed in own} for entry, own in entries}
    tables = tuple(
        read_table(entry, slug(code), own, RuleContext(entry.text("name"), items, known_kind, {}))
        for entry, own in entries
    )
    description = document.at("description")
    contract = Contract(
        return_code=code,
        version=_parse_version(document.text("version")) or Version(0, 0, 0),
        valid_from=properties.valid_from,
        title=document.text("name"),
        purpose=" ".join(description.text("purpose").split()),
        limitations=" ".join(description.text("limitations").split()),
        subject=document.text("domain"),
        owner=_owner(document),
        recipients=properties.recipients,
        legal_basis=str(properties.legal_basis or ""),
        burden_minutes=properties.burden_minutes,
        period_kind=known_kind or PeriodKind.FINANCIAL_YEAR,
        due_days=_agreed_number(agreements, "latency", "d") or 0,
        retention_years=_agreed_number(agreements, "retention", "y") or 0,
        extract=properties.extract or ExtractFormat(FileFormat.CSV),
        disclosure=properties.disclosure or Disclosure(DisclosureMethod.NONE),
        provenance=provenance,
        tables=tuple(entry.table for entry in tables),
        path=path,
        sha256=sha256,
        nil_return=properties.nil_return,
        due_dates=properties.due_dates,
        roles=_roles(document),
    )
    return ContractFile(contract, document, tables, properties, contradictions)


def _parse_version(text: str) -> Version | None:
    """Return a version of three numbers; None for another text."""
    match = _VERSION.fullmatch(text)
    return Version(int(match[1]), int(match[2]), int(match[3])) if match else None


def _owner(root: YamlNode) -> str:
    """Return the username of the team's first owner; empty without one."""
    members = root.at("team").entries("members")
    return next((member.text("username") for member in members if member.text("role") == "owner"), "")


def _roles(root: YamlNode) -> tuple[str, ...]:
    """Return the distinct roles of the team's members, in order."""
    members = root.at("team").entries("members")
    return tuple(dict.fromkeys(member.text("role") for member in members if member.text("role")))


def _agreed_number(agreements: Mapping[str, YamlNode], name: str, unit: str) -> int | None:
    """Return an agreement's whole number; None in another unit or missing."""
    node = agreements.get(name)
    return node.integer("value") if node and node.text("unit") == unit else None


def check_contract(file: ContractFile, code_lists: Mapping[str, CodeList]) -> Iterator[Contradiction]:
    """Yield a contract's contradictions: in itself, with the standard, with code lists.

    Args:
        file: the contract.
        code_lists: the lists in ``schemas/codelists/``, by id.
    """
    contract, root = file.contract, file.document
    properties = file.properties
    yield from check_odcs(root)
    yield from file.contradictions
    yield from _check_heading(file)
    yield from _check_agreement(root)
    if properties.extract:
        yield from check_extract(properties.extract, root.custom_property("lgdpExtract"))
    yield from _check_periods(file)
    columns = columns_of(contract.tables)
    items = {table.name: table.by_name for table in contract.tables}
    own_lists = {code_list.id: code_list for code_list, _ in file.inline_lists}
    yield from (
        entry.node.contradiction(f"Two tables are called {entry.table.name}.", "Rename one.")
        for entry, _ in find_repeats((entry.table.name, entry) for entry in file.tables)
    )
    for entry in file.tables:
        context = RuleContext(entry.table.name, items, properties.period_kind, {**code_lists, **own_lists})
        yield from check_table(entry, columns, frozenset(code_lists), context)
    yield from _check_several_tables(file)
    yield from _check_xml_paths(file)
    yield from _check_rule_ids(file)
    yield from _check_shared_items(file)


def _check_heading(file: ContractFile) -> Iterator[Contradiction]:
    """Yield missing and wrong words at the head of a contract."""
    contract, root = file.contract, file.document
    yield from _check_name(file)
    yield from contradictions_where(
        (
            root.text("apiVersion") != _API_VERSION,
            root.at("apiVersion"),
            "The contract is of another version of the standard.",
            f"Write {_API_VERSION}.",
        ),
        (
            root.text("status") != "active",
            root.at("status"),
            "The contract is not active.",
            "Write status: active; keep drafts outside the register.",
        ),
        (not contract.title, root, "The contract has no name.", "Add name."),
        (not contract.subject, root, "The contract has no domain.", "Add domain."),
        (
            not contract.purpose,
            root.at("description"),
            "The contract has no purpose.",
            "Add description.purpose.",
        ),
        (
            not contract.owner,
            root.at("team"),
            "The contract has no owner.",
            "Add a member with role owner to team.members, its address as username.",
        ),
        (not file.tables, root.at("schema"), "The contract has no table.", "List its tables under schema."),
    )


def _check_name(file: ContractFile) -> Iterator[Contradiction]:
    """Yield a malformed version, and a wrong file name or id."""
    contract, root = file.contract, file.document
    version = _parse_version(root.text("version"))
    if version is None or version.major < 1:
        yield root.at("version").contradiction(
            f"The version “{root.text('version')}” is not <major>.<minor>.<patch> from 1.0.0 on.",
            "Write such as 1.0.0.",
        )
    elif contract.return_code:
        kind = "changes" if file.document.file.endswith(".changes.yaml") else "odcs"
        expected = f"returns/{contract.slug}/{contract.slug}.v{version}.{kind}.yaml"
        if file.document.file != expected:
            yield root.at("version").contradiction(
                f"The file holds {contract.return_code} {version} and is called {file.document.file}.",
                f"Call it {expected}, or correct lgdpReturn and version.",
            )
    if contract.return_code and root.text("id") != contract.urn:
        yield root.at("id").contradiction(f"The id “{root.text('id')}” is not the return's.", f"Write {contract.urn}.")


def _check_agreement(root: YamlNode) -> Iterator[Contradiction]:
    """Yield due days or retention years that are missing or unusable."""
    agreements = {entry.text("property"): entry for entry in root.entries("slaProperties")}
    for name, unit, meaning in (
        ("latency", "d", "days after a period's end on which a submission is due"),
        ("retention", "y", "years for which received bytes are kept"),
    ):
        value = _agreed_number(agreements, name, unit)
        if value is None or value < 0 or (name == "retention" and value == 0):
            node = agreements.get(name) or root.at("slaProperties")
            yield node.contradiction(
                f"The contract does not say the {meaning}.",
                f"Add to slaProperties: property {name}, value a whole number, unit {unit}.",
            )


def _check_periods(file: ContractFile) -> Iterator[Contradiction]:
    """Yield malformed periods, other kinds, and due dates before their period."""
    first_node = file.document.custom_property("lgdpValidFrom")
    dates_node = file.document.custom_property("lgdpDueDates")
    kind = file.properties.period_kind
    entries = [(name, day, dates_node.at(name)) for name, day in file.contract.due_dates.items()]
    if first_node.value is not None and kind is not None:
        entries.append((file.contract.valid_from, date.max, first_node))
    for text, day, node in entries:
        try:
            period = parse_period(text)
        except WrongUse as error:
            yield node.contradiction(error.what, error.remedy)
            continue
        yield from first_contradiction_where(
            (
                kind is not None and period.kind is not kind,
                node,
                f"{period.id} is not of the kind {kind}.",
                f"Write a {kind}, or correct lgdpPeriodKind.",
            ),
            (
                day < period.start,
                node,
                f"{period.id} is due before it begins.",
                f"Give a day from {period.start.isoformat()} on.",
            ),
        )


def _check_several_tables(file: ContractFile) -> Iterator[Contradiction]:
    """Yield missing or unfitting record keys, file patterns and optional marks."""
    contract, has_several = file.contract, len(file.tables) > 1
    for entry in file.tables:
        table, key = entry.table, entry.table.record_key
        key_node = entry.node.custom_property("lgdpRecordKey")
        holders = [other.name for other in contract.tables if key in {item.header for item in other.items}]
        yield from contradictions_where(
            (
                has_several and not key and not table.file_pattern,
                entry.node,
                f"The contract does not say which records belong to {table.name}.",
                "Add lgdpRecordKey (JSON, NDJSON, XML), or lgdpFilePattern where each table has a file.",
            ),
            (
                table.file_pattern and not has_several,
                entry.node.custom_property("lgdpFilePattern"),
                f"{table.name} is the only table but has a file pattern.",
                "Remove lgdpFilePattern.",
            ),
            (
                table.optional and not has_several,
                entry.node.custom_property("lgdpOptional"),
                f"{table.name} is the only table and optional.",
                "Remove lgdpOptional.",
            ),
            (
                key is not None and (not contract.extract.format.is_records or table.file_pattern),
                key_node,
                f"{table.name} has a record key, which only JSON, NDJSON or XML can have.",
                "Remove lgdpRecordKey.",
            ),
            (
                key is not None and holders != [table.name],
                key_node,
                f"The record key {key} is not a header of {table.name} alone.",
                "Name a key that every record of this table has and no other.",
            ),
        )


def _check_xml_paths(file: ContractFile) -> Iterator[Contradiction]:
    """Yield items of an XML extract without a path as header."""
    if file.contract.extract.format is not FileFormat.XML:
        return
    yield from (
        entry.node.contradiction(
            f"{entry.item.name} is called “{entry.item.header}”, which is not a path in XML.",
            "Write physicalName as a path from the record: Person/Surname, @ref or ../@authority.",
        )
        for table in file.tables
        for entry in table.items
        if not is_xml_path(entry.item.header)
    )


def _check_rule_ids(file: ContractFile) -> Iterator[Contradiction]:
    """Yield rules with the id of an earlier rule."""
    places = {entry.rule.id: entry.node for table in file.tables for entry in table.rules}
    yield from (
        places.get(rule.id, file.document).contradiction(
            f"Two rules have the id {rule.id}.", "Give the written one another id."
        )
        for rule, _ in find_repeats((rule.id, rule) for rule in list_rules(file.contract))
    )


def _check_shared_items(file: ContractFile) -> Iterator[Contradiction]:
    """Yield data items that two tables define differently."""
    items = ((entry.item.urn, (entry, table)) for table in file.tables for entry in table.items if entry.item.urn)
    yield from (
        entry.node.contradiction(
            f"{entry.item.urn} is defined differently in {first_table.table.name}.",
            "Give it the same type, unit, code list and privacy, or a URN of its own.",
        )
        for (entry, _), (first, first_table) in find_repeats(items)
        if _shared_aspects(entry.item) != _shared_aspects(first.item)
    )


def _shared_aspects(item: Item) -> tuple[object, ...]:
    """Return the aspects that an item must keep in every table."""
    return item.type, item.precision, item.scale, item.unit, item.code_list, item.privacy


_OF_TABLES = frozenset({FileFormat.CSV, FileFormat.XLSX, FileFormat.XLS})
_FORMATS_BY_WORD: Mapping[str, frozenset[FileFormat]] = {
    "encoding": frozenset({FileFormat.CSV, FileFormat.JSON, FileFormat.NDJSON}),
    "delimiter": frozenset({FileFormat.CSV}),
    "quote": frozenset({FileFormat.CSV}),
    "sheet": frozenset({FileFormat.XLSX, FileFormat.XLS}),
    "preamble": _OF_TABLES,
    "headerRows": _OF_TABLES,
    "recordsAt": frozenset({FileFormat.JSON, FileFormat.XML}),
}
"""The formats that a word applies to."""
_NAME = r"[^\W\d][\w.-]*"
_XML_PATH = re.compile(rf"{_NAME}(/{_NAME})*")
_XML_ITEM = re.compile(rf"(\.\./)*(({_NAME}/)*(@?{_NAME}))|\.")


def check_extract(extract_format: ExtractFormat, node: YamlNode) -> Iterator[Contradiction]:
    """Yield contradictory or missing words in the form of an extract.

    Args:
        extract_format: the form.
        node: of the extract.
    """
    yield from contradictions_where(
        *(
            (
                node.has(word) and extract_format.format not in formats,
                node.at(word),
                f"{word} does not apply to an extract in {extract_format.format.upper()}.",
                f"Remove {word}.",
            )
            for word, formats in _FORMATS_BY_WORD.items()
        ),
        (
            extract_format.delimiter == extract_format.quote,
            node.at("quote"),
            "Delimiter and quote are the same character.",
            "Change one of them.",
        ),
        (
            extract_format.format is FileFormat.XML and not _XML_PATH.fullmatch(extract_format.records_at),
            node.at("recordsAt"),
            "The XML extract does not name the element of a record.",
            "Write recordsAt as the path of the record element from the root, such as return/cases/case.",
        ),
        (
            extract_format.member and extract_format.container is not Container.ZIP,
            node.at("member"),
            "Only a ZIP has members.",
            "Remove member, or write container: zip.",
        ),
    )


def is_xml_path(header: str) -> bool:
    """Return whether a header is an XML path, such as ``../@authority``."""
    return _XML_ITEM.fullmatch(header) is not None
