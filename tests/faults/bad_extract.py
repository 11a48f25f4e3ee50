"""The form of a bad extract: its bytes and the expected judgement. ``bad_csv`` and ``bad_structures`` list them."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class BadExtract:
    """Extract and its expected judgement.

    Attributes:
        name: the fault.
        code: return that it is handed in for.
        content: function that returns its bytes.
        rule: end of the id of the broken rule; empty: the extract is accepted.
        expected_words: words of the finding's message; of an accepted extract, text in its stored rows.
        row: row that the finding must name; None: no row is wrong.
    """

    name: str
    code: str
    content: Callable[[], bytes]
    rule: str
    expected_words: str
    row: int | None = None

    @property
    def verdict(self) -> str:
        """Expected verdict."""
        return "rejected" if self.rule else "accepted"


HTML = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>Session expired</body></html>\n"
"""Answer of a server whose session has expired."""
