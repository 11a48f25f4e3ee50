"""Synthetic rows made from a contract alone, so that a new return can be tried before any council has data.

**Every figure and case made here is synthetic.** Belongs here: cells and rows that keep to everything that a contract
declares of its items and its key. Belongs elsewhere: rules across items (``synthetic_cases`` and ``synthetic_figures``
know those of their returns), mistakes (``planted_defects``) and files (``extract_writers``).
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from math import ceil, floor
from random import Random

from lgdp_pipelines.register.model.contract import Contract, Register
from lgdp_pipelines.register.model.table_model import Item, ItemType, Range, Role, Table
from lgdp_pipelines.vocabulary.councils import Council
from lgdp_pipelines.vocabulary.pattern_text import generate_matching_text
from lgdp_pipelines.vocabulary.periods import Period, list_period_spellings
from lgdp_pipelines.vocabulary.value_formats import format_day

Row = dict[str, str]
"""Text by item name; empty for an empty cell."""

MOST_ROWS = 2_000
ROWS_PER_TABLE = 40
_FILLED_SHARE = 0.9
_MARKED_SHARE = 0.03
_LOWEST, _HIGHEST = 0.0, 500.0
"""Bounds of a number whose item declares no bounds."""


@dataclass(frozen=True, slots=True)
class RowRequest:
    """A request for the synthetic rows of one submission.

    Attributes:
        register: gives code lists and councils.
        contract: the contract that the rows keep to.
        council: the council that the rows are of.
        period: the period that the rows are of.
        seed: of the random generators; the same seed gives the same rows.
    """

    register: Register
    contract: Contract
    council: Council
    period: Period
    seed: int

    @property
    def table(self) -> Table:
        """The only table of the contract."""
        (table,) = self.contract.tables
        return table

    def make_random(self, *parts: object) -> Random:
        """Return a random generator that is reproducible from seed and parts."""
        text = "|".join(map(str, (self.seed, *parts)))
        return Random(hashlib.sha256(text.encode()).digest())  # noqa: S311 - synthetic data, no secret

    def list_valid_codes(self, code_list: str) -> list[str]:
        """Return the codes valid at the period's end, in the list's order."""
        codes = self.register.code_lists[code_list].codes
        return [code.code for code in codes if code.is_valid_on(self.period.end)]


RowGenerator = Callable[[RowRequest], Mapping[str, Sequence[Row]]]
"""Returns the rows of a submission by table name, the same for the same request."""


def generate_contract_rows(request: RowRequest) -> Mapping[str, Sequence[Row]]:
    """Return rows of every table from the contract alone; see :func:`generate_table_rows`."""
    return {table.name: generate_table_rows(request, table, ROWS_PER_TABLE) for table in request.contract.tables}


def generate_table_rows(request: RowRequest, table: Table, count: int) -> list[Row]:
    """Return valid rows, a given number or one for each code combination.

    A table whose key is made of codes alone gets one row for each combination, up to :data:`MOST_ROWS`; any other gets
    ``count`` rows.
    """
    random = request.make_random(request.contract.return_code, table.name, request.council.code, request.period.id)
    rows: list[Row] = []
    keys: set[tuple[str, ...]] = set()
    for key_cells in _generate_key_cells(request, table, random, count):
        for _ in range(100):
            row = {item.name: _generate_cell(item, request, random) for item in table.items} | key_cells
            key = tuple(row[item.name] for item in table.key)
            if not key or key not in keys:
                keys.add(key)
                rows.append(row)
                break
    return rows


def _generate_key_cells(request: RowRequest, table: Table, random: Random, count: int) -> list[Row]:
    """Return the key's cells of each row; empty unless all are codes."""
    items = [item for item in table.key if item.role not in {Role.COUNCIL, Role.PERIOD}]
    if not items or any(item.code_list is None for item in items):
        return [{} for _ in range(count if items or not table.key else 1)]
    lists = [request.list_valid_codes(item.code_list) for item in items if item.code_list]
    names = [item.name for item in items]
    combinations = [dict(zip(names, codes, strict=True)) for codes in product(*lists)]
    return combinations if len(combinations) <= MOST_ROWS else random.sample(combinations, MOST_ROWS)


def _generate_cell(item: Item, request: RowRequest, random: Random) -> str:
    """Return a cell: council, period, mark, value or nothing."""
    if item.role is Role.COUNCIL:
        return spell_council(item, request)
    if item.role is Role.PERIOD:
        return spell_period(item, request.period)
    if item.marks and random.random() < _MARKED_SHARE:
        return random.choice(sorted(item.marks))
    if not (item.required or item.key) and random.random() > _FILLED_SHARE:
        return ""
    return generate_text(item, request, random)


