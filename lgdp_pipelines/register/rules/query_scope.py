"""What sets the queries of one rule apart: ``lgdpScope``, items whose codes say which part of a table is meant.

A query about one scope is answered by itself, so its codes stand in reports and in the ledger: only open items with
codes may be named, and only by a rule that asks. What belongs here: whether a scope can be one. What does not: telling
the rows of a scope apart (``validation``).
"""

from collections.abc import Iterator, Mapping

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.custom_properties import custom_of
from lgdp_pipelines.register.model.table_model import Item, Privacy, Rule
from lgdp_pipelines.vocabulary.verdicts import Severity


def check_query_scope(rule: Rule, place: YamlNode, items: Mapping[str, Item]) -> Iterator[Contradiction]:
    """What contradicts itself in the scope of one written rule.

    Args:
        rule: as read.
        place: where it stands.
        items: of its table, by name.
    """
    if not rule.scope:
        return
    scope = custom_of(place).at("lgdpScope")
    if rule.severity is not Severity.QUERY:
        yield scope.contradiction(
            f"The rule {rule.id} has a scope, and asks nothing.", "Write severity: query, or leave lgdpScope out."
        )
    may_be = [name for name, item in items.items() if _tells_apart(item)]
    for name in rule.scope:
        if name not in items:
            yield scope.contradiction(
                f"The scope of {rule.id} names {name}, which is no item of {rule.table}.", suggest(name, may_be)
            )
        elif not _tells_apart(items[name]):
            yield scope.contradiction(
                f"The scope of {rule.id} names {name}, which is not an open item with a code list.",
                "Name items with lgdpCodeList and lgdpPrivacy open: their codes stand in reports.",
            )


def _tells_apart(item: Item) -> bool:
    return item.privacy is Privacy.OPEN and item.code_list is not None
