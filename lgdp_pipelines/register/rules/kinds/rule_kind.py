"""What every kind of written rule is made of, and what they share.

A kind is the words of its terms as a JSON Schema, the reading of them, and what may contradict itself in them. What
belongs here: that form, and the checks that several kinds make. What does not: any single kind.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.files.property_vocabulary import TEXT
from lgdp_pipelines.register.model.table_model import Item, ItemType, Role, Terms
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.periods import PeriodKind
from lgdp_pipelines.vocabulary.verdicts import RuleKind

NAMES: Mapping[str, Any] = {"type": "array", "items": TEXT, "uniqueItems": True, "minItems": 1}
"""JSON Schema of a list of items' names, at least one."""

AMOUNT: Mapping[str, Any] = {"type": "number", "minimum": 0}
"""JSON Schema of a tolerance."""

NUMERIC = (ItemType.INTEGER, ItemType.NUMBER, ItemType.DECIMAL)


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What a rule stands among in its contract.

    Attributes:
        table: the name of its table.
        tables: items by name, by table of the return.
        period_kind: of the return; None where it cannot be told.
        code_lists: lists of the register and of the contract, by id; empty while the contract is only read.
    """

    table: str
    tables: Mapping[str, Mapping[str, Item]]
    period_kind: PeriodKind | None
    code_lists: Mapping[str, CodeList]

    @property
    def items(self) -> Mapping[str, Item]:
        """The items of the rule's own table, by name."""
        return self.tables.get(self.table, {})


Contradicting = Callable[[Any, YamlNode, RuleContext], Iterator[Contradiction]]
"""What contradicts itself in terms (of the kind's own class), at the place of ``implementation``."""

Compiling = Callable[[Any, RuleContext], str]
"""The question that terms (of the kind's own class) come to: ``SELECT count(*) FROM {model} … WHERE <violation>``."""


@dataclass(frozen=True, slots=True)
class RuleKindDefinition:
    """One kind of written rule.

    Attributes:
        rule: its name in ``implementation: { rule: … }``.
        words: JSON Schema of what else stands there, by word.
        needed: the words that must stand there.
        read: terms as far as they can be read.
        contradictions: what contradicts itself in them.
        sql: the question that they come to; None where the kind is not asked in SQL.
        choices: of which words at least one must stand there; empty where there is no such choice.
    """

    rule: RuleKind
    words: Mapping[str, Any]
    needed: tuple[str, ...]
    read: Callable[[YamlNode], Terms]
    contradictions: Contradicting
    sql: Compiling | None = None
    choices: tuple[str, ...] = ()

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of ``implementation``."""
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {"rule": {"const": self.rule.value}, **self.words},
            "required": ["rule", *self.needed],
            "additionalProperties": False,
        }
        return {**schema, "anyOf": [{"required": [word]} for word in self.choices]} if self.choices else schema


def check_items_exist(names: Collection[str], place: YamlNode, among: RuleContext) -> Iterator[Contradiction]:
    """Names that are no item of the rule's table."""
    for name in names:
        if name and name not in among.items:
            yield place.contradiction(
                f"The rule names {name}, which is no item of {among.table}.", suggest(name, among.items)
            )


def check_item_types(
    names: Sequence[str], wanted: Collection[ItemType], place: YamlNode, among: RuleContext
) -> Iterator[Contradiction]:
    """Items that are there and are of none of the types that a kind of rule is about."""
    listed = " or ".join(wanted)
    for name in names:
        item = among.items.get(name)
        if item is not None and item.type not in wanted:
            yield place.contradiction(
                f"The rule holds {name} against something, which is of type {item.type}.",
                f"Name an item of type {listed}.",
            )


def list_measures(items: Mapping[str, Item]) -> list[str]:
    """The names of a table's measures."""
    return [item.name for item in items.values() if item.role is Role.MEASURE]
