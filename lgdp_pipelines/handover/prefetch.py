"""Work done ahead of who asks for it, in threads, with the same answers in the same order.

What does the work here (Polars, Arrow, hashing, reading) lets go of Python's lock, so that two cores are used where one
would wait for the other. Never more than a few items are made before they are asked for. What belongs here: making
things ahead. What does not: what is made.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import chain, islice
from typing import Generic, Self, TypeVar, cast

From = TypeVar("From")
Made = TypeVar("Made")

WORKERS = 2
"""Threads that make items: Polars has threads of its own besides."""

_END = object()


class Prefetch(AbstractContextManager["Prefetch[Made]"], Generic[Made]):
    """Items of an iterator, each made in a thread while the one before it is being used.

    Args:
        items: gives them; it is asked in one thread only, and never twice at a time.
    """

    def __init__(self, items: Iterable[Made]) -> None:
        self._items = iter(items)
        self._pool = ThreadPoolExecutor(1)
        self._coming: Future[object] = self._pool.submit(next, self._items, _END)

    def __iter__(self) -> Iterator[Made]:
        while (item := self._coming.result()) is not _END:
            self._coming = self._pool.submit(next, self._items, _END)
            yield cast("Made", item)

    def stop(self) -> list[Made]:
        """What was made and not asked for yet. Nothing is made after it."""
        left = self._coming.result()
        return [] if left is _END else [cast("Made", left)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)


def prefetch(items: Iterable[Made]) -> Iterator[Made]:
    """The items, each made in a thread while the one before it is being used."""
    with Prefetch(items) as coming:
        yield from coming


def prefetch_map(make: Callable[[From], Made], items: Iterable[From]) -> Iterator[Made]:
    """What is made of each item, in order, by a few threads at a time.

    Args:
        make: pure, or guarded against being called twice at a time.
        items: asked for as they are needed, in the caller's own thread.
    """
    waiting = iter(items)
    few = list(islice(waiting, 2))
    if len(few) < 2:  # most tables are one piece, and need no thread
        yield from map(make, few)
        return
    coming: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            for item in chain(few, waiting):
                coming.append(pool.submit(make, item))
                if len(coming) > WORKERS:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()
        finally:
            for one in coming:
                one.cancel()
