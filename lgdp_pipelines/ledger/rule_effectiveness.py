"""The effectiveness of query rules: their findings, and their queries by outcome, over all periods and councils.

A rule whose queries mostly end as correct as sent makes only noise, and should be corrected or retired. The view
``ledger.rule_noise`` counts the same in SQL (``conformance/rule_noise.sql``). Belongs elsewhere: the life of a single
query (``queries``).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from lgdp_pipelines.ledger.query_records import ExpiryReason, QueryState, QueryStep
from lgdp_pipelines.ledger.schema import JUDGEMENT, QUERY, QUERY_EVENT, RULE_RESULT, SUBMISSION, filter_return
from lgdp_pipelines.vocabulary.verdicts import RuleResult, Severity

CORRECT_AS_SENT = "correct-as-sent"
"""Code of the answer that the figures were right, so that the query was noise."""


@dataclass(frozen=True, slots=True)
class RuleEffectiveness:
    """The findings and queries of one rule, over all periods and councils.

    Attributes:
        rule: stable id.
        return_code: of the return.
        judged: submissions whose latest judgement ran it.
        findings: places at which it was broken in those judgements.
        opened: queries opened.
        answered: queries by the code of their last answer, without answers sent back.
        accepted: queries whose answer is accepted.
        sent_back: number of times that an answer was sent back.
        corrected: queries that expired because a later submission no longer showed them.
        noise: queries whose accepted answer is that the figures were right.
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
        """Number of queries that ended as accepted or corrected."""
        return self.accepted + self.corrected

    @property
    def noise_share(self) -> float | None:
        """Share of noise in the settled queries; None without settled queries."""
        return self.noise / self.settled if self.settled else None


def measure_effectiveness(connection: sa.Connection, return_code: str | None) -> tuple[RuleEffectiveness, ...]:
    """Return each query rule's effectiveness, largest share of noise first."""
    results = {(row.return_code, row.rule): row for row in connection.execute(_select_results(return_code))}
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    answers: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in connection.execute(_select_queries(return_code)):
        key = (row.return_code, row.rule)
        counts[key].update(_count_query(row))
        if row.answer:
            answers[key][row.answer] += 1
    rules = [
        RuleEffectiveness(
            rule=key[1],
            return_code=key[0],
            judged=results[key].judged if key in results else 0,
            findings=int(results[key].findings) if key in results else 0,
            answered=dict(sorted(answers[key].items())),
            **{name: counts[key][name] for name in _COUNTS},
        )
        for key in results.keys() | counts.keys()
    ]
    return tuple(
        sorted(rules, key=lambda rule: (-(rule.noise_share or 0), -rule.noise, -rule.opened, -rule.findings, rule.rule))
    )


_COUNTS = ("opened", "accepted", "sent_back", "corrected", "noise")


def _count_query(row: sa.Row[Any]) -> dict[str, int]:
    """Return one query's contribution to each count of its rule."""
    is_accepted = row.state == QueryState.ACCEPTED
    return {
        "opened": 1,
        "accepted": int(is_accepted),
        "sent_back": row.sent_back,
        "corrected": int(row.state == QueryState.EXPIRED and row.ending == ExpiryReason.CORRECTED),
        "noise": int(is_accepted and row.answer == CORRECT_AS_SENT),
    }


def _select_results(return_code: str | None) -> sa.Select[Any]:
    """Select counts of submissions and findings for query rules that ran.

    Only the latest judgement of each submission counts.
    """
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
            RULE_RESULT.c.severity == Severity.QUERY,
            RULE_RESULT.c.result != RuleResult.NOT_RUN,
            *filter_return(SUBMISSION, return_code, None),
        )
        .group_by(SUBMISSION.c.return_code, RULE_RESULT.c.rule)
    )


def _select_queries(return_code: str | None) -> sa.Select[Any]:
    """Select each query's state, answer code, expiry reason and send-back count."""
    return sa.select(
        QUERY.c.return_code,
        QUERY.c.rule,
        QUERY.c.state,
        select_answer_code().label("answer"),
        select_expiry_reason().label("ending"),
        count_send_backs().label("sent_back"),
    ).where(*filter_return(QUERY, return_code, None))


def _select_last_event(*steps: QueryStep) -> sa.ScalarSelect[Any]:
    """Select the id of a query's last event among these steps."""
    event = QUERY_EVENT.alias()
    return (
        sa.select(sa.func.max(event.c.id))
        .where(event.c.query_id == QUERY.c.id, event.c.step.in_(steps))
        .correlate(QUERY)
        .scalar_subquery()
    )


def select_answer_code() -> sa.ScalarSelect[Any]:
    """Select a query's current answer code; null if unanswered or sent back."""
    return (
        sa.select(QUERY_EVENT.c.code)
        .where(
            QUERY_EVENT.c.id == _select_last_event(QueryStep.ANSWERED, QueryStep.SENT_BACK),
            QUERY_EVENT.c.step == QueryStep.ANSWERED,
        )
        .correlate(QUERY)
        .scalar_subquery()
    )


def select_expiry_reason() -> sa.ScalarSelect[Any]:
    """Select the reason for a query's last expiry; null if never expired."""
    return (
        sa.select(QUERY_EVENT.c.code)
        .where(QUERY_EVENT.c.id == _select_last_event(QueryStep.EXPIRED))
        .correlate(QUERY)
        .scalar_subquery()
    )


def count_send_backs() -> sa.ScalarSelect[Any]:
    """Select the number of times that a query's answer was sent back."""
    return (
        sa.select(sa.func.count())
        .select_from(QUERY_EVENT)
        .where(QUERY_EVENT.c.query_id == QUERY.c.id, QUERY_EVENT.c.step == QueryStep.SENT_BACK)
        .correlate(QUERY)
        .scalar_subquery()
    )
