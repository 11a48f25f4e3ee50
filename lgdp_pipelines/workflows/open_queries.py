"""What councils are asked, gathered from ledger and register for reports and for those who answer.

What belongs here: fetching, for many at once where many are wanted. What does not: how it reads (``feedback.asked``).
"""

from collections.abc import Mapping, Sequence

from lgdp_pipelines.ledger.query_values import KeptIssue, Query
from lgdp_pipelines.register.model.contract import Contract
from lgdp_pipelines.register.rules.contract_rules import list_rules
from lgdp_pipelines.reporting.report_content import ReportedQuery
from lgdp_pipelines.vocabulary.periods import parse_period
from lgdp_pipelines.workflows.platform import Platform

_Place = tuple[str, str, str]


def asked_of(platform: Platform, queries: Sequence[Query]) -> tuple[ReportedQuery, ...]:
    """Queries with what helps to answer them, in their order."""
    ledger = platform.ledger
    before, back = ledger.queries.answers_before(queries), ledger.queries.sent_back(queries)
    places: set[_Place] = {(one.return_code, one.council_code, one.period) for one in queries}
    issues = {place: ledger.known_issues.showing(*place) for place in sorted(places)}
    return tuple(
        ReportedQuery(
            one,
            before.get(one.id),
            back.get(one.id),
            _notes(platform, one, issues[one.return_code, one.council_code, one.period]),
        )
        for one in queries
    )


def _notes(platform: Platform, query: Query, issues: Sequence[KeptIssue]) -> tuple[KeptIssue, ...]:
    """The known issues on an item that the query's rule names."""
    if not issues:
        return ()
    contract = platform.register.returns[query.return_code].contract_for(parse_period(query.period))
    about = _items_of(contract).get(query.rule, frozenset())
    return tuple(one for one in issues if one.issue.item_urn in about)


def _items_of(contract: Contract) -> Mapping[str, frozenset[str]]:
    """URNs of the items that each rule names."""
    return {
        rule.id: frozenset(
            contract.by_name[rule.table].by_name[name].urn
            for name in rule.items
            if name in contract.by_name[rule.table].by_name
        )
        for rule in list_rules(contract)
        if rule.table
    }
