"""Disclosure control: the counts that are withheld so that no published figure points at a person.

Small counts are withheld first (above 0 and below the threshold). That alone is not enough: a single withheld cell is
the council's total less the cells shown. So more cells are withheld, the smallest first, until in each set of cells
that add up to a known figure

- at least two are withheld, and
- the withheld ones add up to the threshold or more (two cells of 1 are known from a difference of 2);

until no shown cells add up to a withheld one; and until no withheld cell follows from all sums taken together, which is
tested by solving them. The total over all cells is taken to be known even where it is not published. A 0 is shown.

Nothing tells a reader whether a withheld cell is a small count or protects one. Limits: a total that is itself below
the threshold and known from elsewhere is not withheld, and releases are not compared with one another.

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


def withhold_small_counts(cells: pa.Table, threshold: int) -> pa.Table:
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
        counts = [
            CountCell(rows[number]["item"], dict(rows[number]["breakdown"]), rows[number]["value"])
            for number in numbers
        ]
        for number, is_cell_withheld in zip(numbers, choose_withheld_cells(counts, threshold), strict=True):
            is_withheld[number] = is_cell_withheld
    return cells.select(["council_code", "period", "_cell"]).append_column(
        "is_withheld", pa.array(is_withheld, pa.bool_())
    )


def choose_withheld_cells(cells: Sequence[CountCell], threshold: int) -> tuple[bool, ...]:
    """Return whether each cell is withheld: small counts and cells protecting them."""
    withheld = {cell_number for cell_number, cell in enumerate(cells) if 0 < cell.count < threshold}
    if withheld:
        sums = _list_sums(cells)
        while next_cells := _protect_sums(cells, sums, withheld, threshold) or _protect_solutions(
            cells, sums, withheld
        ):
            withheld |= next_cells
    return tuple(cell_number in withheld for cell_number in range(len(cells)))


def _list_sums(cells: Sequence[CountCell]) -> tuple[_Sum, ...]:
    """Return the sets of cells that add up to a known figure.

    That figure is another cell, or the total over all cells.
    """
    tables: dict[tuple[str, frozenset[str]], list[int]] = {}
    for cell_number, cell in enumerate(cells):
        tables.setdefault((cell.item, frozenset(cell.breakdown)), []).append(cell_number)
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
                    cell_number
                    for cell_number in members
                    if all(cells[cell_number].breakdown[name] == codes[name] for name in parent_dimensions)
                )
                sums.append(_Sum(parent, tuple(children)))
    return tuple(sums)


def _protect_sums(cells: Sequence[CountCell], sums: Iterable[_Sum], withheld: set[int], threshold: int) -> set[int]:
    """Return a cell to withhold against a single revealing sum, or empty.

    The sum reveals another withheld cell. Empty where no sum does.
    """
    for cell_sum in sums:
        counted_cells = [cell_number for cell_number in cell_sum.children if cells[cell_number].count > 0]
        withheld_cells = [cell_number for cell_number in counted_cells if cell_number in withheld]
        shown_cells = [cell_number for cell_number in counted_cells if cell_number not in withheld]
        if cell_sum.parent is not None and cell_sum.parent in withheld:
            if counted_cells and not withheld_cells:
                return {_find_smallest(cells, shown_cells)}
        elif withheld_cells and (
            len(withheld_cells) < 2 or sum(cells[cell_number].count for cell_number in withheld_cells) < threshold
        ):
            if shown_cells:
                return {_find_smallest(cells, shown_cells)}
            if cell_sum.parent is not None and cells[cell_sum.parent].count > 0:
                return {cell_sum.parent}
    return set()


def _protect_solutions(cells: Sequence[CountCell], sums: Sequence[_Sum], withheld: set[int]) -> set[int]:
    """Return a cell to withhold against all sums solved together, or empty.

    Empty where the sums reveal no other withheld cell.
    """
    for cell in _solve_sums(sums, withheld):
        neighbours = {cell_number for cell_sum in sums if cell in cell_sum.members for cell_number in cell_sum.members}
        shown_cells = sorted(cell_number for cell_number in neighbours - withheld if cells[cell_number].count > 0)
        if shown_cells:
            return {_find_smallest(cells, shown_cells)}
    return set()


def _solve_sums(sums: Sequence[_Sum], withheld: set[int]) -> list[int]:
    """Return the withheld cells whose value follows from the sums.

    These are alone in a row of the reduced system.
    """
    unknowns = sorted(withheld)
    column_of = {cell_number: column for column, cell_number in enumerate(unknowns)}
    pivots: dict[int, dict[int, int]] = {}
    for cell_sum in sums:
        row = {column_of[cell_number]: 1 for cell_number in cell_sum.children if cell_number in column_of}
        if cell_sum.parent in column_of:
            parent = column_of[cell_sum.parent]
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
    return min(numbers, key=lambda cell_number: (cells[cell_number].count, cell_number))
