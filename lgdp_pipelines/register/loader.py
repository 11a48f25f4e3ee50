"""Loading the register: every file of ``schemas/`` into one model, or every contradiction at once.

Belongs here: which files there are and the order in which they lean on each other. Belongs elsewhere: what each kind of
file says (``files``), contradictions between files (``checks``) and between versions (``versions``). Nothing is fetched
and nothing in a file is run.
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
from lgdp_pipelines.register.files.contract_file import ParsedContract, check_contract, read_contract
from lgdp_pipelines.register.files.mapping_file import (
    check_mapping,
    check_mapping_overlaps,
    check_source_systems,
    read_mapping,
)
from lgdp_pipelines.register.files.reference_file import (
    COUNCILS_FILE,
    DEFINITION,
    NAMES_FILE,
    VERSION,
    read_code_list,
    read_councils,
    read_reference,
)
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
    """Return the register in a folder.

    Raises:
        RegisterError: with every contradiction in it, each with its file, line and remedy.
    """
    root = root.resolve()
    contents = _read_contents(root)
    contradictions = _Contradictions(_check_names(contents))
    texts = contradictions.take(_decode(contents))
    documents = {form: _parse_documents(texts, form, contradictions) for form in _YAML_FORMS}
    councils = contradictions.take(read_councils(texts.get(COUNCILS_FILE, ""), texts.get(NAMES_FILE, "")))
    code_lists = _index([contradictions.take(read_code_list(document)) for document in documents[_CODE_LIST]])
    reference = _index(
        [
            table
            for document in documents[DEFINITION]
            if (table := contradictions.take(read_reference(document, contents, councils)))
        ]
    )
    editions = contradictions.take(resolve_versions(documents[_CONTRACT], contents))
    reads = [read_contract(edition.document, root / file, edition.sha256) for file, edition in sorted(editions.items())]
    for read in reads:
        contradictions += (
            contradiction
            for table in read.tables
            for item in table.items
            for contradiction in check_derivation(item, table.table, reference)
        )
        contradictions += check_contract(read, code_lists)
    inline = contradictions.take(collect_inline_lists(reads))
    returns = contradictions.take(_returns(reads))
    contradictions += check_cross_return_rules(reads, returns, reference, councils.by_code)

    code_lists = MappingProxyType(dict(sorted({**code_lists, **inline}.items())))
    mapped = [
        file
        for document in documents[_MAPPING]
        if (file := contradictions.take(read_mapping(document, hashlib.sha256(contents[document.file]).hexdigest())))
    ]
    for file in mapped:
        contradictions += check_mapping(file, councils, returns, code_lists)
    contradictions += check_mapping_overlaps(mapped)

    source_files = [
        parsed for document in documents[_SOURCE] if (parsed := contradictions.take(read_source(document, councils)))
    ]
    for source in source_files:
        contradictions += check_source(source, councils, returns)
        contradictions += check_source_systems(source, mapped, returns)
    if contradictions:
        raise RegisterError(tuple(dict.fromkeys(contradictions)))
    return Register(
        root=root,
        councils=councils,
        code_lists=code_lists,
        returns=returns,
        sources=_index([file.source for file in source_files]),
        sha256=_fingerprint(contents),
        mappings=tuple(file.mapping for file in mapped),
        reference=reference,
        files=MappingProxyType(dict(contents)),
    )


def _index(values: Sequence[_Identified]) -> Mapping[str, _Identified]:
    """Return values by id; of two with one id, the first."""
    first_by_id: dict[str, _Identified] = {}
    for value in values:
        first_by_id.setdefault(value.id, value)
    return MappingProxyType(first_by_id)


def _read_contents(root: Path) -> Mapping[str, bytes]:
    """Return the bytes of every register file by relative path, in order."""
    paths = (path for folder in _FOLDERS for path in (root / folder).rglob("*") if path.is_file())
    register_paths = (path for path in paths if not path.name.startswith(".") and path.name != "README.md")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(register_paths)}


def _fingerprint(contents: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(contents.items()):
        digest.update(f"{name}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _decode(contents: Mapping[str, bytes]) -> tuple[Mapping[str, str], list[Contradiction]]:
    texts: dict[str, str] = {}
    found: list[Contradiction] = []
    for name, content in contents.items():
        try:
            texts[name] = content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            found.append(Contradiction(name, line, "The file is not UTF-8.", "Save it as UTF-8."))
    missing = (name for name in (COUNCILS_FILE, NAMES_FILE) if name not in contents)
    found += (
        Contradiction(name, 0, "The file is not there.", "Write it; the councils come from it.") for name in missing
    )
    return texts, found


def _check_names(contents: Mapping[str, bytes]) -> Iterator[Contradiction]:
    """Yield files that nothing reads, such as a contract under a wrong name."""
    return (
        Contradiction(
            name,
            0,
            "Nothing reads this file.",
            "Call it councils/councils.csv, councils/names.csv, codelists/<id>.yaml, sources/<id>.yaml, "
            "mappings/<system>/<return>.yaml, reference/<id>/<id>.yaml (and <id>.v<version>.csv beside it) or "
            "returns/<return>/<return>.v<version>.odcs.yaml (or .changes.yaml), or move it out of the register.",
        )
        for name in contents
        if name not in (COUNCILS_FILE, NAMES_FILE) and not any(form.fullmatch(name) for form in (*_YAML_FORMS, VERSION))
    )


def _parse_documents(texts: Mapping[str, str], form: re.Pattern[str], found: _Contradictions) -> tuple[YamlNode, ...]:
    """Return the readable documents whose names match a form; keep errors in YAML."""
    documents = (found.take(read_yaml(name, text)) for name, text in texts.items() if form.fullmatch(name))
    return tuple(document for document in documents if document.value is not None)


def _returns(reads: Sequence[ParsedContract]) -> tuple[Mapping[str, Return], tuple[Contradiction, ...]]:
    grouped = group_by_return(reads)
    contradictions = [contradiction for versions in grouped.values() for contradiction in check_versions(versions)]
    contradictions += check_item_urns(reads)
    returns = {code: Return(code, tuple(read.contract for read in versions)) for code, versions in grouped.items()}
    contradictions += (
        grouped[data_return.code][0].document.contradiction(
            f"{data_return.code} and {owner.code} would have tables of the same name.", "Choose another return code."
        )
        for data_return, owner in find_repeats((data_return.slug, data_return) for data_return in returns.values())
    )
    return MappingProxyType(returns), tuple(contradictions)
