"""What is common to made-up extracts of every return: what they answer, and what every table can be planted with.

Belongs here: the extract and its truth, and events that any table can have. Belongs elsewhere: any single return.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType

import polars as pl

from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.table_model import Item, Table
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period
from lgdp_pipelines.vocabulary.verdicts import RuleKind
from tests.planted.cell_defects import border_events, cell_events, prefix_of
from tests.planted.table_drafts import REMARKS, TRUTH, Draft, Event, PlantedFinding, csv_bytes

SHARE = 0.02
"""Of the rows that get a defect."""


@dataclass(frozen=True)
class ExtractTarget:
    """What a made-up extract answers."""

    register: Register
    contract: Contract
    council: Council
    period: Period
    received_on: date

    @classmethod
    def of(cls, register: Register, return_code: str, council: str = "FIF") -> "ExtractTarget":
        """The newest contract of a return, in its first period but one; it comes a month later."""
        contract = register.returns[return_code].latest
        period = register.returns[return_code].first_period.shift(1)
        return cls(register, contract, register.councils.by_code[council], period, period.end + timedelta(days=30))


@dataclass(frozen=True)
class Extract:
    """A made-up extract, and everything that must be found in it.

    Attributes:
        files: bytes by table name.
        truth: frame of :data:`TRUTH`.
        rows: how many it has, over all tables.
        before: figures of the period before, by table name, in their types.
    """

    files: Mapping[str, bytes]
    truth: pl.DataFrame
    rows: int
    before: Mapping[str, pl.DataFrame] = field(default_factory=dict)


def extract_of(target: ExtractTarget, drafts: Mapping[str, Draft]) -> Extract:
    """Drafts of a return's tables as files."""
    files = {
        name: csv_bytes(draft, {item.name: item.header for item in target.contract.by_name[name].items})
        for name, draft in drafts.items()
    }
    headers = [(f"{target.contract.slug}.{name}.extra_columns", "query", name, None, REMARKS) for name in drafts]
    truth = pl.concat([pl.DataFrame(headers, TRUTH, orient="row"), *(draft.truth for draft in drafts.values())])
    return Extract(files, truth, sum(draft.rows.height for draft in drafts.values()))


def table_events(
    target: ExtractTarget,
    table: Table,
    leave: frozenset[tuple[str, RuleKind]] = frozenset(),
    twice: Mapping[str, pl.Expr] = MappingProxyType({}),
) -> Iterator[Event]:
    """Every way to break a rule that follows from a table's items, its key and its columns.

    Args:
        target: what the extract answers.
        table: of its contract.
        leave: items and kinds that the return plants in a way of its own.
        twice: what is different in a row that repeats another.
    """
    slug = target.contract.slug
    for item in table.items:
        prefix = prefix_of(slug, target.contract.tables, table, item)
        for kind, event in cell_events(item, prefix, target.register, target.council, target.period):
            if (item.name, kind) not in leave:
                yield event
        if item.unique:
            severity = str(item.severities.get(RuleKind.UNIQUE, "error"))
            yield Event((PlantedFinding(f"{prefix}.unique", severity, item.header),), repeats=(item.name,))
    if table.key:
        found = PlantedFinding(f"{slug}.{table.name}.key", "error", table.key[0].header)
        repeated = tuple(item.name for item in table.items if not item.unique and item.name not in twice)
        yield Event((found,), twice, repeated)
    yield Event((PlantedFinding(f"{slug}.{table.name}.columns", "error", None),), is_ragged=True)


def border_of(target: ExtractTarget, table: Table, bound: Sequence[str]) -> Iterator[Event]:
    """Every way to only just keep to what is declared of a table's items.

    Args:
        target: what the extract answers.
        table: of its contract.
        bound: items that a rule over several cells names, for which the return says itself what is at the border.
    """
    free: list[Item] = [item for item in table.items if item.name not in bound and not item.key]
    for item in free:
        yield from border_events(item, target.register, target.period)
