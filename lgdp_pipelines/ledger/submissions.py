"""Submissions: opened from waiting receipts, each with the next number of its return, council and period.

Belongs here: grouping receipts into submissions, and statements about submissions and their states. Belongs elsewhere:
the effect of a judgement on the state (``judgements``).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.errors import WrongUse
from lgdp_pipelines.ledger.database import Repository
from lgdp_pipelines.ledger.query_records import QueryState
from lgdp_pipelines.ledger.receipts import build_receipt, select_receipts
from lgdp_pipelines.ledger.schema import (
    JUDGED_AGAINST,
    JUDGEMENT,
    QUERY,
    RECEIPT,
    SUBMISSION,
    SUBMISSION_FILE,
    WITHDRAWAL,
    filter_return,
)
from lgdp_pipelines.ledger.submission_records import (
    PendingWork,
    Receipt,
    ReceiptState,
    Submission,
    SubmissionState,
    SubmissionStatus,
)
from lgdp_pipelines.vocabulary.verdicts import Verdict

_Key = tuple[str, str, str]
"""Return, council and period."""


@dataclass(frozen=True, slots=True)
class RequiredFiles:
    """The names of the files that a submission must have.

    There are no names where each file is a submission of its own.

    Attributes:
        tables: one for each table, where the contract has a file for each.
        exports: by council and system, where a system exports several files.
    """

    tables: Sequence[str] = ()
    exports: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=lambda: MappingProxyType({}))

    def list_for(self, receipt: Receipt) -> Sequence[str]:
        """Return names of files a receipt's submission needs; empty for single files."""
        return self.exports.get((receipt.council_code, receipt.system), () if receipt.system else self.tables)


class SubmissionRepository(Repository):
    """The submissions of the ledger."""

    def open(
        self,
        return_code: str,
        period: str,
        councils: Sequence[str] | None = None,
        required: RequiredFiles = RequiredFiles(),
    ) -> tuple[Submission, ...]:
        """Open submissions from waiting receipts, and return all unjudged submissions.

        They are in sequence order. Where a file answers the whole return, each waiting receipt becomes a submission. A
        nil return always becomes a submission of its own. Where several files are required, a council's waiting
        receipts become one submission, of the latest file of each name. A file that was not sent again is taken from
        the previous submission, so that one corrected file is enough, unless that submission was withdrawn. Receipts
        wait until all required files have arrived.

        Args:
            return_code: of the return.
            period: id.
            councils: register codes; None: all.
            required: the files that a submission must have.
        """
        return self._database.write(
            lambda connection: _open_submissions(connection, return_code, period, councils, required, self._clock())
        )

    def get(self, submission_id: str) -> Submission:
        """Return the submission of an id.

        Raises:
            WrongUse: there is no such submission.
        """
        return self._read(load_submission, submission_id)

    def list_receipts(self, submission_id: str) -> tuple[Receipt, ...]:
        """Return the receipts of a submission's files, in order of arrival.

        Raises:
            WrongUse: there is no such submission.
        """
        with self._database.read() as connection:
            return _select_files(connection, load_submission(connection, submission_id).id)

    def find_current_ids(self, return_code: str, period: str) -> dict[str, str]:
        """Return the id of each council's current submission, by register code."""
        is_current = SUBMISSION.c.state == SubmissionState.CURRENT
        current_submissions = self._read(
            select_submissions, *filter_return(SUBMISSION, return_code, period), is_current
        )
        return {submission.council_code: submission.id for submission in current_submissions}

    def list_periods(self, return_code: str) -> list[str]:
        """Return the ids of a return's periods with submissions, in order."""
        statement = sa.select(SUBMISSION.c.period).where(SUBMISSION.c.return_code == return_code)
        return [row.period for row in self._fetch(statement.distinct().order_by(SUBMISSION.c.period))]

    def list_waiting_receipts(self, receipt: Receipt) -> tuple[Receipt, ...]:
        """Return waiting receipts of the receipt's own return, council and period.

        They are in order of arrival.
        """
        return self._read(_list_waiting_companions, receipt)

    def preview_files(self, receipt: Receipt, required: RequiredFiles) -> tuple[Receipt, ...]:
        """Return the files of a receipt's future submission; empty if incomplete.

        Returns:
            The files in any order; empty where the receipt no longer waits, or a required file has not arrived.
        """
        with self._database.read() as connection:
            for group in _group_receipts(_list_waiting_companions(connection, receipt), required):
                if receipt in group:
                    return tuple(_complete_files(connection, group, required.list_for(receipt)))
        return ()

    def list_rejudgeable(
        self, return_code: str, period: str, councils: Sequence[str] | None = None
    ) -> tuple[Submission, ...]:
        """Return each council's current submission and submissions rejected after it.

        They are in sequence order. Submissions before an accepted one that was withdrawn are left out: the council took
        back their replacement.
        """
        candidates = self._read(
            select_submissions,
            *filter_return(SUBMISSION, return_code, period),
            *_filter_councils(councils or None),
            sa.or_(
                SUBMISSION.c.state.in_([SubmissionState.CURRENT, SubmissionState.REJECTED]),
                sa.and_(SUBMISSION.c.state == SubmissionState.WITHDRAWN, was_accepted()),
            ),
        )
        last_accepted = {
            submission.council_code: submission.number
            for submission in candidates
            if submission.state is not SubmissionState.REJECTED
        }
        return tuple(
            submission
            for submission in candidates
            if submission.state is not SubmissionState.WITHDRAWN
            and submission.number >= last_accepted.get(submission.council_code, 0)
        )

    def list_outdated(
        self, return_code: str, period: str, councils: Sequence[str] | None = None
    ) -> tuple[Submission, ...]:
        """Return current or rejected submissions compared with one since replaced."""
        outdated_submissions = self._read(
            _select_outdated, *filter_return(SUBMISSION, return_code, period), *_filter_councils(councils)
        )
        return tuple(dict.fromkeys(submission for submission, _ in outdated_submissions))

    def find_first_accepted_times(self, return_code: str, period: str) -> dict[str, datetime]:
        """Return when each council's first accepted and unwithdrawn submission arrived.

        Times are by register code.
        """
        times = self._read(_find_first_accepted, return_code, period)
        return {council: received_at for (_, council, _), received_at in times.items()}

    def list_pending_work(self) -> tuple[PendingWork, ...]:
        """Return the returns and periods with work to do, in order.

        Work is: waiting receipts, unjudged submissions, withdrawn submissions that may still be in a slice, and
        submissions that were compared with a submission of an earlier period or another return since replaced.
        """
        return self._read(_list_pending_work)

    def list_statuses(self, return_code: str | None = None, period: str | None = None) -> tuple[SubmissionStatus, ...]:
        """Return a status for each council, return and period with an extract.

        They are in order of return, period and council.
        """
        return self._read(_list_statuses, return_code, period)


