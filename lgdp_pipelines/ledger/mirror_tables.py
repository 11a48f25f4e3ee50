"""The shape of a table in the ledger's copy, and the copies of what is asked, noted and repaired.

What people say is for the council and the recipients, so the words of answers and the names of those who gave them are
left out of the copy; a known issue is for everybody, and its words are there. What belongs here: shapes, and the
questions that fill them. What does not: copying (``mirror``), and the other tables of the copy.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from lgdp_pipelines.ledger.query_schema import KNOWN_ISSUE, QUERY, QUERY_EVENT, REPAIR
from lgdp_pipelines.ledger.rule_effectiveness import ending, standing_code, times_sent_back
from lgdp_pipelines.ledger.schema import JUDGEMENT, SUBMISSION
from lgdp_pipelines.storage.lake_tables import LakeTable

TIME = pa.timestamp("us", "UTC")
TEXT, NUMBER = pa.string(), pa.int64()

RETURN = {"return_code": (TEXT, "The return; null where nobody can tell which.")}
SUBMISSION_ID = {"submission_id": (TEXT, "The submission.")}
_PLACE = {
    **RETURN,
    "council_code": (TEXT, "Register code of the council."),
    "period": (TEXT, "Period id."),
}

_UNOPENED = frozenset({"file_name", "path", "account", "etag", "reason", "words", "source"})
"""Text of somebody's own making: kept out of the log's statistics."""


def copied(name: str, description: str, columns: Mapping[str, tuple[pa.DataType, str]]) -> LakeTable:
    """A table of the copy.

    Args:
        name: as in the ledger.
        description: what a row is.
        columns: type and comment by name; ``return_code`` among them.
    """
    return LakeTable(
        "ledger",
        name,
        pa.schema([(column, kind) for column, (kind, _) in columns.items()]),
        ("return_code",),
        tuple(column for column in columns if column not in _UNOPENED),
        description,
        MappingProxyType({column: comment for column, (_, comment) in columns.items()}),
    )


QUERY_COPY = copied(
    "query",
    "Something unlikely that a council must confirm or explain: one rule, at one scope, for one period.",
    {
        **RETURN,
        "submission_id": (TEXT, "The submission that shows it, or showed it last."),
        "rule": (TEXT, "Stable id of the rule."),
        "state": (TEXT, "open, answered, accepted or expired."),
        "failed": (NUMBER, "At how many places the rule is broken, or last was."),
        "opened_at": (TIME, "When it was first opened."),
        "expired_at": (TIME, "When it expired; null where it has not."),
        "id": (TEXT, "Return, council, period and number: the same for as long as the question is the same."),
        "council_code": _PLACE["council_code"],
        "period": _PLACE["period"],
        "number": (NUMBER, "In the sequence of its return, council and period."),
        "scope": (TEXT, "Codes of the part of the table that is meant; empty where all of it is."),
        "answer_code": (TEXT, "Code of the answer that stands; null where there is none."),
        "ending": (TEXT, "Why it expired last: corrected, judged_again or withdrawn; null where it never has."),
        "sent_back": (NUMBER, "How often an answer was sent back."),
    },
)
QUERY_EVENT_COPY = copied(
    "query_event",
    "One step in the life of a query; what was said, and by whom, is for the council and the recipients.",
    {
        **RETURN,
        "number": (NUMBER, "In order of time."),
        "query_id": (TEXT, "The query."),
        "at": (TIME, "When."),
        "step": (TEXT, "opened, answered, accepted, sent_back, changed, expired or reopened."),
        "submission_id": (TEXT, "The submission that stood then."),
        "failed": (NUMBER, "At how many places the rule was broken then."),
        "code": (TEXT, "Of an answer, or why it expired; empty otherwise."),
        "origin": (TEXT, "The query whose answer was taken over, such as last year's; null otherwise."),
    },
)
KNOWN_ISSUE_COPY = copied(
    "known_issue",
    "A note on figures of a council and period, for everybody who uses them.",
    {
        **_PLACE,
        "number": (NUMBER, "Of the known issue."),
        "item": (TEXT, "URN of the data item; empty where the return as a whole is meant."),
        "words": (TEXT, "What users of the figures should know."),
        "role": (TEXT, "In which role it was put."),
        "source": (TEXT, "Where it was read; empty where it is the person's own."),
        "put_at": (TIME, "When it was put."),
        "lifted_at": (TIME, "Since when it no longer shows; null where it does."),
    },
)
REPAIR_COPY = copied(
    "repair",
    "Cells of an item that were made canonical in the latest judgement of a submission.",
    {
        **RETURN,
        **SUBMISSION_ID,
        "judgement": (NUMBER, "Number of the judgement."),
        "table_name": (TEXT, "Table of the return."),
        "item": (TEXT, "Name of the data item in its table."),
        "kind": (TEXT, "Kind of repair."),
        "cells": (NUMBER, "How many cells."),
    },
)
COPIES = (QUERY_COPY, QUERY_EVENT_COPY, KNOWN_ISSUE_COPY, REPAIR_COPY)

_LATEST = (
    sa.select(JUDGEMENT.c.submission_id, sa.func.max(JUDGEMENT.c.number).label("number"))
    .group_by(JUDGEMENT.c.submission_id)
    .subquery("latest_judgement")
)

QUESTIONS: Mapping[str, sa.Select[Any]] = {
    "query": sa.select(
        *(column for column in QUERY.c if column.name != "fingerprint"),
        standing_code().label("answer_code"),
        ending().label("ending"),
        times_sent_back().label("sent_back"),
    ).order_by(QUERY.c.id),
    "query_event": sa.select(
        QUERY.c.return_code,
        QUERY_EVENT.c.id.label("number"),
        *(column for column in QUERY_EVENT.c if column.name not in {"id", "by", "words"}),
    )
    .join_from(QUERY_EVENT, QUERY, QUERY.c.id == QUERY_EVENT.c.query_id)
    .order_by(QUERY_EVENT.c.id),
    "known_issue": sa.select(
        KNOWN_ISSUE.c.item_urn.label("item"),
        *(column for column in KNOWN_ISSUE.c if column.name not in {"item_urn", "by", "lifted_by", "lift_reason"}),
    ).order_by(KNOWN_ISSUE.c.number),
    "repair": sa.select(SUBMISSION.c.return_code, *REPAIR.c)
    .join_from(REPAIR, SUBMISSION, SUBMISSION.c.id == REPAIR.c.submission_id)
    .join(
        _LATEST,
        sa.and_(_LATEST.c.submission_id == REPAIR.c.submission_id, _LATEST.c.number == REPAIR.c.judgement),
    )
    .order_by(*REPAIR.primary_key.columns),
}
"""The rows of each copy."""

CODES: Mapping[str, sa.ColumnElement[str | None]] = {
    "query": QUERY.c.return_code,
    "query_event": QUERY.c.return_code,
    "known_issue": KNOWN_ISSUE.c.return_code,
    "repair": SUBMISSION.c.return_code,
}
"""The column of each that holds the return's code."""
