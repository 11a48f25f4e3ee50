"""Spellings of one name that differ only in case and white space.

Names of councils, headers, sheets, JSON paths and codes are compared in this way.
"""


def fold_spelling(text: str) -> str:
    """Return a spelling in lower case, trimmed, with single spaces."""
    return " ".join(text.split()).casefold()
