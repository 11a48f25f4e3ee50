"""Loading the register: every file of ``schemas/`` into one model, or every contradiction at once.

Belongs here: the kinds of file and the order in which they depend on each other. Belongs elsewhere: the content of each
kind of file (``files``), contradictions between contracts and the rest (``checks``) and between versions
(``versions``). Loading fetches nothing and runs nothing in a file.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from lgdp_pipelines.errors import Contradiction, RegisterError
from lgdp_pipelines.register.checks.contract_checks import check_cross_return_rules, check_derivation
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode, find_repeats, read_yaml
from lgdp_pipelines.register.files.code_list_file import read_code_list
from lgdp_pipelines.register.files.contract_file import ContractFile, check_contract, read_contract
from lgdp_pipelines.register.files.council_file import COUNCILS_FILE, SPELLINGS_FILE, read_councils
from lgdp_pipelines.register.files.mapping_file import (
    check_mapping,
    check_mapping_overlaps,
    check_source_systems,
    read_mapping,
)
from lgdp_pipelines.register.files.reference_table_file import DEFINITION, VERSION, read_reference_table
from lgdp_pipelines.register.files.source_file import check_source, read_source
from lgdp_pipelines.register.model.contract import Register, Return
from lgdp_pipelines.register.model.reference_tables import ReferenceTable
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.register.versions.contract_versions import resolve_versions
from lgdp_pipelines.register.versions.version_comparison import (
    check_item_urns,
    check_versions,
    collect_inline_lists,
    group_by_return,
)
from lgdp_pipelines.vocabulary.code_lists import CodeList

_FOLDERS = ("codelists", "councils", "mappings", "reference", "returns", "sources")
_CODE_LIST = re.compile(r"codelists/[^/]+\.yaml")
_CONTRACT = re.compile(r"returns/[^/]+/[^/]+\.(odcs|changes)\.yaml")
_SOURCE = re.compile(r"sources/[^/]+\.yaml")
_MAPPING = re.compile(r"mappings/[^/]+/[^/]+\.yaml")
_YAML_FORMS = (_CODE_LIST, _CONTRACT, _MAPPING, _SOURCE, DEFINITION)


_Value = TypeVar("_Value")
_Identified = TypeVar("_Identified", CodeList, ReferenceTable, Source)


class _Contradictions(list[Contradiction]):
    """The contradictions of the register so far."""

    def take(self, parsed: tuple[_Value, Iterable[Contradiction]]) -> _Value:
        """Return a parsed value, and keep its contradictions."""
        value, contradictions = parsed
        self.extend(contradictions)
        return value


def load_register(root: Path) -> Register:
    """Return a folder's register, or raise all its contradictions at once.

    Raises:
        RegisterError: with every contradiction in it, each with its file, line and remedy.
    """
    root = root.resolve()
    contents = _read_contents(root)
    contradictions = _Contradictions(_check_names(contents))
    texts = contradictions.take(_decode(contents))
    documents = {form: _parse_documents(texts, form, contradictions) for form in _YAML_FORMS}
    councils = contradictions.take(read_councils(texts.get(COUNCILS_FILE, ""), texts.get(SPELLINGS_FILE, "")))
    code_lists = _index([contradictions.take(read_code_list(document)) for document in documents[_CODE_LIST]])
    tables = {
        document.file.split("/")[1]: contradictions.take(read_reference_table(document, contents, councils))
        for document in documents[DEFINITION]
    }
    versions = contradictions.take(resolve_versions(documents[_CONTRACT], contents))
    contracts = [
        read_contract(version.document, root / file, version.sha256) for file, version in sorted(versions.items())
    ]
    for contract in contracts:
        contradictions += (
            contradiction
            for table in contract.tables
            for entry in table.items
            for contradiction in check_derivation(entry, table.table, tables)
        )
        contradictions += check_contract(contract, code_lists)
    inline_lists = contradictions.take(collect_inline_lists(contracts))
    returns = contradictions.take(_make_returns(contracts))
    contradictions += check_cross_return_rules(contracts, returns, tables, councils.by_code)

    code_lists = MappingProxyType(dict(sorted({**code_lists, **inline_lists}.items())))
    readings = [
        contradictions.take(read_mapping(document, hashlib.sha256(contents[document.file]).hexdigest()))
        for document in documents[_MAPPING]
    ]
    mappings = [mapping for mapping in readings if mapping]
    unreadable_systems = {
        document.file.split("/")[1]
        for document, reading in zip(documents[_MAPPING], readings, strict=True)
        if reading is None
    }
    for mapping in mappings:
        contradictions += check_mapping(mapping, councils, returns, code_lists)
    contradictions += check_mapping_overlaps(mappings)

    source_readings = [contradictions.take(read_source(document, councils)) for document in documents[_SOURCE]]
    sources = [source for source in source_readings if source]
    for source in sources:
        contradictions += check_source(source, councils, returns)
        contradictions += check_source_systems(source, mappings, returns, unreadable_systems)
    if contradictions:
        raise RegisterError(tuple(dict.fromkeys(contradictions)))
    return Register(
        root=root,
        councils=councils,
        code_lists=code_lists,
        returns=returns,
        sources=_index([file.source for file in sources]),
        sha256=_fingerprint(contents),
        mappings=tuple(file.mapping for file in mappings),
        reference=_index([table for table in tables.values() if table]),
        files=MappingProxyType(dict(contents)),
    )


def _index(values: Sequence[_Identified]) -> Mapping[str, _Identified]:
    """Return values by id; of two with one id, the first."""
    first_by_id: dict[str, _Identified] = {}
    for value in values:
        first_by_id.setdefault(value.id, value)
    return MappingProxyType(first_by_id)


def _read_contents(root: Path) -> Mapping[str, bytes]:
    """Return the bytes of visible register files by path, without READMEs."""
    paths = (path for folder in _FOLDERS for path in (root / folder).rglob("*") if path.is_file())
    register_paths = (path for path in paths if not path.name.startswith(".") and path.name != "README.md")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(register_paths)}


def _fingerprint(contents: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of all names and contents."""
    digest = hashlib.sha256()
    for name, content in sorted(contents.items()):
        digest.update(f"{name}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _decode(contents: Mapping[str, bytes]) -> tuple[Mapping[str, str], list[Contradiction]]:
    """Return texts by file, with contradictions of non-UTF-8 and missing council files."""
    texts: dict[str, str] = {}
    contradictions = [
        Contradiction(name, 0, "The file is missing or empty.", "Write it; the councils come from it.")
        for name in (COUNCILS_FILE, SPELLINGS_FILE)
        if not contents.get(name)
    ]
    for name, content in contents.items():
        try:
            texts[name] = content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            contradictions.append(Contradiction(name, line, "The file is not UTF-8.", "Save it as UTF-8."))
    return texts, contradictions


def _check_names(contents: Mapping[str, bytes]) -> Iterator[Contradiction]:
    """Yield files with a name that the register does not know."""
    return (
        Contradiction(
            name,
            0,
            "The register does not know a file of this name.",
            "Call it councils/councils.csv, councils/spellings.csv, codelists/<id>.yaml, sources/<id>.yaml, "
            "mappings/<system>/<return>.yaml, reference/<id>/<id>.yaml (and <id>.v<version>.csv beside it) or "
            "returns/<return>/<return>.v<version>.odcs.yaml (or .changes.yaml), or move it out of the register.",
        )
        for name in contents
        if name not in (COUNCILS_FILE, SPELLINGS_FILE)
        and not any(form.fullmatch(name) for form in (*_YAML_FORMS, VERSION))
    )


def _parse_documents(
    texts: Mapping[str, str], form: re.Pattern[str], contradictions: _Contradictions
) -> tuple[YamlNode, ...]:
    """Return readable documents of a form; add YAML errors to contradictions."""
    documents = (contradictions.take(read_yaml(name, text)) for name, text in texts.items() if form.fullmatch(name))
    return tuple(document for document in documents if document.value is not None)


def _make_returns(contracts: Sequence[ContractFile]) -> tuple[Mapping[str, Return], tuple[Contradiction, ...]]:
    """Return returns by code, and contradictions between their versions and names."""
    grouped = group_by_return(contracts)
    returns = {code: Return(code, tuple(file.contract for file in versions)) for code, versions in grouped.items()}
    repeats = find_repeats((data_return.slug, data_return) for data_return in returns.values())
    return MappingProxyType(returns), (
        *(contradiction for versions in grouped.values() for contradiction in check_versions(versions)),
        *check_item_urns(contracts),
        *(
            grouped[data_return.code][0].document.contradiction(
                f"{data_return.code} and {first.code} would have tables of the same name.",
                "Choose another return code.",
            )
            for data_return, first in repeats
        ),
    )
