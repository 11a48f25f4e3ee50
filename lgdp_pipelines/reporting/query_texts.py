"""What a council is asked, and how it answers: queries and known issues, as a report tells them.

What belongs here: the facts of a query beside a finding, and the sentences about them. What does not: gathering them
(``journey.asked``), and the life of a query (``ledger``).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lgdp_pipelines.ledger.query_values import KeptIssue, Query, QueryEvent, QueryState
from lgdp_pipelines.reporting.wording import moment


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """A query, with what helps to answer it.

    Attributes:
        query: as the ledger has it.
        before: what the council answered to the same question for an earlier period; None where it has not.
        sent_back: what a recipient said when it was last sent back, where it is open for that; None otherwise.
        notes: known issues on the very items that it is about.
    """

    query: Query
    before: QueryEvent | None
    sent_back: QueryEvent | None
    notes: tuple[KeptIssue, ...]

    @property
    def is_open(self) -> bool:
        """Whether it waits for the council."""
        return self.query.state is QueryState.OPEN


def how_to_answer(asked: AskedQuery) -> tuple[str, ...]:
    """Where a query stands and what to do about it, in sentences; ready commands among them."""
    return tuple(_lines(asked))


def _lines(asked: AskedQuery) -> Iterator[str]:
    query, given = asked.query, asked.query.answer
    for issue in asked.notes:
        yield f"Known issue {issue.number} is about the same: “{issue.issue.words}”"
    match query.state:
        case QueryState.OPEN:
            if asked.sent_back is not None:
                back = asked.sent_back
                yield f"Sent back by {back.by} on {moment(back.at)}: “{back.words}”"
            if asked.before is not None:
                yield (
                    f"For {asked.before.query_id.split('.')[2]} the answer was {asked.before.code}: "
                    f"“{asked.before.words}”. "
                    f'The same again: lgdp query answer {query.id} --as-last-year --by "<name>"'
                )
            yield f'To answer: lgdp query answer {query.id} --code <code> --words "<why>" --by "<name>"'
        case QueryState.ANSWERED if given is not None:
            yield f"Answered by {given.by} on {moment(given.at)}, {given.code}: “{given.words}”"
            yield "It is for a recipient now to accept the answer or to send it back."
        case QueryState.ACCEPTED if given is not None:
            yield f"The answer by {given.by} on {moment(given.at)}, {given.code}, was accepted. Nothing more is asked."
        case _:
            yield "What stands no longer shows it. Nothing more is asked."
