"""Texts that people type into the ledger: words, names and reasons, as one line of plain text each.

Belongs here: the rules for such texts. Belongs elsewhere: recording them (``queries``, ``known_issues``,
``withdrawals``).
"""

import unicodedata

from lgdp_pipelines.errors import LedgerError

LONGEST_WORDS = 2_000
"""Characters that a person may write in one step."""
LONGEST_NAME = 200

_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
"""Characters that turn the direction of text, and so can disguise it."""


def clean_text(text: str, subject: str, longest: int) -> str:
    """Return typed text in one line; refuse empty, long or control text.

    Args:
        text: as typed.
        subject: for the message, such as ``The words``.
        longest: characters allowed.

    Raises:
        LedgerError: the text is empty, too long, or holds characters that control a terminal or turn text.
    """
    line = " ".join(text.split())
    if not line:
        raise LedgerError(f"{subject} may not be empty.", remedy="Write a sentence.")
    if len(line) > longest:
        raise LedgerError(
            f"{subject} may have {longest:,} characters, but these are {len(line):,}.", remedy="Shorten the text."
        )
    if any(unicodedata.category(char) in {"Cc", "Cs", "Cn", "Co"} or char in _DIRECTION_MARKS for char in line):
        raise LedgerError(
            f"{subject} must not hold characters that are not text.", remedy="Type it again as plain text."
        )
    return line