def generate_text(item: Item, request: RowRequest, random: Random) -> str:
    """Return synthetic text of the item's code list, type, pattern and bounds."""
    if item.code_list is not None:
        return random.choice(request.list_valid_codes(item.code_list))
    match item.type:
        case ItemType.DATE:
            return format_day(_generate_day(item, request.period, random), item.date_format or "yyyy-MM-dd")
        case ItemType.BOOLEAN:
            return random.choice(("true", "false"))
        case ItemType.TEXT:
            return _generate_words(item, random)
        case ItemType.INTEGER | ItemType.NUMBER | ItemType.DECIMAL:
            return _generate_number(item, random)


def _generate_day(item: Item, period: Period, random: Random) -> date:
    """Return a day within both the period and the item's range."""
    declared = item.range or Range()
    first = max(period.start, date.fromisoformat(declared.minimum)) if declared.minimum else period.start
    last = min(period.end, date.fromisoformat(declared.maximum)) if declared.maximum else period.end
    return first + timedelta(days=random.randint(0, max((last - first).days, 0)))


def _generate_number(item: Item, random: Random) -> str:
    """Return a number within the item's bounds, with its digits."""
    low, high = _find_bounds(item)
    if item.multiple_of is not None:
        step = Decimal(item.multiple_of)
        return str(step * random.randint(ceil(Decimal(str(low)) / step), floor(Decimal(str(high)) / step)))
    if item.type is ItemType.INTEGER:
        return str(random.randint(int(low), int(high)))
    digits = item.scale if item.type is ItemType.DECIMAL else 2
    return f"{random.uniform(low, high):.{digits}f}"


def _find_bounds(item: Item) -> tuple[float, float]:
    """Return the bounds for generated numbers, declared or else default."""
    step = 1.0 if item.type is ItemType.INTEGER else 10.0**-item.scale if item.scale else 0.01
    declared = item.range or Range()
    low = _find_bound(declared.minimum, declared.exclusive_minimum, step, _LOWEST)
    high = _find_bound(declared.maximum, declared.exclusive_maximum, -step, _HIGHEST)
    if item.type is ItemType.DECIMAL and item.precision:
        high = min(high, 10.0 ** (item.precision - item.scale) - step)
    return low, max(low, high)


def _find_bound(inclusive: str | None, exclusive: str | None, step: float, default: float) -> float:
    """Return the inclusive bound, the adjusted exclusive one, or the default."""
    if inclusive is not None:
        return float(inclusive)
    return default if exclusive is None else float(exclusive) + step


_WORDS = ("north", "south", "east", "west", "river", "harbour", "hill", "moor", "glen", "strand", "field", "bridge")


def _generate_words(item: Item, random: Random) -> str:
    """Return text of the item's pattern, or else words within its length."""
    if item.pattern is not None:
        return generate_matching_text(item.pattern, random)
    text = f"{random.choice(_WORDS)} {random.choice(_WORDS)} {random.randint(1, 999)}"
    return text.ljust(item.min_length or 0, "x")[: item.max_length or None]


def spell_council(item: Item, request: RowRequest) -> str:
    """Return the council's first code or name that the item can hold.

    Raises:
        ValueError: the item can hold none of them.
    """
    council = request.council
    spellings = [council.name, council.gss_code, council.sg_code, council.code, *council.spellings]
    if item.code_list:
        valid_codes = request.list_valid_codes(item.code_list)
        spellings = [spelling for spelling in spellings if spelling in valid_codes]
    return _choose_fitting(item, spellings)


def spell_period(item: Item, period: Period) -> str:
    """Return the period's first fitting spelling, or its first day for dates.

    Raises:
        ValueError: the item can hold none of them.
    """
    if item.type is ItemType.DATE:
        return format_day(period.start, item.date_format or "yyyy-MM-dd")
    return _choose_fitting(item, list_period_spellings(period))


def spell_identity(table: Table, request: RowRequest) -> Row:
    """Return council and period as a table spells them, by item name."""
    councils = {item.name: spell_council(item, request) for item in table.list_items_of_role(Role.COUNCIL)}
    return councils | {item.name: spell_period(item, request.period) for item in table.list_items_of_role(Role.PERIOD)}


def _choose_fitting(item: Item, spellings: Sequence[str]) -> str:
    """Return the first spelling that the item can hold."""
    for text in spellings:
        if (
            (item.type is not ItemType.INTEGER or text.isdecimal())
            and (item.pattern is None or re.fullmatch(item.pattern, text))
            and (item.min_length or 0) <= len(text) <= (item.max_length or len(text))
        ):
            return text
    message = f"No spelling fits the item {item.urn}"
    raise ValueError(message)
