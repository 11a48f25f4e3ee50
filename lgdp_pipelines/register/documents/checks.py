"""Checks of a file as tables: what is wrong, where, and what to do about it.

A check is a condition that is true where something is wrong, the place (a YAML node, or a row of a CSV file), the
message and the remedy. Every part of a table is worked out, whether or not its condition is true. What belongs here:
tables of checks. What does not: any single check.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Protocol, TypeAlias

from lgdp_pipelines.errors import Contradiction


class Place(Protocol):
    """A place in a file that a contradiction can point at."""

    def contradiction(self, what: str, remedy: str) -> Contradiction:
        """Return a contradiction at this place."""
        ...


Check: TypeAlias = tuple[object, Place, str, str]
"""Whether something is wrong, where, the message and the remedy."""


def contradictions_where(*checks: Check) -> Iterator[Contradiction]:
    """Yield a contradiction for each check whose condition is true."""
    return (place.contradiction(what, remedy) for is_wrong, place, what, remedy in checks if is_wrong)


def first_contradiction_where(*checks: Check) -> Iterator[Contradiction]:
    """Yield a contradiction for the first check whose condition is true."""
    return islice(contradictions_where(*checks), 1)
