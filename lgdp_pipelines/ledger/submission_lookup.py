"""Asking the ledger: submissions, judgements, and how everyone stands.

What belongs here: questions. What does not: anything that changes the ledger.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.errors import LedgerError
from lgdp_pipelines.handover.findings import RuleOutcome
from lgdp_pipelines.ledger.judgement_records import JudgementRecord
from lgdp_pipelines.ledger.query_records import QueryState
from lgdp_pipelines.ledger.query_schema import QUERY
from lgdp_pipelines.ledger.repair_counts import kept
from lgdp_pipelines.ledger.schema import (
    JUDGED_AGAINST,
    JUDGEMENT,
    RECEIPT,
    RULE_RESULT,
    SUBMISSION,
    SUBMISSION_FILE,
)
from lgdp_pipelines.ledger.submission_records import ReceiptState, Submission, SubmissionState, SubmissionStatus
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Verdict


def submission_of(row: Sequence[Any]) -> Submission:
    """A row of the table as a record; columns after its own do not matter."""
    values = dict(zip(SUBMISSION.c.keys(), row, strict=False))
    values["state"] = SubmissionState(values["state"])
    return Submission(**values)


def submissions_where(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[Submission, ...]:
    """Submissions in order of council, period and number."""
    rows = connection.execute(
        sa.select(SUBMISSION)
        .where(*conditions)
        .order_by(SUBMISSION.c.council_code, SUBMISSION.c.period, SUBMISSION.c.number)
    )
    return tuple(submission_of(row) for row in rows)


def submission(connection: sa.Connection, submission_id: str) -> Submission:
    """One submission.

    Raises:
        LedgerError: there is none of that id.
    """
    row = connection.execute(sa.select(SUBMISSION).where(SUBMISSION.c.id == submission_id)).one_or_none()
    if row is None:
        raise LedgerError(
            "There is no such submission.", where=submission_id, remedy="`lgdp status` lists those there are."
        )
    return submission_of(row)


def current(connection: sa.Connection, return_code: str, period: str) -> dict[str, str]:
    """The current submission of each council, by register code."""
    rows = connection.execute(
        sa.select(SUBMISSION.c.council_code, SUBMISSION.c.id)
        .where(
            SUBMISSION.c.return_code == return_code,
            SUBMISSION.c.period == period,
            SUBMISSION.c.state == SubmissionState.CURRENT.value,
        )
        .order_by(SUBMISSION.c.council_code)
    )
    return {row.council_code: row.id for row in rows}


def to_rejudge(
    connection: sa.Connection, return_code: str, period: str, councils: Sequence[str] | None
) -> tuple[Submission, ...]:
    """Each council's current submission and whatever was rejected after it, in sequence order.

    What was sent before a submission that was accepted and then withdrawn is past: the council took back what replaced
    it.
    """
    chosen = submissions_where(
        connection,
        SUBMISSION.c.return_code == return_code,
        SUBMISSION.c.period == period,
        *([SUBMISSION.c.council_code.in_(councils)] if councils else []),
        sa.or_(
            SUBMISSION.c.state.in_([SubmissionState.CURRENT.value, SubmissionState.REJECTED.value]),
            sa.and_(SUBMISSION.c.state == SubmissionState.WITHDRAWN.value, was_accepted()),
        ),
    )
    last = {one.council_code: one.number for one in chosen if one.state is not SubmissionState.REJECTED}
    return tuple(
        one
        for one in chosen
        if one.state is not SubmissionState.WITHDRAWN and one.number >= last.get(one.council_code, 0)
    )


def was_accepted() -> sa.ColumnElement[bool]:
    """Of a row of submissions: whether any judgement accepted it, with queries or without."""
    return (
        sa.exists()
        .where(JUDGEMENT.c.submission_id == SUBMISSION.c.id, JUDGEMENT.c.verdict != Verdict.REJECTED.value)
        .correlate(SUBMISSION)
    )


def outdated(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool]
) -> tuple[tuple[Submission, str | None], ...]:
    """Submissions to judge again, each with the submission that is now current where they were held against another.

    They were held against what their council had current for an earlier period, or for another return, and that has
    changed since. They are current, or the last word of their council and rejected. A submission that is current stays
    so when it is judged again, and a rejected one may become current once: so two returns that are held against each
    other come to rest.
    """
    now, later = SUBMISSION.alias("now"), SUBMISSION.alias("later")
    is_overtaken = sa.exists().where(
        later.c.return_code == SUBMISSION.c.return_code,
        later.c.council_code == SUBMISSION.c.council_code,
        later.c.period == SUBMISSION.c.period,
        later.c.number > SUBMISSION.c.number,
    )
    rows = connection.execute(
        sa.select(SUBMISSION, now.c.id.label("now_current"))
        .join_from(JUDGED_AGAINST, SUBMISSION, SUBMISSION.c.id == JUDGED_AGAINST.c.submission_id)
        .outerjoin(
            now,
            sa.and_(
                now.c.return_code == JUDGED_AGAINST.c.return_code,
                now.c.council_code == SUBMISSION.c.council_code,
                now.c.period == JUDGED_AGAINST.c.period,
                now.c.state == SubmissionState.CURRENT.value,
            ),
        )
        .where(
            now.c.id.is_distinct_from(JUDGED_AGAINST.c.against_id),
            sa.or_(
                SUBMISSION.c.state == SubmissionState.CURRENT.value,
                sa.and_(SUBMISSION.c.state == SubmissionState.REJECTED.value, sa.not_(is_overtaken)),
            ),
            *conditions,
        )
        .order_by(SUBMISSION.c.council_code, SUBMISSION.c.number)
    )
    return tuple((submission_of(row), row.now_current) for row in rows)


def outdated_of(
    connection: sa.Connection, return_code: str, period: str, councils: Sequence[str] | None
) -> tuple[Submission, ...]:
    """The submissions of a return and period to judge again, in order of council and number."""
    found = outdated(
        connection,
        SUBMISSION.c.return_code == return_code,
        SUBMISSION.c.period == period,
        *([SUBMISSION.c.council_code.in_(councils)] if councils is not None else []),
    )
    return tuple(dict.fromkeys(one for one, _ in found))


def reported_at(
    connection: sa.Connection, return_code: str | None, period: str | None
) -> dict[tuple[str, str, str], datetime]:
    """When the first submission came that was accepted and not taken back, by return, council and period."""
    rows = connection.execute(
        sa.select(SUBMISSION)
        .where(
            *_asked(SUBMISSION, return_code, period),
            SUBMISSION.c.state.in_([SubmissionState.CURRENT.value, SubmissionState.SUPERSEDED.value]),
        )
        .order_by(SUBMISSION.c.number.desc())
    )
    return {(row.return_code, row.council_code, row.period): row.received_at for row in rows}


def latest_judgement(connection: sa.Connection, submission_id: str) -> JudgementRecord | None:
    """The latest judging of a submission, with the result of each rule; None where it was never judged."""
    row = connection.execute(
        sa.select(JUDGEMENT)
        .where(JUDGEMENT.c.submission_id == submission_id)
        .order_by(JUDGEMENT.c.number.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    results = connection.execute(
        sa.select(RULE_RESULT).where(RULE_RESULT.c.judgement_id == values.pop("id")).order_by(RULE_RESULT.c.rule)
    )
    values["verdict"] = Verdict(values["verdict"])
    values["results"] = tuple(RuleOutcome(one.rule, RuleResult(one.result), one.failed, one.reason) for one in results)
    values["repairs"] = kept(connection, submission_id, values["number"])
    return JudgementRecord(**values)


def accepted_rows(connection: sa.Connection, submission_id: str) -> int:
    """How many rows a submission has by its last accepting judgement; 0 where there is none."""
    rows = connection.scalar(
        sa.select(JUDGEMENT.c.rows)
        .where(JUDGEMENT.c.submission_id == submission_id, JUDGEMENT.c.verdict != Verdict.REJECTED.value)
        .order_by(JUDGEMENT.c.number.desc())
        .limit(1)
    )
    return rows or 0


def accepting_version(connection: sa.Connection, submission_id: str) -> str:
    """The version of the contract that accepted a submission last; empty where none has."""
    version = connection.scalar(
        sa.select(JUDGEMENT.c.contract_version)
        .where(JUDGEMENT.c.submission_id == submission_id, JUDGEMENT.c.verdict != Verdict.REJECTED.value)
        .order_by(JUDGEMENT.c.number.desc())
        .limit(1)
    )
    return version or ""


def periods_with_submissions(connection: sa.Connection, return_code: str) -> list[str]:
    """Ids of the periods that somebody has answered, in order."""
    return list(
        connection.scalars(
            sa.select(SUBMISSION.c.period)
            .where(SUBMISSION.c.return_code == return_code)
            .distinct()
            .order_by(SUBMISSION.c.period)
        )
    )


def status(connection: sa.Connection, return_code: str | None, period: str | None) -> tuple[SubmissionStatus, ...]:
    """How each council stands with each return and period that it has sent something for.

    In order of return, period and council.
    """
    latest = _latest_submissions(connection, return_code, period)
    judged = _latest_judgements(connection, return_code, period)
    standing = _current_with_queries(connection, return_code, period)
    receipts = _waiting_receipts(connection, return_code, period)
    reported = reported_at(connection, return_code, period)
    nil = _nil_submissions(connection, return_code, period)
    found = []
    for key in sorted(latest.keys() | receipts.keys(), key=lambda key: (key[0], key[2], key[1])):
        one = latest.get(key)
        judgement = judged.get(one.id) if one else None
        now, queries = standing.get(key, (None, 0))
        found.append(
            SubmissionStatus(
                *key,
                submission_id=one.id if one else None,
                state=one.state if one else None,
                verdict=Verdict(judgement.verdict) if judgement else None,
                rows=judgement.rows if judgement else None,
                errors=judgement.errors if judgement else 0,
                queries=judgement.queries if judgement else 0,
                known_issues=judgement.known_issues if judgement else 0,
                received_at=one.received_at if one else None,
                current=now,
                open_queries=queries,
                waiting=receipts.get(key, 0),
                nil=one is not None and one.id in nil,
                reported_at=reported.get(key),
            )
        )
    return tuple(found)


_Key = tuple[str, str, str]


def _asked(table: sa.Table, return_code: str | None, period: str | None) -> list[sa.ColumnElement[bool]]:
    return [
        *([table.c.return_code == return_code] if return_code else []),
        *([table.c.period == period] if period else []),
    ]


def _latest_submissions(
    connection: sa.Connection, return_code: str | None, period: str | None
) -> dict[_Key, Submission]:
    ordered = sorted(
        submissions_where(connection, *_asked(SUBMISSION, return_code, period)), key=lambda one: one.number
    )
    return {(one.return_code, one.council_code, one.period): one for one in ordered}


def _nil_submissions(connection: sa.Connection, return_code: str | None, period: str | None) -> frozenset[str]:
    chosen = (
        sa.select(SUBMISSION_FILE.c.submission_id)
        .join(RECEIPT, RECEIPT.c.id == SUBMISSION_FILE.c.receipt_id)
        .where(RECEIPT.c.nil, *_asked(RECEIPT, return_code, period))
    )
    return frozenset(connection.scalars(chosen))


def _latest_judgements(
    connection: sa.Connection, return_code: str | None, period: str | None
) -> dict[str, sa.Row[tuple[object, ...]]]:
    rows = connection.execute(
        sa.select(JUDGEMENT)
        .join(SUBMISSION, SUBMISSION.c.id == JUDGEMENT.c.submission_id)
        .where(*_asked(SUBMISSION, return_code, period))
        .order_by(JUDGEMENT.c.number)
    )
    return {row.submission_id: row for row in rows}


def _current_with_queries(
    connection: sa.Connection, return_code: str | None, period: str | None
) -> dict[_Key, tuple[str, int]]:
    opened = sa.and_(QUERY.c.submission_id == SUBMISSION.c.id, QUERY.c.state == QueryState.OPEN.value)
    rows = connection.execute(
        sa.select(
            SUBMISSION.c.return_code,
            SUBMISSION.c.council_code,
            SUBMISSION.c.period,
            SUBMISSION.c.id,
            sa.func.count(QUERY.c.rule),
        )
        .outerjoin(QUERY, opened)
        .where(SUBMISSION.c.state == SubmissionState.CURRENT.value, *_asked(SUBMISSION, return_code, period))
        .group_by(SUBMISSION.c.return_code, SUBMISSION.c.council_code, SUBMISSION.c.period, SUBMISSION.c.id)
    )
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}


def _waiting_receipts(connection: sa.Connection, return_code: str | None, period: str | None) -> dict[_Key, int]:
    columns = (RECEIPT.c.return_code, RECEIPT.c.council_code, RECEIPT.c.period)
    rows = connection.execute(
        sa.select(*columns, sa.func.count())
        .where(RECEIPT.c.state == ReceiptState.WAITING.value, *_asked(RECEIPT, return_code, period))
        .group_by(*columns)
    )
    return {(row[0], row[1], row[2]): row[3] for row in rows}
