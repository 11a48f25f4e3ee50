"""What else a column or a code may be called: headers and patterns, and whether one could stand for two.

What belongs here: reading such lists, and their contradictions. What does not: matching an extract (``landing``).
Matching is to the letter, or but for case and white space, or by a pattern for the whole text; it is never by likeness.
"""

import re
from collections.abc import Iterable, Iterator

from lgdp_pipelines.errors import Contradiction
from lgdp_pipelines.register.documents.yaml_nodes import YamlNode
from lgdp_pipelines.register.model.field_types import find_pattern_problem
from lgdp_pipelines.register.model.table_model import Spellings
from lgdp_pipelines.vocabulary.councils import fold_spelling


def read_spellings(place: YamlNode) -> Spellings:
    """What something may be called: one text, or a list of texts and of ``{ pattern }``."""
    if isinstance(place.value, str):
        return Spellings((place.value.strip(),))
    entries = place.elements
    return Spellings(
        tuple(one.value.strip() for one in entries if isinstance(one.value, str)),
        tuple(one.text("pattern") for one in entries if one.text("pattern")),
    )


def pattern_contradictions(place: YamlNode, called: str) -> Iterator[Contradiction]:
    """Patterns of a list of spellings that cannot be used.

    Args:
        place: the list.
        called: whose spellings they are, for people.
    """
    for one in place.elements:
        pattern = one.text("pattern")
        problem = find_pattern_problem(pattern) if pattern else None
        if problem:
            yield one.contradiction(f"{called}: the pattern “{pattern}” {problem}.", "Mend the pattern.")


def clashes(spelt: Iterable[tuple[str, Spellings]]) -> Iterator[tuple[str, str, str]]:
    """Pairs that one text would stand for: the two names, and the text or pattern.

    Args:
        spelt: names, each with what it may be called.
    """
    listed = list(spelt)
    taken: dict[str, str] = {}
    for name, one in listed:
        for header in one.headers:
            other = taken.setdefault(fold_spelling(header), name)
            if other != name:
                yield name, other, header
    patterns = [
        (name, re.compile(pattern))
        for name, one in listed
        for pattern in one.patterns
        if find_pattern_problem(pattern) is None
    ]
    seen: dict[str, str] = {}
    for name, pattern in patterns:
        for owner, one in listed:
            for header in one.headers:
                if owner != name and pattern.fullmatch(header):
                    yield name, owner, header
        if seen.setdefault(pattern.pattern, name) != name:
            yield name, seen[pattern.pattern], pattern.pattern
