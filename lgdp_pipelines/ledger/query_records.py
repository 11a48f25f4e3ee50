"""What the ledger tells of queries and known issues, as plain values.

What belongs here: the words for what can become of a query, and the frozen records. What does not: how they change
(``queries``, ``known_issues``).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class QueryState(StrEnum):
    """What has become of a query: exactly one of these, and its last event says which."""

    OPEN = "open"
    """The council must confirm or explain."""
    ANSWERED = "answered"
    """The council has; the recipient has not said yet whether that will do."""
    ACCEPTED = "accepted"
    """The recipient has accepted the answer."""
    EXPIRED = "expired"
    """What stands no longer shows it."""


class QueryStep(StrEnum):
    """What can happen to a query."""

    OPENED = "opened"
    """A submission that stands shows it for the first time."""
    ANSWERED = "answered"
    """The council has answered it, with a code and words."""
    ACCEPTED = "accepted"
    """A recipient has accepted the answer."""
    SENT_BACK = "sent_back"
    """A recipient asks again; the answer is kept in the history."""
    CHANGED = "changed"
    """The figures that it is about are others now: an answer that was accepted is to be looked at again."""
    EXPIRED = "expired"
    """What stands no longer shows it."""
    REOPENED = "reopened"
    """It had expired, and what stands shows it again."""


class ExpiryReason(StrEnum):
    """Why a query expired: the ``code`` of that event."""

    CORRECTED = "corrected"
    """A later submission no longer shows it."""
    JUDGED_AGAIN = "judged_again"
    """The same submission does not show it any more: a rule, or what it is held against, has changed."""
    WITHDRAWN = "withdrawn"
    """The council took the submission back."""


_AFTER = {
    QueryStep.OPENED: QueryState.OPEN,
    QueryStep.ANSWERED: QueryState.ANSWERED,
    QueryStep.ACCEPTED: QueryState.ACCEPTED,
    QueryStep.SENT_BACK: QueryState.OPEN,
    QueryStep.EXPIRED: QueryState.EXPIRED,
    QueryStep.REOPENED: QueryState.OPEN,
}


def state_after(state: QueryState, step: QueryStep) -> QueryState:
    """The state of a query after one more step."""
    if step is QueryStep.CHANGED:
        return QueryState.ANSWERED if state is QueryState.ACCEPTED else state
    return _AFTER[step]


@dataclass(frozen=True, slots=True)
class QueryEvent:
    """One step in the life of a query. Events are added and never changed.

    Attributes:
        query_id: of the query.
        at: in UTC.
        step: what happened.
        submission_id: the submission that showed, or no longer shows, what is asked; None where people spoke.
        failed: at how many places the rule was broken then.
        by: who spoke, for the council or as a recipient; empty where the platform did.
        code: of an answer, of the list of answers; of an end, of :class:`ExpiryReason`; empty otherwise.
        words: of whoever spoke.
        origin: the query whose answer was taken over, such as last year's; None where the answer was given anew.
    """

    query_id: str
    at: datetime
    step: QueryStep
    submission_id: str | None
    failed: int
    by: str = ""
    code: str = ""
    words: str = ""
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Something unlikely that a council must confirm or explain: one rule, at one scope, for one period.

    Attributes:
        id: ``<return>.<council>.<period>.Q<nnn>``: the same for as long as the question is the same.
        return_code: of the return.
        council_code: of the council.
        period: id.
        number: in the sequence of its return, council and period, from 1.
        rule: stable id of the rule.
        scope: codes of the part of the table that is meant; empty where all of it is.
        state: what has become of it.
        failed: at how many places the rule is broken, or last was.
        submission_id: the submission that shows it, or showed it last.
        opened_at: when it was first opened, in UTC.
        expired_at: when it expired; None where it has not.
        answer: the answer that stands; None where there is none, or where it was sent back.
    """

    id: str
    return_code: str
    council_code: str
    period: str
    number: int
    rule: str
    scope: str
    state: QueryState
    failed: int
    submission_id: str
    opened_at: datetime
    expired_at: datetime | None
    answer: QueryEvent | None


@dataclass(frozen=True, slots=True)
class KnownIssue:
    """A note that a named person puts on figures of a council and period: it shows wherever the figures show.

    Attributes:
        return_code: of the return.
        council_code: of the council.
        period: id.
        item_urn: of the data item; empty where it is about the return as a whole.
        words: for everybody who uses the figures.
        by: who puts it there.
        role: in which role.
        source: where it was read; empty where it is the person's own.
    """

    return_code: str
    council_code: str
    period: str
    item_urn: str
    words: str
    by: str
    role: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class RecordedIssue:
    """A known issue as the ledger keeps it.

    Attributes:
        number: of the known issue, in the order in which they were put.
        issue: what it says, where.
        put_at: in UTC.
        lifted_at: since when it no longer shows; None where it does.
        lifted_by: who lifted it; empty likewise.
        lift_reason: in their words; empty likewise.
    """

    number: int
    issue: KnownIssue
    put_at: datetime
    lifted_at: datetime | None
    lifted_by: str
    lift_reason: str
