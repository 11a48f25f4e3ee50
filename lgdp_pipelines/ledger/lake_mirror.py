"""The ledger's copy in the lake, so that it can be asked in SQL beside the data.

What belongs here: the shape of the copy. What does not: anything that reads it back; the database is the ledger, and
this is never written from. Rule results are those of each submission's latest judgement, as the findings are. Who
withdrew a submission is left out: analysts need no names.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import sqlalchemy as sa

from lgdp_pipelines.ledger.database import Database
from lgdp_pipelines.ledger.mirror_tables import (
    CODES,
    COPIES,
    NUMBER,
    QUESTIONS,
    RETURN,
    SUBMISSION_ID,
    TEXT,
    TIME,
    copied,
)
from lgdp_pipelines.ledger.schema import (
    EVIDENCE,
    JUDGED_AGAINST,
    JUDGEMENT,
    RECEIPT,
    RELEASE,
    RELEASE_SUBMISSION,
    RULE_RESULT,
    SUBMISSION,
    WITHDRAWAL,
)
from lgdp_pipelines.storage.lake import Lake
from lgdp_pipelines.storage.lake_tables import LakeTable

TABLES = (
    copied(
        "receipt",
        "One extract received, and what has become of it.",
        {
            **RETURN,
            "id": (NUMBER, "Number in order of arrival."),
            "received_at": (TIME, "When it came."),
            "state": (TEXT, "waiting, unrecognised, duplicate or part."),
            "council_code": (TEXT, "Register code of the council whose account it came by."),
            "period": (TEXT, "Period id; null where nobody can tell which."),
            "table_name": (TEXT, "Its table, where a submission has a file for each."),
            "file_name": (TEXT, "As the council called it."),
            "size": (NUMBER, "In bytes."),
            "sha256": (TEXT, "Of its bytes."),
            "transport": (TEXT, "How it came: sftp, api or hand."),
            "source": (TEXT, "Where it came from."),
            "account": (TEXT, "Account there."),
            "path": (TEXT, "Path in the account, or request."),
            "modified": (TIME, "When the source says that it last changed."),
            "etag": (TEXT, "Mark that the source gave."),
            "reason": (TEXT, "Why nobody can tell what it answers; empty otherwise."),
            **SUBMISSION_ID,
            "duplicate_of": (NUMBER, "The receipt whose bytes it repeats."),
            "system": (TEXT, "Back-office system whose export it is; empty: in the contract's manner."),
            "nil": (pa.bool_(), "Whether the council says that it has nothing to report."),
        },
    ),
    copied(
        "submission",
        "What answers a return for a council and period, and what has become of it.",
        {
            **RETURN,
            "id": (TEXT, "Return, council, period and number."),
            "council_code": (TEXT, "Register code of the council."),
            "period": (TEXT, "Period id."),
            "number": (NUMBER, "In the sequence of its return, council and period."),
            "state": (TEXT, "judging, rejected, current, superseded or withdrawn."),
            "opened_at": (TIME, "When it was opened."),
            "received_at": (TIME, "When the last of its files came."),
        },
    ),
    copied(
        "withdrawal",
        "That a council took a submission back.",
        {
            **RETURN,
            **SUBMISSION_ID,
            "withdrawn_at": (TIME, "When."),
            "reason": (TEXT, "In the council's words."),
            "finished_at": (TIME, "When its rows were out of the validated slices; null where nobody knows yet."),
        },
    ),
    copied(
        "judged_against",
        "Which other submissions of its council a submission was last held against.",
        {
            **RETURN,
            **SUBMISSION_ID,
            "against_return_code": (TEXT, "The return that it was held against: its own, or another."),
            "period": (TEXT, "The period of it; of its own return an earlier one."),
            "against_id": (TEXT, "The submission there; null where none was current."),
        },
    ),
    copied(
        "judgement",
        "One judging of a submission.",
        {
            **RETURN,
            **SUBMISSION_ID,
            "number": (NUMBER, "In the sequence of the submission's judgements."),
            "verdict": (TEXT, "accepted, queried or rejected."),
            "contract_version": (TEXT, "Version of the contract that it was judged by."),
            "contract_sha256": (TEXT, "Of the contract's file."),
            "code_version": (TEXT, "The code that judged."),
            "rows": (NUMBER, "Rows over all tables."),
            "errors": (NUMBER, "Findings of severity error."),
            "queries": (NUMBER, "Findings of severity query."),
            "known_issues": (NUMBER, "Findings of severity known issue."),
            "run_id": (TEXT, "The run that judged."),
            "judged_at": (TIME, "When."),
        },
    ),
    copied(
        "evidence",
        "What a judgement was made of, by content, and what it came to.",
        {
            **RETURN,
            **SUBMISSION_ID,
            "judgement": (NUMBER, "Number of the judgement."),
            "received_on": (pa.date32(), "The day, in Scotland, on which the last byte came."),
            "register_sha256": (TEXT, "Of the list of the register's files, each with its sha256."),
            "code_sha256": (TEXT, "Of the platform's own code."),
            "findings_sha256": (TEXT, "Of the findings."),
            "findings": (NUMBER, "How many findings are listed."),
            "inputs": (TEXT, "The files read, as JSON: receipt, sha256, table, system, sha256 of the mapping."),
            "code_lists": (TEXT, "Code lists of the contract, as JSON: id, version, sha256."),
            "reference_tables": (TEXT, "Reference tables, as JSON: id, version, sha256."),
            "against": (TEXT, "Other submissions that were read, as JSON, with the digests of their rows."),
            "packages": (TEXT, "Version of each package that can influence a result, as a JSON object."),
            "tables": (TEXT, "Digest and number of the validated rows, by table, as a JSON object."),
        },
    ),
    copied(
        "rule_result",
        "What became of a rule in the latest judgement of a submission.",
        {
            **RETURN,
            **SUBMISSION_ID,
            "judgement": (NUMBER, "Number of the judgement."),
            "rule": (TEXT, "Stable id of the rule."),
            "severity": (TEXT, "error, query or known_issue."),
            "result": (TEXT, "passed, failed or not_run."),
            "failed": (NUMBER, "At how many places it was broken."),
            "reason": (TEXT, "Why it was not run; empty otherwise."),
        },
    ),
    copied(
        "release",
        "A published version of a return's period.",
        {
            **RETURN,
            "period": (TEXT, "Period id."),
            "number": (NUMBER, "In the sequence of the period's releases."),
            "sha256": (TEXT, "Of what it was made from: submissions and model."),
            "model_sha256": (TEXT, "Of the models that made it."),
            "versions": (TEXT, "Delta version of each published table, as a JSON object."),
            "run_id": (TEXT, "The run that made it."),
            "released_at": (TIME, "When."),
        },
    ),
    copied(
        "release_submission",
        "A submission that a release holds.",
        {
            **RETURN,
            "period": (TEXT, "Period id."),
            "number": (NUMBER, "Number of the release."),
            "council_code": (TEXT, "Register code of the council."),
            **SUBMISSION_ID,
        },
    ),
    *COPIES,
)
"""All tables of the copy, partitioned by ``return_code``."""

RULE_RESULT_COPY = next(table for table in TABLES if table.name == "rule_result")


@dataclass
class Copied:
    """What one process has seen to stand in the copy, so that it need not look again where the ledger has not moved.

    Attributes:
        digests: of the rows that were found or put there last, by table name and return code.
    """

    digests: dict[tuple[str, str | None], str] = field(default_factory=dict)


def write(database: Database, lake: Lake, return_code: str, seen: Copied, tables: Sequence[LakeTable] = TABLES) -> None:
    """Copy tables' rows of a return, and the receipts that answer none, where the copy does not say the same.

    The ledger is asked again whenever another writer came between, so that an older copy never covers a newer one.
    """
    for table in tables:
        for asked in (return_code, None) if table.name == "receipt" else (return_code,):
            rows = _rows(database, table, asked)
            digest = hashlib.sha256(repr(rows.to_pylist()).encode()).hexdigest()
            place = (table.name, asked)
            if seen.digests.get(place) == digest:
                continue
            if place in seen.digests or not _is_copied(lake, table, asked, rows):
                lake.replace(
                    table,
                    lambda table=table, asked=asked: _rows(database, table, asked),  # type: ignore[misc] # bound per round
                    where={"return_code": asked},
                    commit={"mirror": "ledger"},
                )
            seen.digests[place] = digest


def _is_copied(lake: Lake, table: LakeTable, return_code: str | None, rows: pa.Table) -> bool:
    if not lake.exists(table) or not set(table.arrow_schema.names) <= set(lake.schema(table).names):
        return False
    order = [(name, "ascending") for name in table.arrow_schema.names]
    copy = lake.read(table, {"return_code": return_code}, table.arrow_schema.names).to_arrow().cast(table.arrow_schema)
    return bool(copy.sort_by(order).equals(rows.sort_by(order)))


def _rows(database: Database, table: LakeTable, return_code: str | None) -> pa.Table:
    with database.reading() as connection:
        found = [dict(row) for row in connection.execute(_question(table.name, return_code)).mappings()]
    return pa.Table.from_pylist(found, schema=table.arrow_schema)


def _question(name: str, return_code: str | None) -> sa.Select[tuple[object, ...]]:
    """The rows of one table, with the return's code on each."""
    return _QUESTIONS[name].where(_CODES[name].is_not_distinct_from(return_code))


