"""Which rules only make noise: what each rule that asks has found, and what came of asking.

A rule whose queries are mostly settled as correct as sent asks for nothing: it is to be mended or retired. The view
``ledger.rule_noise`` says the same in SQL (``mirror``). What belongs here: counting, over all periods and councils.
What does not: what is done about it.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.ledger.query_records import ExpiryReason, QueryState, QueryStep
from lgdp_pipelines.ledger.query_schema import QUERY, QUERY_EVENT
from lgdp_pipelines.ledger.schema import JUDGEMENT, RULE_RESULT, SUBMISSION
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Severity

CORRECT_AS_SENT = "correct-as-sent"
"""The code of an answer that says that nothing was wrong: the rule asked for nothing."""


@dataclass(frozen=True, slots=True)
class RuleEffectiveness:
    """What one rule that asks has brought, over all periods and councils.

    Attributes:
        rule: stable id.
        return_code: of the return.
        judged: submissions that it was run on, by their latest judgement.
        findings: places at which it was broken in those.
        opened: queries that it led to.
        answered: how many of them were answered last with each code, by code; answers sent back are left out.
        accepted: queries whose answer stands accepted.
        sent_back: how often an answer was sent back.
        corrected: queries that expired because a later submission no longer showed them.
        noise: queries whose answer, correct as sent, stands accepted.
    """

    rule: str
    return_code: str
    judged: int
    findings: int
    opened: int
    answered: Mapping[str, int]
    accepted: int
    sent_back: int
    corrected: int
    noise: int

    @property
    def settled(self) -> int:
        """Queries that have come to an end: accepted, or corrected."""
        return self.accepted + self.corrected

    @property
    def share(self) -> float | None:
        """Of the settled ones, how many were noise; None where none is settled."""
        return self.noise / self.settled if self.settled else None


def noise(connection: sa.Connection, return_code: str | None) -> tuple[RuleEffectiveness, ...]:
    """What each rule that asks has brought: the largest share of noise first, then what was asked most.

    Args:
        connection: to read by.
        return_code: of the return; None: all.
    """
    tested = {(row.return_code, row.rule): row for row in connection.execute(_tested(return_code))}
    said: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    answers: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in connection.execute(_asked(return_code)):
        key = (row.return_code, row.rule)
        said[key].update(_counts(row))
        if row.answer:
            answers[key][row.answer] += 1
    found = [
        RuleEffectiveness(
            rule=key[1],
            return_code=key[0],
            judged=tested[key].judged if key in tested else 0,
            findings=int(tested[key].findings) if key in tested else 0,
            answered=dict(sorted(answers[key].items())),
            **{name: said[key][name] for name in _COUNTED},
        )
        for key in tested.keys() | said.keys()
    ]
    return tuple(sorted(found, key=lambda one: (-(one.share or 0), -one.noise, -one.opened, -one.findings, one.rule)))


_COUNTED = ("opened", "accepted", "sent_back", "corrected", "noise")


def _counts(row: sa.Row[Any]) -> dict[str, int]:
    is_accepted = row.state == QueryState.ACCEPTED
    return {
        "opened": 1,
        "accepted": int(is_accepted),
        "sent_back": row.sent_back,
        "corrected": int(row.state == QueryState.EXPIRED and row.ending == ExpiryReason.CORRECTED),
        "noise": int(is_accepted and row.answer == CORRECT_AS_SENT),
    }


def _tested(return_code: str | None) -> sa.Select[Any]:
    """Submissions and findings of each rule that asks, by the latest judgement of each submission."""
    latest = sa.select(sa.func.max(JUDGEMENT.c.id).label("id")).group_by(JUDGEMENT.c.submission_id).subquery("latest")
    return (
        sa.select(
            SUBMISSION.c.return_code,
            RULE_RESULT.c.rule,
            sa.func.count().label("judged"),
            sa.func.sum(RULE_RESULT.c.failed).label("findings"),
        )
        .select_from(RULE_RESULT)
        .join(latest, latest.c.id == RULE_RESULT.c.judgement_id)
        .join(JUDGEMENT, JUDGEMENT.c.id == latest.c.id)
        .join(SUBMISSION, SUBMISSION.c.id == JUDGEMENT.c.submission_id)
        .where(
            RULE_RESULT.c.severity == Severity.QUERY.value,
            RULE_RESULT.c.result != RuleResult.NOT_RUN.value,
            *([SUBMISSION.c.return_code == return_code] if return_code else []),
        )
        .group_by(SUBMISSION.c.return_code, RULE_RESULT.c.rule)
    )


def _asked(return_code: str | None) -> sa.Select[Any]:
    """Each query, with the code of the answer that stands, the reason of its end, and how often it was sent back."""
    return sa.select(
        QUERY.c.return_code,
        QUERY.c.rule,
        QUERY.c.state,
        standing_code().label("answer"),
        ending().label("ending"),
        times_sent_back().label("sent_back"),
    ).where(*([QUERY.c.return_code == return_code] if return_code else []))


def _last(*steps: QueryStep) -> sa.ScalarSelect[Any]:
    """Of a row of queries, its last event of some kinds."""
    event = QUERY_EVENT.alias()
    return (
        sa.select(sa.func.max(event.c.id))
        .where(event.c.query_id == QUERY.c.id, event.c.step.in_([step.value for step in steps]))
        .correlate(QUERY)
        .scalar_subquery()
    )


def standing_code() -> sa.ScalarSelect[Any]:
    """Of a row of queries, the code of the answer that stands: none where there is none, or it was sent back."""
    return (
        sa.select(QUERY_EVENT.c.code)
        .where(
            QUERY_EVENT.c.id == _last(QueryStep.ANSWERED, QueryStep.SENT_BACK),
            QUERY_EVENT.c.step == QueryStep.ANSWERED.value,
        )
        .correlate(QUERY)
        .scalar_subquery()
    )


def ending() -> sa.ScalarSelect[Any]:
    """Of a row of queries, why it expired last; none where it never has."""
    return (
        sa.select(QUERY_EVENT.c.code)
        .where(QUERY_EVENT.c.id == _last(QueryStep.EXPIRED))
        .correlate(QUERY)
        .scalar_subquery()
    )


def times_sent_back() -> sa.ScalarSelect[Any]:
    """Of a row of queries, how often its answer was sent back."""
    return (
        sa.select(sa.func.count())
        .select_from(QUERY_EVENT)
        .where(QUERY_EVENT.c.query_id == QUERY.c.id, QUERY_EVENT.c.step == QueryStep.SENT_BACK.value)
        .correlate(QUERY)
        .scalar_subquery()
    )
