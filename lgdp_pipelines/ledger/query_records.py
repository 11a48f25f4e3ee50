"""Records of queries and known issues: states, steps, and frozen values that the ledger takes and returns.

Belongs here: the records, which load without SQLAlchemy so that texts and pages can use them. Belongs elsewhere: the
transactions that change them (``queries``, ``known_issues``).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lgdp_pipelines.ledger.submission_records import CouncilReturn


class QueryState(StrEnum):
    """The state of a query, as its events determine it."""

    OPEN = "open"
    """The council must confirm or explain."""
    ANSWERED = "answered"
    """The council has answered; the recipient has not yet decided on the answer."""
    ACCEPTED = "accepted"
    """The recipient has accepted the answer."""
    EXPIRED = "expired"
    """The current submission no longer shows it."""


class QueryStep(StrEnum):
    """A step in the life of a query."""

    OPENED = "opened"
    """A current submission shows it for the first time."""
    ANSWERED = "answered"
    """The council has answered it, with a code and words."""
    ACCEPTED = "accepted"
    """A recipient has accepted the answer."""
    SENT_BACK = "sent_back"
    """A recipient has sent the answer back; it stays in the history."""
    CHANGED = "changed"
    """Its figures have changed: an accepted answer must be looked at again."""
    EXPIRED = "expired"
    """The current submission no longer shows it."""
    REOPENED = "reopened"
    """It had expired, and the current submission shows it again."""


class ExpiryReason(StrEnum):
    """The reason for an expiry, which is the event's ``code``."""

    CORRECTED = "corrected"
    """A later submission no longer shows it."""
    JUDGED_AGAIN = "judged_again"
    """The same submission no longer shows it: a rule, or a submission it is compared with, has changed."""
    WITHDRAWN = "withdrawn"
    """The council took the submission back."""


_NEXT_STATES = {
    QueryStep.OPENED: QueryState.OPEN,
    QueryStep.ANSWERED: QueryState.ANSWERED,
    QueryStep.ACCEPTED: QueryState.ACCEPTED,
    QueryStep.SENT_BACK: QueryState.OPEN,
    QueryStep.EXPIRED: QueryState.EXPIRED,
    QueryStep.REOPENED: QueryState.OPEN,
}


def find_next_state(state: QueryState, step: QueryStep) -> QueryState:
    """Return a query's state after a step; the step is not checked."""
    if step is QueryStep.CHANGED:
        return QueryState.ANSWERED if state is QueryState.ACCEPTED else state
    return _NEXT_STATES[step]


@dataclass(frozen=True, slots=True)
class QueryEvent:
    """A step in the life of a query, which is never changed.

    Attributes:
        query_id: of the query.
        at: in UTC.
        step: the step.
        submission_id: the submission that showed the query at that time, or no longer showed it.
        failed: number of places at which the rule was broken at that time.
        by: the person who answered, accepted or sent back; empty for steps of the platform.
        code: of an answer, from the list of answers; of an expiry, from :class:`ExpiryReason`; empty otherwise.
        words: of the person.
        origin: the query whose answer was taken over, such as last year's; None where the answer was new.
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
class Query(CouncilReturn):
    """A question to a council about something unlikely.

    It is about one rule, at one scope, for one period.

    Attributes:
        id: ``<return>.<council>.<period>.Q<nnn>``: the same as long as the question is the same.
        number: in the sequence of its return, council and period, from 1.
        rule: stable id of the rule.
        scope: codes of the part of the table that it is about; empty for the whole table.
        state: of the query.
        failed: number of places at which the rule is broken, or last was.
        submission_id: the submission that shows it, or showed it last.
        opened_at: when it was first opened, in UTC.
        expired_at: when it expired; None otherwise.
        answer: the last answer; None without one, or where it was sent back.
    """

    id: str
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
class KnownIssue(CouncilReturn):
    """A named person's note on figures, shown wherever the figures are shown.

    Attributes:
        item_urn: of the data item; empty where it is about the return as a whole.
        words: for all users of the figures.
        by: the person's name.
        role: of the person.
        source: that the person took it from; empty where the note is their own.
    """

    item_urn: str
    words: str
    by: str
    role: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class RecordedIssue:
    """A known issue as recorded in the ledger.

    Attributes:
        number: in the order in which known issues were added.
        issue: the note, and its place.
        put_at: in UTC.
        lifted_at: since when it no longer shows; None while it does.
        lifted_by: the person who lifted it; empty while it shows.
        lift_reason: in their words; empty while it shows.
    """

    number: int
    issue: KnownIssue
    put_at: datetime
    lifted_at: datetime | None
    lifted_by: str
    lift_reason: str