_LATEST = (
    sa.select(JUDGEMENT.c.submission_id, sa.func.max(JUDGEMENT.c.number).label("number"))
    .group_by(JUDGEMENT.c.submission_id)
    .subquery("latest")
)

_JUDGED = JUDGEMENT.join(SUBMISSION, SUBMISSION.c.id == JUDGEMENT.c.submission_id)

_QUESTIONS: Mapping[str, sa.Select[tuple[object, ...]]] = {
    **QUESTIONS,
    "receipt": sa.select(RECEIPT).order_by(RECEIPT.c.id),
    "submission": sa.select(SUBMISSION).order_by(SUBMISSION.c.id),
    "withdrawal": sa.select(
        SUBMISSION.c.return_code, *(column for column in WITHDRAWAL.c if column.name != "withdrawn_by")
    )
    .join_from(WITHDRAWAL, SUBMISSION, SUBMISSION.c.id == WITHDRAWAL.c.submission_id)
    .order_by(WITHDRAWAL.c.submission_id),
    "judged_against": sa.select(
        SUBMISSION.c.return_code,
        JUDGED_AGAINST.c.submission_id,
        JUDGED_AGAINST.c.return_code.label("against_return_code"),
        JUDGED_AGAINST.c.period,
        JUDGED_AGAINST.c.against_id,
    )
    .join_from(JUDGED_AGAINST, SUBMISSION, SUBMISSION.c.id == JUDGED_AGAINST.c.submission_id)
    .order_by(JUDGED_AGAINST.c.submission_id, JUDGED_AGAINST.c.return_code, JUDGED_AGAINST.c.period),
    "judgement": sa.select(SUBMISSION.c.return_code, *(column for column in JUDGEMENT.c if column.name != "id"))
    .select_from(_JUDGED)
    .order_by(JUDGEMENT.c.id),
    "evidence": sa.select(
        SUBMISSION.c.return_code,
        JUDGEMENT.c.submission_id,
        JUDGEMENT.c.number.label("judgement"),
        *(
            sa.cast(column, sa.Text).label(column.name) if isinstance(column.type, sa.JSON) else column
            for column in EVIDENCE.c
            if column.name != "judgement_id"
        ),
    )
    .select_from(_JUDGED.join(EVIDENCE, EVIDENCE.c.judgement_id == JUDGEMENT.c.id))
    .order_by(JUDGEMENT.c.id),
    "rule_result": sa.select(
        SUBMISSION.c.return_code,
        JUDGEMENT.c.submission_id,
        JUDGEMENT.c.number.label("judgement"),
        *(column for column in RULE_RESULT.c if column.name != "judgement_id"),
    )
    .select_from(
        _JUDGED.join(RULE_RESULT, RULE_RESULT.c.judgement_id == JUDGEMENT.c.id).join(
            _LATEST,
            sa.and_(_LATEST.c.submission_id == JUDGEMENT.c.submission_id, _LATEST.c.number == JUDGEMENT.c.number),
        )
    )
    .order_by(JUDGEMENT.c.id, RULE_RESULT.c.rule),
    "release": sa.select(
        *(column for column in RELEASE.c if column.name not in {"id", "versions"}),
        sa.cast(RELEASE.c.versions, sa.Text).label("versions"),
    ).order_by(RELEASE.c.id),
    "release_submission": sa.select(
        RELEASE.c.return_code,
        RELEASE.c.period,
        RELEASE.c.number,
        SUBMISSION.c.council_code,
        RELEASE_SUBMISSION.c.submission_id,
    )
    .select_from(
        RELEASE.join(RELEASE_SUBMISSION, RELEASE_SUBMISSION.c.release_id == RELEASE.c.id).join(
            SUBMISSION, SUBMISSION.c.id == RELEASE_SUBMISSION.c.submission_id
        )
    )
    .order_by(RELEASE.c.id, SUBMISSION.c.council_code),
}

_CODES: Mapping[str, sa.ColumnElement[str | None]] = {
    **CODES,
    "receipt": RECEIPT.c.return_code,
    "release": RELEASE.c.return_code,
    "release_submission": RELEASE.c.return_code,
    **dict.fromkeys(
        ("submission", "withdrawal", "judged_against", "judgement", "evidence", "rule_result"),
        SUBMISSION.c.return_code,
    ),
}
