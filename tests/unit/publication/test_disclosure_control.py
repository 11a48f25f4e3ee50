"""Withheld counts: worked out by hand, and tested against an attacker who adds and subtracts."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lgdp_pipelines.publication.disclosure_control import CountCell, choose_withheld_cells

A, B, AB, ALL = "urn:a", "urn:b", "urn:ab", "urn:all"


def row(*values: int) -> list[CountCell]:
    return [CountCell(A, {"a": str(n)}, float(value)) for n, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "withheld"),
    [
        ((20, 7, 12), ()),  # nothing small
        ((3, 20, 7), (3, 7)),  # 3 alone is the total less 27, so the next smallest keeps it company
        ((1, 1, 7, 9), (1, 1, 7)),  # 1 and 1 are known from a difference of 2, so 7 goes too
        ((2, 4, 30), (2, 4)),  # two, and 6 in all: enough
        ((0, 3, 9), (3, 9)),  # a 0 is shown and hides nobody
        ((0, 3, 0), (3,)),  # nothing else is left to withhold
        ((5, 5), ()),  # the threshold itself is shown
    ],
)
def test_one_dimension(values: tuple[int, ...], withheld: tuple[int, ...]) -> None:
    cells = row(*values)
    decisions = choose_withheld_cells(cells, 5)
    assert (
        tuple(int(cell.value or 0) for cell, is_withheld in zip(cells, decisions, strict=True) if is_withheld)
        == withheld
    )


def test_a_small_total_is_withheld_with_its_only_cell() -> None:
    assert choose_withheld_cells([CountCell(ALL, {}, 3.0), CountCell(A, {"a": "1"}, 3.0)], 5) == (True, True)


def test_a_cell_alone_in_a_shown_sum_takes_the_sum_with_it() -> None:
    # By a: 8 and 40. By a and b, the first splits into 3 and 5: both go. 8 less nothing shown says only 3 + 5 = 8.
    cells = [
        CountCell(A, {"a": "1"}, 8.0),
        CountCell(A, {"a": "2"}, 40.0),
        CountCell(AB, {"a": "1", "b": "x"}, 3.0),
        CountCell(AB, {"a": "1", "b": "y"}, 5.0),
        CountCell(AB, {"a": "2", "b": "x"}, 40.0),
    ]
    assert choose_withheld_cells(cells, 5) == (False, False, True, True, False)


def test_a_withheld_margin_is_not_the_sum_of_shown_cells() -> None:
    # By a: 3, 9, 50. 3 is small and 9 keeps it company. 9 is 4 + 5 or, here, one cell of 9: it must go as well.
    cells = [
        *[CountCell(A, {"a": str(n)}, float(v)) for n, v in enumerate((3, 9, 50))],
        *[CountCell(AB, {"a": str(n), "b": "x"}, float(v)) for n, v in enumerate((3, 9, 50))],
    ]
    assert choose_withheld_cells(cells, 5) == (True, True, False, True, True, False)


def test_a_missing_figure_is_neither_withheld_nor_counted() -> None:
    cells = [CountCell(A, {"a": "1"}, None), CountCell(A, {"a": "2"}, 3.0), CountCell(A, {"a": "3"}, 8.0)]
    assert choose_withheld_cells(cells, 5) == (False, True, True)


def table(values: list[int]) -> list[CountCell]:
    """A cross of two by three with both margins, and no total published."""
    pairs = list(product("12", "xyz"))
    grid = dict(zip(pairs, values, strict=True))
    cells = [CountCell(AB, {"a": a, "b": b}, float(grid[a, b])) for a, b in pairs]
    cells += [CountCell(A, {"a": a}, float(sum(v for (x, _), v in grid.items() if x == a))) for a in "12"]
    return cells + [CountCell(B, {"b": b}, float(sum(v for (_, y), v in grid.items() if y == b))) for b in "xyz"]


def solvable(cells: list[CountCell], withheld: tuple[bool, ...]) -> set[int]:
    """Withheld cells that follow from all sums: elimination over fractions, by a way of its own."""
    unknown = [n for n, is_withheld in enumerate(withheld) if is_withheld]
    equations: list[list[Fraction]] = []

    def add_equation(terms: dict[int, int]) -> None:
        equations.append([Fraction(terms.get(n, 0)) for n in unknown])

    inner_numbers = range(6)
    for n, cell in enumerate(cells):
        if cell.item != AB:
            ((name, code),) = cell.breakdown.items()
            add_equation({m: 1 for m in inner_numbers if cells[m].breakdown[name] == code} | {n: -1})
    add_equation(dict.fromkeys(inner_numbers, 1))  # the total is known
    pivot_row, revealed_cells = 0, set()
    for column in range(len(unknown)):
        lead = next((r for r in range(pivot_row, len(equations)) if equations[r][column]), None)
        if lead is None:
            continue
        equations[pivot_row], equations[lead] = equations[lead], equations[pivot_row]
        leading_row = [x / equations[pivot_row][column] for x in equations[pivot_row]]
        equations[pivot_row] = leading_row
        for r, line in enumerate(equations):
            if r != pivot_row and line[column]:
                equations[r] = [x - line[column] * y for x, y in zip(line, leading_row, strict=True)]
        pivot_row += 1
    for line in equations:
        unknowns = [n for n, x in zip(unknown, line, strict=True) if x]
        if len(unknowns) == 1:
            revealed_cells.add(unknowns[0])
    return revealed_cells


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=6, max_size=6))
def test_no_small_count_follows_from_what_is_shown(values: list[int]) -> None:
    cells = table(values)
    withheld = choose_withheld_cells(cells, 5)
    small_counts = {n for n, cell in enumerate(cells) if cell.value is not None and 0 < cell.value < 5}
    assert all(withheld[n] for n in small_counts)
    shown_positive = [n for n, cell in enumerate(cells) if not withheld[n] and cell.value]
    if shown_positive:  # where all is withheld, only a total known from elsewhere speaks
        assert not solvable(cells, withheld) & small_counts
