"""Common parts of the synthetic extracts of every return: their target, and the events that every table can have.

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
from tests.planted.cell_defects import find_rule_prefix, list_border_events, list_cell_events
from tests.planted.table_drafts import REMARKS, TRUTH, Draft, Event, PlantedFinding, write_csv

SHARE = 0.02
"""Share of the rows that get a defect."""


@dataclass(frozen=True)
class ExtractTarget:
    """The contract, council and period that a synthetic extract answers."""

    register: Register
    contract: Contract
    council: Council
    period: Period
    received_on: date

    @classmethod
    def of(cls, register: Register, return_code: str, council: str = "FIF") -> "ExtractTarget":
        """Return the newest contract of a return, in its second period, received a month later."""
        contract = register.returns[return_code].latest
        period = register.returns[return_code].first_period.shift(1)
        return cls(register, contract, register.councils.by_code[council], period, period.end + timedelta(days=30))


@dataclass(frozen=True)
class Extract:
    """A synthetic extract, and every finding that it must have.

    Attributes:
        files: bytes by table name.
        truth: frame of :data:`TRUTH`.
        rows: number of rows of all tables.
        prior_figures: figures of the period before, by table name, in their types.
    """

    files: Mapping[str, bytes]
    truth: pl.DataFrame
    rows: int
    prior_figures: Mapping[str, pl.DataFrame] = field(default_factory=dict)


def build_extract(target: ExtractTarget, drafts: Mapping[str, Draft]) -> Extract:
    """Return the drafts of a return's tables as files."""
    files = {
        name: write_csv(draft, {item.name: item.header for item in target.contract.by_name[name].items})
        for name, draft in drafts.items()
    }
    headers = [(f"{target.contract.slug}.{name}.extra_columns", "query", name, None, REMARKS) for name in drafts]
    truth = pl.concat([pl.DataFrame(headers, TRUTH, orient="row"), *(draft.truth for draft in drafts.values())])
    return Extract(files, truth, sum(draft.rows.height for draft in drafts.values()))


def list_table_events(
    target: ExtractTarget,
    table: Table,
    excluded: frozenset[tuple[str, RuleKind]] = frozenset(),
    changes_of_repeats: Mapping[str, pl.Expr] = MappingProxyType({}),
) -> Iterator[Event]:
    """Yield every way to break a rule about a table's items, its key and its columns.

    Args:
        target: the target of the extract.
        table: of its contract.
        excluded: items and kinds that the return's own module plants.
        changes_of_repeats: changed cells of a row that repeats another.
    """
    slug = target.contract.slug
    for item in table.items:
        prefix = find_rule_prefix(slug, target.contract.tables, table, item)
        for kind, event in list_cell_events(item, prefix, target.register, target.council, target.period):
            if (item.name, kind) not in excluded:
                yield event
        if item.unique:
            severity = str(item.severities.get(RuleKind.UNIQUE, "error"))
            yield Event((PlantedFinding(f"{prefix}.unique", severity, item.header),), repeats=(item.name,))
    if table.key:
        finding = PlantedFinding(f"{slug}.{table.name}.key", "error", table.key[0].header)
        repeated_names = tuple(
            item.name for item in table.items if not item.unique and item.name not in changes_of_repeats
        )
        yield Event((finding,), changes_of_repeats, repeated_names)
    yield Event((PlantedFinding(f"{slug}.{table.name}.columns", "error", None),), is_ragged=True)


def list_table_border_events(target: ExtractTarget, table: Table, excluded_names: Sequence[str]) -> Iterator[Event]:
    """Yield every way to only just keep to the declarations of a table's items.

    Args:
        target: the target of the extract.
        table: of its contract.
        excluded_names: items that a rule over several cells names; the return's own module has their borders.
    """
    free_items: list[Item] = [item for item in table.items if item.name not in excluded_names and not item.key]
    for item in free_items:
        yield from list_border_events(item, target.register, target.period)
