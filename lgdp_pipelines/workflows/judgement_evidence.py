"""Evidence of a judgement: the versions and hashes of everything that it was made from.

Belongs here: gathering it when a judgement is made, and the digests that a replay compares. Belongs elsewhere: storing
it (``ledger.judgements``), and judging again from it (``reproduction``).
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import lgdp_pipelines
from lgdp_pipelines.handover.chunked_frame import ChunkedFrame
from lgdp_pipelines.handover.judgement_values import RowDigest
from lgdp_pipelines.handover.row_digest import digest_rows
from lgdp_pipelines.ledger.judgement_records import (
    ComparedRows,
    ComparedSubmission,
    Evidence,
    InputFile,
    PinnedVersion,
)
from lgdp_pipelines.ledger.ledger import Ledger
from lgdp_pipelines.ledger.submission_records import Receipt
from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.submission_calendar import day_in_scotland
from lgdp_pipelines.validation.judge import ValidationResult
from lgdp_pipelines.workflows.platform import Platform
from lgdp_pipelines.workflows.submission_judgement import JudgedSubmission

PACKAGES = (
    "duckdb", "lxml", "pandera", "polars", "pyarrow", "python-calamine", "pyyaml", "sqlglot", "xlrd",
)  # fmt: skip
"""Packages that read extracts and the register, or judge: another version may come to another result."""


@cache
def read_package_versions() -> Mapping[str, str]:
    """Return the versions of :data:`PACKAGES`, and of Python."""
    return {**{name: version(name) for name in PACKAGES}, "python": python_version()}


@cache
def hash_code() -> str:
    """Return the sha256 of the package's installed files, by path and content."""
    folder = Path(lgdp_pipelines.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{content}  {file.relative_to(folder).as_posix()}\n".encode())
    return digest.hexdigest()


def digest_judgement(judgement: ValidationResult) -> tuple[RowDigest, dict[str, RowDigest]]:
    """Return the digests of a judgement's findings and of each validated table."""
    findings = digest_rows(ChunkedFrame.from_frames(judgement.findings), order_by=None)
    return findings, {name: digest_rows(frame) for name, frame in sorted(judgement.tables.items())}


def gather_evidence(
    platform: Platform,
    contract: Contract,
    judged_submissions: Sequence[JudgedSubmission],
    list_compared: Callable[[str], Sequence[ComparedSubmission]],
) -> Mapping[str, Evidence]:
    """Return judgements' evidence by submission; store the register's files.

    Args:
        platform: the opened platform.
        contract: that the submissions were judged by.
        judged_submissions: the submissions.
        list_compared: returns the submissions that a council's submission was compared with.

    Raises:
        StorageError: the disk does not take the register's files.
    """
    register, ledger = platform.register, platform.ledger
    register_sha256, code_lists = platform.register_sha256, _pin_code_lists(register, contract)
    reference_tables = tuple(
        PinnedVersion(id_, version.version, version.sha256)
        for id_, table in sorted(register.reference.items())
        for version in table.versions
    )
    evidence = {}
    for judged_submission in judged_submissions:
        receipts = ledger.submissions.list_receipts(judged_submission.submission.id)
        findings, tables = digest_judgement(judged_submission.judgement)
        evidence[judged_submission.submission.id] = Evidence(
            inputs=tuple(_describe_input(register, contract, receipt) for receipt in receipts),
            received_on=day_in_scotland(max(receipt.received_at for receipt in receipts)),
            register_sha256=register_sha256,
            code_lists=code_lists,
            reference_tables=reference_tables,
            compared_submissions=tuple(
                _describe_compared(ledger, compared)
                for compared in list_compared(judged_submission.submission.council_code)
            ),
            code_sha256=hash_code(),
            packages=read_package_versions(),
            findings=findings,
            tables=tables,
        )
    return evidence


def _describe_input(register: Register, contract: Contract, receipt: Receipt) -> InputFile:
    """Return a receipt as evidence, with the mapping that reads it."""
    mapping = register.mapping_for(receipt.system, receipt.council_code, contract)
    return InputFile(
        receipt=receipt.id,
        sha256=receipt.sha256,
        table=receipt.table or "",
        system=receipt.system,
        mapping_sha256=mapping.sha256 if receipt.system and mapping else "",
        nil=receipt.nil,
    )


def _describe_compared(ledger: Ledger, compared: ComparedSubmission) -> ComparedRows:
    """Return a compared submission with its accepted tables' digests, if evidence exists."""
    accepting_judgement = ledger.judgements.find_accepting(compared.submission_id) if compared.submission_id else None
    evidence = accepting_judgement.evidence if accepting_judgement else None
    return ComparedRows(
        return_code=compared.return_code,
        period=compared.period,
        submission_id=compared.submission_id,
        judgement_number=accepting_judgement.number if accepting_judgement and evidence else None,
        tables=evidence.tables if evidence else {},
    )


def _pin_code_lists(register: Register, contract: Contract) -> tuple[PinnedVersion, ...]:
    """Return the versions and content hashes of the contract's code lists.

    The content itself is hashed, as a code list may have no file of its own.
    """
    ids = {item.code_list for table in contract.tables for item in table.items if item.code_list is not None}
    code_lists = [register.code_lists[id_] for id_ in sorted(ids)]
    contents = [json.dumps(asdict(code_list), sort_keys=True, default=str).encode() for code_list in code_lists]
    return tuple(
        PinnedVersion(code_list.id, code_list.version, hashlib.sha256(content).hexdigest())
        for code_list, content in zip(code_lists, contents, strict=True)
    )
