"""The ledger: what happened to every extract, in a relational database.

One object, whose methods are each one transaction. What belongs here: opening it, and handing each method to the module
that does the work. What does not: the statements themselves (``arriving``, ``opening``, ``settling``, ``reading``,
``releases``, ``withdrawing``, ``reminding``, ``balance``, ``mirror``).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from lgdp_pipelines.ledger import (
    balance,
    deliveries,
    judgements,
    lake_mirror,
    receipts,
    releases,
    reminders,
    submission_lookup,
    submissions,
    withdrawals,
)
from lgdp_pipelines.ledger.database import Database
from lgdp_pipelines.ledger.deliveries import Delivery, UndeliveredJudgement
from lgdp_pipelines.ledger.evidence_store import EvidenceStore
from lgdp_pipelines.ledger.judgement_records import JudgementRecord, NewJudgement
from lgdp_pipelines.ledger.known_issues import KnownIssueRepository
from lgdp_pipelines.ledger.query_repository import QueryRepository
from lgdp_pipelines.ledger.submission_records import (
    Arrival,
    PendingWork,
    Receipt,
    ReceiptTotals,
    Release,
    ReminderRecord,
    Submission,
    SubmissionStatus,
    Withdrawal,
)
from lgdp_pipelines.storage.lake import Lake


def _now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """What happened. Safe to use from several threads and processes at once.

    Args:
        database: opened, at the newest version of its schema.
        clock: the time, in UTC.

    Attributes:
        queries: what councils are asked, and what they say.
        known_issues: what people note on figures.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._copied: dict[Path, lake_mirror.Copied] = {}
        self._clock = clock
        self.queries = QueryRepository(database, clock)
        self.known_issues = KnownIssueRepository(database, clock)
        self.evidence = EvidenceStore(database)

    @classmethod
    def open(cls, url: str, *, clock: Callable[[], datetime] = _now) -> "Ledger":
        """Open a ledger, made or brought up to date first where it has to be.

        Raises:
            LedgerError: the database cannot be reached or written to.
        """
        return cls(Database(url), clock)

    def close(self) -> None:
        """Give all connections back."""
        self._database.close()

    def record_receipt(self, arrival: Arrival) -> Receipt:
        """Write down that an extract has come; its state says whether it is news.

        ``duplicate``: the same bytes as the last receipt of that return, council, period and table (or, where nobody
        can tell what it answers, of that file). ``unrecognised``: nobody can tell. ``waiting``: news.
        """
        return self._database.written(lambda connection: receipts.record(connection, arrival, self._clock()))

    def known_entries(self, source: str, account: str) -> frozenset[tuple[str, int, int]]:
        """Listing entries that need not be fetched: path, size, and time of change in seconds since 1970."""
        with self._database.reading() as connection:
            return receipts.known_entries(connection, source, account)

    def marks(self, source: str, account: str, path: str) -> tuple[str | None, datetime | None]:
        """What the source said of the latest receipt of a request: its ETag, and when it was last changed."""
        with self._database.reading() as connection:
            return receipts.latest_marks(connection, source, account, path)

    def last_arrivals(self) -> dict[tuple[str, str], datetime]:
        """When anything last came, by source and council."""
        with self._database.reading() as connection:
            return receipts.last_arrivals(connection)

    def unrecognised(self) -> tuple[Receipt, ...]:
        """Receipts that answer nothing that anybody could tell, in order of arrival."""
        with self._database.reading() as connection:
            return receipts.unrecognised(connection)

    def receipt(self, receipt_id: int) -> Receipt:
        """One receipt.

        Raises:
            LedgerError: there is none of that number.
        """
        with self._database.reading() as connection:
            return receipts.receipt(connection, receipt_id)

    def waiting(self) -> tuple[PendingWork, ...]:
        """Returns and periods with something to do: receipts waiting, or submissions that a run left in judging."""
        with self._database.reading() as connection:
            return receipts.waiting(connection)

    def open_submissions(
        self,
        return_code: str,
        period: str,
        councils: Sequence[str] | None = None,
        tables: Sequence[str] = (),
        joined: Mapping[tuple[str, str], Sequence[str]] = MappingProxyType({}),
    ) -> tuple[Submission, ...]:
        """Make submissions of waiting receipts, and give all back that nobody has judged, in sequence order.

        Args:
            return_code: of the return.
            period: id.
            councils: register codes; None: all.
            tables: where a submission has a file for each table, those it must have.
            joined: by council and system, the files that its exports are made of, where they are several.
        """
        return self._database.written(
            lambda connection: submissions.open_submissions(
                connection, return_code, period, councils, tables=tables, joined=joined, now=self._clock()
            )
        )

    def settle(self, run_id: str, judged: Sequence[NewJudgement]) -> None:
        """Write judgements down and move their submissions on, in one transaction. Telling the same again does nothing.

        Accepted or queried: current, and the one before it superseded; superseded at once where a later one is current.
        Rejected: rejected; one that is current stays so, and its judgement says rejected.

        Raises:
            LedgerError: a submission is not known, or a judgement contradicts its results. Nothing was settled.
        """
        self._database.written(lambda connection: judgements.settle(connection, run_id, judged, self._clock()))

    def withdraw(self, submission_id: str, *, by: str, reason: str) -> Withdrawal:
        """Take a submission back for its council: nothing stands then until it submits anew. Bytes and judgements stay.

        A submission that is current, rejected or not yet judged can be taken back. Telling the same again does nothing.

        Args:
            submission_id: of the submission.
            by: who does it for the council.
            reason: why.

        Raises:
            LedgerError: there is none of that id, a later one stands in its place, or reason or name is empty.
        """
        return self._database.written(
            lambda connection: withdrawals.withdraw(connection, submission_id, by=by, reason=reason, now=self._clock())
        )

    def withdrawal_of(self, submission_id: str) -> Withdrawal:
        """The withdrawal of a submission.

        Raises:
            LedgerError: it was never withdrawn.
        """
        with self._database.reading() as connection:
            return withdrawals.withdrawal_of(connection, submission_id)

    def unfinished_withdrawals(self, return_code: str, period: str) -> tuple[Withdrawal, ...]:
        """Withdrawals whose rows may still be in a slice, in order of submission."""
        with self._database.reading() as connection:
            return withdrawals.unfinished(connection, return_code, period)

    def finish_withdrawals(self, submission_ids: Sequence[str]) -> None:
        """Write down that no slice holds rows of these withdrawn submissions any more."""
        self._database.written(lambda connection: withdrawals.finish(connection, submission_ids, self._clock()))

    def outdated(self, return_code: str, period: str, councils: Sequence[str] | None = None) -> tuple[Submission, ...]:
        """Submissions to judge again, because something that they were held against has changed since."""
        with self._database.reading() as connection:
            return submission_lookup.outdated_of(connection, return_code, period, councils)

    def reported_at(self, return_code: str, period: str) -> dict[str, datetime]:
        """When each council's first submission came that was accepted and not taken back, by register code."""
        with self._database.reading() as connection:
            found = submission_lookup.reported_at(connection, return_code, period)
        return {council: moment for (_, council, _), moment in found.items()}

    def reminded(self, return_code: str | None = None) -> dict[ReminderRecord, bool]:
        """What councils were reminded of, and whether it was sent on to them."""
        with self._database.reading() as connection:
            return reminders.reminded(connection, return_code)

    def record_reminder(self, reminded: ReminderRecord, *, sent: bool) -> None:
        """Write down that a council was reminded, and whether that was sent on. What was sent stays sent."""
        self._database.written(lambda connection: reminders.record(connection, reminded, sent=sent, now=self._clock()))

    def current(self, return_code: str, period: str) -> dict[str, str]:
        """The current submission of each council, by register code."""
        with self._database.reading() as connection:
            return submission_lookup.current(connection, return_code, period)

    def to_rejudge(
        self, return_code: str, period: str, councils: Sequence[str] | None = None
    ) -> tuple[Submission, ...]:
        """Each council's current submission and whatever was rejected after it, in sequence order."""
        with self._database.reading() as connection:
            return submission_lookup.to_rejudge(connection, return_code, period, councils)

    def submission(self, submission_id: str) -> Submission:
        """One submission.

        Raises:
            LedgerError: there is none of that id.
        """
        with self._database.reading() as connection:
            return submission_lookup.submission(connection, submission_id)

    def receipts_of(self, submission_id: str) -> tuple[Receipt, ...]:
        """The receipts whose files a submission is read from, in order of arrival.

        Raises:
            LedgerError: there is no such submission.
        """
        with self._database.reading() as connection:
            return submissions.files_of(connection, submission_lookup.submission(connection, submission_id).id)

    def judgement_of(self, submission_id: str) -> JudgementRecord | None:
        """The latest judging of a submission; None where it was never judged."""
        with self._database.reading() as connection:
            return submission_lookup.latest_judgement(connection, submission_id)

    def rows_of(self, submission_id: str) -> int:
        """How many rows a submission has by its last accepting judgement, over all tables; 0 where there is none."""
        with self._database.reading() as connection:
            return submission_lookup.accepted_rows(connection, submission_id)

    def accepted_by(self, submission_id: str) -> str:
        """The version of the contract that accepted a submission last; empty where none has."""
        with self._database.reading() as connection:
            return submission_lookup.accepting_version(connection, submission_id)

    def periods_with_submissions(self, return_code: str) -> list[str]:
        """Ids of the periods that somebody has answered, in order."""
        with self._database.reading() as connection:
            return submission_lookup.periods_with_submissions(connection, return_code)

    def status(self, return_code: str | None = None, period: str | None = None) -> tuple[SubmissionStatus, ...]:
        """How each council stands with what it has sent something for, in order of return, period and council."""
        with self._database.reading() as connection:
            return submission_lookup.status(connection, return_code, period)

    def record_release(
        self,
        return_code: str,
        period: str,
        *,
        submissions: Mapping[str, str],
        versions: Mapping[str, int],
        model_sha256: str,
        run_id: str,
    ) -> Release:
        """Write a release down; where the latest was made from the very same, it is that one and nothing is written.

        Args:
            return_code: of the return.
            period: id.
            submissions: the submission of each council in it, by register code.
            versions: Delta version of each published table, by name.
            model_sha256: of the models that made it.
            run_id: the run that made it.

        Raises:
            LedgerError: a submission is not known, or answers something else.
        """
        return self._database.written(
            lambda connection: releases.record(
                connection,
                return_code,
                period,
                submissions=submissions,
                versions=versions,
                model_sha256=model_sha256,
                run_id=run_id,
                now=self._clock(),
            )
        )

    def latest_release(self, return_code: str, period: str) -> Release | None:
        """The latest release of a return's period; None where there is none."""
        with self._database.reading() as connection:
            return releases.latest(connection, return_code, period)

    def next_files(
        self,
        receipt: Receipt,
        tables: Sequence[str] = (),
        joined: Mapping[tuple[str, str], Sequence[str]] = MappingProxyType({}),
    ) -> tuple[Receipt, ...]:
        """The files of the submission that a waiting receipt would become part of now.

        Args:
            receipt: that waits.
            tables: where a submission has a file for each table, those it must have.
            joined: by council and system, the files that its exports are made of, where they are several.

        Returns:
            In no order that matters; none where it waits no longer, or a table's file has not come yet.
        """
        with self._database.reading() as connection:
            return submissions.next_files(connection, receipt, tables, joined)

    def waiting_beside(self, receipt: Receipt) -> tuple[Receipt, ...]:
        """The receipts of the same return, council and period that wait, in order of arrival."""
        with self._database.reading() as connection:
            return submissions.waiting_beside(connection, receipt)

    def untold(self, destination: str, councils: Sequence[str] | None = None) -> tuple[UndeliveredJudgement, ...]:
        """Latest judgements that a destination has not been told of, in order of return, period and council.

        Args:
            destination: where reports go.
            councils: register codes; None: all.
        """
        with self._database.reading() as connection:
            return deliveries.untold(connection, destination, councils)

    def told(self, destination: str, submission_id: str, judgement: int) -> str | None:
        """The sha256 of the report on a judgement that a destination has; None where it has none."""
        with self._database.reading() as connection:
            return deliveries.told(connection, destination, submission_id, judgement)

    def unplaced(self, destination: str, source: str | None = None) -> tuple[int, ...]:
        """Ids of unrecognised receipts, of one source or of all, that a destination has not been told of."""
        with self._database.reading() as connection:
            return deliveries.unplaced(connection, destination, source)

    def record_deliveries(self, destination: str, delivered: Sequence[Delivery]) -> None:
        """Write down which reports a destination has been given. Writing the same down again does nothing."""
        self._database.written(lambda connection: deliveries.record(connection, destination, delivered, self._clock()))

    def balance(self, return_code: str | None = None, period: str | None = None) -> list[str]:
        """Everything that does not add up, in plain sentences; none where all is well.

        Args:
            return_code: of the return to look at; None: everything, receipts that answer no return included.
            period: of the period to look at; None: all.
        """
        with self._database.reading() as connection:
            return balance.problems(connection, return_code, period)

    def account(self, return_code: str | None = None, period: str | None = None) -> tuple[ReceiptTotals, ...]:
        """Where each byte that arrived went: receipts and their bytes by return and by what became of them."""
        with self._database.reading() as connection:
            return balance.account(connection, return_code, period)

    def received(self, return_code: str | None = None, period: str | None = None) -> frozenset[tuple[str, int]]:
        """What must be among the received bytes: sha256 and size."""
        with self._database.reading() as connection:
            return balance.received(connection, return_code, period)

    def mirror(self, lake: Lake, return_code: str) -> None:
        """Copy what the ledger says of a return, and of receipts that answer none, into the lake for SQL.

        Raises:
            StorageError: the lake did not take it.
        """
        lake_mirror.write(self._database, lake, return_code, self._copied.setdefault(lake.root, lake_mirror.Copied()))
