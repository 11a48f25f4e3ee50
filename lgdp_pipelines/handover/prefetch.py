"""Prefetching: threads prepare the items of an iterator before they are requested, in the same order.

The work (polars, Arrow, hashing, reading) releases Python's lock, so two cores are used where one would wait for the
other. At most a few items are prepared before they are requested. Belongs here: preparing items early. Belongs
elsewhere: the work for an item.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import chain, islice
from typing import Generic, TypeVar, cast

Source = TypeVar("Source")
Result = TypeVar("Result")

WORKERS = 2
"""Number of threads that prepare items; polars has its own threads."""

_END = object()


class Prefetch(AbstractContextManager["Prefetch[Result]"], Generic[Result]):
    """An iterator that prepares the next item in a thread.

    Args:
        items: iterated over in one thread only, and never twice at a time.
    """

    def __init__(self, items: Iterable[Result]) -> None:
        self._items = iter(items)
        self._pool = ThreadPoolExecutor(1)
        self._pending: Future[object] = self._pool.submit(next, self._items, _END)

    def __iter__(self) -> Iterator[Result]:
        while (item := self._pending.result()) is not _END:
            self._pending = self._pool.submit(next, self._items, _END)
            yield cast("Result", item)

    def peek_prepared(self) -> list[Result]:
        """Wait for the prepared item, if any; return it without taking it."""
        item = self._pending.result()
        return [] if item is _END else [cast("Result", item)]

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)


def prefetch(items: Iterable[Result]) -> Iterator[Result]:
    """Yield the items, preparing the next in a thread."""
    with Prefetch(items) as prefetched:
        yield from prefetched


def prefetch_map(function: Callable[[Source], Result], items: Iterable[Source]) -> Iterator[Result]:
    """Yield a function's result for each item in order, computed in threads.

    Args:
        function: pure, or guarded against two calls at a time.
        items: requested as needed, in the caller's own thread.
    """
    source = iter(items)
    first = list(islice(source, 2))
    if len(first) < 2:  # most tables are one chunk, and need no thread
        yield from map(function, first)
        return
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            for item in chain(first, source):
                pending.append(pool.submit(function, item))
                if len(pending) > WORKERS:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
