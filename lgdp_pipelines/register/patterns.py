"""Regular expressions in the register: those that every engine of the platform reads alike.

What belongs here: whether an expression can be used. Python and polars both run them, and the second knows neither
look-around nor back-references.
"""

import re

_NOT_EVERYWHERE = re.compile(r"\(\?(?:[=!>(]|<[=!]|P=)|(?<!\\)(?:\\\\)*\\[1-9]")


def problem_of_pattern(pattern: str) -> str | None:
    """Why an expression cannot be used, as the end of a sentence; None where it can."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    if _NOT_EVERYWHERE.search(pattern):
        return "looks around or back, which not every engine can"
    return None


def groups_of(pattern: str) -> frozenset[str]:
    """The named groups of an expression; none where it does not compile."""
    try:
        return frozenset(re.compile(pattern).groupindex)
    except (re.error, OverflowError, RecursionError):
        return frozenset()
