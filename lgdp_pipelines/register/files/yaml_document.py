"""YAML as plain values, each with the line it stands on.

What belongs here: reading one text safely and saying where things are in it. What does not: what the values mean.
Nothing in a file is ever constructed or run: only text, numbers, booleans, lists and mappings with text keys exist.
A key given twice, an alias and any other tag are contradictions, because each lets a file say something else than it
shows.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

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

Path: TypeAlias = tuple[str | int, ...]
"""Keys and positions from the root of a document."""

Plain: TypeAlias = Any
"""None, bool, int, float, str, or lists of and mappings from text to such: what JSON can say."""

LONGEST = 250_000
"""Characters in a file; a longer one is no contract, and only costs time."""

DEEPEST = 100
"""Lists and mappings within each other. Composing is recursive: what is deeper could end the process."""


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


_READERS: Mapping[str, Callable[[str], Plain]] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:null": lambda _text: None,
    "tag:yaml.org,2002:bool": _boolean,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
}
"""How a scalar of each tag is read."""

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
"""Tag, form and first characters of the plain scalars that are no text: the core schema of YAML 1.2, chapter 10.3.2."""


class _Reader(CParser, BaseResolver):
    """libyaml's parser with the plain scalars of YAML 1.2, in which ``yes`` is a text."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        BaseResolver.__init__(self)


for _tag, _form, _first in _RESOLVED:
    _Reader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_form})$"), [*_first])


@dataclass(frozen=True)
class Document:
    """One file's values and lines.

    Attributes:
        file: path below the register's folder.
        value: the root value.
        lines: line by path; a mapping's member has the line of its key.
        files: the file that a path's line is in, where it is another one: a version that is told by its differences
            takes the rest from its base.
    """

    file: str
    value: Plain
    lines: Mapping[Path, int]
    files: Mapping[Path, str] = field(default_factory=lambda: MappingProxyType({}))

    def spot(self, path: Path) -> tuple[str, int]:
        """File and line of a path, or of the nearest thing around it that there is."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.files.get(path, self.file), self.lines.get(path, 1)

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing around it that the file has."""
        return self.spot(path)[1]

    @property
    def root(self) -> "Place":
        """The whole document as a place."""
        return Place(self, (), self.value)


@dataclass(frozen=True, slots=True)
class Place:
    """A value and where it stands. Asking it for what is not there, or is of another type, gives the stated default.

    Attributes:
        document: the file.
        path: from the document's root.
        value: what stands there; None where nothing does.
    """

    document: Document
    path: Path
    value: Plain

    def at(self, key: str) -> "Place":
        """A member of a mapping."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return Place(self.document, (*self.path, key), value)

    def entries(self, key: str) -> tuple["Place", ...]:
        """The entries of a list."""
        listed = self.at(key)
        values = listed.value if isinstance(listed.value, list) else []
        return tuple(Place(self.document, (*listed.path, position), value) for position, value in enumerate(values))

    def members(self) -> Iterator[tuple[str, "Place"]]:
        """The members of a mapping, in order."""
        for key in self.value if isinstance(self.value, dict) else ():
            yield key, self.at(key)

    def text(self, key: str, default: str = "") -> str:
        """A text."""
        value = self.at(key).value
        return value.strip() if isinstance(value, str) else default

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(entry.value for entry in self.entries(key) if isinstance(entry.value, str))

    def whole(self, key: str) -> int | None:
        """A whole number."""
        value = self.at(key).value
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def number(self, key: str) -> float | None:
        """A number."""
        value = self.at(key).value
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def is_true(self, key: str) -> bool:
        """Whether a member is there and true."""
        return self.at(key).value is True

    def has(self, key: str) -> bool:
        """Whether a member is there."""
        return isinstance(self.value, dict) and key in self.value

    @property
    def line(self) -> int:
        """Its line in the file."""
        return self.document.line(self.path)

    def contradiction(self, what: str, remedy: str) -> Contradiction:
        """A contradiction at this place."""
        file, line = self.document.spot(self.path)
        return Contradiction(file, line, what, remedy)


def read_yaml(file: str, text: str) -> tuple[Document, tuple[Contradiction, ...]]:
    """One file's values and lines, with what is wrong with it as YAML.

    A file that is no YAML at all comes back with None as its value.
    """
    if len(text) > LONGEST:
        return _nothing(file, 0, f"The file has more than {LONGEST:,} characters.", "Split it; contracts are short.")
    try:
        if _is_too_deep(text):
            return _nothing(file, 0, "The values are nested too deeply.", "Write the file flatter.")
        node = _Reader(text).get_single_node()
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return _nothing(file, line, f"This is no YAML: {error.problem}.", "Mend the line, or the one before it.")
    except (YAMLError, ValueError) as error:
        return _nothing(file, 0, f"This is no YAML: {str(error).splitlines()[0]}.", "Mend the file.")
    if node is None:
        return _nothing(file, 1, "The file is empty.", "Write it, or remove it.")
    composer = _Composer(file)
    value = composer.plain(node, ())
    return Document(file, value, composer.lines), tuple(composer.found)


def _is_too_deep(text: str) -> bool:
    reader, depth = _Reader(text), 0
    while reader.check_event():
        event = reader.get_event()
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            return True
    return False


def _nothing(file: str, line: int, what: str, remedy: str) -> tuple[Document, tuple[Contradiction, ...]]:
    return Document(file, None, {}), (Contradiction(file, line, what, remedy),)


class _Composer:
    """Turns composed nodes into plain values, noting lines and what may not be there."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path, int] = {}
        self.found: list[Contradiction] = []
        self._seen: set[int] = set()

    def plain(self, node: Node, path: Path) -> Plain:
        """A node's value."""
        line = self.lines.setdefault(path, node.start_mark.line + 1)
        # An alias composes to the very node of its anchor: following it could go on for ever, or nearly.
        if id(node) in self._seen:
            self._say(line, "An alias (*) repeats another part of the file.", "Write the value out where it is used.")
            return None
        self._seen.add(id(node))
        if isinstance(node, MappingNode) and node.tag == _MAPPING:
            return self._mapping(node, path)
        if isinstance(node, SequenceNode) and node.tag == _SEQUENCE:
            return [self.plain(child, (*path, position)) for position, child in enumerate(node.value)]
        if isinstance(node, ScalarNode) and node.tag in _READERS:
            return self._scalar(node, line)
        # A tag can ask for any Python object.
        self._say(line, f"The tag {node.tag} is not allowed.", "Write the plain value.")
        return None

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Plain]:
        members: dict[str, Plain] = {}
        for key_node, value_node in node.value:
            line: int = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self._say(line, "A key is not a text.", "Write a plain word before the colon.")
                continue
            key = str(key_node.value)
            if key in members:
                self._say(line, f"The key “{key}” is given twice.", "Keep one of the two.")
                continue
            self.lines[(*path, key)] = line
            members[key] = self.plain(value_node, (*path, key))
        return members

    def _scalar(self, node: Node, line: int) -> Plain:
        text = str(node.value)
        try:
            return _READERS[str(node.tag)](text)
        except ValueError:
            self._say(
                line,
                f"“{text}” is not plain.",
                "Write decimal digits, true or false, or put quotation marks around a text.",
            )
            return None

    def _say(self, line: int, what: str, remedy: str) -> None:
        self.found.append(Contradiction(self.file, line, what, remedy))