def load_submission(connection: sa.Connection, submission_id: str) -> Submission:
    """Return the submission of an id.

    Raises:
        WrongUse: there is no such submission.
    """
    row = connection.execute(sa.select(SUBMISSION).where(SUBMISSION.c.id == submission_id)).one_or_none()
    if row is None:
        raise WrongUse(
            "There is no such submission.", where=submission_id, remedy="List them with `lgdp status --format csv`."
        )
    return _build_submission(row)


def select_submissions(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[Submission, ...]:
    """Return matching submissions in order of council, period and number."""
    rows = connection.execute(
        sa.select(SUBMISSION)
        .where(*conditions)
        .order_by(SUBMISSION.c.council_code, SUBMISSION.c.period, SUBMISSION.c.number)
    )
    return tuple(_build_submission(row) for row in rows)


def set_state(connection: sa.Connection, submission_id: str, state: SubmissionState) -> None:
    """Change the state of a submission."""
    connection.execute(sa.update(SUBMISSION).where(SUBMISSION.c.id == submission_id).values(state=state))


def was_accepted(submissions: sa.FromClause = SUBMISSION) -> sa.ColumnElement[bool]:
    """Match submissions that any judgement accepted, with or without queries."""
    return (
        sa.exists()
        .where(JUDGEMENT.c.submission_id == submissions.c.id, JUDGEMENT.c.verdict != Verdict.REJECTED)
        .correlate(submissions)
    )


def _build_submission(row: Sequence[Any]) -> Submission:
    """Return the first columns of a row as a submission."""
    return Submission(**dict(zip(SUBMISSION.c.keys(), row, strict=False)))


def _filter_councils(councils: Sequence[str] | None, table: sa.Table = SUBMISSION) -> list[sa.ColumnElement[bool]]:
    """Return a condition on councils; an empty list where councils is None."""
    return [] if councils is None else [table.c.council_code.in_(councils)]


def _open_submissions(
    connection: sa.Connection,
    return_code: str,
    period: str,
    councils: Sequence[str] | None,
    required: RequiredFiles,
    now: datetime,
) -> tuple[Submission, ...]:
    """Open submissions from complete groups of waiting receipts; return unjudged ones."""
    waiting_receipts = _list_waiting(connection, return_code, period, councils)
    for _, council_receipts in groupby(waiting_receipts, key=lambda receipt: receipt.council_code):
        for group in _group_receipts(list(council_receipts), required):
            if files := _complete_files(connection, group, required.list_for(group[0])):
                _insert_submission(connection, files, group, now)
    return select_submissions(
        connection,
        *filter_return(SUBMISSION, return_code, period),
        *_filter_councils(councils),
        SUBMISSION.c.state == SubmissionState.JUDGING,
    )


def _list_waiting(
    connection: sa.Connection, return_code: str, period: str, councils: Sequence[str] | None
) -> tuple[Receipt, ...]:
    """Return a period's waiting receipts in order of council and arrival."""
    rows = connection.execute(
        sa.select(RECEIPT)
        .where(
            *filter_return(RECEIPT, return_code, period),
            *_filter_councils(councils, RECEIPT),
            RECEIPT.c.state == ReceiptState.WAITING,
        )
        .order_by(RECEIPT.c.council_code, RECEIPT.c.id)
    )
    return tuple(build_receipt(row) for row in rows.mappings())


def _list_waiting_companions(connection: sa.Connection, receipt: Receipt) -> tuple[Receipt, ...]:
    """Return waiting receipts of the same subject; empty for unrecognised receipts.

    The subject is return, council and period.
    """
    if receipt.return_code is None or receipt.period is None:
        return ()
    return _list_waiting(connection, receipt.return_code, receipt.period, [receipt.council_code])


def _group_receipts(receipts: Sequence[Receipt], required: RequiredFiles) -> list[list[Receipt]]:
    """Return a council's waiting receipts, grouped into possible submissions."""

    def group_key(receipt: Receipt) -> tuple[str, int]:
        return receipt.system, receipt.id if receipt.nil or not required.list_for(receipt) else 0

    return [list(group) for _, group in groupby(receipts, key=group_key)]


def _complete_files(
    connection: sa.Connection, receipts: Sequence[Receipt], required_names: Sequence[str]
) -> Sequence[Receipt]:
    """Return a group's files with reusable earlier ones; empty if incomplete."""
    if not required_names or receipts[0].nil:
        return receipts
    files = {  # the last receipt of each table wins
        receipt.table: receipt
        for receipt in (*_select_reusable_files(connection, receipts[0]), *receipts)
        if not receipt.nil and receipt.system == receipts[0].system
    }
    return list(files.values()) if files.keys() >= set(required_names) else []


def _select_files(connection: sa.Connection, submission_id: str) -> tuple[Receipt, ...]:
    """Return the receipts of a submission's files, in order of arrival."""
    files = sa.select(SUBMISSION_FILE.c.receipt_id).where(SUBMISSION_FILE.c.submission_id == submission_id)
    return select_receipts(connection, RECEIPT.c.id.in_(files))


def _select_reusable_files(connection: sa.Connection, receipt: Receipt) -> tuple[Receipt, ...]:
    """Return the files of the previous submission, unless it was withdrawn."""
    submissions = select_submissions(
        connection, *filter_return(SUBMISSION, receipt.return_code, receipt.period, council_code=receipt.council_code)
    )
    if not submissions or submissions[-1].state is SubmissionState.WITHDRAWN:
        return ()
    return _select_files(connection, submissions[-1].id)


def _insert_submission(
    connection: sa.Connection, files: Sequence[Receipt], waiting_receipts: Sequence[Receipt], now: datetime
) -> None:
    """Insert a submission of files, and make waiting receipts part of it.

    A waiting receipt becomes part even where a later file replaced it.
    """
    receipt = waiting_receipts[0]
    last_number = connection.scalar(
        sa.select(sa.func.max(SUBMISSION.c.number)).where(
            *filter_return(SUBMISSION, receipt.return_code, receipt.period, council_code=receipt.council_code)
        )
    )
    number = (last_number or 0) + 1
    submission_id = f"{receipt.return_code}.{receipt.council_code}.{receipt.period}.{number:03d}"
    connection.execute(
        sa.insert(SUBMISSION).values(
            id=submission_id,
            return_code=receipt.return_code,
            council_code=receipt.council_code,
            period=receipt.period,
            number=number,
            state=SubmissionState.JUDGING,
            opened_at=now,
            received_at=max(file.received_at for file in files),
        )
    )
    connection.execute(
        sa.update(RECEIPT)
        .where(RECEIPT.c.id.in_([waiting_receipt.id for waiting_receipt in waiting_receipts]))
        .values(state=ReceiptState.PART, submission_id=submission_id)
    )
    connection.execute(
        sa.insert(SUBMISSION_FILE),
        [{"submission_id": submission_id, "receipt_id": file.id} for file in files],
    )


def _list_pending_work(connection: sa.Connection) -> tuple[PendingWork, ...]:
    """Return waiting, unjudged, withdrawn and outdated work, by return and period."""
    key = (SUBMISSION.c.return_code, SUBMISSION.c.period, SUBMISSION.c.council_code)
    waiting_parts = sa.select(
        RECEIPT.c.return_code, RECEIPT.c.period, RECEIPT.c.council_code, RECEIPT.c.id, sa.literal("").label("task")
    ).where(RECEIPT.c.state == ReceiptState.WAITING)
    judging_parts = sa.select(*key, sa.null(), sa.literal("judge ") + SUBMISSION.c.id).where(
        SUBMISSION.c.state == SubmissionState.JUDGING
    )
    withdrawn_parts = (
        sa.select(*key, sa.null(), sa.literal("withdraw ") + SUBMISSION.c.id)
        .join_from(WITHDRAWAL, SUBMISSION, SUBMISSION.c.id == WITHDRAWAL.c.submission_id)
        .where(WITHDRAWAL.c.finished_at.is_(None))
    )
    parts: dict[tuple[str, str], list[tuple[str, int | None, str]]] = defaultdict(list)
    for row in connection.execute(sa.union_all(waiting_parts, judging_parts, withdrawn_parts)):
        parts[row.return_code, row.period].append((row.council_code, row.id, row.task))
    for submission, current_id in _select_outdated(connection):
        task = f"judge {submission.id} against {current_id or 'nothing'}"
        parts[submission.return_code, submission.period].append((submission.council_code, None, task))
    return tuple(
        PendingWork(
            *return_period,
            councils=tuple(sorted({council for council, _, _ in period_parts})),
            receipts=tuple(sorted(receipt for _, receipt, _ in period_parts if receipt is not None)),
            tasks=tuple(sorted(task for _, _, task in period_parts if task)),
        )
        for return_period, period_parts in sorted(parts.items())
    )


def _select_outdated(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool]
) -> tuple[tuple[Submission, str | None], ...]:
    """Return outdated submissions, each with the id to compare with now.

    Each was compared with the submission that its council had current for an earlier period or another return, and
    another one is current for it now. Each is current, or the council's latest and rejected. A current submission stays
    current when it is judged again, and a rejected one may become current once: so two returns that are compared with
    each other come to rest.
    """
    current = SUBMISSION.alias("now")
    later_submission = SUBMISSION.alias("later")
    has_later = sa.exists().where(
        later_submission.c.return_code == SUBMISSION.c.return_code,
        later_submission.c.council_code == SUBMISSION.c.council_code,
        later_submission.c.period == SUBMISSION.c.period,
        later_submission.c.number > SUBMISSION.c.number,
    )
    rows = connection.execute(
        sa.select(SUBMISSION, current.c.id.label("now_current"))
        .join_from(JUDGED_AGAINST, SUBMISSION, SUBMISSION.c.id == JUDGED_AGAINST.c.submission_id)
        .outerjoin(
            current,
            sa.and_(
                current.c.return_code == JUDGED_AGAINST.c.return_code,
                current.c.council_code == SUBMISSION.c.council_code,
                current.c.period == JUDGED_AGAINST.c.period,
                current.c.state == SubmissionState.CURRENT,
            ),
        )
        .where(
            current.c.id.is_distinct_from(JUDGED_AGAINST.c.against_id),
            sa.or_(
                SUBMISSION.c.state == SubmissionState.CURRENT,
                sa.and_(SUBMISSION.c.state == SubmissionState.REJECTED, sa.not_(has_later)),
            ),
            *conditions,
        )
        .order_by(SUBMISSION.c.council_code, SUBMISSION.c.number)
    )
    return tuple((_build_submission(row), row.now_current) for row in rows)


