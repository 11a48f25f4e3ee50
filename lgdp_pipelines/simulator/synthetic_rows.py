"""Synthetic rows made from a contract alone, so that a new return can be tried before any council has data.

**Every figure and case made here is synthetic.** Belongs here: rows that keep to everything that a contract declares of
its items and its key. Belongs elsewhere: rules across items (``synthetic_cases``, ``synthetic_figures`` and
``synthetic_schools`` know those of their returns) and mistakes (``planted_defects``).
"""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import product
from random import Random
from typing import Protocol

from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.table_model import Item, Role, Table
from lgdp_pipelines.simulator.synthetic_values import council_spelling, period_spelling, text_for, valid_codes
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.periods import Period

Row = dict[str, str]
"""Text by item name; empty where a cell is."""
MOST_ROWS = 2_000
ROWS_PER_TABLE = 40
_FILLED_SHARE = 0.9
_MARKED_SHARE = 0.03


def random_for(*parts: object) -> Random:
    """Return a random generator that is the same for the same parts on every machine."""
    return Random(hashlib.sha256("|".join(map(str, parts)).encode()).digest())  # noqa: S311 - synthetic data, no secret


def synthetic_rows(
    register: Register, contract: Contract, table: Table, council: Council, period: Period, *, seed: int, count: int
) -> list[Row]:
    """Return rows that keep to everything that a table declares of its items and its key.

    A table whose key is made of codes alone gets one row for each combination, up to :data:`MOST_ROWS`; any other gets
    ``count`` rows.
    """
    random = random_for(seed, contract.return_code, table.name, council.code, period.id)
    rows: list[Row] = []
    seen: set[tuple[str, ...]] = set()
    for key_cells in _key_cells(register, table, period, random, count):
        for _ in range(100):
            row = {item.name: _cell(register, item, council, period, random) for item in table.items} | key_cells
            key = tuple(row[item.name] for item in table.key)
            if not key or key not in seen:
                seen.add(key)
                rows.append(row)
                break
    return rows


def _key_cells(register: Register, table: Table, period: Period, random: Random, count: int) -> list[Row]:
    key_items = [item for item in table.key if item.role not in {Role.COUNCIL, Role.PERIOD}]
    if not key_items or any(item.code_list is None for item in key_items):
        return [{} for _ in range(count if key_items or not table.key else 1)]
    lists = [valid_codes(register.code_lists[item.code_list], period) for item in key_items if item.code_list]
    names = [item.name for item in key_items]
    combinations = [dict(zip(names, codes, strict=True)) for codes in product(*lists)]
    if len(combinations) <= MOST_ROWS:
        return combinations
    return random.sample(combinations, MOST_ROWS)


def _cell(register: Register, item: Item, council: Council, period: Period, random: Random) -> str:
    if item.role is Role.COUNCIL:
        return council_spelling(item, council, register.code_lists, period)
    if item.role is Role.PERIOD:
        return period_spelling(item, period)
    if item.marks and random.random() < _MARKED_SHARE:
        return random.choice(sorted(item.marks))
    if not (item.required or item.key) and random.random() > _FILLED_SHARE:
        return ""
    return text_for(item, register.code_lists, period, random)


class RowGenerator(Protocol):
    """Generates the synthetic rows of one submission."""

    def __call__(
        self, register: Register, contract: Contract, council: Council, period: Period, *, seed: int
    ) -> Mapping[str, Sequence[Row]]:
        """Return rows by table name, the same for the same seed."""
        ...


def contract_rows(
    register: Register, contract: Contract, council: Council, period: Period, *, seed: int
) -> Mapping[str, Sequence[Row]]:
    """Return rows of every table from the contract alone; see :func:`synthetic_rows`."""
    return {
        table.name: synthetic_rows(register, contract, table, council, period, seed=seed, count=ROWS_PER_TABLE)
        for table in contract.tables
    }
