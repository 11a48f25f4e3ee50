"""What a bad extract is: its bytes, and what must become of it. ``bad_csv`` and ``bad_structures`` list them."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class BadExtract:
    """One extract and what must become of it.

    Attributes:
        name: what is wrong.
        code: the return that it is handed in for.
        content: makes its bytes.
        rule: end of the id of the rule that it breaks; empty where it is accepted.
        says: words that must be in what the council is told; for an accepted one, text that must stand in its rows.
        row: the row that must be named; None where none can be.
    """

    name: str
    code: str
    content: Callable[[], bytes]
    rule: str
    says: str
    row: int | None = None

    @property
    def verdict(self) -> str:
        """What it must come to."""
        return "rejected" if self.rule else "accepted"


HTML = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>Session expired</body></html>\n"
"""What comes where a log-in has run out."""
