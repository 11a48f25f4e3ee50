"""Loading the register: every file of ``schemas/`` into one model, or every contradiction at once.

What belongs here: which files there are and the order in which they lean on each other. What does not: what each kind
of file says (``council_files``, ``codelist_files``, ``reference_files``, ``editions``, ``contracts``, ``versions``,
``mapping_files``, ``source_files``). Nothing is fetched and nothing in a file is run.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from lgdp_pipelines.errors import Contradiction, RegisterError
from lgdp_pipelines.register.checks.contract_checks import check_cross_return_rules, check_derivation
from lgdp_pipelines.register.checks.mapping_checks import (
    check_mapping,
    check_mapping_overlaps,
    check_source_systems,
)
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode, find_repeats, read_yaml
from lgdp_pipelines.register.files.code_list_file import read_code_list
from lgdp_pipelines.register.files.contract_file import ParsedContract, check_contract, read_contract
from lgdp_pipelines.register.files.mapping_file import MappingFile, read_mapping
from lgdp_pipelines.register.files.reference_file import (
    COUNCILS_FILE,
    DEFINITION,
    NAMES_FILE,
    VERSION,
    read_councils,
    read_reference,
)
from lgdp_pipelines.register.files.source_file import check_source, read_source
from lgdp_pipelines.register.model.contract import Register, Return
from lgdp_pipelines.register.model.reference_tables import ReferenceTable
from lgdp_pipelines.register.model.sources import Source
from lgdp_pipelines.register.versions.contract_versions import resolve_versions
from lgdp_pipelines.register.versions.version_checks import (
    check_item_urns,
    check_versions,
    collect_inline_lists,
    group_by_return,
)
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.councils import Councils

_FOLDERS = ("codelists", "councils", "mappings", "reference", "returns", "sources")
_CODE_LIST = re.compile(r"codelists/[^/]+\.yaml")
_CONTRACT = re.compile(r"returns/[^/]+/[^/]+\.(odcs|changes)\.yaml")
_SOURCE = re.compile(r"sources/[^/]+\.yaml")
_MAPPING = re.compile(r"mappings/[^/]+/[^/]+\.yaml")


def load_register(root: Path) -> Register:
    """Return the register in a folder.

    Raises:
        RegisterError: with every contradiction in it, each with its file, line and remedy.
    """
    root = root.resolve()
    contents = _contents(root)
    texts, found = _texts(contents)
    found += _strangers(contents)
    councils, in_councils = read_councils(texts.get(COUNCILS_FILE, ""), texts.get(NAMES_FILE, ""))
    found += in_councils

    code_lists: dict[str, CodeList] = {}
    for document in _documents(texts, _CODE_LIST, found.extend):
        listed, in_list = read_code_list(document)
        found += in_list
        code_lists.setdefault(listed.id, listed)

    reference, in_reference = _reference(_documents(texts, DEFINITION, found.extend), contents, councils)
    found += in_reference
    editions, in_editions = resolve_versions(tuple(_documents(texts, _CONTRACT, found.extend)), contents)
    found += in_editions
    reads = [read_contract(edition.document, root / file, edition.sha256) for file, edition in sorted(editions.items())]
    for read in reads:
        found += (
            contradiction
            for table in read.tables
            for item in table.items
            for contradiction in check_derivation(item, table.table, reference)
        )
        found += check_contract(read, code_lists)
    inline, in_inline = collect_inline_lists(reads)
    returns, in_returns = _returns(reads)
    found += [*in_inline, *in_returns, *check_cross_return_rules(reads, returns, reference, councils.by_code)]

    code_lists = dict(sorted((code_lists | dict(inline)).items()))
    mapped = []
    for document in _documents(texts, _MAPPING, found.extend):
        sha256 = hashlib.sha256(contents[document.file]).hexdigest()
        mapping, in_mapping = read_mapping(document, root / document.file, sha256)
        found += in_mapping
        if mapping:
            found += check_mapping(mapping, councils, returns, code_lists)
            mapped.append(mapping)
    found += check_mapping_overlaps(mapped)

    sources, in_sources = _sources(_documents(texts, _SOURCE, found.extend), councils, returns, mapped)
    found += in_sources
    if found:
        raise RegisterError(tuple(dict.fromkeys(found)))
    return Register(
        root=root,
        councils=councils,
        code_lists=MappingProxyType(code_lists),
        returns=returns,
        sources=sources,
        sha256=_fingerprint(contents),
        mappings=tuple(file.mapping for file in mapped),
        reference=reference,
        files=MappingProxyType(dict(contents)),
    )


def _contents(root: Path) -> Mapping[str, bytes]:
    """Return the bytes of every register file by relative path, in order."""
    paths = (path for folder in _FOLDERS for path in (root / folder).rglob("*") if path.is_file())
    wanted = (path for path in paths if not path.name.startswith(".") and path.name != "README.md")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(wanted)}


def _fingerprint(contents: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(contents.items()):
        digest.update(f"{name}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _texts(contents: Mapping[str, bytes]) -> tuple[Mapping[str, str], list[Contradiction]]:
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


def _strangers(contents: Mapping[str, bytes]) -> Iterator[Contradiction]:
    """Yield files that nothing reads, such as a contract under a wrong name."""
    for name in contents:
        is_read = name in (COUNCILS_FILE, NAMES_FILE) or any(
            form.fullmatch(name) for form in (_CODE_LIST, _CONTRACT, _MAPPING, _SOURCE, DEFINITION, VERSION)
        )
        if not is_read:
            yield Contradiction(
                name,
                0,
                "Nothing reads this file.",
                "Call it councils/councils.csv, councils/names.csv, codelists/<id>.yaml, sources/<id>.yaml, "
                "mappings/<system>/<return>.yaml, reference/<id>/<id>.yaml (and <id>.v<version>.csv beside it) or "
                "returns/<return>/<return>.v<version>.odcs.yaml (or .changes.yaml), or move it out of the register.",
            )


def _documents(
    texts: Mapping[str, str], form: re.Pattern[str], tell: Callable[[Sequence[Contradiction]], None]
) -> Iterator[YamlNode]:
    """Yield the readable documents whose names match a form; report errors in YAML."""
    for name, text in texts.items():
        if form.fullmatch(name):
            document, found = read_yaml(name, text)
            tell(found)
            if document.value is not None:
                yield document


def _reference(
    documents: Iterator[YamlNode], contents: Mapping[str, bytes], councils: Councils
) -> tuple[Mapping[str, ReferenceTable], tuple[Contradiction, ...]]:
    tables: dict[str, ReferenceTable] = {}
    found: list[Contradiction] = []
    for document in documents:
        read = read_reference(document, contents, councils)
        found += read.found
        if read.table:
            tables.setdefault(read.table.id, read.table)
    return MappingProxyType(tables), tuple(found)


def _returns(reads: Sequence[ParsedContract]) -> tuple[Mapping[str, Return], tuple[Contradiction, ...]]:
    grouped = group_by_return(reads)
    found = [contradiction for versions in grouped.values() for contradiction in check_versions(versions)]
    found += check_item_urns(reads)
    returns = {code: Return(code, tuple(read.contract for read in versions)) for code, versions in grouped.items()}
    found += (
        grouped[data_return.code][0].document.contradiction(
            f"{data_return.code} and {owner.code} would have tables of the same name.", "Choose another return code."
        )
        for data_return, owner in find_repeats((data_return.slug, data_return) for data_return in returns.values())
    )
    return MappingProxyType(returns), tuple(found)


def _sources(
    documents: Iterator[YamlNode],
    councils: Councils,
    returns: Mapping[str, Return],
    mapped: Sequence[MappingFile],
) -> tuple[Mapping[str, Source], tuple[Contradiction, ...]]:
    sources: dict[str, Source] = {}
    found: list[Contradiction] = []
    for document in documents:
        file, refusals = read_source(document, councils)
        found += refusals
        if file:
            found += check_source(file, councils, returns)
            found += check_source_systems(file.source, file.node, mapped, returns)
            sources.setdefault(file.source.id, file.source)
    return MappingProxyType(sources), tuple(found)
