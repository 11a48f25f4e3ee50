"""Disclosure control: the counts that are withheld so that no published figure points at a person.

Small counts are withheld first (above 0 and below the threshold). That alone is not enough: a single withheld cell is
the council's total less the cells shown. So more cells are withheld, the smallest first, until in each set of cells
that add up to a known figure

- at least two are withheld, and
- the withheld ones add up to the threshold or more (two cells of 1 are known from a difference of 2);

until no shown cells add up to a withheld one; and until no withheld cell follows from all sums taken together, which is
tested by solving them. The total over all cells is taken to be known even where it is not published. A 0 is shown.

Nothing tells a reader whether a withheld cell is a small count or protects one. Limits: a total that is itself below
the threshold and known from elsewhere is not hidden, and releases are not compared with one another.

Belongs here: the decision over the cells of one council and period. Belongs elsewhere: SQL (``published_models``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

_PRIME = 2**61 - 1
"""Sums have coefficients 0 and ±1; they are solved modulo a prime so large that no pivot vanishes by chance."""


@dataclass(frozen=True)
class CountCell:
    """One counted figure.

    Attributes:
        item: URN of the count.
        breakdown: code by name of the dimension; empty for a total.
        value: the count; None for a missing one.
    """

    item: str
    breakdown: Mapping[str, str | None]
    value: float | None

    @property
    def count(self) -> float:
        """The figure, 0 for a missing one."""
        return self.value or 0.0


@dataclass(frozen=True)
class _Sum:
    """A set of cells that add up to a known figure.

    Attributes:
        parent: cell of the sum; None for the total over all cells.
        children: cells that add up to it.
    """

    parent: int | None
    children: tuple[int, ...]

    @property
    def members(self) -> tuple[int, ...]:
        """Numbers of all its cells, the parent included."""
        return self.children if self.parent is None else (*self.children, self.parent)


def suppress_small_counts(cells: pa.Table, threshold: int) -> pa.Table:
    """Return which cells are withheld, each council, period and population apart.

    Args:
        cells: columns council_code, period, population (cells of one population add up to one another), item, breakdown
            (map), value (double, a count) and _cell (int64, unique within council and period).
        threshold: counts above 0 and below it point at people.

    Returns:
        Columns council_code, period, _cell and is_withheld, in the order of the input.
    """
    rows = cells.to_pylist()
    is_withheld = [False] * len(rows)
    populations: dict[tuple[str, str, str], list[int]] = {}
    for number in sorted(range(len(rows)), key=lambda number: rows[number]["_cell"]):
        row = rows[number]
        populations.setdefault((row["council_code"], row["period"], row["population"]), []).append(number)
    for numbers in populations.values():
        counts = [CountCell(rows[n]["item"], dict(rows[n]["breakdown"]), rows[n]["value"]) for n in numbers]
        for number, is_suppressed in zip(numbers, choose_suppressed_cells(counts, threshold), strict=True):
            is_withheld[number] = is_suppressed
    return cells.select(["council_code", "period", "_cell"]).append_column(
        "is_withheld", pa.array(is_withheld, pa.bool_())
    )


def choose_suppressed_cells(cells: Sequence[CountCell], threshold: int) -> tuple[bool, ...]:
    """Return whether each cell is withheld: small counts and cells protecting them."""
    hidden = {n for n, cell in enumerate(cells) if 0 < cell.count < threshold}
    if hidden:
        sums = _list_sums(cells)
        while next_cells := _protect_sums(cells, sums, hidden, threshold) or _protect_solutions(cells, sums, hidden):
            hidden |= next_cells
    return tuple(n in hidden for n in range(len(cells)))


def _list_sums(cells: Sequence[CountCell]) -> tuple[_Sum, ...]:
    """Return the sets of cells that add up to a known figure.

    That figure is another cell, or the total over all cells.
    """
    tables: dict[tuple[str, frozenset[str]], list[int]] = {}
    for n, cell in enumerate(cells):
        tables.setdefault((cell.item, frozenset(cell.breakdown)), []).append(n)
    has_total = any(not dimensions for _, dimensions in tables)
    sums = []
    for key, members in tables.items():
        _, dimensions = key
        if dimensions and not has_total:
            sums.append(_Sum(None, tuple(members)))
        for parent_key, parents in tables.items():
            _, parent_dimensions = parent_key
            if not parent_dimensions <= dimensions or parent_key == key:
                continue
            for parent in parents:
                codes = cells[parent].breakdown
                children = (
                    n for n in members if all(cells[n].breakdown[name] == codes[name] for name in parent_dimensions)
                )
                sums.append(_Sum(parent, tuple(children)))
    return tuple(sums)


def _protect_sums(cells: Sequence[CountCell], sums: Iterable[_Sum], hidden: set[int], threshold: int) -> set[int]:
    """Return a cell to withhold against a single revealing sum, or empty.

    The sum reveals another withheld cell. Empty where no sum does.
    """
    for total in sums:
        counted_cells = [n for n in total.children if cells[n].count > 0]
        hidden_cells = [n for n in counted_cells if n in hidden]
        shown_cells = [n for n in counted_cells if n not in hidden]
        if total.parent is not None and total.parent in hidden:
            if counted_cells and not hidden_cells:
                return {_find_smallest(cells, shown_cells)}
        elif hidden_cells and (len(hidden_cells) < 2 or sum(cells[n].count for n in hidden_cells) < threshold):
            if shown_cells:
                return {_find_smallest(cells, shown_cells)}
            if total.parent is not None and cells[total.parent].count > 0:
                return {total.parent}
    return set()


def _protect_solutions(cells: Sequence[CountCell], sums: Sequence[_Sum], hidden: set[int]) -> set[int]:
    """Return a cell to withhold against all sums solved together, or empty.

    Empty where the sums reveal no other withheld cell.
    """
    for cell in _solve_sums(sums, hidden):
        neighbours = {n for total in sums if cell in total.members for n in total.members}
        shown_cells = sorted(n for n in neighbours - hidden if cells[n].count > 0)
        if shown_cells:
            return {_find_smallest(cells, shown_cells)}
    return set()


def _solve_sums(sums: Sequence[_Sum], hidden: set[int]) -> list[int]:
    """Return the withheld cells whose value follows from the sums.

    These are alone in a row of the reduced system.
    """
    unknowns = sorted(hidden)
    column_of = {n: column for column, n in enumerate(unknowns)}
    pivots: dict[int, dict[int, int]] = {}
    for total in sums:
        row = {column_of[n]: 1 for n in total.children if n in column_of}
        if total.parent in column_of:
            parent = column_of[total.parent]
            row[parent] = (row.get(parent, 0) - 1) % _PRIME
        row = {column: factor for column, factor in row.items() if factor}
        for column, pivot in pivots.items():
            row = _eliminate(row, pivot, column)
        if not row:
            continue
        lead = min(row)
        inverse = pow(row[lead], -1, _PRIME)
        row = {column: factor * inverse % _PRIME for column, factor in row.items()}
        pivots = {column: _eliminate(pivot, row, lead) for column, pivot in pivots.items()} | {lead: row}
    return [unknowns[column] for column, row in sorted(pivots.items()) if len(row) == 1]


def _eliminate(row: dict[int, int], pivot: dict[int, int], column: int) -> dict[int, int]:
    """Return a row without a column, by subtracting the pivot's multiple."""
    factor = row.get(column, 0)
    if not factor:
        return row
    difference = {c: (row.get(c, 0) - factor * pivot.get(c, 0)) % _PRIME for c in row.keys() | pivot.keys()}
    return {c: value for c, value in difference.items() if value}


def _find_smallest(cells: Sequence[CountCell], numbers: Sequence[int]) -> int:
    """Return the number of the cell with the smallest count."""
    return min(numbers, key=lambda n: (cells[n].count, n))
