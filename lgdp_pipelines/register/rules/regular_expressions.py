"""Regular expressions in the register: those that every engine of the platform reads alike, and in little time.

What belongs here: whether an expression can be used. Python and polars both run them, and the second knows neither
look-around nor back-references, but runs every expression in time that grows with the text alone. The first does not,
and runs those that file names are held against: there, what repeats may not itself be repeated.
"""

import re
from math import prod

_NOT_EVERYWHERE = re.compile(
    r"(?<!\\)(?:\\\\)*(?:"
    r"\(\?(?!:|P<|[ims]+[:)])"  # looks around or back, or is atomic, a comment, or a flag that one of them lacks
    r"|\\(?![^A-Za-z0-9]|[dDwWsSbBnrtfvxu])"  # back, or an escape that one of them lacks
    r"|[*+?}]\+"  # gives nothing back
    r"|\{,"
    r")"
)
_REPEATED_REPEAT = re.compile(r"(?<!\\)[*+}][^()]*\)(?:[*+]|\{\d+,)")
_COUNTED = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_COUNT_OF_COUNTS = re.compile(r"(?<!\\)\}[^()]*\)\{")
_MOST_COUNTED = 200
"""What the counts of repeats may come to: an engine writes each of them out."""


def find_pattern_problem(pattern: str) -> str | None:
    """Why an expression cannot be used, as the end of a sentence; None where it can."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    if _NOT_EVERYWHERE.search(pattern):
        return "looks around or back, or has a sign that not every engine knows"
    counts = [max(1, int(most or least)) for least, most in _COUNTED.findall(pattern)]
    if (prod(counts) if _COUNT_OF_COUNTS.search(pattern) else sum(counts)) > _MOST_COUNTED:
        return f"counts to more than {_MOST_COUNTED}"
    return None


def find_name_pattern_problem(pattern: str) -> str | None:
    """Why an expression cannot be held against names, as the end of a sentence; None where it can."""
    problem = find_pattern_problem(pattern)
    if problem is None and _REPEATED_REPEAT.search(pattern):
        return "repeats what is repeated already, which can take for ever"
    return problem


def list_named_groups(pattern: str) -> frozenset[str]:
    """The named groups of an expression; none where it does not compile."""
    try:
        return frozenset(re.compile(pattern).groupindex)
    except (re.error, OverflowError, RecursionError):
        return frozenset()
