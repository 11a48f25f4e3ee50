"""What every kind of written rule is made of, and what several kinds share.

A kind is a model of its terms, with the contradictions in them and the SQL that they come to. What belongs here: that
form, the types of fields, and the checks that several kinds make. What does not: any single kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field, StrictBool, StrictInt
from pydantic.dataclasses import dataclass

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.model_parsing import suggest
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.field_types import STRICT, Text, refusal
from lgdp_pipelines.register.model.table_model import Item, ItemType, Role
from lgdp_pipelines.vocabulary.code_lists import CodeList
from lgdp_pipelines.vocabulary.periods import PeriodKind
from lgdp_pipelines.vocabulary.verdicts import RuleKind

NUMERIC = (ItemType.INTEGER, ItemType.NUMBER, ItemType.DECIMAL)


def _refuse_false(value: bool) -> bool:  # noqa: FBT001 - pydantic calls it
    if not value:
        raise refusal("can only be true", "Write true, or remove it.")
    return value


OnlyTrue: TypeAlias = Annotated[StrictBool, AfterValidator(_refuse_false)]
"""A word that is either written as true or left out."""

Amount: TypeAlias = Annotated[float, Field(ge=0, strict=True)]
"""A number from 0 on."""

Count: TypeAlias = Annotated[StrictInt, Field(ge=0)]
"""A whole number from 0 on."""

ItemPairs: TypeAlias = Annotated[dict[str, Text], Field(min_length=1)]
"""Names of items or columns elsewhere, by names of the own items that they must equal."""


@plain_dataclass(frozen=True, slots=True)
class RuleContext:
    """What a rule's contract says around it.

    Attributes:
        table: name of its table.
        tables: items by name, by table of the return.
        period_kind: of the return; None where it is not known.
        code_lists: lists of the register and of the contract, by id; empty while the contract is being read.
    """

    table: str
    tables: Mapping[str, Mapping[str, Item]]
    period_kind: PeriodKind | None
    code_lists: Mapping[str, CodeList]

    @property
    def items(self) -> Mapping[str, Item]:
        """The items of the rule's own table, by name."""
        return self.tables.get(self.table, {})


class RuleTerms(ABC):
    """The terms of one kind of written rule: a frozen pydantic dataclass of the words under ``implementation``."""

    kind: ClassVar[RuleKind]

    @property
    @abstractmethod
    def items(self) -> tuple[str, ...]:
        """Names of the items of the rule's own table that it reads."""

    @property
    @abstractmethod
    def place(self) -> tuple[str, ...]:
        """Names of the items that a finding is about, where the rule does not say; it stands at the first."""

    @abstractmethod
    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield what contradicts itself in the terms.

        Args:
            node: the ``implementation``.
            context: what the contract says around the rule.
        """

    def sql(self, _context: RuleContext) -> str | None:
        """Return ``SELECT count(*) FROM {model} … WHERE <violation>``; None where the kind is not tested in SQL."""
        return None


@dataclass(frozen=True, config=STRICT, kw_only=True)
class FigureTerms(RuleTerms):
    """The terms of a rule that compares two figures.

    Attributes:
        tolerance: by how much they may differ, in their unit; the greater of the two tolerances applies.
        tolerance_pct: by how much they may differ, in percent of the figure that is compared with the other.
        absent: whether an empty part of a sum counts as zero, or makes the sum unknown.
    """

    tolerance: Amount = 0.0
    tolerance_pct: Annotated[Amount, Field(validation_alias="tolerancePct")] = 0.0
    absent: Literal["unknown", "zero"] = "unknown"

    @property
    def absent_is_zero(self) -> bool:
        """Whether an empty part counts as nothing."""
        return self.absent == "zero"


def check_items_exist(names: Collection[str], node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
    """Yield the names that are no item of the rule's table."""
    for name in names:
        if name and name not in context.items:
            yield node.contradiction(
                f"The rule names {name}, which is no item of {context.table}.", suggest(name, context.items)
            )


def check_item_types(
    names: Sequence[str], types: Collection[ItemType], node: YamlNode, context: RuleContext
) -> Iterator[Contradiction]:
    """Yield the items that have none of the types that a kind of rule can compare."""
    for name in names:
        item = context.items.get(name)
        if item is not None and item.type not in types:
            yield node.contradiction(
                f"The rule compares {name}, which is of type {item.type}.",
                f"Name an item of type {' or '.join(types)}.",
            )


def list_measures(items: Mapping[str, Item]) -> list[str]:
    """Return the names of a table's measures."""
    return [item.name for item in items.values() if item.role is Role.MEASURE]
