"""YAML as plain values with the line of each, and contradictions at those lines.

Nothing in a file is ever constructed or run: only text, numbers, booleans, lists and mappings with text keys exist.
A repeated key, an alias and any other tag are contradictions, because each gives a file another meaning than it shows.

A check is a row of a table: a condition that is true where something is wrong, the node (or the row of a CSV file), the
message and the remedy. All four are worked out, whether or not the condition is true::

    yield from contradictions_where(
        (not item.name, node, "The item has no name.", "Add name."),
        (item.name in taken, node.at("name"), f"Two items are called {item.name}.", "Rename one."),
    )

Belongs here: reading a text safely with its lines, and tables of checks. Belongs elsewhere: the meaning of the values.
"""

import difflib
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeAlias, TypeVar

from yaml import (
    CollectionEndEvent,
    CollectionStartEvent,
    MappingNode,
    MarkedYAMLError,
    Node,
    ScalarNode,
    SequenceNode,
    YAMLError,
)
from yaml._yaml import CParser
from yaml.resolver import BaseResolver

from lgdp_pipelines.errors import Contradiction

Entry = TypeVar("Entry")

Path: TypeAlias = tuple[str | int, ...]
"""Keys and positions from the root of a document."""

Plain: TypeAlias = Any
"""None, bool, int, float, str, or lists of and mappings from text to them: the values of JSON."""

LONGEST = 250_000
"""Characters in a file; a longer file is not a contract, and only costs time."""

DEEPEST = 100
"""Lists and mappings within each other. Composing is recursive: a deeper file could end the process."""


def _parse_boolean(text: str) -> bool:
    """Return the boolean of a word; another word raises ValueError."""
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


_READERS: Mapping[str, Callable[[str], Plain]] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:null": lambda _text: None,
    "tag:yaml.org,2002:bool": _parse_boolean,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
}
"""Readers of scalars by tag."""

_MAPPING = "tag:yaml.org,2002:map"
_SEQUENCE = "tag:yaml.org,2002:seq"

_RESOLVED = (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
)
"""Tag, form and first characters of plain scalars other than texts: the core schema of YAML 1.2, chapter 10.3.2."""


