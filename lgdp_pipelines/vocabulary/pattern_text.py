"""Text that a regular expression matches: the shortest, or any.

Belongs here: writing text along a pattern. Belongs elsewhere: the patterns (``register``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from re import _constants as sre  # type: ignore[attr-defined]  # Python has no public parser of regular expressions
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

_REPEATS = 6


def generate_matching_text(pattern: str, random: Random) -> str:
    """Return synthetic text that a regular expression matches as a whole.

    Raises:
        ValueError: the expression has a construct that is not supported.
    """
    text = _PatternWriter(random, _REPEATS, {}).write_nodes(sre_parser.parse(pattern))
    if re.fullmatch(pattern, text) is None:
        message = f"No synthetic text can be written for the pattern {pattern}"
        raise ValueError(message)
    return text


def find_shortest_text(pattern: str, groups: Mapping[str, str]) -> str | None:
    """Return matching text with fewest repetitions and given group texts, or None.

    None if no text matches. Groups that the expression does not have are ignored.
    """
    parsed = sre_parser.parse(pattern)
    numbers = parsed.state.groupdict
    fixed = {numbers[name]: text for name, text in groups.items() if name in numbers}
    text = _PatternWriter(Random(pattern), 0, fixed).write_nodes(parsed)  # noqa: S311 - a name, no secret
    match = re.fullmatch(pattern, text)
    return text if match and all(match[name] == groups[name] for name in groups if name in numbers) else None


@dataclass(frozen=True)
class _PatternWriter:
    """Writes text along the untyped parse tree of a regular expression.

    Attributes:
        random: source of chance.
        surplus: highest number of repetitions beyond the least that the expression allows.
        fixed: texts of groups, by number.
    """

    random: Random
    surplus: int
    fixed: Mapping[int, str]

    def write_nodes(self, nodes: Any) -> str:  # noqa: ANN401 - no types
        """Return text for nodes that follow each other."""
        return "".join(map(self.write_node, nodes))

    def write_node(self, node: Any) -> str:  # noqa: ANN401, PLR0911 - a line for each kind of node
        """Return text for one node: a kind and its argument."""
        match node:
            case (sre.LITERAL, code):
                return chr(code)
            case (sre.IN, members):
                return self.random.choice(_list_members(members))
            case (sre.NOT_LITERAL, code):
                return self.random.choice([character for character in _PRINTABLE if character != chr(code)])
            case (sre.ANY, _):
                return self.random.choice(_PRINTABLE)
            case (sre.SUBPATTERN, (number, _, _, inner)):
                return self.fixed[number] if number in self.fixed else self.write_nodes(inner)
            case (sre.BRANCH, (_, branches)):
                return self.write_nodes(self.random.choice(branches))
            case (sre.MAX_REPEAT | sre.MIN_REPEAT, (least, most, inner)):
                count = self.random.randint(least, min(int(most), least + self.surplus))
                return "".join(self.write_nodes(inner) for _ in range(count))
            case (sre.AT, _):
                return ""
        message = f"No synthetic text can be written for {node[0]} in a pattern"
        raise ValueError(message)


_PRINTABLE = [chr(number) for number in range(33, 127)]
_CATEGORIES = {
    sre.CATEGORY_DIGIT: [character for character in _PRINTABLE if character.isdecimal()],
    sre.CATEGORY_NOT_DIGIT: [character for character in _PRINTABLE if not character.isdecimal()],
    sre.CATEGORY_WORD: [character for character in _PRINTABLE if character.isalnum() or character == "_"],
    sre.CATEGORY_NOT_WORD: [character for character in _PRINTABLE if not character.isalnum() and character != "_"],
    sre.CATEGORY_SPACE: [" "],
    sre.CATEGORY_NOT_SPACE: _PRINTABLE,
}


def _list_members(nodes: Any) -> list[str]:  # noqa: ANN401 - the parser's own tree, which has no types
    """Return the characters of a set such as ``[a-z_]`` or ``[^,;]``."""
    members: list[str] = []
    for node in nodes:
        match node:
            case (sre.LITERAL, code):
                members.append(chr(code))
            case (sre.RANGE, (first, last)):
                members.extend(map(chr, range(first, last + 1)))
            case (sre.CATEGORY, category):
                members.extend(_CATEGORIES[category])
    if nodes[0] == (sre.NEGATE, None):
        return [character for character in _PRINTABLE if character not in members]
    return members