def _find_first_accepted(
    connection: sa.Connection, return_code: str | None, period: str | None
) -> dict[_Key, datetime]:
    """Return arrival times of the first accepted submissions not withdrawn."""
    rows = connection.execute(
        sa.select(SUBMISSION)
        .where(
            *filter_return(SUBMISSION, return_code, period),
            SUBMISSION.c.state.in_([SubmissionState.CURRENT, SubmissionState.SUPERSEDED]),
        )
        .order_by(SUBMISSION.c.number.desc())
    )
    return {(row.return_code, row.council_code, row.period): row.received_at for row in rows}


def _list_statuses(
    connection: sa.Connection, return_code: str | None, period: str | None
) -> tuple[SubmissionStatus, ...]:
    """Return a status for each key with a submission or waiting receipt."""
    submissions = select_submissions(connection, *filter_return(SUBMISSION, return_code, period))
    latest = {  # the last submission of each key wins
        (submission.return_code, submission.council_code, submission.period): submission for submission in submissions
    }
    judgements = _find_latest_judgements(connection, return_code, period)
    current_by_key = _find_current_with_queries(connection, return_code, period)
    waiting_counts = _count_waiting_receipts(connection, return_code, period)
    first_accepted = _find_first_accepted(connection, return_code, period)
    nil_submissions = _find_nil_submissions(connection, return_code, period)
    statuses = []
    for key in sorted(latest.keys() | waiting_counts.keys(), key=lambda key: (key[0], key[2], key[1])):
        submission = latest.get(key)
        judgement = judgements.get(submission.id) if submission else None
        current_id, open_query_count = current_by_key.get(key, (None, 0))
        statuses.append(
            SubmissionStatus(
                *key,
                submission_id=submission.id if submission else None,
                state=submission.state if submission else None,
                verdict=judgement.verdict if judgement else None,
                row_count=judgement.rows if judgement else None,
                error_finding_count=judgement.errors if judgement else 0,
                query_finding_count=judgement.queries if judgement else 0,
                known_issue_finding_count=judgement.known_issues if judgement else 0,
                received_at=submission.received_at if submission else None,
                current_id=current_id,
                open_query_count=open_query_count,
                waiting_receipt_count=waiting_counts.get(key, 0),
                is_nil=submission is not None and submission.id in nil_submissions,
                reported_at=first_accepted.get(key),
            )
        )
    return tuple(statuses)