class _YamlReader(CParser, BaseResolver):
    """libyaml's parser with YAML 1.2's plain scalars: ``yes`` is a text."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        BaseResolver.__init__(self)


for _tag, _form, _first in _RESOLVED:
    _YamlReader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_form})$"), [*_first])


@dataclass(frozen=True, slots=True)
class YamlNode:
    """A value of a file, with its file and line.

    A document is its root node. A member or entry that is missing, or has another type, reads as the stated default.

    Attributes:
        file: path below the register's folder.
        line: in the file; of a mapping's member, the line of its key.
        value: the plain value with its members or entries.
        children: the nodes of a mapping's members by key, or of a list's entries; empty for a scalar.
    """

    file: str
    line: int
    value: Plain
    children: "Mapping[str, YamlNode] | tuple[YamlNode, ...]" = ()

    def at(self, key: str | int) -> "YamlNode":
        """Return a member or entry; a node without value where missing."""
        if not self.has(key):
            return YamlNode(self.file, self.line, None)
        return self.children[key]  # type: ignore[index]  # a key of a mapping, a position of a list

    def member(self, key: str) -> "YamlNode | None":
        """Return a member; None where it is missing."""
        return self.at(key) if self.has(key) else None

    @property
    def elements(self) -> "tuple[YamlNode, ...]":
        """The entries of a list; empty for another value."""
        return self.children if isinstance(self.children, tuple) else ()

    def entries(self, key: str) -> "tuple[YamlNode, ...]":
        """Return the entries of a member; empty unless it is a list."""
        return self.at(key).elements

    def members(self) -> "Iterable[tuple[str, YamlNode]]":
        """Return a mapping's members in order; empty for another value."""
        return self.children.items() if isinstance(self.children, Mapping) else ()

    def text(self, key: str, default: str = "") -> str:
        """Return a member's trimmed text, or the default for another value."""
        value = self.at(key).value
        return value.strip() if isinstance(value, str) else default

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts in a member's list, other values left out."""
        return tuple(entry.value for entry in self.entries(key) if isinstance(entry.value, str))

    def integer(self, key: str) -> int | None:
        """Return a member as a whole number; None for another value."""
        value = self.at(key).value
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def number(self, key: str) -> float | None:
        """Return a member as a number; None for another value."""
        value = self.at(key).value
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def custom_property(self, word: str) -> "YamlNode":
        """Return a custom property's value; a node without value where missing.

        A node without value has this node's line. The first of two properties of a name counts.
        """
        values = (entry.at("value") for entry in self.entries("customProperties") if entry.text("property") == word)
        return next(values, YamlNode(self.file, self.line, None))

    def is_true(self, key: str) -> bool:
        """Return whether a member is there and true."""
        return self.at(key).value is True

    def has(self, key: str | int) -> bool:
        """Return whether a member or entry is there."""
        if isinstance(self.children, Mapping):
            return key in self.children
        return isinstance(key, int) and key < len(self.children)

    def contradiction(self, what: str, remedy: str) -> Contradiction:
        """Return a contradiction at this node."""
        return Contradiction(self.file, self.line, what, remedy)

    def with_member(self, key: str, node: "YamlNode") -> "YamlNode":
        """Return this mapping with a member replaced in place or added last."""
        return mapping_node(self.file, self.line, {**dict(self.members()), key: node})

    def without_member(self, key: str) -> "YamlNode":
        """Return this mapping without a member."""
        return mapping_node(self.file, self.line, {name: node for name, node in self.members() if name != key})

    def with_elements(self, nodes: "Iterable[YamlNode]") -> "YamlNode":
        """Return a list at this node's line with the given entries."""
        return list_node(self.file, self.line, nodes)

    def without(self, path: Path) -> "YamlNode":
        """Return this tree without the member or entry at a path."""
        if not path:
            return YamlNode(self.file, self.line, None)
        first, *rest_of_path = path
        child = self.at(first).without(tuple(rest_of_path)) if rest_of_path else None
        if isinstance(first, int):
            children = [child if position == first else node for position, node in enumerate(self.elements)]
            return self.with_elements(node for node in children if node is not None)
        return self.without_member(first) if child is None else self.with_member(first, child)


def describe_path(path: Path) -> str:
    """Return a path as people write it: ``schema[0].properties[2].name``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def mapping_node(file: str, line: int, members: Mapping[str, YamlNode]) -> YamlNode:
    """Return a node for a mapping of nodes."""
    return YamlNode(file, line, {key: node.value for key, node in members.items()}, members)


def list_node(file: str, line: int, entries: Iterable[YamlNode]) -> YamlNode:
    """Return a node for a list of nodes."""
    nodes = tuple(entries)
    return YamlNode(file, line, [node.value for node in nodes], nodes)


def plain_node(file: str, line: int, value: Plain) -> YamlNode:
    """Return a node for a plain value, all at one line."""
    if isinstance(value, Mapping):
        return mapping_node(file, line, {key: plain_node(file, line, member) for key, member in value.items()})
    if isinstance(value, list):
        return list_node(file, line, [plain_node(file, line, entry) for entry in value])
    return YamlNode(file, line, value)


def read_yaml(file: str, text: str) -> tuple[YamlNode, tuple[Contradiction, ...]]:
    """Return a text's root node and contradictions; no value if unreadable."""
    if len(text) > LONGEST:
        return _unreadable(file, 0, f"The file has more than {LONGEST:,} characters.", "Split it; contracts are short.")
    try:
        if _is_too_deep(text):
            return _unreadable(file, 0, "The values are nested too deeply.", "Write the file flatter.")
        node = _YamlReader(text).get_single_node()
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return _unreadable(file, line, f"This is not YAML: {error.problem}.", "Correct the line, or the one before it.")
    except (YAMLError, ValueError) as error:
        return _unreadable(file, 0, f"This is not YAML: {str(error).splitlines()[0]}.", "Correct the file.")
    if node is None:
        return _unreadable(file, 1, "The file is empty.", "Write it, or remove it.")
    composer = _Composer(file)
    root = composer.compose(node, node.start_mark.line + 1)
    return root, tuple(composer.contradictions)


def _is_too_deep(text: str) -> bool:
    """Return whether a text's lists and mappings nest beyond the limit."""
    reader, depth = _YamlReader(text), 0
    while reader.check_event():
        event = reader.get_event()
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            return True
    return False


