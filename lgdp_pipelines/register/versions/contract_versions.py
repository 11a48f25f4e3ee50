"""Every version of every return as a whole contract, whether it is written in full or told by its differences.

What belongs here: which file is whose base, and the fingerprint of a version: of its file and of every file that it
rests on. What does not: making one change (``expansion``), and what a contract says (``contracts``).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.versions.change_expansion import expand_changes
from lgdp_pipelines.register.versions.change_file import Change, ChangeFile, check_change_file, read_changes

CONTRACT_ENDING, CHANGES_ENDING = ".odcs.yaml", ".changes.yaml"
"""How the names of the two kinds of file end."""

_FILE = re.compile(r"(returns/[^/]+/[^/]+\.v)([^/]+?)(\.odcs\.yaml|\.changes\.yaml)")


@dataclass(frozen=True)
class ContractVersion:
    """A version as a whole contract.

    Attributes:
        document: the whole contract, each value with the file and line it comes from.
        sha256: of the file's bytes, and of those of its base where it has one.
        base: version that it is told as a difference from; empty where it is written in full.
        changes: from its base, in order; none where it is written in full.
    """

    document: YamlNode
    sha256: str
    base: str = ""
    changes: tuple[Change, ...] = ()


def resolve_versions(
    documents: Sequence[YamlNode], contents: Mapping[str, bytes]
) -> tuple[Mapping[str, ContractVersion], tuple[Contradiction, ...]]:
    """Each version by its file, and what keeps the others from being whole.

    Args:
        documents: contracts and changes files.
        contents: bytes by file.
    """
    integer = {
        one.file: ContractVersion(one, hashlib.sha256(contents[one.file]).hexdigest())
        for one in documents
        if one.file.endswith(CONTRACT_ENDING)
    }
    told = {one.file: read_changes(one) for one in documents if one.file.endswith(CHANGES_ENDING)}
    found = [contradiction for read in told.values() for contradiction in check_change_file(read)]
    misshapen = {one.file for one in found}
    bases = {file: _base_of(file, read, {*integer, *told}) for file, read in told.items()}
    for file, read in told.items():
        found += _base_contradictions(file, read, bases, {*integer, *told})
    waiting = {file: read for file, read in told.items() if file not in misshapen}
    while ready := [file for file in waiting if bases[file] in integer]:
        for file in ready:
            read, base = waiting.pop(file), integer[bases[file]]
            document, contradictions = expand_changes(base.document, read)
            found += contradictions
            if not contradictions:
                digest = hashlib.sha256(f"{base.sha256}\n".encode() + contents[file]).hexdigest()
                integer[file] = ContractVersion(document, digest, read.base, read.changes)
    return integer, tuple(found)


def _base_of(file: str, read: ChangeFile, files: set[str]) -> str:
    """The file of a base; empty where there is none."""
    named = _FILE.fullmatch(file)
    candidates = (f"{named[1]}{read.base}{ending}" for ending in (CONTRACT_ENDING, CHANGES_ENDING)) if named else ()
    return next((one for one in candidates if one in files), "")


def _base_contradictions(
    file: str, read: ChangeFile, bases: Mapping[str, str], files: set[str]
) -> tuple[Contradiction, ...]:
    place = read.document.at("base")
    if not read.base:
        return ()
    if not bases[file]:
        folder = file.rpartition("/")[0]
        others = {_version(one) for one in files if one.startswith(f"{folder}/") and one != file}
        remedy = suggest(read.base, others) if others else "Write the base in full beside this file."
        return (place.contradiction(f"The base {read.base} is not there.", remedy),)
    chain = [file]
    while (base := bases.get(chain[-1], "")) and base not in chain:
        chain.append(base)
    if base == file:
        steps = " → ".join(_version(one) for one in (*chain, file))
        return (place.contradiction(f"The base leads back to the version itself: {steps}.", "Name an earlier base."),)
    return ()


def _version(file: str) -> str:
    found = _FILE.fullmatch(file)
    return found[2] if found else file
