"""What every kind of written rule is made of, and what several kinds share.

A kind is a model of its terms, with the contradictions in them and the SQL that they come to. What belongs here: that
form, the types of fields, and the checks that several kinds make. What does not: any single kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt
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


Value = str | int | float | bool


class ConditionTest(StrEnum):
    """The test that a condition makes of a cell."""

    FILLED = "filled"
    EMPTY = "empty"
    AMONG = "among"
    NOT_AMONG = "not among"


@plain_dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a cell of the rows that a rule applies to.

    Attributes:
        test: what is tested.
        values: the values that it must, or must not, be among; empty for the other tests.
    """

    test: ConditionTest
    values: tuple[Value, ...] = ()


def _parse_condition(written: object) -> Condition:
    """Return ``filled``, ``empty``, ``[values]`` or ``{not: [values]}`` as a condition."""
    match written:
        case "filled" | "empty":
            return Condition(ConditionTest(written))
        case {"not": values} if len(written) == 1:  # type: ignore[arg-type]  # a mapping, as matched
            test = ConditionTest.NOT_AMONG
        case _:
            values, test = written, ConditionTest.AMONG
    if not isinstance(values, list) or not values or not all(isinstance(value, Value) for value in values):
        raise refusal("is no condition", "Write filled, empty, a list of values, or not: and a list of values.")
    if any(values.count(value) > 1 for value in values):
        raise refusal("has a value twice", "Keep one of the two.")
    return Condition(test, tuple(values))


Conditions: TypeAlias = Annotated[
    dict[str, Annotated[Condition, BeforeValidator(_parse_condition)]], Field(min_length=1)
]
"""Conditions by item, all of which must hold."""


@plain_dataclass(frozen=True, slots=True)
class RuleContext:
    """The contract around a rule.

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
    """The terms of one kind of written rule: a model of its ``implementation``.

    Each subclass is a frozen pydantic dataclass.
    """

    kind: ClassVar[RuleKind]

    @property
    @abstractmethod
    def place(self) -> tuple[str, ...]:
        """Names of the items of a finding by default.

        It is shown at the first.
        """

    @property
    def items(self) -> tuple[str, ...]:
        """Names of the items of its own table that the rule reads."""
        return self.place

    @abstractmethod
    def check(self, node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
        """Yield the contradictions of the terms.

        Args:
            node: the ``implementation``.
            context: what the contract says around the rule.
        """

    def sql(self, _context: RuleContext) -> str | None:
        """Return a ``SELECT count(*)`` of violations; None for kinds not tested in SQL."""
        return None


@dataclass(frozen=True, config=STRICT, kw_only=True)
class ConditionalTerms(RuleTerms):
    """The terms of a rule that may apply to some rows only.

    Attributes:
        when: the conditions of the rows that the rule applies to; none: all.
    """

    when: Conditions = field(default_factory=dict)

    @property
    def items(self) -> tuple[str, ...]:
        """Names of the items of its own table that the rule reads."""
        return tuple(dict.fromkeys((*self.place, *self.when)))


@dataclass(frozen=True, config=STRICT, kw_only=True)
class FigureTerms(ConditionalTerms):
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
        """Return whether an empty part counts as nothing."""
        return self.absent == "zero"


def check_items_exist(names: Collection[str], node: YamlNode, context: RuleContext) -> Iterator[Contradiction]:
    """Yield the names that are no item of the rule's table."""
    yield from (
        node.contradiction(f"The rule names {name}, which is no item of {context.table}.", suggest(name, context.items))
        for name in names
        if name and name not in context.items
    )


def check_item_types(
    names: Sequence[str], types: Collection[ItemType], node: YamlNode, context: RuleContext
) -> Iterator[Contradiction]:
    """Yield the items of types that a kind of rule cannot compare."""
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
