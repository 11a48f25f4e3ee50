"""Gathering what a judgement was made of, when it is made: by content, so that it can be proved later.

Digests of rows and findings are worked out while the tables are written. What belongs here: naming each thing that a
judgement follows from. What does not: keeping it (``ledger.proving``), and judging again (``reproduce``).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import lgdp_pipelines
from lgdp_pipelines.handover.chunked_frame import Pieces
from lgdp_pipelines.handover.row_digest import Digest, digest_of
from lgdp_pipelines.ledger.judgement_evidence import Evidence, Input, OtherRead, Pinned
from lgdp_pipelines.ledger.ledger_values import HeldAgainst, Receipt, Submission
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.submission_calendar import day_in_scotland
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.workflows.platform import Platform

PACKAGES = (
    "duckdb", "lxml", "pandera", "polars", "pyarrow", "python-calamine", "pyyaml", "sqlglot", "xlrd",
)  # fmt: skip
"""What reads extracts and the register, and what judges; another version of one may come to another result."""


@cache
def package_versions() -> Mapping[str, str]:
    """The versions of :data:`PACKAGES`, and of Python."""
    return {**{name: version(name) for name in PACKAGES}, "python": python_version()}


@cache
def code_sha256() -> str:
    """Of the package's own files as they are installed: path and content of each, in order of path."""
    folder = Path(lgdp_pipelines.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{content}  {file.relative_to(folder).as_posix()}\n".encode())
    return digest.hexdigest()


def digests_of(judgement: ValidationResult) -> tuple[Digest, dict[str, Digest]]:
    """The digest of a judgement's findings, and of each of its validated tables by name."""
    findings = digest_of(Pieces.of(judgement.findings), order_by=None)
    return findings, {name: digest_of(pieces) for name, pieces in sorted(judgement.tables.items())}


def gathered(
    platform: Platform,
    contract: Contract,
    judged: Sequence[tuple[Submission, ValidationResult, Sequence[HeldAgainst]]],
) -> Mapping[str, Evidence]:
    """The evidence of judgements by one contract, by submission; the register is kept as it is on the way.

    Args:
        platform: where everything is.
        contract: that they were judged by.
        judged: each submission with its judgement and what it was held against.

    Raises:
        StorageError: the disk does not take the register's files.
    """
    register_sha256, lists, tables = platform.kept_register, _code_lists(platform.register, contract), _tables(platform)
    found = {}
    for submission, judgement, against in judged:
        receipts = platform.ledger.receipts_of(submission.id)
        findings, digests = digests_of(judgement)
        found[submission.id] = Evidence(
            inputs=tuple(_input(platform.register, contract, receipt) for receipt in receipts),
            received_on=day_in_scotland(max(receipt.received_at for receipt in receipts)),
            register_sha256=register_sha256,
            code_lists=lists,
            reference_tables=tables,
            against=tuple(_other(platform, one) for one in against),
            code_sha256=code_sha256(),
            packages=package_versions(),
            findings=findings,
            tables=digests,
        )
    return found


def _input(register: Register, contract: Contract, receipt: Receipt) -> Input:
    mapping = register.mapping_for(receipt.system, contract.return_code, receipt.council_code, contract)
    return Input(
        receipt=receipt.id,
        sha256=receipt.sha256,
        table=receipt.table or "",
        system=receipt.system,
        mapping_sha256=mapping.sha256 if receipt.system and mapping else "",
        nil=receipt.nil,
    )


def _other(platform: Platform, held: HeldAgainst) -> OtherRead:
    standing = platform.ledger.evidence.standing(held.submission_id) if held.submission_id else None
    proved = standing if standing is not None and standing.evidence is not None else None
    return OtherRead(
        return_code=held.return_code,
        period=held.period,
        submission_id=held.submission_id,
        judgement=proved.judgement if proved else None,
        tables=proved.evidence.tables if proved and proved.evidence else {},
    )


def _code_lists(register: Register, contract: Contract) -> tuple[Pinned, ...]:
    named = {item.code_list for table in contract.tables for item in table.items if item.code_list is not None}
    lists = [register.code_lists[one] for one in sorted(named)]
    return tuple(Pinned(one.id, one.version, _content(one)) for one in lists)


def _content(listed: CodeList) -> str:
    """A code list may have no file of its own, so that what it says is hashed."""
    return hashlib.sha256(json.dumps(asdict(listed), sort_keys=True, default=str).encode()).hexdigest()


def _tables(platform: Platform) -> tuple[Pinned, ...]:
    return tuple(
        Pinned(id_, one.version, one.sha256)
        for id_, table in sorted(platform.register.reference.items())
        for one in table.versions
    )
