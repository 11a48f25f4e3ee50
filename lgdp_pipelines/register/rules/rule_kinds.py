"""Which kinds of written rule there are: what ``quality: custom, engine: lgdp`` may implement.

A new kind is a record of terms and a ``Kind`` in ``register.kinds``, its name in ``RuleKind``, and a line in
:data:`KINDS`. Where its terms come to SQL it is run and shown like any other rule in SQL; else ``validation.across``
runs it. What belongs here: the list, and reading terms by it. What does not: any single kind.
"""

from collections.abc import Iterator, Mapping
from functools import cache

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.schema_errors import Shape, misshapen
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.table_model import Terms
from lgdp_pipelines.register.rules.kinds.conditional_rules import EMPTY_UNLESS, REQUIRED_WHEN
from lgdp_pipelines.register.rules.kinds.date_rules import IN_ORDER, IN_PERIOD, NOT_IN_FUTURE
from lgdp_pipelines.register.rules.kinds.external_rules import AGREES_WITH, IN_REFERENCE, REFERS_TO
from lgdp_pipelines.register.rules.kinds.prior_period_rules import EARLIER_PERIOD
from lgdp_pipelines.register.rules.kinds.row_rules import COMPLETE, NOT_FALLING, ROWS_PER
from lgdp_pipelines.register.rules.kinds.rule_kind import RuleContext, RuleKindDefinition
from lgdp_pipelines.register.rules.kinds.total_rules import CONTROL, TOTAL
from lgdp_pipelines.vocabulary.verdicts import RuleKind

KINDS: Mapping[str, RuleKindDefinition] = {
    kind.rule.value: kind
    for kind in (
        REQUIRED_WHEN,
        EMPTY_UNLESS,
        IN_ORDER,
        NOT_IN_FUTURE,
        IN_PERIOD,
        TOTAL,
        CONTROL,
        ROWS_PER,
        COMPLETE,
        NOT_FALLING,
        EARLIER_PERIOD,
        REFERS_TO,
        AGREES_WITH,
        IN_REFERENCE,
    )
}
"""Kinds of written rule, by the name that ``implementation`` gives in ``rule``."""


def find_rule_kind(implementation: YamlNode) -> RuleKind | None:
    """The kind of rule that an implementation names; None where there is none of that name."""
    kind = KINDS.get(implementation.text("rule"))
    return kind.rule if kind else None


def read_terms(implementation: YamlNode) -> Terms | None:
    """Terms as far as they can be read; None where they are of no known kind."""
    kind = KINDS.get(implementation.text("rule"))
    return kind.read(implementation) if kind else None


def write_sql(terms: Terms | None, implementation: YamlNode, among: RuleContext) -> str | None:
    """The question that terms come to; None where they contradict themselves, or their kind is not asked in SQL."""
    kind = KINDS.get(implementation.text("rule"))
    if kind is None or kind.sql is None or any(check_terms(terms, implementation, among)):
        return None
    return kind.sql(terms, among)


def check_terms(terms: Terms | None, implementation: YamlNode, among: RuleContext) -> Iterator[Contradiction]:
    """What contradicts itself in terms: their shape, and where that is right what they say."""
    kind = KINDS.get(implementation.text("rule"))
    if kind is None:
        yield implementation.contradiction(
            f"The rule “{implementation.text('rule')}” is of no known kind.",
            suggest(implementation.text("rule"), KINDS),
        )
        return
    wrong = tuple(misshapen(implementation, _shape(kind.rule), "Mend the implementation.", label="implementation"))
    yield from wrong
    if not wrong:
        yield from kind.contradictions(terms, implementation, among)


@cache
def _shape(kind: RuleKind) -> Shape:
    return Shape(KINDS[kind].schema)