def _unreadable(file: str, line: int, what: str, remedy: str) -> tuple[YamlNode, tuple[Contradiction, ...]]:
    """Return a root without value, and the contradiction of its file."""
    return YamlNode(file, 1, None), (Contradiction(file, line, what, remedy),)


class _Composer:
    """Turns libyaml's nodes into the register's, and notes forbidden ones."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.contradictions: list[Contradiction] = []
        self._seen: set[int] = set()

    def compose(self, node: Node, line: int) -> YamlNode:
        """Return a node with its line; note and empty forbidden values."""
        # An alias composes to the very node of its anchor: following it could go on for ever, or nearly.
        if id(node) in self._seen:
            self._note(line, "An alias (*) repeats another part of the file.", "Write the value out where it is used.")
            return YamlNode(self.file, line, None)
        self._seen.add(id(node))
        if isinstance(node, MappingNode) and node.tag == _MAPPING:
            return self._compose_mapping(node, line)
        if isinstance(node, SequenceNode) and node.tag == _SEQUENCE:
            return list_node(self.file, line, [self.compose(child, child.start_mark.line + 1) for child in node.value])
        if isinstance(node, ScalarNode) and node.tag in _READERS:
            return YamlNode(self.file, line, self._compose_scalar(node, line))
        # A tag can ask for any Python object.
        self._note(line, f"The tag {node.tag} is not allowed.", "Write the plain value.")
        return YamlNode(self.file, line, None)

    def _compose_mapping(self, node: MappingNode, line: int) -> YamlNode:
        """Return a mapping's node; note and drop repeated and non-text keys."""
        members: dict[str, YamlNode] = {}
        for key_node, value_node in node.value:
            key_line: int = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self._note(key_line, "A key is not a text.", "Write a plain word before the colon.")
                continue
            key = str(key_node.value)
            if key in members:
                self._note(key_line, f"The key “{key}” is given twice.", "Keep one of the two.")
                continue
            members[key] = self.compose(value_node, key_line)
        return mapping_node(self.file, line, members)

    def _compose_scalar(self, node: Node, line: int) -> Plain:
        """Return a scalar's plain value; note a malformed one as None."""
        text = str(node.value)
        try:
            return _READERS[str(node.tag)](text)
        except ValueError:
            self._note(
                line,
                f"“{text}” is not plain.",
                "Write decimal digits, true or false, or put quotation marks around a text.",
            )
            return None

    def _note(self, line: int, what: str, remedy: str) -> None:
        """Keep a contradiction at a line of the file."""
        self.contradictions.append(Contradiction(self.file, line, what, remedy))


class Place(Protocol):
    """A place in a file that a contradiction can point at."""

    def contradiction(self, what: str, remedy: str) -> Contradiction:
        """Return a contradiction at this place."""
        ...


Check: TypeAlias = tuple[object, Place, str, str]
"""Whether something is wrong, where, the message and the remedy."""


def contradictions_where(*checks: Check) -> Iterator[Contradiction]:
    """Yield a contradiction for each check with a true condition."""
    return (location.contradiction(what, remedy) for is_wrong, location, what, remedy in checks if is_wrong)


def first_contradiction_where(*checks: Check) -> Iterator[Contradiction]:
    """Yield a contradiction for the first check with a true condition."""
    return islice(contradictions_where(*checks), 1)


def suggest(word: str, known_words: Iterable[str]) -> str:
    """Return a remedy naming the nearest or all words; empty if known."""
    words = sorted(known_words)
    if word in words:
        return ""  # tables of checks take remedies of correct words too, and the search below is slow
    near = difflib.get_close_matches(word, words, n=1)
    return f"Write {near[0]}, or remove it." if near else f"Use one of: {', '.join(words)}."


def find_repeats(entries: Iterable[tuple[Hashable, Entry]]) -> Iterator[tuple[Entry, Entry]]:
    """Yield each entry with a repeated key, and the key's first entry.

    Args:
        entries: each after its key.
    """
    first_by_key: dict[Hashable, Entry] = {}
    for key, entry in entries:
        first = first_by_key.setdefault(key, entry)
        if first is not entry:
            yield entry, first
