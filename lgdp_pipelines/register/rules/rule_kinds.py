"""Which kinds of written rule there are, and the scopes that any written rule may have.

A kind is what ``quality: custom, engine: lgdp`` implements. A new one is a class of terms in ``rules.kinds``, its name
in ``RuleKind``, and a line in :data:`KINDS`. Where its terms come to SQL it is run and shown like any other rule in
SQL; else ``validation.table_rules`` tests it. Belongs here: the list, reading terms by it, and checking scopes. Belongs
elsewhere: any single kind.
"""

from collections.abc import Iterator, Mapping

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import Parsed, parse
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode, first_contradiction_where, suggest
from lgdp_pipelines.register.model.table_model import Item, Privacy, Rule
from lgdp_pipelines.register.rules.kinds.external_rules import AgreesWithTerms, InReferenceTerms, RefersToTerms
from lgdp_pipelines.register.rules.kinds.figure_rules import ControlTerms, EarlierPeriodTerms, TotalTerms
from lgdp_pipelines.register.rules.kinds.row_rules import (
    CompleteTerms,
    EmptyUnlessTerms,
    InOrderTerms,
    InPeriodTerms,
    NotFallingTerms,
    NotInFutureTerms,
    RequiredWhenTerms,
    RowsPerTerms,
)
from lgdp_pipelines.register.rules.kinds.rule_kind import RuleContext, RuleTerms
from lgdp_pipelines.vocabulary.verdicts import RuleKind, Severity

KINDS: Mapping[str, type[RuleTerms]] = {
    terms.kind.value: terms
    for terms in (
        RequiredWhenTerms,
        EmptyUnlessTerms,
        InOrderTerms,
        NotInFutureTerms,
        InPeriodTerms,
        TotalTerms,
        ControlTerms,
        RowsPerTerms,
        CompleteTerms,
        NotFallingTerms,
        EarlierPeriodTerms,
        RefersToTerms,
        AgreesWithTerms,
        InReferenceTerms,
    )
}
"""Terms of each kind of written rule, by the name that ``implementation`` gives in ``rule``."""


def find_rule_kind(implementation: YamlNode) -> RuleKind | None:
    """Return the kind of rule of an implementation, or None for an unknown name."""
    terms = KINDS.get(implementation.text("rule"))
    return terms.kind if terms else None


def read_terms(implementation: YamlNode) -> RuleTerms | None:
    """Return the readable terms of a rule; None for an unknown kind."""
    parsed = _parse(implementation)
    return parsed.value if parsed else None


def write_sql(implementation: YamlNode, context: RuleContext) -> str | None:
    """Return the SQL of terms; None where contradictory or not tested in SQL."""
    terms = read_terms(implementation)
    return None if terms is None or any(check_terms(implementation, context)) else terms.sql(context)


def check_terms(implementation: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
    """Yield the contradictions of terms: of their form, or else their meaning."""
    parsed = _parse(implementation)
    if parsed is None:
        name = implementation.text("rule")
        yield implementation.contradiction(f"The rule “{name}” is of no known kind.", suggest(name, KINDS))
        return
    yield from parsed.contradictions
    if parsed.value is not None and not parsed.contradictions:
        yield from parsed.value.check(implementation, context)


def _parse(implementation: YamlNode) -> Parsed[RuleTerms] | None:
    terms = KINDS.get(implementation.text("rule"))
    if terms is None:
        return None
    words = implementation.without_member("rule")
    return parse(terms, words, name="the implementation", remedy="Correct the implementation.")


def check_query_scope(rule: Rule, node: YamlNode, items: Mapping[str, Item]) -> Iterator[Contradiction]:
    """Yield what contradicts itself in the scope of a written rule.

    A query about one scope is answered by itself, so the scope's codes stand in reports and in the ledger: a scope is
    made of open items with codes, and only a rule that raises queries has one.

    Args:
        rule: the rule.
        node: where it is written.
        items: items of its table, by name.
    """
    if not rule.scope:
        return
    scope = node.custom_property("lgdpScope")
    if rule.severity is not Severity.QUERY:
        yield scope.contradiction(
            f"The rule {rule.id} has a scope, and asks nothing.", "Write severity: query, or leave lgdpScope out."
        )
    allowed = [name for name, item in items.items() if item.privacy is Privacy.OPEN and item.code_list is not None]
    for name in rule.scope:
        yield from first_contradiction_where(
            (
                name not in items,
                scope,
                f"The scope of {rule.id} names {name}, which is not an item of {rule.table}.",
                suggest(name, allowed),
            ),
            (
                name not in allowed,
                scope,
                f"The scope of {rule.id} names {name}, which is not an open item with a code list.",
                "Name items with lgdpCodeList and lgdpPrivacy open: their codes stand in reports.",
            ),
        )
