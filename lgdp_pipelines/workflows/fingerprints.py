"""Fingerprints of figures, put under the platform's key before they are kept.

A plain hash of a few cells could be tried out until it fits, so none ever reaches the ledger. What belongs here: that
one step. What does not: taking the fingerprint (``validation.asking``), and comparing two (``ledger.queries``).
"""

from collections.abc import Sequence
from dataclasses import replace

from lgdp_pipelines.handover.findings import QueryScope, RuleOutcome
from lgdp_pipelines.storage.pseudonym_keys import TokenKey

PURPOSE = "query"


def sealed(key: TokenKey, outcomes: Sequence[RuleOutcome]) -> tuple[RuleOutcome, ...]:
    """Outcomes with the fingerprints of what they ask under a key."""
    return tuple(
        replace(one, query_scopes=tuple(_sealed(key, one.rule, scope) for scope in one.query_scopes))
        if one.query_scopes
        else one
        for one in outcomes
    )


def _sealed(key: TokenKey, rule: str, asked: QueryScope) -> QueryScope:
    if not asked.fingerprint:
        return asked
    return replace(asked, fingerprint=key.token(PURPOSE, f"{rule} {asked.scope}", asked.fingerprint))
