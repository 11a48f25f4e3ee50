"""Work done ahead: the same items in the same order, errors in their position, and no item after the end."""

import threading
from collections.abc import Iterator

import pytest

from lgdp_pipelines.handover.prefetch import WORKERS, Prefetch, prefetch, prefetch_map


def iter_recorded(numbers: list[int], stop: int) -> Iterator[int]:
    for number in range(stop):
        numbers.append(number)
        yield number


@pytest.mark.parametrize("stop", [0, 1, 2, 7])
def test_all_items_come_in_order(stop: int) -> None:
    assert list(prefetch(range(stop))) == list(range(stop))
    assert list(prefetch_map(lambda number: number * 10, range(stop))) == [number * 10 for number in range(stop)]


def test_an_item_is_made_while_the_one_before_it_is_used() -> None:
    numbers, was_made = [], threading.Event()

    def items() -> Iterator[int]:
        yield 1
        was_made.set()
        yield 2

    for item in prefetch(items()):
        numbers.append(item)
        assert was_made.wait(timeout=30)
    assert numbers == [1, 2]


def test_an_error_comes_in_place_of_the_item() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    items = prefetch(items())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)
    with pytest.raises(ZeroDivisionError):
        list(prefetch_map(lambda number: 1 // number, [1, 2, 0, 4]))


def test_stopping_early_returns_prepared_items_and_prepares_no_more() -> None:
    numbers: list[int] = []
    with Prefetch(iter_recorded(numbers, 100)) as items:
        first = next(iter(items))
        prepared = items.peek_prepared()
    assert [first, *prepared] == numbers == [0, 1]


def test_no_more_is_made_than_a_few_items_ahead() -> None:
    numbers: list[int] = []
    items = prefetch_map(lambda number: number, iter_recorded(numbers, 100))
    assert next(items) == 0
    items.close()
    assert len(numbers) <= WORKERS + 1
