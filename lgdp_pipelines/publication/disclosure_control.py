"""Disclosure control: which counts are withheld so that no published figure points at a person.

Small counts are withheld first (above 0 and below the threshold). That alone is not enough: a single withheld cell is
the council's total less the cells shown. So more cells are withheld, the smallest first, until in each set of cells
that add up to a figure somebody knows

- at least two are withheld, and
- what is withheld adds up to the threshold or more (two cells of 1 are known from a difference of 2);

until no shown cells add up to a withheld one; and until no withheld cell follows from all sums taken together, which is
tested by solving them. The total over all cells is taken to be known even where it is not published. A 0 is shown.

The withheld cells all look alike: nobody can tell a small count from one that keeps it company. What this does not do:
hide a total that is itself below the threshold and known from elsewhere, or compare releases with one another.

What belongs here: the decision over the cells of one council and period. What does not: SQL (``models``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa

_PRIME = 2**61 - 1
"""Sums have coefficients 0 and ±1; they are solved modulo a prime so large that no pivot vanishes by chance."""


@dataclass(frozen=True)
class CountCell:
    """One counted figure.

    Attributes:
        item: URN of the count.
        breakdown: code by name of the dimension; empty for a total.
        value: the count; None where it is missing anyway.
    """

    item: str
    breakdown: Mapping[str, str | None]
    value: float | None


@dataclass(frozen=True)
class _Sum:
    """Cells that add up to a figure: that of another cell, or one that somebody is taken to know (``parent`` None)."""

    parent: int | None
    children: tuple[int, ...]


def suppress_small_counts(cells: pa.Table, threshold: int) -> pa.Table:
    """Which cells are withheld.

    Args:
        cells: columns council_code, period, population (cells of one population add up to one another), item, breakdown
            (map), value (double, a count) and _cell (int64, unique within council and period).
        threshold: counts above 0 and below it point at people.

    Returns:
        Columns council_code, period, _cell and is_withheld, in the order given.
    """
    rows = cells.to_pylist()
    order = sorted(range(len(rows)), key=lambda n: (*_population(rows[n]), rows[n]["_cell"]))
    is_withheld = [False] * len(rows)
    for _, group in groupby(order, key=lambda n: _population(rows[n])):
        members = list(group)
        found = choose_suppressed_cells(
            [CountCell(rows[n]["item"], dict(rows[n]["breakdown"]), rows[n]["value"]) for n in members], threshold
        )
        for n, one in zip(members, found, strict=True):
            is_withheld[n] = one
    return cells.select(["council_code", "period", "_cell"]).append_column(
        "is_withheld", pa.array(is_withheld, pa.bool_())
    )


def _population(row: Mapping[str, str]) -> tuple[str, str, str]:
    return row["council_code"], row["period"], row["population"]


def choose_suppressed_cells(cells: Sequence[CountCell], threshold: int) -> tuple[bool, ...]:
    """Which cells of one council, period and population are withheld, in the order given."""
    hidden = {n for n, cell in enumerate(cells) if cell.value is not None and 0 < cell.value < threshold}
    if hidden:
        sums = _sums(cells)
        while True:
            more = _to_protect_sums(cells, sums, hidden, threshold) or _to_blur(cells, sums, hidden)
            if not more:
                break
            hidden |= more
    return tuple(n in hidden for n in range(len(cells)))


def _sums(cells: Sequence[CountCell]) -> tuple[_Sum, ...]:
    """Every set of cells that adds up to another cell, or to the total."""
    counts: dict[tuple[str, frozenset[str]], list[int]] = {}
    for n, cell in enumerate(cells):
        counts.setdefault((cell.item, frozenset(cell.breakdown)), []).append(n)
    found = []
    for (item, dimensions), members in counts.items():
        if dimensions and not any(not other for _, other in counts):
            found.append(_Sum(None, tuple(members)))
        for (other, fewer), parents in counts.items():
            if not fewer <= dimensions or (other, fewer) == (item, dimensions):
                continue
            for parent in parents:
                wanted = cells[parent].breakdown
                children = tuple(n for n in members if all(cells[n].breakdown[d] == wanted[d] for d in fewer))
                found.append(_Sum(parent, children))
    return tuple(found)


def _to_protect_sums(cells: Sequence[CountCell], sums: Iterable[_Sum], hidden: set[int], threshold: int) -> set[int]:
    """The next cell to withhold because a sum gives another away; empty where none does."""
    for one in sums:
        there = [n for n in one.children if _value(cells, n) > 0]
        out = [n for n in there if n in hidden]
        shown = [n for n in there if n not in hidden]
        if one.parent is not None and one.parent in hidden:
            if there and not out:
                return {_smallest(cells, shown)}
        elif out and (len(out) < 2 or sum(_value(cells, n) for n in out) < threshold):
            if shown:
                return {_smallest(cells, shown)}
            if one.parent is not None and _value(cells, one.parent) > 0:
                return {one.parent}
    return set()


def _to_blur(cells: Sequence[CountCell], sums: Sequence[_Sum], hidden: set[int]) -> set[int]:
    """The next cell to withhold because all sums together give another away; empty where they do not."""
    for known in _determined(sums, hidden):
        touching = [one for one in sums if known in one.children or known == one.parent]
        shown = {
            n
            for one in touching
            for n in (*one.children, *(() if one.parent is None else (one.parent,)))
            if n not in hidden and _value(cells, n) > 0
        }
        if shown:
            return {_smallest(cells, sorted(shown))}
    return set()


def _determined(sums: Sequence[_Sum], hidden: set[int]) -> list[int]:
    """Withheld cells whose value follows from the sums: those alone in a row of the reduced system."""
    place = {n: column for column, n in enumerate(sorted(hidden))}
    rows: list[dict[int, int]] = []
    for one in sums:
        row = {place[n]: 1 for n in one.children if n in place}
        if one.parent in place:
            row[place[one.parent]] = (row.get(place[one.parent], 0) - 1) % _PRIME
        row = {column: factor for column, factor in row.items() if factor}
        if row:
            rows.append(row)
    pivots: dict[int, dict[int, int]] = {}
    for row in rows:
        reduced = row
        for column, pivot in pivots.items():
            reduced = _less(reduced, pivot, column)
        if not reduced:
            continue
        lead = min(reduced)
        inverse = pow(reduced[lead], -1, _PRIME)
        reduced = {column: factor * inverse % _PRIME for column, factor in reduced.items()}
        pivots = {column: _less(pivot, reduced, lead) for column, pivot in pivots.items()} | {lead: reduced}
    order = sorted(hidden)
    return [order[column] for column, row in sorted(pivots.items()) if len(row) == 1]


def _less(row: dict[int, int], pivot: dict[int, int], column: int) -> dict[int, int]:
    """A row with a column removed by subtracting the pivot's multiple."""
    factor = row.get(column, 0)
    if not factor:
        return row
    columns = row.keys() | pivot.keys()
    left = {c: (row.get(c, 0) - factor * pivot.get(c, 0)) % _PRIME for c in columns}
    return {c: value for c, value in left.items() if value}


def _value(cells: Sequence[CountCell], n: int) -> float:
    return cells[n].value or 0.0


def _smallest(cells: Sequence[CountCell], among: Sequence[int]) -> int:
    return min(among, key=lambda n: (_value(cells, n), n))
