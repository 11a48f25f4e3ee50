"""What the ledger tells and is told, as plain values.

What belongs here: the words for what can become of a receipt or submission, and the frozen records. What does
not: how they are kept (``schema``) and how they change (``arriving``, ``opening``, ``settling``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lgdp_pipelines.register.model.sources import TransportKind
from lgdp_pipelines.vocabulary.verdicts import Verdict


class ReceiptState(StrEnum):
    """What has become of a receipt: exactly one of these."""

    WAITING = "waiting"
    """No submission has taken it up yet."""
    UNRECOGNISED = "unrecognised"
    """Nobody could tell which return or period it answers. It is kept, and reported back."""
    DUPLICATE = "duplicate"
    """The same bytes as came last."""
    PART = "part"
    """Part of one submission."""


class SubmissionState(StrEnum):
    """What has become of a submission: exactly one of these."""

    JUDGING = "judging"
    """Opened, and no judgement has been settled yet."""
    REJECTED = "rejected"
    """Judged, and never accepted."""
    CURRENT = "current"
    """Accepted, and the last such of its return, council and period: its rows stand in the validated slice."""
    SUPERSEDED = "superseded"
    """Accepted, and a later one is current."""
    WITHDRAWN = "withdrawn"
    """Taken back by the council."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One extract that has come, its bytes already put away.

    Attributes:
        return_code: the return it answers; None where nobody can tell.
        council_code: the council whose account it came by.
        period: id; None where nobody can tell.
        table: name of its table, where a submission has a file for each; None otherwise.
        file_name: as the council called it.
        size: in bytes.
        sha256: of its bytes.
        transport: how it came.
        source: id of the source.
        account: name of the account; never its secret.
        path: in the account; for an API the request.
        modified: when the source says that it last changed.
        etag: that the source gave.
        reason: why nobody can tell what it answers; empty otherwise.
        system: the back-office system whose export it is, as its mappings call it; empty: in the contract's manner.
        nil: whether the council says that it has nothing to report; the bytes are the declaration as sent.
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


@dataclass(frozen=True, slots=True)
class Receipt:
    """The record of one extract received: the arrival, when it came, and what has become of it.

    Attributes:
        id: in order of arrival.
        received_at: in UTC.
        state: what has become of it.
        submission_id: the submission it is part of; None unless ``state`` is part.
        duplicate_of: the receipt whose bytes it repeats; None unless ``state`` is duplicate.

    The others are those of :class:`Arrival`.
    """

    id: int
    received_at: datetime
    state: ReceiptState
    return_code: str | None
    council_code: str
    period: str | None
    table: str | None
    file_name: str
    size: int
    sha256: str
    transport: str
    source: str
    account: str
    path: str
    modified: datetime | None
    etag: str | None
    reason: str
    submission_id: str | None
    duplicate_of: int | None
    system: str = ""
    nil: bool = False


@dataclass(frozen=True, slots=True)
class PendingWork:
    """A return and period with something to do.

    Attributes:
        return_code: of the return.
        period: id.
        councils: register codes, in order.
        receipts: ids of the receipts that no submission has taken up, in order.
        submissions: what is to be done with submissions, in order: ``judge <id>``, ``withdraw <id>``, or
            ``judge <id> against <id>`` where what it was held against has changed.
    """

    return_code: str
    period: str
    councils: tuple[str, ...]
    receipts: tuple[int, ...]
    submissions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """What answers a return for a council and period.

    Attributes:
        id: ``<return>.<council>.<period>.<nnn>``.
        return_code: of the return.
        council_code: of the council.
        period: id.
        number: in the sequence of its return, council and period, from 1.
        state: what has become of it.
        opened_at: in UTC.
        received_at: when the last of its files came, in UTC.
    """

    id: str
    return_code: str
    council_code: str
    period: str
    number: int
    state: SubmissionState
    opened_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """That a council took a submission back.

    Attributes:
        submission_id: of the submission.
        withdrawn_at: in UTC.
        withdrawn_by: who did it for the council.
        reason: in their words.
        finished_at: when its rows were out of the validated slices; None where nobody knows that yet.
    """

    submission_id: str
    withdrawn_at: datetime
    withdrawn_by: str
    reason: str
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class SubmissionStatus:
    """One cell of the grid: how a council stands with a return and period.

    Attributes:
        return_code: of the return.
        council_code: of the council.
        period: id.
        submission_id: its latest submission; None where receipts are waiting and there is none yet.
        state: of that submission; None where there is none.
        verdict: of its latest judgement; None where it was never judged.
        rows: by that judgement; None likewise.
        errors: findings of that judgement, by severity.
        queries: likewise.
        known_issues: likewise.
        received_at: when the last file of that submission came; None where there is none.
        current: the submission whose rows stand; None where none was accepted yet.
        open_queries: on the current submission.
        waiting: receipts that no submission has taken up.
        nil: whether the latest submission is a nil return.
        reported_at: when the first submission came that was accepted and not taken back; None where none was.
    """

    return_code: str
    council_code: str
    period: str
    submission_id: str | None
    state: SubmissionState | None
    verdict: Verdict | None
    rows: int | None
    errors: int
    queries: int
    known_issues: int
    received_at: datetime | None
    current: str | None
    open_queries: int
    waiting: int
    nil: bool
    reported_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReceiptTotals:
    """Where some of the bytes that arrived went.

    Attributes:
        return_code: the return they answer; None where nobody can tell.
        receipt_state: what has become of their receipts.
        submission_state: what has become of the submissions that took them up; None where none has.
        receipts: how many.
        size: how many bytes.
    """

    return_code: str | None
    receipt_state: ReceiptState
    submission_state: SubmissionState | None
    receipts: int
    size: int


@dataclass(frozen=True, slots=True)
class ReminderRecord:
    """What a council was reminded of.

    Attributes:
        council_code: of the council.
        return_code: of the return.
        period: id.
        stage: such as ``due_soon`` or ``late_7``; each stage is told once.
        submission_id: the submission it is about; empty where it is about none.
    """

    council_code: str
    return_code: str
    period: str
    stage: str
    submission_id: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """A published version of a return's period.

    Attributes:
        return_code: of the return.
        period: id.
        number: in the sequence of the period's releases, from 1.
        sha256: of what it was made from: the submissions and the model.
        model_sha256: of the models that made it.
        versions: Delta version of each published table, by name.
        submissions: the submission of each council in it, by register code.
        run_id: the run that made it.
        released_at: in UTC.
    """

    return_code: str
    period: str
    number: int
    sha256: str
    model_sha256: str
    versions: Mapping[str, int]
    submissions: Mapping[str, str]
    run_id: str
    released_at: datetime