def _find_nil_submissions(connection: sa.Connection, return_code: str | None, period: str | None) -> frozenset[str]:
    """Return the ids of submissions that have a nil return's receipt."""
    statement = (
        sa.select(SUBMISSION_FILE.c.submission_id)
        .join(RECEIPT, RECEIPT.c.id == SUBMISSION_FILE.c.receipt_id)
        .where(RECEIPT.c.nil, *filter_return(RECEIPT, return_code, period))
    )
    return frozenset(connection.scalars(statement))


def _find_latest_judgements(
    connection: sa.Connection, return_code: str | None, period: str | None
) -> dict[str, sa.Row[tuple[object, ...]]]:
    """Return the row of each submission's latest judgement, by submission id."""
    rows = connection.execute(
        sa.select(JUDGEMENT)
        .join(SUBMISSION, SUBMISSION.c.id == JUDGEMENT.c.submission_id)
        .where(*filter_return(SUBMISSION, return_code, period))
        .order_by(JUDGEMENT.c.number)
    )
    return {row.submission_id: row for row in rows}


def _find_current_with_queries(
    connection: sa.Connection, return_code: str | None, period: str | None
) -> dict[_Key, tuple[str, int]]:
    """Return each current submission's id and its number of open queries."""
    is_open = sa.and_(QUERY.c.submission_id == SUBMISSION.c.id, QUERY.c.state == QueryState.OPEN)
    columns = (SUBMISSION.c.return_code, SUBMISSION.c.council_code, SUBMISSION.c.period, SUBMISSION.c.id)
    rows = connection.execute(
        sa.select(*columns, sa.func.count(QUERY.c.rule))
        .outerjoin(QUERY, is_open)
        .where(SUBMISSION.c.state == SubmissionState.CURRENT, *filter_return(SUBMISSION, return_code, period))
        .group_by(*columns)
    )
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}


def _count_waiting_receipts(connection: sa.Connection, return_code: str | None, period: str | None) -> dict[_Key, int]:
    """Return the number of waiting receipts, by return, council and period."""
    columns = (RECEIPT.c.return_code, RECEIPT.c.council_code, RECEIPT.c.period)
    rows = connection.execute(
        sa.select(*columns, sa.func.count())
        .where(RECEIPT.c.state == ReceiptState.WAITING, *filter_return(RECEIPT, return_code, period))
        .group_by(*columns)
    )
    return {(row[0], row[1], row[2]): row[3] for row in rows}
