"""Every version of every return as a whole contract, whether it is written in full or by its changes.

Belongs here: which file has which base, and the fingerprint of a version: of its file and of every file that it rests
on. Belongs elsewhere: making one change (``change_expansion``), and what a contract says (``files.contract_file``).
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode, suggest
from lgdp_pipelines.register.versions.change_expansion import (
    Change,
    ChangeFile,
    expand_changes,
    read_changes,
)

CONTRACT_ENDING, CHANGES_ENDING = ".odcs.yaml", ".changes.yaml"
"""Endings of the names of files that write a version in full, and by its changes."""

_FILE = re.compile(r"(returns/[^/]+/[^/]+\.v)([^/]+?)(\.odcs\.yaml|\.changes\.yaml)")


@dataclass(frozen=True)
class ContractVersion:
    """A version of a return as a whole contract.

    Attributes:
        document: the whole contract, each value with the file and line that it comes from.
        sha256: of the file's bytes, and of those of its base where it has one.
        base: version that its changes start from; empty where it is written in full.
        changes: its changes, in order; none where it is written in full.
    """

    document: YamlNode
    sha256: str
    base: str = ""
    changes: tuple[Change, ...] = ()


def resolve_versions(
    documents: Sequence[YamlNode], contents: Mapping[str, bytes]
) -> tuple[Mapping[str, ContractVersion], tuple[Contradiction, ...]]:
    """Return the complete versions by file, and the contradictions of the others.

    Args:
        documents: root nodes of contracts and changes files.
        contents: bytes by file.
    """
    complete = {
        document.file: ContractVersion(document, hashlib.sha256(contents[document.file]).hexdigest())
        for document in documents
        if document.file.endswith(CONTRACT_ENDING)
    }
    changed = {
        document.file: read_changes(document) for document in documents if document.file.endswith(CHANGES_ENDING)
    }
    contradictions = [contradiction for read in changed.values() for contradiction in read.contradictions]
    malformed = {contradiction.file for contradiction in contradictions}
    files = {*complete, *changed}
    bases = {file: _base_file(file, read, files) for file, read in changed.items()}
    for file, read in changed.items():
        contradictions += _check_base(file, read, bases, files)
    waiting = {file: read for file, read in changed.items() if file not in malformed}
    while ready := [file for file in waiting if bases[file] in complete]:
        for file in ready:
            read, base = waiting.pop(file), complete[bases[file]]
            document, change_contradictions = expand_changes(base.document, read)
            contradictions += change_contradictions
            if not change_contradictions:
                digest = hashlib.sha256(f"{base.sha256}\n".encode() + contents[file]).hexdigest()
                complete[file] = ContractVersion(document, digest, read.base, read.changes)
    return complete, tuple(contradictions)


def _base_file(file: str, read: ChangeFile, files: set[str]) -> str:
    """Return the file of a base; empty where there is none."""
    name = _FILE.fullmatch(file)
    candidates = (f"{name[1]}{read.base}{ending}" for ending in (CONTRACT_ENDING, CHANGES_ENDING)) if name else ()
    return next((candidate for candidate in candidates if candidate in files), "")


def _check_base(file: str, read: ChangeFile, bases: Mapping[str, str], files: set[str]) -> Iterator[Contradiction]:
    node = read.document.at("base")
    if not read.base:
        return
    if not bases[file]:
        folder = file.rpartition("/")[0]
        other_versions = {_version(other) for other in files if other.startswith(f"{folder}/") and other != file}
        remedy = suggest(read.base, other_versions) if other_versions else "Write the base in full beside this file."
        yield node.contradiction(f"The base {read.base} is not there.", remedy)
        return
    chain = [file]
    while (base := bases.get(chain[-1], "")) and base not in chain:
        chain.append(base)
    if base == file:
        steps = " → ".join(_version(link) for link in (*chain, file))
        yield node.contradiction(f"The base leads back to the version itself: {steps}.", "Name an earlier base.")


def _version(file: str) -> str:
    name = _FILE.fullmatch(file)
    return name[2] if name else file
