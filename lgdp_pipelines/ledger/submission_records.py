"""Records of receipts and submissions: states, and frozen values that the ledger takes and returns.

Belongs here: the records, which load without SQLAlchemy so that texts and pages can use them. Belongs elsewhere: their
tables (``schema``), and the transactions that change them (``receipts``, ``submissions``, ``withdrawals``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lgdp_pipelines.register.model.sources import TransportKind
from lgdp_pipelines.vocabulary.verdicts import Verdict


class ReceiptState(StrEnum):
    """The state of a receipt."""

    WAITING = "waiting"
    """Not yet part of a submission."""
    UNRECOGNISED = "unrecognised"
    """The return or period is unknown: the extract is kept, and reported to the council."""
    DUPLICATE = "duplicate"
    """The same bytes as the previous receipt."""
    PART = "part"
    """Part of one submission."""


class SubmissionState(StrEnum):
    """The state of a submission."""

    JUDGING = "judging"
    """Opened, and not yet judged."""
    REJECTED = "rejected"
    """Judged, and never accepted."""
    CURRENT = "current"
    """The last accepted submission of its return, council and period: its rows are in the validated slice."""
    SUPERSEDED = "superseded"
    """Accepted, and a later submission is current."""
    WITHDRAWN = "withdrawn"
    """Taken back by the council."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An extract that has arrived, with its bytes already stored.

    Attributes:
        return_code: of the return; None where it is unknown.
        council_code: of the council whose account it arrived in.
        period: id; None where it is unknown.
        table: name of its table, where a submission has a file for each; None otherwise.
        file_name: name that the council gave the file.
        size: in bytes.
        sha256: of its bytes.
        transport: the way in which it arrived.
        source: id of the source.
        account: name of the account; never its secret.
        path: in the account; for an API the request.
        modified: time of the last change, by the source; None where the source gives none.
        etag: that the source gave.
        reason: for an unknown return or period; empty otherwise.
        system: the back-office system that exported it, by the name in its mappings; empty where the file is as the
            contract has it.
        nil: whether the council reports that it has nothing to report; the bytes are the declaration as sent.
    """

    return_code: str | None
    council_code: str
    period: str | None
    table: str | None
    file_name: str
    size: int
    sha256: str
    transport: TransportKind
    source: str
    account: str
    path: str
    modified: datetime | None = None
    etag: str | None = None
    reason: str = ""
    system: str = ""
    nil: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Arrival):
    """The record of an extract received, with its time and state.

    Attributes:
        id: in order of arrival.
        received_at: in UTC.
        state: waiting, unrecognised, duplicate or part.
        submission_id: the submission that it is part of; None unless ``state`` is part.
        duplicate_of: the earlier receipt with the same bytes; None unless ``state`` is duplicate.
    """

    id: int
    received_at: datetime
    state: ReceiptState
    submission_id: str | None
    duplicate_of: int | None


@dataclass(frozen=True, slots=True)
class CouncilReturn:
    """A council's return for a period: the subject of many records.

    Attributes:
        return_code: of the return.
        council_code: of the council.
        period: id.
    """

    return_code: str
    council_code: str
    period: str


@dataclass(frozen=True, slots=True)
class PendingWork:
    """A return and period with work to do.

    Attributes:
        return_code: of the return.
        period: id.
        councils: register codes, in order.
        receipts: ids of the waiting receipts, in order.
        tasks: in order: ``judge <id>``, ``withdraw <id>``, or ``judge <id> against <id>`` where the
            submission that it was compared with was replaced.
    """

    return_code: str
    period: str
    councils: tuple[str, ...]
    receipts: tuple[int, ...]
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Submission(CouncilReturn):
    """The extracts that answer a return for a council and period.

    Attributes:
        id: ``<return>.<council>.<period>.<nnn>``.
        number: in the sequence of its return, council and period, from 1.
        state: of the submission.
        opened_at: in UTC.
        received_at: time at which the last of its files arrived, in UTC.
    """

    id: str
    number: int
    state: SubmissionState
    opened_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The record of a council's withdrawal of a submission.

    Attributes:
        submission_id: of the submission.
        withdrawn_at: in UTC.
        withdrawn_by: the person who did it for the council.
        reason: in their words.
        finished_at: time at which its rows were out of the validated slices; None until then.
    """

    submission_id: str
    withdrawn_at: datetime
    withdrawn_by: str
    reason: str
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class SubmissionStatus(CouncilReturn):
    """The status of a council's return for a period.

    Attributes:
        submission_id: the latest submission; None where receipts wait for a first one.
        state: of that submission; None without one.
        verdict: of its latest judgement; None before the first.
        row_count: rows by that judgement; None before the first.
        error_finding_count: findings of severity error in that judgement.
        query_finding_count: findings of severity query.
        known_issue_finding_count: findings of severity known issue.
        received_at: time at which the last file of that submission arrived; None without one.
        current_id: the submission whose rows are in the validated slice; None without one.
        open_query_count: open queries on the current submission.
        waiting_receipt_count: receipts not yet part of a submission.
        is_nil: whether the latest submission is a nil return.
        reported_at: arrival time of the first submission accepted and not withdrawn; None without one.
    """

    submission_id: str | None
    state: SubmissionState | None
    verdict: Verdict | None
    row_count: int | None
    error_finding_count: int
    query_finding_count: int
    known_issue_finding_count: int
    received_at: datetime | None
    current_id: str | None
    open_query_count: int
    waiting_receipt_count: int
    is_nil: bool
    reported_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReceiptTotals:
    """The number and bytes of receipts of one return and state.

    Attributes:
        return_code: of the return; None where it is unknown.
        receipt_state: of the receipts.
        submission_state: of the submissions that they are part of; None for receipts outside submissions.
        receipt_count: number of receipts.
        size: in bytes.
    """

    return_code: str | None
    receipt_state: ReceiptState
    submission_state: SubmissionState | None
    receipt_count: int
    size: int


@dataclass(frozen=True, slots=True)
class ReminderRecord(CouncilReturn):
    """A reminder that was prepared for a council.

    Attributes:
        stage: such as ``due_in_7`` or ``late_7``; each stage is sent once.
        submission_id: the submission that it is about; empty without one.
    """

    stage: str
    submission_id: str = ""


@dataclass(frozen=True, slots=True)
class NewRelease:
    """A release to record, as a published version of a return's period.

    Attributes:
        return_code: of the return.
        period: id.
        submissions: the submission of each council in it, by register code.
        versions: Delta version of each published table, by name.
        model_sha256: of the models that made it.
        run_id: the run that made it.
    """

    return_code: str
    period: str
    submissions: Mapping[str, str]
    versions: Mapping[str, int]
    model_sha256: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Release(NewRelease):
    """A release as recorded in the ledger.

    Attributes:
        number: in the sequence of the period's releases, from 1.
        sha256: of its content: the submissions and the models.
        released_at: in UTC.
    """

    number: int
    sha256: str
    released_at: datetime
